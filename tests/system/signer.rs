//! Statements signed by hand, so that anything about them can be made wrong.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use sealane::pki::{Certificate, PrivateKey, X509Reader};
use sealane_core::consortium::CertificateReader;
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::support::{Answer, Node};

/// The order of P-256's group, n (SEC 2 §2.4.2).
pub const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A participant's key and certificate, and the ledger it signs for.
pub struct Signer {
    pub key: PrivateKey,
    pub certificate: Hash,
    pub participant: ParticipantId,
    pub origin: String,
}

impl Signer {
    /// Reads what `register` and `certificate` have left of a participant.
    pub fn of(node: &Node, name: &str) -> Self {
        let dir = node.identity(name);
        let chain = std::fs::read_to_string(dir.join("certificate.pem")).unwrap();
        let certificate = Certificate::parse_chain_pem(&chain).unwrap().remove(0);
        let facts = X509Reader.certificate(certificate.der()).unwrap();
        let participant = facts.participant.unwrap().parse().unwrap();
        let certificate = certificate.thumbprint();
        Self {
            key: PrivateKey::read(&dir.join("key.pem")).unwrap(),
            certificate,
            participant,
            origin: node.origin.clone(),
        }
    }

    /// The header of a good statement.
    pub fn header(&self) -> Map<String, Value> {
        let members = [
            ("alg", Value::from("ES256")),
            ("typ", "epcis+jws".into()),
            ("x5t#S256", self.certificate.to_string().into()),
            ("aud", self.origin.as_str().into()),
            ("iat", now().seconds().into()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The header of a good statement with one member changed or added.
    pub fn header_with(&self, name: &str, value: impl Into<Value>) -> String {
        let mut header = self.header();
        header.insert(name.to_owned(), value.into());
        Value::Object(header).to_string()
    }

    /// A good statement, as compact JWS.
    pub fn statement(&self, document: &Value) -> String {
        self.sign_payload(document.to_string().as_bytes())
    }

    /// A statement with a good header over any bytes.
    pub fn sign_payload(&self, payload: &[u8]) -> String {
        self.sign(&Value::Object(self.header()).to_string(), payload)
    }

    /// A compact JWS of any header and payload, whose signature holds.
    pub fn sign(&self, header: &str, payload: &[u8]) -> String {
        self.sign_input(&format!("{}.{}", encode(header.as_bytes()), encode(payload)))
    }

    /// Puts the signature to a signing input.
    pub fn sign_input(&self, input: &str) -> String {
        let signature: Signature = self.key.signing_key().sign(input.as_bytes());
        format!("{input}.{}", encode(&signature.to_bytes()))
    }
}

/// Posts a statement, and waits until it is final.
pub fn capture(node: &Node, statement: impl AsRef<[u8]>) -> Answer {
    let headers = [("Content-Type", "application/jose"), ("Prefer", "wait=60")];
    node.request("POST", "/epcis/capture", &headers, statement.as_ref())
}

/// Captures a statement that must be taken; returns its receipt.
#[track_caller]
pub fn captured(node: &Node, statement: impl AsRef<[u8]>) -> Value {
    let answer = capture(node, statement);
    assert_eq!(answer.status, 200, "{}", answer.json());
    let receipt = answer.json()["receipt"].take();
    assert!(receipt["leafIndex"].is_u64(), "{}", answer.json());
    receipt
}

/// The signing input and the 64 bytes of the signature of a compact JWS.
pub fn split(statement: &str) -> (&str, [u8; 64]) {
    let (input, signature) = statement.rsplit_once('.').unwrap();
    (input, URL_SAFE_NO_PAD.decode(signature).unwrap().try_into().unwrap())
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap()).unwrap()
}
