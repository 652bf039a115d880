//! Proposals to end a registration, as evidence shows them: what each came to is proven, and no lie about that is believed.

use serde_json::json;

use super::ledger::{MEMBER, Post, TestLedger, leaf, participant};
use super::{CASE, ITEM, ORIGIN, commissioning, storing};
use crate::block::Seal;
use crate::consortium::{Admin, Refusal, RevokedBy};
use crate::evidence::{Checked, Evidence, EvidenceError};
use crate::index::{Subject, SubjectKind};
use crate::merkle::LeafIndex;
use crate::provenance::FollowFault;
use crate::statement::{StatementId, SubmittedStatement};

/// The members beside [`MEMBER`]: four in all.
const OTHERS: [u8; 3] = [201, 202, 203];

/// A ledger on which the members vote on the end of participant 1, who made the item.
struct Vote {
    ledger: TestLedger,
    proposal: StatementId,
    /// Where the proposal stands, and the ballot that completes it.
    proposed: LeafIndex,
    completed: LeafIndex,
}

fn admin(value: &serde_json::Value) -> Admin {
    Admin::parse(value.to_string().as_bytes()).unwrap()
}

fn revoking(number: u8) -> Admin {
    admin(&json!({
        "type": "proposal", "expires": "2026-03-10T00:00:00Z",
        "changes": [{"type": "revoke", "participant": participant(number), "reason": "it lied",
            "compromisedSince": "2026-02-01T00:00:00Z"}],
    }))
}

fn ballot(proposal: StatementId, yes: bool) -> Admin {
    admin(&json!({"type": "ballot", "proposal": proposal, "yes": yes}))
}

fn id_of(post: &Post) -> StatementId {
    SubmittedStatement::parse(post.text().as_bytes()).unwrap().id()
}

impl Vote {
    /// Up to the ballot before the last.
    fn open() -> Self {
        let mut ledger = TestLedger::founded_by(ORIGIN, &[&[MEMBER][..], &OTHERS[..]].concat());
        ledger.write("2026-01-02T00:00:00Z", &[ledger.admin(&TestLedger::registration(1, &["9506000"]))]);
        ledger.write("2026-02-05T00:00:00Z", &[ledger.capture(1, &commissioning(ITEM))]);
        let proposal = ledger.admin_of(&revoking(1), OTHERS[0]);
        let id = id_of(&proposal);
        let proposed = ledger.write("2026-03-01T00:00:00Z", &[proposal]);
        ledger.write("2026-03-01T01:00:00Z", &[ledger.admin_of(&ballot(id, true), OTHERS[1])]);
        Self { ledger, proposal: id, proposed, completed: proposed }
    }

    /// To the ballot that completes it, whose seal says so.
    fn enacted() -> Self {
        let vote = Self::open();
        let id = vote.proposal;
        vote.completed_by(|seal| seal.enacted = vec![id])
    }

    /// To the last ballot, with what its seal says.
    fn completed_by(mut self, change_seal: impl FnOnce(&mut Seal)) -> Self {
        let last = self.ledger.admin_of(&ballot(self.proposal, true), OTHERS[2]);
        self.completed = self.ledger.write_lying("2026-03-01T02:00:00Z", &[last], |_| {}, change_seal);
        // A block after it, of something else.
        self.ledger.write("2026-03-01T03:00:00Z", &[self.ledger.admin(&TestLedger::registration(2, &[]))]);
        self
    }

    fn evidence(&self) -> Evidence {
        self.ledger.evidence(ITEM)
    }

    fn subject(&self) -> Subject {
        Subject::proposal(&self.proposal)
    }

    /// The evidence with another entry of the proposal's list.
    fn with_list(&self, shown: std::ops::Range<usize>) -> Evidence {
        let mut index = self.ledger.shown(ITEM);
        let entry = index.iter_mut().find(|entry| entry.kind == SubjectKind::Proposal).unwrap();
        *entry = self.ledger.entry(&self.subject(), shown);
        let (captures, admins) = self.ledger.trail(ITEM).leaves();
        self.ledger.document(ITEM, index, &captures, &admins)
    }
}

fn revoked(checked: &Checked) -> Option<(LeafIndex, RevokedBy)> {
    let participant = checked.history.registry.participant(&participant(1)).unwrap();
    participant.revoked.as_ref().map(|one| (one.at.leaf, one.by))
}

