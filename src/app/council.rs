//! What a node knows of the members as of now: who can be reached, and how far each one is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::app::orderer::OrderError;
use crate::ports::StoredBlock;
use sealane_core::agreement::SignedAddress;
use sealane_core::block::{Height, quorum};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// The members in force, as this node sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Council {
    /// In the order of `kid`.
    pub members: Vec<MemberStanding>,
    /// Who would come in by open proposals, in the order of `kid`.
    pub candidates: Vec<CandidateStanding>,
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
    pub address: Option<SignedAddress>,
    /// Its last final block, by its own words.
    pub tip: Option<Height>,
    /// The root of its tree there.
    pub root: Option<Hash>,
    pub round_trip: Option<Duration>,
    /// How far its clock is ahead of this node's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Why it cannot be reached, as far as this node knows.
    pub trouble: Option<String>,
    /// Proofs that it has signed two things in one place.
    pub faults: usize,
}

/// Who would come in by an open proposal, as a member's node sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateStanding {
    pub kid: Hash,
    pub name: String,
    /// It is this node's own key.
    pub is_self: bool,
    /// Its status was heard a moment ago.
    pub reachable: bool,
    /// Its last final block, by its own words.
    pub tip: Option<Height>,
    /// Where its node is found, by its own words.
    pub address: Option<SignedAddress>,
    /// Why it is not connected, as far as this node knows.
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

    /// Why nothing is recorded through this node, if so: it signs nothing, or too few members can be reached.
    pub fn obstacle(&self) -> Option<OrderError> {
        let silent = self.silent.clone().map(OrderError::Silent);
        silent.or_else(|| self.no_quorum().map(OrderError::NoQuorum))
    }

    /// Members that can be reached, this node's own among them.
    pub fn reachable(&self) -> usize {
        self.members.iter().filter(|member| member.reachable).count()
    }

    /// The same with the node's own member as of a block: that is known without hearing of it.
    pub fn with_own_tip(&self, tip: &StoredBlock, now: Timestamp) -> Self {
        let mut council = self.clone();
        for own in council.members.iter_mut().filter(|member| member.is_self) {
            own.tip = Some(tip.seal.height);
            own.root = Some(tip.checkpoint.root);
            own.heard = Some(now);
        }
        council
    }

    /// How many blocks a member is behind the one that is furthest.
    pub fn lag(&self, member: &MemberStanding) -> Option<u64> {
        let furthest = self.members.iter().filter_map(|one| one.tip).max()?;
        Some(furthest.get().saturating_sub(member.tip?.get()))
    }
}

impl NoQuorum {
    /// How many must agree, how many can be reached, and who is missing since when.
    pub fn shortage(&self) -> String {
        let Self { needed, members, reachable, missing } = self;
        let absent = missing.iter().map(|(name, heard)| match heard {
            Some(heard) => format!("{name}, since {heard}"),
            None => format!("{name}, not heard since this node started"),
        });
        let absent: Vec<String> = absent.collect();
        format!(
            "{needed} of {members} members must agree and {reachable} can be reached (missing: {})",
            absent.join("; ")
        )
    }
}

impl fmt::Display for NoQuorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not taken: {}", self.shortage())
    }
}

impl std::error::Error for NoQuorum {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A member as another one sees it; the one named A sees itself.
    pub fn member(name: &str, tip: Option<u64>, heard: Option<Timestamp>, reachable: bool) -> MemberStanding {
        MemberStanding {
            kid: Hash::of(name.as_bytes()),
            name: name.to_owned(),
            is_self: name == "A",
            reachable,
            heard,
            connected_since: None,
            address: None,
            tip: tip.map(|tip| Height::new(tip).unwrap()),
            root: None,
            round_trip: None,
            clock_offset_ms: None,
            trouble: None,
            faults: 0,
        }
    }

    #[test]
    fn a_quorum_is_lost_with_one_member_too_many() {
        let at: Timestamp = "2026-11-28T12:03:00.000Z".parse().unwrap();
        let mut council = Council {
            members: vec![
                member("A", Some(9), Some(at), true),
                member("B", Some(7), Some(at), false),
                member("C", None, None, true),
                member("D", Some(9), Some(at), true),
            ],
            ..Council::default()
        };
        assert_eq!((council.reachable(), council.no_quorum()), (3, None));
        assert!(council.obstacle().is_none());
        council.members[2].reachable = false;
        let lost = council.no_quorum().unwrap();
        assert_eq!(
            lost.to_string(),
            "not taken: 3 of 4 members must agree and 2 can be reached (missing: B, since 2026-11-28T12:03:00.000Z; C, not \
             heard since this node started)"
        );
        assert!(lost.to_string().ends_with(&lost.shortage()));
        assert!(matches!(council.obstacle(), Some(OrderError::NoQuorum(found)) if found == lost));
        council.silent = Some("two nodes run".to_owned());
        assert!(matches!(council.obstacle(), Some(OrderError::Silent(reason)) if reason == "two nodes run"));
        let lags: Vec<Option<u64>> = council.members.iter().map(|member| council.lag(member)).collect();
        assert_eq!(lags, [Some(0), Some(2), None, Some(0)]);
    }

    #[test]
    fn one_member_is_a_quorum() {
        let council = Council { members: vec![member("A", Some(3), None, true)], ..Council::default() };
        assert_eq!((council.reachable(), council.no_quorum()), (1, None));
        assert_eq!(council.lag(&council.members[0]), Some(0));
    }
}
