//! What an honest node gives out holds, says what the node says, and is all that a naive reader would say.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::provenance::Severity;

use crate::set::{Case, at, cases, examine, lands};
use crate::tampering::{self, variant};
use crate::{hiding, texts};

fn to_text(evidence: &sealane_core::evidence::Evidence) -> String {
    serde_json::to_string(evidence).unwrap()
}

#[test]
fn worlds_hold_what_they_are_to_hold() {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for land in lands() {
        land.told.iter().for_each(|(what, times)| *told.entry(what).or_default() += times);
    }
    let words: BTreeSet<&str> = verdicts().map(|verdict| verdict.word.as_str()).collect();
    assert_eq!(
        words.into_iter().collect::<Vec<_>>(),
        ["authentic", "disputed", "ended", "incomplete", "recalled", "suspect", "traced", "unknown"]
    );
    let rules: BTreeSet<&str> = verdicts().flat_map(|verdict| verdict.reasons.iter().map(|one| one.rule)).collect();
    assert!(rules.len() >= 15, "{rules:?}");
    for wanted in [
        "cloned",
        "corrected",
        "item recalled by its maker",
        "lot or class recalled by its maker",
        "packed",
        "packed and kept",
        "prefix inherited",
        "recall lifted",
        "recalled by a stranger",
        "revoked",
        "revocation proposed",
        "revocation withdrawn",
        "revoked by vote",
        "revoked since",
        "several events in a statement",
        "several statements in a block",
        "sold",
        "stolen",
        "transformed in parts",
        "unpacked",
    ] {
        assert!(told.contains_key(wanted), "{wanted}: {told:?}");
    }
    let long = lands().iter().flat_map(|land| land.answers.iter().flat_map(|answer| &answer.gathered.statements));
    assert!(long.map(|one| one.statement.len()).max() > Some(65_535), "no statement is too long for a leaf");
    // A long-lived container is shown in part.
    let parts = lands().iter().flat_map(|land| land.answers.iter().flat_map(|answer| &answer.gathered.index));
    assert!(parts.filter(|entry| entry.first > 0).count() > 1, "no list is shown in part");
}

#[test]
fn what_is_written_in_parts_is_what_is_written_at_once() {
    for answer in lands().iter().flat_map(|land| &land.answers) {
        let parts: Vec<u8> = answer.gathered.clone().into_text().flat_map(Result::unwrap).collect();
        assert_eq!(String::from_utf8(parts), Ok(to_text(&answer.gathered)), "{}", answer.id);
    }
}

fn verdicts() -> impl Iterator<Item = &'static sealane_core::provenance::Verdict> {
    cases().iter().filter_map(|case| case.outcome.as_ref().ok())
}

#[test]
fn evidence_holds_and_its_verdict_is_the_nodes_own() {
    for land in lands() {
        for answer in &land.answers {
            let (id, text) = (&answer.id, to_text(&answer.gathered));
            let judged = examine(text.as_bytes(), id, &land.book.anchor);
            let judged = judged.unwrap_or_else(|error| panic!("{id} at block {}: {error}", answer.height));
            assert_eq!(judged.as_of, land.book.blocks[answer.height].seal.time);
            if let Some(said) = &answer.verdict {
                let (own, judged) = (serde_json::to_value(said), serde_json::to_value(at(judged, land.now)));
                assert_eq!(judged.unwrap(), own.unwrap(), "{id}");
            }
        }
    }
}

#[test]
fn a_label_is_answered_with_the_question() {
    let mut rules: BTreeSet<&str> = BTreeSet::new();
    for land in lands() {
        for one in &land.labelled {
            let judged = examine(to_text(&one.gathered).as_bytes(), &one.asked, &land.book.anchor).unwrap();
            assert_eq!(at(judged, land.now), one.verdict, "{:?}", one.asked);
            rules.extend(one.verdict.reasons.iter().map(|reason| reason.rule));
            // An answer for another label is none.
            let error = examine(to_text(&one.gathered).as_bytes(), &one.asked.id, &land.book.anchor).unwrap_err();
            assert_eq!(variant(&error), "OtherLabel");
        }
    }
    for rule in ["label-differs", "label-incomplete", "label-unconfirmed", "expired", "date-passed", "recalled"] {
        assert!(rules.contains(rule), "{rule}: {rules:?}");
    }
}

#[test]
fn evidence_is_what_a_naive_reader_of_the_whole_ledger_makes() {
    for land in lands() {
        for answer in &land.answers {
            let naive = land.book.edition(answer.height).honest(&answer.id);
            assert_eq!(naive, answer.gathered, "{} at block {}", answer.id, answer.height);
        }
    }
}

