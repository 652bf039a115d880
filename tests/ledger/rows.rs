//! Rows in memory: what the indexer wrote, to be looked at.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sealane::gateway::query::store::{
    Cursor, FindError, FoundPage, IndexedBlock, IndexedEvent, KnownPage, MasterElement, MasterFilter, PageEnd,
    PageRequest, QueryStore, QueryStoreError,
};
use sealane_core::epcis::query::{EventQuery, Field, MasterQuestion};
use sealane_core::merkle::TreeSize;

/// Keeps rows until it is dropped. It finds nothing.
#[derive(Debug, Default)]
pub struct MemoryQueryStore(Mutex<Rows>);

/// What was written.
#[derive(Debug, Default, Clone)]
pub struct Rows {
    pub cursor: Option<Cursor>,
    /// Without repeats.
    pub events: Vec<IndexedEvent>,
    /// How many repeats were written.
    pub repeats: usize,
    pub master_data: Vec<MasterElement>,
    /// How often something was written.
    pub writes: usize,
    /// Writing fails.
    pub fails: bool,
}

impl MemoryQueryStore {
    pub fn rows(&self) -> Rows {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Rows)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn not_asked<T>() -> Result<T, QueryStoreError> {
    Err(QueryStoreError::Unavailable("rows in memory are not asked".to_owned()))
}

impl QueryStore for MemoryQueryStore {
    fn cursor(&self) -> Result<Option<Cursor>, QueryStoreError> {
        Ok(self.rows().cursor)
    }

    fn append(&self, block: IndexedBlock) -> Result<(), QueryStoreError> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.fails {
            return Err(QueryStoreError::Full);
        }
        let mut known: HashSet<_> = rows.events.iter().filter_map(|event| event.identity).collect();
        for event in block.events {
            match event.identity.is_none_or(|identity| known.insert(identity)) {
                true => rows.events.push(event),
                false => rows.repeats += 1,
            }
        }
        rows.master_data.extend(block.master_data);
        rows.cursor = Some(block.cursor);
        rows.writes += 1;
        Ok(())
    }

    fn clear(&self) -> Result<(), QueryStoreError> {
        self.change(|rows| *rows = Rows::default());
        Ok(())
    }

    fn find(&self, _query: &EventQuery, _page: &PageRequest) -> Result<FoundPage, FindError> {
        Ok(not_asked()?)
    }

    fn count(
        &self,
        _query: &EventQuery,
        _after: Option<&PageEnd>,
        _size: TreeSize,
        _limit: u64,
    ) -> Result<u64, FindError> {
        Ok(not_asked()?)
    }

    fn values(&self, _fields: &[Field], _after: Option<&str>, _limit: u32) -> Result<Vec<String>, QueryStoreError> {
        not_asked()
    }

    fn master_ids(&self, _question: &MasterQuestion, _limit: usize) -> Result<Vec<String>, QueryStoreError> {
        not_asked()
    }

    fn master_data(&self, _filter: &MasterFilter) -> Result<KnownPage, QueryStoreError> {
        not_asked()
    }
}
