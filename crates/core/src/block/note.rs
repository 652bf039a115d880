//! C2SP signed notes, so that standard tools read a node's checkpoints.
//!
//! A node signs two lines: one by the member's key, of type 0x02 (ECDSA P-256, ASN.1 DER, under a key id of the first four
//! bytes of SHA-256 of the SubjectPublicKeyInfo), and one by its note key, of type 0x01 (Ed25519). Other types are carried
//! and not judged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};
use crate::statement::{PublicKey, PublicKeyError, Signature, SignatureError, SignatureVerifier};

use super::note_key::{NotePublicKey, NotePublicKeyError};
use super::origin::{Origin, OriginError};

/// A text and the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name; for a checkpoint, its origin. A name obeys the same rules.
    pub name: Origin,
    pub key_id: [u8; 4],
    /// As the key's type says: for type 0x02 ASN.1 DER, for type 0x01 64 bytes.
    pub signature: Vec<u8>,
}

/// A key under which notes are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    pub name: Origin,
    pub key: NoteKeyKind,
}

/// The types of key that this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteKeyKind {
    /// Type 0x01.
    Ed25519(NotePublicKey),
    /// Type 0x02.
    EcdsaP256(PublicKey),
}

/// What is no signed note, no key of one, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a note has at most {NOTE_BYTES_MAX} bytes; this has {found}")]
    TooLong { found: usize },
    #[error("the note has the control character {found:?} at byte {offset}; only newlines are taken")]
    ControlCharacter { found: char, offset: usize },
    #[error("a note is a text that ends with a newline, an empty line, and signature lines each ended by a newline")]
    Shape,
    #[error("signature line {line} is not \"— name base64\": {detail}")]
    Signature { line: usize, detail: &'static str },
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    #[error("a key is written name+hash+base64: {detail}")]
    Key { detail: &'static str },
    #[error("the key's name: {0}")]
    Name(#[from] OriginError),
    #[error("the key is of type {found:#04x}; this program knows 0x01, Ed25519, and 0x02, ECDSA P-256")]
    KeyType { found: u8 },
    #[error("the key itself: {0}")]
    PublicKey(#[from] PublicKeyError),
    #[error("the key itself: {0}")]
    NotePublicKey(#[from] NotePublicKeyError),
    #[error("the key's hash is {found}, but the key hashes to {expected}")]
    KeyHash { expected: String, found: String },
    #[error("two of the keys have the name {name} and one key id")]
    AmbiguousKey { name: String },
    #[error("the signature by {name} does not hold: {source}")]
    BadSignature { name: String, source: SignatureError },
    #[error("the signature by {name} does not hold: {source}")]
    BadEd25519 { name: String, source: NotePublicKeyError },
    #[error("no signature is by a known key")]
    NoKnownKey,
}

const ED25519: u8 = 0x01;
const ECDSA: u8 = 0x02;

impl Note {
    /// Puts signatures under a text that ends with a newline, such as a checkpoint's.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let note = Self { text, signatures };
        // The reader's rules are the writer's.
        Self::parse(note.to_text().as_bytes())
    }

    /// Reads a signed note (C2SP signed-note, "Format").
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { found: bytes.len() });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Shape)?;
        if let Some((offset, found)) = note.char_indices().find(|(_, c)| c.is_ascii_control() && *c != '\n') {
            return Err(NoteError::ControlCharacter { found, offset });
        }
        // The text may hold empty lines of its own: the last one is what ends it.
        let split = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, rest) = note.split_at(split + 1);
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or(NoteError::Shape)?;
        let mut signatures = Vec::new();
        for (at, line) in lines.split('\n').enumerate() {
            if at == NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(signature_line(line).map_err(|detail| NoteError::Signature { line: at + 1, detail })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Writes the note: text, empty line, signature lines.
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let blob = STANDARD.encode([key_id.as_slice(), signature].concat());
            note.push_str(&format!("— {name} {blob}\n"));
        }
        note
    }

    /// The signed text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Tells which of `keys` have signed; each once, however often its signature stands there.
    ///
    /// At least one must have. A signature by a known key that does not hold spoils the note; one by an unknown key,
    /// or under a key id that is not the key's, is passed over.
    pub fn verify<'a>(
        &self,
        keys: &'a [NoteKey],
        verifier: &dyn SignatureVerifier,
    ) -> Result<Vec<&'a NoteKey>, NoteError> {
        let mut signed: Vec<&NoteKey> = Vec::new();
        for signature in &self.signatures {
            let mut known = keys.iter().filter(|key| key.name == signature.name && key.key_id() == signature.key_id);
            let Some(key) = known.next() else { continue };
            if known.next().is_some() {
                return Err(NoteError::AmbiguousKey { name: key.name.to_string() });
            }
            if signed.contains(&key) {
                continue;
            }
            key.verify(self.text.as_bytes(), &signature.signature, verifier)?;
            signed.push(key);
        }
        if signed.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(signed) }
    }
}

impl NoteKey {
    pub const fn ecdsa(name: Origin, key: PublicKey) -> Self {
        Self { name, key: NoteKeyKind::EcdsaP256(key) }
    }

