//! Who was a member at which height.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::{Height, Member, MemberSet};
use crate::hash::Hash;

/// A set of members, and the first height that its quorum makes final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    pub from: Height,
    pub members: Arc<MemberSet>,
}

/// Every set of members that a ledger has had. Never empty.
#[derive(Debug, Clone)]
pub(super) struct MemberHistory {
    first: MemberChange,
    /// Ascending by height.
    later: Vec<MemberChange>,
    /// Of each key that was replaced, the one that took its place.
    replaced: BTreeMap<Hash, Hash>,
}

impl MemberHistory {
    pub fn new(founders: MemberSet) -> Self {
        let first = MemberChange { from: Height::GENESIS, members: Arc::new(founders) };
        Self { first, later: Vec::new(), replaced: BTreeMap::new() }
    }

    fn last(&self) -> &MemberChange {
        self.later.last().unwrap_or(&self.first)
    }

    /// The last set: of the next block, once a block that changes it is final.
    pub fn last_set(&self) -> &MemberSet {
        &self.last().members
    }

    pub fn changes(&self) -> impl DoubleEndedIterator<Item = &MemberChange> {
        std::iter::once(&self.first).chain(&self.later)
    }

    pub fn at(&self, height: Height) -> &MemberSet {
        let in_force = self.changes().rev().find(|change| change.from <= height);
        &in_force.unwrap_or(&self.first).members
    }

    /// Every member entry that ever was, those of each set in turn.
    pub fn ever(&self) -> impl Iterator<Item = &Member> {
        self.changes().flat_map(|change| change.members.members())
    }

    pub fn change(&mut self, from: Height, members: MemberSet, replaced: impl IntoIterator<Item = (Hash, Hash)>) {
        self.later.push(MemberChange { from, members: Arc::new(members) });
        self.replaced.extend(replaced);
    }

    /// The present key of the member that had `kid`: the same one, or the one that came in its place at last.
    pub fn present_key(&self, kid: Hash) -> Hash {
        // A key is brought in once, so this ends.
        let mut kid = kid;
        while let Some(next) = self.replaced.get(&kid) {
            kid = *next;
        }
        kid
    }
}
