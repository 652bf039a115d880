//! The rules of the ledger, once: how a state and statements make the next block, and whether a block that somebody else
//! made may follow a state.
//!
//! [`propose`] makes a block of candidates, which capture has proven as far as that goes without a place. [`validate`] runs
//! every rule on a block of which nothing is believed. Both leave the block *staged*: its statements are in the
//! index of the [`State`], and [`State::apply`] makes it final, or [`State::roll_back`] takes it back. Each takes the number
//! of the [`Rules`] in force. Nothing here signs, waits or reads: what the ledger holds of a block's statements and events
//! is fetched beforehand, as [`Knowledge`].
//!
//! The rules of a place are in `place`, one function a rule, and nowhere else:
//!
//! | rule | function |
//! |---|---|
//! | audience | `place::check_audience` |
//! | signer in force | `place::check_signer` |
//! | strict EPCIS | `place::read_content` |
//! | rights | `place::check_rights` |
//! | identity | `place::first_place` |
//! | contradiction | `place::check_contradiction` |
//! | `iat` | `place::check_issued` |
//! | event times | `place::check_event_times` |

mod auditor;
mod block;
mod candidate;
mod known;
mod place;
mod placing;
mod propose;
mod records;
mod rules;
mod state;
mod validate;

#[cfg(test)]
mod tests;

pub use auditor::{AuditTally, AuditedBlock, Auditor, check_signed};
pub use block::{BlockContent, LeafContent, PlacedRecord, SealedBlock, StoredBlock, StoredLeaf, Successor};
pub use candidate::{Candidate, signer_in_force, verify};
pub use known::{EverSeen, Knowledge, Prefetched};
pub use place::PlaceRefusal;
pub use placing::{BlockError, Placed};
pub use propose::{Proposal, propose};
pub use rules::{Rules, UnknownRules};
pub use state::{NotOnTop, RegistryFold, RegistryFoldError, ResumeError, State};
pub use validate::{Body, BodyLeaf, Invalid, InvalidReason, OPEN_BYTES_MAX, validate};
