//! Who may say what: members, participants and their rights, as a fold over admin statements in ledger order.
//!
//! The ledger is the authority, never a certificate file: a participant's statement counts when its registration
//! stands before it and was in force at its place.

mod admin;
mod certificates;
mod claims;
mod facts;
mod genesis;
mod participant;
mod place;
mod registry;
pub mod rights;

pub use admin::{Admin, AdminError, CertificateRecord, Registration, Rejection, Renewal, Revocation, renewal_consent};
pub use certificates::{CertificateFacts, CertificateReader, RequestedKey, check_record};
pub use claims::{ClaimError, Namespace, Organization, ParticipantId, Role, is_invisible};
pub use facts::{Contradiction, EventFact, EventKey, Facts};
pub use genesis::{Continues, Founder, Genesis, RULES, founder_bytes};
pub use participant::{Certified, Claims, Participant, Revoked, Standing};
pub use place::Place;
pub use registry::{Conflict, Refusal, Registry, SignerRefusal};
