//! What people type and paste, and what hand scanners send: read into what [`Question::parse`] reads, or refused in one
//! sentence.
//!
//! The same rules stand in `web/verify/typed.js`, and one table of inputs tests both (`crates/core/tests/typed.json`).
//! Letters keep their case: in a serial it counts.

mod plain;
mod refusal;
mod words;

use percent_encoding::percent_decode_str;

use super::ai::{Ai, CharSet};
use super::check_digit::check_digit;
use super::element_string::bracket;
use super::id::{Id, IdKind};
use super::key::Key;
use super::label::Question;
use crate::limits::ID_CHARS_MAX;

pub use refusal::TypedRefusal;
use words::{ROOM, fold, foreign_kind};

/// Keys that are digits with a check digit, and how many.
const CHECKED: [(&str, usize); 7] =
    [("00", 18), ("01", 14), ("414", 13), ("417", 13), ("402", 17), ("8017", 18), ("8018", 18)];

/// Keys by which a path alone is taken for a Digital Link's.
const PATH_KEYS: [&str; 7] = ["00", "01", "414", "417", "8003", "8004", "8006"];

/// Digits of an application identifier in brackets, of which there may be unknown ones.
const AI_DIGITS: std::ops::RangeInclusive<usize> = 2..=4;

type Pairs = Vec<(String, String)>;

/// Typed text as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub asked: Question,
    /// The lot that is meant if the second of two numbers is no serial, as which it was read though nothing said what it is.
    pub or_lot: Option<Id>,
}

impl Reading {
    /// Reads typed text. [`Question::read_typed`] says which.
    ///
    /// # Errors
    ///
    /// Those of [`Question::read_typed`].
    pub fn of(text: &str) -> Result<Self, TypedRefusal> {
        read(text)
    }
}

impl From<Question> for Reading {
    fn from(asked: Question) -> Self {
        Self { asked, or_lot: None }
    }
}

fn read(input: &str) -> Result<Reading, TypedRefusal> {
    // Folding shortens, and never by more than three bytes a character.
    if input.len() > 4 * ID_CHARS_MAX {
        return Err(too_long());
    }
    let text = fold(input);
    if text.is_empty() {
        return Err(TypedRefusal::new("empty"));
    }
    if text.chars().nth(ID_CHARS_MAX).is_some() {
        return Err(too_long());
    }
    if let Some(rule) = foreign_kind(&text) {
        return Err(TypedRefusal::new(rule));
    }
    if text.starts_with(']') || text.contains('\x1d') {
        let shown = text.replace('\x1d', " ");
        return Question::parse(&text).map(Reading::from).map_err(|_| TypedRefusal::new("scan").with("text", shown));
    }
    if ["http://", "https://", "urn:"].iter().any(|scheme| has_prefix(&text, scheme)) {
        return read_link(&unwrapped(&text), None).map(Reading::from);
    }
    if let Some(link) = without_scheme(&text) {
        return read_link(&unwrapped(&link), Some(&text)).map(Reading::from);
    }
    if let Some(exact) = Some(&text).filter(|text| text.starts_with('(')).and_then(|text| Question::parse(text).ok()) {
        return Ok(exact.into());
    }
    let marks = marks(&text);
    if !marks.is_empty() {
        return read_marked(&text, &marks).map(Reading::from);
    }
    if text.starts_with(|char: char| char.is_ascii_digit()) {
        return plain::read(&text);
    }
    Question::parse(&text)
        .ok()
        .filter(|_| has_scheme(&text))
        .map(Reading::from)
        .ok_or_else(|| TypedRefusal::new("nothing").with("text", &text))
}

fn too_long() -> TypedRefusal {
    TypedRefusal::new("too-long").with("max", ID_CHARS_MAX)
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn has_scheme(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    };
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without(text: &str, left_out: &[char]) -> String {
    text.chars().filter(|char| !left_out.contains(char)).collect()
}

// --- Links

/// A link that was broken over lines, or has room between its digits, as one.
fn unwrapped(text: &str) -> String {
    let mut lines = text.split(['\r', '\n']);
    let first = lines.next().unwrap_or_default().trim_end_matches([' ', '\t']).to_owned();
    let whole = lines.fold(first, |whole, line| whole + line.trim_matches([' ', '\t']));
    let mut joined = String::with_capacity(whole.len());
    let mut rest = whole.as_str();
    while let Some(at) = rest.find([' ', '\t']) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let next = after.trim_start_matches([' ', '\t']);
        let digits_meet = before.ends_with(|char: char| char.is_ascii_digit())
            && next.starts_with(|char: char| char.is_ascii_digit());
        joined.push_str(before);
        if !digits_meet {
            joined.extend(after.get(..after.len() - next.len()));
        }
        rest = next;
    }
    joined + rest
}