/// Whoever serves yesterday's answer cannot make it look like today's: whoever has a clock says so.
#[test]
fn an_answer_of_yesterday_is_never_authentic() {
    let mut old = 0;
    for land in lands() {
        for answer in land.answers.iter().filter(|answer| answer.verdict.is_none()) {
            let judged = examine(to_text(&answer.gathered).as_bytes(), &answer.id, &land.book.anchor).unwrap();
            let verdict = at(judged, land.now);
            assert_ne!(verdict.word.as_str(), "authentic", "{}", answer.id);
            let says = verdict.reasons.iter().any(|one| one.rule == "answer-too-old" && one.severity == Severity::Gap);
            assert!(says, "{}", answer.id);
            old += 1;
        }
    }
    assert!(old > 20, "{old}");
}

/// Every change of structure, under every ledger, is refused for the reason that it should be.
#[test]
fn changed_evidence_is_refused_for_its_reason() {
    let lands = lands();
    for (number, land) in lands.iter().enumerate() {
        let last = land.book.blocks.len() - 1;
        let (edition, older) = (land.book.last(), land.book.edition(last - 1));
        let foreign = &lands[(number + 1) % lands.len()].answers[0].gathered;
        for answer in land.answers.iter().filter(|answer| answer.height == last).step_by(3) {
            for one in tampering::changed(&edition, &older, foreign, &answer.id) {
                match examine(to_text(&one.evidence).as_bytes(), &answer.id, &land.book.anchor) {
                    Ok(_) => panic!("ledger {number}, {}: {} is believed", answer.id, one.what),
                    Err(error) => {
                        let found = variant(&error);
                        let what = format!("ledger {number}, {}: {}: {error:?}", answer.id, one.what);
                        assert!(one.refusals.contains(&found.as_str()), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn changed_text_is_refused_unless_it_says_the_same() {
    for land in lands() {
        for answer in land.answers.iter().take(2) {
            let sound = examine(to_text(&answer.gathered).as_bytes(), &answer.id, &land.book.anchor).unwrap();
            for one in texts::changed(&answer.gathered) {
                match examine(one.text.as_bytes(), &answer.id, &land.book.anchor) {
                    Ok(verdict) => assert!(one.refusals.is_empty() && verdict == sound, "{} is believed", one.what),
                    Err(error) => assert!(one.refusals.contains(&variant(&error).as_str()), "{}: {error:?}", one.what),
                }
            }
        }
    }
    let (land, long) = (&lands()[0], texts::too_long());
    let error = examine(long.text.as_bytes(), &land.answers[0].id, &land.book.anchor).unwrap_err();
    assert_eq!(variant(&error), "TooLong");
    let many = texts::too_many_values(&land.answers[0].gathered);
    let error = examine(many.text.as_bytes(), &land.answers[0].id, &land.book.anchor).unwrap_err();
    assert!(many.refusals.contains(&variant(&error).as_str()) && error.to_string().contains("values"), "{error}");
}

#[test]
fn a_turned_bit_is_refused_or_changes_nothing() {
    let mut dice = crate::dice::Dice::new(4711);
    for land in lands() {
        for answer in land.answers.iter().take(8) {
            let mut bytes = to_text(&answer.gathered).into_bytes();
            let sound = examine(&bytes, &answer.id, &land.book.anchor).unwrap();
            for _ in 0..6 {
                let (place, bit) = (dice.below(bytes.len()), 1 << dice.below(8));
                bytes[place] ^= bit;
                if let Ok(verdict) = examine(&bytes, &answer.id, &land.book.anchor) {
                    assert_eq!(verdict, sound, "bit {bit} of byte {place}");
                }
                bytes[place] ^= bit;
            }
        }
    }
}

/// True proofs beside a false verdict: what the verifier reaches is its own.
#[test]
fn a_false_verdict_is_contradicted_by_the_proofs_beside_it() {
    let claimed: Vec<&Case> = cases().iter().filter(|case| case.claimed.is_some()).collect();
    assert!(claimed.len() > 40, "{}", claimed.len());
    for case in claimed {
        let verdict = case.outcome.as_ref().unwrap();
        assert_ne!(Some(verdict.word.as_str()), case.claimed, "{}", case.name);
    }
}

/// The set has enough of each, and is not without bounds.
#[test]
fn the_set_is_large_and_bounded() {
    let refused = cases().iter().filter(|case| case.outcome.is_err()).count();
    let held = cases().len() - refused;
    assert!(held > 100 && refused > 500 && cases().len() < 2_000, "{held} hold, {refused} do not");
    let lies = hiding::lies(&lands()[0].book.last(), &lands()[0].answers[0].id);
    assert!(lies.len() > 10, "{}", lies.len());
}
