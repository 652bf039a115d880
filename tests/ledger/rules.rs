//! A change of the rules among four members: whose node says that it knows them, and a node that a final block outruns.

use std::sync::Arc;
use std::time::Duration;

use sealane::app::deciding::decide;
use sealane::app::orderer::OrderError;
use sealane::app::readiness::{ReadyNode, ReadyVoice};
use sealane::net::PeerNetwork;
use sealane::pki::{PrivateKey, X509Reader};
use sealane::ports::{Clock, LedgerStore, MemberSigner, PeerEvent, Peers, StoredBlock, To};
use sealane_core::agreement::{FinalBlockEnd, FinalBlockPart, Message, NodeStatus};
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Leaf, Seal};
use sealane_core::consortium::{
    Admin, Ballot, ChangeProposal, LedgerProposal, ProposalEnd, ProposedChange, Readiness, RulesChange,
};
use sealane_core::hash::Hash;
use sealane_core::ledger::Rules;
use sealane_core::merkle::{self, Frontier};
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;
use tokio::task::JoinHandle;

use crate::consortium::{Four, SOON};

const HOUR_MS: i64 = 3_600_000;

/// The first rules that the program under test does not know.
const UNKNOWN: u32 = Rules::LATEST.number() + 1;

/// A node that says what it has to say by itself, and has no new keys.
struct Alone;

impl ReadyVoice for Alone {
    fn post(&self, _: &str) -> Result<(), String> {
        Err("a member's node needs no other one".to_owned())
    }

    fn next_key(&self) -> Option<Arc<dyn MemberSigner>> {
        None
    }
}

/// Has a member's node say by itself that it is ready.
fn says_when_ready(four: &Four, at: usize) -> JoinHandle<()> {
    let signer = Arc::clone(&four.members[at].signer);
    let (node, _) = ReadyNode::new(four.ledger(at).clone(), signer, Arc::new(X509Reader), Arc::new(Alone));
    tokio::spawn(node.run())
}

/// Puts rules to the vote; two others say yes, each once its node has the proposal.
async fn voted_on(four: &Four, number: u32, not_before: Timestamp) -> StatementId {
    let changes = vec![ProposedChange::Rules(RulesChange { number, not_before })];
    let proposal = Admin::Proposal(ChangeProposal { changes, expires: four.clock.now().plus_millis(24 * HOUR_MS) });
    let proposal = decide(four.ledger(0), &X509Reader, four.members[0].signed(&proposal)).await.unwrap().id;
    for at in [1, 2] {
        until(four, at, proposal, |_| true).await;
        let ballot = Admin::Ballot(Ballot { proposal, yes: true });
        decide(four.ledger(at), &X509Reader, four.members[at].signed(&ballot)).await.unwrap();
    }
    proposal
}

