//! The high-water mark: a member never signs a height twice, whatever copy of the ledger it is started on.

use std::sync::Arc;

use sealane::app::capture::capture;
use sealane::app::{LoadError, audit};
use sealane::domain::hash::Hash;
use sealane::pki::X509Reader;
use sealane::ports::{LedgerStore, Mark, MemberSigner};
use sealane::store::SqliteStore;

use crate::member::{Member, marked, member_key};

#[tokio::test]
async fn an_older_copy_of_the_ledger_is_refused() {
    let mut member = Member::begin().await;
    let backup = member.dir.path().join("backup.sqlite");
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let maker = member.register(&ledger).await;
    copy_in_use(&member.dir.path().join("ledger.sqlite"), &backup);
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    drop(ledger);
    writer.await.unwrap();

    member.store = SqliteStore::open(&backup).unwrap();
    let refused = member.open().await.err().unwrap();
    assert!(matches!(refused, LoadError::Behind { .. }), "{refused}");
    assert!(refused.to_string().contains("older copy"), "{refused}");
}

#[tokio::test]
async fn a_block_stored_but_not_yet_marked_is_taken_up() {
    let mut member = Member::begin().await;
    let mark = std::fs::read(member.dir.path().join("high-water-mark")).unwrap();
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let maker = member.register(&ledger).await;
    drop(ledger);
    writer.await.unwrap();
    let height = member.store.tip().await.unwrap().unwrap().seal.height;

    // As a crash between the transaction and the mark leaves it.
    std::fs::write(member.dir.path().join("high-water-mark"), mark).unwrap();
    member.signer = Arc::new(member_key(member.dir.path()));
    assert_eq!(marked(&*member.signer), height.get() - 1);
    let (orderer, ledger) = member.open().await.unwrap();
    assert_eq!(marked(&*member.signer), height.get());
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    assert_eq!(marked(&*member.signer), height.get() + 1);
    audit::audit(&member.store, &X509Reader).await.unwrap();
}

#[tokio::test]
async fn another_block_of_the_marked_height_is_refused() {
    let member = Member::begin().await;
    let tip = member.store.tip().await.unwrap().unwrap();
    let other = Mark { height: tip.seal.height.next(), round: 0, checkpoint: Hash::of(b"other") };
    member.signer.raise_mark(other).unwrap();
    assert!(matches!(member.open().await.err().unwrap(), LoadError::Behind { .. }));
}

/// Copies a database that is in use, as an operator's backup would.
fn copy_in_use(from: &std::path::Path, to: &std::path::Path) {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    let mut connection = SqliteConnection::establish(from.to_str().unwrap()).unwrap();
    connection.batch_execute(&format!("VACUUM INTO '{}'", to.display())).unwrap();
}
