//! The subjects of what members decide together.

use std::collections::BTreeSet;

use crate::consortium::{Admin, ChangeProposal, ParticipantId, ProposedChange};
use crate::hash::Hash;
use crate::index::{Subject, SubjectKind};
use crate::statement::StatementId;

/// The policy under which changes of the rules stand.
const RULES: &str = "rules";

/// The subjects of a decision by its statement's id; none for the types that `names` has itself.
pub(super) fn of_decision(admin: &Admin, id: StatementId) -> BTreeSet<Subject> {
    match admin {
        Admin::Proposal(proposal) => of_proposal(proposal, id),
        Admin::Withdrawal(withdrawal) => [of_id(withdrawal.proposal)].into(),
        Admin::Ballot(ballot) => [of_id(ballot.proposal)].into(),
        Admin::Ready(readiness) => [of_id(readiness.proposal)].into(),
        Admin::Fault(fault) => [Subject::new(SubjectKind::Fault, fault.first.kid.to_string())].into(),
        Admin::Endorsement(endorsement) => [of_participant(&endorsement.registration)].into(),
        Admin::Genesis(_) | Admin::Registration(_) | Admin::Renewal(_) | Admin::Revocation(_) | Admin::Rejection(_) => {
            BTreeSet::new()
        }
    }
}

fn of_proposal(proposal: &ChangeProposal, id: StatementId) -> BTreeSet<Subject> {
    let mut subjects = BTreeSet::from([of_id(id)]);
    for change in &proposal.changes {
        of_change(change, &mut subjects);
    }
    subjects
}

fn of_change(change: &ProposedChange, subjects: &mut BTreeSet<Subject>) {
    subjects.extend(change.participants().map(of_participant));
    match change {
        ProposedChange::Admit(admission) => subjects.extend([of_member(admission.jwk.thumbprint())]),
        ProposedChange::Remove(removal) => subjects.extend([of_member(removal.kid)]),
        ProposedChange::Replace(replacement) => {
            subjects.extend([of_member(replacement.kid), of_member(replacement.jwk.thumbprint())]);
        }
        ProposedChange::Lift(lift) => subjects.extend(lift.ids.iter().map(|id| Subject::recall(id.as_str()))),
        ProposedChange::Authority(_) => subjects.extend([Subject::policies_of_verdict()]),
        ProposedChange::Policy(policy) => {
            subjects.insert(Subject::policy(policy.name().as_str()));
            if policy.name().is_of_verdict() {
                subjects.insert(Subject::policies_of_verdict());
            }
        }
        ProposedChange::Rules(_) => subjects.extend([Subject::policy(RULES)]),
        ProposedChange::Revoke(_) | ProposedChange::Dismiss(_) | ProposedChange::Succeeds(_) => {}
    }
}

fn of_id(proposal: StatementId) -> Subject {
    Subject::proposal(&proposal)
}

fn of_member(kid: Hash) -> Subject {
    Subject::party(kid.to_string())
}

