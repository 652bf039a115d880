//! X.509 certificates: what Sealane reads off one, and whether an authority issued it.

use std::fmt;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::algorithm::{CertifiedKeyError, describe_signature, is_ecdsa_with_sha256, public_key};
use super::pem::{self, PemError};
use super::subject::parse_participant_id;
use sealane_core::hash::Hash;
use sealane_core::limits::{CERTIFICATE_BYTES_MAX, CHAIN_CERTIFICATES_MAX};
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

const LABEL: &str = "CERTIFICATE";

/// id-kp-clientAuth, the content of its object identifier (RFC 5280 §4.2.1.12).
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// A certificate for a P-256 key, parsed. That it parses says nothing about who issued it.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    thumbprint: Hash,
    public_key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    participant_id: Option<String>,
    serial: String,
    organization: Option<String>,
    authority: bool,
    signs: bool,
}

/// Bytes or text that are no certificate of the kind that Sealane takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate has {bytes} bytes; at most {CERTIFICATE_BYTES_MAX} are taken")]
    TooLong { bytes: usize },
    #[error("the certificate is no PEM")]
    Pem(#[from] PemError),
    #[error("there should be {expected} in PEM, -----BEGIN {LABEL}-----, and there is {found}")]
    WrongBlocks { expected: &'static str, found: String },
    #[error("the bytes are no X.509 certificate: {detail}")]
    Malformed { detail: String },
    #[error(transparent)]
    Key(#[from] CertifiedKeyError),
    #[error("the certificate is signed with {found}; it must be ECDSA with SHA-256")]
    Algorithm { found: String },
    #[error(
        "the certificate names its participant as {found:?}; it must be one urn:uuid:… among the alternative names"
    )]
    ParticipantId { found: String },
}

/// Why a certificate is not one that an authority issued to a participant, at a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the certificate is not valid before {not_before}; it was looked at for {at}")]
    NotYetValid { not_before: Timestamp, at: Timestamp },
    #[error("the certificate expired at {not_after}; it was looked at for {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    #[error("the authority's own certificate holds from {not_before} to {not_after}, not at {at}")]
    AuthorityNotValid { not_before: Timestamp, not_after: Timestamp, at: Timestamp },
    #[error("the issuer's certificate is not that of an authority: it lacks CA:TRUE or keyCertSign")]
    NotAnAuthority,
    #[error("the certificate's key may not sign: its key usage lacks digitalSignature")]
    MayNotSign,
    #[error("the certificate was not issued by this authority for client authentication: {0}")]
    Path(webpki::Error),
}

impl Certificate {
    /// Reads text that holds exactly one certificate.
    pub fn parse_pem(text: &str) -> Result<Self, CertificateError> {
        match Self::parse_blocks(text, 1, "one certificate")?.as_slice() {
            [certificate] => Ok(certificate.clone()),
            _ => Err(CertificateError::WrongBlocks { expected: "one certificate", found: "none".to_owned() }),
        }
    }

