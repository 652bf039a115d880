//! Conditions as SQL: what an event is looked up for, and the rows of the index that a condition is about.

use std::collections::{BTreeMap, HashMap};

use sealane_core::epcis::query::{Condition, EventQuery, Field, Key, KeyRange, OrderBy};

use super::append::fields as numbers_of;
use super::session::Session;
use super::sql::{Bound, Sql};
use crate::gateway::query::store::FindError;

/// Ranges that a query asks for in all, each in each of its fields: each is a part of the statement, and is counted by itself.
const SPANS_MAX: usize = 2_000;

/// Keys in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: Vec<u8>,
    pub before: Vec<u8>,
    pub inside: &'static str,
}

/// What a condition lets through of one field.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    pub exact: Vec<Vec<u8>>,
    pub spans: Vec<Span>,
}

/// A condition on fields that the store knows: one of its pieces holds.
#[derive(Debug, Clone)]
pub struct Test {
    pub pieces: Vec<(i64, Piece)>,
}

/// A field that events are ordered by.
#[derive(Debug, Clone, Copy)]
pub struct OrderField {
    pub number: i64,
    /// Each event has exactly one key in it.
    pub is_single: bool,
}

/// A query as the store carries it out.
#[derive(Debug, Clone)]
pub struct RowQuestion {
    pub tests: Vec<Test>,
    /// `None` for the order of the ledger.
    pub order: Option<OrderField>,
    pub is_descending: bool,
    /// The least number of an event, and the first behind the greatest.
    pub seqs: (i64, i64),
    /// Keys that events in the order of `order` lie within.
    pub keys: Option<Span>,
}

/// The fields of which each event has one key.
const SINGLE: [&str; 2] = [Field::EVENT_TIME, Field::RECORD_TIME];

impl RowQuestion {
    /// Looks up the fields of a query; `None` if it finds nothing, since no event has what it asks for.
    pub fn of<S: Session>(session: &mut S, query: &EventQuery, end: i64) -> Result<Option<Self>, FindError> {
        if !query.master.is_empty() {
            return Ok(None);
        }
        let order = match &query.order {
            OrderBy::Recorded => None,
            OrderBy::EventTime => Some(Field::new(Field::EVENT_TIME)),
            OrderBy::Field(field) => Some(field.clone()),
        };
        let fields = query.conditions.iter().flat_map(|condition| &condition.fields).chain(&order);
        let numbers = numbers_of(session, fields.map(key_of).collect())?;
        let tests: Vec<Test> = query.conditions.iter().map(|condition| Test::of(condition, &numbers)).collect();
        if tests.iter().any(|test| test.pieces.is_empty()) {
            return Ok(None);
        }
        let spans: usize = tests.iter().flat_map(|test| &test.pieces).map(|(_, piece)| piece.spans.len()).sum();
        if spans > SPANS_MAX {
            return Err(FindError::TooComplex(format!(
                "its patterns stand for {spans} ranges of ids, and a query has {SPANS_MAX} at most: ask for fewer at a time"
            )));
        }
        let order = order.and_then(|field| {
            let number = *numbers.get(&key_of(&field))?;
            Some(OrderField { number, is_single: SINGLE.contains(&field.as_str()) })
        });
        let mut question = Self { tests, order, is_descending: query.is_descending, seqs: (0, end), keys: None };
        question.take_keys();
        let record_time = numbers.get(&key_of(&Field::new(Field::RECORD_TIME)));
        if let Some(field) = record_time {
            question.take_record_time(session, *field)?;
        }
        Ok(Some(question))
    }

    /// A condition on the one key that events are ordered by is a part of that order.
    fn take_keys(&mut self) {
        let Some(OrderField { number, is_single: true }) = self.order else { return };
        let at = self.tests.iter().position(|test| test.only_span(number).is_some());
        self.keys = at.and_then(|at| self.tests.remove(at).only_span(number).cloned());
    }

    /// The condition on the keys that events are ordered by.
    pub fn key_test(&self) -> Option<Test> {
        let piece = Piece { exact: Vec::new(), spans: vec![self.keys.clone()?] };
        Some(Test { pieces: vec![(self.order?.number, piece)] })
    }

