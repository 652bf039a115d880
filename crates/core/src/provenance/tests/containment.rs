//! Containment: what happened to a case, and to the pallet it stood on, happened to what was in it.

use serde_json::{Value, json};

use crate::merkle::LeafIndex;
use crate::provenance::scenario::{Actor, CASE, Cast, ITEM, PALLET, Scenario, rules, time};
use crate::provenance::{Light, Word};

const NOTHING: [&str; 0] = [];

fn commissioned() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    (ledger, cast)
}

/// In the case, at Acme's.
fn in_case() -> (Scenario, Cast) {
    let (mut ledger, cast) = commissioned();
    ledger.pack(&cast.acme, "2026-03-03", CASE, &[ITEM]);
    (ledger, cast)
}

/// In the case, which was shipped to Seoul and received there.
fn in_case_at_seoul() -> (Scenario, Cast) {
    let (mut ledger, cast) = in_case();
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.receive_of(CASE, &cast.seoul, "2026-03-06");
    (ledger, cast)
}

fn nowhere(id: &str, members: Value) -> Value {
    let mut all = json!({"epcList": [id], "readPoint": null, "bizLocation": null});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    all
}

fn leaves(ledger: &Scenario, rule: &str) -> Vec<LeafIndex> {
    ledger.verdict().reasons.iter().find(|reason| reason.rule == rule).unwrap().leaves.clone()
}

#[test]
fn what_happened_to_the_case_happened_to_the_item() {
    let (ledger, cast) = in_case_at_seoul();
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]), "{verdict:#?}");
    assert_eq!(verdict.state.custodian.as_ref().unwrap().id, cast.seoul.id);
    assert_eq!(verdict.state.location.as_deref(), Some(cast.seoul.place.as_str()));
    assert_eq!(verdict.state.container.as_deref(), Some(CASE));
    let via: Vec<_> = verdict.timeline.iter().map(|step| step.via.as_ref().map(|id| id.as_str())).collect();
    assert_eq!(via, [None, None, Some(CASE), Some(CASE)]);
    assert!(verdict.summary.ends_with("“Seoul Medical” has it, in the container (00)095060001343520000."));
}

#[test]
fn nested_containers_are_followed_and_left_again() {
    let (mut ledger, cast) = in_case();
    ledger.pack(&cast.acme, "2026-03-03T10:00:00Z", PALLET, &[CASE]);
    ledger.ship_of(PALLET, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.step_of(PALLET, &cast.swift, "2026-03-05", "transporting");
    ledger.receive_of(PALLET, &cast.seoul, "2026-03-06");
    ledger.unpack(&cast.seoul, "2026-03-07", PALLET, &[CASE]);
    ledger.unpack(&cast.seoul, "2026-03-08", CASE, &[ITEM]);
    // What becomes of the empties is no business of the item's.
    ledger.ship_of(PALLET, &cast.seoul, "2026-03-09", Some(&cast.lisbon));
    ledger.step_of(CASE, &cast.seoul, "2026-03-09", "destroying");
    ledger.ship(&cast.seoul, "2026-03-10", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-12");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["unnamed-carrier"]), "{verdict:#?}");
    assert_eq!((verdict.timeline.len(), verdict.state.container), (10, None));
    let via = |leaf: usize| verdict.timeline[leaf].via.as_ref().map(|id| id.as_str());
    assert_eq!((via(2), via(3), via(6)), (Some(CASE), Some(PALLET), Some(CASE)));
}

#[test]
fn what_happened_to_the_case_before_and_after_did_not_happen_to_the_item() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.step_of(CASE, &cast.lisbon, "2026-03-01", "storing");
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.pack(&cast.acme, "2026-03-03", CASE, &[ITEM]);
    ledger.unpack(&cast.acme, "2026-03-04", CASE, &[ITEM]);
    ledger.receive_of(CASE, &cast.lisbon, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.timeline.len()), (vec![], 3));
}

#[test]
fn a_disaggregation_without_children_takes_out_all() {
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.unpack(&cast.seoul, "2026-03-07", CASE, &[]);
    ledger.ship_of(CASE, &cast.seoul, "2026-03-08", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit, verdict.state.container), (vec![], false, None));
}

