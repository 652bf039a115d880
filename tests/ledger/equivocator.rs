//! A member with a real key says one thing to one node and another to the next, and never both to one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sealane::app::audit;
use sealane::net::PeerNetwork;
use sealane::pki::MemberKey;
use sealane::ports::{LedgerStore, MemberSigner, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane::signatures::AwsLc;
use sealane::store::FAULT_FILE;
use sealane_core::agreement::{
    Equivocation, HeightWords, LastSaid, MemberBits, Message, RoundProposal, Said, ValueId, Vote, VoteKind,
    WordContent, WordKind, WordLine, WordPlace, proposal_bytes,
};
use sealane_core::block::{Height, Origin};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;

use crate::consortium::{Four, SOON};
use crate::member::PROVIDER;

/// The liar, and whom it tells another thing than the others.
const LIAR: usize = 3;
const DECEIVED: usize = 2;

/// What stands between the liar's node, which is honest, and its connections.
struct TwoFaced {
    network: Arc<PeerNetwork>,
    key: Arc<MemberKey>,
    origin: Origin,
    kind: VoteKind,
    /// Who hears that the member votes for no block, where the others hear for which it votes.
    deceived: Hash,
    others: Vec<Hash>,
    lies: Arc<AtomicUsize>,
}

fn signed(
    key: &MemberKey,
    origin: &Origin,
    kind: VoteKind,
    height: Height,
    round: u32,
    value: Option<ValueId>,
) -> Vote {
    let (signer, signature) = (key.public_key().thumbprint(), Signature::from_bytes([0; 64]));
    let vote = Vote { kind, height, round, value, signer, signature };
    Vote { signature: key.sign(&vote.signed_bytes(origin)), ..vote }
}

impl TwoFaced {
    fn own(&self) -> Hash {
        self.key.public_key().thumbprint()
    }

    /// What is said to a member in place of this; nothing if nothing is.
    fn changed(&self, to: Hash, message: &Message) -> Option<Message> {
        match message {
            Message::Said(Said::Vote(vote)) if vote.signer == self.own() && vote.kind == self.kind => {
                if to != self.deceived || vote.value.is_none() {
                    return Some(message.clone());
                }
                self.lies.fetch_add(1, Ordering::SeqCst);
                let Vote { kind, height, round, .. } = *vote;
                Some(Message::Said(Said::Vote(signed(&self.key, &self.origin, kind, height, round, None))))
            }
            // In these its true words would come to the deceived one, or what it remembers of both.
            Message::Said(Said::Polka(_) | Said::Round(_))
            | Message::Block(_)
            | Message::Words(_)
            | Message::Fault(_) => None,
            other => Some(other.clone()),
        }
    }
}

#[async_trait]
impl Peers for TwoFaced {
    fn say(&self, to: To, message: &Message) -> usize {
        let all = match to {
            To::All => self.others.clone(),
            To::One(kid) => vec![kid],
        };
        let say = |to: Hash| self.changed(to, message).map_or(0, |message| self.network.say(To::One(to), &message));
        all.into_iter().map(say).sum()
    }

    async fn next(&self) -> PeerEvent {
        loop {
            match self.network.next().await {
                // It does not let itself be told of what it did.
                PeerEvent::Said { message: Message::Fault(_) | Message::Words(_) | Message::AskWords(_), .. } => {}
                // Its other words, which the deceived one passes on.
                PeerEvent::Said { message: Message::Said(Said::Vote(vote)), .. } if vote.signer == self.own() => {}
                PeerEvent::Said { message: Message::Said(Said::Round(_)), .. } => {}
                event => return event,
            }
        }
    }

    fn standing(&self) -> Vec<PeerStanding> {
        self.network.standing()
    }

    fn admit(&self, roster: Roster) {
        self.network.admit(roster);
    }
}

/// Four members of whom the last lies about votes of one kind, and how often it has.
async fn with_liar(kind: VoteKind) -> (Four, Arc<AtomicUsize>) {
    let lies = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lies);
    let four = Four::start_with(Box::new(move |at, member, network| {
        let others: Vec<Hash> = network.standing().iter().map(|one| one.kid).collect();
        let two_faced = TwoFaced {
            network,
            key: Arc::clone(&member.signer),
            origin: member.origin(),
            kind,
            // In the order of `kid` the liar is the last.
            deceived: *others.get(DECEIVED)?,
            others,
            lies: Arc::clone(&counted),
        };
        (at == LIAR).then(|| Arc::new(two_faced) as Arc<dyn Peers>)
    }))
    .await;
    for at in 0..4 {
        four.until_reachable(at, 4).await;
    }
    (four, lies)
}

