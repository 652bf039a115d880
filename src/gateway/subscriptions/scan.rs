//! Going over the ledger for one query: the next events that a subscriber does not know.

use std::sync::Arc;

use sealane_core::epcis::query::{CountLimit, EventQuery, ResolveError};
use sealane_core::merkle::{LeafIndex, TreeSize};

use super::subscription::ToldPlace;
use crate::gateway::query::RowsOf;
use crate::gateway::query::store::{
    FindError, FoundEvent, POSITION_MAX, PageEnd, PageRequest, QueryStore, QueryStoreError,
};

/// Leaves that one question to the store is about: so many that few questions are asked, and so few that none of them is too complex.
const LEAVES_AT_ONCE: u64 = 10_000;

/// Some next events.
#[derive(Debug)]
pub struct Found {
    /// None if there is none as far as the rows reach.
    pub events: Vec<FoundEvent>,
    /// Who knows these knows everything up to here.
    pub told: Option<ToldPlace>,
}

/// Why the next events are not known.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The query stands for too much.
    #[error("the query cannot be run: {0}")]
    TooComplex(String),
    #[error("the query finds more events than its maxEventCount of {0}")]
    TooMany(u64),
    #[error(transparent)]
    Store(#[from] QueryStoreError),
}

impl From<FindError> for ScanError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::TooComplex(why) => Self::TooComplex(why),
            FindError::Store(error) => Self::Store(error),
        }
    }
}

impl ToldPlace {
    /// Everything in the leaves before a size; `None` of an empty ledger.
    pub fn before(size: TreeSize) -> Option<Self> {
        let leaf = LeafIndex::new(size.get().checked_sub(1)?).ok()?;
        Some(Self { leaf, position: POSITION_MAX })
    }

    fn to_end(self) -> PageEnd {
        PageEnd { key: None, leaf: self.leaf, position: self.position }
    }
}

/// One query over the rows as they are.
pub struct Scan {
    store: Arc<dyn QueryStore>,
    query: EventQuery,
    /// Leaves that are looked at.
    size: TreeSize,
}

impl Scan {
    /// Makes a query ready. Blocks its thread, as all of this does.
    ///
    /// # Errors
    ///
    /// Master data that stands for too many ids, and a store that fails.
    pub fn new(store: Arc<dyn QueryStore>, query: EventQuery, size: TreeSize) -> Result<Self, ScanError> {
        let query = query.resolve(&RowsOf(&*store)).map_err(|error| match error {
            ResolveError::MasterData(error) => ScanError::Store(error),
            ResolveError::TooMany { .. } => ScanError::TooComplex(error.to_string()),
        })?;
        Ok(Self { store, query, size })
    }

    /// The next events behind a place, `limit` at the most; none if there is none.
    ///
    /// # Errors
    ///
    /// A store that fails.
    pub fn next(&self, told: Option<ToldPlace>, limit: u32) -> Result<Found, ScanError> {
        let mut told = told;
        loop {
            let from = told.map_or(0, |told| told.leaf.get());
            let until = self.size.get().min(from.saturating_add(LEAVES_AT_ONCE));
            let size = TreeSize::new(until).unwrap_or(self.size);
            let request = PageRequest { size, after: told.map(ToldPlace::to_end), limit };
            let page = self.store.find(&self.query, &request)?;
            let last = page.events.last().map(|last| ToldPlace { leaf: last.leaf, position: last.position });
            told = match page.next {
                Some(_) => last,
                None => ToldPlace::before(size).max(told),
            };
            if last.is_some() || size >= self.size {
                return Ok(Found { events: page.events, told });
            }
        }
    }

    /// Refuses a query that finds more behind a place than it says that it may.
    ///
    /// # Errors
    ///
    /// [`ScanError::TooMany`], and a store that fails.
    pub fn check_count(&self, told: Option<ToldPlace>) -> Result<(), ScanError> {
        let CountLimit::AtMost(most) = self.query.count else { return Ok(()) };
        let after = told.map(ToldPlace::to_end);
        match self.store.count(&self.query, after.as_ref(), self.size, most.saturating_add(1))? > most {
            true => Err(ScanError::TooMany(most)),
            false => Ok(()),
        }
    }
}
