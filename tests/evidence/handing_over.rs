//! A ledger of four members that changes them ten times: what its evidence shows from each anchor on the way, and what a thief of
//! old keys, a member that has left and a lying node make of it. Three verifiers say the same of all of it (`others`).

use p256::ecdsa::SigningKey;
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Height, Member, MemberSet, Origin};
use sealane_core::consortium::{Admin, CertificateRecord, Claims, Founder, Genesis, Registration, founder_bytes};
use sealane_core::evidence::{Anchor, Evidence, Handover};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::merkle::InclusionProof;
use sealane_core::statement::{Draft, Header, P256, PublicKey, Signature, sign};
use sealane_core::time::Timestamp;
use serde_json::json;

use crate::book::Book;
use crate::node::{note_key, signing_key};
use crate::set::examine;
use crate::tampering::variant;

const ORIGIN: &str = "test.example/handing-over";
const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/H1";
const CHANGES: usize = 10;
/// Members at each time: the one that is longest there goes, and a new one comes.
const MEMBERS: usize = 4;

/// A document, the anchor that it is held against, and the error that refuses it.
pub struct HandedOver {
    pub what: String,
    pub evidence: Evidence,
    pub anchor: Anchor,
    pub refusal: Option<&'static str>,
}

/// The ledger. Its members have numbers, in the order in which they come.
pub struct Relay {
    book: Book,
    pub id: Id,
    /// The number of the member that is longest there.
    oldest: usize,
    /// The height of each change.
    changes: Vec<usize>,
}

fn key(number: usize) -> SigningKey {
    signing_key(&format!("relay {number}"))
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from(key.verifying_key())
}

fn member(number: usize) -> Member {
    Member::new(format!("Member {number}"), public(&key(number)), note_key(&format!("relay {number}")).public())
        .unwrap()
}

/// The members from this number on.
fn set(oldest: usize) -> MemberSet {
    MemberSet::new((oldest..oldest + MEMBERS).map(member).collect()).unwrap()
}

fn at(day: usize, hour: usize) -> Timestamp {
    format!("2026-03-{:02}T{hour:02}:00:00Z", day + 1).parse().unwrap()
}

fn signed(numbers: impl Iterator<Item = usize>, height: Height, checkpoint: &Checkpoint) -> Commit {
    let signatures = numbers.map(|number| CommitSignature::sign(&key(number), height, 0, checkpoint)).collect();
    Commit { height, round: 0, signatures }
}

impl Relay {
    fn begun() -> Self {
        let origin: Origin = ORIGIN.parse().unwrap();
        let mut keys: Vec<SigningKey> = (0..MEMBERS).map(key).collect();
        keys.sort_by_key(|key| public(key).thumbprint());
        let members = set(0);
        let founder = |(member, key): (&Member, &SigningKey)| Founder {
            kid: member.kid(),
            signature: Signature::sign(key, &founder_bytes(&origin, member)),
        };
        let founders = members.members().zip(&keys).map(founder).collect();
        let genesis = Admin::Genesis(Genesis::new(origin.clone(), members, founders, at(0, 8)));
        let text = admin(&genesis, &keys[0], at(0, 8));
        let book = Book::empty(Anchor::of_genesis(text.as_bytes(), &P256).unwrap());
        let mut relay = Self { book, id: Id::parse(ITEM).unwrap(), oldest: 0, changes: Vec::new() };
        relay.write(at(0, 8), text);
        relay
    }

    /// The founders' maker is registered by member 2 before the third change, which takes that one away; a store by member 6, who
    /// has come with the third and goes with the seventh.
    pub fn run() -> Self {
        let mut relay = Self::begun();
        for change in 1..=CHANGES {
            match change {
                3 => relay.register("Maker", 1, &["9506000"], 2, change),
                4 => relay.capture("Maker", "commissioning", "ADD", change),
                7 => relay.register("Store", 2, &[], 6, change),
                _ => {}
            }
            relay.hand_over(change);
        }
        relay.capture("Store", "storing", "OBSERVE", CHANGES + 1);
        relay
    }

    fn write(&mut self, time: Timestamp, text: String) {
        let oldest = self.oldest;
        let three = |height: Height, checkpoint: &Checkpoint| signed(oldest..oldest + 3, height, checkpoint);
        self.book.write(time, vec![text], three);
    }

    fn hand_over(&mut self, day: usize) {
        let oldest = self.oldest;
        let three = |height: Height, checkpoint: &Checkpoint| signed(oldest..oldest + 3, height, checkpoint);
        self.book.hand_over(at(day, 12), set(oldest + 1), three);
        self.oldest += 1;
        self.changes.push(self.book.blocks.len() - 1);
    }

