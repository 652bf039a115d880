//! A node in process: a real store and orderer, a clock that the world sets, and keys that follow from the seed.
//!
//! The writer runs only while something is waited for. So what is handed in before that becomes one block, in its order.

use sealane::signatures::AwsLc;
use sealane_core::statement::P256;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use p256::ecdsa::SigningKey;
use sealane::app::capture::capture;
use sealane::app::orderer::{BlockObserver, Orderer};
use sealane::app::{Ledger, genesis};
use sealane::bft;
use sealane::pki::X509Reader;
use sealane::ports::{Clock, LedgerStore, MemberSigner};
use sealane::store::{SqliteStore, VoteLogFile};
use sealane_core::block::{NotePublicKey, NoteSigningKey, Origin};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::{PublicKey, Signature, SubmittedStatement};
use sealane_core::time::Timestamp;
use tempfile::TempDir;

pub struct Node {
    _dir: TempDir,
    clock: Arc<SetClock>,
    pub store: SqliteStore,
    pub signer: Arc<SeededMember>,
    pub origin: Origin,
    pub anchor: Anchor,
    pub ledger: Ledger,
    writer: Pin<Box<dyn Future<Output = ()>>>,
}

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    /// This clock is never wrong.
    fn passed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

struct Unobserved;

impl BlockObserver for Unobserved {
    fn block_written(&self, _statements: usize, _events: usize, _took: Duration) {}
}

/// A member whose key follows from a seed.
pub struct SeededMember {
    key: SigningKey,
    public: PublicKey,
    note: NoteSigningKey,
    note_public: NotePublicKey,
}

impl SeededMember {
    pub fn new(seed: &str) -> Self {
        let key = signing_key(seed);
        let note = note_key(seed);
        let (public, note_public) = (PublicKey::from(key.verifying_key()), note.public());
        Self { public, key, note, note_public }
    }
}

impl MemberSigner for SeededMember {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::sign(&self.key, bytes)
    }

    fn note_key(&self) -> &NotePublicKey {
        &self.note_public
    }

    fn sign_note(&self, text: &[u8]) -> [u8; 64] {
        self.note.sign(text)
    }
}

/// A P-256 key that is the SHA-256 of its seed.
pub fn signing_key(seed: &str) -> SigningKey {
    SigningKey::from_slice(Hash::of(seed.as_bytes()).as_bytes()).unwrap()
}

/// The Ed25519 key beside the P-256 key of a seed.
pub fn note_key(seed: &str) -> NoteSigningKey {
    NoteSigningKey::from_seed(Hash::of(format!("note {seed}").as_bytes()).as_bytes())
}

impl Node {
    /// Begins a ledger on 2026-03-01.
    pub async fn begin(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = Arc::new(SetClock(AtomicI64::new(start.millis())));
        let signer = Arc::new(SeededMember::new(&format!("member {seed}")));
        let store = SqliteStore::create(&dir.path().join("ledger.sqlite")).unwrap();
        let origin: Origin = format!("test.example/world-{seed}").parse().unwrap();
        let mut log = VoteLogFile::create(dir.path(), signer.public.thumbprint(), &origin).unwrap();
        let name = "Test Member".parse().unwrap();
        genesis::begin(&store, &*signer, &mut log, &name, &origin, start).await.unwrap();
        // A leaf is its kind and then its statement.
        let first = store.leaf(LeafIndex::new(0).unwrap()).await.unwrap().unwrap();
        let anchor = Anchor::of_genesis(&first.bytes[1..], &P256).unwrap();
        let observer = Arc::new(Unobserved);
        let (orderer, ledger) = Orderer::open(
            Arc::new(store.clone()),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&signer) as Arc<dyn MemberSigner>,
            Arc::new(AwsLc),
            observer,
            bft::alone(Arc::clone(&signer) as _, Box::new(log), Arc::new(AwsLc), Arc::new(X509Reader)),
        )
        .await
        .unwrap();
        Self { _dir: dir, clock, store, signer, origin, anchor, ledger, writer: Box::pin(orderer.run()) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }

    /// Lets the writer work until something is done.
    pub async fn drive<T>(&mut self, what: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = what => done,
            () = &mut self.writer => panic!("the writer has stopped"),
        }
    }

    /// Captures statements as one block, in their order.
    pub async fn capture_all(&mut self, statements: Vec<SubmittedStatement>) {
        let mut captures = Vec::new();
        for statement in statements {
            let (waiting, ledger) = (self.ledger.queue_depth(), self.ledger.clone());
            let captured = tokio::spawn(async move { capture(&ledger, statement).await });
            while !captured.is_finished() && self.ledger.queue_depth() == waiting {
                tokio::task::yield_now().await;
            }
            captures.push(captured);
        }
        self.drive(async {
            for captured in captures {
                captured.await.unwrap().unwrap();
            }
        })
        .await;
    }
}
