//! GS1 identifiers against the vectors of biip, the GS1 Syntax Engine, the GS1 Syntax Dictionary and the reference
//! normaliser of Digital Links. What a vector tests that is not ours is counted by its reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealane_core::gs1::ai::{Ai, AiPart, CharSet, PartRule};
use sealane_core::gs1::{CompanyPrefix, ElementString, Gln, Gtin, Id, Sscc, check_digit};
use serde_json::Value;

/// What came of one case: it agrees, it does not, or it is none of ours.
type Outcome = Result<(), Deviation>;

enum Deviation {
    /// The case tests something else, for this reason.
    NotOurs(&'static str),
    Wrong(String),
}

use Deviation::{NotOurs, Wrong};

fn wrong<T: std::fmt::Debug>(found: T) -> Outcome {
    Err(Wrong(format!("{found:?}")))
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Outcome {
    if found == expected { Ok(()) } else { Err(Wrong(format!("{found:?} instead of {expected:?}"))) }
}

fn must(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.to_owned())) }
}

/// Counts outcomes, and fails at the end with every wrong one.
struct Tally {
    name: &'static str,
    passed: usize,
    not_ours: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn new(name: &'static str) -> Self {
        Self { name, passed: 0, not_ours: BTreeMap::new(), wrong: Vec::new() }
    }

    fn count(&mut self, case: impl std::fmt::Display, outcome: Outcome) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(NotOurs(reason)) => *self.not_ours.entry(reason).or_default() += 1,
            Err(Wrong(found)) => self.wrong.push(format!("{case}: {found}")),
        }
    }

    fn finish(self) {
        println!("{}: {} passed", self.name, self.passed);
        for (reason, count) in &self.not_ours {
            println!("  {count} not ours: {reason}");
        }
        assert!(self.wrong.is_empty(), "{} wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.passed > 0, "{}: no case found", self.name);
    }
}

/// Every file with this ending in a folder and those below it.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The objects with these members in every JSON array of a folder.
fn cases(folder: &Path, members: &[&str]) -> Vec<Value> {
    let arrays = files(folder, "json").into_iter().filter_map(|path| {
        let value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        value.as_array().cloned()
    });
    arrays.flatten().filter(|case| members.iter().all(|member| case.get(member).is_some())).collect()
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_default()
}

fn setting(case: &Value, name: &str) -> bool {
    case["settings"].get(name).is_some()
}

/// The plain element string that the Syntax Engine writes with `^` for FNC1; an escaped caret is none.
fn plain(engine: &str) -> String {
    engine.replace('^', "\x1d")
}

#[test]
fn digital_links_and_epc_urns_are_normalised() {
    let Some(folder) = crate::folder("epcis/event-hash-reference") else { return };
    let mut tally = Tally::new("digital link normaliser");
    for case in cases(&folder, &["group", "input", "expected"]) {
        let input = text(&case, "input");
        let found = Id::parse_uri(input).ok().filter(Id::is_gs1).map(|id| id.to_string());
        tally.count(input, same(&found.as_deref(), &case["expected"].as_str()));
    }
    tally.finish();
}

#[test]
fn digital_links_of_the_syntax_engine_parse() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-engine") else { return };
    let mut tally = Tally::new("syntax engine, Digital Link parse");
    for case in cases(&folder, &["uri", "valid", "expected_unbracketed_AI"]) {
        tally.count(text(&case, "uri"), parse_link(&case));
    }
    tally.finish();
}

