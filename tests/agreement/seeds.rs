//! Many seeds, one seed twice, and what many of them show together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::mutation::Mutation;
use crate::plan::Plan;
use crate::world::{Outcome, World};

/// How many seeds CI tries.
const SEEDS: u64 = 500;

/// Runs one seed. What breaks a rule and what panics are both told.
pub fn run(seed: u64, mutation: Mutation) -> Result<Outcome, String> {
    run_plan(Plan::of(seed), mutation)
}

pub fn run_plan(plan: Plan, mutation: Mutation) -> Result<Outcome, String> {
    let run = catch_unwind(AssertUnwindSafe(|| World::new(plan, mutation).run()));
    run.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("it panics: {}", text.unwrap_or("without a word")))
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => otherwise,
    }
}

#[test]
fn nothing_breaks_in_many_seeds() {
    let first = number("SEALANE_FIRST_SEED", 1);
    let count = number("SEALANE_SEEDS", SEEDS);
    let next = AtomicU64::new(first);
    let all: Mutex<Vec<(u64, Result<Outcome, String>)>> = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let outcome = run(seed, Mutation::None);
                    if let Err(error) = &outcome {
                        println!("seed {seed}: {error}");
                    }
                    all.lock().unwrap().push((seed, outcome));
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|(seed, _)| *seed);
    let failed: Vec<String> =
        all.iter().filter_map(|(seed, outcome)| Some(format!("seed {seed}: {}", outcome.as_ref().err()?))).collect();
    let good: Vec<&Outcome> = all.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).collect();
    let blocks: u64 = good.iter().map(|one| one.blocks).sum();
    let deaths: u64 = good.iter().map(|one| one.deaths).sum();
    let convicted: usize = good.iter().map(|one| one.convicted.len()).sum();
    let rounds = good.iter().map(|one| one.rounds_most).max().unwrap_or_default();
    let calm = good.iter().map(|one| one.calm).max().unwrap_or_default();
    let handovers: u64 = good.iter().map(|one| one.handovers).sum();
    let changing = good.iter().filter(|one| one.handovers > 0).count();
    let rules: u64 = good.iter().map(|one| one.rules_changes).sum();
    let abstaining: usize = good.iter().map(|one| one.abstaining).sum();
    let stood_still = good.iter().filter(|one| one.stood_still).count();
    let most = good.iter().map(|one| one.members_most).max().unwrap_or_default();
    let fewest = good.iter().map(|one| one.members_fewest).filter(|count| *count > 0).min().unwrap_or_default();
    println!(
        "{count} seeds from {first}: {} failed; {blocks} blocks, up to round {rounds}, {deaths} deaths, {convicted} liars \
         convicted, calm after {} ms at the most; {handovers} changes of members in {changing} of them, from {fewest} to {most} \
         members, {stood_still} stood still for want of those that had vanished, {rules} changes of rules with {abstaining} old \
         programs",
        failed.len(),
        calm / 1_000
    );
    assert!(failed.is_empty(), "these of {count} seeds failed, each for the reason above: {failed:?}");
    // A simulation in which nothing happens shows nothing.
    if count >= 100 {
        assert!(blocks > 5 * count && deaths > count && convicted as u64 > count / 20 && rounds > 2);
        assert!(handovers > count / 10 && rules > count / 100 && stood_still > 0 && fewest < 4 && most > 7);
    }
}

#[test]
fn a_seed_gives_the_same_again() {
    for seed in 1..=5 {
        let traces = [(), ()].map(|()| run(seed, Mutation::None).unwrap().trace);
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}
