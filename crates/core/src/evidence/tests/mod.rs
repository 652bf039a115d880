//! Each step and each refusal of the check, by evidence in which everything else holds.
//!
//! A document that is only altered fails at inclusion first. So where a leaf itself is wrong, it stands so in tree, index,
//! seal and commit: what a quorum of liars could sign, and what a verifier refuses all the same.

mod documents;
mod enacted;
mod handovers;
mod ledger;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::block::{FinalityError, Seal, SealError};
use crate::consortium::{Admin, AdminError, Endorsement, Refusal};
use crate::evidence::{CaptureFault, Evidence, EvidenceError, MemberChain, Receipt, ReceiptError, check};
use crate::gs1::{Id, Question};
use crate::hash::Hash;
use crate::index::{Acts, IndexProofError, ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectKind};
use crate::limits::EVIDENCE_BYTES_MAX;
use crate::merkle::{InclusionProof, LeafIndex, MultiProof};
use crate::provenance::FollowFault;
use crate::statement::{P256, StatementError, StatementType};
use ledger::{MEMBER, Post, TestLedger, TestLists, certificate, leaf, participant, public, signed};

const ORIGIN: &str = "ledger.example/test";
const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S1";
const OTHER: &str = "https://id.gs1.org/01/09506000134352/21/S2";
const CASE: &str = "https://id.gs1.org/00/095060001343520000";

/// Fails unless the check refuses the evidence with an error of this form.
macro_rules! refused {
    ($ledger:expr, $evidence:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error = $ledger.check(&$evidence).expect_err("this evidence was believed");
        assert!(matches!(&error, $pattern $(if $guard)?), "{error:?}");
    }};
}

fn event(when: &str, members: &Value) -> Value {
    let mut event = json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "ObjectEvent", "eventTime": when, "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
    });
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event
}

fn commissioning(id: &str) -> Value {
    event("2026-02-05T00:00:00Z", &json!({"action": "ADD", "bizStep": "commissioning", "epcList": [id]}))
}

fn storing(when: &str, id: &str) -> Value {
    let place = json!({"id": "https://id.gs1.org/414/9506000134369"});
    event(when, &json!({"bizStep": "storing", "epcList": [id], "readPoint": place}))
}

fn packing(when: &str, container: &str, item: &str) -> Value {
    let members = json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": container,
        "childEPCs": [item]});
    event(when, &members)
}

/// Texts that stand in the place of the sound ones.
#[derive(Default)]
struct Instead {
    registration: Option<String>,
    commissioning: Option<String>,
    renewal: Option<String>,
    revocation: Option<String>,
}

/// The ledger of all these tests, and where its statements stand.
struct Story {
    ledger: TestLedger,
    registration: LeafIndex,
    commissioning: LeafIndex,
    renewal: LeafIndex,
    revocation: LeafIndex,
}

impl Story {
    fn sound() -> Self {
        Self::with(Instead::default())
    }

    fn with(instead: Instead) -> Self {
        let mut ledger = TestLedger::new(ORIGIN);
        let place = |sound: Post, text: Option<String>| match text {
            Some(text) => Post::instead(&sound, text),
            None => sound,
        };
        let first = place(ledger.admin(&TestLedger::registration(1, &["9506000"])), instead.registration);
        let second = ledger.admin(&TestLedger::registration(2, &[]));
        let registration = ledger.write("2026-01-02T00:00:00Z", &[first, second]);
        // Two of a time before the case had the item in it, of which evidence opens the later.
        for day in ["2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z"] {
            ledger.write(day, &[ledger.capture(1, &storing(day, CASE))]);
        }
        let post = place(ledger.capture(1, &commissioning(ITEM)), instead.commissioning);
        let commissioned = ledger.write("2026-02-05T00:00:00Z", &[post]);
        let seen = ledger.capture(2, &storing("2026-02-20T00:00:00Z", ITEM));
        ledger.write("2026-02-20T00:00:00Z", &[seen]);
        let packed = ledger.capture(1, &packing("2026-03-01T00:00:00Z", CASE, ITEM));
        ledger.write("2026-03-01T00:00:00Z", &[packed]);
        let post = place(ledger.admin(&ledger.renewal(1, 1, 3, 1)), instead.renewal);
        let renewal = ledger.write("2026-03-02T00:00:00Z", &[post]);
        let post = place(ledger.admin(&TestLedger::revocation(2)), instead.revocation);
        let revocation = ledger.write("2026-03-03T00:00:00Z", &[post]);
        // Of this nothing is in the evidence about the item.
        ledger.write("2026-03-04T00:00:00Z", &[ledger.capture(1, &commissioning(OTHER))]);
        Self { ledger, registration, commissioning: commissioned, renewal, revocation }
    }

