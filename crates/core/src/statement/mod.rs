//! Statements: compact JWS (RFC 7515, ES256), the exact bytes that were signed.
//!
//! A statement goes one way through this module: bytes, then [`SubmittedStatement`] (well formed, nothing proven), then
//! [`VerifiedStatement`] (its signature holds under a key that the caller chose). The payload is opaque here: what it
//! says, and whether its signer may say it, is decided by others. Nothing is written again before it is hashed.
//!
//! `docs/FORMATS.md`, "Statement", has every byte.

mod compact;
mod draft;
mod error;
mod header;
mod key;
mod types;
mod verifier;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::limits::STATEMENT_BYTES_MAX;

pub use compact::CompactParts;
pub use draft::Draft;
#[cfg(any(test, feature = "signing"))]
pub use draft::sign;
pub use error::{ForbiddenMember, HeaderMember, StatementError};
pub use header::{Header, SignerRef};
pub use key::{PublicKey, PublicKeyError, Signature, SignatureError};
pub use types::{SignedBy, StatementType, TYPES, TypeRow};
pub use verifier::{P256, SignatureVerifier};

/// A statement's identity: SHA-256 of its JWS signing input.
///
/// The holder of a valid ECDSA signature can make a second one over the same bytes, so a hash that covers the
/// signature would name one statement twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatementId(Hash);

impl StatementId {
    /// Takes a hash that was stored as a statement's identity.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    pub const fn hash(&self) -> &Hash {
        &self.0
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementId({})", self.0)
    }
}

/// A well-formed statement whose signature is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedStatement {
    compact: String,
    header: Header,
    payload: Vec<u8>,
    signature: Signature,
    id: StatementId,
}

/// A statement whose signature holds. Only [`SubmittedStatement::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedStatement {
    statement: SubmittedStatement,
    key: Hash,
}

impl SubmittedStatement {
    /// Reads a compact JWS that fills `compact` (RFC 7515 §7.1), under the strict profile of [`Header`].
    ///
    /// At most [`STATEMENT_BYTES_MAX`] bytes. The algorithm is looked at before everything else in the header, and the
    /// header before payload and signature.
    pub fn parse(compact: &[u8]) -> Result<Self, StatementError> {
        if compact.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { found: compact.len() });
        }
        let parts = CompactParts::split(compact)?;
        let header = Header::parse(&parts.header()?)?;
        let payload = parts.payload()?;
        let signature = parts.signature()?;
        if payload.is_empty() {
            return Err(StatementError::MissingPayload);
        }
        let id = StatementId(Hash::of(parts.signing_input().as_bytes()));
        Ok(Self { compact: parts.as_str().to_owned(), header, payload, signature, id })
    }

    /// Joins a detached JWS (`header..signature`, RFC 7515 appendix F) with the payload that it signs.
    pub fn from_detached(detached: &str, payload: &[u8]) -> Result<Self, StatementError> {
        let parts = CompactParts::split(detached.as_bytes())?;
        Self::parse(parts.attach(payload)?.as_bytes())
    }

    /// Checks the signature over the bytes as received (RFC 7515 §5.2).
    pub fn verify(
        self,
        key: &PublicKey,
        verifier: &dyn SignatureVerifier,
    ) -> Result<VerifiedStatement, StatementError> {
        match verifier.verify(key, self.signing_input().as_bytes(), &self.signature) {
            Ok(()) => Ok(VerifiedStatement { statement: self, key: key.thumbprint() }),
            Err(_) => Err(StatementError::BadSignature),
        }
    }

    /// Refuses a statement that was made for another ledger than the one with this origin.
    pub fn check_audience(&self, origin: &str) -> Result<(), StatementError> {
        if self.header.aud() == origin {
            return Ok(());
        }
        Err(StatementError::WrongAudience { expected: origin.to_owned(), found: self.header.aud().to_owned() })
    }

    pub const fn id(&self) -> StatementId {
        self.id
    }

    /// The statement as it was received.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, byte for byte as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The ASCII text that is signed: header and payload as they stand in the compact form (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &str {
        self.compact.rsplit_once('.').map_or("", |(input, _)| input)
    }

    /// The statement without its payload: `header..signature`.
    pub fn detached(&self) -> String {
        let mut parts = self.compact.split('.');
        let header = parts.next().unwrap_or_default();
        let signature = parts.next_back().unwrap_or_default();
        format!("{header}..{signature}")
    }
}

impl VerifiedStatement {
    pub const fn id(&self) -> StatementId {
        self.statement.id
    }

    /// The statement as it was received.
    pub fn compact(&self) -> &str {
        &self.statement.compact
    }

    pub const fn header(&self) -> &Header {
        &self.statement.header
    }

    /// The payload, byte for byte as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.statement.payload
    }

    /// Thumbprint of the key under which the signature holds.
    pub const fn verified_with(&self) -> Hash {
        self.key
    }

    pub const fn as_submitted(&self) -> &SubmittedStatement {
        &self.statement
    }
}

#[cfg(test)]
mod tests;
