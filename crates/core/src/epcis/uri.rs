//! What JSON schema calls `format: uri`: an absolute URI by the grammar of RFC 3986.

/// True when `text` is a scheme, a colon and only characters that RFC 3986 §2 lets stand in a URI.
pub fn is_absolute_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_rest(rest.as_bytes()))
}

/// True for a URI that lies, in any spelling, where GS1 publishes its own words: CBV URNs and URIs, the GS1 Web
/// Vocabulary, and the context's own prefix `cbv:`.
///
/// RFC 3986 §6.2 lets one URI be spelt in many ways (letter case, escapes, a port, dot segments). A rule that compares
/// words exactly must not take another spelling for a word of another vocabulary, so this errs on the side of GS1.
pub(super) fn is_gs1_vocabulary(text: &str) -> bool {
    let plain = unescaped(text).to_ascii_lowercase();
    match plain.split_once(':') {
        Some(("cbv", _)) => true,
        Some(("urn", rest)) => rest.starts_with("epcglobal:cbv"),
        Some(("http" | "https", rest)) => {
            let rest = rest.trim_start_matches('/');
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().and_then(|host| host.split(':').next()).unwrap_or_default();
            let folder = first_segment(path);
            match host.trim_end_matches('.') {
                "ref.gs1.org" | "ns.gs1.org" => matches!(folder, Some("cbv" | "voc")),
                "gs1.org" | "www.gs1.org" => folder == Some("voc"),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The first segment of a path, with dot segments taken out (RFC 3986 §5.2.4) and empty ones passed over.
fn first_segment(path: &str) -> Option<&str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.first().copied()
}

/// The text with its escapes of ASCII characters resolved; what is no such escape stays.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match byte {
            Some(byte) => plain.push(char::from(byte)),
            None => plain.push('%'),
        }
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    plain.push_str(rest);
    plain
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
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'[' | b']' | b'@' | b'!' | b'$' | b'&' | b'\'' => {}
            b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {}
            b if b.is_ascii_alphanumeric() => {}
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
    fn tells_gs1_vocabularies_in_any_spelling() {
        for uri in [
            "https://ref.gs1.org/cbv/BizStep-destroying/",
            "HTTPS://ref.gs1.org/cbv/BizStep-destroying",
            "https://REF.gs1.org/cbv/BizStep%2Ddestroying",
            "https://ref.gs1.org:443/cbv/BizStep-destroying",
            "https://u@ref.gs1.org./x/..//./%63bv/BizStep-destroying",
            "https://ns.gs1.org/cbv?BizStep-destroying",
            "http://www.gs1.org/voc/#x",
            "URN:EPCglobal:CBV:bizstep:destroying",
            "cbv:BizStep-polishing",
        ] {
            assert!(is_gs1_vocabulary(uri) && is_absolute_uri(uri), "{uri}");
        }
        for uri in [
            "https://epcis.example.com/cbv/BizStep-destroying",
            "https://ref.gs1.org.example.com/cbv/x",
            "https://ref.gs1.org/standards/cbv/x",
            "https://gs1.org/cbv",
            "urn:example:cbv",
            "gs1:Temperature",
            "https:",
            "a:%",
            "a:%e2%82",
        ] {
            assert!(!is_gs1_vocabulary(uri), "{uri}");
        }
    }

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
