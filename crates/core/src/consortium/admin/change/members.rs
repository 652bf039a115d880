//! Who is a member: `admit`, `remove`, `replace`.

use serde::{Deserialize, Serialize};

use crate::block::{Member, NotePublicKey};
use crate::consortium::admin::{AdminError, field};
use crate::hash::Hash;
use crate::statement::{PublicKey, Signature};

/// A further member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdmitMember {
    pub name: String,
    pub jwk: PublicKey,
    pub note_key: NotePublicKey,
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
    pub note_key: NotePublicKey,
    /// As for an admission, by the new key.
    pub proof: Signature,
}

impl AdmitMember {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        match Member::new(self.name.as_str(), self.jwk.clone(), self.note_key.clone()) {
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
