//! A node that has fallen silent signs nothing more, whatever the others do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sealane::app::capture::{CaptureError, capture};
use sealane::app::deciding::decide;
use sealane::app::orderer::{Consensus, OrderError, Orderer};
use sealane::pki::X509Reader;
use sealane::ports::{Clock, MemberSigner, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane::signatures::AwsLc;
use sealane_core::agreement::{Hello, Message, NodeStatus, PROTOCOL_VERSION, Said, Vote, VoteKind};
use sealane_core::block::Height;
use sealane_core::consortium::{Admin, ChangeProposal, ProposedChange, Readiness, RulesChange};
use sealane_core::hash::Hash;
use sealane_core::ledger::Rules;
use sealane_core::statement::Signature;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::member::{Member, Unobserved};

/// The first rules that the program under test does not know.
const UNKNOWN: u32 = Rules::LATEST.number() + 1;

/// Other members' nodes, of which the test says what they do, and which keep what they are told.
pub struct Told {
    events: AsyncMutex<mpsc::UnboundedReceiver<PeerEvent>>,
    heard: Mutex<Vec<Message>>,
    /// Who may connect, as this node has said it last.
    pub roster: Mutex<Option<Roster>>,
}

impl Told {
    pub fn new(events: mpsc::UnboundedReceiver<PeerEvent>) -> Arc<Self> {
        let events = AsyncMutex::new(events);
        Arc::new(Self { events, heard: Mutex::default(), roster: Mutex::default() })
    }
}

#[async_trait]
impl Peers for Told {
    fn say(&self, _: To, message: &Message) -> usize {
        self.heard.lock().unwrap().push(message.clone());
        3
    }

    async fn next(&self) -> PeerEvent {
        match self.events.lock().await.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    fn standing(&self) -> Vec<PeerStanding> {
        Vec::new()
    }

    fn admit(&self, roster: Roster) {
        *self.roster.lock().unwrap() = Some(roster);
    }
}

/// A vote that no block be made in the first round of the first height.
fn nil_vote(by: &Member) -> Message {
    let signature = Signature::from_bytes([0; 64]);
    let (height, kind) = (Height::new(1).unwrap(), VoteKind::Prevote);
    let mut vote = Vote { kind, height, round: 0, value: None, signer: by.kid(), signature };
    vote.signature = by.signer.sign(&vote.signed_bytes(&by.origin()));
    Message::Said(Said::Vote(vote))
}

/// Lets the others begin a height, and the member whose turn it is go away. Hands back what the first member has said then.
async fn said_when_the_proposer_goes(two_nodes_run: bool) -> Vec<Said> {
    let members = Member::found(4).await;
    let (event, events) = mpsc::unbounded_channel();
    let told = Told::new(events);
    let consensus = Consensus { peers: Arc::clone(&told) as _, ..members[0].consensus() };
    let (store, clock) = (Arc::new(members[0].store.clone()), Arc::clone(&members[0].clock));
    let signer = Arc::clone(&members[0].signer);
    let opened = Orderer::open(store, clock.clone() as _, signer, Arc::new(AwsLc), Arc::new(Unobserved), consensus);
    let (orderer, ledger) = opened.await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let status = |root| NodeStatus { tip: Height::GENESIS, root, time: clock.now(), address: None };
    for other in &members[1..] {
        let hello = Hello { version: PROTOCOL_VERSION, origin: other.origin(), rules: 1, run: 1, last: None };
        event.send(PeerEvent::Connected { from: other.kid(), hello }).unwrap();
        let message = Message::Status(status(Hash::of(b"not looked at")));
        event.send(PeerEvent::Said { from: other.kid(), message }).unwrap();
    }
    for other in &members[2..] {
        event.send(PeerEvent::Said { from: other.kid(), message: nil_vote(other) }).unwrap();
    }
    // Height 1 has begun, and member 1 has a second to propose.
    tokio::time::sleep(Duration::from_millis(300)).await;
    if two_nodes_run {
        let tls_keys = [Hash::of(b"one"), Hash::of(b"other")];
        event.send(PeerEvent::Twins { kid: members[0].kid(), tls_keys, told_by: None }).unwrap();
    }
    event.send(PeerEvent::Disconnected { from: members[1].kid() }).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(ledger.silence().is_some(), two_nodes_run);
    drop(ledger);
    writer.await.unwrap();
    let heard = std::mem::take(&mut *told.heard.lock().unwrap());
    heard.into_iter().filter_map(|message| if let Message::Said(said) = message { Some(said) } else { None }).collect()
}

#[tokio::test]
async fn who_comes_and_goes_makes_no_silent_member_vote() {
    let said = said_when_the_proposer_goes(false).await;
    assert!(matches!(said.first(), Some(Said::Vote(Vote { value: None, .. }))), "it votes for none: {said:?}");
    assert_eq!(said_when_the_proposer_goes(true).await, []);
}

#[tokio::test]
async fn a_program_that_does_not_know_the_rules_to_come_reads_only_and_says_so() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    let now = member.clock.now();
    let rules = RulesChange { number: UNKNOWN, not_before: now.plus_millis(60_000) };
    let proposal = ChangeProposal { changes: vec![ProposedChange::Rules(rules)], expires: now.plus_millis(3_600_000) };
    let proposal = decide(&ledger, &X509Reader, member.signed(&Admin::Proposal(proposal))).await.unwrap().id;
    // Another program of this member has said it.
    let tip = ledger.view().tip.clone();
    let ready = Readiness { proposal, height: tip.seal.height, root: tip.checkpoint.root };
    decide(&ledger, &X509Reader, member.signed(&Admin::Ready(ready))).await.unwrap();
    capture(&ledger, member.commissioning(&maker, "S1")).await.unwrap();
    assert!(ledger.silence().is_none(), "the rules are to come in a minute");
    let last = ledger.view().tip.seal.height;
    member.clock.advance(56_000);
    let refused = capture(&ledger, member.commissioning(&maker, "S2")).await;
    let Err(CaptureError::Order(OrderError::Silent(reason))) = refused else { panic!("{refused:?}") };
    let told = format!("the rules {UNKNOWN} are unknown; this program knows none after {}: install", Rules::LATEST);
    assert!(reason.contains(&told), "{reason}");
    assert!(matches!(ledger.silence(), Some(OrderError::Silent(found)) if found == reason));
    assert_eq!(ledger.view().tip.seal.height, last);
    drop(ledger);
    writer.await.unwrap();
    // Started again it reads, and says so at once.
    member.clock.advance(10_000);
    let (orderer, ledger) = member.open().await.unwrap();
    assert!(matches!(ledger.silence(), Some(OrderError::Silent(found)) if found == reason));
    let writer = tokio::spawn(orderer.run());
    let refused = capture(&ledger, member.commissioning(&maker, "S2")).await;
    assert!(matches!(refused, Err(CaptureError::Order(OrderError::Silent(found))) if found == reason));
    assert!(ledger.store().block(last).await.unwrap().is_some());
    drop(ledger);
    writer.await.unwrap();
}
