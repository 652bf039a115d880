//! Requests that wait for a decision: rooms, repeats, and what becomes of them.

use sealane::ports::{Admission, Entrance, LedgerStore, PendingRequest, RequestBody, RequestFilter, WaitingRoom};
use sealane_core::consortium::{Claims, ParticipantId, Role};
use sealane_core::hash::Hash;

use crate::ledger::time;
use crate::place::Place;

crate::in_both_stores!(
    requests_wait_repeat_and_fill_their_room,
    a_rejected_request_makes_way_for_the_next,
    old_requests_are_forgotten,
    requests_come_page_by_page,
    strangers_of_one_address_and_the_invited_have_rooms_apart,
);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn id(number: u32) -> ParticipantId {
    format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap()
}

/// A registration for a key, received `day` days into 2026.
fn registration(number: u32, key: &str, day: i64) -> PendingRequest {
    let claims = Claims {
        organization: "Maker & S\u{f8}n".parse().unwrap(),
        roles: vec![Role::Manufacturer],
        glns: Vec::new(),
        gs1_company_prefixes: Vec::new(),
        gs1_keys: Vec::new(),
        namespaces: Vec::new(),
        lei: None,
        contact: None,
        terms: None,
    };
    let body = RequestBody::Registration {
        claims,
        csr: "PEM".to_owned(),
        key: Hash::of(key.as_bytes()),
        entrance: Entrance::default(),
    };
    PendingRequest { participant: id(number), received: start().plus_millis(day * DAY_MS), body, rejected: None }
}

fn renewal(number: u32, key: &str) -> PendingRequest {
    let body = RequestBody::Renewal {
        csr: "PEM".to_owned(),
        key: Hash::of(key.as_bytes()),
        current: Hash::of(b"current"),
        consent: "signature".to_owned(),
    };
    PendingRequest { body, ..registration(number, key, 0) }
}

fn start() -> sealane_core::time::Timestamp {
    time("2026-01-01T00:00:00Z")
}

fn room(requests_max: u64) -> WaitingRoom {
    WaitingRoom {
        requests_max,
        bytes_max: 1_000_000,
        address_requests_max: 2,
        address_bytes_max: 1_000,
        since: start(),
    }
}

async fn add(store: &dyn LedgerStore, request: PendingRequest, room: WaitingRoom) -> Admission {
    store.add_request(request, room).await.unwrap()
}

async fn requests_wait_repeat_and_fill_their_room(place: &Place) {
    let store = place.create().await;
    assert_eq!(store.request(&id(1)).await.unwrap(), None);
    assert_eq!(add(&*store, registration(1, "k1", 0), room(2)).await, Admission::Waits);
    assert_eq!(store.request(&id(1)).await.unwrap(), Some(registration(1, "k1", 0)));
    // The same key under another id, and another key under the same id. A key's own request comes before the id's.
    assert_eq!(add(&*store, registration(2, "k1", 0), room(2)).await, Admission::Repeats(id(1)));
    assert_eq!(add(&*store, registration(1, "k2", 0), room(2)).await, Admission::Repeats(id(1)));
    assert_eq!(add(&*store, registration(2, "k2", 0), room(2)).await, Admission::Waits);
    assert_eq!(add(&*store, registration(2, "k1", 0), room(2)).await, Admission::Repeats(id(1)));
    assert_eq!(add(&*store, registration(3, "k3", 0), room(2)).await, Admission::Full);
    // Renewals have a room of their own.
    assert_eq!(add(&*store, renewal(4, "k4"), room(1)).await, Admission::Waits);
    assert_eq!(add(&*store, renewal(5, "k5"), room(1)).await, Admission::Full);
    let tight = WaitingRoom { bytes_max: 10, ..room(100) };
    assert_eq!(add(&*store, registration(3, "k3", 0), tight).await, Admission::Full);
    assert_eq!(store.requests().await.unwrap(), [registration(1, "k1", 0), registration(2, "k2", 0), renewal(4, "k4")]);
    store.forget_request(&id(1)).await.unwrap();
    store.forget_request(&id(9)).await.unwrap();
    assert_eq!(store.request(&id(1)).await.unwrap(), None);
    assert_eq!(add(&*store, registration(3, "k1", 0), room(2)).await, Admission::Waits);
}

async fn a_rejected_request_makes_way_for_the_next(place: &Place) {
    let store = place.create().await;
    add(&*store, registration(1, "k1", 0), room(1)).await;
    store.reject_request(&id(1), "no such prefix".to_owned()).await.unwrap();
    // What is rejected is so for its first reason.
    store.reject_request(&id(1), "another reason".to_owned()).await.unwrap();
    store.reject_request(&id(2), "nobody".to_owned()).await.unwrap();
    let rejected = PendingRequest { rejected: Some("no such prefix".to_owned()), ..registration(1, "k1", 0) };
    assert_eq!(store.requests().await.unwrap(), [rejected]);
    // It takes no place in the room, its key is free, and its participant's next one takes its row.
    assert_eq!(add(&*store, registration(2, "k1", 1), room(1)).await, Admission::Waits);
    assert_eq!(add(&*store, registration(1, "k2", 2), room(2)).await, Admission::Waits);
    assert_eq!(store.requests().await.unwrap(), [registration(1, "k2", 2), registration(2, "k1", 1)]);
}

