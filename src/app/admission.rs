//! Back-pressure: how many captures may be under way, so that what is taken on is final soon.
//!
//! A queue that takes all that comes only makes everybody wait. The writer therefore tells how long one more statement
//! keeps it, and as many are let in as it writes within `WAIT`. Whoever is not let in is told at once to come back, before
//! a signature is looked at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::app::orderer::QUEUE_JOBS_MAX;

/// For how long what is under way may keep the writer busy.
const WAIT: Duration = Duration::from_millis(25);

/// Captures that are let in however slow the writer is: enough to share one flush of the disk.
const UNDER_WAY_MIN: usize = 64;

/// Blocks that a statement's cost is learnt from.
const BLOCKS_REMEMBERED: usize = 256;

/// Statements that a block must have more than twice the quickest one's, to be compared with it.
const LARGER_BY: f64 = 8.0;

/// Who is let in.
#[derive(Debug)]
pub struct Admission {
    under_way: AtomicUsize,
    limit: AtomicUsize,
}

/// The right to have one capture under way, until it is dropped.
#[derive(Debug)]
pub struct Ticket(Arc<Admission>);

impl Admission {
    pub fn new() -> Self {
        Self { under_way: AtomicUsize::new(0), limit: AtomicUsize::new(QUEUE_JOBS_MAX) }
    }

    /// Lets one in; `None` while as many are under way as can be.
    pub fn enter(self: &Arc<Self>) -> Option<Ticket> {
        let ticket = Ticket(Arc::clone(self));
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        // A ticket that is not given out gives its place back as any other does.
        (before < self.limit.load(Ordering::Relaxed)).then_some(ticket)
    }

    /// Captures that are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Captures that may be under way.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What blocks cost, as the writer sees them: something each, as the flush of a disk, and something for each statement.
/// Only the second tells how many statements a block may have. It shows in how a larger block differs from the quickest
/// one; where other work has held the writer up it shows too large, so the smallest counts.
#[derive(Debug)]
pub struct Pace {
    admission: Arc<Admission>,
    /// Statements and seconds of the last blocks.
    blocks: VecDeque<(f64, f64)>,
}

impl Pace {
    pub fn new(admission: Arc<Admission>) -> Self {
        Self { admission, blocks: VecDeque::with_capacity(BLOCKS_REMEMBERED) }
    }

    /// Learns from one block, and lets in as many as the writer can bear.
    pub fn learn(&mut self, statements: usize, took: Duration) {
        if statements == 0 {
            return;
        }
        if self.blocks.len() == BLOCKS_REMEMBERED {
            self.blocks.pop_front();
        }
        self.blocks.push_back((statements as f64, took.as_secs_f64()));
        // Blocks of one size tell nothing of a statement's cost, and what was known stands.
        if let Some(cost) = self.statement_cost() {
            // A cost too small to see gives infinity, which becomes the largest number, and is cut.
            let limit = (WAIT.as_secs_f64() / cost) as usize;
            self.admission.limit.store(limit.clamp(UNDER_WAY_MIN, QUEUE_JOBS_MAX), Ordering::Relaxed);
        }
    }

    /// Seconds that one more statement takes.
    fn statement_cost(&self) -> Option<f64> {
        let (fewest, quickest) = self.blocks.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1))?;
        let larger = self.blocks.iter().filter(|(statements, _)| *statements >= 2.0 * fewest + LARGER_BY);
        let costs = larger.map(|(statements, seconds)| (seconds - quickest) / (statements - fewest));
        costs.min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_after(blocks: impl IntoIterator<Item = (usize, u64)>) -> usize {
        let admission = Arc::new(Admission::new());
        let mut pace = Pace::new(Arc::clone(&admission));
        for (statements, micros) in blocks {
            pace.learn(statements, Duration::from_micros(micros));
        }
        admission.limit()
    }

    #[test]
    fn lets_in_what_the_writer_does_in_its_time() {
        // A flush of 2 ms, then 100 µs a statement: 250 in 25 ms.
        let quick = (0..200).map(|n| (1 + n % 50, 2_000 + 100 * (n % 50) as u64));
        assert!((240..=260).contains(&limit_after(quick)), "a quick store");
        let slow = (0..200).map(|n| (1 + n % 50, 2_000 + 500 * (n % 50) as u64));
        assert_eq!(limit_after(slow), UNDER_WAY_MIN, "a slow store");
        // A disk that takes 50 ms to flush makes blocks slow, not statements: they are to share the flush.
        let late = (0..200).map(|n| (1 + n % 500, 50_000 + 20 * (n % 500) as u64));
        assert!(limit_after(late) > 1_000, "a disk that flushes slowly");
        assert_eq!(limit_after([(1, 2_000), (1, 2_100)]), QUEUE_JOBS_MAX, "nothing is known of a statement's cost");
        assert_eq!(limit_after([(1, 2_000), (20, 2_000)]), QUEUE_JOBS_MAX, "it does not show");
        // Held up by other work now and then, and seldom not.
        let held_up = (0..200).map(|n| (1 + n % 50, 2_000 + if n % 7 == 0 { 100 } else { 900 } * (n % 50) as u64));
        assert!((240..=260).contains(&limit_after(held_up)), "a busy machine");
        // Beyond its strength from the first block on: what was learnt from the large ones stands.
        let beyond = [(64, 32_000), (4_096, 2_048_000)].into_iter().chain((0..100).map(|_| (64, 32_000)));
        assert_eq!(limit_after(beyond), UNDER_WAY_MIN, "never a small block");
        assert_eq!(limit_after([(0, 2_000)]), QUEUE_JOBS_MAX, "a heartbeat tells nothing");
    }

    #[test]
    fn a_place_is_free_again_when_its_ticket_goes() {
        let admission = Arc::new(Admission::new());
        admission.limit.store(2, Ordering::Relaxed);
        let (first, second) = (admission.enter(), admission.enter());
        assert!(first.is_some() && second.is_some());
        assert!(admission.enter().is_none());
        assert_eq!(admission.under_way(), 2, "who was sent away holds no place");
        drop(first);
        assert!(admission.enter().is_some());
    }
}
