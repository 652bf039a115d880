//! What a request asks for: parameters in its query, prefixes and forms in its headers.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HeaderMap};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::token::{PageToken, query_digest};
use crate::gateway::http::Served;
use crate::gateway::query::form::IdForm;
use crate::gateway::xml::WordForm;
use crate::http::accept::{best_media_type, takes_any};
use crate::http::exchange::URI_BYTES_MAX;
use crate::http::parameters::{bad, decode};
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::{EventQuery, QueryFault, QueryParameters};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// Items on a page, if the client does not say, and at the most: who asks for more gets this many.
pub const PER_PAGE: u32 = 30;
pub const PER_PAGE_MAX: u32 = 1_000;

/// What is given for all that is asked for, and what for events.
const MEDIA_TYPES: [(&str, &str); 2] = [("application", "json"), ("application", "ld+json")];
const EVENT_TYPES: [&str; 4] = ["application/json", "application/ld+json", "application/xml", "text/xml"];

const EXTENSIONS: &str = "GS1-Extensions";
const EPC_FORMAT: &str = "GS1-EPC-Format";
const WORD_FORMAT: &str = "GS1-CBV-XML-Format";

/// The parameters of a page, which are none of the query's.
const PER_PAGE_NAME: &str = "perPage";
const TOKEN_NAME: &str = "nextPageToken";
const ORIGINAL_NAME: &str = "sealane:original";

/// What was asked for, apart from the path.
pub struct AskedQuery {
    pub parameters: QueryParameters,
    /// The parameters as they came, without the token: they stand in the link to the next page.
    pairs: Vec<(String, String)>,
    pub per_page: u32,
    token: Option<String>,
    pub form: IdForm,
    pub writing: Writing,
}

/// What events are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    Json,
    Xml { media_type: &'static str, words: WordForm },
}

/// What is percent-encoded in a link: all but what a query may hold as it stands (RFC 3986 §3.4), and of that what separates in a query, in
/// a form or in a `Link` header. A URN stays as long as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'@')
    .remove(b'*')
    .remove(b'(')
    .remove(b')');

/// Characters of a token, at the most: a key of a text that was cut, or two names of master data, and some numbers.
const TOKEN_CHARS_MAX: usize = 2_048;

