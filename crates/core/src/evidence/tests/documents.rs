//! Documents that people keep beside evidence: trust anchors and receipts.

use serde_json::json;

use super::ledger::{TestLedger, member_set};
use crate::block::{Checkpoint, Commit, Height, Leaf};
use crate::evidence::{Anchor, AnchorError, Receipt};
use crate::hash::Hash;
use crate::merkle::{self, InclusionProof, LeafIndex, TreeSize};
use crate::statement::P256;

fn anchor() -> Anchor {
    TestLedger::new("ledger.example/test").anchor
}

fn parsed(json: &serde_json::Value) -> Result<Anchor, AnchorError> {
    Anchor::parse(json.to_string().as_bytes(), &P256)
}

#[test]
fn an_anchor_is_read_as_it_was_written_at_genesis_and_after_it() {
    let first = anchor();
    assert_eq!(parsed(&first.to_json()).unwrap().to_json(), first.to_json());
    let origin = first.genesis().origin.clone();
    let checkpoint = Checkpoint { origin, size: TreeSize::new(7).unwrap(), root: Hash::of(b"seven leaves") };
    let (height, members) = (Height::new(3).unwrap(), first.members().clone());
    let later = first.after(height, &checkpoint, members.clone());
    let again = parsed(&later.to_json()).unwrap();
    assert_eq!(again.to_json(), later.to_json());
    assert_eq!((again.height(), again.root(), again.members()), (height, checkpoint.root, &members));
}

#[test]
fn an_anchor_after_a_change_of_members_names_those_that_came_after() {
    let first = anchor();
    let members = member_set(&[101, 102]);
    assert_ne!(first.members(), &members);
    let origin = first.genesis().origin.clone();
    let checkpoint = Checkpoint { origin, size: TreeSize::new(7).unwrap(), root: Hash::of(b"seven leaves") };
    let later = first.after(Height::new(3).unwrap(), &checkpoint, members.clone());
    assert_eq!(parsed(&later.to_json()).unwrap().members(), &members);
}

#[test]
fn an_anchor_of_another_version_is_told_from_a_damaged_one() {
    let mut json = anchor().to_json();
    json["version"] = json!(1);
    assert!(matches!(parsed(&json), Err(AnchorError::Version { found: 1 })));
    json["version"] = json!(2);
    json["root"] = json!(Hash::of(b"another"));
    assert!(matches!(parsed(&json), Err(AnchorError::Shape { .. })));
}

#[test]
fn a_receipt_is_for_one_statement() {
    let (statement, other) = ("aGVhZGVy.cGF5bG9hZA.c2ln", "aGVhZGVy.cGF5bG9hZA.c2lo");
    let receipt = Receipt {
        leaf_index: LeafIndex::new(4).unwrap(),
        tree_size: TreeSize::new(6).unwrap(),
        leaf_hash: merkle::leaf_hash(&Leaf::of_statement(statement).encode()),
        inclusion_proof: InclusionProof(Vec::new()),
        checkpoint: String::new(),
        commit: Commit { height: Height::GENESIS, round: 0, signatures: Vec::new() },
        seal: String::new(),
        seal_inclusion_proof: InclusionProof(Vec::new()),
    };
    assert!(receipt.is_for(statement) && !receipt.is_for(other));
}
