//! Recalls: by the holder of the product's company prefix; anybody else's are shown as claims.
//!
//! A recall of the product's lot or class will be judged by the same words over their entries.

use crate::domain::provenance::case::Case;
use crate::domain::provenance::finding::{Findings, Severity};
use crate::domain::provenance::reading;
use crate::domain::provenance::wording::sentence_case;

/// Judges recalls. The holder's last word counts: it may take its recall back.
pub(in crate::domain::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let mut recalled: Option<usize> = None;
    for at in case.order.iter().copied() {
        let holder = case.signed_by_prefix_holder(at);
        if case.event(at).declares("recalled") {
            if holder {
                recalled = recalled.or(Some(at));
            } else {
                claimed(case, at, findings);
            }
        } else if holder
            && reading::unsets(case.event(at), "recalled")
            && let Some(since) = recalled.take()
        {
            lifted(case, since, at, findings);
        }
    }
    if let Some(at) = recalled {
        let sentence =
            format!("{}, to which its number belongs, recalled it on {}.", sentence_case(&case.who(at)), case.day(at));
        findings.add("recalled", Severity::Recall, &[case.leaf(at)], sentence);
    }
}

fn claimed(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let holder = case.prefix_holder(case.leaf(at)).map(|holder| case.name(&holder.id));
    let sentence = format!(
        "{} marked it as recalled on {}; only {} could recall it.",
        sentence_case(&case.who(at)),
        case.day(at),
        holder.as_deref().unwrap_or("the organisation to which its number belongs")
    );
    findings.add("recall-claimed", Severity::Note, &[case.leaf(at)], sentence);
}

fn lifted(case: &Case<'_>, since: usize, at: usize, findings: &mut Findings) {
    let sentence = format!(
        "{} recalled it on {} and took the recall back on {}.",
        sentence_case(&case.who(at)),
        case.day(since),
        case.day(at)
    );
    findings.add("recall-lifted", Severity::Note, &[case.leaf(since), case.leaf(at)], sentence);
}
