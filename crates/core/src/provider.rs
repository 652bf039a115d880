//! What the core asks of its host: fast verification of signatures, and a reader of certificates.

use std::fmt;

use crate::consortium::CertificateReader;
use crate::statement::SignatureVerifier;

/// The host's implementations, given to everything that checks statements, as rustls is given its provider.
#[derive(Clone, Copy)]
pub struct Provider<'a> {
    pub signatures: &'a dyn SignatureVerifier,
    pub certificates: &'a dyn CertificateReader,
}

impl fmt::Debug for Provider<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}
