//! Evidence about an id, gathered from the store, and the node's own verdict over the same leaves.
//!
//! Anybody may ask, and one answer can mean reading megabytes of statements. So what is followed has limits, and the
//! work is done away from the threads that answer requests, for few at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::receipt::{inclusion, seal_leaf};
use crate::app::state::{place_in, statement_text};
use crate::app::workplace::Workplace;
use crate::domain::consortium::{ParticipantId, Place, Registry};
use crate::domain::evidence::{Evidence, Followed, PlacedStatement, ProvenSeal, ProvenStatement, records_of};
use crate::domain::gs1::Id;
use crate::domain::index::Subject;
use crate::domain::limits::{FOLLOWED_BYTES_MAX, FOLLOWED_STATEMENTS_MAX};
use crate::domain::merkle::{LeafIndex, TreeSize};
use crate::domain::provenance::{History, Policy, Verdict, judge, limit_reached, stale};
use crate::domain::statement::{StatementType, SubmittedStatement};
use crate::ports::StoredBlock;

/// Leaves read at once, so that reading stops soon after the limit of bytes.
const LEAVES_PER_READ: usize = 100;

/// The node's own verdict about an id, at its latest block.
pub async fn verdict(ledger: &Ledger, id: &Id, policy: &Policy) -> Result<(Verdict, StoredBlock), LedgerError> {
    let place = Workplace::take().await?;
    let view = ledger.view();
    let found = captures(ledger, id, view.size()).await?;
    let (tip, registry, now) = (view.tip.clone(), Arc::clone(&view.registry), ledger.now());
    let (id, policy) = (id.clone(), policy.clone());
    let (_, verdict) = place
        .work(move || {
            let followed = follow(found, &registry, &id)?;
            let (as_of, tree_size) = (tip.seal.time, tip.size());
            let mut verdict = judge(&History { id, as_of, tree_size, records: followed.records, registry }, &policy);
            if followed.limit_reached {
                verdict = verdict.with(limit_reached());
            }
            if let Some(reason) = stale(as_of, now, &policy) {
                verdict = verdict.with(reason);
            }
            Ok(verdict)
        })
        .await?;
    Ok((verdict, view.tip.clone()))
}

/// Evidence about an id, at a block that the caller chose or the latest.
pub async fn gather(ledger: &Ledger, id: &Id, block: &StoredBlock) -> Result<Evidence, LedgerError> {
    let place = Workplace::take().await?;
    let view = ledger.view();
    let size = block.size();
    let found = captures(ledger, id, size).await?;
    let limit_reached = found.limit_reached;
    let (place, captures) = place.work(move || captures_in(found)).await?;
    let registrations = read(ledger, registrations_for(ledger, &view, id, &captures, size).await?).await?;
    let (_place, registrations) = place.work(move || parse(registrations)).await?;
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
        limit_reached,
        statements: proven(ledger, captures, size).await?,
        registrations: proven(ledger, registrations, size).await?,
        seals,
    })
}

/// A statement as it was read, with its place.
struct Text {
    place: Place,
    bytes: Vec<u8>,
}

/// The statements that name an id, up to the limits.
struct Found {
    texts: Vec<Text>,
    limit_reached: bool,
}

/// Reads the statements that name an id, the first in ledger order.
async fn captures(ledger: &Ledger, id: &Id, size: TreeSize) -> Result<Found, LedgerError> {
    let limit = u32::try_from(FOLLOWED_STATEMENTS_MAX + 1).unwrap_or(u32::MAX);
    let mut leaves = ledger.store().leaves_of(Subject::id(id.as_str()).key(), size, limit).await?;
    let mut found = Found { texts: Vec::new(), limit_reached: leaves.len() > FOLLOWED_STATEMENTS_MAX };
    leaves.truncate(FOLLOWED_STATEMENTS_MAX);
    let mut bytes = 0;
    for chunk in leaves.chunks(LEAVES_PER_READ) {
        for (leaf, place) in read_leaves(ledger, chunk.to_vec()).await? {
            let text = text_of(ledger, place.leaf, &leaf).await?;
            bytes += text.len();
            if bytes > FOLLOWED_BYTES_MAX {
                found.limit_reached = true;
                return Ok(found);
            }
            found.texts.push(Text { place, bytes: text });
        }
    }
    Ok(found)
}

/// The captures among what was found: a registration names its locations too.
fn captures_in(found: Found) -> Result<Vec<PlacedStatement>, LedgerError> {
    let mut captures = parse(found.texts)?;
    captures.retain(|one| one.statement.header().typ() == StatementType::Epcis);
    Ok(captures)
}

/// The records of an id in what was found.
fn follow(found: Found, registry: &Registry, id: &Id) -> Result<Followed, LedgerError> {
    let mut followed = Followed { limit_reached: found.limit_reached, ..Followed::default() };
    for capture in captures_in(found)? {
        let leaf = capture.place.leaf;
        followed.take(records_of(&capture, registry, id).map_err(|error| fault(leaf, error))?);
        if followed.is_full() {
            break;
        }
    }
    Ok(followed)
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
        // Members write these, and nobody else.
        let subject = Subject::party(party.as_str());
        leaves.extend(ledger.store().leaves_of(subject.key(), size, u32::MAX).await?);
    }
    Ok(leaves.into_iter().collect())
}

/// Reads leaves with their places.
async fn read_leaves(ledger: &Ledger, leaves: Vec<LeafIndex>) -> Result<Vec<(Vec<u8>, Place)>, LedgerError> {
    let blocks = ledger.store().blocks_of(leaves.clone()).await?;
    let stored = ledger.store().leaves_at(leaves).await?;
    let placed = stored.into_iter().zip(&blocks);
    Ok(placed.map(|(leaf, block)| (leaf.bytes, place_in(leaf.index, &block.seal))).collect())
}

/// Reads statements with their places.
async fn read(ledger: &Ledger, leaves: Vec<LeafIndex>) -> Result<Vec<Text>, LedgerError> {
    let mut texts = Vec::with_capacity(leaves.len());
    for (leaf, place) in read_leaves(ledger, leaves).await? {
        texts.push(Text { place, bytes: text_of(ledger, place.leaf, &leaf).await? });
    }
    Ok(texts)
}

async fn text_of(ledger: &Ledger, index: LeafIndex, leaf: &[u8]) -> Result<Vec<u8>, LedgerError> {
    let text = statement_text(ledger.store(), leaf).await?;
    text.ok_or_else(|| fault(index, "it holds no statement"))
}

fn parse(texts: Vec<Text>) -> Result<Vec<PlacedStatement>, LedgerError> {
    let parsed = texts.into_iter().map(|Text { place, bytes }| {
        let statement = SubmittedStatement::parse(&bytes).map_err(|error| fault(place.leaf, error))?;
        Ok(PlacedStatement { place, statement })
    });
    parsed.collect()
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
