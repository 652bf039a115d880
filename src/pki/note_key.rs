//! The Ed25519 private key by which a member signs notes, and the file that holds it.

use std::fmt;
use std::io;
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use zeroize::Zeroizing;

use super::file;
use super::key::{KeyError, read_private};
use super::pem::{self, PemError};
use sealane_core::block::{NotePublicKey, NoteSigningKey};

/// Its file name inside a member's data directory.
pub const NOTE_KEY_FILE: &str = "member-note-key.pem";

/// An Ed25519 private key. Its memory is wiped when dropped, and no formatting shows it.
pub struct NotePrivateKey(NoteSigningKey);

impl NotePrivateKey {
    /// Draws a new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        let drawn = SystemRandom::new().fill(&mut *seed);
        drawn.map_err(|error| KeyError::Randomness { reason: error.to_string() })?;
        Ok(Self(NoteSigningKey::from_seed(&seed)))
    }

    /// Writes the key as PKCS#8 PEM (RFC 8410 §7) to a file that must not exist yet, readable by its owner alone from the
    /// start.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
            _ => KeyError::Write { path: path.to_owned(), source },
        };
        // Without the public half, in the version of PKCS#8 that every OpenSSL reads.
        let pair = KeypairBytes { secret_key: *self.0.seed(), public_key: None };
        let text = pair
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.to_string())))?;
        file::write_new(path, 0o600, &text).map_err(failed)
    }

    /// Reads a key file that only its owner can open: PKCS#8 in PEM, as [`Self::write_new`] and
    /// `openssl genpkey -algorithm ed25519` write it.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        let not_one = |found: String| KeyError::NotOneKey { path: path.to_owned(), found };
        let blocks = pem::read(&text).map_err(|source: PemError| KeyError::Pem { path: path.to_owned(), source })?;
        let [block] = blocks.as_slice() else { return Err(not_one(format!("{} PEM blocks", blocks.len()))) };
        match block.label.as_str() {
            "PRIVATE KEY" => {}
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted { path: path.to_owned() }),
            other => return Err(not_one(format!("{other:?}"))),
        }
        let key = SigningKey::from_pkcs8_der(&block.contents);
        let key = key.map_err(|_| KeyError::NotEd25519 { path: path.to_owned() })?;
        Ok(Self(NoteSigningKey::from_seed(key.as_bytes())))
    }

    /// The public half.
    pub fn public(&self) -> NotePublicKey {
        self.0.public()
    }

    /// Signs the text of a note.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text)
    }
}

impl fmt::Debug for NotePrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotePrivateKey(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::pki::PrivateKey;
    use crate::pki::openssl::Openssl;

    #[test]
    fn a_written_key_is_its_owners_alone_and_reads_back() {
        let openssl = Openssl::new();
        let path = openssl.path("note.pem");
        let key = NotePrivateKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let read = NotePrivateKey::read(&path).unwrap();
        assert_eq!(read.public(), key.public());
        assert_eq!(key.public().verify(b"text", &read.sign(b"text")), Ok(()));
        assert!(matches!(key.write_new(&path), Err(KeyError::Exists { .. })));
        assert!(!format!("{key:?}").contains("seed"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(NotePrivateKey::read(&path), Err(KeyError::OpenToOthers { .. })));
    }

    #[test]
    fn another_key_is_told_by_name() {
        let openssl = Openssl::new();
        let path = openssl.path("other.pem");
        PrivateKey::generate().unwrap().write_new(&path).unwrap();
        let fault = NotePrivateKey::read(&path).unwrap_err().to_string();
        assert!(fault.contains("is no Ed25519 key"), "{fault}");
        let path = openssl.path("none.pem");
        fs::write(&path, "nothing").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(NotePrivateKey::read(&path).is_err());
        assert!(matches!(NotePrivateKey::read(&openssl.path("missing.pem")), Err(KeyError::Read { .. })));
    }
}
