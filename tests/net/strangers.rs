//! Who is no member is not let in, and costs little.

use sealane_core::agreement::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::consortium::{
    Keys, Plan, connected, deliver, keys, listen, roster, soon, start_all, statement, until, until_connected,
    until_counted, until_trouble,
};
use crate::impostor::{Impostor, Shown, hello};
use sealane::net::{PeerCounts, PeerNetwork};
use sealane::ports::Peers;
use sealane_core::agreement::Hello;

/// A node of a member, and keys of another member that does not run.
async fn node_and_member() -> (Vec<Keys>, PeerNetwork, std::net::SocketAddr) {
    let keys = keys(2);
    let (listener, address) = listen().await;
    let node = Plan::new(&roster(&keys)).start(&keys[0], Some(listener));
    (keys, node, address)
}

/// Connects with a certificate, and expects not to hear a word.
async fn is_refused(to: std::net::SocketAddr, shown: Shown) {
    let Ok(mut impostor) = soon("a handshake", Impostor::connect(to, shown)).await else { return };
    assert_eq!(soon("the end", impostor.read()).await, None);
}

#[tokio::test]
async fn a_strangers_certificate_and_one_that_no_member_signed_are_refused() {
    let (keys, node, address) = node_and_member().await;
    is_refused(address, Shown::of(&Keys::make())).await;
    until_trouble(&node, "certificate", 1).await;
    is_refused(address, Shown::forged(keys[1].kid())).await;
    until_trouble(&node, "certificate", 2).await;
    assert_eq!((node.counts().connected, connected(&node.standing())), (0, 0));
    // The same place takes the member itself.
    Impostor::greet(address, &keys[1]).await;
    until_trouble(&node, "closed", 1).await;
    assert_eq!(node.counts().connected, 1);
}

#[tokio::test]
async fn a_node_that_dials_refuses_them_too() {
    let keys = keys(2);
    let stranger = Keys::make();
    let (listener, address) = listen().await;
    // The stranger would take anybody: it has both members in a roster of its own.
    let with_stranger = roster(keys.iter().chain([&stranger]));
    let trap = Plan::new(&with_stranger).start(&stranger, Some(listener));
    let node = Plan::new(&roster(&keys)).dialling([(&keys[0], address)]).start(&keys[1], None);
    until(&node, "the trouble", |standing| standing[0].trouble.is_some()).await;
    let trouble = node.standing()[0].trouble.clone().unwrap();
    assert!(trouble.contains(&stranger.kid().to_string()) && trouble.contains("no member"), "{trouble}");
    assert_eq!((node.counts().connected, trap.counts().connected), (0, 0));
}

#[tokio::test]
async fn a_member_at_anothers_address_is_not_taken_for_it() {
    let keys = keys(3);
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let _third = Plan::new(&roster).start(&keys[2], Some(listener));
    let node = Plan::new(&roster).dialling([(&keys[0], address)]).start(&keys[1], None);
    until_trouble(&node, "other-member", 1).await;
    assert_eq!(connected(&node.standing()), 0);
}

#[tokio::test]
async fn a_node_of_another_ledger_is_refused_by_both() {
    let keys = keys(2);
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let first = Plan::new(&roster).start(&keys[0], Some(listener));
    let mut plan = Plan::new(&roster).dialling([(&keys[0], address)]);
    plan.origin = "ledger.example/other".parse().unwrap();
    let second = plan.start(&keys[1], None);
    until_trouble(&first, "other-ledger", 1).await;
    until_trouble(&second, "other-ledger", 1).await;
    until(&second, "the trouble", |standing| {
        standing[0].trouble.as_ref().is_some_and(|trouble| trouble.contains("ledger.example/net"))
    })
    .await;
    assert_eq!((first.counts().connected, second.counts().connected), (0, 0));
}

#[tokio::test]
async fn another_version_of_the_protocol_is_refused_if_it_is_too_old() {
    let (keys, node, address) = node_and_member().await;
    let mut old = Impostor::connect(address, Shown::of(&keys[1])).await.unwrap();
    old.send(&Message::Hello(Hello { version: 0, ..hello() })).await;
    soon("the end", old.read_to_end()).await;
    until_trouble(&node, "other-version", 1).await;
    assert_eq!(node.counts().connected, 0);
    let mut later = Impostor::connect(address, Shown::of(&keys[1])).await.unwrap();
    later.send(&Message::Hello(Hello { version: 9, ..hello() })).await;
    until_connected(&node, 1).await;
}

#[tokio::test]
async fn a_connection_begins_with_a_short_hello() {
    let (keys, node, address) = node_and_member().await;
    let connect = || Impostor::connect(address, Shown::of(&keys[1]));
    let mut rude = connect().await.unwrap();
    rude.send(&Message::Ping(1)).await;
    soon("the end", rude.read_to_end()).await;
    until_trouble(&node, "no-hello", 1).await;
    let mut long = connect().await.unwrap();
    long.send_bytes(&5_000_u32.to_be_bytes()).await;
    soon("the end", long.read_to_end()).await;
    until_trouble(&node, "frame-length", 1).await;
    let mut twice = Impostor::greet(address, &keys[1]).await;
    twice.send(&Message::Hello(hello())).await;
    soon("the end", twice.read_to_end()).await;
    until_trouble(&node, "no-hello", 2).await;
}

#[tokio::test]
async fn bytes_that_are_no_tls_end_a_connection() {
    let (_, node, address) = node_and_member().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    until_trouble(&node, "tls", 1).await;
}

#[tokio::test]
async fn who_does_not_say_who_it_is_has_so_long_and_so_many_places() {
    let keys = keys(2);
    let (listener, address) = listen().await;
    let mut plan = Plan::new(&roster(&keys));
    plan.times.handshake = std::time::Duration::from_millis(500);
    let node = plan.start(&keys[0], Some(listener));
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(TcpStream::connect(address).await.unwrap());
    }
    let dealt_with = |counts: &PeerCounts| counts.half_open_refused + counts.trouble("handshake-time") >= 20;
    until_counted(&node, "all are dealt with", dealt_with).await;
    // On a slow machine some places are given back before the last connection comes.
    assert!(node.counts().half_open_refused > 0 && node.counts().trouble("handshake-time") >= 8, "{:?}", node.counts());
    Impostor::greet(address, &keys[1]).await;
}

#[tokio::test]
async fn a_thousand_that_connect_and_close_do_not_disturb_the_members() {
    let keys = keys(2);
    let (nodes, addresses) = start_all(&keys).await;
    until_connected(&nodes[0], 1).await;
    for number in 0..1_000 {
        drop(TcpStream::connect(addresses[0]).await.unwrap());
        if number % 250 == 0 {
            let message = statement(&format!("after {number}"));
            deliver((&keys[0], &nodes[0]), (&keys[1], &nodes[1]), &message).await;
            deliver((&keys[1], &nodes[1]), (&keys[0], &nodes[0]), &message).await;
        }
    }
    let dealt_with = |counts: &PeerCounts| counts.half_open_refused + counts.trouble("tls") >= 1_000;
    until_counted(&nodes[0], "all thousand are dealt with", dealt_with).await;
    deliver((&keys[0], &nodes[0]), (&keys[1], &nodes[1]), &statement("after all")).await;
    assert_eq!(connected(&nodes[0].standing()), 1);
}
