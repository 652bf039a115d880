//! The number of the rules in force.

use std::fmt;

/// A set of rules that this program knows, by its number. A ledger is held to the rules that were in force at each of
/// its blocks, so a program keeps every number that a ledger has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules(u32);

/// A number that this program has no rules for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules {number} are unknown; this program knows {} alone: install a version that knows them", Rules::FIRST)]
pub struct UnknownRules {
    pub number: u32,
}

impl Rules {
    /// The rules that every ledger begins with.
    pub const FIRST: Self = Self(1);

    /// The rules of a number.
    pub const fn of(number: u32) -> Result<Self, UnknownRules> {
        if number == Self::FIRST.0 { Ok(Self(number)) } else { Err(UnknownRules { number }) }
    }

    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
