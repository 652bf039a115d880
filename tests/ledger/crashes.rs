//! Every durable step, failing or dying before and after it is done; then recovery, and what must hold after it.
//!
//! The steps are those of the crash story at the head of `src/app/orderer.rs`. A process that dies leaves its files, of
//! which a copy is taken at that very moment; the next one opens the copy.

use crate::member::PROVIDER;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use sealane::app::capture::capture;
use sealane::app::evidence::verdict;
use sealane::app::registration::{self, RegistrationError, Status};
use sealane::app::{Ledger, audit, receipt};
use sealane::pki::X509Reader;
use sealane::ports::{Clock, LedgerStore};
use sealane_core::block::Leaf;
use sealane_core::consortium::{Admin, Rejection};
use sealane_core::evidence::Receipt;
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, LeafIndex, TreeSize};
use sealane_core::provenance::{Policy, Word};
use sealane_core::statement::{StatementId, SubmittedStatement};
use tokio::task::JoinHandle;

use crate::faults::{Fault, Faults, How, Side, Step};
use crate::member::{Applicant, Maker, Member, marked};

/// Statements that share the block in which something goes wrong.
const GROUP: usize = 3;

const SIDES: [Side; 2] = [Side::Before, Side::After];
const HOWS: [How; 3] = [How::Error, How::Full, How::Death];

/// Where recovery finds a group that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nowhere,
    /// All of it, in one block.
    Whole,
}

use Found::{Nowhere, Whole};

/// One step of a block: its call, which of the calls it is, and what recovery finds when that fails before and after it
/// is done.
type Row = (Step, u32, Found, Found);

/// In the order in which they are taken. Nobody in the group has been answered at any of them.
const BLOCK: &[Row] = &[
    // The commit, then the note: shown to nobody.
    (Step::Sign, 1, Nowhere, Nowhere),
    (Step::Sign, 2, Nowhere, Nowhere),
    (Step::Append, 1, Nowhere, Whole),
    (Step::RaiseMark, 1, Whole, Whole),
    (Step::Observe, 1, Whole, Whole),
];

/// What is read to find a statement that is posted again, and to give it its receipt.
const RECEIPT: &[Step] = &[Step::Records, Step::BlocksOf, Step::Leaf, Step::Tiles];

/// What a node does to take its ledger up, at its start and after a block that could not be written.
const RECOVERY: &[Step] =
    &[Step::Tip, Step::Tiles, Step::RecordsFrom, Step::LeavesWith, Step::BlocksOf, Step::RaiseMark];

/// The steps of `init` on its ledger. The signatures are the genesis statement's, the commit's and the note's.
const GENESIS: &[Row] = &[
    (Step::Tip, 1, Nowhere, Nowhere),
    (Step::Sign, 1, Nowhere, Nowhere),
    (Step::Sign, 2, Nowhere, Nowhere),
    (Step::Sign, 3, Nowhere, Nowhere),
    (Step::Append, 1, Nowhere, Whole),
    (Step::RaiseMark, 1, Whole, Whole),
];

/// A statement that somebody holds a receipt for.
type Acknowledged = Vec<(SubmittedStatement, LeafIndex)>;

/// A statement on its way to a receipt.
type Posting = JoinHandle<Result<LeafIndex, String>>;

/// A member in whose node things go wrong, and all that was ever acknowledged.
struct Trial {
    member: Member,
    maker: Maker,
    faults: Arc<Faults>,
    acknowledged: Acknowledged,
}

impl Trial {
    /// A ledger with one block that was acknowledged before anything went wrong.
    async fn begin() -> Self {
        let (member, maker) = Member::with_maker().await;
        let faults = Faults::new(member.dir.path());
        let mut trial = Self { member, maker, faults, acknowledged: Vec::new() };
        let first = trial.member.commissioning(&trial.maker, "first");
        trial.run(vec![first], None).await;
        assert_eq!(trial.acknowledged.len(), 1);
        trial
    }

