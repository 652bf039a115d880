//! Who signs on the command line: a private key and the certificate that the ledger knows it by.

use std::path::Path;

use crate::cli::failure::{Failure, with_causes};
use crate::pki::{Certificate, PrivateKey};
use sealane_core::statement::{Draft, Header, SubmittedStatement, sign};
use sealane_core::time::Timestamp;

/// File names as `register` leaves them.
pub const KEY_FILE: &str = "key.pem";
pub const REQUEST_FILE: &str = "request.pem";
pub const CERTIFICATE_FILE: &str = "certificate.pem";

/// A key with its certificate.
pub struct Identity {
    key: PrivateKey,
    certificate: Certificate,
}

impl Identity {
    /// Reads a directory as `register` leaves it.
    pub fn read_dir(dir: &Path) -> Result<Self, Failure> {
        let certificate = dir.join(CERTIFICATE_FILE);
        if !certificate.exists() {
            return Err(Failure::wrong_use(format!(
                "{} has no {CERTIFICATE_FILE}: once the member has approved the request, `sealane certificate ID --out {}`",
                dir.display(),
                certificate.display()
            )));
        }
        Self::read(&dir.join(KEY_FILE), &certificate)
    }

    /// Reads a private key and a certificate chain, whose first certificate must be for that key.
    pub fn read(key: &Path, certificate: &Path) -> Result<Self, Failure> {
        let private = PrivateKey::read(key).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
        let text = std::fs::read_to_string(certificate)
            .map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", certificate.display())))?;
        let chain = Certificate::parse_chain_pem(&text)
            .map_err(|error| Failure::wrong_use(format!("{}: {}", certificate.display(), with_causes(&error))))?;
        let own = chain.first().filter(|first| first.public_key() == private.public()).ok_or_else(|| {
            Failure::wrong_use(format!("{} is not the certificate of {}", certificate.display(), key.display()))
        })?;
        Ok(Self { certificate: own.clone(), key: private })
    }

    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs an EPCIS document for the ledger with this origin.
    pub fn sign(&self, payload: &[u8], origin: &str, now: Timestamp) -> Result<SubmittedStatement, Failure> {
        let header = Header::epcis(self.certificate.thumbprint(), origin, now);
        let draft = Draft::new(header, payload).map_err(Failure::wrong_use)?;
        Ok(sign(draft, self.key.signing_key()))
    }
}
