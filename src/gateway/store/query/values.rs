//! The texts of a field, each once.

use sealane_core::epcis::query::{Field, Key};

use super::append::fields as numbers_of;
use super::session::Session;
use crate::gateway::query::store::FindError;

/// Behind every key of a text.
const BEHIND_TEXTS: &[u8] = b"u";

/// Texts of some fields in their order, each once: those after `after`, up to `limit`.
pub fn values<S: Session>(
    session: &mut S,
    fields: &[Field],
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, FindError> {
    let names = fields.iter().map(|field| Key::text(field.as_str()).as_bytes().to_vec()).collect();
    let numbers = numbers_of(session, names)?;
    let mut all = Vec::new();
    for field in numbers.into_values() {
        all.extend(values_of(session, field, after, limit)?);
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(limit as usize);
    Ok(all)
}

/// Skips from one value to the next, however many events have it.
fn values_of<S: Session>(
    session: &mut S,
    field: i64,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, FindError> {
    let mut last = after.map_or_else(|| b"t".to_vec(), |text| Key::text(text).as_bytes().to_vec());
    let mut is_first = after.is_none();
    let mut texts = Vec::new();
    while texts.len() < limit as usize {
        let mut sql = session.sql("WITH RECURSIVE skip (value) AS (SELECT * FROM (SELECT f.value FROM ");
        sql.facts_by_value("f").push(" WHERE f.field = ").int(field);
        sql.push(if is_first { " AND f.value >= " } else { " AND f.value > " }).bytes(&last);
        sql.push(" AND f.value < ").bytes(BEHIND_TEXTS).push(" ORDER BY f.value LIMIT 1) AS start");
        sql.push(" UNION ALL SELECT (SELECT f.value FROM ").facts_by_value("f").push(" WHERE f.field = ").int(field);
        sql.push(" AND f.value > skip.value AND f.value < ").bytes(BEHIND_TEXTS).push(" ORDER BY f.value LIMIT 1)");
        sql.push(" FROM skip WHERE skip.value IS NOT NULL) SELECT value FROM skip LIMIT ").int(i64::from(limit));
        let found = session.byte_rows(sql)?;
        let is_end = found.len() < limit as usize;
        if let Some(end) = found.last() {
            last.clone_from(end);
            is_first = false;
        }
        // A text that was cut is none any more.
        texts.extend(found.into_iter().filter_map(|bytes| Key::from_bytes(bytes).as_text().map(str::to_owned)));
        if is_end {
            break;
        }
    }
    texts.truncate(limit as usize);
    Ok(texts)
}
