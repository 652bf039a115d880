//! Theft: reported by a participant that the product concerned then; the report of any other is shown as a claim.

use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::reading;
use crate::provenance::records::Subject;
use crate::provenance::rule::Rule;

/// Judges reports of theft. Who had the product then may report it, while it is on its way its sender, its carrier and who is to have it,
/// and the prefix's holder always. Who reported it, or the prefix's holder, may say that it was found.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let is_theft = |at: &usize| match case.subject {
        // A paper has no custodian.
        Subject::Paper => case.event(*at).declares("stolen") && case.signed_by_prefix_holder(*at),
        // What others have gone on from is reported stolen by the maker alone.
        _ => {
            case.account.thefts.contains(at)
                && (!case.account.overtaken.contains(at) || case.signed_by_prefix_holder(*at))
        }
    };
    let mut reported: Option<usize> = None;
    for at in case.order() {
        if is_theft(&at) {
            reported = reported.or(Some(at));
        } else if reading::unsets(case.event(at), "stolen") {
            reported.take_if(|report| case.signer(at) == case.signer(*report) || case.signed_by_prefix_holder(at));
        }
    }
    let counts = |at: &usize| case.counts(*at) && case.event(*at).declares("stolen");
    for at in case.told.iter().copied().filter(counts).filter(|at| !is_theft(at)) {
        findings.add(Rule::StolenClaimed { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
    }
    if let Some(at) = reported {
        findings.add(Rule::ReportedStolen { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
    }
}
