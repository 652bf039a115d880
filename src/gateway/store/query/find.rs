//! Finding events: which way a query goes, within its limits.
//!
//! Two ways lead to a page. *Gathering* takes all events of the condition with the fewest rows in the index, looks each up for the
//! others, and sorts. *Walking* goes over events in the query's order and stops when the page is full: it is fast where many events
//! are hits. A query gathers if one of its conditions has few rows. Else it walks for a while; if that did not do, it gathers if that
//! is bearable, and else walks on.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use sealane_core::epcis::query::{EventQuery, Key};
use sealane_core::json::{self, Json};
use sealane_core::merkle::{LeafIndex, TreeSize};

use super::conditions::{KEYS, RowQuestion, Test};
use super::master::participant;
use super::session::{HitRow, Session, corrupt};
use super::sql::Bound;
use super::walk::Walk;
use super::{POSITIONS, leaf, place_of, row_number, seq_end, seq_of, time};
use crate::gateway::query::store::{
    FindError, FoundEvent, FoundPage, PAGE_BYTES_MAX, PageEnd, PageRequest, QueryStoreError,
};

/// How long a query may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What a query may cost, and by what it goes one way or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindBounds {
    /// Events that a query may look at.
    pub looked_at_max: u64,
    /// Rows of the index of a condition by which a query gathers at once.
    pub few_rows: i64,
    /// Rows that a query walks over before another way is looked for.
    pub first_walk: u64,
    /// Rows of the index of a condition by which a query gathers when walking did not do.
    pub bearable_rows: i64,
    /// Rows that the first statement of a walk goes over: few, since a page is often full soon.
    pub step_first: i64,
    /// Rows that one statement of a walk goes over at most.
    pub step_max: i64,
}

impl Default for FindBounds {
    /// Ten thousand rows are gathered in some tens of milliseconds, three hundred thousand in a second.
    fn default() -> Self {
        Self {
            looked_at_max: 5_000_000,
            few_rows: 10_000,
            first_walk: 20_000,
            bearable_rows: 300_000,
            step_first: 500,
            step_max: 20_000,
        }
    }
}

/// Leaves whose events are walked over at once: as many as come within some seconds.
const SHORT_LEAVES: u64 = 64;

/// Events that one statement looks up: few at first, since a page is often full soon.
const LOOKED_UP_FIRST: usize = 100;
const LOOKED_UP_MAX: usize = 5_000;

/// An event that was found: its number, and the key that it is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub seq: i64,
    pub key: Option<Vec<u8>>,
}

impl From<HitRow> for Hit {
    fn from(row: HitRow) -> Self {
        Self { seq: row.seq, key: row.key }
    }
}

/// What a query has cost so far.
pub struct Meter {
    pub bounds: FindBounds,
    started: Instant,
    looked: u64,
}

/// What helps where a query looks at too many events.
pub fn advice() -> String {
    format!(
        "it looked for {} seconds. A range of recordTime or eventTime helps, or a condition that fewer events meet, such as an exact id",
        DEADLINE.as_secs()
    )
}

impl Meter {
    pub fn start(bounds: FindBounds) -> Self {
        Self { bounds, started: Instant::now(), looked: 0 }
    }

    pub const fn looked(&self) -> u64 {
        self.looked
    }

    pub fn add(&mut self, rows: i64) {
        self.looked = self.looked.saturating_add(u64::try_from(rows).unwrap_or_default());
    }

    pub fn check(&self) -> Result<(), FindError> {
        if self.started.elapsed() >= DEADLINE {
            return Err(FindError::TooComplex(advice()));
        }
        if self.looked > self.bounds.looked_at_max {
            return Err(FindError::TooComplex(format!(
                "it looked at {}. A range of recordTime or eventTime helps, or a condition that fewer events meet, such \
                 as an exact id",
                self.looked
            )));
        }
        Ok(())
    }
}

/// A page of what a query finds.
pub fn page<S: Session>(
    session: &mut S,
    mut meter: Meter,
    query: &EventQuery,
    page: &PageRequest,
) -> Result<FoundPage, FindError> {
    let nothing = FoundPage { events: Vec::new(), next: None };
    let Some(mut question) = RowQuestion::of(session, query, seq_end(page.size))? else { return Ok(nothing) };
    let Ok(after) = page.after.as_ref().map(hit_at).transpose() else { return Ok(nothing) };
    question.begin_behind(after.as_ref());
    let limit = usize::try_from(page.limit.max(1)).unwrap_or(usize::MAX);
    let mut found = hits(session, &mut meter, &question, after, limit.saturating_add(1))?;
    let count = found.len();
    found.truncate(limit);
    let fitting = fitting(session, &found)?;
    found.truncate(fitting);
    let next = found.last().filter(|_| found.len() < count).map(page_end).transpose()?;
    Ok(FoundPage { events: events(session, &found, page.size)?, next })
}