/// Waits until something holds of a proposal at a node, and hands it back.
async fn until(four: &Four, at: usize, id: StatementId, holds: impl Fn(&LedgerProposal) -> bool) -> LedgerProposal {
    let found = || four.ledger(at).view().registry.proposal(&id).cloned();
    let seen = async {
        loop {
            if let Some(proposal) = found().filter(&holds) {
                return proposal;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, seen).await.unwrap_or_else(|_| panic!("{:?}", found()))
}

async fn four_connected() -> Four {
    let four = Four::start().await;
    for at in 0..4 {
        four.until_reachable(at, 4).await;
    }
    four
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_node_says_once_by_itself_that_it_knows_the_rules() {
    let four = four_connected().await;
    let now = four.clock.now();
    let _two = [says_when_ready(&four, 0), says_when_ready(&four, 1)];
    let known = voted_on(&four, Rules::LATEST.number(), now).await;
    let unknown = voted_on(&four, UNKNOWN, now).await;
    let ready = until(&four, 0, known, |proposal| proposal.ready.len() == 2).await.ready;
    let said_by = [0, 1].map(|at| four.members[at].kid());
    assert!(said_by.iter().all(|kid| ready.contains_key(kid)), "{ready:?}");
    let view = four.ledger(0).view();
    let tally = view.registry.tally(view.registry.proposal(&known).unwrap(), four.clock.now());
    assert!(tally.has_passed() && tally.members_not_ready == 1, "{tally:?}");

    // What was said does not age, and is not said again.
    four.clock.skip(Duration::from_secs(3_600));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(until(&four, 0, known, |_| true).await.ready, ready);
    // Nor does a node say that it knows rules that it does not know.
    assert!(until(&four, 0, unknown, |_| true).await.ready.is_empty());

    let _third = says_when_ready(&four, 2);
    let enacted = until(&four, 0, known, |proposal| proposal.end(four.clock.now()).is_some()).await;
    assert!(matches!(enacted.end(four.clock.now()), Some(ProposalEnd::Enacted { .. })), "{enacted:?}");
    assert!(enacted.ready.contains_key(&four.members[2].kid()));
}

/// A block after the last one of a node, by rules that its program does not know, with the signatures of some members.
async fn block_beyond(four: &Four, tip: &StoredBlock, time: Timestamp, signers: &[usize]) -> FinalBlockEnd {
    let mut tree = Frontier::new();
    for leaf in four.members[0].store.leaves(0..tip.size().get()).await.unwrap() {
        tree.push(merkle::leaf_hash(&leaf.bytes));
    }
    let seal = Seal {
        height: tip.seal.height.next(),
        time,
        previous_size: tree.size(),
        previous_root: tree.root(),
        rules: UNKNOWN,
        members_hash: tip.seal.next_members_hash,
        enacted: Vec::new(),
        ..tip.seal.clone()
    };
    tree.push(merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
    let checkpoint = Checkpoint { origin: four.members[0].origin(), size: tree.size(), root: tree.root() };
    let sign = |at: &usize| {
        let key = PrivateKey::read(&four.members[*at].dir.path().join("member-key.pem")).unwrap();
        CommitSignature::sign(key.signing_key(), seal.height, 0, &checkpoint)
    };
    let mut signatures: Vec<CommitSignature> = signers.iter().map(sign).collect();
    signatures.sort_by_key(|one| one.kid);
    let commit = Commit { height: seal.height, round: 0, signatures };
    FinalBlockEnd { seal, commit, note: tip.note.clone() }
}

/// Says by a member's connection that it is two blocks ahead of another one, and shows this block when it is asked.
async fn shows(network: &PeerNetwork, to: Hash, tip: &StoredBlock, end: FinalBlockEnd, now: Timestamp) {
    let height = tip.seal.height.next();
    let status = NodeStatus { tip: height.next(), root: Hash::of(b"root"), time: now, address: None };
    let answered = async {
        loop {
            network.say(To::One(to), &Message::Status(status.clone()));
            let event = tokio::time::timeout(Duration::from_millis(500), network.next()).await;
            let Ok(PeerEvent::Said { from, message: Message::AskBlocks { from: first } }) = event else { continue };
            if from == to && first == height {
                let part = FinalBlockPart { height, first: 0, statements: Vec::new(), end: Some(end) };
                return assert_eq!(network.say(To::One(to), &Message::Block(part)), 1);
            }
        }
    };
    tokio::time::timeout(SOON, answered).await.expect("it asks for the block");
}

/// By its clock the new rules come in an hour. A block that a quorum has signed counts more.
#[tokio::test(flavor = "multi_thread")]
async fn a_final_block_by_unknown_rules_silences_a_node_whose_clock_is_behind() {
    let mut four = four_connected().await;
    let not_before = four.clock.now().plus_millis(HOUR_MS);
    let proposal = voted_on(&four, UNKNOWN, not_before).await;
    for at in 0..3 {
        let tip = four.ledger(0).view().tip.clone();
        let ready = Admin::Ready(Readiness { proposal, height: tip.seal.height, root: tip.checkpoint.root });
        decide(four.ledger(0), &X509Reader, four.members[at].signed(&ready)).await.unwrap();
    }
    let enacted = until(&four, 0, proposal, |one| one.end(four.clock.now()).is_some()).await;
    assert!(matches!(enacted.end(four.clock.now()), Some(ProposalEnd::Enacted { .. })), "{enacted:?}");
    four.until_level(1).await;
    assert!(four.ledger(0).is_writable(), "the rules come in an hour: {:?}", four.ledger(0).obstacle());
    for at in [2, 3] {
        four.kill(at);
    }
    four.until_reachable(0, 2).await;
    let tip = four.ledger(0).view().tip.clone();
    let (node, now) = (four.members[0].kid(), four.clock.now());

    // Two of four are no quorum: whoever shows that is set aside.
    let liar = four.connect_bare(2).await;
    let lie = block_beyond(&four, &tip, not_before, &[2, 3]).await;
    shows(&liar, node, &tip, lie, now).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(four.ledger(0).silence().is_none(), "{:?}", four.ledger(0).silence());

    let honest = four.connect_bare(3).await;
    let block = block_beyond(&four, &tip, not_before, &[1, 2, 3]).await;
    shows(&honest, node, &tip, block, now).await;
    let silent = async {
        while four.ledger(0).silence().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, silent).await.unwrap_or_else(|_| panic!("{:?}", four.ledger(0).council()));
    let Some(OrderError::Silent(reason)) = four.ledger(0).silence() else { panic!("it says why") };
    let told = format!("the rules {UNKNOWN} are unknown; this program knows none after {}: install", Rules::LATEST);
    assert!(reason.contains(&told), "{reason}");
    // It reads on as far as its ledger goes, and asks for nothing more.
    assert_eq!(four.ledger(0).view().tip.seal.height, tip.seal.height);
    let asks = async {
        loop {
            if let PeerEvent::Said { from, message: Message::AskBlocks { .. } } = honest.next().await
                && from == node
            {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(2_500), asks).await.is_err(), "it asks in vain");
}
