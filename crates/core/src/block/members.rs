//! The members in force: who may sign a block, and how many of them make it final.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::NotePublicKey;
use crate::hash::Hash;
use crate::index::SignerTag;
use crate::limits::{MEMBERS_MAX, ORGANIZATION_CHARS_MAX};
use crate::statement::PublicKey;

/// A member: a name, the key that signs blocks and statements, and the key that signs notes. Its id is the thumbprint of
/// the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    kid: Hash,
    name: String,
    key: PublicKey,
    note_key: NotePublicKey,
}

/// The members in force at one height: at least one, ordered by the bytes of `kid`, no key twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSet(Vec<Member>);

/// What makes no set of members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberSetError {
    #[error("a consortium has 1 to {MEMBERS_MAX} members; this has {found}")]
    Count { found: usize },
    #[error("two members have the key {kid}")]
    Duplicate { kid: Hash },
    #[error("the members {kid} and {other} have the first 16 bytes in common, by which the index names them")]
    Alike { kid: Hash, other: Hash },
    #[error("two members have the noteKey {note_key}")]
    DuplicateNoteKey { note_key: NotePublicKey },
    #[error("members are ordered by the bytes of kid; {kid} stands too late")]
    Order { kid: Hash },
    #[error("a member's name has 1 to {ORGANIZATION_CHARS_MAX} characters, none of them a control character")]
    Name,
    #[error("kid {kid} is not that of the member's key, {expected}")]
    Kid { kid: Hash, expected: Hash },
}

/// The number of signatures that make a block final: more than two thirds of `members`.
pub const fn quorum(members: usize) -> usize {
    2 * members / 3 + 1
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemberJson {
    kid: Hash,
    name: String,
    jwk: PublicKey,
    note_key: NotePublicKey,
}

impl Member {
    pub fn new(name: impl Into<String>, key: PublicKey, note_key: NotePublicKey) -> Result<Self, MemberSetError> {
        let name = name.into();
        if !(1..=ORGANIZATION_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(MemberSetError::Name);
        }
        Ok(Self { kid: key.thumbprint(), name, key, note_key })
    }

    /// Thumbprint of the member's key: what its signatures name it by.
    pub const fn kid(&self) -> Hash {
        self.kid
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    pub const fn note_key(&self) -> &NotePublicKey {
        &self.note_key
    }

    /// The member's one JSON form, as it stands in the JSON of a set: `kid`, `name`, `jwk`, `noteKey`, no white space.
    pub fn to_json(&self) -> Vec<u8> {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_vec(&self.json()).unwrap_or_default()
    }

    fn json(&self) -> MemberJson {
        MemberJson { kid: self.kid, name: self.name.clone(), jwk: self.key.clone(), note_key: self.note_key.clone() }
    }
}

impl MemberSet {
    /// Takes members in any order.
    pub fn new(mut members: Vec<Member>) -> Result<Self, MemberSetError> {
        members.sort_by_key(Member::kid);
        Self::ordered(members)
    }

    fn ordered(members: Vec<Member>) -> Result<Self, MemberSetError> {
        if !(1..=MEMBERS_MAX).contains(&members.len()) {
            return Err(MemberSetError::Count { found: members.len() });
        }
        for (one, next) in members.iter().zip(members.iter().skip(1)) {
            match one.kid.cmp(&next.kid) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(MemberSetError::Duplicate { kid: next.kid }),
                std::cmp::Ordering::Greater => return Err(MemberSetError::Order { kid: next.kid }),
            }
        }
        if let Some((kid, other)) = alike(members.iter().map(Member::kid)) {
            return Err(MemberSetError::Alike { kid, other });
        }
        let mut note_keys: Vec<&NotePublicKey> = members.iter().map(Member::note_key).collect();
        note_keys.sort_unstable_by_key(|key| key.as_bytes());
        if let Some(pair) = note_keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(MemberSetError::DuplicateNoteKey { note_key: pair[0].clone() });
        }
        Ok(Self(members))
    }

    pub fn get(&self, kid: &Hash) -> Option<&Member> {
        self.0.binary_search_by_key(kid, Member::kid).ok().and_then(|at| self.0.get(at))
    }

    /// The members, ordered by `kid`.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.0.iter()
    }

    /// The number of their signatures that make a block final.
    pub fn quorum(&self) -> usize {
        quorum(self.0.len())
    }

    /// The set's one JSON form: an array in the order of `kid`, each member with `kid`, `name`, `jwk`, `noteKey`, no white
    /// space.
    pub fn to_json(&self) -> Vec<u8> {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// SHA-256 of the JSON form, as seals hold it.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.to_json())
    }
}

