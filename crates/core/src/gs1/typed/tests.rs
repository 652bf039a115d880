use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

/// Inputs, each with the question that it means or the rule that refuses it. `tests/js/typed.test.mjs` reads them too.
#[derive(Deserialize)]
struct Case {
    typed: String,
    id: Option<String>,
    /// The lot that it may mean as well.
    lot: Option<String>,
    refused: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default)]
    sentence: Option<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../tests/typed.json")).unwrap()
}

#[test]
fn what_is_typed_is_read_or_refused_as_the_table_says() {
    let cases = cases();
    assert!(cases.len() >= 40);
    for Case { typed, id, lot, refused, values, sentence } in cases {
        match (Reading::of(&typed), id, refused) {
            (Ok(Reading { asked, or_lot }), Some(id), None) => {
                assert_eq!(asked.to_uri(), id, "{typed:?}");
                assert_eq!(or_lot.map(|lot| lot.to_string()), lot, "{typed:?}");
            }
            (Err(refusal), None, Some(rule)) => {
                let told = refusal.to_string();
                assert_eq!(refusal.rule, rule, "{typed:?}: {told}");
                let found: BTreeMap<String, String> =
                    refusal.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                assert_eq!(found, values, "{typed:?}");
                assert!(!told.contains(['{', '}']) || typed.contains('{'), "{told}");
                if let Some(sentence) = sentence {
                    assert_eq!(told, sentence);
                }
            }
            (found, ..) => panic!("{typed:?}: {found:?}"),
        }
    }
}

#[test]
fn every_rule_has_an_input_in_the_table() {
    let cases = cases();
    for (rule, _) in TypedRefusal::SENTENCES {
        assert!(cases.iter().any(|case| case.refused.as_deref() == Some(rule)), "{rule}");
    }
}

#[test]
fn a_long_text_is_not_read() {
    for long in ["1".repeat(5_000), format!("{}9506000134352", "　".repeat(1_500)), "가".repeat(1_025)] {
        assert_eq!(Question::read_typed(&long).unwrap_err().rule, "too-long");
    }
    assert_eq!(Question::read_typed(&"x".repeat(1_024)).unwrap_err().rule, "nothing");
}

#[test]
fn the_other_cases_of_a_serial_are_offered() {
    let others = |text: &str| -> Vec<String> {
        Question::read_typed(text).unwrap().id.other_cases().iter().map(|id| id.element_string().unwrap()).collect()
    };
    assert_eq!(others("(01)09506000134352(21)ab1"), ["(01)09506000134352(21)AB1"]);
    assert_eq!(others("(01)09506000134352(21)AB1"), ["(01)09506000134352(21)ab1"]);
    assert_eq!(others("(01)09506000134352(10)Ab"), ["(01)09506000134352(10)AB", "(01)09506000134352(10)ab"]);
    for none in ["(01)09506000134352(21)123", "9506000134352", "(00)095060001000000012", "https://a.example/x"] {
        assert!(others(none).is_empty(), "{none}");
    }
}

#[test]
fn what_was_typed_keeps_its_braces() {
    assert_eq!(Question::read_typed("a {text} {").unwrap_err().to_string().matches("a {text} {").count(), 1);
}
