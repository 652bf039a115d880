//! What pages of other sites may read: every answer to a GET, which is public, and no answer to a POST (the Fetch
//! standard, "HTTP extensions").

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue,
};

/// Any origin: no cookie or password is taken, and what is answered to a member alone needs a word that its key has signed for this
/// request, which no page of another site has.
const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// Methods whose answers any page may read. OPTIONS is how it asks.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Headers that a client needs besides those that it may always read (`Content-Type`, `Cache-Control`, …): where the
/// next page or the link is, when to come back, what was refused under which id, how long evidence is, and EPCIS's own.
const READABLE: HeaderValue = HeaderValue::from_static(
    "Allow, Content-Encoding, ETag, GS1-CBV-Max, GS1-CBV-Min, GS1-CBV-Version, GS1-EPC-Format, \
     GS1-EPCIS-Capture-File-Size-Limit, GS1-EPCIS-Capture-Limit, GS1-EPCIS-Max, GS1-EPCIS-Min, GS1-EPCIS-Version, \
     GS1-Extensions, GS1-Vendor-Version, Link, Location, Preference-Applied, Retry-After, Sealane-Tree-Size, Vary, \
     X-Evidence-Bytes, X-Evidence-Statements, X-Request-Id",
);

/// Headers that a page may send: `Accept`, `GS1-EPCIS-Version` and any other, since none of them gives a right.
const SENDABLE: HeaderValue = HeaderValue::from_static("*");

/// How long a browser may remember that it may ask, in seconds: a day, the longest that any browser takes.
const REMEMBERED_S: HeaderValue = HeaderValue::from_static("86400");

/// Opens an answer to other sites if it is one to a GET or HEAD, of whatever status, or to the OPTIONS of a path that
/// takes GET, which browsers ask before some of them.
pub fn open_answer(method: &Method, headers: &mut HeaderMap) {
    if [Method::GET, Method::HEAD].contains(method) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    } else if *method == Method::OPTIONS && takes_get(headers) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENDABLE);
        headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED_S);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    }
}

/// Tells whether the methods that an answer allows have GET among them.
fn takes_get(headers: &HeaderMap) -> bool {
    let allowed = headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    allowed.split(',').any(|method| method.trim() == Method::GET.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(method: Method, allow: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(allow) = allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        open_answer(&method, &mut headers);
        headers
    }

    #[test]
    fn reading_is_open_and_writing_is_not() {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(opened(method, None).get(ACCESS_CONTROL_ALLOW_ORIGIN), Some(&ANYONE));
        }
        let preflight = opened(Method::OPTIONS, Some("GET, HEAD, OPTIONS, POST"));
        assert_eq!(preflight.get(ACCESS_CONTROL_ALLOW_METHODS), Some(&METHODS));
        for (method, allow) in [
            (Method::POST, None),
            (Method::POST, Some("GET, HEAD, OPTIONS, POST")),
            (Method::OPTIONS, Some("OPTIONS, POST")),
            (Method::OPTIONS, None),
        ] {
            assert!(!opened(method.clone(), allow).contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{method} {allow:?}");
        }
    }
}
