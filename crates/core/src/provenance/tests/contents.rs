//! Recalls of what a load holds, and of the whole that a piece is of.

use serde_json::json;

use crate::limits::FOLLOWED_CONTENTS_MAX;
use crate::provenance::Word;
use crate::provenance::scenario::{Cast, ITEM, PALLET, Scenario, rules};
use crate::provenance::tests::lists::{Lists, verdict_of};

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L7";
const OTHER_ITEM: &str = "https://id.gs1.org/01/09521567000018/21/I1";

/// A pallet of Acme's with an item of its own, a number of a lot, and an item of another maker.
fn packed() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    let members = json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": PALLET,
        "epcList": null, "childEPCs": [ITEM, OTHER_ITEM], "childQuantityList": [{"epcClass": LOT, "quantity": 3}]});
    ledger.say(&cast.acme, "2026-03-02", members);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Traced, "{:#?}", verdict_of(PALLET, &ledger));
    (ledger, cast)
}

#[test]
fn a_load_is_recalled_with_each_thing_in_it_and_its_kind() {
    for (ids, classes) in [(vec![ITEM], vec![]), (vec![], vec![LOT]), (vec![], vec![CLASS])] {
        let (mut ledger, cast) = packed();
        let leaf = ledger.recall(&cast.acme, "2026-03-05", &ids, &classes);
        let verdict = verdict_of(PALLET, &ledger);
        assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Recalled, "recalled-content"), "{ids:?} {classes:?}");
        assert_eq!(verdict.reasons[0].leaves, [leaf]);
        assert_eq!(rules(&verdict).iter().filter(|rule| **rule == "recalled-content").count(), 1);
        ledger.lift(&cast.acme, "2026-03-06", &ids, &classes);
        assert_eq!(verdict_of(PALLET, &ledger).word, Word::Traced);
    }
    let (mut ledger, cast) = packed();
    ledger.recall(&cast.acme, "2026-03-05", &[], &[CLASS]);
    assert_eq!(
        verdict_of(PALLET, &ledger).reasons[0].sentence,
        "It holds (01)09506000134352(10)L7, and “Acme Pharma”, to which that number belongs, recalled all of its kind on 2026-03-05 UTC."
    );
}

#[test]
fn only_who_holds_the_number_of_a_thing_recalls_it_in_a_load() {
    let (mut ledger, cast) = packed();
    ledger.recall(&cast.acme, "2026-03-05", &[OTHER_ITEM], &[]);
    ledger.recall(&cast.seoul, "2026-03-05", &[ITEM], &[]);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Traced);
    ledger.recall(&cast.other, "2026-03-05", &[OTHER_ITEM], &[]);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Recalled);
}

#[test]
fn what_was_taken_out_of_a_load_recalls_it_no_more() {
    let (mut ledger, cast) = packed();
    ledger.recall(&cast.acme, "2026-03-05", &[ITEM], &[]);
    ledger.unpack(&cast.acme, "2026-03-06", PALLET, &[ITEM]);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Traced);
}

#[test]
fn of_a_large_load_the_recalls_of_the_first_things_are_known() {
    let pieces: Vec<String> = (0..=FOLLOWED_CONTENTS_MAX).map(|n| format!("{CLASS}/21/P{n:03}")).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let load = |count: usize| {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.pack(&cast.acme, "2026-03-02", PALLET, &pieces[..count]);
        (ledger, cast)
    };
    let (mut ledger, cast) = load(FOLLOWED_CONTENTS_MAX);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Traced);
    ledger.recall(&cast.acme, "2026-03-05", &[pieces[FOLLOWED_CONTENTS_MAX - 1]], &[]);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Recalled);

    let (mut ledger, cast) = load(FOLLOWED_CONTENTS_MAX + 1);
    let verdict = verdict_of(PALLET, &ledger);
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Incomplete, "limit-reached"));
    ledger.recall(&cast.acme, "2026-03-05", &[], &[CLASS]);
    assert_eq!(verdict_of(PALLET, &ledger).word, Word::Recalled);
}

#[test]
fn a_node_and_a_verifier_look_up_the_same_of_a_load() {
    let (mut ledger, cast) = packed();
    ledger.recall(&cast.acme, "2026-03-05", &[ITEM], &[]);
    ledger.recall(&cast.seoul, "2026-03-06", &[], &[LOT]);
    let lists = Lists::of(&ledger);
    let trail = Lists::of(&ledger).trail_of(PALLET).unwrap();
    let again = lists.again_of(PALLET, &trail, &[].into()).unwrap();
    assert_eq!((trail.shown, trail.opened), (again.shown, again.opened));
}

#[test]
fn a_piece_is_recalled_with_the_whole_that_it_is_of() {
    let piece = "https://id.gs1.org/8006/095060001343520102/21/S1";
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(&cast.acme, "2026-03-02", json!({"action": "ADD", "bizStep": "commissioning", "epcList": [piece]}));
    assert_eq!(verdict_of(piece, &ledger).word, Word::Authentic);
    ledger.recall(&cast.acme, "2026-03-05", &["https://id.gs1.org/01/09506000134352/21/S2"], &[]);
    assert_eq!(verdict_of(piece, &ledger).word, Word::Authentic, "another whole");
    ledger.recall(&cast.acme, "2026-03-05", &[ITEM], &[]);
    let verdict = verdict_of(piece, &ledger);
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Recalled, "recalled"));
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Acme Pharma”, to which its number belongs, recalled the whole (01)09506000134352(21)S1 of which it is a piece on 2026-03-05 UTC."
    );
}

#[test]
fn strangers_hide_no_authoritys_recall() {
    let (mut ledger, cast) = Scenario::with_cast();
    let agency = ledger.join("Food Agency", "authority", &[], "952100000006");
    ledger.grant_authority(&agency, "2026-01-05");
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.recall(&agency, "2026-03-03", &[], &[CLASS]);
    for _ in 0..40 {
        ledger.recall(&cast.lisbon, "2026-03-04", &[], &[CLASS]);
    }
    let verdict = verdict_of(ITEM, &ledger);
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Recalled, "recalled"));
}

#[test]
fn what_the_members_decided_of_speed_counts() {
    let (mut ledger, cast) = Scenario::with_cast();
    let at = |geo: &str| json!({"bizStep": "storing", "readPoint": {"id": geo}});
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.say(&cast.acme, "2026-03-02T10:00:00Z", at("geo:37.5,127.0"));
    ledger.say(&cast.acme, "2026-03-02T12:00:00Z", at("geo:37.5,10.0"));
    assert_eq!(verdict_of(ITEM, &ledger).word, Word::Suspect);
    ledger.set_policy("2026-03-03", "maxSpeedKmh", 20_000);
    assert_eq!(verdict_of(ITEM, &ledger).word, Word::Authentic);
}
