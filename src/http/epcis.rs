//! What all of `/epcis` has in common (EPCIS 2.0 §12): the headers that say which versions and forms are given, the same as a client asks for
//! them, and the collection at the top.

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, ContentType, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::app::query_document::CONTEXT;
use crate::http::accept::takes_any;
use crate::http::problem::{Code, Problem};

/// The version of EPCIS and of the CBV that is captured and given.
const VERSION: &str = "2.0.0";

/// The same as a range of versions means it: `2.0` is any `2.0.x`.
const MAJOR_MINOR: (u32, u32) = (2, 0);

/// Ids are given as they were signed.
const EPC_FORMAT: &str = "Never_Translates";

/// What is given under `/epcis`.
const MEDIA_TYPES: [(&str, &str); 2] = [("application", "json"), ("application", "ld+json")];

/// Values of `GS1-EPC-Format` (EPCIS 2.0 §12.6.4), in lower case, and whether ids that stay as they were signed are what each asks
/// for. `always_urn` is what a client in use sends for the second.
const EPC_FORMATS: [(&str, bool); 5] = [
    ("always_gs1_digital_link", true),
    ("always_epc_urn", false),
    ("always_urn", false),
    ("never_translates", true),
    ("no_preference", true),
];

/// Tells whether a path is one of EPCIS.
pub fn is_at(path: &str) -> bool {
    path.strip_prefix("/epcis").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Refuses a request that asks for what is not given here.
///
/// # Errors
///
/// 400 for a header that cannot be read, 406 for one that asks for another version or form.
pub fn check(request: &HttpRequest) -> Result<(), Problem> {
    check_versions(request.headers())?;
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(());
    }
    check_format(request.headers())?;
    if !takes_any(request, &MEDIA_TYPES) {
        let asked = text(request.headers(), ACCEPT.as_str())?.unwrap_or_default();
        let detail = format!(
            "Accept {asked:?}: EPCIS is given as application/json here, by another name application/ld+json; \
                              `sealane gateway` gives other forms"
        );
        return Err(Problem::new(Code::NotAcceptable, detail));
    }
    Ok(())
}

/// Refuses a request for versions that are not given.
///
/// # Errors
///
/// 400 for a header that cannot be read, 406 for one that excludes version 2.0.
pub fn check_versions(headers: &HeaderMap) -> Result<(), Problem> {
    let ends = [
        ("GS1-EPCIS-Min", VersionEnd::Least),
        ("GS1-EPCIS-Max", VersionEnd::Most),
        ("GS1-CBV-Min", VersionEnd::Least),
        ("GS1-CBV-Max", VersionEnd::Most),
    ];
    ends.into_iter().try_for_each(|(name, end)| end.check(headers, name))
}

/// A header that answers have, whatever is asked: its name in small letters, and its value.
pub type SaidAlways = (&'static str, &'static str);

/// What each answer of an EPCIS server says of the versions that it knows (EPCIS 2.0 §12.3).
const VERSIONS: &[SaidAlways] = &[
    ("gs1-epcis-version", VERSION),
    ("gs1-epcis-min", VERSION),
    ("gs1-epcis-max", VERSION),
    ("gs1-cbv-version", VERSION),
    ("gs1-cbv-min", VERSION),
    ("gs1-cbv-max", VERSION),
    ("gs1-vendor-version", env!("CARGO_PKG_VERSION")),
];

/// Adds what each answer under `/epcis` says of the versions and forms that are given.
pub fn add_headers(headers: &mut HeaderMap) {
    add_versions(headers, &[("gs1-epc-format", EPC_FORMAT)]);
}

/// Adds the versions, and what a server says beside them.
pub fn add_versions(headers: &mut HeaderMap, beside: &[SaidAlways]) {
    for (name, value) in VERSIONS.iter().chain(beside) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// Lists what is under `/epcis`.
#[utoipa::path(get, path = "/epcis", tag = "epcis",
    responses((status = 200, description = "A collection (EPCIS 2.0 §12.2): what is under this path", body = Object)))]
pub async fn get_collection() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::json()).body(
        json!({"@context": CONTEXT, "type": "Collection", "member": ["capture", "events", "vocabularies"]}).to_string(),
    )
}

/// Says which methods the collection takes; versions and forms are in the headers.
#[utoipa::path(options, path = "/epcis", tag = "epcis",
    responses((status = 204, description = "Versions and forms are in the headers")))]
pub async fn options_collection() -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, "GET, HEAD, OPTIONS")).finish()
}

/// An end of a range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionEnd {
    Least,
    Most,
}

