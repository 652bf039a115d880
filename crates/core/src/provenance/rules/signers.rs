//! Signers: registered and in force at the record's place, within their rights, with a key that was in no other hands.
//!
//! The ledger refuses the first two; they are judged again here, so that a verdict does not rest on the ledger's word.

use std::collections::BTreeSet;

use crate::consortium::rights::{self, RightsError};
use crate::consortium::{ParticipantId, SignerRefusal};
use crate::provenance::account::Outcome;
use crate::provenance::case::Case;
use crate::provenance::corrections::Standing;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::wording::{day, minute, sentence_case, shown};

/// Judges who signed the records and with what right.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    disregarded(case, findings);
    let mut sound = true;
    for at in judged(case) {
        let faults = [not_in_force(case, at), outside_rights(case, at), after_compromise(case, at)];
        for (rule, sentence) in faults.into_iter().flatten() {
            sound = false;
            findings.add(rule, Severity::Fails, &[case.leaf(at)], sentence);
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

fn not_in_force(case: &Case<'_>, at: usize) -> Option<(&'static str, String)> {
    let record = case.entries[at].record;
    let why = match case.history.registry.signer_at(&record.certificate, record.place) {
        Ok((participant, _)) if participant.id == record.signer => return None,
        Ok((participant, _)) => format!("the certificate belongs to {}", case.name(&participant.id)),
        Err(SignerRefusal::Unknown { .. }) => "its certificate was not registered then".to_owned(),
        Err(SignerRefusal::Revoked { since, .. }) => format!("its registration was ended on {}", day(since)),
        Err(SignerRefusal::NotEndorsed { .. }) => "not enough members had endorsed its registration then".to_owned(),
        Err(SignerRefusal::Expired { not_after, .. }) => format!("its certificate ran out on {}", day(not_after)),
        Err(SignerRefusal::NotYetValid { not_before, .. }) => format!("its certificate begins on {}", day(not_before)),
    };
    let sentence =
        format!("{} signed a record of {} without the right to: {why}.", sentence_case(&case.who(at)), case.day(at));
    Some(("signer-not-in-force", sentence))
}

fn outside_rights(case: &Case<'_>, at: usize) -> Option<(&'static str, String)> {
    // A declaration repeats what it takes back, which need not have been its signer's to record.
    if case.entries[at].standing != Standing::Counts {
        return None;
    }
    let signer = case.entries[at].participant?;
    let error = rights::check(signer, case.event(at)).err()?;
    // Bringing this very product into being without authority has a rule of its own.
    let own_rule = error.rule() != "role-step" && case.account.is_origin(at) && !case.signed_by_prefix_holder(at);
    let why = match error {
        RightsError::Step { step, roles } => format!("the step {} is not for a {roles}", shown(&step)),
        RightsError::End { by, step, .. } => format!("{by} ends its life, as {step} does, which is not for its role"),
        RightsError::Commission { .. } => "only a manufacturer brings products into being".to_owned(),
        RightsError::Claim { .. } => "it brings into being what has another's number".to_owned(),
    };
    let sentence =
        format!("{} recorded on {} what is not its to record: {why}.", sentence_case(&case.who(at)), case.day(at));
    (!own_rule).then_some(("signer-outside-rights", sentence))
}

/// Finds what was signed with a key that was in other hands, by a participant whose word custody rests on.
fn after_compromise(case: &Case<'_>, at: usize) -> Option<(&'static str, String)> {
    let since = case.compromised_since(at).filter(|_| !case.account.disregarded.contains(&at))?;
    let sentence = format!(
        "The key that signed the record of {} was in other hands since {}: it may not be {} that speaks.",
        case.day(at),
        minute(since),
        case.who(at)
    );
    Some(("signed-after-compromise", sentence))
}

/// Notes what a stolen key said of a product with which its owner had nothing to do.
fn disregarded(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.disregarded.iter().copied() {
        let Some(since) = case.compromised_since(at) else { continue };
        let sentence = format!(
            "A record of {} is not counted: the key of {}, which did not have it then, was in other hands since {}.",
            case.day(at),
            case.who(at),
            minute(since)
        );
        findings.add("compromised-stranger", Severity::Note, &[case.leaf(at)], sentence);
    }
}

fn all_registered(case: &Case<'_>, findings: &mut Findings) {
    const NAMED: usize = 5;
    let signers: BTreeSet<&ParticipantId> = case.order().map(|at| case.signer(at)).collect();
    let names: Vec<String> = signers.iter().take(NAMED).map(|id| case.name(id)).collect();
    let more = if signers.len() > NAMED { format!(" and {} more", signers.len() - NAMED) } else { String::new() };
    let sentence = format!(
        "Every record that counts was signed by an organisation registered here at the time: {}{more}.",
        names.join(", ")
    );
    let leaves: Vec<_> = case.order().map(|at| case.leaf(at)).collect();
    findings.add("signers-registered", Severity::Holds, &leaves, sentence);
}
