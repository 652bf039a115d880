//! The time of the next block, by a clock that may jump.
//!
//! A block's time binds the ledger for good: certificates end by it. So a block is never made at a time that cannot have
//! come yet, by a second clock that cannot be set and only tells how much time has passed.

use std::time::Duration;

use crate::ports::ClockReading;
use sealane_core::time::Timestamp;

/// How far the clock may run ahead of the time that has passed, in milliseconds: 5 minutes. NTP steps a clock by less.
pub const CLOCK_AHEAD_MS_MAX: i64 = 5 * 60 * 1000;

/// How long the ledger may have stood still when a node starts, in milliseconds: 7 days. After a longer pause somebody
/// has to say what time it is, since nothing here tells a long pause from a wrong clock.
pub const PAUSE_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;

/// How far what the operator says of the time may be from the node's clock, in milliseconds: 5 minutes, enough to type it.
pub const ACCEPTED_CLOCK_MS_MAX: i64 = 5 * 60 * 1000;

/// The clock says a time that it cannot be, as far as the node can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the node's clock says {now}, and the last block is of {last}: {}. Nothing was written. Set the clock right; or, if it \
     is right, start the node again with `--accept-clock {now}`, which says that you have looked",
    match since_start {
        None => "the node has just started, and nothing tells a pause of more than 7 days from a wrong clock".to_owned(),
        Some(most) => format!("by the time that has passed since, it is at most {most}")
    }
)]
pub struct ClockJump {
    /// The last block's time.
    pub last: Timestamp,
    pub now: Timestamp,
    /// The latest time that a block could have; `None` until a node has made one.
    pub since_start: Option<Timestamp>,
}

/// What the operator said of the time is not what the node's clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "--accept-clock {told} is more than 5 minutes from the node's clock, which says {now}: give the time that it is now, or \
     set the clock right"
)]
pub struct OtherClock {
    pub told: Timestamp,
    pub now: Timestamp,
}

/// What times a block may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockClock {
    /// A time that was right, and when it was.
    known: Timestamp,
    known_at: Duration,
    /// How far past that, and past the time since, a block may be.
    ahead_ms_max: i64,
    /// A node whose clock is believed: at its start, or by a block that it has made.
    believed: bool,
}

impl BlockClock {
    /// The clock of a node that starts with a ledger whose last block is of `last`.
    pub fn at_start(last: Timestamp, reading: ClockReading) -> Self {
        let ClockReading { now, passed } = reading;
        let pause_ms = now.millis_since(last);
        if pause_ms > PAUSE_MS_MAX {
            return Self { known: last, known_at: passed, ahead_ms_max: PAUSE_MS_MAX, believed: false };
        }
        Self { known: now.max(last), known_at: passed, ahead_ms_max: CLOCK_AHEAD_MS_MAX, believed: true }
    }

    /// Believes the clock from here on, because the operator says that it is about that time.
    pub fn accept(&mut self, told: Timestamp, reading: ClockReading) -> Result<(), OtherClock> {
        let ClockReading { now, passed } = reading;
        if now.millis_since(told).abs() > ACCEPTED_CLOCK_MS_MAX {
            return Err(OtherClock { told, now });
        }
        if !self.believed {
            *self = Self { known: now, known_at: passed, ahead_ms_max: CLOCK_AHEAD_MS_MAX, believed: true };
        }
        Ok(())
    }

    /// The time of the block after one of `last`: the clock's, or a millisecond after the last one if the clock stands
    /// behind it.
    pub fn next_time(&self, last: Timestamp, reading: ClockReading) -> Result<Timestamp, ClockJump> {
        let passed = reading.passed.saturating_sub(self.known_at);
        let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let latest = self.known.plus_millis(passed_ms.saturating_add(self.ahead_ms_max)).max(last);
        if reading.now > latest {
            let since_start = self.believed.then_some(latest);
            return Err(ClockJump { last, now: reading.now, since_start });
        }
        Ok(reading.now.max(last.plus_millis(1)))
    }

    /// Notes that a block of this time was made: the next one's is counted from it.
    pub fn made(&mut self, time: Timestamp, reading: ClockReading) {
        *self = Self { known: time, known_at: reading.passed, ahead_ms_max: CLOCK_AHEAD_MS_MAX, believed: true };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn time(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + ms).unwrap()
    }

    fn reading(now_ms: i64, passed_ms: u64) -> ClockReading {
        ClockReading { now: time(now_ms), passed: Duration::from_millis(passed_ms) }
    }

