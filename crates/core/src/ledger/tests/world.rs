//! A ledger in memory with one member and its participants, for the tests of the rules.

use p256::ecdsa::SigningKey;
use serde_json::{Value, json};

use crate::block::{Commit, CommitSignature, Leaf, Member, MemberSet, Note, NoteKey, NoteSigningKey, Origin, Seal};
use crate::consortium::{
    Admin, CertificateFacts, CertificateReader, CertificateRecord, Founder, Genesis, ParticipantId, Place,
    Registration, RequestedKey, Revocation, founder_bytes,
};
use crate::evidence::Anchor;
use crate::hash::Hash;
use crate::ledger::{
    Body, BodyLeaf, Candidate, EverSeen, PlaceRefusal, Placed, Proposal, SealedBlock, State, StoredBlock, propose,
    verify,
};
use crate::merkle::TreeSize;
use crate::provider::Provider;
use crate::statement::{Draft, Header, P256, PublicKey, Signature, StatementError, SubmittedStatement, sign};
use crate::time::Timestamp;

pub const PROVIDER: Provider<'static> = Provider { signatures: &P256, certificates: &JsonReader };

pub const MEMBER: u8 = 200;

/// Begins under the prefix of every participant that the world joins.
pub const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

pub struct World {
    pub state: State,
    pub seen: EverSeen,
    pub anchor: Anchor,
    /// The time of the last block.
    pub now: Timestamp,
}

pub fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub fn public(seed: u8) -> PublicKey {
    PublicKey::from(secret(seed).verifying_key())
}

/// The key by which a member signs notes for standard tools.
pub fn note_secret(seed: u8) -> NoteSigningKey {
    NoteSigningKey::from_seed(&[seed; 32])
}

pub fn member(seed: u8) -> Member {
    Member::new("Member", public(seed), note_secret(seed).public()).unwrap()
}

pub fn participant(seed: u8) -> ParticipantId {
    format!("00000000-0000-4000-8000-{seed:012}").parse().unwrap()
}

impl World {
    /// A ledger of `origin` whose genesis block is final.
    pub fn new(origin: &str) -> Self {
        Self::founded_by(origin, &[MEMBER])
    }

    /// A ledger of several members, each of which agrees to found it; the first by `kid` signs the genesis statement.
    pub fn founded_by(origin: &str, seeds: &[u8]) -> Self {
        let now: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let mut seeds = seeds.to_vec();
        seeds.sort_by_key(|seed| public(*seed).thumbprint());
        let name: Origin = origin.parse().unwrap();
        let founder = |seed: &u8| {
            let signature = Signature::sign(&secret(*seed), &founder_bytes(&name, &member(*seed)));
            Founder { kid: public(*seed).thumbprint(), signature }
        };
        let founders = seeds.iter().map(founder).collect();
        let members = MemberSet::new(seeds.iter().copied().map(member).collect()).unwrap();
        let admin = Admin::Genesis(Genesis::new(name, members, founders, now));
        let statement = sign_admin_for(origin, &admin.to_payload(), now, seeds[0]);
        let anchor = Anchor::of_genesis(statement.compact().as_bytes(), &P256).unwrap();
        let mut world = Self { state: State::empty(), seen: EverSeen::default(), anchor, now };
        let place = Place { leaf: TreeSize::ZERO.next_index(), time: now };
        let first = Candidate::genesis(&world.anchor, place).unwrap();
        assert!(world.extend(vec![first]).pop().unwrap().is_ok());
        world
    }

    /// With a manufacturer, seed 1, that holds the prefix 9506000.
    pub fn with_maker() -> Self {
        let mut world = Self::new("ledger.example/rules");
        world.join(1, "manufacturer", &["9506000"]);
        world
    }

    pub fn origin(&self) -> &str {
        self.anchor.genesis().origin.as_str()
    }

    /// Where the next statement would stand, a second after the last block.
    pub fn next_place(&self) -> Place {
        Place { leaf: self.state.size().next_index(), time: self.now.plus_millis(1_000) }
    }

