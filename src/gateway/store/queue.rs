//! The gateway's queue in the words of SQL: one text, which is compiled once for each database.
//!
//! `sqlite` and `postgres` have this file as their own module. Each gives it its `Connection` and its `Queue`, which reads and writes on
//! connections. diesel makes a type of each query in which the database stands, so that the text is one and the compiled code is two.
//!
//! What a crash leaves at each step of a job; the next start goes on from there by the same code:
//!
//! | after | left behind |
//! |---|---|
//! | `keep` | the document in state `queued`: it is signed |
//! | `store_statement` | the statement in state `signed`, which may have been posted: it is posted, the same bytes |
//! | a post without an answer | the same |
//! | `note_attempt` | the statement in state `sent`: it is posted again at its time |
//! | `land` | the receipt; nothing is left to do |

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde_json::{Value, json};

use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

use super::{Connection, Queue};
use crate::gateway::clients::{ClientName, GatewayClient};
use crate::gateway::job::{JobId, OpenPiece, PieceState, state_of};
use crate::gateway::keeper::{
    Attempt, Depth, GatewayQueueLimits, JobDocument, JobFilter, Keeper, KeeperError, Kept, KeptJob, KeptPiece, Landing,
    NewJob, NewStatement, OpenStatement, OperatorWord,
};
use crate::gateway::store::rows::{
    self, ClientRow, JobRow, JobTold, PieceRow, StandingRow, behaviour, corrupt, hash, number, row_number, time,
    without_nul,
};
use crate::gateway::store::schema::{clients, counts, jobs, pieces, recorded, statements};

/// Events that one query asks for, far below the 32,766 parameters that a statement may have.
const EVENTS_PER_QUERY: usize = 1_000;

const OPEN: [&str; 3] = ["queued", "signed", "sent"];

/// The same of a piece, as text of the query: SQLite uses an index of open rows only if the query itself says that it asks for such rows, and not a
/// parameter of it. Without the index each step of a lane reads all jobs that ever ended.
pub(super) const PIECE_IS_OPEN: &str = "pieces.state IN ('queued', 'signed', 'sent')";

impl Keeper for Queue {
    fn keep(&self, job: NewJob, limits: GatewayQueueLimits) -> Result<Kept, KeeperError> {
        self.write(move |connection| keep(connection, &job, limits))
    }

    fn job(&self, id: &JobId) -> Result<Option<KeptJob>, KeeperError> {
        self.read(|connection| {
            let query = jobs::table.filter(jobs::id.eq(id.as_str())).select(JobRow::as_select());
            let row: Option<JobRow> = query.first(connection).optional()?;
            row.map(|row| with_pieces(connection, row)).transpose()
        })
    }

    fn jobs(&self, filter: &JobFilter) -> Result<Vec<KeptJob>, KeeperError> {
        self.read(|connection| {
            let mut query = jobs::table.select(JobRow::as_select()).into_boxed();
            if let Some(client) = &filter.client {
                query = query.filter(jobs::client.eq(client.as_str()));
            }
            if let Some(state) = filter.state {
                query = query.filter(jobs::state.eq(state.as_str()));
            }
            if let Some(before) = filter.before {
                query = query.filter(jobs::seq.lt(before));
            }
            let query = query.order(jobs::seq.desc()).limit(row_number(filter.jobs_max));
            let rows: Vec<JobRow> = query.load(connection)?;
            rows.into_iter().map(|row| with_pieces(connection, row)).collect()
        })
    }

    fn clients_with_work(&self) -> Result<Vec<ClientName>, KeeperError> {
        let names: Vec<String> = self.read(|connection| {
            let query = pieces::table.filter(sql::<Bool>(PIECE_IS_OPEN)).select(pieces::client).distinct();
            Ok(query.load(connection)?)
        })?;
        names.iter().map(|name| name.parse().map_err(|error: String| corrupt(error))).collect()
    }

