//! One entry of a subject's list: which leaf, who signed it, and what it says to have done.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::consortium::ParticipantId;
use crate::hash::Hash;
use crate::index::Acts;
use crate::merkle::{LeafIndex, leaf_hash};
use crate::text::serde_as_text;

/// A leaf in the list of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListEntry {
    pub leaf: LeafIndex,
    pub signer: SignerTag,
    pub acts: Acts,
}

/// Who signed a statement, in the 17 bytes of a list entry. In JSON it is the UUID of a participant, or the base64url of
/// the 16 bytes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignerTag {
    /// A participant's UUID. First, since a tag's order is that of its bytes.
    Participant([u8; 16]),
    /// The first 16 bytes of a member's `kid`. No two members that ever were share them.
    Member([u8; 16]),
}

/// Text that names no signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} names no signer; it is a participant's UUID, or 16 bytes of a member's kid in base64url")]
pub struct SignerTagError {
    found: String,
}

impl ListEntry {
    /// Length in bytes, as it is hashed.
    pub const LEN: usize = 26;

    /// The bytes that are hashed: leaf index as u64, big-endian; signer; acts.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (leaf, rest) = bytes.split_at_mut(8);
        leaf.copy_from_slice(&self.leaf.get().to_be_bytes());
        let (signer, acts) = rest.split_at_mut(SignerTag::LEN);
        signer.copy_from_slice(&self.signer.to_bytes());
        acts.copy_from_slice(&[self.acts.byte()]);
        bytes
    }

    /// The entry's hash in the tree over its list.
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }
}

impl SignerTag {
    /// Length in bytes, as it is hashed.
    pub const LEN: usize = 17;

    pub fn of_participant(id: &ParticipantId) -> Self {
        Self::Participant(id.to_bytes())
    }

    pub fn of_member(kid: &Hash) -> Self {
        let [tag @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *kid.as_bytes();
        Self::Member(tag)
    }

    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let (kind, tag) = match self {
            Self::Participant(tag) => (0, tag),
            Self::Member(tag) => (1, tag),
        };
        let mut bytes = [kind; Self::LEN];
        bytes[1..].copy_from_slice(tag);
        bytes
    }

    /// The participant, if one signed.
    pub fn participant(&self) -> Option<ParticipantId> {
        match self {
            Self::Participant(uuid) => Some(ParticipantId::from_bytes(*uuid)),
            Self::Member(_) => None,
        }
    }
}

impl fmt::Display for SignerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Participant(uuid) => ParticipantId::from_bytes(*uuid).fmt(f),
            Self::Member(tag) => f.write_str(&URL_SAFE_NO_PAD.encode(tag)),
        }
    }
}

impl FromStr for SignerTag {
    type Err = SignerTagError;

    fn from_str(text: &str) -> Result<Self, SignerTagError> {
        if let Ok(participant) = text.parse::<ParticipantId>() {
            return Ok(Self::of_participant(&participant));
        }
        let tag = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        tag.map(Self::Member).ok_or_else(|| SignerTagError { found: text.chars().take(80).collect() })
    }
}

serde_as_text!(SignerTag);

/// The signers that the lists beside it name by their numbers from 0: ascending, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignerList(Vec<SignerTag>);

impl SignerList {
    pub fn of(signers: impl IntoIterator<Item = SignerTag>) -> Self {
        let mut signers: Vec<SignerTag> = signers.into_iter().collect();
        signers.sort_unstable();
        signers.dedup();
        Self(signers)
    }

    pub fn get(&self, number: u32) -> Option<SignerTag> {
        self.0.get(usize::try_from(number).ok()?).copied()
    }

    /// The number of a signer, if it is here.
    pub fn number(&self, signer: &SignerTag) -> Option<u32> {
        u32::try_from(self.0.binary_search(signer).ok()?).ok()
    }

    pub fn as_slice(&self) -> &[SignerTag] {
        &self.0
    }

    /// The first signer that does not stand after the one before it. What was read from JSON may have one.
    pub fn out_of_order(&self) -> Option<SignerTag> {
        self.0.windows(2).find_map(|pair| match pair {
            [one, next] if one >= next => Some(*next),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTICIPANT: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";

    #[test]
    fn an_entry_is_26_bytes() {
        let participant: ParticipantId = PARTICIPANT.parse().unwrap();
        let signer = SignerTag::of_participant(&participant);
        let entry = ListEntry { leaf: LeafIndex::new(0x0102).unwrap(), signer, acts: Acts::from_byte(0x41) };
        let expected = [&[0, 0, 0, 0, 0, 0, 1, 2][..], &[0], &participant.to_bytes(), &[0x41]].concat();
        assert_eq!(entry.to_bytes(), *expected);
        let kid = Hash::of(b"a key");
        let by_member = ListEntry { signer: SignerTag::of_member(&kid), acts: Acts::NONE, ..entry };
        let expected = [&[0, 0, 0, 0, 0, 0, 1, 2][..], &[1], &kid.as_bytes()[..16], &[0]].concat();
        assert_eq!(by_member.to_bytes(), *expected);
        assert_eq!(by_member.hash(), Hash::of(&[&[0][..], &expected].concat()));
    }

    #[test]
    fn a_signer_round_trips_as_text() {
        let kid = Hash::of(b"a key");
        for (text, bytes) in [(PARTICIPANT.to_owned(), 36), (SignerTag::of_member(&kid).to_string(), 22)] {
            let tag: SignerTag = text.parse().unwrap();
            assert_eq!((tag.to_string(), text.len()), (text.clone(), bytes));
            assert_eq!(serde_json::from_str::<SignerTag>(&format!("\"{text}\"")).unwrap(), tag);
        }
        for wrong in ["", "x", &PARTICIPANT.to_uppercase(), &kid.to_string(), &format!("{}B", "A".repeat(21))] {
            let fault = wrong.parse::<SignerTag>().unwrap_err().to_string();
            assert!(fault.contains("names no signer"), "{fault}");
        }
    }

    #[test]
    fn signers_ascend_by_their_bytes() {
        let member = SignerTag::of_member(&Hash::from_bytes([0; 32]));
        let participant = SignerTag::of_participant(&PARTICIPANT.parse().unwrap());
        let list = SignerList::of([member, participant, member]);
        assert_eq!(list.as_slice(), [participant, member]);
        assert!(participant.to_bytes() < member.to_bytes());
        assert_eq!((list.number(&member), list.get(0), list.get(2)), (Some(1), Some(participant), None));
        assert_eq!(list.out_of_order(), None);
        assert_eq!(SignerList(vec![member, participant]).out_of_order(), Some(participant));
        assert_eq!(SignerList(vec![member, member]).out_of_order(), Some(member));
    }
}
