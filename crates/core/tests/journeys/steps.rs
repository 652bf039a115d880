//! All business steps of CBV 2.0 by those who have no part: none condemns a product, none changes who has it or how it ended.

use std::fmt::Write;

use sealane_core::epcis::vocabulary::BizStep;
use sealane_core::provenance::Word;

use crate::story::{Say, Story, Who};
use crate::world::World;

/// Where the product is before the step: held by Seoul, on its way from Seoul to Farma, or sold by Seoul.
const STANDINGS: [&str; 3] = ["held", "in transit", "sold"];
/// A stranger, a carrier that nobody named, and a former holder. All but the carrier are manufacturers, who may record every step.
const SIGNERS: [(&str, Who); 3] = [("stranger", Who::Lisbon), ("carrier", Who::Swift), ("former holder", Who::Other)];

fn before(standing: &str) -> Story {
    let day = |day: i64| day * 1440 + 540;
    let ships = |who: Who, at: i64, to: Who| Say { to: vec![to], ..Say::new(who, day(at), "shipping") };
    let mut says = vec![
        Say::new(Who::Acme, day(1), "commissioning"),
        ships(Who::Acme, 2, Who::Other),
        Say::new(Who::Other, day(3), "receiving"),
        ships(Who::Other, 4, Who::Seoul),
        Say::new(Who::Seoul, day(5), "receiving"),
    ];
    match standing {
        "in transit" => says.push(ships(Who::Seoul, 6, Who::Farma)),
        "sold" => says.push(Say::new(Who::Seoul, day(6), "retail_selling")),
        _ => {}
    }
    Story(says)
}

/// What its holder records a day after the step.
fn going_on(standing: &str) -> Say {
    let (who, step) = match standing {
        "in transit" => (Who::Farma, "receiving"),
        "sold" => (Who::Seoul, "inspecting"),
        _ => (Who::Seoul, "storing"),
    };
    Say::new(who, 8 * 1440 + 540, step)
}

/// The words after the step and after its holder has gone on, `refused` where the ledger does not take the step; and what is wrong.
fn cell(world: &World, standing: &str, who: Who, step: &'static str) -> (String, Vec<String>) {
    let (mut with, mut without) = (before(standing), before(standing));
    // What brings an object forth is the action, which the ledger refuses of these, and not the step.
    with.0.push(Say { adds: false, ..Say::new(who, 7 * 1440 + 540, step) });
    if !world.allows(&with, with.0.len() - 1) {
        return ("refused".to_owned(), Vec::new());
    }
    let (mut words, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (verdict, expected) = (world.judge(&with), world.judge(&without));
        let (state, before) = (&verdict.state, &expected.state);
        let is_red = matches!(verdict.word, Word::Suspect | Word::Recalled | Word::Unknown);
        let is_moved = state.custodian != before.custodian || state.in_transit != before.in_transit;
        if is_red || is_moved || state.end != before.end {
            wrong.push(format!("{standing}, {} {step}: {:#?}", who.name(), verdict.reasons));
        }
        words.push(verdict.word.as_str());
        with.0.push(going_on(standing));
        without.0.push(going_on(standing));
    }
    words.dedup();
    (words.join(", "), wrong)
}

#[test]
fn no_step_of_those_who_have_no_part_condemns_it() {
    let world = World::new();
    let mut table = format!("{:<24}", "step");
    for (standing, (signer, _)) in STANDINGS.iter().flat_map(|one| SIGNERS.iter().map(move |two| (one, two))) {
        write!(table, "{:<26}", format!("{standing}, {signer}")).unwrap();
    }
    let mut wrong = Vec::new();
    for step in BizStep::STANDARD.iter().map(BizStep::as_str) {
        write!(table, "\n{step:<24}").unwrap();
        for standing in STANDINGS {
            for (_, who) in SIGNERS {
                let (words, faults) = cell(&world, standing, who, step);
                write!(table, "{words:<26}").unwrap();
                wrong.extend(faults);
            }
        }
    }
    println!("{table}");
    assert!(BizStep::STANDARD.len() == 41 && wrong.is_empty(), "{}", wrong.join("\n"));
}
