//! Requests to join as a node keeps them: within bounds, for as long as they could be granted, and through a restart.

use std::io;
use std::sync::{Arc, Mutex};

use sealane::app::joining::{
    JOIN_REQUESTS_MAX, JOIN_REQUESTS_PER_ADDRESS_MAX, JoinDesk, JoinError, JoinKeeper, JoinRequest,
};
use sealane::pki::{MemberKey, NotePrivateKey, PrivateKey};
use sealane_core::block::Origin;
use sealane_core::statement::P256;

use crate::member::Member;

/// Requests that are kept in memory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl JoinKeeper for Memory {
    fn load(&self) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&self, requests: &[u8]) -> io::Result<()> {
        *self.0.lock().unwrap() = requests.to_vec();
        Ok(())
    }
}

fn key() -> MemberKey {
    MemberKey::new(PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap()).unwrap()
}

fn request(key: &MemberKey, name: &str, origin: &Origin) -> JoinRequest {
    JoinRequest::sign(key, &name.parse().unwrap(), origin, Some(("e.example:7443", "https://e.example"))).unwrap()
}

#[tokio::test]
async fn requests_wait_within_bounds_and_through_a_restart() {
    let (member, _) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    let origin = member.origin();
    let memory = Memory::default();
    let desk = JoinDesk::open(Box::new(memory.clone()), &P256);
    let first = key();
    for at in 0..JOIN_REQUESTS_PER_ADDRESS_MAX {
        let key = if at == 0 { &first } else { &key() };
        desk.add(&ledger, request(key, &format!("Here {at}"), &origin), Some("198.51.100.1".to_owned())).unwrap();
    }
    let more = |name: &str| request(&key(), name, &origin);
    assert_eq!(desk.add(&ledger, more("More"), Some("198.51.100.1".to_owned())), Err(JoinError::AddressCrowded));
    // A key that asks again takes its own place, under another name too.
    desk.add(&ledger, request(&first, "Renamed", &origin), Some("198.51.100.1".to_owned())).unwrap();
    for at in JOIN_REQUESTS_PER_ADDRESS_MAX..JOIN_REQUESTS_MAX {
        desk.add(&ledger, more(&format!("There {at}")), Some(format!("203.0.113.{at}"))).unwrap();
    }
    assert_eq!(desk.add(&ledger, more("Late"), Some("192.0.2.1".to_owned())), Err(JoinError::Crowded));
    let other: Origin = "other.example/ledger".parse().unwrap();
    let elsewhere = desk.add(&ledger, request(&key(), "Lost", &other), None);
    assert_eq!(elsewhere, Err(JoinError::OtherLedger { found: other, expected: origin.clone() }));

    let members = ledger.view().registry.members().clone();
    let again = JoinDesk::open(Box::new(memory.clone()), &P256);
    let waiting = again.waiting(&members, ledger.now());
    assert_eq!(waiting, desk.waiting(&members, ledger.now()));
    assert_eq!((waiting.len(), waiting[0].request.member().name()), (JOIN_REQUESTS_MAX, "Renamed"));
    // What was changed on the disk does not count, and what cannot be read is forgotten.
    let changed = String::from_utf8(memory.load().unwrap()).unwrap().replace("Renamed", "Another");
    memory.save(changed.as_bytes()).unwrap();
    assert_eq!(
        JoinDesk::open(Box::new(memory.clone()), &P256).waiting(&members, ledger.now()).len(),
        JOIN_REQUESTS_MAX - 1
    );
    memory.save(b"junk").unwrap();
    assert!(JoinDesk::open(Box::new(memory), &P256).waiting(&members, ledger.now()).is_empty());
    // After 30 days it may be asked again.
    let later = ledger.now().plus_millis(31 * 24 * 60 * 60 * 1000);
    assert!(desk.waiting(&members, later).is_empty());
    drop(orderer);
}
