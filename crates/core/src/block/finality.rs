//! Finality: a checkpoint that a quorum signed, and the seal that stands at its end.

use crate::block::{Checkpoint, Commit, ES256, Height, MemberSet, Seal, commit_bytes};
use crate::hash::Hash;
use crate::merkle::{LeafIndex, TreeSize};
use crate::statement::SignatureVerifier;

/// A checkpoint that more than two thirds of the members have signed, or the trust anchor's own. Only
/// [`FinalCheckpoint::verify`] and an anchor make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalCheckpoint {
    checkpoint: Checkpoint,
    commit: Commit,
}

/// A final checkpoint and the seal of its block. Only [`FinalBlock::verify`] makes one.
///
/// That the seal is in the tree of the checkpoint's root is proven apart, by an inclusion proof of its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalBlock {
    seal: Seal,
    checkpoint: FinalCheckpoint,
}

/// Why a checkpoint or a block is not final.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinalityError {
    #[error("commit signature by {kid} has alg {found:?}; only \"ES256\" is taken")]
    Alg { kid: Hash, found: String },
    #[error("commit signature by {kid}, who is no member in force")]
    UnknownMember { kid: Hash },
    #[error("two commit signatures by {kid}; each member counts once")]
    DuplicateMember { kid: Hash },
    #[error("the commit signature by {kid} does not hold for this checkpoint, height and round")]
    BadSignature { kid: Hash },
    #[error("{found} of {members} members have signed; {needed} are needed")]
    NoQuorum { found: usize, needed: usize, members: usize },
    #[error("the commit of block 0 is of round 0, as no member votes on it; this is of height {height}, round {round}")]
    NotFirst { height: Height, round: u32 },
    #[error("the checkpoint has {size} leaves, so its seal is the last of them, not the leaf at {found}")]
    SealPlace { size: TreeSize, found: LeafIndex },
    #[error("the seal has height {seal}, but the commit is for height {commit}")]
    SealHeight { seal: Height, commit: Height },
    #[error("the seal says that its block begins at {previous_size}, after the checkpoint's {size} leaves")]
    SealRange { previous_size: TreeSize, size: TreeSize },
    #[error("the seal names the members {found}, but these members hash to {expected}")]
    SealMembers { found: Hash, expected: Hash },
    #[error(
        "this is of block {height}, and the trust anchor begins after block {anchor}: verify it with an older anchor, such as \
         that of GET /trust?height=0"
    )]
    BelowAnchor { height: Height, anchor: Height },
    #[error("the checkpoint of block {height} has another size or root than the trust anchor, which is of that block")]
    OtherThanAnchor { height: Height },
}

