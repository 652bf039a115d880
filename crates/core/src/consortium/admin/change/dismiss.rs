//! `dismiss`: what a participant claimed of goods that it never had counts no more.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, check_reason, field};
use crate::consortium::claims::ParticipantId;
use crate::limits::DISMISSED_RANGES_MAX;
use crate::merkle::LeafIndex;

/// The dismissal of some of a participant's claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DismissClaims {
    pub participant: ParticipantId,
    /// Ascending, none touching another.
    pub claims: Vec<LeafRange>,
    pub reason: String,
}

/// Leaves from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafRange {
    pub from: LeafIndex,
    pub to: LeafIndex,
}

impl DismissClaims {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        let (claims, found) = (&self.claims, self.claims.len());
        if !(1..=DISMISSED_RANGES_MAX).contains(&found) {
            return field(
                "claims",
                format!("a dismissal names 1 to {DISMISSED_RANGES_MAX} ranges; this names {found}"),
            );
        }
        if let Some(LeafRange { from, to }) = claims.iter().find(|range| range.to < range.from) {
            return field("claims", format!("a range goes up; this goes from {from} to {to}"));
        }
        // Ranges that touch are one range: the same leaves could be written in two ways.
        let apart = |one: &LeafRange, next: &LeafRange| one.to.get() + 1 < next.from.get();
        match claims.iter().zip(claims.iter().skip(1)).find(|(one, next)| !apart(one, next)) {
            Some((_, next)) => field(
                "claims",
                format!("the range from {} does not lie after and apart from the one before", next.from),
            ),
            None => check_reason(&self.reason),
        }
    }
}