    fn open_pieces(&self, client: &ClientName, pieces_max: usize) -> Result<Vec<OpenPiece>, KeeperError> {
        type Row = (PieceRow, String, i64, Option<Vec<u8>>);
        let rows: Vec<Row> = self.read(|connection| {
            let query = pieces::table
                .inner_join(jobs::table)
                .filter(pieces::client.eq(client.as_str()).and(sql::<Bool>(PIECE_IS_OPEN)))
                .order((pieces::job.asc(), pieces::first.asc()))
                .limit(row_number(pieces_max))
                .select((PieceRow::as_select(), jobs::behaviour, jobs::received_at, jobs::joint));
            Ok(query.load(connection)?)
        })?;
        rows.into_iter().map(|(piece, of_job, at, joint)| piece.into_open(&of_job, at, joint)).collect()
    }

    fn document(&self, job: i64) -> Result<Option<JobDocument>, KeeperError> {
        type Row = (Option<Vec<u8>>, String, bool);
        let row: Option<Row> = self.read(|connection| {
            let query = jobs::table.find(job).select((jobs::document, jobs::indices, jobs::was_query));
            Ok(query.first(connection).optional()?)
        })?;
        let Some((Some(document), indices, was_query)) = row else { return Ok(None) };
        Ok(Some(JobDocument { document, indices: rows::json(&indices)?, was_query }))
    }

    fn store_statement(&self, statement: NewStatement, pieces: &[OpenPiece]) -> Result<bool, KeeperError> {
        let places: Vec<(i64, i64, i64)> = pieces
            .iter()
            .scan(0_usize, |at, piece| {
                let place = (piece.job, row_number(piece.first), row_number(*at));
                *at += piece.count;
                Some(place)
            })
            .collect();
        self.write(move |connection| store_statement(connection, &statement, &places))
    }

    fn open_statement(&self, id: &str) -> Result<Option<OpenStatement>, KeeperError> {
        self.read(|connection| open_statement(connection, id))
    }

    fn note_attempt(&self, statement: &str, attempt: &Attempt) -> Result<(), KeeperError> {
        let (id, attempt) = (statement.to_owned(), attempt.clone());
        self.write(move |connection| {
            diesel::update(statements::table.find(&id))
                .set((
                    statements::attempts.eq(statements::attempts + 1),
                    statements::next_at.eq(Some(attempt.next_at.millis())),
                    statements::node.eq(Some(&attempt.node)),
                    statements::trouble.eq(Some(without_nul(&attempt.trouble))),
                ))
                .execute(connection)?;
            if attempt.was_sent {
                set_state(connection, &id, PieceState::Sent)?;
            }
            Ok(())
        })
    }

    fn land(&self, statement: &str, landing: Landing, facts: Vec<(EventKey, Hash)>) -> Result<(), KeeperError> {
        let id = statement.to_owned();
        self.write(move |connection| land(connection, &id, &landing, &facts))
    }

    fn take_back(&self, statement: &str, alone: bool) -> Result<(), KeeperError> {
        let id = statement.to_owned();
        self.write(move |connection| {
            let of_it = pieces::table.filter(pieces::statement.eq(&id));
            let jobs: Vec<i64> = of_it.select(pieces::job).distinct().load(connection)?;
            let set =
                (pieces::state.eq(PieceState::Queued.as_str()), pieces::statement.eq(None::<String>), pieces::at.eq(0));
            diesel::update(of_it).set((set.0, set.1, set.2)).execute(connection)?;
            if alone {
                let theirs = pieces::table.filter(pieces::job.eq_any(&jobs).and(pieces::state.eq("queued")));
                diesel::update(theirs).set(pieces::alone.eq(true)).execute(connection)?;
            }
            diesel::delete(statements::table.find(&id)).execute(connection)?;
            jobs.into_iter().try_for_each(|job| settle(connection, job, None))
        })
    }

    fn cut(&self, statement: &str, counts: (usize, usize)) -> Result<(), KeeperError> {
        let id = statement.to_owned();
        self.write(move |connection| {
            let piece = only_piece(connection, &id)?;
            if row_number(counts.0) + row_number(counts.1) != piece.count {
                return Err(corrupt("a piece is cut into halves that are not its own"));
            }
            let client: String = statements::table.find(&id).select(statements::client).first(connection)?;
            diesel::delete(pieces::table.find((piece.job, piece.first))).execute(connection)?;
            diesel::delete(statements::table.find(&id)).execute(connection)?;
            let mut first = piece.first;
            for count in [counts.0, counts.1] {
                insert_piece(connection, piece.job, first, row_number(count), &client, true)?;
                first += row_number(count);
            }
            settle(connection, piece.job, None)
        })
    }