fn parse_link(case: &Value) -> Outcome {
    let uri = text(case, "uri");
    let found = Id::parse_uri(uri).ok().filter(Id::is_gs1);
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    if case["valid"] == true {
        // The engine's answer holds the query as well; the key and its qualifiers stand first in it.
        let expected = ElementString::parse(&plain(text(case, "expected_unbracketed_AI")));
        return match expected.map(|elements| elements.id()) {
            Ok(expected) => same(&found, &expected.ok()),
            // A query with an AI that GS1 has not assigned is not read.
            Err(_) => same(&found, &Id::parse_uri(path).ok()),
        };
    }
    let Some(found) = found else { return Ok(()) };
    let early = ["/gtin/", "/sscc/"].iter().any(|name| path.contains(name));
    let padded = path.rsplit('/').next().is_some_and(|last| found.gs1_key() != Some(last));
    match () {
        () if uri.contains('?') => Err(NotOurs("query parameters are not read: they identify nothing")),
        () if early => Err(NotOurs("the names of early Digital Links are read without a setting")),
        () if padded => Err(NotOurs("GTINs without leading zeros are read without a setting")),
        () if !path.starts_with("http") => Err(NotOurs("RFC 3986 §3.1 lets a scheme be written in any case")),
        () => wrong(found),
    }
}

#[test]
fn digital_links_of_the_syntax_engine_are_generated() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-engine") else { return };
    let mut tally = Tally::new("syntax engine, Digital Link generate");
    for case in cases(&folder, &["bracketed_AI", "expected_uri"]) {
        let input = text(&case, "bracketed_AI");
        tally.count(input, generate_link(input, case["expected_uri"].as_str(), &case));
    }
    tally.finish();
}

fn generate_link(input: &str, expected: Option<&str>, case: &Value) -> Outcome {
    if setting(case, "permitUnknownAIs") {
        return Err(NotOurs("AIs that GS1 has not assigned are never read"));
    }
    match (Id::parse(input), expected) {
        (Ok(found), Some(expected)) => same(&Ok(found), &Id::parse_uri(expected)),
        (Ok(_), None) if input.contains("(235)") => {
            Err(NotOurs("a lot or variant beside a TPX is dropped from the id, so that it has a link"))
        }
        (Ok(_), None) if input.contains("(8200)") => {
            Err(NotOurs("a product URL is dropped from the id, so that it has a link"))
        }
        (found, None) => must(found.is_err(), "it has no link"),
        (Err(error), Some(_)) => wrong(error),
    }
}

#[test]
fn bracketed_element_strings_of_the_syntax_engine_parse() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-engine") else { return };
    let mut tally = Tally::new("syntax engine, bracketed element strings");
    for case in cases(&folder, &["bracketed_AI", "expected_unbracketed_AI"]) {
        let found = ElementString::parse(text(&case, "bracketed_AI"));
        let outcome = match case["expected_unbracketed_AI"].as_str() {
            // The engine puts a separator after each value, also where the length is predefined.
            Some(expected) => {
                found.map_or_else(wrong, |found| same(&Ok(found), &ElementString::parse(&plain(expected))))
            }
            None => must(found.is_err(), "it is valid for us"),
        };
        tally.count(text(&case, "bracketed_AI"), outcome);
    }
    tally.finish();
}

#[test]
fn scans_of_the_syntax_engine_are_read() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-engine") else { return };
    let mut tally = Tally::new("syntax engine, scans");
    for case in cases(&folder, &["scan_data", "expected_data"]) {
        tally.count(text(&case, "scan_data"), scan(text(&case, "scan_data"), case["expected_data"].as_str()));
    }
    tally.finish();
}

fn scan(input: &str, expected: Option<&str>) -> Outcome {
    let found = Id::parse(input);
    match expected {
        Some(expected) if expected.contains('|') => {
            Err(NotOurs("the composite component beside an EAN barcode is not read"))
        }
        Some(elements) if elements.starts_with('^') => {
            let elements = ElementString::parse(&plain(elements)).and_then(|elements| elements.id());
            found.map_or_else(wrong, |found| same(&Ok(found), &elements))
        }
        Some(expected) if expected.is_empty() || expected.contains("TESTING") => {
            // A scan of something that is no identifier is none for us.
            must(found.is_err(), "it is no identifier")
        }
        Some(data) => found.map_or_else(wrong, |found| same(&Ok(found), &Id::parse(data))),
        None if input.contains("NOPRIMARYAI") => must(found.is_ok_and(|id| !id.is_gs1()), "it is another URI"),
        None => must(found.is_err(), "it is no scan"),
    }
}

