//! Organisations whose names look the same, so that no member approves a second "Acme" in Cyrillic letters unseen.
//!
//! It is no rule of the ledger: what looks the same changes with each version of Unicode, and members need not have the same
//! one. Each member's node holds its own member to it, before a registration is put on the ledger.

use std::fmt;

use unicode_security::skeleton;

use crate::app::registration::Status;
use sealane_core::consortium::{Organization, ParticipantId, Registration};
use sealane_core::limits::LOOKALIKES_MAX;

/// An organisation that is registered, or waits, with a name that looks like another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookalike {
    pub id: ParticipantId,
    pub organization: Organization,
    pub status: Status,
}

impl fmt::Display for Lookalike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}, {})", self.organization.as_str(), self.status.as_str(), self.id)
    }
}

/// What is compared of a name: its skeleton (UTS #39 §4), in small letters, with each run of white space as one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameShape(String);

impl NameShape {
    pub fn of(name: &Organization) -> Self {
        // Once before and once after: a capital I looks like a small l, and its small letter does not.
        let letters: String = skeleton(name.as_str()).collect();
        let small: String = skeleton(&letters.to_lowercase()).collect();
        Self(small.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Those of others, registered or waiting, whose names look like a registration's and which it does not name: the first
/// [`LOOKALIKES_MAX`].
pub fn unnamed(registration: &Registration, others: impl IntoIterator<Item = Lookalike>) -> Vec<Lookalike> {
    let shape = NameShape::of(&registration.claims.organization);
    others
        .into_iter()
        .filter(|one| one.id != registration.participant && !registration.similar_to.contains(&one.id))
        .filter(|one| NameShape::of(&one.organization) == shape)
        .take(LOOKALIKES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str) -> NameShape {
        NameShape::of(&name.parse().unwrap())
    }

    #[test]
    fn names_that_look_the_same_have_one_shape() {
        for (one, other) in [
            ("Acme", "Acme"),
            ("Acme", "ACME"),
            ("Acme", "\u{410}\u{441}me"),
            ("Acme Ltd", "Acme  Ltd"),
            ("Acme Ltd", "Acme\u{a0}Ltd"),
            ("Illumina", "lllumina"),
            ("Cafe\u{301}", "Caf\u{e9}"),
            ("Nord0", "NordO"),
        ] {
            assert_eq!(shape(one), shape(other), "{one} {other}");
        }
        for (one, other) in
            [("Acme", "Acne"), ("Acme", "Acme Ltd"), ("Nord 1", "Nord 2"), ("\u{d55c}\u{c131}", "\u{d55c}\u{c0b0}")]
        {
            assert_ne!(shape(one), shape(other), "{one} {other}");
        }
    }
}
