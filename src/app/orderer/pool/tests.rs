//! What waits, for how long, and in which order it is offered.

use std::convert::Infallible;

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::RandomizedSigner;
use p256::ecdsa::signature::rand_core::{TryCryptoRng, TryRng};
use sealane_core::consortium::{Admin, Ballot, CertificateFacts, CertificateReader, Place, RequestedKey};
use sealane_core::merkle::TreeSize;
use sealane_core::statement::{Draft, Header, P256, PublicKey, Signature};
use sealane_core::time::Timestamp;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::app::orderer::job::Ordered;

const ORIGIN: &str = "ledger.example/pool";

/// No statement here has a certificate.
struct NoCertificates;

impl CertificateReader for NoCertificates {
    fn request(&self, _: &str) -> Result<RequestedKey, String> {
        Err("none is read".to_owned())
    }

    fn request_der(&self, _: &[u8]) -> Result<RequestedKey, String> {
        Err("none is read".to_owned())
    }

    fn certificate(&self, _: &[u8]) -> Result<CertificateFacts, String> {
        Err("none is read".to_owned())
    }
}

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn draft(number: u32) -> (SigningKey, Draft) {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let ballot = Ballot { proposal: StatementId::from_hash(Hash::of(&number.to_be_bytes())), yes: true };
    let kid = PublicKey::from(key.verifying_key()).thumbprint();
    let draft = Draft::new(Header::admin(kid, ORIGIN, now()), &Admin::Ballot(ballot).to_payload()).unwrap();
    (key, draft)
}

fn read(draft: Draft, signature: Signature, key: &SigningKey) -> Candidate {
    let verified = draft.with_signature(signature).verify(&PublicKey::from(key.verifying_key()), &P256).unwrap();
    Candidate::admin(verified, &NoCertificates, Place { leaf: TreeSize::ZERO.next_index(), time: now() }).unwrap()
}

/// A statement of its own for each number.
fn statement(number: u32) -> Candidate {
    let (key, draft) = draft(number);
    let signature = Signature::sign(&key, draft.signing_input().as_bytes());
    read(draft, signature, &key)
}

/// A number in the place of randomness: each gives another nonce, and so another signature that holds.
struct Salt(u8);

impl TryRng for Salt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.into())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.into())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Salt {}

/// One and the same statement in the form of each salt.
fn form(salt: u8) -> Candidate {
    let (key, draft) = draft(0);
    let signature: p256::ecdsa::Signature = key.sign_with_rng(&mut Salt(salt), draft.signing_input().as_bytes());
    let signature = Signature::from_bytes(signature.to_bytes().into());
    read(draft, signature, &key)
}

const ONE: BroughtBy = BroughtBy::Member(Hash::from_bytes([1; 32]));
const TWO: BroughtBy = BroughtBy::Member(Hash::from_bytes([2; 32]));

/// A pool and the time.
struct Trial {
    pool: Pool,
    now: Instant,
}

impl Trial {
    fn new() -> Self {
        Self { pool: Pool::default(), now: Instant::now() }
    }

    fn add(&mut self, candidate: &Candidate, source: BroughtBy) {
        self.pool.add(candidate.clone(), source, None, self.now);
    }

    /// Adds it for a client who waits for the answer.
    fn ask(&mut self, candidate: &Candidate) -> oneshot::Receiver<Result<Ordered, OrderError>> {
        let (reply, answer) = JobReply::new();
        self.pool.add(candidate.clone(), BroughtBy::Client, Some(reply), self.now);
        answer
    }

    fn offered(&mut self, statements_max: usize) -> Vec<Hash> {
        self.pool.offer(statements_max, usize::MAX).iter().map(Candidate::leaf_hash).collect()
    }
}

#[test]
fn sources_take_turns_and_each_keeps_its_order() {
    let mut trial = Trial::new();
    let (first, second): (Vec<_>, Vec<_>) = ((0..6).map(statement).collect(), (10..12).map(statement).collect());
    first.iter().for_each(|one| trial.add(one, ONE));
    second.iter().for_each(|one| trial.add(one, TWO));
    let leaves = |all: &[&Candidate]| all.iter().map(|one| one.leaf_hash()).collect::<Vec<_>>();
    let (a, b) = (&first, &second);
    assert_eq!(trial.offered(5), leaves(&[&a[0], &b[0], &a[1], &b[1], &a[2]]));
    // The turn goes on, and nothing was taken out.
    assert_eq!(trial.offered(5), leaves(&[&b[0], &a[0], &b[1], &a[1], &a[2]]));
    assert_eq!(trial.offered(100).len(), 8);
    // The bytes end an offer after the statement that reaches them.
    let bytes = bytes_of(&a[0]) + 1;
    assert_eq!(trial.pool.offer(100, bytes).len(), 2);
    assert_eq!(trial.pool.offer(100, 0).len(), 0);
}