    #[test]
    fn a_jump_of_400_days_is_refused_and_its_end_is_no_matter() {
        let clock = BlockClock::at_start(time(0), reading(1_000, 50));
        let jumped = clock.next_time(time(0), reading(400 * DAY_MS, 1_050)).unwrap_err();
        assert_eq!((jumped.last, jumped.now), (time(0), time(400 * DAY_MS)));
        assert_eq!(jumped.since_start, Some(time(1_000 + 1_000 + CLOCK_AHEAD_MS_MAX)));
        let says = jumped.to_string();
        for part in [time(0).to_string(), time(400 * DAY_MS).to_string(), "--accept-clock".to_owned()] {
            assert!(says.contains(&part), "{says}");
        }
        assert_eq!(clock.next_time(time(0), reading(3_000, 2_050)), Ok(time(3_000)));
    }

    #[test]
    fn the_limits_are_exact() {
        let clock = BlockClock::at_start(time(0), reading(0, 0));
        assert_eq!(clock.next_time(time(0), reading(CLOCK_AHEAD_MS_MAX + 7, 7)), Ok(time(CLOCK_AHEAD_MS_MAX + 7)));
        assert!(clock.next_time(time(0), reading(CLOCK_AHEAD_MS_MAX + 8, 7)).is_err());
        let started =
            |pause_ms| BlockClock::at_start(time(0), reading(pause_ms, 0)).next_time(time(0), reading(pause_ms, 0));
        assert_eq!(started(PAUSE_MS_MAX), Ok(time(PAUSE_MS_MAX)));
        assert_eq!(started(PAUSE_MS_MAX + 1).unwrap_err().since_start, None);
    }

    #[test]
    fn after_a_long_pause_a_word_is_needed_or_a_clock_that_comes_back() {
        let mut clock = BlockClock::at_start(time(0), reading(400 * DAY_MS, 0));
        assert!(clock.next_time(time(0), reading(400 * DAY_MS + 1, 1)).is_err());
        assert_eq!(clock.next_time(time(0), reading(2 * DAY_MS, 1)), Ok(time(2 * DAY_MS)));
        let other = clock.accept(time(399 * DAY_MS), reading(400 * DAY_MS, 0)).unwrap_err();
        assert_eq!((other.told, other.now), (time(399 * DAY_MS), time(400 * DAY_MS)));
        clock.accept(time(400 * DAY_MS - ACCEPTED_CLOCK_MS_MAX), reading(400 * DAY_MS, 0)).unwrap();
        assert_eq!(clock.next_time(time(0), reading(400 * DAY_MS + 1, 1)), Ok(time(400 * DAY_MS + 1)));
        assert!(clock.next_time(time(0), reading(401 * DAY_MS, 1)).is_err(), "the word was about one time");
    }

    /// What happens to a node, in milliseconds.
    #[derive(Debug, Clone)]
    enum Step {
        /// Time passes, and the clock goes along.
        Pass(u32),
        /// The operator sets the clock, by so much.
        Set(i64),
        Block,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..2_000_000_u32).prop_map(Step::Pass),
            (-800 * DAY_MS..800 * DAY_MS).prop_map(Step::Set),
            (-2 * CLOCK_AHEAD_MS_MAX..2 * CLOCK_AHEAD_MS_MAX).prop_map(Step::Set),
            Just(Step::Block),
            Just(Step::Block),
        ];
        prop::collection::vec(step, 1..60)
    }

    proptest! {
        /// Block times increase, and none is further from the one before than time has passed, but for five minutes.
        #[test]
        fn no_block_is_of_a_time_that_cannot_have_come(steps in steps()) {
            let (mut now, mut passed) = (0_i64, 0_u64);
            let mut last = (time(0), 0_u64);
            let mut clock = BlockClock::at_start(last.0, reading(now, passed));
            for step in steps {
                match step {
                    Step::Pass(ms) => (now, passed) = (now + i64::from(ms), passed + u64::from(ms)),
                    Step::Set(by) => now = (now + by).clamp(-1_000 * DAY_MS, 10_000 * DAY_MS),
                    Step::Block => {
                        let since = i64::try_from(passed - last.1).unwrap();
                        let most = last.0.plus_millis(since + CLOCK_AHEAD_MS_MAX);
                        match clock.next_time(last.0, reading(now, passed)) {
                            Ok(made) => {
                                prop_assert!(made > last.0 && made <= most, "{made} after {}", last.0);
                                prop_assert!(made == time(now) || time(now) <= last.0);
                                clock.made(made, reading(now, passed));
                                last = (made, passed);
                            }
                            Err(_) => prop_assert!(time(now) > most, "a right clock was refused"),
                        }
                    }
                }
            }
        }
    }
}
