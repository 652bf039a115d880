//! Signers: registered, in force, within their rights, keys in their own hands.

use serde_json::json;

use crate::consortium::ParticipantId;
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::provenance::Word;
use crate::provenance::scenario::{Cast, Scenario, rules, time};

#[test]
fn a_signer_whose_registration_ended() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.revoke(&cast.acme, "2026-03-03", None);
    let leaf = ledger.step(&cast.acme, "2026-03-04", "storing");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["signer-not-in-force"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Acme Pharma” signed a record of 2026-03-04 UTC without the right to: its registration was ended on 2026-03-03 UTC."
    );
}

#[test]
fn a_certificate_out_of_its_time_unknown_or_of_another() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    for (certificate, accepted, why) in [
        (Hash::of(b"?"), "2026-03-02", "its certificate was not registered then."),
        (cast.acme.certificate, "2027-03-02", "its certificate ran out on 2027-01-01 UTC."),
        (cast.acme.certificate, "2025-03-02", "its certificate begins on 2026-01-01 UTC."),
        (cast.other.certificate, "2026-03-02", "the certificate belongs to “Other Works”."),
    ] {
        let mut altered = ledger.clone();
        altered.records[0].certificate = certificate;
        altered.records[0].place.time = time(accepted);
        let verdict = altered.verdict();
        assert_eq!(rules(&verdict), ["signer-not-in-force"]);
        assert!(verdict.reasons[0].sentence.ends_with(why), "{verdict:#?}");
    }
}

#[test]
fn a_signer_that_is_not_registered_at_all() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let stranger: ParticipantId = "00000000-0000-4000-8000-000000000099".parse().unwrap();
    ledger.records[0].signer = stranger;
    let verdict = ledger.verdict();
    assert_eq!(verdict.word, Word::Suspect);
    assert!(verdict.reasons.iter().any(|one| one.sentence.starts_with("An unregistered organisation signed")));
}

#[test]
fn a_signer_outside_its_role() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", None);
    ledger.step(&cast.swift, "2026-03-04", "repairing");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["signer-outside-rights", "unnamed-carrier"]));
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Swift Freight” recorded on 2026-03-04 UTC what is not its to record: the step repairing is not for a shipper."
    );
}

#[test]
fn a_key_in_other_hands() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let late = ledger.step(&cast.acme, "2026-03-05", "storing");
    ledger.revoke(&cast.acme, "2026-03-06", Some("2026-03-04"));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["signed-after-compromise"]));
    assert_eq!(verdict.reasons[0].leaves, [late]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "The key that signed the record of 2026-03-05 UTC was in other hands since 2026-03-04 09:00 UTC: it may not be \
         “Acme Pharma” that speaks."
    );
}

#[test]
fn a_thief_who_sets_the_clock_back_is_not_believed() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.step(&cast.acme, "2026-03-03", "storing");
    ledger.records[1].place.time = time("2026-03-05");
    ledger.revoke(&cast.acme, "2026-03-06", Some("2026-03-04"));
    assert_eq!(rules(&ledger.verdict()), ["signed-after-compromise"]);
}

#[test]
fn a_withdrawn_record_is_not_held_against_its_signer() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", None);
    let event = json!({"eventID": "urn:uuid:1", "bizStep": "repairing"});
    ledger.say(&cast.swift, "2026-03-04", event.clone());
    assert_eq!(ledger.verdict().word, Word::Suspect);
    let mut declared = event;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    // The declaration repeats what it takes back, so its own step must not be held against it either.
    ledger.say(&cast.swift, "2026-03-04", declared);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["corrected"]));
}

/// A world in which Seoul has the product, and Lisbon, which never had to do with it, lost its key on March 4.
fn smeared<T>(smear: impl Fn(&mut Scenario, &Cast) -> T) -> Scenario {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    smear(&mut ledger, &cast);
    ledger.revoke(&cast.lisbon, "2026-03-20", Some("2026-03-04"));
    ledger
}