impl VersionEnd {
    fn check(self, headers: &HeaderMap, name: &str) -> Result<(), Problem> {
        let Some(asked) = text(headers, name)? else { return Ok(()) };
        let Some(version) = version_of(asked) else {
            return Err(Problem::new(
                Code::BadHeader,
                format!("{name} is a version such as 2.0 or 2.0.1, and not {asked:?}"),
            ));
        };
        let excludes = match self {
            Self::Least => version > MAJOR_MINOR,
            Self::Most => version < MAJOR_MINOR,
        };
        if excludes {
            let detail = format!(
                "{name} {asked}: version {VERSION} alone is given here; `sealane gateway` takes older documents"
            );
            return Err(Problem::new(Code::NotAcceptable, detail));
        }
        Ok(())
    }
}

fn check_format(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(asked) = text(headers, "GS1-EPC-Format")? else { return Ok(()) };
    match EPC_FORMATS.iter().find(|(known, _)| known.eq_ignore_ascii_case(asked)) {
        Some((_, true)) => Ok(()),
        Some(_) => {
            let detail = format!(
                "GS1-EPC-Format {asked}: a node gives ids as they were signed, which is {EPC_FORMAT}; \
                                  `sealane gateway` translates them"
            );
            Err(Problem::new(Code::NotAcceptable, detail))
        }
        None => {
            let detail = format!(
                "GS1-EPC-Format {asked:?} is none of Always_GS1_Digital_Link, Always_EPC_URN, Never_Translates, \
                                  No_Preference"
            );
            Err(Problem::new(Code::BadHeader, detail))
        }
    }
}

/// The value of a header, of which there is one at most.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let read = value.to_str().map(|text| Some(text.trim()));
    read.map_err(|_| Problem::new(Code::BadHeader, format!("{name} holds what is no text in ASCII")))
}

/// Reads `2.0` or `2.0.1`. A patch changes nothing in what documents may say, so it does not count.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
    match numbers?[..] {
        [major, minor] | [major, minor, _] => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Result<(), Code> {
        let request =
            headers.iter().fold(TestRequest::get().uri("/epcis/events"), |request, one| request.insert_header(*one));
        check(&request.to_http_request()).map_err(|problem| problem.code())
    }

    #[test]
    fn what_is_given_may_be_asked_for_in_any_case() {
        for (name, value) in [
            ("GS1-EPC-Format", "NO_PREFERENCE"),
            ("GS1-EPC-Format", "Always_GS1_Digital_Link"),
            ("GS1-EPC-Format", "never_translates"),
            ("GS1-EPCIS-Min", "1.2"),
            ("GS1-EPCIS-Min", "2.0"),
            ("GS1-EPCIS-Min", "2.0.9"),
            ("GS1-EPCIS-Max", "2.0"),
            ("GS1-EPCIS-Max", "3.1.4"),
            ("GS1-CBV-Max", "2.0.0"),
            ("Accept", "application/ld+json"),
            ("Accept", "application/xml, application/*;q=0.1"),
            ("Accept", "text/html,*/*;q=0.8"),
        ] {
            assert_eq!(asked(&[(name, value)]), Ok(()), "{name}: {value}");
        }
        assert_eq!(asked(&[]), Ok(()));
    }

    #[test]
    fn what_is_not_given_is_refused() {
        for (name, value, code) in [
            ("GS1-EPC-Format", "Always_EPC_URN", Code::NotAcceptable),
            ("GS1-EPC-Format", "ALWAYS_URN", Code::NotAcceptable),
            ("GS1-EPC-Format", "urn", Code::BadHeader),
            ("GS1-EPC-Format", "", Code::BadHeader),
            ("GS1-EPCIS-Min", "2.1", Code::NotAcceptable),
            ("GS1-EPCIS-Min", "3.0.0", Code::NotAcceptable),
            ("GS1-EPCIS-Max", "1.2", Code::NotAcceptable),
            ("GS1-CBV-Max", "1.9.9", Code::NotAcceptable),
            ("GS1-EPCIS-Max", "two", Code::BadHeader),
            ("GS1-EPCIS-Max", "2", Code::BadHeader),
            ("GS1-EPCIS-Max", "2.0.0.0", Code::BadHeader),
            ("GS1-EPCIS-Max", "+2.0", Code::BadHeader),
            ("Accept", "application/xml", Code::NotAcceptable),
            ("Accept", "image/png", Code::NotAcceptable),
            ("Accept", "application/json;q=0", Code::NotAcceptable),
        ] {
            assert_eq!(asked(&[(name, value)]), Err(code), "{name}: {value}");
        }
        let post = TestRequest::post().uri("/epcis/capture").insert_header(("Accept", "image/png")).to_http_request();
        assert!(check(&post).is_ok(), "what is posted is not lost for the form of its answer");
    }

    #[test]
    fn paths_of_epcis_are_known() {
        for (path, is_epcis) in
            [("/epcis", true), ("/epcis/", true), ("/epcis/events", true), ("/epcisx", false), ("/", false)]
        {
            assert_eq!(is_at(path), is_epcis, "{path}");
        }
    }
}
