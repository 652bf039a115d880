//! Which keys and signatures are taken, and what the others are called in a message.

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use sealane_core::statement::PublicKey;

/// id-ecPublicKey (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";

/// secp256r1, also called prime256v1 and P-256 (RFC 5480 §2.1.1.1).
const P256: &str = "1.2.840.10045.3.1.7";

/// ecdsa-with-SHA256 (RFC 5758 §3.2).
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";

/// Characters shown of an object identifier that has no name here: a foreign one can be as long as its certificate.
const IDENTIFIER_CHARS_SHOWN: usize = 64;

/// A public key that Sealane takes no signatures from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertifiedKeyError {
    #[error("the key is {found}; make a P-256 key: openssl ecparam -name prime256v1 -genkey -noout -out key.pem")]
    NotP256 { found: String },
    #[error("the key's point is compressed; write it in full: openssl ec -conv_form uncompressed")]
    Compressed,
    #[error("the key is no point on P-256")]
    NoPoint,
}

/// Takes a P-256 key with a named curve and an uncompressed point: written in one way only, a key has one thumbprint.
pub(super) fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, CertifiedKeyError> {
    PublicKey::from_spki_der(spki.raw).map_err(|_| explain(spki))
}

fn explain(spki: &SubjectPublicKeyInfo<'_>) -> CertifiedKeyError {
    let curve = curve_of(&spki.algorithm);
    let algorithm = spki.algorithm.algorithm.to_id_string();
    if algorithm != EC_PUBLIC_KEY || curve.as_deref() != Some(P256) {
        return CertifiedKeyError::NotP256 { found: describe_key(&algorithm, curve.as_deref()) };
    }
    match spki.subject_public_key.data.first() {
        Some(2 | 3) => CertifiedKeyError::Compressed,
        _ => CertifiedKeyError::NoPoint,
    }
}

/// True for ECDSA with SHA-256, the one signature of certificates and requests.
pub(super) fn is_ecdsa_with_sha256(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.algorithm.to_id_string() == ECDSA_WITH_SHA256
}

/// Names a kind of key by the object identifiers of its algorithm and curve.
pub(super) fn describe_key(algorithm: &str, curve: Option<&str>) -> String {
    let name = match (algorithm, curve) {
        ("1.2.840.113549.1.1.1", _) => "RSA",
        ("1.2.840.113549.1.1.10", _) => "RSA-PSS",
        ("1.2.840.10040.4.1", _) => "DSA",
        ("1.3.101.112", _) => "Ed25519",
        ("1.3.101.113", _) => "Ed448",
        ("1.3.101.110", _) => "X25519",
        (EC_PUBLIC_KEY, Some(curve)) => return describe_curve(curve),
        (EC_PUBLIC_KEY, None) => "an EC key whose curve is spelt out instead of named",
        _ => return format!("of the algorithm {}", shortened(algorithm)),
    };
    name.to_owned()
}

/// Names a kind of signature by its object identifier.
pub(super) fn describe_signature(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let name = match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.1" => "ECDSA with SHA-224",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "1.3.101.112" => "Ed25519",
        other => return format!("the algorithm {}", shortened(other)),
    };
    name.to_owned()
}

fn describe_curve(curve: &str) -> String {
    let name = match curve {
        P256 => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.1" => "P-192",
        other => return format!("on the curve {}", shortened(other)),
    };
    name.to_owned()
}

fn curve_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<String> {
    let named = algorithm.parameters.as_ref().filter(|parameters| parameters.tag() == Tag::Oid)?;
    named.as_oid().ok().map(|oid| oid.to_id_string())
}

fn shortened(identifier: &str) -> String {
    identifier.chars().take(IDENTIFIER_CHARS_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_common_keys_and_gives_the_identifier_of_the_rest() {
        assert_eq!(describe_key("1.2.840.113549.1.1.1", None), "RSA");
        assert_eq!(describe_key(EC_PUBLIC_KEY, Some("1.3.132.0.34")), "P-384");
        assert_eq!(describe_key(EC_PUBLIC_KEY, Some("1.2.3")), "on the curve 1.2.3");
        assert_eq!(describe_key("1.2.3", None), "of the algorithm 1.2.3");
        assert!(describe_key(EC_PUBLIC_KEY, None).contains("spelt out"));
    }
}
