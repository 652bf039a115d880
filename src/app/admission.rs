//! Back-pressure: how much may be under way, so that what is taken on is final soon.
//!
//! A queue that takes all that comes only makes every sender wait. The writer therefore tells how long more keeps it, and as
//! much is let in as it writes within `WAIT` beside what each block takes anyhow. A short statement that is not let in is told at once to come back, before
//! anything of it is looked at. A long one waits for its turn, if it has a place to wait (`promise`).
//!
//! A statement weighs by its length, since one may hold a single event or ten thousand, which is not known before it is read.

mod promise;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sealane_core::limits::BLOCK_BYTES_MAX;

use promise::Promises;

pub use promise::{PROMISE_MAX, Promise, may_wait};

/// For how long what is under way may keep the writer busy, beside what a block takes however little is in it: a flush of the
/// disk, and with several members their votes. What comes meanwhile shares the next block, and with it those.
const WAIT: Duration = Duration::from_millis(18);

/// Bytes of a statement that weigh one unit: twice what a statement of one event has, so that most weigh one.
const UNIT_BYTES: usize = 2 * 1024;

/// Units that are let in however slow the writer is: statements of one event that share one flush of the disk.
const UNDER_WAY_MIN: usize = 32;

/// Units that are let in however quick it is, and before anything is known of it: what one block may hold.
const UNDER_WAY_MAX: usize = BLOCK_BYTES_MAX / UNIT_BYTES;

/// Blocks that a unit's cost is learnt from.
const BLOCKS_REMEMBERED: usize = 256;

/// Units that a block must have more than twice the quickest one's, to be compared with it.
const LARGER_BY: f64 = 8.0;

/// Largest blocks that a unit's cost is read off: the larger, the less it is blurred by what else a block waited for.
const LARGEST: usize = 16;

/// By which part of itself the limit may grow after each block, in per cent. It falls at once.
const GROWTH_PERCENT: usize = 5;

/// Returns what a statement of `bytes` makes the writer do, in units.
pub const fn units(bytes: usize) -> usize {
    let units = bytes.div_ceil(UNIT_BYTES);
    if units == 0 { 1 } else { units }
}

/// Returns how many units the estimator learns from a statement that was written. A long statement of few events costs
/// little: it must not make a unit look cheap, because many events may follow in as many bytes.
pub fn units_to_learn_from(bytes: usize, events: usize) -> usize {
    units(bytes).min(events.max(1))
}

/// Counts what the writer has to do, and lets a statement in while that is little enough.
#[derive(Debug)]
pub struct WriterLoad {
    under_way: AtomicUsize,
    /// Of these, statements that the writer has not been given yet.
    coming: AtomicUsize,
    limit: AtomicUsize,
    promises: Promises,
}

/// The right to have one statement under way, until it is dropped.
#[derive(Debug)]
pub struct Ticket {
    load: Arc<WriterLoad>,
    units: usize,
    queued: AtomicBool,
}

impl WriterLoad {
    pub fn new() -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            coming: AtomicUsize::new(0),
            limit: AtomicUsize::new(UNDER_WAY_MAX),
            promises: Promises::new(),
        }
    }

    /// Lets in a statement of `bytes`; `None` while as much is under way as may be.
    ///
    /// Where there is room at all there is room for any, so that a long statement comes in as easily as a short one: only
    /// the last one let in goes beyond the limit, and the longest is let in where nothing is under way.
    pub fn try_acquire(self: &Arc<Self>, bytes: usize) -> Option<Ticket> {
        let (units, limit) = (units(bytes), self.limit());
        let more = |under_way: usize| (under_way < limit).then(|| under_way.saturating_add(units));
        self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        self.coming.fetch_add(1, Ordering::Relaxed);
        Some(Ticket { load: Arc::clone(self), units, queued: AtomicBool::new(false) })
    }

    /// A ticket for one that has waited, beyond the limit if it must be.
    fn ticket(self: &Arc<Self>, units: usize) -> Ticket {
        self.under_way.fetch_add(units, Ordering::Relaxed);
        self.coming.fetch_add(1, Ordering::Relaxed);
        Ticket { load: Arc::clone(self), units, queued: AtomicBool::new(false) }
    }

    /// Tells whether no sender would be let in now.
    pub fn is_full(&self) -> bool {
        self.under_way() >= self.limit()
    }

    /// Units that are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Statements that were let in and are not with the writer yet: they are verified, and a block can wait for them.
    pub fn coming(&self) -> usize {
        self.coming.load(Ordering::Relaxed)
    }

    /// Units that may be under way.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }
}

impl Ticket {
    /// Notes that the writer has the statement, or will never have it.
    pub fn mark_queued(&self) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.load.coming.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.mark_queued();
        self.load.under_way.fetch_sub(self.units, Ordering::SeqCst);
        self.load.grant();
    }
}

/// What a block takes, in seconds.
struct Costs {
    /// One more unit.
    unit: f64,
    /// The block itself, however little is in it.
    block: f64,
}

