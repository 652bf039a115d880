//! What each eventID stands for: an event's identity is its participant and its eventID.
//!
//! The first event under an eventID says what the eventID stands for. The same content again is a repeat; other content
//! is a contradiction, which `ledger::place` looks for. An event that was given no eventID has its hash id, which stands
//! for its content by itself.

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
        let hash = Hash::of_parts(&[participant.to_string().as_bytes(), event_id.as_bytes()]);
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

/// An event that says something else than its eventID stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Within its document, from 0.
    pub position: u32,
    pub event_id: String,
    /// Where the eventID got its meaning; `None` when that is in the same document.
    pub first: Option<LeafIndex>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant() -> ParticipantId {
        "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap()
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