/// The rules of the dictionary that look at what a value means, where the value is no part of an id.
const MEANINGS: [(&str, &str); 8] = [
    ("iso3166", "country codes are not checked: they are no part of an id"),
    ("pcenc", "percent-encoding inside addresses and names is not checked: they are no part of an id"),
    ("latitude", "coordinates are not checked: they are no part of an id"),
    ("longitude", "coordinates are not checked: they are no part of an id"),
    ("hyphen", "a temperature's sign is not checked: it is no part of an id"),
    ("nonzero", "roll dimensions are not checked: they are no part of an id"),
    ("gcppos1", "the table of company prefixes that GS1 publishes is not used: those on the ledger count"),
    ("gcppos2", "the table of company prefixes that GS1 publishes is not used: those on the ledger count"),
];

#[test]
fn rules_of_the_syntax_dictionary_hold() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-dictionary") else { return };
    let mut tally = Tally::new("syntax dictionary, rules");
    for case in cases(&folder, &["linter", "value", "valid"]) {
        let (linter, value) = (text(&case, "linter"), text(&case, "value"));
        tally.count(format!("{linter} {value:?}"), lint(linter, value, case["valid"] == true));
    }
    tally.finish();
}

fn lint(linter: &str, value: &str, valid: bool) -> Outcome {
    if let Some((_, reason)) = MEANINGS.iter().find(|(name, _)| *name == linter) {
        return Err(NotOurs(reason));
    }
    if linter == "cset64" && value.contains('=') {
        return Err(NotOurs("the padding of a digital signature is not checked: it is no part of an id"));
    }
    if linter == "csumalpha" && value.len() > 25 {
        return Err(NotOurs("no value with a pair of check characters is longer than 25"));
    }
    let found = match (set_of(linter), rule_of(linter)) {
        (Some(set), _) => value.bytes().all(|byte| set.holds(byte)),
        (_, Some(rule)) => rule.accepts(value),
        _ => return wrong("no such rule here"),
    };
    same(&found, &valid)
}

fn set_of(linter: &str) -> Option<CharSet> {
    Some(match linter {
        "csetnumeric" => CharSet::Digits,
        "cset82" => CharSet::Cset82,
        "cset39" => CharSet::Cset39,
        "cset64" => CharSet::Base64Url,
        _ => return None,
    })
}

fn rule_of(linter: &str) -> Option<PartRule> {
    Some(match linter {
        "csum" => PartRule::CheckDigit("number"),
        "csumalpha" => PartRule::CheckPair("number"),
        "zero" => PartRule::Zero,
        "nozeroprefix" => PartRule::NoLeadingZero,
        "hasnondigit" => PartRule::NonDigit,
        "pieceoftotal" => PartRule::PieceOfTotal,
        "yymmdd" => PartRule::Date,
        "yymmd0" => PartRule::DateOrMonth,
        "yyyymmdd" => PartRule::LongDate,
        "hhmi" => PartRule::HourMinute,
        "hh" => PartRule::Hour,
        "mi" | "ss" => PartRule::Sixtieth,
        _ => return None,
    })
}

#[test]
fn every_ai_is_as_the_syntax_dictionary_says() {
    let Some(folder) = crate::folder("epcis/gs1-syntax-dictionary") else { return };
    let mut tally = Tally::new("syntax dictionary, AIs");
    let mut known = Vec::new();
    for path in files(&folder, "txt") {
        let dictionary = std::fs::read_to_string(path).unwrap();
        for line in dictionary.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            for code in range(words[0]) {
                tally.count(&code, compare_ai(&code, &words[1..]));
                known.push(code);
            }
        }
    }
    let invented = Ai::all().map(|(code, _)| code).filter(|code| !known.iter().any(|known| known == code));
    tally.count("AIs that are not in the dictionary", same(&invented.collect(), &Vec::<&str>::new()));
    tally.finish();
}

fn range(codes: &str) -> Vec<String> {
    let (first, last) = codes.split_once('-').unwrap_or((codes, codes));
    let bounds: (u16, u16) = (first.parse().unwrap(), last.parse().unwrap());
    (bounds.0..=bounds.1).map(|code| format!("{code:0width$}", width = first.len())).collect()
}

