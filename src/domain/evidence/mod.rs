//! Evidence: everything needed to judge one product again with no network, and the check that makes it believable.
//!
//! `document` is the JSON, `anchor` is what the verifier trusts beforehand, `check` goes from the one to a
//! `provenance::History` by way of the other. Nothing of the server is used here: no store, no clock, no network.
//!
//! Absent so far: the proof that nothing was left out. What is shown is proven; that it is all there is, is not.

mod anchor;
mod check;
mod document;
mod records;

pub use anchor::{Anchor, AnchorError};
pub use check::{Checked, EvidenceError, Followed, check};
pub use document::{Evidence, ProvenSeal, ProvenStatement};
pub use records::{PlacedStatement, RecordError, records_of};
