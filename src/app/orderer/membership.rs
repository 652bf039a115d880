//! Whether this node may sign, by the ledger: the set of members as it changes, block by block, and the rules that they have put
//! in force. Who may connect follows the same set.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::orderer::Orderer;
use crate::app::orderer::bodies::AHEAD_MS_MAX;
use crate::ports::Roster;
use sealane_core::consortium::Registry;
use sealane_core::hash::Hash;
use sealane_core::ledger::{KnownRules, UnknownRules};
use sealane_core::time::Timestamp;

/// Why a node signs nothing at the next height, though nothing has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Abstention {
    #[error(
        "its key is no member's in force: the members have not admitted it yet, or have removed it. Reading goes on as far as \
         its ledger goes; post at a member's node"
    )]
    NoMember,
    #[error(
        "the members have decided on other rules, which are in force now or in a moment: {0}. Reading goes on as far as its \
         ledger goes; post at another member's node"
    )]
    Rules(UnknownRules),
}

impl Abstention {
    /// Says by the ledger up to its last block, which is of the time `last`, whether a key may sign the next one, with a program
    /// that knows these rules.
    ///
    /// It lets go while every block that it could agree to is by rules that are known: a block may be ahead of this clock, and is
    /// later than the last one, however far behind this clock is.
    pub fn of(registry: &Registry, last: Timestamp, key: &Hash, known: KnownRules, now: Timestamp) -> Option<Self> {
        if registry.members().get(key).is_none() {
            return Some(Self::NoMember);
        }
        let next = last.plus_millis(1).max(now.plus_millis(AHEAD_MS_MAX));
        known.get(registry.rules_at(next)).err().map(Self::Rules)
    }
}

/// Who may connect: the members in force, the keys that open proposals bring in, and the keys that the last change of members has
/// put out of force. A node that was cut off before it had the block that removes it has no other way to hear of that.
pub(super) fn roster_of(registry: &Registry, now: Timestamp) -> Roster {
    let members = registry.members();
    let keys = registry.open_proposals(now).flat_map(|proposal| proposal.new_keys().collect::<Vec<_>>());
    let incoming = keys.filter_map(|kid| registry.admin_key(&kid).map(|key| (kid, key.clone())));
    let before = registry.member_changes().rev().nth(1).into_iter().flat_map(|change| change.members.members());
    let outgoing = before.map(|member| (member.kid(), member.key().clone()));
    let candidates = outgoing.chain(incoming).filter(|(kid, _)| members.get(kid).is_none()).collect();
    Roster { members: Arc::new(members.clone()), candidates }
}

/// Who would come in by open proposals: each key, and the name that goes with it.
pub(super) fn candidates_of(registry: &Registry, now: Timestamp) -> BTreeMap<Hash, String> {
    let new = registry.open_proposals(now).flat_map(|proposal| proposal.new_members());
    new.map(|member| (member.kid(), member.name().to_owned())).collect()
}

impl Orderer {
    /// Goes on with the members that the last block has left in force, and lets in those who may connect now.
    pub(super) fn follow_members(&mut self) {
        let Some(head) = &self.head else { return };
        let roster = roster_of(&head.registry, self.clock.now());
        let was_member = self.neighbours.is_member();
        let has_changed = self.neighbours.follow(&roster.members);
        self.neighbours.follow_candidates(candidates_of(&head.registry, self.clock.now()), &roster);
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

    /// Lets those connect no more whose proposal has expired: no statement on the ledger says so.
    pub(super) fn let_expired_go(&mut self) {
        let Some(head) = &self.head else { return };
        if candidates_of(&head.registry, self.clock.now()) != *self.neighbours.candidates() {
            self.follow_members();
            self.publish_council();
        }
    }

    /// Why this member's key signs nothing now, if so.
    pub(super) fn silence(&self) -> Option<String> {
        self.silent.clone().or_else(|| self.abstention().map(|reason| reason.to_string()))
    }

    /// Why this node signs nothing by the ledger, if so.
    pub(super) fn abstention(&self) -> Option<Abstention> {
        let view = Arc::clone(&self.view.borrow());
        let (own, known) = (self.neighbours.own(), KnownRules::OF_THIS_PROGRAM);
        // What a quorum has signed counts more than this clock.
        let beyond = self.catch_up.beyond().map(Abstention::Rules);
        beyond.or_else(|| Abstention::of(&view.registry, view.tip.seal.time, own, known, self.clock.now()))
    }

    /// Lets go of the height under way once this node may sign nothing more at it: time passes, and with it rules come into force.
    pub(super) fn let_go_if_abstaining(&mut self) {
        let abstention = self.abstention();
        if std::mem::replace(&mut self.abstains, abstention) == abstention {
            return;
        }
        let Some(reason) = abstention else { return };
        if let Abstention::Rules(_) = reason {
            tracing::error!(%reason, "this node signs nothing more");
        }
        self.under_way = None;
        self.timers.clear();
        self.publish_council();
    }
}
