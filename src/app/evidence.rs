//! Evidence about an id, gathered from the store, and the node's own verdict over the same leaves.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::receipt::{inclusion, seal_leaf};
use crate::app::state::{place_in, statement_text};
use crate::domain::consortium::ParticipantId;
use crate::domain::evidence::{Evidence, PlacedStatement, ProvenSeal, ProvenStatement, records_of};
use crate::domain::gs1::Id;
use crate::domain::index::Subject;
use crate::domain::merkle::{LeafIndex, TreeSize};
use crate::domain::provenance::{History, Policy, Verdict, judge, stale};
use crate::domain::statement::SubmittedStatement;
use crate::ports::{StoreError, StoredBlock};

/// The node's own verdict about an id, at its latest block.
pub async fn verdict(ledger: &Ledger, id: &Id, policy: &Policy) -> Result<(Verdict, StoredBlock), LedgerError> {
    let view = ledger.view();
    let history = history(ledger, &view, id).await?;
    let verdict = judge(&history, policy);
    let reason = stale(history.as_of, ledger.now(), policy);
    let verdict = reason.map_or(verdict.clone(), |reason| verdict.with(reason));
    Ok((verdict, view.tip.clone()))
}

/// Evidence about an id, at a block that the caller chose or the latest.
pub async fn gather(ledger: &Ledger, id: &Id, block: &StoredBlock) -> Result<Evidence, LedgerError> {
    let view = ledger.view();
    let size = block.size();
    let captures = placed(ledger, leaves_of(ledger, &Subject::id(id.as_str()), size).await?).await?;
    let captures: Vec<PlacedStatement> = captures.into_iter().filter(is_capture).collect();
    let registrations = placed(ledger, registrations_for(ledger, &view, id, &captures, size).await?).await?;
    let leaves = captures.iter().chain(&registrations).map(|one| one.place.leaf).collect::<BTreeSet<_>>();
    let mut seals = Vec::new();
    let mut blocks = ledger.store().blocks_of(leaves.into_iter().collect()).await?;
    blocks.dedup_by_key(|block| block.seal.height);
    for of in &blocks {
        seals.push(proven_seal(ledger, of, size).await?);
    }
    Ok(Evidence {
        version: Evidence::VERSION,
        id: id.as_str().to_owned(),
        checkpoint: block.checkpoint.to_text(),
        commit: block.commit.clone(),
        seal: proven_seal(ledger, block, size).await?,
        statements: proven(ledger, captures, size).await?,
        registrations: proven(ledger, registrations, size).await?,
        seals,
    })
}

async fn history(ledger: &Ledger, view: &View, id: &Id) -> Result<History, LedgerError> {
    let size = view.size();
    let captures = placed(ledger, leaves_of(ledger, &Subject::id(id.as_str()), size).await?).await?;
    let mut records = Vec::new();
    for capture in captures.iter().filter(|one| is_capture(one)) {
        let found = records_of(capture, &view.registry, id);
        records.extend(found.map_err(|error| fault(capture.place.leaf, error))?);
    }
    let registry = Arc::clone(&view.registry);
    Ok(History { id: id.clone(), as_of: view.tip.seal.time, tree_size: size, records, registry })
}

fn is_capture(placed: &PlacedStatement) -> bool {
    placed.statement.header().typ() == crate::domain::statement::StatementType::Epcis
}

async fn leaves_of(ledger: &Ledger, subject: &Subject, size: TreeSize) -> Result<Vec<LeafIndex>, StoreError> {
    ledger.store().leaves_of(subject.key(), size).await
}

/// The leaves of every admin statement about the signers, and about whoever ever held the id's prefix or namespace.
async fn registrations_for(
    ledger: &Ledger,
    view: &View,
    id: &Id,
    captures: &[PlacedStatement],
    size: TreeSize,
) -> Result<Vec<LeafIndex>, LedgerError> {
    let signers = captures.iter().filter_map(|capture| {
        let (participant, _) = view.registry.certificate(capture.statement.header().signer().hash())?;
        Some(participant.id.clone())
    });
    let holders = view.registry.participants().filter(|one| one.claims.cover(id)).map(|one| one.id.clone());
    let mut leaves = BTreeSet::new();
    for party in signers.chain(holders).collect::<BTreeSet<ParticipantId>>() {
        leaves.extend(leaves_of(ledger, &Subject::party(party.as_str()), size).await?);
    }
    Ok(leaves.into_iter().collect())
}

/// Reads statements with their places.
async fn placed(ledger: &Ledger, leaves: Vec<LeafIndex>) -> Result<Vec<PlacedStatement>, LedgerError> {
    let blocks = ledger.store().blocks_of(leaves.clone()).await?;
    let stored = ledger.store().leaves_at(leaves).await?;
    let mut found = Vec::with_capacity(stored.len());
    for (leaf, block) in stored.iter().zip(&blocks) {
        let text = statement_text(ledger.store(), &leaf.bytes).await?;
        let text = text.ok_or_else(|| fault(leaf.index, "it holds no statement"))?;
        let statement = SubmittedStatement::parse(&text).map_err(|error| fault(leaf.index, error))?;
        found.push(PlacedStatement { place: place_in(leaf.index, &block.seal), statement });
    }
    Ok(found)
}

async fn proven(
    ledger: &Ledger,
    statements: Vec<PlacedStatement>,
    size: TreeSize,
) -> Result<Vec<ProvenStatement>, LedgerError> {
    let mut proven = Vec::with_capacity(statements.len());
    for PlacedStatement { place, statement } in statements {
        proven.push(ProvenStatement {
            leaf_index: place.leaf,
            statement: statement.compact().to_owned(),
            inclusion_proof: inclusion(ledger, place.leaf, size).await?,
        });
    }
    Ok(proven)
}

async fn proven_seal(ledger: &Ledger, block: &StoredBlock, size: TreeSize) -> Result<ProvenSeal, LedgerError> {
    let leaf_index = seal_leaf(block)?;
    Ok(ProvenSeal {
        leaf_index,
        seal: block.seal.to_json(),
        inclusion_proof: inclusion(ledger, leaf_index, size).await?,
    })
}

fn fault(leaf: LeafIndex, error: impl ToString) -> LedgerError {
    LedgerError::Leaf { leaf, detail: error.to_string() }
}