    fn evidence(&self) -> Evidence {
        self.ledger.evidence(ITEM)
    }
}

fn item() -> Subject {
    Subject::id(ITEM)
}

fn entry<'a>(index: &'a mut [SubjectEntry], subject: &Subject) -> &'a mut SubjectEntry {
    index.iter_mut().find(|entry| entry.subject() == *subject).unwrap()
}

#[test]
fn sound_evidence_is_believed() {
    let story = Story::sound();
    let evidence = story.evidence();
    let checked = story.ledger.check(&evidence).unwrap();
    let leaves: Vec<u64> = checked.history.records.iter().map(|record| record.place.leaf.get()).collect();
    assert_eq!(leaves, [7, 9, 11, 13]);
    assert_eq!((checked.signatures, checked.leaves), (1 + 4 + 4, 8 + 7 + 1));
    assert_eq!(checked.subjects, evidence.index.len());
    assert_eq!(checked.history.tree_size.get(), 21);
    assert_eq!(checked.history.as_of, checked.seal.time);
    assert_eq!(checked.history.records[1].place.time, "2026-02-05T00:00:00Z".parse().unwrap());
    let json = serde_json::to_vec(&evidence).unwrap();
    assert_eq!(Evidence::parse(&json).unwrap(), evidence);
    let nothing = story.ledger.evidence("https://id.gs1.org/01/09506000134352/21/UNKNOWN");
    assert!(story.ledger.check(&nothing).unwrap().history.records.is_empty());
}

#[test]
fn a_document_that_is_none_is_refused_before_anything_in_it_is_looked_at() {
    let json = serde_json::to_value(Story::sound().evidence()).unwrap();
    let parse = |value: &Value| Evidence::parse(value.to_string().as_bytes()).unwrap_err();
    let with = |name: &str, value: Value| {
        let mut json = json.clone();
        json[name] = value;
        json
    };
    assert!(matches!(parse(&with("version", json!(99))), EvidenceError::Version { found: 99 }));
    assert!(matches!(parse(&with("more", json!(1))), EvidenceError::Shape { .. }));
    assert!(matches!(parse(&with("seals", json!(null))), EvidenceError::Shape { .. }));
    assert!(matches!(Evidence::parse(b"{"), Err(EvidenceError::Json(_))));
    let long = vec![b' '; EVIDENCE_BYTES_MAX + 1];
    assert!(matches!(Evidence::parse(&long), Err(EvidenceError::TooLong { found }) if found == EVIDENCE_BYTES_MAX + 1));
}

#[test]
fn evidence_about_another_id_or_of_another_ledger_is_refused() {
    let story = Story::sound();
    let evidence = story.evidence();
    let asked = Id::parse(OTHER).unwrap();
    let other = check(&evidence, &asked, &story.ledger.anchor, &P256).unwrap_err();
    assert!(matches!(other, EvidenceError::OtherId { .. }), "{other:?}");
    let elsewhere = TestLedger::new("ledger.example/other");
    refused!(elsewhere, evidence, EvidenceError::OtherOrigin { trusted, found }
        if trusted == "ledger.example/other" && found == ORIGIN);
    let mut damaged = evidence;
    damaged.checkpoint.push('x');
    refused!(story.ledger, damaged, EvidenceError::Checkpoint(_));
}

#[test]
fn a_commit_that_no_quorum_signed_is_refused() {
    let story = Story::sound();
    let mut evidence = story.evidence();
    story.ledger.commit(&mut evidence, 1, 1);
    refused!(story.ledger, evidence, EvidenceError::Commit(FinalityError::UnknownMember { .. }));
    story.ledger.commit(&mut evidence, MEMBER, 1);
    refused!(story.ledger, evidence, EvidenceError::Commit(FinalityError::BadSignature { .. }));
    evidence.commit.signatures.clear();
    refused!(story.ledger, evidence, EvidenceError::Commit(FinalityError::NoQuorum { .. }));
    story.ledger.commit(&mut evidence, MEMBER, MEMBER);
    story.ledger.check(&evidence).unwrap();
}

