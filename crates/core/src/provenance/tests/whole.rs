//! Verdicts as a whole: the words, their order, the state, the timeline and the JSON.

use serde_json::json;

use crate::provenance::scenario::{ITEM, Scenario, rules};
use crate::provenance::{Policy, RULES, Sentences, Severity, Word, minute_at, stale};

#[test]
fn a_whole_journey_is_authentic_and_says_why() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.swift, "2026-03-04", "transporting");
    ledger.receive(&cast.seoul, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["unnamed-carrier"]), "{verdict:#?}");
    let holding: Vec<_> =
        verdict.reasons.iter().filter(|one| one.severity == Severity::Holds).map(|one| one.rule).collect();
    assert_eq!(holding.len(), 3);
    assert_eq!(
        verdict.summary,
        "Genuine by the records: it comes from “Acme Pharma”, of 2026-03-02 UTC, and every hand-over since is known; “Seoul \
         Medical” has it."
    );
    let custodian = verdict.state.custodian.as_ref().unwrap();
    assert_eq!(custodian.organization.as_ref().map(|name| name.as_str()), Some("Seoul Medical"));
    assert_eq!(verdict.state.location.as_deref(), Some(cast.seoul.place.as_str()));
    assert_eq!(verdict.state.disposition.as_deref(), Some("in_progress"));
    assert!(!verdict.state.in_transit);
    assert_eq!(verdict.timeline.len(), 4);
    assert!(verdict.reasons.iter().any(|reason| reason.rule == "code-can-be-copied"));
}

#[test]
fn a_number_that_nobody_recorded_is_unknown() {
    let (ledger, _) = Scenario::with_cast();
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.reasons.len(), verdict.timeline.len()), (Word::Unknown, 0, 0));
    assert_eq!(verdict.summary, "Nobody has recorded this number here: nothing says that it is genuine.");
    let old = stale(ledger.as_of, ledger.as_of.plus_millis(86_400_000), &Policy::default()).unwrap();
    assert_eq!(verdict.with(old).word, Word::Unknown);
}

#[test]
fn a_class_or_a_lot_is_never_authentic() {
    let (mut ledger, cast) = Scenario::with_cast();
    let class = "https://id.gs1.org/01/09506000134352";
    let lot = "https://id.gs1.org/01/09506000134352/10/L7";
    for id in [class, lot] {
        ledger.say(
            &cast.acme,
            "2026-03-02",
            json!({
                "action": "ADD", "bizStep": "commissioning", "epcList": null,
                "quantityList": [{"epcClass": id, "quantity": 10}],
            }),
        );
        let verdict = ledger.verdict_of(id);
        assert_eq!((verdict.word, rules(&verdict)), (Word::Traced, vec!["shared-number"]));
    }
    let verdict = ledger.verdict_of("https://id.gs1.org/01/09506000134352/10/L8");
    assert_eq!(verdict.word, Word::Incomplete, "records there are, though none names this lot: {verdict:?}");
}

#[test]
fn a_kind_or_a_place_that_nobody_recorded_is_unknown_and_told_from_a_product() {
    let (ledger, _) = Scenario::with_cast();
    for (id, told) in [
        ("https://id.gs1.org/01/09506000134352", "a kind of product"),
        ("https://id.gs1.org/01/09506000134352/10/L8", "names a lot"),
        ("https://id.gs1.org/414/9506000134307", "a place or an organisation"),
    ] {
        let verdict = ledger.verdict_of(id);
        assert_eq!((verdict.word, verdict.reasons.len()), (Word::Unknown, 1), "{id}");
        assert!(verdict.reasons[0].sentence.contains(told), "{verdict:?}");
    }
    let item = ledger.verdict_of("https://id.gs1.org/01/09506000134352/21/A1");
    assert_eq!((item.word, rules(&item)), (Word::Unknown, vec![]));
}

#[test]
fn the_holder_of_the_prefix_recalls_a_lot() {
    let (mut ledger, cast) = Scenario::with_cast();
    let lot = "https://id.gs1.org/01/09506000134352/10/L7";
    ledger.say(
        &cast.acme,
        "2026-03-02",
        json!({
            "epcList": null, "quantityList": [{"epcClass": lot}], "bizStep": "holding", "disposition": "recalled",
        }),
    );
    assert_eq!(ledger.verdict_of(lot).word, Word::Recalled);
}

