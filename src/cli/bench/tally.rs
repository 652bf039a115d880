//! What came of the requests: counts and latencies, in all and second by second.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::cli::bench::process;
use crate::cli::data_dir::cannot;
use crate::cli::failure::Failure;

/// No request is waited for that long.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Capture,
    Verify,
    Evidence,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// A capture that is final, or a page that was asked for.
    Done,
    /// 429: the node has enough to do.
    Refused,
    /// Anything else, or no answer.
    Failed,
}

/// Counts and latencies of one kind.
pub struct LoadTally {
    pub done: u64,
    pub refused: u64,
    pub failed: u64,
    /// Of what was done, from the time it was due.
    latency_us: Histogram<u64>,
}

/// Counts and latencies of a phase.
pub struct Tallies {
    pub captures: LoadTally,
    pub verdicts: LoadTally,
    pub evidence: LoadTally,
    pub events: u64,
    /// Due in the phase and never sent, since the node fell too far behind.
    pub unsent: u64,
}

impl LoadTally {
    fn new() -> Result<Self, Failure> {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).map_err(Failure::unreachable)?;
        Ok(Self { done: 0, refused: 0, failed: 0, latency_us })
    }

    fn count(&mut self, outcome: RequestOutcome, latency: Duration) {
        match outcome {
            RequestOutcome::Done => {
                self.done += 1;
                self.latency_us.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
            }
            RequestOutcome::Refused => self.refused += 1,
            RequestOutcome::Failed => self.failed += 1,
        }
    }

    fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.done += other.done;
        self.refused += other.refused;
        self.failed += other.failed;
        self.latency_us.add(&other.latency_us).map_err(Failure::unreachable)
    }

    fn clear(&mut self) {
        (self.done, self.refused, self.failed) = (0, 0, 0);
        self.latency_us.reset();
    }

    /// Latencies in milliseconds; `null` where nothing was done.
    pub fn latencies(&self) -> Map<String, Value> {
        let ms = |us: u64| if self.done == 0 { Value::Null } else { round(us as f64 / 1000.0).into() };
        let at = |quantile| ms(self.latency_us.value_at_quantile(quantile));
        let named = [("p50_ms", at(0.5)), ("p90_ms", at(0.9)), ("p99_ms", at(0.99)), ("p999_ms", at(0.999))];
        let max = ("max_ms", ms(self.latency_us.max()));
        named.into_iter().chain([max]).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn describe(&self, seconds: f64) -> Value {
        let mut members = self.latencies();
        members.insert("count".to_owned(), self.done.into());
        members.insert("per_second".to_owned(), round(self.done as f64 / seconds).into());
        members.insert("refused".to_owned(), self.refused.into());
        members.insert("errors".to_owned(), self.failed.into());
        members.into()
    }
}

impl Tallies {
    pub fn new() -> Result<Self, Failure> {
        let (captures, verdicts, evidence) = (LoadTally::new()?, LoadTally::new()?, LoadTally::new()?);
        Ok(Self { captures, verdicts, evidence, events: 0, unsent: 0 })
    }

    pub fn count(&mut self, kind: Kind, outcome: RequestOutcome, latency: Duration) {
        let tally = match kind {
            Kind::Capture => &mut self.captures,
            Kind::Verify => &mut self.verdicts,
            Kind::Evidence => &mut self.evidence,
        };
        tally.count(outcome, latency);
    }

    fn clear(&mut self) {
        (self.events, self.unsent) = (0, 0);
        [&mut self.captures, &mut self.verdicts, &mut self.evidence].into_iter().for_each(LoadTally::clear);
    }

    pub fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.events += other.events;
        self.unsent += other.unsent;
        self.captures.add(&other.captures)?;
        self.verdicts.add(&other.verdicts)?;
        self.evidence.add(&other.evidence)
    }

    const fn each(&self) -> [&LoadTally; 3] {
        [&self.captures, &self.verdicts, &self.evidence]
    }

    /// Requests that were answered as they should be.
    pub fn done(&self) -> u64 {
        self.each().iter().map(|tally| tally.done).sum()
    }

    pub fn refused(&self) -> u64 {
        self.each().iter().map(|tally| tally.refused).sum()
    }

    pub fn failed(&self) -> u64 {
        self.each().iter().map(|tally| tally.failed).sum()
    }

    /// Requests that were sent.
    pub fn sent(&self) -> u64 {
        self.done() + self.refused() + self.failed()
    }

    /// Rates, latencies and counts: those of captures by themselves, those of questions in members of their own.
    pub fn describe(&self, elapsed: Duration) -> Map<String, Value> {
        let seconds = elapsed.as_secs_f64().max(f64::EPSILON);
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        put("statements_per_second", round(self.captures.done as f64 / seconds).into());
        put("events_per_second", round(self.events as f64 / seconds).into());
        self.captures.latencies().into_iter().for_each(|(name, value)| put(&name, value));
        put("errors", self.failed().into());
        put("refused", self.refused().into());
        put("unsent", self.unsent.into());
        put("seconds", round(seconds).into());
        put("statements", self.captures.done.into());
        put("events", self.events.into());
        for (name, tally) in [("reads", &self.verdicts), ("evidence", &self.evidence)] {
            if tally.done + tally.refused + tally.failed > 0 {
                put(name, tally.describe(seconds));
            }
        }
        members
    }
}

/// A line of JSON for each second, into a file.
pub struct Series {
    file: BufWriter<File>,
    began: Option<Instant>,
    second: u64,
    now: Tallies,
    node: Option<u32>,
}

impl Series {
    /// `node` is the process whose memory is told too.
    pub fn create(path: &Path, node: Option<u32>) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| cannot("write", path, &error))?;
        Ok(Self { file: BufWriter::new(file), began: None, second: 0, now: Tallies::new()?, node })
    }

    /// Counts from the first call on.
    pub fn begin(&mut self, now: Instant) {
        self.began.get_or_insert(now);
    }

    pub fn count(&mut self, kind: Kind, outcome: RequestOutcome, latency: Duration) {
        self.now.count(kind, outcome, latency);
    }

    /// Writes the lines of the seconds that are over.
    pub fn write_until(&mut self, now: Instant) -> Result<(), Failure> {
        while self.began.is_some_and(|began| began + Duration::from_secs(self.second + 1) <= now) {
            self.write()?;
        }
        Ok(())
    }

    /// Writes the line of the last second, if anything was answered in it.
    pub fn finish(mut self, now: Instant) -> Result<(), Failure> {
        self.write_until(now)?;
        if self.now.sent() > 0 { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Failure> {
        let (all, captures) = (&self.now, &self.now.captures);
        let mut line = json!({
            "second": self.second,
            "accepted": captures.done,
            "refused": all.refused(),
            "errors": all.failed(),
            "reads": all.verdicts.done + all.evidence.done,
        });
        if let Some(members) = line.as_object_mut() {
            members.extend(captures.latencies().into_iter().filter(|(name, _)| name == "p50_ms" || name == "p99_ms"));
            let memory = self.node.and_then(process::memory);
            members.extend(memory.map(|memory| ("node_rss_mb".to_owned(), round(memory.resident_mb).into())));
        }
        self.second += 1;
        self.now.clear();
        // A person may be looking on.
        writeln!(self.file, "{line}").and_then(|()| self.file.flush()).map_err(Failure::unreachable)
    }
}

/// Two digits after the point are as many as mean something.
pub fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