    pub const fn ed25519(name: Origin, key: NotePublicKey) -> Self {
        Self { name, key: NoteKeyKind::Ed25519(key) }
    }

    /// First four bytes of a SHA-256: of an ECDSA key's SubjectPublicKeyInfo in DER; of an Ed25519 key's name, a newline,
    /// its type and the key (C2SP signed-note, "Signatures").
    pub fn key_id(&self) -> [u8; 4] {
        let hash = match &self.key {
            NoteKeyKind::Ed25519(key) => {
                Hash::of_parts(&[self.name.as_str().as_bytes(), b"\n", &[ED25519], key.as_bytes()])
            }
            NoteKeyKind::EcdsaP256(key) => key.thumbprint(),
        };
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }

    /// Makes a signature line out of this key's signature over the note's text, in the form that the key's type says.
    pub fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), key_id: self.key_id(), signature }
    }

    fn verify(&self, text: &[u8], signature: &[u8], verifier: &dyn SignatureVerifier) -> Result<(), NoteError> {
        let name = || self.name.to_string();
        match &self.key {
            NoteKeyKind::Ed25519(key) => {
                key.verify(text, signature).map_err(|source| NoteError::BadEd25519 { name: name(), source })
            }
            NoteKeyKind::EcdsaP256(key) => Signature::from_der(signature)
                .and_then(|signature| verifier.verify(key, text, &signature))
                .map_err(|source| NoteError::BadSignature { name: name(), source }),
        }
    }

    /// Writes the key as note tools take it: name, key id in hexadecimal, base64 of type and key. An ECDSA key is its
    /// SubjectPublicKeyInfo, an Ed25519 key its 32 bytes.
    pub fn to_vkey(&self) -> String {
        let key = match &self.key {
            NoteKeyKind::Ed25519(key) => [&[ED25519], key.as_bytes().as_slice()].concat(),
            NoteKeyKind::EcdsaP256(key) => [&[ECDSA], key.spki_der().as_slice()].concat(),
        };
        format!("{}+{}+{}", self.name, hex(self.key_id()), STANDARD.encode(key))
    }

    /// Reads what [`Self::to_vkey`] writes.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(found), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key { detail: "two + are needed" });
        };
        let name: Origin = name.parse()?;
        if found.len() != 8 || !found.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NoteError::Key { detail: "the hash is eight lower-case hexadecimal digits" });
        }
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key { detail: "the last part is not base64" })?;
        let key = match key.split_first() {
            Some((&ECDSA, spki)) => Self::ecdsa(name, PublicKey::from_spki_der(spki)?),
            Some((&ED25519, key)) => {
                let key = key.try_into().map_err(|_| NoteError::Key { detail: "an Ed25519 key has 32 bytes" })?;
                Self::ed25519(name, NotePublicKey::from_bytes(key)?)
            }
            Some((&found, _)) => return Err(NoteError::KeyType { found }),
            None => return Err(NoteError::Key { detail: "the last part is empty" }),
        };
        let expected = hex(key.key_id());
        if expected != found {
            return Err(NoteError::KeyHash { expected, found: found.to_owned() });
        }
        Ok(key)
    }
}

fn signature_line(line: &str) -> Result<NoteSignature, &'static str> {
    let rest = line.strip_prefix("— ").ok_or("it begins with an em dash and a space")?;
    let (name, blob) = rest.split_once(' ').ok_or("a space stands between name and base64")?;
    let name = name.parse().map_err(|_| "the name is empty, too long, or has white space or +")?;
    let blob = STANDARD.decode(blob).map_err(|_| "what follows the name is not base64")?;
    match blob.split_first_chunk() {
        Some((key_id, signature)) if !signature.is_empty() => {
            Ok(NoteSignature { name, key_id: *key_id, signature: signature.to_vec() })
        }
        _ => Err("it has fewer than five bytes"),
    }
}