impl AskedQuery {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// 400 for what cannot be read, 406 for a form that is not given.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        check_type(request)?;
        Self::read(request, |_| true)
    }

    /// Reads a request for events, which are given in XML too.
    ///
    /// # Errors
    ///
    /// 400 for what cannot be read, 406 for a form that is not given.
    pub fn of_events(request: &HttpRequest) -> Result<Self, Problem> {
        let writing = writing_of(request)?;
        Ok(Self { writing, ..Self::read(request, |_| true)? })
    }

    fn read(request: &HttpRequest, is_of_query: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        let mut asked = Self {
            parameters: QueryParameters::default(),
            pairs: Vec::new(),
            per_page: PER_PAGE,
            token: None,
            form: form_of(request.headers())?,
            writing: Writing::Json,
        };
        for (prefix, namespace) in extensions(request.headers())? {
            asked.parameters.declare(&prefix, &namespace);
        }
        for pair in request.query_string().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text| decode(text).map_err(|()| bad(name, "it is not percent-encoded UTF-8"));
            asked.take(text(name)?, text(value)?, &is_of_query)?;
        }
        asked.check_next(request)?;
        Ok(asked)
    }

    /// Refuses a query whose link to the next page could not be followed, before its first page is given.
    fn check_next(&self, request: &HttpRequest) -> Result<(), Problem> {
        let length = request.path().len() + 1 + self.next_query("").len() + TOKEN_CHARS_MAX;
        if length <= URI_BYTES_MAX {
            return Ok(());
        }
        let detail = format!(
            "with everything percent-encoded, the link to the next page would have {length} bytes; at most {URI_BYTES_MAX} are taken: \
             ask for fewer values at a time"
        );
        Err(Problem::new(Code::UriTooLong, detail).with("limit", URI_BYTES_MAX))
    }

    fn take(&mut self, name: String, value: String, is_of_query: impl Fn(&str) -> bool) -> Result<(), Problem> {
        match name.as_str() {
            TOKEN_NAME if self.token.is_some() => return Err(bad(TOKEN_NAME, "it is given twice")),
            TOKEN_NAME => {
                self.token = Some(value);
                return Ok(());
            }
            PER_PAGE_NAME => self.per_page = per_page(&value)?,
            ORIGINAL_NAME if value == "true" => self.form = IdForm::AsCaptured,
            ORIGINAL_NAME if value == "false" => {}
            ORIGINAL_NAME => return Err(bad(ORIGINAL_NAME, "it is true or false")),
            _ if is_of_query(&name) => self.parameters.add(&name, value.split('|').map(with_plus))?,
            _ => {}
        }
        self.pairs.push((name, value));
        Ok(())
    }

    /// Reads a request that is no query for events: its parameters are its own.
    pub fn of_page(request: &HttpRequest) -> Result<Self, Problem> {
        check_type(request)?;
        Self::read(request, |_| false)
    }

    /// Reads the form of an answer with events alone.
    pub fn form_alone(request: &HttpRequest) -> Result<(IdForm, Writing), Problem> {
        Ok((form_of(request.headers())?, writing_of(request)?))
    }

    /// The page that was asked for, of a query and what else decides what its pages hold: the first one if the token is empty too.
    ///
    /// # Errors
    ///
    /// 400 for a token of another query, one that was not made here, and one whose time is over.
    pub fn page(&self, served: &Served, digest: Hash) -> Result<Option<PageToken>, Problem> {
        let now = served.gateway.now();
        let token = self.token.as_deref().filter(|text| !text.is_empty());
        token.map(|text| served.seal.open(text, digest, now)).transpose()
    }

    /// The query string of the next page.
    pub fn next_query(&self, token: &str) -> String {
        let pairs = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<String> = pairs
            .chain([(TOKEN_NAME, token)])
            .map(|(name, value)| {
                format!("{}={}", utf8_percent_encode(name, ENCODED), utf8_percent_encode(value, ENCODED))
            })
            .collect();
        pairs.join("&")
    }

    /// What tells this query's pages from those of others: its path, and what it finds in which order.
    pub fn digest(&self, request: &HttpRequest, query: &EventQuery) -> Hash {
        query_digest(request.path(), query)
    }

    /// Refuses the parameters of a query for events.
    pub fn takes_no_query(&self) -> Result<(), Problem> {
        let others = self.pairs.iter().find(|(name, _)| ![PER_PAGE_NAME, ORIGINAL_NAME].contains(&name.as_str()));
        match others {
            None => Ok(()),
            Some((name, _)) => {
                let detail = format!("the parameter {name:?} is unknown here; known are perPage and nextPageToken");
                Err(Problem::new(Code::UnknownParameter, detail).with("parameter", name.clone()))
            }
        }
    }

    /// Values of a parameter that is none of a query for events, separated by `|`.
    pub fn values(&self, name: &str) -> Vec<String> {
        let values = self.pairs.iter().filter(|(known, _)| known == name).flat_map(|(_, value)| value.split('|'));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }
}

/// Refuses a request for a type of document that is not given.
pub fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    if takes_any(request, &MEDIA_TYPES) {
        return Ok(());
    }
    let asked = text(request.headers(), ACCEPT.as_str())?.unwrap_or_default();
    let detail = format!(
        "Accept {asked:?}: this is given as application/json, by another name application/ld+json; only events are given in XML too"
    );
    Err(Problem::new(Code::NotAcceptable, detail))
}

