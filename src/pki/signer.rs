//! Lets rcgen sign with our key, so that the secret exists in one type only, which wipes it.

use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer;
use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};

use super::key::PrivateKey;

/// A borrowed private key in the shape that rcgen asks for.
pub(super) struct CertificateSigner<'a>(pub(super) &'a PrivateKey);

impl PublicKeyData for CertificateSigner<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public().sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for CertificateSigner<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature =
            self.0.signing_key().try_sign(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.as_bytes().to_vec())
    }
}