#[test]
fn a_seal_that_is_not_the_checkpoints_is_refused() {
    let story = Story::sound();
    let mut evidence = story.evidence();
    evidence.seal = story.ledger.seal(3);
    refused!(story.ledger, evidence, EvidenceError::SealPlace(FinalityError::SealPlace { .. }));
    evidence.seal.leaf_index = story.evidence().seal.leaf_index;
    refused!(story.ledger, evidence, EvidenceError::SealPlace(FinalityError::SealHeight { .. }));
    evidence.seal.seal = "{}".to_owned();
    refused!(story.ledger, evidence, EvidenceError::Seal { .. });
    let mut damaged = story.evidence();
    damaged.seals[1].seal.push(' ');
    let found = damaged.seals[1].leaf_index;
    refused!(story.ledger, damaged, EvidenceError::Seal { leaf, .. } if *leaf == found);
}

/// By such rules the statements may mean something else, of the checkpoint's own block and of every other one.
#[test]
fn a_seal_of_other_rules_is_refused() {
    type Lie = fn(&mut Seal);
    type IsRight = fn(&SealError) -> bool;
    let lies: [(Lie, IsRight); 2] = [
        (|seal| seal.rules = 3, |error| matches!(error, SealError::UnknownRules { found: 3 })),
        (|seal| seal.rules = 0, |error| matches!(error, SealError::UnknownRules { found: 0 })),
    ];
    for (lie, is_right) in lies {
        let mut story = Story::sound();
        let seen = story.ledger.capture(2, &storing("2026-03-05T00:00:00Z", ITEM));
        let first = story.ledger.write_lying("2026-03-05T00:00:00Z", &[seen], |_| {}, lie);
        let at = first.size_through().next_index();
        let evidence = story.evidence();
        refused!(story.ledger, evidence, EvidenceError::Seal { leaf, error } if *leaf == at && is_right(error));
        // A receipt stands on the same seal.
        let (size, proof) = (at.size_through(), InclusionProof(Vec::new()));
        let receipt = Receipt {
            leaf_index: first,
            tree_size: size,
            leaf_hash: Hash::of(b"leaf"),
            inclusion_proof: proof.clone(),
            checkpoint: evidence.checkpoint.clone(),
            commit: evidence.commit.clone(),
            seal: evidence.seal.seal.clone(),
            seal_inclusion_proof: proof,
        };
        let refusal = receipt.verify(&MemberChain::new(story.ledger.anchor.clone()), &P256).unwrap_err();
        assert!(matches!(&refusal, ReceiptError::Seal(error) if is_right(error)), "{refusal}");
        // Under a sound seal, the older one is still read.
        let other = story.ledger.capture(2, &storing("2026-03-06T00:00:00Z", ITEM));
        story.ledger.write("2026-03-06T00:00:00Z", &[other]);
        refused!(story.ledger, story.evidence(), EvidenceError::Seal { leaf, error } if *leaf == at && is_right(error));
    }
}

#[test]
fn a_seal_of_other_members_is_refused() {
    let mut story = Story::sound();
    let nothing = |_: &mut TestLists| {};
    story.ledger.write_lying("2026-03-05T00:00:00Z", &[], nothing, |seal| seal.members_hash = Hash::of(b"others"));
    refused!(story.ledger, story.evidence(), EvidenceError::SealPlace(FinalityError::SealMembers { .. }));
}

#[test]
fn leaves_out_of_order_or_twice_are_refused() {
    let story = Story::sound();
    let sound = story.evidence();
    let mut evidence = sound.clone();
    evidence.statements.swap(0, 1);
    refused!(story.ledger, evidence, EvidenceError::Order { .. });
    let mut evidence = sound.clone();
    evidence.registrations.swap(0, 1);
    refused!(story.ledger, evidence, EvidenceError::Order { .. });
    let mut evidence = sound.clone();
    evidence.seals.swap(0, 1);
    refused!(story.ledger, evidence, EvidenceError::Order { .. });
    let mut evidence = sound.clone();
    let first = evidence.statements[0].clone();
    evidence.statements.insert(0, first);
    refused!(story.ledger, evidence, EvidenceError::Order { leaf } if *leaf == sound.statements[0].leaf_index);
    let mut evidence = sound.clone();
    evidence.registrations.push(sound.statements[3].clone());
    evidence.registrations.sort_by_key(|one| one.leaf_index);
    refused!(story.ledger, evidence, EvidenceError::LeafTwice { leaf } if *leaf == sound.statements[3].leaf_index);
    let mut evidence = sound.clone();
    evidence.seals[0].leaf_index = sound.registrations[1].leaf_index;
    refused!(story.ledger, evidence, EvidenceError::LeafTwice { leaf } if *leaf == sound.registrations[1].leaf_index);
}

