//! Namespaces that no organisation can hold: a whole public suffix, or a host of GS1.
//!
//! It is no rule of the ledger, since the list of public suffixes changes from day to day: a node takes no such request.

use sealane_core::consortium::Namespace;

/// Hosts of GS1, and all under them: ids there are GS1's, which company prefixes govern.
const GS1_DOMAIN: &str = "gs1.org";

/// Why a namespace is more than an organisation's own, if so.
pub fn reach_beyond_one(namespace: &Namespace) -> Option<String> {
    let text = namespace.as_str();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split(['/', ':']).next()?;
    if host == GS1_DOMAIN || host.strip_suffix(GS1_DOMAIN).is_some_and(|before| before.ends_with('.')) {
        return Some(format!("{host} is GS1's own: claim the company prefixes that GS1 has given you"));
    }
    // An unknown last name is a suffix by the list's rule, and somebody's own network uses it.
    let suffix = psl::suffix(host.as_bytes()).filter(psl::Suffix::is_known)?;
    (suffix == host.as_bytes())
        .then(|| format!("all who register a name under {host} share it: claim a host of your own, such as https://id.example.{host}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(text: &str) -> Option<String> {
        reach_beyond_one(&text.parse().unwrap())
    }

    #[test]
    fn whole_suffixes_and_hosts_of_gs1_belong_to_no_one() {
        for text in ["https://co.uk/", "https://co.uk/items/", "http://co.uk:8080/", "https://github.io/"] {
            let told = reaches(text).unwrap_or_else(|| panic!("{text}"));
            assert!(told.contains("claim a host of your own"), "{told}");
        }
        for text in ["https://gs1.org/", "https://www.gs1.org/items/"] {
            assert!(reaches(text).unwrap().contains("is GS1's own"), "{text}");
        }
        for text in [
            "https://example.co.uk/",
            "https://id.example.com/items/",
            "https://mygs1.org/",
            "https://ids.internal.lan/",
            "urn:gdst:example.org:party:",
        ] {
            assert_eq!(reaches(text), None, "{text}");
        }
    }
}