    fn refuse(&self, statement: &str, errors: Vec<Value>, at: Timestamp) -> Result<(), KeeperError> {
        let id = statement.to_owned();
        self.write(move |connection| {
            let piece = only_piece(connection, &id)?;
            let ended = (pieces::state.eq(PieceState::Failed.as_str()), pieces::statement.eq(None::<String>));
            diesel::update(pieces::table.find((piece.job, piece.first))).set(ended).execute(connection)?;
            diesel::delete(statements::table.find(&id)).execute(connection)?;
            add_to_list(connection, piece.job, &errors, &[])?;
            settle(connection, piece.job, Some(at))
        })
    }

    fn recorded(&self, facts: &[(EventKey, Hash)]) -> Result<Vec<Option<u64>>, KeeperError> {
        let mut found = HashMap::new();
        for some in facts.chunks(EVENTS_PER_QUERY) {
            let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = self.read(|connection| {
                let keys: Vec<&[u8]> = some.iter().map(|(key, _)| key.as_bytes().as_slice()).collect();
                Ok(recorded::table.filter(recorded::event_key.eq_any(keys)).load(connection)?)
            })?;
            found.extend(rows.into_iter().map(|(key, content, leaf)| (key, (content, leaf))));
        }
        let leaf = |(key, content): &(EventKey, Hash)| {
            let (held, leaf) = found.get(key.as_bytes().as_slice())?;
            (held == content.as_bytes()).then(|| u64::try_from(*leaf).ok())?
        };
        Ok(facts.iter().map(leaf).collect())
    }

    fn depth(&self) -> Result<Depth, KeeperError> {
        self.read(|connection| {
            let in_states = counts::table.select((counts::state, counts::jobs));
            let in_states: Vec<(String, i64)> = in_states.load(connection)?;
            let mut all = Vec::new();
            for (text, count) in in_states {
                all.push((rows::state(&text)?, u64::try_from(count).unwrap_or_default()));
            }
            // The first of each state, by the index of states: a queue may hold a million.
            let mut oldest: Option<i64> = None;
            for state in OPEN {
                let first = jobs::table.filter(jobs::state.eq(state)).order(jobs::seq).select(jobs::received_at);
                let first: Option<i64> = first.first(connection).optional()?;
                oldest = oldest.into_iter().chain(first).min();
            }
            let certificates = statements::table.filter(statements::receipt.is_null()).select(statements::certificate);
            let certificates: Vec<Vec<u8>> = certificates.distinct().load(connection)?;
            Ok(Depth {
                jobs: all,
                open_bytes: open_counts(connection)?.bytes,
                oldest_open: oldest.map(time).transpose()?,
                open_certificates: certificates.iter().map(|bytes| hash(bytes)).collect::<Result<_, _>>()?,
            })
        })
    }

    fn retry(&self, id: &JobId) -> Result<OperatorWord, KeeperError> {
        let id = id.clone();
        self.write(move |connection| {
            let Some((job, found)) = state_of_job(connection, &id)? else { return Ok(OperatorWord::Unknown) };
            let failed = pieces::table.filter(pieces::job.eq(job).and(pieces::state.eq("failed")));
            let has_document: bool = jobs::table.find(job).select(jobs::document.is_not_null()).first(connection)?;
            let many = failed.count().get_result::<i64>(connection)?;
            if many == 0 || !has_document {
                return Ok(OperatorWord::Not(found));
            }
            forget_errors(connection, job)?;
            diesel::update(failed)
                .set((pieces::state.eq("queued"), pieces::alone.eq(true), pieces::statement.eq(None::<String>)))
                .execute(connection)?;
            diesel::update(jobs::table.find(job)).set(jobs::finished_at.eq(None::<i64>)).execute(connection)?;
            settle(connection, job, None)?;
            Ok(OperatorWord::Done)
        })
    }