#[test]
fn leaves_that_are_not_in_the_tree_are_refused() {
    let story = Story::sound();
    let sound = story.evidence();
    let mut evidence = sound.clone();
    evidence.statements[1].statement = story.ledger.capture_by(1, commissioning(OTHER).to_string().as_bytes(), 1);
    refused!(story.ledger, evidence, EvidenceError::Inclusion(_));
    let mut evidence = sound.clone();
    evidence.inclusion_proof.0[0] = Hash::of(b"x");
    refused!(story.ledger, evidence, EvidenceError::Inclusion(_));
    let mut evidence = sound;
    evidence.inclusion_proof = MultiProof::default();
    refused!(story.ledger, evidence, EvidenceError::Inclusion(_));
}

#[test]
fn entries_of_the_index_are_in_order_and_proven() {
    let story = Story::sound();
    let sound = story.evidence();
    let mut evidence = sound.clone();
    evidence.index.swap(0, 1);
    refused!(story.ledger, evidence, EvidenceError::IndexOrder { .. });
    let mut evidence = sound.clone();
    evidence.index.insert(0, sound.index[0].clone());
    refused!(story.ledger, evidence, EvidenceError::IndexOrder { .. });
    let mut evidence = sound;
    let shorter = entry(&mut evidence.index, &item());
    let _ = (shorter.leaves.pop(), shorter.signers.pop(), shorter.acts.pop());
    refused!(story.ledger, evidence, EvidenceError::Index { subject, error: IndexProofError::Part(_) }
        if *subject == item());
}

#[test]
fn each_block_of_a_statement_shows_its_seal_and_no_other_does() {
    let story = Story::sound();
    let sound = story.evidence();
    let mut evidence = sound.clone();
    // The leaf's block is then that of a later seal, which does not begin at or before the leaf.
    let at = evidence.seals.iter().position(|seal| seal.leaf_index > story.commissioning).unwrap();
    evidence.seals.remove(at);
    story.ledger.prove(&mut evidence);
    refused!(story.ledger, evidence, EvidenceError::NoSeal { leaf } if *leaf == story.commissioning);
    let mut evidence = sound.clone();
    evidence.seals.pop();
    story.ledger.prove(&mut evidence);
    refused!(story.ledger, evidence, EvidenceError::NoSeal { leaf } if *leaf == story.revocation);
    let mut evidence = sound;
    let unneeded = story.ledger.seal(2);
    evidence.seals.push(unneeded.clone());
    evidence.seals.sort_by_key(|seal| seal.leaf_index);
    story.ledger.prove(&mut evidence);
    refused!(story.ledger, evidence, EvidenceError::SealUnneeded { leaf } if *leaf == unneeded.leaf_index);
}

/// What stands at the leaf of the first registration, in tree, index, seal and commit, is this.
fn with_registration(text: impl Fn(&TestLedger) -> String) -> Story {
    let text = text(&TestLedger::new(ORIGIN));
    Story::with(Instead { registration: Some(text), ..Instead::default() })
}

#[test]
fn a_registration_whose_signature_does_not_hold_is_refused() {
    let registration = TestLedger::registration(1, &["9506000"]);
    for by in [1, 2, 99] {
        let story = with_registration(|ledger| ledger.admin_by(&registration, MEMBER, by));
        refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::BadSignature }
            if *leaf == story.registration);
    }
}

#[test]
fn a_registration_that_no_member_signed_is_refused() {
    let registration = TestLedger::registration(1, &["9506000"]);
    let story = with_registration(|ledger| ledger.admin_by(&registration, 1, 1));
    let signer = public(1).thumbprint();
    refused!(story.ledger, story.evidence(), EvidenceError::NotInForce { leaf, kid, height }
        if *leaf == story.registration && *kid == signer && height.get() == 1);
}

