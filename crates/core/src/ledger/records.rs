//! The records of statements: made alike where a statement comes in and where a ledger is replayed.

use std::collections::BTreeMap;

use crate::consortium::{Admin, Participant};
use crate::epcis::{Document, VocabularyElement};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::index::{Acts, Counts, EventCounts, Subject, SubjectKey, names};
use crate::record::{CaptureFacts, LeafRecord};
use crate::statement::{StatementId, VerifiedStatement};

/// The record of a capture by `signer`, with the document that was read from it.
pub(super) fn capture_record(statement: &VerifiedStatement, signer: &Participant, document: &Document) -> LeafRecord {
    let Document { events, master_data, .. } = document;
    let mut places: BTreeMap<Subject, u32> = BTreeMap::new();
    let mut names: Vec<(SubjectKey, Acts)> = Vec::new();
    let mut counts: Vec<Counts> = Vec::new();
    let mut under = Vec::with_capacity(events.len());
    for event in events {
        let mut places_of_event = Vec::new();
        let of_event = EventCounts::of(event, &signer.claims);
        for (subject, acts) in names::of_event(event, &signer.id) {
            let place = *places.entry(subject).or_insert_with_key(|subject| {
                names.push((subject.key(), Acts::NONE));
                counts.push(of_event.get(subject));
                names.len() as u32 - 1
            });
            if let Some((_, of_all)) = names.get_mut(place as usize) {
                *of_all |= acts;
            }
            places_of_event.push(place);
        }
        under.push(places_of_event);
    }
    // Claims never change, so whose an id was, it stays. What one says of another's ids is in the leaf alone.
    let is_own = |element: &&VocabularyElement| Id::parse_uri(&element.id).is_ok_and(|id| signer.claims.own(&id));
    let master_data: Vec<&VocabularyElement> = master_data.iter().filter(is_own).collect();
    let header = statement.header();
    let certificate = header.signer();
    let facts = CaptureFacts {
        signer: &signer.id,
        certificate: certificate.hash(),
        signed_at: header.iat(),
        bytes: statement.compact().len(),
        events,
        under: &under,
        counts: &counts,
        master_data: &master_data,
    };
    LeafRecord::of_capture(statement.id(), &names, &facts)
}

/// The record of an admin statement, signed by the member with the key `kid`.
pub(super) fn admin_record(statement: StatementId, kid: &Hash, admin: &Admin) -> LeafRecord {
    let names: Vec<(SubjectKey, Acts)> =
        names::of_admin(admin, statement).into_iter().map(|(subject, acts)| (subject.key(), acts)).collect();
    LeafRecord::of_admin(statement, kid, &names)
}
