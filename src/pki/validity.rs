//! The span of time in which a certificate holds.

use sealane_core::time::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// From `not_before` to `not_after`, both included, in whole seconds: X.509 writes no finer time (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// A span that holds no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a certificate from {not_before} to {not_after} would never be valid; the end must be later than the start")]
pub struct ValidityError {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// Takes a start and a later end; both are cut to whole seconds.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Result<Self, ValidityError> {
        let cut = |time: Timestamp| time.plus_millis(-time.millis().rem_euclid(1000));
        let (not_before, not_after) = (cut(not_before), cut(not_after));
        if not_before >= not_after {
            return Err(ValidityError { not_before, not_after });
        }
        Ok(Self { not_before, not_after })
    }

    /// Spans `days` days of 24 hours from `not_before`.
    pub fn of_days(not_before: Timestamp, days: u32) -> Result<Self, ValidityError> {
        Self::new(not_before, not_before.plus_millis(i64::from(days) * DAY_MS))
    }

    pub const fn not_before(self) -> Timestamp {
        self.not_before
    }

    pub const fn not_after(self) -> Timestamp {
        self.not_after
    }

    /// True at both ends and between them, to the second.
    pub fn contains(self, at: Timestamp) -> bool {
        (self.not_before.seconds()..=self.not_after.seconds()).contains(&at.seconds())
    }

    /// What this span has in common with `outer`.
    pub fn within(self, outer: Self) -> Result<Self, ValidityError> {
        Self::new(self.not_before.max(outer.not_before), self.not_after.min(outer.not_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_ends_are_inside_to_the_second() {
        let validity = Validity::of_days(time("2026-11-21T09:30:00.700Z"), 1).unwrap();
        assert_eq!(validity.not_before(), time("2026-11-21T09:30:00Z"));
        assert_eq!(validity.not_after(), time("2026-11-22T09:30:00Z"));
        assert!(!validity.contains(time("2026-11-21T09:29:59.999Z")));
        assert!(validity.contains(time("2026-11-21T09:30:00Z")));
        assert!(validity.contains(time("2026-11-22T09:30:00.999Z")));
        assert!(!validity.contains(time("2026-11-22T09:30:01Z")));
    }

    #[test]
    fn an_empty_span_is_refused() {
        let (early, late) = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
        assert!(Validity::new(early, early).is_err());
        assert!(Validity::new(late, early).unwrap_err().to_string().contains("must be later"));
        let inner = Validity::of_days(early, 30).unwrap();
        assert!(inner.within(Validity::of_days(late, 30).unwrap()).is_err());
        assert_eq!(inner.within(Validity::new(early, late).unwrap()), Ok(inner));
    }
}
