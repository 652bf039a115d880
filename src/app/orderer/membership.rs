//! The set of members as it changes, block by block: who may connect, who votes, and what a node does whose key is no member's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::orderer::Orderer;
use crate::ports::Roster;
use sealane_core::consortium::Registry;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// Who may connect: the members in force, and the keys that open proposals bring in.
pub(super) fn roster_of(registry: &Registry, now: Timestamp) -> Roster {
    let open = registry.proposals().filter(|proposal| proposal.end(now).is_none());
    let keys = open.flat_map(|proposal| proposal.new_keys().collect::<Vec<_>>());
    let candidates: BTreeMap<_, _> =
        keys.filter_map(|kid| registry.admin_key(&kid).map(|key| (kid, key.clone()))).collect();
    Roster { members: Arc::new(registry.members().clone()), candidates }
}

/// Who would come in by open proposals: each key, and the name that goes with it.
pub(super) fn candidates_of(registry: &Registry, now: Timestamp) -> BTreeMap<Hash, String> {
    let open = registry.proposals().filter(|proposal| proposal.end(now).is_none());
    open.flat_map(|proposal| proposal.new_members()).map(|member| (member.kid(), member.name().to_owned())).collect()
}

impl Orderer {
    /// Goes on with the members that the last block has left in force, and lets in those who may connect now.
    pub(super) fn follow_members(&mut self) {
        let Some(head) = &self.head else { return };
        let roster = roster_of(&head.registry, self.clock.now());
        let was_member = self.neighbours.is_member();
        let has_changed = self.neighbours.follow(&roster.members);
        self.neighbours.follow_candidates(candidates_of(&head.registry, self.clock.now()));
        if has_changed && was_member != self.neighbours.is_member() {
            let height = head.tip.seal.height;
            match was_member {
                true => tracing::warn!(%height, "this node's member was removed: it signs nothing more"),
                false => tracing::info!(%height, "this node's member is in force: it votes from the next block on"),
            }
        }
        self.peers.admit(roster);
        if let Some(sources) = &mut self.sources {
            sources.set_idle(self.neighbours.is_member());
        }
        if has_changed {
            self.publish_council();
        }
    }

    /// Why this member's key signs nothing now, if so.
    pub(super) fn silence(&self) -> Option<String> {
        self.silent.clone().or_else(|| (!self.neighbours.is_member()).then(|| NO_MEMBER.to_owned()))
    }
}

/// What those hear who post to a node whose key is no member's.
const NO_MEMBER: &str = "its key is no member's in force: the members have not admitted it yet, or have removed it. Reading goes \
                         on as far as its ledger goes; post at a member's node";
