//! The certificate by which a member's node shows itself to the other members' nodes.
//!
//! The node has a TLS key of its own, in a file beside the member's key. The member's key signs a certificate for it, which the
//! node renews by itself; the certificate is not kept. The signed part of a certificate begins with `30 82`, which is no UTF-8:
//! so it is no statement, no note and none of the messages that begin with "sealane/".

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyIdMethod, SubjectPublicKeyInfo};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::ca::{AuthorityError, serial_number};
use super::certificate::Certificate;
use super::key::{KeyError, PrivateKey};
use super::member::MemberKey;
use super::profile::{Profile, key_identifier};
use super::signer::CertificateSigner;
use super::validity::Validity;
use crate::ports::{MemberSigner, NodeCertificate, NodeCertificateError, NodeCertificates, NodeIdentity};
use sealane_core::hash::Hash;
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

/// File name inside a member's data directory. No backup holds it: a node that was brought back gets another one, so that the
/// others see if the first one still runs.
pub const NODE_TLS_KEY_FILE: &str = "node-tls-key.pem";

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long before now a certificate begins: members' clocks differ, and a node whose clock is behind has to take it too.
const BEGINS_BEFORE_MS: i64 = DAY_MS;

/// A node's TLS key, with the member's key that vouches for it.
pub struct NodeTls {
    member: Arc<MemberKey>,
    key: PrivateKey,
}

impl NodeTls {
    /// Reads the node's TLS key in `dir`, or makes it if there is none.
    pub fn open(member: Arc<MemberKey>, dir: &Path) -> Result<Self, KeyError> {
        let path: PathBuf = dir.join(NODE_TLS_KEY_FILE);
        let key = match PrivateKey::read(&path) {
            Err(KeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let key = PrivateKey::generate()?;
                key.write_new(&path)?;
                key
            }
            read => read?,
        };
        Ok(Self { member, key })
    }

    fn sign(&self, now: Timestamp) -> Result<Certificate, AuthorityError> {
        let profile = Profile::node()?;
        let kid = self.member.public_key().thumbprint().to_string();
        let validity = Validity::of_days(now.plus_millis(-BEGINS_BEFORE_MS), profile.validity_days)?;
        let serial = serial_number(profile.serial_bytes)?;
        let params = profile.params(&[("kid", &kid)], self.key.public(), &serial, validity)?;
        let issuer =
            Issuer::new(member_as_issuer(self.member.public_key()), CertificateSigner(self.member.private_key()));
        let key = SubjectPublicKeyInfo::from_der(&self.key.public().spki_der())?;
        let signed = params.signed_by(&key, &issuer)?;
        Certificate::parse_der(signed.der()).map_err(AuthorityError::ReadBack)
    }
}

/// Names a member's key as what signs: by its thumbprint, as subjects do.
fn member_as_issuer(key: &PublicKey) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, key.thumbprint().to_string());
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier(key));
    params
}

impl NodeCertificates for NodeTls {
    fn tls_key(&self) -> Hash {
        self.key.public().thumbprint()
    }

    fn issue(&self, now: Timestamp) -> Result<NodeCertificate, NodeCertificateError> {
        let failed = |detail: String| NodeCertificateError::Make { detail };
        let certificate = self.sign(now).map_err(|error| failed(error.to_string()))?;
        let private_key = self.key.pkcs8_der().map_err(|error| failed(error.to_string()))?;
        let not_after = certificate.not_after();
        Ok(NodeCertificate { der: certificate.der().to_vec(), private_key, not_after })
    }

    fn check(
        &self,
        der: &[u8],
        key_of: &dyn Fn(&Hash) -> Option<PublicKey>,
        now: Timestamp,
    ) -> Result<NodeIdentity, NodeCertificateError> {
        check(der, key_of, now)
    }
}

