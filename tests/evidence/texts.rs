//! Changes of a document's text: what no program that writes evidence would make.

use sealane_core::evidence::Evidence;
use sealane_core::limits::{EVIDENCE_BYTES_MAX, EVIDENCE_VALUES_MAX};
use serde_json::Value;

use crate::dice::Dice;

/// The alphabet of base64url.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub struct Changed {
    pub what: &'static str,
    pub text: String,
    /// The errors one of which refuses it; none where it means the same.
    pub refusals: &'static [&'static str],
}

/// Texts that are refused, and a few that say the same in other letters.
pub fn changed(sound: &Evidence) -> Vec<Changed> {
    let text = serde_json::to_string(sound).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut value = value.clone();
        edit(&mut value);
        value.to_string()
    };
    let before = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let nested = format!("\"note\":{}{}", "[".repeat(70), "]".repeat(70));
    let named = |name: &str, as_name: &str| text.replacen(&format!("\"{name}\":"), &format!("\"{as_name}\":"), 1);
    let (json, shape): (&[&str], &[&str]) = (&["Json"], &["Shape"]);
    let mut all = vec![
        ("nothing", String::new(), json),
        ("no JSON", "evidence".to_owned(), json),
        ("null", "null".to_owned(), shape),
        ("an empty object", "{}".to_owned(), shape),
        ("a list", format!("[{text}]"), shape),
        ("half of it", text[..text.len() / 2].to_owned(), json),
        ("more after it", format!("{text}{{}}"), json),
        ("a byte order mark", format!("\u{feff}{text}"), json),
        ("an unknown member", before("\"note\":\"trust me\""), shape),
        ("an unknown member in the commit", edited(&|value| value["commit"]["note"] = Value::from(1)), shape),
        ("an unknown member in an entry", edited(&|value| value["index"][0]["note"] = Value::from(1)), shape),
        ("a member given twice", before("\"version\":2"), json),
        ("a member given twice, once escaped", before("\"vers\\u0069on\":2"), json),
        ("nesting without end", before(&nested), json),
        ("a version that is text", edited(&|value| value["version"] = Value::from("2")), shape),
        ("a version with a fraction", text.replacen("\"version\":2", "\"version\":2.0", 1), shape),
        ("a version with an exponent", text.replacen("\"version\":2", "\"version\":2e0", 1), shape),
        ("a list that is null", edited(&|value| value["seals"] = Value::Null), shape),
        ("an absent neighbour spelled out", edited(&|value| with_null_neighbour(value)), shape),
        ("a negative count", edited(&|value| value["index"][0]["count"] = Value::from(-1)), shape),
        ("an unknown kind", edited(&|value| value["index"][0]["kind"] = Value::from("product")), shape),
        ("a kind in capitals", edited(&|value| value["index"][0]["kind"] = Value::from("ID")), shape),
        (
            "a leaf beyond every tree",
            edited(&|value| value["seal"]["leafIndex"] = Value::from(9_007_199_254_740_992_u64)),
            shape,
        ),
        ("a hash with padding", edited(&|value| on_a_hash(value, &|hash| hash.push('='))), shape),
        ("a hash whose spare bits are set", edited(&|value| on_a_hash(value, &spare_bits)), shape),
        ("a hash cut short", edited(&|value| on_a_hash(value, &|hash| hash.truncate(hash.len() - 1))), shape),
        (
            "a signature whose spare bits are set",
            edited(&|value| on_text(&mut value["commit"]["signatures"][0]["signature"], &spare_bits)),
            shape,
        ),
        ("members in another order", edited(&reversed), &[]),
        ("white space", serde_json::to_string_pretty(sound).unwrap(), &[]),
        ("a name escaped", named("checkpoint", "ch\\u0065ckpoint"), &[]),
    ];
    for name in value.as_object().unwrap().keys() {
        let without = edited(&|value| drop(value.as_object_mut().unwrap().shift_remove(name)));
        all.push(("a member left out", without, shape));
    }
    let mut all: Vec<Changed> =
        all.into_iter().map(|(what, text, refusals)| Changed { what, text, refusals }).collect();
    all.retain(|one| one.text != text);
    all
}

/// Text of the limit and a byte.
pub fn too_long() -> Changed {
    let start = "{\"version\":2,\"id\":\"";
    let text = format!("{start}{}\"}}", "x".repeat(EVIDENCE_BYTES_MAX - start.len() - 1));
    Changed { what: "more than is read", text, refusals: &["TooLong"] }
}

/// Short text of more values than are read.
pub fn too_many_values(sound: &Evidence) -> Changed {
    let zeros = "0,".repeat(EVIDENCE_VALUES_MAX);
    let text = serde_json::to_string(sound).unwrap().replacen("\"leaves\":[", &format!("\"leaves\":[{zeros}"), 1);
    Changed { what: "more values than are read", text, refusals: &["Json"] }
}

/// The text with one bit turned, still ASCII.
pub fn flipped(sound: &Evidence, dice: &mut Dice) -> String {
    let mut bytes = serde_json::to_vec(sound).unwrap();
    let at = dice.below(bytes.len());
    bytes[at] ^= 1 << dice.below(7);
    String::from_utf8(bytes).unwrap()
}

fn with_null_neighbour(value: &mut Value) {
    let entries = value["index"].as_array_mut().unwrap();
    if let Some(entry) = entries.iter_mut().find(|entry| entry.get("other").is_none()) {
        entry["other"] = Value::Null;
    }
}

fn reversed(value: &mut Value) {
    let members = std::mem::take(value.as_object_mut().unwrap());
    *value = members.into_iter().rev().collect();
}

fn on_a_hash(value: &mut Value, change: &dyn Fn(&mut String)) {
    on_text(&mut value["commit"]["signatures"][0]["kid"], change);
}

fn on_text(value: &mut Value, change: &dyn Fn(&mut String)) {
    let mut text = value.as_str().unwrap().to_owned();
    change(&mut text);
    *value = Value::from(text);
}

/// Sets the lowest of the bits that base64url leaves over.
fn spare_bits(text: &mut String) {
    let last = text.pop().unwrap();
    let at = ALPHABET.find(last).unwrap();
    text.push(ALPHABET.as_bytes()[at ^ 1].into());
}
