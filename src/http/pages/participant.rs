//! The page of an organisation: what it claims, who let it in, and what it recorded last.

use maud::{Markup, html};

use crate::app::recent::Recent;
use crate::app::registration::{Listed, Status};
use crate::http::pages::about::{Noticed, bound, list};
use crate::http::pages::contact::{contact_link, plain};
use crate::http::pages::timeline::time;
use crate::http::pages::{HtmlPage, Visitor};
use crate::ports::RequestBody;
use sealane_core::consortium::{Claims, Participant, ParticipantId, Registry, Revoked, RevokedBy};
use sealane_core::hash::Hash;
use sealane_core::provenance::quoted;

/// Prefixes, numbers, endorsements and so on of each kind that the page lists; the JSON has all.
const LISTED_MAX: usize = 20;

/// Records that the page lists.
pub const RECORDS_MAX: usize = 12;

/// An organisation's name, which leads to its page.
pub fn named(visitor: &Visitor, id: &ParticipantId, name: &str) -> Markup {
    html! { a href=(visitor.link(&path_of(id))) { (name) } }
}

fn path_of(id: &ParticipantId) -> String {
    format!("/participants/{id}")
}

/// A member by the key that it had then; the key itself of one that the ledger does not name.
pub fn member_name(registry: &Registry, kid: &Hash) -> String {
    let found = registry.member_changes().rev().find_map(|change| change.members.get(kid));
    found.map_or_else(|| kid.to_string(), |member| quoted(member.name()))
}

/// The page of a registered organisation, or of a request to become one.
pub fn page(visitor: &Visitor, listed: &Listed, registry: &Registry, look: Option<&Recent<Noticed>>) -> HtmlPage {
    let name = listed.claims().map_or_else(|| listed.id.to_string(), |claims| quoted(claims.organization.as_str()));
    let kind = if listed.participant.is_some() { "party.registered" } else { "party.request" };
    let main = html! {
        article.narrow aria-labelledby="party" {
            div.head {
                p.eyebrow { (visitor.say(kind)) }
                h1 id="party" { (name) }
                p { span.tag { (visitor.say(&format!("party.status.{}", status_word(listed)))) } }
            }
            @if let Some(revoked) = listed.participant.as_ref().and_then(|one| one.revoked.as_ref()) {
                (ended(visitor, registry, revoked))
            }
            @if let Some(reason) = rejected(listed) { p.elsewhere { (visitor.fill("party.rejected", &[("reason", reason)])) } }
            @if let Some(claims) = listed.claims() {
                section.card aria-labelledby="claims" {
                    h2 id="claims" { (visitor.say("party.claims")) }
                    p.hint { (visitor.say("party.chosen")) }
                    (claimed(visitor, claims))
                }
            }
            @if let Some(participant) = &listed.participant {
                section.card aria-labelledby="registered" {
                    h2 id="registered" { (visitor.say("party.registration")) }
                    (registration(visitor, registry, participant))
                }
            }
            @if let Some(look) = look {
                section.card aria-labelledby="records" {
                    h2 id="records" { (visitor.say("about.party")) }
                    (list(visitor, &look.found))
                    p.hint { (bound(visitor, &name, look)) }
                }
            }
            p.meta { code { (listed.id) } " · "
                a href={ (path_of(&listed.id)) "?download" } download { (visitor.say("party.json")) } }
        }
    };
    HtmlPage::new(name, Some(registry.origin().as_str()), main)
}

/// A request waits; a registration that others have to endorse does too, and says so in its own word.
fn status_word(listed: &Listed) -> &'static str {
    match (listed.status, &listed.participant) {
        (Status::Pending, Some(_)) => "unendorsed",
        (status, _) => status.as_str(),
    }
}

/// Why a request was rejected.
fn rejected(listed: &Listed) -> Option<&str> {
    let request = listed.request.as_ref().filter(|one| matches!(one.body, RequestBody::Registration { .. }));
    request.and_then(|request| request.rejected.as_deref())
}