    fn give_up(&self, id: &JobId, reason: &str, at: Timestamp) -> Result<OperatorWord, KeeperError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write(move |connection| {
            let Some((job, found)) = state_of_job(connection, &id)? else { return Ok(OperatorWord::Unknown) };
            let open = pieces::table.filter(pieces::job.eq(job).and(pieces::state.eq_any(OPEN)));
            let states: Vec<String> = open.select(pieces::state).load(connection)?;
            if states.is_empty() || states.iter().any(|state| state != "queued") {
                return Ok(OperatorWord::Not(found));
            }
            let open = pieces::table.filter(pieces::job.eq(job).and(pieces::state.eq_any(OPEN)));
            diesel::update(open).set(pieces::state.eq("failed")).execute(connection)?;
            let mut told = told_of(connection, job)?;
            told.reason = Some(reason);
            diesel::update(jobs::table.find(job)).set(jobs::told.eq(told.to_text())).execute(connection)?;
            settle(connection, job, Some(at))?;
            Ok(OperatorWord::Done)
        })
    }

    fn forget_documents(&self, before: Timestamp) -> Result<u64, KeeperError> {
        self.write(move |connection| {
            let old = jobs::table.filter(jobs::finished_at.lt(before.millis()).and(jobs::document.is_not_null()));
            let forgotten = diesel::update(old).set(jobs::document.eq(None::<Vec<u8>>)).execute(connection)?;
            Ok(forgotten as u64)
        })
    }

    fn clients(&self) -> Result<Vec<GatewayClient>, KeeperError> {
        let rows: Vec<ClientRow> = self.read(|connection| {
            Ok(clients::table.order(clients::name).select(ClientRow::as_select()).load(connection)?)
        })?;
        rows.into_iter().map(ClientRow::into_client).collect()
    }

    fn add_client(&self, client: &GatewayClient) -> Result<bool, KeeperError> {
        let row = ClientRow::of(client);
        self.write(move |connection| {
            let added =
                diesel::insert_into(clients::table).values(&row).on_conflict_do_nothing().execute(connection)?;
            Ok(added == 1)
        })
    }

    fn remove_client(&self, name: &ClientName) -> Result<bool, KeeperError> {
        let name = name.as_str().to_owned();
        self.write(move |connection| Ok(diesel::delete(clients::table.find(&name)).execute(connection)? == 1))
    }
}

fn keep(connection: &mut Connection, job: &NewJob, limits: GatewayQueueLimits) -> Result<Kept, KeeperError> {
    if let Some(key) = &job.idempotency_key {
        let since = job.received_at.millis() - limits.same_within_ms;
        let same = jobs::table
            .filter(jobs::client.eq(job.client.as_str()).and(jobs::idempotency_key.eq(key)))
            .filter(jobs::received_at.ge(since))
            .order(jobs::seq.desc())
            .select((jobs::id, jobs::digest));
        if let Some((id, digest)) = same.first::<(String, Vec<u8>)>(connection).optional()? {
            let id = JobId::parse(&id).ok_or_else(|| corrupt(id))?;
            let is_same = digest == job.digest.as_bytes();
            return Ok(if is_same { Kept::Same(id) } else { Kept::OtherBody(id) });
        }
    } else if let Some(id) = same_body(connection, job, limits)? {
        return Ok(Kept::Same(id));
    }
    let open = open_counts(connection)?;
    let bytes = open.bytes.saturating_add(job.document.len() as u64);
    if open.jobs >= limits.jobs_max || bytes > limits.bytes_max {
        return Ok(Kept::Full);
    }
    let is_empty = job.document.is_empty();
    let state = match (is_empty, job.repeated.is_empty()) {
        (false, _) => PieceState::Queued,
        // Every event was recorded before.
        (true, false) => PieceState::Final,
        (true, true) => PieceState::Failed,
    };
    let told = JobTold {
        errors: job.errors.clone(),
        changed: job.changed.clone(),
        repeated: job.repeated.clone(),
        reason: None,
    };
    let number: i64 = diesel::insert_into(jobs::table)
        .values((
            (
                jobs::id.eq(job.id.as_str()),
                jobs::client.eq(job.client.as_str()),
                jobs::received_at.eq(job.received_at.millis()),
                jobs::finished_at.eq(is_empty.then(|| job.received_at.millis())),
                jobs::digest.eq(job.digest.as_bytes().as_slice()),
                jobs::idempotency_key.eq(&job.idempotency_key),
                jobs::media_type.eq(&job.media_type),
                jobs::behaviour.eq(job.behaviour.as_str()),
            ),
            (
                jobs::document.eq(Some(&job.document)),
                jobs::document_bytes.eq(row_number(job.document.len())),
                jobs::indices.eq(json!(job.indices).to_string()),
                jobs::was_query.eq(job.was_query),
                jobs::joint.eq(job.joint.map(|joint| joint.as_bytes().to_vec())),
                jobs::state.eq(state.as_str()),
                jobs::told.eq(told.to_text()),
            ),
        ))
        .returning(jobs::seq)
        .get_result(connection)?;
    if !is_empty {
        insert_piece(connection, number, 0, row_number(job.indices.len()), job.client.as_str(), false)?;
    }
    Ok(Kept::New)
}

