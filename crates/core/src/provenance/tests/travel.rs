//! Travel between places whose coordinates are known.

use serde_json::{Value, json};

use crate::provenance::Word;
use crate::provenance::scenario::{CASE, Cast, ITEM, Scenario, rules};

const SEOUL: &str = "geo:37.5665,126.9780";
const BUSAN: &str = "geo:35.1796,129.0756";
const LISBON: &str = "geo:38.7223,-9.1393";

fn seen_at(place: &str) -> Value {
    json!({"readPoint": {"id": place}, "bizStep": "inspecting"})
}

fn commissioned() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    (ledger, cast)
}

#[test]
fn impossible_travel() {
    let (mut ledger, cast) = commissioned();
    let one = ledger.say(&cast.acme, "2026-03-03T00:00:00Z", seen_at(SEOUL));
    ledger.step(&cast.acme, "2026-03-03T01:00:00Z", "inspecting");
    let two = ledger.say(&cast.acme, "2026-03-03T02:00:00Z", seen_at(LISBON));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["impossible-travel"]));
    assert_eq!(verdict.reasons[0].leaves, [one, two]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "It cannot have travelled 10418 km in 120 minutes, at 5209 km/h: “Acme Pharma” recorded it on 2026-03-03 UTC, and \
         “Acme Pharma” on 2026-03-03 UTC."
    );
    assert_eq!((verdict.timeline[1].latitude, verdict.timeline[1].longitude), (Some(37.5665), Some(126.978)));
    ledger.policy.max_speed_kmh = 10_000;
    assert_eq!(ledger.verdict().word, Word::Authentic, "the policy says how fast");
}

#[test]
fn honest_journeys_are_possible() {
    for (place, when) in [
        (LISBON, "2026-03-03T12:00:00Z"),
        (BUSAN, "2026-03-03T00:00:00Z"),
        ("geo:0,0", "2026-03-03T00:00:00Z"),
        ("urn:example:lisbon", "2026-03-03T00:00:00Z"),
    ] {
        let (mut ledger, cast) = commissioned();
        ledger.say(&cast.acme, "2026-03-03T00:00:00Z", seen_at(SEOUL));
        ledger.say(&cast.acme, when, seen_at(place));
        assert_eq!(ledger.verdict().word, Word::Authentic, "{place}");
    }
}

#[test]
fn what_is_said_from_afar_travels_as_fast_as_it_likes() {
    let (mut ledger, cast) = commissioned();
    ledger.say(&cast.acme, "2026-03-03T00:00:00Z", seen_at(SEOUL));
    ledger.say(&cast.acme, "2026-03-03T00:00:00Z", json!({"readPoint": {"id": LISBON}, "bizStep": "sensor_reporting"}));
    assert_eq!(ledger.verdict().word, Word::Authentic);
}

#[test]
fn coordinates_beside_the_place_and_the_containers_count_too() {
    let (mut ledger, cast) = commissioned();
    ledger.pack(&cast.acme, "2026-03-03T00:00:00Z", CASE, &[ITEM]);
    let at = |latitude: f64, longitude: f64| {
        json!({"@context": [
                "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ext": "https://example.org/ext/"},
            ],
            "epcList": [CASE], "bizStep": "inspecting",
            "readPoint": {"id": cast.acme.place, "ext:latitude": latitude, "ext:longitude": longitude}})
    };
    ledger.say(&cast.acme, "2026-03-03T01:00:00Z", at(37.5665, 126.978));
    ledger.say(&cast.acme, "2026-03-03T02:00:00Z", at(38.7223, -9.1393));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["impossible-travel"]));
    assert!(verdict.reasons[0].sentence.contains("in the container (00)095060001343520000"));
    assert_eq!(verdict.timeline[2].latitude, Some(37.5665));
}
