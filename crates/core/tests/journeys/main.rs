//! The verdict against a model of it that was written apart, on random journeys.
//!
//! `SEALANE_JOURNEYS` says how many, `SEALANE_SEED` where they begin, `SEALANE_SHOWN` how many of those that differ are printed, each
//! as the smallest story that still differs.

mod candidates;
mod hands;
mod model;
mod properties;
mod steps;
mod story;
mod world;

use std::collections::BTreeMap;

use model::Told;
use sealane_core::provenance::{Light, Verdict, Word};
use story::Story;
use world::World;

const JOURNEYS: u64 = 2_000;
const SEED: u64 = 1;
/// Each word that custody can give is told of this part of the journeys, in percent, at least.
const SHARE_MIN: u64 = 3;
const WORDS: [&str; 6] = ["suspect", "ended in red", "disputed", "incomplete", "ended in amber", "authentic"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What the code says, in the model's words.
fn found(world: &World, verdict: &Verdict) -> Told {
    let state = &verdict.state;
    Told {
        word: match (verdict.word, verdict.light) {
            (Word::Ended, Light::Red) => "ended in red",
            (Word::Ended, _) => "ended in amber",
            (word, _) => word.as_str(),
        },
        custodian: state.custodian.as_ref().map(|party| world.who(&party.id)),
        end: state.end,
        in_transit: state.in_transit,
        contradictions: World::marked(verdict, "Contradicts the journey"),
        claims: World::marked(verdict, "It does not fit the journey"),
        taken_back: World::marked(verdict, "Taken back"),
    }
}

/// What was withdrawn is told as such, whatever else it was.
fn without_withdrawn(story: &Story, mut told: Told) -> Told {
    let withdrawn = |at: &usize| story.0.iter().any(|say| say.withdraws == Some(*at));
    told.claims.retain(|at| !withdrawn(at));
    told.contradictions.retain(|at| !withdrawn(at));
    told
}

fn differs(world: &World, story: &Story) -> bool {
    let known = without_withdrawn(story, model::told(story));
    !model::is_open(story) && without_withdrawn(story, found(world, &world.judge(story))) != known
}

/// The smallest story that still differs, by leaving out one record after another.
fn shrunk(world: &World, story: &Story) -> Story {
    let mut story = story.clone();
    while let Some(less) = (0..story.0.len()).map(|at| story.without(at)).find(|less| differs(world, less)) {
        story = less;
    }
    story
}

fn explained(world: &World, seed: u64, story: &Story) -> String {
    let verdict = world.judge(story);
    let reasons: Vec<_> = verdict.reasons.iter().map(|one| (one.rule, &one.leaves)).collect();
    let (code, model) = (found(world, &verdict), model::told(story));
    format!("seed {seed}\n{story}code  {code:?}\nmodel {model:?}\n{reasons:?}\n")
}

#[test]
fn the_model_and_the_code_agree_on_random_journeys() {
    let (count, first) = (number("SEALANE_JOURNEYS", JOURNEYS), number("SEALANE_SEED", SEED));
    println!("{count} journeys from seed {first}");
    let world = World::new();
    let (mut words, mut wrong) = (BTreeMap::<_, u64>::new(), Vec::new());
    let mut open = 0_u64;
    for seed in first..first + count {
        let story = allowed(&world, &story::story(seed));
        let told = model::told(&story);
        open += u64::from(model::is_open(&story));
        *words.entry(told.word).or_default() += 1;
        if differs(&world, &story) {
            wrong.push((seed, story));
        }
    }
    for (word, times) in &words {
        println!("{word:>14} {times:>7} {:>4}.{} %", 100 * times / count, 1000 * times / count % 10);
    }
    println!("{open} left out, since the docs leave them open");
    wrong.sort_by_key(|(_, story)| story.0.len());
    let is_rare = |word: &&str| words.get(word).copied().unwrap_or(0) * 100 < SHARE_MIN * count;
    assert!(count < JOURNEYS || !WORDS.iter().any(is_rare), "too few of a word: {words:?}");
    let shown = usize::try_from(number("SEALANE_SHOWN", 3)).unwrap();
    let told: Vec<String> =
        wrong.iter().take(shown).map(|(seed, story)| explained(&world, *seed, &shrunk(&world, story))).collect();
    assert!(wrong.is_empty(), "{} of {count} differ\n{}", wrong.len(), told.join("\n"));
}

/// Without the records that the ledger does not take.
fn allowed(world: &World, story: &Story) -> Story {
    let mut story = story.clone();
    while let Some(at) = (0..story.0.len()).find(|at| !world.allows(&story, *at)) {
        story = story.without(at);
    }
    story
}
