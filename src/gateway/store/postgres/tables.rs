//! The tables' versions: which the database has, which this program knows, and how the one becomes the other.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Connection;
use crate::gateway::keeper::KeeperError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/gateway-postgres");

/// What a database has of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Not,
    /// Those of an older program.
    Before,
    /// This program's.
    Now,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

fn words(connection: &mut Connection, query: &str) -> Result<Vec<String>, KeeperError> {
    let rows: Vec<Word> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.word).collect())
}

/// Tells what is there.
///
/// # Errors
///
/// Tables of a newer program, and what stands in the way of looking.
pub fn made(connection: &mut Connection) -> Result<Made, KeeperError> {
    let table = "SELECT '' AS word WHERE to_regclass('sealane_queue.__diesel_schema_migrations') IS NOT NULL";
    if words(connection, table)?.is_empty() {
        return Ok(Made::Not);
    }
    let applied = words(connection, "SELECT version AS word FROM sealane_queue.__diesel_schema_migrations")?;
    let known = MigrationSource::<Pg>::migrations(&MIGRATIONS);
    let known = known.map_err(|error| KeeperError::Unavailable(error.to_string()))?;
    let known: Vec<String> = known.iter().map(|one| one.name().version().to_string()).collect();
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        return Err(KeeperError::Unavailable(format!(
            "it was made by a newer sealane (migration {newer}); run that version or a later one"
        )));
    }
    Ok(match applied.len() {
        0 => Made::Not,
        some if some < known.len() => Made::Before,
        _ => Made::Now,
    })
}

/// Makes what this program's tables lack, each version in a transaction of its own.
pub fn bring_up(connection: &mut Connection) -> Result<(), KeeperError> {
    match made(connection)? {
        Made::Now => return Ok(()),
        Made::Before => {}
        Made::Not => {
            let encoding = words(connection, "SELECT current_setting('server_encoding') AS word")?;
            if let Some(other) = encoding.iter().find(|encoding| *encoding != "UTF8") {
                return Err(KeeperError::Unavailable(format!(
                    "its encoding is {other}; make one with `createdb --encoding UTF8 --template template0 NAME`"
                )));
            }
            // Who may use the schema need not be one who may make it.
            if words(connection, "SELECT '' AS word WHERE to_regnamespace('sealane_queue') IS NOT NULL")?.is_empty() {
                connection.batch_execute("CREATE SCHEMA IF NOT EXISTS sealane_queue")?;
            }
        }
    }
    let done = connection.run_pending_migrations(MIGRATIONS);
    done.map(drop).map_err(|error| KeeperError::Unavailable(error.to_string()))
}

/// Says in the log that the server does not keep what it has acknowledged, if that is so.
pub fn warn_of_lost_writes(connection: &mut Connection, database: &str) -> Result<(), KeeperError> {
    let unsafe_settings =
        "SELECT name AS word FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    for setting in words(connection, unsafe_settings)? {
        tracing::warn!(setting, database, "the server has this off: a crash can lose captures that were accepted");
    }
    Ok(())
}
