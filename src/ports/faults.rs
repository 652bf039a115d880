//! Proofs that members have signed two things in one place, kept beside the ledger.

use std::io;

use sealane_core::consortium::FaultProof;

/// Keeps proofs. What is kept is verified again by who reads it.
///
/// An implementation MUST have a proof on stable storage when `add` returns `Ok`, and MUST NOT lose an earlier one, whenever
/// the process or the machine stops.
pub trait FaultKeeper: Send + Sync {
    /// What was kept, in order; nothing if nothing was.
    fn load(&self) -> io::Result<KeptFaults>;

    fn add(&self, proof: &FaultProof) -> io::Result<()>;
}

/// What was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptFaults {
    pub proofs: Vec<FaultProof>,
    /// Proofs that cannot be read, by what is wrong with each. They are passed over.
    pub damaged: Vec<String>,
}
