//! A member's word to a node: a short-lived JWS by which a node knows who asks it. It is no statement, and on no ledger.
//!
//! There are two kinds, each with a `typ` of its own, so that none is taken for the other, for a statement, or for anything else
//! that the key signs: a [`MemberQuestion`] goes with one request, and a [`ConsoleLink`] opens the operator's page once.
//! `docs/FORMATS.md`, "A member's word", has the bytes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::block::Origin;
use crate::hash::Hash;
use crate::json;
use crate::statement::{CompactParts, PublicKey, Signature, SignatureVerifier};
use crate::time::Timestamp;

/// How long a word holds after its `iat`, in milliseconds: a minute, in which a command asks, or an operator follows a link.
pub const WORD_AGE_MS_MAX: i64 = 60 * 1000;

/// How far a word's `iat` may be ahead, in milliseconds: a minute, for the clock of another machine.
pub const WORD_AHEAD_MS_MAX: i64 = 60 * 1000;

/// Characters of a word: a path and query of 2 KiB, and what is around them.
pub const WORD_CHARS_MAX: usize = 4 * 1024;

const QUESTION_TYP: &str = "sealane-question+jws";
const CONSOLE_TYP: &str = "sealane-console+jws";

/// What a member asks of a node, which no other one is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberQuestion<'a> {
    /// The request's method, such as `GET`.
    pub method: &'a str,
    /// The request's path and query, as they stand in its first line.
    pub target: &'a str,
}

/// A link that opens the operator's page of one node once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLink {
    /// The address and port on which the node serves that page.
    pub console: String,
    /// 32 bytes at random.
    pub nonce: Hash,
    /// When it was signed, in whole seconds.
    pub issued: Timestamp,
}

/// Why a member's word is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    #[error("it is for another ledger than {origin}")]
    OtherLedger { origin: Origin },
    #[error("it was signed at {issued} and held for a minute; by the clock here it is {now}. Sign another one")]
    Expired { issued: Timestamp, now: Timestamp },
    #[error(
        "it was signed at {issued}, which is more than a minute ahead of the clock here ({now}): set the clock right"
    )]
    Ahead { issued: Timestamp, now: Timestamp },
    #[error("its kid {kid} is no key that counts here")]
    UnknownKey { kid: Hash },
    #[error("its signature does not hold")]
    BadSignature,
    #[error("it is signed for another request, {0:?}")]
    OtherRequest(String),
    #[error("it is signed for another address, {0:?}")]
    OtherConsole(String),
}

impl MemberQuestion<'_> {
    /// What a member signs by ES256; `kid` is the thumbprint of its key.
    pub fn signing_input(&self, kid: Hash, origin: &Origin, now: Timestamp) -> String {
        signing_input(QUESTION_TYP, kid, origin, now, &[("method", self.method), ("target", self.target)])
    }

    /// Tells which member asks this, by a word that came with the request. `key_of` finds the keys that count.
    pub fn asked_by<'k>(
        &self,
        word: &str,
        origin: &Origin,
        now: Timestamp,
        verifier: &dyn SignatureVerifier,
        key_of: impl Fn(&Hash) -> Option<&'k PublicKey>,
    ) -> Result<Hash, WordError> {
        let read = Word::read(word, QUESTION_TYP, origin, now)?;
        let [method, target] = read.payload(["method", "target"])?;
        if (method.as_str(), target.as_str()) != (self.method, self.target) {
            return Err(WordError::OtherRequest(format!("{method} {target}")));
        }
        read.verify(verifier, key_of)
    }
}

impl ConsoleLink {
    /// What a member signs by ES256; `kid` is the thumbprint of its key.
    pub fn signing_input(&self, kid: Hash, origin: &Origin) -> String {
        let nonce = self.nonce.to_string();
        signing_input(CONSOLE_TYP, kid, origin, self.issued, &[("console", &self.console), ("nonce", &nonce)])
    }