async fn old_requests_are_forgotten(place: &Place) {
    let store = place.create().await;
    add(&*store, registration(1, "k1", 1), room(9)).await;
    add(&*store, registration(2, "k2", 2), room(9)).await;
    let later = WaitingRoom { since: start().plus_millis(2 * DAY_MS), ..room(9) };
    assert_eq!(add(&*store, registration(2, "k2", 3), later).await, Admission::Repeats(id(2)));
    assert_eq!(store.requests().await.unwrap(), [registration(2, "k2", 2)]);
}

async fn requests_come_page_by_page(place: &Place) {
    let store = place.create().await;
    for number in [3, 1, 0x0a, 5, 2, 4] {
        add(&*store, registration(number, &format!("k{number}"), i64::from(number)), room(9)).await;
    }
    add(&*store, renewal(6, "k6"), room(9)).await;
    store.reject_request(&id(2), "no".to_owned()).await.unwrap();
    let all = RequestFilter { renewals: false, rejected: None, since: start(), after: None, through: None, limit: 100 };
    let cases: Vec<(RequestFilter, &[u32])> = vec![
        (all.clone(), &[1, 2, 3, 4, 5, 10]),
        (RequestFilter { renewals: true, ..all.clone() }, &[6]),
        (RequestFilter { rejected: Some(true), ..all.clone() }, &[2]),
        (RequestFilter { rejected: Some(false), ..all.clone() }, &[1, 3, 4, 5, 10]),
        (RequestFilter { since: start().plus_millis(4 * DAY_MS), ..all.clone() }, &[4, 5, 10]),
        (RequestFilter { after: Some(id(2)), ..all.clone() }, &[3, 4, 5, 10]),
        (RequestFilter { through: Some(id(3)), ..all.clone() }, &[1, 2, 3]),
        (RequestFilter { after: Some(id(1)), through: Some(id(5)), limit: 2, ..all.clone() }, &[2, 3]),
        (RequestFilter { limit: 0, ..all }, &[]),
    ];
    for (filter, right) in cases {
        let found = store.requests_page(filter.clone()).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|request| request.participant).collect();
        assert_eq!(found, right.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
    }
}

/// A stranger's registration, from an address.
fn from(address: &str, number: u32) -> PendingRequest {
    entering(number, Entrance::Open { address: Some(address.to_owned()) })
}

fn entering(number: u32, by: Entrance) -> PendingRequest {
    let mut request = registration(number, &format!("k{number}"), 0);
    if let RequestBody::Registration { entrance, .. } = &mut request.body {
        *entrance = by;
    }
    request
}

async fn strangers_of_one_address_and_the_invited_have_rooms_apart(place: &Place) {
    let store = place.create().await;
    assert_eq!(add(&*store, from("192.0.2.1", 1), room(4)).await, Admission::Waits);
    assert_eq!(add(&*store, from("192.0.2.1", 2), room(4)).await, Admission::Waits);
    assert_eq!(add(&*store, from("192.0.2.1", 3), room(4)).await, Admission::AddressFull);
    assert_eq!(add(&*store, from("192.0.2.2", 3), room(4)).await, Admission::Waits);
    let narrow = WaitingRoom { address_bytes_max: 10, ..room(4) };
    assert_eq!(add(&*store, from("192.0.2.3", 4), narrow).await, Admission::AddressFull, "bytes count");
    // An unknown address is nobody's.
    assert_eq!(add(&*store, entering(4, Entrance::default()), room(4)).await, Admission::Waits);
    assert_eq!(add(&*store, from("192.0.2.3", 5), room(4)).await, Admission::Full);
    // The invited are not counted with them, nor they with the invited.
    assert_eq!(add(&*store, entering(5, Entrance::Invited), room(1)).await, Admission::Waits);
    assert_eq!(add(&*store, entering(6, Entrance::Invited), room(1)).await, Admission::Full);
    assert_eq!(add(&*store, renewal(7, "k7"), room(1)).await, Admission::Waits);
    assert_eq!(store.request(&id(5)).await.unwrap(), Some(entering(5, Entrance::Invited)));
    assert_eq!(store.request(&id(1)).await.unwrap(), Some(from("192.0.2.1", 1)));
    // What is rejected makes room for its address. An invitation that was used stays used.
    store.reject_request(&id(1), "no".to_owned()).await.unwrap();
    store.reject_request(&id(5), "no".to_owned()).await.unwrap();
    assert_eq!(add(&*store, from("192.0.2.1", 8), room(4)).await, Admission::Waits);
    let again = PendingRequest { participant: id(5), ..entering(9, Entrance::Invited) };
    assert_eq!(add(&*store, again, room(9)).await, Admission::Repeats(id(5)));
    assert_eq!(store.request(&id(5)).await.unwrap().unwrap().rejected.as_deref(), Some("no"));
}
