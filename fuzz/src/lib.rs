//! What the targets share: genuine evidence about eight ids at one checkpoint of one ledger, and all that follows from it.

pub mod edits;
pub mod genuine;
