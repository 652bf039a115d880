//! Who may connect to a member's node because of an open proposal, and for how long.

use std::sync::Arc;
use std::time::Duration;

use sealane::app::deciding::decide;
use sealane::app::orderer::{Consensus, Orderer};
use sealane::pki::{MemberKey, NotePrivateKey, PrivateKey, X509Reader};
use sealane::ports::{Clock, MemberSigner};
use sealane::signatures::AwsLc;
use sealane_core::block::Member as MemberEntry;
use sealane_core::consortium::{Admin, AdmitMember, ChangeProposal, ProposedChange, member_proof_bytes};
use tokio::sync::mpsc;

use crate::member::{Member, Unobserved};
use crate::silence::Told;

/// Nothing is recorded when a proposal expires. Its newcomer may connect no more all the same.
#[tokio::test]
async fn a_newcomer_may_connect_while_its_proposal_is_open_and_no_longer() {
    let member = Member::begin().await;
    let (_event, events) = mpsc::unbounded_channel();
    let told = Told::new(events);
    let consensus = Consensus { peers: Arc::clone(&told) as _, ..member.consensus() };
    let (store, clock, signer) =
        (Arc::new(member.store.clone()), Arc::clone(&member.clock), Arc::clone(&member.signer));
    let opened = Orderer::open(store, clock.clone() as _, signer, Arc::new(AwsLc), Arc::new(Unobserved), consensus);
    let (orderer, ledger) = opened.await.unwrap();
    let writer = tokio::spawn(orderer.run());

    let key = MemberKey::new(PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap()).unwrap();
    let entry = MemberEntry::new("Newcomer", key.public_key().clone(), key.note_key().clone()).unwrap();
    let admit = ProposedChange::Admit(Box::new(AdmitMember {
        name: entry.name().to_owned(),
        jwk: entry.key().clone(),
        note_key: entry.note_key().clone(),
        proof: key.sign(&member_proof_bytes(&member.origin(), &entry)),
    }));
    let expires = clock.now().plus_millis(60_000);
    let proposal = Admin::Proposal(ChangeProposal { changes: vec![admit], expires });
    decide(&ledger, &X509Reader, member.signed(&proposal)).await.unwrap();

    let may_connect = || {
        let roster = told.roster.lock().unwrap();
        roster.as_ref().is_some_and(|roster| roster.candidates.contains_key(&entry.kid()))
    };
    let is_told = || ledger.council().candidates.iter().any(|one| one.kid == entry.kid());
    assert!(may_connect());
    // It stays while the proposal is open, however long that is.
    clock.advance(60_000);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(may_connect() && is_told());
    let size = ledger.view().size();
    clock.advance(1);
    let gone = async {
        while may_connect() || is_told() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it may connect no more");
    assert_eq!(ledger.view().size(), size, "no statement was needed");
    drop(ledger);
    writer.await.unwrap();
}
