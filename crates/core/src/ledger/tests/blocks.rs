//! Blocks as such: leaves of the wrong kind, seals, roll back, and a start from what is stored.

use proptest::prelude::*;
use serde_json::json;

use super::world::{ITEM, MEMBER, PROVIDER, World, event, foreign_hash, leaf_of, participant, public, sign_admin_for};
use crate::block::{Checkpoint, Height, Leaf, Seal};
use crate::consortium::{Admin, Place};
use crate::hash::Hash;
use crate::index::{Acts, ListEntry, SignerTag, Subject, SubjectIndex, SubjectKey};
use crate::ledger::{
    Body, BodyLeaf, InvalidReason, KnownRules, NotOnTop, PlaceRefusal, RegistryFold, RegistryFoldError, ResumeError,
    Rules, State, UnknownRules, Usage, validate,
};
use crate::merkle::{Edge, LeafIndex, TreeSize, leaf_hash};
use crate::statement::{P256, StatementId, SubmittedStatement};

fn refused(world: &mut World, body: &Body) -> InvalidReason {
    *validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap_err().reason
}

#[test]
fn rules_that_this_program_does_not_know_are_named() {
    assert_eq!(Rules::of(1).map(Rules::number), Ok(1));
    for number in [0, 3, u32::MAX] {
        assert_eq!(Rules::of(number), Err(UnknownRules { number, last: Rules::LATEST }));
    }
    // One that is older, as this one is to the next.
    let older = KnownRules::up_to(Rules::FIRST);
    assert_eq!(older.get(1), Ok(Rules::FIRST));
    assert_eq!(older.get(2), Err(UnknownRules { number: 2, last: Rules::FIRST }));
}

#[test]
fn leaves_that_hold_no_statement_of_their_kind_are_refused() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let body = |world: &World, leaf: BodyLeaf| Body { leaves: vec![leaf], seal: world.body(&[]).seal };
    let seal = Leaf::Seal(world.body(&[]).seal).encode();
    let of =
        |bytes: Vec<u8>, long: Option<&str>| BodyLeaf::Shown { bytes, long: long.map(|text| text.as_bytes().to_vec()) };
    let as_long =
        |text: &str| [&[2][..], Hash::of(text.as_bytes()).as_bytes(), &(text.len() as u32).to_be_bytes()].concat();
    let text = statement.compact();
    let long = "x".repeat(70_000);
    let cases = [
        (of(seal, None), "it holds no statement"),
        (of(b"\x07".to_vec(), None), "unknown"),
        (of(as_long(&long), None), "is missing"),
        (of(as_long(&long), Some(text)), "does not have the hash"),
        (of(as_long(&long), Some(&long)), "three parts"),
        (of(b"\x01a.b".to_vec(), None), "three parts"),
    ];
    for (leaf, says) in cases {
        let body = body(&world, leaf);
        let reason = refused(&mut world, &body).to_string();
        assert!(reason.contains(says), "{says}: {reason}");
    }
    // A long statement may not stand in a leaf of its own, nor a short one beside it.
    let mut whole = world.body(std::slice::from_ref(&statement));
    whole.leaves = vec![leaf_of(text)];
    assert!(matches!(&whole.leaves[0], BodyLeaf::Shown { long: None, .. }));
    assert!(validate(&mut world.state, &world.seen, whole, PROVIDER).is_ok());
}

#[test]
fn a_statement_in_the_wrong_kind_of_leaf_is_refused() {
    let mut world = World::with_maker();
    // Long enough for a leaf of kind 0x02: one of 65,535 bytes, given as one that names a shorter length.
    let padded = world.capture(1, &event(json!({"example:note": "y".repeat(60_000)})));
    assert!(padded.compact().len() > 65_535, "{}", padded.compact().len());
    let mut body = world.body(std::slice::from_ref(&padded));
    assert!(validate(&mut world.state, &world.seen, body.clone(), PROVIDER).is_ok());
    let [BodyLeaf::Shown { bytes, long }] = body.leaves.as_mut_slice() else { panic!() };
    let Ok(Leaf::LongStatement { hash, length }) = Leaf::decode(bytes) else { panic!() };
    *bytes = [&[2][..], hash.as_bytes(), &(length + 1).to_be_bytes()].concat();
    let text = long.take();
    let unknown = body.clone();
    let [BodyLeaf::Shown { long, .. }] = body.leaves.as_mut_slice() else { panic!() };
    *long = text;
    assert!(matches!(refused(&mut world, &body), InvalidReason::LeafKind));
    let body = unknown;
    assert!(matches!(refused(&mut world, &body), InvalidReason::LongMissing));
}

