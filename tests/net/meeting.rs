//! Members' nodes find each other, talk, and meet again after a cut.

use sealane::ports::MemberSigner;
use sealane::ports::{PeerEvent, Peers, To};
use sealane_core::agreement::{LastSaid, Message, NodeStatus, ValueId, Vote, VoteKind, vote_bytes};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::consortium::{
    Keys, MachineClock, Plan, deliver, event, keys, listen, origin, roster, start_all, statement, until,
    until_connected,
};
use sealane::ports::Clock;

#[tokio::test]
async fn four_nodes_connect_and_each_hears_each() {
    let keys = keys(4);
    let (nodes, _) = start_all(&keys).await;
    for node in &nodes {
        until_connected(node, 3).await;
    }
    for (from, sender) in keys.iter().zip(&nodes) {
        for (to, receiver) in keys.iter().zip(&nodes).filter(|(to, _)| to.kid() != from.kid()) {
            let message = statement(&format!("{} says this to {}", from.kid(), to.kid()));
            deliver((from, sender), (to, receiver), &message).await;
        }
    }
    // By now each pair has one connection on which both have talked, so what goes to all arrives at all.
    let status =
        NodeStatus { tip: Height::new(9).unwrap(), root: Hash::of(b"root"), time: MachineClock.now(), address: None };
    assert_eq!(nodes[0].say(To::All, &Message::Status(status.clone())), 3);
    for node in &nodes[1..] {
        let said = event(node, "the status", |event| match event {
            PeerEvent::Said { from, message: Message::Status(said) } if from == keys[0].kid() => Some(said),
            _ => None,
        });
        assert_eq!(said.await, status);
    }
    for (own, node) in keys.iter().zip(&nodes) {
        let standing = node.standing();
        assert_eq!(standing.len(), 3);
        let others: Vec<Hash> = keys.iter().map(Keys::kid).filter(|kid| *kid != own.kid()).collect();
        assert_eq!(standing.iter().map(|peer| peer.kid).collect::<Vec<_>>(), others);
        assert!(standing.iter().all(|peer| peer.is_member && peer.trouble.is_none()), "{standing:?}");
    }
}

#[tokio::test]
async fn a_hello_brings_the_last_words_that_are_held() {
    let keys = keys(2);
    let (a, b) = (&keys[0], &keys[1]);
    let (height, value) = (Height::new(7).unwrap(), Some(ValueId::from_hash(Hash::of(b"value"))));
    let signature = b.member.sign(&vote_bytes(&origin(), VoteKind::Prevote, height, 2, value));
    let vote = Vote { kind: VoteKind::Prevote, height, round: 2, value, signer: b.kid(), signature };
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let mut plan = Plan::new(&roster);
    plan.words.0.insert(b.kid(), LastSaid::Vote(vote));
    let _first = plan.start(a, Some(listener));
    let second = Plan::new(&roster).dialling([(a, address)]).start(b, None);
    let hello = event(&second, "a hello", |event| match event {
        PeerEvent::Connected { from, hello } if from == a.kid() => Some(hello),
        _ => None,
    });
    let hello = hello.await;
    assert_eq!((hello.last, hello.rules, &hello.origin), (Some(LastSaid::Vote(vote)), 7, &origin()));
}

#[tokio::test]
async fn a_node_that_starts_again_is_met_again() {
    let keys = keys(2);
    let (a, b) = (&keys[0], &keys[1]);
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let first = Plan::new(&roster).start(a, Some(listener));
    let mut runs = Vec::new();
    for number in 0..3 {
        let second = Plan::new(&roster).dialling([(a, address)]).start(b, None);
        let hello = event(&first, "a connection", |event| match event {
            PeerEvent::Connected { hello, .. } => Some(hello),
            _ => None,
        });
        runs.push(hello.await.run);
        deliver((a, &first), (b, &second), &statement(&format!("number {number}"))).await;
        drop(second);
        event(&first, "its end", |event| matches!(event, PeerEvent::Disconnected { .. }).then_some(())).await;
        until(&first, "its end", |standing| standing[0].connected_since.is_none()).await;
    }
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 3, "each process says that it is another one");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    let keys = keys(2);
    let (a, b) = (&keys[0], &keys[1]);
    let (listener, address) = listen().await;
    let (line, line_address) = listen().await;
    let (cut, cuts) = watch::channel(0);
    let line = tokio::spawn(forward(line, address, cuts));
    let roster = roster(&keys);
    let first = Plan::new(&roster).start(a, Some(listener));
    let second = Plan::new(&roster).dialling([(a, line_address)]).start(b, None);
    for number in 1..=5 {
        until_connected(&second, 1).await;
        deliver((b, &second), (a, &first), &statement(&format!("before cut {number}"))).await;
        cut.send(number).unwrap();
        event(&second, "the cut", |event| matches!(event, PeerEvent::Disconnected { .. }).then_some(())).await;
        deliver((a, &first), (b, &second), &statement(&format!("after cut {number}"))).await;
    }
    assert!(second.counts().connected >= 6);
    line.abort();
}

/// A line between two nodes that ends all that it carries whenever it is told to.
async fn forward(listener: TcpListener, to: std::net::SocketAddr, cuts: watch::Receiver<u64>) {
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut cuts = cuts.clone();
        cuts.mark_unchanged();
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(to).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}

#[tokio::test]
async fn one_direction_through_a_firewall_is_enough() {
    let keys = keys(2);
    for (dialled, dialling) in [(&keys[0], &keys[1]), (&keys[1], &keys[0])] {
        let (listener, address) = listen().await;
        let roster = roster(&keys);
        let first = Plan::new(&roster).start(dialled, Some(listener));
        let second = Plan::new(&roster).dialling([(dialled, address)]).start(dialling, None);
        deliver((dialled, &first), (dialling, &second), &statement("to who cannot be dialled")).await;
        deliver((dialling, &second), (dialled, &first), &statement("back again")).await;
    }
}

#[tokio::test]
async fn a_line_that_is_idle_is_kept_and_its_length_is_known() {
    let keys = keys(2);
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let quick = |mut plan: Plan| {
        plan.times.ping_every = std::time::Duration::from_millis(20);
        plan
    };
    let first = quick(Plan::new(&roster)).start(&keys[0], Some(listener));
    let second = quick(Plan::new(&roster)).dialling([(&keys[0], address)]).start(&keys[1], None);
    until_connected(&second, 1).await;
    for node in [&first, &second] {
        until(node, "how long a ping takes", |standing| standing[0].round_trip.is_some()).await;
    }
    assert_eq!(second.counts().connected, 1);
}
