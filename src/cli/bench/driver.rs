//! The load: one thread, connections that never block, a request at a time on each.
//!
//! The node that is measured shares its cores with this, so nothing here is made that could have been made before: a
//! statement is a run of bytes that is handed to the kernel, and of an answer only the head is read.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::cli::bench::answer::NodeAnswer;
use crate::cli::bench::connection::{Connection, ReadStep};
use crate::cli::bench::ids::Ids;
use crate::cli::bench::process;
use crate::cli::bench::recipe::Recipe;
use crate::cli::bench::schedule::{Due, Schedule};
use crate::cli::bench::tally::{Kind, RequestOutcome, Series, Tallies};
use crate::cli::failure::Failure;

/// How long one answer may take before its connection counts as broken: the node is asked to answer within 60 s.
const ANSWER_MAX: Duration = Duration::from_secs(70);

/// After a connection could not be made.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// The longest that a node may be out of reach.
const UNREACHABLE_MAX: Duration = Duration::from_secs(30);

/// How often timeouts are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Waits below a millisecond, which the kernel's readiness does not know, are slept in pieces of this, so that no answer
/// is taken later than this.
const NAP: Duration = Duration::from_micros(200);

/// What one read takes: a receipt, or most of a piece of evidence.
const BUFFER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;

/// What is sent.
pub struct Load<'a> {
    pub recipe: Option<&'a Recipe>,
    /// Requests that carry statements, and the number of the first.
    pub statements: &'a [Vec<u8>],
    pub first: u64,
    pub mix: Mix,
    /// What was refused as too many is offered again.
    pub retry: bool,
    /// What was lost with a connection is offered again too.
    pub retry_lost: bool,
}

/// Shares of the requests; the rest are statements.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    pub reads: f64,
    pub evidence: f64,
}

/// Where results go.
pub struct Results<'a> {
    pub ids: &'a mut Ids,
    /// One a phase.
    pub phases: &'a mut [Tallies],
    pub series: Option<&'a mut Series>,
    pub first_error: &'a mut Option<String>,
}

/// How long a load took, and what it cost this thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub elapsed: Duration,
    pub cpu: Duration,
}

/// A request on its way.
struct Request {
    kind: Kind,
    due: Due,
    /// Which of the load's statements, where it is one.
    statement: usize,
    sent: Instant,
}

/// One connection's place.
struct Slot {
    connection: Option<Connection>,
    request: Option<Request>,
    /// The request's bytes, where it is no statement.
    question: Vec<u8>,
    /// When to connect again.
    again: Option<Instant>,
}

/// Open connections, to be used for one load after another.
pub struct Driver {
    addresses: Vec<SocketAddr>,
    host: String,
    poll: Poll,
    slots: Vec<Slot>,
    /// Slots with an open connection and nothing on its way, the longest idle first, so that none grows old.
    free: VecDeque<usize>,
    buffer: Vec<u8>,
    last_open: Instant,
}

impl Driver {
    /// Begins `connections` connections to a node, or to several in turn.
    pub fn new(addresses: Vec<SocketAddr>, host: String, connections: usize) -> Result<Self, Failure> {
        let poll = Poll::new().map_err(Failure::unreachable)?;
        let slot = || Slot { connection: None, request: None, question: Vec::new(), again: Some(Instant::now()) };
        let slots = (0..connections).map(|_| slot()).collect();
        let (free, buffer) = (VecDeque::with_capacity(connections), vec![0; BUFFER_BYTES]);
        Ok(Self { addresses, host, poll, slots, free, buffer, last_open: Instant::now() })
    }