#[test]
fn a_source_that_is_full_takes_no_others_place() {
    let mut trial = Trial::new();
    let all: Vec<_> = (0..=POOL_STATEMENTS_MAX).map(|at| statement(u32::try_from(at).unwrap())).collect();
    all.iter().for_each(|one| trial.add(one, ONE));
    assert!(trial.pool.is_full_for(ONE) && !trial.pool.is_full_for(TWO) && !trial.pool.is_full_for(BroughtBy::Client));
    assert_eq!(trial.pool.len(), POOL_STATEMENTS_MAX);
    let beyond = all.last().unwrap();
    assert!(trial.pool.get(&beyond.leaf_hash()).is_none());
    trial.add(beyond, TWO);
    assert!(trial.pool.get(&beyond.leaf_hash()).is_some());
    // One goes, one may come.
    trial.pool.remove(&all[7].leaf_hash());
    trial.add(&statement(1_000_000), ONE);
    assert_eq!((trial.pool.len(), trial.pool.is_full_for(ONE)), (POOL_STATEMENTS_MAX + 1, true));
}

#[test]
fn who_asks_at_a_full_pool_is_told_to_come_again() {
    let mut trial = Trial::new();
    (0..u32::try_from(POOL_STATEMENTS_MAX).unwrap()).for_each(|at| trial.add(&statement(at), BroughtBy::Client));
    let mut answer = trial.ask(&statement(1_000_000));
    assert!(matches!(answer.try_recv(), Ok(Err(OrderError::Busy))));
    // Who asks for what waits already waits with it.
    let mut waits = trial.ask(&statement(3));
    assert!(matches!(waits.try_recv(), Err(TryRecvError::Empty)));
    assert_eq!(trial.pool.remove(&statement(3).leaf_hash()).len(), 1);
}

#[test]
fn of_one_statement_only_so_many_forms_wait_and_all_go_together() {
    let mut trial = Trial::new();
    let forms: Vec<_> = (1..=6).map(form).collect();
    assert!(forms.iter().all(|one| one.id() == forms[0].id()));
    forms.iter().for_each(|one| trial.add(one, ONE));
    assert_eq!(trial.pool.len(), FORMS_MAX);
    let mut refused = trial.ask(&forms[5]);
    assert!(matches!(refused.try_recv(), Ok(Err(OrderError::Busy))));
    let mut waits = trial.ask(&forms[1]);
    let senders = trial.pool.remove_all(&forms[0].id(), &forms[0].leaf_hash());
    assert_eq!((senders.len(), trial.pool.len(), trial.pool.bytes()), (1, 0, 0));
    answer_all(senders, &Err(OrderError::Stopped));
    assert!(matches!(waits.try_recv(), Ok(Err(OrderError::Stopped))));
    // Nothing of them is left that a later form would be counted with.
    trial.add(&forms[4], ONE);
    assert_eq!(trial.pool.len(), 1);
}

#[test]
fn a_strangers_statement_is_forgotten_and_a_clients_is_kept() {
    let mut trial = Trial::new();
    let (foreign, own, left) = (statement(1), statement(2), statement(3));
    trial.add(&foreign, ONE);
    let waits = trial.ask(&own);
    drop(trial.ask(&left));
    trial.pool.forget_old(trial.now + FOREIGN_FOR);
    assert_eq!(trial.pool.len(), 3, "not before the time is over");
    trial.pool.forget_old(trial.now + FOREIGN_FOR + Duration::from_millis(1));
    let all: Vec<_> = trial.pool.all().map(Candidate::leaf_hash).collect();
    assert_eq!(all, [own.leaf_hash()]);
    assert_eq!(trial.pool.own().count(), 1);
    drop(waits);
}

#[test]
fn what_a_client_waits_for_stays_though_another_member_brought_it_first() {
    let mut trial = Trial::new();
    trial.add(&statement(1), ONE);
    let waits = trial.ask(&statement(1));
    trial.pool.forget_old(trial.now + FOREIGN_FOR * 2);
    assert_eq!((trial.pool.len(), trial.pool.own().count()), (1, 1));
    assert_eq!(trial.pool.drain_clients().len(), 1);
    assert!(trial.pool.is_empty());
    drop(waits);
}

#[test]
fn clients_are_drained_and_members_statements_stay() {
    let mut trial = Trial::new();
    trial.add(&statement(1), ONE);
    trial.add(&statement(2), BroughtBy::Client);
    let _waits = trial.ask(&statement(3));
    assert_eq!(trial.pool.drain_clients().len(), 1, "one has a client that waits");
    assert_eq!(trial.pool.all().map(Candidate::leaf_hash).collect::<Vec<_>>(), [statement(1).leaf_hash()]);
}

#[test]
fn a_queue_whose_first_one_stays_does_not_grow_by_what_came_and_went() {
    let mut trial = Trial::new();
    trial.add(&statement(0), ONE);
    for at in 1..500 {
        trial.add(&statement(at), ONE);
        trial.pool.remove(&statement(at).leaf_hash());
    }
    let queue = &trial.pool.queues[&ONE];
    assert!(queue.order.len() <= 2 + ORDER_SLACK, "{}", queue.order.len());
    assert_eq!((queue.statements, queue.bytes), (1, bytes_of(&statement(0))));
}
