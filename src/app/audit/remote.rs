//! Audit of another member's node: its ledger replayed as it shows it, and held against what its auditor has seen before.
//!
//! The node may show anything. What it signed stands: a checkpoint of a height for which its members have signed another
//! one, in a receipt, in a checkpoint seen earlier or in another answer of the node, is proof of a fork.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Serialize;

use crate::app::audit::source::LedgerSource;
use crate::app::audit::walk::{Watch, walk};
use crate::app::audit::{AuditError, Fault, Replayed, Report, fail, fault};
use crate::ports::{StoreError, StoredBlock};
use sealane_core::block::{Checkpoint, FinalBlock, Height, Note, Origin};
use sealane_core::evidence::{
    Anchor, Fork, ForkError, Handover, MemberChain, Receipt, ReceiptError, SignedCheckpoint, note_keys,
};
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

/// A node, asked for its ledger.
#[async_trait]
pub trait RemoteNode: LedgerSource {
    /// The latest block.
    async fn latest(&self) -> Result<StoredBlock, StoreError>;
    /// The signed note over its latest checkpoint, as text.
    async fn note(&self) -> Result<Vec<u8>, StoreError>;
    /// The changes of members in blocks above this height.
    async fn handovers(&self, from: Height) -> Result<Vec<Handover>, StoreError>;
}

/// A receipt, and for people where it was read.
#[derive(Debug, Clone)]
pub struct HeldReceipt {
    pub from: String,
    pub receipt: Receipt,
}

/// What the auditor brings along.
#[derive(Debug, Default)]
pub struct HeldBefore {
    pub receipts: Vec<HeldReceipt>,
    /// A checkpoint of this ledger that was verified before.
    pub seen: Option<SignedCheckpoint>,
}

/// What an audit of a node went through without a fault.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteReport {
    pub origin: Origin,
    #[serde(flatten)]
    pub report: Report,
    /// Receipts that the ledger keeps.
    pub receipts: usize,
    /// C2SP tlog-checkpoint text of all that was replayed.
    pub checkpoint: String,
    #[serde(skip)]
    pub tip: StoredBlock,
}

/// Why a node's ledger was not found sound.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("the receipt in {from} proves nothing, of this node or another: {error}")]
    Receipt { from: String, error: ReceiptError },
    #[error("what was kept of an earlier visit does not hold: {0}")]
    Seen(#[from] ForkError),
    #[error(
        "its ledger ends at block {height} with {size} leaves, and {by} is of block {known} with {known_size} leaves: it was cut back"
    )]
    CutBack { height: Height, size: u64, by: String, known: Height, known_size: u64 },
    #[error("the ledger is forked at height {}", .0.height())]
    Fork(Box<Fork>),
}

impl From<Fault> for RemoteError {
    fn from(fault: Fault) -> Self {
        Self::Audit(fault.into())
    }
}

impl From<StoreError> for RemoteError {
    fn from(error: StoreError) -> Self {
        Self::Audit(error.into())
    }
}

