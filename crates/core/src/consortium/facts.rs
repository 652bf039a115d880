//! What each eventID stands for: an event's identity is its participant and its eventID.
//!
//! The first event under an eventID says what the eventID stands for. A repeat of its content is a duplicate; other
//! content is a contradiction. An error declaration is neither: it speaks about an event, whatever it repeats, so it
//! sets nothing and contradicts nothing.

use std::collections::HashMap;

use crate::consortium::claims::ParticipantId;
use crate::epcis::Event;
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::time::Timestamp;

/// What an event is looked up by: the first 16 bytes of SHA-256 over its participant's id and its eventID.
///
/// A participant's id has one length, so no two pairs are one text. Who finds two eventIDs of one key, after some 2^64
/// tries, has spoilt events of its own alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey([u8; Self::LEN]);

/// What one event says of its eventID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFact {
    pub key: EventKey,
    pub event_id: String,
    pub content: Hash,
    /// It declares an error in an earlier event of this id.
    pub declaration: bool,
    pub time: Timestamp,
}

impl EventKey {
    /// Length in bytes.
    pub const LEN: usize = 16;

    pub fn of(participant: &ParticipantId, event_id: &str) -> Self {
        let hash = Hash::of_parts(&[participant.as_str().as_bytes(), event_id.as_bytes()]);
        let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *hash.as_bytes();
        Self(key)
    }

    /// Takes a key that was computed before, as a row holds it.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl EventFact {
    pub fn new(participant: &ParticipantId, event: &Event) -> Self {
        Self {
            key: EventKey::of(participant, &event.event_id.uri),
            event_id: event.event_id.uri.clone(),
            content: event.content_hash,
            declaration: event.error_declaration.is_some(),
            time: event.event_time,
        }
    }

    /// Of each event of a document.
    pub fn of_all(participant: &ParticipantId, events: &[Event]) -> Vec<Self> {
        events.iter().map(|event| Self::new(participant, event)).collect()
    }
}

/// The content of each event, by its key, and the leaf that first gave it.
#[derive(Debug, Default)]
pub struct Facts(HashMap<EventKey, (Hash, LeafIndex)>);

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
    pub fn know(&mut self, key: EventKey, content: Hash, leaf: LeafIndex) {
        self.0.entry(key).or_insert((content, leaf));
    }

    /// Finds the first of a document's events that contradicts what is known, or one before it.
    pub fn contradiction(&self, events: &[EventFact]) -> Option<Contradiction> {
        let mut own: HashMap<EventKey, &Hash> = HashMap::new();
        events.iter().zip(0..).filter(|(event, _)| !event.declaration).find_map(|(event, position)| {
            let (content, first) = match self.0.get(&event.key) {
                Some((content, leaf)) => (content, Some(*leaf)),
                None => (*own.entry(event.key).or_insert(&event.content), None),
            };
            let contradicts = *content != event.content;
            contradicts.then(|| Contradiction { position, event_id: event.event_id.clone(), first })
        })
    }

    /// Learns what a document's events stand for, once they have a leaf.
    pub fn learn(&mut self, events: &[EventFact], leaf: LeafIndex) {
        for event in events.iter().filter(|event| !event.declaration) {
            self.know(event.key, event.content, leaf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epcis::{Reader, read};
    use serde_json::json;

    fn participant() -> ParticipantId {
        "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap()
    }

    /// Events under one eventID: each a business step, and whether it is a declaration.
    fn events(given: &[(&str, bool)]) -> Vec<EventFact> {
        events_of(&participant(), given)
    }

    fn events_of(participant: &ParticipantId, given: &[(&str, bool)]) -> Vec<EventFact> {
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
        EventFact::of_all(participant, &read(document.to_string().as_bytes(), Reader::Strict).unwrap().events)
    }

    #[test]
    fn a_repeat_is_no_contradiction_and_other_content_is() {
        let facts = Facts::default();
        assert_eq!(facts.contradiction(&events(&[("storing", false), ("storing", false)])), None);
        let found = facts.contradiction(&events(&[("storing", false), ("holding", false)])).unwrap();
        assert_eq!((found.position, found.first), (1, None));
    }

    #[test]
    fn what_was_learnt_is_told_with_its_leaf() {
        let mut facts = Facts::default();
        let leaf = LeafIndex::new(7).unwrap();
        facts.learn(&events(&[("storing", false)]), leaf);
        let found = facts.contradiction(&events(&[("holding", false)])).unwrap();
        assert_eq!((found.position, found.first), (0, Some(leaf)));
        let other: ParticipantId = "6f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
        assert_eq!(facts.contradiction(&events_of(&other, &[("holding", false)])), None);
    }

    #[test]
    fn a_declaration_sets_nothing_and_contradicts_nothing() {
        let mut facts = Facts::default();
        let leaf = LeafIndex::new(7).unwrap();
        assert_eq!(facts.contradiction(&events(&[("storing", true), ("holding", false)])), None);
        facts.learn(&events(&[("storing", true)]), leaf);
        assert_eq!(facts.contradiction(&events(&[("holding", false)])), None);
        facts.learn(&events(&[("holding", false)]), leaf);
        assert_eq!(facts.contradiction(&events(&[("storing", true)])), None);
    }

    #[test]
    fn an_event_key_is_the_beginning_of_a_digest() {
        let participant = participant();
        let key = EventKey::of(&participant, "urn:x:1");
        assert_eq!(key.as_bytes(), &Hash::of(b"5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10urn:x:1").as_bytes()[..16]);
        assert_eq!(EventKey::from_bytes(*key.as_bytes()), key);
        assert_ne!(EventKey::of(&participant, "urn:x:2"), key);
        assert_ne!(EventKey::of(&ParticipantId::from_bytes([0; 16]), "urn:x:1"), key);
    }
}