fn hex(key_id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(key_id))
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;
    use crate::block::NoteSigningKey;
    use crate::statement::P256;

    const TEXT: &str = "ledger.example/test\n4\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn signed_by(byte: u8, name: &str) -> (NoteKey, NoteSignature) {
        let secret = SigningKey::from_slice(&[byte; 32]).unwrap();
        let key = NoteKey::ecdsa(name.parse().unwrap(), PublicKey::from(secret.verifying_key()));
        let signature = key.line(Signature::sign(&secret, TEXT.as_bytes()).to_der().unwrap());
        (key, signature)
    }

    #[test]
    fn a_signed_note_round_trips_and_verifies() {
        let (key, signature) = signed_by(7, "ledger.example/test");
        let (other, unknown) = signed_by(8, "witness.example");
        let note = Note::new(TEXT.to_owned(), vec![signature.clone(), unknown, signature]).unwrap();
        assert_eq!(Note::parse(note.to_text().as_bytes()), Ok(note.clone()));
        assert_eq!(note.text(), TEXT);
        assert_eq!(note.verify(std::slice::from_ref(&key), &P256), Ok(vec![&key]));
        assert_eq!(note.verify(&[key.clone(), other.clone()], &P256), Ok(vec![&key, &other]));
        assert_eq!(note.verify(&[], &P256), Err(NoteError::NoKnownKey));
        assert!(matches!(note.verify(&[key.clone(), key], &P256), Err(NoteError::AmbiguousKey { .. })));
    }

    #[test]
    fn a_known_keys_bad_signature_spoils_the_note() {
        let (key, mut signature) = signed_by(7, "ledger.example/test");
        let changed = TEXT.replace("\n4\n", "\n5\n");
        let note = Note::new(changed, vec![signature.clone()]).unwrap();
        assert!(matches!(note.verify(std::slice::from_ref(&key), &P256), Err(NoteError::BadSignature { .. })));
        signature.signature = vec![0; 64];
        let note = Note::new(TEXT.to_owned(), vec![signature.clone()]).unwrap();
        assert!(matches!(note.verify(std::slice::from_ref(&key), &P256), Err(NoteError::BadSignature { .. })));
        // Under another key id it is some unknown key's.
        signature.key_id = [0; 4];
        let note = Note::new(TEXT.to_owned(), vec![signature]).unwrap();
        assert_eq!(note.verify(&[key], &P256), Err(NoteError::NoKnownKey));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let (_, signature) = signed_by(7, "ledger.example/test");
        let good = Note::new(TEXT.to_owned(), vec![signature.clone()]).unwrap().to_text();
        for wrong in [
            String::new(),
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            good.trim_end().to_owned(),
            good.replace('—', "-"),
            good.replace("— ", "—"),
            good.replace("— ledger.example/test ", "— "),
            good.replace("— ledger.example", "— ledger example"),
            good.replace("— ledger", "— +"),
            format!("{good}— x AAAAAA==\n"),
            format!("{good}— x ?\n"),
            good.replacen('\n', "\r\n", 1),
            format!("{good}{}", "— x AAAAAAA=\n".repeat(NOTE_SIGNATURES_MAX)),
            "x".repeat(NOTE_BYTES_MAX + 1),
        ] {
            assert!(Note::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert_eq!(Note::new("no newline".to_owned(), vec![signature]), Err(NoteError::Shape));
        assert!(Note::parse(b"\xff\n\n").is_err());
    }

    #[test]
    fn keys_round_trip_and_their_hash_is_checked() {
        let (key, _) = signed_by(7, "ledger.example/test");
        let vkey = key.to_vkey();
        assert_eq!(NoteKey::parse(&vkey), Ok(key.clone()));
        let (name, rest) = vkey.split_once('+').unwrap();
        let (hash, blob) = rest.split_once('+').unwrap();
        for wrong in [
            format!("{name}+00000000+{blob}"),
            format!("{name}+{}+{blob}", hash.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
            format!("{name}+{hash}"),
            format!("+{hash}+{blob}"),
            format!("{name}+{hash}+"),
            format!("{name}+{hash}+?"),
            format!("{name}+{hash}+{}", STANDARD.encode([ECDSA])),
        ] {
            assert!(NoteKey::parse(&wrong).is_err(), "{wrong}");
        }
        let unknown = format!("{name}+{hash}+{}", STANDARD.encode([3; 33]));
        assert_eq!(NoteKey::parse(&unknown), Err(NoteError::KeyType { found: 3 }));
        for hash in [&hash[1..], "0123456g", "0123456A"] {
            let refused = NoteKey::parse(&format!("{name}+{hash}+{blob}"));
            assert!(matches!(refused, Err(NoteError::Key { detail }) if detail.contains("eight")), "{hash}");
        }
    }

    #[test]
    fn an_ed25519_line_stands_beside_the_ecdsa_line() {
        let secret = NoteSigningKey::from_seed(&[7; 32]);
        let (ecdsa, first) = signed_by(7, "ledger.example/test");
        let key = NoteKey::ed25519(ecdsa.name.clone(), secret.public());
        let second = key.line(secret.sign(TEXT.as_bytes()).to_vec());
        let note = Note::new(TEXT.to_owned(), vec![first.clone(), second.clone()]).unwrap();
        let keys = [ecdsa, key.clone()];
        assert_eq!(note.verify(&keys, &P256).unwrap().len(), 2);
        assert_eq!(note.verify(&keys[1..], &P256), Ok(vec![&key]));
        let mut changed = second.clone();
        changed.signature[9] ^= 1;
        for signature in [changed, NoteSignature { signature: second.signature[..63].to_vec(), ..second }] {
            let note = Note::new(TEXT.to_owned(), vec![first.clone(), signature]).unwrap();
            assert!(matches!(note.verify(&keys, &P256), Err(NoteError::BadEd25519 { .. })));
        }
        let vkey = key.to_vkey();
        assert_eq!(NoteKey::parse(&vkey), Ok(key));
        let (begin, _) = vkey.rsplit_once('+').unwrap();
        for wrong in [[&[1][..], &[2; 32]].concat(), [&[1][..], &[7; 31]].concat()] {
            assert!(NoteKey::parse(&format!("{begin}+{}", STANDARD.encode(wrong))).is_err());
        }
    }
}