    /// Reads a link that the member of this very node has signed, for the page at `console`. Whether it was used is for the node
    /// to know.
    pub fn read(
        word: &str,
        console: &str,
        origin: &Origin,
        key: &PublicKey,
        now: Timestamp,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, WordError> {
        let read = Word::read(word, CONSOLE_TYP, origin, now)?;
        let [found, nonce] = read.payload(["console", "nonce"])?;
        if found != console {
            return Err(WordError::OtherConsole(found));
        }
        let nonce = nonce.parse().map_err(|_| WordError::Malformed("its nonce is no 32 bytes in base64url"))?;
        read.verify(verifier, |kid| (*kid == key.thumbprint()).then_some(key))?;
        Ok(Self { console: found, nonce, issued: read.issued })
    }
}

/// Puts the signature to what was signed.
pub fn signed_word(signing_input: &str, signature: &Signature) -> String {
    format!("{signing_input}.{signature}")
}

fn signing_input(typ: &str, kid: Hash, origin: &Origin, now: Timestamp, payload: &[(&str, &str)]) -> String {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let header: Map<String, Value> = [
        text("alg", "ES256"),
        text("typ", typ),
        text("kid", &kid.to_string()),
        text("aud", origin.as_str()),
        ("iat".to_owned(), now.seconds().into()),
    ]
    .into_iter()
    .collect();
    let payload: Map<String, Value> = payload.iter().map(|(name, value)| text(name, value)).collect();
    let part = |members: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
    format!("{}.{}", part(header), part(payload))
}

/// A word of which all but the signature was looked at.
struct Word<'a> {
    parts: CompactParts<'a>,
    kid: Hash,
    issued: Timestamp,
}

impl<'a> Word<'a> {
    fn read(word: &'a str, typ: &str, origin: &Origin, now: Timestamp) -> Result<Self, WordError> {
        if word.len() > WORD_CHARS_MAX {
            return Err(WordError::Malformed("it is too long"));
        }
        let parts = CompactParts::split(word.as_bytes()).map_err(|_| WordError::Malformed("it is no compact JWS"))?;
        let header = parts.header().map_err(|_| WordError::Malformed("its header is no base64url, or too long"))?;
        let header = object(&header, "its header is no JSON object")?;
        if header.len() != 5 {
            return Err(WordError::Malformed("its header has other members than alg, typ, kid, aud and iat"));
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if text("alg") != Some("ES256") {
            return Err(WordError::Malformed("its alg is not ES256"));
        }
        if text("typ") != Some(typ) {
            return Err(WordError::Malformed("its typ is another one"));
        }
        let kid = text("kid").and_then(|kid| kid.parse().ok());
        let kid = kid.ok_or(WordError::Malformed("its kid is no thumbprint"))?;
        if text("aud") != Some(origin.as_str()) {
            return Err(WordError::OtherLedger { origin: origin.clone() });
        }
        let issued = header.get("iat").and_then(Value::as_i64).and_then(Timestamp::from_seconds);
        let issued = issued.ok_or(WordError::Malformed("its iat is no whole number of seconds"))?;
        if now.millis_since(issued) > WORD_AGE_MS_MAX {
            return Err(WordError::Expired { issued, now });
        }
        if issued.millis_since(now) > WORD_AHEAD_MS_MAX {
            return Err(WordError::Ahead { issued, now });
        }
        Ok(Self { parts, kid, issued })
    }

    /// The payload's members, which are texts and these alone.
    fn payload<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], WordError> {
        let payload = self.parts.payload().map_err(|_| WordError::Malformed("its payload is no base64url"))?;
        let payload = object(&payload, "its payload is no JSON object")?;
        let texts = names.map(|name| payload.get(name).and_then(Value::as_str).map(str::to_owned));
        if payload.len() != N || texts.iter().any(Option::is_none) {
            return Err(WordError::Malformed("its payload has other members"));
        }
        Ok(texts.map(Option::unwrap_or_default))
    }

    fn verify<'k>(
        &self,
        verifier: &dyn SignatureVerifier,
        key_of: impl Fn(&Hash) -> Option<&'k PublicKey>,
    ) -> Result<Hash, WordError> {
        let key = key_of(&self.kid).ok_or(WordError::UnknownKey { kid: self.kid })?;
        let signature = self.parts.signature().map_err(|_| WordError::BadSignature)?;
        let signed = self.parts.signing_input().as_bytes();
        verifier.verify(key, signed, &signature).map_err(|_| WordError::BadSignature)?;
        Ok(self.kid)
    }
}

fn object(bytes: &[u8], fault: &'static str) -> Result<Map<String, Value>, WordError> {
    match json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(WordError::Malformed(fault)),
    }
}

#[cfg(test)]
mod tests;