#[test]
fn an_enacted_proposal_ends_the_registration_where_the_last_ballot_stands() {
    let vote = Vote::enacted();
    let evidence = vote.evidence();
    let checked = vote.ledger.check(&evidence).unwrap();
    assert_eq!(revoked(&checked), Some((vote.completed, RevokedBy::Vote(vote.proposal))));
    let entry = evidence.index.iter().find(|entry| entry.kind == SubjectKind::Proposal).unwrap();
    assert_eq!((entry.count, entry.first, entry.leaves.as_slice()), (3, 2, &[vote.completed][..]));
    // The ballot itself is not shown, nor the others: the proposal and the seal of the last one are.
    assert!(evidence.registrations.iter().all(|one| one.leaf_index <= vote.proposed));
    assert!(evidence.seals.iter().any(|seal| seal.leaf_index.get() == vote.completed.get() + 1));
    let since = checked.history.registry.participant(&participant(1)).unwrap().revoked.clone().unwrap();
    assert_eq!(since.compromised_since, Some("2026-02-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn an_open_or_refused_one_changes_nothing() {
    let open = Vote::open();
    let checked = open.ledger.check(&open.evidence()).unwrap();
    assert_eq!(revoked(&checked), None);
    // The same bytes on the ledger but for the seal: what a quorum did not count.
    let lost = Vote::open().completed_by(|_| {});
    assert_eq!(revoked(&lost.ledger.check(&lost.evidence()).unwrap()), None);
    // A seal that enacts another proposal than the one whose last statement stands in its block.
    let other = Vote::open().completed_by(|seal| seal.enacted = vec![StatementId::from_hash(seal.index_root)]);
    assert_eq!(revoked(&other.ledger.check(&other.evidence()).unwrap()), None);
}

#[test]
fn one_about_another_is_not_followed() {
    let mut vote = Vote::open();
    vote.ledger.write("2026-03-01T04:00:00Z", &[vote.ledger.admin(&TestLedger::registration(2, &[]))]);
    let value = json!({
        "type": "proposal", "expires": "2026-03-10T00:00:00Z",
        "changes": [
            {"type": "revoke", "participant": participant(2), "reason": "it lied"},
            {"type": "policy", "name": "newIdsInAll", "value": 5, "participant": participant(1)},
        ],
    });
    vote.ledger.write("2026-03-01T05:00:00Z", &[vote.ledger.admin(&admin(&value))]);
    let evidence = vote.evidence();
    vote.ledger.check(&evidence).unwrap();
    let lists: Vec<Subject> =
        evidence.index.iter().filter(|one| one.kind == SubjectKind::Proposal).map(|one| one.subject()).collect();
    assert_eq!(lists, [vote.subject()], "the other ends no registration of a participant that is shown");
}

/// What was enacted between two registrations of a prefix frees it for the second.
#[test]
fn effects_come_in_the_order_of_the_ledger() {
    let mut vote = Vote::enacted();
    let heir = vote.ledger.admin(&TestLedger::registration(3, &["9506000"]));
    vote.ledger.write("2026-03-02T00:00:00Z", &[heir]);
    vote.ledger.write("2026-03-03T00:00:00Z", &[vote.ledger.capture(3, &storing("2026-03-03T00:00:00Z", ITEM))]);
    let checked = vote.ledger.check(&vote.evidence()).unwrap();
    assert!(checked.history.registry.participant(&participant(3)).unwrap().revoked.is_none());
    assert!(revoked(&checked).is_some());
}

#[test]
fn two_ends_of_one_registration_are_refused() {
    let vote = Vote::enacted();
    let mut ledger = vote.ledger;
    // No honest quorum takes it; the registry of this ledger takes the first.
    let sound = ledger.admin(&TestLedger::registration(4, &[]));
    let again = ledger.admin(&TestLedger::revocation(1));
    let party = Subject::party(participant(1));
    let text = again.text().to_owned();
    let at = ledger.write_lying(
        "2026-03-04T00:00:00Z",
        &[Post::instead(&sound, text)],
        |lists| {
            let own: Vec<Subject> = vec![Subject::party(participant(4))];
            let moved = own.iter().filter_map(|subject| lists.remove(subject)).flatten().collect::<Vec<_>>();
            lists.entry(party).or_default().extend(moved);
        },
        |_| {},
    );
    let error = ledger.check(&ledger.evidence(ITEM)).unwrap_err();
    let is_second = matches!(error, EvidenceError::Refused { leaf, error: Refusal::Revoked { .. } } if leaf == at);
    assert!(is_second, "{error:?}");
}

#[test]
fn the_end_of_the_list_is_needed() {
    let vote = Vote::enacted();
    // Genuine proofs of other parts: all, all but the last, none.
    for shown in [0..3, 0..2, 0..1, 1..2, 0..0] {
        let error = vote.ledger.check(&vote.with_list(shown.clone())).unwrap_err();
        let is_named = matches!(
            &error,
            EvidenceError::OtherLeaves { subject } | EvidenceError::Follow(FollowFault::CutShort { subject })
                if *subject == vote.subject()
        );
        assert!(is_named, "{shown:?}: {error:?}");
    }
    let mut without = vote.evidence();
    let at = without.index.iter().position(|entry| entry.kind == SubjectKind::Proposal).unwrap();
    without.index.remove(at);
    let error = vote.ledger.check(&without).unwrap_err();
    let is_missing = matches!(&error, EvidenceError::SubjectMissing { subject } if *subject == vote.subject());
    assert!(is_missing || matches!(error, EvidenceError::SignerUnneeded { .. }), "{error:?}");
}

#[test]
fn the_seal_of_the_last_ballot_is_needed() {
    let vote = Vote::enacted();
    let seal_at = leaf(usize::try_from(vote.completed.get()).unwrap() + 1);
    // Without it, and with another block's in its place, each with all the proofs that there are.
    let mut without = vote.evidence();
    without.seals.retain(|seal| seal.leaf_index != seal_at);
    vote.ledger.prove(&mut without);
    let error = vote.ledger.check(&without).unwrap_err();
    assert!(matches!(error, EvidenceError::NoSeal { leaf } if leaf == vote.completed), "{error:?}");
    for height in [4, 6] {
        let mut other = without.clone();
        other.seals.push(vote.ledger.seal(height));
        other.seals.sort_by_key(|seal| seal.leaf_index);
        other.seals.dedup();
        vote.ledger.prove(&mut other);
        let error = vote.ledger.check(&other).unwrap_err();
        assert!(matches!(error, EvidenceError::NoSeal { .. } | EvidenceError::SealUnneeded { .. }), "{error:?}");
    }
    // Its text without the proposal's id, where it stands.
    let mut silent = vote.evidence();
    let placed = silent.seals.iter_mut().find(|seal| seal.leaf_index == seal_at).unwrap();
    placed.seal = placed.seal.replace(&format!("[\"{}\"]", vote.proposal), "[]");
    assert!(matches!(vote.ledger.check(&silent).unwrap_err(), EvidenceError::Inclusion(_)));
}

/// The proposal itself cannot be left out, nor the ballot shown in its place.
#[test]
fn the_proposal_is_needed_and_nothing_more() {
    let vote = Vote::enacted();
    let (captures, mut admins) = vote.ledger.trail(ITEM).leaves();
    assert!(admins.remove(&vote.proposed));
    let without = vote.ledger.document(ITEM, vote.ledger.shown(ITEM), &captures, &admins);
    let error = vote.ledger.check(&without).unwrap_err();
    assert!(
        matches!(error, EvidenceError::SubjectUnneeded { .. } | EvidenceError::StatementMissing { .. }),
        "{error:?}"
    );
    admins.insert(vote.proposed);
    admins.insert(vote.completed);
    let more = vote.ledger.document(ITEM, vote.ledger.shown(ITEM), &captures, &admins);
    let error = vote.ledger.check(&more).unwrap_err();
    assert!(matches!(error, EvidenceError::Refused { error: Refusal::OfTheWholeLedger { .. }, .. }), "{error:?}");
}

/// The list of a proposal that nothing leads to.
#[test]
fn the_list_of_a_proposal_about_another_is_not_taken() {
    let mut vote = Vote::open();
    vote.ledger.write("2026-03-01T04:00:00Z", &[vote.ledger.admin(&TestLedger::registration(2, &[]))]);
    let other = vote.ledger.admin(&revoking(2));
    let subject = Subject::proposal(&id_of(&other));
    vote.ledger.write("2026-03-01T05:00:00Z", &[other]);
    vote.ledger.write("2026-03-01T06:00:00Z", &[vote.ledger.capture(1, &storing("2026-03-01T06:00:00Z", CASE))]);
    let mut index = vote.ledger.shown(ITEM);
    index.push(vote.ledger.entry(&subject, 0..1));
    index.sort_by_key(crate::index::SubjectEntry::subject);
    let (captures, admins) = vote.ledger.trail(ITEM).leaves();
    let error = vote.ledger.check(&vote.ledger.document(ITEM, index, &captures, &admins)).unwrap_err();
    assert!(matches!(&error, EvidenceError::SubjectUnneeded { subject: found } if *found == subject), "{error:?}");
}
