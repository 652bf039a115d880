//! Writing a block, and how far the store has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary};

use sealane_core::epcis::query::Key;
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

use super::session::{Column, KnownRow, Session, corrupt, of_store};
use super::sql::Bound;
use super::{hash, height, master, row_number, seq_of, time};
use crate::gateway::query::store::{Cursor, FindError, IndexedBlock, IndexedEvent, QueryStoreError};

#[derive(QueryableByName)]
struct CursorRow {
    #[diesel(sql_type = BigInt)]
    height: i64,
    #[diesel(sql_type = BigInt)]
    size: i64,
    #[diesel(sql_type = Binary)]
    checkpoint: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    time: i64,
}

pub fn cursor<S: Session>(session: &mut S) -> Result<Option<Cursor>, FindError> {
    let rows: Vec<CursorRow> = session.load(session.sql("SELECT height, size, checkpoint, time FROM cursor"))?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let size = u64::try_from(row.size).map_err(corrupt)?;
    Ok(Some(Cursor {
        height: height(row.height)?,
        size: TreeSize::new(size).map_err(corrupt)?,
        checkpoint: hash(&row.checkpoint)?,
        time: time(row.time)?,
    }))
}

/// Writes a block. The caller has a transaction open.
pub fn append<S: Session>(session: &mut S, block: &IndexedBlock) -> Result<(), QueryStoreError> {
    let Repeats { first, repeats } = without_repeats(session, &block.events)?;
    add_events(session, &first)?;
    add_facts(session, &first)?;
    let (seqs, leaves) = repeats.into_iter().unzip();
    session.insert(
        "repeat",
        vec![("seq", Column::Ints(seqs)), ("leaf", Column::Ints(leaves))],
        "ON CONFLICT DO NOTHING",
    )?;
    master::add(session, &block.master_data)?;
    let Cursor { height, size, checkpoint, time } = &block.cursor;
    let delete = session.sql("DELETE FROM cursor");
    session.execute(delete)?;
    let columns = vec![
        ("one", Column::Ints(vec![1])),
        ("height", Column::Ints(vec![row_number(height.get())])),
        ("size", Column::Ints(vec![row_number(size.get())])),
        ("checkpoint", Column::Bytes(vec![checkpoint.as_bytes().to_vec()])),
        ("time", Column::Ints(vec![time.millis()])),
    ];
    session.insert("cursor", columns, "")
}

/// A block's events, told apart.
struct Repeats<'a> {
    /// Those that are recorded a first time, by their numbers.
    first: Vec<(i64, &'a IndexedEvent)>,
    /// The number of an event that is there, and the leaf at which it was recorded again.
    repeats: BTreeSet<(i64, i64)>,
}

fn without_repeats<'a, S: Session>(
    session: &mut S,
    events: &'a [IndexedEvent],
) -> Result<Repeats<'a>, QueryStoreError> {
    let identities = events.iter().filter_map(|event| Some(event.identity?.as_bytes().to_vec())).collect();
    let mut known = known(session, "SELECT identity AS name, seq AS n FROM event WHERE identity", identities)?;
    let mut told = Repeats { first: Vec::with_capacity(events.len()), repeats: BTreeSet::new() };
    for event in events {
        let seq = seq_of(event.leaf, event.position).ok_or_else(|| {
            QueryStoreError::Unavailable(format!("it has no room for leaf {} and event {}", event.leaf, event.position))
        })?;
        let identity = event.identity.map(|identity| identity.as_bytes().to_vec());
        if let Some(first) = identity.as_ref().and_then(|identity| known.get(identity)) {
            told.repeats.insert((*first, row_number(event.leaf.get())));
            continue;
        }
        known.extend(identity.map(|identity| (identity, seq)));
        told.first.push((seq, event));
    }
    Ok(told)
}

