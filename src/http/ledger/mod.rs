//! The ledger itself: all that an auditor needs to check it, or to keep a copy.

pub mod audit;
pub mod blocks;
pub mod checkpoint;
pub mod faults;
pub mod handovers;
pub mod leaves;
pub mod proofs;
pub mod statements;
pub mod tile;

pub use audit::get_audit;
pub use blocks::get_block;
pub use checkpoint::get_checkpoint;
pub use faults::get_faults;
pub use handovers::get_handovers;
pub use leaves::get_leaf;
pub use proofs::{get_consistency_proof, get_inclusion_proof};
pub use statements::get_statement;
pub use tile::get_tile;

/// For what never changes once it is there.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// For what changes with the next block.
const NO_CACHE: &str = "no-cache";
