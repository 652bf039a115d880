//! The last hour of the node's counters, in memory: what the charts are drawn from.

use std::collections::VecDeque;
use std::time::Duration;

/// How often the counters are read.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Readings that are kept: an hour of them, and the one before.
pub const SAMPLES_MAX: usize = 361;

/// Minutes that a chart shows.
pub const MINUTES: usize = 60;

const MINUTE: Duration = Duration::from_secs(60);

/// What the node has counted since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CounterReading {
    /// Statements handed to blocks.
    pub statements: u64,
    /// Requests answered.
    pub requests: u64,
    /// How long answers to captures took.
    pub captures: Spread,
}

/// Durations by upper bound: a histogram whose counts grow only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// Upper bound in seconds, and how many were no longer than that.
    pub up_to: Vec<(f64, u64)>,
    /// All of them, also those longer than the last bound.
    pub count: u64,
}

/// One minute of the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Minute {
    pub statements: u64,
    pub requests: u64,
    /// 95 of 100 captures were answered within so many milliseconds, by the bounds of the histogram; `None` without a capture.
    pub capture_ms: Option<f64>,
}

/// Readings of the last hour, the oldest first.
#[derive(Debug, Default)]
pub struct LastHour {
    readings: VecDeque<(Duration, CounterReading)>,
}

impl LastHour {
    /// Keeps a reading that was made so long after the node's start. The oldest one goes if there are too many.
    pub fn keep(&mut self, at: Duration, counts: CounterReading) {
        if self.readings.len() >= SAMPLES_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back((at, counts));
    }

    /// The last hour minute by minute, the oldest first, up to a reading that was made now. `None` of a minute before the start.
    pub fn minutes(&self, now: Duration, latest: &CounterReading) -> [Option<Minute>; MINUTES] {
        std::array::from_fn(|at| {
            let back = u32::try_from(MINUTES - at).unwrap_or_default();
            let begin = now.saturating_sub(MINUTE * back);
            let end = now.checked_sub(MINUTE * (back - 1)).filter(|end| !end.is_zero())?;
            let to = if back == 1 { Some(latest) } else { self.as_of(end) };
            // The node may have started within this minute: then it is counted from its first reading.
            let from = self.as_of(begin).or_else(|| self.first_within(end));
            Some(Minute::between(from?, to?))
        })
    }

    fn as_of(&self, at: Duration) -> Option<&CounterReading> {
        let after = self.readings.partition_point(|(made, _)| *made <= at);
        self.readings.get(after.checked_sub(1)?).map(|(_, counts)| counts)
    }

    fn first_within(&self, end: Duration) -> Option<&CounterReading> {
        self.readings.front().filter(|(made, _)| *made <= end).map(|(_, counts)| counts)
    }
}

impl Minute {
    fn between(from: &CounterReading, to: &CounterReading) -> Self {
        Self {
            statements: to.statements.saturating_sub(from.statements),
            requests: to.requests.saturating_sub(from.requests),
            capture_ms: to.captures.share_since(&from.captures, 0.95).map(|seconds| seconds * 1e3),
        }
    }
}

impl Spread {
    /// Within how many seconds so large a share of those since `before` was: the upper bound of the bucket, or the last bound for
    /// what was longer. `None` if there was none.
    fn share_since(&self, before: &Self, share: f64) -> Option<f64> {
        let count = self.count.checked_sub(before.count).filter(|count| *count > 0)?;
        let wanted = (count as f64 * share).ceil();
        let earlier = |at: usize| before.up_to.get(at).map_or(0, |(_, count)| *count);
        let bounds = self.up_to.iter().enumerate();
        let found = bounds.into_iter().find(|(at, (_, count))| count.saturating_sub(earlier(*at)) as f64 >= wanted);
        found.map(|(_, (bound, _))| *bound).or_else(|| self.up_to.last().map(|(bound, _)| *bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(statements: u64, fast: u64, slow: u64) -> CounterReading {
        let captures = Spread { up_to: vec![(0.01, fast), (0.1, fast + slow)], count: fast + slow };
        CounterReading { statements, requests: 2 * statements, captures }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn minutes_are_what_came_between_readings() {
        let mut history = LastHour::default();
        history.keep(seconds(0), CounterReading::default());
        history.keep(seconds(60), counts(5, 5, 0));
        history.keep(seconds(120), counts(5, 5, 0));
        let minutes = history.minutes(seconds(180), &counts(25, 10, 15));
        assert_eq!(
            minutes[MINUTES - 4..],
            [
                None,
                Some(Minute { statements: 5, requests: 10, capture_ms: Some(10.0) }),
                Some(Minute { statements: 0, requests: 0, capture_ms: None }),
                Some(Minute { statements: 20, requests: 40, capture_ms: Some(100.0) }),
            ]
        );
    }

    #[test]
    fn a_node_that_just_started_has_a_part_of_a_minute() {
        let mut history = LastHour::default();
        history.keep(seconds(0), CounterReading::default());
        let minutes = history.minutes(seconds(3), &counts(2, 2, 0));
        assert_eq!(minutes[MINUTES - 1], Some(Minute { statements: 2, requests: 4, capture_ms: Some(10.0) }));
        assert!(minutes[..MINUTES - 1].iter().all(Option::is_none), "{minutes:?}");
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut history = LastHour::default();
        for sample in 0..2_000 {
            history.keep(SAMPLE_EVERY * sample, counts(u64::from(sample), u64::from(sample), 0));
        }
        assert_eq!(history.readings.len(), SAMPLES_MAX);
        let minutes = history.minutes(SAMPLE_EVERY * 2_000, &counts(2_000, 2_000, 0));
        assert!(minutes.iter().all(|minute| minute.is_some_and(|minute| minute.statements == 6)), "{minutes:?}");
    }

    #[test]
    fn what_is_longer_than_every_bound_is_told_by_the_last() {
        let before = Spread::default();
        let after = Spread { up_to: vec![(0.5, 0), (5.0, 1)], count: 3 };
        assert_eq!(after.share_since(&before, 0.95), Some(5.0));
        assert_eq!(before.share_since(&before, 0.95), None);
    }
}