    /// The same ledger, on files of its own.
    fn copied(&self) -> Self {
        let member = self.member.copied();
        let faults = Faults::new(member.dir.path());
        Self { member, maker: self.maker.clone(), faults, acknowledged: self.acknowledged.clone() }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.member.clock) as _
    }

    fn group(&self, name: &str) -> Vec<SubmittedStatement> {
        (0..GROUP).map(|n| self.member.commissioning(&self.maker, &format!("{name}{n}"))).collect()
    }

    /// Opens the ledger, posts some statements for one block into a fault, and stops or has died; returns what was not
    /// acknowledged.
    async fn run(&mut self, statements: Vec<SubmittedStatement>, fault: Option<Fault>) -> Vec<SubmittedStatement> {
        let (orderer, ledger) = self.faults.ports(&self.member).open(self.clock()).await.unwrap();
        self.faults.arm(fault);
        let waiting = self.post(&ledger, &statements);
        settle(&ledger, &waiting).await;
        let writer = tokio::spawn(orderer.run());
        let unanswered = self.collect(statements, waiting).await;
        drop(ledger);
        // A writer that died is gone already.
        let _ = writer.await;
        unanswered
    }

    /// Posts each statement by a task of its own, which ends with the leaf on its receipt.
    fn post(&self, ledger: &Ledger, statements: &[SubmittedStatement]) -> Vec<Posting> {
        let post = |statement: &SubmittedStatement| {
            let (ledger, statement, dir) = (ledger.clone(), statement.clone(), self.member.dir.path().to_owned());
            tokio::spawn(async move {
                let captured = capture(&ledger, statement).await.map_err(|error| error.to_string())?;
                let receipt = match captured.receipt {
                    Some(receipt) => receipt.receipt,
                    None => stored_receipt(&ledger, captured.placed.leaf).await?,
                };
                assert!(marked(&dir) >= receipt.commit.height.get(), "a block is shown before it is marked");
                check_receipt(&ledger, &receipt).await;
                Ok(receipt.leaf_index)
            })
        };
        statements.iter().map(post).collect()
    }

    async fn collect(&mut self, statements: Vec<SubmittedStatement>, waiting: Vec<Posting>) -> Vec<SubmittedStatement> {
        let mut unanswered = Vec::new();
        for (statement, waiting) in statements.into_iter().zip(waiting) {
            match waiting.await {
                Ok(Ok(leaf)) => self.acknowledged.push((statement, leaf)),
                Ok(Err(_)) | Err(_) => unanswered.push(statement),
            }
        }
        unanswered
    }

    /// Starts a process on what the one that died has left, if it died.
    fn restart(&mut self) -> bool {
        let Some(wreck) = self.faults.wreck() else { return false };
        self.member = self.member.restarted_in(wreck);
        true
    }

    async fn found(&self, statements: &[SubmittedStatement]) -> Found {
        let records = self.member.store.records_from(TreeSize::ZERO.next_index(), u32::MAX, usize::MAX).await.unwrap();
        let ids: Vec<StatementId> = statements.iter().map(SubmittedStatement::id).collect();
        let found: Vec<LeafIndex> =
            records.iter().filter(|one| ids.contains(&one.record.statement())).map(|one| one.place.leaf).collect();
        let blocks = self.member.store.blocks_of(found.clone()).await.unwrap();
        assert!(blocks.windows(2).all(|pair| pair[0] == pair[1]), "a group is one block");
        match found.len() {
            0 => Nowhere,
            all if all == statements.len() => Whole,
            some => panic!("{some} of {} are on the ledger", statements.len()),
        }
    }

    /// Posts again what was not acknowledged, and then something new; all of it must be taken now.
    async fn go_on(&mut self, ledger: &Ledger, unanswered: Vec<SubmittedStatement>, found: Found) {
        let height = ledger.view().tip.seal.height;
        for statement in unanswered {
            let captured = capture(ledger, statement.clone()).await.unwrap();
            assert_eq!(captured.placed.repeated, found == Whole);
            let leaf = receipt_of(ledger, captured.placed.leaf).await.unwrap();
            self.acknowledged.push((statement, leaf));
        }
        let next = self.member.commissioning(&self.maker, &format!("after{height}"));
        let leaf = capture(ledger, next.clone()).await.unwrap().placed.leaf;
        self.acknowledged.push((next, leaf));
    }

    /// Opens the ledger anew, without faults, posts again what was not acknowledged, and checks everything.
    async fn recover(&mut self, unanswered: Vec<SubmittedStatement>, found: Found) {
        assert_eq!(self.faults.disarm().len(), 0, "a fault did not strike: its step is not taken here any more");
        let (orderer, ledger) = self.faults.ports(&self.member).open(self.clock()).await.unwrap();
        let writer = tokio::spawn(orderer.run());
        self.go_on(&ledger, unanswered, found).await;
        drop(ledger);
        writer.await.unwrap();
        self.check().await;
    }

    /// What holds after every recovery, by what is on disk now.
    async fn check(&self) {
        let member = self.member.copied();
        let (orderer, ledger) = member.open().await.unwrap();
        let tip = ledger.view().tip.clone();
        let leaves = member.store.leaves(0..u64::MAX >> 1).await.unwrap();
        assert_eq!(leaves.len() as u64, tip.size().get(), "no leaf is beyond the last block");
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| merkle::leaf_hash(&leaf.bytes)).collect();
        assert_eq!(root_of(&hashes), tip.checkpoint.root);
        audit::audit(&member.store, PROVIDER).await.unwrap();

        // Every acknowledged statement is there once, where its receipt says.
        let mut places: BTreeMap<String, Vec<LeafIndex>> = BTreeMap::new();
        for leaf in &leaves {
            if let Leaf::Statement(text) = Leaf::decode(&leaf.bytes).unwrap() {
                places.entry(text).or_default().push(leaf.index);
            }
        }
        for (statement, leaf) in &self.acknowledged {
            assert_eq!(places.get(statement.compact()), Some(&vec![*leaf]));
            assert_eq!(receipt_of(&ledger, *leaf).await.as_ref(), Ok(leaf));
        }

        // Posted again, it gets that place.
        let _writer = tokio::spawn(orderer.run());
        for (statement, leaf) in &self.acknowledged {
            let again = capture(&ledger, statement.clone()).await.unwrap().placed;
            assert_eq!((again.leaf, again.repeated), (*leaf, true));
        }
        assert_eq!(ledger.view().size(), tip.size());

        // No height was ever marked, and so shown, with two contents.
        assert_eq!(self.faults.marked_twice(), []);
    }
}

