//! The end of a product's life in the chain, and theft.

use serde_json::json;

use crate::domain::provenance::Word;
use crate::domain::provenance::scenario::{Actor, Cast, Scenario, rules};

fn at_seoul() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    (ledger, cast)
}

fn sell(ledger: &mut Scenario, actor: &Actor, when: &str) {
    ledger.say(actor, when, json!({"bizStep": "retail_selling", "disposition": "retail_sold"}));
}

#[test]
fn sold_is_a_state_and_no_suspicion() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
    assert_eq!((verdict.state.end, verdict.state.custodian), (Some("sold"), None));
    assert!(verdict.summary.ends_with("every hand-over since is known; it was sold on 2026-03-06."));
}

#[test]
fn nothing_in_the_chain_follows_a_sale() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    let leaf = ledger.receive(&cast.lisbon, "2026-03-08");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["event-after-terminal"]));
    assert_eq!(verdict.reasons[0].leaves[1], leaf);
    assert_eq!(
        verdict.reasons[0].sentence,
        "Lisbon Trade recorded it on 2026-03-08, after it was sold on 2026-03-06 by Seoul Medical."
    );
}

#[test]
fn what_was_sold_is_repaired_recalled_and_scrapped() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    for step in ["repairing", "inspecting", "collecting", "destroying"] {
        ledger.step(&cast.lisbon, "2026-03-08", step);
    }
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
    assert_eq!(verdict.state.end, Some("destroyed"));
    ledger.say(&cast.acme, "2026-03-09", json!({"disposition": "recalled"}));
    assert_eq!(rules(&ledger.verdict()), ["recalled"]);
}

#[test]
fn what_was_sold_comes_back_when_it_is_returned() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    ledger.say(&cast.lisbon, "2026-03-08", json!({"bizStep": "receiving", "disposition": "returned"}));
    sell(&mut ledger, &cast.lisbon, "2026-03-09");
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
    sell(&mut ledger, &cast.seoul, "2026-03-10");
    assert_eq!(rules(&ledger.verdict()), ["event-after-terminal"], "sold twice");
}

#[test]
fn every_end_is_an_end() {
    let ends = [
        (json!({"bizStep": "dispensing", "disposition": "dispensed"}), "dispensed"),
        (json!({"bizStep": "decommissioning"}), "decommissioned"),
        (json!({"action": "DELETE"}), "decommissioned"),
        (json!({"disposition": "inactive"}), "decommissioned"),
        (json!({"bizStep": "destroying"}), "destroyed"),
        (json!({"disposition": "disposed"}), "destroyed"),
    ];
    for (members, word) in ends {
        let (mut ledger, cast) = at_seoul();
        ledger.say(&cast.seoul, "2026-03-06", members);
        assert_eq!((ledger.verdict().word, ledger.verdict().state.end), (Word::Authentic, Some(word)));
        ledger.step(&cast.seoul, "2026-03-07", "storing");
        assert_eq!(rules(&ledger.verdict()), ["event-after-terminal"], "{word}");
    }
}

#[test]
fn a_pack_of_which_a_part_was_dispensed_lives_on() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", json!({"bizStep": "dispensing", "disposition": "partially_dispensed"}));
    ledger.step(&cast.seoul, "2026-03-07", "storing");
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
}

#[test]
fn events_of_one_moment_are_one_occasion() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", json!({"bizStep": "dispensing", "disposition": "dispensed"}));
    ledger.step(&cast.seoul, "2026-03-06", "packing");
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
}

#[test]
fn the_holder_of_the_prefix_decommissions_from_afar() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.acme, "2026-03-06", json!({"action": "DELETE", "bizStep": "decommissioning"}));
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), [""; 0]);
    assert!(verdict.summary.ends_with("it was decommissioned on 2026-03-06."), "{}", verdict.summary);
    ledger.step(&cast.seoul, "2026-03-07", "storing");
    assert_eq!(rules(&ledger.verdict()), ["event-after-terminal"]);
}

#[test]
fn reported_stolen() {
    let (mut ledger, cast) = at_seoul();
    let leaf = ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "stolen"}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["reported-stolen"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(verdict.summary, "Do not trust it: Seoul Medical reported it stolen on 2026-03-06.");
    ledger.say(&cast.seoul, "2026-03-07", json!({"persistentDisposition": {"unset": ["stolen"]}}));
    assert_eq!(rules(&ledger.verdict()), [""; 0], "found again");
}

#[test]
fn the_one_to_whom_it_was_sent_may_report_it_stolen() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "stolen"}));
    assert_eq!(rules(&ledger.verdict()), ["reported-stolen"]);
}

#[test]
fn a_theft_reported_by_a_stranger_is_a_claim() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.lisbon, "2026-03-06", json!({"persistentDisposition": {"set": ["stolen"]}}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["stolen-claimed"]));
}