#[test]
fn others_taken_out_leave_it_where_it_is() {
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.unpack(&cast.seoul, "2026-03-07", CASE, &["https://id.gs1.org/01/09506000134352/21/S2"]);
    assert_eq!(ledger.verdict().state.container.as_deref(), Some(CASE));
}

#[test]
fn custody_is_judged_through_the_container() {
    let (mut ledger, cast) = in_case();
    let shipped = ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    let received = ledger.receive_of(CASE, &cast.lisbon, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["container-disputed"]));
    assert_eq!(leaves(&ledger, "container-disputed"), [received]);
    let disputed = verdict.reasons.iter().find(|reason| reason.rule == "container-disputed").unwrap();
    assert_eq!(
        disputed.sentence,
        "“Lisbon Trade” says it had (00)095060001343520000 on 2026-03-06 UTC, in which this was then, and has no part in its journey."
    );
    assert!(verdict.state.in_transit, "a claim counts for what it names");
    ledger.ship_of(CASE, &cast.acme, "2026-03-07", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["shipped-twice", "container-disputed"]));
    assert!(verdict.reasons[0].leaves.contains(&shipped));
}

#[test]
fn a_copy_that_surfaces_while_the_genuine_one_travels_in_a_case() {
    let (mut ledger, cast) = in_case();
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.step(&cast.lisbon, "2026-03-05", "stocking");
    assert_eq!(rules(&ledger.verdict()), ["inside-container"]);
    ledger.unpack(&cast.seoul, "2026-03-07", CASE, &[ITEM]);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Disputed, vec!["claimed"]));
}

#[test]
fn seen_elsewhere_without_being_taken_out_is_a_gap() {
    let (mut ledger, cast) = in_case_at_seoul();
    let leaf = ledger.receive(&cast.lisbon, "2026-03-09");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["inside-container"]));
    assert!(verdict.reasons[0].leaves.contains(&leaf));
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Lisbon Trade” recorded it on 2026-03-09 UTC outside of (00)095060001343520000, into which it was packed, and \
         nobody recorded taking it out: “Seoul Medical” had it, last seen there on 2026-03-06 UTC in the container \
         (00)095060001343520000, and recorded no hand-over."
    );
    assert_eq!((verdict.state.container.as_deref(), verdict.state.custodian.unwrap().id), (Some(CASE), cast.seoul.id));
}

/// The crate went back, and nobody recorded that it was empty.
#[test]
fn unpacking_that_was_not_recorded_is_a_gap_and_no_contradiction() {
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.ship_of(CASE, &cast.seoul, "2026-03-07", Some(&cast.acme));
    let mut on_the_way = ledger.clone();
    on_the_way.ship(&cast.seoul, "2026-03-08", Some(&cast.lisbon));
    on_the_way.receive(&cast.lisbon, "2026-03-09");
    assert_eq!(rules(&on_the_way.verdict()), ["inside-container"]);
    ledger.receive_of(CASE, &cast.acme, "2026-03-08");
    ledger.ship(&cast.seoul, "2026-03-09", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-10");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["inside-container"]));
    assert_eq!(verdict.state.custodian.unwrap().id, cast.acme.id, "with the crate, by what was recorded first");
}

#[test]
fn whoever_has_it_takes_it_out_by_handling_it_alone() {
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.step(&cast.seoul, "2026-03-07", "stocking");
    ledger.ship_of(CASE, &cast.seoul, "2026-03-08", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit, verdict.state.container), (vec![], false, None));

    let (mut ledger, cast) = in_case_at_seoul();
    ledger.say(&cast.seoul, "2026-03-07", json!({"epcList": [CASE, ITEM], "bizStep": "inspecting"}));
    ledger.ship_of(CASE, &cast.seoul, "2026-03-08", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit), (vec![], true), "together with its case it stays there");

    let (mut ledger, cast) = in_case();
    ledger.step(&cast.acme, "2026-03-03", "packing");
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", None);
    assert!(ledger.verdict().state.in_transit, "events of one moment are one occasion");
}

