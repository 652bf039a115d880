//! Uncompressed GS1 Digital Link URIs (GS1 Digital Link URI Syntax §4), of any domain.
//!
//! A compressed one cannot be told from any other URI of its domain without decompressing it, so it is an error under
//! `id.gs1.org` and another URI elsewhere.

use std::borrow::Cow;

use super::ai::Ai;
use super::error::{IdError, quote};
use super::id::Gs1;
use super::key::Key;
use super::uri::{Uri, decode};

/// Reads the id that the path names; `None` when it is no Digital Link.
pub(super) fn read(uri: &Uri<'_>) -> Result<Option<Gs1>, IdError> {
    let segments: Vec<Cow<'_, str>> = uri.path.split('/').skip(1).map(decode).collect();
    let official = is_official(uri.host.unwrap_or_default());
    match last_key(&segments, official) {
        Some(candidate) => candidate.to_gs1().map(Some),
        None if official => Err(fault_of(uri, &segments)),
        None => Ok(None),
    }
}

/// What follows the key in the path of a Digital Link: application identifiers and their values, as they stand.
pub(super) fn qualifiers(uri: &Uri<'_>) -> Vec<(String, String)> {
    let segments: Vec<Cow<'_, str>> = uri.path.split('/').skip(1).map(decode).collect();
    let official = is_official(uri.host.unwrap_or_default());
    let found = last_key(&segments, official);
    let Some(Candidate { key, rest, .. }) = found else { return Vec::new() };
    let pairs = rest.chunks(2).filter_map(|pair| match pair {
        [name, value] => Some((key.qualifier(name)?.to_owned(), value.to_string())),
        _ => None,
    });
    pairs.collect()
}

/// What a Digital Link says beside its key: its qualifiers, and the keys of its query that are application identifiers
/// (GS1 Digital Link URI Syntax §4.11), each checked. Nothing of what is no Digital Link.
pub(super) fn attributes(uri: &Uri<'_>) -> Result<Vec<(String, String)>, IdError> {
    if read(uri)?.is_none() {
        return Ok(Vec::new());
    }
    let mut found = qualifiers(uri);
    for pair in uri.query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        if let Some(ai) = Ai::find(&name) {
            ai.check(&name, &value)?;
            found.push((name.into_owned(), value.into_owned()));
        }
    }
    Ok(found)
}

/// The last primary key. What precedes it is a stem, which may hold anything.
fn last_key<'a>(segments: &'a [Cow<'a, str>], official: bool) -> Option<Candidate<'a>> {
    (0..segments.len()).rev().find_map(|at| Candidate::at(segments.get(at..)?, official))
}

fn is_official(host: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case("id.gs1.org")
}

/// A primary key whose value has the right shape, and what follows.
struct Candidate<'a> {
    key: &'static Key,
    value: Cow<'a, str>,
    rest: &'a [Cow<'a, str>],
}

impl<'a> Candidate<'a> {
    fn at(segments: &'a [Cow<'a, str>], official: bool) -> Option<Self> {
        let [name, value, rest @ ..] = segments else { return None };
        let key = Key::find_segment(name)?;
        let value = padded(key, value);
        let fits = Ai::find(key.ai)?.has_shape(&value);
        // Any text that begins with four digits has the shape of a free-text key: elsewhere it takes a fitting rest
        // for a path such as /orders/401/12345/lines not to claim that it is a consignment.
        let convinces =
            official || !key.is_free_text() || rest.first().is_none_or(|next| key.qualifier(next).is_some());
        (fits && convinces).then_some(Self { key, value, rest })
    }

    fn to_gs1(&self) -> Result<Gs1, IdError> {
        let key = self.key;
        let mut names = Vec::new();
        let mut qualifiers = Vec::new();
        for pair in self.rest.chunks(2) {
            let [name, value] = pair else { return Err(self.misplaced(pair)) };
            let ai = key.qualifier(name).ok_or_else(|| self.misplaced(pair))?;
            names.push(ai);
            if !key.takes(&names) {
                return Err(self.misplaced(pair));
            }
            qualifiers.push((ai, value.as_ref()));
        }
        Gs1::new(key, &self.value, &qualifiers)
    }

    fn misplaced(&self, pair: &[Cow<'_, str>]) -> IdError {
        let found = quote(&format!("/{}", pair.join("/")));
        IdError::Qualifier { key: self.key.ai, found, allowed: self.key.allowed() }
    }
}

/// Pads a GTIN of 8, 12 or 13 digits, as early Digital Links hold it, to 14.
fn padded<'a>(key: &Key, value: &'a str) -> Cow<'a, str> {
    match value.len() {
        8 | 12 | 13 if key.ai == "01" => Cow::Owned(format!("{value:0>14}")),
        _ => Cow::Borrowed(value),
    }
}

