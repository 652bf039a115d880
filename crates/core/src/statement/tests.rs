use p256::ecdsa::SigningKey;
use p256::elliptic_curve::PrimeField;
use p256::pkcs8::DecodePublicKey;
use proptest::prelude::*;

use super::compact::encode;
use super::*;
use crate::limits::HEADER_BYTES_MAX;
use crate::time::Timestamp;

const ORIGIN: &str = "ledger.example/test";
const DOCUMENT: &[u8] = br#"{ "type": "EPCISDocument" }"#;

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

fn public() -> PublicKey {
    PublicKey::from(key().verifying_key())
}

fn header() -> Header {
    Header::epcis(Hash::of(b"certificate"), ORIGIN, Timestamp::from_seconds(1_795_253_400).unwrap())
}

fn signed() -> SubmittedStatement {
    sign(Draft::new(header(), DOCUMENT).unwrap(), &key())
}

fn good_members() -> String {
    let hash = Hash::of(b"certificate");
    format!(r#""typ":"epcis+jws","x5t#S256":"{hash}","aud":"{ORIGIN}","iat":1795253400"#)
}

/// A statement with this header, over DOCUMENT, signed in the right way.
fn with_header(json: &str) -> Vec<u8> {
    let input = format!("{}.{}", encode(json.as_bytes()), encode(DOCUMENT));
    let signature = Signature::sign(&key(), input.as_bytes());
    format!("{input}.{signature}").into_bytes()
}

fn code(compact: &[u8]) -> &'static str {
    match SubmittedStatement::parse(compact) {
        Ok(_) => "taken",
        Err(error) => error.code(),
    }
}

fn code_of_header(json: &str) -> &'static str {
    code(&with_header(json))
}

#[test]
fn what_is_signed_reads_back_and_verifies() {
    let statement = signed();
    let again = SubmittedStatement::parse(statement.compact().as_bytes()).unwrap();
    assert_eq!(again, statement);
    assert_eq!(again.header(), &header());
    assert_eq!(again.header().typ().as_str(), "epcis+jws");
    assert_eq!(again.header().signer(), SignerRef::Certificate(Hash::of(b"certificate")));
    assert_eq!(again.payload(), DOCUMENT);
    assert_eq!(again.check_audience(ORIGIN), Ok(()));
    let verified = again.verify(&public(), &P256).unwrap();
    assert_eq!(verified.id(), statement.id());
    assert_eq!(verified.compact(), statement.compact());
    assert_eq!(verified.verified_with(), public().thumbprint());
}

#[test]
fn an_admin_statement_names_its_member() {
    let iat = Timestamp::from_seconds(0).unwrap();
    let admin = sign(Draft::new(Header::admin(public().thumbprint(), ORIGIN, iat), b"{}").unwrap(), &key());
    let again = SubmittedStatement::parse(admin.compact().as_bytes()).unwrap();
    assert_eq!(again.header().typ(), StatementType::Admin);
    assert_eq!(again.header().signer(), SignerRef::Member(public().thumbprint()));
}

#[test]
fn the_other_half_of_s_verifies_and_keeps_the_id() {
    let statement = signed();
    let twin = Draft::new(header(), DOCUMENT).unwrap().with_signature(other_half(statement.signature()));
    let twin = SubmittedStatement::parse(twin.compact().as_bytes()).unwrap();
    assert_ne!(twin.compact(), statement.compact());
    assert_eq!(twin.id(), statement.id());
    assert!(twin.verify(&public(), &P256).is_ok());
}

fn other_half(signature: &Signature) -> Signature {
    let (r, s) = p256::ecdsa::Signature::from_slice(signature.as_bytes()).unwrap().split_scalars();
    let negated = -*s.as_ref();
    let twin = p256::ecdsa::Signature::from_scalars(r.as_ref().to_repr(), negated.to_repr()).unwrap();
    Signature::from_bytes(twin.to_bytes().into())
}

