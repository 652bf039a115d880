//! What a request to the console must be like before anything is looked up for it, and what its answer says to the browser.
//!
//! The console is on the loopback address, where every program and every page on this machine can send requests to it. A page
//! of another site, also one whose name was made to lead here (DNS rebinding), is refused by `Host` and by `Sec-Fetch-Site`.

use std::net::SocketAddr;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::http::console::Console;
use crate::http::console::refusal::{ConsoleRefusal, refusal_page};

/// Own scripts and style alone, and nowhere to send anything.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; \
     base-uri 'none'; frame-ancestors 'none'",
);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Carries out one exchange of the console.
pub async fn exchange(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let address = request.app_data::<web::Data<Console>>().map(|console| console.address);
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let refused = match address {
        Some(address) if !is_for_this_host(request.headers(), authority, address) => Some(ConsoleRefusal::OtherHost),
        Some(_) if !is_of_this_site(request.headers()) => Some(ConsoleRefusal::OtherSite),
        Some(_) => None,
        None => Some(ConsoleRefusal::OtherHost),
    };
    let mut answer = match refused {
        Some(refusal) => {
            let page = refusal_page(request.request(), &refusal);
            request.into_response(page)
        }
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let (method, path, status) = (answer.request().method(), answer.request().path(), answer.status().as_u16());
    // Without the query, in which a link has its token.
    tracing::info!(%method, path, status, ms = began.elapsed().as_secs_f64() * 1e3, "console");
    add_headers(answer.headers_mut());
    Ok(answer)
}

fn add_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
}

/// Tells whether a request names this address as its host, once: a name that another party's DNS leads here is another one.
fn is_for_this_host(headers: &HeaderMap, authority: Option<&str>, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let is_own = |host: &str| {
        host.eq_ignore_ascii_case(&address.to_string())
            || host.eq_ignore_ascii_case(&format!("localhost:{}", address.port()))
    };
    host.to_str().is_ok_and(is_own) && authority.is_none_or(is_own)
}

/// Tells whether a request comes of the console's own page, or of a person who typed or followed a link outside the browser.
/// Programs that are no browsers do not say.
fn is_of_this_site(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_SITE).all(|site| site == "same-origin" || site == "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_this_address_is_a_host() {
        let address: SocketAddr = "127.0.0.1:8081".parse().unwrap();
        let is = |hosts: &[&str], authority| is_for_this_host(&headers(HOST, hosts), authority, address);
        for good in ["127.0.0.1:8081", "localhost:8081", "LOCALHOST:8081"] {
            assert!(is(&[good], None), "{good}");
            assert!(is(&[good], Some(good)), "{good}");
        }
        for wrong in
            ["127.0.0.1", "127.0.0.1:8080", "evil.example:8081", "localhost.evil.example:8081", "[::1]:8081", ""]
        {
            assert!(!is(&[wrong], None), "{wrong}");
            assert!(!is(&["127.0.0.1:8081"], Some(wrong)), "{wrong}");
        }
        assert!(!is(&[], None));
        assert!(!is(&["127.0.0.1:8081", "evil.example"], None));
        let six = "[::1]:8081".parse().unwrap();
        assert!(is_for_this_host(&headers(HOST, &["[::1]:8081"]), None, six));
    }

    #[test]
    fn other_sites_are_told_apart() {
        for (sites, is) in [
            (&[][..], true),
            (&["none"], true),
            (&["same-origin"], true),
            (&["same-site"], false),
            (&["cross-site"], false),
            (&["none", "cross-site"], false),
        ] {
            assert_eq!(is_of_this_site(&headers(SEC_FETCH_SITE, sites)), is, "{sites:?}");
        }
    }
}