/// How many events a query finds behind `after` in the order of the ledger, as far as `limit`.
pub fn count<S: Session>(
    session: &mut S,
    mut meter: Meter,
    query: &EventQuery,
    (after, size): (Option<&PageEnd>, TreeSize),
    limit: u64,
) -> Result<u64, FindError> {
    let Some(mut question) = RowQuestion::of(session, query, seq_end(size))? else { return Ok(0) };
    question.forget_order();
    let Ok(after) = after.map(hit_at).transpose() else { return Ok(0) };
    question.begin_behind(after.as_ref());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(hits(session, &mut meter, &question, None, limit)?.len() as u64)
}

/// The event at a page's end. An error if no event can be there, and then none is behind it.
fn hit_at(end: &PageEnd) -> Result<Hit, ()> {
    let seq = seq_of(end.leaf, end.position).ok_or(())?;
    Ok(Hit { seq, key: end.key.as_ref().map(|key| key.as_bytes().to_vec()) })
}

fn page_end(hit: &Hit) -> Result<PageEnd, QueryStoreError> {
    let (leaf, position) = place_of(hit.seq)?;
    Ok(PageEnd { key: hit.key.clone().map(Key::from_bytes), leaf, position })
}

/// The first hits behind `after` in the query's order, as many as are wanted.
fn hits<S: Session>(
    session: &mut S,
    meter: &mut Meter,
    question: &RowQuestion,
    after: Option<Hit>,
    wanted: usize,
) -> Result<Vec<Hit>, FindError> {
    let FindBounds { few_rows, first_walk, bearable_rows, step_first, .. } = meter.bounds;
    if wanted == 0 || question.seqs.0 >= question.seqs.1 {
        return Ok(Vec::new());
    }
    // Where few leaves are left, to count the rows of conditions would take longer than to look at the events.
    if !question.is_short()
        && let Some(few) = fewest(session, question, few_rows)?
    {
        return gather(session, meter, question, few, after.as_ref(), wanted);
    }
    let mut walk = Walk::new(question, after.clone(), step_first);
    let mut found = Vec::new();
    if walk.go(session, meter, &mut found, (wanted, first_walk))? {
        return Ok(found);
    }
    if let Some(bearable) = fewest(session, question, bearable_rows)? {
        return gather(session, meter, question, bearable, after.as_ref(), wanted);
    }
    walk.go(session, meter, &mut found, (wanted, u64::MAX))?;
    Ok(found)
}

/// The condition with the fewest rows, if they are fewer than `limit`.
fn fewest<S: Session>(session: &mut S, question: &RowQuestion, limit: i64) -> Result<Option<usize>, FindError> {
    let (mut least, mut found) = (limit, None);
    for (at, test) in question.all_tests() {
        let rows = test.rows(session, least)?;
        if rows < least {
            (least, found) = (rows, Some(at));
        }
    }
    Ok(found)
}

/// Takes the events of one condition, looks each up for the others, and sorts.
fn gather<S: Session>(
    session: &mut S,
    meter: &mut Meter,
    question: &RowQuestion,
    by: usize,
    after: Option<&Hit>,
    wanted: usize,
) -> Result<Vec<Hit>, FindError> {
    let mut seqs = Vec::new();
    for (_, test) in question.all_tests().into_iter().filter(|(at, _)| *at == by) {
        seqs = test.events(session, question.seqs)?;
    }
    seqs.sort_unstable();
    seqs.dedup();
    if question.is_descending {
        seqs.reverse();
    }
    let is_ledgers = question.order.is_none();
    if let Some(after) = after.filter(|_| is_ledgers) {
        seqs.retain(|seq| if question.is_descending { *seq < after.seq } else { *seq > after.seq });
    }
    let mut found: Vec<Hit> = Vec::new();
    let (mut rest, mut many) = (seqs.as_slice(), LOOKED_UP_FIRST);
    while !rest.is_empty() {
        meter.check()?;
        let (some, left) = rest.split_at(many.min(rest.len()));
        (rest, many) = (left, LOOKED_UP_MAX.min(many * 8));
        meter.add(row_number(some.len() as u64));
        let mut sql = session.sql("SELECT w.seq AS seq, ");
        match question.order {
            Some(order) => {
                sql.push("(SELECT f.value FROM ").facts_of_event();
                sql.push(" WHERE f.seq = w.seq AND f.field = ").int(order.number).push(" ORDER BY f.value LIMIT 1)");
            }
            None => drop(sql.push("NULL")),
        }
        sql.push(" AS key FROM ").table_of(Bound::Ints(some.to_vec()), "seq").push(" WHERE w.seq >= 0");
        question.looked_up(&mut sql, Some(by));
        found.extend(session.load::<HitRow>(sql)?.into_iter().map(Hit::from));
        if is_ledgers && found.len() >= wanted {
            break;
        }
    }
    if let Some(after) = after.filter(|_| !is_ledgers) {
        found.retain(|hit| compare(question, hit, after) == Ordering::Greater);
    }
    found.sort_unstable_by(|one, other| compare(question, one, other));
    found.truncate(wanted);
    Ok(found)
}

