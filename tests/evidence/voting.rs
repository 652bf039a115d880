//! A ledger of four members that vote on the ends of registrations: every way in which a vote comes out, and what a node makes of it
//! that hides one or lies about it. Three verifiers say the same of all of it (`others`).

use std::collections::BTreeSet;
use std::ops::Range;

use p256::ecdsa::SigningKey;
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Height, Member, MemberSet, Origin};
use sealane_core::consortium::{
    Admin, CertificateRecord, Claims, Founder, Genesis, Registration, founder_bytes, member_proof_bytes,
};
use sealane_core::evidence::{Anchor, Evidence, check};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{Subject, SubjectEntry, SubjectKind};
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::{
    Draft, Header, P256, PublicKey, Signature, StatementId, SubmittedStatement, sign as sign_draft,
};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::book::Book;
use crate::node::{note_key, signing_key};
use crate::set::examine;
use crate::tampering::variant;

const ORIGIN: &str = "test.example/voting";
const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/V1";

/// The participants, by their numbers: the maker, and stores of which each has had the item.
const MAKER: u8 = 1;
const STORES: Range<u8> = 2..10;

/// A document, and the errors one of which refuses it.
pub struct Told {
    pub what: String,
    pub evidence: Evidence,
    pub refusals: &'static [&'static str],
}

pub struct Votes {
    pub book: Book,
    pub id: Id,
    /// Keys of the founders by the order of their kids, of those whose signatures make the next block final, and of who comes last.
    keys: Vec<SigningKey>,
    signers: Vec<SigningKey>,
    newcomer: SigningKey,
    minute: usize,
    /// Whose registrations a vote has ended.
    ended: BTreeSet<u8>,
    proposals: Vec<StatementId>,
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from(key.verifying_key())
}

fn participant(number: u8) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn at(minute: usize) -> Timestamp {
    let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    start.plus_millis(minute as i64 * 60_000)
}

fn member(name: &str, seed: &str) -> Member {
    Member::new(name, public(&signing_key(seed)), note_key(seed).public()).unwrap()
}

fn signed(keys: &[SigningKey], height: Height, checkpoint: &Checkpoint) -> Commit {
    let signatures = keys.iter().map(|key| CommitSignature::sign(key, height, 0, checkpoint)).collect();
    Commit { height, round: 0, signatures }
}

fn admin(payload: &[u8], key: &SigningKey, when: Timestamp) -> String {
    let header = Header::admin(public(key).thumbprint(), ORIGIN, when);
    sign_draft(Draft::new(header, payload).unwrap(), key).compact().to_owned()
}

fn revoke(number: u8, since: Option<&str>) -> Value {
    let mut change = json!({"type": "revoke", "participant": participant(number), "reason": "it lied"});
    if let Some(since) = since {
        change["compromisedSince"] = json!(since);
    }
    change
}

impl Votes {
    fn begun() -> Self {
        let origin: Origin = ORIGIN.parse().unwrap();
        let seeds: Vec<String> = (0..4).map(|number| format!("voting {number}")).collect();
        let mut keys: Vec<SigningKey> = seeds.iter().map(|seed| signing_key(seed)).collect();
        keys.sort_by_key(|key| public(key).thumbprint());
        let members = seeds.iter().map(|seed| member(&format!("Member of {seed}"), seed)).collect();
        let members = MemberSet::new(members).unwrap();
        let founder = |(member, key): (&Member, &SigningKey)| Founder {
            kid: member.kid(),
            signature: Signature::sign(key, &founder_bytes(&origin, member)),
        };
        let founders = members.members().zip(&keys).map(founder).collect();
        let genesis = Admin::Genesis(Genesis::new(origin, members, founders, at(0)));
        let text = admin(&genesis.to_payload(), &keys[0], at(0));
        let book = Book::empty(Anchor::of_genesis(text.as_bytes(), &P256).unwrap());
        let newcomer = signing_key("voting newcomer");
        let (id, ended, signers) = (Id::parse(ITEM).unwrap(), BTreeSet::new(), keys[..3].to_vec());
        let mut votes = Self { book, id, keys, signers, newcomer, minute: 0, ended, proposals: Vec::new() };
        votes.write(text);
        votes
    }

    fn write(&mut self, text: String) {
        let quorum = |height: Height, checkpoint: &Checkpoint| signed(&self.signers, height, checkpoint);
        self.book.write(at(self.minute), vec![text], quorum);
        self.minute += 1;
        self.book.enacted.clear();
    }

