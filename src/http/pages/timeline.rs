//! The journey of a product, step by step, with who signed each.

use maud::{Markup, html};

use crate::http::pages::Visitor;
use crate::http::pages::ids::{people_text_of, place_text_of};
use crate::http::pages::participant::named;
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Party, ProductState, StepMark, TimelineStep, minute, minute_at, quoted};
use sealane_core::time::Timestamp;

/// The steps as an ordered list.
pub fn list(visitor: &Visitor, steps: &[TimelineStep]) -> Markup {
    // Reasons lead to the first step of a record: one record may hold several.
    let is_first = |at: usize| steps[..at].iter().all(|before| before.leaf != steps[at].leaf);
    html! {
        ol.timeline id="timeline" {
            @for (at, step) in steps.iter().enumerate() { (item(visitor, step, is_first(at))) }
        }
        @if steps.is_empty() { p.quiet { (visitor.say("journey.none")) } }
    }
}

fn item(visitor: &Visitor, step: &TimelineStep, is_first: bool) -> Markup {
    let mark = match step.mark() {
        _ if step.corrected_by.is_some() => Some("withdrawn"),
        StepMark::Contradicts => Some("contradicts"),
        StepMark::Claim => Some("claim"),
        StepMark::None => None,
    };
    html! {
        li class=[mark] id=[is_first.then(|| anchor(step.leaf))] {
            p.when {
                (place_time(step.event_time, &step.event_time_zone_offset)) " · "
                a href=(visitor.link(&format!("/ledger/leaves/{}", step.leaf))) {
                    (visitor.fill("journey.leaf", &[("leaf", &step.leaf.get().to_string())]))
                }
            }
            p.what {
                (what(visitor, step))
                @if let Some(mark) = mark { " " span.tag { (visitor.say(&format!("journey.{mark}"))) } }
            }
            p.who { (signed(visitor, &step.signer)) }
            @if let Some(location) = &step.location {
                p.where { (place(visitor, location.as_str(), step.location_owner.as_ref())) }
            }
            @if let Some(container) = &step.via {
                p.where { (visitor.fill("journey.via", &[("container", &people_text_of(container.as_str()))])) }
            }
            @if let Some(note) = step.note_text(visitor.language.sentences()) { p.remark { (note) } }
        }
    }
}

/// Where a reason that rests on a record leads to.
pub fn anchor(leaf: LeafIndex) -> String {
    format!("leaf-{leaf}")
}

/// Who signed, with a link to its page if it is registered.
fn signed(visitor: &Visitor, signer: &Party) -> Markup {
    let (before, after) = visitor.say("journey.signed").split_once("{who}").unwrap_or_default();
    html! {
        (before)
        @if signer.organization.is_some() { (named(visitor, &signer.id, &name(visitor, signer))) } @else { (name(visitor, signer)) }
        (after)
    }
}

/// A place, and to whom it belongs if that is another participant than who recorded there.
fn place(visitor: &Visitor, location: &str, owner: Option<&Party>) -> String {
    let place = place_text_of(location);
    match owner {
        Some(owner) => visitor.fill("journey.at-of", &[("place", &place), ("owner", &name(visitor, owner))]),
        None => visitor.fill("journey.at", &[("place", &place)]),
    }
}

/// What happened, by the business step where the table knows it.
fn what(visitor: &Visitor, step: &TimelineStep) -> String {
    step_name(visitor, step.biz_step.as_deref(), step.disposition.as_deref(), step.event_type)
}

/// A business step in the visitor's language where the table knows it; the type of the event if it has none. A recall is called so,
/// whatever its step.
pub fn step_name(visitor: &Visitor, biz_step: Option<&str>, disposition: Option<&str>, event_type: &str) -> String {
    let (key, plain) = match (biz_step, disposition) {
        (_, Some("recalled")) => return visitor.say("step.disposition.recalled").to_owned(),
        (Some(biz_step), _) => (format!("step.{biz_step}"), biz_step),
        (None, _) => (format!("type.{event_type}"), event_type),
    };
    visitor.language.find_message(&key).unwrap_or(plain).to_owned()
}

/// A participant as it registered itself, quoted: it chose its name.
pub fn name(visitor: &Visitor, party: &Party) -> String {
    match &party.organization {
        Some(organization) => quoted(organization.as_str()),
        None => visitor.say("journey.somebody").to_owned(),
    }
}

/// The time of an event where it was recorded, by its record's own offset, and in UTC beside it: sentences tell the same day.
pub fn place_time(at: Timestamp, offset: &str) -> Markup {
    html! { time datetime=(at) { (minute_at(at, offset)) } }
}

/// A time in UTC, to the minute.
pub fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (minute(at)) } }
}

/// Who has the product and what became of it; nothing where nothing is known.
pub fn state(visitor: &Visitor, state: &ProductState) -> Markup {
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(custodian) = &state.custodian {
        let on_its_way = if state.in_transit { format!(" · {}", visitor.say("state.transit")) } else { String::new() };
        rows.push(("state.custodian", format!("{}{on_its_way}", name(visitor, custodian))));
    }
    if let Some(location) = &state.location {
        rows.push(("state.location", place_text_of(location)));
    }
    if let Some(end) = state.end {
        let known = visitor.language.find_message(&format!("end.{end}"));
        rows.push(("state.end", known.unwrap_or(end).to_owned()));
    }
    if let Some(expiry) = &state.expiry {
        rows.push(("state.expiry", expiry.clone()));
    }
    html! {
        dl.facts id="state" {
            @for (key, value) in rows { div { dt { (visitor.say(key)) } dd { (value) } } }
        }
    }
}
