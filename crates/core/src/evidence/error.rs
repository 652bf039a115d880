//! What is wrong with evidence, with the leaf or subject where that shows.

use crate::block::{CheckpointError, FinalityError, Height, SealError};
use crate::consortium::{AdminError, Refusal};
use crate::evidence::{CaptureFault, Evidence, HandoverError};
use crate::gs1::{Id, IdError};
use crate::hash::Hash;
use crate::index::{Acts, IndexProofError, SignerTag, Subject};
use crate::json::JsonError;
use crate::limits::EVIDENCE_BYTES_MAX;
use crate::merkle::{LeafIndex, ProofError};
use crate::provenance::FollowFault;
use crate::statement::StatementError;

/// Evidence that does not hold. The first fault in the order of the steps in `docs/FORMATS.md`.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("the evidence has {found} bytes; {EVIDENCE_BYTES_MAX} are read")]
    TooLong { found: usize },
    #[error("the evidence is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("this is no evidence: {detail}")]
    Shape { detail: String },
    #[error(
        "this evidence has version {found}, and this program reads version {}: fetch it again with `sealane evidence ID \
         --out FILE`, or verify it with the sealane that fetched it",
        Evidence::VERSION
    )]
    Version { found: u64 },
    #[error("the evidence answers for the label {found:?}, and was asked for with {asked:?}")]
    OtherLabel { asked: String, found: String },
    #[error("handover {position}, from 0: {error}")]
    Handover { position: usize, error: HandoverError },
    #[error("it has the handover of block {handover}, and is itself of block {own}")]
    HandoverAbove { handover: Height, own: Height },
    #[error("the evidence is about {found}, and was asked for about {asked}")]
    OtherId { asked: Id, found: String },
    #[error("the evidence's id: {0}")]
    Id(#[from] IdError),
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the checkpoint is of {found}, and the trust anchor of {trusted}")]
    OtherOrigin { trusted: String, found: String },
    #[error("the commit: {0}")]
    Commit(FinalityError),
    #[error("the seal of leaf {leaf}: {error}")]
    Seal { leaf: LeafIndex, error: SealError },
    #[error("the checkpoint's seal: {0}")]
    SealPlace(FinalityError),
    #[error("the seal of leaf {leaf} is of a block above the trust anchor's: {error}")]
    SealMembers { leaf: LeafIndex, error: FinalityError },
    #[error("the leaves are not in ledger order at leaf {leaf}")]
    Order { leaf: LeafIndex },
    #[error("two things are said to stand at leaf {leaf}")]
    LeafTwice { leaf: LeafIndex },
    #[error("the leaves are not in the tree of the checkpoint: {0}")]
    Inclusion(#[from] ProofError),
    #[error("the subjects of the index are not in their order at {subject}")]
    IndexOrder { subject: Subject },
    #[error("the signers are not in their order, or one stands twice, at {signer}")]
    SignerOrder { signer: SignerTag },
    #[error("the signer {signer} signed none of the leaves shown")]
    SignerUnneeded { signer: SignerTag },
    #[error("what the index says of {subject}: {error}")]
    Index { subject: Subject, error: IndexProofError },
    #[error("the evidence holds no seal of the block of leaf {leaf}")]
    NoSeal { leaf: LeafIndex },
    #[error("the seal of leaf {leaf} is of no block of these statements")]
    SealUnneeded { leaf: LeafIndex },
    #[error("the statement of leaf {leaf}: {error}")]
    Statement { leaf: LeafIndex, error: StatementError },
    #[error("the statement of leaf {leaf} is a {found}, which does not belong there")]
    Kind { leaf: LeafIndex, found: &'static str },
    #[error("the registration of leaf {leaf}: {error}")]
    Admin { leaf: LeafIndex, error: AdminError },
    #[error("the registration of leaf {leaf} cannot stand there: {error}")]
    Refused { leaf: LeafIndex, error: Refusal },
    #[error(
        "the registration of leaf {leaf} is signed by {kid}, who is no member in force at its block, {height}, by the trust \
         anchor and the handovers"
    )]
    NotInForce { leaf: LeafIndex, kid: Hash, height: Height },
    #[error(
        "the registration of leaf {leaf} stands before the trust anchor's block, and the key of its signer {kid} is not among \
         formerMembers"
    )]
    FormerMissing { leaf: LeafIndex, kid: Hash },
    #[error("formerMembers are ordered by the bytes of their thumbprints, none twice; {kid} stands too late")]
    FormerOrder { kid: Hash },
    #[error("formerMembers has {kid}, who is shown as a founder or by a handover")]
    FormerKnown { kid: Hash },
    #[error("formerMembers has {kid}, who signed none of the registrations here")]
    FormerUnneeded { kid: Hash },
    #[error("the capture of leaf {leaf}: {error}")]
    Record { leaf: LeafIndex, error: CaptureFault },
    #[error("something is left out: the index says nothing here of {subject}, which the answer rests on")]
    SubjectMissing { subject: Subject },
    #[error("something is left out: leaf {leaf} names {subject}, and its statement is not here")]
    StatementMissing { subject: Subject, leaf: LeafIndex },
    #[error("something is left out: a list leads to leaf {leaf}, and the capture there is not here")]
    CaptureMissing { leaf: LeafIndex },
    #[error("something is left out: {0}")]
    Follow(#[from] FollowFault),
    #[error("the index is shown here for {subject}, on which the answer does not rest")]
    SubjectUnneeded { subject: Subject },
    #[error("of the list of {subject} other leaves are shown here than the answer rests on")]
    OtherLeaves { subject: Subject },
    #[error("the statement of leaf {leaf} is named by none of the lists here")]
    Unrelated { leaf: LeafIndex },
    #[error("the index has leaf {leaf} in the list of {subject}, which its statement does not name")]
    NotNamed { leaf: LeafIndex, subject: Subject },
    #[error(
        "the index has leaf {leaf} in the list of {subject} as signed by {listed}, and its statement is by {found}"
    )]
    OtherSigner { leaf: LeafIndex, subject: Subject, listed: SignerTag, found: SignerTag },
    #[error(
        "the index has leaf {leaf} in the list of {subject} with acts {:#04x}, and its statement gives {:#04x}",
        listed.byte(), found.byte()
    )]
    OtherActs { leaf: LeafIndex, subject: Subject, listed: Acts, found: Acts },
    #[error("the statement of leaf {leaf} names {subject}, and the index does not have it in that list")]
    NotIndexed { leaf: LeafIndex, subject: Subject },
}