    /// What a member says, in a block of its own.
    fn say(&mut self, by: usize, payload: &Value) {
        let text = admin(payload.to_string().as_bytes(), &self.keys[by], at(self.minute));
        self.write(text);
    }

    /// Members register an organisation: the first of them does, and this one's maker has the prefix.
    fn register(&mut self, number: u8) {
        let prefixes: &[&str] = if number == MAKER { &["9506000"] } else { &[] };
        let claims = json!({"organization": format!("Organisation {number}"), "roles": ["manufacturer"], "glns": [],
            "gs1CompanyPrefixes": prefixes, "namespaces": []});
        let claims: Claims = serde_json::from_value(claims).unwrap();
        let certificate = CertificateRecord {
            x509: vec![number; 8],
            jwk: public(&signing_key(&format!("voter {number}"))),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
        };
        let (participant, request) = (participant(number).parse().unwrap(), b"request".to_vec());
        let registration =
            Registration { participant, claims, request, certificate, evidence: Vec::new(), similar_to: Vec::new() };
        let payload = Admin::Registration(Box::new(registration)).to_payload();
        let text = admin(&payload, &self.keys[0], at(self.minute));
        self.write(text);
    }

    fn capture(&mut self, number: u8, step: &str, action: &str) {
        let event = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "type": "ObjectEvent",
            "eventTime": at(self.minute), "eventTimeZoneOffset": "+00:00", "epcList": [ITEM], "action": action,
            "bizStep": step, "readPoint": {"id": "urn:x:place"},
        });
        let header = Header::epcis(Hash::of(&[number; 8]), ORIGIN, at(self.minute));
        let key = signing_key(&format!("voter {number}"));
        let text = sign_draft(Draft::new(header, event.to_string().as_bytes()).unwrap(), &key).compact().to_owned();
        self.write(text);
    }

    /// A proposal by a member; its id.
    fn propose(&mut self, by: usize, changes: &[Value]) -> StatementId {
        let payload = json!({"type": "proposal", "changes": changes, "expires": "2026-03-02T08:00:00Z"});
        let text = admin(payload.to_string().as_bytes(), &self.keys[by], at(self.minute));
        let id = SubmittedStatement::parse(text.as_bytes()).unwrap().id();
        self.write(text);
        self.proposals.push(id);
        id
    }

    fn vote(&mut self, by: usize, proposal: StatementId, yes: bool) {
        self.say(by, &json!({"type": "ballot", "proposal": proposal, "yes": yes}));
    }

    /// The ballot that completes a vote, and the seal that says so.
    fn complete(&mut self, by: usize, proposal: StatementId, ends: &[u8]) {
        self.book.enacted = vec![proposal];
        self.vote(by, proposal, true);
        self.ended.extend(ends);
    }

    /// The whole story.
    pub fn run() -> Self {
        let mut votes = Self::begun();
        (MAKER..STORES.end).for_each(|number| votes.register(number));
        votes.capture(MAKER, "commissioning", "ADD");
        STORES.for_each(|store| votes.capture(store, "storing", "OBSERVE"));
        let noon = Some("2026-03-01T08:15:00Z");
        // 2: open. 3: withdrawn. 4: lost, by two who say no.
        votes.propose(0, &[revoke(2, noon)]);
        let withdrawn = votes.propose(1, &[revoke(3, noon)]);
        votes.vote(0, withdrawn, true);
        votes.say(1, &json!({"type": "withdrawal", "proposal": withdrawn}));
        let lost = votes.propose(1, &[revoke(4, noon)]);
        votes.vote(0, lost, false);
        votes.vote(2, lost, false);
        // 5: void, since another one comes first. 6: with it, and with a policy.
        let void = votes.propose(1, &[revoke(5, noon)]);
        votes.vote(0, void, true);
        let policy = json!({"type": "policy", "name": "newIdsInAll", "value": 5, "participant": participant(MAKER)});
        let mut dismissing = revoke(6, noon);
        dismissing["dismissesClaims"] = json!(true);
        let claims = json!([{"from": 20, "to": 30}, {"from": 40, "to": 40}]);
        let dismiss = json!({"type": "dismiss", "participant": participant(8), "claims": claims, "reason": "smears"});
        let succeeds = json!({"type": "succeeds", "former": participant(5), "participant": participant(9)});
        let first = votes.propose(2, &[revoke(5, None), policy.clone(), dismissing, dismiss, succeeds]);
        votes.vote(3, first, false);
        votes.vote(0, first, true);
        votes.complete(1, first, &[5, 6]);
        // 7: with a new member, so that its readiness completes it. Members change there.
        let entry = member("Newcomer", "voting newcomer");
        let proof = Signature::sign(&votes.newcomer, &member_proof_bytes(&ORIGIN.parse().unwrap(), &entry));
        let admit = json!({"type": "admit", "name": "Newcomer", "jwk": entry.key(), "noteKey": entry.note_key(),
            "proof": proof});
        let together = votes.propose(3, &[admit, revoke(7, None)]);
        votes.vote(0, together, true);
        votes.vote(1, together, true);
        votes.be_ready(together, entry);
        votes.ended.insert(7);
        // 8: about a policy alone. 9: over, and then said to by no one.
        let of_one = json!({"type": "policy", "name": "newIdsInAll", "value": 7, "participant": participant(8)});
        let alone = votes.propose(0, &[of_one]);
        votes.vote(1, alone, true);
        votes.vote(2, alone, true);
        votes.complete(3, alone, &[]);
        votes.propose(0, &[revoke(9, noon)]);
        votes.minute += 2 * 24 * 60;
        votes.capture(MAKER, "inspecting", "OBSERVE");
        votes
    }

    /// The newcomer says that it is ready, which completes the vote; the members after it make the next blocks.
    fn be_ready(&mut self, proposal: StatementId, entry: Member) {
        let last = self.book.blocks.last().unwrap();
        let root = last.checkpoint.parse::<Checkpoint>().unwrap().root;
        let payload = json!({"type": "ready", "proposal": proposal, "height": last.seal.height, "root": root});
        let text = admin(payload.to_string().as_bytes(), &self.newcomer, at(self.minute));
        let mut members: Vec<Member> = self.book.anchor.genesis().members.members().cloned().collect();
        members.push(entry);
        self.book.enacted = vec![proposal];
        let quorum = |height: Height, checkpoint: &Checkpoint| signed(&self.signers, height, checkpoint);
        self.book.hand_over_with(at(self.minute), vec![text], MemberSet::new(members).unwrap(), quorum);
        self.book.enacted.clear();
        self.minute += 1;
        // Of five members four make a quorum.
        self.signers.push(self.newcomer.clone());
    }

    /// Evidence of the last block with these entries, and the statements at these leaves.
    fn document(&self, index: Vec<SubjectEntry>, admins: &BTreeSet<LeafIndex>) -> Evidence {
        let (captures, _) = self.book.last().trail(&self.id).leaves();
        self.book.last().document(&self.id, index, &captures, admins)
    }
}

