//! The settings of a node that agrees with other members: how long it waits for them.

use std::time::Duration;

use serde::Deserialize;

use crate::ports::Patience;

/// Milliseconds that a wait may have at the least: less than a disk's flush and a round trip, and no round would ever end.
const WAIT_MS_MIN: u64 = 10;

/// Milliseconds that a wait may have at the most. A member that waits longer holds up the others' posts for as long.
const WAIT_MS_MAX: u64 = 60_000;

/// The table `[agreement]` of `sealane.toml`, in milliseconds. Every member may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgreementSection {
    /// For a proposal and its block, in round 0.
    pub propose_ms: Option<u64>,
    /// More of it for each round after that.
    pub propose_more_ms: Option<u64>,
    /// For votes that agree, once a quorum has voted, in round 0.
    pub vote_ms: Option<u64>,
    /// More of it for each round after that.
    pub vote_more_ms: Option<u64>,
    /// For a proposer to whom this node has no connection.
    pub away_ms: Option<u64>,
}

/// A wait out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} in [agreement] of sealane.toml is {found}: give milliseconds from {WAIT_MS_MIN} to {WAIT_MS_MAX}")]
pub struct AgreementSettingsError {
    name: &'static str,
    found: u64,
}

impl AgreementSection {
    /// How long the node waits: as the table says, else as usual.
    pub fn patience(&self) -> Result<Patience, AgreementSettingsError> {
        let usual = Patience::default();
        let wait = |name, given: Option<u64>, usual| match given {
            None => Ok(usual),
            Some(ms) if (WAIT_MS_MIN..=WAIT_MS_MAX).contains(&ms) => Ok(Duration::from_millis(ms)),
            Some(found) => Err(AgreementSettingsError { name, found }),
        };
        Ok(Patience {
            propose: wait("propose-ms", self.propose_ms, usual.propose)?,
            propose_more: wait("propose-more-ms", self.propose_more_ms, usual.propose_more)?,
            vote: wait("vote-ms", self.vote_ms, usual.vote)?,
            vote_more: wait("vote-more-ms", self.vote_more_ms, usual.vote_more)?,
            away: wait("away-ms", self.away_ms, usual.away)?,
            ..usual
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Result<AgreementSection, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        let usual = Patience::default();
        assert_eq!(section("").unwrap().patience(), Ok(usual));
        let told = section("propose-ms = 3000\nvote-ms = 900\naway-ms = 10").unwrap().patience().unwrap();
        let ms = Duration::from_millis;
        assert_eq!((told.propose, told.vote, told.away), (ms(3_000), ms(900), ms(10)));
        assert_eq!((told.propose_more, told.vote_more, told.most), (usual.propose_more, usual.vote_more, usual.most));
    }

    #[test]
    fn a_wait_out_of_its_bounds_is_named() {
        for (text, name) in [("propose-ms = 9", "propose-ms is 9"), ("vote-more-ms = 60001", "vote-more-ms is 60001")] {
            let error = section(text).unwrap().patience().unwrap_err().to_string();
            let (name, found) = name.split_once(" is ").unwrap();
            assert!(error.starts_with(&format!("{name} in [agreement] of sealane.toml is {found}: give")), "{error}");
        }
        assert!(section("propose = 3").is_err() && section("vote-ms = -1").is_err());
    }
}
