//! Evidence about an id, gathered from the store, and the node's own verdict over the same leaves.
//!
//! Every client may ask, and one answer can mean reading megabytes of statements. So what is followed has limits, and the
//! work is done away from the threads that answer requests, for few at a time.

mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::app::answer::{MemoryBudget, MemoryLease, VERDICTS};
use crate::app::evidence::stored::Stored;
use crate::app::handovers::{bytes_of, handovers};
use crate::app::ledger::{Ledger, LedgerError, Proven, View};
use crate::app::receipt::seal_leaf;
use crate::ports::StoredBlock;
use sealane_core::block::{Height, MemberSet};
use sealane_core::evidence::{Evidence, Handover, PlacedSeal, PlacedText};
use sealane_core::gs1::Question;
use sealane_core::hash::Hash;
use sealane_core::index::{SignerList, Subject, SubjectEntry, SubjectKey, SubjectProof};
use sealane_core::limits::{HEADER_BYTES_MAX, PARTICIPANT_PROPOSAL_BYTES_MAX};
use sealane_core::merkle::{self, LeafIndex, MultiProof, TreeSize};
use sealane_core::provenance::{History, Policy, Trail, Verdict, follow, judge, stale};
use sealane_core::statement::{PublicKey, SubmittedStatement};

/// How often the ledger may grow under an answer that is being gathered before it is given up.
const ATTEMPTS: usize = 16;

/// Longest text of an evidence document that is written down before it is sent. A longer one is written while its client takes it,
/// so that its statements are in memory once.
pub const WRITTEN_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of an evidence document for each leaf beside its statement: its place, its part of the lists, and most of its proof.
const BYTES_BESIDE_STATEMENT: usize = 2 * 1024;

/// Bytes of an entry of a list: a leaf index, a signer's number and acts, in an entry that may not be opened.
const BYTES_OF_ENTRY: usize = 32;

/// Bytes of a proposal about participants, in compact form: its payload and its header in base64, and its signature.
const PROPOSAL_BYTES: usize = (PARTICIPANT_PROPOSAL_BYTES_MAX + HEADER_BYTES_MAX) / 3 * 4 + 128;

/// Bytes of an evidence document that has no statements.
const BYTES_WITHOUT_STATEMENTS: usize = 64 * 1024;

/// The node's own verdict about an id, with its label if it has one, at its latest block.
pub async fn verdict(
    ledger: &Ledger,
    asked: impl Into<Question>,
    policy: &Policy,
) -> Result<(Verdict, StoredBlock), LedgerError> {
    let client = ledger.client;
    let (ledger, asked, policy, handle) = (ledger.clone(), asked.into(), policy.clone(), Handle::current());
    let work = move || {
        let (view, now) = (ledger.view(), ledger.now());
        let mut source = Stored::new(&ledger, handle, &view.registry, view.size())?;
        let Trail { records, unopened, known, limit_reached, .. } = follow(&asked, &mut source)?;
        let Question { id, label } = asked;
        let (as_of, tree_size, registry) = (view.tip.seal.time, view.size(), Arc::clone(&view.registry));
        let known = Some(known);
        let history = History { id, label, as_of, tree_size, records, unopened, known, limit_reached, registry };
        let mut verdict = judge(&history, &policy);
        if let Some(reason) = stale(as_of, now, &policy) {
            verdict = verdict.with(reason);
        }
        Ok((verdict, view.tip.clone()))
    };
    VERDICTS.run(client, work).await
}

/// Evidence about an id, with its label if it has one, at a block that the caller chose or the latest.
pub async fn gather(
    ledger: &Ledger,
    asked: impl Into<Question>,
    block: Option<StoredBlock>,
) -> Result<Evidence, LedgerError> {
    let client = ledger.client;
    let (ledger, asked, handle) = (ledger.clone(), asked.into(), Handle::current());
    let work = move || gather_now(&ledger, handle, &asked, block, Height::GENESIS, &mut |_| Ok(()));
    VERDICTS.run(client, work).await
}

