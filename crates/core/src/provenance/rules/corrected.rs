//! Corrections: what was withdrawn stays visible, and a declaration without effect is named as one.

use crate::provenance::case::Case;
use crate::provenance::corrections::{self, Standing};
use crate::provenance::finding::Findings;
use crate::provenance::rule::Rule;

/// Reports corrections, and eventIDs that one participant gave to two different events.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    for at in case.told.iter().copied() {
        let Some(declared) = case.declared(at) else { continue };
        let who = case.who(at);
        match case.entries[at].standing {
            Standing::Withdraws(event) => {
                let leaves = [case.leaf(event), case.leaf(at)];
                findings.add(Rule::Corrected { who, day: case.day(event), declared }, &leaves);
            }
            Standing::WithdrawsNothing => {
                findings.add(Rule::CorrectionWithoutEffect { who, declared }, &[case.leaf(at)]);
            }
            _ => {}
        }
    }
    for (first, second) in corrections::reused_ids(&case.entries, &case.told) {
        let found = Rule::EventIdReused { who: case.who(second), day: case.day(first), again: case.day(second) };
        findings.add(found, &[case.leaf(first), case.leaf(second)]);
    }
}