/// Finds two keys that the index could not tell apart: one whose beginning another has too. A list entry names a member by
/// it for good, so a member that is admitted is held against all that ever were.
pub fn alike(kids: impl IntoIterator<Item = Hash>) -> Option<(Hash, Hash)> {
    let mut seen: HashMap<SignerTag, Hash> = HashMap::new();
    kids.into_iter().find_map(|kid| {
        let before = seen.insert(SignerTag::of_member(&kid), kid)?;
        Some((before, kid))
    })
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let MemberJson { kid, name, jwk, note_key } = MemberJson::deserialize(deserializer)?;
        let read = Self::new(name, jwk, note_key).and_then(|member| match member.kid == kid {
            true => Ok(member),
            false => Err(MemberSetError::Kid { kid, expected: member.kid }),
        });
        read.map_err(serde::de::Error::custom)
    }
}

impl Serialize for MemberSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for MemberSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::ordered(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;
    use crate::block::NoteSigningKey;

    fn note_key(byte: u8) -> NotePublicKey {
        NoteSigningKey::from_seed(&[byte; 32]).public()
    }

    fn member(byte: u8) -> Member {
        let key = PublicKey::from(SigningKey::from_slice(&[byte; 32]).unwrap().verifying_key());
        Member::new(format!("Member {byte}"), key, note_key(byte)).unwrap()
    }

    #[test]
    fn more_than_two_thirds_make_a_quorum() {
        let quorums: Vec<usize> = (1..=10).map(quorum).collect();
        assert_eq!(quorums, [1, 2, 3, 3, 4, 5, 5, 6, 7, 7]);
        for members in 1..=MEMBERS_MAX {
            assert!(3 * quorum(members) > 2 * members && 3 * (quorum(members) - 1) <= 2 * members);
        }
    }

    #[test]
    fn the_order_they_are_given_in_does_not_matter() {
        let set = MemberSet::new(vec![member(1), member(2), member(3)]).unwrap();
        let turned = MemberSet::new(vec![member(3), member(2), member(1)]).unwrap();
        assert_eq!(set.hash(), turned.hash());
        assert_eq!(set.get(&member(2).kid()), Some(&member(2)));
        assert_eq!(set.get(&Hash::of(b"nobody")), None);
        assert_eq!(set.members().len(), 3);
        assert_eq!(set.quorum(), 3);
    }

    #[test]
    fn json_has_one_form_and_is_checked() {
        let set = MemberSet::new(vec![member(1), member(2)]).unwrap();
        let json = String::from_utf8(set.to_json()).unwrap();
        assert_eq!(serde_json::from_str::<MemberSet>(&json).unwrap(), set);
        assert!(json.starts_with(r#"[{"kid":""#), "{json}");
        let (first, second) = json[1..json.len() - 1].split_at(json.len() / 2 - 1);
        assert!(serde_json::from_str::<MemberSet>(&format!("[{},{first}]", &second[1..])).is_err());
        assert!(serde_json::from_str::<MemberSet>(&format!("[{first},{first}]")).is_err());
        assert!(serde_json::from_str::<MemberSet>(&json.replace("Member 1", "")).is_err());
        assert!(serde_json::from_str::<MemberSet>("[]").is_err());
        let other = Hash::of(b"nobody").to_string();
        let fault = serde_json::from_str::<MemberSet>(&json.replace(&member(1).kid().to_string(), &other));
        assert!(fault.unwrap_err().to_string().contains("is not that of the member's key"));
    }

    #[test]
    fn keys_that_begin_alike_are_found() {
        let kid = |first: u8, last: u8| {
            let mut bytes = [7; 32];
            (bytes[15], bytes[16]) = (first, last);
            Hash::from_bytes(bytes)
        };
        assert_eq!(alike([kid(1, 1), kid(2, 1), kid(3, 1)]), None);
        assert_eq!(alike([kid(1, 1), kid(2, 1), kid(1, 2)]), Some((kid(1, 1), kid(1, 2))));
    }

    #[test]
    fn what_makes_no_set_is_refused() {
        assert_eq!(MemberSet::new(vec![]), Err(MemberSetError::Count { found: 0 }));
        let twice = MemberSet::new(vec![member(1), member(1)]);
        assert_eq!(twice, Err(MemberSetError::Duplicate { kid: member(1).kid() }));
        let one_note_key = Member { note_key: note_key(1), ..member(2) };
        let fault = MemberSet::new(vec![member(1), one_note_key]);
        assert_eq!(fault, Err(MemberSetError::DuplicateNoteKey { note_key: note_key(1) }));
        for name in ["", "a\nb", &"x".repeat(ORGANIZATION_CHARS_MAX + 1)] {
            assert_eq!(Member::new(name, member(1).key, note_key(1)), Err(MemberSetError::Name));
        }
    }
}