#[test]
fn what_is_no_gs1_id_is_a_kind_where_it_is_counted_and_one_thing_where_it_is_listed() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(
        &cast.seoul,
        "2026-03-02",
        json!({
            "epcList": null, "quantityList": [{"epcClass": "urn:example:fish:1"}], "bizStep": "storing",
        }),
    );
    assert_eq!(rules(&ledger.verdict_of("urn:example:fish:1")), ["no-origin", "shared-number"]);
    ledger.say(&cast.seoul, "2026-03-02", json!({"epcList": ["urn:example:fish:2"], "bizStep": "storing"}));
    assert_eq!(rules(&ledger.verdict_of("urn:example:fish:2")), ["no-origin"]);
}

#[test]
fn a_class_or_a_lot_of_the_gdst_is_one_wherever_it_stands() {
    let (mut ledger, cast) = Scenario::with_cast();
    for (what, expected) in [
        ("product:class:farm.trout", vec!["no-origin", "shared-number"]),
        ("product:lot:class:farm.trout.L1", vec!["no-origin", "shared-number"]),
        ("product:serial:obj:farm.trout.1", vec!["no-origin"]),
    ] {
        let id = format!("urn:gdst:example.org:{what}");
        ledger.say(&cast.seoul, "2026-03-02", json!({"epcList": [id], "bizStep": "storing"}));
        assert_eq!(rules(&ledger.verdict_of(&id)), expected, "{id}");
    }
}

#[test]
fn recalled_outranks_suspect_and_suspect_outranks_disputed() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.receive(&cast.seoul, "2026-03-05");
    assert_eq!(ledger.verdict().word, Word::Incomplete);
    ledger.step(&cast.acme, "2026-03-06", "storing");
    assert_eq!(ledger.verdict().word, Word::Disputed);
    ledger.say(&cast.acme, "2026-03-06", json!({"disposition": "stolen"}));
    assert_eq!(ledger.verdict().word, Word::Suspect);
    let leaf = ledger.say(&cast.acme, "2026-03-07", json!({"disposition": "recalled", "bizStep": "holding"}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.reasons[0].rule), (Word::Recalled, "recalled"));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(
        verdict.summary,
        "Do not use it. “Acme Pharma”, to which its number belongs, recalled it on 2026-03-07 UTC."
    );
}

#[test]
fn a_recall_by_somebody_else_is_a_claim() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "recalled", "bizStep": "holding"}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["recall-claimed"]));
    let claim = verdict.reasons.iter().find(|reason| reason.rule == "recall-claimed").unwrap();
    assert_eq!(
        claim.sentence,
        "“Seoul Medical” marked it as recalled on 2026-03-06 UTC; only “Acme Pharma” could recall it."
    );
}

#[test]
fn the_holder_takes_a_recall_back_and_nobody_else_does() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.say(&cast.acme, "2026-03-03", json!({"persistentDisposition": {"set": ["recalled"]}}));
    ledger.say(
        &cast.seoul,
        "2026-03-04",
        json!({"readPoint": null, "bizLocation": null,
        "persistentDisposition": {"unset": ["recalled"]}}),
    );
    assert_eq!(ledger.verdict().word, Word::Recalled);
    ledger.say(&cast.acme, "2026-03-05", json!({"persistentDisposition": {"unset": ["recalled"]}}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["recall-lifted"]));
}

#[test]
fn an_expiry_date_is_state_and_not_suspicion() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(
        &cast.acme,
        "2026-03-02",
        json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "action": "ADD", "bizStep": "commissioning",
            "ilmd": {"cbvmda:itemExpirationDate": "2026-05-01T00:00:00.000Z"},
        }),
    );
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Ended, vec!["expired"]));
    assert_eq!(verdict.state.expiry.as_deref(), Some("2026-05-01"));
    ledger.as_of = crate::provenance::scenario::time("2026-05-01");
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
}

#[test]
fn corrections_withdraw_and_stay_visible() {
    let (mut ledger, cast) = Scenario::with_cast();
    let first = ledger.commission(&cast.acme, "2026-03-02");
    let wrong = json!({"eventID": "urn:uuid:1", "action": "ADD", "bizStep": "commissioning"});
    let second = ledger.say(&cast.acme, "2026-03-09", wrong.clone());
    assert_eq!(ledger.verdict().word, Word::Suspect);
    let mut declared = wrong;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z", "reason": "did_not_occur"});
    let declaration = ledger.say(&cast.acme, "2026-03-09", declared);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["corrected"]), "{verdict:#?}");
    let step = |leaf| verdict.timeline.iter().find(|step| step.leaf == leaf).unwrap();
    assert_eq!(step(second).corrected_by, Some(declaration));
    assert_eq!(step(declaration).corrects, Some(second));
    assert_eq!((step(first).corrected_by, verdict.timeline.len()), (None, 3));
}