    /// Asks for the order of the ledger.
    pub fn forget_order(&mut self) {
        self.tests.extend(self.key_test());
        self.keys = None;
        self.order = None;
    }

    /// The times of blocks never fall, so that a range of them is a range of events.
    fn take_record_time<S: Session>(&mut self, session: &mut S, field: i64) -> Result<(), FindError> {
        for test in &self.tests {
            let Some(span) = test.only_span(field) else { continue };
            for (is_first, order) in [(true, "ASC"), (false, "DESC")] {
                let mut sql = session.sql("SELECT f.seq AS n FROM ");
                sql.facts_by_value("f").push(" WHERE f.field = ").int(field);
                sql.push(" AND f.value >= ").bytes(&span.from).push(" AND f.value < ").bytes(&span.before);
                sql.push(&format!(" ORDER BY f.value {order}, f.seq {order} LIMIT 1"));
                match (session.numbers(sql)?.first(), is_first) {
                    (Some(seq), true) => self.seqs.0 = self.seqs.0.max(*seq),
                    (Some(seq), false) => self.seqs.1 = self.seqs.1.min(seq.saturating_add(1)),
                    (None, _) => self.seqs.1 = 0,
                }
            }
        }
        Ok(())
    }

    /// Adds the conditions that an event `w.seq` is looked up for; all but one that is known to hold.
    pub fn looked_up(&self, sql: &mut Sql, but: Option<usize>) {
        let keys = self.key_test().map(|test| (KEYS, test));
        let tests = self.tests.iter().enumerate().chain(keys.iter().map(|(at, test)| (*at, test)));
        for (_, test) in tests.filter(|(at, _)| Some(*at) != but) {
            sql.push(" AND (");
            for (at, (field, piece)) in test.pieces.iter().enumerate() {
                sql.push(if at == 0 { "" } else { " OR " });
                piece.look_up(sql, *field);
            }
            sql.push(")");
        }
    }
}

/// Stands for the condition that became [`RowQuestion::keys`].
pub const KEYS: usize = usize::MAX;

fn key_of(field: &Field) -> Vec<u8> {
    Key::text(field.as_str()).as_bytes().to_vec()
}

impl Test {
    fn of(condition: &Condition, numbers: &HashMap<Vec<u8>, i64>) -> Self {
        let mut piece = Piece::default();
        for range in &condition.ranges {
            match range {
                KeyRange::Exactly(key) => piece.exact.push(key.as_bytes().to_vec()),
                KeyRange::Between { from, before, inside } if from < before => piece.spans.push(Span {
                    from: from.as_bytes().to_vec(),
                    before: before.as_bytes().to_vec(),
                    inside,
                }),
                KeyRange::Between { .. } => {}
            }
        }
        piece.exact.sort_unstable();
        piece.exact.dedup();
        piece.spans.sort_unstable();
        piece.spans.dedup();
        if piece.exact.is_empty() && piece.spans.is_empty() {
            return Self { pieces: Vec::new() };
        }
        let fields: BTreeMap<i64, ()> =
            condition.fields.iter().filter_map(|field| Some((*numbers.get(&key_of(field))?, ()))).collect();
        Self { pieces: fields.into_keys().map(|field| (field, piece.clone())).collect() }
    }

    /// The one span of the one field that the condition is about.
    fn only_span(&self, number: i64) -> Option<&Span> {
        let [(field, piece)] = self.pieces.as_slice() else { return None };
        let [span] = piece.spans.as_slice() else { return None };
        (*field == number && piece.exact.is_empty() && span.inside.is_empty()).then_some(span)
    }

    /// The one key of the one field that the condition is about.
    pub fn only_key(&self) -> Option<(i64, &[u8])> {
        let [(field, piece)] = self.pieces.as_slice() else { return None };
        let [key] = piece.exact.as_slice() else { return None };
        piece.spans.is_empty().then_some((*field, key))
    }

