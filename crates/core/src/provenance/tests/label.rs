//! The label that a question has: each attribute equal, different and absent; recalls of its lot; dates.

use serde_json::{Value, json};

use crate::provenance::scenario::{Cast, ITEM, Scenario, rules, time};
use crate::provenance::{Severity, Verdict, Word};

/// The scenario's item under this label.
fn asked(label: &str) -> String {
    format!("{ITEM}?{label}")
}

fn with(ilmd: Value) -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(&cast.acme, "2026-03-02", json!({"action": "ADD", "bizStep": "commissioning", "ilmd": ilmd}));
    (ledger, cast)
}

fn whole() -> Value {
    json!({
        "cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2027-12-31", "cbvmda:bestBeforeDate": "2027-06-30",
        "cbvmda:sellByDate": "2027-05-31", "gs1:productionDate": "2026-03-01T08:00:00Z",
    })
}

const EQUAL: &str = "10=L7&11=260301&15=270600&16=270531&17=271231";

fn sentence<'a>(verdict: &'a Verdict, rule: &str) -> &'a str {
    verdict.reasons.iter().find(|one| one.rule == rule).map_or("", |one| one.sentence.as_str())
}

#[test]
fn a_label_that_says_what_is_recorded_changes_nothing() {
    let (ledger, _) = with(whole());
    for label in ["", EQUAL, "10=L7&11=260301&15=270630&16=270500&7003=2712311200", &format!("{EQUAL}&22=2A&235=T")] {
        let verdict = ledger.verdict_of(&asked(label));
        assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]), "{label}: {verdict:#?}");
    }
}

#[test]
fn a_label_that_says_something_else_is_not_to_be_trusted() {
    let (ledger, _) = with(whole());
    for (label, told) in [
        ("10=FAKE", "(10) lot “FAKE”, and “Acme Pharma” recorded “L7” on 2026-03-02 UTC."),
        ("17=291231", "(17) expiry date 2029-12-31, and “Acme Pharma” recorded 2027-12-31 on 2026-03-02 UTC."),
        ("7003=2912311200", "(7003) expiry date 2029-12-31, and “Acme Pharma” recorded 2027-12-31"),
        ("15=290630", "(15) best-before date 2029-06-30, and “Acme Pharma” recorded 2027-06-30"),
        ("16=290531", "(16) sell-by date 2029-05-31, and “Acme Pharma” recorded 2027-05-31"),
        ("11=260302", "(11) production date 2026-03-02, and “Acme Pharma” recorded 2026-03-01"),
        ("10=l7", "(10) lot “l7”, and"),
    ] {
        let verdict = ledger.verdict_of(&asked(label));
        assert_eq!(verdict.word, Word::Suspect, "{label}: {verdict:#?}");
        assert_eq!(verdict.reasons[0].rule, "label-differs");
        assert!(verdict.reasons[0].sentence.starts_with(&format!("The label says {told}")), "{verdict:#?}");
        assert_eq!(verdict.summary, format!("Do not trust it. {}", verdict.reasons[0].sentence));
        assert_eq!(verdict.label.query(), label);
    }
}

#[test]
fn what_only_one_of_them_says_is_a_note() {
    let (ledger, _) = with(json!({}));
    let verdict = ledger.verdict_of(&asked("10=L7&17=271231&22=2A"));
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["label-unconfirmed", "label-unconfirmed"]));
    assert_eq!(sentence(&verdict, "label-unconfirmed"), "The label says (10) lot “L7”, and no record confirms it.");
    let (ledger, _) = with(json!({"cbvmda:lotNumber": "L7", "gs1:expirationDate": "2027-12-31"}));
    let verdict = ledger.verdict_of(&asked("22=2A"));
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["label-incomplete", "label-incomplete"]));
    assert_eq!(sentence(&verdict, "label-incomplete"), "The label does not say its lot, which is on record as “L7”.");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "a question without a label is not asked for one");
}

#[test]
fn only_whose_number_it_is_says_what_it_is() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(
        &cast.other,
        "2026-03-02",
        json!({"action": "ADD", "bizStep": "commissioning", "ilmd": {"cbvmda:lotNumber": "L7"}}),
    );
    let verdict = ledger.verdict_of(&asked("10=L8"));
    assert!(!rules(&verdict).contains(&"label-differs"), "{verdict:#?}");
    assert!(rules(&verdict).contains(&"label-unconfirmed"));
}

