//! How signatures are checked: a trait, so that a node can bring a faster implementation, and the default in pure Rust.

use p256::ecdsa::signature::Verifier;

use crate::statement::key::{PublicKey, Signature, SignatureError};

/// Checks ES256 signatures (RFC 7518 §3.4).
///
/// Every implementation MUST give the answer that [`P256`] gives, for every key, message and signature. It MUST accept
/// both halves of the range of s. It MAY keep state to be faster, such as tables of keys.
pub trait SignatureVerifier: Send + Sync {
    /// Checks a signature over `message`.
    ///
    /// # Errors
    ///
    /// `DoesNotHold` if r or s is out of range, or the signature is not one by `key` over `message`.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError>;
}

/// The default verifier: the crate `p256`, which is pure Rust and runs wherever this crate does.
#[derive(Debug, Clone, Copy, Default)]
pub struct P256;

impl SignatureVerifier for P256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let signature = p256::ecdsa::Signature::from_slice(signature.as_bytes());
        let signature = signature.map_err(|_| SignatureError::DoesNotHold)?;
        key.parsed().verify(message, &signature).map_err(|_| SignatureError::DoesNotHold)
    }
}
