//! The seal: the last leaf of each block.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::block::Height;
use crate::consortium::{RULES, knows_rules};
use crate::hash::Hash;
use crate::limits::ENACTED_MAX;
use crate::merkle::TreeSize;
use crate::statement::StatementId;
use crate::time::Timestamp;

/// What a block commits to beside its leaves.
///
/// Its JSON has one form: members in the order of these fields after `version`, no white space. Any other bytes are
/// refused, so a seal has one hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The block's number; 0 is genesis.
    pub height: Height,
    /// When the block was closed: the time of acceptance of each statement in it.
    pub time: Timestamp,
    /// The size of the tree before this block: the index of its first leaf.
    pub previous_size: TreeSize,
    /// The root of the tree of `previous_size` leaves; SHA-256 of nothing for genesis.
    pub previous_root: Hash,
    /// The root of the index over all leaves before this one.
    pub index_root: Hash,
    /// The members whose quorum makes this block final.
    pub members_hash: Hash,
    /// The members whose quorum makes the next block final.
    pub next_members_hash: Hash,
    /// The number of the rules by which the block was made.
    pub rules: u32,
    /// The proposals that this block enacts, in their order.
    pub enacted: Vec<StatementId>,
}

/// Bytes that are no seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the seal's JSON does not fit: {detail}")]
    Json { detail: String },
    #[error(
        "the seal has version {found}, and this program reads version {VERSION}; read it with the sealane that wrote it, \
         or begin a new ledger: `sealane init`"
    )]
    Version { found: u64 },
    #[error("a seal enacts up to {ENACTED_MAX} proposals, none twice; this one has {found}")]
    Enacted { found: usize },
    #[error("its block goes by rules {found}, and this program knows {RULES} alone: verify it with a later sealane")]
    UnknownRules { found: u32 },
    #[error("its block enacts a proposal, which a verifier does not follow yet: verify it with a later sealane")]
    Enacts,
    #[error("the seal is not written in its one form: the same values are written {expected}")]
    NotCanonical { expected: String },
    #[error("a seal of height 0 follows the empty tree, and only that one does; this has height {height} after {size}")]
    Genesis { height: u64, size: u64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SealJson {
    version: u64,
    height: Height,
    time: Timestamp,
    previous_size: TreeSize,
    previous_root: Hash,
    index_root: Hash,
    members_hash: Hash,
    next_members_hash: Hash,
    rules: u32,
    enacted: Vec<Hash>,
}

/// The one member that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

const VERSION: u64 = 2;

impl Seal {
    /// Writes the seal's JSON.
    pub fn to_json(&self) -> String {
        let enacted: Vec<String> = self.enacted.iter().map(|id| format!("\"{id}\"")).collect();
        format!(
            concat!(
                r#"{{"version":{},"height":{},"time":"{}","previousSize":{},"previousRoot":"{}","indexRoot":"{}","#,
                r#""membersHash":"{}","nextMembersHash":"{}","rules":{},"enacted":[{}]}}"#
            ),
            VERSION,
            self.height,
            self.time,
            self.previous_size,
            self.previous_root,
            self.index_root,
            self.members_hash,
            self.next_members_hash,
            self.rules,
            enacted.join(",")
        )
    }

    /// Reads a seal's JSON; bytes that [`Self::to_json`] would not write are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        let fault = |error: serde_json::Error| SealError::Json { detail: error.to_string() };
        // First of all: a seal of another version has other members.
        let Versioned { version } = serde_json::from_slice(bytes).map_err(fault)?;
        if version != VERSION {
            return Err(SealError::Version { found: version });
        }
        let json: SealJson = serde_json::from_slice(bytes).map_err(fault)?;
        let seal = Self {
            height: json.height,
            time: json.time,
            previous_size: json.previous_size,
            previous_root: json.previous_root,
            index_root: json.index_root,
            members_hash: json.members_hash,
            next_members_hash: json.next_members_hash,
            rules: json.rules,
            enacted: json.enacted.into_iter().map(StatementId::from_hash).collect(),
        };
        let expected = seal.to_json();
        if expected.as_bytes() != bytes {
            return Err(SealError::NotCanonical { expected });
        }
        seal.check_genesis()?;
        seal.check_enacted()?;
        Ok(seal)
    }

    /// Refuses a block that was made by rules that this program does not know. A proof that stands on its seal may mean
    /// something else by those rules.
    ///
    /// # Errors
    ///
    /// [`SealError::UnknownRules`], or [`SealError::Enacts`] of a block that enacts a proposal: what it changes is seen by who
    /// follows the whole ledger.
    pub fn check_rules(&self) -> Result<(), SealError> {
        if !knows_rules(self.rules) {
            return Err(SealError::UnknownRules { found: self.rules });
        }
        if self.enacted.is_empty() { Ok(()) } else { Err(SealError::Enacts) }
    }

    fn check_enacted(&self) -> Result<(), SealError> {
        let distinct: BTreeSet<&Hash> = self.enacted.iter().map(StatementId::hash).collect();
        let found = self.enacted.len();
        if found > ENACTED_MAX || distinct.len() != found { Err(SealError::Enacted { found }) } else { Ok(()) }
    }

    fn check_genesis(&self) -> Result<(), SealError> {
        let first = self.height == Height::GENESIS;
        let empty = self.previous_size == TreeSize::ZERO;
        let root_of_nothing = self.previous_root == Hash::of(b"");
        if first == empty && first == root_of_nothing {
            return Ok(());
        }
        Err(SealError::Genesis { height: self.height.get(), size: self.previous_size.get() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal {
            height: Height::new(42).unwrap(),
            time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
            previous_size: TreeSize::new(1207).unwrap(),
            previous_root: Hash::of(b"root"),
            index_root: Hash::of(b"index"),
            members_hash: Hash::of(b"members"),
            next_members_hash: Hash::of(b"members"),
            rules: 1,
            enacted: Vec::new(),
        }
    }

    #[test]
    fn has_one_form() {
        let json = seal().to_json();
        let begin =
            r#"{"version":2,"height":42,"time":"2026-11-21T09:30:00.000Z","previousSize":1207,"previousRoot":""#;
        assert!(json.starts_with(begin), "{json}");
        assert_eq!(Seal::parse(json.as_bytes()), Ok(seal()));
    }

    #[test]
    fn any_other_form_is_refused() {
        let json = seal().to_json();
        let changed = [
            json.replace(":42", ": 42"),
            format!("{json}\n"),
            json.replace("09:30:00.000Z", "09:30:00Z"),
            json.replace("09:30:00.000Z", "09:30:00.0001Z"),
            json.replace("09:30:00.000Z", "10:30:00.000+01:00"),
            json.replace(r#""height":42,"#, "").replace(r#""version":2,"#, r#""version":2,"height":42,"#),
            json.replace("height", "\\u0068eight"),
            json.replace(r#""version":2,"height":42"#, r#""height":42,"version":2"#),
        ];
        for text in changed.iter().filter(|text| **text != json) {
            assert!(matches!(Seal::parse(text.as_bytes()), Err(SealError::NotCanonical { .. })), "{text}");
        }
    }

    #[test]
    fn other_members_versions_and_numbers_are_refused() {
        let json = seal().to_json();
        for text in [
            json.replace(r#""height":42,"#, ""),
            json.replace('{', r#"{"more":1,"#),
            json.replace(r#""height":42,"#, r#""height":42,"height":42,"#),
            json.replace(":42", ":-1"),
            json.replace(":42", ":42.0"),
            json.replace(":42", ":9007199254740993"),
            json.replace(":1207", ":18446744073709551616"),
            String::new(),
        ] {
            assert!(matches!(Seal::parse(text.as_bytes()), Err(SealError::Json { .. })), "{text}");
        }
        for found in [1, 3] {
            let other = json.replace(r#""version":2"#, &format!("\"version\":{found}"));
            let fault = Seal::parse(other.as_bytes()).unwrap_err();
            assert_eq!(fault, SealError::Version { found });
            assert!(fault.to_string().contains("this program reads version 2; read it with the sealane"), "{fault}");
        }
        let first = br#"{"version":1,"height":42,"members":[]}"#;
        assert_eq!(Seal::parse(first), Err(SealError::Version { found: 1 }), "whatever else it has");
    }

    #[test]
    fn enacted_proposals_stand_in_their_order_and_once() {
        let ids: Vec<StatementId> =
            (0..=ENACTED_MAX).map(|n| StatementId::from_hash(Hash::of(&n.to_be_bytes()))).collect();
        let with = |enacted: &[StatementId]| Seal { enacted: enacted.to_vec(), ..seal() };
        for enacted in [&ids[..1], &ids[3..5], &ids[..ENACTED_MAX]] {
            assert_eq!(Seal::parse(with(enacted).to_json().as_bytes()), Ok(with(enacted)));
        }
        let two = with(&ids[..2]).to_json();
        assert!(two.ends_with(&format!(r#","rules":1,"enacted":["{}","{}"]}}"#, ids[0], ids[1])), "{two}");
        for (wrong, found) in [(ids.as_slice(), ENACTED_MAX + 1), (&[ids[0], ids[0]], 2)] {
            assert_eq!(Seal::parse(with(wrong).to_json().as_bytes()), Err(SealError::Enacted { found }));
        }
    }

    #[test]
    fn genesis_follows_the_empty_tree() {
        let nothing = Hash::of(b"");
        let genesis = Seal { height: Height::GENESIS, previous_size: TreeSize::ZERO, previous_root: nothing, ..seal() };
        assert_eq!(Seal::parse(genesis.to_json().as_bytes()), Ok(genesis.clone()));
        for wrong in [
            Seal { previous_root: Hash::of(b"root"), ..genesis.clone() },
            Seal { height: Height::new(1).unwrap(), ..genesis.clone() },
            Seal { previous_size: TreeSize::new(1).unwrap(), ..genesis },
            Seal { previous_size: TreeSize::ZERO, ..seal() },
        ] {
            assert!(matches!(Seal::parse(wrong.to_json().as_bytes()), Err(SealError::Genesis { .. })), "{wrong:?}");
        }
    }
}