    /// Sends a load by a schedule, and waits for every answer.
    pub fn drive<'a>(
        &mut self,
        load: &Load<'a>,
        schedule: &mut Schedule,
        results: &mut Results<'a>,
    ) -> Result<Cost, Failure> {
        self.connect_all()?;
        let (began, cpu) = (Instant::now(), process::own_cpu_time());
        let mut run =
            Run { driver: self, load, results, waiting: BinaryHeap::new(), next: 0, under_way: 0, credit: Mix::NONE };
        run.go(schedule)?;
        Ok(Cost { elapsed: began.elapsed(), cpu: process::own_cpu_time().saturating_sub(cpu) })
    }

    /// Waits until every connection is open.
    fn connect_all(&mut self) -> Result<(), Failure> {
        self.last_open = Instant::now();
        let mut events = Events::with_capacity(self.slots.len().max(1));
        while self.free.len() < self.slots.len() {
            self.connect_due(Instant::now())?;
            self.poll(&mut events, SWEEP_EVERY)?;
            for event in &events {
                let slot = event.token().0;
                let Some(Slot { connection: Some(connection), .. }) = self.slots.get_mut(slot) else { continue };
                match connection.take(event, None, &mut self.buffer) {
                    Ok(ReadStep::Opened) => self.opened(slot),
                    Ok(ReadStep::Waits | ReadStep::Answered(_)) => {}
                    Ok(ReadStep::Closed) => self.reconnect(slot, Duration::ZERO),
                    Err(_) => self.reconnect(slot, RECONNECT_AFTER),
                }
            }
        }
        Ok(())
    }

    fn opened(&mut self, slot: usize) {
        self.last_open = Instant::now();
        self.free.push_back(slot);
    }

    /// Gives a connection up for a new one.
    fn reconnect(&mut self, slot: usize, after: Duration) {
        self.free.retain(|free| *free != slot);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.connection = None;
            slot.again = Some(Instant::now() + after);
        }
    }

    fn connect_due(&mut self, now: Instant) -> Result<(), Failure> {
        let registry = self.poll.registry();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if slot.again.is_some_and(|again| again <= now) {
                let address = self.addresses.get(number % self.addresses.len().max(1));
                slot.connection = address.and_then(|to| Connection::begin(*to, registry, Token(number)).ok());
                slot.again = slot.connection.is_none().then_some(now + RECONNECT_AFTER);
            }
        }
        let is_lost = self.slots.iter().all(|slot| slot.request.is_none()) && self.free.is_empty();
        if is_lost && self.last_open.elapsed() > UNREACHABLE_MAX {
            let message = format!("{} has taken no connection for {} s", self.host, UNREACHABLE_MAX.as_secs());
            return Err(Failure::unreachable(message));
        }
        Ok(())
    }

    fn poll(&mut self, events: &mut Events, at_most: Duration) -> Result<(), Failure> {
        // Whole milliseconds, and less than was asked for: the poll itself would round up.
        let whole = Duration::from_millis(u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX));
        match self.poll.poll(events, Some(whole)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(Failure::unreachable(error)),
            _ => {}
        }
        if events.is_empty() && whole.is_zero() && !at_most.is_zero() {
            std::thread::sleep(at_most.min(NAP));
        }
        Ok(())
    }
}

impl Mix {
    pub const NONE: Self = Self { reads: 0.0, evidence: 0.0 };
}

/// One load on its way.
struct Run<'a, 'b> {
    driver: &'a mut Driver,
    load: &'a Load<'b>,
    results: &'a mut Results<'b>,
    /// Statements to offer again, by when.
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The first statement that has not been offered.
    next: usize,
    /// Requests that were sent and not answered.
    under_way: usize,
    /// What is owed to each kind of question: at one, it is asked.
    credit: Mix,
}

impl Run<'_, '_> {
    fn go(&mut self, schedule: &mut Schedule) -> Result<(), Failure> {
        let mut events = Events::with_capacity(1024);
        let mut sweep = Instant::now();
        if let Some(series) = &mut self.results.series {
            series.begin(Instant::now());
        }
        schedule.begin(Instant::now());
        loop {
            let now = Instant::now();
            if sweep <= now {
                self.sweep(now)?;
                sweep = now + SWEEP_EVERY;
            }
            let wake = self.send_due(schedule, now).min(sweep);
            if self.is_done(schedule, now) {
                break;
            }
            self.driver.poll(&mut events, wake.saturating_duration_since(now))?;
            for event in &events {
                self.take(event);
            }
            if let Some(series) = &mut self.results.series {
                series.write_until(Instant::now())?;
            }
        }
        self.count_unsent(schedule);
        Ok(())
    }

