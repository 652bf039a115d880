//! Quotas with the real writer: what is refused stays so after a restart and in a check, and until the next UTC day.

use sealane::app::Ledger;
use sealane::app::audit;
use sealane::app::capture::{CaptureError, capture};
use sealane::app::deciding::decide;
use sealane::app::orderer::OrderError;
use sealane::pki::X509Reader;
use sealane::ports::Clock;
use sealane_core::consortium::{Admin, ChangeProposal, PolicyChange, PolicyName, ProposedChange};
use sealane_core::ledger::{PlaceRefusal, QuotaRefusal};
use serde_json::{Value, json};

use crate::member::{Applicant, Maker, Member, PROVIDER};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn set(member: &Member, ledger: &Ledger, name: PolicyName, value: Value) {
    let changes = vec![ProposedChange::Policy(PolicyChange::new(name, &value, None).unwrap())];
    let proposal = Admin::Proposal(ChangeProposal { changes, expires: member.clock.now().plus_millis(DAY_MS) });
    decide(ledger, &X509Reader, member.signed(&proposal)).await.unwrap();
}

/// Tells of an item as a stranger to it would; each time at another moment.
async fn tell(member: &Member, ledger: &Ledger, maker: &Maker, serial: &str) -> Result<(), QuotaRefusal> {
    member.clock.advance(1_000);
    let statement = member.observing(maker, serial, member.clock.now());
    match capture(ledger, statement).await {
        Ok(captured) => {
            assert!(!captured.placed.repeated);
            Ok(())
        }
        Err(CaptureError::Order(OrderError::Refused(PlaceRefusal::Quota(refusal)))) => Err(*refusal),
        Err(error) => panic!("{error}"),
    }
}

/// A ledger with two makers, of whom the first has brought four items forth, and with limits that are soon reached.
async fn with_limits() -> (Member, Maker) {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let other = member.register_as(&ledger, Applicant::with_prefix("8801234")).await.unwrap();
    set(&member, &ledger, PolicyName::ContactsPerDay, json!(3)).await;
    set(&member, &ledger, PolicyName::LeavesPerSubjectPerDay, json!({"piece": 2, "lot": 2})).await;
    for serial in ["A1", "A2", "A3", "A4"] {
        capture(&ledger, member.commissioning(&maker, serial)).await.unwrap();
    }
    drop(ledger);
    writer.await.unwrap();
    (member, other)
}

#[tokio::test]
async fn what_is_used_survives_a_restart_and_ends_with_the_day() {
    let (member, other) = with_limits().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    tell(&member, &ledger, &other, "A1").await.unwrap();
    tell(&member, &ledger, &other, "A2").await.unwrap();
    tell(&member, &ledger, &other, "A2").await.unwrap();
    drop(ledger);
    writer.await.unwrap();
    let before = audit::check(&member.store, PROVIDER, None).await.unwrap().result.unwrap().1;

    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let refusal = tell(&member, &ledger, &other, "A2").await.unwrap_err();
    assert_eq!((refusal.policy, refusal.used), (PolicyName::LeavesPerSubjectPerDay, 2));
    assert_eq!(refusal.id.as_deref(), Some("https://id.gs1.org/01/09506000134352/21/A2"));
    tell(&member, &ledger, &other, "A3").await.unwrap();
    let refusal = tell(&member, &ledger, &other, "A4").await.unwrap_err();
    assert_eq!((refusal.policy, refusal.used, refusal.asked), (PolicyName::ContactsPerDay, 3, 1));
    assert_eq!(refusal.room_from, Some("2026-03-02T00:00:00.000Z".parse().unwrap()));
    // The next day there is room, of contacts and in the list.
    member.clock.advance(DAY_MS);
    tell(&member, &ledger, &other, "A4").await.unwrap();
    tell(&member, &ledger, &other, "A2").await.unwrap();
    drop(ledger);
    writer.await.unwrap();
    // An audit counts alike, whole and from where an earlier one ended.
    let whole = audit::check(&member.store, PROVIDER, None).await.unwrap();
    let further = audit::check(&member.store, PROVIDER, Some(&before)).await.unwrap();
    assert_eq!((further.from, further.differed.clone()), (before.size(), None));
    assert_eq!(whole.result.unwrap(), further.result.unwrap());
}

#[tokio::test]
async fn statements_that_come_together_share_what_is_left() {
    let (member, other) = with_limits().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let statements: Vec<_> =
        ["A1", "A2", "A3", "A4"].iter().map(|serial| member.observing(&other, serial, member.clock.now())).collect();
    let captures: Vec<_> = statements
        .into_iter()
        .map(|statement| {
            let ledger = ledger.clone();
            tokio::spawn(async move { capture(&ledger, statement).await })
        })
        .collect();
    // All wait when the writer begins, so that they meet in one block.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let writer = tokio::spawn(orderer.run());
    let (mut taken, mut refused) = (0, 0);
    for capture in captures {
        match capture.await.unwrap() {
            Ok(_) => taken += 1,
            Err(CaptureError::Order(OrderError::Refused(PlaceRefusal::Quota(_)))) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((taken, refused), (3, 1));
    drop(ledger);
    writer.await.unwrap();
}
