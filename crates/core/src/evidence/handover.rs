//! Handovers: the changes of a ledger's members, each signed by a quorum of those who were in force before it.
//!
//! [`Handover`] is the JSON of one change. [`MemberChain`] is a trust anchor and the handovers after its block, verified in
//! their order: it says who is in force at each height above the anchor's.

use serde::{Deserialize, Serialize};

use crate::block::{
    Checkpoint, CheckpointError, Commit, FinalCheckpoint, FinalityError, Height, Leaf, Member, MemberSet, Seal,
    SealError, check_seal_stands_at_checkpoint,
};
use crate::evidence::Anchor;
use crate::hash::Hash;
use crate::limits::HANDOVERS_MAX;
use crate::merkle::{self, InclusionProof, ProofError};
use crate::statement::SignatureVerifier;

/// A block that changed the members, and the members after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handover {
    /// C2SP tlog-checkpoint text of the block.
    pub checkpoint: String,
    /// Its certificate of commit, by the members in force before the change.
    pub commit: Commit,
    /// The block's seal, which is the checkpoint's last leaf: its JSON, byte for byte.
    pub seal: String,
    /// From the seal's leaf to the checkpoint's root (RFC 9162 §2.1.3).
    pub seal_inclusion_proof: InclusionProof,
    /// The members of the blocks after this one.
    pub members: MemberSet,
}

/// Why a handover does not lead from one set of members to the next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    #[error("there are {found} handovers, and {HANDOVERS_MAX} are read: verify it with a newer trust anchor")]
    TooMany { found: usize },
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint is of {found}, and the trust anchor of {trusted}")]
    OtherOrigin { found: String, trusted: String },
    #[error("its seal: {0}")]
    Seal(#[from] SealError),
    #[error("its seal: {0}")]
    SealPlace(FinalityError),
    #[error(
        "it is of block {height}, and stands after that of block {after}: handovers stand in the order of their blocks"
    )]
    Order { height: Height, after: Height },
    #[error(
        "block {height} names the members {found}, and the handovers before it lead to {expected}: a handover is left out"
    )]
    LeftOut { height: Height, found: Hash, expected: Hash },
    #[error("block {height} changes no members")]
    NoChange { height: Height },
    #[error("block {height} hands over to the members {named}, and those given hash to {found}")]
    OtherMembers { height: Height, named: Hash, found: Hash },
    #[error("its commit: {0}")]
    Commit(FinalityError),
    #[error("the proof of its seal: {0}")]
    SealProof(ProofError),
}

/// A change of members that was verified.
#[derive(Debug, Clone, PartialEq)]
struct MemberChange {
    height: Height,
    checkpoint: Checkpoint,
    members: MemberSet,
}

/// A trust anchor, and who came into force after it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberChain {
    anchor: Anchor,
    /// By ascending height, above the anchor's.
    changes: Vec<MemberChange>,
}

impl MemberChain {
    /// Begins at an anchor, with its members.
    pub const fn new(anchor: Anchor) -> Self {
        Self { anchor, changes: Vec::new() }
    }

