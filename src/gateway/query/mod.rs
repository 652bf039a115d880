//! What the gateway answers queries for events from: the whole ledger as rows, which it takes from a copy that was audited block by block.
//!
//! [`store`] is the port of those rows. The language itself is the core's ([`sealane_core::epcis::query`]).

pub mod form;
pub mod store;

use std::sync::Arc;

use form::{IdForm, Prefixes};
use sealane_core::consortium::Registry;
use store::{Cursor, QueryStore};

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

#[derive(Debug, thiserror::Error)]
pub enum QueryObstacle {
    #[error("x")]
    Off,
}
