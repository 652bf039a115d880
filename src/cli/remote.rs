//! Another member's node as an audit reads it: C2SP entry bundles, blocks and long statements over HTTP.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde::Deserialize;

use crate::app::audit::{LedgerSource, RemoteNode, SourceLeaf};
use crate::cli::client::{Client, FetchError};
use crate::ports::{StoreError, StoredBlock};
use sealane_core::block::{Commit, Height, Leaf, Seal};
use sealane_core::evidence::Handover;
use sealane_core::hash::Hash;
use sealane_core::json;
use sealane_core::limits::{EVIDENCE_BYTES_MAX, LEAF_BYTES_MAX, NOTE_BYTES_MAX, STATEMENT_BYTES_MAX};
use sealane_core::merkle::{BundleId, LeafIndex, TILE_WIDTH, TilePath, TreeSize, decode_entries};

/// Bytes of one entry bundle: 256 of the longest leaves, each after its length.
const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + LEAF_BYTES_MAX);

/// Bytes of one block's JSON: a note with its escapes, seal and checkpoint, and the signatures of 100 members.
const BLOCK_BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// Blocks that are asked for at once, so that an audit from afar does not wait for each in turn.
const BLOCKS_AT_ONCE: usize = 8;

/// A node, and the blocks whose seals were met and which are asked for next.
pub struct Remote {
    client: Client,
    ahead: Mutex<HashMap<Height, Result<Option<StoredBlock>, StoreError>>>,
}

/// `GET /ledger/blocks/{height}`. A member more says nothing that is audited.
#[derive(Deserialize)]
struct BlockJson {
    height: Height,
    seal: String,
    checkpoint: String,
    note: String,
    commit: Commit,
    from: TreeSize,
    to: TreeSize,
}

impl Remote {
    pub fn new(client: Client) -> Self {
        Self { client, ahead: Mutex::default() }
    }

    fn fetch(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.client.fetch(path, bytes_max).map_err(|error| match error {
            FetchError::NoAnswer(said) => StoreError::Unavailable(said),
            FetchError::TooLong { .. } => StoreError::Corrupt(format!("{path}: {error}")),
        })
    }

    fn fetch_block(&self, height: &str) -> Result<Option<StoredBlock>, StoreError> {
        let path = format!("/ledger/blocks/{height}");
        let Some(bytes) = self.fetch(&path, BLOCK_BYTES_MAX)? else { return Ok(None) };
        let block = block_of(&bytes).map_err(|error| StoreError::Corrupt(format!("{path}: {error}")))?;
        if height != "latest" && block.commit.height.to_string() != height {
            return Err(StoreError::Corrupt(format!("{path} is block {}", block.commit.height)));
        }
        Ok(Some(block))
    }

    fn fetch_bundle(&self, bundle: BundleId) -> Result<Vec<Vec<u8>>, StoreError> {
        let path = format!("/ledger/{}", TilePath::Entries(bundle));
        let width = bundle.tile().width();
        let entries = |bytes: &[u8], width: u16| {
            let entries =
                decode_entries(bytes, width).map_err(|error| StoreError::Corrupt(format!("{path}: {error}")))?;
            Ok(entries.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>())
        };
        if let Some(bytes) = self.fetch(&path, BUNDLE_BYTES_MAX)? {
            return entries(&bytes, width);
        }
        // A node may drop a partial bundle once it has the full one (C2SP tlog-tiles, "Partial tiles").
        let full = BundleId::new(bundle.tile().index(), TILE_WIDTH).ok().filter(|_| width < TILE_WIDTH);
        let full = full.map(|full| self.fetch(&format!("/ledger/{}", TilePath::Entries(full)), BUNDLE_BYTES_MAX));
        match full.transpose()?.flatten() {
            Some(bytes) => {
                let mut entries = entries(&bytes, TILE_WIDTH)?;
                entries.truncate(usize::from(width));
                Ok(entries)
            }
            None => Err(StoreError::Corrupt(format!("{path}, which the latest checkpoint covers, is not there"))),
        }
    }

