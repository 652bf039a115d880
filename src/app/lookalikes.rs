//! Organisations whose names look the same, so that no member approves a second "Acme" in Cyrillic letters unseen.
//!
//! It is no rule of the ledger: what looks the same changes with each version of Unicode, and members need not have the same
//! one. Each member's node holds its own member to it, before a registration is put on the ledger.

use std::fmt;

use unicode_security::skeleton;

use crate::app::ledger::{Ledger, View};
use crate::app::registration::{REQUESTS_AT_ONCE, Status, kept_since, status_of};
use crate::ports::{RequestBody, RequestFilter, StoreError};
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

/// Those in force or waiting whose names look like a registration's and which it does not name: the first [`LOOKALIKES_MAX`].
pub async fn unnamed(ledger: &Ledger, view: &View, registration: &Registration) -> Result<Vec<Lookalike>, StoreError> {
    let now = ledger.now();
    let in_force = view.registry.participants().map(|one| (one, status_of(one, now)));
    let in_force = in_force.filter(|(_, status)| matches!(status, Status::Active | Status::Pending));
    let in_force =
        in_force.map(|(one, status)| Lookalike { id: one.id, organization: one.claims.organization.clone(), status });
    let shape = NameShape::of(&registration.claims.organization);
    let all = in_force.chain(waiting(ledger).await?);
    let others = all.filter(|one| one.id != registration.participant && !registration.similar_to.contains(&one.id));
    Ok(others.filter(|one| NameShape::of(&one.organization) == shape).take(LOOKALIKES_MAX).collect())
}

/// All who wait to be registered.
async fn waiting(ledger: &Ledger) -> Result<Vec<Lookalike>, StoreError> {
    let (mut names, mut after) = (Vec::new(), None);
    let (since, limit) = (kept_since(ledger), REQUESTS_AT_ONCE);
    loop {
        let filter = RequestFilter { renewals: false, rejected: Some(false), since, after, through: None, limit };
        let some = ledger.store().requests_page(filter).await?;
        let is_last = some.len() < limit as usize;
        after = some.last().map(|request| request.participant);
        names.extend(some.into_iter().filter_map(|request| match request.body {
            RequestBody::Registration { claims, .. } => {
                let (id, organization) = (request.participant, claims.organization);
                Some(Lookalike { id, organization, status: Status::Pending })
            }
            RequestBody::Renewal { .. } => None,
        }));
        if is_last {
            return Ok(names);
        }
    }
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
