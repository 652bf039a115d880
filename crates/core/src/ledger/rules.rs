//! The number of the rules in force.

use std::fmt;

use crate::consortium::knows_rules;
use crate::limits::EVENT_TIME_AHEAD_MS_MAX;

/// A set of rules that this program knows, by its number. A ledger is held to the rules that were in force at each of
/// its blocks, so a program keeps every number that a ledger has used.
///
/// Rules 2 are known with the feature `test-rules-2` alone, which is for tests of a change of the rules: an event lies at most
/// an hour ahead of its block by them, not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules(u32);

/// The rules that a program knows: all from the first to a last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRules {
    last: Rules,
}

/// A number that a program has no rules for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules {number} are unknown; this program knows none after {last}: install a version that knows them")]
pub struct UnknownRules {
    pub number: u32,
    /// The last rules that it knows.
    pub last: Rules,
}

impl Rules {
    /// The rules that every ledger begins with.
    pub const FIRST: Self = Self(1);

    /// The last rules that this program knows.
    pub const LATEST: Self = if cfg!(feature = "test-rules-2") { Self(2) } else { Self::FIRST };

    /// The rules of a number, if this program knows them.
    pub const fn of(number: u32) -> Result<Self, UnknownRules> {
        KnownRules::OF_THIS_PROGRAM.get(number)
    }

    pub const fn number(self) -> u32 {
        self.0
    }

    /// How far ahead of its block an event may lie, in milliseconds.
    pub(super) const fn event_time_ahead_ms_max(self) -> i64 {
        match self.0 {
            2 => EVENT_TIME_AHEAD_MS_MAX / 24,
            _ => EVENT_TIME_AHEAD_MS_MAX,
        }
    }

    /// The same, for people.
    pub(super) const fn event_time_ahead(self) -> &'static str {
        match self.0 {
            2 => "an hour",
            _ => "a day",
        }
    }
}

impl KnownRules {
    /// All that this program knows.
    pub const OF_THIS_PROGRAM: Self = Self::up_to(Rules::LATEST);

    /// Those that an older program knew.
    pub const fn up_to(last: Rules) -> Self {
        Self { last }
    }

    /// The rules of a number.
    pub const fn get(self, number: u32) -> Result<Rules, UnknownRules> {
        if knows_rules(number) && number <= self.last.0 {
            Ok(Rules(number))
        } else {
            Err(UnknownRules { number, last: self.last })
        }
    }
}

impl Default for KnownRules {
    fn default() -> Self {
        Self::OF_THIS_PROGRAM
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
