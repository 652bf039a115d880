//! Ledgers whose members change: chains of handovers, and evidence, receipts and forks that rest on them.

use super::ledger::{TestLedger, certificate, member_set, participant, public};
use super::{CASE, ITEM, ORIGIN, commissioning, storing};
use crate::block::{FinalityError, Height, MemberSet, Seal, SealError};
use crate::consortium::{Admin, Endorsement};
use crate::evidence::{
    Anchor, Evidence, EvidenceError, Fork, ForkError, Handover, HandoverError, MemberChain, ReceiptError,
    SignedCheckpoint,
};
use crate::hash::Hash;
use crate::limits::HANDOVERS_MAX;
use crate::merkle::{InclusionProof, LeafIndex};
use crate::statement::{P256, PublicKey, StatementId};

const FOUNDERS: [u8; 4] = [200, 201, 202, 203];
/// The seeds of the members after the genesis block and after each change: the first goes, a new one comes.
const SETS: [[u8; 4]; 4] = [FOUNDERS, [201, 202, 203, 204], [202, 203, 204, 205], [203, 204, 205, 206]];

/// Three changes. Participant 1 is registered by a founder that leaves with the second; participant 2, before the third, by 204, who
/// came with the first and is still there.
struct Story {
    ledger: TestLedger,
    changes: Vec<usize>,
    last: LeafIndex,
}