/// Gathers evidence as [`gather`] does, with the handovers above the block `from`, and writes it down on the same thread. Its
/// memory is taken out of a budget before
/// any statement is read, and counts for the ledger's client until the lease is dropped.
///
/// # Errors
///
/// `AnswersHeld` if the budget has no room.
pub async fn gather_within<T: Send + 'static>(
    ledger: &Ledger,
    asked: impl Into<Question>,
    block: Option<StoredBlock>,
    from: Height,
    budget: &Arc<MemoryBudget>,
    write: impl FnOnce(Evidence) -> T + Send + 'static,
) -> Result<(T, MemoryLease), LedgerError> {
    let client = ledger.client;
    let (ledger, asked, handle, mut lease) = (ledger.clone(), asked.into(), Handle::current(), budget.lease(client));
    let work = move || {
        let mut reserve = |bytes| lease.grow_to(bytes).then_some(()).ok_or(LedgerError::AnswersHeld);
        let evidence = gather_now(&ledger, handle, &asked, block, from, &mut reserve)?;
        Ok((write(evidence), lease))
    };
    VERDICTS.run(client, work).await
}

/// Asks for the memory that an evidence document takes while it is made.
type Reserve<'a> = &'a mut dyn FnMut(usize) -> Result<(), LedgerError>;

fn gather_now(
    ledger: &Ledger,
    handle: Handle,
    asked: &Question,
    block: Option<StoredBlock>,
    from: Height,
    reserve: Reserve<'_>,
) -> Result<Evidence, LedgerError> {
    let view = ledger.view();
    let tip = block.as_ref().map_or(view.tip.seal.height, |block| block.seal.height);
    let handed_over = bytes_of(&view.registry, from, tip);
    let mut reserve = |bytes| {
        let document: usize = bytes + handed_over;
        reserve(document + document.min(WRITTEN_BYTES_MAX))
    };
    let evidence = match block {
        Some(block) => at_block(ledger, handle.clone(), asked, block, &mut reserve)?,
        None => at_tip(ledger, handle.clone(), asked, &mut reserve)?,
    };
    with_members(ledger, &handle, evidence, from)
}

/// Adds what shows who was in force: the handovers above `from`, and the keys of members that signed and that nothing else shows.
fn with_members(ledger: &Ledger, handle: &Handle, evidence: Evidence, from: Height) -> Result<Evidence, LedgerError> {
    let view = ledger.view();
    let registry = &view.registry;
    let made = handle.block_on(handovers(ledger, registry, from, evidence.commit.height))?;
    let handovers: Vec<Handover> = made.iter().map(|one| Handover::clone(one)).collect();
    let sets: Vec<&MemberSet> = registry.member_changes().map(|change| &*change.members).collect();
    let shown: Vec<&MemberSet> =
        sets.first().copied().into_iter().chain(handovers.iter().map(|one| &one.members)).collect();
    let mut former: BTreeMap<Hash, PublicKey> = BTreeMap::new();
    for placed in &evidence.registrations {
        let fault = |detail: String| LedgerError::Leaf { leaf: placed.leaf_index, detail };
        let statement =
            SubmittedStatement::parse(placed.statement.as_bytes()).map_err(|error| fault(error.to_string()))?;
        let kid = *statement.header().signer().hash();
        if shown.iter().any(|set| set.get(&kid).is_some()) {
            continue;
        }
        let member = sets.iter().find_map(|set| set.get(&kid));
        let member = member.ok_or_else(|| fault(format!("its signer {kid} was never a member")))?;
        former.insert(kid, member.key().clone());
    }
    Ok(Evidence { handovers, former_members: former.into_values().collect(), ..evidence })
}

/// The index in memory is that of the latest block, and blocks come while the leaves are read: what is to be proven is
/// found first, proven, and found again at the block of the proofs, until both agree.
fn at_tip(ledger: &Ledger, handle: Handle, asked: &Question, reserve: Reserve<'_>) -> Result<Evidence, LedgerError> {
    let mut view = ledger.view();
    let mut source = Stored::new(ledger, handle.clone(), &view.registry, view.size())?;
    let mut trail = follow(asked, &mut source)?;
    for _ in 0..ATTEMPTS {
        let keys: Vec<SubjectKey> = trail.shown.keys().map(Subject::key).collect();
        let Proven { view: at, proofs } = handle.block_on(ledger.prove(keys.clone(), None))?;
        if at.size() != view.size() {
            view = at;
            source.move_to(&view.registry, view.size())?;
            trail = follow(asked, &mut source)?;
        }
        if trail.shown.keys().map(Subject::key).eq(keys) {
            return assemble(asked, &view, &trail, proofs, &mut source, reserve);
        }
    }
    Err(LedgerError::Busy)
}