    fn register(&mut self, name: &str, number: u8, prefixes: &[&str], by: usize, day: usize) {
        let claims = json!({"organization": name, "roles": ["manufacturer"], "glns": [], "gs1CompanyPrefixes": prefixes,
            "namespaces": []});
        let claims: Claims = serde_json::from_value(claims).unwrap();
        let certificate = CertificateRecord {
            x509: name.as_bytes().to_vec(),
            jwk: public(&signing_key(name)),
            not_before: at(0, 0),
            not_after: at(30, 0),
        };
        let participant = format!("00000000-0000-4000-8000-{number:012}").parse().unwrap();
        let request = b"request".to_vec();
        let registration =
            Registration { participant, claims, request, certificate, evidence: Vec::new(), similar_to: Vec::new() };
        let text = admin(&Admin::Registration(Box::new(registration)), &key(by), at(day, 8));
        self.write(at(day, 8), text);
    }

    fn capture(&mut self, name: &str, step: &str, action: &str, day: usize) {
        let event = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "type": "ObjectEvent",
            "eventTime": at(day, 7), "eventTimeZoneOffset": "+00:00", "epcList": [ITEM], "action": action, "bizStep": step,
            "readPoint": {"id": "urn:x:place"},
        });
        let header = Header::epcis(Hash::of(name.as_bytes()), ORIGIN, at(day, 9));
        let statement = sign(Draft::new(header, event.to_string().as_bytes()).unwrap(), &signing_key(name));
        self.write(at(day, 9), statement.compact().to_owned());
    }

    /// The anchor after so many changes.
    fn anchor(&self, changes: usize) -> Anchor {
        match changes.checked_sub(1) {
            Some(last) => self.book.anchor_at(self.changes[last], &set(changes)),
            None => self.book.anchor.clone(),
        }
    }

    /// Evidence at the last block, with the handovers after so many changes, and the keys of these members.
    fn evidence(&self, changes: usize, former: &[usize]) -> Evidence {
        let mut evidence = self.book.last().honest(&self.id);
        evidence.handovers.drain(..changes);
        evidence.former_members = former.iter().map(|number| public(&key(*number))).collect();
        evidence.former_members.sort_by_key(PublicKey::thumbprint);
        evidence
    }

    fn height(&self, change: usize) -> Height {
        Height::new(self.changes[change] as u64).unwrap()
    }
}

fn admin(admin: &Admin, key: &SigningKey, when: Timestamp) -> String {
    let header = Header::admin(public(key).thumbprint(), ORIGIN, when);
    sign(Draft::new(header, &admin.to_payload()).unwrap(), key).compact().to_owned()
}

/// Who signed before the handovers begin, and is neither a founder nor shown by one: member 6, whom the sets have from the third
/// change to the sixth.
fn former(from: usize) -> &'static [usize] {
    if from < 6 { &[] } else { &[6] }
}

pub fn cases(relay: &Relay) -> Vec<HandedOver> {
    let mut cases = honest(relay);
    cases.extend(broken_chains(relay));
    cases.extend(wrong_keys(relay));
    cases.extend(late_registrations());
    cases
}

/// Whatever the handovers begin with, they do for every anchor from there on, and for no earlier one.
fn honest(relay: &Relay) -> Vec<HandedOver> {
    let mut cases = Vec::new();
    for from in 0..=CHANGES {
        for anchored in [from, (from + CHANGES).div_ceil(2), CHANGES] {
            let what = format!("handovers after {from} changes, an anchor after {anchored}");
            let (evidence, anchor) = (relay.evidence(from, former(from)), relay.anchor(anchored));
            cases.push(HandedOver { what, evidence, anchor, refusal: None });
        }
        if from > 0 {
            let what = format!("handovers after {from} changes, an anchor of genesis");
            let refusal = Some(if from == CHANGES { "Commit" } else { "Handover" });
            cases.push(HandedOver {
                what,
                evidence: relay.evidence(from, former(from)),
                anchor: relay.anchor(0),
                refusal,
            });
        }
    }
    cases
}

/// One of the ten handovers is left out, moved, doubled or changed.
fn broken_chains(relay: &Relay) -> Vec<HandedOver> {
    let mut cases = Vec::new();
    let sound = relay.evidence(0, &[]);
    let all = &sound.handovers;
    let mut push = |what: String, handovers: Vec<Handover>, refusal| {
        let evidence = Evidence { handovers, ..sound.clone() };
        cases.push(HandedOver { what, evidence, anchor: relay.anchor(0), refusal: Some(refusal) });
    };
    for at in 0..CHANGES {
        let mut without = all.clone();
        without.remove(at);
        push(format!("without handover {at}"), without, if at + 1 == CHANGES { "SealPlace" } else { "Handover" });
        let mut twice = all.clone();
        twice.insert(at, all[at].clone());
        push(format!("handover {at} twice"), twice, "Handover");
        if at > 0 {
            let mut swapped = all.clone();
            swapped.swap(at - 1, at);
            push(format!("handover {at} before its time"), swapped, "Handover");
        }
        let next = at + 1;
        type Change<'a> = (&'a str, Box<dyn Fn(&mut Handover) + 'a>);
        let by = |numbers: std::ops::Range<usize>| {
            let checkpoint: Checkpoint = all[at].checkpoint.parse().unwrap();
            signed(numbers, relay.height(at), &checkpoint)
        };
        let changes: [Change<'_>; 8] = [
            ("by two of four", Box::new(|one| one.commit = by(at..at + 2))),
            ("by those who come", Box::new(|one| one.commit = by(next..next + MEMBERS))),
            ("of another round", Box::new(|one| one.commit.round = 1)),
            ("to others", Box::new(|one| one.members = set(at + 2))),
            ("to those who were there", Box::new(|one| one.members = set(at))),
            ("without its proof", Box::new(|one| one.seal_inclusion_proof = InclusionProof(Vec::new()))),
            ("at another time", Box::new(|one| one.seal = one.seal.replace("T12:00:00.000Z", "T12:00:00.001Z"))),
            (
                "of another ledger",
                Box::new(|one| one.checkpoint = one.checkpoint.replace("test.example", "example.test")),
            ),
        ];
        for (what, change) in changes {
            let mut handovers = all.clone();
            change(&mut handovers[at]);
            push(format!("handover {at} {what}"), handovers, "Handover");
        }
    }
    cases
}

