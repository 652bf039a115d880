//! Situations that are made on purpose.

use sealane::bft::MalachiteAgreement;
use sealane::ports::{Act, Agreement, MemberSigner, Patience};
use sealane_core::agreement::ValueId;
use sealane_core::block::{Checkpoint, FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;
use std::sync::Arc;

use crate::keys::{KeyedHashes, ORIGIN, consortium};
use crate::liar::Lie;
use crate::mutation::Mutation;
use crate::node::SECOND;
use crate::plan::{Cut, HEALED, Pair, Plan};
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
