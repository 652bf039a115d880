//! A member's certificate authority.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use rcgen::{Issuer, SubjectPublicKeyInfo};
use rustls_pki_types::CertificateDer;

use super::certificate::{Certificate, CertificateError, VerifyError};
use super::file;
use super::key::{KeyError, PrivateKey};
use super::profile::{Profile, ProfileError};
use super::request::CertificateRequest;
use super::signer::CertificateSigner;
use super::subject::{ParticipantSubject, SubjectError, check_organization};
use super::validity::{Validity, ValidityError};
use sealane_core::hash::Hash;
use sealane_core::limits::CERTIFICATE_BYTES_MAX;
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

/// Names of the two files of an authority, inside its directory.
pub const KEY_FILE: &str = "ca-key.pem";
pub const CERTIFICATE_FILE: &str = "ca.pem";

/// An authority: its key and its self-signed certificate, which belong together.
#[derive(Debug)]
pub struct CertificateAuthority {
    key: PrivateKey,
    certificate: Certificate,
}

/// A participant's certificate, just issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    certificate: Certificate,
    authority: Certificate,
}

/// The authority could not be made, kept or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("cannot name the authority")]
    Name(#[from] SubjectError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(
        "the authority's certificate ends at {not_after}, so nothing can be issued at {not_before}; `sealane ca renew` makes a new \
         one over the same key"
    )]
    Ended { not_before: Timestamp, not_after: Timestamp },
    #[error(
        "the authority's certificate begins at {begins} only, so nothing can be issued that ends at {not_after}: is the clock right?"
    )]
    NotBegun { begins: Timestamp, not_after: Timestamp },
    #[error(transparent)]
    Validity(#[from] ValidityError),
    #[error("the operating system gives no randomness for a serial number")]
    Randomness,
    #[error("the certificate could not be written: {0}")]
    Write(#[from] rcgen::Error),
    #[error("the certificate just issued cannot be read back")]
    ReadBack(#[source] CertificateError),
    #[error("the certificate just issued does not verify; {} was likely not made by Sealane", CERTIFICATE_FILE)]
    SelfCheck(#[source] VerifyError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot {action} {}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} exists already and is not overwritten; an authority is made once", path.display())]
    Exists { path: PathBuf },
    #[error("{} is no certificate that Sealane can issue under", path.display())]
    Certificate { path: PathBuf, source: CertificateError },
    #[error("{} is not the certificate of an authority: it lacks CA:TRUE or keyCertSign", path.display())]
    NotAnAuthority { path: PathBuf },
    #[error("the authority's certificate names no organisation, so {CERTIFICATE_FILE} was likely not made by Sealane")]
    Nameless,
    #[error(
        "the authority's certificate holds until {end} already, and a new one would until {later}: is the clock right?"
    )]
    NotLater { end: Timestamp, later: Timestamp },
    #[error("{CERTIFICATE_FILE} and {KEY_FILE} in {} do not belong together: their keys differ", dir.display())]
    OtherKey { dir: PathBuf },
}

impl CertificateAuthority {
    /// Makes a key and a self-signed certificate by the profile `ca`, valid from `now`.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        check_organization(name)?;
        Self::certified(PrivateKey::generate()?, name, now)
    }

    /// Makes a new certificate from `now` over the same key, for the same name: what was issued before verifies under either.
    pub fn renewed(self, now: Timestamp) -> Result<Self, AuthorityError> {
        let Self { key, certificate } = self;
        let name = certificate.organization().ok_or(AuthorityError::Nameless)?;
        let renewed = Self::certified(key, name, now)?;
        let (end, later) = (certificate.not_after(), renewed.certificate.not_after());
        if later < end { Err(AuthorityError::NotLater { end, later }) } else { Ok(renewed) }
    }

    fn certified(key: PrivateKey, name: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        let profile = Profile::ca()?;
        let serial = serial_number(profile.serial_bytes)?;
        let params = profile.params(&[("name", name)], key.public(), &serial, profile.validity_from(now)?)?;
        let signed = params.self_signed(&CertificateSigner(&key))?;
        let certificate = Certificate::parse_der(signed.der()).map_err(AuthorityError::ReadBack)?;
        Ok(Self { key, certificate })
    }

    /// Reads the two files that `save` wrote.
    pub fn load(dir: &Path) -> Result<Self, AuthorityError> {
        let path = dir.join(CERTIFICATE_FILE);
        let text =
            read_text(&path).map_err(|source| AuthorityError::File { action: "read", path: path.clone(), source })?;
        let certificate = Certificate::parse_pem(&text)
            .map_err(|source| AuthorityError::Certificate { path: path.clone(), source })?;
        if !certificate.is_authority() {
            return Err(AuthorityError::NotAnAuthority { path });
        }
        let key = PrivateKey::read(&dir.join(KEY_FILE))?;
        if key.public() != certificate.public_key() {
            return Err(AuthorityError::OtherKey { dir: dir.to_owned() });
        }
        Ok(Self { key, certificate })
    }

    /// Writes `ca-key.pem` (mode 0600) and `ca.pem` into `dir`, which must exist and have neither.
    pub fn save(&self, dir: &Path) -> Result<(), AuthorityError> {
        let path = dir.join(CERTIFICATE_FILE);
        if path.exists() {
            return Err(AuthorityError::Exists { path });
        }
        self.key.write_new(&dir.join(KEY_FILE))?;
        // A crash here leaves a key without its certificate: `load` names the missing file, and no key is overwritten.
        write_text_new(&path, &self.certificate.to_pem())
    }

    /// Puts the certificate in the place of the one in `dir`, whole or not at all.
    pub fn replace(&self, dir: &Path) -> Result<(), AuthorityError> {
        let path = dir.join(CERTIFICATE_FILE);
        file::replace(&path, 0o644, &self.certificate.to_pem()).map_err(|source| AuthorityError::File {
            action: "write",
            path,
            source,
        })
    }

    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The span of the profile `participant` from `now`: one year, or less near the authority's end.
    pub fn participant_validity(&self, now: Timestamp) -> Result<Validity, AuthorityError> {
        let validity = Profile::participant()?.validity_from(now)?;
        // It is dated back, but not to where the authority still held.
        let end = self.certificate.not_after();
        if end <= now {
            return Err(AuthorityError::Ended { not_before: now, not_after: end });
        }
        self.held_within_own(validity)
    }

    /// Issues by the profile `participant` for the key in `request`.
    ///
    /// The name is that of `subject`, never the request's. The validity is cut to the authority's own.
    pub fn issue(
        &self,
        request: &CertificateRequest,
        subject: &ParticipantSubject,
        validity: Validity,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let participant_id = subject.participant_id();
        let values = [("organization", subject.organization()), ("participant_id", participant_id.as_str())];
        let certificate = self.sign(&Profile::participant()?, &values, request.public_key(), validity)?;
        // What cannot be verified must not leave the house: a CA made by another tool may name itself in a way that
        // is not written back identically.
        certificate.verify_issued_by(&self.certificate, certificate.not_before()).map_err(AuthorityError::SelfCheck)?;
        Ok(IssuedCertificate { certificate, authority: self.certificate.clone() })
    }

    /// Issues by the profile `server`: for localhost only, in a development set.
    pub(super) fn issue_server(
        &self,
        key: &PublicKey,
        name: &str,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        let profile = Profile::server()?;
        self.sign(&profile, &[("organization", name)], key, profile.validity_from(now)?)
    }

    fn sign(
        &self,
        profile: &Profile,
        values: &[(&str, &str)],
        key: &PublicKey,
        validity: Validity,
    ) -> Result<Certificate, AuthorityError> {
        let serial = serial_number(profile.serial_bytes)?;
        let params = profile.params(values, key, &serial, self.held_within_own(validity)?)?;
        let own = CertificateDer::from(self.certificate.der());
        let issuer = Issuer::from_ca_cert_der(&own, CertificateSigner(&self.key))?;
        let signed = params.signed_by(&SubjectPublicKeyInfo::from_der(&key.spki_der())?, &issuer)?;
        Certificate::parse_der(signed.der()).map_err(AuthorityError::ReadBack)
    }

    fn held_within_own(&self, validity: Validity) -> Result<Validity, AuthorityError> {
        let own = Validity::new(self.certificate.not_before(), self.certificate.not_after())?;
        validity.within(own).map_err(|_| match validity.not_after() <= own.not_before() {
            true => AuthorityError::NotBegun { begins: own.not_before(), not_after: validity.not_after() },
            false => AuthorityError::Ended { not_before: validity.not_before(), not_after: own.not_after() },
        })
    }
}