/// Waits until these nodes have a proof against the liar.
async fn until_caught(four: &Four, nodes: &[usize]) {
    let liar = four.members[LIAR].kid();
    let caught = async {
        let is_shown =
            |at: usize| four.ledger(at).council().members.iter().any(|one| one.kid == liar && one.faults > 0);
        while !nodes.iter().all(|at| four.ledger(*at).faults().count_of(&liar) > 0 && is_shown(*at)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = || nodes.iter().map(|at| four.ledger(*at).faults()).collect::<Vec<_>>();
    tokio::time::timeout(SOON, caught).await.unwrap_or_else(|_| panic!("not caught: {:?}", shown()));
}

/// Each proof that a node has is against the liar, and convicts it.
async fn nobody_honest_is_accused(four: &Four, nodes: &[usize]) {
    let (liar, set, origin) = (four.members[LIAR].kid(), four.members[0].set().await, four.members[0].origin());
    for at in nodes {
        let known = four.ledger(*at).faults();
        for pair in known.pairs() {
            assert_eq!((pair.signer(), pair.verify(&origin, &set, &AwsLc)), (liar, Ok(())), "{pair:?}");
        }
        for member in &four.ledger(*at).council().members {
            assert_eq!(member.faults > 0, member.kid == liar, "{member:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_one_node_this_and_another_that_is_convicted_at_all() {
    for kind in [VoteKind::Precommit, VoteKind::Prevote] {
        let (mut four, lies) = with_liar(kind).await;
        let maker = four.register(0).await;
        // Each member has the endorsement.
        four.until_level(2).await;
        for number in 0..6 {
            four.post(number % 3, &maker, &format!("S{number}")).await.unwrap();
        }
        assert!(lies.load(Ordering::SeqCst) > 0, "it has not lied");
        let honest = [0, 1, 2];
        until_caught(&four, &honest).await;
        nobody_honest_is_accused(&four, &honest).await;
        for pair in four.ledger(0).faults().pairs() {
            let Equivocation::Votes(first, second) = pair else { panic!("{pair:?}") };
            assert_eq!((first.kind, second.kind), (kind, kind));
            assert!(first.value.is_none() != second.value.is_none(), "{pair:?}");
        }
        // Nobody is removed by itself, and the others go on.
        for number in 0..3 {
            four.post(number, &maker, &format!("T{number}")).await.unwrap();
        }
        // One proof is on the ledger, though each honest node had one to put there.
        let (liar, honest_nodes) = (four.members[LIAR].kid(), honest.map(|at| four.ledger(at)));
        let is_there = async {
            while honest_nodes.iter().any(|ledger| ledger.view().registry.faults().is_empty()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, is_there).await.unwrap();
        four.post(1, &maker, "U").await.unwrap();
        for ledger in &honest_nodes {
            let kids: Vec<Hash> = ledger.view().registry.faults().iter().map(|one| one.kid).collect();
            assert_eq!(kids, [liar]);
        }
        // The proof is there after a start, before anybody is heard.
        let known = four.ledger(0).faults();
        four.kill(0);
        four.restart(0).await;
        let kept = four.ledger(0).faults();
        assert!(known.pairs().iter().all(|pair| kept.pairs().contains(pair)) && !kept.pairs().is_empty());
        for at in honest {
            assert_eq!(four.ledger(at).council().silent, None);
            audit::audit(&four.members[at].store, PROVIDER).await.unwrap();
        }
    }
}

/// Three honest nodes, and the connections of the fourth member in the test's hands.
struct Scene {
    four: Four,
    network: Arc<PeerNetwork>,
    key: Arc<MemberKey>,
    origin: Origin,
    kids: Vec<Hash>,
}

impl Scene {
    /// With some final blocks.
    async fn begin() -> Self {
        let mut four = Four::start().await;
        for at in 0..4 {
            four.until_reachable(at, 4).await;
        }
        let maker = four.register(0).await;
        four.until_level(2).await;
        for number in 0..3 {
            four.post(number, &maker, &format!("S{number}")).await.unwrap();
        }
        four.until_level(4).await;
        four.kill(LIAR);
        let network = four.connect_bare(LIAR).await;
        let (key, origin) = (Arc::clone(&four.members[LIAR].signer), four.members[LIAR].origin());
        let kids = four.members.iter().map(|one| one.kid()).collect();
        let scene = Self { four, network, key, origin, kids };
        while scene.network.standing().iter().any(|one| one.connected_since.is_none()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Both sides dial: of two connections one is given up, with what was said on it.
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene
    }

    fn say(&self, to: usize, message: &Message) {
        assert_eq!(self.network.say(To::One(self.kids[to]), message), 1);
    }

    fn vote(&self, kind: VoteKind, height: u64, round: u32, value: Option<&[u8]>) -> Vote {
        let value = value.map(|block| ValueId::from_hash(Hash::of(block)));
        signed(&self.key, &self.origin, kind, Height::new(height).unwrap(), round, value)
    }

    /// What a node says of some kind, until somebody tells where it stands.
    async fn hear(&self, from: usize, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut heard = Vec::new();
        let until = tokio::time::Instant::now() + SOON;
        while let Ok(event) = tokio::time::timeout_at(until, self.network.next()).await {
            match event {
                PeerEvent::Said { from: kid, message } if kid == self.kids[from] && wanted(&message) => {
                    heard.push(message)
                }
                // Each node says where it stands every second.
                PeerEvent::Said { message: Message::Status(_), .. } if !heard.is_empty() => break,
                _ => {}
            }
        }
        heard
    }

    /// A line that says of the member with a number that it said this.
    fn line(&self, by: usize, word: WordContent) -> WordLine {
        let mut bits = MemberBits::none(self.kids.len());
        bits.insert(by);
        WordLine { word, by: bits }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_words_of_every_kind_convict_too() {
    let scene = Scene::begin().await;
    let proposal = |value: &[u8], pol_round| {
        let (height, value) = (Height::new(3).unwrap(), ValueId::from_hash(Hash::of(value)));
        let signature = scene.key.sign(&proposal_bytes(&scene.origin, height, 7, pol_round, value));
        let signer = scene.kids[LIAR];
        Message::Said(Said::Proposal(RoundProposal { height, round: 7, pol_round, value, signer, signature }))
    };
    let vote = |kind, round, value| Message::Said(Said::Vote(scene.vote(kind, 2, round, value)));
    // Rounds that there were not, so that what it said while it was honest does not count.
    let told = [
        [vote(VoteKind::Prevote, 5, Some(b"one")), vote(VoteKind::Prevote, 5, Some(b"other"))],
        [vote(VoteKind::Precommit, 5, None), vote(VoteKind::Precommit, 5, Some(b"other"))],
        [proposal(b"one", None), proposal(b"one", Some(2))],
    ];
    for [to_one, to_other] in &told {
        scene.say(0, to_one);
        scene.say(2, to_other);
    }
    let all_three = async {
        while [0, 1, 2].iter().any(|at| scene.four.ledger(*at).faults().pairs().len() < told.len()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, all_three).await.unwrap();
    nobody_honest_is_accused(&scene.four, &[0, 1, 2]).await;
    let text = std::fs::read_to_string(scene.four.members[1].dir.path().join(FAULT_FILE)).unwrap();
    assert_eq!(text.lines().count(), told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_falsely_what_others_said_is_asked_a_little_and_not_believed() {
    let scene = Scene::begin().await;
    let wrong = Some(ValueId::from_hash(Hash::of(b"what nobody said")));
    let word = |round| WordContent { value: wrong, kind: WordKind::Precommit, round, pol_round: None };
    let words = |lines: Vec<WordLine>, at| HeightWords { height: Height::new(at).unwrap(), members: 4, lines };
    // Of each honest member, at each height, again and again.
    let of_all = |at| {
        let mut by = MemberBits::none(4);
        (0..3).for_each(|number| by.insert(number));
        words(vec![WordLine { word: word(0), by }], at)
    };
    let told = Message::Words((1..=4).map(of_all).collect());
    for _ in 0..200 {
        scene.say(0, &told);
    }
    let asked = scene.hear(0, |message| matches!(message, Message::AskWords(_))).await;
    let places: usize =
        asked.iter().map(|one| if let Message::AskWords(places) = one { places.len() } else { 0 }).sum();
    // 64 in a second, of two that it may have taken to look at all.
    assert!((1..=128).contains(&places), "{places} of 2,400");
    // It answers with words of its own, with signatures that do not hold, and with a proof that is none.
    let forged =
        |by: usize| Vote { signer: scene.kids[by], ..scene.vote(VoteKind::Precommit, 2, 0, Some(b"what nobody said")) };
    for by in 0..3 {
        scene.say(0, &Message::Said(Said::Vote(forged(by))));
    }
    let own = scene.four.ledger(1).view().tip.commit.signatures[0].kid;
    for value in [None, Some(ValueId::from_hash(Hash::of(b"other")))] {
        let (first, second) = (forged(0), Vote { value, signer: own, ..forged(0) });
        let second = Vote { signer: first.signer, ..second };
        scene.say(0, &Message::Fault(Equivocation::Votes(first, second)));
    }
    // Heights that nobody remembers, and as many members as there are not, are passed over.
    scene.say(0, &Message::Words(vec![words(vec![scene.line(0, word(0))], 1 << 40)]));
    scene.say(0, &Message::Words(vec![HeightWords { members: 100, ..of_all(2) }]));
    let maker_goes_on = scene.four.ledger(0);
    scene.four.until_level(4).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for at in 0..3 {
        assert!(scene.four.ledger(at).faults().pairs().is_empty(), "{:?}", scene.four.ledger(at).faults());
    }
    assert!(maker_goes_on.obstacle().is_none());
    assert_eq!(
        scene.network.standing().iter().filter(|one| one.connected_since.is_some()).count(),
        3,
        "nobody cut it off"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_answered_from_memory_and_not_too_often() {
    let scene = Scene::begin().await;
    let tip = scene.four.ledger(0).view().tip.clone();
    let place = |height: Height, kid| WordPlace { height, round: tip.commit.round, kind: WordKind::Precommit, kid };
    let signer = tip.commit.signatures.iter().find(|one| one.kid != scene.kids[LIAR]).unwrap().kid;
    let known = place(tip.seal.height, signer);
    scene.say(
        0,
        &Message::AskWords(vec![
            known,
            place(Height::new(1 << 40).unwrap(), signer),
            place(tip.seal.height, Hash::of(b"x")),
        ]),
    );
    let is_answer = |message: &Message| matches!(message, Message::Said(Said::Vote(vote)) if LastSaid::Vote(*vote).place() == known);
    let answers = scene.hear(0, is_answer).await;
    let [Message::Said(Said::Vote(vote))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(vote.verify(&scene.origin, &scene.four.members[0].set().await, &AwsLc), Ok(()));
    // A flood of questions has few answers: 64 a second.
    for _ in 0..100 {
        scene.say(0, &Message::AskWords(vec![known; 64]));
    }
    let answers = scene.hear(0, is_answer).await.len();
    assert!((1..=192).contains(&answers), "{answers} answers to 6,400 questions");
    assert_eq!(scene.four.members[0].store.tip().await.unwrap().unwrap().seal.height, tip.seal.height);
}
