//! What a node knows of the members as of now: who can be reached, and how far each one is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sealane_core::block::{Height, quorum};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// The members in force, as this node sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Council {
    /// In the order of `kid`.
    pub members: Vec<MemberStanding>,
    /// Proposed blocks that were not valid, by the rule that they broke.
    pub invalid_bodies: BTreeMap<String, u64>,
    /// Why this node signs nothing, if so.
    pub silent: Option<String>,
}

/// A member as another one sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberStanding {
    pub kid: Hash,
    pub name: String,
    /// It is the member that this node is of.
    pub is_self: bool,
    /// Its status was heard a moment ago.
    pub reachable: bool,
    /// When it was heard last; of one that cannot be reached, since when that is.
    pub heard: Option<Timestamp>,
    pub connected_since: Option<Timestamp>,
    /// Where its node is found, by its own words.
    pub url: Option<String>,
    /// Its last final block, by its own words.
    pub tip: Option<Height>,
    /// The root of its tree there.
    pub root: Option<Hash>,
    pub round_trip: Option<Duration>,
    /// How far its clock is ahead of this node's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Why it cannot be reached, as far as this node knows.
    pub trouble: Option<String>,
}

/// Too few members can be reached for a block to become final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoQuorum {
    pub needed: usize,
    pub members: usize,
    pub reachable: usize,
    /// Name, and when it was heard last.
    pub missing: Vec<(String, Option<Timestamp>)>,
}

impl Council {
    /// Who is missing, if too few members can be reached.
    pub fn no_quorum(&self) -> Option<NoQuorum> {
        let (reachable, missing): (Vec<_>, Vec<_>) = self.members.iter().partition(|member| member.reachable);
        let (members, needed) = (self.members.len(), quorum(self.members.len()));
        (reachable.len() < needed).then(|| NoQuorum {
            needed,
            members,
            reachable: reachable.len(),
            missing: missing.into_iter().map(|member| (member.name.clone(), member.heard)).collect(),
        })
    }

    /// How many blocks a member is behind the one that is furthest.
    pub fn lag(&self, member: &MemberStanding) -> Option<u64> {
        let furthest = self.members.iter().filter_map(|one| one.tip).max()?;
        Some(furthest.get().saturating_sub(member.tip?.get()))
    }
}

impl fmt::Display for NoQuorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, members, reachable, missing } = self;
        write!(f, "not taken: {needed} of {members} members must agree and {reachable} can be reached (missing: ")?;
        for (at, (name, heard)) in missing.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            match heard {
                Some(heard) => write!(f, "{comma}{name}, since {heard}")?,
                None => write!(f, "{comma}{name}, not heard since this node started")?,
            }
        }
        f.write_str(")")
    }
}

impl std::error::Error for NoQuorum {}