#[test]
fn what_is_no_admin_statement_of_this_ledger_is_no_registration() {
    let (kid, payload) = (public(MEMBER).thumbprint(), TestLedger::registration(1, &["9506000"]).to_payload());
    let story = with_registration(|_| signed(StatementType::Admin, kid, "ledger.example/other", &payload, MEMBER));
    refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::WrongAudience { .. } }
        if *leaf == story.registration);
    let story = with_registration(|ledger| ledger.capture_by(1, &payload, 1));
    refused!(story.ledger, story.evidence(), EvidenceError::Kind { leaf, found: "epcis+jws" }
        if *leaf == story.registration);
    let story = with_registration(|_| "registration".to_owned());
    refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::NotThreeParts { .. } }
        if *leaf == story.registration);
    let story = with_registration(|_| signed(StatementType::Admin, kid, ORIGIN, b"{}", MEMBER));
    refused!(story.ledger, story.evidence(), EvidenceError::Admin { leaf, error: AdminError::Shape { .. } }
        if *leaf == story.registration);
}

#[test]
fn an_admin_statement_that_cannot_stand_at_its_place_is_refused() {
    let ledger = TestLedger::new(ORIGIN);
    let renewal =
        |admin| Story::with(Instead { renewal: Some(ledger.admin_by(&admin, MEMBER, MEMBER)), ..Instead::default() });
    let revocation = |admin| {
        Story::with(Instead { revocation: Some(ledger.admin_by(&admin, MEMBER, MEMBER)), ..Instead::default() })
    };
    let unknown = Refusal::UnknownParticipant { participant: participant(9) };
    for (story, at, expected) in [
        {
            let story = renewal(TestLedger::registration(1, &["9506000"]));
            let at = story.renewal;
            (story, at, Refusal::AlreadyRegistered { participant: participant(1) })
        },
        {
            let story = renewal(ledger.renewal(1, 1, 3, 2));
            let at = story.renewal;
            (story, at, Refusal::Consent { detail: "the signature does not verify" })
        },
        {
            let endorsement = Endorsement { registration: participant(9) };
            let story = renewal(Admin::Endorsement(endorsement));
            let at = story.renewal;
            (story, at, unknown.clone())
        },
        {
            let story = revocation(TestLedger::revocation(9));
            let at = story.revocation;
            (story, at, unknown)
        },
    ] {
        refused!(story.ledger, story.evidence(), EvidenceError::Refused { leaf, error } if *leaf == at && *error == expected);
    }
}

/// What stands at the leaf of the commissioning, in tree, index, seal and commit, is this.
fn with_commissioning(text: impl Fn(&TestLedger) -> String) -> Story {
    let text = text(&TestLedger::new(ORIGIN));
    Story::with(Instead { commissioning: Some(text), ..Instead::default() })
}

#[test]
fn a_capture_whose_signature_does_not_hold_is_refused() {
    let payload = commissioning(ITEM).to_string();
    for by in [2, 3, MEMBER, 99] {
        let story = with_commissioning(|ledger| ledger.capture_by(1, payload.as_bytes(), by));
        refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::BadSignature }
            if *leaf == story.commissioning);
    }
}

#[test]
fn a_capture_by_a_certificate_that_nobody_registered_is_refused() {
    let payload = commissioning(ITEM).to_string();
    let story = with_commissioning(|ledger| ledger.capture_by(9, payload.as_bytes(), 9));
    refused!(story.ledger, story.evidence(), EvidenceError::Record { leaf, error: CaptureFault::Signer }
        if *leaf == story.commissioning);
}

#[test]
fn what_is_no_capture_of_this_ledger_is_none() {
    let (thumbprint, payload) = (certificate(1).thumbprint(), commissioning(ITEM).to_string().into_bytes());
    let story = with_commissioning(|_| signed(StatementType::Epcis, thumbprint, "ledger.example/other", &payload, 1));
    refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::WrongAudience { .. } }
        if *leaf == story.commissioning);
    let story = with_commissioning(|ledger| ledger.admin_by(&TestLedger::revocation(1), MEMBER, MEMBER));
    refused!(story.ledger, story.evidence(), EvidenceError::Kind { leaf, found: "sealane-admin+jws" }
        if *leaf == story.commissioning);
    let story = with_commissioning(|_| "a.b".to_owned());
    refused!(story.ledger, story.evidence(), EvidenceError::Statement { leaf, error: StatementError::NotThreeParts { .. } }
        if *leaf == story.commissioning);
    let story = with_commissioning(|ledger| ledger.capture_by(1, b"{}", 1));
    refused!(story.ledger, story.evidence(), EvidenceError::Record { leaf, error: CaptureFault::Epcis(_) }
        if *leaf == story.commissioning);
}