    /// Counts the rows of the index that the condition is about, as far as `limit`. What a text must hold inside is not looked at: these
    /// are the rows that are read.
    pub fn rows<S: Session>(&self, session: &mut S, limit: i64) -> Result<i64, FindError> {
        let mut rows = 0;
        for (field, piece) in &self.pieces {
            for part in piece.parts() {
                let mut sql = session.sql("SELECT count(*) AS n FROM (SELECT 1 AS one FROM ");
                part.of_index(&mut sql, *field);
                sql.push(" LIMIT ").int(limit - rows).push(") AS counted");
                rows += session.numbers(sql)?.into_iter().sum::<i64>();
                if rows >= limit {
                    return Ok(limit);
                }
            }
        }
        Ok(rows)
    }

    /// The events of which the condition holds, in some order, each perhaps several times.
    pub fn events<S: Session>(&self, session: &mut S, seqs: (i64, i64)) -> Result<Vec<i64>, FindError> {
        let mut found = Vec::new();
        for (field, piece) in &self.pieces {
            for part in piece.parts() {
                let mut sql = session.sql("SELECT f.seq AS n FROM ");
                part.of_index(&mut sql, *field);
                sql.push(" AND f.seq >= ").int(seqs.0).push(" AND f.seq < ").int(seqs.1);
                if let Part::Span(Span { inside, .. }) = part
                    && !inside.is_empty()
                {
                    sql.push(" AND ").holds("f.value", inside);
                }
                found.extend(session.numbers(sql)?);
            }
        }
        Ok(found)
    }
}

/// A part of the index.
enum Part<'a> {
    Exact(&'a [Vec<u8>]),
    Span(&'a Span),
}

impl Part<'_> {
    /// Adds the table and the condition on it.
    fn of_index(&self, sql: &mut Sql, field: i64) {
        match self {
            Part::Exact([key]) => {
                sql.facts_by_value("f").push(" WHERE f.field = ").int(field).push(" AND f.value = ").bytes(key);
            }
            Part::Exact(keys) => {
                sql.facts_by_value("f").push(" WHERE f.field = ").int(field).push(" AND f.value");
                sql.is_one_of(Bound::ByteList(keys.to_vec()));
            }
            Part::Span(span) => {
                sql.facts_by_value("f").push(" WHERE f.field = ").int(field);
                sql.push(" AND f.value >= ").bytes(&span.from).push(" AND f.value < ").bytes(&span.before);
            }
        }
    }
}

impl Piece {
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let exact = (!self.exact.is_empty()).then_some(Part::Exact(&self.exact));
        exact.into_iter().chain(self.spans.iter().map(Part::Span))
    }

    /// Adds that the event `w.seq` has a key of this piece in the field.
    fn look_up(&self, sql: &mut Sql, field: i64) {
        let start = |sql: &mut Sql| {
            sql.push("EXISTS (SELECT 1 FROM ").facts_of_event();
            sql.push(" WHERE f.seq = w.seq AND f.field = ").int(field);
        };
        if let [key] = self.exact.as_slice() {
            start(sql);
            sql.push(" AND f.value = ").bytes(key).as_it_stands().push(")");
        } else if !self.exact.is_empty() {
            start(sql);
            // Few rows of one event are held against the list: not each of the list looked up.
            let column = if sql.dialect() == super::sql::Dialect::Sqlite { "+f.value" } else { "f.value" };
            sql.push(" AND ").push(column).is_one_of(Bound::ByteList(self.exact.clone())).as_it_stands().push(")");
        }
        if self.spans.is_empty() {
            return;
        }
        sql.push(if self.exact.is_empty() { "" } else { " OR " });
        start(sql);
        sql.push(" AND ");
        any_of(sql, &self.spans);
        sql.as_it_stands().push(")");
    }
}

/// Adds that `f.value` is in one of some spans, halved again and again, since SQLite bounds how deep an expression is.
fn any_of(sql: &mut Sql, spans: &[Span]) {
    if let [span] = spans {
        sql.push("f.value >= ").bytes(&span.from).push(" AND f.value < ").bytes(&span.before);
        if !span.inside.is_empty() {
            sql.push(" AND ").holds("f.value", span.inside);
        }
        return;
    }
    let (first, second) = spans.split_at(spans.len() / 2);
    if second.is_empty() {
        return;
    }
    sql.push("((");
    any_of(sql, first);
    sql.push(") OR (");
    any_of(sql, second);
    sql.push("))");
}
