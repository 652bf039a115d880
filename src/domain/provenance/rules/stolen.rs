//! Theft: reported by somebody who has to do with the product; anybody else's report is shown as a claim.

use std::collections::BTreeMap;

use crate::domain::consortium::ParticipantId;
use crate::domain::provenance::case::Case;
use crate::domain::provenance::finding::{Findings, Severity};
use crate::domain::provenance::passage;
use crate::domain::provenance::reading::{self, Act};
use crate::domain::provenance::wording::sentence_case;

/// Judges reports of theft. Who reported it, or the prefix's holder, may say that it was found.
pub(in crate::domain::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let mut reported: Option<usize> = None;
    let mut known: BTreeMap<&ParticipantId, bool> = BTreeMap::new();
    for at in case.order.iter().copied() {
        let event = case.event(at);
        if event.declares("stolen") {
            if case.signed_by_prefix_holder(at) || *known.entry(case.signer(at)).or_insert_with(|| concerned(case, at))
            {
                reported = reported.or(Some(at));
            } else {
                claimed(case, at, findings);
            }
        } else if reading::unsets(event, "stolen") {
            reported.take_if(|report| case.signer(at) == case.signer(*report) || case.signed_by_prefix_holder(at));
        }
    }
    if let Some(at) = reported {
        let sentence = format!("{} reported it stolen on {}.", sentence_case(&case.who(at)), case.day(at));
        findings.add("reported-stolen", Severity::Fails, &[case.leaf(at)], sentence);
    }
}

/// Tells whether the signer has had the product by its own record, or was to be sent it.
fn concerned(case: &Case<'_>, report: usize) -> bool {
    let signer = case.signer(report);
    let involves = |at: &usize| match reading::act(case, *at) {
        Act::FromAfar => false,
        Act::Ships => {
            case.signer(*at) == signer || passage::destinations(case, *at).iter().any(|id| case.owns(signer, id))
        }
        _ => case.signer(*at) == signer,
    };
    case.order.iter().any(involves)
}

fn claimed(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let sentence = format!(
        "{} said on {} that it was stolen; by the records it never had it.",
        sentence_case(&case.who(at)),
        case.day(at)
    );
    findings.add("stolen-claimed", Severity::Note, &[case.leaf(at)], sentence);
}
