//! Evidence as the source that `follow` goes through: what is not in it, was left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::consortium::Registry;
use crate::evidence::{Evidence, EvidenceError};
use crate::index::{Subject, SubjectEntry};
use crate::merkle::LeafIndex;
use crate::provenance::{Capture, FollowFault, Known, List, Source, WantedList, is_before_span};

/// The lists and captures that evidence shows.
pub(super) struct Shown<'a> {
    registry: &'a Registry,
    entries: BTreeMap<Subject, &'a SubjectEntry>,
    captures: &'a BTreeMap<LeafIndex, Arc<Capture>>,
}

impl<'a> Shown<'a> {
    pub fn new(
        evidence: &'a Evidence,
        registry: &'a Registry,
        captures: &'a BTreeMap<LeafIndex, Arc<Capture>>,
    ) -> Self {
        let entries = evidence.index.iter().map(|entry| (entry.subject(), entry)).collect();
        Self { registry, entries, captures }
    }

    fn is_before(&self, leaf: LeafIndex, wanted: WantedList) -> bool {
        match (wanted, self.captures.get(&leaf)) {
            (WantedList::Since(time), Some(capture)) => is_before_span(capture.place.time, time),
            _ => false,
        }
    }
}

impl Source for Shown<'_> {
    type Error = EvidenceError;

    fn registry(&self) -> &Registry {
        self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<Known, EvidenceError> {
        let missing = || EvidenceError::SubjectMissing { subject: subject.clone() };
        let entry = self.entries.get(subject).ok_or_else(missing)?;
        let (skipped, reaches_back) = match wanted {
            WantedList::Whole => (0, entry.first == 0),
            WantedList::Since(_) => {
                let before = entry.leaves.partition_point(|leaf| self.is_before(*leaf, wanted));
                // Where nothing that is shown is old enough, the list itself has to begin there.
                (before.saturating_sub(1), before > 0 || entry.first == 0)
            }
            WantedList::Last(most) => {
                let first = entry.count.saturating_sub(most as u64);
                let skipped = usize::try_from(first.saturating_sub(entry.first)).unwrap_or(usize::MAX);
                (skipped, entry.first <= first && entry.leaves.is_empty() == (entry.count == 0))
            }
        };
        let leaves = entry.leaves.get(skipped..).unwrap_or_default().to_vec();
        Ok(Known { list: List { count: entry.count, first: entry.first + skipped as u64, leaves }, reaches_back })
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, EvidenceError> {
        self.captures.get(&leaf).cloned().ok_or(EvidenceError::CaptureMissing { leaf })
    }

    fn fault(&self, fault: FollowFault) -> EvidenceError {
        fault.into()
    }
}
