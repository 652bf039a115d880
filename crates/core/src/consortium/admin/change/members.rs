//! Who is a member: `admit`, `remove`, `replace`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::Member;
use crate::consortium::admin::{AdminError, field};
use crate::hash::Hash;
use crate::statement::{PublicKey, Signature};

/// A further member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdmitMember {
    pub name: String,
    pub jwk: PublicKey,
    pub note_key: MemberNoteKey,
    /// ES256 by the new key over "sealane/member/v1" 0x00 ‖ SHA-256(origin) ‖ SHA-256(its member entry).
    pub proof: Signature,
}

/// The end of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    pub kid: Hash,
}

/// A member's new keys. It keeps its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceMember {
    /// The member's key so far.
    pub kid: Hash,
    pub jwk: PublicKey,
    pub note_key: MemberNoteKey,
    /// As for an admission, by the new key.
    pub proof: Signature,
}

/// The 32 bytes of a member's Ed25519 key for notes, base64url. Whether they are a point is asked when it is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberNoteKey([u8; 32]);

impl MemberNoteKey {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AdmitMember {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        match Member::new(self.name.as_str(), self.jwk.clone()) {
            Ok(_) => Ok(()),
            Err(error) => field("name", error.to_string()),
        }
    }
}

impl ReplaceMember {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        if self.jwk.thumbprint() == self.kid {
            return field("jwk", "the new key is the old one; a replacement is for another key");
        }
        Ok(())
    }
}

impl Serialize for MemberNoteKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for MemberNoteKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        bytes.ok_or_else(|| {
            serde::de::Error::custom("a note key is 32 bytes in base64url without padding, 43 characters")
        })
    }
}
