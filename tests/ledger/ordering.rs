//! What is decided at a leaf's place, whatever was true when the statement arrived.

use sealane::app::capture::{CaptureError, capture};
use sealane::app::orderer::{HEARTBEAT, OrderError};
use sealane::app::{audit, receipt};
use sealane::domain::consortium::SignerRefusal;
use sealane::pki::X509Reader;

use crate::member::Member;

#[tokio::test]
async fn a_revocation_ordered_between_check_and_append_wins() {
    let (member, maker) = Member::with_maker().await;

    // The writer stands still: the revocation waits first, and the capture is checked while it still waits.
    let (orderer, ledger) = member.open().await.unwrap();
    let size_before = ledger.view().size();
    let statement = member.commissioning(&maker, "A1");
    let revocation = member.revoke(&ledger, &maker);
    let capture = async {
        while ledger.queue_depth() == 0 {
            tokio::task::yield_now().await;
        }
        capture(&ledger, statement).await
    };
    let writing = async {
        while ledger.queue_depth() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::spawn(orderer.run());
    };
    let (revoked, captured, ()) = tokio::join!(revocation, capture, writing);
    revoked.unwrap();
    let refused = captured.unwrap_err();
    assert!(matches!(refused, CaptureError::Order(OrderError::Signer(SignerRefusal::Revoked { .. }))), "{refused}");
    // The block holds the revocation and its seal, and nothing else.
    assert_eq!(ledger.view().size().get(), size_before.get() + 2);
    audit::audit(&member.store, &X509Reader).await.unwrap();
}

#[tokio::test]
async fn a_group_of_waiting_statements_shares_one_block() {
    let (member, maker) = Member::with_maker().await;

    let (orderer, ledger) = member.open().await.unwrap();
    let height = ledger.view().tip.seal.height.get();
    let captures: Vec<_> = (0..20)
        .map(|n| {
            let (ledger, statement) = (ledger.clone(), member.commissioning(&maker, &format!("S{n}")));
            tokio::spawn(async move { capture(&ledger, statement).await })
        })
        .collect();
    while ledger.queue_depth() < 20 {
        tokio::task::yield_now().await;
    }
    let _writer = tokio::spawn(orderer.run());
    for captured in captures {
        let placed = captured.await.unwrap().unwrap().placed;
        let receipt = receipt::receipt(&ledger, placed.leaf).await.unwrap().unwrap();
        assert_eq!(receipt.commit.height.get(), height + 1);
    }
}

#[tokio::test]
async fn the_same_statement_twice_in_one_group_has_one_leaf() {
    let (member, maker) = Member::with_maker().await;

    let (orderer, ledger) = member.open().await.unwrap();
    let statement = member.commissioning(&maker, "A1");
    let first = capture(&ledger, statement.clone());
    let second = capture(&ledger, statement);
    let writing = async {
        while ledger.queue_depth() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::spawn(orderer.run());
    };
    let (first, second, ()) = tokio::join!(first, second, writing);
    let (first, second) = (first.unwrap().placed, second.unwrap().placed);
    assert_eq!(first.leaf, second.leaf);
    assert_eq!([first.repeated, second.repeated].iter().filter(|repeated| **repeated).count(), 1);
}

#[tokio::test]
async fn an_idle_ledger_gets_a_block_of_a_seal_alone_after_the_heartbeat() {
    let member = Member::begin().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let before = ledger.view();
    member.clock.advance(HEARTBEAT.as_millis() as i64);
    let _writer = tokio::spawn(orderer.run());
    while ledger.view().size() == before.size() {
        tokio::task::yield_now().await;
    }
    let after = ledger.view();
    assert_eq!(after.size().get(), before.size().get() + 1);
    assert!(after.tip.seal.time > before.tip.seal.time);
    audit::audit(&member.store, &X509Reader).await.unwrap();
}

#[tokio::test]
async fn time_increases_even_when_the_clock_jumps_back() {
    let member = Member::begin().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let maker = member.register(&ledger).await;
    let before = ledger.view().tip.seal.time;
    // Within what a certificate's validity allows, since rights are judged by the block's time.
    member.clock.advance(-60_000);
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    assert_eq!(ledger.view().tip.seal.time, before.plus_millis(1));
}
