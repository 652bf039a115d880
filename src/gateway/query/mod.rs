//! What the gateway answers queries for events from: the whole ledger as rows, which it makes from a copy of its own. That copy follows
//! nodes and audits every block, as an observer's does ([`crate::app::follower`]), so that no node has to be believed.
//!
//! [`store`] is the port of the rows, and [`indexer`] makes them. [`Queries`] has both, and says how far they are. What fails here keeps
//! queries from being answered, and captures go on. The language itself is the core's ([`sealane_core::epcis::query`]).

pub mod form;
pub mod indexer;
pub mod memory;
mod standing;
pub mod store;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use sealane_core::consortium::{Claims, ParticipantId, Registry};
use sealane_core::evidence::Anchor;

use crate::app::Ledger;
use form::{IdForm, Prefixes};
use indexer::{Indexer, Progress};
use store::{Cursor, QueryStore};

pub use standing::{QueryObstacle, QueryStanding};

/// How often it is tried to open the copy of the ledger.
const OPEN_EVERY: Duration = Duration::from_secs(5);

/// The copy of the ledger cannot be opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the gateway's copy of the ledger cannot be opened: {0}")]
pub struct CopyError(pub String);

/// Opens the gateway's own copy of the ledger.
#[async_trait]
pub trait LedgerCopy: Send + Sync {
    /// Opens the copy of the ledger of an anchor, and has it grow from then on, as long as there is a handle on it.
    async fn open(&self, anchor: &Anchor) -> Result<Ledger, CopyError>;
}

/// What a gateway answers queries by.
pub struct QueryParts {
    pub copy: Arc<dyn LedgerCopy>,
    pub store: Arc<dyn QueryStore>,
}

/// Rows that can be asked now.
#[derive(Clone)]
pub struct QuerySide {
    pub store: Arc<dyn QueryStore>,
    /// How far the rows are: a query may look at leaves before `cursor.size`.
    pub cursor: Cursor,
    registry: Arc<Registry>,
}

impl QuerySide {
    /// What writing ids in a form takes.
    pub fn prefixes(&self, form: IdForm) -> Prefixes {
        if form == IdForm::Urn { Prefixes::of(&self.registry) } else { Prefixes::default() }
    }
}

/// The side of a gateway that answers queries.
pub(super) struct Queries {
    copy: Arc<dyn LedgerCopy>,
    store: Arc<dyn QueryStore>,
    ledger: OnceLock<Ledger>,
    /// Why the copy could not be opened the last time.
    unopened: Mutex<Option<CopyError>>,
    progress: Arc<Mutex<Progress>>,
}

impl Queries {
    pub fn new(parts: QueryParts) -> Arc<Self> {
        let QueryParts { copy, store } = parts;
        Arc::new(Self { copy, store, ledger: OnceLock::new(), unopened: Mutex::default(), progress: Arc::default() })
    }

    /// Opens the copy of the ledger, and makes rows of its blocks until the runtime ends.
    pub async fn run(self: Arc<Self>, anchor: Anchor) {
        let ledger = loop {
            match self.copy.open(&anchor).await {
                Ok(ledger) => break ledger,
                Err(error) => {
                    tracing::error!(%error, "queries are not answered");
                    *self.unopened.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    tokio::time::sleep(OPEN_EVERY).await;
                }
            }
        };
        // No other place sets it.
        let _ = self.ledger.set(ledger.clone());
        Indexer::new(ledger, Arc::clone(&self.store), Arc::clone(&self.progress)).run().await;
    }

    /// The copy of the ledger, once it is open.
    pub fn ledger(&self) -> Option<Ledger> {
        self.ledger.get().cloned()
    }

    /// What a participant may record, by the copy of the ledger.
    pub fn claims_of(&self, participant: &ParticipantId) -> Option<Claims> {
        self.ledger.get()?.view().registry.participant(participant).map(|one| one.claims.clone())
    }

    fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
