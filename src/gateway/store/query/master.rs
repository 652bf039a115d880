//! Master data: what participants say about ids.
//!
//! Of each attribute the newest of a holder counts, else the newest of anybody. Children are all that were ever named: a holder's, else
//! anybody's.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Text};

use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::query::{Key, MasterQuestion};
use sealane_core::json::{self, Json};

use super::session::{Column, Session, corrupt};
use super::sql::{Bound, Sql};
use super::{leaf, row_number};
use crate::gateway::query::store::{
    FindError, KnownElement, KnownPage, MasterAttribute, MasterElement, MasterFilter, PAGE_BYTES_MAX, QueryStoreError,
};

/// Bytes of a vocabulary, an id or a name. PostgreSQL's indexes take rows of 2,700 bytes. Longer ones are not kept; no identifier of GS1
/// comes near.
const NAME_BYTES_MAX: usize = 700;

/// Children of one element that are told.
const CHILDREN_MAX: i64 = 10_000;

const NEWEST: &str = " DO UPDATE SET leaf = EXCLUDED.leaf";

/// Adds what a block says. Its elements are in the order of the ledger.
pub fn add<S: Session>(session: &mut S, elements: &[MasterElement]) -> Result<(), QueryStoreError> {
    for element in elements.iter().filter(|element| [&element.vocabulary, &element.id].into_iter().all(|one| fits(one)))
    {
        let participant = || Column::Bytes(vec![element.participant.to_bytes().to_vec()]);
        let said = |names: Vec<(&'static str, &str)>| {
            let mut columns: Vec<(&'static str, Column)> =
                names.into_iter().map(|(name, text)| (name, Column::Texts(vec![text.to_owned()]))).collect();
            columns.push(("participant", participant()));
            columns.push(("is_holder", Column::Ints(vec![i64::from(element.is_holder)])));
            columns.push(("leaf", Column::Ints(vec![row_number(element.leaf.get())])));
            columns
        };
        let row = said(vec![("vocabulary", &element.vocabulary), ("id", &element.id)]);
        session.insert("element", row, &format!("ON CONFLICT (vocabulary, id, participant, is_holder){NEWEST}"))?;
        for (name, value) in element.attributes.iter().filter(|(name, _)| fits(name)) {
            let mut row = said(vec![("vocabulary", &element.vocabulary), ("id", &element.id), ("name", name)]);
            row.push(("value", Column::Texts(vec![value.to_string()])));
            row.push((
                "text",
                Column::MaybeBytes(vec![text_of(value).map(|text| Key::text(&text).as_bytes().to_vec())]),
            ));
            let behind = "ON CONFLICT (vocabulary, id, name, participant, is_holder)";
            let set = ", value = EXCLUDED.value, text = EXCLUDED.text";
            session.insert("attribute", row, &format!("{behind}{NEWEST}{set}"))?;
        }
        for child in element.children.iter().filter(|child| fits(child)) {
            let row = said(vec![("parent", &element.id), ("vocabulary", &element.vocabulary), ("child", child)]);
            let behind = "ON CONFLICT (parent, vocabulary, child, participant, is_holder)";
            session.insert("child", row, &format!("{behind}{NEWEST}"))?;
        }
    }
    Ok(())
}

fn fits(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.contains('\0')
}

/// The text that a value is compared by.
fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.as_str().to_owned()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The ids of which a question holds, up to `limit` and one more.
pub fn ids<S: Session>(session: &mut S, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, FindError> {
    let rows = row_number(limit as u64).saturating_add(1);
    match question {
        MasterQuestion::Within(places) => {
            // The places themselves may come too, where somebody goes in circles. UNION takes each id once, so that it ends.
            let own: BTreeSet<&String> = places.iter().collect();
            let mut sql =
                session.sql("WITH RECURSIVE inside (id) AS (SELECT child FROM child WHERE is_holder = 1 AND parent");
            sql.is_one_of(Bound::Texts(places.clone()));
            sql.push(
                " UNION SELECT child.child FROM inside JOIN child ON child.parent = inside.id AND child.is_holder = 1)",
            );
            sql.push(" SELECT id FROM inside LIMIT ").int(rows.saturating_add(row_number(own.len() as u64)));
            let mut found = session.ids(sql)?;
            found.retain(|id| !own.contains(id));
            found.truncate(limit.saturating_add(1));
            Ok(found)
        }
        MasterQuestion::HasAttribute(names) => {
            let mut sql = session.sql("SELECT DISTINCT id FROM attribute WHERE name");
            sql.is_one_of(Bound::Texts(names.clone())).push(" LIMIT ").int(rows);
            session.ids(sql)
        }
        MasterQuestion::Attribute { name, values } => {
            let texts = values.iter().map(|value| Key::text(value).as_bytes().to_vec()).collect();
            let mut sql = session.sql("SELECT DISTINCT a.id FROM attribute AS a WHERE a.name = ");
            sql.string(name).push(" AND a.text").is_one_of(Bound::ByteList(texts));
            sql.push(" AND NOT EXISTS (SELECT 1 FROM attribute AS b WHERE b.id = a.id");
            // Whatever vocabulary it was said in: else another's word in a vocabulary that the holder leaves out would count.
            sql.push(" AND b.name = a.name AND (b.is_holder, b.leaf) > (a.is_holder, a.leaf)) LIMIT ").int(rows);
            session.ids(sql)
        }
    }
}

#[derive(QueryableByName)]
struct ElementRow {
    #[diesel(sql_type = Text)]
    vocabulary: String,
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct AttributeRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = Binary)]
    participant: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    is_holder: i64,
    #[diesel(sql_type = BigInt)]
    leaf: i64,
}

