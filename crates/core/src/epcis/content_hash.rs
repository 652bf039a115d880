//! The hash of what an event says, without who says it and when it was recorded.
//!
//! A repeat of an eventID is a duplicate when its content hash is the same, and an error declaration counts only over
//! the same content hash. To compute it from an event as signed:
//!
//! 1. Remove the event's own `@context`, `eventID`, `recordTime` and `errorDeclaration`.
//! 2. Write each time of the standard's members (`eventTime`, and in `sensorElementList` `time`, `startTime` and
//!    `endTime`) in UTC with three digits of a second, further digits cut off, as JavaScript's `toISOString` does.
//! 3. Write each word of a standard list (`bizStep`, `disposition`, `set`, `unset`, and `type`, `exception` and
//!    `component` where EPCIS 2.0 defines them) as the bare word, whatever its spelling.
//! 4. Write each id as its canonical URI: the items of `epcList`, `childEPCs`, `inputEPCList` and `outputEPCList`,
//!    and `epcClass`, `parentID`, `transformationID`, `source`, `destination`, and `id` of `readPoint` and `bizLocation`.
//! 5. Serialise by the JSON Canonicalization Scheme (RFC 8785): no white space, members sorted by UTF-16 code units
//!    at every level, numbers as JavaScript writes them. The lists that EPCIS 2.0 §7.4 gives no order, which are those of
//!    `UNORDERED`, have their items sorted in the same way as they are serialised; other lists keep their order.
//! 6. Take SHA-256 of the UTF-8 bytes.
//!
//! Steps 2 to 4 are what `walk` leaves behind, and for a normalising reader what `older` makes first.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::hash::Hash;

/// What room is made for; a longer event takes more.
const TEXT_BYTES_LIKELY: usize = 512;

const LEFT_OUT: [&str; 4] = ["@context", "eventID", "recordTime", "errorDeclaration"];

/// The event's own lists whose order says nothing, and those of `persistentDisposition`.
const UNORDERED: [&str; 13] = [
    "epcList",
    "quantityList",
    "childEPCs",
    "childQuantityList",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "set",
    "unset",
];

/// Hashes an event that `walk` has brought into canonical form.
pub(super) fn content_hash(event: &Map<String, Value>) -> Hash {
    let mut text = String::with_capacity(TEXT_BYTES_LIKELY);
    let said = event.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    write_object(&mut text, said.collect());
    Hash::of(text.as_bytes())
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(&javascript_number(number)),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => write_list(text, items, write),
        Value::Object(object) => write_object(text, object.iter().collect()),
    }
}

fn write_object(text: &mut String, mut members: Vec<(&String, &Value)>) {
    members.sort_by(|(a, _), (b, _)| by_utf16(a, b));
    text.push('{');
    for (at, (name, value)) in members.into_iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        write_string(text, name);
        text.push(':');
        match value {
            Value::Array(items) if items.len() > 1 && UNORDERED.contains(&name.as_str()) => write_sorted(text, items),
            _ => write(text, value),
        }
    }
    text.push('}');
}

fn write_sorted(text: &mut String, items: &[Value]) {
    let written = items.iter().map(|item| {
        let mut text = String::new();
        write(&mut text, item);
        text
    });
    let mut written: Vec<String> = written.collect();
    written.sort_by(|a, b| by_utf16(a, b));
    write_list(text, &written, |text, item| text.push_str(item));
}

fn write_list<T>(text: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    text.push('[');
    for (at, item) in items.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        write(text, item);
    }
    text.push(']');
}

/// The order of RFC 8785 §3.2.3, by UTF-16 code units; of ASCII these are its bytes.
fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// RFC 8785 §3.2.2.2: only what must be escaped, in the short form where there is one. serde_json does just that.
fn write_string(text: &mut String, string: &str) {
    if string.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        text.push_str(&Value::from(string).to_string());
    } else {
        text.push('"');
        text.push_str(string);
        text.push('"');
    }
}

/// RFC 8785 §3.2.2.3: the shortest digits that read back as the same double, laid out as ECMAScript does.
fn javascript_number(number: &Number) -> String {
    let Some(double) = number.as_f64().filter(|double| *double != 0.0) else {
        return "0".to_owned();
    };
    let scientific = format!("{double:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-6..21).contains(&exponent) {
        // Rust never writes an exponent here, and its digits are the shortest too.
        return format!("{double}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if exponent < 0 { "" } else { "+" };
    format!("{sign}{first}{point}{rest}e{plus}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::json;

    fn canonical(text: &str) -> String {
        let mut written = String::new();
        write(&mut written, &json::parse(text.as_bytes()).unwrap());
        written
    }

    #[test]
    fn the_order_of_lists_that_have_none_says_nothing() {
        assert_eq!(canonical(r#"{"epcList":["b","a"],"x":["b","a"]}"#), r#"{"epcList":["a","b"],"x":["b","a"]}"#);
        assert_eq!(canonical(r#"{"quantityList":[{"q":2},{"q":1}]}"#), r#"{"quantityList":[{"q":1},{"q":2}]}"#);
    }

    #[test]
    fn writes_numbers_as_javascript_does() {
        for (given, wanted) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("200.50", "200.5"),
            ("-12", "-12"),
            ("1e21", "1e+21"),
            ("123456789012345678901", "123456789012345680000"),
            ("1.5e300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("0.00000012", "1.2e-7"),
            ("-5e-324", "-5e-324"),
            ("9007199254740993", "9007199254740992"),
        ] {
            assert_eq!(canonical(given), wanted, "{given}");
        }
    }

    #[test]
    fn sorts_members_by_utf16_and_escapes_little() {
        let text = "{\"\u{fb33}\":1,\"\u{1f600}\":2,\"b\":[{\"z\":null,\"a\":\"\\u000f\\n/\\u00fc\"}],\"a\":true}";
        assert_eq!(
            canonical(text),
            "{\"a\":true,\"b\":[{\"a\":\"\\u000f\\n/ü\",\"z\":null}],\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }

    #[test]
    fn leaves_out_what_is_not_content() {
        let event = json!({"type": "ObjectEvent", "eventID": "urn:uuid:1", "recordTime": "t", "errorDeclaration": {},
            "@context": "urn:c", "quantity": 1.0});
        let hash = content_hash(event.as_object().unwrap());
        assert_eq!(hash, Hash::of(br#"{"quantity":1,"type":"ObjectEvent"}"#));
    }
}