#[test]
fn what_is_packed_and_shipped_by_its_own_number_is_followed() {
    let (mut ledger, cast) = in_case();
    ledger.ship(&cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-06");
    assert_eq!(rules(&ledger.verdict()), NOTHING);
}

#[test]
fn a_stranger_neither_unpacks_nor_packs_it() {
    let unpacking = json!({"type": "AggregationEvent", "action": "DELETE", "bizStep": "unpacking", "parentID": CASE,
        "epcList": null, "childEPCs": [ITEM], "readPoint": null, "bizLocation": null});
    let (mut ledger, cast) = in_case();
    ledger.say(&cast.lisbon, "2026-03-03T12:00:00Z", unpacking.clone());
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    assert!(ledger.verdict().state.in_transit);

    let (mut ledger, cast) = commissioned();
    let mut packing = unpacking;
    packing["action"] = json!("ADD");
    packing["bizStep"] = json!("packing");
    ledger.say(&cast.lisbon, "2026-03-06", packing.clone());
    ledger.ship_of(CASE, &cast.lisbon, "2026-03-07", None);
    assert_eq!(rules(&ledger.verdict()), NOTHING);
    packing["bizStep"] = json!("shipping");
    ledger.say(&cast.lisbon, "2026-03-08", packing);
    ledger.ship_of(CASE, &cast.lisbon, "2026-03-09", None);
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["custody-gap"], "nor by sending it off packed");
    assert_eq!(verdict.state.custodian.unwrap().id, cast.acme.id);
}

#[test]
fn packed_elsewhere_ends_the_earlier_span() {
    let (mut ledger, cast) = in_case();
    let leaf = ledger.pack(&cast.acme, "2026-03-04", PALLET, &[ITEM]);
    ledger.ship_of(PALLET, &cast.acme, "2026-03-05", Some(&cast.seoul));
    ledger.ship_of(CASE, &cast.acme, "2026-03-05", Some(&cast.lisbon));
    ledger.receive_of(PALLET, &cast.seoul, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["packed-elsewhere"]));
    assert_eq!(leaves(&ledger, "packed-elsewhere"), [leaf]);
    assert_eq!(verdict.state.container.as_deref(), Some(PALLET));
}

#[test]
fn all_levels_told_at_once_are_one_packing() {
    let (mut ledger, cast) = in_case();
    ledger.pack(&cast.acme, "2026-03-03T10:00:00Z", PALLET, &[ITEM, CASE]);
    ledger.ship_of(PALLET, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.unpack(&cast.seoul, "2026-03-06", PALLET, &[ITEM, CASE]);
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.container.as_deref()), (vec![], Some(CASE)));
}

#[test]
fn unpacking_what_was_never_packed_has_no_effect() {
    let (mut ledger, cast) = commissioned();
    let leaf = ledger.unpack(&cast.acme, "2026-03-03", CASE, &[ITEM]);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["unpacked-without-packing"]));
    assert_eq!(leaves(&ledger, "unpacked-without-packing"), [leaf]);
}

