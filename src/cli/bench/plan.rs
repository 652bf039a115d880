//! What a bench is to do, from its options, and what is wrong with those.

use std::time::Duration;

use crate::cli::arguments::BenchOptions;
use crate::cli::bench::driver::Mix;
use crate::cli::bench::recipe::Fill;
use crate::cli::bench::schedule::Phase;
use crate::cli::bench::signers::SIGNERS_MAX;
use crate::cli::failure::Failure;
use crate::cli::split::IDS_PER_STATEMENT;
use sealane_core::limits::EVENTS_PER_CAPTURE_MAX;

/// Each costs a file on both sides.
const CONNECTIONS_MAX: usize = 10_000;

/// A year: what is longer is a slip.
const SECONDS_MAX: f64 = 31_536_000.0;

/// More than a million requests a second is a slip too.
const RATE_MAX: f64 = 1_000_000.0;

/// The most events that one call puts on a ledger: their products' numbers fit a serial number then.
const FILL_EVENTS_MAX: u64 = 1_000_000_000;

/// Events in a statement when a ledger is filled.
const FILL_EVENTS_PER_STATEMENT: usize = 100;

/// A bench that can be done.
#[derive(Debug)]
pub struct Plan {
    pub phases: Vec<Phase>,
    pub warm_up: Duration,
    pub connections: usize,
    pub events_per_statement: usize,
    /// What was asked for, if that is more than a statement should have.
    pub events_asked: Option<usize>,
    pub bare: bool,
    pub signers: usize,
    pub mix: Mix,
    pub retry: bool,
    pub fill: Option<Fill>,
}

impl Plan {
    pub fn of(options: &BenchOptions) -> Result<Self, Failure> {
        let between = |name: &str, value: usize, max: usize| {
            let message = || Failure::wrong_use(format!("{name} {value}: give 1 to {max}"));
            if (1..=max).contains(&value) { Ok(value) } else { Err(message()) }
        };
        let usual = if options.fill.is_some() { FILL_EVENTS_PER_STATEMENT } else { 1 };
        let events = options.events_per_statement.unwrap_or(usual);
        let events = between("--events-per-statement", events, EVENTS_PER_CAPTURE_MAX)?;
        Ok(Self {
            phases: phases(options)?,
            // A ledger that is filled is not measured.
            warm_up: if options.fill.is_some() { Duration::ZERO } else { seconds("--warm-up", options.warm_up, true)? },
            connections: between("--connections", options.connections, CONNECTIONS_MAX)?,
            // Each event names one product.
            events_per_statement: events.min(IDS_PER_STATEMENT),
            events_asked: (events > IDS_PER_STATEMENT).then_some(events),
            bare: options.bare,
            signers: between("--signers", options.signers, SIGNERS_MAX)?,
            mix: mix(options)?,
            retry: options.retry || options.fill.is_some(),
            fill: options.fill.map(|events| fill(events, options.events_per_product)).transpose()?,
        })
    }

    /// The share of the requests that are statements.
    pub fn writes(&self) -> f64 {
        1.0 - self.mix.reads - self.mix.evidence
    }

    /// Tells whether there is any statement to sign.
    pub fn has_writes(&self) -> bool {
        self.writes() > 1e-9
    }
}

fn phases(options: &BenchOptions) -> Result<Vec<Phase>, Failure> {
    let (spans, rates) = (&options.seconds, &options.rate);
    if spans.len() != rates.len() && !(rates.is_empty() && spans.len() == 1) {
        return Err(Failure::wrong_use(format!(
            "--seconds has {} values and --rate {}: a run of several phases needs one of each for every phase",
            spans.len(),
            rates.len()
        )));
    }
    let phase = |(at, span): (usize, &f64)| {
        let rate = rates.get(at).copied();
        match rate.filter(|rate| !(*rate > 0.0 && *rate <= RATE_MAX)) {
            Some(rate) => Err(Failure::wrong_use(format!("--rate {rate}: give more than 0 and at most {RATE_MAX}"))),
            None => Ok(Phase { span: seconds("--seconds", *span, false)?, rate }),
        }
    };
    spans.iter().enumerate().map(phase).collect()
}

fn seconds(name: &str, value: f64, or_none: bool) -> Result<Duration, Failure> {
    let least = if or_none { "0 or more" } else { "more than 0" };
    if (value > 0.0 || (or_none && value == 0.0)) && value <= SECONDS_MAX {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err(Failure::wrong_use(format!("{name} {value}: give {least}, and at most {SECONDS_MAX}")))
    }
}

fn mix(options: &BenchOptions) -> Result<Mix, Failure> {
    let (reads, evidence) = (options.reads, options.evidence);
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    if !is_share(reads) || !is_share(evidence) || reads + evidence > 1.0 + 1e-9 {
        let message = format!("--reads {reads} --evidence {evidence}: give shares from 0 to 1, together at most 1");
        return Err(Failure::wrong_use(message));
    }
    Ok(Mix { reads, evidence })
}

fn fill(events: u64, events_per_product: u64) -> Result<Fill, Failure> {
    if !(1..=FILL_EVENTS_MAX).contains(&events) {
        return Err(Failure::wrong_use(format!("--fill {events}: give 1 to {FILL_EVENTS_MAX} events")));
    }
    if !(1..=events).contains(&events_per_product) {
        return Err(Failure::wrong_use(format!(
            "--events-per-product {events_per_product}: give 1 to the number of events, {events}"
        )));
    }
    Ok(Fill::of_events(events, events_per_product))
}
