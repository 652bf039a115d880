//! Registrations that further members vouch for.

use serde_json::json;

use super::council::{council, kid, policy, ready, registry, replace, say, settle, vote_through};
use super::rules::{Side, assert_refused, on_both_sides, stands};
use super::world::{MEMBER, World, event, participant};
use crate::consortium::{EndorsementRefusal, Refusal, SignerRefusal, Standing};
use crate::ledger::PlaceRefusal;
use crate::statement::SubmittedStatement;

on_both_sides!(endorsement_before_a_capture, endorsement_by_another_member, endorsement_of_what_needs_none);

fn endorsement(world: &World, participant_seed: u8, seed: u8) -> SubmittedStatement {
    say(world, json!({"type": "endorsement", "registration": participant(participant_seed)}), seed)
}

fn set_needed(world: &mut World, number: u64, others: &[u8]) {
    let changes = [policy("registrationEndorsements", json!(number))];
    let (_, seal) = vote_through(world, &changes, MEMBER, others);
    assert_eq!(seal.enacted.len(), 1);
}

fn needed(world: &World, seed: u8) -> (u64, u64) {
    let participant = registry(world).participant(&participant(seed)).unwrap();
    (participant.endorsements_needed, participant.endorsements_missing())
}

/// Of four members, one alone registers nobody.
fn endorsement_before_a_capture(side: Side) {
    let mut world = council(4);
    world.join(1, "manufacturer", &["9506000"]);
    assert_eq!(needed(&world, 1), (1, 1));
    let capture = world.capture(1, &event(json!({})));
    assert_refused!(
        side,
        world,
        *std::slice::from_ref(&capture),
        PlaceRefusal::Signer(SignerRefusal::NotEndorsed { missing: 1, needed: 1, .. })
    );
    let pending = registry(&world).participant(&participant(1)).unwrap();
    assert_eq!(pending.standing(world.now), Standing::Unendorsed);
    assert!(!pending.in_force_at(world.state.size().next_index()), "it is no holder of its prefix either");
    let endorsed = endorsement(&world, 1, 202);
    assert!(stands(side, &mut world, &endorsed));
    settle(&mut world, &endorsed);
    assert!(stands(side, &mut world, &capture));
    let active = registry(&world).participant(&participant(1)).unwrap();
    assert_eq!((active.standing(world.now), active.endorsements[0].by), (Standing::Active, kid(202)));
    // On its own leaf it was pending still.
    let leaf = active.endorsements[0].at.leaf;
    assert_eq!((active.endorsements_missing_at(leaf), active.in_force_at(leaf)), (1, false));
}

fn endorsement_by_another_member(side: Side) {
    let mut world = council(4);
    set_needed(&mut world, 2, &[201, 202]);
    world.join(1, "manufacturer", &["9506000"]);
    assert_eq!(needed(&world, 1), (2, 2));
    let own = endorsement(&world, 1, MEMBER);
    assert_refused!(
        side,
        world,
        [own],
        PlaceRefusal::Admin(Refusal::Endorsement(EndorsementRefusal::OwnRegistration { .. }))
    );
    let first = endorsement(&world, 1, 201);
    settle(&mut world, &first);
    let again = endorsement(&world, 1, 201);
    assert_refused!(
        side,
        world,
        [again],
        PlaceRefusal::Admin(Refusal::Endorsement(EndorsementRefusal::Repeated { .. }))
    );
    let strange = endorsement(&world, 1, 9);
    assert_refused!(side, world, [strange], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    // A new key makes no other member, of the one that endorsed and of the one that registered.
    for (former, later) in [(201, 8), (MEMBER, 10)] {
        let changes = [replace(&world, former, later)];
        let (id, _) = vote_through(&mut world, &changes, 202, &[203, former]);
        let is_ready = ready(&world, id, later);
        assert_eq!(settle(&mut world, &is_ready).enacted, [id]);
        let with_the_new_key = endorsement(&world, 1, later);
        assert_refused!(side, world, [with_the_new_key], PlaceRefusal::Admin(Refusal::Endorsement(_)));
    }
    let second = endorsement(&world, 1, 203);
    assert!(stands(side, &mut world, &second));
}

fn endorsement_of_what_needs_none(side: Side) {
    let mut world = council(4);
    let unknown = endorsement(&world, 1, 201);
    assert_refused!(side, world, [unknown], PlaceRefusal::Admin(Refusal::UnknownParticipant { .. }));
    world.join(1, "manufacturer", &["9506000"]);
    let first = endorsement(&world, 1, 201);
    settle(&mut world, &first);
    let more = endorsement(&world, 1, 202);
    assert_refused!(
        side,
        world,
        [more],
        PlaceRefusal::Admin(Refusal::Endorsement(EndorsementRefusal::NotNeeded { .. }))
    );
    world.join(2, "shipper", &[]);
    world.revoke(2);
    let late = endorsement(&world, 2, 201);
    assert_refused!(side, world, [late], PlaceRefusal::Admin(Refusal::Revoked { .. }));
}

/// The policy at the place of a registration counts, and never asks for more members than there are.
#[test]
fn a_registration_keeps_what_it_needed_at_its_place() {
    let mut world = council(3);
    world.join(1, "shipper", &[]);
    set_needed(&mut world, 1, &[201, 202]);
    world.join(2, "shipper", &[]);
    set_needed(&mut world, 99, &[201, 202]);
    world.join(3, "shipper", &[]);
    set_needed(&mut world, 0, &[201, 202]);
    world.join(4, "shipper", &[]);
    assert_eq!([1, 2, 3, 4].map(|seed| needed(&world, seed).0), [0, 1, 2, 0]);
    let mut alone = council(1);
    set_needed(&mut alone, 5, &[]);
    alone.join(1, "shipper", &[]);
    assert_eq!(needed(&alone, 1), (0, 0));
}

/// Four members can say by vote that one is enough.
#[test]
fn the_members_may_leave_it_to_one() {
    let mut world = council(4);
    set_needed(&mut world, 0, &[201, 202]);
    world.join(1, "manufacturer", &["9506000"]);
    assert_eq!(needed(&world, 1), (0, 0));
    let capture = world.capture(1, &event(json!({})));
    assert!(stands(Side::Capture, &mut world, &capture));
}