#[test]
fn a_cycle_of_containers_is_a_gap() {
    let (mut ledger, cast) = in_case();
    ledger.pack(&cast.acme, "2026-03-04", PALLET, &[CASE]);
    let leaf = ledger.pack(&cast.acme, "2026-03-05", CASE, &[PALLET]);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["container-cycle"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    let (mut ledger, cast) = in_case();
    ledger.pack(&cast.acme, "2026-03-04", ITEM, &[CASE]);
    assert_eq!(rules(&ledger.verdict()), ["container-cycle"]);
    let (mut ledger, cast) = commissioned();
    ledger.pack(&cast.acme, "2026-03-04", ITEM, &[ITEM]);
    assert_eq!(rules(&ledger.verdict()), ["container-cycle"]);
}

#[test]
fn a_container_destroyed_sold_or_stolen_takes_its_contents_with_it() {
    let (mut ledger, cast) = in_case_at_seoul();
    let destroyed = ledger.step_of(CASE, &cast.seoul, "2026-03-07", "destroying");
    assert_eq!(ledger.verdict().state.end, Some("destroyed"));
    ledger.step(&cast.lisbon, "2026-03-09", "stocking");
    let verdict = ledger.verdict();
    assert_eq!(
        (verdict.word, verdict.light, rules(&verdict)),
        (Word::Ended, Light::Red, vec!["destroyed", "inside-container"])
    );
    assert_eq!(verdict.reasons[0].leaves, [destroyed]);

    let (mut ledger, cast) = in_case_at_seoul();
    ledger.step_of(CASE, &cast.seoul, "2026-03-07", "retail_selling");
    assert_eq!((ledger.verdict().word, ledger.verdict().state.end), (Word::Ended, Some("sold")));

    let (mut ledger, cast) = in_case_at_seoul();
    let stolen = ledger.say(&cast.seoul, "2026-03-07", nowhere(CASE, json!({"disposition": "stolen"})));
    assert_eq!(rules(&ledger.verdict()), ["reported-stolen"]);
    assert_eq!(leaves(&ledger, "reported-stolen"), [stolen]);
}

#[test]
fn a_container_that_is_decommissioned_is_only_empty() {
    for members in
        [json!({"bizStep": "decommissioning"}), json!({"action": "DELETE"}), json!({"disposition": "inactive"})]
    {
        let (mut ledger, cast) = in_case_at_seoul();
        let mut all = members;
        all["epcList"] = json!([CASE]);
        ledger.say(&cast.seoul, "2026-03-07", all);
        ledger.step(&cast.seoul, "2026-03-08", "stocking");
        let verdict = ledger.verdict();
        assert_eq!((rules(&verdict), verdict.state.end, verdict.state.container), (vec![], None, None));
    }
}

/// The number of the case is given up, so that what happens to it later is another case's.
#[test]
fn what_happens_to_a_decommissioned_container_does_not_happen_to_what_was_in_it() {
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.pack(&cast.seoul, "2026-03-06T10:00:00Z", PALLET, &[CASE]);
    let before = ledger.clone();
    for members in
        [json!({"bizStep": "decommissioning"}), json!({"action": "DELETE"}), json!({"disposition": "inactive"})]
    {
        for (gone, container) in [(CASE, None), (PALLET, Some(CASE))] {
            let mut ledger = before.clone();
            let mut all = members.clone();
            all["epcList"] = json!([gone]);
            ledger.say(&cast.seoul, "2026-03-07", all);
            let verdict = ledger.verdict();
            assert_eq!((rules(&verdict), verdict.state.end), (vec![], None), "{members} of {gone}");
            assert_eq!(verdict.state.container.as_deref(), container, "{members} of {gone}");
            ledger.ship_of(gone, &cast.seoul, "2026-03-08", Some(&cast.lisbon));
            ledger.ship_of(PALLET, &cast.seoul, "2026-03-08", Some(&cast.lisbon));
            let verdict = ledger.verdict();
            assert_eq!((rules(&verdict), verdict.state.in_transit), (vec![], false), "{members} of {gone}");
            assert_eq!(verdict.timeline.len(), 6, "{members} of {gone}");
        }
    }
}

#[test]
fn the_holder_of_the_products_prefix_recalls_it_by_its_container() {
    let (mut ledger, cast) = in_case_at_seoul();
    let leaf = ledger.say(&cast.acme, "2026-03-07", nowhere(CASE, json!({"disposition": "recalled"})));
    assert_eq!((ledger.verdict().word, leaves(&ledger, "recalled")), (Word::Recalled, vec![leaf]));
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.say(&cast.lisbon, "2026-03-07", nowhere(CASE, json!({"disposition": "recalled"})));
    assert_eq!(rules(&ledger.verdict()), ["recall-claimed"]);
}

#[test]
fn signers_are_judged_in_the_container_too() {
    let (mut ledger, cast) = in_case();
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.swift));
    ledger.step_of(CASE, &cast.swift, "2026-03-05", "repairing");
    assert_eq!(rules(&ledger.verdict()), ["signer-outside-rights"]);
    let (mut ledger, cast) = in_case_at_seoul();
    ledger.revoke(&cast.seoul, "2026-03-10", Some("2026-03-05"));
    assert_eq!(rules(&ledger.verdict()), ["signed-after-compromise"]);
    let mut stranger = ledger.clone();
    stranger.step_of(CASE, &cast.lisbon, "2026-03-07", "storing");
    stranger.revoke(&cast.lisbon, "2026-03-10", Some("2026-03-02"));
    assert_eq!(rules(&stranger.verdict()), ["signed-after-compromise", "compromised-stranger"]);
}

#[test]
fn a_voided_shipping_of_the_container_was_never_made() {
    let (mut ledger, cast) = in_case();
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.step_of(CASE, &cast.acme, "2026-03-05", "void_shipping");
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit), (vec![], false));
}

