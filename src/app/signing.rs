//! What a member signs about a block: the commit and the note.

use crate::ports::MemberSigner;
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Height, Note, NoteKey, commit_bytes};
use sealane_core::ledger::{BlockError, SealedBlock, StoredBlock};

/// The round of every commit while one member decides alone.
const ROUND: u32 = 0;

/// Signs a block that is staged: its commit, and its checkpoint as a note.
pub fn sign_block(block: &SealedBlock, signer: &dyn MemberSigner) -> Result<StoredBlock, BlockError> {
    let (checkpoint, seal) = (block.checkpoint.clone(), block.seal.clone());
    let commit = commit(seal.height, &checkpoint, signer);
    let note = signed_note(&checkpoint, signer)?;
    Ok(StoredBlock { checkpoint, note, commit, seal })
}

fn commit(height: Height, checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Commit {
    let bytes = commit_bytes(&checkpoint.origin, height, ROUND, checkpoint);
    let signature = CommitSignature::es256(signer.public_key().thumbprint(), signer.sign(&bytes));
    Commit { height, round: ROUND, signatures: vec![signature] }
}

pub fn signed_note(checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Result<String, BlockError> {
    let text = checkpoint.to_text();
    let ecdsa = NoteKey::ecdsa(checkpoint.origin.clone(), signer.public_key().clone());
    let ed25519 = NoteKey::ed25519(checkpoint.origin.clone(), signer.note_key().clone());
    let signature = signer.sign(text.as_bytes()).to_der().map_err(|error| BlockError(error.to_string()))?;
    let lines = vec![ecdsa.line(signature), ed25519.line(signer.sign_note(text.as_bytes()).to_vec())];
    let note = Note::new(text, lines).map_err(|error| BlockError(error.to_string()))?;
    Ok(note.to_text())
}
