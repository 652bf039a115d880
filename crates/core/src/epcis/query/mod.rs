//! The query language of EPCIS 2.0 (§8.2.7.1), as a question about one event that has no more than yes and no.
//!
//! [`EventFacts`] is what of an event can be asked for: keys by field. A [`Condition`] names fields and ranges of keys, and holds if one
//! of the event's keys in one of the fields is in one of the ranges. A query is a list of conditions that all hold. What needs
//! master data to be decided ([`MasterCondition`]) becomes a condition by [`EventQuery::resolve`]. So the whole language rests on one comparison of
//! bytes, which a database makes as this module does.
//!
//! `parameters` reads the names and values of a request.

mod facts;
mod key;
mod parameters;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

pub use facts::EventFacts;
pub use key::{KEY_TEXT_BYTES_MAX, Key, KeyRange};
pub use parameters::{KNOWN, PARAMETERS_MAX, QueryFault, QueryParameters, VALUES_MAX};

use crate::gs1::Id;

/// What of an event a condition looks at: `bizStep`, `epc`, `bizTransaction_po`, `ILMD_https://ns.example.com/#lot`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(Arc<str>);

impl Field {
    /// When the event was; in no list of facts of a store that keeps it as a column.
    pub const EVENT_TIME: &'static str = "eventTime";
    /// When the event was recorded.
    pub const RECORD_TIME: &'static str = "recordTime";

    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of the event's keys in one of the fields is in one of the ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub fields: Vec<Field>,
    pub ranges: Vec<KeyRange>,
}

impl Condition {
    pub fn new(field: impl Into<String>, ranges: Vec<KeyRange>) -> Self {
        Self { fields: vec![Field::new(field)], ranges }
    }

    fn holds(&self, facts: &EventFacts) -> bool {
        self.fields.iter().any(|field| facts.keys(field).any(|key| self.ranges.iter().any(|range| range.contains(key))))
    }
}

/// What can be asked of the ids in a field only with their master data (EPCIS 2.0 §8.2.7.1, `WD_`, `HASATTR_`, `EQATTR_`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterQuestion {
    /// The place is one of these, or within one.
    Within(Vec<String>),
    /// It has one of these attributes.
    HasAttribute(Vec<String>),
    /// Its attribute has one of these values.
    Attribute { name: String, values: Vec<String> },
}

/// A condition on the ids in some fields that master data decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterCondition {
    /// For people, such as `WD_bizLocation`.
    pub parameter: String,
    pub fields: Vec<Field>,
    pub question: MasterQuestion,
}

/// What master data decides conditions by.
pub trait MasterData {
    type Error;

    /// The ids, as canonical texts, of which the question holds; at most `limit` and one more.
    fn ids(&self, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, Self::Error>;
}

/// In which order events are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OrderBy {
    /// As they were recorded.
    #[default]
    Recorded,
    EventTime,
    /// By the least key in a field. Events without one come last.
    Field(Field),
}

/// How many events a query may find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CountLimit {
    #[default]
    None,
    /// The first so many are told (`eventCountLimit`).
    First(u64),
    /// More than so many are too many (`maxEventCount`).
    AtMost(u64),
}

/// A query for events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// All of them hold.
    pub conditions: Vec<Condition>,
    pub master: Vec<MasterCondition>,
    pub order: OrderBy,
    pub is_descending: bool,
    pub count: CountLimit,
}

/// Ids that one condition on master data may come to.
pub const MASTER_IDS_MAX: usize = 10_000;

/// A condition on master data that is not told.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError<E> {
    #[error("{parameter} is true of more than {MASTER_IDS_MAX} ids")]
    TooMany { parameter: String },
    #[error(transparent)]
    MasterData(E),
}

impl EventQuery {
    /// Turns the conditions on master data into conditions on ids.
    ///
    /// # Errors
    ///
    /// More ids than [`MASTER_IDS_MAX`], and what `data` fails by.
    pub fn resolve<D: MasterData>(mut self, data: &D) -> Result<Self, ResolveError<D::Error>> {
        for MasterCondition { parameter, fields, question } in std::mem::take(&mut self.master) {
            let mut ids = data.ids(&question, MASTER_IDS_MAX).map_err(ResolveError::MasterData)?;
            if let MasterQuestion::Within(places) = question {
                ids.extend(places);
            }
            let ids: BTreeSet<String> = ids.into_iter().collect();
            if ids.len() > MASTER_IDS_MAX {
                return Err(ResolveError::TooMany { parameter });
            }
            let ranges = ids.iter().map(|id| KeyRange::Exactly(Key::text(id))).collect();
            self.conditions.push(Condition { fields, ranges });
        }
        Ok(self)
    }

    /// Tells whether the query finds an event. Conditions on master data that were not resolved hold of none.
    pub fn permits(&self, facts: &EventFacts) -> bool {
        self.master.is_empty() && self.conditions.iter().all(|condition| condition.holds(facts))
    }

    /// Compares where two events stand in the answer, each with its place in the ledger. Events without the field come last, whichever
    /// way the order goes.
    pub fn compare<P: Ord>(&self, (one, at): (&EventFacts, P), (other, other_at): (&EventFacts, P)) -> Ordering {
        let turned = |order: Ordering| if self.is_descending { order.reverse() } else { order };
        let by_field = |field: &Field| match (one.keys(field).min(), other.keys(field).min()) {
            (Some(key), Some(other_key)) => turned(key.cmp(other_key)),
            (key, other_key) => other_key.is_some().cmp(&key.is_some()),
        };
        let first = match &self.order {
            OrderBy::Recorded => Ordering::Equal,
            OrderBy::EventTime => by_field(&Field::new(Field::EVENT_TIME)),
            OrderBy::Field(field) => by_field(field),
        };
        first.then_with(|| turned(at.cmp(&other_at)))
    }
}

/// The canonical text of what may be an id: two spellings of one GS1 key are one, and other text stands as it is.
pub fn canonical(text: &str) -> String {
    Id::parse_uri(text).map_or_else(|_| text.to_owned(), |id| id.as_str().to_owned())
}