#[test]
fn each_member_of_a_seal_is_held_against_what_the_leaves_give() {
    type Change<'a> = (&'static str, &'a dyn Fn(&mut Seal));
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let right = world.body(std::slice::from_ref(&statement)).seal;
    let last = world.now;
    let changes: [Change<'_>; 10] = [
        ("height", &|seal| seal.height = seal.height.next()),
        ("time", &|seal| seal.time = last),
        ("time", &|seal| seal.time = last.plus_millis(-1)),
        ("previousSize", &|seal| seal.previous_size = seal.previous_size.next_index().size_through()),
        ("previousRoot", &|seal| seal.previous_root = foreign_hash()),
        ("indexRoot", &|seal| seal.index_root = foreign_hash()),
        ("membersHash", &|seal| seal.members_hash = foreign_hash()),
        ("nextMembersHash", &|seal| seal.next_members_hash = foreign_hash()),
        ("rules", &|seal| seal.rules += 1),
        ("enacted", &|seal| seal.enacted.push(StatementId::from_hash(foreign_hash()))),
    ];
    for (expected, change) in changes {
        let mut body = world.body(std::slice::from_ref(&statement));
        change(&mut body.seal);
        match refused(&mut world, &body) {
            InvalidReason::Seal { member } => assert_eq!(member, expected),
            other => panic!("{expected}: {other}"),
        }
    }
    let mut body = world.body(std::slice::from_ref(&statement));
    body.seal.time = last.plus_millis(1);
    let sealed = validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap();
    assert_eq!((sealed.seal.height, sealed.seal.index_root), (right.height, right.index_root));
}

/// The lists that a block's index gives to others say who signed and what was done, so a false word there is no smaller lie
/// than a false leaf.
#[test]
fn a_block_whose_index_says_another_signer_or_other_acts_is_refused() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let before = world.state.index.clone();
    let candidate = world.candidate(statement.clone()).unwrap();
    let block = world.propose(vec![candidate]).block.unwrap();
    world.state.roll_back();
    let entries: Vec<(SubjectKey, ListEntry)> =
        block.content.records.iter().flat_map(|one| one.record.list_entries(one.place.leaf)).collect();
    let root_with = |at: usize, lie: &dyn Fn(ListEntry) -> ListEntry| {
        let mut index = before.clone();
        for (n, (key, entry)) in entries.iter().enumerate() {
            assert_eq!(index.append(*key, if n == at { lie(*entry) } else { *entry }), Ok(true));
        }
        index.root()
    };
    let right = world.body(std::slice::from_ref(&statement)).seal.index_root;
    assert_eq!(root_with(0, &|entry| entry), right, "as the block itself makes it");
    let item = Subject::id(ITEM).key();
    let of_item = entries.iter().position(|(key, _)| *key == item).unwrap();
    let signer = SignerTag::of_participant(&participant(1));
    assert_eq!((entries[of_item].1.signer, entries[of_item].1.acts), (signer, Acts::BRINGS_FORTH));
    let SignerTag::Participant(id) = signer else { panic!("a participant signed") };
    let lies: [(&str, &dyn Fn(ListEntry) -> ListEntry); 5] = [
        ("no act", &|entry| ListEntry { acts: Acts::NONE, ..entry }),
        ("another act", &|entry| ListEntry { acts: Acts::ENDS, ..entry }),
        ("one act more", &|entry| ListEntry { acts: entry.acts | Acts::DECLARES_ERROR, ..entry }),
        ("another participant", &|entry| ListEntry { signer: SignerTag::of_participant(&participant(2)), ..entry }),
        ("a member in its place", &|entry| ListEntry { signer: SignerTag::Member(id), ..entry }),
    ];
    for (what, lie) in lies {
        let mut body = world.body(std::slice::from_ref(&statement));
        body.seal.index_root = root_with(of_item, lie);
        let reason = refused(&mut world, &body);
        assert!(matches!(reason, InvalidReason::Seal { member: "indexRoot" }), "{what}: {reason}");
    }
    let body = world.body(std::slice::from_ref(&statement));
    assert!(validate(&mut world.state, &world.seen, body.clone(), PROVIDER).is_ok());
}

