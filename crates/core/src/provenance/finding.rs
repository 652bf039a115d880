//! What the rules find, and how much of it is kept.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::REASONS_PER_RULE_MAX;
use crate::merkle::LeafIndex;
use crate::provenance::rule::{Rule, Severity};
use crate::provenance::sentences::Sentences;

/// One finding of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule's stable id, as `docs/VERDICT.md` lists it.
    pub rule: &'static str,
    pub severity: Severity,
    /// The leaves that it rests on, ascending and each once.
    pub leaves: Vec<LeafIndex>,
    /// In English.
    #[serde(rename = "text")]
    pub sentence: String,
    #[serde(skip)]
    pub(super) found: Rule,
}

impl Reason {
    pub(super) fn new(found: Rule, leaves: Vec<LeafIndex>) -> Self {
        let sentence = Sentences::english().say_rule(&found);
        Self { rule: found.key(), severity: found.severity(), leaves, sentence, found }
    }

    /// Its sentence in a language.
    pub fn text(&self, sentences: &Sentences) -> String {
        sentences.say_rule(&self.found)
    }
}

/// Findings as they come, with no more of one rule than people read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    reasons: Vec<Reason>,
    of_rule: BTreeMap<&'static str, (usize, usize)>,
}

impl Findings {
    pub fn add(&mut self, found: Rule, leaves: &[LeafIndex]) {
        let (count, last) = self.of_rule.entry(found.key()).or_insert((0, 0));
        if *count >= REASONS_PER_RULE_MAX {
            // The rest add no sentence; their leaves still say where to look.
            if let Some(reason) = self.reasons.get_mut(*last) {
                reason.leaves.extend_from_slice(leaves);
            }
            return;
        }
        (*count, *last) = (*count + 1, self.reasons.len());
        self.reasons.push(Reason::new(found, leaves.to_vec()));
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
        for n in 0..100_u8 {
            let late = Rule::Late { who: usize::from(n).into(), day: "today".into() };
            findings.add(late, &[LeafIndex::new(u64::from(n)).unwrap()]);
        }
        findings.add(
            Rule::Recalled { who: "A".into(), right: "whose it is".into(), day: "today".into(), what: "it".into() },
            &[],
        );
        let reasons = findings.into_reasons();
        assert_eq!(reasons.len(), REASONS_PER_RULE_MAX + 1);
        assert_eq!(reasons[0].rule, "recalled", "the weightiest comes first");
        assert_eq!(reasons.iter().map(|reason| reason.leaves.len()).sum::<usize>(), 100);
    }
}