#[test]
fn what_the_answer_rests_on_cannot_be_left_out() {
    let story = Story::sound();
    let sound = story.evidence();
    let trail = story.ledger.trail(ITEM);
    let (captures, admins) = trail.leaves();
    for subject in sound.index.iter().map(SubjectEntry::subject) {
        let mut index = story.ledger.shown(ITEM);
        index.retain(|entry| entry.subject() != subject);
        let evidence = story.ledger.document(ITEM, index, &captures, &admins);
        refused!(story.ledger, evidence, EvidenceError::SubjectMissing { subject: found } if *found == subject);
    }
    let [before, first_of_case, _] = story.ledger.list(&Subject::id(CASE))[..] else { panic!("three of the case") };
    let by_stranger = story.ledger.list(&item())[1];
    for gone in &captures {
        let mut captures = captures.clone();
        captures.remove(gone);
        let evidence = story.ledger.document(ITEM, story.ledger.shown(ITEM), &captures, &admins);
        if *gone == first_of_case {
            // Nothing then shows that the case's list is opened from before the packing on.
            refused!(story.ledger, evidence, EvidenceError::CaptureMissing { leaf } if *leaf == before);
            continue;
        }
        if *gone == by_stranger {
            // It may have been too long, and counts by its acts.
            let checked = story.ledger.check(&evidence).unwrap();
            let unopened: Vec<LeafIndex> = checked.history.unopened.iter().map(|one| one.leaf).collect();
            assert_eq!(unopened, [by_stranger]);
            continue;
        }
        refused!(story.ledger, evidence, EvidenceError::CaptureMissing { leaf } if leaf == gone);
    }
    let without = |gone: LeafIndex| {
        let mut admins = admins.clone();
        admins.remove(&gone);
        story.ledger.document(ITEM, story.ledger.shown(ITEM), &captures, &admins)
    };
    refused!(story.ledger, without(story.revocation), EvidenceError::StatementMissing { leaf, subject }
        if *leaf == story.revocation && *subject == Subject::party(participant(2)));
    refused!(story.ledger, without(story.renewal), EvidenceError::StatementMissing { leaf, .. }
        if *leaf == story.renewal);
    // Without its registration nobody signed what is here.
    refused!(
        story.ledger,
        without(story.registration),
        EvidenceError::Record { error: CaptureFault::Signer, .. } | EvidenceError::Refused { .. }
    );
}

#[test]
fn a_registration_to_which_only_a_prefix_leads_cannot_be_left_out() {
    let mut ledger = TestLedger::new(ORIGIN);
    ledger.write("2026-01-02T00:00:00Z", &[ledger.admin(&TestLedger::registration(1, &["9506000"]))]);
    let sound = ledger.evidence(ITEM);
    assert_eq!((sound.statements.len(), sound.registrations.len()), (0, 1));
    ledger.check(&sound).unwrap();
    let evidence = ledger.document(ITEM, ledger.shown(ITEM), &[].into(), &[].into());
    refused!(ledger, evidence, EvidenceError::Follow(FollowFault::NoRegistration { subject, .. })
        if *subject == Subject::prefix("9506000"));
}

#[test]
fn a_list_that_is_shown_in_part_is_refused() {
    let story = Story::sound();
    let trail = story.ledger.trail(ITEM);
    let (captures, admins) = trail.leaves();
    for (subject, list) in trail.shown.iter().filter(|(_, list)| !list.entries.is_empty()) {
        let (first, end) = (usize::try_from(list.first).unwrap(), usize::try_from(list.count).unwrap());
        for shown in [first + 1..end, first..end - 1] {
            let mut index = story.ledger.shown(ITEM);
            *entry(&mut index, subject) = story.ledger.entry(subject, shown.clone());
            let evidence = story.ledger.document(ITEM, index, &captures, &admins);
            refused!(story.ledger, evidence, EvidenceError::Follow(FollowFault::CutShort { subject: found })
                if found == subject);
        }
    }
}

