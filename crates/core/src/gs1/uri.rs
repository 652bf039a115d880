//! Absolute URIs, by the letter of RFC 3986.

use std::borrow::Cow;

use super::error::{IdError, quote};

/// An absolute URI cut into what the readers of ids look at; no part is decoded.
pub(super) struct Uri<'a> {
    /// As written: compare without regard to case.
    pub scheme: &'a str,
    /// Without user information and port; `None` where there is no `//`.
    pub host: Option<&'a str>,
    pub path: &'a str,
    pub query: &'a str,
    /// True where a query or a fragment follows the path.
    pub has_more: bool,
}

impl<'a> Uri<'a> {
    /// Cuts `text`, and refuses what RFC 3986 §3 and appendix A do not allow, and an http URI without a host.
    pub fn parse(text: &'a str) -> Result<Self, IdError> {
        Self::cut(text).map_err(|fault| IdError::Uri { found: quote(text), fault })
    }

    fn cut(text: &'a str) -> Result<Self, String> {
        check_characters(text)?;
        let (scheme, rest) = text.split_once(':').ok_or("it has no scheme such as https: or urn:")?;
        check_scheme(scheme)?;
        let (rest, fragment) = cut_at(rest, '#');
        let (rest, query) = cut_at(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        for (part, extra, name) in [(path, ":@/", "path"), (query, ":@/?", "query"), (fragment, ":@/?", "fragment")] {
            check_part(part, extra, name)?;
        }
        let host = authority.map(host_of).transpose()?;
        if is_http(scheme) && host.unwrap_or_default().is_empty() {
            return Err("an http URI needs a host".to_owned());
        }
        if path.is_empty() && host.is_none() {
            return Err("nothing follows its scheme".to_owned());
        }
        let has_more = !(query.is_empty() && fragment.is_empty());
        Ok(Self { scheme, host, path, query, has_more })
    }

    pub fn is_http(&self) -> bool {
        is_http(self.scheme)
    }
}

/// Replaces each `%XX` by its byte; bytes that are not UTF-8 become U+FFFD, which no GS1 value holds.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Splits before the first `mark`, which goes with neither side.
fn cut_at(text: &str, mark: char) -> (&str, &str) {
    text.split_once(mark).unwrap_or((text, ""))
}

fn check_characters(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((at, c)) => Err(format!("{c:?} at byte {at} must be percent-encoded")),
        None => check_escapes(text),
    }
}

fn check_escapes(text: &str) -> Result<(), String> {
    // The first piece precedes every `%`; each other one follows one.
    let bad = text.split('%').skip(1).find(|after| {
        let digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit).count();
        digits < 2
    });
    match bad {
        Some(after) => Err(format!("%{} is no percent-encoding", after.chars().take(2).collect::<String>())),
        None => Ok(()),
    }
}

fn check_scheme(scheme: &str) -> Result<(), String> {
    let letter_first = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if letter_first && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return Ok(());
    }
    Err(format!("{:?} is no scheme", quote(scheme)))
}

/// Checks for unreserved characters, percent-encodings, sub-delims and `extra`.
fn check_part(part: &str, extra: &str, name: &str) -> Result<(), String> {
    let allowed = |c: char| {
        let listed =
            matches!(c, '-' | '.' | '_' | '~' | '%' | '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=');
        c.is_ascii_alphanumeric() || listed || extra.contains(c)
    };
    match part.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!("{c:?} cannot stand in its {name}")),
        None => Ok(()),
    }
}

fn host_of(authority: &str) -> Result<&str, String> {
    let (user, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    check_part(user, ":", "user information")?;
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or("its address in [ has no ]")?;
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_alphanumeric() || b":.".contains(&b)) {
                return Err(format!("[{}] is no IP address", quote(address)));
            }
            (address, port)
        }
        None => {
            let end = host_port.find(':').unwrap_or(host_port.len());
            let (host, port) = host_port.split_at_checked(end).unwrap_or((host_port, ""));
            check_part(host, "", "host")?;
            (host, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(host),
        _ => Err(format!("{:?} is no port", quote(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_what_rfc_3986_allows() {
        let uri = Uri::parse("HTTPS://me:x@Shop.example:8443/a/b%20c?d=/?#e?").unwrap();
        assert_eq!((uri.scheme, uri.host, uri.path, uri.has_more), ("HTTPS", Some("Shop.example"), "/a/b%20c", true));
        let uri = Uri::parse("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").unwrap();
        assert_eq!((uri.scheme, uri.host, uri.has_more), ("urn", None, false));
        for good in [
            "http://[2001:db8::1]:80/",
            "http://[::1]/",
            "http://a:/",
            "mailto:a@example.com",
            "did:web:a.example",
            "file:///a",
            "x://h",
        ] {
            assert!(Uri::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        let bad = [
            ("", "no scheme"),
            ("09506000134352", "no scheme"),
            ("//example.com/", "no scheme"),
            ("1a:b", "is no scheme"),
            ("a:", "nothing follows"),
            ("http:///a", "needs a host"),
            ("http:a", "needs a host"),
            ("https://a/b c", "' ' at byte 11 must be percent-encoded"),
            ("https://a/ü", "must be percent-encoded"),
            ("https://a/\n", "must be percent-encoded"),
            ("https://a/{b}", "must be percent-encoded"),
            ("https://a/%2", "%2 is no percent-encoding"),
            ("https://a/%zz", "%zz is no percent-encoding"),
            ("https://a/[b]", "cannot stand in its path"),
            ("https://a/#b#c", "cannot stand in its fragment"),
            ("https://a:b/", "is no port"),
            ("https://[fe80::1%25lo]/", "is no IP address"),
            ("https://[::1/", "has no ]"),
            ("https://[::1]80/", "is no port"),
            ("https://a@b@c/", "user information"),
        ];
        for (text, words) in bad {
            let message = Uri::parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
