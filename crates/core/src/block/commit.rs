//! The certificate of commit: the members' signatures over a checkpoint.

#[cfg(any(test, feature = "signing"))]
use p256::ecdsa::SigningKey;
use serde::{Deserialize, Serialize};

use crate::block::{Checkpoint, Height, Origin};
use crate::hash::Hash;
use crate::statement::Signature;

/// The signatures that members gave in one round for the block of one height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    pub height: Height,
    /// 0 with one member; further rounds are for when members did not agree at once.
    pub round: u32,
    pub signatures: Vec<CommitSignature>,
}

/// One member's signature over the commit bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitSignature {
    /// `ES256`; kept so that another algorithm can come without another format.
    pub alg: String,
    /// Thumbprint of the member's key.
    pub kid: Hash,
    pub signature: Signature,
}

/// The only algorithm of commit signatures.
pub const ES256: &str = "ES256";

const DOMAIN: &[u8] = b"sealane/commit/v1\0";

/// The bytes that a member signs as its final vote, and as nothing else: 94 bytes.
///
/// "sealane/commit/v1" 0x00 ‖ SHA-256(origin) ‖ height u64be ‖ round u32be ‖ SHA-256(checkpoint text).
pub fn commit_bytes(origin: &Origin, height: Height, round: u32, checkpoint: &Checkpoint) -> Vec<u8> {
    commit_bytes_of_hash(origin, height, round, &checkpoint.hash())
}

/// The same bytes, from SHA-256 of the checkpoint's text.
pub fn commit_bytes_of_hash(origin: &Origin, height: Height, round: u32, checkpoint: &Hash) -> Vec<u8> {
    let mut bytes = DOMAIN.to_vec();
    bytes.extend_from_slice(origin.hash().as_bytes());
    bytes.extend_from_slice(&height.get().to_be_bytes());
    bytes.extend_from_slice(&round.to_be_bytes());
    bytes.extend_from_slice(checkpoint.as_bytes());
    bytes
}

impl CommitSignature {
    /// Wraps an ES256 signature made elsewhere.
    pub fn es256(kid: Hash, signature: Signature) -> Self {
        Self { alg: ES256.to_owned(), kid, signature }
    }

    /// Signs the commit bytes; deterministic (RFC 6979).
    #[cfg(any(test, feature = "signing"))]
    pub fn sign(key: &SigningKey, height: Height, round: u32, checkpoint: &Checkpoint) -> Self {
        let bytes = commit_bytes(&checkpoint.origin, height, round, checkpoint);
        Self::es256(crate::statement::PublicKey::from(key.verifying_key()).thumbprint(), Signature::sign(key, &bytes))
    }
}