/// Waits until each task has its statement in the writer's queue, or has ended.
async fn settle<T>(ledger: &Ledger, tasks: &[JoinHandle<T>]) {
    while ledger.queue_depth() + tasks.iter().filter(|task| task.is_finished()).count() < tasks.len() {
        tokio::task::yield_now().await;
    }
}

async fn stored_receipt(ledger: &Ledger, leaf: LeafIndex) -> Result<Receipt, String> {
    let found = receipt::receipt(ledger, leaf).await.map_err(|error| error.to_string())?;
    Ok(found.ok_or("no such leaf")?.receipt)
}

/// Checks a receipt's proof against its checkpoint, which is that of its block.
async fn check_receipt(ledger: &Ledger, receipt: &Receipt) {
    let block = ledger.store().block(receipt.commit.height).await.unwrap().unwrap();
    assert_eq!((block.checkpoint.to_text(), &block.commit), (receipt.checkpoint.clone(), &receipt.commit));
    let Receipt { leaf_index, leaf_hash, inclusion_proof, .. } = receipt;
    merkle::verify_inclusion(*leaf_index, block.size(), *leaf_hash, inclusion_proof, block.checkpoint.root).unwrap();
}

/// Takes a receipt from the store, and checks it.
async fn receipt_of(ledger: &Ledger, leaf: LeafIndex) -> Result<LeafIndex, String> {
    let receipt = stored_receipt(ledger, leaf).await?;
    check_receipt(ledger, &receipt).await;
    Ok(receipt.leaf_index)
}

