//! What a verdict leaves to those who ask for it.

use crate::domain::provenance::finding::{Reason, Severity};
use crate::domain::provenance::wording;
use crate::domain::time::Timestamp;

/// The choices behind a verdict. `Default` is what Sealane ships with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How old the last seal may be before an answer needs saying so, in milliseconds. One hour: six heartbeats.
    pub max_age_ms: i64,
    /// Business steps, as bare CBV words or URIs, that begin a product's life where no commissioning and no
    /// transformation does, such as a catch or a harvest. None by default.
    pub origin_steps: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_age_ms: 60 * 60 * 1000, origin_steps: Vec::new() }
    }
}

/// Says that an answer is too old, when the last seal is older at `now` than the policy allows.
///
/// `judge` has no clock: whoever has one adds this with `Verdict::with`. A last seal in the future is as wrong as an old
/// one, and no younger than its distance.
pub fn stale(as_of: Timestamp, now: Timestamp, policy: &Policy) -> Option<Reason> {
    let age_ms = now.millis_since(as_of).abs();
    (age_ms > policy.max_age_ms).then(|| Reason {
        rule: "answer-too-old",
        severity: Severity::Gap,
        leaves: Vec::new(),
        sentence: format!(
            "This answer is from {}, and the time now is {}: something may have been recorded that it does not show.",
            wording::minute(as_of),
            wording::minute(now)
        ),
    })
}

/// Says that more is recorded of an id than was followed. Whoever gathers the records knows, and adds this with
/// `Verdict::with`.
pub fn limit_reached() -> Reason {
    Reason {
        rule: "limit-reached",
        severity: Severity::Gap,
        leaves: Vec::new(),
        sentence: "More is recorded of it than is followed for one code: what was recorded last was not looked at."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_too_old_after_an_hour_either_way() {
        let policy = Policy::default();
        let as_of: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        assert_eq!(stale(as_of, as_of.plus_millis(policy.max_age_ms), &policy), None);
        let reason = stale(as_of, as_of.plus_millis(policy.max_age_ms + 1), &policy).unwrap();
        assert_eq!((reason.rule, reason.severity), ("answer-too-old", Severity::Gap));
        assert_eq!(
            reason.sentence,
            "This answer is from 2026-03-10 12:00 UTC, and the time now is 2026-03-10 13:00 UTC: something may have \
             been recorded that it does not show."
        );
        assert!(stale(as_of, as_of.plus_millis(-policy.max_age_ms - 1), &policy).is_some());
    }
}
