//! What each eventID stands for: an event's identity is its participant and its eventID.
//!
//! The first event under an eventID says what the eventID stands for. A repeat of its content is a duplicate; other
//! content is a contradiction. An error declaration is neither: it speaks about an event, whatever it repeats, so it
//! sets nothing and contradicts nothing.

use std::collections::HashMap;

use crate::domain::consortium::claims::ParticipantId;
use crate::domain::epcis::Event;
use crate::domain::hash::Hash;
use crate::domain::merkle::LeafIndex;

/// The content of each (participant, eventID), and the leaf that first gave it.
#[derive(Debug, Default)]
pub struct Facts(HashMap<(ParticipantId, String), (Hash, LeafIndex)>);

/// An event that says something else than its eventID stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Within its document, from 0.
    pub position: u32,
    pub event_id: String,
    /// Where the eventID got its meaning; `None` when that is in the same document.
    pub first: Option<LeafIndex>,
}

impl Facts {
    /// Takes over what a ledger holds.
    pub fn know(&mut self, participant: ParticipantId, event_id: String, content: Hash, leaf: LeafIndex) {
        self.0.entry((participant, event_id)).or_insert((content, leaf));
    }

    /// Finds the first of a document's events that contradicts what is known, or one before it.
    pub fn contradiction(&self, participant: &ParticipantId, events: &[Event]) -> Option<Contradiction> {
        let mut own: HashMap<&str, &Hash> = HashMap::new();
        facts(events).find_map(|(event, position)| {
            let event_id = event.event_id.uri.as_str();
            let (content, first) = match self.0.get(&(participant.clone(), event_id.to_owned())) {
                Some((content, leaf)) => (content, Some(*leaf)),
                None => (*own.entry(event_id).or_insert(&event.content_hash), None),
            };
            let contradicts = *content != event.content_hash;
            contradicts.then(|| Contradiction { position, event_id: event_id.to_owned(), first })
        })
    }

    /// Learns what a document's events stand for, once they have a leaf.
    pub fn learn(&mut self, participant: &ParticipantId, events: &[Event], leaf: LeafIndex) {
        for (event, _) in facts(events) {
            self.know(participant.clone(), event.event_id.uri.clone(), event.content_hash, leaf);
        }
    }
}

/// The events that are no declarations, with their positions.
fn facts(events: &[Event]) -> impl Iterator<Item = (&Event, u32)> {
    events.iter().zip(0..).filter(|(event, _)| event.error_declaration.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::epcis::{Reader, read};
    use serde_json::json;

    fn participant() -> ParticipantId {
        "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap()
    }

    /// Events under one eventID: each a business step, and whether it is a declaration.
    fn events(given: &[(&str, bool)]) -> Vec<Event> {
        let list: Vec<_> = given
            .iter()
            .map(|(step, declaration)| {
                let mut event = json!({
                    "type": "ObjectEvent", "eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10", "action": "OBSERVE",
                    "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00", "bizStep": step,
                    "epcList": ["https://id.gs1.org/01/09506000134352/21/A1"],
                });
                if *declaration {
                    event["errorDeclaration"] = json!({"declarationTime": "2026-03-02T08:00:00Z"});
                }
                event
            })
            .collect();
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
            "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z", "epcisBody": {"eventList": list},
        });
        read(document.to_string().as_bytes(), Reader::Strict).unwrap().events
    }

    #[test]
    fn a_repeat_is_no_contradiction_and_other_content_is() {
        let facts = Facts::default();
        assert_eq!(facts.contradiction(&participant(), &events(&[("storing", false), ("storing", false)])), None);
        let found = facts.contradiction(&participant(), &events(&[("storing", false), ("holding", false)])).unwrap();
        assert_eq!((found.position, found.first), (1, None));
    }

    #[test]
    fn what_was_learnt_is_told_with_its_leaf() {
        let mut facts = Facts::default();
        let leaf = LeafIndex::new(7).unwrap();
        facts.learn(&participant(), &events(&[("storing", false)]), leaf);
        let found = facts.contradiction(&participant(), &events(&[("holding", false)])).unwrap();
        assert_eq!((found.position, found.first), (0, Some(leaf)));
        let other: ParticipantId = "6f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
        assert_eq!(facts.contradiction(&other, &events(&[("holding", false)])), None);
    }

    #[test]
    fn a_declaration_sets_nothing_and_contradicts_nothing() {
        let mut facts = Facts::default();
        let leaf = LeafIndex::new(7).unwrap();
        assert_eq!(facts.contradiction(&participant(), &events(&[("storing", true), ("holding", false)])), None);
        facts.learn(&participant(), &events(&[("storing", true)]), leaf);
        assert_eq!(facts.contradiction(&participant(), &events(&[("holding", false)])), None);
        facts.learn(&participant(), &events(&[("holding", false)]), leaf);
        assert_eq!(facts.contradiction(&participant(), &events(&[("storing", true)])), None);
    }
}