/// The job of the same body by the same client. One that failed does not count: who posts it again wants it to be tried again.
fn same_body(
    connection: &mut Connection,
    job: &NewJob,
    limits: GatewayQueueLimits,
) -> Result<Option<JobId>, KeeperError> {
    let since = job.received_at.millis() - limits.same_within_ms;
    let query = jobs::table
        .filter(jobs::client.eq(job.client.as_str()).and(jobs::digest.eq(job.digest.as_bytes().as_slice())))
        .filter(jobs::received_at.ge(since).and(jobs::state.ne("failed")))
        .filter(jobs::behaviour.eq(job.behaviour.as_str()))
        .order(jobs::seq.desc())
        .select(jobs::id);
    let id: Option<String> = query.first(connection).optional()?;
    id.map(|id| JobId::parse(&id).ok_or_else(|| corrupt(id))).transpose()
}

fn insert_piece(
    connection: &mut Connection,
    job: i64,
    first: i64,
    count: i64,
    client: &str,
    alone: bool,
) -> Result<(), KeeperError> {
    diesel::insert_into(pieces::table)
        .values((
            pieces::job.eq(job),
            pieces::first.eq(first),
            pieces::count.eq(count),
            pieces::client.eq(client),
            pieces::state.eq(PieceState::Queued.as_str()),
            pieces::alone.eq(alone),
        ))
        .execute(connection)?;
    Ok(())
}