fn of_participant(participant: &ParticipantId) -> Subject {
    Subject::party(*participant)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use serde_json::{Value, json};

    use super::*;
    use crate::block::NoteSigningKey;
    use crate::index::names;
    use crate::statement::{PublicKey, Signature};

    const ONE: &str = "00000000-0000-4000-8000-000000000001";
    const TWO: &str = "00000000-0000-4000-8000-000000000002";
    const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S1";
    const TIME: &str = "2026-03-01T00:00:00.000Z";

    fn key(seed: u8) -> PublicKey {
        PublicKey::from(SigningKey::from_slice(&[seed; 32]).unwrap().verifying_key())
    }

    fn kid(seed: u8) -> String {
        key(seed).thumbprint().to_string()
    }

    fn id() -> StatementId {
        StatementId::from_hash(Hash::of(b"its own"))
    }

    /// The names of a payload, as kind and text.
    fn names(payload: &Value) -> Vec<(SubjectKind, String)> {
        let admin = Admin::parse(payload.to_string().as_bytes()).unwrap();
        names::of_admin(&admin, id()).keys().map(|subject| (subject.kind(), subject.text().to_owned())).collect()
    }

    fn sorted(mut expected: Vec<(SubjectKind, String)>) -> Vec<(SubjectKind, String)> {
        expected.sort();
        expected
    }

    fn party(text: &str) -> (SubjectKind, String) {
        (SubjectKind::Party, text.to_owned())
    }

    fn policy(text: &str) -> (SubjectKind, String) {
        (SubjectKind::Policy, text.to_owned())
    }

    #[test]
    fn a_proposal_stands_under_its_id_and_all_that_its_changes_touch() {
        let (jwk, note_key) = (json!(key(3)), NoteSigningKey::from_seed(&[3; 32]).public());
        let proof = Signature::from_bytes([7; 64]).to_string();
        let recall = |id: &str| (SubjectKind::Recall, id.to_owned());
        let mut together = Vec::new();
        let mut changes = Vec::new();
        for (change, expected) in [
            (
                json!({"type": "admit", "name": "New", "jwk": jwk, "noteKey": note_key, "proof": proof}),
                vec![party(&kid(3))],
            ),
            (json!({"type": "remove", "kid": kid(1)}), vec![party(&kid(1))]),
            (
                json!({"type": "replace", "kid": kid(2), "jwk": jwk, "noteKey": note_key, "proof": proof}),
                vec![party(&kid(2)), party(&kid(3))],
            ),
            (json!({"type": "revoke", "participant": ONE, "reason": "it left"}), vec![party(ONE)]),
            (
                json!({"type": "dismiss", "participant": TWO, "claims": [{"from": 1, "to": 2}], "reason": "smears"}),
                vec![party(TWO)],
            ),
            (
                json!({"type": "lift", "recall": 7, "ids": [ITEM, "urn:example:1"], "reason": "no fault"}),
                vec![recall(ITEM), recall("urn:example:1")],
            ),
            (json!({"type": "authority", "registration": ONE}), vec![party(ONE), policy("verdict")]),
            (json!({"type": "succeeds", "former": ONE, "participant": TWO}), vec![party(ONE), party(TWO)]),
            (json!({"type": "policy", "name": "subjectsMax", "value": 5}), vec![policy("subjectsMax")]),
            (
                json!({"type": "policy", "name": "newIdsInAll", "value": 5, "participant": ONE}),
                vec![policy("newIdsInAll"), party(ONE)],
            ),
            (
                json!({"type": "policy", "name": "maxSpeedKmh", "value": 900}),
                vec![policy("maxSpeedKmh"), policy("verdict")],
            ),
            (
                json!({"type": "policy", "name": "clockToleranceMinutes", "value": 60}),
                vec![policy("clockToleranceMinutes"), policy("verdict")],
            ),
            (json!({"type": "rules", "number": 2, "notBefore": TIME}), vec![policy("rules")]),
        ] {
            let own = (SubjectKind::Proposal, id().to_string());
            let expected = [expected, vec![own]].concat();
            let payload = json!({"type": "proposal", "changes": [change], "expires": TIME});
            assert_eq!(names(&payload), sorted(expected.clone()), "{payload}");
            if changes.len() < 10 {
                changes.push(change);
                together.extend(expected);
            }
        }
        let mut together = sorted(together);
        together.dedup();
        assert_eq!(names(&json!({"type": "proposal", "changes": changes, "expires": TIME})), together);
    }

    #[test]
    fn what_is_said_to_a_proposal_stands_under_its_id_and_the_rest_under_whom_it_is_about() {
        let proposal = Hash::of(b"proposal").to_string();
        let vote = |value: Value| {
            json!({"kid": kid(1), "kind": "precommit", "height": 5, "round": 1, "value": value,
                "signature": Signature::from_bytes([7; 64]).to_string()})
        };
        for (payload, kind, text) in [
            (json!({"type": "withdrawal", "proposal": proposal}), SubjectKind::Proposal, proposal.clone()),
            (json!({"type": "ballot", "proposal": proposal, "yes": true}), SubjectKind::Proposal, proposal.clone()),
            (
                json!({"type": "ready", "proposal": proposal, "height": 1, "root": proposal}),
                SubjectKind::Proposal,
                proposal.clone(),
            ),
            (json!({"type": "endorsement", "registration": ONE}), SubjectKind::Party, ONE.to_owned()),
            (
                json!({"type": "fault", "first": vote(json!(null)), "second": vote(json!(proposal))}),
                SubjectKind::Fault,
                kid(1),
            ),
        ] {
            assert_eq!(names(&payload), [(kind, text)], "{payload}");
        }
    }
}