/// Replays a node's ledger up to the block that is its latest now. `progress` is told of leaves done, and of how many
/// there are.
pub async fn remote(
    node: &dyn RemoteNode,
    provider: Provider<'_>,
    anchor: &Anchor,
    held: &HeldBefore,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<RemoteReport, RemoteError> {
    let handovers = match node.handovers(anchor.height()).await {
        // Without them the anchor's members alone count: a change that is not shown is a fault at its block. Of a node that is
        // not there, its latest block tells so.
        Err(StoreError::Unavailable(_)) => Vec::new(),
        told => told?,
    };
    let members = MemberChain::verify(anchor.clone(), &handovers, provider.signatures)
        .map_err(|(position, error)| fault(None, format!("handover {position}, from 0, of this node: {error}")))?;
    let mut witness = Witness {
        members: &members,
        verifier: provider.signatures,
        known: BTreeMap::new(),
        note: None,
        note_met: false,
        fork: None,
        progress,
        size: 0,
    };
    let result = audit(node, provider, held, &mut witness).await;
    // A fork weighs more than the fault by which it stopped the replay.
    if let Some(fork) = witness.fork.take() {
        return Err(RemoteError::Fork(fork));
    }
    let (report, tip) = result?;
    Ok(RemoteReport {
        origin: anchor.genesis().origin.clone(),
        report,
        receipts: held.receipts.len(),
        checkpoint: tip.checkpoint.to_text(),
        tip,
    })
}

async fn audit(
    node: &dyn RemoteNode,
    provider: Provider<'_>,
    held: &HeldBefore,
    witness: &mut Witness<'_>,
) -> Result<(Report, StoredBlock), RemoteError> {
    let (members, verifier) = (witness.members, provider.signatures);
    for receipt in &held.receipts {
        let HeldReceipt { from, receipt } = receipt;
        let checked = receipt.verify(members, verifier);
        let checkpoint = checked.map_err(|error| RemoteError::Receipt { from: from.clone(), error })?.checkpoint;
        let (commit, seal) = (receipt.commit.clone(), Some(receipt.seal.clone()));
        let shown = SignedCheckpoint::commit(format!("the receipt in {from}"), &checkpoint, commit, seal);
        witness.take(Known { height: receipt.commit.height, checkpoint, shown })?;
    }
    // What was seen before the anchor's block is covered by it: the replay meets the anchor's size and root.
    let is_above =
        |seen: &&SignedCheckpoint| seen.commit.as_ref().is_none_or(|commit| commit.height > members.anchor().height());
    if let Some(seen) = held.seen.as_ref().filter(is_above) {
        witness.take(known_of(seen, members, verifier)?)?;
    }
    let tip = node.latest().await?;
    verify_block(&tip, members, verifier).map_err(|error| fault(None, format!("the latest block: {error}")))?;
    witness.take(Known::of(&tip, "blocks/latest of this node"))?;
    witness.note = Some(checked_note(node.note().await?, members, tip.seal.height, verifier)?);
    witness.size = tip.size().get();
    witness.block(&tip)?;
    match replay(node, provider, witness, &tip).await {
        Ok(report) => Ok((report, tip)),
        Err(error) => {
            // A fork is proven by two blocks, whatever is wrong with the leaves before them.
            witness.look_for_fork(node, &tip).await;
            Err(error)
        }
    }
}

async fn replay(
    node: &dyn RemoteNode,
    provider: Provider<'_>,
    witness: &mut Witness<'_>,
    tip: &StoredBlock,
) -> Result<Report, RemoteError> {
    witness.check_cut_back(tip)?;
    let mut replayed = Replayed::new(provider, Some(witness.members.anchor()));
    walk(node, &mut replayed, tip.size(), witness).await?;
    if *replayed.last_seal()? != tip.seal {
        let fault = fault(tip.size().last_index(), "the seal that stands here is not that of the latest block");
        return Err(fault.in_block(tip.seal.height).into());
    }
    witness.check_note_met(tip)?;
    Ok(replayed.report()?)
}

/// A checkpoint whose signatures were verified.
struct Known {
    height: Height,
    checkpoint: Checkpoint,
    shown: SignedCheckpoint,
}

impl Known {
    fn of(block: &StoredBlock, by: &str) -> Self {
        let StoredBlock { checkpoint, commit, seal, .. } = block;
        Self {
            height: commit.height,
            checkpoint: checkpoint.clone(),
            shown: SignedCheckpoint::commit(by, checkpoint, commit.clone(), Some(seal.to_json())),
        }
    }
}

fn known_of(
    shown: &SignedCheckpoint,
    members: &MemberChain,
    verifier: &dyn SignatureVerifier,
) -> Result<Known, ForkError> {
    let height = shown.commit.as_ref().ok_or(ForkError::Signed { side: "remembered" })?.height;
    let checkpoint = shown.verify("remembered", height, members, verifier)?.checkpoint;
    Ok(Known { height, checkpoint, shown: shown.clone() })
}

/// Remembers what was signed, and holds each block against it.
struct Witness<'a> {
    /// Who was in force when, by the auditor's anchor and the node's handovers.
    members: &'a MemberChain,
    verifier: &'a dyn SignatureVerifier,
    /// One a height: two that differ are a fork.
    known: BTreeMap<Height, Known>,
    /// The node's signed note.
    note: Option<(Checkpoint, SignedCheckpoint)>,
    /// A block ends where the note's tree does.
    note_met: bool,
    fork: Option<Box<Fork>>,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
    size: u64,
}

