//! What the rules find, and how much of it is kept.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::REASONS_PER_RULE_MAX;
use crate::merkle::LeafIndex;

/// What a finding means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The product is recalled.
    Recall,
    /// A contradiction: the product is suspect.
    Fails,
    /// It is no more: destroyed, or taken out of use.
    Ended,
    /// Somebody without a part in its journey says to have had it.
    Disputes,
    /// Something is missing: the history is incomplete.
    Gap,
    /// It has reached its end as it should: sold, dispensed, expired, used up, unpacked.
    Past,
    /// Worth knowing, and changes nothing.
    Note,
    /// In the product's favour: what an authentic verdict rests on.
    Holds,
}

/// One finding of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule's stable id, as `docs/VERDICT.md` lists it.
    pub rule: &'static str,
    pub severity: Severity,
    /// The leaves that it rests on, ascending and each once.
    pub leaves: Vec<LeafIndex>,
    #[serde(rename = "text")]
    pub sentence: String,
}

/// Every rule by its stable id, and what its findings mean. `docs/VERDICT.md` says when each speaks.
pub const RULES: &[(&str, Severity)] = &[
    ("recalled", Severity::Recall),
    ("recalled-input", Severity::Recall),
    ("claim-upheld", Severity::Fails),
    ("commissioned-twice", Severity::Fails),
    ("commissioned-without-authority", Severity::Fails),
    ("event-after-terminal", Severity::Fails),
    ("event-id-reused", Severity::Fails),
    ("contradicts-itself", Severity::Fails),
    ("impossible-travel", Severity::Fails),
    ("label-differs", Severity::Fails),
    ("reported-stolen", Severity::Fails),
    ("shipped-twice", Severity::Fails),
    ("signed-after-compromise", Severity::Fails),
    ("signer-not-in-force", Severity::Fails),
    ("signer-outside-rights", Severity::Fails),
    ("decommissioned", Severity::Ended),
    ("destroyed", Severity::Ended),
    ("claimed", Severity::Disputes),
    ("answer-too-old", Severity::Gap),
    ("container-cycle", Severity::Gap),
    ("custody-gap", Severity::Gap),
    ("end-withdrawn", Severity::Gap),
    ("inside-container", Severity::Gap),
    ("limit-reached", Severity::Gap),
    ("no-origin", Severity::Gap),
    ("not-serialised", Severity::Gap),
    ("returned-elsewhere", Severity::Gap),
    ("dispensed", Severity::Past),
    ("expired", Severity::Past),
    ("sold", Severity::Past),
    ("unpacked", Severity::Past),
    ("used-up", Severity::Past),
    ("code-can-be-copied", Severity::Note),
    ("compromised-stranger", Severity::Note),
    ("corrected", Severity::Note),
    ("correction-without-effect", Severity::Note),
    ("container-disputed", Severity::Note),
    ("date-passed", Severity::Note),
    ("dismissed", Severity::Note),
    ("expiry-unreadable", Severity::Note),
    ("label-incomplete", Severity::Note),
    ("label-unconfirmed", Severity::Note),
    ("late", Severity::Note),
    ("left-consortium", Severity::Note),
    ("load", Severity::Note),
    ("lot-claimed", Severity::Note),
    ("packed-elsewhere", Severity::Note),
    ("recall-claimed", Severity::Note),
    ("recall-lifted", Severity::Note),
    ("recall-lifted-by-vote", Severity::Note),
    ("stolen-claimed", Severity::Note),
    ("shared-number", Severity::Note),
    ("unannounced", Severity::Note),
    ("unnamed-carrier", Severity::Note),
    ("unpacked-without-packing", Severity::Note),
    ("void-without-shipping", Severity::Note),
    ("withdrawn-too-late", Severity::Note),
    ("commissioned-by-prefix-holder", Severity::Holds),
    ("custody-unbroken", Severity::Holds),
    ("signers-registered", Severity::Holds),
];

/// Findings as they come, with no more of one rule than people read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    reasons: Vec<Reason>,
    of_rule: BTreeMap<&'static str, (usize, usize)>,
}

impl Findings {
    pub fn add(&mut self, rule: &'static str, severity: Severity, leaves: &[LeafIndex], sentence: String) {
        let (count, last) = self.of_rule.entry(rule).or_insert((0, 0));
        if *count >= REASONS_PER_RULE_MAX {
            // The rest add no sentence; their leaves still say where to look.
            if let Some(reason) = self.reasons.get_mut(*last) {
                reason.leaves.extend_from_slice(leaves);
            }
            return;
        }
        (*count, *last) = (*count + 1, self.reasons.len());
        self.reasons.push(Reason { rule, severity, leaves: leaves.to_vec(), sentence });
    }

    /// The severity that weighs most.
    pub fn heaviest(&self) -> Option<Severity> {
        self.reasons.iter().map(|reason| reason.severity).min()
    }

    /// Hands over the reasons: the weightiest first, then in ledger order.
    pub fn into_reasons(self) -> Vec<Reason> {
        let mut reasons = self.reasons;
        for reason in &mut reasons {
            reason.leaves.sort_unstable();
            reason.leaves.dedup();
        }
        reasons.sort_by(|a, b| (a.severity, &a.leaves, a.rule).cmp(&(b.severity, &b.leaves, b.rule)));
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_limited_number_of_each_rule_and_every_leaf() {
        let mut findings = Findings::default();
        for n in 0..100 {
            findings.add("rule", Severity::Fails, &[LeafIndex::new(n).unwrap()], format!("{n}"));
        }
        findings.add("other", Severity::Recall, &[], String::new());
        let reasons = findings.into_reasons();
        assert_eq!(reasons.len(), REASONS_PER_RULE_MAX + 1);
        assert_eq!(reasons[0].rule, "other", "the weightiest comes first");
        assert_eq!(reasons.iter().map(|reason| reason.leaves.len()).sum::<usize>(), 100);
    }
}