/// What a request wants events to be written in.
fn writing_of(request: &HttpRequest) -> Result<Writing, Problem> {
    let words = words_of(request.headers())?;
    match best_media_type(request, &EVENT_TYPES) {
        Some(media_type @ ("application/xml" | "text/xml")) => Ok(Writing::Xml { media_type, words }),
        Some(_) => Ok(Writing::Json),
        None => {
            let asked = text(request.headers(), ACCEPT.as_str())?.unwrap_or_default();
            let detail = format!("Accept {asked:?}: events are given as {}", EVENT_TYPES.join(", "));
            Err(Problem::new(Code::NotAcceptable, detail))
        }
    }
}

/// Reads `GS1-CBV-XML-Format` (EPCIS 2.0 §12.6.5). The ledger has words as JSON has them, bare, which are short for Web URIs: so these are what
/// is not translated too.
fn words_of(headers: &HeaderMap) -> Result<WordForm, Problem> {
    let Some(asked) = text(headers, WORD_FORMAT)? else { return Ok(WordForm::WebUri) };
    match asked.to_ascii_lowercase().as_str() {
        "always_web_uri" | "never_translates" | "no_preference" => Ok(WordForm::WebUri),
        "always_urn" => Ok(WordForm::Urn),
        _ => {
            let detail = format!(
                "{WORD_FORMAT} {asked:?} is none of Always_Web_URI, Always_URN, Never_Translates, No_Preference"
            );
            Err(Problem::new(Code::BadHeader, detail))
        }
    }
}

/// Reads `GS1-EPC-Format` (EPCIS 2.0 §12.6.4).
pub fn form_of(headers: &HeaderMap) -> Result<IdForm, Problem> {
    let Some(asked) = text(headers, EPC_FORMAT)? else { return Ok(IdForm::DigitalLink) };
    IdForm::parse(asked).ok_or_else(|| {
        let detail = format!(
            "{EPC_FORMAT} {asked:?} is none of Always_GS1_Digital_Link, Always_EPC_URN, Never_Translates, No_Preference"
        );
        Problem::new(Code::BadHeader, detail)
    })
}

/// Reads `GS1-Extensions: prefix=URI, prefix=URI`.
pub fn extensions(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let mut read = Vec::new();
    for line in headers.get_all(EXTENSIONS) {
        let wrong =
            || Problem::new(Code::BadHeader, format!("{EXTENSIONS} is a list of prefix=URI with commas between"));
        let line = line.to_str().map_err(|_| wrong())?;
        for one in line.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let (prefix, namespace) = one.split_once('=').ok_or_else(wrong)?;
            let (prefix, namespace) = (prefix.trim(), namespace.trim());
            if prefix.is_empty() || !namespace.contains(':') {
                return Err(wrong());
            }
            read.push((prefix.to_owned(), namespace.to_owned()));
        }
    }
    Ok(read)
}

fn per_page(text: &str) -> Result<u32, Problem> {
    let number = text.parse::<u64>().ok().filter(|number| *number > 0);
    let number = number.ok_or_else(|| bad(PER_PAGE_NAME, "it is the number of items on a page, from 1 on"))?;
    Ok(u32::try_from(number).unwrap_or(PER_PAGE_MAX).min(PER_PAGE_MAX))
}

/// A time whose `+` was not percent-encoded has a space there, which no time has.
fn with_plus(value: &str) -> String {
    let plus = value.replace(' ', "+");
    if plus.parse::<Timestamp>().is_ok() { plus } else { value.to_owned() }
}

/// The value of a header, of which there is one at most.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let read = value.to_str().map(|text| Some(text.trim()));
    read.map_err(|_| Problem::new(Code::BadHeader, format!("{name} holds what is no text in ASCII")))
}

impl From<QueryFault> for Problem {
    fn from(fault: QueryFault) -> Self {
        Self::new(Code::BadParameter, format!("the parameter {fault}")).with("parameter", fault.parameter)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str, headers: &[(&str, &str)]) -> Result<AskedQuery, String> {
        let request = TestRequest::get().uri(&format!("/events?{query}"));
        let request = headers.iter().fold(request, |request, one| request.insert_header(*one)).to_http_request();
        AskedQuery::of(&request).map_err(|problem| format!("{} {}", problem.code().as_str(), problem.detail()))
    }

