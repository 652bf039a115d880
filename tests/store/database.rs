//! A PostgreSQL database for one test, gone when the test ends.

use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

/// Names the server, and a user of it who may create databases.
const VARIABLE: &str = "SEALANE_TEST_POSTGRES";

/// A database on the test server.
pub struct Database {
    /// The server's own URL, whose database is not the test's.
    url: String,
    name: String,
}

impl Database {
    /// Makes a database, with further words for CREATE DATABASE; `None` where there is no server, which is said once.
    pub async fn make(options: &str) -> Option<Self> {
        static SAID: Once = Once::new();
        static MADE: AtomicU32 = AtomicU32::new(0);
        let Ok(url) = std::env::var(VARIABLE) else {
            // Past the test harness, which keeps what passing tests print to itself.
            SAID.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "NOT TESTED: PostgreSQL. {VARIABLE} names no server; scripts/with-postgres COMMAND starts one."
                );
            });
            return None;
        };
        let name = format!("sealane_test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let database = Self { url, name };
        let create = format!("CREATE DATABASE {} {options}", database.name);
        connect(&database.url).await.batch_execute(&create).await.unwrap();
        Some(database)
    }

    /// The database's URL, with another part changed by the caller where it wants to be refused.
    pub fn url(&self) -> String {
        let (server, _) = self.url.rsplit_once('/').expect("a URL ends with /DATABASE");
        format!("{server}/{}", self.name)
    }

    /// Runs statements in the database, past the store.
    pub async fn sql(&self, statements: &str) {
        connect(&self.url()).await.batch_execute(statements).await.unwrap();
    }

    /// Ends every connection to the database from the server's side, as its restart does.
    pub async fn cut_connections(&self) {
        let cut =
            format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        connect(&self.url).await.batch_execute(&cut).await.unwrap();
    }

    /// Lets nobody in from now on, as if the server were away, or everybody again.
    #[allow(dead_code, reason = "the tests of the gateway alone use it")]
    pub async fn let_in(&self, is_so: bool) {
        let allow = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {is_so}", self.name);
        connect(&self.url).await.batch_execute(&allow).await.unwrap();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        // A test's own runtime is busy with dropping this.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            runtime.block_on(async { connect(&url).await.batch_execute(&drop).await })
        });
        let dropped = dropped.join();
        if !std::thread::panicking() {
            dropped.expect("the database could be dropped").expect("the database could be dropped");
        }
    }
}