/// The index of an earlier block is kept for a while as what later blocks have changed.
///
/// Asked for first, so that a block that is no longer kept costs no more than the question.
fn at_block(
    ledger: &Ledger,
    handle: Handle,
    asked: &Question,
    block: StoredBlock,
    reserve: Reserve<'_>,
) -> Result<Evidence, LedgerError> {
    let registry = Arc::clone(&ledger.view().registry);
    let height = Some(block.seal.height);
    handle.block_on(ledger.prove(Vec::new(), height))?;
    let view = View { tip: block, registry };
    let mut source = Stored::new(ledger, handle.clone(), &view.registry, view.size())?;
    let trail = follow(asked, &mut source)?;
    let keys = trail.shown.keys().map(Subject::key).collect();
    let Proven { proofs, .. } = handle.block_on(ledger.prove(keys, height))?;
    assemble(asked, &view, &trail, proofs, &mut source, reserve)
}

fn assemble(
    asked: &Question,
    view: &View,
    trail: &Trail,
    proofs: Vec<SubjectProof>,
    source: &mut Stored<'_>,
    reserve: Reserve<'_>,
) -> Result<Evidence, LedgerError> {
    let (captures, admins) = trail.leaves();
    let ends = trail.ends();
    let proposals = admins.iter().filter(|leaf| view.registry.proposed_at(**leaf).is_some()).count();
    let beside = BYTES_WITHOUT_STATEMENTS
        + (captures.len() + admins.len() + ends.len()) * BYTES_BESIDE_STATEMENT
        + trail.shown.values().map(|list| list.entries.len()).sum::<usize>() * BYTES_OF_ENTRY
        + proposals * PROPOSAL_BYTES;
    reserve(source.statement_bytes(&captures)? + beside)?;
    let mut parts = Vec::with_capacity(proofs.len());
    for (subject, shown) in &trail.shown {
        let from = usize::try_from(shown.first).unwrap_or(usize::MAX);
        parts.push((subject, source.whole_list(subject)?, from..from.saturating_add(shown.entries.len())));
    }
    let shown = parts.iter().flat_map(|(_, list, part)| list.get(part.clone()).unwrap_or_default());
    let signers = SignerList::of(shown.map(|entry| entry.signer));
    let parts = parts.into_iter().zip(proofs);
    let index =
        parts.map(|((subject, list, part), proof)| SubjectEntry::new(subject, &list, part, proof, &signers)).collect();
    let all: BTreeSet<LeafIndex> = captures.union(&admins).copied().collect();
    let seals = seals(source.blocks_of(all.union(&ends).copied().collect())?)?;
    let seal = PlacedSeal { leaf_index: seal_leaf(&view.tip)?, seal: view.tip.seal.to_json() };
    let mut proven = all;
    proven.extend(seals.iter().chain([&seal]).map(|one| one.leaf_index));
    Ok(Evidence {
        version: Evidence::VERSION,
        id: asked.id.to_string(),
        label: asked.label.to_map(),
        checkpoint: view.tip.checkpoint.to_text(),
        commit: view.tip.commit.clone(),
        seal,
        signers,
        index,
        statements: texts(source, captures)?,
        registrations: texts(source, admins)?,
        seals,
        handovers: Vec::new(),
        former_members: Vec::new(),
        inclusion_proof: inclusion(source, proven, view.size())?,
    })
}

fn seals(blocks: Vec<StoredBlock>) -> Result<Vec<PlacedSeal>, LedgerError> {
    let mut seals = BTreeMap::new();
    for block in blocks {
        let leaf_index = seal_leaf(&block)?;
        seals.insert(leaf_index, PlacedSeal { leaf_index, seal: block.seal.to_json() });
    }
    Ok(seals.into_values().collect())
}

fn texts(source: &Stored<'_>, leaves: BTreeSet<LeafIndex>) -> Result<Vec<PlacedText>, LedgerError> {
    // In the order of the set, which is the ledger's.
    let leaves: Vec<LeafIndex> = leaves.into_iter().collect();
    let texts = source.texts(&leaves)?;
    Ok(leaves.into_iter().zip(texts).map(|(leaf_index, statement)| PlacedText { leaf_index, statement }).collect())
}

fn inclusion(source: &Stored<'_>, leaves: BTreeSet<LeafIndex>, size: TreeSize) -> Result<MultiProof, LedgerError> {
    let leaves: Vec<LeafIndex> = leaves.into_iter().collect();
    let tiles = source.tiles(merkle::tiles_for_multi_proof(&leaves, size))?;
    Ok(merkle::multi_proof(&tiles, &leaves, size)?)
}