/// Keys in `formerMembers` that are missing, too many or nobody's.
fn wrong_keys(relay: &Relay) -> Vec<HandedOver> {
    let mut cases = Vec::new();
    let mut push = |what: &str, from: usize, former: &[usize], refusal| {
        let (evidence, anchor) = (relay.evidence(from, former), relay.anchor(CHANGES));
        cases.push(HandedOver { what: what.to_owned(), evidence, anchor, refusal: Some(refusal) });
    };
    push("a former member's key is missing", 6, &[], "FormerMissing");
    push("a stranger's key in its place", 6, &[99], "FormerMissing");
    push("a stranger's key beside it", 6, &[6, 99], "FormerUnneeded");
    push("one that left and signed nothing", 6, &[6, 5], "FormerUnneeded");
    push("a founder's key beside it", 6, &[6, 2], "FormerKnown");
    push("one that a handover shows", 0, &[6], "FormerKnown");
    push("a key twice", 6, &[6, 6], "FormerOrder");
    cases
}

/// A registration that no honest quorum would sign: by a key that has left, or has not come yet.
fn late_registrations() -> Vec<HandedOver> {
    let mut cases = Vec::new();
    for (what, by) in
        [("a stolen key of a founder", 0), ("a stolen key of a former member", 6), ("a key that is to come", 14)]
    {
        let mut relay = Relay::run();
        relay.register("Thief", 9, &[], by, CHANGES + 2);
        relay.capture("Thief", "storing", "OBSERVE", CHANGES + 3);
        for (from, anchored, former) in
            [(0, 0, &[][..]), (0, CHANGES, &[]), (CHANGES, CHANGES, &[6]), (CHANGES, CHANGES, &[6, 14])]
        {
            let what = format!("{what} registers, from {from}, anchored at {anchored}, with {former:?}");
            let (evidence, anchor) = (relay.evidence(from, former), relay.anchor(anchored));
            cases.push(HandedOver { what, evidence, anchor, refusal: Some("NotInForce") });
        }
    }
    cases
}

#[test]
fn an_answer_outlives_ten_changes_of_members_and_no_lie_about_them_does() {
    let relay = Relay::run();
    let cases = cases(&relay);
    assert!(cases.iter().filter(|case| case.refusal.is_none()).count() > 20);
    for case in cases {
        let text = serde_json::to_string(&case.evidence).unwrap();
        let error = examine(text.as_bytes(), &relay.id, &case.anchor).err();
        assert_eq!(error.as_ref().map(variant).as_deref(), case.refusal, "{}: {error:?}", case.what);
    }
}

#[test]
fn evidence_grows_by_each_change_of_members_and_not_at_all_from_a_fresh_anchor() {
    let relay = Relay::run();
    let size = |from: usize| serde_json::to_string(&relay.evidence(from, &[])).unwrap().len();
    let grown: Vec<usize> = (0..CHANGES).map(|from| size(from) - size(from + 1)).collect();
    println!("evidence of {} bytes, and for each change of members before it {grown:?}", size(CHANGES));
    assert!(grown.iter().all(|bytes| *bytes > 0));
    // A registration that the answer rests on was signed by a key that is no member's any more.
    let fresh = relay.evidence(CHANGES, former(CHANGES));
    println!("with a former member's key {} bytes", serde_json::to_string(&fresh).unwrap().len());
    assert!(fresh.handovers.is_empty() && examine_from(&relay, &fresh, CHANGES));
    // What is left out is needed by an anchor from before it.
    assert!(!examine_from(&relay, &fresh, CHANGES - 1));
}

/// Tells whether evidence stands by the anchor after so many changes of members.
fn examine_from(relay: &Relay, evidence: &Evidence, changes: usize) -> bool {
    let text = serde_json::to_string(evidence).unwrap();
    examine(text.as_bytes(), &relay.id, &relay.anchor(changes)).is_ok()
}