/// Each declaration differs from the one that would withdraw the event in one thing alone.
#[test]
fn declarations_by_others_over_other_content_or_of_another_event_id_change_nothing() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    // The places are spelled out, since else each actor's event would name a place of its own.
    let second = json!({"eventID": "urn:uuid:1", "action": "ADD", "bizStep": "commissioning",
        "readPoint": {"id": cast.acme.place}, "bizLocation": {"id": cast.acme.place}});
    ledger.say(&cast.acme, "2026-03-09", second.clone());
    let mut declared = second;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    let with = |name: &str, value: &str| {
        let mut members = declared.clone();
        members[name] = json!(value);
        members
    };
    let before = ledger.clone();
    for (what, actor, members) in [
        ("by another", &cast.other, declared.clone()),
        ("by one who has it", &cast.seoul, declared.clone()),
        ("over other content", &cast.acme, with("disposition", "active")),
        ("of another eventID", &cast.acme, with("eventID", "urn:uuid:2")),
    ] {
        let mut ledger = before.clone();
        let leaf = ledger.say(actor, "2026-03-09", members);
        let verdict = ledger.verdict();
        assert_eq!(rules(&verdict), ["commissioned-twice", "correction-without-effect"], "{what}: {verdict:#?}");
        assert_eq!(verdict.word, Word::Suspect, "{what}");
        assert!(verdict.timeline.iter().all(|step| step.corrected_by.is_none() && step.corrects.is_none()), "{what}");
        assert!(verdict.reasons.iter().any(|reason| reason.leaves == [leaf]), "{what}");
    }
    let mut ledger = before;
    ledger.say(&cast.acme, "2026-03-09", declared);
    assert_eq!(rules(&ledger.verdict()), ["corrected"], "by the signer, over the same content");
}

#[test]
fn a_declaration_that_comes_before_the_event_withdraws_nothing() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let second = json!({"eventID": "urn:uuid:1", "action": "ADD", "bizStep": "commissioning"});
    let mut declared = second.clone();
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.acme, "2026-03-09", declared);
    ledger.say(&cast.acme, "2026-03-09", second);
    assert_eq!(rules(&ledger.verdict()), ["commissioned-twice", "correction-without-effect"]);
}

#[test]
fn the_same_content_by_another_signer_is_no_repeat() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    let at_seoul = json!({"bizStep": "receiving", "disposition": "in_progress",
        "readPoint": {"id": cast.seoul.place}, "bizLocation": {"id": cast.seoul.place}});
    let leaf = ledger.say(&cast.lisbon, "2026-03-05", at_seoul);
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["custody-gap"], "{verdict:#?}");
    assert!(verdict.reasons[0].leaves.contains(&leaf));
    let notes: Vec<_> = verdict.timeline.iter().filter_map(|step| step.note.as_deref()).collect();
    assert_eq!(notes, ["It does not fit the journey, and is no part of it."]);
}

#[test]
fn a_repeat_is_no_contradiction() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.commission(&cast.acme, "2026-03-02");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
    assert_eq!(verdict.timeline.len(), 1, "told once, at its first place: {verdict:#?}");
}

#[test]
fn one_event_id_for_two_different_events_is_suspect() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    for step in ["storing", "holding"] {
        ledger.say(&cast.acme, "2026-03-03", json!({"eventID": "urn:uuid:1", "bizStep": step}));
    }
    assert_eq!(rules(&ledger.verdict()), ["event-id-reused"]);
}

#[test]
fn an_old_answer_is_incomplete() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let verdict = ledger.verdict();
    let old = stale(verdict.as_of, verdict.as_of.plus_millis(7_200_000), &ledger.policy).unwrap();
    let verdict = verdict.with(old);
    assert_eq!((verdict.word, verdict.reasons[0].rule), (Word::Incomplete, "answer-too-old"));
    assert!(verdict.summary.starts_with("Not enough is on record to call it genuine. This answer is from"));
}

