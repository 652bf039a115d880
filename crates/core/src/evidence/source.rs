//! Evidence as the source that `follow` goes through: what is not in it, was left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::consortium::Registry;
use crate::evidence::{Evidence, EvidenceError};
use crate::index::{ListEntry, SignerList, Subject, SubjectEntry};
use crate::merkle::LeafIndex;
use crate::provenance::{Capture, FollowFault, List, Source, WantedList, is_before_span};
use crate::time::Timestamp;

/// The lists and captures that evidence shows.
pub(super) struct Shown<'a> {
    registry: &'a Registry,
    entries: BTreeMap<Subject, &'a SubjectEntry>,
    signers: &'a SignerList,
    captures: &'a BTreeMap<LeafIndex, Arc<Capture>>,
}

impl<'a> Shown<'a> {
    pub fn new(
        evidence: &'a Evidence,
        registry: &'a Registry,
        captures: &'a BTreeMap<LeafIndex, Arc<Capture>>,
    ) -> Self {
        let entries = evidence.index.iter().map(|entry| (entry.subject(), entry)).collect();
        Self { registry, entries, signers: &evidence.signers, captures }
    }
}

impl Source for Shown<'_> {
    type Error = EvidenceError;

    fn registry(&self) -> &Registry {
        self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, EvidenceError> {
        let missing = || EvidenceError::SubjectMissing { subject: subject.clone() };
        let entry = self.entries.get(subject).ok_or_else(missing)?;
        let first = wanted.first(entry.count).max(entry.first);
        let skipped = usize::try_from(first - entry.first).unwrap_or(usize::MAX);
        let entries = entry.entries(self.signers);
        let mut entries = entries.map_err(|error| EvidenceError::Index { subject: subject.clone(), error })?;
        entries.drain(..skipped.min(entries.len()));
        Ok(List { count: entry.count, first, entries })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, EvidenceError> {
        // If the one before the span is not here, more is asked for than is here.
        let is_before = |entry: &ListEntry| {
            self.captures.get(&entry.leaf).is_some_and(|capture| is_before_span(capture.place.time, since))
        };
        Ok(entries.iter().rposition(is_before).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, EvidenceError> {
        self.captures.get(&leaf).cloned().ok_or(EvidenceError::CaptureMissing { leaf })
    }

    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        _subject: &Subject,
        bytes: usize,
    ) -> Result<Option<Arc<Capture>>, EvidenceError> {
        Ok(self.captures.get(&leaf).filter(|capture| capture.bytes <= bytes).cloned())
    }

    fn fault(&self, fault: FollowFault) -> EvidenceError {
        fault.into()
    }
}