    /// Fetches the blocks whose seals are among some leaves, a few at a time.
    fn fetch_ahead(&self, leaves: &[SourceLeaf]) {
        let seals = leaves.iter().filter_map(|leaf| match Leaf::decode(&leaf.bytes) {
            Ok(Leaf::Seal(seal)) => Some(seal.height),
            _ => None,
        });
        let heights: Vec<Height> = seals.collect::<BTreeSet<_>>().into_iter().collect();
        let next = AtomicUsize::new(0);
        let mut fetched = HashMap::new();
        std::thread::scope(|scope| {
            let fetch = || {
                let mut blocks = Vec::new();
                while let Some(height) = heights.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let block = self.fetch_block(&height.to_string());
                    // A node that does not answer is not waited for again and again.
                    if block.is_err() {
                        next.store(heights.len(), Ordering::Relaxed);
                    }
                    blocks.push((*height, block));
                }
                blocks
            };
            let workers: Vec<_> = (0..BLOCKS_AT_ONCE.min(heights.len())).map(|_| scope.spawn(fetch)).collect();
            // What a worker that has failed would have brought is asked for again, when it is needed.
            fetched.extend(workers.into_iter().filter_map(|worker| worker.join().ok()).flatten());
        });
        *self.lock() = fetched;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Height, Result<Option<StoredBlock>, StoreError>>> {
        // Each change is one call, so a panic elsewhere leaves it whole.
        self.ahead.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl LedgerSource for Remote {
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<SourceLeaf>, StoreError> {
        // A bundle is asked for from its beginning.
        let bundle = range.start / u64::from(TILE_WIDTH);
        let before = range.start % u64::from(TILE_WIDTH);
        let width = u16::try_from(before + (range.end - range.start)).map_err(corrupt)?;
        let mut entries = self.fetch_bundle(BundleId::new(bundle, width).map_err(corrupt)?)?;
        entries.drain(..usize::try_from(before).unwrap_or(usize::MAX).min(entries.len()));
        let mut leaves = Vec::with_capacity(entries.len());
        for (bytes, index) in entries.into_iter().zip(range) {
            leaves.push(SourceLeaf {
                index: LeafIndex::new(index).map_err(corrupt)?,
                bytes,
                hash: None,
                content: None,
            });
        }
        self.fetch_ahead(&leaves);
        Ok(leaves)
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let ahead = self.lock().remove(&height);
        ahead.unwrap_or_else(|| self.fetch_block(&height.to_string()))
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.fetch(&format!("/ledger/statements/{hash}"), STATEMENT_BYTES_MAX)
    }
}

#[async_trait]
impl RemoteNode for Remote {
    async fn latest(&self) -> Result<StoredBlock, StoreError> {
        let block = self.fetch_block("latest")?;
        block.ok_or_else(|| StoreError::Unavailable(format!("{} has no /ledger/blocks/latest", self.client.url())))
    }

    async fn note(&self) -> Result<Vec<u8>, StoreError> {
        let note = self.fetch("/ledger/checkpoint", NOTE_BYTES_MAX)?;
        note.ok_or_else(|| StoreError::Unavailable(format!("{} has no /ledger/checkpoint", self.client.url())))
    }

    async fn handovers(&self, from: Height) -> Result<Vec<Handover>, StoreError> {
        handovers(&self.client, from)
    }
}

/// `GET /ledger/handovers?from=H`: the changes of members in blocks above a height. Nothing in them is believed yet.
pub fn handovers(client: &Client, from: Height) -> Result<Vec<Handover>, StoreError> {
    let path = format!("/ledger/handovers?from={from}");
    let bytes = client.fetch(&path, EVIDENCE_BYTES_MAX).map_err(|error| match error {
        FetchError::NoAnswer(said) => StoreError::Unavailable(said),
        FetchError::TooLong { .. } => StoreError::Corrupt(format!("{path}: {error}")),
    })?;
    let bytes = bytes.ok_or_else(|| StoreError::Unavailable(format!("{} has no /ledger/handovers", client.url())))?;
    let wrong = |error: String| StoreError::Corrupt(format!("{path}: {error}"));
    let value = json::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn block_of(bytes: &[u8]) -> Result<StoredBlock, String> {
    let value = json::parse(bytes).map_err(|error| error.to_string())?;
    let json: BlockJson = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let seal = Seal::parse(json.seal.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = json.checkpoint.parse().map_err(|error| format!("its checkpoint: {error}"))?;
    let block = StoredBlock { checkpoint, note: json.note, commit: json.commit, seal };
    let said = (json.height, json.from, json.to);
    if said != (block.commit.height, block.seal.previous_size, block.size()) {
        return Err("its height, from and to are not those of its commit, seal and checkpoint".to_owned());
    }
    Ok(block)
}

fn corrupt(error: impl ToString) -> StoreError {
    StoreError::Corrupt(error.to_string())
}
