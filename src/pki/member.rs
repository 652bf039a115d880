//! The member's keys in use: they sign blocks, decisions and notes.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use zeroize::Zeroizing;

use crate::pki::{NotePrivateKey, PrivateKey};
use crate::ports::MemberSigner;
use sealane_core::block::NotePublicKey;
use sealane_core::statement::{PublicKey, Signature};

/// The key's file inside a member's data directory.
pub const MEMBER_KEY_FILE: &str = "member-key.pem";

/// The member's private keys.
pub struct MemberKey {
    key: PrivateKey,
    /// The same key for aws-lc-rs, which signs several times as fast and wipes its memory too.
    quick: EcdsaKeyPair,
    randomness: SystemRandom,
    note_key: NotePrivateKey,
    /// Its public half.
    note_public: NotePublicKey,
}

impl MemberKey {
    /// Joins the two keys.
    ///
    /// # Errors
    ///
    /// The signing library does not take the member's key.
    pub fn new(key: PrivateKey, note_key: NotePrivateKey) -> Result<Self, KeyRejected> {
        let quick = quick(&key)?;
        let note_public = note_key.public();
        Ok(Self { key, quick, randomness: SystemRandom::new(), note_key, note_public })
    }

    /// The member's private key, for the certificate of its node.
    pub(super) const fn private_key(&self) -> &PrivateKey {
        &self.key
    }
}

fn quick(key: &PrivateKey) -> Result<EcdsaKeyPair, KeyRejected> {
    let secret = Zeroizing::new(key.signing_key().to_bytes());
    EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &secret, key.public().sec1())
}

impl MemberSigner for MemberKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        let quick = self.quick.sign(&self.randomness, bytes).ok();
        let quick = quick.and_then(|signature| Signature::from_slice(signature.as_ref()));
        quick.unwrap_or_else(|| Signature::sign(self.key.signing_key(), bytes))
    }

    fn note_key(&self) -> &NotePublicKey {
        &self.note_public
    }

    fn sign_note(&self, text: &[u8]) -> [u8; 64] {
        self.note_key.sign(text)
    }
}

#[cfg(test)]
mod tests {
    use sealane_core::statement::{P256, SignatureVerifier};

    use super::*;

    #[test]
    fn it_signs_with_the_key_that_it_shows() {
        let key = MemberKey::new(PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap()).unwrap();
        for message in [b"".as_slice(), b"a block"] {
            assert_eq!(P256.verify(key.public_key(), message, &key.sign(message)), Ok(()));
            assert_eq!(key.note_key().verify(message, &key.sign_note(message)), Ok(()));
        }
    }
}