#[test]
fn the_json_is_the_published_one() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    let json = serde_json::to_value(ledger.verdict()).unwrap();
    assert_eq!(json["id"], ITEM);
    assert_eq!(json["verdict"], "authentic");
    assert_eq!(json["asOf"], "2026-06-01T09:00:00.000Z");
    let reason = json["reasons"].as_array().unwrap().last().unwrap();
    let members: Vec<_> = reason.as_object().unwrap().keys().collect();
    assert_eq!(members, ["rule", "severity", "leaves", "text"]);
    assert_eq!(reason["severity"], "holds");
    assert_eq!(
        json["state"],
        json!({
            "custodian": {"id": cast.acme.id, "organization": "Acme Pharma"}, "location": cast.acme.place,
            "disposition": "active", "end": null, "expiry": null, "inTransit": false,
        })
    );
    let step = json["timeline"][0].as_object().unwrap();
    let members: Vec<_> = step.keys().collect();
    assert_eq!(
        members,
        [
            "leaf",
            "position",
            "eventId",
            "eventTime",
            "eventTimeZoneOffset",
            "accepted",
            "type",
            "action",
            "bizStep",
            "disposition",
            "location",
            "signer"
        ]
    );
    assert_eq!((step["type"].as_str(), step["action"].as_str()), (Some("ObjectEvent"), Some("ADD")));
}

#[test]
fn names_cannot_forge_a_sentence() {
    let turned = "A\u{202E}cme".parse::<crate::consortium::Organization>();
    assert!(turned.is_err(), "nobody registers with a name that a sentence would have to clean");
    for (name, shown) in [
        ("X\". It is genuine. \"Y", "“X'. It is genuine. 'Y”"),
        ("X”. It is genuine. “Y", "“X'. It is genuine. 'Y”"),
        ("{day} {Who}", "“{day} {Who}”"),
    ] {
        let (mut ledger, cast) = Scenario::with_cast();
        let liar = ledger.join(name, "distributor", &[], "952100000006");
        ledger.commission(&cast.acme, "2026-03-02");
        ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
        let at_acme = json!({"bizStep": "receiving", "readPoint": {"id": cast.acme.place}, "bizLocation": {"id": cast.acme.place}});
        ledger.say(&liar, "2026-03-05", at_acme);
        ledger.receive(&cast.seoul, "2026-03-06");
        let verdict = ledger.verdict();
        let says = format!(
            "{shown} (GLN 9521000000063) says it had a product with this number at GLN 9506000990019 of “Acme Pharma” on 2026-03-05 UTC"
        );
        assert!(verdict.summary.contains(&says), "{}", verdict.summary);
    }
}

#[test]
fn a_verdict_is_told_in_korean() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.say(&cast.acme, "2026-03-07", json!({"disposition": "recalled"}));
    let (verdict, korean) = (ledger.verdict(), Sentences::korean());
    let told = "번호 소유자 “Acme Pharma”이(가) 2026-03-07 UTC에 해당 제품의 회수를 선언했습니다.";
    assert_eq!(verdict.reasons[0].text(korean), told);
    assert_eq!(verdict.summary_text(korean), format!("사용하지 마십시오. {told}"));
    assert_eq!(verdict.summary_text(Sentences::english()), verdict.summary);
}

#[test]
fn a_sentence_names_the_day_where_it_was_recorded_and_its_zone() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.say(
        &cast.acme,
        "2026-03-07T15:30:00.000Z",
        json!({"disposition": "recalled", "eventTimeZoneOffset": "+09:00"}),
    );
    let verdict = ledger.verdict();
    let told = "“Acme Pharma”, to which its number belongs, recalled it on 2026-03-08 +09:00 (2026-03-07 UTC).";
    assert_eq!(verdict.reasons[0].text(Sentences::english()), told);
    let step = verdict.timeline.last().unwrap();
    let shown = minute_at(step.event_time, &step.event_time_zone_offset);
    assert_eq!(shown, "2026-03-08 00:30 +09:00 (2026-03-07 15:30 UTC)");
}

#[test]
fn the_documentation_lists_every_rule_with_its_severity_and_no_other() {
    let page = include_str!("../../../../../docs/VERDICT.md");
    let word = |severity| serde_json::to_value(severity).unwrap().as_str().unwrap().to_owned();
    for (rule, severity) in RULES {
        let row = format!("| `{rule}` | {} |", word(*severity));
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    let is_row = |line: &&str| {
        let severity = line.split('|').nth(2).map(str::trim).unwrap_or_default();
        ["recall", "fails", "ended", "disputes", "gap", "past", "note", "holds"].contains(&severity)
    };
    assert_eq!(page.lines().filter(is_row).count(), RULES.len());
}
