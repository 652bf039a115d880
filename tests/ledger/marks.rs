//! The high-water mark: a member never signs a height twice, whatever copy of the ledger it is started on.

use crate::member::PROVIDER;
use std::sync::Arc;

use sealane::app::capture::{CaptureError, capture};
use sealane::app::evidence::gather;
use sealane::app::orderer::{HEARTBEAT, OrderError};
use sealane::app::{LoadError, audit, mark_of};
use sealane::ports::{LedgerStore, Mark, MemberSigner};
use sealane::store::SqliteStore;
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;

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
    audit::audit(&member.store, PROVIDER).await.unwrap();
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

/// A mark that is lost is not made again by whatever the store happens to hold: nothing is signed, not even a heartbeat.
#[tokio::test]
async fn without_a_mark_nothing_is_signed() {
    let (mut member, maker) = Member::with_maker().await;
    std::fs::remove_file(member.dir.path().join("high-water-mark")).unwrap();
    member.signer = Arc::new(member_key(member.dir.path()));
    let (orderer, ledger) = member.open().await.unwrap();
    assert!(ledger.is_restored() && !ledger.is_writable());
    let before = ledger.view();
    let writer = tokio::spawn(orderer.run());
    member.clock.advance(2 * HEARTBEAT.as_millis() as i64);
    let refused = capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Order(OrderError::Restored)), "{refused}");
    let refused = member.revoke(&ledger, &maker).await.unwrap_err();
    assert!(refused.to_string().contains("reads only"), "{refused}");
    // Questions are answered by the writer's task.
    let id = Id::parse_uri("https://id.gs1.org/01/09506000134352/21/A1").unwrap();
    gather(&ledger, &id, None).await.unwrap();
    assert_eq!(ledger.view().size(), before.size());
    drop(ledger);
    writer.await.unwrap();
    assert_eq!(member.store.tip().await.unwrap().unwrap(), before.tip);
    assert_eq!(member.signer.mark(), None);

    // Once it is known that nothing else was signed, the ledger goes on.
    member.signer.raise_mark(mark_of(&before.tip)).unwrap();
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}
