//! What the rules ask of X.509 and PKCS#10. The core reads neither: its host brings a reader.

use crate::consortium::{CertificateRecord, ParticipantId};
use crate::statement::PublicKey;
use crate::time::Timestamp;

/// What a PKCS#10 request asks for.
#[derive(Debug, Clone)]
pub struct RequestedKey {
    pub key: PublicKey,
    pub der: Vec<u8>,
    pub pem: String,
}

/// What a certificate says.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    pub key: PublicKey,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// From the URI `urn:uuid:…` among its subject alternative names.
    pub participant: Option<String>,
}

/// Reads X.509 and PKCS#10, which the core never does.
pub trait CertificateReader: Send + Sync {
    /// Reads one PEM request and checks its own signature. The error says what is wrong and what would be right.
    fn request(&self, pem: &str) -> Result<RequestedKey, String>;

    /// Reads a request in DER, and checks it as `request` does.
    fn request_der(&self, der: &[u8]) -> Result<RequestedKey, String>;

    fn certificate(&self, der: &[u8]) -> Result<CertificateFacts, String>;
}

/// Checks that a record says what its certificate says, for the key that was asked for.
pub fn check_record(
    reader: &dyn CertificateReader,
    id: &ParticipantId,
    asked: &RequestedKey,
    record: &CertificateRecord,
) -> Result<(), String> {
    let facts = reader.certificate(&record.x509)?;
    let differs = |what: &str| Err(format!("the certificate's {what} is not what the statement says"));
    if facts.key != record.jwk {
        return differs("key");
    }
    if asked.key != record.jwk {
        return Err("the certificate is for another key than the request".to_owned());
    }
    if facts.not_before != record.not_before || facts.not_after != record.not_after {
        return differs("validity");
    }
    if facts.participant != Some(id.to_string()) {
        return differs("subject alternative name");
    }
    Ok(())
}