impl IssuedCertificate {
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// The certificate, then the authority's (RFC 8555 §9.1 `application/pem-certificate-chain`).
    pub fn chain_pem(&self) -> String {
        self.certificate.to_pem() + &self.authority.to_pem()
    }

    pub const fn thumbprint(&self) -> Hash {
        self.certificate.thumbprint()
    }

    pub const fn not_before(&self) -> Timestamp {
        self.certificate.not_before()
    }

    pub const fn not_after(&self) -> Timestamp {
        self.certificate.not_after()
    }
}

/// Draws a positive serial number of exactly `bytes` octets (RFC 5280 §4.1.2.2).
pub(super) fn serial_number(bytes: usize) -> Result<Vec<u8>, AuthorityError> {
    let mut serial = vec![0; bytes];
    rand::fill(&mut serial).map_err(|_| AuthorityError::Randomness)?;
    if let Some(first) = serial.first_mut() {
        // Top bit off: positive. Next bit on: never shorter, never zero.
        *first = *first & 0x3f | 0x40;
    }
    Ok(serial)
}

pub(super) fn write_text_new(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => AuthorityError::Exists { path: path.to_owned() },
        _ => AuthorityError::File { action: "write", path: path.to_owned(), source },
    };
    file::write_new(path, 0o644, text).map_err(failed)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(CERTIFICATE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
