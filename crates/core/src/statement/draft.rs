//! Making a statement: what is to be signed, then the signature put to it.

#[cfg(any(test, feature = "signing"))]
use p256::ecdsa::{SigningKey, signature::Signer};

use crate::hash::Hash;
use crate::limits::STATEMENT_BYTES_MAX;
use crate::statement::compact::encode;
use crate::statement::error::StatementError;
use crate::statement::header::Header;
use crate::statement::key::Signature;
use crate::statement::{StatementId, SubmittedStatement};

/// A statement without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    header: Header,
    payload: Vec<u8>,
    signing_input: String,
}

impl Draft {
    /// Takes the payload as it is; refuses an empty one, and one too long for a statement.
    pub fn new(header: Header, payload: &[u8]) -> Result<Self, StatementError> {
        if payload.is_empty() {
            return Err(StatementError::MissingPayload);
        }
        let encoded_header = encode(&header.to_json());
        // Each three bytes become four characters; two dots and the signature's 86 come on top.
        let length = encoded_header.len() + payload.len().saturating_mul(4).div_ceil(3) + 2 + Signature::BASE64URL_LEN;
        if length > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { found: length });
        }
        let signing_input = format!("{encoded_header}.{}", encode(payload));
        // A header made in code has passed none of the checks that a received one has.
        Header::parse(&header.to_json())?;
        Ok(Self { header, payload: payload.to_vec(), signing_input })
    }

    /// The ASCII text to be signed by ES256 (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &str {
        &self.signing_input
    }

    /// Completes the statement. The signature is taken as it is, not checked.
    pub fn with_signature(self, signature: Signature) -> SubmittedStatement {
        let id = StatementId(Hash::of(self.signing_input.as_bytes()));
        let compact = format!("{}.{signature}", self.signing_input);
        SubmittedStatement { compact, header: self.header, payload: self.payload, signature, id }
    }
}

/// Signs a draft. The nonce is that of RFC 6979, so the same draft and key give the same statement.
#[cfg(any(test, feature = "signing"))]
pub fn sign(draft: Draft, key: &SigningKey) -> SubmittedStatement {
    let signature = Signature::sign(key, draft.signing_input().as_bytes());
    draft.with_signature(signature)
}

#[cfg(any(test, feature = "signing"))]
impl Signature {
    /// Signs `message` with ES256; deterministic (RFC 6979).
    pub fn sign(key: &SigningKey, message: &[u8]) -> Self {
        let signature: p256::ecdsa::Signature = key.sign(message);
        Self::from_bytes(signature.to_bytes().into())
    }
}