#[test]
fn more_than_the_answer_rests_on_is_refused() {
    let story = Story::sound();
    let (mut captures, admins) = story.ledger.trail(ITEM).leaves();
    let unneeded = Subject::id(OTHER);
    let length = story.ledger.list(&unneeded).len();
    let mut index = story.ledger.shown(ITEM);
    index.push(story.ledger.entry(&unneeded, 0..length));
    index.sort_by_key(SubjectEntry::subject);
    let evidence = story.ledger.document(ITEM, index, &captures, &admins);
    refused!(story.ledger, evidence, EvidenceError::SubjectUnneeded { subject } if *subject == unneeded);

    for unrelated in [story.ledger.list(&Subject::id(CASE))[0], story.ledger.list(&unneeded)[0]] {
        captures.insert(unrelated);
        let evidence = story.ledger.document(ITEM, story.ledger.shown(ITEM), &captures, &admins);
        refused!(story.ledger, evidence, EvidenceError::Unrelated { leaf } if *leaf == unrelated);
        captures.remove(&unrelated);
    }
}

#[test]
fn an_admin_statement_that_no_list_leads_to_is_refused() {
    let mut ledger = TestLedger::new(ORIGIN);
    let registrations =
        [ledger.admin(&TestLedger::registration(1, &["9506000"])), ledger.admin(&TestLedger::registration(2, &[]))];
    let first = ledger.write("2026-01-02T00:00:00Z", &registrations);
    ledger.write("2026-02-05T00:00:00Z", &[ledger.capture(1, &commissioning(ITEM))]);
    let (captures, mut admins) = ledger.trail(ITEM).leaves();
    let second = leaf(usize::try_from(first.get()).unwrap() + 1);
    assert!(admins.insert(second));
    let evidence = ledger.document(ITEM, ledger.shown(ITEM), &captures, &admins);
    refused!(ledger, evidence, EvidenceError::Unrelated { leaf } if *leaf == second);
}

#[test]
fn a_leaf_in_a_list_that_its_statement_does_not_name_is_refused() {
    let text = |ledger: &TestLedger| ledger.capture_by(1, commissioning(OTHER).to_string().as_bytes(), 1);
    let story = with_commissioning(text);
    refused!(story.ledger, story.evidence(), EvidenceError::NotNamed { leaf, subject }
        if *leaf == story.commissioning && *subject == item());
    let ledger = TestLedger::new(ORIGIN);
    let other = ledger.admin_by(&TestLedger::registration(9, &[]), MEMBER, MEMBER);
    let story = Story::with(Instead { revocation: Some(other), ..Instead::default() });
    refused!(story.ledger, story.evidence(), EvidenceError::NotNamed { leaf, subject }
        if *leaf == story.revocation && *subject == Subject::party(participant(2)));
}

/// The packing names the case. The quorum's index does not have it in the case's list, as though the case had no records.
#[test]
fn a_leaf_that_is_not_in_a_list_that_its_statement_names_is_refused() {
    for before in [false, true] {
        let mut ledger = TestLedger::new(ORIGIN);
        ledger.write("2026-01-02T00:00:00Z", &[ledger.admin(&TestLedger::registration(1, &["9506000"]))]);
        if before {
            let day = "2026-02-28T00:00:00Z";
            ledger.write(day, &[ledger.capture(1, &storing(day, CASE))]);
        }
        let packed = ledger.capture(1, &packing("2026-03-01T00:00:00Z", CASE, ITEM));
        let case = Subject::id(CASE);
        let hide = |lists: &mut TestLists| {
            let list = lists.get_mut(&Subject::id(CASE)).unwrap();
            list.pop();
            if list.is_empty() {
                lists.remove(&Subject::id(CASE));
            }
        };
        let hidden = ledger.write_lying("2026-03-01T00:00:00Z", &[packed], hide, |_| {});
        let evidence = ledger.evidence(ITEM);
        assert_eq!(ledger.list(&case).len(), usize::from(before));
        refused!(ledger, evidence, EvidenceError::NotIndexed { leaf, subject } if *leaf == hidden && *subject == case);
    }
}

