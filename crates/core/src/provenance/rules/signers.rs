//! Signers: registered and in force at the record's place, within their rights, with a key that was in no other hands.
//!
//! The ledger refuses the first two; they are judged again here, so that a verdict does not rest on the ledger's word.

use std::collections::BTreeSet;

use crate::consortium::rights::{self, EndedBy, RightsError};
use crate::consortium::{ParticipantId, Role, SignerRefusal};
use crate::provenance::account::Outcome;
use crate::provenance::case::Case;
use crate::provenance::corrections::Standing;
use crate::provenance::finding::Findings;
use crate::provenance::phrase::Phrase;
use crate::provenance::rule::Rule;
use crate::provenance::sentences::Wording;
use crate::provenance::wording::{day, minute, shown};

/// Judges who signed the records and with what right.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    disregarded(case, findings);
    let mut sound = true;
    for at in judged(case) {
        let faults = [not_in_force(case, at), outside_rights(case, at), after_compromise(case, at)];
        for found in faults.into_iter().flatten() {
            sound = false;
            findings.add(found, &[case.leaf(at)]);
        }
    }
    if sound && !case.account.order.is_empty() {
        all_registered(case, findings);
    }
}

/// The entries of the account and those that contradict it, and the declarations that withdraw others: those act too.
fn judged<'c>(case: &'c Case<'_>) -> impl Iterator<Item = usize> + 'c {
    let account = &case.account;
    let acts = |at: &usize| {
        matches!(account.outcome(*at), Some(Outcome::Accepted | Outcome::Contradiction))
            || matches!(case.entries[*at].standing, Standing::Withdraws(_))
    };
    case.told.iter().copied().filter(move |at| acts(at))
}

fn not_in_force(case: &Case<'_>, at: usize) -> Option<Rule> {
    let record = case.entries[at].record;
    let why = match case.history.registry.signer_at(&record.certificate, record.place) {
        Ok((participant, _)) if participant.id == record.signer => return None,
        Ok((participant, _)) => Phrase::CertificateOfOther { other: case.name(&participant.id) },
        Err(SignerRefusal::Unknown { .. }) => Phrase::CertificateUnknown,
        Err(SignerRefusal::Revoked { since, .. }) => Phrase::RegistrationRevoked { since: day(since).into() },
        Err(SignerRefusal::NotEndorsed { .. }) => Phrase::NotEndorsed,
        Err(SignerRefusal::Expired { not_after, .. }) => Phrase::CertificateExpired { since: day(not_after).into() },
        Err(SignerRefusal::NotYetValid { not_before, .. }) => {
            Phrase::CertificateNotYetValid { since: day(not_before).into() }
        }
    };
    Some(Rule::SignerNotInForce { who: case.who(at), day: case.day(at), why: why.into() })
}

const fn name_of(role: Role) -> Phrase {
    match role {
        Role::Manufacturer => Phrase::Manufacturer,
        Role::Shipper => Phrase::Shipper,
        Role::Distributor => Phrase::Distributor,
        Role::Authority => Phrase::Authority,
    }
}

fn outside_rights(case: &Case<'_>, at: usize) -> Option<Rule> {
    // A declaration repeats what it takes back, which need not have been its signer's to record.
    if case.entries[at].standing != Standing::Counts {
        return None;
    }
    let signer = case.entries[at].participant?;
    let error = rights::check(signer, case.event(at)).err()?;
    // Bringing this very product into being without authority has a rule of its own.
    let own_rule = error.rule() != "role-step" && case.account.is_origin(at) && !case.signed_by_prefix_holder(at);
    let why = match error {
        RightsError::Step { step, .. } => {
            let roles = Wording::All(signer.claims.roles.iter().map(|role| name_of(*role).into()).collect());
            Phrase::NoRightToStep { step: shown(&step).into(), roles }
        }
        RightsError::End { by: EndedBy::Delete, step, .. } => Phrase::NoRightToDelete { step: step.into() },
        RightsError::End { by: EndedBy::Disposition(by), step, .. } => {
            Phrase::NoRightToEnd { by: by.into(), step: step.into() }
        }
        RightsError::Commission { .. } => Phrase::NoRightToCommission,
        RightsError::Claim { .. } => Phrase::NoRightToNumber,
    };
    let found = Rule::SignerOutsideRights { who: case.who(at), day: case.day(at), why: why.into() };
    (!own_rule).then_some(found)
}

/// Finds what was signed with a key that was in other hands, by a participant whose word custody rests on.
fn after_compromise(case: &Case<'_>, at: usize) -> Option<Rule> {
    let since = case.compromised_since(at).filter(|_| !case.account.disregarded.contains(&at))?;
    Some(Rule::SignedAfterCompromise { who: case.who(at), day: case.day(at), since: minute(since).into() })
}

/// Notes what a stolen key said of a product with which its owner had nothing to do.
fn disregarded(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.disregarded.iter().copied() {
        let Some(since) = case.compromised_since(at) else { continue };
        let found = Rule::CompromisedStranger { who: case.who(at), day: case.day(at), since: minute(since).into() };
        findings.add(found, &[case.leaf(at)]);
    }
}

fn all_registered(case: &Case<'_>, findings: &mut Findings) {
    const NAMED: usize = 5;
    let signers: BTreeSet<&ParticipantId> = case.order().map(|at| case.signer(at)).collect();
    let names = Wording::List(signers.iter().take(NAMED).map(|id| case.name(id)).collect());
    let names = match signers.len().saturating_sub(NAMED) {
        0 => names,
        more => Phrase::More { names, count: more.into() }.into(),
    };
    let leaves: Vec<_> = case.order().map(|at| case.leaf(at)).collect();
    findings.add(Rule::SignersRegistered { names }, &leaves);
}
