//! The pauses between attempts: each is twice the one before, up to a limit. Pure.

/// By how much a pause is made longer or shorter at random, in percent, so that those who wait do not all come back at once.
const SPREAD_PERCENT: i64 = 20;

/// The pauses of one kind of attempt, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    pub first_ms: i64,
    pub longest_ms: i64,
}

impl Pauses {
    /// The pause after a number of attempts that came to nothing beside the first, in milliseconds. `random` is from 0 to 1.
    pub fn after(self, attempts: u32, random: f64) -> i64 {
        let times = 1_i64.checked_shl(attempts).filter(|times| *times > 0).unwrap_or(i64::MAX);
        let doubled = self.first_ms.saturating_mul(times).min(self.longest_ms);
        let spread = doubled * SPREAD_PERCENT / 100;
        let moved = (random.clamp(0.0, 1.0) * (2 * spread) as f64) as i64 - spread;
        doubled + moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses = Pauses { first_ms: 1_000, longest_ms: 300_000 };
        assert_eq!([0, 1, 3].map(|attempts| pauses.after(attempts, 0.5)), [1_000, 2_000, 8_000]);
        assert_eq!([0.0, 1.0, 7.0].map(|random| pauses.after(0, random)), [800, 1_200, 1_200]);
        for many in [9, 30, 62, 63, 64, u32::MAX] {
            assert_eq!(pauses.after(many, 0.5), 300_000, "{many}");
        }
    }
}