    /// Stages a block of candidates, a second after the last one.
    pub fn propose(&mut self, candidates: Vec<Candidate>) -> Proposal {
        let time = if self.state.last_seal().is_some() { self.next_place().time } else { self.now };
        propose(&mut self.state, &self.seen, time, candidates, false, &P256).unwrap()
    }

    /// Makes the block of candidates final.
    pub fn extend(&mut self, candidates: Vec<Candidate>) -> Vec<Result<Placed, PlaceRefusal>> {
        let Proposal { answers, block } = self.propose(candidates);
        if let Some(block) = block {
            self.apply(block);
        }
        answers
    }

    pub fn apply(&mut self, block: SealedBlock) {
        self.now = block.seal.time;
        self.state.apply(block.successor).unwrap();
        self.seen.learn(block.learnt);
    }

    pub fn registration(seed: u8, role: &str, prefixes: &[&str]) -> Registration {
        let claims = serde_json::from_value(json!({"organization": format!("Organisation {seed}"), "roles": [role],
            "glns": [], "gs1CompanyPrefixes": prefixes, "namespaces": []}))
        .unwrap();
        let certificate = certificate(seed, seed);
        let request = public(seed).jwk().to_string().into_bytes();
        Registration {
            participant: participant(seed),
            claims,
            request,
            certificate,
            evidence: Vec::new(),
            similar_to: Vec::new(),
        }
    }

    pub fn join(&mut self, seed: u8, role: &str, prefixes: &[&str]) {
        let registration = Self::registration(seed, role, prefixes);
        self.decide(&Admin::Registration(Box::new(registration)));
    }

    pub fn revoke(&mut self, seed: u8) {
        let revocation = Revocation {
            participant: participant(seed),
            reason: "it left".to_owned(),
            compromised_since: None,
            dismisses_claims: false,
        };
        self.decide(&Admin::Revocation(revocation));
    }

    fn decide(&mut self, admin: &Admin) {
        let statement = self.sign_admin(&admin.to_payload(), MEMBER);
        let candidate = self.candidate(statement).unwrap();
        self.extend(vec![candidate]).pop().unwrap().unwrap();
    }

    /// What capture makes of a statement.
    pub fn candidate(&self, submitted: SubmittedStatement) -> Result<Candidate, PlaceRefusal> {
        let registry = self.state.registry().unwrap();
        let verified = verify(submitted, registry, &P256)?;
        Candidate::read(verified, registry, self.next_place(), &JsonReader)
    }

    pub fn sign_admin(&self, payload: &[u8], seed: u8) -> SubmittedStatement {
        sign_admin_for(self.origin(), payload, self.next_place().time, seed)
    }

    /// A capture of one event by a participant.
    pub fn capture(&self, seed: u8, event: &Value) -> SubmittedStatement {
        self.capture_of(seed, std::slice::from_ref(event))
    }

    pub fn capture_of(&self, seed: u8, events: &[Value]) -> SubmittedStatement {
        self.draft(seed, self.origin(), self.next_place().time, document(events).to_string().as_bytes())
            .map(|draft| sign(draft, &secret(seed)))
            .unwrap()
    }

    pub fn draft(&self, seed: u8, origin: &str, iat: Timestamp, payload: &[u8]) -> Result<Draft, StatementError> {
        Draft::new(Header::epcis(certificate(seed, seed).thumbprint(), origin, iat), payload)
    }

    /// A block of statements as somebody else might offer it. Its seal is right if all of them may stand.
    pub fn body(&self, statements: &[SubmittedStatement]) -> Body {
        let mut copy = self.state.clone();
        let candidates = statements.iter().filter_map(|one| self.candidate(one.clone()).ok()).collect();
        let time = self.next_place().time;
        let proposal = propose(&mut copy, &self.seen, time, candidates, true, &P256).unwrap();
        Body {
            leaves: statements.iter().map(|one| leaf_of(one.compact())).collect(),
            seal: proposal.block.unwrap().seal,
        }
    }
}