#[test]
fn a_ledger_begins_with_its_genesis_statement_and_nothing_else() {
    let world = World::with_maker();
    let capture = world.capture(1, &event(json!({})));
    let seal = Seal { height: Height::GENESIS, previous_size: TreeSize::ZERO, ..world.body(&[]).seal };
    let known = crate::ledger::Prefetched::default();
    let refuse = |leaves: Vec<BodyLeaf>| {
        let body = Body { leaves, seal: seal.clone() };
        *validate(&mut State::empty(), &known, body, PROVIDER).unwrap_err().reason
    };
    assert!(matches!(refuse(vec![leaf_of(capture.compact())]), InvalidReason::Genesis(_)));
    assert!(matches!(refuse(Vec::new()), InvalidReason::NoGenesis));
    // Signed by none of the members that it names.
    let genesis = Admin::Genesis(world.anchor.genesis().clone()).to_payload();
    let stranger = sign_admin_for(world.origin(), &genesis, world.now, 7);
    assert!(matches!(refuse(vec![leaf_of(stranger.compact())]), InvalidReason::Genesis(_)));
    let right = sign_admin_for(world.origin(), &genesis, world.now, MEMBER);
    assert!(matches!(refuse(vec![leaf_of(right.compact())]), InvalidReason::Seal { .. }));
}

#[test]
fn a_block_of_another_state_is_not_applied() {
    let (mut world, mut other) = (World::with_maker(), World::with_maker());
    let candidate = world.candidate(world.capture(1, &event(json!({})))).unwrap();
    let block = world.propose(vec![candidate]).block.unwrap();
    other.join(2, "shipper", &[]);
    let (base, size) = (block.seal.previous_size, other.state.size());
    assert_eq!(other.state.apply(block.successor), Err(NotOnTop { base, size }));
    assert_eq!(other.state.size(), size);
}

