//! How far an id is followed, and what each signer has had of it.

use std::collections::BTreeMap;

use crate::consortium::ParticipantId;
use crate::index::Acts;
use crate::limits::{
    FOLLOWED_BYTES_MAX, FOLLOWED_CONTAINERS_MAX, FOLLOWED_CONTENTS_MAX, FOLLOWED_EVENTS_MAX, FOLLOWED_IDS_MAX,
    FOLLOWED_LIST_END_MAX, FOLLOWED_LIST_MAX, FOLLOWED_LOTS_MAX, FOLLOWED_PLACES_MAX, FOLLOWED_RECALLS_MAX,
    FOLLOWED_SHARES, FOLLOWED_STATEMENTS_MAX, OTHER_BYTES_MAX, OTHER_LEAVES_MAX, OTHER_LEAVES_TRIED_MAX,
    OTHER_RECALLS_MAX, OTHER_SIGNERS_MAX, OTHER_STATEMENT_BYTES_MAX, SIGNERS_OF_OPEN_GOODS_MAX,
};
use crate::provenance::account::HAVING;

/// The acts by which an entry that is not opened counts as a claim.
pub const CLAIMING: Acts = HAVING.with(Acts::BRINGS_FORTH).with(Acts::NOT_KNOWN);

/// The limits of following. They are part of the format; tests set them low.
#[derive(Debug, Clone, Copy)]
pub struct FollowLimits {
    /// Of parties, and the same again of recalls.
    pub statements: usize,
    pub bytes: usize,
    pub events: usize,
    /// Beside the id itself.
    pub ids: usize,
    pub places: usize,
    /// Of one signer and id.
    pub containers: usize,
    /// A longer list is shown by its end alone, which has `list_end` entries.
    pub list: usize,
    pub list_end: usize,
    pub havers: usize,
    pub other_signers: usize,
    pub other_leaves: usize,
    pub other_leaves_tried: usize,
    pub other_bytes: usize,
    pub other_statement_bytes: usize,
    pub recalls: usize,
    pub other_recalls: usize,
    pub lots: usize,
    /// Of a load.
    pub contents: usize,
}

impl FollowLimits {
    pub const OF_FORMAT: Self = Self {
        statements: FOLLOWED_STATEMENTS_MAX,
        bytes: FOLLOWED_BYTES_MAX,
        events: FOLLOWED_EVENTS_MAX,
        ids: FOLLOWED_IDS_MAX,
        places: FOLLOWED_PLACES_MAX,
        containers: FOLLOWED_CONTAINERS_MAX,
        list: FOLLOWED_LIST_MAX,
        list_end: FOLLOWED_LIST_END_MAX,
        havers: SIGNERS_OF_OPEN_GOODS_MAX,
        other_signers: OTHER_SIGNERS_MAX,
        other_leaves: OTHER_LEAVES_MAX,
        other_leaves_tried: OTHER_LEAVES_TRIED_MAX,
        other_bytes: OTHER_BYTES_MAX,
        other_statement_bytes: OTHER_STATEMENT_BYTES_MAX,
        recalls: FOLLOWED_RECALLS_MAX,
        other_recalls: OTHER_RECALLS_MAX,
        lots: FOLLOWED_LOTS_MAX,
        contents: FOLLOWED_CONTENTS_MAX,
    };
}

const fn share(limit: usize) -> usize {
    limit.div_ceil(FOLLOWED_SHARES)
}

/// What one signer has had.
#[derive(Debug, Clone, Copy, Default)]
struct Had {
    statements: usize,
    bytes: usize,
    ids: usize,
    places: usize,
}

/// What of a signer's is counted, and the limit on it.
type Limited = (fn(&Had) -> usize, usize);

/// What may be shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Good {
    Leaves,
    Ids,
    Places,
}

/// What each signer has had of the limits.
#[derive(Debug)]
pub(super) struct Meter {
    limits: FollowLimits,
    had: BTreeMap<ParticipantId, Had>,
}

impl Meter {
    pub const fn new(limits: FollowLimits) -> Self {
        Self { limits, had: BTreeMap::new() }
    }

    /// How much of a good a signer has had, by which they take turns.
    pub fn had(&self, signer: &ParticipantId, good: Good) -> usize {
        let had = self.had.get(signer).copied().unwrap_or_default();
        match good {
            Good::Leaves => had.bytes,
            Good::Ids => had.ids,
            Good::Places => had.places,
        }
    }

    pub fn opens(&mut self, signer: &ParticipantId, bytes: usize) {
        let had = self.had.entry(*signer).or_default();
        had.statements += 1;
        had.bytes += bytes;
    }

    pub fn takes(&mut self, signer: &ParticipantId, good: Good) {
        let had = self.had.entry(*signer).or_default();
        match good {
            Good::Leaves => {}
            Good::Ids => had.ids += 1,
            Good::Places => had.places += 1,
        }
    }

    /// Tells whether a signer may have more of a good: within its share, as long as the shares that were taken do not make up the
    /// limit; beyond it, as long as the limit is not reached.
    pub fn may(&self, signer: &ParticipantId, good: Good, within_share: bool) -> bool {
        let ways: &[Limited] = match good {
            Good::Leaves => &[(|had| had.statements, self.limits.statements), (|had| had.bytes, self.limits.bytes)],
            Good::Ids => &[(|had| had.ids, self.limits.ids)],
            Good::Places => &[(|had| had.places, self.limits.places)],
        };
        ways.iter().all(|(of, limit)| {
            let own = self.had.get(signer).map_or(0, of);
            let most = if within_share { share(*limit) } else { usize::MAX };
            // A last statement may go beyond a share: it counts for no more than that.
            let all: usize = self.had.values().map(|had| of(had).min(most)).sum();
            own < most && all < *limit
        })
    }
}

/// How many of its own each signer keeps, so that all together are no more than a limit: no one keeps fewer than another that
/// had to leave some.
pub(super) fn level(limit: usize, counts: &[usize]) -> usize {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    let (mut room, mut left) = (limit, counts.len());
    for count in counts {
        if count.saturating_mul(left) > room {
            return room / left;
        }
        room -= count;
        left -= 1;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_the_others_theirs() {
        assert_eq!(level(10, &[3, 2, 5]), usize::MAX);
        assert_eq!(level(10, &[10_000, 2, 1]), 7);
        assert_eq!(level(10, &[10_000, 10_000, 1]), 4);
        assert_eq!(level(10, &[]), usize::MAX);
        assert_eq!(level(0, &[1]), 0);
    }
}
