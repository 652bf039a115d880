//! A clock that jumps: back, far ahead, and back again.

use crate::member::PROVIDER;
use sealane::app::capture::{CaptureError, capture};
use sealane::app::orderer::{HEARTBEAT, OrderError};
use sealane::app::registration::{self, RegistrationError};
use sealane::app::{Ledger, audit};
use sealane::ports::{Clock, LedgerStore};
use sealane_core::consortium::SignerRefusal;
use sealane_core::gs1::Id;
use sealane_core::ledger::PlaceRefusal;
use sealane_core::provenance::{Policy, Word};
use sealane_core::time::Timestamp;

use crate::member::{Applicant, Member};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
const YEAR_MS: i64 = 365 * DAY_MS;

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

fn block_time(ledger: &Ledger) -> Timestamp {
    ledger.view().tip.seal.time
}

/// The verdict's word about an item, and whether its answer counts as too old.
async fn verdict(ledger: &Ledger) -> (Word, bool) {
    let id = Id::parse(ITEM).unwrap();
    let (verdict, _) = sealane::app::evidence::verdict(ledger, &id, &Policy::default()).await.unwrap();
    let stale = verdict.reasons.iter().any(|reason| reason.rule == "answer-too-old");
    (verdict.word, stale)
}

#[tokio::test]
async fn block_times_increase_whatever_the_clock_does() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let mut last = block_time(&ledger);
    let jumps = [0, -1, -HOUR_MS, 40 * DAY_MS, -40 * DAY_MS, -YEAR_MS, 0, YEAR_MS, 41 * DAY_MS, -7, 1];
    for (n, jump) in jumps.into_iter().enumerate() {
        member.clock.advance(jump);
        // Signed at the time that its block gets: the statement's own time is no reason to refuse it.
        let iat = ledger.now().max(last);
        let event = member.observing_at(&maker, &format!("J{n}"), iat.plus_millis(-HOUR_MS), iat);
        capture(&ledger, event).await.unwrap();
        let time = block_time(&ledger);
        assert_eq!(time, ledger.now().max(last.plus_millis(1)), "jump {n}");
        last = time;
    }
    audit::audit(&member.store, PROVIDER).await.unwrap();

    // A restart changes nothing about it.
    member.clock.advance(-2 * YEAR_MS);
    let again = member.copied();
    let (orderer, ledger) = again.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, again.observing_at(&maker, "again", last.plus_millis(-HOUR_MS), last)).await.unwrap();
    assert_eq!(block_time(&ledger), last.plus_millis(1));
    audit::audit(&again.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_stands_years_behind_goes_on_from_the_last_block_and_refuses_what_is_signed_later() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let statement = member.commissioning(&maker, "A1");
    let applicant = Applicant::with_prefix("9521000");
    member.clock.advance(-3 * YEAR_MS);

    // The ledger's time stands at the last block's: what was signed by then is taken.
    let last = block_time(&ledger);
    capture(&ledger, statement.clone()).await.unwrap();
    assert_eq!(block_time(&ledger), last.plus_millis(1));

    // What a right clock signs an hour later is not, and the refusal says both times.
    let later: Timestamp = last.plus_millis(HOUR_MS);
    let refused = capture(&ledger, member.observing_at(&maker, "A1", last, later)).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Refused(PlaceRefusal::IssuedAhead { .. })), "{refused}");
    let says = refused.to_string();
    let block = block_time(&ledger);
    assert!(says.contains(&later.to_string()[..19]) && says.contains(&block.to_string()), "{says}");

    // So does an event's own time.
    let ahead = member.observing_at(&maker, "A1", last.plus_millis(25 * HOUR_MS), last);
    let refused = capture(&ledger, ahead).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Refused(PlaceRefusal::EventAhead { .. })), "{refused}");
    let says = refused.to_string();
    assert!(says.contains("2026-03-02T09:00:00.001Z") && says.contains(&block.to_string()), "{says}");

    // What the wrong clock itself signs is years old by the ledger's time.
    let refused = capture(&ledger, member.observing(&maker, "A1", last)).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Refused(PlaceRefusal::IssuedLongAgo { .. })), "{refused}");
    assert!(refused.to_string().contains("2023-03-02T08:00:00.000Z"), "{refused}");

    // By that clock the member's own authority has not begun.
    applicant.ask(&ledger).await.unwrap();
    let says = member.validity().unwrap_err().to_string();
    assert!(says.contains("begins at 2026-03-01T07:55:00.000Z only") && says.contains("is the clock right?"), "{says}");

    // A right clock again, and all of it goes on.
    member.clock.advance(3 * YEAR_MS);
    assert!(capture(&ledger, statement).await.unwrap().placed.repeated);
    capture(&ledger, member.observing(&maker, "A1", last)).await.unwrap();
    // What was asked three years ago, by the two clocks, waits no more.
    applicant.ask(&ledger).await.unwrap();
    let approval = member.approval(&applicant).admin;
    member.decide(&ledger, &applicant.id, approval).await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn a_block_made_far_ahead_binds_every_later_one() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    assert_eq!(verdict(&ledger).await, (Word::Authentic, false));

    // The clock jumps ahead for as long as it takes to make one block: here, the seal of an idle ledger.
    let right = ledger.now();
    member.clock.advance(3 * YEAR_MS);
    let other = Applicant::with_prefix("9521000");
    other.ask(&ledger).await.unwrap();
    member.decide(&ledger, &other.id, member.approval(&other).admin).await.unwrap();
    let ahead = block_time(&ledger);
    assert_eq!(ahead, right.plus_millis(3 * YEAR_MS));
    member.clock.advance(-3 * YEAR_MS);

    // An answer as of years ahead is no fresh one.
    assert_eq!(verdict(&ledger).await, (Word::Incomplete, true));

    // By the ledger's time the certificate is over: the refusal says which time that is.
    let refused = capture(&ledger, member.commissioning(&maker, "A2")).await.unwrap_err();
    assert!(matches!(refused, CaptureError::Refused(PlaceRefusal::Signer(SignerRefusal::Expired { .. }))), "{refused}");
    let says = refused.to_string();
    assert!(says.contains("the ledger's time, 2029-02-28T08:00:00"), "{says}");

    // What the right clock signs now is too old by the ledger's time, a decision of the member too.
    let late = Applicant::with_prefix("9522000");
    late.ask(&ledger).await.unwrap();
    let refused = member.decide(&ledger, &late.id, member.approval(&late).admin).await.unwrap_err();
    assert!(matches!(refused, RegistrationError::Refused(PlaceRefusal::IssuedLongAgo { .. })), "{refused}");
    assert!(refused.to_string().contains("2029-02-28T08:00:00"), "{refused}");
    let refused = member.revoke(&ledger, &maker).await.unwrap_err();
    assert!(matches!(refused, RegistrationError::Refused(PlaceRefusal::IssuedLongAgo { .. })), "{refused}");

    // What was captured keeps its place.
    assert!(capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap().placed.repeated);
    assert_eq!(block_time(&ledger), ahead);
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn requests_wait_on_through_a_clock_set_back() {
    let member = Member::begin().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let applicant = Applicant::new();
    applicant.ask(&ledger).await.unwrap();
    member.clock.advance(-YEAR_MS);
    assert!(registration::find(&ledger, &applicant.id).await.unwrap().is_some());
    member.clock.advance(YEAR_MS + registration::REQUEST_AGE_MS_MAX);
    assert!(registration::find(&ledger, &applicant.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_clock_at_the_ends_of_time_stops_nothing() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    for time in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"] {
        let time: Timestamp = time.parse().unwrap();
        member.clock.advance(time.millis_since(ledger.now()));
        let before = ledger.view().size();
        let statement = member.observing(&maker, "E1", ledger.now().plus_millis(-HOUR_MS));
        // Taken or refused; the writer lives on either way.
        let _ = capture(&ledger, statement).await;
        assert!(ledger.is_writable() && ledger.view().size() >= before, "{time}");
        verdict(&ledger).await;
        Applicant::with_prefix("9522000").ask(&ledger).await.ok();
    }
    drop(ledger);
    writer.await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn while_a_clock_is_400_days_ahead_nothing_is_written_and_all_is_read() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let first = member.commissioning(&maker, "A1");
    capture(&ledger, first.clone()).await.unwrap();
    let before = ledger.view().tip.clone();
    let [right, waiting, late] = ["9521000", "9522000", "9523000"].map(Applicant::with_prefix);
    waiting.ask(&ledger).await.unwrap();
    let approval = member.approval(&waiting).admin;
    let statement = member.commissioning(&maker, "A2");

    member.clock.jump(400 * DAY_MS);
    let now = ledger.now();
    let told = |refused: OrderError| match refused {
        OrderError::Clock(jump) => {
            assert_eq!((jump.last, jump.now), (before.seal.time, now));
            let says = jump.to_string();
            assert!(says.contains("--accept-clock") && says.contains(&now.to_string()), "{says}");
        }
        other => panic!("{other}"),
    };
    match capture(&ledger, statement.clone()).await {
        // Not that the certificate has expired, which it has by that clock.
        Err(CaptureError::Order(refused)) => told(refused),
        other => panic!("{other:?}"),
    }
    match member.decide(&ledger, &waiting.id, approval.clone()).await {
        Err(RegistrationError::Order(refused)) => told(refused),
        other => panic!("{other:?}"),
    }
    match late.ask(&ledger).await {
        Err(RegistrationError::Order(refused)) => told(refused),
        other => panic!("{other:?}"),
    }
    assert!(!ledger.is_writable());
    told(ledger.obstacle().unwrap());
    // What stands keeps its receipt, and products are judged.
    assert!(capture(&ledger, first).await.unwrap().placed.repeated);
    verdict(&ledger).await;

    // The clock is right again, and what waited goes on waiting.
    member.clock.jump(-400 * DAY_MS);
    assert!(ledger.is_writable());
    assert_eq!(ledger.view().tip, before, "not even a heartbeat was made");
    member.decide(&ledger, &waiting.id, approval).await.unwrap();
    capture(&ledger, statement).await.unwrap();
    assert!(block_time(&ledger).millis_since(before.seal.time) < HOUR_MS);
    right.ask(&ledger).await.unwrap();
    drop(ledger);
    writer.await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

/// An idle node, whose heartbeat is due by the clock that jumped.
#[tokio::test(start_paused = true)]
async fn an_idle_node_makes_no_heartbeat_by_a_clock_that_jumped() {
    let member = Member::begin().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let before = ledger.view().tip.clone();
    member.clock.jump(400 * DAY_MS);
    let _writer = tokio::spawn(orderer.run());
    // Time that tests make up: many of the writer's pauses.
    tokio::time::sleep(10 * HEARTBEAT).await;
    assert_eq!(ledger.view().tip, before);
    assert_eq!(member.store.tip().await.unwrap().as_ref(), Some(&before));
    // Where it is right again, the next heartbeat comes by itself.
    member.clock.jump(-400 * DAY_MS);
    member.clock.advance(i64::try_from(HEARTBEAT.as_millis()).unwrap());
    let began = std::time::Instant::now();
    while ledger.view().size() == before.size() {
        assert!(began.elapsed().as_secs() < 60, "no heartbeat");
        tokio::time::sleep(HEARTBEAT).await;
    }
    assert!(block_time(&ledger).millis_since(before.seal.time) < HOUR_MS);
}

#[tokio::test]
async fn after_a_week_without_a_block_a_node_writes_on_the_operators_word_alone() {
    let (member, maker) = Member::with_maker().await;
    let last = member.store.tip().await.unwrap().unwrap().seal.time;
    // A week, to the millisecond, is no pause that asks for a word.
    member.clock.advance(last.plus_millis(7 * DAY_MS).millis_since(member.clock.now()));
    let (_orderer, ledger) = member.open().await.unwrap();
    assert!(ledger.is_writable());
    member.clock.advance(1);
    let (orderer, ledger) = member.open().await.unwrap();
    match ledger.obstacle() {
        Some(OrderError::Clock(jump)) => {
            assert_eq!((jump.last, jump.now, jump.since_start), (last, ledger.now(), None))
        }
        other => panic!("{other:?}"),
    }
    let other = orderer.accepting_clock(ledger.now().plus_millis(-DAY_MS)).err().unwrap().to_string();
    assert!(other.contains("5 minutes") && other.contains(&ledger.now().to_string()), "{other}");
    let (orderer, ledger) = member.open().await.unwrap();
    let orderer = orderer.accepting_clock(ledger.now().plus_millis(-60_000)).unwrap();
    let writer = tokio::spawn(orderer.run());
    capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
    assert_eq!(block_time(&ledger), ledger.now());
    drop(ledger);
    writer.await.unwrap();
    // Once.
    let (_orderer, ledger) = member.open().await.unwrap();
    assert!(ledger.is_writable());
}