/// RFC 9162 §2.1.1, as it is written there.
fn root_of(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::of(b""),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            merkle::node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// Each side and way of a step's fault.
fn faults_of(step: Step, nth: u32) -> impl Iterator<Item = Fault> {
    let hows = move |side| HOWS.into_iter().map(move |how| Fault { step, nth, side, how });
    SIDES.into_iter().flat_map(hows).filter(move |fault| step.can_fail() || fault.how == How::Death)
}

fn expected(fault: &Fault, before: Found, after: Found) -> Found {
    if fault.side == Side::Before { before } else { after }
}

#[tokio::test]
async fn a_process_that_dies_at_a_step_of_a_block_loses_nothing_acknowledged() {
    let begun = Trial::begin().await;
    for (step, nth, before, after) in BLOCK.iter().copied() {
        for fault in faults_of(step, nth).filter(|fault| fault.how == How::Death) {
            let mut trial = begun.copied();
            let unanswered = trial.run(trial.group("G"), Some(fault)).await;
            assert_eq!(unanswered.len(), GROUP, "{fault:?}: nobody was answered");
            assert!(trial.restart(), "{fault:?}: the process goes on");
            let found = trial.found(&unanswered).await;
            assert_eq!(found, expected(&fault, before, after), "{fault:?}");
            trial.recover(unanswered, found).await;
        }
    }
}

#[tokio::test]
async fn a_node_whose_step_fails_goes_on_by_itself() {
    let begun = Trial::begin().await;
    for (step, nth, before, after) in BLOCK.iter().copied() {
        for fault in faults_of(step, nth).filter(|fault| fault.how != How::Death) {
            let mut trial = begun.copied();
            let (orderer, ledger) = trial.faults.ports(&trial.member).open(trial.clock()).await.unwrap();
            trial.faults.arm([fault]);
            let group = trial.group("G");
            let waiting = trial.post(&ledger, &group);
            settle(&ledger, &waiting).await;
            let writer = tokio::spawn(orderer.run());
            let unanswered = trial.collect(group, waiting).await;
            assert_eq!(unanswered.len(), GROUP, "{fault:?}: everybody heard of it");
            let found = trial.found(&unanswered).await;
            assert_eq!(found, expected(&fault, before, after), "{fault:?}");
            trial.go_on(&ledger, unanswered, found).await;
            drop(ledger);
            writer.await.unwrap();
            trial.recover(Vec::new(), found).await;
        }
    }
}

#[tokio::test]
async fn what_was_known_is_known_while_a_node_recovers() {
    let trial = Trial::begin().await;
    let (orderer, ledger) = trial.faults.ports(&trial.member).open(trial.clock()).await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    let id = Id::parse("https://id.gs1.org/01/09506000134352/21/first").unwrap();
    let word = async || verdict(&ledger, &id, &Policy::default()).await.unwrap().0.word;
    let before = word().await;
    assert_ne!(before, Word::Unknown);
    // The block fails, and then what the node reads to recover.
    let failing = |step| Fault { step, nth: 1, side: Side::Before, how: How::Error };
    trial.faults.arm([Step::Append, Step::RecordsFrom].map(failing));
    for name in ["a", "b"] {
        capture(&ledger, trial.member.commissioning(&trial.maker, name)).await.unwrap_err();
        assert_eq!(word().await, before, "after {name}");
    }
    assert_eq!(trial.faults.disarm().len(), 0);
    capture(&ledger, trial.member.commissioning(&trial.maker, "c")).await.unwrap();
    assert_eq!(word().await, before);
}

#[tokio::test]
async fn a_receipt_that_cannot_be_read_is_there_the_next_time() {
    let mut begun = Trial::begin().await;
    assert!(begun.run(begun.group("G"), None).await.is_empty());
    for fault in RECEIPT.iter().flat_map(|step| faults_of(*step, 1)) {
        let mut trial = begun.copied();
        let held = trial.acknowledged.clone();
        let unanswered = trial.run(trial.group("G"), Some(fault)).await;
        assert!(!unanswered.is_empty(), "{fault:?}");
        assert_eq!(trial.restart(), fault.how == How::Death, "{fault:?}");
        assert!(trial.acknowledged.iter().all(|one| held.contains(one)), "{fault:?}: another receipt");
        trial.recover(unanswered, Whole).await;
    }
}

#[tokio::test]
async fn recovery_can_fail_or_die_and_be_begun_again() {
    // What a death between the transaction and the mark leaves: the most that recovery has to do.
    let mut begun = Trial::begin().await;
    let fault = Fault { step: Step::RaiseMark, nth: 1, side: Side::Before, how: How::Death };
    let unanswered = begun.run(begun.group("G"), Some(fault)).await;
    assert!(begun.restart());
    for fault in RECOVERY.iter().flat_map(|step| faults_of(*step, 1)) {
        let mut trial = begun.copied();
        trial.faults.arm([fault]);
        let opening = trial.faults.ports(&trial.member).open(trial.clock());
        let opened = tokio::spawn(async move { opening.await.map(drop) }).await;
        assert!(!matches!(opened, Ok(Ok(()))), "{fault:?}: the ledger was opened");
        assert_eq!(trial.restart(), fault.how == How::Death, "{fault:?}");
        trial.recover(unanswered.clone(), Whole).await;
    }
}

#[tokio::test]
async fn recovery_in_a_running_node_can_fail_and_is_tried_again() {
    let begun = Trial::begin().await;
    let in_doubt = Fault { step: Step::Append, nth: 1, side: Side::After, how: How::Error };
    for fault in RECOVERY.iter().flat_map(|step| faults_of(*step, 1)) {
        let mut trial = begun.copied();
        let (orderer, ledger) = trial.faults.ports(&trial.member).open(trial.clock()).await.unwrap();
        trial.faults.arm([in_doubt, fault]);
        let group = trial.group("G");
        let waiting = trial.post(&ledger, &group);
        settle(&ledger, &waiting).await;
        let writer = tokio::spawn(orderer.run());
        let in_doubt = trial.collect(group, waiting).await;
        assert_eq!(in_doubt.len(), GROUP, "{fault:?}");
        // The next one meets the second fault, unless the writer has by itself: it does not wait for long to try again.
        let next = vec![trial.member.commissioning(&trial.maker, "next")];
        let waiting = trial.post(&ledger, &next);
        let next = trial.collect(next, waiting).await;
        drop(ledger);
        let _ = writer.await;
        assert_eq!(trial.restart(), fault.how == How::Death, "{fault:?}");
        assert_eq!((trial.found(&in_doubt).await, trial.found(&next).await), (Whole, Nowhere), "{fault:?}");
        trial.recover(in_doubt, Whole).await;
        trial.recover(next, Nowhere).await;
    }
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_full() {
    let trial = Trial::begin().await;
    let (orderer, ledger) = trial.faults.ports(&trial.member).open(trial.clock()).await.unwrap();
    let _writer = tokio::spawn(orderer.run());
    trial.faults.arm([Fault { step: Step::Append, nth: 1, side: Side::Before, how: How::Full }]);
    let statement = trial.member.commissioning(&trial.maker, "G");
    let refused = capture(&ledger, statement.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the disk that holds the ledger is full; nothing was written");
    // What is there is read meanwhile.
    let (first, leaf) = &trial.acknowledged[0];
    assert_eq!(capture(&ledger, first.clone()).await.unwrap().placed.leaf, *leaf);
    receipt_of(&ledger, *leaf).await.unwrap();
    capture(&ledger, statement).await.unwrap();
}

/// A mark that cannot be written, as on a disk of its own that is full: the block is stored, and must not be shown.
#[tokio::test]
async fn nothing_is_acknowledged_before_its_height_is_marked() {
    let begun = Trial::begin().await;
    let unwritable = [Fault { step: Step::RaiseMark, nth: 1, side: Side::Before, how: How::Full }; 100];
    for decides in [false, true] {
        let mut trial = begun.copied();
        let (orderer, ledger) = trial.faults.ports(&trial.member).open(trial.clock()).await.unwrap();
        let writer = tokio::spawn(orderer.run());
        let applicant = Applicant::with_prefix("9521000");
        applicant.ask(&ledger).await.unwrap();
        let (statement, approval) = (trial.group("G").remove(0), trial.member.approval(&applicant).admin);
        let (decision, size) = (trial.member.signed(&approval), ledger.view().size());
        trial.faults.arm(unwritable);
        for _ in 0..3 {
            if decides {
                let decided = registration::decide(&ledger, &X509Reader, &applicant.id, decision.clone()).await;
                assert!(matches!(decided, Err(RegistrationError::Order(_))), "{decided:?}");
            } else {
                let waiting = trial.post(&ledger, std::slice::from_ref(&statement));
                assert_eq!(trial.collect(vec![statement.clone()], waiting).await.len(), 1);
            }
            assert_eq!(ledger.view().size(), size);
        }
        let tip = trial.member.store.tip().await.unwrap().unwrap();
        assert_eq!(tip.seal.height.get(), marked(trial.member.dir.path()) + 1, "the block is there, and unmarked");
        trial.faults.disarm();
        let found = if decides { Nowhere } else { Whole };
        trial.go_on(&ledger, vec![statement], found).await;
        let decided = registration::decide(&ledger, &X509Reader, &applicant.id, decision).await.unwrap();
        assert_eq!(decided.unwrap().repeated, decides);
        drop(ledger);
        writer.await.unwrap();
        trial.check().await;
    }
}

#[tokio::test]
async fn a_genesis_that_is_cut_short_is_begun_again_or_taken_up() {
    for (step, nth, before, after) in GENESIS.iter().copied() {
        for fault in faults_of(step, nth) {
            let mut member = Member::prepare();
            let faults = Faults::new(member.dir.path());
            faults.arm([fault]);
            let ports = faults.ports(&member);
            let begun =
                tokio::spawn(member.write_genesis_through(ports.clone(), Arc::new(ports.clone()), ports.log())).await;
            assert!(!matches!(begun, Ok(Ok(()))), "{fault:?}: it was begun");
            assert_eq!(faults.disarm().len(), 0, "{fault:?}: it did not strike");
            if let Some(wreck) = faults.wreck() {
                member = member.restarted_in(wreck);
            }
            let found = if member.store.tip().await.unwrap().is_some() { Whole } else { Nowhere };
            assert_eq!(found, expected(&fault, before, after), "{fault:?}");
            match found {
                Nowhere => {
                    assert!(member.open().await.is_err(), "{fault:?}: a ledger without a block was opened");
                    member.write_genesis().await.unwrap();
                }
                Whole => {
                    let refused = member.write_genesis().await.unwrap_err();
                    assert_eq!(refused.to_string(), "there is a ledger here already");
                }
            }
            let (orderer, ledger) = member.open().await.unwrap();
            let _writer = tokio::spawn(orderer.run());
            let maker = member.register(&ledger).await;
            capture(&ledger, member.commissioning(&maker, "A1")).await.unwrap();
            audit::audit(&member.store, PROVIDER).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_and_its_approval_are_each_whole_or_absent() {
    let begun = Member::begin().await;
    for step in [Step::AddRequest, Step::Append, Step::RaiseMark, Step::ForgetRequest] {
        for fault in faults_of(step, 1) {
            let mut member = begun.copied();
            let faults = Faults::new(member.dir.path());
            let applicant = Arc::new(Applicant::new());
            let approval = member.approval(&applicant).admin;
            let decision = member.signed(&approval);
            let (orderer, ledger) = faults.ports(&member).open(Arc::clone(&member.clock) as _).await.unwrap();
            let writer = tokio::spawn(orderer.run());
            faults.arm([fault]);
            let (asked, decided) = ask_and_decide(&ledger, &applicant, &decision).await;
            drop(ledger);
            let _ = writer.await;
            assert_eq!(faults.disarm().len(), 0, "{fault:?}: it did not strike");
            if let Some(wreck) = faults.wreck() {
                member = member.restarted_in(wreck);
            }

            let (orderer, ledger) = member.open().await.unwrap();
            let _writer = tokio::spawn(orderer.run());
            let status = registration::find(&ledger, &applicant.id).await.unwrap().map(|listed| listed.status);
            match (asked, decided) {
                (_, true) => assert_eq!(status, Some(Status::Active), "{fault:?}: an acknowledged approval"),
                (true, _) => assert!(status.is_some(), "{fault:?}: an acknowledged request"),
                _ => assert_ne!(status, Some(Status::Active), "{fault:?}: approved without being asked"),
            }
            // Both are tried again by whoever got no answer.
            match applicant.ask(&ledger).await {
                Ok(()) => assert_eq!(status, None, "{fault:?}"),
                Err(RegistrationError::Waiting { waiting }) => assert_eq!(waiting, applicant.id, "{fault:?}"),
                Err(RegistrationError::Conflict(_)) => assert_eq!(status, Some(Status::Active), "{fault:?}"),
                Err(other) => panic!("{fault:?}: {other}"),
            }
            let placed = registration::decide(&ledger, &X509Reader, &applicant.id, decision.clone()).await.unwrap();
            assert_eq!(placed.unwrap().repeated, status == Some(Status::Active), "{fault:?}");
            let listed = registration::list(&ledger, None, None, 10).await.unwrap().listed;
            assert_eq!(listed.iter().map(|one| one.status).collect::<Vec<_>>(), [Status::Active], "{fault:?}");
            audit::audit(&member.store, PROVIDER).await.unwrap();
        }
    }
}

/// Asks to be registered and decides on it; tells of which of the two there was an answer.
async fn ask_and_decide(ledger: &Ledger, applicant: &Arc<Applicant>, decision: &SubmittedStatement) -> (bool, bool) {
    let asking = {
        let (ledger, applicant) = (ledger.clone(), Arc::clone(applicant));
        tokio::spawn(async move { applicant.ask(&ledger).await })
    };
    let asked = matches!(asking.await, Ok(Ok(())));
    let deciding = {
        let (ledger, id, decision) = (ledger.clone(), applicant.id, decision.clone());
        tokio::spawn(async move { registration::decide(&ledger, &X509Reader, &id, decision).await })
    };
    (asked, matches!(deciding.await, Ok(Ok(_))))
}

#[tokio::test]
async fn a_rejection_is_whole_or_absent() {
    let begun = Member::begin().await;
    for fault in faults_of(Step::RejectRequest, 1) {
        let mut member = begun.copied();
        let faults = Faults::new(member.dir.path());
        let applicant = Arc::new(Applicant::new());
        let key = applicant.key.public().thumbprint();
        let reason = "not known here".to_owned();
        let rejection = Admin::Rejection(Rejection { participant: applicant.id, key, reason });
        let decision = member.signed(&rejection);
        let (_orderer, ledger) = faults.ports(&member).open(Arc::clone(&member.clock) as _).await.unwrap();
        faults.arm([fault]);
        assert_eq!(ask_and_decide(&ledger, &applicant, &decision).await, (true, false), "{fault:?}");
        if let Some(wreck) = faults.wreck() {
            member = member.restarted_in(wreck);
        }
        let (_orderer, ledger) = member.open().await.unwrap();
        let again = registration::decide(&ledger, &X509Reader, &applicant.id, decision).await;
        match fault.side {
            Side::Before => assert!(again.unwrap().is_none(), "{fault:?}"),
            Side::After => assert!(matches!(again, Err(RegistrationError::NothingWaits { .. })), "{fault:?}"),
        }
        let listed = registration::find(&ledger, &applicant.id).await.unwrap().unwrap();
        assert_eq!(listed.status, Status::Rejected, "{fault:?}");
    }
}

/// Some faults, one after the other, and how many statements meet them.
fn any_faults() -> impl Strategy<Value = Vec<Fault>> {
    let steps = BLOCK.iter().map(|(step, ..)| *step).chain(RECEIPT.iter().chain(RECOVERY).copied());
    let step = prop::sample::select(steps.collect::<Vec<_>>());
    let fault = (step, 1..5u32, prop::sample::select(&SIDES[..]), prop::sample::select(&HOWS[..]));
    let fault = fault.prop_map(|(step, nth, side, how)| {
        let how = if step.can_fail() { how } else { How::Death };
        Fault { step, nth, side, how }
    });
    prop::collection::vec(fault, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// A node that meets several faults in each of several lives.
    #[test]
    fn whatever_goes_wrong_nothing_acknowledged_is_lost(lives in prop::collection::vec(any_faults(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut trial = Trial::begin().await;
            let mut unanswered = Vec::new();
            for (life, faults) in lives.into_iter().enumerate() {
                trial.faults.arm(faults);
                let opening = trial.faults.ports(&trial.member).open(trial.clock());
                if let Ok(Ok((orderer, ledger))) = tokio::spawn(opening).await {
                    let writer = tokio::spawn(orderer.run());
                    for round in 0..3 {
                        // What got no answer is posted again beside what is new.
                        unanswered.extend(trial.group(&format!("L{life}R{round}S")));
                        let waiting = trial.post(&ledger, &unanswered);
                        unanswered = trial.collect(unanswered, waiting).await;
                    }
                    drop(ledger);
                    let _ = writer.await;
                }
                trial.faults.disarm();
                trial.restart();
                trial.check().await;
            }
            let (orderer, ledger) = trial.member.open().await.unwrap();
            let _writer = tokio::spawn(orderer.run());
            let waiting = trial.post(&ledger, &unanswered);
            assert!(trial.collect(unanswered, waiting).await.is_empty());
            trial.check().await;
        });
    }
}