/// However the commissioning names the lot, and if it does not name it at all.
#[test]
fn a_recalled_lot_is_recalled_in_every_recording() {
    let written = "https://id.gs1.org/01/09506000134352/10/L8/21/S1";
    for members in [
        json!({"ilmd": {"cbvmda:lotNumber": "L8"}}),
        json!({"ilmd": {"gs1:Product": {"gs1:hasBatchLotNumber": "L8"}}}),
        json!({"epcList": [written]}),
        json!({}),
    ] {
        let (mut ledger, cast) = Scenario::with_cast();
        let mut all = json!({"action": "ADD", "bizStep": "commissioning"});
        members.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        ledger.say(&cast.acme, "2026-03-02", all);
        assert_eq!(ledger.verdict_of(&asked("10=L8")).word, Word::Authentic, "{members}");
        ledger.recall(&cast.acme, "2026-03-05", &[], &["https://id.gs1.org/01/09506000134352/10/L8"]);
        for text in [asked("10=L8"), "(01)09506000134352(10)L8(21)S1".to_owned()] {
            let verdict = ledger.verdict_of(&text);
            assert_eq!(
                (verdict.word, verdict.reasons[0].rule),
                (Word::Recalled, "recalled"),
                "{members}: {verdict:#?}"
            );
        }
        let is_named = members != json!({});
        assert_eq!(ledger.verdict().word == Word::Recalled, is_named, "{members}");
    }
}

#[test]
fn a_strangers_recall_of_the_labels_lot_is_a_claim() {
    let (mut ledger, cast) = with(json!({}));
    ledger.recall(&cast.seoul, "2026-03-05", &[], &["https://id.gs1.org/01/09506000134352/10/L8"]);
    let verdict = ledger.verdict_of(&asked("10=L8"));
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["label-unconfirmed", "recall-claimed"]));
}

#[test]
fn dates_that_have_passed_are_told() {
    // The last seal is of 2026-06-01 UTC.
    let (ledger, _) = with(json!({"cbvmda:itemExpirationDate": "2026-05-31", "cbvmda:sellByDate": "2026-05-01"}));
    assert_eq!(rules(&ledger.verdict()), ["expired", "date-passed"]);
    assert_eq!(sentence(&ledger.verdict(), "expired"), "Its date of expiry, 2026-05-31, has passed.");
    assert_eq!(sentence(&ledger.verdict(), "date-passed"), "Its sell-by date, 2026-05-01, has passed.");
    let (ledger, _) = with(json!({"cbvmda:itemExpirationDate": "2026-06-01"}));
    assert_eq!(rules(&ledger.verdict()), [""; 0], "the day itself still counts");
    let (mut ledger, _) = with(json!({}));
    for (label, rule) in [
        ("17=260531", Some("expired")),
        ("7003=2605312359", Some("expired")),
        ("17=260600", None),
        ("15=260531", Some("date-passed")),
        ("16=260531", Some("date-passed")),
        ("11=260531", None),
    ] {
        let verdict = ledger.verdict_of(&asked(label));
        let found = rules(&verdict).into_iter().find(|rule| *rule != "label-unconfirmed");
        let word = if rule == Some("expired") { Word::Ended } else { Word::Authentic };
        assert_eq!((verdict.word, found), (word, rule), "{label}");
    }
    ledger.as_of = time("2026-07-01");
    assert!(rules(&ledger.verdict_of(&asked("17=260600"))).contains(&"expired"));
}

#[test]
fn a_date_that_cannot_be_read_is_told() {
    for date in [json!("31/12/2027"), json!("2027-02-29"), json!("2027"), json!(20_271_231)] {
        let (ledger, _) = with(json!({"cbvmda:itemExpirationDate": date}));
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["expiry-unreadable"]), "{date}");
        let text = date.as_str().map_or_else(|| date.to_string(), str::to_owned);
        assert_eq!(
            sentence(&verdict, "expiry-unreadable"),
            format!("The expiry date that “Acme Pharma” recorded on 2026-03-02 UTC cannot be read as a day: “{text}”.")
        );
        assert_eq!(verdict.state.expiry, None);
    }
}

#[test]
fn one_of_several_recorded_lots_is_enough() {
    let (ledger, _) = with(json!({"cbvmda:lotNumber": "L7", "gs1:hasBatchLotNumber": "L8"}));
    for lot in ["L7", "L8"] {
        assert_eq!(rules(&ledger.verdict_of(&asked(&format!("10={lot}")))), [""; 0]);
    }
    let verdict = ledger.verdict_of(&asked("10=L9"));
    assert!(verdict.reasons.iter().any(|one| one.rule == "label-differs" && one.severity == Severity::Fails));
}

#[test]
fn a_lot_has_a_label_too() {
    let lot = "https://id.gs1.org/01/09506000134352/10/L7";
    let (mut ledger, cast) = Scenario::with_cast();
    let members = json!({"action": "ADD", "bizStep": "commissioning", "epcList": null,
        "quantityList": [{"epcClass": lot, "quantity": 10}], "ilmd": {"cbvmda:itemExpirationDate": "2027-12-31"}});
    ledger.say(&cast.acme, "2026-03-02", members);
    assert_eq!(rules(&ledger.verdict_of("(01)09506000134352(10)L7(17)271231")), ["shared-number"]);
    let verdict = ledger.verdict_of("(01)09506000134352(10)L7(17)291231");
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Suspect, "label-differs"));
}
