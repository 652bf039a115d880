//! The journey of a product, step by step, with who signed each.

use maud::{Markup, html};

use crate::http::pages::Visitor;
use crate::http::pages::ids::{people_text_of, place_text_of};
use sealane_core::provenance::{Party, ProductState, TimelineStep, quoted};
use sealane_core::time::Timestamp;

/// The steps as an ordered list.
pub fn list(visitor: &Visitor, steps: &[TimelineStep]) -> Markup {
    html! {
        ol.timeline id="timeline" {
            @for step in steps { (item(visitor, step)) }
        }
        @if steps.is_empty() { p.quiet { (visitor.say("journey.none")) } }
    }
}

fn item(visitor: &Visitor, step: &TimelineStep) -> Markup {
    let withdrawn = step.corrected_by.is_some();
    html! {
        li.withdrawn[withdrawn] {
            p.when {
                (time(visitor, step.event_time)) " · "
                a href={ "/ledger/leaves/" (step.leaf.get()) } {
                    (visitor.fill("journey.leaf", &[("leaf", &step.leaf.get().to_string())]))
                }
            }
            p.what {
                (what(visitor, step))
                @if withdrawn { " " span.tag { (visitor.say("journey.withdrawn")) } }
            }
            p.who { (visitor.fill("journey.signed", &[("who", &name(visitor, &step.signer))])) }
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
    let by_type = || visitor.language.find_message(&format!("type.{}", step.event_type)).unwrap_or(step.event_type);
    match &step.biz_step {
        Some(biz_step) => {
            let known = visitor.language.find_message(&format!("step.{biz_step}"));
            known.map_or_else(|| biz_step.clone(), str::to_owned)
        }
        None => by_type().to_owned(),
    }
}

/// A participant as it registered itself, quoted: it chose its name.
pub fn name(visitor: &Visitor, party: &Party) -> String {
    match &party.organization {
        Some(organization) => quoted(organization.as_str()),
        None => visitor.say("journey.somebody").to_owned(),
    }
}

/// A time that a script can put into the device's own zone.
pub fn time(visitor: &Visitor, at: Timestamp) -> Markup {
    html! { time datetime=(at) { (day_and_time(visitor, at)) } }
}

/// A time as text, to the minute.
pub fn day_and_time(visitor: &Visitor, at: Timestamp) -> String {
    let text = at.to_string();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    visitor.fill("when.utc", &[("day", day), ("time", rest.get(..5).unwrap_or_default())])
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
