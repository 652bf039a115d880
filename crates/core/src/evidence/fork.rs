//! A fork: two texts of one ledger that the same members signed, of which one at most can be true.
//!
//! Two commits for one height, or two roots for one size. The two are proof by themselves. A member is convicted by name if it
//! signed both commits in one round, or two notes of one size: an honest one signs a note only of a block that is final. In a
//! later round of the same height an honest member may sign another block, after a quorum's prevotes for it. So two commits of
//! different rounds prove that more than a third of the members broke the rules, and name nobody.

use serde::{Deserialize, Serialize};

use crate::block::{
    Checkpoint, CheckpointError, Commit, FinalCheckpoint, FinalityError, Height, Member, MemberSet, Note, NoteError,
    NoteKey, NoteKeyKind, Origin,
};
use crate::evidence::MemberChain;
use crate::hash::Hash;
use crate::statement::SignatureVerifier;

/// A checkpoint that members have signed, and who has shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// For people: where it came from.
    pub by: String,
    /// C2SP tlog-checkpoint text.
    pub checkpoint: String,
    /// The JSON of the seal that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// A C2SP signed note, in place of a commit: it says nothing of heights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Proof that members signed two histories of one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fork {
    version: u32,
    origin: Origin,
    height: Height,
    /// For people; a verifier finds out again.
    signed_twice: Vec<DoubleSigner>,
    first: SignedCheckpoint,
    second: SignedCheckpoint,
}

/// A member whose signature is on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleSigner {
    pub name: String,
    pub kid: Hash,
}