/// Where two events stand in the answer, as [`EventQuery::compare`] says.
fn compare(question: &RowQuestion, one: &Hit, other: &Hit) -> Ordering {
    let turned = |order: Ordering| if question.is_descending { order.reverse() } else { order };
    let by_key = match (&one.key, &other.key) {
        (Some(key), Some(other_key)) => turned(key.cmp(other_key)),
        (key, other_key) => other_key.is_some().cmp(&key.is_some()),
    };
    by_key.then_with(|| turned(one.seq.cmp(&other.seq)))
}

#[derive(QueryableByName)]
struct LengthRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// How many of some hits one page has room for, by the bytes of their JSON: one at the least.
fn fitting<S: Session>(session: &mut S, hits: &[Hit]) -> Result<usize, FindError> {
    if hits.is_empty() {
        return Ok(0);
    }
    let mut sql = session
        .sql("SELECT d.seq AS seq, CAST(octet_length(d.json) AS BIGINT) AS bytes FROM document AS d WHERE d.seq");
    sql.is_one_of(Bound::Ints(hits.iter().map(|hit| hit.seq).collect()));
    let lengths: HashMap<i64, i64> =
        session.load::<LengthRow>(sql)?.into_iter().map(|row| (row.seq, row.bytes)).collect();
    let bytes = |hit: &Hit| lengths.get(&hit.seq).and_then(|bytes| usize::try_from(*bytes).ok()).unwrap_or_default();
    let sums = hits.iter().scan(0_usize, |sum, hit| {
        *sum = sum.saturating_add(bytes(hit));
        Some(*sum)
    });
    Ok(sums.take_while(|sum| *sum <= PAGE_BYTES_MAX).count().max(1))
}

#[derive(QueryableByName)]
struct DocumentRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Binary)]
    participant: Vec<u8>,
    #[diesel(sql_type = Text)]
    event_id: String,
    #[diesel(sql_type = BigInt)]
    recorded: i64,
    #[diesel(sql_type = Text)]
    json: String,
    #[diesel(sql_type = Nullable<Text>)]
    context: Option<String>,
}

#[derive(QueryableByName)]
struct RepeatRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    leaf: i64,
}

/// The events of some hits, in their order.
fn events<S: Session>(session: &mut S, hits: &[Hit], size: TreeSize) -> Result<Vec<FoundEvent>, FindError> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<i64> = hits.iter().map(|hit| hit.seq).collect();
    let mut sql = session.sql(
        "SELECT d.seq AS seq, d.participant AS participant, d.event_id AS event_id, d.recorded AS recorded, d.json AS json, \
         c.json AS context FROM document AS d LEFT JOIN context AS c ON c.id = d.context WHERE d.seq",
    );
    sql.is_one_of(Bound::Ints(seqs.clone()));
    let rows: Vec<DocumentRow> = session.load(sql)?;
    let mut repeated: HashMap<i64, Vec<LeafIndex>> = HashMap::new();
    let mut sql = session.sql("SELECT seq, leaf FROM repeat WHERE seq");
    sql.is_one_of(Bound::Ints(seqs)).push(" AND leaf < ").int(row_number(size.get())).push(" ORDER BY seq, leaf");
    for row in session.load::<RepeatRow>(sql)? {
        repeated.entry(row.seq).or_default().push(leaf(row.leaf)?);
    }
    let mut found: HashMap<i64, FoundEvent> = HashMap::with_capacity(rows.len());
    for row in rows {
        let repeated_at = repeated.remove(&row.seq).unwrap_or_default();
        found.insert(row.seq, event(row, repeated_at)?);
    }
    let there = |hit: &Hit| found.remove(&hit.seq).ok_or_else(|| corrupt("an event without its JSON").into());
    hits.iter().map(there).collect()
}

fn event(row: DocumentRow, repeated_at: Vec<LeafIndex>) -> Result<FoundEvent, QueryStoreError> {
    let read = |text: &str| -> Result<Json, QueryStoreError> { json::read(text.as_bytes()).map_err(corrupt) };
    let (leaf, position) = place_of(row.seq)?;
    Ok(FoundEvent {
        leaf,
        position,
        participant: participant(&row.participant)?,
        event_id: row.event_id,
        recorded: time(row.recorded)?,
        json: read(&row.json)?,
        context: row.context.as_deref().map(read).transpose()?,
        repeated_at,
    })
}

impl RowQuestion {
    /// In the order of the ledger, nothing before `after` has to be looked at.
    fn begin_behind(&mut self, after: Option<&Hit>) {
        if let Some(after) = after.filter(|_| self.order.is_none() && !self.is_descending) {
            self.seqs.0 = self.seqs.0.max(after.seq.saturating_add(1));
        }
    }

    fn is_short(&self) -> bool {
        self.order.is_none() && self.seqs.1.saturating_sub(self.seqs.0) <= row_number(SHORT_LEAVES * POSITIONS)
    }

    /// All conditions, each with what stands for it.
    fn all_tests(&self) -> Vec<(usize, Test)> {
        let mut all: Vec<(usize, Test)> = self.tests.iter().cloned().enumerate().collect();
        all.extend(self.key_test().map(|test| (KEYS, test)));
        all
    }
}
