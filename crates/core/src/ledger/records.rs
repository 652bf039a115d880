//! The records of statements: made alike where a statement comes in and where a ledger is replayed.

use std::collections::BTreeMap;

use crate::consortium::{Admin, ParticipantId};
use crate::epcis::Event;
use crate::index::{Subject, SubjectKey, names};
use crate::record::{CaptureFacts, Record};
use crate::statement::{StatementId, VerifiedStatement};

/// The record of a capture by `signer`, with the events that were read from it.
pub(super) fn capture_record(statement: &VerifiedStatement, signer: &ParticipantId, events: &[Event]) -> Record {
    let mut places: BTreeMap<Subject, u32> = BTreeMap::new();
    let mut keys = Vec::new();
    let mut under = Vec::with_capacity(events.len());
    for event in events {
        let mut places_of_event = Vec::new();
        for subject in names::of_event(event, signer) {
            let place = *places.entry(subject).or_insert_with_key(|subject| {
                keys.push(subject.key());
                keys.len() as u32 - 1
            });
            places_of_event.push(place);
        }
        under.push(places_of_event);
    }
    let header = statement.header();
    let certificate = header.signer();
    let facts = CaptureFacts {
        signer,
        certificate: certificate.hash(),
        signed_at: header.iat(),
        bytes: statement.compact().len(),
        events,
        under: &under,
    };
    Record::of_capture(statement.id(), &keys, &facts)
}

/// The record of an admin statement.
pub(super) fn admin_record(statement: StatementId, admin: &Admin) -> Record {
    let keys: Vec<SubjectKey> = names::of_admin(admin).iter().map(Subject::key).collect();
    Record::of_admin(statement, &keys)
}