fn check(
    der: &[u8],
    key_of: &dyn Fn(&Hash) -> Option<PublicKey>,
    now: Timestamp,
) -> Result<NodeIdentity, NodeCertificateError> {
    let malformed = |detail: String| NodeCertificateError::Malformed { detail };
    // First of all, since it looks at the length before anything is parsed.
    let certificate = Certificate::parse_der(der).map_err(|error| malformed(error.to_string()))?;
    let (_, x509) = X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
    let kid = named_kid(&x509).ok_or_else(|| malformed("its subject has no CN that is a member's kid".to_owned()))?;
    let member = key_of(&kid).ok_or(NodeCertificateError::UnknownMember { kid })?;
    let by_member = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, member.sec1());
    by_member
        .verify(x509.tbs_certificate.as_ref(), &x509.signature_value.data)
        .map_err(|_| NodeCertificateError::BadSignature { kid })?;
    check_kind(&certificate, &x509, &member).map_err(|detail| NodeCertificateError::OtherKind { kid, detail })?;
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    match now.seconds() {
        at if at < not_before.seconds() => Err(NodeCertificateError::NotYetValid { kid, not_before, now }),
        at if at > not_after.seconds() => Err(NodeCertificateError::Expired { kid, not_after, now }),
        _ => Ok(NodeIdentity { kid, tls_key: certificate.public_key().thumbprint() }),
    }
}

/// The one CN of the subject, if it is a kid.
fn named_kid(x509: &X509Certificate<'_>) -> Option<Hash> {
    let mut names = x509.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().ok()?.parse().ok(),
        _ => None,
    }
}

