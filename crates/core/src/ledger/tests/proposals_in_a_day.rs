//! How many proposals a member makes in a day that come to nothing.

use serde_json::{Value, json};

use super::council::{
    MINUTE_MS, ballot, council, end, kid, policy, proposal, ready, registry, replace, settle, vote_through, wait,
    withdrawal,
};
use super::rules::{Side, assert_refused, on_both_sides, stands};
use super::world::MEMBER;
use crate::consortium::{ProposalEnd, ProposalRefusal, Refusal};
use crate::ledger::PlaceRefusal;
use crate::limits::FUTILE_PROPOSALS_PER_DAY_MAX;

on_both_sides!(proposals_in_vain_in_a_day,);

fn speed(kmh: u64) -> [Value; 1] {
    [policy("maxSpeedKmh", json!(kmh))]
}

/// One that would fill the ledger, by proposing and withdrawing, comes to an end for the day.
fn proposals_in_vain_in_a_day(side: Side) {
    const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
    let mut world = council(4);
    // One that is enacted is not in vain, nor one of another member.
    vote_through(&mut world, &speed(700), MEMBER, &[201, 202]);
    let of_another = proposal(&world, &speed(701), 203);
    settle(&mut world, &of_another);
    let mut made = Vec::new();
    for n in 0..FUTILE_PROPOSALS_PER_DAY_MAX as u64 {
        made.push(world.next_place().time);
        let statement = proposal(&world, &speed(800 + n), MEMBER);
        settle(&mut world, &statement);
        if n > 0 {
            let taken_back = withdrawal(&world, statement.id(), MEMBER);
            settle(&mut world, &taken_back);
        }
        wait(&mut world, 10 * MINUTE_MS);
    }
    let further = proposal(&world, &speed(900), MEMBER);
    assert_refused!(
        side,
        world,
        [further],
        PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::TooManyInADay { until })) if *until == made[0].plus_millis(DAY_MS)
    );
    let of_another = proposal(&world, &speed(900), 201);
    assert!(stands(side, &mut world, &of_another));
    // It waits for the first one to be a day old, and no longer.
    let left = made[0].plus_millis(DAY_MS).millis_since(world.now);
    wait(&mut world, left - 1_001);
    let early = proposal(&world, &speed(901), MEMBER);
    assert_refused!(
        side,
        world,
        [early],
        PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::TooManyInADay { .. }))
    );
    wait(&mut world, 1_000);
    let late = proposal(&world, &speed(901), MEMBER);
    settle(&mut world, &late);
    let taken_back = withdrawal(&world, late.id(), MEMBER);
    settle(&mut world, &taken_back);
    assert_refused!(
        side,
        world,
        [proposal(&world, &speed(902), MEMBER)],
        PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::TooManyInADay { until })) if *until == made[1].plus_millis(DAY_MS)
    );
}

/// An open proposal counts until it is enacted.
#[test]
fn one_that_is_enacted_gives_room_for_another_in_its_day() {
    let mut world = council(4);
    let mut last = None;
    for n in 0..FUTILE_PROPOSALS_PER_DAY_MAX as u64 {
        if let Some(id) = last {
            let taken_back = withdrawal(&world, id, MEMBER);
            settle(&mut world, &taken_back);
        }
        let statement = proposal(&world, &speed(800 + n), MEMBER);
        settle(&mut world, &statement);
        last = Some(statement.id());
    }
    let further = proposal(&world, &speed(900), MEMBER);
    assert_refused!(
        Side::Capture,
        world,
        [further],
        PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::TooManyInADay { .. }))
    );
    for other in [201, 202] {
        let yes = ballot(&world, last.unwrap(), true, other);
        settle(&mut world, &yes);
    }
    assert!(matches!(end(&world, last.unwrap()), Some(ProposalEnd::Enacted { .. })));
    let further = proposal(&world, &speed(900), MEMBER);
    assert!(stands(Side::Capture, &mut world, &further));
}

/// A member's new key has what the key before it had made.
#[test]
fn a_new_key_gives_no_room_for_more_proposals_in_a_day() {
    let mut world = council(4);
    for n in 0..FUTILE_PROPOSALS_PER_DAY_MAX as u64 {
        let statement = proposal(&world, &speed(800 + n), MEMBER);
        settle(&mut world, &statement);
        let taken_back = withdrawal(&world, statement.id(), MEMBER);
        settle(&mut world, &taken_back);
    }
    let change = replace(&world, MEMBER, 210);
    let (changed, _) = vote_through(&mut world, &[change], 201, &[202, 203]);
    let ready = ready(&world, changed, 210);
    settle(&mut world, &ready);
    assert!(registry(&world).members().get(&kid(210)).is_some());
    let by_the_new_key = proposal(&world, &speed(900), 210);
    assert_refused!(
        Side::Capture,
        world,
        [by_the_new_key],
        PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::TooManyInADay { .. }))
    );
}
