//! When requests are due: at a constant rate whatever the answers, or at once, phase after phase.

use std::time::{Duration, Instant};

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    pub span: Duration,
    /// Requests a second; without it, whenever a connection is free.
    pub rate: Option<f64>,
}

/// A request's place in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub phase: usize,
    /// From when its latency counts.
    pub at: Instant,
}

/// Phases with the place that has been reached in them.
#[derive(Debug)]
pub struct Schedule {
    /// With the number that each has in the whole run.
    phases: Vec<(usize, Phase)>,
    current: usize,
    /// Requests of the current phase that were sent.
    taken: u64,
    /// When the current phase began.
    began: Instant,
    /// When a node that is behind is no longer waited for.
    ends: Instant,
}

impl Phase {
    /// Requests of a phase with a rate.
    pub fn requests(&self) -> Option<u64> {
        self.rate.map(|rate| (rate * self.span.as_secs_f64()).ceil() as u64)
    }
}

impl Schedule {
    pub fn new(phases: Vec<(usize, Phase)>) -> Self {
        let now = Instant::now();
        Self { phases, current: 0, taken: 0, began: now, ends: now }
    }

    /// Starts the clock. What is still to be sent at the end of all phases may be sent for as long again.
    pub fn begin(&mut self, now: Instant) {
        let span: Duration = self.phases.iter().map(|(_, phase)| phase.span).sum();
        (self.began, self.ends) = (now, now + span * 2);
    }

    /// The request that is due by now. `Err` says when the next one is; with `None`, that there is none.
    pub fn next(&mut self, now: Instant) -> Result<Due, Option<Instant>> {
        while let Some((number, phase)) = self.phases.get(self.current) {
            let end = self.began + phase.span;
            match phase.rate {
                None if now < end => return Ok(Due { phase: *number, at: now }),
                Some(rate) if Some(self.taken) < phase.requests() => {
                    let at = self.began + Duration::from_secs_f64(self.taken as f64 / rate);
                    return if at > now || now >= self.ends { Err(Some(at)) } else { Ok(Due { phase: *number, at }) };
                }
                _ => (self.current, self.taken, self.began) = (self.current + 1, 0, end),
            }
        }
        Err(None)
    }

    /// Takes what `next` has given.
    pub const fn take(&mut self) {
        self.taken += 1;
    }

    /// Nothing is to be sent any more.
    pub fn is_over(&self, now: Instant) -> bool {
        self.current >= self.phases.len() || now >= self.ends
    }

    /// Requests that a rate had promised and that were not taken, phase by phase.
    pub fn unsent(&self) -> impl Iterator<Item = (usize, u64)> {
        self.phases.iter().enumerate().skip(self.current).filter_map(|(at, (number, phase))| {
            let taken = if at == self.current { self.taken } else { 0 };
            Some((*number, phase.requests()?.saturating_sub(taken)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn all_due(schedule: &mut Schedule, now: Instant) -> Vec<Due> {
        let mut all = Vec::new();
        while let Ok(due) = schedule.next(now) {
            schedule.take();
            all.push(due);
        }
        all
    }

    #[test]
    fn a_rate_goes_on_through_its_phases_whatever_comes_back() {
        let phase = |rate| Phase { span: SECOND, rate: Some(rate) };
        let mut schedule = Schedule::new(vec![(0, phase(4.0)), (1, phase(2.0))]);
        let began = Instant::now();
        schedule.begin(began);
        assert_eq!(schedule.next(began), Ok(Due { phase: 0, at: began }));
        schedule.take();
        assert_eq!(schedule.next(began), Err(Some(began + SECOND / 4)));
        assert!(!schedule.is_over(began));
        let late = all_due(&mut schedule, began + SECOND * 3 / 2);
        assert_eq!(late.iter().map(|due| due.phase).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
        assert_eq!(late.iter().map(|due| due.at - began).max(), Some(SECOND * 3 / 2));
        assert_eq!(schedule.next(began + SECOND * 3 / 2), Err(None));
        assert!(schedule.is_over(began + SECOND * 3 / 2), "all that was promised is taken");
    }

    #[test]
    fn what_a_node_leaves_waiting_for_too_long_is_unsent() {
        let mut schedule = Schedule::new(vec![(0, Phase { span: SECOND, rate: Some(10.0) })]);
        let began = Instant::now();
        schedule.begin(began);
        for _ in 0..3 {
            assert!(schedule.next(began + SECOND).is_ok());
            schedule.take();
        }
        assert!(schedule.is_over(began + SECOND * 2));
        assert!(schedule.next(began + SECOND * 2).is_err());
        assert_eq!(schedule.unsent().collect::<Vec<_>>(), [(0, 7)]);
    }

    #[test]
    fn without_a_rate_a_request_is_due_until_the_end() {
        let mut schedule = Schedule::new(vec![(0, Phase { span: SECOND, rate: None })]);
        let began = Instant::now();
        schedule.begin(began);
        assert_eq!(schedule.next(began + SECOND / 2), Ok(Due { phase: 0, at: began + SECOND / 2 }));
        assert_eq!(schedule.next(began + SECOND), Err(None));
        assert!(schedule.is_over(began + SECOND));
        assert_eq!(schedule.unsent().count(), 0);
    }
}
