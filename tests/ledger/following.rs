//! How much is followed for one id, and that a verdict says so where that was not all.

use sealane::app::capture::capture;
use sealane::app::evidence::{gather, verdict};
use sealane::app::{Ledger, LedgerError};
use sealane::ports::LedgerStore;
use sealane_core::evidence::{Anchor, Checked, Evidence, check};
use sealane_core::gs1::Id;
use sealane_core::limits::{FOLLOWED_EVENTS_MAX, FOLLOWED_STATEMENTS_MAX};
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Policy, Verdict, Word};
use sealane_core::statement::P256;
use sealane_core::statement::SubmittedStatement;
use serde_json::{Value, json};

use crate::member::{Maker, Member};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

/// A ledger that is written to and asked.
struct Open {
    member: Member,
    maker: Maker,
    ledger: Ledger,
}

/// Statements that a node takes at once, however slow its machine is.
const AT_ONCE: usize = 32;

impl Open {
    async fn new() -> Self {
        let (member, maker) = Member::with_maker().await;
        let (orderer, ledger) = member.open().await.unwrap();
        tokio::spawn(orderer.run());
        Self { member, maker, ledger }
    }

    async fn capture_all(&self, mut statements: Vec<SubmittedStatement>) {
        while !statements.is_empty() {
            let rest = statements.split_off(statements.len().min(AT_ONCE));
            let some = std::mem::replace(&mut statements, rest);
            let capture = |statement| {
                let ledger = self.ledger.clone();
                tokio::spawn(async move { capture(&ledger, statement).await.map(drop) })
            };
            for captured in some.into_iter().map(capture).collect::<Vec<_>>() {
                captured.await.unwrap().unwrap();
            }
        }
    }

    async fn evidence(&self) -> Result<Evidence, LedgerError> {
        gather(&self.ledger, id(), None).await
    }

    async fn verdict(&self) -> Verdict {
        verdict(&self.ledger, id(), &Policy::default()).await.unwrap().0
    }

    async fn checked(&self, evidence: &Evidence) -> Checked {
        let genesis = self.member.store.leaf(LeafIndex::new(0).unwrap()).await.unwrap().unwrap();
        // A leaf is its kind and then its statement.
        check(evidence, id(), &Anchor::of_genesis(&genesis.bytes[1..], &P256).unwrap(), &P256).unwrap()
    }
}

fn id() -> Id {
    Id::parse_uri(ITEM).unwrap()
}

/// The commissioning, then an inspection each second.
fn event(n: usize) -> Value {
    let (action, step) = if n == 0 { ("ADD", "commissioning") } else { ("OBSERVE", "inspecting") };
    let (minute, second) = (n / 60, n % 60);
    json!({
        "type": "ObjectEvent",
        "eventTime": format!("2026-02-27T{:02}:{:02}:{second:02}.000Z", minute / 60, minute % 60),
        "eventTimeZoneOffset": "+00:00",
        "epcList": [ITEM],
        "action": action,
        "bizStep": step,
    })
}

fn is_limited(verdict: &Verdict) -> bool {
    verdict.reasons.iter().any(|reason| reason.rule == "limit-reached")
}

// On one thread the writer's flushes would wait for all that is verified meanwhile, and it would pass for a slow one.
#[tokio::test(flavor = "multi_thread")]
async fn up_to_a_thousand_statements_are_followed() {
    let open = Open::new().await;
    let statements = (0..FOLLOWED_STATEMENTS_MAX).map(|n| open.member.sign_all(&open.maker, vec![event(n)])).collect();
    open.capture_all(statements).await;
    let evidence = open.evidence().await.unwrap();
    assert_eq!(evidence.statements.len(), FOLLOWED_STATEMENTS_MAX);
    assert!(!open.checked(&evidence).await.history.limit_reached);
    let whole = open.verdict().await;
    assert_eq!((whole.word, is_limited(&whole)), (Word::Authentic, false), "{}", whole.summary);

    let further = open.member.sign_all(&open.maker, vec![event(FOLLOWED_STATEMENTS_MAX)]);
    open.capture_all(vec![further]).await;
    let evidence = open.evidence().await.unwrap();
    assert_eq!(evidence.statements.len(), FOLLOWED_STATEMENTS_MAX);
    let checked = open.checked(&evidence).await;
    assert!(checked.history.limit_reached);
    assert_eq!(checked.history.records.len(), FOLLOWED_STATEMENTS_MAX);
    let part = open.verdict().await;
    assert_eq!((part.word, is_limited(&part)), (Word::Incomplete, true), "{}", part.summary);
    assert_eq!(part.timeline.len(), FOLLOWED_STATEMENTS_MAX);
}

#[tokio::test]
async fn statements_are_followed_until_12_mebibytes_are_reached() {
    let open = Open::new().await;
    let statements = (0..6).map(|n| {
        let mut long = event(n);
        long["@context"] = json!({"ex": "https://ex.example/"});
        long["ex:note"] = json!("x".repeat(3_000_000));
        open.member.sign_all(&open.maker, vec![long])
    });
    let statements: Vec<_> = statements.collect();
    assert!(statements[0].compact().len() > 4_000_000);
    open.capture_all(statements).await;
    let evidence = open.evidence().await.unwrap();
    assert_eq!(evidence.statements.len(), 4);
    assert!(open.checked(&evidence).await.history.limit_reached);
    let part = open.verdict().await;
    assert!(is_limited(&part) && part.word != Word::Authentic && part.timeline.len() == 4, "{}", part.summary);
}

#[tokio::test]
async fn statements_are_followed_until_ten_thousand_events_are_reached_and_no_other_products() {
    let open = Open::new().await;
    let half = FOLLOWED_EVENTS_MAX / 2;
    let mut other = event(1);
    other["epcList"] = json!(["https://id.gs1.org/01/09506000134352/21/OTHER"]);
    let mut events: Vec<Value> = (0..half - 1).map(event).collect();
    events.push(other);
    open.capture_all(vec![open.member.sign_all(&open.maker, events)]).await;
    assert_eq!(open.verdict().await.timeline.len(), half - 1, "the other product's event is none of its own");

    let events: Vec<Value> = (half..=2 * half).map(event).collect();
    open.capture_all(vec![open.member.sign_all(&open.maker, events)]).await;
    let whole = open.verdict().await;
    assert_eq!(
        (whole.timeline.len(), is_limited(&whole)),
        (FOLLOWED_EVENTS_MAX, false),
        "exactly as many as are judged"
    );

    open.capture_all(vec![open.member.sign_all(&open.maker, vec![event(2 * half + 1)])]).await;
    let part = open.verdict().await;
    assert_eq!((part.timeline.len(), is_limited(&part)), (FOLLOWED_EVENTS_MAX, true));
    assert_eq!(part.word, Word::Incomplete, "{}", part.summary);
    let checked = open.checked(&open.evidence().await.unwrap()).await;
    assert_eq!((checked.history.records.len(), checked.history.limit_reached), (FOLLOWED_EVENTS_MAX, true));
}

/// Who asks for what takes long waits for others who do, and nobody else waits for them.
#[tokio::test]
async fn many_who_ask_at_once_are_answered_in_turn() {
    let open = Open::new().await;
    open.capture_all((0..3).map(|n| open.member.sign_all(&open.maker, vec![event(n)])).collect()).await;
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let ledger = open.ledger.clone();
            tokio::spawn(async move { verdict(&ledger, id(), &Policy::default()).await.unwrap().0.timeline.len() })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 3);
    }
}