/// The commissioning is in the item's list, as all members sign it, by somebody else or with other acts than its own.
#[test]
fn a_leaf_whose_statement_gives_another_signer_or_other_acts_is_refused() {
    let with = |lie: &dyn Fn(&mut ListEntry)| {
        let mut ledger = TestLedger::new(ORIGIN);
        ledger.write("2026-01-02T00:00:00Z", &[ledger.admin(&TestLedger::registration(1, &["9506000"]))]);
        let post = ledger.capture(1, &commissioning(ITEM));
        let change = |lists: &mut TestLists| lie(lists.get_mut(&item()).unwrap().last_mut().unwrap());
        let leaf = ledger.write_lying("2026-02-05T00:00:00Z", &[post], change, |_| {});
        (ledger, leaf)
    };
    let (sound, _) = with(&|_| {});
    sound.check(&sound.evidence(ITEM)).unwrap();
    let own = SignerTag::of_participant(&participant(1));
    // What a member is said to have signed is not opened, so that it does not show who did.
    let other = SignerTag::of_participant(&participant(2));
    let (ledger, at) = with(&|entry| entry.signer = other);
    refused!(ledger, ledger.evidence(ITEM), EvidenceError::OtherSigner { leaf, subject, listed, found }
        if *leaf == at && *subject == item() && (*listed, *found) == (other, own));
    for acts in [Acts::NONE, Acts::ENDS, Acts::BRINGS_FORTH | Acts::DECLARES_ERROR] {
        let (ledger, at) = with(&|entry| entry.acts = acts);
        refused!(ledger, ledger.evidence(ITEM), EvidenceError::OtherActs { leaf, subject, listed, found }
            if *leaf == at && *subject == item() && (*listed, *found) == (acts, Acts::BRINGS_FORTH));
    }
}

#[test]
fn the_signers_are_in_order_and_each_has_signed_something_here() {
    let story = Story::sound();
    let sound = story.evidence();
    let all = sound.signers.as_slice();
    assert_eq!(all.len(), 3, "two participants and the member");
    let list = |signers: &[SignerTag]| -> SignerList {
        serde_json::from_value(serde_json::to_value(signers).unwrap()).unwrap()
    };
    let mut evidence = sound.clone();
    evidence.signers = list(&[all[1], all[0], all[2]]);
    refused!(story.ledger, evidence, EvidenceError::SignerOrder { signer } if *signer == all[0]);
    evidence.signers = list(&[all[0], all[0], all[1], all[2]]);
    refused!(story.ledger, evidence, EvidenceError::SignerOrder { signer } if *signer == all[0]);
    let more = SignerTag::Member([0xff; 16]);
    evidence.signers = list(&[all, &[more]].concat());
    refused!(story.ledger, evidence, EvidenceError::SignerUnneeded { signer } if *signer == more);
    evidence.signers = list(&all[..2]);
    refused!(
        story.ledger,
        evidence,
        EvidenceError::Index { error: IndexProofError::UnknownSigner { number: 2, signers: 2 }, .. }
    );
}

/// A label that a node drops, adds or changes would be one that it judges in the place of what was asked.
#[test]
fn an_answer_is_for_the_label_that_was_asked_about() {
    let ledger = Story::sound().ledger;
    let asked = Question::parse(&format!("{ITEM}?10=L8&17=270101")).unwrap();
    let sound = ledger.evidence(&asked.to_uri());
    let judged = |evidence: &Evidence, asked: &Question| check(evidence, asked, &ledger.anchor, &P256);
    let checked = judged(&sound, &asked).unwrap();
    assert_eq!((checked.history.id, checked.history.label), (asked.id.clone(), asked.label.clone()));
    assert!(sound.index.iter().any(|entry| entry.kind == SubjectKind::Recall && entry.subject.ends_with("/10/L8")));
    let mut other = asked.label.to_map();
    other.insert("17".to_owned(), "280101".to_owned());
    for label in [BTreeMap::new(), other] {
        let changed = Evidence { label, ..sound.clone() };
        assert!(matches!(judged(&changed, &asked), Err(EvidenceError::OtherLabel { .. })));
    }
    assert!(matches!(judged(&sound, &(&asked.id).into()), Err(EvidenceError::OtherLabel { .. })));
    // What is shown is what the label leads to.
    let without = Evidence { label: asked.label.to_map(), ..ledger.evidence(ITEM) };
    assert!(matches!(judged(&without, &asked), Err(EvidenceError::SubjectMissing { .. })));
}
