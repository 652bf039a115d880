//! What is decided at a leaf's place, whatever was true when the statement arrived.

use crate::member::PROVIDER;
use sealane_core::ledger::PlaceRefusal;
use std::num::NonZeroU32;

use sealane::app::capture::{CaptureError, Captured, capture};
use sealane::app::orderer::{HEARTBEAT, OrderError};
use sealane::app::{Ledger, audit, receipt};
use sealane_core::consortium::SignerRefusal;
use sealane_core::statement::SubmittedStatement;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::member::Member;

const HOUR_MS: i64 = 60 * 60 * 1000;

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
    assert!(
        matches!(
            refused,
            CaptureError::Order(OrderError::Refused(PlaceRefusal::Signer(SignerRefusal::Revoked { .. })))
        ),
        "{refused}"
    );
    // The block holds the revocation and its seal, and nothing else.
    assert_eq!(ledger.view().size().get(), size_before.get() + 2);
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn an_event_a_day_ahead_of_its_block_gets_no_place() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let size_before = ledger.view().size();
    let at = |time: &str| {
        member.sign_all(
            &maker,
            vec![serde_json::json!({
                "type": "ObjectEvent",
                "eventTime": time,
                "eventTimeZoneOffset": "+00:00",
                "epcList": ["https://id.gs1.org/01/09506000134352/21/A1"],
                "action": "OBSERVE",
                "bizStep": "storing",
            })],
        )
    };
    // Both are no more than a day ahead of the clock when they arrive; then the clock is set back.
    member.clock.advance(2 * HOUR_MS);
    let begins = ledger.now();
    let back = 4 * 60 * 1000;
    let day = 24 * HOUR_MS;
    let (kept, ahead) = (begins.plus_millis(day - back), begins.plus_millis(day - back + 1));
    let writing = async {
        while ledger.queue_depth() < 2 {
            tokio::task::yield_now().await;
        }
        member.clock.advance(-back);
        tokio::spawn(orderer.run());
    };
    let (kept, ahead, ()) =
        tokio::join!(capture(&ledger, at(&kept.to_string())), capture(&ledger, at(&ahead.to_string())), writing);
    let block = ledger.view().tip.seal.time;
    assert_eq!(block, begins.plus_millis(-back), "the clock as it was set back");
    kept.unwrap();
    let refused = ahead.unwrap_err();
    assert!(
        matches!(refused, CaptureError::Order(OrderError::Refused(PlaceRefusal::EventAhead { position: 0, block_time, .. })) if block_time == block),
        "{refused}"
    );
    assert_eq!(ledger.view().size().get(), size_before.get() + 2);
    audit::audit(&member.store, PROVIDER).await.unwrap();
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
        let captured = captured.await.unwrap().unwrap();
        let stored = receipt::receipt(&ledger, captured.placed.leaf).await.unwrap().unwrap();
        assert_eq!(stored.receipt.commit.height.get(), height + 1);
        let at_hand = captured.receipt.unwrap();
        assert_eq!(at_hand.time, stored.time);
        assert_eq!(json!(at_hand.receipt), json!(stored.receipt), "from memory and from the store");
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
    audit::audit(&member.store, PROVIDER).await.unwrap();
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

/// Events of one eventID: each a business step, and whether it declares an error.
fn under_one_id(given: &[(&str, bool)]) -> Vec<serde_json::Value> {
    let event = |(step, declares): &(&str, bool)| {
        let mut event = serde_json::json!({
            "type": "ObjectEvent",
            "eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10",
            "eventTime": "2026-02-28T08:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": ["https://id.gs1.org/01/09506000134352/21/A1"],
            "action": "OBSERVE",
            "bizStep": step,
        });
        if *declares {
            event["errorDeclaration"] = serde_json::json!({"declarationTime": "2026-03-01T08:00:00.000Z"});
        }
        event
    };
    given.iter().map(event).collect()
}

#[tokio::test]
async fn whatever_is_captured_about_one_event_id_passes_the_audit() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let steps = [("storing", false), ("storing", true), ("holding", false), ("holding", true)];
    let mut captured = 0;
    // Every document of one or two of these, one after the other on one ledger.
    for first in steps {
        for second in [None].into_iter().chain(steps.into_iter().map(Some)) {
            let events = under_one_id(&[Some(first), second].into_iter().flatten().collect::<Vec<_>>());
            let statement = member.sign_all(&maker, events);
            match capture(&ledger, statement).await {
                Ok(_) => captured += 1,
                Err(error) => assert!(
                    matches!(
                        error,
                        CaptureError::Order(OrderError::Refused(
                            PlaceRefusal::Conflict(_) | PlaceRefusal::Repeats { .. }
                        ))
                    ),
                    "{error}"
                ),
            }
            audit::audit(&member.store, PROVIDER).await.unwrap();
        }
    }
    assert_eq!(
        captured, 11,
        "what is stored first stands; holding contradicts it, the same alone repeats it, declarations do neither"
    );
}

#[tokio::test]
async fn a_declaration_with_nothing_to_correct_does_not_take_the_event_id() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.sign_all(&maker, under_one_id(&[("storing", true)]))).await.unwrap();
    capture(&ledger, member.sign_all(&maker, under_one_id(&[("holding", false)]))).await.unwrap();
    let refused = capture(&ledger, member.sign_all(&maker, under_one_id(&[("storing", false)]))).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Order(OrderError::Refused(PlaceRefusal::Conflict(_)))), "{refused}");
}

#[tokio::test]
async fn a_slow_writer_takes_on_what_it_can_do_soon_and_sends_the_rest_away() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.at_most(NonZeroU32::new(500).unwrap()).run());
    for n in 0..3 {
        // What one statement costs shows in blocks of one and of more.
        let several =
            (0..=n * 14).map(|m| capture_spawned(&ledger, member.commissioning(&maker, &format!("W{n}.{m}"))));
        for captured in several.collect::<Vec<_>>() {
            captured.await.unwrap().unwrap();
        }
    }
    let (_, most) = ledger.captures_under_way();
    assert!(most < 150, "{most} may be under way where 18 ms are 9 statements");

    let statements: Vec<_> = (0..most + 50).map(|n| member.commissioning(&maker, &format!("S{n}"))).collect();
    let captures: Vec<_> = statements.into_iter().map(|statement| capture_spawned(&ledger, statement)).collect();
    let (mut taken, mut refused) = (0, 0);
    for captured in captures {
        match captured.await.unwrap() {
            Ok(_) => taken += 1,
            Err(CaptureError::Order(OrderError::Busy)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(taken >= most && refused > 0, "{taken} taken, {refused} refused");
    assert_eq!(ledger.captures_under_way().0, 0);
    capture(&ledger, member.commissioning(&maker, "again")).await.unwrap();
    drop(ledger);
    writer.await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

fn capture_spawned(ledger: &Ledger, statement: SubmittedStatement) -> JoinHandle<Result<Captured, CaptureError>> {
    let ledger = ledger.clone();
    tokio::spawn(async move { capture(&ledger, statement).await })
}
