//! A member whose node sends what it should not, or does not read: it is cut off, and the others go on.

use std::net::SocketAddr;
use std::time::Duration;

use sealane::net::PeerNetwork;
use sealane::ports::{Peers, To};
use sealane_core::agreement::Message;

use crate::consortium::{
    Keys, Plan, deliver, keys, listen, roster, soon, statement, until, until_connected, until_trouble,
};
use crate::impostor::Impostor;

/// Two honest nodes, and the keys of a third member.
struct Scene {
    keys: Vec<Keys>,
    first: PeerNetwork,
    second: PeerNetwork,
    address: SocketAddr,
}

impl Scene {
    async fn begin(change: impl Fn(&mut Plan)) -> Self {
        let keys = keys(3);
        let (listener, address) = listen().await;
        let roster = roster(&keys);
        let mut plan = Plan::new(&roster);
        change(&mut plan);
        let first = plan.start(&keys[0], Some(listener));
        let second = Plan::new(&roster).dialling([(&keys[0], address)]).start(&keys[1], None);
        until_connected(&second, 1).await;
        Self { keys, first, second, address }
    }

    async fn member_goes_bad(&self) -> Impostor {
        let bad = Impostor::greet(self.address, &self.keys[2]).await;
        until_connected(&self.first, 2).await;
        bad
    }

    /// The two honest ones still hear each other.
    async fn goes_on(&self, word: &str) {
        let (a, b) = ((&self.keys[0], &self.first), (&self.keys[1], &self.second));
        deliver(a, b, &statement(&format!("{word}, there"))).await;
        deliver(b, a, &statement(&format!("{word}, and back"))).await;
    }

    async fn is_cut(&self, bad: &mut Impostor, name: &str) {
        soon("the end", bad.read_to_end()).await;
        until_trouble(&self.first, name, 1).await;
        until(&self.first, "it is out", |standing| standing[1].connected_since.is_none()).await;
        self.goes_on(name).await;
    }
}

#[tokio::test]
async fn a_frame_that_is_too_long_or_empty_is_the_last() {
    for length in [0_u32, 8 * 1024 * 1024 + 64 * 1024 + 1, u32::MAX] {
        let scene = Scene::begin(|_| {}).await;
        let mut bad = scene.member_goes_bad().await;
        bad.send_bytes(&length.to_be_bytes()).await;
        scene.is_cut(&mut bad, "frame-length").await;
    }
}

#[tokio::test]
async fn half_a_frame_is_waited_for_so_long() {
    for half in [&[0, 0][..], &[0, 0, 1, 0, 4, 1, 2, 3]] {
        let scene = Scene::begin(|plan| plan.times.stall = Duration::from_millis(300)).await;
        let mut bad = scene.member_goes_bad().await;
        bad.send_bytes(half).await;
        scene.goes_on("meanwhile").await;
        scene.is_cut(&mut bad, "slow-frame").await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_last() {
    for bytes in [&[200, 1, 2, 3][..], b"GET / HTTP/1.1", &[4; 143], &[7, 0xff, 0xff, 0]] {
        let scene = Scene::begin(|_| {}).await;
        let mut bad = scene.member_goes_bad().await;
        bad.send_bytes(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).await;
        bad.send_bytes(bytes).await;
        scene.is_cut(&mut bad, "no-message").await;
    }
}

#[tokio::test]
async fn a_node_that_says_nothing_is_gone() {
    let quick = |plan: &mut Plan| {
        plan.times.silence = Duration::from_millis(900);
        plan.times.ping_every = Duration::from_millis(100);
    };
    let keys = keys(2);
    let (listener, address) = listen().await;
    let mut plan = Plan::new(&roster(&keys));
    quick(&mut plan);
    let node = plan.start(&keys[0], Some(listener));
    let mut quiet = Impostor::greet(address, &keys[1]).await;
    soon("the end", quiet.read_to_end()).await;
    until_trouble(&node, "silent", 1).await;
}

#[tokio::test]
async fn a_node_that_does_not_read_loses_statements_and_then_its_connection() {
    let scene = Scene::begin(|_| {}).await;
    let _bad = scene.member_goes_bad().await;
    let kid = scene.keys[2].kid();
    let long = Message::Statements(vec![vec![b'x'; 4 * 1024 * 1024]]);
    // Four times what is kept for one node.
    for number in 0..64 {
        scene.first.say(To::One(kid), &long);
        let waiting = scene.first.standing()[1].waiting_bytes;
        assert!(waiting <= 64 * 1024 * 1024, "{waiting}");
        if number % 16 == 0 {
            scene.goes_on(&format!("after {number}")).await;
        }
    }
    assert!(scene.first.counts().statements_dropped >= 40, "{:?}", scene.first.counts());
    assert!(scene.first.standing()[1].connected_since.is_some(), "statements alone cut nobody off");
    let outlines = Message::Block(sealane_core::agreement::FinalBlockPart {
        height: sealane_core::block::Height::new(1).unwrap(),
        first: 0,
        statements: vec![vec![b'x'; 4 * 1024 * 1024]; 2],
        end: None,
    });
    while scene.first.say(To::One(kid), &outlines) == 1 {}
    until(&scene.first, "it is out", |standing| standing[1].connected_since.is_none()).await;
    until_trouble(&scene.first, "behind", 1).await;
    scene.goes_on("at last").await;
}

#[tokio::test]
async fn a_node_whose_reader_stands_still_is_cut_off() {
    let scene = Scene::begin(|plan| plan.times.stall = Duration::from_millis(400)).await;
    let _bad = scene.member_goes_bad().await;
    let long = Message::Statements(vec![vec![b'x'; 4 * 1024 * 1024]]);
    for _ in 0..8 {
        scene.first.say(To::One(scene.keys[2].kid()), &long);
    }
    until_trouble(&scene.first, "slow-reader", 1).await;
    until(&scene.first, "it is out", |standing| standing[1].connected_since.is_none()).await;
    scene.goes_on("after it").await;
}

#[tokio::test]
async fn a_node_that_says_more_than_is_looked_at_waits_alone() {
    let scene = Scene::begin(|_| {}).await;
    let mut bad = scene.member_goes_bad().await;
    // Nobody takes what it says while it talks as fast as it can.
    let flood = tokio::spawn(async move {
        let long = Message::Statements(vec![vec![b'x'; 4 * 1024 * 1024]]);
        for _ in 0..32 {
            bad.send(&long).await;
        }
        bad
    });
    deliver((&scene.keys[0], &scene.first), (&scene.keys[1], &scene.second), &statement("meanwhile")).await;
    assert!(!flood.is_finished(), "it should wait until somebody looks at what it said");
    let kid = scene.keys[2].kid();
    let mut heard = 0;
    soon("all of it", async {
        while heard < 32 {
            if let sealane::ports::PeerEvent::Said { from, .. } = scene.first.next().await {
                heard += usize::from(from == kid);
            }
        }
    })
    .await;
    soon("it is done", flood).await.unwrap();
}
