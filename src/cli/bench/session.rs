//! A run against a node, or several of one ledger: signers and connections, and waves of statements that are signed, then sent.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::Value;

use crate::cli::bench::Target;
use crate::cli::bench::driver::{Cost, Driver, Load, Mix, Results};
use crate::cli::bench::ids::Ids;
use crate::cli::bench::plan::Plan;
use crate::cli::bench::recipe::{Fill, Recipe};
use crate::cli::bench::report::Measured;
use crate::cli::bench::schedule::{Phase, Schedule};
use crate::cli::bench::signers;
use crate::cli::bench::tally::{Series, Tallies};
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::output::Output;

/// Signed statements that are held at once, in bytes. What needs more is signed and sent in waves, with the clock stopped
/// in between.
const WAVE_BYTES_MAX: u64 = 1 << 30;

/// The same where a ledger is filled: waves may be short there.
const FILL_WAVE_BYTES_MAX: u64 = 1 << 27;

/// About what a statement takes as a request, with one event and for each further one.
const STATEMENT_BYTES: u64 = 1_300;
const EVENT_BYTES: u64 = 560;

/// Requests each second that a node is expected to answer before anything is known of it.
const FIRST_GUESS: f64 = 2_000.0;

/// A rate is not even: this much more is signed than it promises.
const SPARE: f64 = 1.2;

/// How long a ledger may take to fill.
const FILL_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Everything that one run holds.
pub struct LoadSession<'a> {
    target: &'a Target<'a>,
    driver: Driver,
    /// How statements are made; `None` where none are.
    pub recipe: Option<Recipe>,
    pub ids: Ids,
    mix: Mix,
    /// The share of the requests that are statements.
    writes: f64,
    retry: bool,
    /// The number of the next statement that is not signed yet.
    next: u64,
    /// Requests that the node has lately answered each second.
    pace: f64,
}

impl<'a> LoadSession<'a> {
    pub fn open(target: &'a Target, plan: &Plan, ids: Option<&Path>, output: &Output) -> Result<Self, Failure> {
        let ids = Ids::read(ids)?;
        if !plan.has_writes() && ids.is_empty() {
            let message =
                "there is nothing to ask about: give --ids FILE as a run that captured something has written it";
            return Err(Failure::wrong_use(message));
        }
        let recipe = plan.has_writes().then(|| {
            output.say("Registering signers…");
            recipe(target, plan)
        });
        Ok(Self {
            target,
            driver: Driver::new(target.addresses.clone(), target.host.clone(), plan.connections)?,
            recipe: recipe.transpose()?,
            ids,
            mix: plan.mix,
            writes: plan.writes(),
            retry: plan.retry,
            next: 0,
            pace: FIRST_GUESS,
        })
    }

    /// Sends as the first phase will, and counts nothing.
    pub fn warm_up(&mut self, plan: &Plan) -> Result<(), Failure> {
        let rate = plan.phases.first().and_then(|phase| phase.rate);
        let mut measured = Measured::new(plan)?;
        self.drive(&[Phase { span: plan.warm_up, rate }], &mut measured, &mut None)
    }

    pub fn measure(&mut self, plan: &Plan, series: Option<&Path>, measured: &mut Measured) -> Result<(), Failure> {
        let mut series = series.map(|path| Series::create(path, self.target.pid)).transpose()?;
        self.drive(&plan.phases, measured, &mut series)?;
        series.map_or(Ok(()), |series| series.finish(Instant::now()))
    }

    /// Puts events on the ledger; ends once all are there.
    pub fn fill(&mut self, fill: Fill, measured: &mut Measured, output: &Output) -> Result<(), Failure> {
        let events = self.events_per_statement();
        let count = fill.statements(events);
        let wave = (FILL_WAVE_BYTES_MAX / (STATEMENT_BYTES + EVENT_BYTES * events)).max(1);
        let bar = output.shows_progress().then(|| ProgressBar::new(fill.events()));
        while self.next < count {
            let numbers = self.next..(self.next + wave).min(count);
            let before = measured.done();
            self.wave(numbers.clone(), vec![(0, Phase { span: FILL_MAX, rate: None })], measured, &mut None)?;
            if measured.done() - before < numbers.end - numbers.start {
                let why = measured.first_error.as_deref().unwrap_or("no reason was given");
                return Err(Failure::unreachable(format!("the node has not taken all that was to fill it: {why}")));
            }
            bar.iter().for_each(|bar| bar.set_position(measured.phases.iter().map(|phase| phase.events).sum()));
        }
        bar.iter().for_each(ProgressBar::finish_and_clear);
        Ok(())
    }

    /// The verdict on any product, so that nobody measures answers of another kind than they believe.
    pub fn sample_verdict(&mut self) -> Value {
        let id = self.ids.choose(self.recipe.as_ref());
        let answer = id.and_then(|id| self.target.client.get_json(&format!("/verify?id={id}")).ok());
        answer.and_then(|answer| answer.get("verdict").cloned()).unwrap_or(Value::Null)
    }

