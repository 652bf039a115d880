//! An observer's store and writer: for `follow`, for a newcomer, and for a gateway's own copy of the ledger.

use std::sync::Arc;

use crate::app::Ledger;
use crate::app::audit::{self, AuditError, BeginError};
use crate::app::follower::{Follower, FollowerSetup, SourceNode, SourcesSetup};
use crate::app::orderer::BlockObserver;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::Failure;
use crate::cli::followed::keep_fork;
use crate::cli::node::SystemClock;
use crate::cli::provider::{known_signers, provider};
use crate::pki::X509Reader;
use crate::ports::LedgerStore;
use sealane_core::evidence::Anchor;

/// Opens the ledger in an observer's directory. Its writer takes blocks of these nodes once it runs. The caller holds the directory's
/// lock, and the store holds the first block of the ledger of `anchor` at least.
pub async fn open(
    data: &DataDir,
    store: Arc<dyn LedgerStore>,
    anchor: Anchor,
    nodes: Vec<SourceNode>,
    observer: Arc<dyn BlockObserver>,
) -> Result<(Follower, Ledger), Failure> {
    let forks = data.path().to_owned();
    let setup = FollowerSetup {
        store,
        clock: Arc::new(SystemClock),
        verifier: Arc::new(known_signers()),
        certificates: Arc::new(X509Reader),
        observer,
        sources: SourcesSetup { anchor, nodes, keep_fork: Box::new(move |fork| keep_fork(&forks, fork)) },
    };
    Follower::open(setup).await.map_err(Failure::unreachable)
}

/// Opens the store, with the first block of the ledger in it at least.
pub async fn begin(data: &DataDir, nodes: &[SourceNode], anchor: &Anchor) -> Result<Arc<dyn LedgerStore>, Failure> {
    let store = if data.is_finished() { data.store().await? } else { data.create_store().await? };
    if data.is_finished() {
        audit::check_anchored(&*store, anchor).await.map_err(not_begun)?;
        return Ok(store);
    }
    let mut last = None;
    for SourceNode { url, node } in nodes {
        let (node, store, anchor) = (Arc::clone(node), Arc::clone(&store), anchor.clone());
        // A node is read by calls that wait for its answers.
        let begun = tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(audit::begin(&*node, &*store, provider(), &anchor))
        });
        match begun.await.map_err(Failure::unreachable)? {
            Ok(()) => {
                last = None;
                break;
            }
            Err(error @ BeginError::Source(_)) => {
                let failure = not_begun(error);
                tracing::warn!(url, %failure, "the ledger cannot be begun from this node");
                last = Some(failure);
            }
            Err(error) => return Err(not_begun(error)),
        }
    }
    if let Some(failure) = last {
        return Err(failure);
    }
    data.finish()?;
    Ok(store)
}

fn not_begun(error: BeginError) -> Failure {
    match error {
        BeginError::Source(AuditError::Store(_)) | BeginError::Store(_) => Failure::unreachable(error),
        BeginError::Source(AuditError::Fault(fault)) => {
            Failure::unproven(format!("the beginning of the ledger does not stand: {fault}"))
        }
        BeginError::OtherLedger | BeginError::OtherAnchor { .. } => Failure::unproven(error),
    }
}
