//! Signers: registered, in force, within their rights, keys in their own hands.

use serde_json::json;

use crate::domain::consortium::ParticipantId;
use crate::domain::hash::Hash;
use crate::domain::provenance::Word;
use crate::domain::provenance::scenario::{Scenario, rules, time};

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
        "Acme Pharma signed a record of 2026-03-04 without the right to: its registration was ended on 2026-03-03."
    );
}

#[test]
fn a_certificate_out_of_its_time_unknown_or_of_another() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    for (certificate, accepted, why) in [
        (Hash::of(b"?"), "2026-03-02", "its certificate was not registered then."),
        (cast.acme.certificate, "2027-03-02", "its certificate ran out on 2027-01-01."),
        (cast.acme.certificate, "2025-03-02", "its certificate begins on 2026-01-01."),
        (cast.other.certificate, "2026-03-02", "the certificate belongs to Other Works."),
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
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["signer-outside-rights"]));
    assert_eq!(
        verdict.reasons[0].sentence,
        "Swift Freight recorded on 2026-03-04 what is not its to record: the step repairing is not for a shipper."
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
        "The key that signed the record of 2026-03-05 was in other hands since 2026-03-04 09:00 UTC: it may not be \
         Acme Pharma that speaks."
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
