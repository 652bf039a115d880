//! A ledger of four members: which commits make its blocks final.

use p256::ecdsa::SigningKey;
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Height, Member, MemberSet, Origin, commit_bytes};
use sealane_core::consortium::{Admin, CertificateRecord, Founder, Genesis, Registration, founder_bytes};
use sealane_core::evidence::{Anchor, Evidence};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::statement::P256;
use sealane_core::statement::{Draft, Header, PublicKey, Signature, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::book::Book;
use crate::node::{note_key, signing_key};
use crate::set::examine;
use crate::tampering::variant;

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/C1";

pub struct Council {
    pub book: Book,
    pub id: Id,
    keys: Vec<SigningKey>,
}

/// The participant that everything is said by.
pub const MAKER: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";

impl Council {
    /// Writes a block of one statement, some time after eight in the morning, and later than the block before.
    pub fn write(&mut self, day: u32, text: String) {
        let three = |height: Height, checkpoint: &Checkpoint| signed(&self.keys[..3], 0, height, checkpoint);
        let minute = self.book.blocks.len();
        self.book.write(time(&format!("{day:02}T08:{minute:02}")), vec![text], three);
    }

    /// Writes an admin statement of this payload.
    pub fn decide(&mut self, day: u32, payload: &Value) {
        let header = Header::admin(public(&self.keys[1]).thumbprint(), ORIGIN, time("01T08:00"));
        let statement = sign(Draft::new(header, payload.to_string().as_bytes()).unwrap(), &self.keys[1]);
        self.write(day, statement.compact().to_owned());
    }

    /// Writes a capture of this payload by the one whose certificate and key these are.
    pub fn capture(&mut self, day: u32, iat: Timestamp, certificate: &[u8], key: &SigningKey, payload: &Value) {
        let header = Header::epcis(Hash::of(certificate), ORIGIN, iat);
        let statement = sign(Draft::new(header, payload.to_string().as_bytes()).unwrap(), key);
        self.write(day, statement.compact().to_owned());
    }
}

pub const CERTIFICATE: &[u8] = b"certificate";
const ORIGIN: &str = "test.example/council";

pub fn maker() -> SigningKey {
    signing_key("council maker")
}

/// A document under some commit.
pub struct Committed {
    pub what: &'static str,
    pub evidence: Evidence,
    pub holds: bool,
}

pub fn time(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from(key.verifying_key())
}

fn signed(keys: &[SigningKey], round: u32, height: Height, checkpoint: &Checkpoint) -> Commit {
    let signatures = keys.iter().map(|key| CommitSignature::sign(key, height, round, checkpoint)).collect();
    Commit { height, round, signatures }
}

/// Four members, of whom three have committed to each block: genesis, a registration, a commissioning.
pub fn council() -> Council {
    let mut keys: Vec<SigningKey> = (0..4).map(|number| signing_key(&format!("council {number}"))).collect();
    // The founder with the lowest kid signs.
    keys.sort_by_key(|key| public(key).thumbprint());
    let member = |(number, key)| {
        Member::new(format!("Member {number}"), public(key), note_key(&format!("council {number}")).public()).unwrap()
    };
    let members = MemberSet::new(keys.iter().enumerate().map(member).collect()).unwrap();
    let origin: Origin = ORIGIN.parse().unwrap();
    let founder = |(member, key): (&Member, &SigningKey)| Founder {
        kid: member.kid(),
        signature: Signature::sign(key, &founder_bytes(&origin, member)),
    };
    let founders = members.members().zip(&keys).map(founder).collect();
    let genesis = Genesis::new(origin.clone(), members, founders, time("01T08:00"));
    let origin = genesis.origin.clone();
    let admin = |admin: &Admin, when: &str| {
        let header = Header::admin(public(&keys[0]).thumbprint(), origin.as_str(), time(when));
        sign(Draft::new(header, &admin.to_payload()).unwrap(), &keys[0]).compact().to_owned()
    };
    let first = admin(&Admin::Genesis(genesis), "01T08:00");
    let mut book = Book::empty(Anchor::of_genesis(first.as_bytes(), &P256).unwrap());
    let three = |height: Height, checkpoint: &Checkpoint| signed(&keys[..3], 0, height, checkpoint);
    book.write(time("01T08:00"), vec![first], three);

    let maker = maker();
    let certificate = CertificateRecord {
        x509: CERTIFICATE.to_vec(),
        jwk: public(&maker),
        not_before: time("01T00:00"),
        not_after: time("30T00:00"),
    };
    let thumbprint = certificate.thumbprint();
    let registration = Registration {
        participant: MAKER.parse().unwrap(),
        claims: serde_json::from_value(json!({
            "organization": "Maker", "roles": ["manufacturer"], "glns": [], "gs1CompanyPrefixes": ["9506000"],
            "namespaces": ["https://a.example/x/"],
        }))
        .unwrap(),
        request: b"request".to_vec(),
        certificate,
        evidence: Vec::new(),
        similar_to: Vec::new(),
    };
    book.write(time("02T08:00"), vec![admin(&Admin::Registration(Box::new(registration)), "02T08:00")], three);
    let document = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-03T08:00:00.000Z",
        "epcisBody": {"eventList": [{
            "type": "ObjectEvent", "eventTime": "2026-03-03T07:00:00.000Z", "eventTimeZoneOffset": "+00:00",
            "epcList": [ITEM], "action": "ADD", "bizStep": "commissioning",
        }]},
    });
    let header = Header::epcis(thumbprint, origin.as_str(), time("03T08:00"));
    let capture = sign(Draft::new(header, document.to_string().as_bytes()).unwrap(), &maker);
    book.write(time("03T08:00"), vec![capture.compact().to_owned()], three);
    Council { book, id: Id::parse(ITEM).unwrap(), keys }
}

