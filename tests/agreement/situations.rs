//! Situations that are made on purpose.

use sealane::bft::MalachiteAgreement;
use sealane::ports::{Act, Agreement, MemberSigner, Patience};
use sealane_core::agreement::ValueId;
use sealane_core::block::{Checkpoint, FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::keys::{KeyedHashes, ORIGIN, consortium};
use crate::liar::Lie;
use crate::mutation::Mutation;
use crate::node::{Micros, SECOND};
use crate::plan::{Alteration, Cut, HEALED, Motion, Newcomer, Pair, Plan};
use crate::seeds::run_plan;

/// Four honest members, nothing lost, and something to agree on all the time.
fn quiet(seed: u64) -> Plan {
    Plan {
        seed,
        members: 4,
        rotation: None,
        liars: Vec::new(),
        delay: 1_000..3_000,
        loss: 0,
        twice: 0,
        cuts: Vec::new(),
        deaths: Vec::new(),
        older_store: None,
        clock_offsets_ms: vec![0; 4],
        posts: (0..20).map(|at| (at * SECOND, at as usize % 4)).collect(),
        pairs: Vec::new(),
        newcomers: Vec::new(),
        motions: Vec::new(),
        contrary: 0,
        old_programs: BTreeSet::new(),
    }
}

fn both_ways(from: usize, to: usize) -> [Cut; 2] {
    [(from, to), (to, from)].map(|(from, to)| Cut { from, to, time: 0..HEALED, noticed: true })
}

#[test]
fn four_honest_members_decide_in_the_first_round() {
    let outcome = run_plan(quiet(1), Mutation::None).unwrap();
    assert_eq!((outcome.rounds_most, outcome.blocks >= 20), (0, true), "{outcome:?}");
}

#[test]
fn two_members_without_a_connection_agree_by_way_of_a_third() {
    // D is away, and A and B do not reach each other: C tells each what the other says.
    let cuts: Vec<Cut> = [both_ways(0, 1), both_ways(3, 0), both_ways(3, 1), both_ways(3, 2)].concat();
    let plan = Plan { cuts, ..quiet(2) };
    let outcome = run_plan(plan.clone(), Mutation::None).unwrap();
    assert!(outcome.blocks >= 5, "{outcome:?}");
    // Else nothing is final before there is a connection again.
    let mute = run_plan(plan, Mutation::NothingAgain);
    assert!(mute.as_ref().is_err() || mute.as_ref().is_ok_and(|mute| mute.blocks < 5), "{mute:?}");
}

/// The same with nodes that come, and what is put to the vote.
fn council(seed: u64, newcomers: Vec<Newcomer>, motions: Vec<Motion>) -> Plan {
    let clock_offsets_ms = vec![0; 4 + newcomers.len()];
    Plan { newcomers, motions, clock_offsets_ms, ..quiet(seed) }
}

fn motion(seconds: Micros, by: usize, alterations: &[Alteration]) -> Motion {
    let alterations = alterations.to_vec();
    Motion { time: seconds * SECOND, by, alterations, expires_after_ms: 3_600_000, withdrawn: None }
}

#[test]
fn several_are_admitted_at_once_and_one_is_removed_and_one_has_a_new_key() {
    let motions = vec![
        motion(1, 0, &[Alteration::Admit(4), Alteration::Admit(5)]),
        motion(8, 1, &[Alteration::Remove(3), Alteration::Replace { former: 2, newcomer: 6 }]),
    ];
    let outcome = run_plan(council(20, vec![Newcomer::Ready; 3], motions), Mutation::None).unwrap();
    assert_eq!((outcome.handovers, outcome.members_most, outcome.members_fewest), (2, 6, 4), "{outcome:?}");
}

#[test]
fn a_candidate_that_is_never_ready_changes_nothing() {
    let motions = vec![motion(1, 0, &[Alteration::Admit(4), Alteration::Remove(1)])];
    let outcome = run_plan(council(21, vec![Newcomer::Never], motions), Mutation::None).unwrap();
    assert_eq!((outcome.handovers, outcome.blocks >= 20), (0, true), "{outcome:?}");
}

#[test]
fn one_that_vanishes_once_it_is_ready_is_missed_only_where_the_others_are_too_few() {
    // Five members bear one that is away, and six of which two are do not.
    let one = council(22, vec![Newcomer::Vanishes], vec![motion(1, 0, &[Alteration::Admit(4)])]);
    let outcome = run_plan(one, Mutation::None).unwrap();
    assert_eq!((outcome.handovers, outcome.stood_still), (1, false), "{outcome:?}");
    let both = vec![motion(1, 0, &[Alteration::Admit(4), Alteration::Admit(5)])];
    let outcome = run_plan(council(23, vec![Newcomer::Vanishes; 2], both), Mutation::None).unwrap();
    assert_eq!((outcome.handovers, outcome.stood_still), (1, true), "{outcome:?}");
}

#[test]
fn the_liar_is_removed_and_lies_on() {
    for (seed, lie) in (30..).zip(crate::liar::LIES) {
        let plan = council(seed, Vec::new(), vec![motion(2, 0, &[Alteration::Remove(2)])]);
        let outcome = run_plan(Plan { liars: vec![(2, vec![lie])], ..plan }, Mutation::None);
        let outcome = outcome.unwrap_or_else(|error| panic!("{lie:?}: {error}"));
        assert_eq!((outcome.handovers, outcome.members_fewest), (1, 3), "{lie:?}: {outcome:?}");
    }
}

#[test]
fn a_liar_is_admitted_and_lies() {
    for (seed, lie) in (50..).zip(crate::liar::LIES) {
        let plan = council(seed, vec![Newcomer::Ready], vec![motion(1, 0, &[Alteration::Admit(4)])]);
        let outcome = run_plan(Plan { liars: vec![(4, vec![lie])], ..plan }, Mutation::None);
        let outcome = outcome.unwrap_or_else(|error| panic!("{lie:?}: {error}"));
        assert_eq!(outcome.handovers, 1, "{lie:?}: {outcome:?}");
    }
}

#[test]
fn what_is_withdrawn_or_has_expired_changes_nothing() {
    let cuts = both_ways(0, 1).to_vec();
    let withdrawn = Motion { withdrawn: Some(3 * SECOND), ..motion(1, 0, &[Alteration::Admit(4)]) };
    let expired = Motion { expires_after_ms: 2_000, ..motion(5, 1, &[Alteration::Admit(4)]) };
    let plan = council(24, vec![Newcomer::Never], vec![withdrawn, expired]);
    let outcome = run_plan(Plan { cuts, ..plan }, Mutation::None).unwrap();
    assert_eq!(outcome.handovers, 0, "{outcome:?}");
}

#[test]
fn a_node_with_an_old_program_reads_on_as_far_as_its_rules_go() {
    let motions = vec![motion(1, 0, &[Alteration::Rules { after_ms: 8_000 }])];
    let plan = Plan { old_programs: BTreeSet::from([3]), ..council(25, Vec::new(), motions) };
    // The block after one at whose time the new rules are in force is by these, however far behind its clock is.
    for offset in [0, -10_000] {
        let clock_offsets_ms = vec![0, 0, 0, offset];
        let outcome = run_plan(Plan { clock_offsets_ms, ..plan.clone() }, Mutation::None).unwrap();
        assert_eq!((outcome.rules_changes, outcome.abstaining), (1, 1), "{offset}: {outcome:?}");
        assert!(outcome.blocks >= 20, "the others go on: {offset}: {outcome:?}");
    }
    // Rules that too few know are not put in force.
    let plan = Plan { old_programs: BTreeSet::from([2, 3]), ..plan };
    let outcome = run_plan(plan, Mutation::None).unwrap();
    assert_eq!(outcome.rules_changes, 0, "{outcome:?}");
}

#[test]
fn members_change_every_height() {
    let plan = Plan { members: 7, rotation: Some(1), clock_offsets_ms: vec![0; 7], ..quiet(4) };
    let outcome = run_plan(plan, Mutation::None).unwrap();
    assert!(outcome.blocks >= 20 && outcome.rounds_most == 0, "{outcome:?}");
}

#[test]
fn a_liar_that_tells_one_this_and_another_that_is_found() {
    for lie in [Lie::TwoVotes, Lie::TwoProposals] {
        // Two that do not reach each other tell each other by way of a third what they have heard.
        let plan = Plan { liars: vec![(1, vec![lie])], cuts: both_ways(0, 2).to_vec(), ..quiet(3) };
        let outcome = run_plan(plan, Mutation::None).unwrap();
        assert!(outcome.convicted.contains(&1), "{lie:?}: {outcome:?}");
    }
}

#[test]
fn each_lie_alone_stops_nothing() {
    for (seed, lie) in (10..).zip(crate::liar::LIES) {
        let plan = Plan { liars: vec![(2, vec![lie])], ..quiet(seed) };
        let outcome = run_plan(plan, Mutation::None).unwrap_or_else(|error| panic!("{lie:?}: {error}"));
        assert!(outcome.blocks >= 15, "{lie:?}: {outcome:?}");
    }
}

#[test]
fn two_things_that_are_one_are_posted_at_two_members() {
    for (seed, pair) in [(5, Pair::Rivals), (6, Pair::Forms)] {
        let pairs = (0..15).map(|at| (at * SECOND, [at as usize % 4, (at as usize + 1) % 4], pair)).collect();
        let outcome = run_plan(Plan { pairs, ..quiet(seed) }, Mutation::None).unwrap();
        // Of rivals one is refused, each time; forms are one statement.
        let refused = if pair == Pair::Rivals { 15 } else { 0 };
        assert!(outcome.blocks >= 20 && outcome.refused >= refused, "{pair:?}: {outcome:?}");
    }
}

#[test]
fn a_member_alone_decides_and_logs_nothing() {
    let (keys, members) = consortium(1);
    let signer: Arc<dyn MemberSigner> = keys[0].clone();
    let verifier = Arc::new(KeyedHashes::new(false));
    let mut alone = MalachiteAgreement::new(ORIGIN.clone(), signer, verifier.clone(), Patience::default());
    assert_eq!(alone.stand(Height::GENESIS, &members), []);
    for at in 1..=3 {
        let height = Height::new(at).unwrap();
        let acts = alone.begin(height, &members, Vec::new()).unwrap();
        assert!(acts.contains(&Act::Build { round: 0 }), "{acts:?}");
        let root = Hash::of(&[at as u8]);
        let checkpoint = Checkpoint { origin: ORIGIN.clone(), size: TreeSize::new(10 * at).unwrap(), root };
        let proposed = ValueId::of(&checkpoint);
        let decided = alone.propose(0, proposed).unwrap();
        let silent = |act: &Act| matches!(act, Act::Wake(..) | Act::Cancel(_) | Act::CancelAll | Act::Build { .. });
        let (last, before) = decided.split_last().unwrap();
        assert!(acts.iter().chain(before).all(silent), "{acts:?} {decided:?}");
        let Act::Decide { value, commit } = last else { panic!("{last:?}") };
        assert_eq!(*value, proposed);
        FinalCheckpoint::verify(checkpoint, commit.clone(), &members, verifier.as_ref()).unwrap();
    }
}
