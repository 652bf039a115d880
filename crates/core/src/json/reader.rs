//! Reads the text of a JSON value, as strictly as the page of `json` says.

use indexmap::map::Entry;

use super::decimal::{Decimal, length};
use super::value::{Json, Object};
use super::{JsonError, child};
use crate::limits::JSON_DEPTH_MAX;

/// A reading under way.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values may still be read.
    left: usize,
    values_max: usize,
    /// Where the reading is.
    path: Vec<Step>,
}

enum Step {
    Name(String),
    Index(usize),
}

/// What is wrong, before it is known where.
type Read<T> = Result<T, String>;

const END_IN_TEXT: &str = "EOF while parsing a string";

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, values_max: usize) -> Self {
        Self { text, at: 0, left: values_max, values_max, path: Vec::new() }
    }

    /// Reads one value that fills the text.
    pub fn whole(mut self) -> Result<Json, JsonError> {
        let read = self.value().and_then(|value| match self.skip() {
            None => Ok(value),
            Some(_) => Err("trailing characters".to_owned()),
        });
        read.map_err(|message| self.fault(&message))
    }

    fn fault(&self, message: &str) -> JsonError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        // The column is that of the character at fault, from 1, or of the last one if the text ends too soon.
        let is_within = before.len() < self.text.len();
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + usize::from(is_within);
        let pointer = self.path.iter().fold(String::new(), |pointer, step| match step {
            Step::Name(name) => child(&pointer, name),
            Step::Index(index) => child(&pointer, index),
        });
        JsonError { pointer, message: format!("{message} at line {line} column {column}") }
    }

    /// The next byte that is no white space.
    fn skip(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn value(&mut self) -> Read<Json> {
        self.left = self.left.checked_sub(1).ok_or_else(|| format!("more than {} values", self.values_max))?;
        match self.skip() {
            Some(b'{') => self.object().map(Json::Object),
            Some(b'[') => self.array().map(Json::Array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err("expected value".to_owned()),
            None => Err("EOF while parsing a value".to_owned()),
        }
    }

    fn word(&mut self, word: &str, meaning: Json) -> Read<Json> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err("expected value".to_owned());
        }
        self.at += word.len();
        Ok(meaning)
    }

    fn number(&mut self) -> Read<Json> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let text = rest.get(..length(rest.as_bytes())).unwrap_or_default();
        if text.is_empty() {
            return Err("invalid number".to_owned());
        }
        let number = Decimal::parse(text).ok_or("number out of range")?;
        self.at += text.len();
        // Digits that go on are no number, such as those after a zero.
        match self.text.as_bytes().get(self.at) {
            Some(b'0'..=b'9') => Err("invalid number".to_owned()),
            _ => Ok(Json::Number(number)),
        }
    }

    /// Passes over the bracket that opens an object or a list; true if it is closed at once.
    fn open(&mut self, close: u8) -> Read<bool> {
        if self.path.len() == JSON_DEPTH_MAX {
            return Err(format!("nested deeper than {JSON_DEPTH_MAX} levels"));
        }
        self.at += 1;
        let is_empty = self.skip() == Some(close);
        self.at += usize::from(is_empty);
        Ok(is_empty)
    }

    /// Passes over what follows an item: true for a comma, false for the bracket that closes.
    fn goes_on(&mut self, close: u8, what: &str) -> Read<bool> {
        let next = self.skip();
        if next == Some(b',') || next == Some(close) {
            self.at += 1;
            return Ok(next == Some(b','));
        }
        Err(match next {
            Some(_) => format!("expected `,` or `{}`", char::from(close)),
            None => format!("EOF while parsing {what}"),
        })
    }

    fn array(&mut self) -> Read<Vec<Json>> {
        let mut items = Vec::new();
        if self.open(b']')? {
            return Ok(items);
        }
        loop {
            self.path.push(Step::Index(items.len()));
            items.push(self.value()?);
            self.path.pop();
            if !self.goes_on(b']', "a list")? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self) -> Read<Object> {
        let mut members = Object::new();
        if self.open(b'}')? {
            return Ok(members);
        }
        loop {
            let name = match self.skip() {
                Some(b'"') => self.string()?,
                Some(_) => return Err("key must be a string".to_owned()),
                None => return Err("EOF while parsing an object".to_owned()),
            };
            self.path.push(Step::Name(name.clone()));
            let Entry::Vacant(member) = members.entry(name) else {
                return Err("a member named twice".to_owned());
            };
            match self.skip() {
                Some(b':') => self.at += 1,
                Some(_) => return Err("expected `:`".to_owned()),
                None => return Err("EOF while parsing an object".to_owned()),
            }
            member.insert(self.value()?);
            self.path.pop();
            if !self.goes_on(b'}', "an object")? {
                return Ok(members);
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut whole = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let end = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\').ok_or(END_IN_TEXT)?;
            whole.push_str(rest.get(..end).unwrap_or_default());
            self.at += end;
            match rest.as_bytes().get(end) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(whole);
                }
                Some(b'\\') => {
                    self.at += 1;
                    whole.push(self.escaped()?);
                }
                _ => return Err("a control character in a string, which is written as an escape".to_owned()),
            }
        }
    }

    /// What an escape stands for, whose backslash was passed.
    fn escaped(&mut self) -> Read<char> {
        let letter = *self.text.as_bytes().get(self.at).ok_or(END_IN_TEXT)?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unit_or_pair(),
            _ => {
                self.at -= 1;
                return Err("invalid escape".to_owned());
            }
        })
    }

    fn unit_or_pair(&mut self) -> Read<char> {
        let half = || "half a character, of the two \\u escapes that one takes".to_owned();
        let first = self.unit()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if !self.text.get(self.at..).unwrap_or_default().starts_with("\\u") {
            return Err(half());
        }
        self.at += 2;
        let second = self.unit()?;
        let pair = match (first, second) {
            (0xd800..0xdc00, 0xdc00..0xe000) => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
            _ => return Err(half()),
        };
        char::from_u32(pair).ok_or_else(half)
    }

    fn unit(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or("four hexadecimal digits are missing after \\u")?;
        self.at += 4;
        Ok(unit)
    }
}
