//! The member's keys in use: they sign blocks, decisions and notes, and one keeps the mark of what it has signed.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use zeroize::Zeroizing;

use crate::pki::{NotePrivateKey, PrivateKey};
use crate::ports::{Mark, MarkError, MemberSigner};
use sealane_core::block::{Height, NotePublicKey};
use sealane_core::hash::Hash;
use sealane_core::statement::{PublicKey, Signature};

/// File names inside a member's data directory.
pub const MEMBER_KEY_FILE: &str = "member-key.pem";
pub const MARK_FILE: &str = "high-water-mark";

/// Bytes of one slot of the mark's file: a line of text, filled up with spaces.
const SLOT_BYTES: usize = 256;

/// The member's private key with its high-water mark.
pub struct MemberKey {
    key: PrivateKey,
    /// The same key for aws-lc-rs, which signs several times as fast and wipes its memory too.
    quick: EcdsaKeyPair,
    randomness: SystemRandom,
    note_key: NotePrivateKey,
    /// Its public half.
    note_public: NotePublicKey,
    marks: Mutex<MarkFile>,
}

/// The file of the mark: two slots, written in turn, so that a torn write spoils only the one being written.
struct MarkFile {
    file: File,
    mark: Option<Mark>,
}

impl MemberKey {
    /// Joins the keys with the mark's file in `dir`, which is made if it is not there.
    pub fn open(key: PrivateKey, note_key: NotePrivateKey, dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(MARK_FILE))?;
        let mark = read_mark(&file)?;
        let quick = quick(&key).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let (note_public, marks) = (note_key.public(), Mutex::new(MarkFile { file, mark }));
        Ok(Self { key, quick, randomness: SystemRandom::new(), note_key, note_public, marks })
    }

    /// The member's private key, for the certificate of its node.
    pub(super) const fn private_key(&self) -> &PrivateKey {
        &self.key
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, MarkFile> {
        // The mark in memory changes only after the file: a panic between the two leaves the lower one, which is safe
        // to read since the file is read again at the next start.
        self.marks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn quick(key: &PrivateKey) -> Result<EcdsaKeyPair, KeyRejected> {
    let secret = Zeroizing::new(key.signing_key().to_bytes());
    EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &secret, key.public().sec1())
}

/// Reads the mark in a member's data directory; `None` when nothing was signed yet.
pub fn read_member_mark(dir: &Path) -> io::Result<Option<Mark>> {
    match File::open(dir.join(MARK_FILE)) {
        Ok(file) => read_mark(&file),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl MemberSigner for MemberKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        let quick = self.quick.sign(&self.randomness, bytes).ok();
        let quick = quick.and_then(|signature| Signature::from_slice(signature.as_ref()));
        quick.unwrap_or_else(|| Signature::sign(self.key.signing_key(), bytes))
    }

    fn note_key(&self) -> &NotePublicKey {
        &self.note_public
    }

    fn sign_note(&self, text: &[u8]) -> [u8; 64] {
        self.note_key.sign(text)
    }

    fn mark(&self) -> Option<Mark> {
        self.marks().mark
    }

    fn raise_mark(&self, mark: Mark) -> Result<(), MarkError> {
        let mut marks = self.marks();
        if let Some(held) = marks.mark.filter(|held| *held != mark && held.height >= mark.height) {
            return Err(MarkError::Lower { wanted: mark.height, marked: held.height });
        }
        let slot = (mark.height.get() % 2) * SLOT_BYTES as u64;
        marks.file.write_all_at(&to_slot(&mark), slot)?;
        marks.file.sync_data()?;
        marks.mark = Some(mark);
        Ok(())
    }
}

/// `height round checkpoint check`, where check is the SHA-256 of what stands before it.
fn to_slot(mark: &Mark) -> [u8; SLOT_BYTES] {
    let text = format!("{} {} {}", mark.height, mark.round, mark.checkpoint);
    let line = format!("{text} {}", Hash::of(text.as_bytes()));
    let mut slot = [b' '; SLOT_BYTES];
    for (place, byte) in slot.iter_mut().zip(line.bytes()) {
        *place = byte;
    }
    slot[SLOT_BYTES - 1] = b'\n';
    slot
}

fn from_slot(slot: &[u8]) -> Option<Mark> {
    let line = std::str::from_utf8(slot).ok()?.trim_end();
    let (text, check) = line.rsplit_once(' ')?;
    if check.parse() != Ok(Hash::of(text.as_bytes())) {
        return None;
    }
    let mut words = text.split(' ');
    let height = Height::new(words.next()?.parse().ok()?).ok()?;
    let round = words.next()?.parse().ok()?;
    let checkpoint = words.next()?.parse().ok()?;
    Some(Mark { height, round, checkpoint })
}

fn read_mark(file: &File) -> io::Result<Option<Mark>> {
    let mut bytes = vec![0; SLOT_BYTES * 2];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    let slots: Vec<&[u8]> = bytes[..filled].chunks(SLOT_BYTES).collect();
    let mark = slots.iter().filter_map(|slot| from_slot(slot)).max_by_key(|mark| mark.height);
    let blank = |slot: &&[u8]| slot.iter().all(|byte| *byte == 0);
    if mark.is_none() && !slots.iter().all(blank) {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "the high-water mark is damaged: no slot of it can be read",
        ));
    }
    Ok(mark)
}

#[cfg(test)]
mod tests {
    use sealane_core::statement::{P256, SignatureVerifier};

    use super::*;

    fn mark(height: u64) -> Mark {
        Mark { height: Height::new(height).unwrap(), round: 0, checkpoint: Hash::of(&height.to_be_bytes()) }
    }

    fn open(dir: &Path) -> io::Result<MemberKey> {
        MemberKey::open(PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap(), dir)
    }

    #[test]
    fn a_mark_survives_reopening_and_is_never_lowered() {
        let dir = tempfile::tempdir().unwrap();
        let key = open(dir.path()).unwrap();
        assert_eq!(key.mark(), None);
        for height in 0..5 {
            key.raise_mark(mark(height)).unwrap();
        }
        key.raise_mark(mark(4)).unwrap();
        assert!(matches!(key.raise_mark(mark(3)), Err(MarkError::Lower { .. })));
        let other = Mark { checkpoint: Hash::of(b"other"), ..mark(4) };
        assert!(matches!(key.raise_mark(other), Err(MarkError::Lower { .. })));
        assert_eq!(open(dir.path()).unwrap().mark(), Some(mark(4)));
    }

    #[test]
    fn it_signs_with_the_key_that_it_shows() {
        let dir = tempfile::tempdir().unwrap();
        let key = open(dir.path()).unwrap();
        for message in [b"".as_slice(), b"a block"] {
            assert_eq!(P256.verify(key.public_key(), message, &key.sign(message)), Ok(()));
            assert_eq!(key.note_key().verify(message, &key.sign_note(message)), Ok(()));
        }
    }

    #[test]
    fn a_torn_write_leaves_the_mark_before() {
        let dir = tempfile::tempdir().unwrap();
        let key = open(dir.path()).unwrap();
        key.raise_mark(mark(6)).unwrap();
        key.raise_mark(mark(7)).unwrap();
        let path = dir.path().join(MARK_FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[SLOT_BYTES + 3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(open(dir.path()).unwrap().mark(), Some(mark(6)));
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_an_error_and_not_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(MARK_FILE), "garbage").unwrap();
        assert!(open(dir.path()).is_err());
    }
}
