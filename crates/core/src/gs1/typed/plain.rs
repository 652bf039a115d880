//! Typed text that begins with a digit and names no application identifier in brackets or in words.

use super::super::ai::Ai;
use super::super::check_digit::check_digit;
use super::super::key::Key;
use super::super::label::Question;
use super::refusal::TypedRefusal;
use super::words::ROOM;
use super::{Pairs, Reading, check_end, fits, is_digits, read_pairs, without};

pub(super) const GTIN_LENGTHS: [usize; 4] = [8, 12, 13, 14];

/// The identifiers that a label commonly has beside its GTIN, by which one that begins a piece of text is recognised.
const COMMON: [&str; 9] = ["10", "11", "15", "16", "17", "21", "22", "235", "7003"];

/// Characters of (01), its GTIN, and the identifier after it.
const FIRST_ELEMENTS_CHARS: usize = 18;

pub(super) fn read(text: &str) -> Result<Reading, TypedRefusal> {
    let tokens: Vec<&str> = text.split(ROOM).filter(|token| !token.is_empty()).collect();
    let compact = tokens.concat();
    let digits = without(&compact, &['-']);
    let is_number = is_digits(&digits);
    let unclear = || TypedRefusal::new("unclear").with("text", text);
    if is_number && is_gtin(&digits) {
        return read_pairs(vec![gtin(&digits)]).map(Reading::from);
    }
    if let Some((number, rest)) = gtin_before(text, &tokens) {
        let with = |more: Pairs| read_pairs([vec![gtin(&number)], more].concat());
        return match (alternating(&rest), rest.as_slice()) {
            (Some(more), _) => with(more).map(Reading::from),
            (None, [second]) => {
                let as_one = |ai: &str| with(vec![(ai.to_owned(), (*second).to_owned())]);
                Ok(Reading { asked: as_one("21")?, or_lot: as_one("10").ok().map(|asked| asked.id) })
            }
            _ => Err(unclear()),
        };
    }
    if is_number && GTIN_LENGTHS.contains(&digits.len()) {
        check_end(&digits)?;
    }
    if let Some(pairs) = alternating(&tokens).filter(|pairs| pairs.iter().any(|(ai, _)| Key::find(ai).is_some())) {
        return read_pairs(pairs).map(Reading::from);
    }
    // A scanner's separators may have become spaces.
    if tokens.len() > 1
        && let Ok(found) = Question::parse(&tokens.join("\x1d"))
    {
        return Ok(found.into());
    }
    let joined = Question::parse(if is_number { &digits } else { &compact }).ok().filter(|found| found.id.is_gs1());
    match joined {
        Some(found) if !may_end_elsewhere(&tokens) => return Ok(found.into()),
        Some(_) => return Err(unclear()),
        None => {}
    }
    if is_number {
        return Err(TypedRefusal::new("digits").with("text", text).with("count", digits.len()));
    }
    // What begins as an element string is told what is wrong in it.
    let number = compact.strip_prefix("01").and_then(|rest| rest.get(..14)).filter(|number| is_digits(number));
    if let Some(number) = number {
        check_end(number)?;
        return Err(unclear());
    }
    Err(TypedRefusal::new("nothing").with("text", text))
}

fn gtin(digits: &str) -> (String, String) {
    ("01".to_owned(), format!("{digits:0>14}"))
}

fn is_gtin(digits: &str) -> bool {
    let parts = digits.split_at_checked(digits.len().saturating_sub(1));
    let holds = |(number, last): (&str, &str)| check_digit(number).map(String::from).as_deref() == Some(last);
    GTIN_LENGTHS.contains(&digits.len()) && parts.is_some_and(holds)
}

/// The GTIN that a text begins with and what follows: `9 506000 134352 A1` in pieces, or `9506000134352/A1`.
fn gtin_before<'a>(text: &'a str, tokens: &[&'a str]) -> Option<(String, Vec<&'a str>)> {
    for count in (1..tokens.len()).rev() {
        let (first, rest) = tokens.split_at_checked(count)?;
        let number = first.concat();
        let number = without(number.trim_end_matches(['-', ',', ';', '|', '/']), &['-']);
        if is_digits(&number) && is_gtin(&number) {
            return Some((number, rest.to_vec()));
        }
    }
    let (number, serial) = text.split_once(['/', ',', ';', '|'])?;
    let is_one = is_digits(number) && is_gtin(number) && !serial.is_empty() && tokens.len() == 1;
    is_one.then(|| (number.to_owned(), vec![serial]))
}

/// The pairs of tokens that take turns, an identifier and its value.
fn alternating(tokens: &[&str]) -> Option<Pairs> {
    if tokens.is_empty() || !tokens.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[&str]| match pair {
        [ai, value] if Ai::find(ai).is_some() && fits(ai, value) => Some(((*ai).to_owned(), (*value).to_owned())),
        _ => None,
    };
    tokens.chunks(2).map(pair).collect()
}

/// True where a piece after the GTIN looks like another element, so that joining the pieces could hide it in the one before.
fn may_end_elsewhere(tokens: &[&str]) -> bool {
    let mut at = 0;
    tokens.iter().any(|token| {
        let begins = at;
        at += token.chars().count();
        begins > FIRST_ELEMENTS_CHARS && COMMON.iter().any(|ai| token.starts_with(ai))
    })
}