fn store_statement(
    connection: &mut Connection,
    statement: &NewStatement,
    places: &[(i64, i64, i64)],
) -> Result<bool, KeeperError> {
    let added = diesel::insert_into(statements::table)
        .values((
            statements::id.eq(&statement.id),
            statements::client.eq(statement.client.as_str()),
            statements::compact.eq(Some(&statement.compact)),
            statements::certificate.eq(statement.certificate.as_bytes().as_slice()),
            statements::not_after.eq(statement.not_after.millis()),
            statements::iat.eq(statement.iat.millis()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    if added == 0 {
        return Ok(false);
    }
    for (job, first, at) in places {
        let queued =
            pieces::table.filter(pieces::job.eq(job).and(pieces::first.eq(first)).and(pieces::state.eq("queued")));
        let set = (pieces::state.eq("signed"), pieces::statement.eq(Some(&statement.id)), pieces::at.eq(at));
        if diesel::update(queued).set(set).execute(connection)? != 1 {
            // The operator has dropped the job meanwhile: what is signed with it is not sent.
            return Err(KeeperError::Unavailable(format!("job {job} is not queued any more")));
        }
        settle(connection, *job, None)?;
    }
    Ok(true)
}

fn open_statement(connection: &mut Connection, id: &str) -> Result<Option<OpenStatement>, KeeperError> {
    type Row = (String, Option<Vec<u8>>, Vec<u8>, i64, i64, i64, Option<i64>);
    let query = statements::table.find(id).select((
        statements::client,
        statements::compact,
        statements::certificate,
        statements::not_after,
        statements::iat,
        statements::attempts,
        statements::next_at,
    ));
    let row: Option<Row> = query.first(connection).optional()?;
    let Some((client, Some(compact), certificate, not_after, iat, attempts, next_at)) = row else { return Ok(None) };
    let statement = NewStatement {
        id: id.to_owned(),
        client: client.parse().map_err(|error: String| corrupt(error))?,
        compact,
        certificate: hash(&certificate)?,
        not_after: time(not_after)?,
        iat: time(iat)?,
    };
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    Ok(Some(OpenStatement { statement, attempts, next_at: next_at.map(time).transpose()? }))
}

/// Moves all pieces of a statement, and their jobs with them.
fn set_state(connection: &mut Connection, statement: &str, state: PieceState) -> Result<(), KeeperError> {
    let of_it = pieces::table.filter(pieces::statement.eq(statement));
    let jobs: Vec<i64> = of_it.select(pieces::job).distinct().load(connection)?;
    diesel::update(of_it).set(pieces::state.eq(state.as_str())).execute(connection)?;
    jobs.into_iter().try_for_each(|job| settle(connection, job, None))
}

fn land(
    connection: &mut Connection,
    id: &str,
    landing: &Landing,
    facts: &[(EventKey, Hash)],
) -> Result<(), KeeperError> {
    let leaf = i64::try_from(landing.leaf).map_err(corrupt)?;
    diesel::update(statements::table.find(id))
        .set((
            statements::receipt.eq(Some(landing.receipt.to_string())),
            statements::leaf.eq(Some(leaf)),
            statements::node.eq(Some(&landing.node)),
            statements::compact.eq(None::<Vec<u8>>),
            statements::next_at.eq(None::<i64>),
            statements::trouble.eq(None::<String>),
        ))
        .execute(connection)?;
    let of_it = pieces::table.filter(pieces::statement.eq(id)).order((pieces::job.asc(), pieces::first.asc()));
    let all: Vec<PieceRow> = of_it.select(PieceRow::as_select()).load(connection)?;
    let of_it = pieces::table.filter(pieces::statement.eq(id));
    diesel::update(of_it).set(pieces::state.eq(PieceState::Final.as_str())).execute(connection)?;
    for piece in &all {
        let in_piece = landing.repeated.iter().filter_map(|repeated| in_job(connection, repeated, piece).transpose());
        let repeated: Vec<Value> = in_piece.collect::<Result<_, _>>()?;
        add_to_list(connection, piece.job, &[], &repeated)?;
        settle(connection, piece.job, Some(landing.at))?;
    }
    remember(connection, facts, leaf)
}

/// Notes that events are final. Of an event that is known already, the first leaf stays.
fn remember(connection: &mut Connection, facts: &[(EventKey, Hash)], leaf: i64) -> Result<(), KeeperError> {
    let mut new = BTreeMap::new();
    for (key, content) in facts {
        new.entry(key.as_bytes().as_slice()).or_insert(content.as_bytes().as_slice());
    }
    let new: Vec<(&[u8], &[u8])> = new.into_iter().collect();
    for some in new.chunks(EVENTS_PER_QUERY) {
        let keys: Vec<&[u8]> = some.iter().map(|(key, _)| *key).collect();
        let known = recorded::table.filter(recorded::event_key.eq_any(keys)).select(recorded::event_key);
        let known: HashSet<Vec<u8>> = known.load(connection)?.into_iter().collect();
        let rows: Vec<_> = some
            .iter()
            .filter(|(key, _)| !known.contains(*key))
            .map(|(key, content)| {
                (recorded::event_key.eq(*key), recorded::content.eq(*content), recorded::leaf.eq(leaf))
            })
            .collect();
        diesel::insert_into(recorded::table).values(rows).execute(connection)?;
    }
    Ok(())
}

/// A repeated event of a statement as the job of a piece tells it: by its place in the document that was sent.
fn in_job(connection: &mut Connection, repeated: &Value, piece: &PieceRow) -> Result<Option<Value>, KeeperError> {
    let Some(position) = repeated.get("position").and_then(Value::as_i64) else { return Ok(None) };
    if !(piece.at..piece.at + piece.count).contains(&position) {
        return Ok(None);
    }
    let indices: String = jobs::table.find(piece.job).select(jobs::indices).first(connection)?;
    let indices: Vec<usize> = rows::json(&indices)?;
    let place = number(piece.first + position - piece.at)?;
    let mut told = repeated.clone();
    told["position"] = json!(indices.get(place).copied().unwrap_or(place));
    Ok(Some(told))
}

fn add_to_list(connection: &mut Connection, job: i64, errors: &[Value], repeated: &[Value]) -> Result<(), KeeperError> {
    if errors.is_empty() && repeated.is_empty() {
        return Ok(());
    }
    let mut told = told_of(connection, job)?;
    told.errors.extend_from_slice(errors);
    told.errors.sort_by_key(|error| error.pointer("/sealane:event/index").and_then(Value::as_u64));
    told.repeated.extend_from_slice(repeated);
    diesel::update(jobs::table.find(job)).set(jobs::told.eq(told.to_text())).execute(connection)?;
    Ok(())
}

fn told_of(connection: &mut Connection, job: i64) -> Result<JobTold, KeeperError> {
    let text: String = jobs::table.find(job).select(jobs::told).first(connection)?;
    rows::json(&text)
}

/// Drops what a job tells of its failed pieces, which are tried again. What was left out at intake stays told.
fn forget_errors(connection: &mut Connection, job: i64) -> Result<(), KeeperError> {
    let failed = pieces::table.filter(pieces::job.eq(job).and(pieces::state.eq("failed")));
    let ranges: Vec<(i64, i64)> = failed.select((pieces::first, pieces::count)).load(connection)?;
    let indices: String = jobs::table.find(job).select(jobs::indices).first(connection)?;
    let indices: Vec<u64> = rows::json(&indices)?;
    let mut told = told_of(connection, job)?;
    told.reason = None;
    let mut again = Vec::new();
    for (first, count) in ranges {
        again.extend(indices.iter().skip(number(first)?).take(number(count)?).copied());
    }
    told.errors.retain(|error| {
        let index = error.pointer("/sealane:event/index").and_then(Value::as_u64);
        index.is_some_and(|index| !again.contains(&index))
    });
    diesel::update(jobs::table.find(job)).set(jobs::told.eq(told.to_text())).execute(connection)?;
    Ok(())
}

/// Writes the state that a job has by its pieces.
fn settle(connection: &mut Connection, job: i64, at: Option<Timestamp>) -> Result<(), KeeperError> {
    let states: Vec<String> = pieces::table.filter(pieces::job.eq(job)).select(pieces::state).load(connection)?;
    let states: Vec<PieceState> = states.iter().map(|text| rows::state(text)).collect::<Result<_, _>>()?;
    let of_job: String = jobs::table.find(job).select(jobs::behaviour).first(connection)?;
    let state = state_of(states, behaviour(&of_job)?);
    let finished = at.filter(|_| !state.is_open()).map(Timestamp::millis);
    let set = (jobs::state.eq(state.as_str()), jobs::finished_at.eq(finished));
    diesel::update(jobs::table.find(job)).set(set).execute(connection)?;
    Ok(())
}

fn only_piece(connection: &mut Connection, statement: &str) -> Result<PieceRow, KeeperError> {
    let query = pieces::table.filter(pieces::statement.eq(statement)).select(PieceRow::as_select());
    let mut all: Vec<PieceRow> = query.load(connection)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(corrupt(format!("statement {statement} has not one piece"))),
    }
}

fn state_of_job(connection: &mut Connection, id: &JobId) -> Result<Option<(i64, PieceState)>, KeeperError> {
    let query = jobs::table.filter(jobs::id.eq(id.as_str())).select((jobs::seq, jobs::state));
    let row: Option<(i64, String)> = query.first(connection).optional()?;
    row.map(|(seq, text)| Ok((seq, rows::state(&text)?))).transpose()
}

/// What is still to be sent.
#[derive(Default)]
struct OpenCounts {
    jobs: u64,
    bytes: u64,
}

fn open_counts(connection: &mut Connection) -> Result<OpenCounts, KeeperError> {
    let query = counts::table.filter(counts::state.eq_any(OPEN)).select((counts::jobs, counts::bytes));
    let rows: Vec<(i64, i64)> = query.load(connection)?;
    let sum = |number: fn(&(i64, i64)) -> i64| u64::try_from(rows.iter().map(number).sum::<i64>()).unwrap_or_default();
    Ok(OpenCounts { jobs: sum(|row| row.0), bytes: sum(|row| row.1) })
}

fn with_pieces(connection: &mut Connection, row: JobRow) -> Result<KeptJob, KeeperError> {
    let query = pieces::table
        .left_join(statements::table)
        .filter(pieces::job.eq(row.seq))
        .order(pieces::first.asc())
        .select((PieceRow::as_select(), Option::<StandingRow>::as_select()));
    let all: Vec<(PieceRow, Option<StandingRow>)> = query.load(connection)?;
    let all: Result<Vec<KeptPiece>, KeeperError> =
        all.into_iter().map(|(piece, standing)| piece.into_piece(standing)).collect();
    row.into_job(all?)
}
