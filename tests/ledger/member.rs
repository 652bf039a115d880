//! A member with a ledger of its own, a clock that the test sets, and participants.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sealane::app::orderer::{BlockObserver, Consensus, Orderer, UnusableVoteLog};
use sealane::app::{Ledger, LoadError, genesis, registration};
use sealane::bft;
use sealane::pki::{
    AuthorityError, CertificateAuthority, CertificateRequest, MemberKey, NotePrivateKey, ParticipantSubject,
    PrivateKey, Validity, X509Reader,
};
use sealane::ports::{Clock, Entrance, LedgerStore, MemberSigner, VoteLog};
use sealane::signatures::AwsLc;
use sealane::store::{SqliteStore, VOTE_LOG_FILES, VoteLogFile};
use sealane_core::block::{self as consensus, MemberSet, Origin};
use sealane_core::consortium::{
    Admin, CertificateRecord, Claims, Founder, Genesis, ParticipantId, Registration, Revocation, Role, founder_bytes,
};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::merkle::LeafIndex;
use sealane_core::provider::Provider;
use sealane_core::statement::{Draft, Header, P256, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const LEDGER_FILE: &str = "ledger.sqlite";

/// What every check here is made with.
pub const PROVIDER: Provider<'static> = Provider { signatures: &AwsLc, certificates: &X509Reader };

/// What it says, and how much time has passed, in milliseconds.
pub struct TestClock {
    now: AtomicI64,
    passed: AtomicI64,
}

impl TestClock {
    pub fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.millis()), passed: AtomicI64::new(0) }
    }

    /// Lets time pass; a negative number sets the clock back.
    pub fn advance(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
        self.passed.fetch_add(millis.max(0), Ordering::SeqCst);
    }

    /// Sets the clock while no time passes.
    pub fn jump(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst)).unwrap()
    }

    fn passed(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::SeqCst).unsigned_abs())
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
    authority: Arc<CertificateAuthority>,
    origin: Origin,
}

/// Who signs events in a test.
#[derive(Clone)]
pub struct Maker {
    pub id: ParticipantId,
    key: Arc<PrivateKey>,
    certificate: Hash,
}

/// Who asks to be registered as a manufacturer.
pub struct Applicant {
    pub id: ParticipantId,
    pub key: PrivateKey,
    pub request: CertificateRequest,
    pub claims: Claims,
}

/// A member's approval of a request.
pub struct Approval {
    pub admin: Admin,
    certificate: Hash,
}

impl Applicant {
    /// Someone who holds the company prefix 9506000.
    pub fn new() -> Self {
        Self::with_prefix("9506000")
    }

    /// Another one for each prefix.
    pub fn with_prefix(prefix: &str) -> Self {
        let key = PrivateKey::generate().unwrap();
        let request = CertificateRequest::make(&key, "Maker").unwrap();
        let claims = Claims {
            organization: format!("Maker {prefix}").parse().unwrap(),
            roles: vec![Role::Manufacturer],
            glns: Vec::new(),
            gs1_company_prefixes: vec![prefix.parse().unwrap()],
            gs1_keys: Vec::new(),
            namespaces: Vec::new(),
            lei: None,
            contact: None,
            terms: None,
        };
        let id = format!("5f0c1f6e-6d0b-4a57-9a35-0000{prefix:0>8}").parse().unwrap();
        Self { id, key, request, claims }
    }

    pub async fn ask(&self, ledger: &Ledger) -> Result<(), registration::RegistrationError> {
        let (id, claims, csr) = (self.id, self.claims.clone(), self.request.to_pem());
        registration::request(ledger, &X509Reader, id, claims, &csr, Entrance::default()).await.map(drop)
    }
}

impl Member {
    /// Begins a ledger on 2026-03-01.
    pub async fn begin() -> Self {
        let member = Self::prepare();
        member.write_genesis().await.unwrap();
        member
    }

    /// Several members that begin one ledger together.
    pub async fn found(count: usize) -> Vec<Self> {
        let mut members: Vec<Self> = (0..count).map(|_| Self::prepare()).collect();
        members.sort_by_key(|member| member.signer.public_key().thumbprint());
        let entries: Vec<consensus::Member> = members.iter().zip(1..).map(|(one, number)| one.entry(number)).collect();
        let origin = members[0].origin.clone();
        let founder = |(member, entry): (&Self, &consensus::Member)| Founder {
            kid: entry.kid(),
            signature: member.signer.sign(&founder_bytes(&origin, entry)),
        };
        let founders = members.iter().zip(&entries).map(founder).collect();
        let set = MemberSet::new(entries.clone()).unwrap();
        let now = members[0].clock.now();
        let admin = Admin::Genesis(Genesis::new(origin.clone(), set, founders, now));
        let statement = members[0].signed(&admin);
        for member in &members {
            let anchor = Anchor::of_genesis(statement.compact().as_bytes(), &P256).unwrap();
            genesis::write(&member.store, &*member.signer, &mut member.log(), &anchor).await.unwrap();
        }
        members
    }

