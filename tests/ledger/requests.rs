//! Requests that wait for a decision: how many, how long, and what becomes of them.

use sealane::app::registration::{self, REQUEST_AGE_MS_MAX, RegistrationError, Status};
use sealane::pki::{CertificateRequest, PrivateKey, X509Reader};
use sealane::ports::{Admission, Entrance, LedgerStore, PendingRequest, RequestBody, WaitingRoom};
use sealane_core::consortium::{Claims, ParticipantId, Role};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

use crate::member::Member;

fn id(n: u32) -> ParticipantId {
    format!("5f0c1f6e-6d0b-4a57-9a35-{n:012x}").parse().unwrap()
}

fn claims() -> Claims {
    Claims {
        organization: "Somebody".parse().unwrap(),
        roles: vec![Role::Shipper],
        glns: Vec::new(),
        gs1_company_prefixes: Vec::new(),
        gs1_keys: Vec::new(),
        namespaces: Vec::new(),
        lei: None,
        contact: None,
        terms: None,
    }
}

fn csr() -> String {
    CertificateRequest::make(&PrivateKey::generate().unwrap(), "Somebody").unwrap().to_pem()
}

fn asked(n: u32, key: u32, renewal: bool, received: Timestamp) -> PendingRequest {
    let (csr, key) = ("csr".to_owned(), Hash::of(&key.to_be_bytes()));
    let body = match renewal {
        false => RequestBody::Registration { claims: claims(), csr, key, entrance: Entrance::default() },
        true => RequestBody::Renewal { csr, key, current: key, consent: "consent".to_owned() },
    };
    PendingRequest { participant: id(n), received, body, rejected: None }
}

fn room(requests_max: u64, since: Timestamp) -> WaitingRoom {
    let (bytes_max, most) = (1_000_000, u64::MAX);
    WaitingRoom { requests_max, bytes_max, address_requests_max: most, address_bytes_max: most, since }
}

#[tokio::test]
async fn a_room_takes_what_fits_and_keeps_it_for_its_time() {
    let member = Member::begin().await;
    let store = &member.store;
    let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    let room = room(3, start);
    let add = |request: PendingRequest, room| async move { store.add_request(request, room).await.unwrap() };
    assert_eq!(add(asked(1, 1, false, start), room).await, Admission::Waits);
    assert_eq!(add(asked(2, 1, false, start), room).await, Admission::Repeats(id(1)), "one key waits once");
    assert_eq!(add(asked(1, 2, true, start), room).await, Admission::Repeats(id(1)), "so does one participant");
    assert_eq!(add(asked(2, 2, false, start), room).await, Admission::Waits);
    let narrow = WaitingRoom { bytes_max: 500, ..room };
    assert_eq!(add(asked(3, 3, false, start), narrow).await, Admission::Full, "bytes count");
    let later = start.plus_millis(1);
    assert_eq!(add(asked(3, 3, false, later), room).await, Admission::Waits);
    assert_eq!(add(asked(4, 4, false, later), room).await, Admission::Full);
    assert_eq!(add(asked(5, 5, true, later), room).await, Admission::Waits, "renewals have a room of their own");
    // What is rejected waits no more, and its participant and its key may ask again.
    store.reject_request(&id(3), "no".to_owned()).await.unwrap();
    assert_eq!(add(asked(3, 3, false, later), room).await, Admission::Waits);
    assert_eq!(store.request(&id(3)).await.unwrap().unwrap().rejected, None);
    store.forget_request(&id(3)).await.unwrap();
    assert_eq!(store.request(&id(3)).await.unwrap(), None);
    assert_eq!(add(asked(6, 6, false, later), room).await, Admission::Waits);
    // The old ones make room.
    assert_eq!(add(asked(7, 1, false, later), WaitingRoom { since: later, ..room }).await, Admission::Waits);
    let kept: Vec<_> = store.requests().await.unwrap().into_iter().map(|request| request.participant).collect();
    assert_eq!(kept, [id(5), id(6), id(7)]);
}

#[tokio::test]
async fn a_request_ends_after_a_month() {
    let member = Member::begin().await;
    let (orderer, ledger) = member.open().await.unwrap();
    tokio::spawn(orderer.run());
    let csr = csr();
    registration::request(&ledger, &X509Reader, id(1), claims(), &csr, Entrance::default()).await.unwrap();
    let again =
        registration::request(&ledger, &X509Reader, id(2), claims(), &csr, Entrance::default()).await.unwrap_err();
    assert!(matches!(again, RegistrationError::Waiting { ref waiting } if *waiting == id(1)), "{again}");
    member.clock.advance(REQUEST_AGE_MS_MAX);
    assert!(registration::find(&ledger, &id(1)).await.unwrap().is_some());
    member.clock.advance(1);
    assert!(registration::find(&ledger, &id(1)).await.unwrap().is_none());
    assert!(registration::list(&ledger, None, None, 10).await.unwrap().listed.is_empty());
    registration::request(&ledger, &X509Reader, id(2), claims(), &csr, Entrance::default()).await.unwrap();
    assert_eq!(member.store.requests().await.unwrap().len(), 1, "the old one is gone");
}

#[tokio::test]
async fn an_answered_request_is_removed() {
    let (member, maker) = Member::with_maker().await;
    assert_eq!(member.store.requests().await.unwrap(), []);
    let (orderer, ledger) = member.open().await.unwrap();
    tokio::spawn(orderer.run());
    // Left over by a stop right after the approval: it is passed over.
    let left = PendingRequest { participant: maker.id, ..asked(0, 0, false, ledger.now()) };
    let room = room(1, Timestamp::EPOCH);
    member.store.add_request(left, room).await.unwrap();
    for status in [None, Some(Status::Pending), Some(Status::Active)] {
        let listed = registration::list(&ledger, status, None, 10).await.unwrap().listed;
        assert_eq!(listed.len(), usize::from(status != Some(Status::Pending)), "{status:?}");
        assert!(listed.iter().all(|one| one.request.is_none()));
    }
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    tokio::spawn(orderer.run());
    for n in 1..=5 {
        registration::request(&ledger, &X509Reader, id(n), claims(), &csr(), Entrance::default()).await.unwrap();
    }
    member.store.reject_request(&id(2), "no".to_owned()).await.unwrap();
    let all = [vec![id(1), id(2), id(3), id(4), id(5)], vec![maker.id]].concat();
    let pending = vec![id(1), id(3), id(4), id(5)];
    for (status, expected) in [
        (None, all),
        (Some(Status::Pending), pending),
        (Some(Status::Rejected), vec![id(2)]),
        (Some(Status::Active), vec![maker.id]),
        (Some(Status::Revoked), vec![]),
    ] {
        for limit in 1..=7 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = registration::list(&ledger, status, after, limit).await.unwrap();
                assert!(page.listed.len() <= limit as usize);
                found.extend(page.listed.into_iter().map(|one| one.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let mut expected = expected.clone();
            expected.sort();
            assert_eq!(found, expected, "{status:?} by {limit}");
        }
    }
}