/// Says why a path under `id.gs1.org` names nothing: the fault of its last key's value, where it has one.
fn fault_of(uri: &Uri<'_>, segments: &[Cow<'_, str>]) -> IdError {
    let fault = segments.windows(2).rev().find_map(|pair| {
        let [name, value] = pair else { return None };
        let key = Key::find_segment(name)?;
        Ai::find(key.ai)?.check(key.ai, &padded(key, value)).err()
    });
    fault.unwrap_or_else(|| IdError::NoKey { found: quote(&format!("id.gs1.org{}", uri.path)) })
}

#[cfg(test)]
mod tests {
    use crate::gs1::Id;

    fn id(text: &str) -> String {
        Id::parse_uri(text).map_or_else(|error| error.to_string(), |id| id.to_string())
    }

    #[test]
    fn one_id_whatever_the_domain_and_spelling() {
        for text in [
            "https://id.gs1.org/01/09506000134352/21/A%2F1",
            "HTTP://ID.GS1.ORG:80/01/09506000134352/21/A%2f1?17=261231#x",
            "https://shop.example/some/stem/01/9506000134352/10/L7/21/%41%2F1",
            "https://shop.example/gtin/09506000134352/cpv/2A/lot/L7/ser/A%2F1",
            "https://a/00/faux/%301/09506000134352/21/A%2F1",
        ] {
            assert_eq!(id(text), "https://id.gs1.org/01/09506000134352/21/A%2F1", "{text}");
        }
        assert_eq!(id("https://a/01/09506000134352/10/L7"), "https://id.gs1.org/01/09506000134352/10/L7");
        assert_eq!(id("https://a/01/96385074/22/2A"), "https://id.gs1.org/01/00000096385074");
        assert_eq!(id("https://a/414/9506000134369/254/0"), "https://id.gs1.org/414/9506000134369");
        assert_eq!(id("https://a/417/9506000134369/7040/1ABC"), "https://id.gs1.org/417/9506000134369");
        assert_eq!(id("https://a/01/09506000134352/21/a+b"), "https://id.gs1.org/01/09506000134352/21/a%2Bb");
    }

    #[test]
    fn a_serial_may_look_like_a_key() {
        let text = "https://id.gs1.org/01/09506000134352/21/8004";
        assert_eq!(id(text), text);
        let text = "https://id.gs1.org/01/09506000134352/10/00";
        assert_eq!(id(text), text);
    }

    #[test]
    fn a_claim_that_does_not_hold_is_an_error_anywhere() {
        for (path, words) in [
            ("/01/09506000134353", "GTIN 09506000134353 has check digit 3, it should be 2"),
            ("/00/195060001343500018", "SSCC 195060001343500018 has check digit"),
            ("/x/414/9506000134360", "GLN 9506000134360 has check digit 0, it should be 9"),
            ("/01/09506000134352/21/A/10/B", r#""/10/B" cannot follow (01)"#),
            ("/01/09506000134352/235/T/21/A", r#""/21/A" cannot follow (01)"#),
            ("/01/09506000134352/", r#""/" cannot follow (01)"#),
            ("/01/09506000134352/10/", r#"(10) "" should be 1 to 20"#),
            ("/01/09506000134352/21/A%20B", r#"(21) "A B" should be"#),
            ("/01/09506000134352/21/%FF", "(21)"),
            ("/00/195060001343500016/10/A", "it takes nothing"),
            ("/8010/9506000AB/8011/01", "no leading zero"),
            ("/415/9506000134369", "(415) identifies nothing without (8020)"),
        ] {
            for domain in ["https://id.gs1.org", "https://shop.example"] {
                let message = id(&format!("{domain}{path}"));
                assert!(message.contains(words), "{domain}{path}: {message}");
            }
        }
    }

    #[test]
    fn elsewhere_what_has_no_gs1_shape_is_another_uri() {
        for path in ["", "/", "/01/97803", "/2026/01/report", "/99/9780345418913", "/401/unauthorized", "/01//1"] {
            let other = format!("https://shop.example{path}");
            assert_eq!(id(&other), other);
            let message = id(&format!("https://id.gs1.org{path}"));
            assert!(!message.starts_with("https:"), "{message}");
        }
        for other in ["https://shop.example/orders/401/12345/lines", "https://shop.example/8003/95060001343521"] {
            assert_eq!(id(other), other);
        }
        assert_eq!(id("https://shop.example/401/12345A"), "https://id.gs1.org/401/12345A");
        assert!(id("https://id.gs1.org/01/97803").contains(r#"(01) "97803" should be 14 digits"#));
    }
}