fn compare_ai(code: &str, words: &[&str]) -> Outcome {
    let Some(ai) = Ai::find(code) else { return wrong("there is no such AI here") };
    let flags = words.first().filter(|word| word.chars().all(|c| "*?".contains(c)));
    same(&ai.predefined_length, &flags.is_some_and(|flags| flags.contains('*')))?;
    let components: Vec<&str> = words.iter().copied().filter(|word| is_component(word)).collect();
    same(&ai.parts.len(), &components.len())?;
    ai.parts.iter().zip(components).try_for_each(|(part, component)| compare_part(part, component))
}

fn is_component(word: &str) -> bool {
    let word = word.trim_start_matches('[');
    word.starts_with(['N', 'X', 'Y', 'Z']) && word[1..].starts_with(|c: char| c == '.' || c.is_ascii_digit())
}

fn compare_part(part: &AiPart, component: &str) -> Outcome {
    let mut words = component.split(',');
    let format = words.next().unwrap_or_default();
    let bare = format.trim_matches(['[', ']']);
    let set = match &bare[..1] {
        "N" => CharSet::Digits,
        "X" => CharSet::Cset82,
        "Y" => CharSet::Cset39,
        _ => CharSet::Base64Url,
    };
    let max: usize = bare[1..].trim_start_matches('.').parse().unwrap();
    let min = if bare.contains("..") { 1 } else { max };
    same(&(part.set, part.min, part.max, part.optional), &(set, min, max, format.starts_with('[')))?;
    // Ours for keys of free text: a company prefix begins with digits, and there are four at least.
    let mut rules: Vec<PartRule> =
        part.rules.iter().copied().filter(|rule| *rule != PartRule::CompanyPrefix).map(nameless).collect();
    let mut expected: Vec<PartRule> = words.filter_map(rule_of).collect();
    rules.sort_by_key(|rule| format!("{rule:?}"));
    expected.sort_by_key(|rule| format!("{rule:?}"));
    same(&rules, &expected)
}

fn nameless(rule: PartRule) -> PartRule {
    match rule {
        PartRule::CheckDigit(_) => PartRule::CheckDigit("number"),
        PartRule::CheckPair(_) => PartRule::CheckPair("number"),
        rule => rule,
    }
}

#[test]
fn every_ai_is_as_biip_says() {
    let Some(folder) = crate::folder("epcis/biip") else { return };
    let mut tally = Tally::new("biip, AIs");
    for case in cases(&folder, &["ai", "format", "separator_required"]) {
        let code = text(&case, "ai");
        let outcome = match Ai::find(code) {
            Some(ai) => same(&!ai.predefined_length, &(case["separator_required"] == true)),
            None => wrong("there is no such AI here"),
        };
        tally.count(code, outcome);
    }
    tally.finish();
}

#[test]
fn identifiers_of_biip_are_read() {
    let Some(folder) = crate::folder("epcis/biip") else { return };
    let mut tally = Tally::new("biip, identifiers");
    for case in cases(&folder, &["test", "file", "values"]) {
        let values: Vec<&Value> = case["values"].as_array().map_or(vec![&case["values"]], |all| all.iter().collect());
        let first = values[0].as_str().unwrap_or_default();
        let last = values[values.len() - 1];
        let file = text(&case, "file").trim_start_matches("tests/").trim_end_matches(".py");
        let outcome = identifier(file, text(&case, "test"), first, last, values.get(1).copied());
        tally.count(format!("{file} {} {values:?}", text(&case, "test")), outcome);
    }
    tally.finish();
}

