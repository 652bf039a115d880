//! What the store asks of a database: sessions that read rows, insert columns and run statements.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::sql::{Dialect, Sql};
use crate::gateway::query::store::{FindError, QueryStoreError};

/// A database with tables of events.
pub trait Database: Send + Sync {
    type Session: Session;

    /// Reads as of one moment.
    fn read<T>(&self, work: impl FnOnce(&mut Self::Session) -> Result<T, FindError>) -> Result<T, FindError>;

    /// Writes in one transaction, which leaves nothing behind if `work` fails.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Self::Session) -> Result<T, QueryStoreError>,
    ) -> Result<T, QueryStoreError>;
}

/// A row as both databases give it.
pub trait Row: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static {}

impl<R: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static> Row for R {}

/// A column of rows that are inserted.
#[derive(Debug)]
pub enum Column {
    Ints(Vec<i64>),
    MaybeInts(Vec<Option<i64>>),
    Bytes(Vec<Vec<u8>>),
    MaybeBytes(Vec<Option<Vec<u8>>>),
    Texts(Vec<String>),
}

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Self::Ints(all) => all.len(),
            Self::MaybeInts(all) => all.len(),
            Self::Bytes(all) => all.len(),
            Self::MaybeBytes(all) => all.len(),
            Self::Texts(all) => all.len(),
        }
    }
}

/// A transaction under way.
pub trait Session {
    fn dialect(&self) -> Dialect;

    fn load<R: Row>(&mut self, sql: Sql) -> Result<Vec<R>, FindError>;

    fn execute(&mut self, sql: Sql) -> Result<(), QueryStoreError>;

    /// Inserts rows, of which `columns` has the names and the values; `behind` is what stands behind them, such as `ON CONFLICT`.
    fn insert(
        &mut self,
        table: &str,
        columns: Vec<(&'static str, Column)>,
        behind: &str,
    ) -> Result<(), QueryStoreError>;

    fn sql(&self, text: &str) -> Sql {
        Sql::new(self.dialect(), text)
    }

    /// The numbers of a query's one column `n`.
    fn numbers(&mut self, sql: Sql) -> Result<Vec<i64>, FindError> {
        Ok(self.load::<NumberRow>(sql)?.into_iter().map(|row| row.n).collect())
    }

    /// The bytes of a query's one column `value`, as far as they are there.
    fn byte_rows(&mut self, sql: Sql) -> Result<Vec<Vec<u8>>, FindError> {
        Ok(self.load::<ValueRow>(sql)?.into_iter().filter_map(|row| row.value).collect())
    }

    /// The texts of a query's one column `id`.
    fn ids(&mut self, sql: Sql) -> Result<Vec<String>, FindError> {
        Ok(self.load::<IdRow>(sql)?.into_iter().map(|row| row.id).collect())
    }
}

#[derive(QueryableByName)]
pub struct NumberRow {
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

#[derive(QueryableByName)]
pub struct ValueRow {
    #[diesel(sql_type = Nullable<Binary>)]
    pub value: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
pub struct IdRow {
    #[diesel(sql_type = Text)]
    pub id: String,
}

/// Some bytes by which a row is known, and its number.
#[derive(QueryableByName)]
pub struct KnownRow {
    #[diesel(sql_type = Binary)]
    pub name: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// An event, and the key that it is ordered by.
#[derive(QueryableByName)]
pub struct HitRow {
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    pub key: Option<Vec<u8>>,
}

/// What a failure of a query means to those who only write or read in bounds.
pub fn of_store(error: FindError) -> QueryStoreError {
    match error {
        FindError::Store(error) => error,
        FindError::TooComplex(why) => QueryStoreError::Unavailable(why),
    }
}

pub fn corrupt(what: impl ToString) -> QueryStoreError {
    QueryStoreError::Corrupt(what.to_string())
}

/// What a failure of diesel means.
pub fn of_diesel(error: diesel::result::Error) -> FindError {
    let text = error.to_string();
    let is_full = ["disk is full", "No space left", "could not extend file"].iter().any(|words| text.contains(words));
    let is_corrupt = matches!(error, diesel::result::Error::DeserializationError(_))
        || text.contains("malformed")
        || text.contains("not a database");
    if text.contains("statement timeout") {
        return FindError::TooComplex(super::find::advice());
    }
    FindError::Store(match (is_full, is_corrupt) {
        (true, _) => QueryStoreError::Full,
        (_, true) => QueryStoreError::Corrupt(text),
        _ => QueryStoreError::Unavailable(text),
    })
}
