//! What members have said of heights that are not under way here, before it can be verified: who is a member then is not
//! known yet.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::agreement::{Said, VoteKind};
use sealane_core::block::Height;
use sealane_core::hash::Hash;

/// Heights after the last final block that are kept.
const HEIGHTS_AHEAD: u64 = 2;

/// Rounds of such a height that are kept, from 0 on. A height that takes longer is told on by those that are at it.
const ROUNDS_KEPT: u32 = 10;

/// Words of later heights: of each member its own votes and proposals, the first in each place, and its last certificates.
/// So there are at most `2 × (3 × 11 + 2)` words of each member, whatever anybody sends.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// By height, by who said it on its own connection.
    heights: BTreeMap<Height, BTreeMap<Hash, BTreeMap<Slot, Said>>>,
}

/// A place for one word. A proposal comes before the votes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Round,
    Polka,
    Proposal(u32),
    Vote(u32, VoteKind),
}

impl Ahead {
    /// Keeps a word that `from` has said of a height after `tip`, if it is one of those that are kept.
    pub fn keep(&mut self, tip: Height, from: Hash, said: Said) {
        let height = said.height();
        let distance = height.get().checked_sub(tip.get());
        if distance.is_none_or(|distance| distance == 0 || distance > HEIGHTS_AHEAD) {
            return;
        }
        let (slot, signer) = match &said {
            Said::Vote(vote) => (Slot::Vote(vote.round, vote.kind), vote.signer),
            Said::Proposal(proposal) => (Slot::Proposal(proposal.round), proposal.signer),
            // Made of others' words, which are verified when the height begins.
            Said::Polka(_) => (Slot::Polka, from),
            Said::Round(_) => (Slot::Round, from),
        };
        // Another's word, before it can be verified, would let one liar fill the places of all.
        if signer != from {
            return;
        }
        let words = self.heights.entry(height).or_default().entry(from).or_default();
        match &slot {
            Slot::Vote(round, _) | Slot::Proposal(round) if *round > ROUNDS_KEPT => {}
            Slot::Vote(..) | Slot::Proposal(_) => {
                words.entry(slot).or_insert(said);
            }
            Slot::Polka | Slot::Round => {
                if words.get(&slot).is_none_or(|known| known.round() < said.round()) {
                    words.insert(slot, said);
                }
            }
        }
    }

    /// How many of these members have said something of a height.
    pub fn speakers(&self, height: Height, members: &BTreeSet<Hash>) -> usize {
        self.heights.get(&height).map_or(0, |said| said.keys().filter(|kid| members.contains(*kid)).count())
    }

    /// Takes what was said of a height, with who said it, and forgets what was said of those before.
    pub fn take(&mut self, height: Height) -> Vec<(Hash, Said)> {
        self.forget_to(height, false);
        let words = self.heights.remove(&height).unwrap_or_default();
        words.into_iter().flat_map(|(from, said)| said.into_values().map(move |said| (from, said))).collect()
    }

    /// Forgets what was said of heights before this one, and of it too if it is final.
    pub fn forget_to(&mut self, height: Height, is_final: bool) {
        self.heights.retain(|kept, _| if is_final { *kept > height } else { *kept >= height });
    }

    /// Number of words that are kept.
    pub fn len(&self) -> usize {
        self.heights.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use sealane_core::agreement::{RoundProposal, ValueId, Vote};
    use sealane_core::statement::Signature;

    use super::*;

    fn height(height: u64) -> Height {
        Height::new(height).unwrap()
    }

    fn speakers(ahead: &Ahead, at: u64) -> usize {
        ahead.speakers(height(at), &[1, 2].map(kid).into())
    }

    fn kid(byte: u8) -> Hash {
        Hash::of(&[byte])
    }

    fn vote(by: u8, at: u64, round: u32, value: u8) -> Said {
        let value = Some(ValueId::from_hash(Hash::of(&[value])));
        let signature = Signature::from_bytes([0; 64]);
        Said::Vote(Vote { kind: VoteKind::Prevote, height: height(at), round, value, signer: kid(by), signature })
    }

    fn proposal(by: u8, at: u64, round: u32) -> Said {
        let value = ValueId::from_hash(Hash::of(&[9]));
        let signature = Signature::from_bytes([0; 64]);
        Said::Proposal(RoundProposal { height: height(at), round, pol_round: None, value, signer: kid(by), signature })
    }

    #[test]
    fn a_members_own_words_of_two_heights_are_kept() {
        let mut ahead = Ahead::default();
        for at in 0..20 {
            ahead.keep(height(7), kid(1), vote(1, at, 0, 1));
        }
        assert_eq!((ahead.len(), speakers(&ahead, 8), speakers(&ahead, 9)), (2, 1, 1));
        ahead.keep(height(7), kid(1), vote(2, 8, 0, 1));
        ahead.keep(height(7), kid(1), proposal(2, 8, 0));
        assert_eq!(ahead.len(), 2, "another's words, passed on");
        ahead.keep(height(7), kid(2), proposal(2, 8, 0));
        assert_eq!(speakers(&ahead, 8), 2);
        ahead.keep(height(7), kid(3), vote(3, 8, 0, 1));
        assert_eq!(speakers(&ahead, 8), 2, "one that is no member any more");
        assert_eq!(ahead.take(height(8)).len(), 3);
        assert_eq!(ahead.len(), 1);
        ahead.forget_to(height(9), true);
        assert_eq!(ahead.len(), 0);
    }

    #[test]
    fn junk_takes_a_bounded_room() {
        let mut ahead = Ahead::default();
        for round in 0..1_000 {
            for value in 0..10 {
                ahead.keep(height(7), kid(1), vote(1, 8, round, value));
                ahead.keep(height(7), kid(1), proposal(1, 9, round));
            }
        }
        assert_eq!(ahead.len(), 2 * 11);
        assert_eq!(ahead.take(height(8))[0], (kid(1), vote(1, 8, 0, 0)), "the first in a place");
    }
}
