//! What a verifier reads of a block is refused, or stands in the one form that its writer gives it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealane_core::block::{Checkpoint, Commit, Leaf, Note, NoteKey, Origin, Seal};
use sealane_core::statement::P256;

fuzz_target!(|data: &[u8]| {
    if let Ok(seal) = Seal::parse(data) {
        assert_eq!(seal.to_json().as_bytes(), data);
    }
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_text().as_bytes(), data);
        assert_eq!(Note::new(note.text().to_owned(), note.signatures().to_vec()).as_ref(), Ok(&note));
        let _ = note.verify(&[], &P256);
        checkpoint(note.text());
    }
    if let Ok(commit) = serde_json::from_slice::<Commit>(data) {
        let written = serde_json::to_vec(&commit).expect("a commit is JSON");
        let again = serde_json::from_slice::<Commit>(&written);
        assert_eq!(again.expect("what is written is read"), commit);
    }
    if let Ok(leaf) = Leaf::decode(data) {
        assert_eq!(leaf.encode(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    checkpoint(text);
    if let Ok(key) = NoteKey::parse(text) {
        assert_eq!(key.to_vkey(), text);
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.as_str(), text);
    }
});

fn checkpoint(text: &str) {
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_text(), text);
    }
}