/// What is no proof of a fork.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    #[error("version {found} is unknown; this program knows {}", Fork::VERSION)]
    Version { found: u32 },
    #[error("it is about the ledger {found}, and the trust anchor is of {trusted}")]
    Origin { found: Origin, trusted: Origin },
    #[error("its {side} checkpoint: {error}")]
    Checkpoint { side: &'static str, error: CheckpointError },
    #[error("its {side} checkpoint is of another origin")]
    OtherOrigin { side: &'static str },
    #[error("its {side} commit: {error}")]
    Commit { side: &'static str, error: FinalityError },
    #[error("its {side} commit is for height {found}, and it says {height}")]
    Height { side: &'static str, found: Height, height: Height },
    #[error("its {side} note: {error}")]
    Note { side: &'static str, error: NoteError },
    #[error("its {side} note is signed by no member, or over another text than the checkpoint")]
    NoteText { side: &'static str },
    #[error("its {side} side has not one of commit and note")]
    Signed { side: &'static str },
    #[error("both sides can be true: neither two checkpoints of one height, nor two roots of one size")]
    NoContradiction,
    #[error("no member has signed both sides")]
    NobodyTwice,
}

/// A side that was verified.
pub struct ForkSide {
    pub checkpoint: Checkpoint,
    /// The round of its commit; `None` of a note.
    round: Option<u32>,
    signers: Vec<Hash>,
}

impl Fork {
    pub const VERSION: u32 = 1;

    /// Puts two sides together, if they are a fork. At least one of them is a commit.
    pub fn of(
        first: &SignedCheckpoint,
        second: &SignedCheckpoint,
        chain: &MemberChain,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, ForkError> {
        let commit = first.commit.as_ref().or(second.commit.as_ref());
        let height = commit.ok_or(ForkError::NoContradiction)?.height;
        let mut fork = Self {
            version: Self::VERSION,
            origin: chain.anchor().genesis().origin.clone(),
            height,
            signed_twice: Vec::new(),
            first: first.clone(),
            second: second.clone(),
        };
        fork.signed_twice = fork.verify(chain, verifier)?;
        Ok(fork)
    }

    /// Finds who signed twice, of the members in force at the height by an anchor and its handovers; no member of two commits of
    /// different rounds, which prove a fork all the same. Nothing in the proof is believed but signatures.
    pub fn verify(
        &self,
        chain: &MemberChain,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Vec<DoubleSigner>, ForkError> {
        if self.version != Self::VERSION {
            return Err(ForkError::Version { found: self.version });
        }
        let trusted = &chain.anchor().genesis().origin;
        if self.origin != *trusted {
            return Err(ForkError::Origin { found: self.origin.clone(), trusted: trusted.clone() });
        }
        let first = self.first.verify("first", self.height, chain, verifier)?;
        let second = self.second.verify("second", self.height, chain, verifier)?;
        let both_committed = first.round.is_some() && second.round.is_some();
        let one_height = both_committed && first.checkpoint != second.checkpoint;
        let one_size =
            first.checkpoint.size == second.checkpoint.size && first.checkpoint.root != second.checkpoint.root;
        if !one_height && !one_size {
            return Err(ForkError::NoContradiction);
        }
        // A member that decides alone has no other round to go to.
        let members = chain.signers_at(self.height);
        let convicts = first.round == second.round || members.members().len() == 1;
        if !convicts {
            return if both_committed { Ok(Vec::new()) } else { Err(ForkError::NobodyTwice) };
        }
        let twice: Vec<DoubleSigner> = members
            .members()
            .filter(|member| first.signers.contains(&member.kid()) && second.signers.contains(&member.kid()))
            .map(|member| DoubleSigner { name: member.name().to_owned(), kid: member.kid() })
            .collect();
        if twice.is_empty() { Err(ForkError::NobodyTwice) } else { Ok(twice) }
    }

    pub const fn height(&self) -> Height {
        self.height
    }

    pub fn sides(&self) -> [&SignedCheckpoint; 2] {
        [&self.first, &self.second]
    }

    pub fn signed_twice(&self) -> &[DoubleSigner] {
        &self.signed_twice
    }
}

impl SignedCheckpoint {
    /// A checkpoint with its certificate of commit.
    pub fn commit(by: impl Into<String>, checkpoint: &Checkpoint, commit: Commit, seal: Option<String>) -> Self {
        Self { by: by.into(), checkpoint: checkpoint.to_text(), seal, commit: Some(commit), note: None }
    }

    /// A checkpoint as a signed note.
    pub fn note(by: impl Into<String>, checkpoint: &Checkpoint, note: String) -> Self {
        Self { by: by.into(), checkpoint: checkpoint.to_text(), seal: None, commit: None, note: Some(note) }
    }

    /// Checks what stands on one side of a fork at `height`; `side` names it in errors.
    pub fn verify(
        &self,
        side: &'static str,
        height: Height,
        chain: &MemberChain,
        verifier: &dyn SignatureVerifier,
    ) -> Result<ForkSide, ForkError> {
        let genesis = chain.anchor().genesis();
        let checkpoint: Checkpoint = self.checkpoint.parse().map_err(|error| ForkError::Checkpoint { side, error })?;
        if checkpoint.origin != genesis.origin {
            return Err(ForkError::OtherOrigin { side });
        }
        let (round, signers) = match (&self.commit, &self.note) {
            (Some(commit), None) => {
                if commit.height != height {
                    return Err(ForkError::Height { side, found: commit.height, height });
                }
                let signers = commit.signatures.iter().map(|signature| signature.kid).collect();
                // Also at the anchor's own height: what proves a fork there is another commit than the anchor's.
                let members = chain.signers_at(height);
                chain
                    .anchor()
                    .check_above(height)
                    .and_then(|()| FinalCheckpoint::verify(checkpoint.clone(), commit.clone(), members, verifier))
                    .map_err(|error| ForkError::Commit { side, error })?;
                (Some(commit.round), signers)
            }
            (None, Some(text)) => {
                let members = chain.signers_at(height);
                (None, signers_of(text, &self.checkpoint, side, &genesis.origin, members, verifier)?)
            }
            _ => return Err(ForkError::Signed { side }),
        };
        Ok(ForkSide { checkpoint, round, signers })
    }
}

/// The members whose signatures are on a note over a checkpoint's text.
fn signers_of(
    text: &str,
    checkpoint: &str,
    side: &'static str,
    origin: &Origin,
    members: &MemberSet,
    verifier: &dyn SignatureVerifier,
) -> Result<Vec<Hash>, ForkError> {
    let note = Note::parse(text.as_bytes()).map_err(|error| ForkError::Note { side, error })?;
    let keys: Vec<NoteKey> = note_keys(origin, members);
    let verified = note.verify(&keys, verifier).map_err(|error| ForkError::Note { side, error })?;
    if note.text() != checkpoint || verified.is_empty() {
        return Err(ForkError::NoteText { side });
    }
    Ok(signed_by(members, &verified))
}

/// The members of which one of these keys is.
fn signed_by(members: &MemberSet, keys: &[&NoteKey]) -> Vec<Hash> {
    let is_of = |member: &Member, key: &NoteKey| match &key.key {
        NoteKeyKind::Ed25519(key) => key == member.note_key(),
        NoteKeyKind::EcdsaP256(key) => key == member.key(),
    };
    members.members().filter(|member| keys.iter().any(|key| is_of(member, key))).map(Member::kid).collect()
}

/// The keys by which the members of a ledger sign notes: two of each.
pub fn note_keys(origin: &Origin, members: &MemberSet) -> Vec<NoteKey> {
    let of_member = |member: &Member| {
        [
            NoteKey::ecdsa(origin.clone(), member.key().clone()),
            NoteKey::ed25519(origin.clone(), member.note_key().clone()),
        ]
    };
    members.members().flat_map(of_member).collect()
}
