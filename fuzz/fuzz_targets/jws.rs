//! A statement is refused, or is exactly the bytes that came: there is no second spelling of it.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use sealane_core::statement::SubmittedStatement;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    check(data);
    // Base64 hides its content from the fuzzer: the same bytes once more as a header, and as a header and a payload.
    let (header, payload) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b"{}".as_slice()),
    };
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signature = encode(&[1; 64]);
    let compact = format!("{}.{}.{signature}", encode(header), encode(payload));
    let accepted = check(compact.as_bytes());
    let detached = format!("{}..{signature}", encode(header));
    let attached = SubmittedStatement::from_detached(&detached, payload);
    assert_eq!(attached.is_ok(), accepted, "the two ways to send it differ");
    if let Ok(attached) = attached {
        assert_eq!(attached.compact(), compact);
        is_strict(header);
    }
    if let Ok(text) = std::str::from_utf8(header) {
        let _ = SubmittedStatement::from_detached(text, payload);
    }
});

/// Tells whether it was taken, after holding what was made of it against the bytes.
fn check(compact: &[u8]) -> bool {
    let Ok(statement) = SubmittedStatement::parse(compact) else { return false };
    assert_eq!(statement.compact().as_bytes(), compact);
    assert_eq!(SubmittedStatement::parse(statement.compact().as_bytes()).as_ref(), Ok(&statement));
    let parts: Vec<&[u8]> = compact.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{} parts", parts.len()) };
    for part in [header, payload, signature] {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("strict base64url");
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes).as_bytes(), part, "a second spelling");
    }
    assert_eq!(statement.signing_input().as_bytes(), [header, payload].join(&b'.'));
    let again = SubmittedStatement::from_detached(&statement.detached(), statement.payload());
    assert_eq!(again.as_ref(), Ok(&statement));
    true
}

/// A header that is taken is an object of exactly five members, also for a reader that is less strict.
fn is_strict(header: &[u8]) {
    let value: Value = serde_json::from_slice(header).expect("a header that is taken is JSON");
    let members: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members.len(), 5, "{members:?}");
    assert_eq!(value["alg"], "ES256");
    for name in ["typ", "aud", "iat"] {
        assert!(members.contains(&name), "{name} of {members:?}");
    }
    let names_signer = members.iter().filter(|name| ["kid", "x5t#S256"].contains(name)).count();
    assert_eq!(names_signer, 1, "{members:?}");
}