    /// Sends all that is due, as far as connections are free; tells when to look again.
    fn send_due(&mut self, schedule: &mut Schedule, now: Instant) -> Instant {
        let far = now + SWEEP_EVERY;
        while let Some(slot) = self.driver.free.front().copied() {
            let due = match schedule.next(now) {
                Ok(due) => due,
                Err(at) => return at.unwrap_or(far),
            };
            let Some(kind) = self.choose(now) else {
                return self.waiting.peek().map_or(far, |Reverse((again, _))| *again);
            };
            schedule.take();
            self.driver.free.pop_front();
            self.send(slot, kind, due);
        }
        far
    }

    /// What to send next: what is owed, else a statement. `None` where no statement can be offered now.
    fn choose(&mut self, now: Instant) -> Option<(Kind, usize)> {
        let (mix, can_ask) = (self.load.mix, !self.results.ids.is_empty());
        if can_ask && self.credit.reads + mix.reads >= 1.0 - 1e-9 {
            self.credit.reads += mix.reads - 1.0;
            self.credit.evidence += mix.evidence;
            return Some((Kind::Verify, 0));
        }
        if can_ask && self.credit.evidence + mix.evidence >= 1.0 - 1e-9 {
            self.credit.reads += mix.reads;
            self.credit.evidence += mix.evidence - 1.0;
            return Some((Kind::Evidence, 0));
        }
        let again = self.waiting.peek().is_some_and(|Reverse((again, _))| *again <= now);
        let statement = if again {
            self.waiting.pop().map(|Reverse((_, statement))| statement)
        } else {
            (self.next < self.load.statements.len()).then(|| {
                self.next += 1;
                self.next - 1
            })
        };
        if statement.is_some() && can_ask {
            self.credit.reads += mix.reads;
            self.credit.evidence += mix.evidence;
        }
        statement.map(|statement| (Kind::Capture, statement))
    }

    fn send(&mut self, number: usize, (kind, statement): (Kind, usize), due: Due) {
        let Some(slot) = self.driver.slots.get_mut(number) else { return };
        if kind != Kind::Capture {
            let path = if kind == Kind::Verify { "verify" } else { "evidence" };
            let id = self.results.ids.choose(self.load.recipe).unwrap_or_default();
            slot.question.clear();
            let head = format!(
                "GET /{path}?id={id} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\r\n",
                self.driver.host
            );
            slot.question.extend_from_slice(head.as_bytes());
        }
        let bytes = bytes_of(kind, statement, self.load.statements, &slot.question);
        let sent = slot.connection.as_mut().map(|connection| connection.send(bytes));
        slot.request = Some(Request { kind, due, statement, sent: Instant::now() });
        self.under_way += 1;
        match sent {
            Some(Ok(())) => {}
            Some(Err(error)) => self.lose(number, &error.to_string(), Duration::ZERO),
            None => self.lose(number, "there was no connection", Duration::ZERO),
        }
    }

    fn take(&mut self, event: &mio::event::Event) {
        let number = event.token().0;
        let driver = &mut *self.driver;
        let Some(slot) = driver.slots.get_mut(number) else { return };
        let Some(connection) = &mut slot.connection else { return };
        let request = slot.request.as_ref();
        let bytes =
            request.map(|request| bytes_of(request.kind, request.statement, self.load.statements, &slot.question));
        match connection.take(event, bytes, &mut driver.buffer) {
            Ok(ReadStep::Waits) => {}
            Ok(ReadStep::Opened) => driver.opened(number),
            Ok(ReadStep::Answered(answer)) => self.answered(number, &answer, event.is_read_closed()),
            Ok(ReadStep::Closed) => self.lose(number, "the node closed the connection", Duration::ZERO),
            Err(error) => self.lose(number, &error.to_string(), RECONNECT_AFTER),
        }
    }