/// Estimates what one unit costs the writer. A block takes about `block + unit × units`. The slope between a large block and
/// the quickest one gives `unit`, and the quickest one without its units gives `block`. We take the smallest slope of the last [`BLOCKS_REMEMBERED`] blocks, because other work
/// only makes blocks slower. If the quickest block itself was held up, the slope is too small; then more is let in, larger
/// blocks follow, and their slopes correct it.
#[derive(Debug)]
pub struct CostEstimator {
    load: Arc<WriterLoad>,
    /// Units and seconds of the last blocks.
    blocks: VecDeque<(f64, f64)>,
}

impl CostEstimator {
    pub fn new(load: Arc<WriterLoad>) -> Self {
        Self { load, blocks: VecDeque::with_capacity(BLOCKS_REMEMBERED) }
    }

    /// Learns from one block of so many units, and lets in as much as the writer can bear.
    pub fn learn(&mut self, units: usize, took: Duration) {
        if units == 0 {
            return;
        }
        if self.blocks.len() == BLOCKS_REMEMBERED {
            self.blocks.pop_front();
        }
        self.blocks.push_back((units as f64, took.as_secs_f64()));
        // Blocks of one size tell nothing of a unit's cost, and what was known stands.
        if let Some(Costs { unit, block }) = self.costs() {
            // A cost too small to see gives infinity, which becomes the largest number, and is cut.
            let limit = ((WAIT.as_secs_f64() + block) / unit) as usize;
            let before = self.load.limit();
            let most = before + before * GROWTH_PERCENT / 100;
            self.load.limit.store(limit.min(most).clamp(UNDER_WAY_MIN, UNDER_WAY_MAX), Ordering::Relaxed);
        }
    }

    /// Tells whether a block of so many units is better not begun yet, since more is being verified. It has enough with half
    /// of what may be under way: the other half comes in while it is written.
    pub fn is_worth_waiting(&self, units: usize) -> bool {
        self.load.coming() > 0 && units < self.load.limit() / 2
    }

