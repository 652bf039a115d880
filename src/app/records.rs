//! The records of statements: made alike where a statement comes in and where a ledger is replayed.

use std::collections::BTreeSet;

use crate::domain::consortium::{Admin, ParticipantId};
use crate::domain::epcis::Event;
use crate::domain::index::{Subject, SubjectKey, names};
use crate::domain::record::{CaptureFacts, Record};
use crate::domain::statement::{StatementId, VerifiedStatement};

/// The record of a capture by `signer`, with the events that were read from it.
pub fn capture_record(statement: &VerifiedStatement, signer: &ParticipantId, events: &[Event]) -> Record {
    let subjects: BTreeSet<Subject> = events.iter().flat_map(|event| names::of_event(event, signer)).collect();
    let header = statement.header();
    let certificate = header.signer();
    let facts = CaptureFacts {
        signer,
        certificate: certificate.hash(),
        signed_at: header.iat(),
        bytes: statement.compact().len(),
        events,
    };
    Record::of_capture(statement.id(), &keys(&subjects), &facts)
}

/// The record of an admin statement.
pub fn admin_record(statement: StatementId, admin: &Admin) -> Record {
    Record::of_admin(statement, &keys(&names::of_admin(admin)))
}

fn keys(subjects: &BTreeSet<Subject>) -> Vec<SubjectKey> {
    subjects.iter().map(Subject::key).collect()
}
