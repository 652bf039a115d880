//! What only PostgreSQL has: a server that refuses, ends connections or fills up, and the lease.

use std::sync::Arc;

use sealane::ports::{LedgerStore, RowCounts, StoreError};
use sealane::store::PostgresStore;
use sealane::store::postgres::{PostgresOpenError, Server};

use crate::database::Database;
use crate::ledger::{Item, Tree};
use crate::place::server;

/// Gives the test a database of its own, or skips it where there is no server.
macro_rules! database {
    () => {
        match Database::make("").await {
            Some(database) => database,
            None => return,
        }
    };
}

/// Opens a ledger, which must be refused; returns why.
async fn refusal(server: &Server) -> PostgresOpenError {
    match PostgresStore::open(server, "a test").await {
        Ok(_) => panic!("the ledger could be opened"),
        Err(error) => error,
    }
}

#[track_caller]
fn says(error: &PostgresOpenError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

/// Runs a write until it goes through, as the orderer does for those who post again, at most `tries` times.
async fn append_again(store: &dyn LedgerStore, tree: &mut Tree, tries: usize) {
    for _ in 0..tries {
        let before = tree.clone();
        let item = Item::capture(format!("at {}", tree.size()));
        match store.append(tree.block(&[item])).await {
            Ok(()) => return,
            Err(StoreError::Unavailable(_) | StoreError::Refused(_)) => *tree = before,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the store does not come back");
}

/// Reads until it succeeds. A reader of the pool may find out by its next query that its connection has ended.
async fn read_again(store: &dyn LedgerStore) -> RowCounts {
    for _ in 0..20 {
        match store.row_counts().await {
            Ok(counts) => return counts,
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("reading does not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_connect_is_told_why_and_never_the_password() {
    let database = database!();
    let url = database.url();
    PostgresStore::create(&server(&url), "a test").await.unwrap();
    let (head, host) = url.split_once('@').unwrap();
    let (user, password) = head.rsplit_once(':').unwrap();
    let wrong_password = refusal(&server(&format!("{user}:s3cret@{host}"))).await;
    assert!(matches!(wrong_password, PostgresOpenError::Refused { .. }), "{wrong_password}");
    says(&wrong_password, &["refused this user or password", "28P01", "pg_hba.conf"]);
    let no_password = refusal(&server(&format!("{user}@{host}"))).await;
    says(&no_password, &["refused this user or password", "password missing"]);
    let no_database = refusal(&server(&format!("{url}_gone"))).await;
    assert!(matches!(no_database, PostgresOpenError::NoDatabase { .. }), "{no_database}");
    says(&no_database, &["createdb"]);
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = refusal(&server(&format!("postgres://ann:s3cret@127.0.0.1:{port}/x"))).await;
    assert!(matches!(nobody, PostgresOpenError::Unreachable { .. }), "{nobody}");
    says(&nobody, &["cannot connect to the database x at 127.0.0.1", "see whether the server runs"]);
    for error in [wrong_password, no_password, no_database, nobody] {
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        assert!(!format!("{error} {error:?}").contains(password), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_as_strict_as_the_url_says() {
    let database = database!();
    let Ok(authority) = std::env::var("SEALANE_TEST_POSTGRES_CA") else { return };
    let authorities = Some(sealane::pki::tls::read_certificates(authority.as_ref()).unwrap());
    // The certificate is for localhost, by an authority that no system trusts.
    let by_name = database.url().replace("127.0.0.1", "localhost");
    let by_address = database.url();
    let asked = |url: &str, mode: &str, trusted: bool| Server {
        authorities: authorities.clone().filter(|_| trusted),
        ..server(&if mode.is_empty() { url.to_owned() } else { format!("{url}?sslmode={mode}") })
    };
    PostgresStore::create(&asked(&by_address, "disable", false), "a test").await.unwrap();
    for taken in [
        asked(&by_address, "prefer", false),
        asked(&by_address, "require", false),
        asked(&by_address, "require", true),
        asked(&by_address, "verify-ca", true),
        asked(&by_name, "verify-full", true),
        asked(&by_name, "", true),
    ] {
        let store = PostgresStore::open_snapshot(&taken).await.unwrap();
        store.ping().await.unwrap();
    }
    for refused in [
        asked(&by_name, "verify-ca", false),
        asked(&by_name, "verify-full", false),
        asked(&by_address, "verify-full", true),
        asked(&by_address, "", true),
    ] {
        let error = refusal(&refused).await;
        assert!(matches!(error, PostgresOpenError::Tls { .. }), "{error}");
        says(&error, &["no TLS with the database", "--database-ca FILE", "certificate"]);
    }
    says(&refusal(&asked(&by_name, "prefer", true)).await, &["is of no use with sslmode=prefer", "verify-full"]);
    says(&refusal(&asked(&by_name, "disable", true)).await, &["is of no use with sslmode=disable"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_of_another_version_is_told_what_to_do() {
    let database = database!();
    let missing = refusal(&server(&database.url())).await;
    assert!(matches!(missing, PostgresOpenError::Missing { .. }), "{missing}");
    assert!(matches!(
        PostgresStore::migrate(&server(&database.url()), "a test").await,
        Err(PostgresOpenError::Missing { .. })
    ));
    PostgresStore::create(&server(&database.url()), "a test").await.unwrap();
    PostgresStore::migrate(&server(&database.url()), "a test").await.unwrap();
    database.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").await;
    let newer = refusal(&server(&database.url())).await;
    assert!(matches!(newer, PostgresOpenError::Newer { .. }), "{newer}");
    says(&newer, &["migration 29990101000000", "a later one"]);
    database.sql("DELETE FROM __diesel_schema_migrations").await;
    let behind = refusal(&server(&database.url())).await;
    assert!(matches!(behind, PostgresOpenError::Behind { .. }), "{behind}");
    says(&behind, &["behind this program by 3 (2026-11-21-000001_ledger, ", "sealane init --migrate"]);
    assert!(matches!(
        PostgresStore::open_snapshot(&server(&database.url())).await,
        Err(PostgresOpenError::Behind { .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_in_another_encoding_is_refused() {
    let Some(database) = Database::make("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await else { return };
    match PostgresStore::create(&server(&database.url()), "a test").await {
        Err(error @ PostgresOpenError::Unusable { .. }) => says(&error, &["LATIN1", "createdb --encoding UTF8"]),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the ledger could be made"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_is_refused_and_told_who_is_the_first() {
    let database = database!();
    let first = PostgresStore::create(&server(&database.url()), "process 7 with --data /srv/one").await.unwrap();
    let error = refusal(&server(&database.url())).await;
    assert!(matches!(error, PostgresOpenError::Held { .. }), "{error}");
    says(
        &error,
        &["another node writes", "process 7 with --data /srv/one from 127.0.0.1, since 20", "stop that one first"],
    );
    assert!(matches!(
        PostgresStore::create(&server(&database.url()), "two").await,
        Err(PostgresOpenError::Held { .. })
    ));
    // Reading needs no lease.
    let snapshot = PostgresStore::open_snapshot(&server(&database.url())).await.unwrap();
    snapshot.ping().await.unwrap();
    let denied = snapshot.append(Tree::new().block(&[])).await;
    assert!(matches!(denied, Err(StoreError::Refused(_))), "{denied:?}");
    // Whoever stops lets go.
    drop(first);
    PostgresStore::open(&server(&database.url()), "two").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_lease_was_taken_over_cannot_commit() {
    let database = database!();
    let first = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    let mut tree = Tree::new();
    tree.append(&first, &[]).await;
    // As if the server had lost sight of the first node and given its lock away, unnoticed by that node.
    database.sql("UPDATE lease SET epoch = epoch + 1, holder = 'two'").await;
    let before = first.row_counts().await.unwrap();
    let fenced = first.append(tree.clone().block(&[Item::capture("a")])).await;
    match fenced {
        Err(StoreError::Refused(why)) => assert!(why.contains("went to another node"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(first.row_counts().await.unwrap(), before);
    let id = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
    // With the connection went the lock; since nobody holds it, the node takes the lease anew.
    first.forget_request(&id).await.unwrap();
    // Now there is another node that does hold it.
    database.cut_connections().await;
    let second = PostgresStore::open(&server(&database.url()), "two").await.unwrap();
    match first.append(tree.clone().block(&[Item::capture("a")])).await {
        Err(StoreError::Refused(why)) => assert!(why.contains("another node writes the ledger"), "{why}"),
        other => panic!("{other:?}"),
    }
    tree.append(&second, &[Item::capture("b")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_not_taken_over_in_the_middle_of_a_block() {
    let database = database!();
    let first = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    let mut tree = Tree::new();
    tree.append(&first, &[]).await;
    // The write waits for this lock with the lease's row in its hands.
    let (held, holder) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(holder);
    held.batch_execute("BEGIN; LOCK TABLE blocks IN EXCLUSIVE MODE").await.unwrap();
    let writing = tokio::spawn({
        let (first, block) = (first.clone(), tree.block(&[Item::capture("a")]));
        async move { first.append(block).await }
    });
    let url = database.url();
    let (rival, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO blocks%' \
                 AND datname = current_database()";
    while rival.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(!writing.is_finished(), "the block did not wait for its table");
    }
    rival.batch_execute("SET lock_timeout = '100ms'").await.unwrap();
    let take_over = "UPDATE lease SET epoch = epoch + 1, holder = 'two'";
    assert!(rival.batch_execute(take_over).await.is_err(), "the lease was taken from under a block");
    held.batch_execute("COMMIT").await.unwrap();
    writing.await.unwrap().unwrap();
    rival.batch_execute(take_over).await.unwrap();
    assert_eq!(first.tip().await.unwrap().unwrap().size(), tree.size());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_goes_on_after_the_server_ended_its_connections() {
    let database = database!();
    let store: Arc<dyn LedgerStore> = Arc::new(PostgresStore::create(&server(&database.url()), "one").await.unwrap());
    let mut tree = Tree::new();
    tree.append(&*store, &[]).await;
    for _ in 0..3 {
        // Several readers at once, so that several connections are cut.
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { read_again(&*store).await })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        database.cut_connections().await;
        append_again(&*store, &mut tree, 3).await;
        assert_eq!(read_again(&*store).await.leaves, tree.size().get());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_to_be_full() {
    let database = database!();
    let store = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    let mut tree = Tree::new();
    tree.append(&store, &[]).await;
    // By its SQLSTATE, in whatever language the server speaks.
    database
        .sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'Auf dem Ger\u{e4}t ist kein Speicherplatz mehr' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON records FOR EACH STATEMENT EXECUTE FUNCTION full_disk()",
        )
        .await;
    let before = store.row_counts().await.unwrap();
    let refused = store.append(tree.clone().block(&[Item::capture("a").about(&["x"])])).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert_eq!(store.row_counts().await.unwrap(), before);
    database.sql("DROP TRIGGER full_disk ON records").await;
    tree.append(&store, &[Item::capture("a").about(&["x"])]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_never_rewritten_and_a_guard_that_is_off_is_found() {
    let database = database!();
    let store = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    Tree::new().append(&store, &[Item::capture("a")]).await;
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for statement in [
        "UPDATE leaves SET content = 2",
        "DELETE FROM leaves",
        "TRUNCATE leaves",
        "UPDATE blocks SET note = ''",
        "DELETE FROM blocks",
        "TRUNCATE blocks",
        "DELETE FROM long_statements",
    ] {
        let refused = client.batch_execute(statement).await.unwrap_err();
        let said = refused.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(said.contains("is append-only"), "{statement}: {said}");
    }
    client.batch_execute("ALTER TABLE leaves DISABLE TRIGGER leaves_keep").await.unwrap();
    let faults = store.self_check().await.unwrap();
    assert_eq!(faults, ["the trigger that keeps the table leaves append-only is missing or switched off"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_durable_whatever_the_server_s_defaults_are() {
    let database = database!();
    database
        .sql(
            "DO $$ BEGIN
                 EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
                 EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''10min''', current_database());
                 EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''serializable''', current_database());
             END $$",
        )
        .await;
    let store = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    let mut tree = Tree::new();
    // What a session is set to is seen from within its own transaction.
    database
        .sql(
            "CREATE TABLE seen (setting TEXT);
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO seen VALUES (current_setting('synchronous_commit')),
                     (current_setting('transaction_isolation')), (current_setting('statement_timeout'));
                 RETURN NULL;
             END $$;
             CREATE TRIGGER see AFTER INSERT ON blocks FOR EACH STATEMENT EXECUTE FUNCTION see()",
        )
        .await;
    tree.append(&store, &[]).await;
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let seen = client.query("SELECT setting FROM seen", &[]).await.unwrap();
    let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, ["on", "read committed", "0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_certainly_did_not_take_is_told_as_that() {
    let database = database!();
    let store = PostgresStore::create(&server(&database.url()), "one").await.unwrap();
    let mut tree = Tree::new();
    tree.append(&store, &[]).await;
    store.probe_write().await.unwrap();
    let before = store.row_counts().await.unwrap();
    // At once, and at the commit.
    for timing in ["", "DEFERRABLE INITIALLY DEFERRED"] {
        for state in ["25006", "42501", "53200", "53300"] {
            let raising = format!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$;
                 CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON blocks {timing} FOR EACH ROW EXECUTE FUNCTION refuse();
                 CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON write_probe {timing}
                 FOR EACH ROW EXECUTE FUNCTION refuse();"
            );
            database.sql(&raising).await;
            for refused in [store.append(tree.clone().block(&[Item::capture("a")])).await, store.probe_write().await] {
                match refused {
                    Err(StoreError::Refused(why)) => assert!(why.contains(&format!("SQLSTATE {state}")), "{why}"),
                    other => panic!("{timing} {state}: {other:?}"),
                }
            }
            assert_eq!(store.row_counts().await.unwrap(), before, "{state}");
            database.sql("DROP TRIGGER refuse ON blocks; DROP TRIGGER refuse ON write_probe").await;
        }
    }
    // A full disk has a name of its own.
    let full = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;
                     CREATE TRIGGER refuse BEFORE INSERT ON blocks FOR EACH ROW EXECUTE FUNCTION refuse();";
    database.sql(full).await;
    assert!(matches!(store.append(tree.clone().block(&[Item::capture("a")])).await, Err(StoreError::Full)));
    database.sql("DROP TRIGGER refuse ON blocks").await;
    tree.append(&store, &[Item::capture("a")]).await;
}
