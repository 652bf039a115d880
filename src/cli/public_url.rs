//! `--public-url`: where people reach a node. Labels, links and redirects begin with it, so it is checked before anything is printed.

use std::net::IpAddr;

use crate::cli::failure::Failure;
use crate::cli::proxy::host_of;

/// Takes an address to which a path can be added, without the `/` at its end.
///
/// # Errors
///
/// What is no http or https address, and one that leads nowhere from another machine: `0.0.0.0` and `[::]`, at which a node listens and
/// which no machine has.
pub fn checked(root: &str) -> Result<&str, Failure> {
    let rest = root.strip_prefix("https://").or_else(|| root.strip_prefix("http://"));
    let is_plain = |rest: &&str| rest.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>@".contains(c));
    if rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')).filter(is_plain).is_none() {
        return Err(Failure::wrong_use(format!(
            "--public-url: {root:?} is no address such as https://node.example: it begins with https:// or http://, and has no room, query or \
             user in it"
        )));
    }
    if is_unspecified(root) {
        return Err(Failure::wrong_use(format!(
            "--public-url: {root:?} is where a node listens, at every address of its machine, and leads nowhere from another one: give \
             the address by which people reach it, such as https://node.example"
        )));
    }
    Ok(root.trim_end_matches('/'))
}

/// The same for the node that serves there.
///
/// # Errors
///
/// A path too: pages, scripts and the paths of Digital Links begin at the host, so behind a proxy that strips a path nothing of a page
/// would be found.
pub fn checked_root(root: &str) -> Result<&str, Failure> {
    let root = checked(root)?;
    match root.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
        None => Ok(root),
        Some((_, path)) => Err(Failure::wrong_use(format!(
            "--public-url: {root:?} has the path /{path}, and a node's pages and links begin at the host: give the node a host name of its \
             own, such as https://node.example, and have the proxy pass on every path there"
        ))),
    }
}

/// Tells whether the host is one at which only listening is possible (RFC 4291 §2.5.2; RFC 1122 §3.2.1.3).
fn is_unspecified(root: &str) -> bool {
    let host = host_of(root);
    // Some programs read 0 as the same address.
    host == "0" || host.parse().is_ok_and(|address: IpAddr| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_address() {
        assert_eq!(checked("https://node.example/").ok(), Some("https://node.example"));
        assert_eq!(checked("http://10.0.0.1:8080/sealane").ok(), Some("http://10.0.0.1:8080/sealane"));
        for wrong in [
            "",
            "node.example",
            "https://",
            "https:///x",
            "https://node.example/?a",
            "https://a b",
            "ftp://node.example",
            "https://user@node.example",
        ] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
        for nowhere in ["http://0.0.0.0:8080", "http://[::]:8080", "https://0.0.0.0", "http://0/", "http://[::0]"] {
            let told = checked(nowhere).unwrap_err().to_string();
            assert!(told.contains("leads nowhere") && told.contains("--public-url"), "{told}");
        }
    }

    #[test]
    fn a_node_has_a_host_of_its_own() {
        assert_eq!(checked_root("https://node.example/").ok(), Some("https://node.example"));
        let told = checked_root("https://shop.example/sealane/").unwrap_err().to_string();
        assert!(told.contains("has the path /sealane"), "{told}");
        assert!(checked_root("http://0.0.0.0:1").is_err());
    }
}
