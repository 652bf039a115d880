//! The last that each member's key has signed, as far as this node has seen it. A member is told when it connects, so that one
//! whose log has less than it signed finds that out before it signs more.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ports::LastWords;
use sealane_core::agreement::{LastSaid, Vote, VoteKind};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::ledger::Rules;

/// Shared by the writer, which learns, and the transport, which tells.
#[derive(Debug, Default)]
pub struct SeenWords(Mutex<BTreeMap<Hash, LastSaid>>);

impl SeenWords {
    /// Notes what a member has signed. It was verified before.
    pub(super) fn learn(&self, said: LastSaid) {
        let (signer, place) = (said.signer(), place_of(&said));
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if words.get(&signer).is_none_or(|held| place_of(held) <= place) {
            words.insert(signer, said);
        }
    }
}

impl LastWords for SeenWords {
    fn last_of(&self, kid: &Hash) -> Option<LastSaid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kid).copied()
    }

    fn rules(&self) -> u32 {
        Rules::LATEST.number()
    }
}

/// Where a word stands among those of its signer: a round's proposal, prevote, precommit.
fn place_of(said: &LastSaid) -> (Height, u32, u8) {
    let turn = match said {
        LastSaid::Proposal(_) => 0,
        LastSaid::Vote(Vote { kind: VoteKind::Prevote, .. }) => 1,
        LastSaid::Vote(Vote { kind: VoteKind::Precommit, .. }) => 2,
    };
    (said.height(), said.round(), turn)
}
