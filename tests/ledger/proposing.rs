//! A block that this member proposes, and that is not decided yet. The agreement is a script; the rest is the product.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sealane::app::Ledger;
use sealane::app::capture::{CaptureError, Captured, capture};
use sealane::app::orderer::{BlockObserver, Consensus, NoFaults, OrderError, Orderer, SeenWords, WriterStanding};
use sealane::pki::{MemberKey, X509Reader};
use sealane::ports::{Act, Agreement, AgreementError, Clock, MemberSigner, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane::signatures::AwsLc;
use sealane_core::agreement::{Hello, Logged, Message, NodeStatus, Said, Timer, ValueId, Vote, VoteKind};
use sealane_core::block::{Commit, CommitSignature, Height, MemberSet, Origin};
use sealane_core::hash::Hash;
use sealane_core::ledger::PlaceRefusal;
use sealane_core::statement::{Signature, SubmittedStatement};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Interval, interval, sleep, timeout};

use crate::member::Member;

/// How long anything may take, of a time that passes only while there is nothing to do.
const SOON: Duration = Duration::from_secs(60);

/// What the agreement does when it hears something.
#[derive(Debug, Clone, Copy)]
enum Step {
    Build,
    Nothing,
    Decide,
}

#[derive(Default)]
struct Script {
    /// Else each block is built and decided at once.
    is_stepwise: bool,
    steps: VecDeque<Step>,
    steps_done: usize,
    height: Option<Height>,
    proposed: Option<ValueId>,
}

/// Says what the script has.
struct Scripted {
    script: Arc<Mutex<Script>>,
    origin: Origin,
    keys: Vec<Arc<MemberKey>>,
}

impl Scripted {
    fn decide(&self, script: &Script) -> Vec<Act> {
        let (Some(height), Some(value)) = (script.height, script.proposed) else { panic!("nothing is proposed") };
        let sign = |key: &Arc<MemberKey>| {
            let (signer, signature) = (key.public_key().thumbprint(), Signature::from_bytes([0; 64]));
            let vote = Vote { kind: VoteKind::Precommit, height, round: 0, value: Some(value), signer, signature };
            CommitSignature::es256(signer, key.sign(&vote.signed_bytes(&self.origin)))
        };
        let commit = Commit { height, round: 0, signatures: self.keys.iter().map(sign).collect() };
        vec![Act::Decide { value, commit }]
    }
}

impl Agreement for Scripted {
    fn stand(&mut self, _: Height, _: &MemberSet) -> Vec<Act> {
        Vec::new()
    }

    fn begin(&mut self, height: Height, _: &MemberSet, _: Vec<Logged>) -> Result<Vec<Act>, AgreementError> {
        let mut script = self.script.lock().unwrap();
        script.height = Some(height);
        Ok(if script.is_stepwise { Vec::new() } else { vec![Act::Build { round: 0 }] })
    }

    fn hear(&mut self, _: Hash, _: Said) -> Result<Vec<Act>, AgreementError> {
        let mut script = self.script.lock().unwrap();
        script.steps_done += 1;
        Ok(match script.steps.pop_front() {
            Some(Step::Build) => vec![Act::Build { round: 0 }],
            Some(Step::Decide) => self.decide(&script),
            Some(Step::Nothing) | None => Vec::new(),
        })
    }

    fn time_out(&mut self, _: Timer) -> Result<Vec<Act>, AgreementError> {
        Ok(Vec::new())
    }

    fn propose(&mut self, _: u32, value: ValueId) -> Result<Vec<Act>, AgreementError> {
        let mut script = self.script.lock().unwrap();
        script.proposed = Some(value);
        Ok(if script.is_stepwise { Vec::new() } else { self.decide(&script) })
    }

    fn check(&mut self, _: u32, _: ValueId, _: bool) -> Result<Vec<Act>, AgreementError> {
        Ok(Vec::new())
    }

    fn greet(&mut self, _: Hash) -> Result<Vec<Act>, AgreementError> {
        Ok(Vec::new())
    }

    fn reach(&mut self, _: BTreeSet<Hash>) -> Result<Vec<Act>, AgreementError> {
        Ok(Vec::new())
    }
}

/// Another member that says twice a second where it stands, and what the test has it say.
struct OtherMember {
    kid: Hash,
    clock: Arc<dyn Clock>,
    events: AsyncMutex<(mpsc::UnboundedReceiver<PeerEvent>, Interval)>,
}

#[async_trait]
impl Peers for OtherMember {
    fn say(&self, _: To, _: &Message) -> usize {
        0
    }

    async fn next(&self) -> PeerEvent {
        let mut events = self.events.lock().await;
        let (events, ticks) = &mut *events;
        tokio::select! {
            Some(event) = events.recv() => event,
            _ = ticks.tick() => {
                let status =
                    NodeStatus { tip: Height::GENESIS, root: Hash::of(b""), time: self.clock.now(), address: None };
                PeerEvent::Said { from: self.kid, message: Message::Status(status) }
            }
        }
    }

    fn standing(&self) -> Vec<PeerStanding> {
        Vec::new()
    }