impl Story {
    fn told() -> Self {
        let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
        let mut changes = vec![ledger.hand_over("2026-01-02T00:00:00Z", &SETS[1])];
        ledger.write("2026-01-03T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
        changes.push(ledger.hand_over("2026-01-04T00:00:00Z", &SETS[2]));
        ledger.write("2026-01-05T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(2, &[]), 204)]);
        ledger.write("2026-02-05T00:00:00Z", &[ledger.capture(1, &commissioning(ITEM))]);
        changes.push(ledger.hand_over("2026-02-06T00:00:00Z", &SETS[3]));
        let last = ledger.write("2026-02-20T00:00:00Z", &[ledger.capture(2, &storing("2026-02-20T00:00:00Z", ITEM))]);
        Self { ledger, changes, last }
    }

    /// Participant 3, registered by the member of this seed, tells something of the item.
    fn registers_by(&mut self, seed: u8) {
        let post = self.ledger.admin_of(&TestLedger::registration(3, &[]), seed);
        self.ledger.write("2026-02-21T00:00:00Z", &[post]);
        let seen = self.ledger.capture(3, &storing("2026-02-22T00:00:00Z", ITEM));
        self.ledger.write("2026-02-22T00:00:00Z", &[seen]);
    }

    /// The anchor of the block of a change, counted from 0 for genesis.
    fn anchor(&self, change: usize) -> Anchor {
        match change.checked_sub(1) {
            Some(at) => self.ledger.anchor_at(self.changes[at], &SETS[change]),
            None => self.ledger.anchor.clone(),
        }
    }

    /// Evidence with the handovers after so many changes, and these keys.
    fn evidence(&self, changes: usize, former: &[u8]) -> Evidence {
        let mut former: Vec<PublicKey> = former.iter().map(|seed| public(*seed)).collect();
        former.sort_by_key(PublicKey::thumbprint);
        let handovers = self.ledger.handovers[changes..].to_vec();
        Evidence { handovers, former_members: former, ..self.ledger.evidence(ITEM) }
    }

    fn chain(&self, handovers: &[Handover]) -> Result<MemberChain, (usize, HandoverError)> {
        MemberChain::verify(self.ledger.anchor.clone(), handovers, &P256)
    }

    /// The error of the handovers with one of them changed.
    fn broken(&self, at: usize, change: impl FnOnce(&mut Handover)) -> HandoverError {
        let mut handovers = self.ledger.handovers.clone();
        change(&mut handovers[at]);
        let (position, error) = self.chain(&handovers).unwrap_err();
        assert_eq!(position, at, "{error}");
        error
    }
}

fn height(height: usize) -> Height {
    Height::new(height as u64).unwrap()
}

macro_rules! refused {
    ($story:expr, $evidence:expr, $change:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error = $story.ledger.check_under(&$evidence, &$story.anchor($change)).expect_err("this evidence was believed");
        assert!(matches!(&error, $pattern $(if $guard)?), "{error:?}");
    }};
}

#[test]
fn an_answer_outlives_every_change_of_members() {
    let story = Story::told();
    for from in 0..=3 {
        // 201 and 202 are founders. 204 is shown by the handovers of all changes that it was there after.
        let former: &[u8] = if from < 3 { &[] } else { &[204] };
        let evidence = story.evidence(from, former);
        for change in from..=3 {
            let checked = story.ledger.check_under(&evidence, &story.anchor(change)).unwrap();
            assert_eq!(checked.history.records.len(), 2);
            assert_eq!(checked.members.last_members(), &member_set(&SETS[3]));
            assert_eq!(
                checked.members.renewed(),
                story.anchor(3),
                "whoever has checked it goes on from the last change"
            );
        }
    }
}

#[test]
fn a_chain_says_who_is_in_force_at_each_height() {
    let story = Story::told();
    let chain = story.chain(&story.ledger.handovers).unwrap();
    assert_eq!((chain.changes(), chain.last_height()), (3, height(story.changes[2])));
    assert_eq!(chain.in_force_at(Height::GENESIS), None);
    for block in 1..=story.changes[2] + 5 {
        let set = story.changes.iter().filter(|change| **change < block).count();
        assert_eq!(chain.in_force_at(height(block)), Some(&member_set(&SETS[set])), "at height {block}");
    }
    let later = MemberChain::verify(story.anchor(2), &story.ledger.handovers, &P256).unwrap();
    assert_eq!((later.changes(), later.in_force_at(height(story.changes[1]))), (1, None));
    for seed in [200, 202, 204, 206] {
        assert!(later.member(&public(seed).thumbprint()).is_some(), "{seed} is a founder, or in some set of the chain");
    }
    assert!(MemberChain::new(story.anchor(3)).member(&public(1).thumbprint()).is_none());
}

#[test]
fn a_handover_cannot_be_left_out_put_elsewhere_or_shown_twice() {
    let story = Story::told();
    let all = &story.ledger.handovers;
    for gone in 0..2 {
        let mut handovers = all.clone();
        handovers.remove(gone);
        let (at, error) = story.chain(&handovers).unwrap_err();
        assert!(matches!(error, HandoverError::LeftOut { .. }) && at == gone, "{at} {error:?}");
    }
    let mut handovers = all.clone();
    handovers.swap(1, 2);
    assert!(matches!(story.chain(&handovers), Err((1, HandoverError::LeftOut { .. }))));
    let twice = [all[0].clone(), all[0].clone()];
    let order = HandoverError::Order { height: height(story.changes[0]), after: height(story.changes[0]) };
    assert_eq!(story.chain(&twice), Err((1, order)));
    let back = [all[0].clone(), all[1].clone(), all[0].clone()];
    let order = HandoverError::Order { height: height(story.changes[0]), after: height(story.changes[1]) };
    assert_eq!(story.chain(&back), Err((2, order)));
    // Also among those that a later anchor passes over.
    let passed = MemberChain::verify(story.anchor(3), &twice, &P256);
    assert!(matches!(passed, Err((1, HandoverError::Order { .. }))));
    let mut chain = story.chain(all).unwrap();
    assert!(matches!(chain.append(&all[2], &P256), Err(HandoverError::Order { .. })));
    // The last one's absence shows in the seal that the evidence stands on: those who signed are no members.
    let evidence = Evidence { handovers: all[..2].to_vec(), ..story.evidence(0, &[]) };
    refused!(story, evidence, 0, EvidenceError::Commit(FinalityError::UnknownMember { .. }));
    // And if all that are left sign it, in the set that the seal names.
    let commit = story.ledger.commit_by(&[203, 204, 205]);
    refused!(story, Evidence { commit, ..evidence }, 0, EvidenceError::SealPlace(FinalityError::SealMembers { .. }));
}

#[test]
fn a_handover_is_signed_by_a_quorum_of_the_members_before_it() {
    let story = Story::told();
    let few = story.broken(1, |handover| handover.commit.signatures.truncate(2));
    assert_eq!(few, HandoverError::Commit(FinalityError::NoQuorum { found: 2, needed: 3, members: 4 }));
    let mut three = story.ledger.handovers.clone();
    three[1].commit.signatures.truncate(3);
    story.chain(&three).unwrap();
    let mut by_new = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    by_new.hand_over("2026-01-02T00:00:00Z", &SETS[1]);
    let mut handover = by_new.handovers[0].clone();
    for signers in [&SETS[1][..], &[204, 205, 206, 207]] {
        handover.commit = by_new.commit_by(signers);
        let error = MemberChain::verify(by_new.anchor.clone(), &[handover.clone()], &P256).unwrap_err().1;
        assert!(matches!(error, HandoverError::Commit(FinalityError::UnknownMember { .. })), "{error:?}");
    }
    let forged = story.broken(0, |handover| handover.commit.round = 1);
    assert!(matches!(forged, HandoverError::Commit(FinalityError::BadSignature { .. })), "{forged:?}");
}

#[test]
fn a_handover_is_of_this_ledger_and_leads_to_the_members_that_its_seal_names() {
    let story = Story::told();
    let mut elsewhere = TestLedger::founded_by("ledger.example/other", &FOUNDERS);
    elsewhere.hand_over("2026-01-02T00:00:00Z", &SETS[1]);
    let foreign = story.broken(0, |handover| *handover = elsewhere.handovers[0].clone());
    assert!(matches!(foreign, HandoverError::OtherOrigin { found, .. } if found == "ledger.example/other"));
    let other = story.broken(0, |handover| handover.members = member_set(&SETS[2]));
    let (named, found) = (member_set(&SETS[1]).hash(), member_set(&SETS[2]).hash());
    assert_eq!(other, HandoverError::OtherMembers { height: height(story.changes[0]), named, found });
    let damaged = story.broken(0, |handover| handover.checkpoint.push('x'));
    assert!(matches!(damaged, HandoverError::Checkpoint(_)));
    let damaged = story.broken(0, |handover| handover.seal.push(' '));
    assert!(matches!(damaged, HandoverError::Seal(SealError::NotCanonical { .. })));
    let rules = story.broken(0, |handover| handover.seal = handover.seal.replace(r#""rules":1"#, r#""rules":3"#));
    assert_eq!(rules, HandoverError::Seal(SealError::UnknownRules { found: 3 }));
    let older = story.broken(0, |handover| handover.commit.height = height(9));
    assert!(matches!(older, HandoverError::SealPlace(FinalityError::SealHeight { .. })));
    let later = story.broken(0, |handover| handover.seal = handover.seal.replace("2026-01-02", "2026-01-03"));
    assert!(matches!(later, HandoverError::SealProof(_)), "{later:?}");
    let short = story.broken(0, |handover| handover.seal_inclusion_proof = InclusionProof(Vec::new()));
    assert!(matches!(short, HandoverError::SealProof(_)));
    let long = story.broken(0, |handover| handover.seal_inclusion_proof.0.push(Hash::of(b"more")));
    assert!(matches!(long, HandoverError::SealProof(_)));
    assert!(story.broken(1, |handover| handover.members = member_set(&SETS[3])).to_string().contains("hands over to"));
}

#[test]
fn a_block_that_changes_no_members_hands_nothing_over() {
    let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    let block = ledger.hand_over("2026-01-02T00:00:00Z", &FOUNDERS);
    let chain = MemberChain::verify(ledger.anchor.clone(), &ledger.handovers, &P256);
    assert_eq!(chain, Err((0, HandoverError::NoChange { height: height(block) })));
}

#[test]
fn there_is_an_end_to_handovers() {
    let story = Story::told();
    // As many as may be are looked at, so that the second one is found to be the first one again.
    let most = vec![story.ledger.handovers[0].clone(); HANDOVERS_MAX];
    let (position, error) = MemberChain::verify(story.ledger.anchor.clone(), &most, &P256).unwrap_err();
    assert!(matches!((position, &error), (1, HandoverError::Order { .. })), "{position}: {error}");
    let many = vec![story.ledger.handovers[0].clone(); HANDOVERS_MAX + 1];
    let error = story.chain(&many).unwrap_err().1;
    assert_eq!(error, HandoverError::TooMany { found: HANDOVERS_MAX + 1 });
}

#[test]
fn evidence_has_the_handovers_up_to_its_own_block_and_none_above() {
    let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    ledger.write("2026-01-03T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
    let before = ledger.evidence(ITEM);
    ledger.hand_over("2026-01-04T00:00:00Z", &SETS[1]);
    let own = ledger.evidence(ITEM);
    let above = Evidence { handovers: ledger.handovers.clone(), ..before };
    let error = ledger.check(&above).unwrap_err();
    assert!(matches!(error, EvidenceError::HandoverAbove { handover, own } if handover.get() == 2 && own.get() == 1));
    assert_eq!(ledger.check(&own).unwrap().members.last_members(), &member_set(&SETS[1]));
    let error = ledger.check(&Evidence { handovers: Vec::new(), ..own }).unwrap_err();
    assert!(matches!(error, EvidenceError::SealPlace(FinalityError::SealMembers { .. })), "{error:?}");
}

/// What no honest quorum would sign: the stolen key of a member that has left signs a registration now.
#[test]
fn a_removed_members_stolen_key_registers_nobody() {
    let mut story = Story::told();
    story.registers_by(202);
    let signer = public(202).thumbprint();
    for change in 0..=3 {
        for former in [&[][..], &[202], &[202, 204]] {
            refused!(story, story.evidence(0, former), change, EvidenceError::NotInForce { kid, .. } if *kid == signer);
        }
    }
}

#[test]
fn a_member_that_is_still_to_come_registers_nobody() {
    let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    ledger.write("2026-01-03T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 204)]);
    ledger.hand_over("2026-01-04T00:00:00Z", &SETS[1]);
    let error = ledger.check(&ledger.evidence(ITEM)).unwrap_err();
    assert!(matches!(error, EvidenceError::NotInForce { height, .. } if height.get() == 1), "{error:?}");
}

#[test]
fn a_stranger_among_the_former_members_is_refused() {
    let mut story = Story::told();
    let stranger = public(99).thumbprint();
    refused!(story, story.evidence(3, &[204, 99]), 3, EvidenceError::FormerUnneeded { kid } if *kid == stranger);
    let mut swapped = story.evidence(3, &[204, 99]);
    swapped.former_members.reverse();
    refused!(story, swapped, 3, EvidenceError::FormerOrder { .. } | EvidenceError::FormerUnneeded { .. });
    let mut twice = story.evidence(3, &[204]);
    twice.former_members.push(public(204));
    refused!(story, twice, 3, EvidenceError::FormerOrder { kid } if *kid == public(204).thumbprint());
    // A founder, and one that a handover shows, though both have signed.
    refused!(story, story.evidence(3, &[204, 201]), 3, EvidenceError::FormerKnown { kid } if *kid == public(201).thumbprint());
    refused!(story, story.evidence(2, &[204]), 3, EvidenceError::FormerKnown { kid } if *kid == public(204).thumbprint());
    // 205 came and went without a trace in the sets that the anchor of the last change knows.
    story.registers_by(205);
    let after = [203, 204, 206, 207];
    let change = story.ledger.hand_over("2026-02-23T00:00:00Z", &after);
    let anchor = story.ledger.anchor_at(change, &after);
    let missing = story.ledger.check_under(&story.evidence(4, &[204]), &anchor).unwrap_err();
    assert!(
        matches!(missing, EvidenceError::FormerMissing { kid, .. } if kid == public(205).thumbprint()),
        "{missing:?}"
    );
    story.ledger.check_under(&story.evidence(4, &[204, 205]), &anchor).unwrap();
}

/// What a quorum of liars could sign: before the anchor's block another than the signer stands in the list, or another key signed.
#[test]
fn a_former_member_is_the_one_that_the_index_names() {
    let sound = |by: u8, text: Option<String>| {
        let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
        let registration = TestLedger::registration(1, &["9506000"]);
        let post = ledger.admin_of(&registration, by);
        let post = match text {
            Some(text) => super::Post::instead(&post, text),
            None => post,
        };
        ledger.write("2026-01-03T00:00:00Z", &[post]);
        let block = ledger.hand_over("2026-01-04T00:00:00Z", &SETS[1]);
        let anchor = ledger.anchor_at(block, &SETS[1]);
        let evidence = Evidence { handovers: Vec::new(), ..ledger.evidence(ITEM) };
        (ledger, anchor, evidence)
    };
    let (ledger, anchor, evidence) = sound(200, None);
    ledger.check_under(&evidence, &anchor).unwrap();
    let registration = TestLedger::registration(1, &["9506000"]);
    let by_stranger = ledger.admin_by(&registration, 99, 99);
    let (ledger, anchor, mut evidence) = sound(200, Some(by_stranger));
    evidence.former_members = vec![public(99)];
    let error = ledger.check_under(&evidence, &anchor).unwrap_err();
    assert!(matches!(error, EvidenceError::OtherSigner { .. }), "{error:?}");
    let in_its_name = ledger.admin_by(&registration, 200, 99);
    let (ledger, anchor, evidence) = sound(200, Some(in_its_name));
    let error = ledger.check_under(&evidence, &anchor).unwrap_err();
    assert!(matches!(error, EvidenceError::Statement { .. }), "{error:?}");
}

#[test]
fn a_seal_on_the_way_names_the_members_in_force_at_its_block() {
    let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    let post = ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 201);
    let lie = |seal: &mut Seal| seal.members_hash = Hash::of(b"others");
    ledger.write_lying("2026-01-03T00:00:00Z", &[post], |_| {}, lie);
    ledger.write("2026-01-04T00:00:00Z", &[]);
    let error = ledger.check(&ledger.evidence(ITEM)).unwrap_err();
    assert!(matches!(error, EvidenceError::SealMembers { .. }), "{error:?}");
}

/// Of four members one at least endorses a registration, by a policy that a verifier does not know.
#[test]
fn how_the_members_counted_is_their_word() {
    let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    ledger.write("2026-01-03T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
    let endorsement = Admin::Endorsement(Endorsement { registration: participant(1) });
    ledger.write("2026-01-04T00:00:00Z", &[ledger.admin_of(&endorsement, 202)]);
    let post = ledger.capture(1, &commissioning(ITEM));
    let enacts = |seal: &mut Seal| seal.enacted = vec![StatementId::from_hash(Hash::of(b"a proposal"))];
    let told = ledger.write_lying("2026-02-05T00:00:00Z", &[post], |_| {}, enacts);
    let checked = ledger.check(&ledger.evidence(ITEM)).unwrap();
    let place = checked.history.records[0].place;
    assert_eq!(place.leaf, told);
    let signed = checked.history.registry.signer_at(&certificate(1).thumbprint(), place);
    assert_eq!(signed.unwrap().0.id, participant(1), "nobody is pending for who sees no policy");
    // One by a stranger is refused, whatever it does not change.
    let mut lied = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    lied.write("2026-01-03T00:00:00Z", &[lied.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
    lied.write("2026-01-04T00:00:00Z", &[lied.admin_of(&endorsement, 99)]);
    let error = lied.check(&lied.evidence(ITEM)).unwrap_err();
    assert!(matches!(error, EvidenceError::NotInForce { .. }), "{error:?}");
}

#[test]
fn a_receipt_holds_by_the_handovers_up_to_its_block() {
    let story = Story::told();
    let receipt = story.ledger.receipt(story.last);
    for change in 0..=3 {
        let chain = MemberChain::verify(story.anchor(change), &story.ledger.handovers, &P256).unwrap();
        receipt.verify(&chain, &P256).unwrap();
        let without = MemberChain::new(story.anchor(change));
        match receipt.verify(&without, &P256) {
            Ok(_) => assert_eq!(change, 3),
            Err(error) => {
                assert!(matches!(error, ReceiptError::Commit(FinalityError::UnknownMember { .. })), "{error:?}")
            }
        }
    }
    // By a quorum that is in both sets: the seal names another set than the chain.
    let mut common = receipt.clone();
    common.commit = story.ledger.commit_by(&[203, 204, 205]);
    let chain = MemberChain::verify(story.anchor(2), &[], &P256).unwrap();
    let error = common.verify(&chain, &P256).unwrap_err();
    assert!(matches!(error, ReceiptError::SealPlace(FinalityError::SealMembers { .. })), "{error:?}");
    // An earlier receipt goes with the whole chain too.
    let mut early = TestLedger::founded_by(ORIGIN, &FOUNDERS);
    let leaf = early.write("2026-01-02T00:00:00Z", &[early.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
    let receipt = early.receipt(leaf);
    early.hand_over("2026-01-03T00:00:00Z", &SETS[1]);
    let chain = MemberChain::verify(early.anchor.clone(), &early.handovers, &P256).unwrap();
    receipt.verify(&chain, &P256).unwrap();
}

#[test]
fn a_fork_is_signed_by_the_members_in_force_at_its_height() {
    let tell = |second: bool| {
        let mut ledger = TestLedger::founded_by(ORIGIN, &FOUNDERS);
        ledger.hand_over("2026-01-02T00:00:00Z", &SETS[1]);
        let item = if second { ITEM } else { CASE };
        ledger.write("2026-01-03T00:00:00Z", &[ledger.admin_of(&TestLedger::registration(1, &["9506000"]), 201)]);
        ledger.write("2026-02-05T00:00:00Z", &[ledger.capture(1, &commissioning(item))]);
        ledger
    };
    let (one, other) = (tell(false), tell(true));
    let side = |ledger: &TestLedger| {
        let evidence = ledger.evidence(ITEM);
        SignedCheckpoint::commit("somebody", &evidence.checkpoint.parse().unwrap(), evidence.commit, None)
    };
    let chain = MemberChain::verify(one.anchor.clone(), &one.handovers, &P256).unwrap();
    let fork = Fork::of(&side(&one), &side(&other), &chain, &P256).unwrap();
    let twice: Vec<Hash> = fork.verify(&chain, &P256).unwrap().iter().map(|one| one.kid).collect();
    let expected: Vec<Hash> = member_set(&SETS[1]).members().map(crate::block::Member::kid).collect();
    assert_eq!(twice, expected);
    // Without the handover those who signed are strangers.
    let error = Fork::of(&side(&one), &side(&other), &MemberChain::new(one.anchor), &P256).unwrap_err();
    assert!(matches!(error, ForkError::Commit { error: FinalityError::UnknownMember { .. }, .. }), "{error:?}");
}

#[test]
fn a_handover_is_read_as_it_was_written() {
    let story = Story::told();
    let text = serde_json::to_string(&story.ledger.handovers[0]).unwrap();
    assert_eq!(serde_json::from_str::<Handover>(&text).unwrap(), story.ledger.handovers[0]);
    let evidence = story.evidence(0, &[]);
    let json = serde_json::to_vec(&evidence).unwrap();
    assert_eq!(Evidence::parse(&json).unwrap(), evidence);
    let disordered = text.replacen(r#""members":["#, r#""members":[null,"#, 1);
    assert!(serde_json::from_str::<Handover>(&disordered).is_err());
    let set: MemberSet = serde_json::from_slice(&story.ledger.handovers[0].members.to_json()).unwrap();
    assert_eq!(set, story.ledger.handovers[0].members);
}

#[test]
fn the_text_in_parts_is_the_text() {
    let mut story = Story::told();
    story.registers_by(204);
    let whole = story.evidence(0, &[204, 205]);
    let bare = Evidence {
        index: Vec::new(),
        statements: Vec::new(),
        registrations: Vec::new(),
        seals: Vec::new(),
        ..story.evidence(3, &[])
    };
    for evidence in [whole, bare] {
        let text = serde_json::to_vec(&evidence).unwrap();
        let parts: Vec<Vec<u8>> = evidence.into_text().map(Result::unwrap).collect();
        assert!(parts.len() > 14);
        assert_eq!(String::from_utf8(parts.concat()), String::from_utf8(text));
    }
}