    fn answered(&mut self, number: usize, answer: &NodeAnswer, is_closed: bool) {
        let Some(request) = self.driver.slots.get_mut(number).and_then(|slot| slot.request.take()) else { return };
        let outcome = match answer.status {
            200 => RequestOutcome::Done,
            429 => RequestOutcome::Refused,
            _ => RequestOutcome::Failed,
        };
        match (outcome, request.kind) {
            (RequestOutcome::Done, Kind::Capture) => self.captured(&request),
            (RequestOutcome::Refused, Kind::Capture) if self.load.retry => {
                let again = Instant::now() + answer.retry_after.unwrap_or_default();
                self.waiting.push(Reverse((again, request.statement)));
            }
            (RequestOutcome::Failed, _) => self.note_error(&format!("status {}: {}", answer.status, answer.excerpt)),
            _ => {}
        }
        self.count(&request, outcome);
        if answer.closes || is_closed {
            self.driver.reconnect(number, Duration::ZERO);
        } else {
            self.driver.free.push_back(number);
        }
    }

    fn captured(&mut self, request: &Request) {
        let Some(recipe) = self.load.recipe else { return };
        let statement = self.load.first + request.statement as u64;
        self.results.ids.add(recipe, statement);
        if let Some(phase) = self.results.phases.get_mut(request.due.phase) {
            phase.events += recipe.events_in(statement);
        }
    }

    fn count(&mut self, request: &Request, outcome: RequestOutcome) {
        self.under_way -= 1;
        let latency = request.due.at.elapsed();
        if let Some(phase) = self.results.phases.get_mut(request.due.phase) {
            phase.count(request.kind, outcome, latency);
        }
        if let Some(series) = &mut self.results.series {
            series.count(request.kind, outcome, latency);
        }
    }

    /// A connection is gone. One that carried nothing is no error: a node may close what is idle.
    fn lose(&mut self, number: usize, error: &str, after: Duration) {
        let request = self.driver.slots.get_mut(number).and_then(|slot| slot.request.take());
        if let Some(request) = request {
            self.note_error(error);
            if self.load.retry_lost && request.kind == Kind::Capture {
                self.waiting.push(Reverse((Instant::now() + RECONNECT_AFTER, request.statement)));
            }
            self.count(&request, RequestOutcome::Failed);
        }
        self.driver.reconnect(number, after);
    }

    fn note_error(&mut self, error: &str) {
        self.results.first_error.get_or_insert_with(|| error.to_owned());
    }

    /// Gives up what has waited too long, and connects again where it is time.
    fn sweep(&mut self, now: Instant) -> Result<(), Failure> {
        let is_late = |slot: &Slot| slot.request.as_ref().is_some_and(|request| now - request.sent > ANSWER_MAX);
        let late: Vec<usize> =
            self.driver.slots.iter().enumerate().filter(|(_, slot)| is_late(slot)).map(|(number, _)| number).collect();
        for number in late {
            self.lose(number, "no answer came in time", Duration::ZERO);
        }
        self.driver.connect_due(now)
    }

    /// Nothing is on its way, and nothing is to come.
    fn is_done(&self, schedule: &Schedule, now: Instant) -> bool {
        if self.under_way > 0 {
            return false;
        }
        let asks = self.load.mix.reads + self.load.mix.evidence >= 1.0 - 1e-9;
        let is_spent = self.next == self.load.statements.len() && self.waiting.is_empty() && !asks;
        is_spent || schedule.is_over(now)
    }

    fn count_unsent(&mut self, schedule: &Schedule) {
        for (phase, count) in schedule.unsent() {
            if let Some(phase) = self.results.phases.get_mut(phase) {
                phase.unsent += count;
            }
        }
    }
}

fn bytes_of<'a>(kind: Kind, statement: usize, statements: &'a [Vec<u8>], question: &'a [u8]) -> &'a [u8] {
    if kind == Kind::Capture { statements.get(statement).map_or(&[], Vec::as_slice) } else { question }
}
