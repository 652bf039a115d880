//! Where a subscription's events go: a URL that a client names, and that the gateway's own network must be safe from.
//!
//! A client that may subscribe has the gateway post to an address of its choice, from inside the participant's network. So addresses that
//! lead inside are refused, unless the operator allows them by network. A name is held against the same rule at each delivery, for the
//! addresses that it has then: those are the ones that are connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// Characters of a URL.
const URL_CHARS_MAX: usize = 2_048;

/// Networks that are not of the public internet: this host, private use, shared address space, link-local, documentation, benchmarks,
/// multicast, reserved, and those through which an IPv4 address is reached by another name (IANA's special-purpose registries, RFC 6890).
const INSIDE: [&str; 30] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
];

/// What the operator allows.
#[derive(Debug, Clone, Default)]
pub struct DestRules {
    /// URLs may begin with `http:`.
    pub allows_http: bool,
    /// Networks that events may go to although they are inside.
    pub allowed: Vec<IpNet>,
}

impl DestRules {
    /// Tells whether events may go to an address.
    pub fn permit(&self, address: IpAddr) -> bool {
        // `::ffff:10.0.0.1` is 10.0.0.1 to the system.
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    !INSIDE.iter().filter_map(|network| network.parse::<IpNet>().ok()).any(|network| network.contains(&address))
}

/// A URL that events may go to, if its addresses may be gone to.
#[derive(Clone, PartialEq, Eq)]
pub struct Dest(Url);

impl Dest {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// What is wrong, and what would be right.
    pub fn read(text: &str, rules: &DestRules) -> Result<Self, String> {
        let wanted = if rules.allows_http { "an https: or http: URL" } else { "an https: URL" };
        if text.len() > URL_CHARS_MAX {
            return Err(format!("it is {wanted} of at most {URL_CHARS_MAX} characters"));
        }
        let url = Url::parse(text).map_err(|error| format!("it is {wanted}: {error}"))?;
        match url.scheme() {
            "https" => {}
            "http" if rules.allows_http => {}
            "http" => {
                return Err(
                    "it is an https: URL; the gateway's operator allows http: by --allow-http-dest, for a network that nobody else reads"
                        .to_owned(),
                );
            }
            other => return Err(format!("it is {wanted}, and not {other}:")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a name or a password, which everybody could read who sees the subscription: give a signatureToken".to_owned());
        }
        if url.fragment().is_some() {
            return Err("it has a fragment, which no server is ever sent".to_owned());
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain("localhost")) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(Host::Domain(_)) => None,
            None => return Err(format!("it is {wanted} with a host")),
        };
        match address {
            Some(address) if !rules.permit(address) => Err(refusal(address)),
            _ => Ok(Self(url)),
        }
    }

    /// Reads a URL that was taken before: what the operator allows may be less now, and each delivery asks for that.
    pub fn known(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Why nothing is sent to an address.
fn refusal(address: IpAddr) -> String {
    format!(
        "{address} is not of the public internet: the gateway's operator allows its network by --allow-dest, such as --allow-dest {}",
        network_of(address)
    )
}

/// The smallest network of an address: itself.
fn network_of(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(address) => IpNet::from(IpAddr::V4(address)),
        IpAddr::V6(address) => IpNet::from(IpAddr::V6(address)),
    }
}

impl fmt::Display for Dest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Dest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, rules: &DestRules) -> Result<String, String> {
        Dest::read(text, rules).map(|dest| dest.to_string())
    }

    #[test]
    fn a_public_https_url_is_taken() {
        let rules = DestRules::default();
        for (text, dest) in [
            ("https://client.example.com/queryCallback", "https://client.example.com/queryCallback"),
            ("HTTPS://Client.Example.com:8443/x?y=1", "https://client.example.com:8443/x?y=1"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ] {
            assert_eq!(read(text, &rules).as_deref(), Ok(dest));
        }
    }

    #[test]
    fn what_leads_inside_is_refused_however_it_is_written() {
        let rules = DestRules::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "localhost",
            "LOCALHOST",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:0:10.0.0.1]",
            "[::ffff:a00:1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "①②⑦.0.0.1",
            "127。0。0。1",
        ] {
            let said = read(&format!("https://{host}/x"), &rules).unwrap_err();
            assert!(said.contains("not of the public internet"), "{host}: {said}");
        }
    }

    #[test]
    fn every_network_of_the_table_is_one() {
        assert!(INSIDE.iter().all(|network| network.parse::<IpNet>().is_ok()));
    }

    #[test]
    fn the_operator_opens_a_network_and_no_other() {
        let rules = DestRules { allows_http: true, allowed: vec!["10.1.0.0/16".parse().unwrap()] };
        assert_eq!(read("http://10.1.2.3:8080/erp", &rules).as_deref(), Ok("http://10.1.2.3:8080/erp"));
        assert!(read("http://[::ffff:10.1.2.3]/", &rules).is_ok(), "the same address");
        assert!(read("http://10.2.0.1/", &rules).unwrap_err().contains("--allow-dest 10.2.0.1/32"));
        assert!(rules.permit("10.1.255.255".parse().unwrap()) && !rules.permit("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_destination_is_said() {
        let rules = DestRules::default();
        let long = format!("https://a.example/{}", "x".repeat(URL_CHARS_MAX));
        for (text, why) in [
            ("http://client.example.com/", "--allow-http-dest"),
            ("ftp://client.example.com/", "not ftp:"),
            ("urn:uuid:1", "not urn:"),
            ("client.example.com", "an https: URL"),
            ("https://", "an https: URL"),
            ("https://user:secret@client.example.com/", "signatureToken"),
            ("https://client.example.com/#x", "fragment"),
            ("", "an https: URL"),
            (long.as_str(), "at most 2048"),
        ] {
            let said = read(text, &rules).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
