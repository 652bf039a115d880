//! Where a person who scans a product can reach the organisation that made it.

use std::fmt;
use std::str::FromStr;

use crate::limits::CONTACT_CHARS_MAX;
use crate::text::serde_as_text;

/// A web page, a mail address or a telephone number as a URI: `https:`, `mailto:` (RFC 6068) or `tel:` (RFC 3966).
///
/// It is shown as a link beside a verdict, so it holds nothing that acts on its own: no user name, no ready-made mail,
/// no dialling string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Contact(String);

/// Text that is no contact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    #[error("a contact has 1 to {CONTACT_CHARS_MAX} characters; this has {found}")]
    Length { found: usize },
    #[error("a contact is a URI, and no URI has {found:?}; this has it at character {at}, from 0")]
    Character { found: char, at: usize },
    #[error("a contact begins with https://, mailto: or tel:, in lower case")]
    Scheme,
    #[error("after https:// stands a host of two names or more, without a user name; then a port, a path or nothing")]
    Web,
    #[error("after mailto: stands one address, such as quality@example.com, and nothing more")]
    Mail,
    #[error("after tel: stands a + and a number of 3 to 15 digits, with any of - . ( ) between them")]
    Telephone,
}

impl Contact {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contact {
    type Err = ContactError;

    fn from_str(text: &str) -> Result<Self, ContactError> {
        let length = text.chars().count();
        if !(1..=CONTACT_CHARS_MAX).contains(&length) {
            return Err(ContactError::Length { found: length });
        }
        check_characters(text)?;
        if let Some(rest) = text.strip_prefix("https://") {
            return is_web(rest).then(|| Self(text.to_owned())).ok_or(ContactError::Web);
        }
        if let Some(rest) = text.strip_prefix("mailto:") {
            return is_mail(rest).then(|| Self(text.to_owned())).ok_or(ContactError::Mail);
        }
        let number = text.strip_prefix("tel:").ok_or(ContactError::Scheme)?;
        is_telephone(number).then(|| Self(text.to_owned())).ok_or(ContactError::Telephone)
    }
}

/// Finds the first character that RFC 3986 §2 lets stand in no URI; a `%` is followed by two hexadecimal digits.
fn check_characters(text: &str) -> Result<(), ContactError> {
    let rest: Vec<char> = text.chars().collect();
    let is_escape = |at: usize| rest.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(char::is_ascii_hexdigit));
    let fits = |at: usize, character: char| match character {
        '%' => is_escape(at),
        _ => character.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(character),
    };
    match rest.iter().copied().enumerate().find(|(at, character)| !fits(*at, *character)) {
        Some((at, found)) => Err(ContactError::Character { found, at }),
        None => Ok(()),
    }
}

fn is_web(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    is_host(host) && port.is_none_or(is_port)
}

/// Two names or more of a DNS name in ASCII, the last of them no number: an address in digits changes hands.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        && labels.last().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_mail(rest: &str) -> bool {
    let is_atom = |character: char| character.is_ascii_alphanumeric() || "-._~!$'*+%".contains(character);
    rest.split_once('@').is_some_and(|(name, host)| !name.is_empty() && name.chars().all(is_atom) && is_host(host))
}

/// A global number (RFC 3966 §5.1.4) of E.164's length, without parameters.
fn is_telephone(rest: &str) -> bool {
    let Some(number) = rest.strip_prefix('+') else { return false };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let separates = |byte: u8| b"-.()".contains(&byte);
    (3..=15).contains(&digits) && number.bytes().all(|byte| byte.is_ascii_digit() || separates(byte))
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Contact);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_addresses_and_numbers_are_read_as_they_stand() {
        let longest = format!("https://example.com/{}", "a".repeat(CONTACT_CHARS_MAX - 20));
        for text in [
            "https://example.com",
            "https://quality.example.com:8443/report?kind=product#form",
            "https://xn--bcher-kva.example/%C3%BC",
            "mailto:quality@example.com",
            "mailto:quality+products@mail.example.com",
            "tel:+32-2-788-78-00",
            "tel:+1(201)555.0123",
            "tel:+112",
            &longest,
        ] {
            let contact: Contact = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((contact.as_str(), contact.to_string()), (text, text.to_owned()));
            assert_eq!(serde_json::from_str::<Contact>(&format!("{text:?}")).unwrap(), contact);
            assert_eq!(serde_json::to_string(&contact).unwrap(), format!("{text:?}"));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(CONTACT_CHARS_MAX - 19));
        for (text, error) in [
            ("", ContactError::Length { found: 0 }),
            (&long, ContactError::Length { found: CONTACT_CHARS_MAX + 1 }),
            ("https://example.com/a b", ContactError::Character { found: ' ', at: 21 }),
            ("https://b\u{fc}cher.example", ContactError::Character { found: '\u{fc}', at: 9 }),
            ("https://example.com/%2", ContactError::Character { found: '%', at: 20 }),
            ("https://example.com/\u{202e}", ContactError::Character { found: '\u{202e}', at: 20 }),
            ("http://example.com", ContactError::Scheme),
            ("HTTPS://example.com", ContactError::Scheme),
            ("javascript:alert(1)", ContactError::Scheme),
            ("example.com", ContactError::Scheme),
            ("https:example.com", ContactError::Scheme),
            ("https://", ContactError::Web),
            ("https://localhost/", ContactError::Web),
            ("https://127.0.0.1/", ContactError::Web),
            ("https://[::1]/", ContactError::Web),
            ("https://bank.example@evil.example/", ContactError::Web),
            ("https://user:word@evil.example/", ContactError::Web),
            ("https://-a.example/", ContactError::Web),
            ("https://a-.example/", ContactError::Web),
            ("https://a..example/", ContactError::Web),
            ("https://example.com:/", ContactError::Web),
            ("https://example.com:123456/", ContactError::Web),
            ("mailto:", ContactError::Mail),
            ("mailto:quality", ContactError::Mail),
            ("mailto:@example.com", ContactError::Mail),
            ("mailto:a@b@example.com", ContactError::Mail),
            ("mailto:a@example.com,b@example.com", ContactError::Mail),
            ("mailto:a@example.com?subject=pay", ContactError::Mail),
            ("tel:", ContactError::Telephone),
            ("tel:112", ContactError::Telephone),
            ("tel:+12", ContactError::Telephone),
            ("tel:+1234567890123456", ContactError::Telephone),
            ("tel:+1201555;ext=7", ContactError::Telephone),
            ("tel:+1*21#", ContactError::Telephone),
        ] {
            assert_eq!(text.parse::<Contact>(), Err(error), "{text}");
        }
    }
}
