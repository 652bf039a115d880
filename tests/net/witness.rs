//! What nodes tell each other of members' words, over sockets: members hear it whole, candidates neither say nor hear it, and
//! what is no message of it is the last.

use sealane::ports::{MemberSigner, PeerEvent, Peers, To};
use sealane_core::agreement::{
    Equivocation, HeightWords, MemberBits, Message, ValueId, Vote, VoteKind, WordContent, WordKind, WordLine,
    WordPlace, vote_bytes,
};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::limits::ASKED_WORDS_MAX;

use crate::consortium::{
    Keys, Plan, deliver, event, keys, listen, member_and_candidate, origin, roster, soon, start_all, until_connected,
    until_trouble,
};
use crate::impostor::Impostor;

fn height() -> Height {
    Height::new(9).unwrap()
}

fn value() -> ValueId {
    ValueId::from_hash(Hash::of(b"block"))
}

fn vote(by: &Keys, value: Option<ValueId>) -> Vote {
    let kind = VoteKind::Prevote;
    let signature = by.member.sign(&vote_bytes(&origin(), kind, height(), 0, value));
    Vote { kind, height: height(), round: 0, value, signer: by.kid(), signature }
}

fn pair(by: &Keys) -> Equivocation {
    Equivocation::Votes(vote(by, None), vote(by, Some(value())))
}

/// One message of each kind, about one of four members.
fn all(about: &Keys) -> [Message; 3] {
    let mut by = MemberBits::none(4);
    by.insert(2);
    let word = WordContent { kind: WordKind::Prevote, round: 0, pol_round: None, value: Some(value()) };
    let words = HeightWords { height: height(), members: 4, lines: vec![WordLine { word, by }] };
    let place = WordPlace { height: height(), round: 0, kind: WordKind::Prevote, kid: about.kid() };
    [Message::Words(vec![words]), Message::AskWords(vec![place]), Message::Fault(pair(about))]
}

#[tokio::test]
async fn members_hear_each_of_them_whole() {
    let keys = keys(2);
    let (nodes, _) = start_all(&keys).await;
    for node in &nodes {
        until_connected(node, 1).await;
    }
    for message in all(&keys[1]) {
        deliver((&keys[0], &nodes[0]), (&keys[1], &nodes[1]), &message).await;
    }
}

#[tokio::test]
async fn a_candidate_neither_says_them_nor_hears_them() {
    let keys = keys(2);
    let (member, candidate) = (&keys[0], &keys[1]);
    let [node, other] = member_and_candidate(member, candidate).await;
    let asked = Message::AskBlocks { from: Height::GENESIS };
    for message in all(member).iter().chain([&asked]) {
        other.say(To::All, message);
    }
    let first = event(&node, "a message", |event| match event {
        PeerEvent::Said { message, .. } => Some(message),
        _ => None,
    });
    assert_eq!(first.await, asked);
    assert_eq!(node.counts().candidate_messages_refused, 3);
    for message in all(member) {
        assert_eq!(node.say(To::All, &message), 0, "{}", message.name());
    }
}

#[tokio::test]
async fn what_is_none_of_them_is_the_last() {
    let keys = keys(2);
    let long = {
        let line = |round| WordLine {
            word: WordContent { kind: WordKind::Prevote, round, pol_round: None, value: Some(value()) },
            by: {
                let mut by = MemberBits::none(1);
                by.insert(0);
                by
            },
        };
        let rounds = 60_000;
        Message::Words(vec![HeightWords { height: height(), members: 1, lines: (0..rounds).map(line).collect() }])
    };
    let place = WordPlace { height: height(), round: 0, kind: WordKind::Prevote, kid: keys[0].kid() };
    let many = Message::AskWords(vec![place; ASKED_WORDS_MAX + 1]);
    let no_pair = Message::Fault(Equivocation::Votes(vote(&keys[1], None), vote(&keys[1], None)));
    for message in [long, many, no_pair] {
        let (listener, address) = listen().await;
        let node = Plan::new(&roster(&keys)).start(&keys[0], Some(listener));
        let mut bad = Impostor::greet(address, &keys[1]).await;
        until_connected(&node, 1).await;
        bad.send(&message).await;
        soon(message.name(), bad.read_to_end()).await;
        until_trouble(&node, "no-message", 1).await;
    }
}