    #[test]
    fn a_page_and_a_form_are_read_apart_from_the_query() {
        let asked = read("perPage=5&EQ_bizStep=shipping%7Creceiving&EQ_bizStep=packing&nextPageToken=x", &[]).unwrap();
        assert_eq!((asked.per_page, asked.token.as_deref(), asked.form), (5, Some("x"), IdForm::DigitalLink));
        assert_eq!(asked.parameters.read().unwrap().conditions[0].ranges.len(), 3);
        let next = asked.next_query("y z");
        assert_eq!(next, "perPage=5&EQ_bizStep=shipping%7Creceiving&EQ_bizStep=packing&nextPageToken=y%20z");
        assert_eq!(read("perPage=100000", &[]).unwrap().per_page, PER_PAGE_MAX);
        assert_eq!(read("sealane:original=true", &[]).unwrap().form, IdForm::AsCaptured);
        let time = read("GE_eventTime=2026-01-01T09:00:00+09:00", &[]).unwrap();
        assert!(time.parameters.read().is_ok(), "a + that was not encoded");
    }

    #[test]
    fn headers_are_read_without_case() {
        for (value, form) in [
            ("ALWAYS_URN", IdForm::Urn),
            ("Always_EPC_URN", IdForm::Urn),
            ("no_preference", IdForm::AsCaptured),
            ("Always_GS1_Digital_Link", IdForm::DigitalLink),
        ] {
            assert_eq!(read("", &[(EPC_FORMAT, value)]).unwrap().form, form, "{value}");
        }
        let asked = read("EQ_ex:grade=A", &[(EXTENSIONS, "ex=https://ns.example.com/,other=urn:x:")]).unwrap();
        assert!(asked.parameters.read().is_ok());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (query, headers, words) in [
            ("perPage=0", vec![], "from 1 on"),
            ("perPage=many", vec![], "from 1 on"),
            ("nextPageToken=a&nextPageToken=b", vec![], "given twice"),
            ("sealane:original=yes", vec![], "true or false"),
            ("EQ_bizStep=%ff", vec![], "percent-encoded"),
            ("", vec![(EPC_FORMAT, "urn")], "is none of"),
            ("", vec![(EXTENSIONS, "ex")], "prefix=URI"),
            ("", vec![("Accept", "application/xml")], "only events are given in XML"),
        ] {
            let refused = read(query, &headers).err().unwrap_or_default();
            assert!(refused.contains(words), "{query} {headers:?}: {refused}");
        }
    }

    #[test]
    fn events_are_given_in_json_and_xml() {
        let read = |headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(TestRequest::get().uri("/events"), |request, header| request.insert_header(*header));
            AskedQuery::of_events(&request.to_http_request())
                .map(|asked| asked.writing)
                .map_err(|problem| problem.detail().to_owned())
        };
        let xml = |media_type, words| Ok(Writing::Xml { media_type, words });
        let accept = ("Accept", "application/xml");
        for (headers, writing) in [
            (vec![], Ok(Writing::Json)),
            (vec![("Accept", "*/*")], Ok(Writing::Json)),
            (vec![accept], xml("application/xml", WordForm::WebUri)),
            (vec![("Accept", "text/xml;q=0.9, application/json;q=0.8")], xml("text/xml", WordForm::WebUri)),
            (vec![accept, (WORD_FORMAT, "Always_URN")], xml("application/xml", WordForm::Urn)),
            (vec![accept, (WORD_FORMAT, "never_translates")], xml("application/xml", WordForm::WebUri)),
        ] {
            assert_eq!(read(&headers), writing, "{headers:?}");
        }
        assert!(read(&[("Accept", "image/png")]).unwrap_err().contains("application/xml"));
        assert!(read(&[(WORD_FORMAT, "URN")]).unwrap_err().contains("is none of Always_Web_URI"));
    }
}