    pub fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// The members of the ledger's genesis.
    pub async fn set(&self) -> MemberSet {
        let leaf = self.store.leaf(LeafIndex::new(0).unwrap()).await.unwrap().unwrap();
        // A leaf is its kind and then its statement.
        Anchor::of_genesis(&leaf.bytes[1..], &P256).unwrap().members().clone()
    }

    fn entry(&self, number: u32) -> consensus::Member {
        let (key, note_key) = (self.signer.public_key().clone(), self.signer.note_key().clone());
        consensus::Member::new(format!("Member {number}"), key, note_key).unwrap()
    }

    /// The member's log of votes, opened anew.
    pub fn log(&self) -> VoteLogFile {
        log_in(self.dir.path(), &self.signer, &self.origin)
    }

    /// Makes keys, an empty log of votes and an empty store, with no block in it.
    pub fn prepare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = Arc::new(TestClock::new(start));
        PrivateKey::generate().unwrap().write_new(&dir.path().join("member-key.pem")).unwrap();
        NotePrivateKey::generate().unwrap().write_new(&dir.path().join("member-note-key.pem")).unwrap();
        let signer = Arc::new(member_key(dir.path()));
        let store = SqliteStore::create(&dir.path().join(LEDGER_FILE)).unwrap();
        let authority = Arc::new(CertificateAuthority::create("Test Member", start).unwrap());
        let origin: Origin = "test.example/ledger".parse().unwrap();
        VoteLogFile::create(dir.path(), signer.public_key().thumbprint(), &origin).unwrap();
        Self { dir, clock, store, signer, authority, origin }
    }

    pub async fn write_genesis(&self) -> Result<(), genesis::GenesisError> {
        self.write_genesis_through(self.store.clone(), Arc::clone(&self.signer), self.log()).await
    }

    /// Writes the first block through other ports than this member's own.
    pub fn write_genesis_through<Store: LedgerStore, Signer: MemberSigner, Log: VoteLog>(
        &self,
        store: Store,
        signer: Arc<Signer>,
        mut log: Log,
    ) -> impl Future<Output = Result<(), genesis::GenesisError>> + use<Store, Signer, Log> {
        let (name, origin, now) = ("Test Member".parse().unwrap(), self.origin.clone(), self.clock.now());
        async move { genesis::begin(&store, &*signer, &mut log, &name, &origin, now).await.map(drop) }
    }

    /// The same member started anew on what is in another directory.
    pub fn restarted_in(&self, dir: TempDir) -> Self {
        let store = SqliteStore::open(&dir.path().join(LEDGER_FILE)).unwrap();
        let signer = Arc::new(member_key(dir.path()));
        let (clock, authority) = (Arc::clone(&self.clock), Arc::clone(&self.authority));
        Self { dir, clock, store, signer, authority, origin: self.origin.clone() }
    }

    /// The same member on a copy of its directory as it is now.
    pub fn copied(&self) -> Self {
        self.restarted_in(copy_of(self.dir.path()))
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

    /// What it agrees by with itself.
    pub fn consensus(&self) -> Consensus {
        let log: Box<dyn VoteLog> = match VoteLogFile::open(self.dir.path(), self.kid(), &self.origin) {
            Ok(log) => Box::new(log),
            Err(error) => Box::new(UnusableVoteLog::because(error.to_string())),
        };
        bft::alone(Arc::clone(&self.signer) as _, log, Arc::new(AwsLc), Arc::new(X509Reader))
    }

    pub fn kid(&self) -> Hash {
        self.signer.public_key().thumbprint()
    }

    /// Opens the ledger; the writer is not yet running.
    pub async fn open(&self) -> Result<(Orderer, Ledger), LoadError> {
        let store = Arc::new(self.store.clone());
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let consensus = self.consensus();
        Orderer::open(store, clock, Arc::clone(&self.signer) as _, Arc::new(AwsLc), Arc::new(Unobserved), consensus)
            .await
    }

    /// Registers a manufacturer that holds the company prefix 9506000.
    pub async fn register(&self, ledger: &Ledger) -> Maker {
        self.register_or_refusal(ledger).await.unwrap()
    }

    /// As `register`, where the decision may be refused.
    pub async fn register_or_refusal(&self, ledger: &Ledger) -> Result<Maker, String> {
        self.register_as(ledger, Applicant::new()).await
    }

    /// The same for who asks.
    pub async fn register_as(&self, ledger: &Ledger, applicant: Applicant) -> Result<Maker, String> {
        applicant.ask(ledger).await.unwrap();
        let approval = self.approval(&applicant);
        let decided = self.decide(ledger, &applicant.id, approval.admin).await;
        decided.map_err(|error| error.to_string())?;
        Ok(Maker { id: applicant.id, key: Arc::new(applicant.key), certificate: approval.certificate })
    }

    /// What approves a request, with a certificate that begins now.
    pub fn approval(&self, applicant: &Applicant) -> Approval {
        let Applicant { id, key, request, claims } = applicant;
        let subject = ParticipantSubject::new(&id.to_string(), "Maker").unwrap();
        let issued = self.authority.issue(request, &subject, self.validity().unwrap()).unwrap();
        let certificate = CertificateRecord {
            x509: issued.der().to_vec(),
            jwk: key.public().clone(),
            not_before: issued.not_before(),
            not_after: issued.not_after(),
        };
        let thumbprint = certificate.thumbprint();
        let (participant, claims, request) = (*id, claims.clone(), request.der().to_vec());
        let registration =
            Registration { participant, claims, request, certificate, evidence: Vec::new(), similar_to: Vec::new() };
        Approval { admin: Admin::Registration(Box::new(registration)), certificate: thumbprint }
    }

    /// What a certificate made now would be valid for.
    pub fn validity(&self) -> Result<Validity, AuthorityError> {
        self.authority.participant_validity(self.clock.now())
    }

    pub async fn decide(
        &self,
        ledger: &Ledger,
        id: &ParticipantId,
        admin: Admin,
    ) -> Result<(), registration::RegistrationError> {
        registration::decide(ledger, &X509Reader, id, self.signed(&admin)).await.map(drop)
    }

    /// An admin statement of this member's.
    pub fn signed(&self, admin: &Admin) -> SubmittedStatement {
        genesis::sign_admin(admin, &self.origin, &*self.signer, self.clock.now()).unwrap()
    }

    pub async fn revoke(&self, ledger: &Ledger, maker: &Maker) -> Result<(), registration::RegistrationError> {
        let (participant, reason) = (maker.id, "key lost".to_owned());
        let revocation = Revocation { participant, reason, compromised_since: None, dismisses_claims: false };
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

    /// A sighting of one item at some time, signed.
    pub fn observing(&self, maker: &Maker, serial: &str, time: Timestamp) -> SubmittedStatement {
        self.observing_at(maker, serial, time, self.clock.now())
    }

    /// A sighting, signed by a clock that says `iat`.
    pub fn observing_at(&self, maker: &Maker, serial: &str, time: Timestamp, iat: Timestamp) -> SubmittedStatement {
        let event = json!({
            "type": "ObjectEvent",
            "eventTime": time.to_string(),
            "eventTimeZoneOffset": "+00:00",
            "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")],
            "action": "OBSERVE",
            "bizStep": "storing",
        });
        self.sign_all_at(maker, vec![event], iat)
    }

    /// An observation under an eventID of its own, in which only the step may differ.
    pub fn stepping_at(&self, maker: &Maker, serial: &str, step: &str, time: Timestamp) -> SubmittedStatement {
        let event = json!({
            "type": "ObjectEvent",
            "eventID": format!("https://id.example.com/events/{serial}"),
            "eventTime": "2026-03-01T08:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")],
            "action": "OBSERVE",
            "bizStep": step,
        });
        self.sign_all_at(maker, vec![event], time)
    }

    /// A document of some events, signed.
    pub fn sign_all(&self, maker: &Maker, events: Vec<Value>) -> SubmittedStatement {
        self.sign_all_at(maker, events, self.clock.now())
    }

    /// A document of some events, signed by a clock that says `iat`.
    pub fn sign_all_at(&self, maker: &Maker, events: Vec<Value>, iat: Timestamp) -> SubmittedStatement {
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-03-01T08:00:00.000Z",
            "epcisBody": {"eventList": events},
        });
        self.sign_document_at(maker, &document, iat)
    }

    /// A document, signed by a clock that says `iat`.
    pub fn sign_document_at(&self, maker: &Maker, document: &Value, iat: Timestamp) -> SubmittedStatement {
        let header = Header::epcis(maker.certificate, self.origin.as_str(), iat);
        sign(Draft::new(header, document.to_string().as_bytes()).unwrap(), maker.key.signing_key())
    }
}

