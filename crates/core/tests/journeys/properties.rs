//! What holds of the verdict whatever the rules are in detail: the order of the ledger, and what one liar can do.

use sealane_core::provenance::{Verdict, Word};

use crate::number;
use crate::story::{self, Chance, Say, Story, Who};
use crate::world::World;

const JOURNEYS: u64 = 500;

/// How bad a word is: the same for a product that has reached its end as it should as for one that is well.
fn badness(verdict: &Verdict) -> u8 {
    match verdict.word {
        Word::Authentic | Word::Traced => 0,
        Word::Ended => 1,
        Word::Incomplete => 2,
        Word::Disputed => 3,
        Word::Suspect => 4,
        Word::Recalled | Word::Unknown => 5,
    }
}

fn seeds() -> std::ops::Range<u64> {
    let first = number("SEALANE_SEED", 1);
    first..first + number("SEALANE_JOURNEYS", JOURNEYS)
}

fn told(verdict: &Verdict) -> String {
    let reasons: Vec<_> = verdict.reasons.iter().map(|one| (one.rule, &one.leaves)).collect();
    format!("{} {:?} {reasons:?}", verdict.word.as_str(), verdict.state.custodian)
}

/// Honest records, however they come onto the ledger within a day, have the word that they have in the order of their times.
#[test]
fn the_order_of_honest_records_within_a_day_gives_no_worse_word() {
    let world = World::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut chance = Chance::new(seed);
        let honest = story::honest(&mut chance);
        let mut other = honest.clone();
        for say in &mut other.0 {
            say.posted = say.time.max(honest.0.last().unwrap().time) + chance.below(1440);
        }
        let other = Story::in_ledger_order(other.0);
        let (first, second) = (world.judge(&honest), world.judge(&other));
        if badness(&first) != badness(&second) || first.state.custodian != second.state.custodian {
            wrong.push(format!("seed {seed}\n{honest}{}\n{other}{}", told(&first), told(&second)));
        }
    }
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}

/// One stranger's statement changes the word to nothing but `disputed` or `incomplete`, and never who has the product.
#[test]
fn one_stranger_makes_it_disputed_or_incomplete_at_most() {
    let world = World::new();
    let mut wrong = Vec::new();
    for seed in seeds() {
        let mut chance = Chance::new(seed);
        let honest = story::honest(&mut chance);
        let mut says = honest.0.clone();
        let step = chance.one_of(&story::STRANGERS_STEPS);
        let time = 480 + 5 * 1440 + chance.below(20 * 1440);
        let mut lie = Say::new(Who::Lisbon, time, step);
        lie.adds = false;
        lie.disposition = chance.one_of(&[None, None, None, Some("stolen"), Some("recalled"), Some("returned")]);
        if step == "shipping" {
            lie.to = vec![chance.one_of(&[Who::Lisbon, Who::Seoul, Who::Swift])];
        }
        lie.place = chance.one_of(&[Some(Who::Lisbon), Some(Who::Lisbon), Some(Who::Seoul), None]);
        lie.posted = time + chance.below(3000);
        says.push(lie);
        let story = Story::in_ledger_order(says);
        let (first, second) = (world.judge(&honest), world.judge(&story));
        let is_right = first.word == second.word || matches!(second.word, Word::Disputed | Word::Incomplete);
        if !is_right || first.state.custodian != second.state.custodian || first.state.end != second.state.end {
            wrong.push(format!("seed {seed}\n{story}{}\n{}", told(&first), told(&second)));
        }
    }
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}
