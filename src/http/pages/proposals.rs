//! What the members decide together: a list of proposals, and one of them with its ballots.

use maud::{Markup, html};

use crate::app::proposals::{Bearing, NamedKey, OpenProposal, ProposalSeen, ProposalState};
use crate::http::pages::timeline::time;
use crate::http::pages::{HtmlPage, Visitor};
use sealane_core::consortium::{LeafRange, PolicyChange, ProposedChange};
use sealane_core::gs1::Id;
use sealane_core::provenance::{minute, quoted};

/// Characters of a key that people are shown beside a name.
const KID_CHARS: usize = 8;

/// The page of the list; `next` is the query of the page after it.
pub fn list(visitor: &Visitor, seen: &[ProposalSeen], next: Option<&str>, origin: &str) -> HtmlPage {
    let title = visitor.say("proposals.title");
    let main = html! {
        section.narrow aria-labelledby="proposals" {
            h1 id="proposals" { (title) }
            p.lead { (visitor.say("proposals.lead")) }
            @if seen.is_empty() { p.quiet { (visitor.say("proposals.none")) } }
            @for one in seen { (item(visitor, one)) }
            @if let Some(query) = next {
                p { a.button.second rel="next" href={ "/members/proposals?" (query) } { (visitor.say("proposals.older")) } }
            }
        }
    };
    HtmlPage::new(title, Some(origin), main)
}

fn item(visitor: &Visitor, seen: &ProposalSeen) -> Markup {
    let path = visitor.link(&format!("/members/proposals/{}", seen.proposal.id));
    html! {
        article.card {
            p.meta { (time(seen.proposal.place.time)) " · " (proposer(visitor, seen)) " · " span.tag { (state(visitor, seen.state)) } }
            (changes(visitor, seen))
            @if let Some(open) = &seen.open { p { (count(visitor, seen, open)) } }
            p { a href=(path) { (visitor.say("proposals.more")) span.visually-hidden { " " (seen.proposal.id) } } }
        }
    }
}

/// The page of one proposal.
pub fn one(visitor: &Visitor, seen: &ProposalSeen, origin: &str) -> HtmlPage {
    let title = visitor.say("proposal.title");
    let main = html! {
        section.narrow aria-labelledby="proposal" {
            p.eyebrow { a href=(visitor.link("/members/proposals")) { (visitor.say("proposals.title")) } }
            h1 id="proposal" { (title) " " span.tag { (state(visitor, seen.state)) } }
            p.meta { code { (seen.proposal.id) } }
            (changes(visitor, seen))
            dl.facts {
                div { dt { (visitor.say("proposal.proposer")) } dd { (named(&seen.proposer)) } }
                div { dt { (visitor.say("proposal.proposed")) } dd { (time(seen.proposal.place.time)) } }
                div { dt { (visitor.say("proposal.expires")) } dd { (time(seen.proposal.content.expires)) } }
            }
            @if let Some(end) = &seen.end { p lang="en" { "It " (end) "." } }
            @if let Some(open) = &seen.open { (standing(visitor, seen, open)) }
            (ballots(visitor, seen))
            (readiness(visitor, seen))
        }
    };
    HtmlPage::new(title, Some(origin), main)
}

/// How far an open proposal is.
fn standing(visitor: &Visitor, seen: &ProposalSeen, open: &OpenProposal) -> Markup {
    html! {
        p { strong { (count(visitor, seen, open)) } }
        @if !open.waiting.is_empty() {
            p { (visitor.fill("proposal.waiting", &[("names", &names(&open.waiting))])) }
        }
        @if !open.not_ready.is_empty() {
            p { (visitor.fill("proposal.not-ready", &[("names", &names(&open.not_ready))])) }
        }
        @if open.tally.members_not_ready > 0 {
            p { (visitor.fill("proposal.members-not-ready", &[("count", &open.tally.members_not_ready.to_string())])) }
        }
        @if let Some(bearing) = open.bearing { p { (bears(visitor, bearing)) } }
        p.hint { (visitor.fill("proposal.vote", &[("id", &seen.proposal.id.to_string())])) }
    }
}

