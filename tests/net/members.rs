//! Who may connect follows the ledger.

use sealane::ports::{PeerEvent, Peers, To};
use sealane_core::agreement::{Message, NodeStatus};
use sealane_core::block::Height;
use sealane_core::hash::Hash;

use crate::consortium::{
    MachineClock, Plan, connected, deliver, event, keys, listen, member_and_candidate, roster, soon, start_all,
    statement, until, until_connected, until_trouble,
};
use crate::impostor::{Impostor, Shown};
use sealane::ports::Clock;

#[tokio::test]
async fn a_member_that_is_removed_is_cut_off_at_once_and_does_not_come_back() {
    let keys = keys(3);
    let (nodes, addresses) = start_all(&keys).await;
    until_connected(&nodes[0], 2).await;
    deliver((&keys[2], &nodes[2]), (&keys[0], &nodes[0]), &statement("while it may")).await;
    let left = roster(&keys[..2]);
    nodes[0].admit(left.clone());
    assert_eq!(nodes[0].standing().len(), 1, "it is out before the call returns");
    assert_eq!(nodes[0].say(To::One(keys[2].kid()), &statement("too late")), 0);
    event(&nodes[0], "its end", |event| {
        matches!(event, PeerEvent::Disconnected { from } if from == keys[2].kid()).then_some(())
    })
    .await;
    nodes[1].admit(left);
    until_trouble(&nodes[0], "certificate", 1).await;
    let refused = Impostor::connect(addresses[0], Shown::of(&keys[2])).await;
    if let Ok(mut refused) = refused {
        assert_eq!(refused.read().await, None);
    }
    deliver((&keys[0], &nodes[0]), (&keys[1], &nodes[1]), &statement("the others go on")).await;
    nodes[0].admit(roster(&keys));
    until_connected(&nodes[0], 2).await;
}

#[tokio::test]
async fn the_socket_of_who_is_removed_is_closed() {
    let keys = keys(2);
    let (listener, address) = listen().await;
    let node = Plan::new(&roster(&keys)).start(&keys[0], Some(listener));
    let mut removed = Impostor::greet(address, &keys[1]).await;
    until_connected(&node, 1).await;
    node.admit(roster(&keys[..1]));
    soon("the end", removed.read_to_end()).await;
    until_trouble(&node, "removed", 1).await;
}

#[tokio::test]
async fn a_candidate_says_where_it_stands_and_nothing_else() {
    let keys = keys(2);
    let (member, candidate) = (&keys[0], &keys[1]);
    let [node, other] = member_and_candidate(member, candidate).await;
    let standing = node.standing();
    assert_eq!((standing[0].kid, standing[0].is_member), (candidate.kid(), false));
    let status = Message::Status(NodeStatus {
        tip: Height::GENESIS,
        root: Hash::of(b"root"),
        time: MachineClock.now(),
        address: None,
    });
    let asked = Message::AskBlocks { from: Height::GENESIS };
    for message in [&statement("not for it to say"), &Message::Ping(0), &asked, &status] {
        other.say(To::All, message);
    }
    let mut heard = Vec::new();
    event(&node, "the status", |event| {
        if let PeerEvent::Said { message, .. } = event {
            heard.push(message);
        }
        heard.contains(&status).then_some(())
    })
    .await;
    assert_eq!(heard, [asked, status.clone()]);
    assert_eq!(node.counts().candidate_messages_refused, 1);
    assert_eq!(node.say(To::All, &statement("not for it to hear")), 0);
    assert_eq!(node.say(To::All, &status), 1);
    assert_eq!(connected(&node.standing()), 1);
    node.admit(roster(&keys));
    assert!(node.standing()[0].is_member);
    deliver((candidate, &other), (member, &node), &statement("as a member")).await;
    until(&node, "still there", |standing| standing[0].connected_since.is_some()).await;
}
