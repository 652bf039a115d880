//! The first blocks of a simulated ledger: its genesis, and a manufacturer that one member has registered and another endorsed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sealane::app::genesis::sign_admin;
use sealane::ports::MemberSigner;
use sealane_core::block::Height;
use sealane_core::consortium::{
    Admin, CertificateFacts, CertificateReader, CertificateRecord, Endorsement, Founder, Genesis, ParticipantId, Place,
    Registration, RequestedKey, founder_bytes,
};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::index::{ListEntry, SubjectKey};
use sealane_core::ledger::{Candidate, EverSeen, SealedBlock, State, propose, verify};
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::keys::{KeyedHashes, MEMBERS_MAX, MakerKey, ORIGIN, consortium};

/// The height of the last block that every simulation begins with.
pub const BASE_HEIGHT: u64 = 2;

/// Who signs all statements.
pub static MAKER: LazyLock<MakerKey> = LazyLock::new(MakerKey::new);

/// Reads certificates and requests that are JSON.
pub const CERTIFICATES: JsonCertificates = JsonCertificates;

static BASES: LazyLock<BTreeMap<usize, Base>> =
    LazyLock::new(|| (4..=MEMBERS_MAX).map(|members| (members, Base::new(members))).collect());

/// A ledger of three blocks.
pub struct Base {
    pub anchor: Anchor,
    pub state: State,
    /// What its leaves are, and what each has put into the index.
    pub leaves: Vec<Hash>,
    pub entries: Vec<(SubjectKey, ListEntry)>,
}

/// The ledger of so many members.
pub fn of(members: usize) -> &'static Base {
    &BASES[&members]
}

/// When every simulation begins.
pub fn start() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

impl Base {
    fn new(members: usize) -> Self {
        let (keys, set) = consortium(members);
        let verifier = KeyedHashes::new(false);
        let consents = set.members().zip(&keys).map(|(member, key)| {
            let signature = key.sign(&founder_bytes(&ORIGIN, member));
            Founder { kid: member.kid(), signature }
        });
        let admin = Admin::Genesis(Genesis::new(ORIGIN.clone(), set.clone(), consents.collect(), start()));
        let signed = sign_admin(&admin, &ORIGIN, &*keys[0], start()).unwrap();
        let anchor = Anchor::of_genesis(signed.compact().as_bytes(), &verifier).unwrap();
        let mut base = Self { anchor: anchor.clone(), state: State::empty(), leaves: Vec::new(), entries: Vec::new() };
        let place = |base: &Self| Place { leaf: base.state.size().next_index(), time: start() };
        let genesis = Candidate::genesis(&anchor, place(&base)).unwrap();
        base.extend(genesis, &verifier);
        let decisions =
            [Admin::Registration(Box::new(registration())), Admin::Endorsement(Endorsement { registration: maker() })];
        for (admin, key) in decisions.iter().zip(&keys) {
            let signed = sign_admin(admin, &ORIGIN, &**key, start()).unwrap();
            let registry = base.state.registry().unwrap();
            let verified = verify(signed, registry, &verifier).unwrap();
            let candidate = Candidate::read(verified, registry, place(&base), &CERTIFICATES).unwrap();
            base.extend(candidate, &verifier);
        }
        assert_eq!(base.state.next_height(), Height::new(BASE_HEIGHT + 1).unwrap());
        base
    }

    fn extend(&mut self, candidate: Candidate, verifier: &KeyedHashes) {
        let seen = EverSeen::default();
        let made = propose(&mut self.state, &seen, start(), vec![candidate], false, verifier).unwrap();
        let block = made.block.unwrap_or_else(|| panic!("{:?}", made.answers));
        self.leaves.extend(leaves_of(&block));
        self.entries.extend(entries_of(&block));
        self.state.apply(block.successor).unwrap();
    }
}

/// The hashes of a block's leaves.
pub fn leaves_of(block: &SealedBlock) -> impl Iterator<Item = Hash> {
    block.content.leaves.iter().map(|leaf| sealane_core::merkle::leaf_hash(&leaf.bytes))
}

/// What a block puts into the index.
pub fn entries_of(block: &SealedBlock) -> impl Iterator<Item = (SubjectKey, ListEntry)> {
    block.content.records.iter().flat_map(|placed| placed.record.list_entries(placed.place.leaf))
}

fn maker() -> ParticipantId {
    "5f0c1f6e-6d0b-4a57-9a35-000009506000".parse().unwrap()
}

/// The maker's certificate, in the form that [`JsonCertificates`] reads.
pub fn certificate() -> CertificateRecord {
    let (not_before, not_after) = ("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z");
    let key = MAKER.public();
    let facts = json!({"participant": maker(), "key": key.jwk(), "from": not_before, "to": not_after});
    CertificateRecord {
        x509: facts.to_string().into_bytes(),
        jwk: key.clone(),
        not_before: not_before.parse().unwrap(),
        not_after: not_after.parse().unwrap(),
    }
}

fn registration() -> Registration {
    let claims = json!({
        "organization": "Maker", "roles": ["manufacturer"], "glns": [], "gs1CompanyPrefixes": ["9506000"],
        "namespaces": [],
    });
    let request = MAKER.public().jwk().to_string().into_bytes();
    let claims = serde_json::from_value(claims).unwrap();
    Registration {
        participant: maker(),
        claims,
        request,
        certificate: certificate(),
        evidence: Vec::new(),
        similar_to: Vec::new(),
    }
}

pub struct JsonCertificates;

impl CertificateReader for JsonCertificates {
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
