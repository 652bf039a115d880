//! A member with a ledger of its own, a clock that the test sets, and participants.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sealane::app::orderer::{BlockObserver, Orderer};
use sealane::app::{Ledger, LoadError, genesis, registration};
use sealane::domain::block::Origin;
use sealane::domain::consortium::{Admin, CertificateRecord, Claims, ParticipantId, Registration, Revocation, Role};
use sealane::domain::statement::{Draft, Header, SubmittedStatement, sign};
use sealane::domain::time::Timestamp;
use sealane::pki::{CertificateAuthority, CertificateRequest, MemberKey, ParticipantSubject, PrivateKey, X509Reader};
use sealane::ports::{Clock, MemberSigner};
use sealane::store::SqliteStore;
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub struct Unobserved;

impl BlockObserver for Unobserved {
    fn block_written(&self, _statements: usize, _events: usize, _took: Duration) {}
}

pub struct Member {
    pub dir: TempDir,
    pub clock: Arc<TestClock>,
    pub store: SqliteStore,
    pub signer: Arc<MemberKey>,
    authority: CertificateAuthority,
    origin: Origin,
}

/// Who signs events in a test.
pub struct Maker {
    pub id: ParticipantId,
    key: PrivateKey,
    certificate: sealane::domain::hash::Hash,
}

impl Member {
    /// Begins a ledger on 2026-03-01.
    pub async fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(start.millis())));
        PrivateKey::generate().unwrap().write_new(&dir.path().join("member-key.pem")).unwrap();
        let signer = Arc::new(member_key(dir.path()));
        let store = SqliteStore::create(&dir.path().join("ledger.sqlite")).unwrap();
        let authority = CertificateAuthority::create("Test Member", start).unwrap();
        let origin: Origin = "test.example/ledger".parse().unwrap();
        let name = "Test Member".parse().unwrap();
        genesis::begin(&store, &*signer, &name, &origin, start).await.unwrap();
        Self { dir, clock, store, signer, authority, origin }
    }

    /// Begins a ledger with a manufacturer on it, and stops its writer.
    pub async fn with_maker() -> (Self, Maker) {
        let member = Self::begin().await;
        let (orderer, ledger) = member.open().await.unwrap();
        let writer = tokio::spawn(orderer.run());
        let maker = member.register(&ledger).await;
        drop(ledger);
        writer.await.unwrap();
        (member, maker)
    }

    /// Opens the ledger; the writer is not yet running.
    pub async fn open(&self) -> Result<(Orderer, Ledger), LoadError> {
        let store = Arc::new(self.store.clone());
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Orderer::open(store, clock, Arc::clone(&self.signer) as _, Arc::new(Unobserved)).await
    }

    /// Registers a manufacturer that holds the company prefix 9506000.
    pub async fn register(&self, ledger: &Ledger) -> Maker {
        let id: ParticipantId = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
        let key = PrivateKey::generate().unwrap();
        let request = CertificateRequest::make(&key, "Maker").unwrap();
        let claims = Claims {
            organization: "Maker".parse().unwrap(),
            roles: vec![Role::Manufacturer],
            glns: Vec::new(),
            gs1_company_prefixes: vec!["9506000".parse().unwrap()],
            namespaces: Vec::new(),
        };
        registration::request(ledger, &X509Reader, id.clone(), claims.clone(), &request.to_pem()).await.unwrap();
        let subject = ParticipantSubject::new(id.as_str(), "Maker").unwrap();
        let validity = self.authority.participant_validity(self.clock.now()).unwrap();
        let issued = self.authority.issue(&request, &subject, validity).unwrap();
        let certificate = CertificateRecord {
            x509: issued.der().to_vec(),
            jwk: key.public().clone(),
            not_before: issued.not_before(),
            not_after: issued.not_after(),
        };
        let thumbprint = certificate.thumbprint();
        let registration =
            Registration { participant: id.clone(), claims, request: request.der().to_vec(), certificate };
        self.decide(ledger, &id, Admin::Registration(Box::new(registration))).await.unwrap();
        Maker { id, key, certificate: thumbprint }
    }

    pub async fn decide(
        &self,
        ledger: &Ledger,
        id: &ParticipantId,
        admin: Admin,
    ) -> Result<(), registration::RegistrationError> {
        let statement = genesis::sign_admin(&admin, &self.origin, &*self.signer, self.clock.now()).unwrap();
        registration::decide(ledger, &X509Reader, id, statement).await.map(drop)
    }

    pub async fn revoke(&self, ledger: &Ledger, maker: &Maker) -> Result<(), registration::RegistrationError> {
        let revocation =
            Revocation { participant: maker.id.clone(), reason: "key lost".to_owned(), compromised_since: None };
        self.decide(ledger, &maker.id, Admin::Revocation(revocation)).await
    }

    /// A commissioning of one item, signed.
    pub fn commissioning(&self, maker: &Maker, serial: &str) -> SubmittedStatement {
        let event = json!({
            "type": "ObjectEvent",
            "eventTime": "2026-02-28T08:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")],
            "action": "ADD",
            "bizStep": "commissioning",
        });
        self.sign_all(maker, vec![event])
    }

    /// A document of some events, signed.
    pub fn sign_all(&self, maker: &Maker, events: Vec<Value>) -> SubmittedStatement {
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-03-01T08:00:00.000Z",
            "epcisBody": {"eventList": events},
        });
        let header = Header::epcis(maker.certificate, self.origin.as_str(), self.clock.now());
        sign(Draft::new(header, document.to_string().as_bytes()).unwrap(), maker.key.signing_key())
    }
}

/// Reads the member's key and mark anew, as a restart does.
pub fn member_key(dir: &Path) -> MemberKey {
    MemberKey::open(PrivateKey::read(&dir.join("member-key.pem")).unwrap(), dir).unwrap()
}

/// The height that the member's key has signed.
pub fn marked(signer: &dyn MemberSigner) -> u64 {
    signer.mark().unwrap().height.get()
}
