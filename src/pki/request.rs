//! PKCS#10 certificate requests (RFC 2986): an organisation's public key, and the proof that it holds the private one.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, DnType};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::algorithm::{CertifiedKeyError, describe_signature, is_ecdsa_with_sha256, public_key};
use super::key::PrivateKey;
use super::pem::{self, PemError};
use super::profile::{Profile, ProfileError};
use super::signer::CertificateSigner;
use super::subject::{SubjectError, check_organization};
use sealane_core::limits::CSR_BYTES_MAX;
use sealane_core::statement::{P256, PublicKey, Signature, SignatureVerifier};

const LABEL: &str = "CERTIFICATE REQUEST";

/// What Microsoft's tools and `openssl req -newhdr` write; RFC 7468 §7 lets a reader take it.
const OTHER_LABEL: &str = "NEW CERTIFICATE REQUEST";

/// A request for a P-256 key whose self-signature holds.
///
/// Extensions that it asks for are not looked at: the profile decides what a certificate has.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
    public_key: PublicKey,
    organization: Option<String>,
}

/// A certificate request that is refused.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("the request has {bytes} bytes; at most {CSR_BYTES_MAX} are taken")]
    TooLong { bytes: usize },
    #[error("the request is no PEM")]
    Pem(#[from] PemError),
    #[error("the request should be one PEM block, -----BEGIN {LABEL}-----, and is {found}")]
    NotOneRequest { found: String },
    #[error("the block is no PKCS#10 request; make one: openssl req -new -sha256 -key key.pem -out request.pem")]
    Malformed,
    #[error(transparent)]
    Key(#[from] CertifiedKeyError),
    #[error("the request is signed with {found}; sign it with ECDSA and SHA-256: openssl req -new -sha256")]
    Algorithm { found: String },
    #[error("the request's own signature does not hold; sign the request with the key that is in it")]
    Signature,
    #[error("cannot name the organization")]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("the request could not be written: {0}")]
    Write(#[from] rcgen::Error),
}

impl CertificateRequest {
    /// Asks for a certificate for `key`, with the organisation as O and CN.
    ///
    /// The name in the request is cut to what X.520 allows, as in the certificate; the ledger has the whole.
    pub fn make(key: &PrivateKey, organization: &str) -> Result<Self, RequestError> {
        check_organization(organization)?;
        let name = Profile::participant()?.cut_name(organization);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, name.clone());
        params.distinguished_name.push(DnType::CommonName, name);
        let request = params.serialize_request(&CertificateSigner(key))?;
        Self::parse_der(request.der())
    }

    /// Reads text that holds exactly one request, and verifies it.
    pub fn parse_pem(text: &str) -> Result<Self, RequestError> {
        check_length(text.len())?;
        let blocks = pem::read(text)?;
        match blocks.as_slice() {
            [block] if [LABEL, OTHER_LABEL].contains(&block.label.as_str()) => Self::parse_der(&block.contents),
            [block] => Err(RequestError::NotOneRequest { found: format!("{:?}", block.label) }),
            blocks => Err(RequestError::NotOneRequest { found: format!("{} blocks", blocks.len()) }),
        }
    }

    /// Reads a request that fills `der`, and verifies it.
    pub fn parse_der(der: &[u8]) -> Result<Self, RequestError> {
        check_length(der.len())?;
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let info = &request.certification_request_info;
        let public_key = public_key(&info.subject_pki)?;
        if !is_ecdsa_with_sha256(&request.signature_algorithm) {
            return Err(RequestError::Algorithm { found: describe_signature(&request.signature_algorithm) });
        }
        let signature = Signature::from_der(&request.signature_value.data).map_err(|_| RequestError::Signature)?;
        P256.verify(&public_key, info.raw, &signature).map_err(|_| RequestError::Signature)?;
        if der != rewrap(info.raw, &request.signature_value.data) {
            return Err(RequestError::Malformed);
        }
        let organization = info.subject.iter_organization().next().and_then(|name| name.as_str().ok());
        Ok(Self { der: der.to_vec(), public_key, organization: organization.map(str::to_owned) })
    }

    /// The key that the certificate is to be for.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The first O of the subject, if there is one. The applicant wrote it, and it is not checked.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.der)
    }
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateRequest")
            .field("public_key", &self.public_key)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

fn check_length(bytes: usize) -> Result<(), RequestError> {
    if bytes > CSR_BYTES_MAX {
        return Err(RequestError::TooLong { bytes });
    }
    Ok(())
}

/// Writes a whole request in DER around what was signed and the signature.
///
/// The signature does not cover its wrapping, and the parser is lenient there; a request is read in one form only.
fn rewrap(info: &[u8], signature: &[u8]) -> Vec<u8> {
    /// SEQUENCE { OBJECT IDENTIFIER ecdsa-with-SHA256 }
    const ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let bit_string = value(0x03, &[&[0], signature].concat());
    value(0x30, &[info, ALGORITHM, &bit_string].concat())
}

/// Writes one DER value with its shortest length (X.690 §10.1).
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let header = match length.as_slice() {
        [] => vec![tag, 0],
        [short @ 0..0x80] => vec![tag, *short],
        // At most 8 bytes of length, so the count fits.
        long => [&[tag, 0x80 | long.len() as u8], long].concat(),
    };
    [header.as_slice(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::openssl::{Openssl, P256_KEY};

    const NEW_REQUEST: &[&str] = &["req", "-new", "-key", "key.pem", "-subj", "/O=Acme Tools/CN=x", "-out", "r.pem"];

    fn request_by_openssl(genkey: &[&str], digest: &[&str]) -> String {
        let openssl = Openssl::new();
        openssl.run(genkey);
        openssl.run(&[NEW_REQUEST, digest].concat());
        openssl.read("r.pem")
    }

    fn fault(text: &str) -> String {
        CertificateRequest::parse_pem(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_made_parses_and_openssl_agrees() {
        let key = PrivateKey::generate().unwrap();
        let request = CertificateRequest::make(&key, "Alpenkäse Süd").unwrap();
        let read = CertificateRequest::parse_pem(&request.to_pem()).unwrap();
        assert_eq!(read, request);
        assert_eq!(read.public_key(), key.public());
        assert_eq!(read.organization(), Some("Alpenkäse Süd"));
        let openssl = Openssl::new();
        openssl.write("r.pem", &request.to_pem());
        let text = openssl.run(&["req", "-in", "r.pem", "-noout", "-verify", "-text", "-nameopt", "utf8"]);
        assert!(text.contains("self-signature verify OK"), "{text}");
        assert!(text.contains("O=Alpenkäse Süd, CN=Alpenkäse Süd"), "{text}");
    }

    #[test]
    fn a_name_is_cut_to_the_bound_of_the_standard_or_refused() {
        let key = PrivateKey::generate().unwrap();
        let request = CertificateRequest::make(&key, &"ä".repeat(200)).unwrap();
        assert_eq!(request.organization(), Some("ä".repeat(64).as_str()));
        assert!(matches!(CertificateRequest::make(&key, ""), Err(RequestError::Subject(_))));
        assert!(matches!(CertificateRequest::make(&key, "a\0"), Err(RequestError::Subject(_))));
    }

    #[test]
    fn requests_of_openssl_parse() {
        let openssl = Openssl::new();
        let curve = "ec_paramgen_curve:prime256v1";
        openssl.run(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            curve,
            "-nodes",
            "-keyout",
            "key.pem",
            "-subj",
            "/O=Acme Tools",
            "-addext",
            "basicConstraints=CA:TRUE",
            "-out",
            "r.pem",
        ]);
        let request = CertificateRequest::parse_pem(&openssl.read("r.pem")).unwrap();
        assert_eq!(request.organization(), Some("Acme Tools"));
        let key = PrivateKey::read(&openssl.path("key.pem")).unwrap();
        assert_eq!(request.public_key(), key.public());
        let explained = openssl.run(&["req", "-in", "r.pem", "-text", "-newhdr"]);
        assert!(explained.contains("NEW CERTIFICATE REQUEST"));
        assert_eq!(CertificateRequest::parse_pem(&explained).unwrap(), request);
        openssl.run(&["req", "-new", "-key", "key.pem", "-subj", "/CN=no organization", "-out", "r.pem"]);
        assert_eq!(CertificateRequest::parse_pem(&openssl.read("r.pem")).unwrap().organization(), None);
    }

    #[test]
    fn other_keys_and_signatures_are_refused_by_name() {
        let genpkey = |kind: &[&str]| {
            let args = [&["genpkey", "-out", "key.pem", "-algorithm"], kind].concat();
            fault(&request_by_openssl(&args, &[]))
        };
        let curve = |name: &str| genpkey(&["EC", "-pkeyopt", &format!("ec_paramgen_curve:{name}")]);
        let expected = [
            (
                genpkey(&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                "the key is RSA; make a P-256 key: openssl ecparam",
            ),
            (curve("P-384"), "the key is P-384;"),
            (curve("P-521"), "the key is P-521;"),
            (curve("secp256k1"), "the key is secp256k1;"),
            (genpkey(&["ED25519"]), "the key is Ed25519;"),
            (fault(&request_by_openssl(P256_KEY, &["-sha384"])), "signed with ECDSA with SHA-384;"),
            (fault(&request_by_openssl(P256_KEY, &["-sha1"])), "signed with ECDSA with SHA-1;"),
        ];
        for (found, start) in expected {
            assert!(found.contains(start), "{found:?} does not say {start:?}");
        }
        let openssl = Openssl::new();
        openssl.run(P256_KEY);
        openssl.run(&["ec", "-in", "key.pem", "-conv_form", "compressed", "-out", "key.pem"]);
        openssl.run(NEW_REQUEST);
        assert!(fault(&openssl.read("r.pem")).contains("point is compressed"));
        let explicit = [P256_KEY, &["-pkeyopt", "ec_param_enc:explicit"]].concat();
        let spelt_out = fault(&request_by_openssl(&explicit, &[]));
        assert!(spelt_out.contains("spelt out"), "{spelt_out}");
    }

    #[test]
    fn no_changed_or_shortened_request_is_accepted() {
        let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap();
        for index in 0..request.der.len() {
            for bit in [0x01, 0x80] {
                let mut changed = request.der.clone();
                changed[index] ^= bit;
                assert!(CertificateRequest::parse_der(&changed).is_err(), "byte {index} ^ {bit:#04x}");
            }
            assert!(CertificateRequest::parse_der(&request.der[..index]).is_err(), "{index} bytes");
        }
        assert!(CertificateRequest::parse_der(&[request.der.as_slice(), &[0]].concat()).is_err());
        let mut resigned = request.der.clone();
        *resigned.last_mut().unwrap() ^= 1;
        assert!(matches!(CertificateRequest::parse_der(&resigned), Err(RequestError::Signature)));
    }

    #[test]
    fn says_what_the_text_is_instead() {
        let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap().to_pem();
        assert!(fault("").contains("is 0 blocks"));
        assert!(fault(&request.repeat(2)).contains("is 2 blocks"));
        assert!(fault(&request.replace("CERTIFICATE REQUEST", "CERTIFICATE")).contains("is \"CERTIFICATE\""));
        assert!(fault(&pem::write(LABEL, b"no DER")).contains("no PKCS#10"));
        assert!(fault(&request.replace("-----END", "END")).contains("no PEM"));
        assert!(fault(&(request + &" ".repeat(CSR_BYTES_MAX))).contains("at most 16384"));
    }
}
