//! The Ed25519 key by which a member signs notes, and nothing else.
//!
//! Standard tools read notes under this key (C2SP signed-note, type 0x01). Blocks and statements are signed under the
//! member's P-256 key.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::text::serde_as_text;

/// An Ed25519 public key (RFC 8032): a point of the curve that is not of small order. Kept as its bytes, a sixth of the
/// point, since few notes are verified under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotePublicKey([u8; 32]);

/// What is no Ed25519 public key, or no signature by one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotePublicKeyError {
    #[error(
        "a noteKey is an Ed25519 public key, 32 bytes in base64url, 43 characters without padding; this is {found:?}"
    )]
    Text { found: String },
    #[error("the 32 bytes of the Ed25519 key are no point of the curve, or one of small order")]
    Point,
    #[error("an Ed25519 signature has 64 bytes; this has {found}")]
    Length { found: usize },
    #[error("the Ed25519 signature does not hold for this key and text")]
    Mismatch,
}

impl NotePublicKey {
    /// Length of the key in bytes.
    pub const LEN: usize = 32;

    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, NotePublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| NotePublicKeyError::Point)?;
        // A point has one spelling, and under a key of small order one signature holds for many texts.
        if key.is_weak() || key.to_edwards().compress().as_bytes() != bytes {
            return Err(NotePublicKeyError::Point);
        }
        Ok(Self(*bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Checks a signature over a text (RFC 8032 §5.1.7), of which there is one spelling.
    pub fn verify(&self, text: &[u8], signature: &[u8]) -> Result<(), NotePublicKeyError> {
        let bytes = signature.try_into().map_err(|_| NotePublicKeyError::Length { found: signature.len() })?;
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| NotePublicKeyError::Point)?;
        key.verify_strict(text, &Signature::from_bytes(bytes)).map_err(|_| NotePublicKeyError::Mismatch)
    }
}

impl fmt::Display for NotePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }
}

impl FromStr for NotePublicKey {
    type Err = NotePublicKeyError;

    fn from_str(text: &str) -> Result<Self, NotePublicKeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; Self::LEN]>::try_from(bytes).ok());
        let fault = || NotePublicKeyError::Text { found: text.chars().take(80).collect() };
        Self::from_bytes(&bytes.ok_or_else(fault)?)
    }
}

serde_as_text!(NotePublicKey);

/// An Ed25519 private key in memory: for tests and examples. A node's is in a file (`pki`). It wipes itself.
#[cfg(any(test, feature = "signing"))]
pub struct NoteSigningKey(ed25519_dalek::SigningKey);

#[cfg(any(test, feature = "signing"))]
impl NoteSigningKey {
    /// Takes the 32 bytes of a private key (RFC 8032 §5.1.5), which have to be secret and drawn at random.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    pub fn public(&self) -> NotePublicKey {
        NotePublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a note's text; deterministic (RFC 8032 §5.1.6).
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer;
        self.0.sign(text).to_bytes()
    }

    /// The 32 bytes of the private key, to be kept in a file.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_text_of_32_bytes_and_signs_one_text() {
        let secret = NoteSigningKey::from_seed(&[7; 32]);
        let key = secret.public();
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let signature = secret.sign(b"text\n");
        assert_eq!(key.verify(b"text\n", &signature), Ok(()));
        assert_eq!(key.verify(b"text", &signature), Err(NotePublicKeyError::Mismatch));
        assert_eq!(key.verify(b"text\n", &signature[..63]), Err(NotePublicKeyError::Length { found: 63 }));
        let other = NoteSigningKey::from_seed(&[8; 32]).public();
        assert_eq!(other.verify(b"text\n", &signature), Err(NotePublicKeyError::Mismatch));
    }

    #[test]
    fn rfc_8032_signs_as_we_do() {
        // RFC 8032 §7.1, test 2.
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let secret = NoteSigningKey::from_seed(&seed.try_into().unwrap());
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(secret.public().as_bytes()[..], public);
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(secret.sign(&[0x72])[..], signature);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let point = Err(NotePublicKeyError::Point);
        let (mut one, mut unspelt) = ([0; 32], [0xff; 32]);
        one[0] = 1;
        unspelt[0] = 0xee;
        unspelt[31] = 0x7f;
        for bytes in [[0; 32], one, [2; 32], unspelt] {
            assert_eq!(NotePublicKey::from_bytes(&bytes), point, "{bytes:?}");
        }
        for text in ["", "AAAA", &NoteSigningKey::from_seed(&[7; 32]).public().to_string()[1..]] {
            assert!(matches!(text.parse::<NotePublicKey>(), Err(NotePublicKeyError::Text { .. })), "{text}");
        }
    }
}