    fn costs(&self) -> Option<Costs> {
        let (fewest, quickest) = self.blocks.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1))?;
        let is_larger = |(units, _): &(f64, f64)| *units >= 2.0 * fewest + LARGER_BY;
        let mut larger: Vec<(f64, f64)> = self.blocks.iter().copied().filter(is_larger).collect();
        if larger.len() > LARGEST {
            larger.select_nth_unstable_by(LARGEST - 1, |one, other| other.0.total_cmp(&one.0));
            larger.truncate(LARGEST);
        }
        let costs = larger.into_iter().map(|(units, seconds)| (seconds - quickest) / (units - fewest));
        let unit = costs.min_by(f64::total_cmp)?;
        Some(Costs { unit, block: (quickest - unit * fewest).max(0.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_after(blocks: impl IntoIterator<Item = (usize, u64)>) -> usize {
        let load = Arc::new(WriterLoad::new());
        let mut estimator = CostEstimator::new(Arc::clone(&load));
        for (units, micros) in blocks {
            estimator.learn(units, Duration::from_micros(micros));
        }
        load.limit()
    }

    #[test]
    fn lets_in_what_the_writer_does_in_its_time() {
        // A flush of 2 ms, then 100 µs a unit: 200 in 20 ms.
        let quick = (0..200).map(|n| (1 + n % 50, 2_000 + 100 * (n % 50) as u64));
        assert!((190..=200).contains(&limit_after(quick)), "a quick store");
        let slow = (0..200).map(|n| (1 + n % 50, 2_000 + 900 * (n % 50) as u64));
        assert_eq!(limit_after(slow), UNDER_WAY_MIN, "a slow store");
        // A disk that takes 50 ms to flush makes blocks slow, not units: they are to share the flush.
        let late = (0..200).map(|n| (1 + n % 500, 50_000 + 20 * (n % 500) as u64));
        assert!((3_300..=3_400).contains(&limit_after(late)), "a disk that flushes slowly");
        // Four members agree in 40 ms: what comes in that time waits for the next block, and is not refused.
        let agreed = (0..200).map(|n| (1 + n % 100, 40_000 + 400 * (n % 100) as u64));
        assert!((140..=145).contains(&limit_after(agreed)), "several members");
        assert_eq!(limit_after([(1, 2_000), (1, 2_100)]), UNDER_WAY_MAX, "nothing is known of a unit's cost");
        assert_eq!(limit_after([(1, 2_000), (20, 2_000)]), UNDER_WAY_MAX, "it does not show");
        // Held up by other work now and then, and seldom not.
        let held_up = (0..200).map(|n| (1 + n % 50, 2_000 + if n % 7 == 0 { 100 } else { 900 } * (n % 50) as u64));
        assert!((190..=200).contains(&limit_after(held_up)), "a busy machine");
        // Beyond its strength from the first block on: what was learnt from the large ones stands.
        let beyond = [(64, 38_400), (4_096, 2_457_600)].into_iter().chain((0..100).map(|_| (64, 38_400)));
        assert_eq!(limit_after(beyond), UNDER_WAY_MIN, "never a small block");
        assert_eq!(limit_after([(0, 2_000)]), UNDER_WAY_MAX, "a heartbeat tells nothing");
    }

    #[test]
    fn a_wrong_guess_is_put_right_by_the_blocks_that_follow_it() {
        let load = Arc::new(WriterLoad::new());
        let mut estimator = CostEstimator::new(Arc::clone(&load));
        // 500 µs a unit, and then a time in which every block is held up: none tells of the small ones' true time.
        for n in 0..BLOCKS_REMEMBERED {
            estimator.learn(1 + n % 48, Duration::from_micros(2_000 + 500 * (n % 48) as u64));
        }
        for n in 0..BLOCKS_REMEMBERED {
            estimator.learn(24 + n % 25, Duration::from_micros(60_000 + 500 * (n % 25) as u64));
        }
        assert!(load.limit() <= 40, "{}", load.limit());
        estimator.learn(10, Duration::from_millis(40));
        estimator.learn(48, Duration::from_millis(41));
        let mut most = 0;
        // Each block has all that was let in while the one before it was written.
        for _ in 0..2 * BLOCKS_REMEMBERED {
            let units = load.limit();
            most = most.max(units);
            estimator.learn(units, Duration::from_micros(2_000 + 500 * units as u64));
        }
        assert!(most < 4 * UNDER_WAY_MIN, "{most}");
        // The two are forgotten, and what is known stands.
        assert!(load.limit() < 4 * UNDER_WAY_MIN, "{}", load.limit());
    }

    #[test]
    fn after_a_slow_time_more_is_let_in_again() {
        let blocks =
            |count: usize, micros: u64| (0..count).map(move |n| (1 + n % 48, 2_000 + micros * (n % 48) as u64));
        let slow = blocks(BLOCKS_REMEMBERED, 900);
        assert_eq!(limit_after(slow.clone()), UNDER_WAY_MIN);
        let limit = limit_after(slow.chain(blocks(2 * BLOCKS_REMEMBERED, 50)));
        assert!((380..=420).contains(&limit), "{limit}");
    }

    #[test]
    fn a_place_is_free_again_when_its_ticket_goes() {
        let load = Arc::new(WriterLoad::new());
        load.limit.store(2, Ordering::Relaxed);
        let (first, second) = (load.try_acquire(0), load.try_acquire(UNIT_BYTES));
        assert!(first.is_some() && second.is_some() && load.is_full());
        assert!(load.try_acquire(1).is_none());
        assert_eq!(load.under_way(), 2, "who was sent away holds no place");
        drop(first);
        assert!(load.try_acquire(1).is_some() && !load.is_full());
        drop(second);
        assert_eq!((load.under_way(), load.coming()), (0, 0));
    }

    #[test]
    fn a_block_waits_for_what_is_verified_and_for_half_of_what_may_be_under_way() {
        let load = Arc::new(WriterLoad::new());
        load.limit.store(8, Ordering::Relaxed);
        let estimator = CostEstimator::new(Arc::clone(&load));
        assert!(!estimator.is_worth_waiting(0), "nothing is coming");
        let tickets: Vec<Ticket> = (0..3).filter_map(|_| load.try_acquire(1)).collect();
        assert!(estimator.is_worth_waiting(3) && !estimator.is_worth_waiting(4));
        tickets[0].mark_queued();
        tickets[0].mark_queued();
        assert_eq!((load.coming(), load.under_way()), (2, 3));
        drop(tickets);
        assert!(!estimator.is_worth_waiting(1), "refused, or handed over");
        assert_eq!((load.coming(), load.under_way()), (0, 0));
    }

    #[test]
    fn what_is_learnt_from_is_what_makes_work() {
        assert_eq!((units(0), units(UNIT_BYTES), units(UNIT_BYTES + 1)), (1, 1, 2));
        assert_eq!(
            (
                units_to_learn_from(1_000, 1),
                units_to_learn_from(40_000, 100),
                units_to_learn_from(4_000_000, 1),
                units_to_learn_from(4_000_000, 0)
            ),
            (1, 20, 1, 1)
        );
    }

    #[test]
    fn a_long_statement_counts_as_many_and_is_let_in_all_the_same() {
        let load = Arc::new(WriterLoad::new());
        load.limit.store(UNDER_WAY_MIN, Ordering::Relaxed);
        let long = UNDER_WAY_MIN * UNIT_BYTES + 1;
        let alone = load.try_acquire(long);
        assert_eq!(load.under_way(), UNDER_WAY_MIN + 1, "each unit that is begun counts");
        assert!(alone.is_some() && load.try_acquire(1).is_none());
        drop(alone);
        let short = load.try_acquire(1);
        let beside = load.try_acquire(long);
        assert!(short.is_some() && beside.is_some(), "short ones would be ahead of it for ever");
        drop(short);
        assert!(load.try_acquire(1).is_none(), "it still keeps the writer busy for too long");
        drop(beside);
        assert_eq!(load.under_way(), 0);
    }
}