/// The numbers of what is known by some bytes, where `question` is a query but for its list.
fn known<S: Session>(
    session: &mut S,
    question: &str,
    list: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, i64>, QueryStoreError> {
    if list.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = session.sql(question);
    sql.is_one_of(Bound::ByteList(list));
    let rows: Vec<KnownRow> = session.load(sql).map_err(of_store)?;
    Ok(rows.into_iter().map(|row| (row.name, row.n)).collect())
}

fn add_events<S: Session>(session: &mut S, events: &[(i64, &IndexedEvent)]) -> Result<(), QueryStoreError> {
    let contexts = contexts(session, events)?;
    let seqs: Vec<i64> = events.iter().map(|(seq, _)| *seq).collect();
    let identity = |event: &IndexedEvent| event.identity.map(|identity| identity.as_bytes().to_vec());
    let identities = events.iter().map(|(_, event)| identity(event)).collect();
    let columns = vec![("seq", Column::Ints(seqs.clone())), ("identity", Column::MaybeBytes(identities))];
    session.insert("event", columns, "")?;
    let each =
        |event: &IndexedEvent| event.context.as_ref().and_then(|one| contexts.get(&digest(&one.to_string())).copied());
    let columns = vec![
        ("seq", Column::Ints(seqs)),
        ("participant", Column::Bytes(events.iter().map(|(_, event)| event.participant.to_bytes().to_vec()).collect())),
        ("event_id", Column::Texts(events.iter().map(|(_, event)| without_nul(&event.event_id)).collect())),
        ("recorded", Column::Ints(events.iter().map(|(_, event)| event.recorded.millis()).collect())),
        ("json", Column::Texts(events.iter().map(|(_, event)| event.json.to_string()).collect())),
        ("context", Column::MaybeInts(events.iter().map(|(_, event)| each(event)).collect())),
    ];
    session.insert("document", columns, "")
}

/// The numbers of the contexts of some events. Most documents have the same few, so that each is kept once.
fn contexts<S: Session>(
    session: &mut S,
    events: &[(i64, &IndexedEvent)],
) -> Result<HashMap<Vec<u8>, i64>, QueryStoreError> {
    let texts: BTreeMap<Vec<u8>, String> = events
        .iter()
        .filter_map(|(_, event)| event.context.as_ref().map(ToString::to_string))
        .map(|text| (digest(&text), text))
        .collect();
    if texts.is_empty() {
        return Ok(HashMap::new());
    }
    let digests: Vec<Vec<u8>> = texts.keys().cloned().collect();
    let question = "SELECT digest AS name, id AS n FROM context WHERE digest";
    let mut all = known(session, question, digests.clone())?;
    let (keys, new): (Vec<_>, Vec<_>) = texts.into_iter().filter(|(digest, _)| !all.contains_key(digest)).unzip();
    if !new.is_empty() {
        session.insert("context", vec![("digest", Column::Bytes(keys)), ("json", Column::Texts(new))], "")?;
        all = known(session, question, digests)?;
    }
    Ok(all)
}

fn digest(text: &str) -> Vec<u8> {
    Hash::of(text.as_bytes()).as_bytes().to_vec()
}

fn add_facts<S: Session>(session: &mut S, events: &[(i64, &IndexedEvent)]) -> Result<(), QueryStoreError> {
    let facts = || events.iter().flat_map(|(_, event)| event.facts.iter());
    let names: BTreeSet<&str> = facts().map(|(field, _)| field.as_str()).collect();
    let names: Vec<Vec<u8>> = names.into_iter().map(|name| Key::text(name).as_bytes().to_vec()).collect();
    let mut fields = fields(session, names.clone())?;
    let new: Vec<Vec<u8>> = names.iter().filter(|name| !fields.contains_key(*name)).cloned().collect();
    if !new.is_empty() {
        session.insert("field", vec![("name", Column::Bytes(new))], "")?;
        fields = self::fields(session, names)?;
    }
    let by_name: HashMap<&str, i64> = facts()
        .filter_map(|(field, _)| Some((field.as_str(), *fields.get(Key::text(field.as_str()).as_bytes())?)))
        .collect();
    let mut rows = Vec::new();
    for (seq, event) in events {
        for (field, key) in event.facts.iter() {
            let field =
                by_name.get(field.as_str()).ok_or_else(|| corrupt(format!("the field {field} has no number")))?;
            rows.push((*seq, *field, key.as_bytes().to_vec()));
        }
    }
    // Near ones together, in the larger of the two indexes.
    rows.sort_unstable_by(|one, other| (one.1, &one.2, one.0).cmp(&(other.1, &other.2, other.0)));
    let mut columns = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (seq, field, value) in rows {
        columns.0.push(seq);
        columns.1.push(field);
        columns.2.push(value);
    }
    let columns =
        vec![("seq", Column::Ints(columns.0)), ("field", Column::Ints(columns.1)), ("value", Column::Bytes(columns.2))];
    session.insert("fact", columns, "")
}

/// The numbers of fields, by the keys of their names.
pub fn fields<S: Session>(session: &mut S, names: Vec<Vec<u8>>) -> Result<HashMap<Vec<u8>, i64>, QueryStoreError> {
    known(session, "SELECT name, CAST(id AS BIGINT) AS n FROM field WHERE name", names)
}

/// PostgreSQL keeps no text with a NUL; nothing that is named has one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
