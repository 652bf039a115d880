//! The decisions of the page's examples: two members admit a third one, and the three end a registration.

use std::collections::BTreeMap;

use p256::ecdsa::SigningKey;
use sealane_core::block::{Member, MemberSet, NoteSigningKey, Origin, Seal};
use sealane_core::consortium::{
    Admin, CertificateFacts, CertificateReader, CertificateRecord, Founder, Genesis, Place, RequestedKey, RevokedBy,
    founder_bytes, member_proof_bytes,
};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, ListEntry, SignerList, SignerTag, Subject, SubjectEntry};
use sealane_core::ledger::{Candidate, EverSeen, State, propose, verify};
use sealane_core::statement::{Draft, Header, P256, PublicKey, Signature, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

const ORIGIN: &str = "ledger.example/council";

/// The participant of the page's examples.
const PARTICIPANT: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";

/// A member of the examples by its name: the seeds of its keys are `sealane example <name> key` and `… note key`.
struct Seat {
    key: SigningKey,
    entry: Member,
}

impl Seat {
    fn new(seed: &str, name: &str) -> Self {
        let key =
            SigningKey::from_slice(Hash::of(format!("sealane example {seed} key").as_bytes()).as_bytes()).unwrap();
        let note_key = Hash::of(format!("sealane example {seed} note key").as_bytes());
        let note_key = NoteSigningKey::from_seed(note_key.as_bytes()).public();
        let entry = Member::new(name, PublicKey::from(key.verifying_key()), note_key).unwrap();
        Self { key, entry }
    }

    fn say(&self, payload: &Value, iat: Timestamp) -> SubmittedStatement {
        let draft = Draft::new(Header::admin(self.entry.kid(), ORIGIN, iat), payload.to_string().as_bytes());
        sign(draft.unwrap(), &self.key)
    }
}

/// The one registration's record: no certificate is looked into.
#[derive(Clone)]
struct Recorded(CertificateRecord);

impl CertificateReader for Recorded {
    fn request(&self, _: &str) -> Result<RequestedKey, String> {
        Err("none is posted".to_owned())
    }

    fn request_der(&self, der: &[u8]) -> Result<RequestedKey, String> {
        Ok(RequestedKey { key: self.0.jwk.clone(), der: der.to_vec(), pem: String::new() })
    }

    fn certificate(&self, _: &[u8]) -> Result<CertificateFacts, String> {
        let CertificateRecord { jwk, not_before, not_after, .. } = self.0.clone();
        Ok(CertificateFacts { key: jwk, not_before, not_after, participant: Some(PARTICIPANT.to_owned()) })
    }
}

/// The ledger of the two.
struct Council {
    state: State,
    seen: EverSeen,
    reader: Recorded,
}

impl Council {
    /// Makes the block of one statement final, and returns its seal.
    fn extend(&mut self, candidate: Candidate, time: Timestamp) -> Seal {
        let made = propose(&mut self.state, &self.seen, time, vec![candidate], false, &P256).unwrap();
        assert!(made.answers.iter().all(Result::is_ok), "{:?}", made.answers);
        let block = made.block.unwrap();
        let seal = block.seal.clone();
        self.state.apply(block.successor).unwrap();
        self.seen.learn(block.learnt);
        seal
    }

    fn decide(&mut self, statement: &SubmittedStatement, time: Timestamp) -> Seal {
        let registry = self.state.registry().unwrap();
        let verified = verify(statement.clone(), registry, &P256).unwrap();
        let at = Place { leaf: self.state.size().next_index(), time };
        let candidate = Candidate::admin(verified, &self.reader, at).unwrap();
        self.extend(candidate, time)
    }
}

/// The examples of "Decisions of the members", by name.
pub fn examples() -> BTreeMap<&'static str, String> {
    let time = |minute: u32| format!("2026-11-21T10:{minute:02}:00Z").parse::<Timestamp>().unwrap();
    let origin: Origin = ORIGIN.parse().unwrap();
    let mut founders = [Seat::new("member", "Example Member"), Seat::new("second member", "Second Member")];
    founders.sort_by_key(|seat| seat.entry.kid());
    let third = Seat::new("third member", "Third Member");
    let consent = |seat: &Seat| {
        let signature = Signature::sign(&seat.key, &founder_bytes(&origin, &seat.entry));
        Founder { kid: seat.entry.kid(), signature }
    };
    let members = MemberSet::new(founders.iter().map(|seat| seat.entry.clone()).collect()).unwrap();
    let genesis = Genesis::new(origin.clone(), members, founders.iter().map(consent).collect(), time(0));
    let genesis: Value = serde_json::from_slice(&Admin::Genesis(genesis).to_payload()).unwrap();
    let anchor = Anchor::of_genesis(founders[0].say(&genesis, time(0)).compact().as_bytes(), &P256).unwrap();
    let maker = SigningKey::from_slice(Hash::of(b"sealane example maker key").as_bytes()).unwrap();
    let record = CertificateRecord {
        x509: b"no certificate".to_vec(),
        jwk: PublicKey::from(maker.verifying_key()),
        not_before: time(0),
        not_after: "2027-11-21T10:00:00Z".parse().unwrap(),
    };
    let mut council = Council { state: State::empty(), seen: EverSeen::default(), reader: Recorded(record.clone()) };
    let first = Place { leaf: council.state.size().next_index(), time: time(0) };
    council.extend(Candidate::genesis(&anchor, first).unwrap(), time(0));

    let bytes = member_proof_bytes(&origin, &third.entry);
    assert_eq!(bytes.len(), 18 + 32 + 32);
    let admission = json!({
        "type": "admit", "name": third.entry.name(), "jwk": third.entry.key(), "noteKey": third.entry.note_key(),
        "proof": Signature::sign(&third.key, &bytes),
    });
    let proposal = json!({"type": "proposal", "changes": [admission], "expires": "2026-11-28T10:00:00.000Z"});
    let statement = founders[0].say(&proposal, time(1));
    let id = statement.id();
    assert!(council.decide(&statement, time(1)).enacted.is_empty());
    let ballot = json!({"type": "ballot", "proposal": id, "yes": true});
    let voted = council.decide(&founders[1].say(&ballot, time(2)), time(2));
    assert!(voted.enacted.is_empty(), "the third member is not ready");
    let ready = json!({"type": "ready", "proposal": id, "height": voted.height, "root": council.state.root()});
    let enacting = council.decide(&third.say(&ready, time(3)), time(3));
    assert_eq!(enacting.enacted, [id]);
    let after = council.state.registry().unwrap().members();
    assert_eq!((after.members().len(), after.hash()), (3, enacting.next_members_hash));
    let members = String::from_utf8(after.to_json()).unwrap();

    let registration = json!({
        "type": "registration", "participant": PARTICIPANT, "request": "bm9uZQ", "certificate": record,
        "claims": {"organization": "Example Maker", "roles": ["manufacturer"], "glns": [], "gs1CompanyPrefixes": ["9506000"],
            "namespaces": []},
    });
    council.decide(&founders[0].say(&registration, time(4)), time(4));
    let revocation = json!({
        "type": "revoke", "participant": PARTICIPANT, "reason": "It records goods that it never had.",
        "compromisedSince": "2026-11-21T10:04:30.000Z",
    });
    let revoking = json!({"type": "proposal", "changes": [revocation], "expires": "2026-11-28T10:00:00.000Z"});
    let statement = founders[1].say(&revoking, time(5));
    let revoked = statement.id();
    let yes = json!({"type": "ballot", "proposal": revoked, "yes": true});
    let said = [
        (founders[1].entry.kid(), statement),
        (founders[0].entry.kid(), founders[0].say(&yes, time(6))),
        (third.entry.kid(), third.say(&yes, time(7))),
    ];
    let mut list = Vec::new();
    let mut last = enacting.clone();
    for ((kid, statement), minute) in said.iter().zip(5..) {
        let leaf = council.state.size().next_index();
        list.push(ListEntry { leaf, signer: SignerTag::of_member(kid), acts: Acts::NONE });
        last = council.decide(statement, time(minute));
    }
    assert_eq!(last.enacted, [revoked]);
    let participant = PARTICIPANT.parse().unwrap();
    let registry = council.state.registry().unwrap();
    let end = registry.participant(&participant).unwrap().revoked.clone().unwrap();
    assert_eq!((end.at.leaf, end.by), (list[2].leaf, RevokedBy::Vote(revoked)));
    let subject = Subject::proposal(&revoked);
    let proof = council.state.prove(&subject.key(), 0).unwrap();
    let signers = SignerList::of([list[2].signer]);
    let entry = SubjectEntry::new(&subject, &list, 2..3, proof, &signers);
    assert_eq!(entry.verify(last.index_root, &signers), Ok(()));
    let entry = format!("{}\n{}", serde_json::to_string(&signers).unwrap(), serde_json::to_string(&entry).unwrap());
    BTreeMap::from([
        ("revoke-proposal", revoking.to_string()),
        ("revoke-proposal-id", revoked.to_string()),
        ("revoke-seal", last.to_json()),
        ("revoke-entry", entry),
        ("council-proof-bytes", bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        ("council-proposal", proposal.to_string()),
        ("council-proposal-id", id.to_string()),
        ("council-ballot", ballot.to_string()),
        ("council-ready", ready.to_string()),
        ("council-seal", enacting.to_json()),
        ("council-members", members),
    ])
}
