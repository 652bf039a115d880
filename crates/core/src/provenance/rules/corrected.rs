//! Corrections: what was withdrawn stays visible, and a declaration without effect is named as one.

use crate::provenance::case::Case;
use crate::provenance::corrections::{self, Standing};
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::wording::{day, sentence_case};

/// Reports corrections, and eventIDs that one participant gave to two different events.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    for at in case.told.iter().copied() {
        let Some(declaration) = &case.event(at).error_declaration else { continue };
        let (who, declared) = (sentence_case(&case.who(at)), day(declaration.declaration_time));
        match case.entries[at].standing {
            Standing::Withdraws(event) => {
                let sentence = format!("{who} withdrew on {declared} its record of {}.", case.day(event));
                let leaves = [case.leaf(event), case.leaf(at)];
                findings.add("corrected", Severity::Note, &leaves, sentence);
            }
            Standing::WithdrawsNothing => {
                let sentence = format!(
                    "{who} declared a record wrong on {declared} that it had not made, or not like this: this changes \
                     nothing."
                );
                findings.add("correction-without-effect", Severity::Note, &[case.leaf(at)], sentence);
            }
            _ => {}
        }
    }
    for (first, second) in corrections::reused_ids(&case.entries, &case.told) {
        let sentence = format!(
            "{} recorded two different things as one event, on {} and on {}.",
            sentence_case(&case.who(second)),
            case.day(first),
            case.day(second)
        );
        findings.add("event-id-reused", Severity::Fails, &[case.leaf(first), case.leaf(second)], sentence);
    }
}
