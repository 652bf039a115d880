//! Fast verification of ES256 signatures: aws-lc-rs, and tables for the signers that come again.
//!
//! Both implement the core's [`SignatureVerifier`] and give the answers of its default. Nothing depends on their speed.

mod known_signers;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use sealane_core::statement::{PublicKey, Signature, SignatureError, SignatureVerifier};

pub use known_signers::KnownSigners;

/// Verifies by aws-lc-rs, in about a third of the time of the core's default.
#[derive(Debug, Clone, Copy, Default)]
pub struct AwsLc;

impl SignatureVerifier for AwsLc {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.sec1());
        let parsed = parsed.map_err(|_| SignatureError::DoesNotHold)?;
        parsed.verify_sig(message, signature.as_bytes()).map_err(|_| SignatureError::DoesNotHold)
    }
}