#[test]
fn what_a_stolen_key_says_of_what_its_owner_never_had_is_shown_and_not_counted() {
    let smears: [fn(&mut Scenario, &Cast) -> Vec<LeafIndex>; 6] = [
        |ledger, cast| vec![ledger.ship(&cast.lisbon, "2026-03-06", None)],
        |ledger, cast| vec![ledger.receive(&cast.lisbon, "2026-03-06")],
        |ledger, cast| vec![ledger.receive(&cast.lisbon, "2026-03-01")],
        |ledger, cast| vec![ledger.step(&cast.lisbon, "2026-03-06", "destroying")],
        |ledger, cast| {
            let seen = ledger.step(&cast.lisbon, "2026-03-06", "storing");
            let sent = ledger.ship(&cast.lisbon, "2026-03-07", None);
            ledger.step(&cast.seoul, "2026-03-08", "storing");
            vec![seen, sent]
        },
        |ledger, cast| {
            let mut event = json!({"eventID": "urn:uuid:1", "bizStep": "shipping"});
            ledger.say(&cast.lisbon, "2026-03-06", event.clone());
            event["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
            vec![ledger.say(&cast.lisbon, "2026-03-06", event)]
        },
    ];
    for (at, smear) in smears.into_iter().enumerate() {
        let leaves = std::cell::RefCell::new(Vec::new());
        let ledger = smeared(|ledger, cast| {
            leaves.replace(smear(ledger, cast));
            for record in ledger.records.iter_mut().filter(|record| record.signer == cast.lisbon.id) {
                record.place.time = record.place.time.max(time("2026-03-06"));
            }
        });
        let verdict = ledger.verdict();
        assert_eq!(verdict.word, Word::Authentic, "{at}: {verdict:#?}");
        let noted = verdict.reasons.iter().filter(|reason| reason.rule == "compromised-stranger");
        assert_eq!(noted.flat_map(|reason| reason.leaves.clone()).collect::<Vec<_>>(), leaves.into_inner(), "{at}");
        assert_eq!(verdict.timeline.len(), ledger.records.len(), "all of it stays visible");
    }
    let ledger = smeared(|ledger, cast| ledger.ship(&cast.lisbon, "2026-03-06", None));
    let note = ledger.verdict().reasons.into_iter().find(|reason| reason.rule == "compromised-stranger").unwrap();
    let notes = ledger.verdict().timeline.into_iter().filter_map(|step| step.note).collect::<Vec<_>>();
    assert_eq!(notes, ["Signed with a key that was in other hands; its owner did not have the product: not counted."]);
    assert_eq!(
        note.sentence,
        "A record of 2026-03-06 UTC is not counted: the key of “Lisbon Trade”, which did not have it then, was in other hands \
         since 2026-03-04 09:00 UTC."
    );
}

#[test]
fn what_a_stolen_key_says_of_what_its_owner_had_or_was_to_have_stays_suspect() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.lisbon));
    let mut late = ledger.clone();
    for when in ["2026-03-05", "2026-03-07"] {
        late.receive(&cast.lisbon, when);
        let mut revoked = late.clone();
        revoked.revoke(&cast.lisbon, "2026-03-20", Some("2026-03-04"));
        assert_eq!(revoked.verdict().word, Word::Suspect);
    }
    ledger.receive(&cast.lisbon, "2026-03-03T12:00:00Z");
    ledger.ship(&cast.lisbon, "2026-03-06", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-08");
    ledger.revoke(&cast.lisbon, "2026-03-20", Some("2026-03-04"));
    assert_eq!(rules(&ledger.verdict()), ["signed-after-compromise"]);
}

#[test]
fn what_a_stolen_key_says_of_what_its_owner_sent_off_or_carries_stays_suspect() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-02T12:00:00Z", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-03");
    let both = json!([
        {"type": "possessing_party", "destination": cast.swift.party},
        {"type": "owning_party", "destination": cast.seoul.party},
    ]);
    ledger.say(&cast.lisbon, "2026-03-03T12:00:00Z", json!({"bizStep": "shipping", "destinationList": both}));
    ledger.step(&cast.swift, "2026-03-03T15:00:00Z", "loading");
    for owner in [&cast.lisbon, &cast.swift] {
        let mut stolen = ledger.clone();
        stolen.step(owner, "2026-03-06", "inspecting");
        stolen.revoke(owner, "2026-03-20", Some("2026-03-04"));
        let verdict = stolen.verdict();
        let found = rules(&verdict);
        assert!(found.contains(&"signed-after-compromise") && !found.contains(&"compromised-stranger"), "{found:?}");
    }
}

#[test]
fn a_stolen_key_takes_nothing_back_that_its_owner_said() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let mut event = json!({"eventID": "urn:uuid:1", "bizStep": "receiving"});
    ledger.say(&cast.lisbon, "2026-03-03", event.clone());
    event["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.lisbon, "2026-03-03", event);
    ledger.records[2].place.time = time("2026-03-10");
    ledger.revoke(&cast.lisbon, "2026-03-20", Some("2026-03-04"));
    assert!(rules(&ledger.verdict()).contains(&"signed-after-compromise"));
}
