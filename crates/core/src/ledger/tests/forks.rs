//! Forks of a ledger of four members: who is convicted by what.

use super::world::{World, foreign_hash, note_secret, public, secret};
use crate::block::{Checkpoint, Commit, CommitSignature, Height, Note, NoteKey};
use crate::evidence::{Anchor, Fork, ForkError, MemberChain, SignedCheckpoint};
use crate::hash::Hash;
use crate::merkle::TreeSize;
use crate::statement::P256;

const MEMBERS: [u8; 4] = [201, 202, 203, 204];

fn anchor() -> Anchor {
    World::founded_by("ledger.example/forks", &MEMBERS).anchor
}

/// Nobody has come or gone since the anchor.
fn chain(anchor: &Anchor) -> MemberChain {
    MemberChain::new(anchor.clone())
}

fn checkpoint(anchor: &Anchor, root: Hash) -> Checkpoint {
    Checkpoint { origin: anchor.genesis().origin.clone(), size: TreeSize::new(7).unwrap(), root }
}

fn committed(anchor: &Anchor, root: Hash, round: u32, seeds: &[u8]) -> SignedCheckpoint {
    let (height, checkpoint) = (Height::new(3).unwrap(), checkpoint(anchor, root));
    let mut signatures: Vec<CommitSignature> =
        seeds.iter().map(|seed| CommitSignature::sign(&secret(*seed), height, round, &checkpoint)).collect();
    signatures.sort_by_key(|one| one.kid);
    SignedCheckpoint::commit("a test", &checkpoint, Commit { height, round, signatures }, None)
}

fn noted(anchor: &Anchor, root: Hash, seed: u8) -> SignedCheckpoint {
    let checkpoint = checkpoint(anchor, root);
    let (text, key) = (checkpoint.to_text(), NoteKey::ed25519(checkpoint.origin.clone(), note_secret(seed).public()));
    let line = key.line(note_secret(seed).sign(text.as_bytes()).to_vec());
    SignedCheckpoint::note("a test", &checkpoint, Note::new(text, vec![line]).unwrap().to_text())
}

#[test]
fn two_commits_of_one_round_convict_who_is_in_both() {
    let anchor = anchor();
    let one = committed(&anchor, Hash::of(b"one"), 1, &MEMBERS[..3]);
    let other = committed(&anchor, foreign_hash(), 1, &MEMBERS[1..]);
    let fork = Fork::of(&one, &other, &chain(&anchor), &P256).unwrap();
    let mut twice: Vec<Hash> = fork.signed_twice().iter().map(|signer| signer.kid).collect();
    let mut expected = vec![public(MEMBERS[1]).thumbprint(), public(MEMBERS[2]).thumbprint()];
    twice.sort();
    expected.sort();
    assert_eq!(twice, expected);
}

/// An honest member may sign another block in a later round.
#[test]
fn two_commits_of_two_rounds_prove_a_fork_and_name_no_member() {
    let anchor = anchor();
    let one = committed(&anchor, Hash::of(b"one"), 0, &MEMBERS);
    let other = committed(&anchor, foreign_hash(), 1, &MEMBERS);
    let fork = Fork::of(&one, &other, &chain(&anchor), &P256).unwrap();
    assert!(fork.signed_twice().is_empty());
    assert!(fork.verify(&chain(&anchor), &P256).unwrap().is_empty());
    let same = committed(&anchor, Hash::of(b"one"), 1, &MEMBERS);
    assert!(matches!(Fork::of(&one, &same, &chain(&anchor), &P256), Err(ForkError::NoContradiction)));
}

/// It may have given its precommit to the one, and the other became final in a later round.
#[test]
fn a_note_beside_a_commit_convicts_no_member_of_several() {
    let anchor = anchor();
    let one = committed(&anchor, Hash::of(b"one"), 0, &MEMBERS[..3]);
    let note = noted(&anchor, foreign_hash(), MEMBERS[0]);
    assert!(matches!(Fork::of(&one, &note, &chain(&anchor), &P256), Err(ForkError::NobodyTwice)));
    let alone = World::founded_by("ledger.example/forks", &MEMBERS[..1]).anchor;
    let (one, note) =
        (committed(&alone, Hash::of(b"one"), 0, &MEMBERS[..1]), noted(&alone, foreign_hash(), MEMBERS[0]));
    assert_eq!(Fork::of(&one, &note, &chain(&alone), &P256).unwrap().signed_twice().len(), 1);
}