fn ballots(visitor: &Visitor, seen: &ProposalSeen) -> Markup {
    html! {
        h2 id="ballots" { (visitor.say("proposal.ballots")) }
        table.members aria-labelledby="ballots" {
            thead { tr {
                th scope="col" { (visitor.say("members.member")) }
                th scope="col" { (visitor.say("proposal.ballot")) }
                th scope="col" { (visitor.say("proposal.at")) }
            } }
            tbody { @for (key, yes, at) in &seen.ballots { tr {
                th scope="row" { (named(key)) }
                td { (visitor.say(if *yes { "proposal.yes" } else { "proposal.no" })) }
                td { (time(*at)) }
            } } }
        }
    }
}

fn readiness(visitor: &Visitor, seen: &ProposalSeen) -> Markup {
    html! {
        @if !seen.ready.is_empty() {
            h2 id="ready" { (visitor.say("proposal.ready")) }
            ul aria-labelledby="ready" { @for (key, at) in &seen.ready { li { (named(key)) " · " (time(*at)) } } }
        }
    }
}

fn changes(visitor: &Visitor, seen: &ProposalSeen) -> Markup {
    html! { ul.links { @for change in &seen.proposal.content.changes { li { (sentence(visitor, seen, change)) } } } }
}

/// What a change does, in a sentence. Names and reasons are their writers' words.
fn sentence(visitor: &Visitor, seen: &ProposalSeen, change: &ProposedChange) -> String {
    match change {
        ProposedChange::Admit(one) => {
            let kid = one.jwk.thumbprint().to_string();
            visitor.fill("proposal.admit", &[("kid", &kid), ("name", &quoted(&one.name))])
        }
        ProposedChange::Remove(one) => {
            visitor.fill("proposal.remove", &[("kid", &one.kid.to_string()), ("name", &quoted(seen.name_of(&one.kid)))])
        }
        ProposedChange::Replace(one) => {
            let kid = one.jwk.thumbprint().to_string();
            visitor.fill("proposal.replace", &[("kid", &kid), ("name", &quoted(seen.name_of(&one.kid)))])
        }
        ProposedChange::Revoke(one) => {
            let participant = one.participant.to_string();
            let organization = quoted(seen.organization(&one.participant));
            let organization = ("organization", organization.as_str());
            let reason = quoted(&one.reason);
            let told = [organization, ("participant", participant.as_str()), ("reason", reason.as_str())];
            let text = match one.compromised_since {
                None => visitor.fill("proposal.revoke", &told),
                Some(since) => {
                    let since = minute(since);
                    let [organization, participant, reason] = told;
                    let since = ("since", since.as_str());
                    visitor.fill("proposal.revoke-since", &[organization, participant, reason, since])
                }
            };
            if one.dismisses_claims { visitor.fill("proposal.and-dismissed", &[("change", &text)]) } else { text }
        }
        ProposedChange::Policy(one) => policy(visitor, seen, one),
        ProposedChange::Rules(one) => {
            let (number, time) = (one.number.to_string(), minute(one.not_before));
            visitor.fill("proposal.rules", &[("number", &number), ("time", &time)])
        }
        ProposedChange::Dismiss(one) => {
            let organization = quoted(seen.organization(&one.participant));
            let organization = ("organization", organization.as_str());
            let (leaves, reason) = (leaves(&one.claims), quoted(&one.reason));
            let is_one = matches!(one.claims.as_slice(), [LeafRange { from, to }] if from == to);
            let participant = one.participant.to_string();
            let (participant, leaves) = (("participant", participant.as_str()), ("leaves", leaves.as_str()));
            let told = [organization, participant, leaves, ("reason", reason.as_str())];
            if is_one { visitor.fill("proposal.dismiss-one", &told) } else { visitor.fill("proposal.dismiss", &told) }
        }
        ProposedChange::Lift(one) => {
            let (leaf, ids) = (one.recall.to_string(), one.ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", "));
            visitor.fill("proposal.lift", &[("leaf", &leaf), ("ids", &ids), ("reason", &quoted(&one.reason))])
        }
        ProposedChange::Authority(one) => {
            let organization = quoted(seen.organization(&one.registration));
            let organization = ("organization", organization.as_str());
            let participant = one.registration.to_string();
            visitor.fill("proposal.authority", &[organization, ("participant", &participant)])
        }
        ProposedChange::Succeeds(one) => {
            let organization = quoted(seen.organization(&one.participant));
            let organization = ("organization", organization.as_str());
            let before = quoted(seen.organization(&one.former));
            let before = ("before", before.as_str());
            let (participant, former) = (one.participant.to_string(), one.former.to_string());
            let told = [organization, ("participant", &participant), before, ("former", &former)];
            visitor.fill("proposal.succeeds", &told)
        }
    }
}