    /// Reads 1 to 4 certificates, the holder's first; whether each issued the one before is not looked at.
    pub fn parse_chain_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        Self::parse_blocks(text, CHAIN_CERTIFICATES_MAX, "one to four certificates")
    }

    /// Reads a certificate that fills `der`.
    pub fn parse_der(der: &[u8]) -> Result<Self, CertificateError> {
        check_length(der.len(), 1)?;
        let (rest, x509) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::Malformed { detail: error.to_string() })?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed { detail: format!("{} bytes follow it", rest.len()) });
        }
        if !is_ecdsa_with_sha256(&x509.signature_algorithm) {
            return Err(CertificateError::Algorithm { found: describe_signature(&x509.signature_algorithm) });
        }
        let usage = x509.key_usage().map_err(malformed)?.map(|usage| *usage.value);
        let constraints = x509.basic_constraints().map_err(malformed)?;
        let organization = x509.subject().iter_organization().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            der: der.to_vec(),
            thumbprint: Hash::of(der),
            public_key: public_key(x509.public_key())?,
            not_before: timestamp(x509.validity().not_before)?,
            not_after: timestamp(x509.validity().not_after)?,
            participant_id: participant_id(&x509)?,
            serial: hex(&x509.serial.to_bytes_be()),
            organization: organization.map(str::to_owned),
            authority: constraints.is_some_and(|found| found.value.ca) && usage.is_some_and(|u| u.key_cert_sign()),
            signs: usage.is_some_and(|usage| usage.digital_signature()),
        })
    }

    /// SHA-256 of the DER: what `x5t#S256` names (RFC 7515 §4.1.8).
    pub const fn thumbprint(&self) -> Hash {
        self.thumbprint
    }

    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second in which the certificate holds.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The UUID of the alternative name `urn:uuid:…`, in lower case; an authority's certificate has none.
    pub fn participant_id(&self) -> Option<&str> {
        self.participant_id.as_deref()
    }

    /// The serial number in lower-case hexadecimal, two digits a byte, as openssl shows it apart from case.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The first O of the subject.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// True when the certificate may issue others: CA:TRUE and keyCertSign.
    pub const fn is_authority(&self) -> bool {
        self.authority
    }

    /// True when the certificate's key may sign: its usage has digitalSignature.
    pub const fn may_sign(&self) -> bool {
        self.signs
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.der)
    }

    /// Checks by RFC 5280 §6 that `ca` issued this certificate for client authentication, and that both hold at `at`.
    ///
    /// webpki validates the path. It looks neither at key usage nor at anything of the trust anchor but name and key,
    /// so those are looked at here. Revocation is not: the ledger knows it.
    pub fn verify_issued_by(&self, ca: &Self, at: Timestamp) -> Result<(), VerifyError> {
        if !ca.authority {
            return Err(VerifyError::NotAnAuthority);
        }
        if !ca.holds_at(at) {
            let Self { not_before, not_after, .. } = *ca;
            return Err(VerifyError::AuthorityNotValid { not_before, not_after, at });
        }
        if at.seconds() < self.not_before.seconds() {
            return Err(VerifyError::NotYetValid { not_before: self.not_before, at });
        }
        if at.seconds() > self.not_after.seconds() {
            return Err(VerifyError::Expired { not_after: self.not_after, at });
        }
        if !self.signs {
            return Err(VerifyError::MayNotSign);
        }
        self.verify_path(ca, at).map_err(VerifyError::Path)
    }

    fn holds_at(&self, at: Timestamp) -> bool {
        (self.not_before.seconds()..=self.not_after.seconds()).contains(&at.seconds())
    }

    fn verify_path(&self, ca: &Self, at: Timestamp) -> Result<(), webpki::Error> {
        let ca = CertificateDer::from(ca.der.as_slice());
        let anchors = [anchor_from_trusted_cert(&ca)?];
        let der = CertificateDer::from(self.der.as_slice());
        // webpki knows no time before 1970, and no certificate of ours is that old.
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0)));
        EndEntityCert::try_from(&der)?
            .verify_for_usage(
                &[aws_lc_rs::ECDSA_P256_SHA256],
                &anchors,
                &[],
                time,
                KeyUsage::required(CLIENT_AUTH),
                None,
                None,
            )
            .map(|_| ())
    }

    fn parse_blocks(text: &str, max: usize, expected: &'static str) -> Result<Vec<Self>, CertificateError> {
        check_length(text.len(), max)?;
        let blocks = pem::read(text)?;
        if let Some(other) = blocks.iter().find(|block| block.label != LABEL) {
            return Err(CertificateError::WrongBlocks { expected, found: format!("{:?}", other.label) });
        }
        if !(1..=max).contains(&blocks.len()) {
            return Err(CertificateError::WrongBlocks { expected, found: format!("{} blocks", blocks.len()) });
        }
        blocks.iter().map(|block| Self::parse_der(&block.contents)).collect()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("thumbprint", &self.thumbprint)
            .field("serial", &self.serial)
            .field("participant_id", &self.participant_id)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

fn participant_id(x509: &X509Certificate<'_>) -> Result<Option<String>, CertificateError> {
    let Some(names) = x509.subject_alternative_name().map_err(malformed)? else { return Ok(None) };
    let ids: Vec<&str> = names.value.general_names.iter().filter_map(participant_uri).collect();
    let refused =
        |found: &[&str]| CertificateError::ParticipantId { found: found.join(", ").chars().take(200).collect() };
    match ids.as_slice() {
        [] => Ok(None),
        [id] => match parse_participant_id(id) {
            Some(id) => Ok(Some(id.hyphenated().to_string())),
            None => Err(refused(&ids)),
        },
        ids => Err(refused(ids)),
    }
}

fn participant_uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    const PREFIX: &str = "urn:uuid:";
    let GeneralName::URI(uri) = name else { return None };
    let (prefix, id) = uri.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(id)
}

fn malformed(error: X509Error) -> CertificateError {
    CertificateError::Malformed { detail: error.to_string() }
}

fn timestamp(time: ASN1Time) -> Result<Timestamp, CertificateError> {
    Timestamp::from_seconds(time.timestamp())
        .ok_or_else(|| CertificateError::Malformed { detail: "its validity is outside the years 0 to 9999".to_owned() })
}