/// Evidence of every block from the first capture on, every lie about each proposal that it shows, and what a quorum of liars
/// could sign.
pub fn cases(votes: &Votes) -> Vec<Told> {
    let mut cases = Vec::new();
    for height in usize::from(STORES.end)..votes.book.blocks.len() {
        let evidence = votes.book.edition(height).honest(&votes.id);
        cases.push(Told { what: format!("good at block {height}"), evidence, refusals: &[] });
    }
    let edition = votes.book.last();
    let sound = edition.honest(&votes.id);
    for at in (0..sound.index.len()).filter(|at| sound.index[*at].kind == SubjectKind::Proposal) {
        let number = votes.proposals.iter().position(|id| Subject::proposal(id) == sound.index[at].subject()).unwrap();
        for (what, evidence, refusals) in lies(votes, &sound, at) {
            cases.push(Told { what: format!("proposal {number}: {what}"), evidence, refusals });
        }
    }
    cases.extend(of_liars());
    cases
}

type Lie = (&'static str, Evidence, &'static [&'static str]);

/// Lies about the proposal whose list is the entry at `at`.
fn lies(votes: &Votes, sound: &Evidence, at: usize) -> Vec<Lie> {
    let edition = votes.book.last();
    let mut wide = sound.clone();
    edition.widen_signers(&mut wide);
    let (subject, id) = (sound.index[at].subject(), sound.index[at].subject.clone());
    let list = edition.list(&subject).to_vec();
    let (proposed, end) = (list[0], *list.last().unwrap());
    let (_, admins) = edition.trail(&votes.id).leaves();
    let with = |entry: SubjectEntry| {
        let mut index = wide.index.clone();
        index[at] = entry;
        votes.document(index, &admins)
    };
    let mut lies: Vec<Lie> = Vec::new();
    let mut without = wide.index.clone();
    without.remove(at);
    lies.push(("its list left out", votes.document(without.clone(), &admins), &["SubjectMissing"]));
    let parts: &[&str] = &["OtherLeaves", "Follow"];
    for shown in [0..list.len(), 0..list.len() - 1, list.len().saturating_sub(2)..list.len() - 1, 0..0] {
        lies.push(("another part of its list, proven", with(edition.entry(&subject, shown)), parts));
    }
    let changed = |change: &dyn Fn(&mut SubjectEntry)| {
        let mut entry = wide.index[at].clone();
        change(&mut entry);
        with(entry)
    };
    lies.push(("an earlier leaf as its last", changed(&|entry| entry.leaves[0] = proposed), &["Index"]));
    lies.push(("a shorter list", changed(&|entry| (entry.count, entry.first) = (1, 0)), &["Index"]));
    if let Some(other) = wide.index.iter().find(|one| one.kind == SubjectKind::Proposal && one.subject != id) {
        let renamed = SubjectEntry { subject: id.clone(), ..other.clone() };
        lies.push(("another proposal's list", with(renamed), &["Index"]));
    }
    let seal = sound.seals.iter().position(|seal| seal.leaf_index > end).unwrap();
    let mut unsealed = sound.clone();
    let genuine = unsealed.seals.remove(seal);
    edition.prove(&mut unsealed);
    lies.push(("the seal of its last block left out", unsealed.clone(), &["NoSeal"]));
    for block in votes.book.blocks.iter().filter(|block| block.placed().leaf_index > genuine.leaf_index).take(2) {
        let mut other = unsealed.clone();
        other.seals.push(block.placed());
        other.seals.sort_by_key(|seal| seal.leaf_index);
        other.seals.dedup();
        edition.prove(&mut other);
        lies.push(("another block's seal in its place", other, &["NoSeal", "SealUnneeded"]));
    }
    let mut turned = sound.clone();
    let text = &mut turned.seals[seal].seal;
    *text = match text.contains(&format!("\"enacted\":[\"{id}\"]")) {
        true => text.replace(&format!("[\"{id}\"]"), "[]"),
        false => text.replace("\"enacted\":[]", &format!("\"enacted\":[\"{id}\"]")),
    };
    lies.push(("its end turned round", turned, &["Inclusion"]));
    let mut hidden = admins.clone();
    assert!(hidden.remove(&proposed), "the proposal is shown");
    lies.push(("the proposal left out", votes.document(wide.index.clone(), &hidden), &["SubjectUnneeded"]));
    lies.push(("the proposal and its list left out", votes.document(without, &hidden), &["StatementMissing"]));
    let mut more = admins.clone();
    if more.insert(end) {
        let refusals: &[&str] = &["Refused", "NotInForce"];
        lies.push(("the last statement shown", votes.document(wide.index.clone(), &more), refusals));
    }
    lies.retain(|(_, evidence, _)| evidence != sound);
    lies
}

/// Ledgers on which all members lie together. What holds of them, holds for all verifiers alike.
fn of_liars() -> Vec<Told> {
    let mut cases = Vec::new();
    let mut push = |what: &str, votes: &Votes, refusals| {
        let evidence = votes.book.last().honest(&votes.id);
        cases.push(Told { what: format!("all members lie: {what}"), evidence, refusals });
    };
    let begun = || {
        let mut votes = Votes::begun();
        (MAKER..4).for_each(|number| votes.register(number));
        votes.capture(MAKER, "commissioning", "ADD");
        votes.capture(2, "storing", "OBSERVE");
        let one = votes.propose(0, &[revoke(2, Some("2026-03-01T08:00:00Z"))]);
        votes.vote(1, one, true);
        (votes, one)
    };
    let (mut votes, one) = begun();
    votes.book.enacted = vec![one];
    votes.capture(MAKER, "inspecting", "OBSERVE");
    push("enacted by a block in which nothing is said about it", &votes, &[]);
    let (mut votes, one) = begun();
    votes.complete(2, one, &[2]);
    votes.vote(3, one, true);
    push("something is said about it after it was enacted", &votes, &[]);
    let (mut votes, one) = begun();
    let other = votes.propose(1, &[revoke(2, None)]);
    votes.complete(2, one, &[2]);
    votes.complete(2, other, &[2]);
    push("one registration ended twice", &votes, &["Refused"]);
    let (mut votes, one) = begun();
    let other = votes.propose(1, &[revoke(1, None)]);
    votes.vote(2, other, true);
    votes.book.enacted = vec![one, other];
    votes.vote(3, one, true);
    push("two enacted by one block, and only one of them there", &votes, &[]);
    cases
}

/// Whose registrations evidence says that votes have ended.
fn ended(evidence: &Evidence, votes: &Votes) -> BTreeSet<u8> {
    let registry = check(evidence, &votes.id, &votes.book.anchor, &P256).unwrap().history.registry;
    let is_revoked = |number: &u8| {
        let id = participant(*number).parse().unwrap();
        registry.participant(&id).is_some_and(|one| one.revoked.is_some())
    };
    (MAKER..STORES.end).filter(is_revoked).collect()
}

#[test]
fn what_a_vote_came_to_is_proven_and_no_lie_about_it_is_believed() {
    let votes = Votes::run();
    let cases = cases(&votes);
    assert!(cases.iter().filter(|case| !case.refusals.is_empty()).count() > 80, "{}", cases.len());
    for Told { what, evidence, refusals } in cases {
        let text = serde_json::to_string(&evidence).unwrap();
        let error = examine(text.as_bytes(), &votes.id, &votes.book.anchor).err();
        match &error {
            None => assert!(refusals.is_empty(), "{what} is believed"),
            Some(error) => assert!(refusals.contains(&variant(error).as_str()), "{what}: {error:?}"),
        }
    }
}

#[test]
fn evidence_of_each_block_shows_what_was_enacted_up_to_it() {
    let votes = Votes::run();
    let mut seen = BTreeSet::new();
    for height in usize::from(STORES.end)..votes.book.blocks.len() {
        let now = ended(&votes.book.edition(height).honest(&votes.id), &votes);
        assert!(now.is_superset(&seen), "{now:?} at block {height}, and {seen:?} before it");
        seen = now;
    }
    assert_eq!((&seen, seen.len()), (&votes.ended, 3));
}

/// Decisions about records are in the registry that a verifier makes, once the seal is shown that says they were enacted.
#[test]
fn a_verifier_knows_whose_claims_count_no_more_and_who_goes_on_for_whom() {
    let votes = Votes::run();
    let registry =
        check(&votes.book.last().honest(&votes.id), &votes.id, &votes.book.anchor, &P256).unwrap().history.registry;
    let id = |number: u8| participant(number).parse().unwrap();
    let leaf = |at: u64| LeafIndex::new(at).unwrap();
    let dismissed = |number: u8, at: u64| registry.is_dismissed(&id(number), leaf(at)).map(|one| one.reason.as_str());
    assert_eq!(
        [19, 20, 30, 31, 40].map(|at| dismissed(8, at)),
        [None, Some("smears"), Some("smears"), None, Some("smears")]
    );
    assert_eq!((dismissed(6, 1), dismissed(5, 1), dismissed(6, 100_000)), (Some("it lied"), None, None));
    assert_eq!(registry.successor_of(&id(5)).map(|one| one.participant), Some(id(9)));
    assert_eq!(registry.custodian_at(&id(5), leaf(100_000)), &id(9));
    // As of a block before the vote nothing is decided.
    let before = votes.book.edition(usize::from(STORES.end) + STORES.len()).honest(&votes.id);
    let registry = check(&before, &votes.id, &votes.book.anchor, &P256).unwrap().history.registry;
    assert!(registry.is_dismissed(&id(8), leaf(20)).is_none() && registry.successor_of(&id(5)).is_none());
}

/// What each vote about a participant adds, with a small proposal: its statement, two seals, its list and their proofs.
#[test]
fn a_proposal_adds_little_to_evidence() {
    let votes = Votes::run();
    let bytes = |height: usize| serde_json::to_vec(&votes.book.edition(height).honest(&votes.id)).unwrap().len();
    let first = votes.book.blocks.len() - 1;
    let proposals =
        votes.book.last().honest(&votes.id).index.iter().filter(|one| one.kind == SubjectKind::Proposal).count();
    let added = bytes(first) - bytes(usize::from(STORES.end) + STORES.len());
    println!("{proposals} proposals and a handover added {added} bytes");
    assert_eq!(proposals, 7);
    assert!(added / proposals < 6_000, "{added}");
}