/// Ranges of leaves, for people.
fn leaves(claims: &[LeafRange]) -> String {
    let text =
        |LeafRange { from, to }: &LeafRange| if from == to { from.to_string() } else { format!("{from}–{to}") };
    claims.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn policy(visitor: &Visitor, seen: &ProposalSeen, change: &PolicyChange) -> String {
    let json = serde_json::to_value(change).unwrap_or_default();
    let value = json.get("value").map(ToString::to_string).unwrap_or_default();
    let (name, value) = (("name", change.name().as_str()), ("value", value.as_str()));
    match change.participant() {
        None => visitor.fill("proposal.policy", &[name, value]),
        Some(id) => {
            let organization = quoted(seen.organization(id));
            let organization = ("organization", organization.as_str());
            let told = [name, value, organization, ("participant", &id.to_string())];
            visitor.fill("proposal.policy-of", &told)
        }
    }
}

fn count(visitor: &Visitor, seen: &ProposalSeen, open: &OpenProposal) -> String {
    let [yes, no, needed] = [seen.yes(), seen.no(), open.tally.quorum].map(|count| count.to_string());
    visitor.fill("proposal.count", &[("yes", &yes), ("no", &no), ("needed", &needed)])
}

fn bears(visitor: &Visitor, bearing: Bearing) -> String {
    let [members, away] = [bearing.members, bearing.may_be_away()].map(|count| count.to_string());
    match bearing.may_be_away() {
        0 => visitor.fill("proposal.bears-none", &[("members", &members)]),
        _ => visitor.fill("proposal.bears", &[("members", &members), ("away", &away)]),
    }
}

fn proposer(visitor: &Visitor, seen: &ProposalSeen) -> String {
    visitor.fill("proposals.by", &[("name", &quoted(&seen.proposer.name))])
}

fn state(visitor: &Visitor, state: ProposalState) -> &'static str {
    visitor.say(match state {
        ProposalState::Open => "proposal.state.open",
        ProposalState::Enacted => "proposal.state.enacted",
        ProposalState::Withdrawn => "proposal.state.withdrawn",
        ProposalState::Lost => "proposal.state.lost",
        ProposalState::Void => "proposal.state.void",
        ProposalState::Expired => "proposal.state.expired",
    })
}

/// A name with the beginning of its key.
fn named(key: &NamedKey) -> Markup {
    let kid: String = key.kid.to_string().chars().take(KID_CHARS).collect();
    html! { (key.name) " " code { (kid) } }
}

fn names(keys: &[NamedKey]) -> String {
    keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn visitor(language: &str) -> Visitor {
        Visitor::of(&TestRequest::get().uri(&format!("/members/proposals?lang={language}")).to_http_request())
    }

    #[test]
    fn what_the_result_can_bear_is_told_in_both_languages() {
        assert_eq!(bears(&visitor("en"), Bearing::of(3)), "With 3 members none may be away.");
        assert_eq!(bears(&visitor("en"), Bearing::of(7)), "With 7 members 2 may be away.");
        assert_eq!(bears(&visitor("ko"), Bearing::of(3)), "회원이 3곳이면 한 곳도 빠질 수 없습니다.");
        assert_eq!(bears(&visitor("ko"), Bearing::of(7)), "회원이 7곳이면 2곳까지 빠져도 됩니다.");
    }

    #[test]
    fn an_empty_list_says_so_and_an_older_page_is_linked() {
        let page = list(&visitor("en"), &[], None, "ledger.example/x").main.into_string();
        assert!(page.contains("Nothing was proposed yet.") && !page.contains("rel=\"next\""), "{page}");
        let page = list(&visitor("en"), &[], Some("nextPageToken=7"), "ledger.example/x").main.into_string();
        assert!(page.contains("href=\"/members/proposals?nextPageToken=7\""), "{page}");
    }
}