/// The link of a host and a path, or of a Digital Link's path alone.
fn without_scheme(text: &str) -> Option<String> {
    let bare = text.strip_prefix("//").unwrap_or(text);
    if let Some((authority, path)) = bare.split_once('/') {
        let (host, port) = authority.split_once(':').map_or((authority, "0"), |(host, port)| (host, port));
        let is_label =
            |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_host = host.eq_ignore_ascii_case("localhost") || (host.contains('.') && host.split('.').all(is_label));
        if is_host && is_digits(port) && !path.is_empty() {
            return Some(format!("https://{bare}"));
        }
    }
    let path = text.strip_prefix('/').unwrap_or(text);
    let (key, value) = path.split_once('/')?;
    let is_path = PATH_KEYS.contains(&key) && value.starts_with(|char: char| char.is_ascii_digit());
    is_path.then(|| format!("https://id.gs1.org/{path}"))
}

/// Reads a link. One that was `typed` without its scheme is to hold a number of GS1's.
fn read_link(link: &str, typed: Option<&str>) -> Result<Question, TypedRefusal> {
    if let Some(found) = Question::parse(link).ok().filter(|found| typed.is_none() || found.id.is_gs1()) {
        return Ok(found);
    }
    check_link(link)?;
    let rule = if has_prefix(link, "urn:") { "urn" } else { "link" };
    Err(TypedRefusal::new(rule).with("text", typed.unwrap_or(link)))
}

/// Refuses the first wrong value in a link with a GTIN: its number, then what stands behind it and in its query.
fn check_link(link: &str) -> Result<(), TypedRefusal> {
    let (target, _) = link.split_once('#').unwrap_or((link, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments: Vec<&str> = path.split('/').collect();
    let is_key = |pair: &[&str]| matches!(pair, ["01" | "gtin", number] if is_digits(number));
    let Some(at) = segments.windows(2).position(is_key) else { return Ok(()) };
    let rest = segments.get(at + 1..).unwrap_or_default();
    if let Some(number) = rest.first().filter(|number| plain::GTIN_LENGTHS.contains(&number.len())) {
        check_end(number)?;
    }
    let behind = rest.get(1..).unwrap_or_default().chunks(2);
    let behind =
        behind.map(|pair| (pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default()));
    let asked = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    for (ai, value) in behind.chain(asked).filter(|(ai, _)| Ai::find(ai).is_some()) {
        check(ai, &percent_decode_str(value).decode_utf8_lossy())?;
    }
    Ok(())
}

// --- Brackets and label words

/// Where an application identifier is named, by bytes.
struct Mark<'a> {
    ai: &'a str,
    start: usize,
    end: usize,
    is_word: bool,
}

fn marks(text: &str) -> Vec<Mark<'_>> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut before = None;
    for (at, char) in text.char_indices() {
        if marks.last().is_some_and(|mark| at < mark.end) {
            before = Some(char);
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let begins_word = before.is_none_or(|char: char| ROOM.contains(&char) || [',', ';', '|'].contains(&char));
        if let Some((ai, length)) = in_brackets(rest).filter(|_| before != Some('\\')) {
            marks.push(Mark { ai, start: at, end: at + length, is_word: false });
        } else if let Some((ai, length)) = words::word(rest).filter(|_| begins_word) {
            marks.push(Mark { ai, start: at, end: at + length, is_word: true });
        }
        before = Some(char);
    }
    marks
}

/// The digits in brackets that a text begins with, and the bytes of it all.
fn in_brackets(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix(['(', '[', '{'])?;
    let end = inner.find([')', ']', '}'])?;
    let digits = inner.get(..end)?.trim_matches([' ', '\t']);
    let is_ai = AI_DIGITS.contains(&digits.len()) && is_digits(digits) && end < 12;
    is_ai.then_some((digits, end + 2))
}

fn read_marked(text: &str, marks: &[Mark]) -> Result<Question, TypedRefusal> {
    let mut pairs = Pairs::new();
    let head = marks.first().and_then(|mark| text.get(..mark.start)).unwrap_or_default();
    let head = head.trim_end_matches(ROOM).trim_end_matches(|char| ROOM.contains(&char) || ",;|/".contains(char));
    let number = without(head, &[' ', '\t', '\r', '\n', '-']);
    if is_digits(&number) {
        pairs.push(("01".to_owned(), number));
    } else if head.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(TypedRefusal::new("unclear").with("text", text));
    }
    for (nth, mark) in marks.iter().enumerate() {
        let next = marks.get(nth + 1);
        let mut value = text.get(mark.end..next.map_or(text.len(), |next| next.start)).unwrap_or_default();
        if mark.is_word {
            value = value.trim_start_matches(|char| ROOM.contains(&char) || ":=#.".contains(char));
        }
        let value = value.replace("\\(", "(");
        let mut value = value.trim_matches(ROOM);
        // "SN (21)", "GTIN (01)": the same said twice.
        if value.is_empty() && next.is_some_and(|next| next.ai == mark.ai) {
            continue;
        }
        if mark.is_word || next.is_some_and(|next| next.is_word) {
            value = value.trim_end_matches([',', ';', '|']);
        }
        if Ai::find(mark.ai).is_none() {
            return Err(TypedRefusal::new("unknown-ai").with("ai", mark.ai));
        }
        pairs.push((mark.ai.to_owned(), value.to_owned()));
    }
    let cleaned: Result<Pairs, TypedRefusal> =
        pairs.into_iter().map(|(ai, value)| cleaned(&ai, &value).map(|value| (ai, value))).collect();
    read_pairs(cleaned?)
}

