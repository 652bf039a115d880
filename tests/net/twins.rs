//! Two nodes that show one member's key: both are told, and so is who sees them.

use sealane::ports::{NodeCertificates, PeerEvent};

use crate::consortium::{Plan, deliver, event, keys, listen, roster, statement, until_connected, until_trouble};

#[tokio::test]
async fn one_key_under_two_tls_keys_is_told_to_both() {
    let keys = keys(2);
    let (seer, first) = (&keys[0], &keys[1]);
    let second = first.copied();
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let seeing = Plan::new(&roster).start(seer, Some(listener));
    let one = Plan::new(&roster).dialling([(seer, address)]).start(first, None);
    until_connected(&seeing, 1).await;
    let two = Plan::new(&roster).dialling([(seer, address)]).start(&second, None);
    let tls_keys = [first.tls.tls_key(), second.tls.tls_key()];
    let twins = |event: PeerEvent| match event {
        PeerEvent::Twins { kid, tls_keys, told_by } => Some((kid, tls_keys, told_by)),
        _ => None,
    };
    assert_eq!(event(&seeing, "who sees them", twins).await, (first.kid(), tls_keys, None));
    let [a, b] = tls_keys;
    let told_by = Some(seer.kid());
    assert_eq!(event(&one, "the first one", twins).await, (first.kid(), [a, b], told_by));
    assert_eq!(event(&two, "the second one", twins).await, (first.kid(), [b, a], told_by));
    until_trouble(&seeing, "twin", 1).await;
    deliver((seer, &seeing), (first, &one), &statement("the first one stays")).await;
}

#[tokio::test]
async fn a_node_that_meets_its_own_key_knows_it() {
    let keys = keys(2);
    let own = &keys[0];
    let copy = own.copied();
    let (listener, address) = listen().await;
    let roster = roster(&keys);
    let node = Plan::new(&roster).start(own, Some(listener));
    // The copy believes that the other member is found where its own original is.
    let mut impostor = crate::impostor::Impostor::connect(address, crate::impostor::Shown::of(&copy)).await.unwrap();
    impostor.send(&sealane_core::agreement::Message::Hello(crate::impostor::hello())).await;
    let told = event(&node, "the twin", |event| match event {
        PeerEvent::Twins { kid, tls_keys, told_by } => Some((kid, tls_keys, told_by)),
        _ => None,
    });
    assert_eq!(told.await, (own.kid(), [own.tls.tls_key(), copy.tls.tls_key()], None));
    assert!(matches!(impostor.read().await, Some(sealane_core::agreement::Message::Hello(_))));
    let twin = sealane_core::agreement::Message::Twin { tls_key: own.tls.tls_key() };
    assert_eq!(impostor.read().await, Some(twin));
    assert_eq!(impostor.read().await, None);
}