fn claimed(visitor: &Visitor, claims: &Claims) -> Markup {
    let roles: Vec<&str> = claims.roles.iter().map(|role| visitor.say(&format!("role.{role}"))).collect();
    let numbers = [
        ("party.prefixes", claims.gs1_company_prefixes.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ("party.keys", claims.gs1_keys.iter().map(ToString::to_string).collect()),
        ("party.namespaces", claims.namespaces.iter().map(ToString::to_string).collect()),
    ];
    html! {
        dl.facts {
            div { dt { (visitor.say("party.roles")) } dd { (roles.join(", ")) } }
            @for (key, values) in &numbers {
                @if !values.is_empty() {
                    div {
                        dt { (visitor.say(key)) }
                        @for value in values.iter().take(LISTED_MAX) { dd.mono { (value) } }
                        (more(visitor, values.len()))
                    }
                }
            }
            @if !claims.glns.is_empty() {
                div {
                    dt { (visitor.say("party.glns")) }
                    @for gln in claims.glns.iter().take(LISTED_MAX) {
                        dd.mono { a href=(visitor.link(&format!("/414/{gln}"))) { (gln) } }
                    }
                    (more(visitor, claims.glns.len()))
                }
            }
            @if let Some(lei) = &claims.lei { div { dt { "LEI" } dd.mono { (lei) } } }
            @if let Some(contact) = &claims.contact {
                div { dt { (visitor.say("party.contact")) } dd { (contact_link(contact.as_str(), plain(contact.as_str()))) } }
            }
        }
    }
}

fn more(visitor: &Visitor, count: usize) -> Markup {
    html! {
        @if count > LISTED_MAX {
            dd.quiet { (visitor.fill("party.more", &[("n", &(count - LISTED_MAX).to_string())])) }
        }
    }
}

fn registration(visitor: &Visitor, registry: &Registry, participant: &Participant) -> Markup {
    let (needed, given) = (participant.endorsements_needed, &participant.endorsements);
    let leaf = participant.registered.leaf;
    html! {
        dl.facts {
            div { dt { (visitor.say("party.since")) } dd { (time(participant.registered.time)) } }
            div { dt { (visitor.say("party.by")) } dd { (member_name(registry, &participant.registered_by)) } }
            div {
                dt { (visitor.say("party.record")) }
                dd { a href=(visitor.link(&format!("/ledger/leaves/{leaf}"))) {
                    (visitor.fill("journey.leaf", &[("leaf", &leaf.to_string())])) } }
            }
            @if needed > 0 {
                div {
                    dt { (visitor.fill("party.endorsed", &[("given", &given.len().to_string()), ("needed", &needed.to_string())])) }
                    @for one in given.iter().take(LISTED_MAX) {
                        dd { (member_name(registry, &one.by)) " · " (time(one.at.time)) }
                    }
                }
            }
            @if let Some(newest) = participant.certificates.last() {
                div { dt { (visitor.say("party.certificate")) } dd { (time(newest.not_after)) } }
                div { dt { (visitor.say("party.key")) } dd.mono { (newest.key.thumbprint()) } }
            }
        }
    }
}

fn ended(visitor: &Visitor, registry: &Registry, revoked: &Revoked) -> Markup {
    html! {
        div.elsewhere role="note" {
            p { strong { (visitor.say("party.ended")) } " " (time(revoked.at.time)) ". "
                (visitor.fill("party.reason", &[("reason", &quoted(&revoked.reason))])) }
            @if let Some(since) = revoked.compromised_since {
                p { (visitor.say("party.compromised")) " " (time(since)) "." }
            }
            p {
                @match revoked.by {
                    RevokedBy::Member(kid) => { (visitor.fill("party.ended-by", &[("who", &member_name(registry, &kid))])) }
                    RevokedBy::Vote(proposal) => {
                        a href=(visitor.link(&format!("/members/proposals/{proposal}"))) { (visitor.say("party.ended-vote")) }
                    }
                }
            }
        }
    }
}
