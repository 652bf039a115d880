//! What a verdict leaves to those who ask for it.

use crate::consortium::{Policies, PolicyName, PolicyValue};
use crate::provenance::finding::Reason;
use crate::provenance::rule::Rule;
use crate::provenance::wording;
use crate::time::Timestamp;

const MINUTE_MS: i64 = 60 * 1000;

/// The choices behind a verdict. `Default` is what Sealane ships with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How old the last seal may be before an answer needs saying so, in milliseconds. One hour: six heartbeats.
    pub max_age_ms: i64,
    /// Business steps, as bare CBV words or URIs, that begin a product's life where no commissioning and no
    /// transformation does, such as a catch or a harvest. By default those of the GDST's standard for seafood, which
    /// begin a fish's life in the chain.
    pub origin_steps: Vec<String>,
    /// How fast a product may travel between two places whose coordinates are known, in km/h. An airliner's speed over
    /// ground with a strong wind behind it.
    pub max_speed_kmh: u32,
    /// How far apart two participants' clocks may be, in milliseconds, before the order of their records counts against them.
    pub clock_tolerance_ms: i64,
}

/// The steps by which the GDST's standard (version 1.2) tells of a catch, of hatching and of the harvest of a farm.
const GDST_ORIGIN_STEPS: [&str; 3] =
    ["urn:gdst:bizStep:fishingEvent", "urn:gdst:bizStep:hatching", "urn:gdst:bizStep:farmHarvest"];

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_age_ms: 60 * 60 * 1000,
            origin_steps: GDST_ORIGIN_STEPS.map(str::to_owned).to_vec(),
            max_speed_kmh: 1_200,
            clock_tolerance_ms: 60 * 60 * 1000,
        }
    }
}

impl Policy {
    /// The same, with what the members have set by vote in place of its own: their word binds all who ask.
    #[must_use]
    pub fn decided(&self, policies: &Policies) -> Self {
        let whole = |name| match policies.in_force(name, None).map(|set| &set.value) {
            Some(PolicyValue::Whole(number)) => Some(*number),
            _ => None,
        };
        let speed = whole(PolicyName::MaxSpeedKmh).and_then(|kmh| u32::try_from(kmh).ok());
        let minutes = whole(PolicyName::ClockToleranceMinutes).and_then(|minutes| i64::try_from(minutes).ok());
        Self {
            max_speed_kmh: speed.unwrap_or(self.max_speed_kmh),
            clock_tolerance_ms: minutes.map_or(self.clock_tolerance_ms, |minutes| minutes.saturating_mul(MINUTE_MS)),
            ..self.clone()
        }
    }
}

/// Says that an answer is too old, when the last seal is older at `now` than the policy allows.
///
/// `judge` has no clock: a caller that has one adds this with `Verdict::with`. A last seal in the future is as wrong as an
/// old one, and no younger than its distance.
pub fn stale(as_of: Timestamp, now: Timestamp, policy: &Policy) -> Option<Reason> {
    let age_ms = now.millis_since(as_of).abs();
    (age_ms > policy.max_age_ms).then(|| {
        let found = Rule::AnswerTooOld { then: wording::minute(as_of).into(), now: wording::minute(now).into() };
        Reason::new(found, Vec::new())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::rule::Severity;

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
