//! Connections: the way to the server, TLS on it, and what a session must be told.

use std::sync::Arc;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{DatabaseUrl, TlsMode};
use super::open_error::PostgresOpenError;
use super::tls;

/// What every session is set to, whatever the server's defaults are. Settings that a server's version does not have are
/// passed over. A commit is acknowledged when it is on disk; no connection of ours ends because it was idle; the server
/// notices within two minutes that a node's machine is gone, and sets its lease free.
const SESSION: &str = "
    SELECT set_config(name, value, false)
    FROM (VALUES
        ('synchronous_commit', 'on'),
        ('default_transaction_isolation', 'read committed'),
        ('idle_session_timeout', '0'),
        ('idle_in_transaction_session_timeout', '0'),
        ('transaction_timeout', '0'),
        ('statement_timeout', '0'),
        ('tcp_keepalives_idle', '30'),
        ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3')
    ) AS wanted (name, value)
    JOIN pg_settings USING (name)";

/// Makes connections to one database.
#[derive(Clone)]
pub struct Connector {
    url: Arc<DatabaseUrl>,
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Where connections live, on whatever thread one is asked for: a worker thread that ends must not take them along.
    runtime: Handle,
}

impl Connector {
    /// Prepares TLS as the URL asks for it. `authorities` are trusted instead of the system's. Called on the runtime
    /// that is to carry the connections.
    pub fn new(url: DatabaseUrl, authorities: Option<&[CertificateDer<'static>]>) -> Result<Self, PostgresOpenError> {
        let mode = url.tls().unwrap_or(if authorities.is_some() { TlsMode::VerifyFull } else { TlsMode::Prefer });
        match (mode, authorities) {
            (TlsMode::Disable, Some(_)) => return Err(PostgresOpenError::UnusedAuthorities { mode: "disable" }),
            (TlsMode::Prefer, Some(_)) => return Err(PostgresOpenError::UnusedAuthorities { mode: "prefer" }),
            _ => {}
        }
        let tls = tls::client_config(mode, authorities)
            .map_err(|error| PostgresOpenError::TlsSetup { reason: error.to_string() })?
            .map(MakeRustlsConnect::new);
        let runtime =
            Handle::try_current().map_err(|error| PostgresOpenError::TlsSetup { reason: error.to_string() })?;
        Ok(Self { config: url.config(mode), url: Arc::new(url), tls, runtime })
    }

    /// Names the database, for people.
    pub fn database(&self) -> String {
        self.url.to_string()
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Makes a connection for queries by diesel.
    pub async fn reader(&self) -> Result<AsyncPgConnection, PostgresOpenError> {
        let own = self.clone();
        self.on_runtime(async move {
            let refused = |error: tokio_postgres::Error| PostgresOpenError::of_connection(&error, own.database());
            let made = match own.tls.clone() {
                Some(tls) => {
                    let (client, connection) = own.config.connect(tls).await.map_err(refused)?;
                    AsyncPgConnection::try_from_client_and_connection(client, connection).await
                }
                None => {
                    let (client, connection) = own.config.connect(NoTls).await.map_err(refused)?;
                    AsyncPgConnection::try_from_client_and_connection(client, connection).await
                }
            };
            let unusable = |reason: String| PostgresOpenError::Unusable { database: own.database(), reason };
            let mut connection = made.map_err(|error| unusable(error.to_string()))?;
            connection.batch_execute(SESSION).await.map_err(|error| unusable(error.to_string()))?;
            Ok(connection)
        })
        .await
    }

    /// Makes a connection that diesel is not between: it tells SQLSTATEs, and copies rows in bulk.
    pub async fn writer(&self) -> Result<Client, PostgresOpenError> {
        let own = self.clone();
        self.on_runtime(async move {
            let refused = |error: tokio_postgres::Error| PostgresOpenError::of_connection(&error, own.database());
            let client = match own.tls.clone() {
                Some(tls) => {
                    let (client, connection) = own.config.connect(tls).await.map_err(refused)?;
                    // How the connection ended is told by the next query on it.
                    own.runtime.spawn(async move { drop(connection.await) });
                    client
                }
                None => {
                    let (client, connection) = own.config.connect(NoTls).await.map_err(refused)?;
                    own.runtime.spawn(async move { drop(connection.await) });
                    client
                }
            };
            client.batch_execute(SESSION).await.map_err(refused)?;
            Ok(client)
        })
        .await
    }

    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, PostgresOpenError>> + Send + 'static,
    ) -> Result<T, PostgresOpenError> {
        let stopped = |error: tokio::task::JoinError| PostgresOpenError::Unusable {
            database: self.database(),
            reason: format!("connecting to it was broken off: {error}"),
        };
        self.runtime.spawn(work).await.map_err(stopped)?
    }
}