/// A member's log of votes in a directory.
pub fn log_in(dir: &Path, signer: &MemberKey, origin: &Origin) -> VoteLogFile {
    VoteLogFile::open(dir, signer.public_key().thumbprint(), origin).unwrap()
}

/// Takes a member's log of votes away.
pub fn lose_log(dir: &Path) {
    for name in VOTE_LOG_FILES {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
}

/// Reads the member's keys anew, as a restart does.
pub fn member_key(dir: &Path) -> MemberKey {
    let note_key = NotePrivateKey::read(&dir.join("member-note-key.pem")).unwrap();
    MemberKey::new(PrivateKey::read(&dir.join("member-key.pem")).unwrap(), note_key).unwrap()
}

/// A copy of every file in a directory, as somebody would find them who cut the power now.
pub fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, copy.path().join(from.file_name().unwrap())).unwrap();
    }
    copy
}

/// The height that the member's key has signed, as the log of votes in its directory says.
pub fn marked(dir: &Path) -> u64 {
    VoteLogFile::read_released(dir).unwrap().unwrap().height.get()
}

/// Copies a database that is in use, as an operator's backup would.
pub fn copy_in_use(from: &Path, to: &Path) {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    let mut connection = SqliteConnection::establish(from.to_str().unwrap()).unwrap();
    connection.batch_execute(&format!("VACUUM INTO '{}'", to.display())).unwrap();
}