    /// Verifies handovers in their order. Those of the anchor's block and of earlier ones are passed over, and nothing in them
    /// is believed: the anchor has what they led to.
    ///
    /// # Errors
    ///
    /// The first handover that does not hold, by its position from 0, and why.
    pub fn verify(
        anchor: Anchor,
        handovers: &[Handover],
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, (usize, HandoverError)> {
        if handovers.len() > HANDOVERS_MAX {
            return Err((HANDOVERS_MAX, HandoverError::TooMany { found: handovers.len() }));
        }
        let mut chain = Self::new(anchor);
        let mut before: Option<Height> = None;
        for (position, handover) in handovers.iter().enumerate() {
            let of = |error| (position, error);
            let seal = Seal::parse(handover.seal.as_bytes()).and_then(|seal| seal.check_rules().map(|()| seal));
            let seal = seal.map_err(|error| of(error.into()))?;
            if let Some(after) = before.replace(seal.height).filter(|before| *before >= seal.height) {
                return Err(of(HandoverError::Order { height: seal.height, after }));
            }
            if seal.height > chain.anchor.height() {
                chain.append(handover, verifier).map_err(of)?;
            }
        }
        Ok(chain)
    }

    /// Verifies one more handover, of a block above all that are here, and goes on with its members.
    ///
    /// # Errors
    ///
    /// The first part of it that does not hold.
    pub fn append(&mut self, handover: &Handover, verifier: &dyn SignatureVerifier) -> Result<(), HandoverError> {
        let checkpoint: Checkpoint = handover.checkpoint.parse()?;
        let trusted = &self.anchor.genesis().origin;
        if checkpoint.origin != *trusted {
            let (found, trusted) = (checkpoint.origin.to_string(), trusted.to_string());
            return Err(HandoverError::OtherOrigin { found, trusted });
        }
        let seal = Seal::parse(handover.seal.as_bytes())?;
        seal.check_rules()?;
        let leaf = checkpoint.size.last_index().unwrap_or_else(|| checkpoint.size.next_index());
        check_seal_stands_at_checkpoint(&seal, leaf, &checkpoint, &handover.commit)
            .map_err(HandoverError::SealPlace)?;
        let (height, after) = (seal.height, self.last_height());
        if height <= after {
            return Err(HandoverError::Order { height, after });
        }
        let in_force = self.last_members();
        let (found, expected) = (seal.members_hash, in_force.hash());
        if found != expected {
            return Err(HandoverError::LeftOut { height, found, expected });
        }
        if seal.next_members_hash == seal.members_hash {
            return Err(HandoverError::NoChange { height });
        }
        let (named, found) = (seal.next_members_hash, handover.members.hash());
        if named != found {
            return Err(HandoverError::OtherMembers { height, named, found });
        }
        FinalCheckpoint::verify(checkpoint.clone(), handover.commit.clone(), in_force, verifier)
            .map_err(HandoverError::Commit)?;
        let hash = merkle::leaf_hash(&Leaf::Seal(seal).encode());
        merkle::verify_inclusion(leaf, checkpoint.size, hash, &handover.seal_inclusion_proof, checkpoint.root)
            .map_err(HandoverError::SealProof)?;
        self.changes.push(MemberChange { height, checkpoint, members: handover.members.clone() });
        Ok(())
    }

    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// Changes of members above the anchor's block.
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// The members whose quorum makes the block of this height final, as far as the handovers tell. `None` of the anchor's own
    /// block and of those below: the anchor does not say who was in force there.
    pub fn in_force_at(&self, height: Height) -> Option<&MemberSet> {
        if height <= self.anchor.height() {
            return None;
        }
        let before = self.changes.iter().rev().find(|change| change.height < height);
        Some(before.map_or(self.anchor.members(), |change| &change.members))
    }

    /// The members whose signatures on the block of a height count as proof of a fork. At the anchor's own height they are the
    /// anchor's: if others were in force there, their signatures prove nothing under this anchor.
    pub(super) fn signers_at(&self, height: Height) -> &MemberSet {
        self.in_force_at(height).unwrap_or(self.anchor.members())
    }

    /// The members after the last change.
    pub fn last_members(&self) -> &MemberSet {
        self.changes.last().map_or(self.anchor.members(), |change| &change.members)
    }

    /// The height of the last change, or the anchor's.
    pub fn last_height(&self) -> Height {
        self.changes.last().map_or(self.anchor.height(), |change| change.height)
    }

    /// The member with this key: a founder, one of the anchor's, or one whom a handover brought in.
    pub fn member(&self, kid: &Hash) -> Option<&Member> {
        let sets = [&self.anchor.genesis().members, self.anchor.members()];
        let later = self.changes.iter().map(|change| &change.members);
        sets.into_iter().chain(later).find_map(|set| set.get(kid))
    }

    /// The anchor at the last change of members: it needs none of these handovers. A verifier that has come so far may go on
    /// from there, and then no longer rests on the keys of the members before.
    pub fn renewed(&self) -> Anchor {
        let anchor = self.anchor.clone();
        match self.changes.last() {
            Some(last) => anchor.after(last.height, &last.checkpoint, last.members.clone()),
            None => anchor,
        }
    }

    /// Checks that a checkpoint is final, whose origin must be the anchor's: one above the anchor's block by a quorum of the
    /// members in force there. The anchor's own block is trusted by its size and root, and its commit is not verified. A block
    /// below is not trusted.
    ///
    /// # Errors
    ///
    /// What is wrong with the commit, or that the block is below the anchor's or another than its own.
    pub fn check_final(
        &self,
        checkpoint: Checkpoint,
        commit: Commit,
        verifier: &dyn SignatureVerifier,
    ) -> Result<FinalCheckpoint, FinalityError> {
        self.anchor.check_above(commit.height)?;
        match self.in_force_at(commit.height) {
            Some(members) => FinalCheckpoint::verify(checkpoint, commit, members, verifier),
            None => self.anchor.own_block(checkpoint, commit),
        }
    }

    /// Checks that the seal of a block that is final by this chain names the members who made it final; of the anchor's own block,
    /// those after it.
    ///
    /// # Errors
    ///
    /// [`FinalityError::SealMembers`]: a handover is left out, or the block is of another ledger.
    pub fn check_seal_members(&self, seal: &Seal) -> Result<(), FinalityError> {
        match self.in_force_at(seal.height) {
            Some(members) => named_is(seal.members_hash, members),
            None => self.check_next_members(seal),
        }
    }

    /// Checks that the seal names as members of the next block those who are in force there by this chain.
    ///
    /// # Errors
    ///
    /// [`FinalityError::SealMembers`]: the block's own handover is left out.
    pub fn check_next_members(&self, seal: &Seal) -> Result<(), FinalityError> {
        named_is(seal.next_members_hash, self.in_force_at(seal.height.next()).unwrap_or(self.anchor.members()))
    }
}

fn named_is(found: Hash, members: &MemberSet) -> Result<(), FinalityError> {
    let expected = members.hash();
    if found == expected { Ok(()) } else { Err(FinalityError::SealMembers { found, expected }) }
}
