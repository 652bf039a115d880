//! The rules of the ledger, once: how a state and statements make the next block, and whether a block that another party
//! made may follow a state.
//!
//! [`propose`] makes a block of [`Candidate`]s. Capture has verified the signature of a candidate, read its content and checked
//! its rights. What depends on the final leaf and block time is checked again when the candidate gets its place. [`validate`]
//! runs every rule on a block of which nothing is believed. Both leave the block *staged*: its statements are in the index of
//! the [`State`], and [`State::apply`] makes it final, or [`State::roll_back`] removes it. Both go by the rules that the members
//! have put in force, which the state knows ([`State::rules_at`]). Nothing here signs, waits or reads: the host fetches beforehand what the ledger holds of a block's
//! statements and events, as [`Knowledge`].
//!
//! | rule | function | checked |
//! |---|---|---|
//! | audience | `place::check_audience` | once, with the signature |
//! | signature | [`verify`] | once |
//! | strict EPCIS, strict admin statements | `place::read_content` | once |
//! | rights | `place::check_rights` | once: claims never change |
//! | certificate of a decision | `place::check_certificate` | once |
//! | `iat` | `place::check_issued` | at the provisional place and at the place |
//! | signer in force | `place::check_signer` | at both |
//! | event times | `place::check_event_times` | at both |
//! | identity of statements | `place::first_place` | at the place |
//! | identity of events: no contradiction, and something new | `place::check_identity` | at the place |
//! | quotas, and room in the ledger | `quota::QuotaState::check` | at the place |
//! | signer is an authority if its role says so | `place::check_authority` | at both |
//! | what decisions may stand | `consortium::Registry::check` | at the place |
//! | what a dismissal or a lift is about | `place::check_subjects_of_changes` | at the place |
//! | which block a ready node has | `place::check_ready` | at the place |
//! | nothing after the statement that enacts a proposal | `Placing::is_complete` | as a block grows |
//! | genesis: its signer, its founders, nothing beside it | `evidence::Anchor::of_genesis`, `Registry::new`, [`validate`] | at the first place |
//! | form of a leaf | `validate::place_leaf` | by [`validate`] |
//! | size of a block | [`validate`]; the host of [`propose`] | as a block grows |
//! | seal: each member, time later than the last | `validate::differing` | by [`validate`]; [`propose`] writes the seal |

mod auditor;
mod block;
mod candidate;
mod known;
mod lists;
mod place;
mod placing;
mod propose;
mod quota;
mod records;
mod rules;
mod state;
mod usage;
mod validate;

#[cfg(test)]
mod tests;

pub use auditor::{AuditTally, AuditedBlock, Auditor, check_note, check_signed};
pub use block::{BlockContent, LeafContent, PlacedRecord, SealedBlock, StoredBlock, StoredLeaf, Successor};
pub use candidate::{Candidate, signer_in_force, verify};
pub use known::{EverSeen, Knowledge, KnownBlock, Prefetched};
pub use place::{PlaceRefusal, check_next};
pub use placing::{BlockError, Placed};
pub use propose::{Proposal, propose};
pub use quota::QuotaRefusal;
pub use rules::{KnownRules, Rules, UnknownRules};
pub use state::{NotOnTop, RegistryFold, RegistryFoldError, ResumeError, State};
pub use usage::{Day, Usage, UseTally};
pub use validate::{Body, BodyLeaf, Invalid, InvalidReason, OPEN_BYTES_MAX, validate};
