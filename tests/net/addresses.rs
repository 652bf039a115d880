//! Nodes tell each other where nodes are found.

use std::net::SocketAddr;
use std::sync::Arc;

use sealane::net::PeerNetwork;
use sealane::ports::{MemberSigner, Peers, Roster};
use sealane_core::agreement::{Message, NodeAddress, SignedAddress};
use sealane_core::hash::Hash;
use tokio::net::TcpListener;

use crate::consortium::{
    Keys, Plan, Shelf, deliver, keys, listen, origin, roster, soon, statement, until, until_connected,
};
use crate::impostor::Impostor;

fn found_at(roster: &Roster, address: SocketAddr) -> Plan {
    let mut plan = Plan::new(roster);
    plan.own_address = Some((address.to_string(), format!("https://{address}")));
    plan
}

fn signed(keys: &Keys, peer: &str, number: u64) -> SignedAddress {
    let address = NodeAddress::new(keys.kid(), peer, "https://a.example", number).unwrap();
    let signature = keys.member.sign(&address.signed_bytes(&origin()));
    SignedAddress::new(address, signature)
}

fn address_of(node: &PeerNetwork, kid: Hash) -> Option<String> {
    let peer = node.standing().into_iter().find(|peer| peer.kid == kid)?;
    Some(peer.address?.address().peer().to_owned())
}

async fn start(keys: &Keys, roster: &Roster) -> (PeerNetwork, SocketAddr) {
    let (listener, address) = listen().await;
    (found_at(roster, address).start(keys, Some(listener)), address)
}

#[tokio::test]
async fn who_knows_one_node_finds_the_others() {
    let keys = keys(4);
    let roster = roster(&keys);
    let (first, address) = start(&keys[0], &roster).await;
    let mut nodes = vec![first];
    for own in &keys[1..] {
        let (listener, own_address) = listen().await;
        nodes.push(found_at(&roster, own_address).dialling([(&keys[0], address)]).start(own, Some(listener)));
    }
    for node in &nodes {
        until_connected(node, 3).await;
    }
    deliver((&keys[1], &nodes[1]), (&keys[3], &nodes[3]), &statement("though nobody told me of you")).await;
}

#[tokio::test]
async fn a_node_that_moves_is_found_at_its_new_address() {
    let keys = keys(2);
    let roster = roster(&keys);
    let (first, address) = start(&keys[0], &roster).await;
    let shelf = Arc::new(Shelf::default());
    let start_second = |listener: TcpListener, own: SocketAddr| {
        let mut plan = found_at(&roster, own).dialling([(&keys[0], address)]);
        plan.shelf = Arc::clone(&shelf);
        plan.start(&keys[1], Some(listener))
    };
    for number in 1..=3 {
        let (listener, own) = listen().await;
        let second = start_second(listener, own);
        let told = |peer: &sealane::ports::PeerStanding| {
            let address = peer.address.as_ref().map(SignedAddress::address);
            address.is_some_and(|address| address.peer() == own.to_string() && address.number() == number)
        };
        until(&first, "its new address", |standing| told(&standing[0])).await;
        drop(second);
        until(&first, "its end", |standing| standing[0].connected_since.is_none()).await;
    }
}

#[tokio::test]
async fn a_node_that_lost_its_directory_speaks_above_its_earlier_self() {
    let keys = keys(2);
    let roster = roster(&keys);
    let (first, address) = start(&keys[0], &roster).await;
    let mut earlier = Impostor::greet(address, &keys[1]).await;
    earlier.send(&Message::Addresses(vec![signed(&keys[1], "earlier.example:1", 40)])).await;
    until(&first, "the earlier address", |_| address_of(&first, keys[1].kid()).as_deref() == Some("earlier.example:1"))
        .await;
    drop(earlier);
    until(&first, "its end", |standing| standing[0].connected_since.is_none()).await;
    let (listener, own) = listen().await;
    let second = found_at(&roster, own).dialling([(&keys[0], address)]).start(&keys[1], Some(listener));
    until(&first, "the new address", |_| address_of(&first, keys[1].kid()) == Some(own.to_string())).await;
    assert_eq!(second.own_address().unwrap().address().number(), 41);
}