impl FinalCheckpoint {
    /// Checks every signature and that they are a quorum of `members`, who must be those in force at that height.
    ///
    /// One entry that is wrong in any way spoils the commit, even beside a quorum of good ones.
    pub fn verify(
        checkpoint: Checkpoint,
        commit: Commit,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, FinalityError> {
        Self::signed_by(members.quorum(), checkpoint, commit, members, verifier)
    }

    /// Checks every signature and that `needed` members gave one.
    fn signed_by(
        needed: usize,
        checkpoint: Checkpoint,
        commit: Commit,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, FinalityError> {
        let bytes = commit_bytes(&checkpoint.origin, commit.height, commit.round, &checkpoint);
        let mut counted: Vec<Hash> = Vec::new();
        for entry in &commit.signatures {
            let kid = entry.kid;
            if entry.alg != ES256 {
                return Err(FinalityError::Alg { kid, found: entry.alg.chars().take(40).collect() });
            }
            let member = members.get(&kid).ok_or(FinalityError::UnknownMember { kid })?;
            if counted.contains(&kid) {
                return Err(FinalityError::DuplicateMember { kid });
            }
            let checked = verifier.verify(member.key(), &bytes, &entry.signature);
            checked.map_err(|_| FinalityError::BadSignature { kid })?;
            counted.push(member.kid());
        }
        let found = counted.len();
        if found < needed {
            return Err(FinalityError::NoQuorum { found, needed, members: members.members().len() });
        }
        Ok(Self { checkpoint, commit })
    }

    /// Takes the checkpoint that is the trust anchor's own.
    pub(crate) const fn of_anchor(checkpoint: Checkpoint, commit: Commit) -> Self {
        Self { checkpoint, commit }
    }

    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub const fn commit(&self) -> &Commit {
        &self.commit
    }
}

impl FinalBlock {
    /// Checks the commit, that the seal's numbers fit it, and that the seal names `members` as those in force.
    pub fn verify(
        seal: Seal,
        checkpoint: Checkpoint,
        commit: Commit,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, FinalityError> {
        check_seal_members(&seal, members)?;
        check_seal_numbers(&seal, &checkpoint, &commit)?;
        Ok(Self { seal, checkpoint: FinalCheckpoint::verify(checkpoint, commit, members, verifier)? })
    }

    /// Checks what is signed of block 0, which the caller MUST have derived from the genesis statement itself.
    ///
    /// No member votes on block 0: the genesis statement, with the consent of each founder, makes it final. A node's copy has the
    /// signature of the node's own member. So one entry is enough, and every entry must hold.
    pub fn verify_first(
        seal: Seal,
        checkpoint: Checkpoint,
        commit: Commit,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, FinalityError> {
        let Commit { height, round, .. } = commit;
        if height != Height::GENESIS || round != 0 {
            return Err(FinalityError::NotFirst { height, round });
        }
        check_seal_members(&seal, members)?;
        check_seal_numbers(&seal, &checkpoint, &commit)?;
        Ok(Self { seal, checkpoint: FinalCheckpoint::signed_by(1, checkpoint, commit, members, verifier)? })
    }

    pub const fn seal(&self) -> &Seal {
        &self.seal
    }

    pub const fn checkpoint(&self) -> &Checkpoint {
        self.checkpoint.checkpoint()
    }

    pub const fn commit(&self) -> &Commit {
        self.checkpoint.commit()
    }

    pub const fn final_checkpoint(&self) -> &FinalCheckpoint {
        &self.checkpoint
    }
}

/// Checks that a seal found at `leaf_index` is the one that belongs to this checkpoint and commit: at index size − 1,
/// of the commit's height. Without this an older genuine seal would pass under a newer checkpoint.
pub fn check_seal_stands_at_checkpoint(
    seal: &Seal,
    leaf_index: LeafIndex,
    checkpoint: &Checkpoint,
    commit: &Commit,
) -> Result<(), FinalityError> {
    if checkpoint.size.last_index() != Some(leaf_index) {
        return Err(FinalityError::SealPlace { size: checkpoint.size, found: leaf_index });
    }
    check_seal_numbers(seal, checkpoint, commit)
}

/// Checks that the seal names `members` as those whose quorum makes its block final.
pub fn check_seal_members(seal: &Seal, members: &MemberSet) -> Result<(), FinalityError> {
    let expected = members.hash();
    if seal.members_hash == expected {
        return Ok(());
    }
    Err(FinalityError::SealMembers { found: seal.members_hash, expected })
}

fn check_seal_numbers(seal: &Seal, checkpoint: &Checkpoint, commit: &Commit) -> Result<(), FinalityError> {
    if seal.height != commit.height {
        return Err(FinalityError::SealHeight { seal: seal.height, commit: commit.height });
    }
    if seal.previous_size >= checkpoint.size {
        return Err(FinalityError::SealRange { previous_size: seal.previous_size, size: checkpoint.size });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;
    use crate::block::{CommitSignature, Member, NoteSigningKey};
    use crate::statement::{P256, PublicKey, Signature};

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_slice(&[byte; 32]).unwrap()
    }

    fn members(bytes: std::ops::RangeInclusive<u8>) -> MemberSet {
        let member = |byte| {
            let note_key = NoteSigningKey::from_seed(&[byte; 32]).public();
            Member::new(format!("Member {byte}"), PublicKey::from(key(byte).verifying_key()), note_key).unwrap()
        };
        MemberSet::new(bytes.map(member).collect()).unwrap()
    }

    fn height(height: u64) -> Height {
        Height::new(height).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "ledger.example/test".parse().unwrap(),
            size: TreeSize::new(9).unwrap(),
            root: Hash::of(b"root"),
        }
    }

    fn commit(signers: std::ops::RangeInclusive<u8>) -> Commit {
        let signatures = signers.map(|byte| CommitSignature::sign(&key(byte), height(3), 0, &checkpoint())).collect();
        Commit { height: height(3), round: 0, signatures }
    }

    fn seal(members: &MemberSet) -> Seal {
        Seal {
            height: height(3),
            time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
            previous_size: TreeSize::new(7).unwrap(),
            previous_root: Hash::of(b"before"),
            index_root: Hash::of(b"index"),
            members_hash: members.hash(),
            next_members_hash: members.hash(),
            rules: 1,
            enacted: Vec::new(),
        }
    }

    fn verify(commit: Commit, members: &MemberSet) -> Result<FinalCheckpoint, FinalityError> {
        FinalCheckpoint::verify(checkpoint(), commit, members, &P256)
    }

    #[test]
    fn a_quorum_makes_it_final() {
        for (signers, of) in [(1, 1), (2, 2), (3, 3), (3, 4), (5, 7)] {
            let set = members(1..=of);
            let last = verify(commit(1..=signers), &set).unwrap();
            assert_eq!((last.checkpoint(), last.commit().signatures.len()), (&checkpoint(), usize::from(signers)));
            assert!(matches!(verify(commit(1..=signers - 1), &set), Err(FinalityError::NoQuorum { .. })));
        }
    }

    #[test]
    fn each_member_counts_once_and_strangers_never() {
        let set = members(1..=4);
        let mut twice = commit(1..=2);
        twice.signatures.push(twice.signatures[0].clone());
        assert!(matches!(verify(twice, &set), Err(FinalityError::DuplicateMember { .. })));
        assert!(matches!(verify(commit(1..=5), &set), Err(FinalityError::UnknownMember { .. })));
        let mut other = commit(1..=4);
        other.signatures[3].alg = "ES384".to_owned();
        assert!(matches!(verify(other, &set), Err(FinalityError::Alg { .. })));
        let mut bad = commit(1..=4);
        bad.signatures[3].signature = Signature::from_bytes([1; 64]);
        assert!(matches!(verify(bad, &set), Err(FinalityError::BadSignature { .. })));
    }

    #[test]
    fn a_signature_is_for_one_height_round_and_checkpoint() {
        let set = members(1..=1);
        for wrong in [Commit { height: height(4), ..commit(1..=1) }, Commit { round: 1, ..commit(1..=1) }] {
            assert!(matches!(verify(wrong, &set), Err(FinalityError::BadSignature { .. })));
        }
        for wrong in [
            Checkpoint { size: TreeSize::new(10).unwrap(), ..checkpoint() },
            Checkpoint { root: Hash::of(b"other"), ..checkpoint() },
            Checkpoint { origin: "ledger.example/other".parse().unwrap(), ..checkpoint() },
        ] {
            let verified = FinalCheckpoint::verify(wrong, commit(1..=1), &set, &P256);
            assert!(matches!(verified, Err(FinalityError::BadSignature { .. })));
        }
    }

    #[test]
    fn a_block_is_final_with_the_seal_that_belongs_to_it() {
        let set = members(1..=1);
        let block = FinalBlock::verify(seal(&set), checkpoint(), commit(1..=1), &set, &P256).unwrap();
        assert_eq!(block.seal(), &seal(&set));
        let verify = |seal| FinalBlock::verify(seal, checkpoint(), commit(1..=1), &set, &P256);
        let older = Seal { height: height(2), ..seal(&set) };
        assert!(matches!(verify(older), Err(FinalityError::SealHeight { .. })));
        let beyond = Seal { previous_size: TreeSize::new(9).unwrap(), ..seal(&set) };
        assert!(matches!(verify(beyond), Err(FinalityError::SealRange { .. })));
        let others = seal(&members(2..=2));
        assert!(matches!(verify(others), Err(FinalityError::SealMembers { .. })));
    }

    #[test]
    fn block_0_needs_one_signature_and_no_quorum() {
        let set = members(1..=4);
        let first = |signers: std::ops::RangeInclusive<u8>, round| {
            let sign = |byte| CommitSignature::sign(&key(byte), Height::GENESIS, round, &checkpoint());
            Commit { height: Height::GENESIS, round, signatures: signers.map(sign).collect() }
        };
        let of = |set: &MemberSet| Seal { height: Height::GENESIS, ..seal(set) };
        let verify = |commit| FinalBlock::verify_first(of(&set), checkpoint(), commit, &set, &P256);
        for signers in [1..=1, 3..=3, 2..=4, 1..=4] {
            assert_eq!(verify(first(signers, 0)).unwrap().seal().height, Height::GENESIS);
        }
        let unsigned = Commit { height: Height::GENESIS, round: 0, signatures: Vec::new() };
        assert!(matches!(verify(unsigned), Err(FinalityError::NoQuorum { found: 0, needed: 1, members: 4 })));
        assert!(matches!(verify(first(1..=1, 1)), Err(FinalityError::NotFirst { round: 1, .. })));
        assert!(matches!(verify(commit(1..=4)), Err(FinalityError::NotFirst { round: 0, .. })));
        assert!(matches!(verify(first(4..=5, 0)), Err(FinalityError::UnknownMember { .. })));
        let mut bad = first(1..=2, 0);
        bad.signatures[1].signature = Signature::from_bytes([1; 64]);
        assert!(matches!(verify(bad), Err(FinalityError::BadSignature { .. })));
        let others = FinalBlock::verify_first(of(&members(1..=1)), checkpoint(), first(1..=1, 0), &set, &P256);
        assert!(matches!(others, Err(FinalityError::SealMembers { .. })));
        // Whoever has not derived the block from the genesis statement asks for a quorum.
        let quorum = FinalBlock::verify(of(&set), checkpoint(), first(1..=1, 0), &set, &P256);
        assert!(matches!(quorum, Err(FinalityError::NoQuorum { found: 1, needed: 3, members: 4 })));
    }

    #[test]
    fn a_seal_stands_at_the_last_leaf() {
        let set = members(1..=1);
        let check = |seal: &Seal, index| {
            check_seal_stands_at_checkpoint(seal, LeafIndex::new(index).unwrap(), &checkpoint(), &commit(1..=1))
        };
        assert_eq!(check(&seal(&set), 8), Ok(()));
        assert!(matches!(check(&seal(&set), 7), Err(FinalityError::SealPlace { .. })));
        assert!(matches!(check(&seal(&set), 9), Err(FinalityError::SealPlace { .. })));
        let older = Seal { height: height(2), ..seal(&set) };
        assert!(matches!(check(&older, 8), Err(FinalityError::SealHeight { .. })));
    }

    #[test]
    fn a_commits_json_round_trips() {
        let json = serde_json::to_string(&commit(1..=1)).unwrap();
        assert!(json.starts_with(r#"{"height":3,"round":0,"signatures":[{"alg":"ES256","kid":""#), "{json}");
        assert_eq!(serde_json::from_str::<Commit>(&json).unwrap(), commit(1..=1));
        assert!(serde_json::from_str::<Commit>(&json.replace("round", "rounds")).is_err());
    }
}
