//! The key and certificates that a node serves https with.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::key::{KeyError, read_private};

/// Bytes of a file of certificates: a chain is a handful of 2 KiB each; a bundle of authorities, some hundred.
const CERTIFICATES_BYTES_MAX: u64 = 1024 * 1024;

/// Files that no https can be served with, or no certificate checked by.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{} holds no private key in PEM that TLS can use: {reason}", path.display())]
    NoKey { path: PathBuf, reason: String },
    #[error("cannot read the certificates {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} holds no certificate in PEM, -----BEGIN CERTIFICATE-----", path.display())]
    NoCertificate { path: PathBuf },
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the key {} is not that of the first certificate in {}; give the pair that was issued together", key.display(), certificates.display())]
    Mismatch { key: PathBuf, certificates: PathBuf },
    #[error("no https can be served with {}: {source}", certificates.display())]
    Refused { certificates: PathBuf, source: rustls::Error },
}

/// Reads a certificate chain, the node's own first, and its key, which its owner alone may open.
pub fn server_config(certificates: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let chain = read_certificates(certificates)?;
    let text = read_private(key)?;
    let private = PrivateKeyDer::from_pem_slice(without_marks(text.as_bytes()).as_ref())
        .map_err(|error| TlsError::NoKey { path: key.to_owned(), reason: error.to_string() })?;
    let refused = |source| match source {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { key: key.to_owned(), certificates: certificates.to_owned() }
        }
        source => TlsError::Refused { certificates: certificates.to_owned(), source },
    };
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(refused)
}

/// The same for a server that asks clients for certificates, and takes those that one of `authorities` has issued. A client may
/// show none.
pub fn server_config_for_clients(
    certificates: &Path,
    key: &Path,
    authorities: &Path,
) -> Result<ServerConfig, TlsError> {
    let chain = read_certificates(certificates)?;
    // It says what is wrong with the pair.
    server_config(certificates, key)?;
    let text = read_private(key)?;
    let private = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|error| TlsError::NoKey { path: key.to_owned(), reason: error.to_string() })?;
    let mut roots = RootCertStore::empty();
    let damaged = |reason: String| TlsError::Damaged { path: authorities.to_owned(), reason };
    for authority in read_certificates(authorities)? {
        roots.add(authority).map_err(|error| damaged(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = verifier.allow_unauthenticated().build().map_err(|error| damaged(error.to_string()))?;
    let refused = |source| TlsError::Refused { certificates: certificates.to_owned(), source };
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(refused)
}

/// A PEM file without the byte order marks that editors write before it, and that stay inside where files are joined: the line that
/// begins a block would not be seen behind one. No mark is base64.
fn without_marks(text: &[u8]) -> Cow<'_, [u8]> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if !text.windows(MARK.len()).any(|bytes| bytes == MARK) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_prefix(MARK).unwrap_or(line));
    Cow::Owned(lines.collect::<Vec<_>>().concat())
}

/// Reads every certificate of a PEM file, of which there is at least one.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(CERTIFICATES_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&without_marks(&text)).collect();
    let found = found.map_err(|error| TlsError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::pki::PrivateKey;

    struct Files {
        dir: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for name in ["a", "b"] {
                let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
                fs::write(dir.path().join(format!("{name}.pem")), made.cert.pem()).unwrap();
                let key = dir.path().join(format!("{name}-key.pem"));
                fs::write(&key, made.signing_key.serialize_pem()).unwrap();
                fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
            }
            Self { dir }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn fault(&self, certificate: &str, key: &str) -> String {
            server_config(&self.path(certificate), &self.path(key)).unwrap_err().to_string()
        }
    }

    #[test]
    fn a_pair_is_taken_and_everything_else_named() {
        let files = Files::new();
        assert!(server_config(&files.path("a.pem"), &files.path("a-key.pem")).is_ok());
        for name in ["a.pem", "a-key.pem"] {
            let text = fs::read_to_string(files.path(name)).unwrap();
            fs::write(files.path(name), format!("\u{feff}{text}")).unwrap();
        }
        assert!(server_config(&files.path("a.pem"), &files.path("a-key.pem")).is_ok(), "a byte order mark is no fault");
        assert!(files.fault("a.pem", "b-key.pem").contains("is not that of the first certificate"));
        assert!(files.fault("none.pem", "a-key.pem").starts_with("cannot read the certificates"));
        assert!(files.fault("a.pem", "none.pem").starts_with("cannot read the private key"));
        assert!(files.fault("a-key.pem", "a-key.pem").contains("holds no certificate in PEM"));
        fs::write(files.path("empty.pem"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
        assert!(files.fault("empty.pem", "a-key.pem").contains("is damaged"));
        fs::copy(files.path("a.pem"), files.path("open.pem")).unwrap();
        fs::set_permissions(files.path("open.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(files.fault("a.pem", "open.pem").contains("holds no private key"));
    }

    #[test]
    fn a_key_that_others_can_open_is_refused() {
        let files = Files::new();
        fs::set_permissions(files.path("a-key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(files.fault("a.pem", "a-key.pem").contains("chmod 600"));
    }

    #[test]
    fn a_key_of_this_program_serves_too() {
        let files = Files::new();
        let key = files.path("own-key.pem");
        PrivateKey::generate().unwrap().write_new(&key).unwrap();
        assert!(files.fault("a.pem", "own-key.pem").contains("is not that of"), "it is read as a key");
    }
}