/// A value without what is printed for the eye alone.
fn cleaned(ai: &str, value: &str) -> Result<String, TypedRefusal> {
    if is_date(ai) {
        return day_of(value).ok_or_else(|| TypedRefusal::new("date").with("ai", ai).with("value", value));
    }
    let only_digits = Ai::find(ai).is_some_and(|ai| ai.parts.iter().all(|part| part.set == CharSet::Digits));
    let bare = without(value, &ROOM);
    let bare = if only_digits { without(&bare, &['-']) } else { bare };
    if ai != "01" || !is_digits(&bare) || !matches!(bare.len(), 8 | 12 | 13) {
        return Ok(bare);
    }
    // Told as it was typed.
    check_end(&bare)?;
    Ok(format!("{bare:0>14}"))
}

fn is_date(ai: &str) -> bool {
    matches!(ai, "11" | "12" | "13" | "15" | "16" | "17")
}

/// YYMMDD of a day or a month, in the spellings that can be told apart.
fn day_of(value: &str) -> Option<String> {
    let text = without(value, &ROOM);
    if is_digits(&text) {
        return match text.len() {
            6 => Some(text),
            8 => text.strip_prefix("20").map(str::to_owned),
            _ => None,
        };
    }
    let text = text.strip_suffix(['일', '월']).unwrap_or(&text);
    let parts: Vec<&str> = text.split(['-', '.', '/', '년', '월']).collect();
    let short = |part: &str| (1..=2).contains(&part.len()) && is_digits(part);
    let year =
        |part: &str| part.strip_prefix("20").filter(|rest| rest.len() == 2 && is_digits(rest)).map(str::to_owned);
    match parts.as_slice() {
        [first, month, day] if short(month) && short(day) => Some(format!("{}{month:0>2}{day:0>2}", year(first)?)),
        [first, month] if short(month) && year(first).is_some() => Some(format!("{}{month:0>2}00", year(first)?)),
        [month, last] if short(month) => Some(format!("{}{month:0>2}00", year(last)?)),
        _ => None,
    }
}

// --- What was found

fn read_pairs(pairs: Pairs) -> Result<Question, TypedRefusal> {
    let mut found = Pairs::new();
    for (ai, value) in pairs {
        check(&ai, &value)?;
        match found.iter().find(|(known, _)| *known == ai) {
            None => found.push((ai, value)),
            Some((_, first)) if *first == value => {}
            Some((_, first)) => {
                return Err(TypedRefusal::new("twice").with("ai", ai).with("first", first).with("second", value));
            }
        }
    }
    let named: Vec<String> = found.iter().map(|(ai, _)| format!("({ai})")).collect();
    let refusal = |rule| TypedRefusal::new(rule).with("found", named.join(" "));
    if !found.iter().any(|(ai, _)| Key::find(ai).is_some()) {
        return Err(refusal("no-key"));
    }
    let text: String = found.iter().map(|(ai, value)| bracket(ai, value)).collect();
    Question::parse(&text).map_err(|_| refusal("together"))
}

fn check(ai: &str, value: &str) -> Result<(), TypedRefusal> {
    if is_digits(value) && CHECKED.contains(&(ai, value.len())) {
        check_end(value)?;
    }
    if fits(ai, value) {
        return Ok(());
    }
    Err(match ai {
        "01" => TypedRefusal::new("gtin"),
        _ if is_date(ai) => TypedRefusal::new("date").with("ai", ai),
        "10" | "21" => TypedRefusal::new("text").with("ai", ai),
        _ => TypedRefusal::new("value").with("ai", ai),
    }
    .with("value", value))
}

fn fits(ai: &str, value: &str) -> bool {
    Ai::find(ai).is_some_and(|known| known.check(ai, value).is_ok())
}

fn check_end(number: &str) -> Result<(), TypedRefusal> {
    let (digits, found) = number.split_at_checked(number.len().saturating_sub(1)).unwrap_or((number, ""));
    match check_digit(digits).map(String::from) {
        Some(expected) if expected != found => {
            Err(TypedRefusal::new("check-digit").with("number", number).with("found", found).with("expected", expected))
        }
        _ => Ok(()),
    }
}

/// The ids that differ from this one's serial or lot in the case of letters alone: in capitals, and in small letters.
pub(super) fn other_cases(id: &Id) -> Vec<Id> {
    let Some(gs1) = id.gs1().filter(|_| matches!(id.kind(), IdKind::Item | IdKind::Lot)) else { return Vec::new() };
    let Some((ai, value)) = &gs1.qualifier else { return Vec::new() };
    let others = [value.to_ascii_uppercase(), value.to_ascii_lowercase()];
    let others = others.iter().filter(|other| *other != value);
    others.filter_map(|other| Id::from_parts(gs1.key, &gs1.value, &[(*ai, other)]).ok()).collect()
}

#[cfg(test)]
mod tests;
