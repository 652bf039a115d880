//! A final block that another node has sent: the rules are run on it, and it is held against its members' signatures.

use crate::app::head::Head;
use crate::app::lookup::Lookup;
use crate::app::prefetch::{FinalBlocks, prefetch};
use crate::ports::{LedgerStore, StoreError};
use sealane_core::block::{Commit, FinalBlock, Seal};
use sealane_core::hash::Hash;
use sealane_core::ledger::{Body, BodyLeaf, SealedBlock, UnknownRules, validate};
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

/// What a final block is validated with.
pub(super) struct FinalBlockChecks<'a> {
    pub store: &'a dyn LedgerStore,
    pub lookup: &'a Lookup,
    pub provider: Provider<'a>,
}

impl FinalBlockChecks<'_> {
    /// Runs every rule on a block, and then `check`, which holds it against what was signed about it. The block is staged on
    /// `head` if both hold.
    ///
    /// # Errors
    ///
    /// The outer one if the store fails; the inner one says which rule or signature does not hold. The state of `head` is then
    /// as it was.
    pub async fn stage(
        &self,
        head: &mut Head,
        leaves: Vec<BodyLeaf>,
        seal: Seal,
        check: impl FnOnce(&SealedBlock) -> Result<(), String>,
    ) -> Result<Result<SealedBlock, String>, StoreError> {
        let candidates = leaves.iter().filter_map(|leaf| match leaf {
            BodyLeaf::Verified(candidate) => Some(&**candidate),
            BodyLeaf::Shown { .. } => None,
        });
        let fetched = prefetch(self.store, self.lookup, candidates).await?;
        let known = FinalBlocks { fetched: &fetched, lookup: self.lookup, size: head.state.size() };
        let body = Body { leaves, seal };
        let sealed = match validate(&mut head.state, &known, body, self.provider) {
            Ok(sealed) => sealed,
            Err(invalid) => return Ok(Err(invalid.to_string())),
        };
        if let Err(fault) = check(&sealed) {
            head.state.roll_back();
            return Ok(Err(fault));
        }
        Ok(Ok(sealed))
    }
}

/// The rules by which the block after `head` was made, if a quorum has signed it and this program does not know them. `leaves` hashes
/// those before the seal.
pub(super) fn unknown_rules_of(
    head: &Head,
    leaves: impl FnOnce() -> Option<Vec<Hash>>,
    seal: &Seal,
    commit: &Commit,
    verifier: &dyn SignatureVerifier,
) -> Option<UnknownRules> {
    let unknown = head.state.rules_at(seal.time).err()?;
    let checkpoint = head.state.checkpoint_with(&leaves()?, seal)?;
    let members = head.registry.members();
    let verified = FinalBlock::verify(seal.clone(), checkpoint, commit.clone(), members, verifier);
    verified.ok().map(|_| unknown)
}
