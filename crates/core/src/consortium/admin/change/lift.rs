//! `lift`: a recall by another is taken back by vote.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, check_reason, field};
use crate::gs1::Id;
use crate::limits::LIFTED_IDS_MAX;
use crate::merkle::LeafIndex;

/// The end of a recall for some of the ids that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftRecall {
    /// The leaf of the recall.
    pub recall: LeafIndex,
    /// Canonical ids, each once.
    pub ids: Vec<Id>,
    pub reason: String,
}

impl LiftRecall {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        let found = self.ids.len();
        if !(1..=LIFTED_IDS_MAX).contains(&found) {
            return field("ids", format!("a recall is lifted for 1 to {LIFTED_IDS_MAX} ids; this names {found}"));
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        match self.ids.iter().find(|id| !seen.insert(id.as_str())) {
            Some(id) => field("ids", format!("{id} is named twice")),
            None => check_reason(&self.reason),
        }
    }
}
