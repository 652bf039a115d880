//! The tables' versions: which the database has, which this program knows, and how the one becomes the other.

use diesel::QueryableByName;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::open_error::PostgresOpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Tells whether the database holds a ledger's tables, of whatever version.
pub async fn is_there(connection: &mut AsyncPgConnection, database: &str) -> Result<bool, PostgresOpenError> {
    let table = "SELECT '' AS value WHERE to_regclass('__diesel_schema_migrations') IS NOT NULL";
    Ok(!rows(connection, database, table).await?.is_empty())
}

/// Refuses a database whose migrations are not exactly this program's.
pub async fn check(connection: &mut AsyncPgConnection, database: &str) -> Result<(), PostgresOpenError> {
    if !is_there(connection, database).await? {
        return Err(PostgresOpenError::Missing { database: database.to_owned() });
    }
    let applied = rows(connection, database, "SELECT version AS value FROM __diesel_schema_migrations").await?;
    let known = known().map_err(|reason| PostgresOpenError::Unusable { database: database.to_owned(), reason })?;
    if let Some(newer) = applied.iter().find(|version| known.iter().all(|(known, _)| known != *version)) {
        return Err(PostgresOpenError::Newer { database: database.to_owned(), version: newer.clone() });
    }
    let pending: Vec<String> =
        known.into_iter().filter(|(version, _)| !applied.contains(version)).map(|(_, name)| name).collect();
    if pending.is_empty() { Ok(()) } else { Err(PostgresOpenError::Behind { database: database.to_owned(), pending }) }
}

/// Refuses a database that keeps text in another encoding, which some text of a ledger would not fit into.
pub async fn check_encoding(connection: &mut AsyncPgConnection, database: &str) -> Result<(), PostgresOpenError> {
    let found = rows(connection, database, "SELECT current_setting('server_encoding') AS value").await?;
    match found.into_iter().next() {
        Some(encoding) if encoding != "UTF8" => Err(PostgresOpenError::Unusable {
            database: database.to_owned(),
            reason: format!(
                "its encoding is {encoding}; make one with `createdb --encoding UTF8 --template template0 NAME`"
            ),
        }),
        _ => Ok(()),
    }
}

/// Says in the log that the server does not keep what it has acknowledged, if that is so.
pub async fn warn_of_lost_writes(connection: &mut AsyncPgConnection, database: &str) -> Result<(), PostgresOpenError> {
    let unsafe_settings = "SELECT name AS value FROM pg_settings \
         WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    for setting in rows(connection, database, unsafe_settings).await? {
        tracing::warn!(setting, database, "the server has this off: a crash can lose what was acknowledged");
    }
    Ok(())
}

/// Applies every migration that the database lacks, each in a transaction of its own.
pub async fn run(connection: AsyncPgConnection, database: &str) -> Result<(), PostgresOpenError> {
    // The harness blocks its thread while it waits for the server.
    let migrated = tokio::task::spawn_blocking(move || {
        let mut harness: AsyncConnectionWrapper<AsyncPgConnection> = connection.into();
        harness.run_pending_migrations(MIGRATIONS).map(drop).map_err(|error| error.to_string())
    });
    let reason = match migrated.await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(reason)) => reason,
        Err(error) => error.to_string(),
    };
    Err(PostgresOpenError::Unusable { database: database.to_owned(), reason })
}

/// Version and name of each migration in this program.
fn known() -> Result<Vec<(String, String)>, String> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| error.to_string())?;
    Ok(migrations.iter().map(|one| (one.name().version().to_string(), one.name().to_string())).collect())
}

async fn rows(
    connection: &mut AsyncPgConnection,
    database: &str,
    query: &str,
) -> Result<Vec<String>, PostgresOpenError> {
    let found: Vec<Setting> = diesel::sql_query(query)
        .load(connection)
        .await
        .map_err(|error| PostgresOpenError::Unusable { database: database.to_owned(), reason: error.to_string() })?;
    Ok(found.into_iter().map(|row| row.value).collect())
}