#[derive(QueryableByName)]
struct ChildRow {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = BigInt)]
    is_holder: i64,
}

/// What is known of the ids that a filter lets through, by vocabulary and id, and whether there is more: a page ends when it has as many
/// elements as it may, or many bytes of them.
pub fn elements<S: Session>(session: &mut S, filter: &MasterFilter) -> Result<KnownPage, FindError> {
    let mut sql = session.sql("SELECT DISTINCT vocabulary, id FROM element WHERE is_holder >= 0");
    for (column, list) in [("vocabulary", &filter.vocabularies), ("id", &filter.ids)] {
        if !list.is_empty() {
            sql.push(" AND ").push(column).is_one_of(Bound::Texts(list.clone()));
        }
    }
    if let Some((vocabulary, id)) = &filter.after {
        sql.push(" AND (vocabulary, id) > (").string(vocabulary).push(", ").string(id).push(")");
    }
    of_participant(&mut sql, filter);
    if !filter.attributes.is_empty() {
        sql.push(
            " AND EXISTS (SELECT 1 FROM attribute AS a WHERE a.vocabulary = element.vocabulary AND a.id = element.id",
        );
        sql.push(" AND a.name").is_one_of(Bound::Texts(filter.attributes.clone()));
        of_participant(&mut sql, filter);
        sql.push(")");
    }
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    sql.push(" ORDER BY vocabulary, id LIMIT ").int(i64::from(filter.limit).saturating_add(1));
    let rows: Vec<ElementRow> = session.load(sql)?;
    let count = rows.len();
    let (mut elements, mut bytes) = (Vec::new(), 0);
    for row in rows.into_iter().take(limit) {
        if bytes > PAGE_BYTES_MAX {
            break;
        }
        elements.push(element(session, row, filter, &mut bytes)?);
    }
    Ok(KnownPage { has_more: elements.len() < count, elements })
}

fn of_participant(sql: &mut Sql, filter: &MasterFilter) {
    if let Some(participant) = &filter.by {
        sql.push(" AND participant = ").bytes(&participant.to_bytes());
    }
}

fn element<S: Session>(
    session: &mut S,
    row: ElementRow,
    filter: &MasterFilter,
    bytes: &mut usize,
) -> Result<KnownElement, FindError> {
    let mut sql = session.sql("SELECT name, value, participant, is_holder, leaf FROM attribute WHERE vocabulary = ");
    sql.string(&row.vocabulary).push(" AND id = ").string(&row.id);
    of_participant(&mut sql, filter);
    sql.push(" ORDER BY name, is_holder DESC, leaf DESC");
    let mut all: Vec<AttributeRow> = session.load(sql)?;
    // The first of each name is the one that counts.
    all.dedup_by(|later, first| later.name == first.name);
    *bytes += all.iter().map(|row| row.name.len() + row.value.len()).sum::<usize>();
    let attributes: Result<Vec<MasterAttribute>, QueryStoreError> = all.into_iter().map(attribute).collect();
    let mut sql = session.sql("SELECT child, max(is_holder) AS is_holder FROM child WHERE parent = ");
    sql.string(&row.id).push(" AND vocabulary = ").string(&row.vocabulary);
    of_participant(&mut sql, filter);
    sql.push(" GROUP BY child ORDER BY is_holder DESC, child LIMIT ").int(CHILDREN_MAX);
    let children: Vec<ChildRow> = session.load(sql)?;
    let counts = children.first().map(|first| first.is_holder);
    let children = children.into_iter().filter(|row| Some(row.is_holder) == counts).map(|row| row.child).collect();
    Ok(KnownElement { vocabulary: row.vocabulary, id: row.id, attributes: attributes?, children })
}

fn attribute(row: AttributeRow) -> Result<MasterAttribute, QueryStoreError> {
    Ok(MasterAttribute {
        name: row.name,
        value: json::read(row.value.as_bytes()).map_err(corrupt)?,
        participant: participant(&row.participant)?,
        is_holder: row.is_holder == 1,
        leaf: leaf(row.leaf)?,
    })
}

/// The participant whose id has these bytes.
pub fn participant(bytes: &[u8]) -> Result<ParticipantId, QueryStoreError> {
    let bytes = bytes.try_into().map_err(|_| corrupt("a participant's id that has not 16 bytes"))?;
    Ok(ParticipantId::from_bytes(bytes))
}
