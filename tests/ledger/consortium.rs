//! Several members on real sockets, each with a store of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use diesel::SqliteConnection;
use diesel::connection::{Connection, SimpleConnection};
use sealane::app::capture::{CaptureError, Captured, capture};
use sealane::app::orderer::{Consensus, HEARTBEAT, OrderError, Orderer, SeenWords};
use sealane::app::{Ledger, audit, deciding, mark_of};
use sealane::bft::MalachiteAgreement;
use sealane::net::{NetSetup, NetTimes, PeerNetwork};
use sealane::pki::{NodeTls, X509Reader};
use sealane::ports::{Clock, LedgerStore, MemberSigner, Patience, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane::signatures::AwsLc;
use sealane::store::{AddressFile, FaultFile, LogStart, SqliteStore, VoteLogFile};
use sealane_core::agreement::Message;
use sealane_core::block::Leaf;
use sealane_core::consortium::{Admin, Ballot, ChangeProposal, Endorsement, ProposedChange, RemoveMember};
use sealane_core::hash::Hash;
use sealane_core::merkle;
use sealane_core::time::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::member::{LEDGER_FILE, Maker, Member, PROVIDER, Unobserved, copy_in_use, lose_log};

/// How long anything may take.
pub const SOON: Duration = Duration::from_secs(30);

/// The machine's time, and what a test lets pass beside it.
pub struct MachineClock {
    began: std::time::Instant,
    skipped_ms: AtomicU64,
}

impl MachineClock {
    /// Lets time pass at once.
    pub fn skip(&self, time: Duration) {
        self.skipped_ms.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        // The members' ledger begins on 2026-03-01; from there on time passes as it does.
        let start: Timestamp = "2026-03-01T08:00:01Z".parse().unwrap();
        start.plus_millis(i64::try_from(self.passed().as_millis()).unwrap())
    }

    fn passed(&self) -> Duration {
        self.began.elapsed() + Duration::from_millis(self.skipped_ms.load(Ordering::SeqCst))
    }
}

/// The network, and what is asked for in it: of whom, and the statement's leaf.
struct Overheard {
    network: Arc<PeerNetwork>,
    asked: Asked,
}

type Asked = Arc<Mutex<Vec<(Hash, Hash)>>>;

#[async_trait]
impl Peers for Overheard {
    fn say(&self, to: To, message: &Message) -> usize {
        if let (To::One(to), Message::AskStatements { leaves, .. }) = (to, message) {
            self.asked.lock().unwrap().extend(leaves.iter().map(|leaf| (to, *leaf)));
        }
        self.network.say(to, message)
    }

    async fn next(&self) -> PeerEvent {
        self.network.next().await
    }

    fn standing(&self) -> Vec<PeerStanding> {
        self.network.standing()
    }

    fn admit(&self, roster: Roster) {
        self.network.admit(roster);
    }
}

pub struct Running {
    ledger: Ledger,
    writer: JoinHandle<()>,
    network: Arc<PeerNetwork>,
}

pub struct Four {
    pub members: Vec<Member>,
    addresses: BTreeMap<Hash, String>,
    pub clock: Arc<MachineClock>,
    running: Vec<Option<Running>>,
    asked: Asked,
    between: Between,
}

/// What stands between a member's node and its connections.
type Between = Box<dyn Fn(usize, &Member, Arc<PeerNetwork>) -> Option<Arc<dyn Peers>> + Send + Sync>;

impl Four {
    pub async fn start() -> Self {
        Self::start_with(Box::new(|_, _, _| None)).await
    }

    /// Four members of whom some talk through something of the test's.
    pub async fn start_with(between: Between) -> Self {
        let members = Member::found(4).await;
        let mut listeners = Vec::new();
        let mut addresses = BTreeMap::new();
        for member in &members {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.insert(member.signer.public_key().thumbprint(), listener.local_addr().unwrap().to_string());
            listeners.push(listener);
        }
        let clock = Arc::new(MachineClock { began: std::time::Instant::now(), skipped_ms: AtomicU64::new(0) });
        let running = members.iter().map(|_| None).collect();
        let mut four = Self { members, addresses, clock, running, asked: Asked::default(), between };
        for (at, listener) in listeners.into_iter().enumerate() {
            four.run(at, listener).await;
        }
        four
    }

    /// Starts all four, and waits until each sees the others.
    async fn connected() -> Self {
        let four = Self::start().await;
        for at in 0..4 {
            four.until_reachable(at, 4).await;
        }
        four
    }

    /// The connections of a member.
    async fn connect(&self, at: usize, listener: TcpListener, words: &Arc<SeenWords>) -> Arc<PeerNetwork> {
        let member = &self.members[at];
        let kid = member.signer.public_key().thumbprint();
        let roster = Roster::of_members(Arc::new(member.set().await));
        let setup = NetSetup {
            origin: member.origin(),
            roster,
            signer: Arc::clone(&member.signer) as _,
            verifier: Arc::new(AwsLc),
            certificates: Arc::new(NodeTls::open(Arc::clone(&member.signer), member.dir.path()).unwrap()),
            clock: Arc::clone(&self.clock) as _,
            last_words: Arc::clone(words) as _,
            keeper: Arc::new(AddressFile::in_dir(member.dir.path())),
            own_address: None,
            overrides: self.addresses.iter().filter(|(one, _)| **one != kid).map(|(k, a)| (*k, a.clone())).collect(),
            times: NetTimes { redial_max: Duration::from_millis(300), ..NetTimes::default() },
        };
        Arc::new(PeerNetwork::start(setup, Some(listener)).unwrap())
    }

    async fn run(&mut self, at: usize, listener: TcpListener) {
        let words = Arc::new(SeenWords::default());
        let network = self.connect(at, listener, &words).await;
        let member = &self.members[at];
        let kid = member.signer.public_key().thumbprint();
        let own =
            || Arc::new(Overheard { network: Arc::clone(&network), asked: Arc::clone(&self.asked) }) as Arc<dyn Peers>;
        let peers = (self.between)(at, member, Arc::clone(&network)).unwrap_or_else(own);
        let signer = Arc::clone(&member.signer);
        let consensus = Consensus {
            agreement: Box::new(move |origin| {
                Box::new(MalachiteAgreement::new(origin.clone(), signer, Arc::new(AwsLc), Patience::default()))
            }),
            log: Box::new(VoteLogFile::open(member.dir.path(), kid, &member.origin()).unwrap()),
            peers,
            words,
            faults: Arc::new(FaultFile::in_dir(member.dir.path())),
            certificates: Arc::new(X509Reader),
        };
        let (store, clock) = (Arc::new(member.store.clone()), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let signer = Arc::clone(&member.signer) as Arc<dyn MemberSigner>;
        let opened = Orderer::open(store, clock, signer, Arc::new(AwsLc), Arc::new(Unobserved), consensus).await;
        let (orderer, ledger) = opened.unwrap();
        self.running[at] = Some(Running { ledger, writer: tokio::spawn(orderer.run()), network });
    }

    /// Starts a node again that was ended, where the others expect it.
    pub async fn restart(&mut self, at: usize) {
        let listener = self.listen_again(at).await;
        self.run(at, listener).await;
    }

    /// Connects a member that was ended, with nobody behind the connections but the test.
    pub async fn connect_bare(&self, at: usize) -> Arc<PeerNetwork> {
        let listener = self.listen_again(at).await;
        self.connect(at, listener, &Arc::default()).await
    }

    async fn listen_again(&self, at: usize) -> TcpListener {
        let kid = self.members[at].signer.public_key().thumbprint();
        let address = self.addresses[&kid].clone();
        let bound = async {
            loop {
                match TcpListener::bind(&address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::time::timeout(SOON, bound).await.unwrap()
    }

    /// Ends a node without warning.
    pub fn kill(&mut self, at: usize) {
        let Running { writer, network, .. } = self.running[at].take().unwrap();
        writer.abort();
        drop(network);
    }

    pub fn ledger(&self, at: usize) -> &Ledger {
        &self.running[at].as_ref().unwrap().ledger
    }

    /// Waits until a node sees so many members.
    pub async fn until_reachable(&self, at: usize, count: usize) {
        let ledger = self.ledger(at);
        let seen = async {
            while ledger.council().members.iter().filter(|one| one.reachable).count() != count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, seen).await.unwrap_or_else(|_| panic!("{:?}", ledger.council()));
    }

    /// Waits until all that run have the same last block as the one that is furthest, at this height at the least.
    pub async fn until_level(&self, height: u64) {
        let views = || self.running.iter().flatten().map(|one| one.ledger.view().tip.clone()).collect::<Vec<_>>();
        let level = async {
            loop {
                let tips = views();
                let all_there = tips.iter().all(|tip| tip.seal.height.get() >= height);
                if all_there && tips.windows(2).all(|two| two[0].checkpoint == two[1].checkpoint) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, level).await.unwrap_or_else(|_| panic!("not level: {:?}", views()));
    }

    /// Registers a maker at one member, and has another one endorse it.
    pub async fn register(&self, at: usize) -> Maker {
        let maker = self.members[at].register(self.ledger(at)).await;
        let endorsement = Admin::Endorsement(Endorsement { registration: maker.id });
        let signed = self.members[(at + 1) % 4].signed(&endorsement);
        deciding::decide(self.ledger(at), &X509Reader, signed).await.unwrap();
        maker
    }

    pub async fn post(&self, at: usize, maker: &Maker, serial: &str) -> Result<Captured, CaptureError> {
        let time = self.clock.now();
        let statement = self.members[at].observing_at(maker, serial, time, time);
        tokio::time::timeout(SOON, capture(self.ledger(at), statement)).await.expect("no answer")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_members_agree_and_one_may_be_away() {
    let mut four = Four::connected().await;
    let maker = four.register(0).await;
    four.until_level(2).await;
    // Each member takes statements, and the quorum's commit is in each receipt.
    for at in 0..4 {
        let captured = four.post(at, &maker, &format!("S{at}")).await.unwrap();
        let receipt = captured.receipt.unwrap().receipt;
        assert!(receipt.commit.signatures.len() >= 3, "{receipt:?}");
    }
    four.until_level(5).await;
    four.kill(3);
    for serial in 0..5 {
        four.post(serial % 3, &maker, &format!("T{serial}")).await.unwrap();
    }
    four.kill(2);
    four.until_reachable(0, 2).await;
    let refused = four.post(0, &maker, "U").await.unwrap_err();
    assert!(
        matches!(&refused, CaptureError::Order(OrderError::NoQuorum(missing)) if missing.reachable == 2),
        "{refused}"
    );
    let said = refused.to_string();
    assert!(said.contains("3 of 4 members must agree and 2 can be reached (missing: Member "), "{said}");
    // It is known since when each is missing, how far it was, and how far this node is itself.
    let ledger = four.ledger(0);
    assert!(matches!(ledger.obstacle(), Some(OrderError::NoQuorum(_))) && !ledger.is_writable());
    assert!(!said.contains("not heard since this node started"), "{said}");
    let council = ledger.council_now();
    let own = council.members.iter().find(|one| one.is_self).unwrap();
    assert_eq!(own.tip, Some(ledger.view().tip.seal.height));
    assert!(council.members.iter().all(|one| one.tip.is_some() && one.heard.is_some()), "{council:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_comes_after_its_proposers_own_statements() {
    let four = Four::connected().await;
    let maker = four.register(0).await;
    four.until_level(2).await;
    let own: Vec<Hash> = four.members.iter().map(|one| one.signer.public_key().thumbprint()).collect();
    let mut posted = BTreeMap::new();
    // Few at a time, so that a node does not say it is busy.
    for wave in 0..20 {
        let mut posts = Vec::new();
        for number in 0..16 {
            let (at, time) = (number % 4, four.clock.now());
            let statement = four.members[at].observing_at(&maker, &format!("S{wave}-{number}"), time, time);
            posted.insert(merkle::leaf_hash(&Leaf::of_statement(statement.compact()).encode()), own[at]);
            let ledger = four.ledger(at).clone();
            posts.push(tokio::spawn(async move { capture(&ledger, statement).await }));
        }
        for post in posts {
            tokio::time::timeout(SOON, post).await.expect("no answer").unwrap().unwrap();
        }
    }
    let asked = four.asked.lock().unwrap();
    let needless: Vec<_> = asked.iter().filter(|(of, leaf)| posted.get(leaf) == Some(of)).collect();
    assert!(needless.is_empty(), "{} of {} that were asked for were on their way", needless.len(), asked.len());
}

/// Has three of four members remove the last one, and waits until they are three.
async fn remove_the_last(four: &Four) -> Hash {
    let gone = four.members[3].signer.public_key().thumbprint();
    let expires = four.clock.now().plus_millis(60_000);
    let proposal = four.members[0].signed(&Admin::Proposal(ChangeProposal {
        changes: vec![ProposedChange::Remove(RemoveMember { kid: gone })],
        expires,
    }));
    let id = proposal.id();
    deciding::decide(four.ledger(0), &X509Reader, proposal).await.unwrap();
    for at in [1, 2] {
        while four.ledger(at).view().registry.proposal(&id).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ballot = four.members[at].signed(&Admin::Ballot(Ballot { proposal: id, yes: true }));
        deciding::decide(four.ledger(at), &X509Reader, ballot).await.unwrap();
    }
    for at in 0..3 {
        // Of four of which one is away, three are reachable before it is removed too.
        while four.ledger(at).council().members.len() != 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        four.until_reachable(at, 3).await;
    }
    gone
}

/// Waits until the last of four knows that it is no member.
async fn last_knows_that_it_is_removed(four: &Four) {
    let knows = async {
        while !matches!(four.ledger(3).obstacle(), Some(OrderError::Silent(reason)) if reason.contains("no member's in force"))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, knows).await.unwrap_or_else(|_| panic!("{:?}", four.ledger(3).council()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_removed_signs_nothing_more_and_the_others_go_on() {
    let four = Four::connected().await;
    let maker = four.register(0).await;
    let gone = remove_the_last(&four).await;
    let captured = four.post(1, &maker, "S").await.unwrap();
    let commit = captured.receipt.unwrap().receipt.commit;
    assert!(commit.signatures.len() == 3 && commit.signatures.iter().all(|one| one.kid != gone), "{commit:?}");
    last_knows_that_it_is_removed(&four).await;
    // The others take nothing from it any more but what a candidate may say.
    for at in 0..3 {
        let standing = four.running[at].as_ref().unwrap().network.standing();
        assert!(standing.iter().all(|one| one.kid != gone || !one.is_member));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_away_when_it_was_removed_hears_of_it() {
    let mut four = Four::connected().await;
    four.kill(3);
    remove_the_last(&four).await;
    four.restart(3).await;
    last_knows_that_it_is_removed(&four).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_fetches_what_it_missed_and_votes_again() {
    let mut four = Four::connected().await;
    let maker = four.register(0).await;
    four.kill(3);
    for serial in 0..20 {
        four.post(serial % 3, &maker, &format!("S{serial}")).await.unwrap();
    }
    let height = four.ledger(0).view().tip.seal.height.get();
    four.restart(3).await;
    four.until_reachable(3, 4).await;
    four.until_level(height).await;
    // Without its vote there would be no quorum now.
    four.kill(1);
    four.until_reachable(3, 3).await;
    four.until_reachable(0, 3).await;
    let captured = four.post(3, &maker, "T").await.unwrap();
    let own = four.members[3].signer.public_key().thumbprint();
    let commit = captured.receipt.unwrap().receipt.commit;
    assert!(commit.signatures.iter().any(|one| one.kid == own), "{commit:?}");
    for at in [0, 2, 3] {
        audit::audit(&four.members[at].store, PROVIDER).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_four_stop_at_once_and_go_on_where_they_were() {
    let mut four = Four::start().await;
    four.until_reachable(0, 4).await;
    let maker = four.register(0).await;
    for round in 0..3 {
        // Some of these are under way when the nodes end.
        let posts: Vec<_> = (0..8)
            .map(|number| {
                let time = four.clock.now();
                let statement = four.members[0].observing_at(&maker, &format!("R{round}N{number}"), time, time);
                let ledger = four.ledger(number % 4).clone();
                tokio::spawn(async move { capture(&ledger, statement).await.map(|captured| captured.id) })
            })
            .collect();
        let first = posts.into_iter().next().unwrap().await.unwrap();
        for at in 0..4 {
            four.kill(at);
        }
        for at in 0..4 {
            four.restart(at).await;
        }
        for at in 0..4 {
            four.until_reachable(at, 4).await;
        }
        if let Ok(id) = first {
            four.until_level(2).await;
            let found = sealane::app::capture::find(four.ledger(2), &four.ledger(2).view(), id).await.unwrap();
            assert!(found.is_some(), "what was acknowledged is on every node");
        }
        four.post(round % 4, &maker, &format!("After{round}")).await.unwrap();
    }
    let tips = (0..4).map(|at| four.ledger(at).council_now().silent);
    assert!(tips.into_iter().all(|silent| silent.is_none()));
}

/// Each member finds that a block is due, and one of them proposes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_one_block() {
    let four = Four::connected().await;
    four.register(0).await;
    four.until_level(2).await;
    for height in 3..6 {
        four.clock.skip(HEARTBEAT);
        four.until_level(height).await;
        // Long enough for a height that nobody needs to be begun, and its first round to fail.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for at in 0..4 {
            let ledger = four.ledger(at);
            assert_eq!(ledger.view().tip.seal.height.get(), height, "member {at}");
            assert!(ledger.council().invalid_bodies.is_empty(), "{:?}", ledger.council().invalid_bodies);
        }
    }
}

/// Else every member would begin a height for the refused one, and none could propose.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_id_with_two_contents_at_two_members_holds_up_nobody() {
    let four = Four::connected().await;
    let maker = four.register(0).await;
    for round in 0..10 {
        let time = four.clock.now();
        let observed = |step: &str| four.members[0].stepping_at(&maker, &format!("E{round}"), step, time);
        let (one, other) = (observed("storing"), observed("holding"));
        let (one, other) = tokio::join!(capture(four.ledger(0), one), capture(four.ledger(1), other));
        let refused = [&one, &other].into_iter().filter(|answer| answer.is_err()).count();
        assert_eq!(refused, 1, "{one:?} {other:?}");
        let began = std::time::Instant::now();
        four.post(2, &maker, &format!("F{round}")).await.unwrap();
        assert!(began.elapsed() < SOON);
    }
}

/// What it may have said of the height after the last final block is lost, so it says nothing of that one.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_is_taken_up_again_one_height_later() {
    let mut four = Four::connected().await;
    let maker = four.register(0).await;
    four.post(0, &maker, "S").await.unwrap();
    four.until_level(2).await;
    four.kill(3);
    let (dir, own) = (four.members[3].dir.path().to_owned(), four.members[3].kid());
    lose_log(&dir);
    let tip = four.members[3].store.tip().await.unwrap().unwrap();
    let start = LogStart::Unknown(mark_of(&tip));
    VoteLogFile::create_again(&dir, own, &four.members[3].origin(), start).unwrap();
    four.restart(3).await;
    four.until_reachable(3, 4).await;
    // It takes statements, and has no voice in the block that they come into.
    let first = four.post(3, &maker, "T").await.unwrap().receipt.unwrap().receipt.commit;
    assert_eq!(first.height, tip.seal.height.next());
    assert!(first.signatures.iter().all(|one| one.kid != own), "{first:?}");
    four.until_level(first.height.get()).await;
    // Without its vote there would be no quorum for the next one.
    four.kill(1);
    four.until_reachable(3, 3).await;
    four.until_reachable(0, 3).await;
    let next = four.post(3, &maker, "U").await.unwrap().receipt.unwrap().receipt.commit;
    assert!(next.signatures.iter().any(|one| one.kid == own), "{next:?}");
    assert_eq!(four.ledger(3).council_now().silent, None);
}

/// As after a restored backup: the log says that more was signed than the store has.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_store_under_a_newer_log_fetches_what_it_lacks_and_votes_again() {
    let mut four = Four::connected().await;
    let maker = four.register(0).await;
    four.until_level(2).await;
    let older = four.members[3].dir.path().join("older.sqlite");
    copy_in_use(&four.members[3].dir.path().join(LEDGER_FILE), &older);
    for serial in 0..4 {
        four.post(serial, &maker, &format!("S{serial}")).await.unwrap();
    }
    four.until_level(5).await;
    four.kill(3);
    four.members[3].store = SqliteStore::open(&older).unwrap();
    four.restart(3).await;
    four.until_reachable(3, 4).await;
    four.until_level(5).await;
    four.kill(1);
    four.until_reachable(3, 3).await;
    four.until_reachable(0, 3).await;
    let commit = four.post(3, &maker, "T").await.unwrap().receipt.unwrap().receipt.commit;
    assert!(commit.signatures.iter().any(|one| one.kid == four.members[3].kid()), "{commit:?}");
    audit::audit(&four.members[3].store, PROVIDER).await.unwrap();
}

/// As when a database server has failed over to a standby that lacks the last blocks, under a node that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_loses_blocks_under_a_running_node_gets_them_from_the_others() {
    let four = Four::connected().await;
    let maker = four.register(0).await;
    four.until_level(2).await;
    let file = four.members[3].dir.path().join(LEDGER_FILE);
    let older = four.members[3].dir.path().join("older.sqlite");
    copy_in_use(&file, &older);
    for serial in 0..4 {
        four.post(serial, &maker, &format!("S{serial}")).await.unwrap();
    }
    four.until_level(5).await;
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let tables = ["blocks", "leaves", "records", "tiles", "long_statements"];
    // What the node itself can never do.
    let may_go = ["blocks", "leaves", "long_statements"].map(|one| format!("DROP TRIGGER {one}_keep_delete;")).concat();
    let put_back =
        tables.map(|one| format!("DELETE FROM {one}; INSERT INTO {one} SELECT * FROM older.{one};")).concat();
    let older = older.display();
    connection
        .batch_execute(&format!("ATTACH '{older}' AS older; BEGIN IMMEDIATE; {may_go} {put_back} COMMIT"))
        .unwrap();
    let tip = four.members[3].store.tip().await.unwrap().unwrap();
    assert!(tip.seal.height.get() < 5, "{tip:?}");
    let last = four.post(0, &maker, "T").await.unwrap().receipt.unwrap().receipt.commit.height;
    four.until_level(last.get()).await;
    assert!(four.members[3].store.tip().await.unwrap().unwrap().seal.height >= last);
    audit::audit(&four.members[3].store, PROVIDER).await.unwrap();
    four.post(3, &maker, "U").await.unwrap();
}
