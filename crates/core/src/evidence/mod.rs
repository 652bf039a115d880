//! Evidence: everything needed to judge one product again with no network, and the check that makes it believable.
//!
//! `document` is the JSON, `anchor` is what the verifier trusts beforehand, `check` goes from the one to a
//! `provenance::History` by way of the other. Nothing of the server is used here: no store, no clock, no network.
//! What is shown is proven, and so is that it is all there is: for each subject that `provenance::follow` leads to, the
//! index under the checkpoint's seal says which leaves name it, and each of them is here.

mod anchor;
mod check;
mod document;
mod error;
mod fork;
mod handover;
mod receipt;
mod records;
mod source;
mod text;

pub use anchor::{Anchor, AnchorError};
pub use check::{Checked, check};
pub use document::{Evidence, PlacedSeal, PlacedText};
pub use error::EvidenceError;
pub use fork::{DoubleSigner, Fork, ForkError, SignedCheckpoint, note_keys};
pub use handover::{Handover, HandoverError, MemberChain};
pub use receipt::{Receipt, ReceiptError, VerifiedReceipt};
pub use records::{CaptureFault, read_capture};

#[cfg(test)]
mod tests;
