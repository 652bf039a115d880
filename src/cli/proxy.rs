//! The proxy that the environment names, as commands that ask a node go by it.

use std::env;
use std::net::IpAddr;

/// The variables that ureq looks at, in its order.
const VARIABLES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// Tells whether a URL leads to this machine. No proxy stands between.
pub fn is_loopback(url: &str) -> bool {
    let host = host_of(url);
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Says by which proxy a URL is asked, if it is, and what says so; without the password in it.
pub fn in_use(url: &str) -> Option<String> {
    let proxy = ureq::Proxy::try_from_env().filter(|_| !is_loopback(url))?;
    let uri = url.parse().ok()?;
    if proxy.is_no_proxy(&uri) {
        return None;
    }
    let variable = VARIABLES.iter().find(|name| env::var(name).is_ok_and(|value| !value.is_empty()))?;
    Some(format!("the proxy {}:{}, which {variable} names", proxy.host(), proxy.port()))
}

/// The host of a URL, without user, port and the brackets of IPv6.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for own in [
            "http://127.0.0.1:8080",
            "https://localhost/x",
            "http://[::1]:80/",
            "http://a.localhost",
            "http://127.8.9.1",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://[2001:db8::1]",
            "http://0.0.0.0",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
