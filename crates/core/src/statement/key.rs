//! P-256 public keys and ES256 signatures.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::hash::Hash;
use crate::text::serde_as_text;

/// A P-256 public key: a point on the curve, other than infinity.
///
/// It is parsed once: a signer's key is used for many statements.
#[derive(Clone)]
pub struct PublicKey {
    point: [u8; 65],
    thumbprint: Hash,
    parsed: VerifyingKey,
}

/// What is no P-256 public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    #[error("a P-256 public key is an uncompressed point of 65 bytes that begins with 04; this has {found} bytes")]
    NotUncompressed { found: usize },
    #[error("the point is not on the curve P-256")]
    NotOnCurve,
    #[error("the SubjectPublicKeyInfo is not that of a P-256 key with an uncompressed point (91 bytes of DER)")]
    NotP256Spki,
    #[error("a key is written as {{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":…,\"y\":…}} and nothing else: {detail}")]
    Jwk { detail: &'static str },
}

/// An ES256 signature: r then s, 32 bytes each, big-endian (RFC 7518 §3.4). In JSON it is base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// What is no ES256 signature, or one that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("an ES256 signature is 64 bytes in base64url, 86 characters without padding")]
    Malformed,
    #[error("the signature is not the DER of an ECDSA signature (RFC 3279 §2.2.3)")]
    NotDer,
    #[error("r or s is zero or not below the order of the curve")]
    OutOfRange,
    #[error("the signature does not hold for these bytes under this key")]
    DoesNotHold,
}

/// SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2) up to its point: everything before it is fixed.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl PublicKey {
    /// Takes an uncompressed SEC 1 point: 04, x, y; 65 bytes.
    pub fn from_sec1(point: &[u8]) -> Result<Self, PublicKeyError> {
        let point: [u8; 65] = match <[u8; 65]>::try_from(point) {
            Ok(point) if point[0] == 0x04 => point,
            _ => return Err(PublicKeyError::NotUncompressed { found: point.len() }),
        };
        let parsed = VerifyingKey::from_sec1_bytes(&point).map_err(|_| PublicKeyError::NotOnCurve)?;
        Ok(Self { point, thumbprint: Hash::of_parts(&[&SPKI_PREFIX, &point]), parsed })
    }

    /// Takes a SubjectPublicKeyInfo in DER that names the curve and has an uncompressed point.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        match der.strip_prefix(&SPKI_PREFIX) {
            Some(point) if point.len() == 65 => Self::from_sec1(point),
            _ => Err(PublicKeyError::NotP256Spki),
        }
    }

    /// Takes a JWK (RFC 7518 §6.2.1) of exactly the members `kty`, `crv`, `x` and `y`.
    pub fn from_jwk(jwk: &Value) -> Result<Self, PublicKeyError> {
        let fault = |detail| PublicKeyError::Jwk { detail };
        let members = jwk.as_object().ok_or(fault("this is no object"))?;
        if members.get("kty").and_then(Value::as_str) != Some("EC") {
            return Err(fault("kty is not \"EC\""));
        }
        if members.get("crv").and_then(Value::as_str) != Some("P-256") {
            return Err(fault("crv is not \"P-256\""));
        }
        if members.len() != 4 {
            return Err(fault("it has a member too many or too few"));
        }
        let coordinate = |name: &str| -> Option<Hash> { members.get(name)?.as_str()?.parse().ok() };
        let x = coordinate("x").ok_or(fault("x is not 32 bytes in base64url without padding"))?;
        let y = coordinate("y").ok_or(fault("y is not 32 bytes in base64url without padding"))?;
        Self::from_sec1(&[&[0x04], x.as_bytes().as_slice(), y.as_bytes().as_slice()].concat())
    }

    /// The uncompressed SEC 1 point: 04, x, y.
    pub const fn sec1(&self) -> &[u8; 65] {
        &self.point
    }

    /// The SubjectPublicKeyInfo in DER: 91 bytes.
    pub fn spki_der(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.point].concat()
    }

    /// SHA-256 of the SubjectPublicKeyInfo in DER: a member's `kid`.
    pub const fn thumbprint(&self) -> Hash {
        self.thumbprint
    }

    /// The key as the default verifier takes it.
    pub(super) const fn parsed(&self) -> &VerifyingKey {
        &self.parsed
    }

    /// The key as JWK: `kty`, `crv`, `x`, `y`, in this order.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.point[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }
}

impl From<&VerifyingKey> for PublicKey {
    fn from(key: &VerifyingKey) -> Self {
        // A VerifyingKey is a point on the curve by construction, which is all that could be refused.
        Self::from_sec1(key.to_sec1_point(false).as_bytes()).expect("a VerifyingKey is a point on P-256")
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.jwk().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_jwk(&value).map_err(serde::de::Error::custom)
    }
}

impl Signature {
    /// Characters of its base64url form.
    pub const BASE64URL_LEN: usize = 86;

    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Takes exactly 64 bytes, else `None`.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Reads the DER form, as signed notes and X.509 hold it.
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let signature = p256::ecdsa::Signature::from_der(der).map_err(|_| SignatureError::NotDer)?;
        Ok(Self(signature.to_bytes().into()))
    }

    /// Writes the DER form: 8 to 72 bytes.
    pub fn to_der(&self) -> Result<Vec<u8>, SignatureError> {
        let signature = p256::ecdsa::Signature::from_slice(&self.0).map_err(|_| SignatureError::OutOfRange)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    /// Reads canonical base64url without padding.
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SignatureError::Malformed)?;
        Self::from_slice(&bytes).ok_or(SignatureError::Malformed)
    }
}

serde_as_text!(Signature);
