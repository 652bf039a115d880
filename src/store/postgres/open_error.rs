//! Why a database cannot serve, and what to do about it.

use std::error::Error;

use tokio_postgres::error::SqlState;

use crate::ports::StoreError;

/// The database cannot serve. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresOpenError {
    #[error(
        "no ledger in the database {database}: bring it back from a backup, or look whether --database-url names the right \
         one; `sealane init` with a new --data begins another ledger"
    )]
    Missing { database: String },
    #[error(
        "the ledger in the database {database} was made by a newer sealane (migration {version}); run that version or a later one"
    )]
    Newer { database: String, version: String },
    #[error(
        "the ledger in the database {database} is behind this program by {} ({}); run `sealane init --migrate` with the \
         same --data and --database-url", pending.len(), pending.join(", ")
    )]
    Behind { database: String, pending: Vec<String> },
    #[error("the database {database} cannot be used: {reason}")]
    Unusable { database: String, reason: String },
    #[error("cannot connect to the database {database}: {reason}; see whether the server runs and listens there")]
    Unreachable { database: String, reason: String },
    #[error(
        "the server refused this user or password for the database {database}: {reason}; correct them in the URL, or the \
         server's pg_hba.conf"
    )]
    Refused { database: String, reason: String },
    #[error("the server has no database {database}: make it with `createdb --encoding UTF8 --template template0 NAME`")]
    NoDatabase { database: String },
    #[error(
        "no TLS with the database {database}: {reason}; see to the server's certificate, name its authority by \
         --database-ca FILE, or choose another sslmode in the URL"
    )]
    Tls { database: String, reason: String },
    #[error("TLS to the database cannot be set up: {reason}")]
    TlsSetup { reason: String },
    #[error(
        "--database-ca is of no use with sslmode={mode}, which checks no certificate: give sslmode=verify-full, or leave it out"
    )]
    UnusedAuthorities { mode: &'static str },
    #[error(
        "another node writes the ledger in the database {database}: {holder}, since {since}. Two nodes never write one \
         ledger: stop that one first, or give this one a database of its own. The lease of a node that is gone ends with \
         its connection, within two minutes"
    )]
    Held { database: String, holder: String, since: String },
}

impl PostgresOpenError {
    /// Reads what the driver or the server said when a connection was made or first used.
    pub(super) fn of_connection(error: &tokio_postgres::Error, database: String) -> Self {
        let reason = told(error);
        match error.code() {
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase { database },
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                Self::Refused { database, reason }
            }
            Some(_) => Self::Unusable { database, reason },
            None => match error.to_string().as_str() {
                "error performing TLS handshake" => Self::Tls { database, reason },
                "authentication error" | "invalid configuration" => Self::Refused { database, reason },
                _ => Self::Unreachable { database, reason },
            },
        }
    }
}

/// What the driver says together with what the server or the system said to it.
pub fn told(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl From<PostgresOpenError> for StoreError {
    fn from(error: PostgresOpenError) -> Self {
        StoreError::Unavailable(error.to_string())
    }
}

/// Classes of SQLSTATE by which a server says that it took nothing, not even at a commit: 25 (the transaction or the whole
/// server only reads), 42 (no such table or no right to it), 53 (no room, no memory, no connection).
const REFUSALS: [&str; 3] = ["25", "42", "53"];

/// What a failed write means. Whether it was written is unknown where the connection was lost.
pub fn of_write(error: &tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(&SqlState::DISK_FULL) => StoreError::Full,
        Some(
            &SqlState::UNIQUE_VIOLATION
            | &SqlState::CHECK_VIOLATION
            | &SqlState::NOT_NULL_VIOLATION
            | &SqlState::DATA_CORRUPTED
            | &SqlState::INDEX_CORRUPTED,
        ) => StoreError::Corrupt(told(error)),
        Some(code) if REFUSALS.iter().any(|class| code.code().starts_with(class)) => StoreError::Refused(told(error)),
        _ => StoreError::Unavailable(told(error)),
    }
}

/// What a failed query of diesel means.
pub fn of_read(error: diesel::result::Error) -> StoreError {
    match error {
        diesel::result::Error::DeserializationError(reason) => StoreError::Corrupt(reason.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}
