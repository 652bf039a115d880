//! Query parameters, read strictly: each known by name and given once.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::http::problem::{Code, Problem};
use sealane_core::gs1::{Label, Question};
use sealane_core::time::Timestamp;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of one request, in its order.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query, in which only `known` names may stand.
    pub fn of(request: &HttpRequest, known: &[&str]) -> Result<Self, Problem> {
        Self::read(request.query_string(), known)
    }

    /// Reads the query of an EPCIS client: what is given again is a further alternative, but for `once`.
    pub fn with_alternatives(request: &HttpRequest, known: &[&str], once: &[&str]) -> Result<Self, Problem> {
        Self::read_as(request.query_string(), known, |name| !once.contains(&name))
    }

    /// Reads the query of a page that links lead to: what is none of `known` is another's, and is passed over.
    pub fn among_others(request: &HttpRequest, known: &[&str]) -> Result<Self, Problem> {
        let is_known = |pair: &&str| known.contains(&decoded(pair.split('=').next().unwrap_or_default()).as_str());
        let own: Vec<&str> = request.query_string().split('&').filter(is_known).collect();
        Self::read(&own.join("&"), known)
    }

    fn read(query: &str, known: &[&str]) -> Result<Self, Problem> {
        Self::read_as(query, known, |_| false)
    }

    fn read_as(query: &str, known: &[&str], is_list: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|()| bad(name, "its name is not percent-encoded UTF-8"))?;
            if !known.contains(&name.as_str()) {
                let detail = format!("the parameter {name:?} is unknown here; known are {}", known.join(", "));
                return Err(Problem::new(Code::UnknownParameter, detail).with("parameter", name));
            }
            let value = decode(value).map_err(|()| bad(&name, "it is not percent-encoded UTF-8"))?;
            match pairs.iter_mut().find(|(earlier, _)| *earlier == name) {
                Some((_, values)) if is_list(&name) => *values = format!("{values}|{value}"),
                Some(_) => return Err(bad(&name, "it is given twice")),
                None => pairs.push((name, value)),
            }
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| {
            let detail = format!("the parameter {name:?} is missing");
            Problem::new(Code::MissingParameter, detail).with("parameter", name)
        })
    }

    /// The names that may stand where a product is asked about: these, and the attributes of a label.
    pub fn with_label(known: &[&'static str]) -> Vec<&'static str> {
        [known, &Label::AIS].concat()
    }

    /// Reads what is asked about: the id, with its label as the id's text has it and as further parameters do.
    pub fn question(&self) -> Result<Question, Problem> {
        let asked = Question::read_typed(self.required("id")?)?;
        let mut on_label = Label::AIS.into_iter().filter_map(|ai| Some((ai, self.get(ai)?)));
        on_label
            // The error names the parameter, which is its AI.
            .try_fold(asked, |asked, (ai, value)| {
                asked.with(ai, value).map_err(|error| bad_value(ai, &error.to_string()))
            })
    }

    /// Reads a parameter as a number, a hash and so on.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: Display,
    {
        self.get(name).map(|value| value.parse().map_err(|error: T::Err| bad(name, &error.to_string()))).transpose()
    }

    /// Reads a whole number in its one spelling.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |value| {
            number(value).ok_or_else(|| bad(name, "expected a whole number, in digits alone and without a 0 before it"))
        };
        self.get(name).map(read).transpose()
    }

    /// Reads a time. A `+` that was not percent-encoded has become a space, which no time has.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let text = self.get(name).map(|value| value.replace(' ', "+"));
        text.map(|text| text.parse().map_err(|error: sealane_core::time::TimestampError| bad(name, &error.to_string())))
            .transpose()
    }

    /// Reads values separated by `|`, as EPCIS 2.0 queries do.
    pub fn each<T, E: Display>(&self, name: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, Problem> {
        let values = self.get(name).into_iter().flat_map(|value| value.split('|'));
        values.map(|value| read(value).map_err(|error| bad(name, &error.to_string()))).collect()
    }

    /// Writes the query again with one parameter changed or added.
    pub fn with(&self, name: &str, value: &str) -> String {
        let others =
            self.0.iter().filter(|(other, _)| other != name).map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<String> =
            others.chain([(name, value)]).map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }
}

/// The parameters of a query that may hold whatever else, as far as they can be decoded.
pub fn query_values(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(move |(name, value)| (decoded(name), decoded(value)))
}

/// A name or value of a Digital Link's query, which is no form: its + is one (GS1 Digital Link URI Syntax §4.11).
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Reads one parameter out of a query that may hold whatever else; of several the first.
pub fn query_value(query: &str, name: &str) -> Option<String> {
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    values.into_iter().find(|(found, _)| *found == name).and_then(|(_, value)| decode(value).ok())
}

/// Reads a whole number in its one spelling: no sign, no zero before it. Whatever is named by a number has one name.
pub fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    (canonical && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Says what is wrong with the parameter `name`.
pub fn bad(name: &str, detail: &str) -> Problem {
    Problem::new(Code::BadParameter, format!("the parameter {name:?}: {detail}")).with("parameter", name)
}

/// Says what is wrong with the parameter `name`, in words that name it.
fn bad_value(name: &str, detail: &str) -> Problem {
    Problem::new(Code::BadParameter, format!("the parameter {detail}")).with("parameter", name)
}

/// Percent-encodes text for any place in a URI.
pub fn encode(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}

/// Decodes a name or value of a query.
pub fn decode(text: &str) -> Result<String, ()> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned()).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["id", "size", "since", "EQ_bizStep"];

    fn read(query: &str) -> Result<Parameters, String> {
        Parameters::read(query, KNOWN).map_err(|problem| format!("{} {}", problem.code().as_str(), problem.detail()))
    }

    #[test]
    fn reads_forms_and_uris() {
        let found =
            read("id=%2801%29a+b%2Bc&size=7&since=2026-01-01T00:00:00+01:00&EQ_bizStep=shipping%7Creceiving").unwrap();
        assert_eq!(found.get("id"), Some("(01)a b+c"));
        assert_eq!(found.parse::<u64>("size").unwrap(), Some(7));
        assert_eq!(
            found.time("since").unwrap().map(|time| time.to_string()).as_deref(),
            Some("2025-12-31T23:00:00.000Z")
        );
        assert_eq!(found.each("EQ_bizStep", |one| Ok::<_, String>(one.to_owned())).unwrap(), ["shipping", "receiving"]);
        assert_eq!(read("id=a&size=1").unwrap().with("size", "2|3"), "id=a&size=2%7C3");
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!((number("0"), number("10")), (Some(0), Some(10)));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "+1", "-1", "01", "00", " 1", "1 ", "1.0", "0x1", "१", "18446744073709551616"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert!(read("size=%2B1").unwrap().number("size").is_err());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(
            read("ID=1")
                .unwrap_err()
                .starts_with("unknown-parameter the parameter \"ID\" is unknown here; known are id")
        );
        assert_eq!(read("id=1&id=1").unwrap_err(), "bad-parameter the parameter \"id\": it is given twice");
        assert!(read("id=%FF").is_err());
        let lists = |query| Parameters::read_as(query, KNOWN, |name| name != "size");
        assert_eq!(lists("id=a&id=b%7Cc").unwrap().get("id"), Some("a|b|c"));
        assert!(lists("size=1&size=2").is_err());
        let found = read("size=x").unwrap();
        assert!(found.parse::<u64>("size").unwrap_err().detail().contains("\"size\""));
        assert_eq!(found.required("id").unwrap_err().code(), Code::MissingParameter);
    }
}
