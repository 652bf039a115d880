//! What JSON schema calls `format: uri`: an absolute URI by the grammar of RFC 3986.

/// True when `text` is a scheme, a colon and only characters that RFC 3986 §2 lets stand in a URI.
pub(super) fn is_absolute_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_rest(rest.as_bytes()))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_rest(rest: &[u8]) -> bool {
    let mut fragments = 0;
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'%' if is_escape(rest.get(at + 1..at + 3)) => at += 2,
            b'#' => fragments += 1,
            b if b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&b) => {}
            _ => return false,
        }
        at += 1;
    }
    fragments <= 1
}

fn is_escape(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_uris_from_words() {
        for uri in [
            "https://id.gs1.org/01/09506000134352/21/A1",
            "urn:epc:id:sgtin:9506000.013435.A%2F1",
            "urn:epc:idpat:sgtin:9506000.013435.*",
            "ni:///sha-256;00?ver=CBV2.0",
            "example:myField",
            "geo:22.300,-118.44",
        ] {
            assert!(is_absolute_uri(uri), "{uri}");
        }
        for text in
            ["", "shipping", "_:b1", "my_ns:x", "1:x", "a:b c", "a:%zz", "a:%4", "a:#b#c", "a:ü", "//host/x", "a:<>"]
        {
            assert!(!is_absolute_uri(text), "{text}");
        }
    }
}