/// Checks that a certificate which a member's key has signed was meant for a node, and not to outlive us all.
fn check_kind(certificate: &Certificate, x509: &X509Certificate<'_>, member: &PublicKey) -> Result<(), &'static str> {
    let profile = Profile::node().map_err(|_| "this program's own profile does not read")?;
    let usage = x509.extended_key_usage().ok().flatten();
    let lifetime_ms = certificate.not_after().millis_since(certificate.not_before());
    if certificate.is_authority() || !certificate.may_sign() {
        return Err("its key may not sign handshakes alone");
    }
    if !usage.is_some_and(|usage| usage.value.client_auth && usage.value.server_auth) {
        return Err("it is not for clientAuth and serverAuth");
    }
    if lifetime_ms > i64::from(profile.validity_days) * DAY_MS {
        return Err("it is valid for more than 90 days");
    }
    if certificate.public_key() == member {
        return Err("its key is the member's own, which signs no handshakes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::NotePrivateKey;
    use crate::pki::openssl::Openssl;

    fn now() -> Timestamp {
        "2026-11-21T09:30:00Z".parse().unwrap()
    }

    fn member() -> Arc<MemberKey> {
        let (key, note_key) = (PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap());
        Arc::new(MemberKey::new(key, note_key).unwrap())
    }

    fn node(dir: &Path) -> NodeTls {
        NodeTls::open(member(), dir).unwrap()
    }

    fn keys(nodes: &[&NodeTls]) -> impl Fn(&Hash) -> Option<PublicKey> + use<> {
        let keys: Vec<PublicKey> = nodes.iter().map(|node| node.member.public_key().clone()).collect();
        move |kid: &Hash| keys.iter().find(|key| key.thumbprint() == *kid).cloned()
    }

    #[test]
    fn a_members_node_is_known_by_its_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let node = node(dir.path());
        let issued = node.issue(now()).unwrap();
        let identity = check(&issued.der, &keys(&[&node]), now()).unwrap();
        assert_eq!(identity, NodeIdentity { kid: node.member.public_key().thumbprint(), tls_key: node.tls_key() });
        assert_eq!(issued.not_after.millis_since(now()), 89 * DAY_MS);
        let again = NodeTls::open(Arc::clone(&node.member), dir.path()).unwrap();
        assert_eq!(again.tls_key(), node.tls_key(), "the TLS key stays, the certificate is made anew");
        assert_eq!(again.issue(now()).unwrap().private_key, issued.private_key);
    }

    #[test]
    fn openssl_reads_it_and_finds_the_members_signature() {
        let openssl = Openssl::new();
        let node = node(&openssl.path(""));
        let issued = node.issue(now()).unwrap();
        openssl.write("node.pem", &Certificate::parse_der(&issued.der).unwrap().to_pem());
        let spki = node.member.public_key().spki_der();
        openssl.write("member.pem", &crate::pki::pem::write("PUBLIC KEY", &spki));
        // The second thing in it is what was signed, the last one the signature.
        let parsed = openssl.run(&["asn1parse", "-in", "node.pem", "-strparse", "4", "-noout", "-out", "signed.der"]);
        assert!(parsed.is_empty(), "{parsed}");
        let parsed = openssl.run(&["asn1parse", "-in", "node.pem"]);
        let (at, _) = parsed.lines().last().unwrap().trim().split_once(':').unwrap();
        openssl.run(&["asn1parse", "-in", "node.pem", "-strparse", at, "-noout", "-out", "signature.der"]);
        openssl.run(&["dgst", "-sha256", "-verify", "member.pem", "-signature", "signature.der", "signed.der"]);
        let text = openssl.run(&["x509", "-in", "node.pem", "-noout", "-text"]);
        for shown in [
            &node.member.public_key().thumbprint().to_string(),
            "TLS Web Client Authentication, TLS Web Server Authentication",
            "CA:FALSE",
        ] {
            assert!(text.contains(shown), "{shown} is not in\n{text}");
        }
    }

    #[test]
    fn what_shows_no_members_node_is_refused() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (ours, stranger) = (node(dirs[0].path()), node(dirs[1].path()));
        let known = keys(&[&ours]);
        let issued = ours.issue(now()).unwrap();
        let strangers = stranger.issue(now()).unwrap();
        let refused = |der: &[u8], now| check(der, &known, now).unwrap_err();
        assert!(matches!(refused(&strangers.der, now()), NodeCertificateError::UnknownMember { .. }));
        // A certificate that names our member, signed by the stranger's key.
        let params = Profile::node().unwrap();
        let kid = ours.member.public_key().thumbprint().to_string();
        let forged = |days, key: &PublicKey, signer: &NodeTls| {
            let validity = Validity::of_days(now(), days).unwrap();
            let params = params.params(&[("kid", &kid)], key, &[0x41; 20], validity).unwrap();
            let issuer = Issuer::new(member_as_issuer(key), CertificateSigner(signer.member.private_key()));
            let key = SubjectPublicKeyInfo::from_der(&key.spki_der()).unwrap();
            params.signed_by(&key, &issuer).unwrap().der().to_vec()
        };
        let tls_key = ours.key.public();
        let found = refused(&forged(90, tls_key, &stranger), now());
        assert!(matches!(found, NodeCertificateError::BadSignature { .. }), "{found}");
        for (der, word) in [
            (forged(91, tls_key, &ours), "more than 90 days"),
            (forged(90, ours.member.public_key(), &ours), "the member's own"),
        ] {
            let found = refused(&der, now()).to_string();
            assert!(found.contains(word), "{found}");
        }
        assert!(check(&forged(90, tls_key, &ours), &known, now()).is_ok());
        let at = |days: i64| now().plus_millis(days * DAY_MS);
        assert!(matches!(refused(&issued.der, at(90)), NodeCertificateError::Expired { .. }));
        assert!(matches!(refused(&issued.der, at(-2)), NodeCertificateError::NotYetValid { .. }));
        for at in [20, issued.der.len() - 1] {
            let mut changed = issued.der.clone();
            changed[at] ^= 1;
            assert!(check(&changed, &known, now()).is_err(), "byte {at}");
        }
        assert!(matches!(refused(b"junk", now()), NodeCertificateError::Malformed { .. }));
        let participants = Profile::participant().unwrap();
        assert_ne!(participants, params, "a participant's certificate is of another kind");
    }

    #[test]
    fn a_key_that_others_can_open_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let node = node(dir.path());
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(dir.path().join(NODE_TLS_KEY_FILE), open).unwrap();
        assert!(matches!(NodeTls::open(node.member, dir.path()), Err(KeyError::OpenToOthers { .. })));
    }
}
