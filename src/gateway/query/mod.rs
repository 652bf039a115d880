//! What the gateway answers queries for events from: the whole ledger as rows, which it makes from a copy of its own. That copy follows
//! nodes and audits every block, as an observer's does ([`crate::app::follower`]), so that no node has to be believed.
//!
//! [`store`] is the port of the rows, and [`indexer`] makes them. `Queries` has both, and says how far they are. What fails here keeps
//! queries from being answered, and captures go on. The language itself is the core's ([`sealane_core::epcis::query`]).

pub mod form;
pub mod indexer;
mod standing;
pub mod store;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use sealane_core::consortium::{Claims, ParticipantId, Registry};
use sealane_core::epcis::query::{MasterData, MasterQuestion};
use sealane_core::evidence::Anchor;

use crate::app::Ledger;
use form::{IdForm, Prefixes};
use indexer::{Indexer, Progress};
use store::{Cursor, QueryStore, QueryStoreError};

pub use standing::{QueryObstacle, QueryStanding};

/// How often it is tried to open the copy of the ledger and the store.
const OPEN_EVERY: Duration = Duration::from_secs(5);

/// What queries need cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    #[error("the gateway's copy of the ledger cannot be opened: {0}")]
    Copy(String),
    /// It says of itself what it is.
    #[error("{0}")]
    Store(String),
}

/// Opens the gateway's own copy of the ledger.
#[async_trait]
pub trait LedgerCopy: Send + Sync {
    /// Opens the copy of the ledger of an anchor, and has it grow from then on, as long as there is a handle on it.
    async fn open(&self, anchor: &Anchor) -> Result<Ledger, NotOpened>;
}

/// Opens the store of rows, on a thread of the runtime that may wait.
pub type StoreOpener = Arc<dyn Fn() -> Result<Arc<dyn QueryStore>, NotOpened> + Send + Sync>;

/// What a gateway answers queries by.
pub struct QueryParts {
    pub copy: Arc<dyn LedgerCopy>,
    pub open_store: StoreOpener,
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
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What writing ids in a form takes.
    pub fn prefixes(&self, form: IdForm) -> Prefixes {
        if form == IdForm::Urn { Prefixes::of(&self.registry) } else { Prefixes::default() }
    }
}

/// Master data as the rows have it.
pub struct RowsOf<'a>(pub &'a dyn QueryStore);

impl MasterData for RowsOf<'_> {
    type Error = QueryStoreError;

    fn ids(&self, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, QueryStoreError> {
        self.0.master_ids(question, limit)
    }
}

/// The side of a gateway that answers queries.
pub(super) struct Queries {
    parts: QueryParts,
    store: OnceLock<Arc<dyn QueryStore>>,
    ledger: OnceLock<Ledger>,
    /// What could not be opened the last time.
    not_opened: Mutex<Option<NotOpened>>,
    progress: Arc<watch::Sender<Progress>>,
}

impl Queries {
    pub fn new(parts: QueryParts) -> Arc<Self> {
        let (store, ledger) = (OnceLock::new(), OnceLock::new());
        Arc::new(Self { parts, store, ledger, not_opened: Mutex::default(), progress: Arc::default() })
    }

    /// Opens the store and the copy of the ledger, and makes rows of its blocks until the runtime ends.
    pub async fn run(self: Arc<Self>, anchor: Anchor) {
        let (store, ledger) = loop {
            match self.open(&anchor).await {
                Ok(opened) => break opened,
                Err(error) => {
                    tracing::error!(%error, "queries are not answered");
                    *self.not_opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    tokio::time::sleep(OPEN_EVERY).await;
                }
            }
        };
        Indexer::new(ledger, store, Arc::clone(&self.progress)).run().await;
    }

    /// Opens what is not open yet. Nothing else sets the two.
    async fn open(&self, anchor: &Anchor) -> Result<(Arc<dyn QueryStore>, Ledger), NotOpened> {
        let store = match self.store.get() {
            Some(store) => Arc::clone(store),
            None => {
                let open_store = Arc::clone(&self.parts.open_store);
                let opened = tokio::task::spawn_blocking(move || open_store()).await;
                let store = opened.map_err(|error| NotOpened::Store(error.to_string()))??;
                self.store.get_or_init(|| store).clone()
            }
        };
        let ledger = self.parts.copy.open(anchor).await?;
        Ok((store, self.ledger.get_or_init(|| ledger).clone()))
    }

    /// The copy of the ledger, once it is open.
    pub fn ledger(&self) -> Option<Ledger> {
        self.ledger.get().cloned()
    }

    /// What a participant may record, by the copy of the ledger.
    pub fn claims_of(&self, participant: &ParticipantId) -> Option<Claims> {
        self.ledger.get()?.view().registry.participant(participant).map(|one| one.claims.clone())
    }

    /// Tells when there may be more rows.
    pub fn grown(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }
}
