//! The index: a sparse Merkle map from subject to the leaves that name it, whose root every seal carries.
//!
//! It lets an answer prove that it left nothing out, and that an unknown subject is unknown. A subject's value commits
//! to the whole list of its leaves, each with its signer and with what it says to have done. The map keeps of each list only
//! what appending needs; the host keeps the lists. `journal` has what recent blocks changed. [`names`] says which subjects a
//! leaf has; `acts` says what a leaf says to have done with an id; `decisions` says so of what members decide together.

mod acts;
mod counts;
mod decisions;
mod entry;
mod hashing;
mod journal;
mod list;
mod list_entry;
mod map;
pub mod names;
mod pieces;
mod proof;
mod subject;

pub use acts::Acts;
pub use counts::{Counts, EventCounts};
pub use entry::{OtherKey, SubjectEntry};
pub use hashing::{empty_hash, value_hash};
pub use list_entry::{ListEntry, SignerList, SignerTag, SignerTagError};
pub use map::{IndexError, SubjectIndex, SubjectList};
pub use proof::{AbsenceProof, IndexProofError, PresenceProof, SubjectProof, Vacancy, verify_absence, verify_presence};
pub use subject::{Subject, SubjectKey, SubjectKind};

#[cfg(test)]
mod tests;
