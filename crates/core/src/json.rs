//! Strict JSON (RFC 8259): one reading for every reader.
//!
//! Two readers that disagree about the same bytes are a hole in a signature. So this refuses what parsers are known
//! to read differently: a member named twice, invalid UTF-8, numbers that no double is near, nesting without end. The
//! order of members is kept, and in [`Json`] every digit of a number.

mod decimal;
mod reader;
mod value;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

pub use decimal::Decimal;
pub use value::{Json, Object};

use reader::Reader;

/// Where some JSON is at fault, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {message}", if pointer.is_empty() { "the top" } else { pointer })]
pub struct JsonError {
    /// JSON pointer (RFC 6901) to the value at fault; empty for the whole text.
    pub pointer: String,
    /// What is wrong there, with line and column.
    pub message: String,
}

/// Reads one JSON text that fills `bytes`, with numbers of 64 bits.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(bytes, usize::MAX)
}

/// Reads one JSON text of at most `values_max` values, at every level: two bytes of text make a value of some seventy in
/// memory.
pub fn parse_within(bytes: &[u8], values_max: usize) -> Result<Value, JsonError> {
    read_within(bytes, values_max).map(Value::from)
}

/// Reads one JSON text that fills `bytes`, and keeps the digits of its numbers.
pub fn read(bytes: &[u8]) -> Result<Json, JsonError> {
    read_within(bytes, usize::MAX)
}

fn read_within(bytes: &[u8], values_max: usize) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
        pointer: String::new(),
        message: format!("invalid UTF-8 at byte {}", error.valid_up_to()),
    })?;
    Reader::new(text, values_max).whole()
}

/// Appends `segment` to a JSON pointer, escaped as RFC 6901 §3 says.
pub fn child(pointer: &str, segment: impl fmt::Display) -> String {
    let segment = segment.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{segment}")
}

/// Reads an optional member that is there, so that `null` is no second way to leave it out.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads a member that must be there and may be `null`.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a list that is left out if it is empty, so that `[]` is no second way to say it.
pub fn filled<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match Vec::deserialize(deserializer)? {
        list if list.is_empty() => Err(D::Error::custom("an empty list is left out")),
        list => Ok(list),
    }
}

/// Reads a flag that is left out if it is not set.
pub fn only_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    if bool::deserialize(deserializer)? {
        Ok(true)
    } else {
        Err(D::Error::custom("a flag that is not set is left out"))
    }
}

/// Tells whether a flag is left out, as serde asks.
pub const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::JSON_DEPTH_MAX;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_what_serde_json_reads_and_keeps_the_order() {
        let text = r#"{"b":[1,-2,0.5,"ü\n",null,true],"a":{}}"#;
        let value = parse(text.as_bytes()).unwrap();
        assert_eq!(value, json!({"b": [1, -2, 0.5, "ü\n", null, true], "a": {}}));
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn names_the_place_of_each_fault() {
        let fault = |text: &[u8]| parse(text).unwrap_err();
        assert_eq!(fault(br#"{"a":[{"b~/":1,"b~/":2}]}"#).pointer, "/a/0/b~0~1");
        assert!(fault(br#"{"a":[{"b":1,"b":2}]}"#).message.contains("a member named twice"));
        assert_eq!(fault(br#"{"n":[1,1e999]}"#).pointer, "/n/1");
        assert!(fault(b"{\"a\":\"\xff\"}").message.contains("invalid UTF-8 at byte 6"));
        assert!(fault(b"{} {}").message.contains("trailing"));
        assert!(fault(b"").message.contains("EOF"));
    }

    #[test]
    fn stops_at_the_limit_of_values() {
        let text = br#"{"a":[1,{}],"b":""}"#;
        assert!(parse_within(text, 5).is_ok());
        let fault = parse_within(text, 4).unwrap_err();
        assert_eq!(fault.pointer, "/b");
        assert!(fault.message.contains("more than 4 values"), "{fault}");
        assert_eq!(parse_within(b"[[[]", 2).unwrap_err().pointer, "/0/0");
    }

    #[test]
    fn stops_at_the_depth_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        let fault = parse(nested(JSON_DEPTH_MAX + 1).as_bytes()).unwrap_err();
        assert!(fault.message.contains("deeper than 64"), "{fault}");
        assert!(parse(nested(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn keeps_the_digits_of_numbers() {
        let text = r#"{"a":[1.50,12E4,195060001343500017,-0,0.1],"b":"\u00fc"}"#;
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(value.to_string(), r#"{"a":[1.50,12E4,195060001343500017,-0,0.1],"b":"ü"}"#);
        assert_eq!(parse(text.as_bytes()).unwrap()["a"][1], json!(120000.0));
    }

    #[test]
    fn takes_and_refuses_as_serde_json_does() {
        for text in [
            "nul",
            "tru e",
            "+1",
            "01",
            "1.",
            "-",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "\"a",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u00g0\"",
            "\"\t\"",
            "[",
            "{",
            "{\"a\"",
            "[1",
            "",
            " ",
            "\u{a0}1",
            "\u{feff}1",
            "// c\n1",
            "'a'",
            "1e999",
            "NaN",
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        for text in [" [ ] ", "\r\n{\t}", "\"\\ud83d\\ude00\\/\\b\\f\"", "-0", "-0.0", "1E+2", "18446744073709551616"] {
            let theirs: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), theirs, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_any_text_as_serde_json_does(text in r#"[\[\]{}":,0-9eE.\-+tfn \\u/a]{0,24}"#) {
            let (ours, theirs) = (parse(text.as_bytes()), serde_json::from_str::<Value>(&text));
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                (Err(_), Err(_)) => {}
                // It takes the last of two members of one name, and makes zero of what is too small.
                (Err(error), Ok(_)) => prop_assert!(error.message.contains("twice") || error.message.contains("range")),
                (Ok(_), Err(error)) => prop_assert!(false, "{error}"),
            }
        }
    }
}