impl Witness<'_> {
    /// Takes one more checkpoint, unless it forks from one that is known.
    fn take(&mut self, one: Known) -> Result<(), Fault> {
        match self.known.get(&one.height) {
            Some(other) if other.checkpoint != one.checkpoint => {
                let first = other.shown.clone();
                Err(self.forked(&first, &one.shown))
            }
            Some(_) => Ok(()),
            None => {
                self.known.insert(one.height, one);
                Ok(())
            }
        }
    }

    /// Holds the node's blocks of the heights that are known against what is known of them.
    async fn look_for_fork(&mut self, node: &dyn RemoteNode, tip: &StoredBlock) {
        let heights: Vec<Height> = self.known.keys().copied().filter(|height| *height < tip.seal.height).collect();
        for height in heights {
            let block = match node.block(height).await {
                Ok(Some(block)) => block,
                // What stopped the replay is said already; a block that cannot be had adds nothing to it.
                Ok(None) | Err(StoreError::Corrupt(_)) => continue,
                Err(_) => return,
            };
            if self.fork.is_some() || self.block(&block).is_err() {
                return;
            }
        }
    }

    /// The node may grow between two answers: its note may be of a later tree. One that is not later ends with a block.
    fn check_note_met(&self, tip: &StoredBlock) -> Result<(), Fault> {
        match &self.note {
            Some((note, _)) if note.size <= tip.size() && !self.note_met => {
                fail(None, format!("the signed note is of {} leaves, where no block ends", note.size))
            }
            _ => Ok(()),
        }
    }

    fn check_cut_back(&self, tip: &StoredBlock) -> Result<(), RemoteError> {
        match self.known.last_key_value().filter(|(height, _)| **height > tip.seal.height) {
            Some((_, known)) => Err(RemoteError::CutBack {
                height: tip.seal.height,
                size: tip.size().get(),
                by: known.shown.by.clone(),
                known: known.height,
                known_size: known.checkpoint.size.get(),
            }),
            None => Ok(()),
        }
    }

    /// Keeps the proof where the two sides are one, and says that they differ in any case.
    fn forked(&mut self, first: &SignedCheckpoint, second: &SignedCheckpoint) -> Fault {
        match Fork::of(first, second, self.members, self.verifier) {
            Ok(fork) => {
                let what = format!("the ledger is forked at height {}", fork.height());
                self.fork = Some(Box::new(fork));
                fault(None, what)
            }
            Err(error) => {
                fault(None, format!("{} and {} differ, and are no proof of a fork: {error}", first.by, second.by))
            }
        }
    }
}

impl Watch for Witness<'_> {
    fn block(&mut self, block: &StoredBlock) -> Result<(), Fault> {
        self.note_met |= self.note.as_ref().is_some_and(|(note, _)| note.size == block.checkpoint.size);
        let known = self.known.get(&block.commit.height).filter(|known| known.checkpoint != block.checkpoint);
        let differs = known.map(|known| known.shown.clone());
        let of_size = |(note, _): &&(Checkpoint, SignedCheckpoint)| {
            note.size == block.checkpoint.size && note.root != block.checkpoint.root
        };
        let differs = differs.or_else(|| self.note.as_ref().filter(of_size).map(|(_, shown)| shown.clone()));
        let Some(known) = differs else { return Ok(()) };
        let by = format!("blocks/{} of this node", block.commit.height);
        // What is not signed as it must be is no side of a fork: the replay says what is wrong with it.
        match verify_block(block, self.members, self.verifier) {
            Ok(()) => Err(self.forked(&known, &Known::of(block, &by).shown)),
            Err(_) => Ok(()),
        }
    }

    fn progress(&mut self, leaves: u64) {
        (self.progress)(leaves, self.size);
    }
}

/// Checks what of a block can be checked without its leaves.
fn verify_block(block: &StoredBlock, members: &MemberChain, verifier: &dyn SignatureVerifier) -> Result<(), String> {
    let genesis = members.anchor().genesis();
    let origin = &block.checkpoint.origin;
    if *origin != genesis.origin {
        return Err(format!("its checkpoint is of {origin}, and the trust anchor of {}", genesis.origin));
    }
    let StoredBlock { seal, checkpoint, commit, .. } = block;
    // The anchor's own block needs no signatures. Another one of its height is a side of a fork, if the anchor's members signed it.
    let is_anchors = || commit.height == members.anchor().height() && *checkpoint == members.anchor().checkpoint();
    let verified = match members.in_force_at(commit.height) {
        None if is_anchors() => members.check_seal_members(seal),
        set => {
            let set = set.unwrap_or(members.anchor().members());
            FinalBlock::verify(seal.clone(), checkpoint.clone(), commit.clone(), set, verifier).map(drop)
        }
    };
    verified.map_err(|error| error.to_string())
}

/// The node's signed note, once a member's signature on it is seen to hold.
fn checked_note(
    bytes: Vec<u8>,
    members: &MemberChain,
    tip: Height,
    verifier: &dyn SignatureVerifier,
) -> Result<(Checkpoint, SignedCheckpoint), Fault> {
    let wrong = |error: String| fault(None, format!("the signed note: {error}"));
    let note = Note::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    // A node that was removed signs no more; one that has come signs from its first block on.
    let origin = &members.anchor().genesis().origin;
    let signers = members.in_force_at(tip.next()).unwrap_or(members.anchor().members());
    note.verify(&note_keys(origin, signers), verifier).map_err(|error| wrong(error.to_string()))?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|error| wrong(format!("{error}")))?;
    if checkpoint.origin != *origin {
        return fail(None, format!("the signed note is of {}", checkpoint.origin));
    }
    let shown = SignedCheckpoint::note("the signed note of this node", &checkpoint, note.to_text());
    Ok((checkpoint, shown))
}