#[test]
fn withdrawn_packing_packs_nothing() {
    let (mut ledger, cast) = commissioned();
    let members = json!({"eventID": "urn:uuid:1", "type": "AggregationEvent", "action": "ADD", "bizStep": "packing",
        "parentID": CASE, "epcList": null, "childEPCs": [ITEM]});
    ledger.say(&cast.acme, "2026-03-03", members.clone());
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", None);
    assert!(ledger.verdict().state.in_transit);
    let mut declared = members;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.acme, "2026-03-03", declared);
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit), (vec!["corrected"], false));
}

#[test]
fn what_was_withdrawn_of_a_container_is_told_and_judged() {
    let (mut ledger, cast) = in_case_at_seoul();
    let members = json!({"eventID": "urn:uuid:1", "epcList": [CASE], "bizStep": "destroying"});
    let destroyed = ledger.say(&cast.seoul, "2026-03-07", members.clone());
    let mut declared = members;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    let withdrawal = ledger.say(&cast.seoul, "2026-03-07", declared);
    let record = ledger.records.last_mut().unwrap();
    (record.signed_at, record.place.time) = (time("2026-03-11"), time("2026-03-11"));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["end-withdrawn", "corrected"]));
    assert_eq!(leaves(&ledger, "corrected"), [destroyed, withdrawal]);
    assert_eq!((verdict.timeline.len(), verdict.timeline[5].corrects), (6, Some(destroyed)));
    ledger.revoke(&cast.seoul, "2026-03-12", Some("2026-03-08"));
    assert_eq!(rules(&ledger.verdict()), ["signed-after-compromise", "end-withdrawn", "corrected"]);
}

#[test]
fn ten_thousand_children_are_one_case() {
    let (mut ledger, cast) = commissioned();
    let mut children: Vec<String> =
        (0..10_000).map(|n| format!("https://id.gs1.org/01/09506000134352/21/X{n}")).collect();
    children.push(ITEM.to_owned());
    let children: Vec<&str> = children.iter().map(String::as_str).collect();
    ledger.pack(&cast.acme, "2026-03-03", CASE, &children);
    ledger.ship_of(CASE, &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.unpack(&cast.seoul, "2026-03-06", CASE, &children);
    assert_eq!(rules(&ledger.verdict()), NOTHING);
}

fn container(n: u32) -> String {
    format!("urn:example:box:{n}")
}

#[test]
fn a_thousand_nested_containers_are_followed_to_the_outermost() {
    let (mut ledger, cast) = commissioned();
    ledger.pack(&cast.acme, "2026-03-03", &container(0), &[ITEM]);
    for n in 1..1000 {
        ledger.pack(&cast.acme, "2026-03-03", &container(n), &[&container(n - 1)]);
    }
    ledger.ship_of(&container(999), &cast.acme, "2026-03-04", Some(&cast.seoul));
    ledger.receive_of(&container(999), &cast.seoul, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
    assert_eq!(verdict.state.custodian.unwrap().id, cast.seoul.id);
    assert_eq!((verdict.timeline.len(), verdict.state.container), (1003, Some(container(0))));
}

#[test]
fn a_thousand_containers_one_after_the_other_are_followed() {
    let (mut ledger, cast) = commissioned();
    let minute = |n: u32| format!("2026-03-03T{:02}:{:02}:00Z", n / 60, n % 60);
    for n in 0..700 {
        ledger.pack(&cast.acme, &minute(2 * n), &container(n % 10), &[ITEM]);
        ledger.unpack(&cast.acme, &minute(2 * n + 1), &container(n % 10), &[ITEM]);
        ledger.step_of(&container(n % 10), &cast.lisbon, &minute(2 * n + 1), "storing");
    }
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.timeline.len()), (vec![], 1401), "the empty ones are elsewhere");
}

/// A stranger's packing can be as large as it likes: it is not followed, whoever follows it.
#[test]
fn who_packs_must_have_it() {
    fn pack_as(actor: impl Fn(&Cast) -> &Actor) -> Word {
        let (mut ledger, cast) = commissioned();
        ledger.pack(actor(&cast), "2026-03-03", CASE, &[ITEM]);
        ledger.ship_of(CASE, actor(&cast), "2026-03-04", None);
        ledger.verdict().word
    }
    assert_eq!(pack_as(|cast| &cast.acme), Word::Authentic);
    assert_eq!(pack_as(|cast| &cast.lisbon), Word::Incomplete);
}