#[tokio::test]
async fn an_address_that_its_member_did_not_sign_counts_for_nothing() {
    let keys = keys(3);
    let roster = roster(&keys);
    let (first, address) = start(&keys[0], &roster).await;
    let mut liar = Impostor::greet(address, &keys[1]).await;
    let good = signed(&keys[2], "good.example:1", 5);
    let by = |keys: &Keys, signature: &SignedAddress, peer: &str, number| {
        let address = NodeAddress::new(keys.kid(), peer, "https://a.example", number).unwrap();
        SignedAddress::new(address, *signature.signature())
    };
    let stranger = Keys::make();
    let told = vec![
        good.clone(),
        by(&keys[2], &good, "bad.example:1", 6),
        signed(&keys[2], "older.example:1", 4),
        signed(&keys[2], "same.example:1", 5),
        signed(&stranger, "stranger.example:1", 9),
    ];
    liar.send(&Message::Addresses(told)).await;
    liar.send(&Message::Addresses(vec![signed(&keys[1], "last.example:1", 1)])).await;
    until(&first, "the last of them", |_| address_of(&first, keys[1].kid()).is_some()).await;
    assert_eq!(address_of(&first, keys[2].kid()).as_deref(), Some("good.example:1"));
    assert_eq!(first.counts().addresses_refused, 2);
}

#[tokio::test]
async fn the_operators_word_wins_and_what_is_kept_outlives_a_restart() {
    let keys = keys(2);
    let roster = roster(&keys);
    let (first, address) = start(&keys[0], &roster).await;
    let shelf = Arc::new(Shelf::default());
    // What is kept leads nowhere; the operator knows better.
    let nowhere = listen().await.1;
    shelf.0.lock().unwrap().push(signed(&keys[0], &nowhere.to_string(), 900));
    let mut plan = Plan::new(&roster).dialling([(&keys[0], address)]);
    plan.shelf = Arc::clone(&shelf);
    let second = plan.start(&keys[1], None);
    until_connected(&second, 1).await;
    drop(second);
    // The first has heard of its higher number, and its own word was kept.
    let is_kept = || shelf.0.lock().unwrap().iter().any(|kept| kept.address().peer() == address.to_string());
    let mut changes = first.changes();
    soon("the first speaks above it", async {
        while first.own_address().unwrap().address().number() != 901 {
            changes.changed().await.unwrap();
        }
    })
    .await;
    let mut plan = Plan::new(&roster).dialling([(&keys[0], address)]);
    plan.shelf = Arc::clone(&shelf);
    let second = plan.start(&keys[1], None);
    until(&second, "it is kept", |_| is_kept()).await;
    drop(second);
    let mut plan = Plan::new(&roster);
    plan.shelf = shelf;
    let second = plan.start(&keys[1], None);
    until_connected(&second, 1).await;
}

#[tokio::test]
async fn what_is_kept_of_a_later_member_counts_once_that_may_connect() {
    let keys = keys(3);
    let shelf = Arc::new(Shelf::default());
    let kept = [signed(&keys[2], "third.example:1", 3), signed(&Keys::make(), "stranger.example:1", 3)];
    shelf.0.lock().unwrap().extend(kept);
    let (listener, address) = listen().await;
    let mut plan = found_at(&roster(&keys[..2]), address);
    plan.shelf = Arc::clone(&shelf);
    let node = plan.start(&keys[0], Some(listener));
    node.admit(roster(&keys));
    assert_eq!(address_of(&node, keys[2].kid()).as_deref(), Some("third.example:1"));
    // Its own was kept beside them, and what a stranger signed does no harm.
    let count = |kid: Hash| shelf.0.lock().unwrap().iter().filter(|one| one.address().kid() == kid).count();
    assert_eq!((count(keys[0].kid()), count(keys[2].kid())), (1, 1));
}

#[tokio::test]
async fn a_node_dials_once_it_may_connect() {
    let keys = keys(2);
    let (first, address) = start(&keys[0], &roster(&keys[..1])).await;
    // It knows the member's address from elsewhere, as a newcomer does.
    let newcomer = Plan::new(&roster(&keys[..1])).start(&keys[1], None);
    newcomer.learn(&[signed(&keys[0], &address.to_string(), 900)]);
    until(&newcomer, "the address", |_| address_of(&newcomer, keys[0].kid()) == Some(address.to_string())).await;
    first.admit(roster(&keys));
    newcomer.admit(roster(&keys));
    until_connected(&first, 1).await;
    assert_eq!(first.counts().trouble("certificate"), 0, "it has not dialled before");
}
