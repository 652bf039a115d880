//! Walks over events in a query's order, some rows at a time, each looked up for the conditions.

use super::conditions::{KEYS, OrderField, RowQuestion};
use super::find::{Hit, Meter};
use super::session::{HitRow, Session};
use super::sql::Sql;
use crate::gateway::query::store::FindError;

/// Which rows are walked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Keys of the field that events are ordered by.
    Keys,
    /// Events in the order of the ledger: all of them, or those without a key.
    Events,
    Done,
}

/// A walk under way.
pub struct Walk<'a> {
    question: &'a RowQuestion,
    phase: Phase,
    /// Behind this the next step begins.
    after: Option<Hit>,
    rows: i64,
    /// In place of all events those with one key are walked over, by a condition that is this one of the query.
    by: Option<usize>,
}

impl<'a> Walk<'a> {
    pub fn new(question: &'a RowQuestion, after: Option<Hit>, rows: i64) -> Self {
        let phase = match (&question.order, &after) {
            (None, _) | (Some(_), Some(Hit { key: None, .. })) => Phase::Events,
            (Some(_), _) => Phase::Keys,
        };
        let (phase, after) = match (&question.keys, &after) {
            // Where the pages before have gone is no place of this query: it begins at its own, or is over.
            (Some(span), Some(Hit { key: Some(key), .. })) if *key < span.from || *key >= span.before => {
                match (*key < span.from) == question.is_descending {
                    true => (Phase::Done, None),
                    false => (Phase::Keys, None),
                }
            }
            (Some(_), Some(Hit { key: None, .. })) => (Phase::Done, None),
            _ => (phase, after),
        };
        let by = question.tests.iter().position(|test| test.only_key().is_some());
        Self { question, phase, after, rows, by }
    }

    /// Goes on until there are `wanted` hits or some rows more were walked over; true at the end.
    pub fn go<S: Session>(
        &mut self,
        session: &mut S,
        meter: &mut Meter,
        hits: &mut Vec<Hit>,
        (wanted, rows_max): (usize, u64),
    ) -> Result<bool, FindError> {
        let stop = meter.looked().saturating_add(rows_max);
        while hits.len() < wanted && self.phase != Phase::Done {
            if meter.looked() >= stop {
                return Ok(false);
            }
            meter.check()?;
            let end = self.end_of_step(session)?;
            let missing = i64::try_from(wanted - hits.len()).unwrap_or(i64::MAX);
            let found = self.step(session, end.as_ref(), missing)?;
            meter.add(self.rows);
            hits.extend(found);
            self.rows = meter.bounds.step_max.min(self.rows * 4);
            if end.is_none() {
                self.phase = match (self.phase, self.question.order) {
                    (Phase::Keys, Some(OrderField { is_single: false, .. })) => Phase::Events,
                    _ => Phase::Done,
                };
            }
            self.after = end;
        }
        Ok(true)
    }

    /// The last row of the next step; `None` if fewer are left.
    fn end_of_step<S: Session>(&self, session: &mut S) -> Result<Option<Hit>, FindError> {
        let mut sql = session.sql("");
        self.rows(&mut sql, None);
        self.in_order(&mut sql, 1);
        sql.push(" OFFSET ").int(self.rows - 1);
        Ok(session.load::<HitRow>(sql)?.pop().map(Hit::from))
    }

    fn step<S: Session>(&self, session: &mut S, end: Option<&Hit>, limit: i64) -> Result<Vec<Hit>, FindError> {
        let mut sql = session.sql("");
        self.rows(&mut sql, end);
        match (self.phase, &self.question.order) {
            (Phase::Keys, Some(order)) => {
                if !order.is_single {
                    // Another of its keys is less: there the event stands.
                    sql.push(" AND NOT EXISTS (SELECT 1 FROM ").facts_of_event();
                    sql.push(" WHERE f.seq = w.seq AND f.field = ").int(order.number).push(" AND f.value < w.value");
                    sql.as_it_stands().push(")");
                }
                self.question.looked_up(&mut sql, Some(KEYS));
            }
            (_, order) => {
                if let Some(order) = order {
                    sql.push(" AND NOT EXISTS (SELECT 1 FROM ").facts_of_event();
                    sql.push(" WHERE f.seq = w.seq AND f.field = ").int(order.number).as_it_stands().push(")");
                }
                self.question.looked_up(&mut sql, self.by);
            }
        }
        self.in_order(&mut sql, limit);
        Ok(session.load::<HitRow>(sql)?.into_iter().map(Hit::from).collect())
    }

    /// Adds the rows behind `after` as far as `end`, as `w`. Each side has one bound alone: of two, SQLite would take any to search by.
    fn rows(&self, sql: &mut Sql, end: Option<&Hit>) {
        let (low, high) =
            if self.question.is_descending { (end, self.after.as_ref()) } else { (self.after.as_ref(), end) };
        let (above, below) = if self.question.is_descending { (">=", "<") } else { (">", "<=") };
        let (from, before) = self.question.seqs;
        if let (Phase::Keys, Some(order)) = (self.phase, &self.question.order) {
            sql.push("SELECT w.seq AS seq, w.value AS key FROM ").facts_by_value("w");
            sql.push(" WHERE w.field = ").int(order.number);
            let span = self.question.keys.as_ref();
            let sides =
                [(low, above, span.map(|span| &span.from), ">="), (high, below, span.map(|span| &span.before), "<")];
            for (hit, side, bound, side_of_bound) in sides {
                match (hit, bound) {
                    (Some(Hit { seq, key: Some(key) }), _) => {
                        sql.push(" AND (w.value, w.seq) ")
                            .push(side)
                            .push(" (")
                            .bytes(key)
                            .push(", ")
                            .int(*seq)
                            .push(")");
                    }
                    (_, Some(bound)) => drop(sql.push(" AND w.value ").push(side_of_bound).push(" ").bytes(bound)),
                    _ => {}
                }
            }
            sql.push(" AND w.seq >= ").int(from).push(" AND w.seq < ").int(before);
            return;
        }
        sql.push("SELECT w.seq AS seq, NULL AS key FROM ");
        match self.by.and_then(|at| self.question.tests.get(at)?.only_key()) {
            Some((field, key)) => {
                sql.facts_by_value("w").push(" WHERE w.field = ").int(field).push(" AND w.value = ").bytes(key);
                sql.push(" AND ");
            }
            None => drop(sql.push("event AS w WHERE ")),
        }
        let seq = |hit: Option<&Hit>| hit.filter(|hit| hit.key.is_none()).map(|hit| hit.seq);
        // On the way up the low end is left out and the high one belongs to it; on the way down the other way round.
        let step = i64::from(!self.question.is_descending);
        let from = seq(low).map_or(from, |seq| from.max(seq.saturating_add(step)));
        let before = seq(high).map_or(before, |seq| before.min(seq.saturating_add(step)));
        sql.push("w.seq >= ").int(from).push(" AND w.seq < ").int(before);
    }

    fn in_order(&self, sql: &mut Sql, limit: i64) {
        let way = if self.question.is_descending { " DESC" } else { "" };
        sql.push(" ORDER BY ");
        if self.phase == Phase::Keys {
            sql.push("w.value").push(way).push(", ");
        }
        sql.push("w.seq").push(way).push(" LIMIT ").int(limit);
    }
}