fn identifier(file: &str, test: &str, first: &str, last: &Value, second: Option<&Value>) -> Outcome {
    let last_text = last.as_str().unwrap_or_default();
    match (file, test) {
        (_, test) if test.contains("price_weight") => Err(NotOurs("check digits of prices and weights in a store")),
        ("test_checksums", "test_gs1_standard_check_digit") => {
            let expected = last.as_u64().and_then(|digit| char::from_digit(digit as u32, 10));
            same(&check_digit(first), &expected)
        }
        ("test_checksums", _) => same(&check_digit(first), &None),
        ("test_sscc", "test_as_hri") => match first.parse::<Sscc>() {
            Ok(_) => Err(NotOurs("writing an SSCC in groups takes the table of company prefixes that GS1 publishes")),
            Err(error) => wrong(error),
        },
        ("test_sscc", _) => must(first.parse::<Sscc>().is_err(), "it is no SSCC"),
        ("test_gln", _) => must(first.parse::<Gln>().is_err(), "it is no GLN"),
        ("gtin/test_parse" | "upc/test_parse", "test_parse_nonnumeric_value") => {
            must(first.parse::<Gtin>().is_err(), "it is no GTIN")
        }
        ("gtin/test_parse", _) => first.parse::<Gtin>().map(|_| ()).or_else(wrong),
        ("gtin/test_encode", test) if test.contains("fails") => {
            Err(NotOurs("a GTIN is always written with 14 digits here, which never fails"))
        }
        ("gtin/test_encode", _) => {
            same(&first.parse::<Gtin>().map(|gtin| gtin.to_string()), &Ok(format!("{last_text:0>14}")))
        }
        ("test_gs1_prefixes", _) => must(first.parse::<CompanyPrefix>().is_err(), "it is no company prefix"),
        ("test_symbology", _) => Err(NotOurs("a symbology identifier is no value of its own here")),
        ("test_gs1_element_strings", "test_as_hri") => {
            same(&ElementString::parse(first).map(|elements| elements.to_string()), &Ok(last_text.to_owned()))
        }
        ("test_gs1_element_strings", "test_parse") => ElementString::parse(first).map(|_| ()).or_else(wrong),
        ("test_gs1_element_strings", _) if last_text.contains('\x1d') => {
            Err(NotOurs("a message of two elements is read as two, not refused as one"))
        }
        ("test_gs1_element_strings", test) if test.contains("date") => {
            must(ElementString::parse(&format!("{first}{last_text}")).is_err(), "it holds no date")
        }
        ("test_gs1_element_strings", _) => must(ElementString::parse(last_text).is_err(), "it is no element string"),
        ("test_gs1_digital_link_uris", _) => link(test, first, last, second),
        _ => wrong("no such case here"),
    }
}

fn link(test: &str, uri: &str, last: &Value, second: Option<&Value>) -> Outcome {
    let id = Id::parse_uri(uri);
    let last_text = last.as_str().unwrap_or_default();
    match test {
        "test_parse_fails_if_data_does_not_match_full_pattern" => {
            Err(NotOurs("query parameters are not read: they identify nothing"))
        }
        "test_parse_error" => must(!id.is_ok_and(|id| id.is_gs1()), "it is no Digital Link"),
        "test_as_gs1_message" => same(&id.map(|id| id.element_string()), &Ok(Some(last_text.to_owned()))),
        test if test.starts_with("test_as_") && last_text.contains("/22/") => {
            let id = id.map(|id| id.to_string());
            same(&id.as_deref().ok(), &Some(last_text.replace("/22/2A", "").as_str()))?;
            Err(NotOurs("a consumer product variant beside a lot or serial is dropped from the id"))
        }
        test if test.starts_with("test_as_") => {
            let expected = last_text.split('?').next().unwrap_or_default();
            same(&id.map(|id| id.to_string()), &Ok(expected.to_owned()))
        }
        test if test.contains("_by_") => {
            let elements = id.ok().and_then(|id| id.element_string()).map(|text| ElementString::parse(&text));
            let title = second.and_then(Value::as_str).unwrap_or_default();
            let ai = [("GTIN", "01"), ("BATCH", "10"), ("BEST BY", "15")].into_iter().find(|(name, _)| *name == title);
            let ai = ai.map_or(title, |(_, ai)| ai);
            let Some(Ok(elements)) = elements else { return wrong(elements) };
            let found =
                elements.elements().iter().find(|element| element.ai == ai).map(|element| element.value.clone());
            let expected = last.as_array().and_then(|all| all.first()).unwrap_or(last);
            same(&found.as_deref(), &expected.as_str())
        }
        _ => wrong("no such case here"),
    }
}
