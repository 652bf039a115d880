//! What to do now: plain words for who holds the product, by the verdict; and whom to tell.

use maud::{Markup, html};

use crate::http::pages::about::none_key;
use crate::http::pages::contact::{contact_link, plain, report_href};
use crate::http::pages::participant::named;
use crate::http::pages::{Visitor, people_text, reasons};
use crate::ports::StoredBlock;
use sealane_core::consortium::{Participant, Registry};
use sealane_core::gs1::{Id, IdKind};
use sealane_core::merkle::TreeSize;
use sealane_core::provenance::{Light, Verdict, Word, quoted};

/// The message that says what to do; `None` if there is nothing to be done. `web/now.js` has the same.
fn key(verdict: &Verdict) -> Option<&'static str> {
    let end = verdict.reasons.first().map(|reason| reason.rule);
    match (verdict.word, verdict.light) {
        (Word::Authentic | Word::Traced, _) => None,
        (Word::Unknown, _) if none_key(verdict.word, verdict.id.kind()).is_some() && !is_lot(&verdict.id) => None,
        (Word::Unknown, _) => Some("now.unknown"),
        (Word::Recalled, _) => Some("now.recalled"),
        (Word::Suspect, _) => Some("now.suspect"),
        (Word::Disputed, _) => Some("now.disputed"),
        (Word::Incomplete, _) => Some("now.incomplete"),
        (Word::Ended, _) if end == Some("expired") => Some("now.expired"),
        (Word::Ended, _) if end == Some("unpacked") => Some("now.unpacked"),
        (Word::Ended, Light::Red) => Some("now.ended-red"),
        (Word::Ended, _) => Some("now.ended"),
    }
}

fn is_lot(id: &Id) -> bool {
    id.kind() == IdKind::Lot
}

/// The holder of the number as of a ledger of this size: who may be asked about the product.
pub fn holder<'a>(registry: &'a Registry, id: &Id, size: TreeSize) -> Option<&'a Participant> {
    registry.holder_at(id, size.next_index())
}

/// The part of the page; hidden if there is nothing to be done, for the device may find otherwise.
pub fn section(visitor: &Visitor, verdict: &Verdict, block: &StoredBlock, registry: &Registry) -> Markup {
    let key = key(verdict);
    html! {
        section.now id="now" aria-labelledby=[key.map(|_| "now-title")] hidden[key.is_none()] {
            @if let Some(key) = key {
                h2 id="now-title" { (visitor.say("now.title")) }
                p { (visitor.say(key)) }
                (whom(visitor, verdict, block, holder(registry, &verdict.id, block.size())))
            }
        }
    }
}

fn whom(visitor: &Visitor, verdict: &Verdict, block: &StoredBlock, holder: Option<&Participant>) -> Markup {
    let Some(holder) = holder else { return html! { p.quiet { (visitor.say("now.nobody")) } } };
    let name = quoted(holder.claims.organization.as_str());
    let (before, after) = visitor.say("now.belongs").split_once("{who}").unwrap_or_default();
    html! {
        p { (before) (named(visitor, &holder.id, &name)) (after) }
        @if let Some(contact) = &holder.claims.contact {
            p.report {
                a.button.second id="report" href=(report_href(contact, &subject(visitor, verdict), &body(visitor, verdict, block)))
                    rel="noopener noreferrer nofollow" { (visitor.say("now.report")) }
                " " span.meta { (contact_link(contact.as_str(), plain(contact.as_str()))) }
            }
        } @else { p.quiet { (visitor.say("now.no-contact")) } }
    }
}

fn subject(visitor: &Visitor, verdict: &Verdict) -> String {
    visitor.fill("now.subject", &[("id", &people_text(&verdict.id))])
}

fn body(visitor: &Visitor, verdict: &Verdict, block: &StoredBlock) -> String {
    let (origin, size) = (block.checkpoint.origin.as_str(), block.size().to_string());
    let root = block.checkpoint.root.to_string();
    let values = [
        ("id", verdict.id.as_str()),
        ("word", reasons::word(visitor, verdict)),
        ("origin", origin),
        ("size", &size),
        ("root", &root),
    ];
    visitor.fill("now.body", &values)
}
