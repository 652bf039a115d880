//! X.509 and PKCS#10 for the use cases, which know neither.

use std::error::Error;

use crate::pki::{Certificate, CertificateRequest};
use sealane_core::consortium::{CertificateFacts, CertificateReader, RequestedKey};

/// Reads requests and certificates by this module's rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct X509Reader;

impl CertificateReader for X509Reader {
    fn request(&self, pem: &str) -> Result<RequestedKey, String> {
        CertificateRequest::parse_pem(pem).map(requested).map_err(|error| with_causes(&error))
    }

    fn request_der(&self, der: &[u8]) -> Result<RequestedKey, String> {
        CertificateRequest::parse_der(der).map(requested).map_err(|error| with_causes(&error))
    }

    fn certificate(&self, der: &[u8]) -> Result<CertificateFacts, String> {
        let certificate = Certificate::parse_der(der).map_err(|error| with_causes(&error))?;
        Ok(CertificateFacts {
            key: certificate.public_key().clone(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            participant: certificate.participant_id().map(str::to_owned),
        })
    }
}

fn requested(request: CertificateRequest) -> RequestedKey {
    RequestedKey { key: request.public_key().clone(), der: request.der().to_vec(), pem: request.to_pem() }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