pub fn leaf_of(compact: &str) -> BodyLeaf {
    let leaf = Leaf::of_statement(compact);
    let long = matches!(leaf, Leaf::LongStatement { .. }).then(|| compact.as_bytes().to_vec());
    BodyLeaf::Shown { bytes: leaf.encode(), long }
}

pub fn sign_admin_for(origin: &str, payload: &[u8], iat: Timestamp, seed: u8) -> SubmittedStatement {
    sign(Draft::new(Header::admin(public(seed).thumbprint(), origin, iat), payload).unwrap(), &secret(seed))
}

/// The certificate of a key, in the form that [`JsonReader`] reads.
pub fn certificate(seed: u8, key: u8) -> CertificateRecord {
    let (not_before, not_after) = ("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z");
    let facts =
        json!({"participant": participant(seed), "key": public(key).jwk(), "from": not_before, "to": not_after});
    CertificateRecord {
        x509: facts.to_string().into_bytes(),
        jwk: public(key),
        not_before: not_before.parse().unwrap(),
        not_after: not_after.parse().unwrap(),
    }
}

/// An event that commissions the item, with members of its own in place of the usual ones.
pub fn event(members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10", "action": "ADD",
        "bizStep": "commissioning", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        "epcList": [ITEM],
    });
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event
}

pub fn document(events: &[Value]) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
        "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z", "epcisBody": {"eventList": events},
    })
}

/// What a member signs about a block, as a node stores it.
pub fn signed(block: &SealedBlock, seed: u8) -> StoredBlock {
    stored(block.seal.clone(), block.checkpoint.clone(), seed)
}

pub fn stored(seal: Seal, checkpoint: crate::block::Checkpoint, seed: u8) -> StoredBlock {
    let key = secret(seed);
    let signatures = vec![CommitSignature::sign(&key, seal.height, 0, &checkpoint)];
    let text = checkpoint.to_text();
    let ecdsa = NoteKey::ecdsa(checkpoint.origin.clone(), public(seed));
    let ed25519 = NoteKey::ed25519(checkpoint.origin.clone(), note_secret(seed).public());
    let lines = vec![
        ecdsa.line(Signature::sign(&key, text.as_bytes()).to_der().unwrap()),
        ed25519.line(note_secret(seed).sign(text.as_bytes()).to_vec()),
    ];
    let note = Note::new(text, lines).unwrap().to_text();
    StoredBlock { commit: Commit { height: seal.height, round: 0, signatures }, checkpoint, note, seal }
}

/// Reads requests and certificates that are JSON.
pub struct JsonReader;

impl CertificateReader for JsonReader {
    fn request(&self, pem: &str) -> Result<RequestedKey, String> {
        let jwk: Value = serde_json::from_str(pem).map_err(|error| error.to_string())?;
        let key = PublicKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
        Ok(RequestedKey { key, der: pem.as_bytes().to_vec(), pem: pem.to_owned() })
    }

    fn request_der(&self, der: &[u8]) -> Result<RequestedKey, String> {
        self.request(std::str::from_utf8(der).map_err(|error| error.to_string())?)
    }

    fn certificate(&self, der: &[u8]) -> Result<CertificateFacts, String> {
        let facts: Value = serde_json::from_slice(der).map_err(|error| error.to_string())?;
        let time = |name: &str| facts[name].as_str().and_then(|text| text.parse().ok()).ok_or("no time".to_owned());
        Ok(CertificateFacts {
            key: PublicKey::from_jwk(&facts["key"]).map_err(|error| error.to_string())?,
            not_before: time("from")?,
            not_after: time("to")?,
            participant: facts["participant"].as_str().map(ToOwned::to_owned),
        })
    }
}

/// A hash that is of nothing in the ledger.
pub fn foreign_hash() -> Hash {
    Hash::of(b"of nothing here")
}
