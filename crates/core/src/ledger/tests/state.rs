//! What a state tells of itself while blocks come and go.

use serde_json::json;

use super::world::{ITEM, PROVIDER, World, event, leaf_of};
use crate::block::Leaf;
use crate::index::{SignerList, Subject, SubjectEntry};
use crate::ledger::{Body, BodyLeaf, InvalidReason, PlaceRefusal, Prefetched, Rules, State, validate};
use crate::merkle::{LeafIndex, leaf_hash};

/// Tells whether the index under the last seal says that nothing is about a subject, by the proof that the state gives.
fn is_absent(world: &mut World, subject: &Subject, blocks: usize) -> bool {
    let root = world.state.last_seal().unwrap().index_root;
    let proof = world.state.prove(&subject.key(), blocks).unwrap();
    let signers = SignerList::of([]);
    SubjectEntry::new(subject, &[], 0..0, proof, &signers).verify(root, &signers).is_ok()
}

#[test]
fn subjects_are_proven_as_of_the_last_final_block_whatever_is_staged() {
    let mut world = World::with_maker();
    let item = Subject::id(ITEM);
    assert!(is_absent(&mut world, &item, 0));
    let statement = world.capture(1, &event(json!({})));
    let body = world.body(std::slice::from_ref(&statement));
    let sealed = validate(&mut world.state, &world.seen, body, PROVIDER).unwrap();
    assert!(is_absent(&mut world, &item, 0), "staged is not final");
    world.apply(sealed);
    assert!(!is_absent(&mut world, &item, 0));
    assert!(world.state.prove(&item.key(), 1_000).is_none(), "so far back nothing is kept");
}

#[test]
fn the_checkpoint_of_leaves_and_a_seal_is_that_of_their_block() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let body = world.body(std::slice::from_ref(&statement));
    let hashes = [leaf_hash(&Leaf::of_statement(statement.compact()).encode())];
    let told = world.state.checkpoint_with(&hashes, &body.seal).unwrap();
    assert_eq!(State::empty().checkpoint_with(&hashes, &body.seal), None);
    let sealed = validate(&mut world.state, &world.seen, body, PROVIDER).unwrap();
    assert_eq!(told, sealed.checkpoint);
}

#[test]
fn what_a_block_touches_is_its_statements_and_the_events_that_they_name() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let candidate = world.candidate(statement).unwrap();
    world.join(2, "distributor", &[]);
    let of_another =
        world.candidate(world.capture(2, &event(json!({"action": "OBSERVE", "bizStep": "storing"})))).unwrap();
    let later = event(json!({"eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f11"}));
    let of_the_same = world.candidate(world.capture(1, &later)).unwrap();
    let block = world.propose(vec![candidate.clone()]).block.unwrap();
    assert!(block.learnt.touches(&candidate), "the statement itself");
    assert!(block.learnt.touches(&of_the_same), "another by the same participant, whose quotas it has used");
    assert!(!block.learnt.touches(&of_another));
    assert!(!Prefetched::default().touches(&candidate));
}

#[test]
fn a_reason_has_a_name_for_counting() {
    let leaf = LeafIndex::new(7).unwrap();
    let reasons = [
        (InvalidReason::NoStatement, "leaf"),
        (InvalidReason::LongMissing, "long-statement"),
        (InvalidReason::Repeated { first: leaf }, "repeated"),
        (InvalidReason::NoGenesis, "genesis"),
        (InvalidReason::Refused(PlaceRefusal::Type), "content"),
        (InvalidReason::TooLarge, "size"),
        (InvalidReason::AfterEnactment, "enactment"),
        (InvalidReason::Rules(Rules::of(9).unwrap_err()), "rules"),
        (InvalidReason::Seal { member: "time" }, "seal"),
    ];
    for (reason, name) in reasons {
        assert_eq!(reason.name(), name);
    }
    assert_eq!(Rules::FIRST.to_string(), "1");
}

/// A block stops growing with the statement that reaches its limit, so that one may reach beyond it, and no second one.
#[test]
fn a_block_has_as_many_bytes_as_may_be_and_no_more() {
    let mut world = World::with_maker();
    // Some 4 MB in base64url, a little less than a statement may have.
    let note = "y".repeat(3_140_000);
    let long = |number: usize| {
        let members = json!({"eventID": format!("urn:uuid:{number}"), "example:note": note});
        leaf_of(world.capture(1, &event(members)).compact())
    };
    let leaves: Vec<BodyLeaf> = (0..10).map(long).collect();
    let seal = world.body(&[]).seal;
    let mut at_fault = |count: usize| {
        let body = Body { leaves: leaves[..count].to_vec(), seal: seal.clone() };
        let invalid = validate(&mut world.state, &world.seen, body, PROVIDER).unwrap_err();
        (invalid.leaf.get() - world.state.size().get(), *invalid.reason)
    };
    // Nine hold, and it is the seal that is of another block.
    assert!(matches!(at_fault(9), (9, InvalidReason::Seal { .. })));
    assert!(matches!(at_fault(10), (9, InvalidReason::TooLarge)));
}
