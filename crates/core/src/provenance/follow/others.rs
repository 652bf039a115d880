//! Those that are no parties: a few of their leaves are opened, the same for all of them together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::index::{ListEntry, Subject};
use crate::merkle::LeafIndex;
use crate::provenance::follow::limits::CLAIMING;
use crate::provenance::follow::{Capture, Follower, Source};
use crate::provenance::history::Unopened;

/// What may still be opened of those that are no parties.
pub(super) struct Allowance {
    leaves: usize,
    tried: usize,
    bytes: usize,
}

impl<S: Source> Follower<'_, S> {
    pub(super) fn allowance(&self) -> Allowance {
        let limits = self.limits;
        Allowance { leaves: limits.other_leaves, tried: limits.other_leaves_tried, bytes: limits.other_bytes }
    }

    /// Opens leaves with acts in the lists of the id and then of what it was in, signer by signer in turn. What of the id's own list
    /// is not opened counts by its acts.
    pub(super) fn others(&mut self) -> Result<(), S::Error> {
        let mut allowance = self.allowance();
        let asked = self.asked.id.clone();
        let containers = self.ids.iter().filter(|(id, role)| **id != asked && role.carries.is_some());
        let ids: Vec<Id> = [asked.clone()].into_iter().chain(containers.map(|(id, _)| id.clone())).collect();
        let mut signers: Vec<ParticipantId> = Vec::new();
        for id in ids {
            let subject = Subject::id(id.as_str());
            let queues = self.entries_of_others(&subject, &mut signers);
            for leaf in in_turn(queues) {
                if let Some(capture) = self.open_other(leaf, &subject, &mut allowance)? {
                    self.take_of_id(&capture, &id);
                }
            }
        }
        self.known.extend(signers.iter().cloned());
        let is_opened = |leaf: &LeafIndex| self.ids.get(&asked).is_some_and(|role| role.opened.contains_key(leaf));
        for ListEntry { leaf, signer, acts } in self.own_entries() {
            let Some(signer) = signer.participant() else { continue };
            if self.parties.contains(&signer) || !acts.intersects(CLAIMING) || is_opened(&leaf) {
                continue;
            }
            if signers.contains(&signer) {
                self.trail.unopened.push(Unopened { leaf, signer });
            } else {
                self.trail.limit_reached = true;
            }
        }
        Ok(())
    }

    /// The entries with acts of those that are no parties, by signer in the order of their first ones. Signers that are further than
    /// the limit are left out.
    fn entries_of_others(&self, subject: &Subject, signers: &mut Vec<ParticipantId>) -> Vec<VecDeque<LeafIndex>> {
        let list = self.trail.shown.get(subject).map(|list| list.entries.as_slice()).unwrap_or_default();
        let mut order: Vec<ParticipantId> = Vec::new();
        let mut by_signer: BTreeMap<ParticipantId, VecDeque<LeafIndex>> = BTreeMap::new();
        for ListEntry { leaf, signer, acts } in list {
            let Some(signer) = signer.participant() else { continue };
            if acts.byte() == 0 || self.parties.contains(&signer) {
                continue;
            }
            if !signers.contains(&signer) {
                if signers.len() >= self.limits.other_signers {
                    continue;
                }
                signers.push(signer);
            }
            if !order.contains(&signer) {
                order.push(signer);
            }
            by_signer.entry(signer).or_default().push_back(*leaf);
        }
        order.iter().filter_map(|signer| by_signer.remove(signer)).collect()
    }

    /// Opens a leaf of one that is no party, if there is room for it.
    pub(super) fn open_other(
        &mut self,
        leaf: LeafIndex,
        subject: &Subject,
        allowance: &mut Allowance,
    ) -> Result<Option<Arc<Capture>>, S::Error> {
        if allowance.leaves == 0 || allowance.tried == 0 {
            return Ok(None);
        }
        allowance.tried -= 1;
        let most = allowance.bytes.min(self.limits.other_statement_bytes);
        let capture = self.source.capture_within(leaf, subject, most)?.filter(|capture| capture.bytes <= most);
        if let Some(capture) = &capture {
            allowance.leaves -= 1;
            allowance.bytes -= capture.bytes;
        }
        Ok(capture)
    }
}

/// The leaves of signers in turn: of each the last, then the first, the second last, and so on.
fn in_turn(mut queues: Vec<VecDeque<LeafIndex>>) -> Vec<LeafIndex> {
    let mut all = Vec::new();
    let mut is_last = true;
    let mut seen = BTreeSet::new();
    while queues.iter().any(|queue| !queue.is_empty()) {
        for queue in &mut queues {
            let leaf = if is_last { queue.pop_back() } else { queue.pop_front() };
            all.extend(leaf.filter(|leaf| seen.insert(*leaf)));
        }
        is_last = !is_last;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signers_take_turns_from_both_ends() {
        let leaf = |at: u64| LeafIndex::new(at).unwrap();
        let queues = vec![(1..5).map(leaf).collect(), VecDeque::from([leaf(9)]), (10..12).map(leaf).collect()];
        assert_eq!(in_turn(queues), [4, 9, 11, 1, 10, 3, 2].map(leaf));
    }
}
