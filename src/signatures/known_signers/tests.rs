use p256::ecdsa::SigningKey;

use super::*;
use sealane_core::statement::{Draft, Header, Signature, StatementError, SubmittedStatement, VerifiedStatement, sign};
use sealane_core::time::Timestamp;

const LIMITS: Limits = Limits { tables: 2, seen: 3, counted_keys: 4, idle_statements: 10, pause_factor: 0 };

fn signers() -> KnownSigners {
    KnownSigners(Arc::new(Shared::with_limits(LIMITS)))
}

impl KnownSigners {
    fn len(&self) -> usize {
        self.0.tables.read().unwrap().len()
    }

    fn check(&self, statement: SubmittedStatement, key: &PublicKey) -> Result<VerifiedStatement, StatementError> {
        statement.verify(key, self)
    }
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn public(seed: u8) -> PublicKey {
    PublicKey::from(secret(seed).verifying_key())
}

fn draft() -> Draft {
    let iat = Timestamp::from_seconds(1_795_253_400).unwrap();
    Draft::new(Header::epcis(Hash::of(b"certificate"), "ledger.example/test", iat), b"{}").unwrap()
}

fn statement(seed: u8) -> SubmittedStatement {
    sign(draft(), &secret(seed))
}

/// Verifies statements of a signer, and waits for the table if one is made.
fn see(signers: &KnownSigners, seed: u8, times: u32) {
    for _ in 0..times {
        let verified = signers.check(statement(seed), &public(seed)).unwrap();
        assert_eq!(verified.verified_with(), public(seed).thumbprint());
        let making = signers.0.waiting().making.take();
        if let Some(making) = making {
            making.join().unwrap();
        }
    }
}

fn has_table(signers: &KnownSigners, seed: u8) -> bool {
    signers.0.table(&public(seed)).is_some()
}

#[test]
fn a_key_gets_its_table_when_it_was_seen_often_enough() {
    let signers = signers();
    see(&signers, 1, LIMITS.seen - 1);
    assert_eq!(signers.len(), 0);
    see(&signers, 1, 1);
    assert!(has_table(&signers, 1));
    assert_eq!(signers.len(), 1);
    see(&signers, 1, 20);
    assert_eq!(signers.len(), 1);
    assert!(signers.0.waiting().seen.is_empty(), "a key with a table is not counted");
}

#[test]
fn a_bad_signature_is_refused_with_a_table_and_without() {
    let signers = signers();
    let forged = || draft().with_signature(Signature::sign(&secret(2), b"something else"));
    for _ in 0..2 * LIMITS.seen {
        assert_eq!(signers.check(forged(), &public(1)), Err(StatementError::BadSignature));
    }
    assert!(signers.0.waiting().seen.is_empty(), "what does not hold is not counted");
    see(&signers, 1, LIMITS.seen);
    assert!(has_table(&signers, 1));
    assert_eq!(signers.check(forged(), &public(1)), Err(StatementError::BadSignature));
    assert_eq!(signers.check(statement(2), &public(1)), Err(StatementError::BadSignature));
    assert!(signers.check(statement(1), &public(1)).is_ok());
}

#[test]
fn a_table_under_another_keys_thumbprint_is_not_used() {
    let signers = signers();
    let table = Table { key: KnownKey::new(&public(2)), used: AtomicU64::new(0) };
    signers.0.tables.write().unwrap().insert(public(1).thumbprint(), Arc::new(table));
    assert!(!has_table(&signers, 1));
    assert_eq!(signers.check(statement(2), &public(1)), Err(StatementError::BadSignature));
    assert!(signers.check(statement(1), &public(1)).is_ok());
}

#[test]
fn a_table_that_is_used_stays_and_the_one_idle_longest_goes() {
    let signers = signers();
    see(&signers, 1, LIMITS.seen);
    see(&signers, 2, LIMITS.seen);
    see(&signers, 3, LIMITS.seen);
    assert!(!has_table(&signers, 3), "both tables were used lately");
    for _ in 0..2 * LIMITS.idle_statements {
        see(&signers, 2, 1);
    }
    see(&signers, 3, LIMITS.seen);
    assert!(!has_table(&signers, 1));
    assert!(has_table(&signers, 2) && has_table(&signers, 3));
}

#[test]
fn more_busy_signers_than_tables_do_not_push_each_other_out() {
    let signers = signers();
    for _ in 0..8 {
        for seed in 1..=4 {
            see(&signers, seed, 1);
        }
    }
    assert!(has_table(&signers, 1) && has_table(&signers, 2));
    assert_eq!(signers.len(), LIMITS.tables);
}

#[test]
fn keys_that_are_counted_are_bounded() {
    let signers = signers();
    see(&signers, 1, 2);
    for seed in 2..=20 {
        see(&signers, seed, 1);
        assert!(signers.0.waiting().seen.len() <= LIMITS.counted_keys);
    }
    assert_eq!(signers.len(), 0);
}

#[test]
fn all_threads_get_the_right_answer_while_a_table_is_made() {
    let signers = signers();
    thread::scope(|scope| {
        for seed in 1..=4 {
            let signers = &signers;
            scope.spawn(move || {
                for _ in 0..10 {
                    assert!(signers.check(statement(seed), &public(seed)).is_ok());
                    assert!(signers.check(statement(seed), &public(seed + 1)).is_err());
                }
            });
        }
    });
    let making = signers.0.waiting().making.take();
    if let Some(making) = making {
        making.join().unwrap();
    }
    assert!((1..=LIMITS.tables).contains(&signers.len()));
}
