use p256::ecdsa::SigningKey;

use super::*;
use crate::statement::{P256, SubmittedStatement};

const TARGET: &str = "/participants?status=pending";
const CONSOLE: &str = "127.0.0.1:8081";

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

fn public(number: u8) -> PublicKey {
    PublicKey::from_sec1(key(number).verifying_key().to_sec1_point(false).as_bytes()).unwrap()
}

fn origin() -> Origin {
    "a.example/x".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_253_400 + seconds).unwrap()
}

fn sign(number: u8, input: &str) -> String {
    signed_word(input, &Signature::sign(&key(number), input.as_bytes()))
}

fn question(method: &str, target: &str) -> String {
    sign(1, &MemberQuestion { method, target }.signing_input(public(1).thumbprint(), &origin(), at(0)))
}

fn ask(word: &str, origin: &Origin, now: Timestamp) -> Result<Hash, WordError> {
    let key = public(1);
    let asked = MemberQuestion { method: "GET", target: TARGET };
    asked.asked_by(word, origin, now, &P256, |kid| (*kid == key.thumbprint()).then_some(&key))
}

fn link(issued: Timestamp) -> ConsoleLink {
    ConsoleLink { console: CONSOLE.to_owned(), nonce: Hash::of(b"nonce"), issued }
}

fn open(word: &str, console: &str) -> Result<ConsoleLink, WordError> {
    ConsoleLink::read(word, console, &origin(), &public(1), at(0), &P256)
}

#[test]
fn a_question_holds_for_its_request_and_a_minute() {
    let word = question("GET", TARGET);
    let kid = public(1).thumbprint();
    for seconds in [-60, 0, 60] {
        assert_eq!(ask(&word, &origin(), at(seconds)), Ok(kid), "{seconds}");
    }
    assert!(matches!(ask(&word, &origin(), at(61)), Err(WordError::Expired { .. })));
    assert!(matches!(ask(&word, &origin(), at(-61)), Err(WordError::Ahead { .. })));
    let other = "b.example/x".parse().unwrap();
    assert!(matches!(ask(&word, &other, at(0)), Err(WordError::OtherLedger { .. })));
    for (method, target) in
        [("HEAD", TARGET), ("GET", "/participants"), ("GET", "/participants?status=pending&perPage=2")]
    {
        let refused = ask(&question(method, target), &origin(), at(0));
        assert_eq!(refused, Err(WordError::OtherRequest(format!("{method} {target}"))));
    }
}

#[test]
fn only_a_key_that_counts_asks() {
    let asked = MemberQuestion { method: "GET", target: TARGET };
    let foreign = asked.signing_input(public(2).thumbprint(), &origin(), at(0));
    assert!(matches!(ask(&sign(2, &foreign), &origin(), at(0)), Err(WordError::UnknownKey { .. })));
    let stolen = asked.signing_input(public(1).thumbprint(), &origin(), at(0));
    assert_eq!(ask(&sign(2, &stolen), &origin(), at(0)), Err(WordError::BadSignature));
}

#[test]
fn a_link_is_for_one_console_of_one_member() {
    let made = link(at(0));
    let word = sign(1, &made.signing_input(public(1).thumbprint(), &origin()));
    assert_eq!(open(&word, CONSOLE), Ok(made.clone()));
    assert_eq!(open(&word, "127.0.0.1:8082"), Err(WordError::OtherConsole(CONSOLE.to_owned())));
    let forged = sign(2, &made.signing_input(public(1).thumbprint(), &origin()));
    assert_eq!(open(&forged, CONSOLE), Err(WordError::BadSignature));
    let old = sign(1, &link(at(-61)).signing_input(public(1).thumbprint(), &origin()));
    assert!(matches!(open(&old, CONSOLE), Err(WordError::Expired { .. })));
}

#[test]
fn no_kind_is_taken_for_another() {
    let word = sign(1, &link(at(0)).signing_input(public(1).thumbprint(), &origin()));
    assert_eq!(ask(&word, &origin(), at(0)), Err(WordError::Malformed("its typ is another one")));
    assert_eq!(open(&question("GET", TARGET), CONSOLE), Err(WordError::Malformed("its typ is another one")));
    for word in [word, question("GET", TARGET)] {
        let refused = SubmittedStatement::parse(word.as_bytes()).unwrap_err();
        assert_eq!(refused.code(), "bad-typ");
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let good = question("GET", TARGET);
    let swap = |from: &str, to: &str| {
        let (header, rest) = good.split_once('.').unwrap();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert!(header.contains(from), "{header}");
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.replace(from, to)))
    };
    let wrong = [
        String::new(),
        "a.b".to_owned(),
        good.replacen('.', "..", 1),
        "x".repeat(WORD_CHARS_MAX + 1),
        swap("ES256", "none"),
        swap("\"iat\":", "\"iat\":\"x\",\"exp\":"),
        swap("\"kid\":\"", "\"kid\":\"x"),
        swap("{\"alg\"", "{\"alg\":\"ES256\",\"alg\""),
        swap("}", ",\"b64\":false}"),
    ];
    for word in wrong {
        assert!(matches!(ask(&word, &origin(), at(0)), Err(WordError::Malformed(_))), "{word}");
    }
}

#[test]
fn no_character_can_be_changed() {
    let good = question("GET", TARGET);
    for at_character in 0..good.len() {
        let mut wrong = good.clone().into_bytes();
        wrong[at_character] = if wrong[at_character] == b'A' { b'B' } else { b'A' };
        assert!(ask(std::str::from_utf8(&wrong).unwrap(), &origin(), at(0)).is_err(), "character {at_character}");
    }
}
