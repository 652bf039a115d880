//! The log of votes of a member that decides alone: it never signs a height twice, whatever copy of the ledger it is started on.

use crate::member::PROVIDER;

use sealane::app::capture::{CaptureError, capture};
use sealane::app::evidence::gather;
use sealane::app::orderer::{HEARTBEAT, OrderError};
use sealane::app::{LoadError, audit, mark_of};
use sealane::ports::{LedgerStore, Mark, VoteLog};
use sealane::store::{LogStart, SqliteStore, VOTE_LOG_FILES, VoteLogFile};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;

use crate::member::{Member, copy_in_use, lose_log, marked};

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
    let member = Member::begin().await;
    let logs = VOTE_LOG_FILES.map(|name| std::fs::read(member.dir.path().join(name)).unwrap());
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let maker = member.register(&ledger).await;
    drop(ledger);
    writer.await.unwrap();
    let height = member.store.tip().await.unwrap().unwrap().seal.height;

    // As a crash between the transaction and the log leaves it.
    for (name, log) in VOTE_LOG_FILES.iter().zip(&logs) {
        std::fs::write(member.dir.path().join(name), log).unwrap();
    }
    assert_eq!(marked(member.dir.path()), height.get() - 1);
    let (orderer, ledger) = member.open().await.unwrap();
    assert_eq!(marked(member.dir.path()), height.get());
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    assert_eq!(marked(member.dir.path()), height.get() + 1);
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn another_block_of_the_marked_height_is_refused() {
    let member = Member::begin().await;
    let tip = member.store.tip().await.unwrap().unwrap();
    let other = Mark { height: tip.seal.height.next(), round: 0, checkpoint: Hash::of(b"other") };
    let mut log = member.log();
    log.begin(other).unwrap();
    log.flush().await.unwrap();
    assert!(matches!(member.open().await.err().unwrap(), LoadError::Behind { .. }));
}

/// A log that is lost is not made again by whatever the store happens to hold: nothing is signed, not even a heartbeat.
#[tokio::test]
async fn without_a_log_nothing_is_signed() {
    let (member, maker) = Member::with_maker().await;
    lose_log(member.dir.path());
    let (orderer, ledger) = member.open().await.unwrap();
    assert!(ledger.silence().is_some() && !ledger.is_writable());
    let before = ledger.view();
    let writer = tokio::spawn(orderer.run());
    member.clock.advance(2 * HEARTBEAT.as_millis() as i64);
    let refused = capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Order(OrderError::Silent(_))), "{refused}");
    let refused = member.revoke(&ledger, &maker).await.unwrap_err();
    assert!(refused.to_string().contains("signs nothing"), "{refused}");
    // Questions are answered by the writer's task.
    let id = Id::parse_uri("https://id.gs1.org/01/09506000134352/21/A1").unwrap();
    gather(&ledger, &id, None).await.unwrap();
    assert_eq!(ledger.view().size(), before.size());
    drop(ledger);
    writer.await.unwrap();
    assert_eq!(member.store.tip().await.unwrap().unwrap(), before.tip);
    assert_eq!(VoteLogFile::read_released(member.dir.path()).unwrap(), None);

    // Once it is known that nothing else was signed, the ledger goes on.
    let start = LogStart::After(mark_of(&before.tip));
    VoteLogFile::create_again(member.dir.path(), member.kid(), &member.origin(), start).unwrap();
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}
