//! The participant's keys on disk, as the gateway uses and renews them.
//!
//! The directory is as `register` leaves it: key.pem and certificate.pem. A renewal makes `renewed/1` beside them, then `renewed/2`
//! and so on, each with a key and, once it is issued, its certificate. Nothing is moved or removed: the newest that has a
//! certificate is in use. A crash between two steps leaves a key without a certificate, for which the next start asks again.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sealane_core::consortium::{ParticipantId, renewal_consent};
use sealane_core::hash::Hash;
use sealane_core::statement::{Signature, SubmittedStatement};
use sealane_core::time::Timestamp;

use super::write_whole;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::identity::{CERTIFICATE_FILE, Identity, KEY_FILE, REQUEST_FILE};
use crate::gateway::identity::{Identities, RenewalRequest, StatementSigner};
use crate::pki::{Certificate, CertificateRequest, PrivateKey};

const RENEWED_DIR: &str = "renewed";

/// A participant's directory.
pub struct KeyDirectory {
    dir: PathBuf,
    participant: ParticipantId,
    organization: String,
    current: RwLock<Arc<KeyInUse>>,
}

/// The key that signs now.
struct KeyInUse {
    identity: Identity,
    /// Which renewal it came by; 0 is the key of the registration.
    number: u32,
}

impl StatementSigner for KeyInUse {
    fn sign(&self, payload: &[u8], origin: &str, now: Timestamp) -> Result<SubmittedStatement, String> {
        self.identity.sign(payload, origin, now).map_err(|failure| failure.to_string())
    }

    fn certificate(&self) -> Hash {
        self.identity.certificate().thumbprint()
    }

    fn not_after(&self) -> Timestamp {
        self.identity.certificate().not_after()
    }
}

impl KeyDirectory {
    /// Opens a participant's directory.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let first = Identity::read_dir(dir)?;
        let none = || Failure::wrong_use(format!("the certificate in {} is no participant's", dir.display()));
        let participant = first.certificate().participant_id().ok_or_else(none)?;
        let participant: ParticipantId = participant.parse().map_err(Failure::wrong_use)?;
        let organization = first.certificate().organization().unwrap_or("participant").to_owned();
        let number = newest_with_certificate(dir)?;
        let identity = if number == 0 { first } else { Identity::read_dir(&renewed(dir, number))? };
        let current = RwLock::new(Arc::new(KeyInUse { identity, number }));
        Ok(Self { dir: dir.to_owned(), participant, organization, current })
    }

    fn in_use(&self) -> Arc<KeyInUse> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn make_key(&self, next: &Path) -> Result<(), String> {
        if next.join(REQUEST_FILE).exists() {
            return Ok(());
        }
        // A key without its request was sent to no node.
        match fs::remove_dir_all(next) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => {}
        }
        DirBuilder::new().recursive(true).mode(0o700).create(next).map_err(|error| error.to_string())?;
        let key = PrivateKey::generate().map_err(|error| with_causes(&error))?;
        let request = CertificateRequest::make(&key, &self.organization).map_err(|error| with_causes(&error))?;
        key.write_new(&next.join(KEY_FILE)).map_err(|error| with_causes(&error))?;
        write_whole(&next.join(REQUEST_FILE), &request.to_pem()).map_err(|failure| failure.to_string())
    }
}

fn renewed(dir: &Path, number: u32) -> PathBuf {
    dir.join(RENEWED_DIR).join(number.to_string())
}

fn newest_with_certificate(dir: &Path) -> Result<u32, Failure> {
    let mut number = 0;
    while renewed(dir, number + 1).join(CERTIFICATE_FILE).exists() {
        number += 1;
    }
    Ok(number)
}

impl Identities for KeyDirectory {
    fn participant(&self) -> &ParticipantId {
        &self.participant
    }

    fn current(&self) -> Arc<dyn StatementSigner> {
        self.in_use()
    }

    fn request_renewal(&self, origin: &str) -> Result<RenewalRequest, String> {
        let in_use = self.in_use();
        let next = renewed(&self.dir, in_use.number + 1);
        self.make_key(&next)?;
        let csr_pem = fs::read_to_string(next.join(REQUEST_FILE)).map_err(|error| error.to_string())?;
        let request = CertificateRequest::parse_pem(&csr_pem).map_err(|error| with_causes(&error))?;
        let origin = origin.parse().map_err(|error| format!("{error}"))?;
        let consent = renewal_consent(&origin, &self.participant, request.der());
        let consent = Signature::sign(in_use.identity.key().signing_key(), &consent);
        Ok(RenewalRequest { csr_pem, consent: consent.to_string() })
    }

    fn take_up(&self, chain_pem: &str) -> Result<bool, String> {
        let number = self.in_use().number + 1;
        let next = renewed(&self.dir, number);
        let key = PrivateKey::read(&next.join(KEY_FILE)).map_err(|error| with_causes(&error))?;
        let chain = Certificate::parse_chain_pem(chain_pem).map_err(|error| with_causes(&error))?;
        if chain.first().is_none_or(|first| first.public_key() != key.public()) {
            return Ok(false);
        }
        write_whole(&next.join(CERTIFICATE_FILE), chain_pem).map_err(|failure| failure.to_string())?;
        let identity = Identity::read_dir(&next).map_err(|failure| failure.to_string())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(KeyInUse { identity, number });
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::pki::{CertificateAuthority, ParticipantSubject, Validity};

    const PARTICIPANT: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";

    fn issue(authority: &CertificateAuthority, csr_pem: &str) -> String {
        let request = CertificateRequest::parse_pem(csr_pem).unwrap();
        let subject = ParticipantSubject::new(PARTICIPANT, "Maker").unwrap();
        let validity = Validity::of_days(crate::cli::node::now(), 90).unwrap();
        authority.issue(&request, &subject, validity).unwrap().chain_pem()
    }

    #[test]
    fn a_renewed_key_is_in_use_once_it_has_its_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::create("Member", crate::cli::node::now()).unwrap();
        let own = dir.path().join("own");
        fs::create_dir(&own).unwrap();
        let key = PrivateKey::generate().unwrap();
        key.write_new(&own.join(KEY_FILE)).unwrap();
        let request = CertificateRequest::make(&key, "Maker").unwrap();
        fs::write(own.join(CERTIFICATE_FILE), issue(&authority, &request.to_pem())).unwrap();
        let keys = KeyDirectory::open(&own).unwrap();
        let first = keys.current().certificate();
        let asked = keys.request_renewal("ledger.example/test").unwrap();
        assert_eq!(
            keys.request_renewal("ledger.example/test").unwrap(),
            asked,
            "one key is asked for until it is issued"
        );
        assert!(!keys.take_up(&issue(&authority, &request.to_pem())).unwrap(), "it is for the old key");
        assert_eq!(keys.current().certificate(), first);
        assert!(keys.take_up(&issue(&authority, &asked.csr_pem)).unwrap());
        let second = keys.current().certificate();
        assert_ne!(second, first);
        let mode = fs::metadata(own.join("renewed/1/key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(KeyDirectory::open(&own).unwrap().current().certificate(), second, "the next start goes on by it");
    }
}
