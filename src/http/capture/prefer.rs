//! The `Prefer` header (RFC 7240), of which capture knows `wait`.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest wait that is granted; a longer one is cut to this.
const WAIT_SECONDS_MAX: u64 = 60;

/// How long the client would wait for a final answer, if it says so. The first `wait` that can be read counts.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(PREFER).filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("wait");
        let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
        named.then(|| Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn finds_the_first_wait_that_can_be_read() {
        assert_eq!(of(&["wait=10"]), Some(10));
        assert_eq!(of(&["respond-async, WAIT = \"7\"; x=1"]), Some(7));
        assert_eq!(of(&["return=minimal", "wait=x, wait=3, wait=4"]), Some(3));
        assert_eq!(of(&["wait=86400"]), Some(WAIT_SECONDS_MAX));
        for none in [&["respond-async"][..], &["wait"], &["wait=-1"], &["waiting=3"], &[]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
