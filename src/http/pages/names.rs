//! What products and places are called by those who hold their numbers.
//!
//! These are words of one organisation each, quoted, with the record that has them. No verdict rests on them.

use maud::{Markup, html};

use crate::app::master_data::{KnownElement, MasterAttribute, master_data};
use crate::app::{Ledger, LedgerError};
use crate::http::pages::Visitor;
use crate::http::pages::ids::place_text_of;
use crate::http::pages::participant::named;
use sealane_core::consortium::{ParticipantId, Registry};
use sealane_core::epcis::shown;
use sealane_core::gs1::{Id, Question};
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Verdict, quoted};

/// Places of a journey whose names a page looks up.
const PLACES_MAX: usize = 20;

/// The names that a page of an id shows.
#[derive(Debug, Clone, Default)]
pub struct HolderNames {
    own: Option<Named>,
    /// Of the places of its journey, by their ids, in its order.
    places: Vec<(String, Named)>,
}

#[derive(Debug, Clone)]
struct Named {
    text: String,
    participant: ParticipantId,
    organization: String,
    leaf: LeafIndex,
}

/// Looks up what the id of a verdict and the places of its journey are called.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn gather(ledger: &Ledger, verdict: &Verdict, language: &str) -> Result<HolderNames, LedgerError> {
    let asked = Question { id: verdict.id.clone(), label: verdict.label.clone() };
    let mut places: Vec<Id> = Vec::new();
    for place in verdict.timeline.iter().filter_map(|step| step.location.as_ref()) {
        if places.len() < PLACES_MAX && !places.contains(place) {
            places.push(place.clone());
        }
    }
    let levels = asked.levels();
    let of_place = |place: &Id| Question::from(place).levels();
    let ids = levels.iter().cloned().chain(places.iter().flat_map(of_place));
    let said = master_data(ledger, ids.map(|id| id.as_str().to_owned()).collect()).await?;
    let registry = ledger.view().registry.clone();
    let name = |levels: &[Id]| levels.iter().find_map(|id| name_of(&registry, id, &said, language));
    let own = name(&levels);
    let places = places.iter().filter_map(|place| Some((place.as_str().to_owned(), name(&of_place(place))?))).collect();
    Ok(HolderNames { own, places })
}

fn name_of(registry: &Registry, id: &Id, said: &[KnownElement], language: &str) -> Option<Named> {
    let own = || said.iter().filter(|element| element.id == id.as_str()).flat_map(|element| &element.attributes);
    let pairs = own().map(|one| (one.name.as_str(), &one.value));
    let (by, text) = shown::name(id.kind(), pairs, language)?;
    let MasterAttribute { participant, leaf, .. } = own().find(|one| one.name == by)?;
    let organization = quoted(registry.participant(participant)?.claims.organization.as_str());
    Some(Named { text: quoted(&text), participant: *participant, organization, leaf: *leaf })
}

/// What the id is called, under its number.
pub fn own(visitor: &Visitor, names: &HolderNames) -> Markup {
    html! {
        @if let Some(named) = &names.own {
            p.called id="called" { strong { (named.text) } " " span.quiet { (said_by(visitor, named)) } }
        }
    }
}

/// What the places of the journey are called.
pub fn of_places(visitor: &Visitor, names: &HolderNames) -> Markup {
    html! {
        @if !names.places.is_empty() {
            h3 id="places-title" { (visitor.say("names.places")) }
            dl.facts id="places" aria-labelledby="places-title" {
                @for (place, named) in &names.places {
                    div {
                        dt { (place_text_of(place)) }
                        dd { (named.text) " " span.quiet { (said_by(visitor, named)) } }
                    }
                }
            }
            p.hint { (visitor.say("names.hint")) }
        }
    }
}

/// Whose words these are, and the record that has them.
fn said_by(visitor: &Visitor, said: &Named) -> Markup {
    let (before, after) = visitor.say("names.by").split_once("{who}").unwrap_or_default();
    html! {
        "(" (before) (named(visitor, &said.participant, &said.organization)) (after) ", "
        a href=(visitor.link(&format!("/ledger/leaves/{}", said.leaf))) {
            (visitor.fill("journey.leaf", &[("leaf", &said.leaf.to_string())]))
        } ")"
    }
}