#[test]
fn the_detached_form_is_the_same_statement() {
    let statement = signed();
    let detached = statement.detached();
    assert!(detached.contains(".."));
    assert_eq!(SubmittedStatement::from_detached(&detached, DOCUMENT), Ok(statement.clone()));
    let other = SubmittedStatement::from_detached(&detached, b"{}").unwrap();
    assert_eq!(other.verify(&public(), &P256), Err(StatementError::BadSignature));
    let fault = SubmittedStatement::from_detached(statement.compact(), DOCUMENT).unwrap_err();
    assert_eq!(fault.code(), "payload-not-detached");
    assert_eq!(code(detached.as_bytes()), "missing-payload");
    let fault = SubmittedStatement::from_detached(&detached, &vec![b'x'; STATEMENT_BYTES_MAX]).unwrap_err();
    assert_eq!(fault.code(), "statement-too-long");
}

#[test]
fn what_is_no_compact_jws_is_refused() {
    let good = signed();
    let good = good.compact();
    assert_eq!(code(b""), "not-three-parts");
    assert_eq!(code(br#"{"payload":"e30","signatures":[]}"#), "not-three-parts");
    assert_eq!(code(format!("{good}.e30").as_bytes()), "not-three-parts");
    for text in [format!("{good}\n"), format!(" {good}"), good.replacen('.', " .", 1), good.replace('.', ".\t")] {
        assert_eq!(code(text.as_bytes()), "white-space", "{text}");
    }
    for text in [format!("{good}="), good.replacen('.', "+.", 1), good.replacen('.', ".é", 1), format!("{good}\0")] {
        assert_eq!(code(text.as_bytes()), "not-base64url", "{text}");
    }
    assert_eq!(code(&[b"\xff", good.as_bytes()].concat()), "not-base64url");
    assert_eq!(code(b"A.e30.AA"), "not-base64url");
    assert_eq!(code(&vec![b'A'; STATEMENT_BYTES_MAX + 1]), "statement-too-long");
}

#[test]
fn the_place_of_a_stray_character_is_named() {
    let text = signed().compact().replacen('.', ".ab=", 1);
    let fault = SubmittedStatement::parse(text.as_bytes()).unwrap_err();
    assert_eq!(fault, StatementError::NotBase64url { part: "payload", offset: 2, fault: "padding is not taken" });
    let fault = SubmittedStatement::parse(format!("a+{}", signed().compact()).as_bytes()).unwrap_err();
    assert!(matches!(fault, StatementError::NotBase64url { part: "header", offset: 1, .. }), "{fault}");
    // What has not three parts is told so, whatever stands in it.
    let fault = SubmittedStatement::parse(b"{\"\xff\": 1}").unwrap_err();
    assert_eq!(fault, StatementError::NotThreeParts { found: 1 });
}

#[test]
fn spare_bits_are_zero_in_every_part() {
    // One byte is two characters, of which the last has four spare bits: "eA" is "x", and "eB" would be too.
    let parts: Vec<String> = signed().compact().split('.').map(str::to_owned).collect();
    let header = format!("{{{}}}", format_args!(r#""alg":"ES256",{}"#, good_members()));
    let padded = (0..3).map(|spaces| header.clone() + &" ".repeat(spaces)).find(|json| json.len() % 3 == 1).unwrap();
    let spare = |text: String| {
        let (head, last) = text.split_at(text.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{head}{next}")
    };
    let cases = [
        format!("{}.{}.{}", spare(encode(padded.as_bytes())), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], spare(encode(b"x")), parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], spare(encode(&[0; 64]))),
    ];
    for (text, part) in cases.iter().zip(["header", "payload", "signature"]) {
        match SubmittedStatement::parse(text.as_bytes()) {
            Err(StatementError::NotBase64url { part: found, .. }) => assert_eq!(found, part),
            other => panic!("{part}: {other:?}"),
        }
    }
}

#[test]
fn only_es256_is_taken_and_it_is_judged_first() {
    for alg in ["none", "HS256", "RS256", "ES384", "PS256", "EdDSA", "ES256K", "es256", "ES256 ", ""] {
        assert_eq!(code_of_header(&format!(r#"{{"alg":"{alg}"}}"#)), "alg-not-allowed", "{alg}");
    }
    assert_eq!(code_of_header(r#"{"alg":["ES256"],"crit":["x"]}"#), "alg-not-allowed");
    assert_eq!(code_of_header(r#"{"typ":"epcis+jws"}"#), "missing-alg");
    // A token of another algorithm has another length of signature; the algorithm is what is wrong with it.
    let unsigned = format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(DOCUMENT));
    assert_eq!(code(unsigned.as_bytes()), "alg-not-allowed");
}

#[test]
fn each_missing_member_has_its_code() {
    let members =
        [("typ", "missing-typ"), ("x5t#S256", "missing-x5t-s256"), ("aud", "missing-aud"), ("iat", "missing-iat")];
    for (name, expected) in members {
        let mut header: serde_json::Map<_, _> =
            serde_json::from_str(&format!("{{{}}}", format_args!(r#""alg":"ES256",{}"#, good_members()))).unwrap();
        header.remove(name);
        assert_eq!(code_of_header(&serde_json::Value::Object(header).to_string()), expected);
    }
    assert_eq!(code_of_header(r#"{"alg":"ES256","typ":"sealane-admin+jws","aud":"x","iat":1}"#), "missing-kid");
}

#[test]
fn members_that_have_no_place_are_refused() {
    let with = |member: &str| code_of_header(&format!(r#"{{"alg":"ES256",{},{member}}}"#, good_members()));
    assert_eq!(with(r#""crit":["exp"]"#), "crit-not-allowed");
    assert_eq!(with(r#""b64":false"#), "b64-not-allowed");
    assert_eq!(with(r#""b64":true,"crit":["b64"]"#), "crit-not-allowed");
    assert_eq!(with(r#""jwk":{"kty":"EC"}"#), "jwk-not-allowed");
    assert_eq!(with(r#""jku":"https://example.com""#), "jku-not-allowed");
    assert_eq!(with(r#""x5c":[]"#), "x5c-not-allowed");
    assert_eq!(with(r#""x5u":"https://example.com""#), "x5u-not-allowed");
    assert_eq!(with(r#""x5t":"AAAA""#), "x5t-not-allowed");
    assert_eq!(with(r#""cty":"json""#), "unknown-header-member");
    assert_eq!(with(&format!(r#""kid":"{}""#, Hash::of(b"x"))), "wrong-signer-member");
    assert_eq!(with(r#""iat":1795253400"#), "duplicate-header-member");
    assert_eq!(with(r#""alg":"none""#), "duplicate-header-member");
    assert_eq!(with(r#""\u0061lg":"ES256""#), "duplicate-header-member");
}

#[test]
fn a_reserved_type_is_refused_by_its_name() {
    let header = format!(r#"{{"alg":"ES256",{}}}"#, good_members().replace("epcis+jws", "sealane-mandate+jws"));
    let error = SubmittedStatement::parse(&with_header(&header)).unwrap_err();
    assert_eq!(error, StatementError::TypReserved { typ: "sealane-mandate+jws" });
    assert_eq!(
        error.to_string(),
        "typ \"sealane-mandate+jws\" is reserved: no statement of this type is taken yet; sign an EPCISDocument as \
         \"epcis+jws\", a decision of a member as \"sealane-admin+jws\""
    );
}

#[test]
fn members_of_the_wrong_kind_are_refused() {
    let with = |name: &str, value: &str| {
        let mut header: serde_json::Map<_, _> =
            serde_json::from_str(&format!("{{{}}}", format_args!(r#""alg":"ES256",{}"#, good_members()))).unwrap();
        header.insert(name.to_owned(), serde_json::from_str(value).unwrap());
        code_of_header(&serde_json::Value::Object(header).to_string())
    };
    for typ in [r#""JWT""#, r#""application/epcis+jws""#, r#""EPCIS+JWS""#, "1", "null"] {
        assert_eq!(with("typ", typ), "bad-typ", "{typ}");
    }
    for row in TYPES.into_iter().filter(|row| row.read_as.is_none()) {
        assert_eq!(with("typ", &format!("{:?}", row.typ)), "type-reserved", "{}", row.typ);
    }
    assert_eq!(with("typ", r#""sealane-admin+jws""#), "wrong-signer-member");
    for thumbprint in [r#""AAAA""#, r#""""#, "7", r#""AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB""#] {
        assert_eq!(with("x5t#S256", thumbprint), "bad-x5t-s256", "{thumbprint}");
    }
    for aud in [r#"["a"]"#, r#""""#, "null"] {
        assert_eq!(with("aud", aud), "bad-aud", "{aud}");
    }
    for iat in ["1.5", "1e9", r#""1795253400""#, "18446744073709551615", "9223372036854775807", "null"] {
        assert_eq!(with("iat", iat), "bad-iat", "{iat}");
    }
    assert_eq!(with("iat", "-1"), "taken");
}

#[test]
fn a_header_that_is_no_object_is_refused() {
    assert_eq!(code_of_header("[]"), "header-not-object");
    assert_eq!(code_of_header("alg"), "header-not-json");
    assert_eq!(code_of_header(""), "header-not-json");
    assert_eq!(code_of_header(&"[".repeat(1000)), "header-not-json");
    assert_eq!(code(&[encode(b"{\"alg\":\"\xff\"}").as_bytes(), b".e30.AA"].concat()), "header-not-json");
    let long = format!(r#"{{"alg":"ES256","{}":1}}"#, "x".repeat(HEADER_BYTES_MAX));
    assert_eq!(code_of_header(&long), "header-too-long");
    let longest = format!(r#"{{"alg":"ES256",{}{}}}"#, good_members(), " ".repeat(HEADER_BYTES_MAX));
    assert_eq!(code_of_header(&longest[..HEADER_BYTES_MAX]), "header-not-json");
}

#[test]
fn a_signature_that_does_not_hold_is_refused() {
    let statement = signed();
    let draft = || Draft::new(header(), DOCUMENT).unwrap();
    let other = PublicKey::from(SigningKey::from_slice(&[8; 32]).unwrap().verifying_key());
    assert_eq!(statement.clone().verify(&other, &P256), Err(StatementError::BadSignature));
    let (r, s) = statement.signature().as_bytes().split_at(32);
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    for (r, s) in [(&[0; 32][..], s), (r, &[0; 32][..]), (&order[..], s), (r, &order[..]), (&[0xff; 32][..], s)] {
        let bad = Signature::from_slice(&[r, s].concat()).unwrap();
        assert_eq!(draft().with_signature(bad).verify(&public(), &P256), Err(StatementError::BadSignature));
    }
    let der = encode(&statement.signature().to_der().unwrap());
    let fault = SubmittedStatement::parse(format!("{}.{der}", statement.signing_input()).as_bytes()).unwrap_err();
    assert_eq!(fault.code(), "signature-length");
    assert!(fault.is_about_signature());
}

#[test]
fn another_ledgers_statement_is_refused() {
    assert_eq!(signed().check_audience("ledger.example/other").unwrap_err().code(), "wrong-audience");
    assert_eq!(signed().check_audience("ledger.example").unwrap_err().code(), "wrong-audience");
}

#[test]
fn a_draft_obeys_the_limits() {
    assert_eq!(Draft::new(header(), b"").unwrap_err().code(), "missing-payload");
    assert_eq!(Draft::new(header(), &vec![0; STATEMENT_BYTES_MAX]).unwrap_err().code(), "statement-too-long");
    let nameless = Header::epcis(Hash::of(b""), "", Timestamp::from_seconds(0).unwrap());
    assert_eq!(Draft::new(nameless, b"{}").unwrap_err().code(), "bad-aud");
    // The longest payload that a draft takes is the longest that a reader takes.
    let around = (STATEMENT_BYTES_MAX - signed().compact().len()) * 3 / 4 + DOCUMENT.len();
    let longest = (around - 4..around + 4).rev().find_map(|length| Draft::new(header(), &vec![b' '; length]).ok());
    let statement = sign(longest.unwrap(), &key());
    assert!(STATEMENT_BYTES_MAX - statement.compact().len() < 3);
    assert_eq!(code(statement.compact().as_bytes()), "taken");
}

#[test]
fn keys_have_three_forms_of_one_point() {
    let public = public();
    assert_eq!(PublicKey::from_sec1(public.sec1()), Ok(public.clone()));
    assert_eq!(PublicKey::from_spki_der(&public.spki_der()), Ok(public.clone()));
    assert_eq!(PublicKey::from_jwk(&public.jwk()), Ok(public.clone()));
    assert_eq!(Hash::of(&public.spki_der()), public.thumbprint());
    let text = serde_json::to_string(&public).unwrap();
    assert!(text.starts_with(r#"{"kty":"EC","crv":"P-256","x":""#), "{text}");
    assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), public);
    let parsed = p256::ecdsa::VerifyingKey::from_public_key_der(&public.spki_der());
    assert_eq!(PublicKey::from(&parsed.unwrap()), public);
}

#[test]
fn what_is_no_key_is_refused() {
    let public = public();
    let mut point = *public.sec1();
    point[64] ^= 1;
    assert_eq!(PublicKey::from_sec1(&point), Err(PublicKeyError::NotOnCurve));
    point = [0xff; 65];
    point[0] = 4;
    assert_eq!(PublicKey::from_sec1(&point), Err(PublicKeyError::NotOnCurve));
    point = [0; 65];
    point[0] = 4;
    assert_eq!(PublicKey::from_sec1(&point), Err(PublicKeyError::NotOnCurve));
    for other in [&[][..], &[0], &public.sec1()[1..], key().verifying_key().to_sec1_point(true).as_bytes()] {
        assert!(matches!(PublicKey::from_sec1(other), Err(PublicKeyError::NotUncompressed { .. })));
    }
    let mut spki = public.spki_der();
    spki.push(0);
    assert_eq!(PublicKey::from_spki_der(&spki), Err(PublicKeyError::NotP256Spki));
    for (name, value) in [("kty", "RSA"), ("crv", "P-384"), ("x", "AA"), ("d", "AA"), ("use", "sig"), ("y", "")] {
        let mut jwk = public.jwk();
        jwk[name] = value.into();
        assert!(matches!(PublicKey::from_jwk(&jwk), Err(PublicKeyError::Jwk { .. })), "{name}");
    }
    assert!(PublicKey::from_jwk(&serde_json::Value::Null).is_err());
}

#[test]
fn signatures_have_two_forms() {
    let signature = *signed().signature();
    assert_eq!(signature.to_string().parse(), Ok(signature));
    assert_eq!(Signature::from_der(&signature.to_der().unwrap()), Ok(signature));
    assert_eq!(Signature::from_bytes([0; 64]).to_der(), Err(SignatureError::OutOfRange));
    assert_eq!(Signature::from_der(&[0x30]), Err(SignatureError::NotDer));
    assert_eq!("AAAA".parse::<Signature>(), Err(SignatureError::Malformed));
    assert_eq!(signature.to_string().len(), Signature::BASE64URL_LEN);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_payload_round_trips(payload in prop::collection::vec(any::<u8>(), 1..200)) {
        let statement = sign(Draft::new(header(), &payload).unwrap(), &key());
        let again = SubmittedStatement::parse(statement.compact().as_bytes()).unwrap();
        prop_assert_eq!(again.payload(), &payload[..]);
        prop_assert!(again.verify(&public(), &P256).is_ok());
    }

    #[test]
    fn no_single_changed_bit_verifies(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let statement = signed();
        let mut bytes = statement.compact().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let verified = SubmittedStatement::parse(&bytes).and_then(|statement| statement.verify(&public(), &P256));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SubmittedStatement::parse(&bytes);
    }

    #[test]
    fn no_header_makes_the_reader_panic(header in "\\{(\"(alg|typ|aud|iat|kid)\":(\"ES256\"|1|null|\\[\\]),?){0,6}\\}") {
        let _ = SubmittedStatement::parse(&with_header(&header));
    }
}