#[test]
fn an_empty_block_is_made_only_if_it_is_asked_for() {
    let mut world = World::with_maker();
    let (time, size) = (world.next_place().time, world.state.size());
    let mut propose = |even_if_empty| {
        crate::ledger::propose(&mut world.state, &world.seen, time, Vec::new(), even_if_empty, &P256).unwrap().block
    };
    assert!(propose(false).is_none());
    let block = propose(true).unwrap();
    assert_eq!((block.seal.previous_size, block.content.leaves.len()), (size, 1));
    // No later than the last block: a millisecond after it.
    let last = world.now;
    let early = last.plus_millis(-5_000);
    let block = crate::ledger::propose(&mut world.state, &world.seen, early, Vec::new(), true, &P256).unwrap();
    assert_eq!(block.block.unwrap().seal.time, last.plus_millis(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Rolled back is never done: whatever is staged and taken back in between, the ledger is the one without it.
    #[test]
    fn what_is_rolled_back_was_never_there(
        steps in prop::collection::vec((0..6_u8, any::<bool>(), any::<bool>()), 1..8)
    ) {
        let (mut world, mut plain) = (World::with_maker(), World::with_maker());
        for (n, (item, is_final, is_validated)) in steps.into_iter().enumerate() {
            let one = event(json!({"epcList": [format!("https://id.gs1.org/01/09506000134352/21/{item}")],
                "eventID": format!("urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c{n:04}"), "action": "OBSERVE",
                "bizStep": "storing"}));
            let statement = world.capture(1, &one);
            let body = world.body(std::slice::from_ref(&statement));
            let block = if is_validated {
                validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap()
            } else {
                let candidate = world.candidate(statement.clone()).unwrap();
                world.propose(vec![candidate]).block.unwrap()
            };
            if is_final {
                world.apply(block);
                let candidate = plain.candidate(statement).unwrap();
                plain.extend(vec![candidate]);
            } else if n % 2 == 0 {
                world.state.roll_back();
            }
            // Else it is left staged, and the next one takes it back.
            let key = crate::index::Subject::id(format!("https://id.gs1.org/01/09506000134352/21/{item}")).key();
            prop_assert_eq!(world.state.prove(&key, 0), plain.state.prove(&key, 0));
        }
        world.state.roll_back();
        prop_assert_eq!(world.state.root(), plain.state.root());
        prop_assert_eq!(world.state.index.root(), plain.state.index.root());
        prop_assert_eq!(world.state.last_seal(), plain.state.last_seal());
        prop_assert_eq!(world.state.subjects(), plain.state.subjects());
    }
}

#[test]
fn a_start_from_parts_that_do_not_give_the_signed_roots_is_refused() {
    let mut world = World::with_maker();
    let candidate = world.candidate(world.capture(1, &event(json!({})))).unwrap();
    let before = world.state.clone();
    world.extend(vec![candidate]);
    let seal = world.state.last_seal().unwrap().clone();
    let checkpoint = Checkpoint {
        origin: world.anchor.genesis().origin.clone(),
        size: world.state.size(),
        root: world.state.root(),
    };
    let registry = || (**world.state.registry().unwrap()).clone();
    let resume = |edge: &Edge, index: &SubjectIndex| {
        State::resume(seal.clone(), &checkpoint, edge.clone(), index.clone(), registry(), Usage::default())
            .map(|state| state.size())
    };
    assert_eq!(resume(&world.state.edge, &world.state.index), Ok(checkpoint.size));
    assert_eq!(resume(&before.edge, &world.state.index), Err(ResumeError { what: "tree" }));
    assert_eq!(resume(&world.state.edge, &before.index), Err(ResumeError { what: "index" }));
    let other_root = Checkpoint { root: foreign_hash(), ..checkpoint.clone() };
    let (edge, index) = (world.state.edge.clone(), world.state.index.clone());
    let resumed = State::resume(seal.clone(), &other_root, edge.clone(), index.clone(), registry(), Usage::default());
    assert_eq!(resumed.map(drop), Err(ResumeError { what: "tree" }));
    let other_members = Seal { next_members_hash: foreign_hash(), ..seal.clone() };
    let resumed = State::resume(other_members, &checkpoint, edge, index, registry(), Usage::default());
    assert_eq!(resumed.map(drop), Err(ResumeError { what: "set of members" }));
}

#[test]
fn the_consortium_is_made_again_from_its_statements_in_order() {
    let world = World::with_maker();
    let at = |leaf: u64| Place { leaf: LeafIndex::new(leaf).unwrap(), time: world.now };
    let genesis = world.anchor.statement().compact().as_bytes();
    let admin = Admin::Registration(Box::new(World::registration(1, "manufacturer", &["9506000"])));
    let registration = world.sign_admin(&admin.to_payload(), MEMBER);
    let registration = registration.compact().as_bytes();
    let mut fold = RegistryFold::default();
    assert!(matches!(fold.take(registration, at(0), Height::GENESIS, &P256), Err(RegistryFoldError::NoGenesis)));
    assert!(matches!(fold.take(b"no statement", at(0), Height::GENESIS, &P256), Err(RegistryFoldError::Statement(_))));
    fold.take(genesis, at(0), Height::GENESIS, &P256).unwrap();
    fold.take(registration, at(2), Height::GENESIS, &P256).unwrap();
    assert!(matches!(fold.take(registration, at(4), Height::GENESIS, &P256), Err(RegistryFoldError::Refused(_))));
    assert!(matches!(fold.take(genesis, at(5), Height::GENESIS, &P256), Err(RegistryFoldError::Refused(_))));
    let registry = fold.finish().unwrap();
    assert_eq!(registry.participants().count(), 1);
    assert!(registry.key_conflict(&public(1), None).is_some());
    assert!(RegistryFold::default().finish().is_none());
}

#[test]
fn a_leaf_that_was_verified_before_stands_as_one_that_is_shown_and_its_place_is_checked_all_the_same() {
    let mut world = World::with_maker();
    let first = world.capture(1, &event(json!({"action": "OBSERVE"})));
    let long = "y".repeat(60_000);
    let second = world
        .capture(1, &event(json!({"eventID": "urn:uuid:2f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10", "example:note": long})));
    let body = world.body(&[first.clone(), second.clone()]);
    let verified = |world: &World, one: &SubmittedStatement| {
        let candidate = world.candidate(one.clone()).unwrap();
        assert_eq!(candidate.leaf_hash(), leaf_hash(&Leaf::of_statement(one.compact()).encode()));
        BodyLeaf::Verified(Box::new(candidate))
    };
    let mixed = vec![verified(&world, &first), body.leaves[1].clone()];
    let all = vec![verified(&world, &first), verified(&world, &second)];
    let shown = validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap();
    for leaves in [mixed, all] {
        let same = Body { leaves, seal: body.seal.clone() };
        let block = validate(&mut world.state, &world.seen, same, PROVIDER).unwrap();
        assert_eq!((&block.checkpoint, &block.content.leaves), (&shown.checkpoint, &shown.content.leaves));
        assert_eq!(block.content.long_statements, shown.content.long_statements);
    }
    // It was verified while its signer was in force.
    let early = verified(&world, &first);
    world.revoke(1);
    let late = Body { leaves: vec![early], seal: world.body(&[]).seal };
    let reason = refused(&mut world, &late);
    assert!(matches!(reason, InvalidReason::Refused(PlaceRefusal::Signer(_))), "{reason}");
}