/// The evidence about the one item, under every kind of commit.
pub fn cases(council: &Council) -> Vec<Committed> {
    let Council { book, id, keys } = council;
    let sound = book.last().honest(id);
    let checkpoint: Checkpoint = sound.checkpoint.parse().unwrap();
    let height = sound.commit.height;
    let by = |members: &[usize], round: u32| {
        let keys: Vec<SigningKey> = members.iter().map(|member| keys[*member].clone()).collect();
        signed(&keys, round, height, &checkpoint)
    };
    let join = |mut commit: Commit, more: Commit| {
        commit.signatures.extend(more.signatures);
        commit
    };
    let stranger = signing_key("stranger");
    let mut by_a_stranger = by(&[0, 1, 2], 0);
    by_a_stranger.signatures.push(CommitSignature::sign(&stranger, height, 0, &checkpoint));
    let mut borrowed = by(&[0, 1], 0);
    borrowed.signatures.push(CommitSignature { kid: public(&keys[2]).thumbprint(), ..borrowed.signatures[0].clone() });
    let mut unsigned = by(&[0, 1, 2, 3], 0);
    unsigned.signatures[3].signature = Signature::from_bytes([1; 64]);
    let mut other_algorithm = by(&[0, 1, 2, 3], 0);
    other_algorithm.signatures[3].alg = "none".to_owned();
    let forked = Checkpoint { root: Hash::of(b"fork"), ..checkpoint.clone() };
    let of_fork = signed(&keys[..3], 0, height, &forked);
    let other_height = Commit { height, ..signed(&keys[..3], 0, height.next(), &checkpoint) };
    let as_note = keys[..3].iter().map(|key| {
        let bytes = commit_bytes(&checkpoint.origin, height, 0, &checkpoint);
        CommitSignature::es256(public(key).thumbprint(), Signature::sign(key, &bytes[18..]))
    });
    let as_note = Commit { height, round: 0, signatures: as_note.collect() };
    let commits = [
        ("three of four", by(&[0, 1, 2], 0), true),
        ("another three, in another order", by(&[3, 0, 2], 0), true),
        ("all four", by(&[0, 1, 2, 3], 0), true),
        ("three in a later round", by(&[1, 2, 3], 5), true),
        ("two of four", by(&[0, 1], 0), false),
        ("none of four", by(&[], 0), false),
        ("two of four, one of them twice", join(by(&[0, 1], 0), by(&[1], 0)), false),
        ("three of four, one of them twice", join(by(&[0, 1, 2], 0), by(&[1], 0)), false),
        ("two of one round and one of another", join(by(&[0, 1], 0), by(&[2], 1)), false),
        ("three of one round and one of another", join(by(&[0, 1, 2], 0), by(&[3], 1)), false),
        ("three of another round", Commit { round: 1, ..by(&[0, 1, 2], 0) }, false),
        ("a stranger beside three", by_a_stranger, false),
        ("a signature in another's name", borrowed, false),
        ("three beside one that does not hold", unsigned, false),
        ("three beside another algorithm", other_algorithm, false),
        ("three for a fork", of_fork, false),
        ("three for another height", other_height, false),
        ("three over bytes of another meaning", as_note, false),
        ("the block before", book.blocks[book.blocks.len() - 2].commit.clone(), false),
    ];
    let under = |(what, commit, holds)| Committed { what, evidence: Evidence { commit, ..sound.clone() }, holds };
    commits.into_iter().map(under).collect()
}

#[test]
fn a_block_is_final_by_more_than_two_thirds_in_one_round_each_once() {
    let council = council();
    for Committed { what, evidence, holds } in cases(&council) {
        let text = serde_json::to_string(&evidence).unwrap();
        match examine(text.as_bytes(), &council.id, &council.book.anchor) {
            Ok(verdict) => assert!(holds, "{what}: {}", verdict.word.as_str()),
            Err(error) => assert_eq!((variant(&error).as_str(), holds), ("Commit", false), "{what}: {error}"),
        }
    }
}