fn check_length(bytes: usize, certificates: usize) -> Result<(), CertificateError> {
    if bytes > certificates * CERTIFICATE_BYTES_MAX {
        return Err(CertificateError::TooLong { bytes });
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::openssl::{Openssl, P256_KEY};
    use crate::pki::{CertificateAuthority, CertificateRequest, ParticipantSubject, PrivateKey, Validity};

    const ID: &str = "9f3c6a52-0d6e-4c1e-8f57-2b1d7c0a4e11";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        time("2026-11-21T09:30:00Z")
    }

    fn issued(authority: &CertificateAuthority) -> Certificate {
        let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap();
        let subject = ParticipantSubject::new(ID, "Acme").unwrap();
        let validity = Validity::of_days(now(), 10).unwrap();
        authority.issue(&request, &subject, validity).unwrap().certificate().clone()
    }

    /// A certificate that openssl issues under a new authority of ours, with `extensions` as its manual names them.
    fn by_openssl(key: &[&str], extensions: &str, digest: &str) -> (Openssl, CertificateAuthority) {
        let authority = CertificateAuthority::create("Member", now()).unwrap();
        let openssl = Openssl::new();
        authority.save(&openssl.path("")).unwrap();
        openssl.write("extensions", extensions);
        openssl.run(key);
        openssl.run(&["req", "-new", "-key", "key.pem", "-subj", "/O=Acme", "-out", "r.pem"]);
        openssl.run(&[
            "x509",
            "-req",
            "-in",
            "r.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca-key.pem",
            "-days",
            "3000",
            digest,
            "-extfile",
            "extensions",
            "-out",
            "c.pem",
        ]);
        (openssl, authority)
    }

    #[test]
    fn reads_what_was_issued() {
        let authority = CertificateAuthority::create("Member", now()).unwrap();
        let certificate = issued(&authority);
        assert_eq!(Certificate::parse_pem(&certificate.to_pem()), Ok(certificate.clone()));
        assert_eq!(certificate.thumbprint(), Hash::of(certificate.der()));
        assert_eq!(certificate.participant_id(), Some(ID));
        assert_eq!(certificate.organization(), Some("Acme"));
        assert_eq!((certificate.not_before(), certificate.not_after()), (now(), time("2026-12-01T09:30:00Z")));
        assert!(!certificate.is_authority() && authority.certificate().is_authority());
        assert_eq!(authority.certificate().participant_id(), None);
        let chain = certificate.to_pem() + &authority.certificate().to_pem();
        let expected = vec![certificate.clone(), authority.certificate().clone()];
        assert_eq!(Certificate::parse_chain_pem(&chain), Ok(expected));
        assert!(Certificate::parse_pem(&chain).unwrap_err().to_string().contains("there is 2 blocks"));
        assert!(Certificate::parse_chain_pem("").unwrap_err().to_string().contains("there is 0 blocks"));
        assert!(Certificate::parse_chain_pem(&chain.repeat(3)).is_err());
        let labelled = certificate.to_pem().replace("CERTIFICATE", "X509 CRL");
        assert!(Certificate::parse_pem(&labelled).unwrap_err().to_string().contains("\"X509 CRL\""));
        let long = " ".repeat(CERTIFICATE_BYTES_MAX + 1);
        assert!(matches!(Certificate::parse_pem(&long), Err(CertificateError::TooLong { .. })));
    }

    #[test]
    fn holds_from_its_first_second_to_its_last() {
        let authority = CertificateAuthority::create("Member", now()).unwrap();
        let certificate = issued(&authority);
        let verify = |at: &str| certificate.verify_issued_by(authority.certificate(), time(at));
        assert_eq!(verify("2026-11-21T09:30:00Z"), Ok(()));
        assert_eq!(verify("2026-12-01T09:30:00.999Z"), Ok(()));
        assert!(matches!(verify("2026-12-01T09:30:01Z"), Err(VerifyError::Expired { .. })));
        assert!(matches!(verify("2026-11-21T09:29:59.999Z"), Err(VerifyError::NotYetValid { .. })));
        // The authority's own is dated back.
        assert!(matches!(verify("2026-11-21T09:24:59.999Z"), Err(VerifyError::AuthorityNotValid { .. })));
        assert!(matches!(verify("0000-01-01T00:00:00Z"), Err(VerifyError::AuthorityNotValid { .. })));
        assert!(matches!(verify("9999-12-31T23:59:59Z"), Err(VerifyError::AuthorityNotValid { .. })));
        let later = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap();
        let validity = Validity::of_days(time("2027-01-01T00:00:00Z"), 10).unwrap();
        let later = authority.issue(&later, &ParticipantSubject::new(ID, "Acme").unwrap(), validity).unwrap();
        let early = later.certificate().verify_issued_by(authority.certificate(), now());
        assert!(matches!(early, Err(VerifyError::NotYetValid { .. })));
    }

    #[test]
    fn only_the_issuer_is_the_issuer() {
        let authority = CertificateAuthority::create("Member", now()).unwrap();
        let namesake = CertificateAuthority::create("Member", now()).unwrap();
        let certificate = issued(&authority);
        let other = certificate.verify_issued_by(namesake.certificate(), now());
        assert_eq!(other, Err(VerifyError::Path(webpki::Error::InvalidSignatureForPublicKey)));
        assert_eq!(certificate.verify_issued_by(&certificate, now()), Err(VerifyError::NotAnAuthority));
        assert_eq!(
            authority.certificate().verify_issued_by(authority.certificate(), now()),
            Err(VerifyError::MayNotSign)
        );
    }

    #[test]
    fn no_changed_certificate_verifies_and_none_panics() {
        let authority = CertificateAuthority::create("Member", now()).unwrap();
        let certificate = issued(&authority);
        for index in 0..certificate.der.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = certificate.der.clone();
                changed[index] ^= bit;
                let accepted = Certificate::parse_der(&changed)
                    .is_ok_and(|changed| changed.verify_issued_by(authority.certificate(), now()).is_ok());
                assert!(!accepted, "byte {index} ^ {bit:#04x}");
            }
            assert!(Certificate::parse_der(&certificate.der[..index]).is_err(), "{index} bytes");
        }
        assert!(Certificate::parse_der(&[certificate.der(), &[0]].concat()).is_err());
    }

    #[test]
    fn extensions_decide_as_the_profile_says() {
        let good = "subjectAltName=URI:urn:uuid:9F3C6A52-0D6E-4C1E-8F57-2B1D7C0A4E11\n\
                    keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n";
        let verify = |extensions: &str| {
            let (openssl, authority) = by_openssl(P256_KEY, extensions, "-sha256");
            let certificate = Certificate::parse_pem(&openssl.read("c.pem")).unwrap();
            // openssl takes the clock of the machine: look at it well inside its eight years.
            let at = certificate.not_before().plus_millis(1000).max(now());
            (certificate.participant_id().map(str::to_owned), certificate.verify_issued_by(authority.certificate(), at))
        };
        assert_eq!(verify(good), (Some(ID.to_owned()), Ok(())));
        assert_eq!(verify("keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"), (None, Ok(())));
        let refused = |extensions: &str| verify(extensions).1.unwrap_err();
        assert_eq!(refused("extendedKeyUsage=clientAuth\n"), VerifyError::MayNotSign);
        assert_eq!(refused(&good.replace("digitalSignature", "keyAgreement")), VerifyError::MayNotSign);
        let path = |extensions: &str| matches!(refused(extensions), VerifyError::Path(_));
        assert!(path("keyUsage=digitalSignature\n"), "no extended key usage");
        assert!(path(&good.replace("clientAuth", "serverAuth")));
        assert!(path(&good.replace("clientAuth", "anyExtendedKeyUsage")));
        assert!(path(&format!("{good}basicConstraints=critical,CA:TRUE\n")));
        assert!(path(&format!("{good}1.2.3.4=critical,DER:0500\n")), "unknown critical extension");
    }

    #[test]
    fn what_sealane_does_not_take_is_refused_when_parsed() {
        let parse = |key: &[&str], extensions: &str, digest: &str| {
            let (openssl, _) = by_openssl(key, extensions, digest);
            Certificate::parse_pem(&openssl.read("c.pem")).unwrap_err()
        };
        let rsa = ["genpkey", "-algorithm", "RSA", "-out", "key.pem"];
        assert!(matches!(parse(&rsa, "", "-sha256"), CertificateError::Key(CertifiedKeyError::NotP256 { .. })));
        assert!(matches!(parse(P256_KEY, "", "-sha384"), CertificateError::Algorithm { .. }));
        for names in [
            format!("URI:urn:uuid:{ID},URI:urn:uuid:{ID}"),
            "URI:urn:uuid:none".to_owned(),
            format!("URI:urn:uuid:{}", ID.replace('-', "")),
        ] {
            let error = parse(P256_KEY, &format!("subjectAltName={names}\n"), "-sha256");
            assert!(matches!(error, CertificateError::ParticipantId { .. }), "{names}: {error}");
        }
    }
}
