//! Which members were caught at signing two things in one place.

use std::collections::BTreeMap;

use sealane_core::agreement::{Equivocation, WordPlace};
use sealane_core::hash::Hash;
use sealane_core::limits::FAULT_HEIGHTS_APART_MIN;

/// Proofs of one member that are kept whatever heights they are of.
const FIRST_MAX: usize = 4;

/// Heights of which one more proof of a member is kept after that, as the ledger takes one of as many.
const HEIGHTS_PER_FAULT: u64 = FAULT_HEIGHTS_APART_MIN;

/// Proofs of one member. So all take 25,600 lines of the file at the most, some 16 MB, if every member lies.
const OF_MEMBER_MAX: usize = 256;

/// The proofs that a node has, each verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownFaults {
    /// In the order in which this node learnt of them.
    pairs: Vec<Equivocation>,
    /// The places of each member's.
    places: BTreeMap<Hash, Vec<WordPlace>>,
}

impl KnownFaults {
    pub fn pairs(&self) -> &[Equivocation] {
        &self.pairs
    }

    /// How many proofs against a member are known.
    pub fn count_of(&self, kid: &Hash) -> usize {
        self.places.get(kid).map_or(0, Vec::len)
    }

    /// Tells whether a proof of this place would be kept: it is not known, and the member has not too many.
    pub fn has_room(&self, place: &WordPlace) -> bool {
        let Some(known) = self.places.get(&place.kid) else { return true };
        let thousand = |place: &WordPlace| place.height.get() / HEIGHTS_PER_FAULT;
        let is_of_new_heights = || known.iter().all(|one| thousand(one) != thousand(place));
        !known.contains(place) && (known.len() < FIRST_MAX || (known.len() < OF_MEMBER_MAX && is_of_new_heights()))
    }

    /// Takes a proof that was verified; `false` if it is not kept.
    pub fn add(&mut self, pair: Equivocation) -> bool {
        let place = pair.place();
        let has_room = self.has_room(&place);
        if has_room {
            self.pairs.push(pair);
            self.places.entry(place.kid).or_default().push(place);
        }
        has_room
    }

    /// The last proof of each member that this node learnt of.
    pub fn last_of_each(&self) -> Vec<Equivocation> {
        let last: BTreeMap<Hash, Equivocation> = self.pairs.iter().map(|pair| (pair.signer(), *pair)).collect();
        last.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealane_core::agreement::{ValueId, Vote, VoteKind};
    use sealane_core::block::Height;
    use sealane_core::statement::Signature;

    fn pair(by: u8, height: u64, round: u32) -> Equivocation {
        let vote = |value| Vote {
            kind: VoteKind::Precommit,
            height: Height::new(height).unwrap(),
            round,
            value,
            signer: Hash::of(&[by]),
            signature: Signature::from_bytes([by; 64]),
        };
        Equivocation::Votes(vote(None), vote(Some(ValueId::from_hash(Hash::of(b"block")))))
    }

    #[test]
    fn of_a_member_the_first_few_are_kept_and_then_one_of_a_thousand_heights() {
        let mut known = KnownFaults::default();
        assert!(known.add(pair(1, 5, 0)) && !known.add(pair(1, 5, 0)), "one place, one proof");
        let kept = (0..3_000).filter(|height| known.add(pair(1, 5 + height, 1))).count();
        // Three of the first heights, and one of each further thousand.
        assert_eq!((kept, known.count_of(&Hash::of(&[1]))), (3 + 3, 7));
        assert!(known.add(pair(2, 5, 0)), "each member by itself");
        let last: Vec<u64> = known.last_of_each().iter().map(|pair| pair.height().get()).collect();
        assert_eq!((last.len(), last.contains(&3_000), last.contains(&5)), (2, true, true), "{last:?}");
    }

    #[test]
    fn whatever_a_member_signs_its_proofs_are_bounded() {
        let mut known = KnownFaults::default();
        let kept = (1..2_000).filter(|number| known.add(pair(1, number * HEIGHTS_PER_FAULT, 0))).count();
        assert_eq!((kept, known.pairs().len()), (OF_MEMBER_MAX, OF_MEMBER_MAX));
    }
}
