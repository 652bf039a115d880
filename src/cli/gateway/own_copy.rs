//! The gateway's own copy of the ledger: an observer's directory within its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::app::Ledger;
use crate::app::follower::SourceNode;
use crate::app::orderer::BlockObserver;
use crate::cli::data_dir::{DataDir, Lock};
use crate::cli::failure::Failure;
use crate::cli::observing;
use crate::cli::output::printable;
use crate::gateway::query::{LedgerCopy, NotOpened};
use sealane_core::evidence::Anchor;

const DIRECTORY: &str = "ledger";

/// An observer in a gateway, which serves nobody.
pub struct OwnCopy {
    path: PathBuf,
    nodes: Vec<SourceNode>,
    /// Held until the process ends, so that no other observer writes there.
    lock: Mutex<Option<Lock>>,
}

/// Nobody asks what this observer counts: the gateway tells how far it is.
struct Uncounted;

impl BlockObserver for Uncounted {
    fn block_written(&self, _statements: usize, _events: usize, _took: Duration) {}
}

/// Where the copy of a gateway is.
pub fn path_in(data: &Path) -> PathBuf {
    data.join(DIRECTORY)
}

impl OwnCopy {
    pub fn new(data: &Path, nodes: Vec<SourceNode>) -> Self {
        Self { path: path_in(data), nodes, lock: Mutex::default() }
    }

    fn take_lock(&self, data: &DataDir) -> Result<(), Failure> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            *lock = Some(data.lock()?);
        }
        Ok(())
    }

    async fn follow(&self, anchor: &Anchor) -> Result<Ledger, Failure> {
        let (path, anchor) = (self.path.clone(), anchor.clone());
        let opened = tokio::task::spawn_blocking(move || directory(&path, anchor)).await;
        let (data, pinned) = opened.map_err(Failure::unreachable)??;
        self.take_lock(&data)?;
        let store = observing::begin(&data, &self.nodes, &pinned).await?;
        let opened = observing::open(&data, store, pinned, self.nodes.clone(), Arc::new(Uncounted));
        let (follower, ledger) = opened.await?;
        tokio::spawn(follower.run());
        Ok(ledger)
    }
}

#[async_trait]
impl LedgerCopy for OwnCopy {
    async fn open(&self, anchor: &Anchor) -> Result<Ledger, NotOpened> {
        self.follow(anchor).await.map_err(|failure| NotOpened::Copy(failure.to_string()))
    }
}

/// Opens the directory of the copy, or makes it; with what the ledger is known by there.
fn directory(path: &Path, anchor: Anchor) -> Result<(DataDir, Anchor), Failure> {
    match DataDir::open_observer(path)? {
        Some((_, pinned)) if pinned.genesis_id() != anchor.genesis_id() => Err(Failure::unproven(format!(
            "{} is a copy of the ledger {}, and the gateway sends to {}: remove the directory, and the copy is made again",
            path.display(),
            printable(pinned.genesis().origin.as_str()),
            printable(anchor.genesis().origin.as_str())
        ))),
        Some(there) => Ok(there),
        None => Ok((DataDir::create_observer(path, &anchor)?, anchor)),
    }
}