    fn admit(&self, _: Roster) {}
}

/// Keeps how the writer stands.
#[derive(Default)]
struct Standing(Mutex<Option<WriterStanding>>);

impl BlockObserver for Standing {
    fn block_written(&self, _: usize, _: usize, _: Duration) {}

    fn writer_stands(&self, standing: WriterStanding) {
        *self.0.lock().unwrap() = Some(standing);
    }
}

struct Two {
    member: Member,
    other: Hash,
    ledger: Ledger,
    script: Arc<Mutex<Script>>,
    standing: Arc<Standing>,
    events: mpsc::UnboundedSender<PeerEvent>,
}

impl Two {
    async fn start() -> Self {
        let mut members = Member::found(2).await;
        let keys = members.iter().map(|one| Arc::clone(&one.signer)).collect();
        let other = members.remove(1).signer.public_key().thumbprint();
        let member = members.remove(0);
        let (script, standing) = (Arc::new(Mutex::new(Script::default())), Arc::new(Standing::default()));
        let (events, receiver) = mpsc::unbounded_channel();
        let ticks = interval(Duration::from_millis(500));
        let clock = Arc::clone(&member.clock) as Arc<dyn Clock>;
        let peers = OtherMember { kid: other, clock: Arc::clone(&clock), events: AsyncMutex::new((receiver, ticks)) };
        let scripted = Scripted { script: Arc::clone(&script), origin: member.origin(), keys };
        let consensus = Consensus {
            agreement: Box::new(move |_| Box::new(scripted)),
            log: Box::new(member.log()),
            peers: Arc::new(peers),
            words: Arc::new(SeenWords::default()),
            faults: Arc::new(NoFaults),
            certificates: Arc::new(X509Reader),
        };
        let signer = Arc::clone(&member.signer) as Arc<dyn MemberSigner>;
        let (store, observer) = (Arc::new(member.store.clone()), Arc::clone(&standing) as _);
        let opened = Orderer::open(store, clock, signer, Arc::new(AwsLc), observer, consensus).await;
        let (orderer, ledger) = opened.unwrap();
        tokio::spawn(orderer.run());
        let hello = Hello { version: 1, origin: member.origin(), rules: 1, run: 1, last: None };
        events.send(PeerEvent::Connected { from: other, hello }).unwrap();
        let two = Self { member, other, ledger, script, standing, events };
        two.until("two can be reached", |two| two.ledger.obstacle().is_none()).await;
        two
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let held = async {
            while !holds(self) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(SOON, held).await.unwrap_or_else(|_| panic!("it did not happen: {what}"));
    }

    /// Has the agreement take a step, and lets all that follows from it happen.
    async fn step(&self, step: Step) {
        let done = self.script.lock().unwrap().steps_done;
        self.script.lock().unwrap().steps.push_back(step);
        let (signer, signature) = (self.other, Signature::from_bytes([0; 64]));
        let vote = Vote { kind: VoteKind::Prevote, height: Height::GENESIS, round: 0, value: None, signer, signature };
        let message = Message::Said(Said::Vote(vote));
        self.events.send(PeerEvent::Said { from: self.other, message }).unwrap();
        self.until("a step", |two| two.script.lock().unwrap().steps_done > done).await;
        // Time passes only once nothing else is left to do.
        sleep(Duration::from_millis(10)).await;
    }

    fn post(&self, statement: SubmittedStatement) -> JoinHandle<Result<Captured, CaptureError>> {
        let ledger = self.ledger.clone();
        tokio::spawn(async move { capture(&ledger, statement).await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_is_refused_once_what_stands_against_it_is_final_and_not_before() {
    let two = Two::start().await;
    let maker = two.member.register(&two.ledger).await;
    two.script.lock().unwrap().is_stepwise = true;
    let time = two.member.clock.now();
    // One eventID with two contents: one of them may stand.
    let posts = ["storing", "holding"].map(|step| two.post(two.member.stepping_at(&maker, "E", step, time)));
    let both = |two: &Two| two.standing.0.lock().unwrap().is_some_and(|one| one.pool_statements == 2);
    two.until("both wait", both).await;
    // The next height begins some milliseconds after the last one has.
    sleep(Duration::from_millis(50)).await;
    let before = two.script.lock().unwrap().proposed;
    two.step(Step::Build).await;
    two.until("a block is proposed", |two| two.script.lock().unwrap().proposed != before).await;
    two.step(Step::Nothing).await;
    // The members may decide on a block that has the other one.
    assert!(posts.iter().all(|post| !post.is_finished()) && both(&two), "an answer by a block that is not final");
    two.step(Step::Decide).await;
    let mut answers = Vec::new();
    for post in posts {
        answers.push(timeout(SOON, post).await.unwrap().unwrap());
    }
    answers.sort_by_key(Result::is_err);
    let [Ok(captured), Err(CaptureError::Order(OrderError::Refused(PlaceRefusal::Conflict(conflict))))] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(conflict.first, Some(captured.placed.leaf), "it is told where the other one stands");
}