    /// Adds the products of this run to a file.
    pub fn keep_ids(&self, path: Option<&Path>) -> Result<(), Failure> {
        match (path, &self.recipe) {
            (Some(path), Some(recipe)) => self.ids.append_to(path, recipe),
            _ => Ok(()),
        }
    }

    fn events_per_statement(&self) -> u64 {
        self.recipe.as_ref().map_or(1, |recipe| recipe.events_per_statement)
    }

    fn drive(&mut self, phases: &[Phase], measured: &mut Measured, series: &mut Option<Series>) -> Result<(), Failure> {
        match phases {
            [Phase { span, rate: None }] => self.drive_closed(*span, measured, series),
            phases => self.drive_open(phases, measured, series),
        }
    }

    /// As many requests as are answered. How many statements that takes shows as it goes.
    fn drive_closed(
        &mut self,
        span: Duration,
        measured: &mut Measured,
        series: &mut Option<Series>,
    ) -> Result<(), Failure> {
        let mut left = span;
        while !left.is_zero() {
            let wanted = (self.pace * left.as_secs_f64() * self.writes * SPARE).ceil() as u64;
            let count = if self.recipe.is_some() { wanted.clamp(64, self.wave_max()) } else { 0 };
            let before = measured.done();
            let phase = vec![(0, Phase { span: left, rate: None })];
            let cost = self.wave(self.next..self.next + count, phase, measured, series)?;
            left = left.saturating_sub(cost.elapsed);
            self.pace = (measured.done() - before) as f64 / cost.elapsed.as_secs_f64().max(0.001);
        }
        Ok(())
    }

    /// Requests on schedule; phases that are signed together run on without a pause.
    fn drive_open(
        &mut self,
        phases: &[Phase],
        measured: &mut Measured,
        series: &mut Option<Series>,
    ) -> Result<(), Failure> {
        let mut wave: Vec<(usize, Phase)> = Vec::new();
        let mut count = 0;
        let pieces: Vec<_> =
            phases.iter().enumerate().flat_map(|(number, phase)| self.pieces(number, *phase)).collect();
        for (number, piece) in pieces {
            let statements = self.statements_of(&piece);
            if count + statements > self.wave_max() && !wave.is_empty() {
                self.wave(self.next..self.next + count, std::mem::take(&mut wave), measured, series)?;
                count = 0;
            }
            count += statements;
            wave.push((number, piece));
        }
        self.wave(self.next..self.next + count, wave, measured, series).map(drop)
    }

    /// A phase in parts that fit a wave each.
    fn pieces(&self, number: usize, phase: Phase) -> Vec<(usize, Phase)> {
        let parts = self.statements_of(&phase).div_ceil(self.wave_max()).clamp(1, u64::from(u32::MAX));
        let piece = Phase { span: phase.span.div_f64(parts as f64), ..phase };
        (0..parts).map(|_| (number, piece)).collect()
    }

    /// Statements that a phase may take: a few more than its share, since there is nothing to ask about at first.
    fn statements_of(&self, phase: &Phase) -> u64 {
        let requests = phase.requests().unwrap_or(0);
        if self.recipe.is_none() { 0 } else { ((requests as f64 * self.writes).ceil() as u64 + 1_000).min(requests) }
    }

    fn wave_max(&self) -> u64 {
        WAVE_BYTES_MAX / (STATEMENT_BYTES + EVENT_BYTES * (self.events_per_statement() - 1))
    }

    /// Signs statements, then sends them by a schedule.
    fn wave(
        &mut self,
        numbers: std::ops::Range<u64>,
        phases: Vec<(usize, Phase)>,
        measured: &mut Measured,
        series: &mut Option<Series>,
    ) -> Result<Cost, Failure> {
        let first = numbers.start;
        self.next = numbers.end;
        let signed = self.recipe.as_ref().map(|recipe| recipe.requests(numbers)).transpose()?.unwrap_or_default();
        let load = Load {
            recipe: self.recipe.as_ref(),
            statements: &signed,
            first,
            mix: self.mix,
            retry: self.retry,
            retry_lost: self.recipe.as_ref().is_some_and(|recipe| recipe.fill.is_some()),
        };
        let mut results = Results {
            ids: &mut self.ids,
            phases: &mut measured.phases,
            series: series.as_mut(),
            first_error: &mut measured.first_error,
        };
        let cost = self.driver.drive(&load, &mut Schedule::new(phases), &mut results)?;
        measured.add_cost(cost, &signed);
        Ok(cost)
    }
}

fn recipe(target: &Target, plan: &Plan) -> Result<Recipe, Failure> {
    let signers: Arc<[_]> = signers::register_all(target.global, &target.client, plan.signers)?.into();
    let trust = target.client.get_json("/trust")?;
    let origin = trust.get("origin").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Recipe {
        signers,
        origin,
        host: target.host.clone(),
        events_per_statement: plan.events_per_statement as u64,
        bare: plan.bare,
        fill: plan.fill,
        began: now(),
    })
}

impl Measured {
    fn done(&self) -> u64 {
        self.phases.iter().map(Tallies::done).sum()
    }
}
