//! Strict JSON (RFC 8259): one reading for every reader.
//!
//! Two readers that disagree about the same bytes are a hole in a signature. So this refuses what parsers are known
//! to read differently: a member named twice, invalid UTF-8, numbers that do not fit, nesting without end. The order
//! of members is kept.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::limits::JSON_DEPTH_MAX;

/// Where some JSON is at fault, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {message}", if pointer.is_empty() { "the top" } else { pointer })]
pub struct JsonError {
    /// JSON pointer (RFC 6901) to the value at fault; empty for the whole text.
    pub pointer: String,
    /// What is wrong there, with line and column.
    pub message: String,
}

/// Reads one JSON text that fills `bytes`.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(bytes, usize::MAX)
}

/// Reads one JSON text of at most `values_max` values, at every level: two bytes of text make a value of some seventy in
/// memory.
pub fn parse_within(bytes: &[u8], values_max: usize) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
        pointer: String::new(),
        message: format!("invalid UTF-8 at byte {}", error.valid_up_to()),
    })?;
    let (way_out, values) = (RefCell::new(Vec::new()), Cell::new(0));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The limit below is lower than the parser's own, and names itself.
    let value = Strict { depth: 0, way_out: &way_out, values: &values, values_max }
        .deserialize(&mut deserializer)
        .map_err(|error| JsonError { pointer: pointer_of(&way_out.borrow()), message: error.to_string() })?;
    deserializer.end().map_err(|error| JsonError { pointer: String::new(), message: error.to_string() })?;
    Ok(value)
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

fn pointer_of(way_out: &[String]) -> String {
    way_out.iter().rev().fold(String::new(), |pointer, segment| child(&pointer, segment))
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    /// Where the fault is, once there is one: each level leaves its segment on the way out, the deepest first.
    way_out: &'a RefCell<Vec<String>>,
    /// Read so far.
    values: &'a Cell<usize>,
    values_max: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {JSON_DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Marks the segment that a fault was met at.
    fn met_at<T, E>(self, read: Result<T, E>, segment: impl FnOnce() -> String) -> Result<T, E> {
        if read.is_err() {
            self.way_out.borrow_mut().push(segment());
        }
        read
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.values.replace(self.values.get() + 1) == self.values_max {
            return Err(D::Error::custom(format!("more than {} values", self.values_max)));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = self.met_at(seq.next_element_seed(inner), || items.len().to_string())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            match members.entry(name) {
                Entry::Vacant(member) => {
                    let value = self.met_at(map.next_value_seed(inner), || member.key().clone())?;
                    member.insert(value);
                }
                Entry::Occupied(member) => {
                    let twice = Err(A::Error::custom("a member named twice"));
                    return self.met_at(twice, || member.key().clone());
                }
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
