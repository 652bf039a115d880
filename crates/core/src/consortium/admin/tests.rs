//! Each admin statement as bytes: what is written reads back, and each member is asked for exactly.

use p256::ecdsa::SigningKey;
use serde_json::{Value, json};

use super::*;
use crate::block::NoteSigningKey;
use crate::limits::{
    LIFTED_IDS_MAX, LOOKALIKES_MAX, LOOKED_AT_MAX, MEDIA_TYPE_CHARS_MAX, POLICY_COUNT_MAX, TERMS_URI_CHARS_MAX,
    TITLE_CHARS_MAX,
};

const ONE: &str = "00000000-0000-4000-8000-000000000001";
const TWO: &str = "00000000-0000-4000-8000-000000000002";
const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S1";
const OTHER: &str = "https://id.gs1.org/01/09506000134352/21/S2";
const TIME: &str = "2026-03-01T00:00:00.000Z";

fn key(seed: u8) -> PublicKey {
    PublicKey::from(SigningKey::from_slice(&[seed; 32]).unwrap().verifying_key())
}

fn jwk(seed: u8) -> Value {
    serde_json::to_value(key(seed)).unwrap()
}

fn kid(seed: u8) -> String {
    key(seed).thumbprint().to_string()
}

fn hash(text: &str) -> String {
    Hash::of(text.as_bytes()).to_string()
}

fn note_key() -> String {
    NoteSigningKey::from_seed(&[7; 32]).public().to_string()
}

fn signature() -> String {
    Signature::from_bytes([7; 64]).to_string()
}

fn proposal(changes: &[Value]) -> Value {
    json!({"type": "proposal", "changes": changes, "expires": TIME})
}

/// One change of each kind, with all that it may have.
fn changes() -> Vec<Value> {
    vec![
        json!({"type": "admit", "name": "Second", "jwk": jwk(1), "noteKey": note_key(), "proof": signature()}),
        json!({"type": "remove", "kid": kid(2)}),
        json!({"type": "replace", "kid": kid(2), "jwk": jwk(3), "noteKey": note_key(), "proof": signature()}),
        json!({"type": "revoke", "participant": ONE, "reason": "it left", "compromisedSince": TIME,
            "dismissesClaims": true}),
        json!({"type": "dismiss", "participant": ONE, "claims": [{"from": 3, "to": 3}, {"from": 5, "to": 9}],
            "reason": "smears"}),
        json!({"type": "lift", "recall": 7, "ids": [ITEM, OTHER], "reason": "no fault found"}),
        json!({"type": "authority", "registration": ONE}),
        json!({"type": "succeeds", "former": ONE, "participant": TWO}),
        json!({"type": "policy", "name": "contactsPerDay", "value": 20_000, "participant": ONE}),
        json!({"type": "rules", "number": 2, "notBefore": TIME}),
    ]
}

fn vote(value: &Value) -> Value {
    json!({"kid": kid(2), "kind": "prevote", "height": 5, "round": 1, "value": value, "signature": signature()})
}

fn proposed(pol_round: u32, value: &str) -> Value {
    json!({"kid": kid(2), "kind": "proposal", "height": 5, "round": 3, "polRound": pol_round, "value": hash(value),
        "signature": signature()})
}

fn fault(first: &Value, second: &Value) -> Value {
    json!({"type": "fault", "first": first, "second": second})
}

fn registration() -> Value {
    json!({
        "type": "registration", "participant": ONE,
        "claims": {"organization": "One", "roles": ["manufacturer"], "glns": ["9506000134369"],
            "gs1CompanyPrefixes": ["9506000"], "namespaces": ["https://a.example/"], "lei": "506700GE1G29325QX363",
            "contact": "mailto:quality@example.com", "terms": hash("terms")},
        "request": "AAAA",
        "certificate": {"x509": "AAAA", "jwk": jwk(1), "notBefore": TIME, "notAfter": "2027-03-01T00:00:00.000Z"},
        "evidence": [
            {"mediaType": "application/pdf", "sha256": hash("licence"), "title": "Licence of the company prefix"},
            {"mediaType": "image/svg+xml", "sha256": hash("plan"), "title": "\u{100}"},
        ],
        "similarTo": [TWO],
    })
}

fn revocation() -> Value {
    json!({"type": "revocation", "participant": ONE, "reason": "it left", "compromisedSince": TIME,
        "dismissesClaims": true})
}

/// A sound payload of each type that has grown, or is new.
fn sound() -> Vec<Value> {
    let mut all = vec![
        registration(),
        revocation(),
        json!({"type": "withdrawal", "proposal": hash("proposal")}),
        json!({"type": "ballot", "proposal": hash("proposal"), "yes": false}),
        json!({"type": "ready", "proposal": hash("proposal"), "height": 12, "root": hash("root")}),
        json!({"type": "endorsement", "registration": ONE}),
        fault(&vote(&json!(null)), &vote(&json!(hash("block")))),
        fault(&proposed(0, "block"), &proposed(2, "block")),
        proposal(&changes()),
    ];
    all.extend(changes().into_iter().map(|change| proposal(&[change])));
    all
}

fn parse(value: &Value) -> Result<Admin, AdminError> {
    Admin::parse(value.to_string().as_bytes())
}

/// Fails unless the payload is refused, with these words.
fn refused(value: &Value, words: &str) {
    let error = parse(value).expect_err(&format!("taken: {value}")).to_string();
    assert!(error.contains(words), "{value}: {error}");
}

/// The pointers to all objects in a payload but keys, which have their own strict reader.
fn objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if !members.contains_key("kty") {
                found.push(pointer.to_owned());
            }
            members.iter().for_each(|(name, member)| objects(member, &format!("{pointer}/{name}"), found));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, item)| objects(item, &format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn what_is_written_reads_back_and_is_written_the_same() {
    for value in sound() {
        let text = value.to_string();
        let admin = parse(&value).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(admin.type_name(), value["type"]);
        let written = admin.to_payload();
        assert_eq!(String::from_utf8(written.clone()).unwrap(), text);
        assert_eq!(Admin::parse(&written).unwrap(), admin);
    }
}

#[test]
fn each_object_has_its_members_and_no_other_and_none_is_null() {
    const MAY_BE_LEFT_OUT: [&str; 9] = [
        "lei",
        "contact",
        "terms",
        "evidence",
        "similarTo",
        "compromisedSince",
        "dismissesClaims",
        "participant",
        "polRound",
    ];
    let mut looked_at = 0;
    for value in sound() {
        let mut pointers = Vec::new();
        objects(&value, "", &mut pointers);
        for pointer in pointers {
            let members: Vec<String> = value.pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            let edited = |edit: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                let mut value = value.clone();
                edit(value.pointer_mut(&pointer).unwrap().as_object_mut().unwrap());
                value
            };
            assert!(parse(&edited(&|object| drop(object.insert("more".to_owned(), json!(1))))).is_err(), "{pointer}");
            for name in members {
                looked_at += 1;
                let without = edited(&|object| drop(object.shift_remove(&name)));
                let is_policy = value.pointer(&pointer).unwrap()["type"] == "policy";
                let is_optional = MAY_BE_LEFT_OUT.contains(&name.as_str()) && (name != "participant" || is_policy);
                // Two proposals that differ in their polRounds alone clash no less if one of them has none.
                assert_eq!(parse(&without).is_ok(), is_optional, "{value} without {pointer}/{name}");
                let null = edited(&|object| object[&name] = json!(null));
                let may_be_null = (name == "compromisedSince" && pointer.is_empty()) || null == value;
                assert_eq!(parse(&null).is_ok(), may_be_null, "{value} with null as {pointer}/{name}");
            }
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}

#[test]
fn members_of_the_wrong_kind_are_refused() {
    for value in sound() {
        let mut pointers = Vec::new();
        objects(&value, "", &mut pointers);
        for pointer in pointers {
            for (name, member) in value.pointer(&pointer).unwrap().as_object().unwrap() {
                for other in [json!([]), json!({}), json!(-1), json!(1.5), json!(""), json!([{}])] {
                    if other == *member {
                        continue;
                    }
                    let mut value = value.clone();
                    value.pointer_mut(&pointer).unwrap()[name] = other;
                    // Lists of claims may be empty, and nobody here reads DER.
                    let may_be_empty = match name.as_str() {
                        "glns" | "gs1CompanyPrefixes" | "namespaces" => json!([]),
                        "request" | "x509" => json!(""),
                        _ => json!(null),
                    };
                    let is_empty = value.pointer(&pointer).unwrap()[name] == may_be_empty;
                    assert_eq!(parse(&value).is_ok(), is_empty, "{value} at {pointer}/{name}");
                }
            }
        }
    }
}

#[test]
fn single_keys_are_claimed_beside_prefixes() {
    let keys = |keys: &[&str]| {
        let mut value = registration();
        value["claims"]["gs1Keys"] = json!(keys);
        value
    };
    let key = "https://id.gs1.org/01/00000096385074";
    let Ok(Admin::Registration(one)) = parse(&keys(&[key, "https://id.gs1.org/414/9521000000018"])) else { panic!() };
    assert_eq!(one.claims.gs1_keys[0].as_str(), key);
    for (wrong, words) in [
        (keys(&[]), "an empty list is left out"),
        (keys(&[key, key]), "two of them are the same"),
        (keys(&["96385074"]), "is not the canonical form, which is https://id.gs1.org/01/00000096385074"),
        (keys(&["https://id.gs1.org/01/09506000134352"]), "lies under a company prefix of these claims"),
        (keys(&["https://id.gs1.org/01/00000096385074/21/A"]), "is no single GS1 key"),
    ] {
        let error = parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let mut nothing = registration();
    nothing["claims"]["gs1CompanyPrefixes"] = json!(["00000"]);
    assert!(parse(&nothing).unwrap_err().to_string().contains("covers nothing"));
}

#[test]
fn an_absent_member_is_not_written_and_an_empty_one_is_refused() {
    let mut plain = registration();
    for name in ["lei", "contact", "terms"] {
        plain["claims"].as_object_mut().unwrap().shift_remove(name);
    }
    for name in ["evidence", "similarTo"] {
        plain.as_object_mut().unwrap().shift_remove(name);
    }
    let admin = parse(&plain).unwrap();
    assert_eq!(admin.to_payload(), plain.to_string().into_bytes());
    for name in ["evidence", "similarTo"] {
        let mut empty = plain.clone();
        empty[name] = json!([]);
        refused(&empty, "an empty list is left out");
    }
    let mut revocation = revocation();
    revocation["dismissesClaims"] = json!(false);
    refused(&revocation, "a flag that is not set is left out");
    revocation.as_object_mut().unwrap().shift_remove("dismissesClaims");
    assert_eq!(parse(&revocation).unwrap().to_payload(), revocation.to_string().into_bytes());
}

#[test]
fn what_a_registration_gained_is_checked() {
    let with = |pointer: &str, value: Value| {
        let mut registration = registration();
        *registration.pointer_mut(pointer).unwrap() = value;
        registration
    };
    let repeated = |times: usize| {
        let one = |n| json!({"mediaType": "application/pdf", "sha256": hash(&format!("{n}")), "title": "One"});
        Value::Array((0..times).map(one).collect())
    };
    let media = "/evidence/0/mediaType";
    let title = "/evidence/0/title";
    let ids =
        |times: usize| json!((0..times).map(|n| format!("{n:08}-0000-4000-8000-000000000000")).collect::<Vec<_>>());
    assert!(parse(&with("/evidence", repeated(LOOKED_AT_MAX))).is_ok());
    assert!(parse(&with("/similarTo", ids(LOOKALIKES_MAX))).is_ok());
    assert!(parse(&with(title, json!("x".repeat(TITLE_CHARS_MAX)))).is_ok());
    assert!(parse(&with(media, json!(format!("a/{}", "b".repeat(MEDIA_TYPE_CHARS_MAX - 2))))).is_ok());
    for (pointer, value, words) in [
        ("/claims/lei", json!("506700GE1G29325QX364"), "check digits"),
        ("/claims/contact", json!("http://example.com"), "https://, mailto: or tel:"),
        ("/claims/terms", json!("AAAA"), "a SHA-256 value is 32 bytes"),
        ("/evidence", repeated(LOOKED_AT_MAX + 1), "at most 20 files"),
        ("/evidence/1/sha256", json!(hash("licence")), "named twice"),
        ("/evidence/0/sha256", json!("AAAA"), "a SHA-256 value is 32 bytes"),
        (title, json!(""), "a title has 1 to 200 characters"),
        (title, json!(" "), "a title"),
        (title, json!(" Licence"), "no white space at either end"),
        (title, json!("a\nb"), "a title"),
        (title, json!("a\u{202e}b"), "none of them invisible"),
        (title, json!("x".repeat(TITLE_CHARS_MAX + 1)), "a title"),
        (media, json!("pdf"), "mediaType"),
        (media, json!("Application/pdf"), "mediaType"),
        (media, json!("text/plain; charset=utf-8"), "mediaType"),
        (media, json!("text/"), "mediaType"),
        (media, json!("/plain"), "mediaType"),
        (media, json!("a/b/c"), "mediaType"),
        (media, json!(format!("a/{}", "b".repeat(MEDIA_TYPE_CHARS_MAX - 1))), "mediaType"),
        ("/claims/roles", json!(["authority", "shipper"]), "authority stands alone"),
        ("/similarTo", ids(LOOKALIKES_MAX + 1), "at most 16 organisations"),
        ("/similarTo", json!([ONE]), "similar to itself"),
        ("/similarTo", json!([TWO, TWO]), "in the order of their ids, each once"),
        ("/similarTo", json!([TWO, "00000000-0000-4000-8000-000000000000"]), "in the order of their ids, each once"),
        ("/similarTo", json!(["Acme"]), "no participant id"),
    ] {
        refused(&with(pointer, value), words);
    }
    assert!(parse(&with("/claims/roles", json!(["authority"]))).is_ok());
}

#[test]
fn a_proposal_has_one_to_ten_changes_each_once() {
    let removals = |many: u8| (1..=many).map(|n| json!({"type": "remove", "kid": kid(n)})).collect::<Vec<_>>();
    assert!(parse(&proposal(&removals(10))).is_ok());
    refused(&proposal(&[]), "1 to 10 changes; this has 0");
    refused(&proposal(&removals(11)), "1 to 10 changes; this has 11");
    refused(&proposal(&[removals(1), removals(2)].concat()), "change 1, from 0, stands twice");
    refused(&proposal(&[json!({"type": "expel", "kid": kid(1)})]), "unknown variant `expel`");
    refused(&json!({"type": "vote", "proposal": hash("proposal")}), "unknown variant `vote`");
}

/// Each change with one member changed, and the words that refuse it.
#[test]
fn each_change_is_checked() {
    let all = changes();
    let [admit, _, replace, revoke, dismiss, lift, _, succeeds, _, rules] = <[Value; 10]>::try_from(all).unwrap();
    let with = |change: &Value, name: &str, value: Value| {
        let mut change = change.clone();
        change[name] = value;
        proposal(&[change])
    };
    let ids = |many: usize| (0..many).map(|n| format!("https://example.com/{n}")).collect::<Vec<_>>();
    let ranges = |many: u64| (0..many).map(|n| json!({"from": 2 * n, "to": 2 * n})).collect::<Vec<_>>();
    assert!(parse(&with(&lift, "ids", json!(ids(LIFTED_IDS_MAX)))).is_ok());
    assert!(parse(&with(&dismiss, "claims", json!(ranges(100)))).is_ok());
    for (change, name, value, words) in [
        (&admit, "name", json!(""), "a member's name has"),
        (&admit, "name", json!("a\nb"), "a member's name has"),
        (&admit, "noteKey", json!("AAAA"), "a noteKey is an Ed25519 public key, 32 bytes"),
        (&admit, "noteKey", json!(format!("{}=", note_key())), "a noteKey is an Ed25519 public key, 32 bytes"),
        (&admit, "noteKey", json!(Hash::from_bytes([2; 32])), "no point of the curve"),
        (&admit, "proof", json!("AAAA"), "signature"),
        (&replace, "kid", json!(kid(3)), "the new key is the old one"),
        (&revoke, "reason", json!(" "), "a reason has 1 to"),
        (&revoke, "dismissesClaims", json!(false), "left out"),
        (&revoke, "compromisedSince", json!("yesterday"), "RFC 3339"),
        (&dismiss, "claims", json!([]), "1 to 100 ranges; this names 0"),
        (&dismiss, "claims", json!(ranges(101)), "1 to 100 ranges; this names 101"),
        (&dismiss, "claims", json!([{"from": 3, "to": 2}]), "goes from 3 to 2"),
        (&dismiss, "claims", json!([{"from": 3, "to": 5}, {"from": 5, "to": 6}]), "the range from 5"),
        (&dismiss, "claims", json!([{"from": 3, "to": 5}, {"from": 6, "to": 7}]), "the range from 6"),
        (&dismiss, "claims", json!([{"from": 8, "to": 9}, {"from": 3, "to": 5}]), "the range from 3"),
        (&dismiss, "claims", json!([{"from": 3, "to": 1_u64 << 53}]), "a leaf index"),
        (&dismiss, "reason", json!(""), "a reason has 1 to"),
        (&lift, "ids", json!([]), "1 to 1000 ids; this names 0"),
        (&lift, "ids", json!(ids(LIFTED_IDS_MAX + 1)), "1 to 1000 ids; this names 1001"),
        (&lift, "ids", json!([ITEM, OTHER, ITEM]), "is named twice"),
        (&lift, "ids", json!(["https://example.com/01/09506000134352/21/S1"]), "canonical"),
        (&lift, "ids", json!(["(01)09506000134352"]), ""),
        (&lift, "reason", json!(""), "a reason has 1 to"),
        (&succeeds, "former", json!(TWO), "does not succeed itself"),
        (&rules, "number", json!(0), "begin at 1"),
        (&rules, "number", json!(1_u64 << 32), "u32"),
    ] {
        refused(&with(change, name, value), words);
    }
}

#[test]
fn each_policy_has_its_own_form_of_value() {
    let policy = |name: &str, value: Value| proposal(&[json!({"type": "policy", "name": name, "value": value})]);
    let terms = json!({"uri": "https://example.com/terms/1", "sha256": hash("terms")});
    let count = POLICY_COUNT_MAX;
    let whole: [(&str, u64, u64); 8] = [
        ("registrationEndorsements", 0, 99),
        ("contactsPerDay", 1, count),
        ("newIdsPerDay", 1, count),
        ("newIdsInAll", 1, count),
        ("leavesPerSubjectInAll", 1, count),
        ("subjectsMax", 1, count),
        ("maxSpeedKmh", 1, 28_000),
        ("clockToleranceMinutes", 0, 1_440),
    ];
    for (name, least, most) in whole {
        for value in [least, most] {
            let sound = policy(name, json!(value));
            assert_eq!(parse(&sound).unwrap().to_payload(), sound.to_string().into_bytes());
        }
        let words = format!("the policy {name} is a whole number from {least} to {most}; this is ");
        for wrong in [json!(most + 1), json!(i64::try_from(least).unwrap() - 1), json!(1.5), json!("5"), terms.clone()]
        {
            refused(&policy(name, wrong), &words);
        }
    }
    for sound in [policy("terms", terms.clone()), policy("leavesPerSubjectPerDay", json!({"piece": 1, "lot": count}))] {
        assert_eq!(parse(&sound).unwrap().to_payload(), sound.to_string().into_bytes());
    }
    let long = format!("https://{}", "x".repeat(TERMS_URI_CHARS_MAX));
    for wrong in [
        json!(5),
        json!({"uri": "https://example.com/terms/1"}),
        json!({"uri": "http://example.com/terms/1", "sha256": hash("terms")}),
        json!({"uri": "https://", "sha256": hash("terms")}),
        json!({"uri": "https://example.com/a b", "sha256": hash("terms")}),
        json!({"uri": long, "sha256": hash("terms")}),
        json!({"uri": "https://example.com/terms/1", "sha256": "AAAA"}),
    ] {
        refused(&policy("terms", wrong), "the policy terms is an object of uri");
    }
    for wrong in [json!(5), json!({"piece": 0, "lot": 1}), json!({"piece": 1, "lot": count + 1}), json!({"piece": 1})] {
        refused(&policy("leavesPerSubjectPerDay", wrong), "the policy leavesPerSubjectPerDay is an object");
    }
    refused(&policy("quorum", json!(1)), "unknown variant `quorum`");
}

#[test]
fn only_quotas_of_participants_are_set_for_one() {
    let terms = json!({"uri": "https://example.com/terms/1", "sha256": hash("terms")});
    let mut taken = Vec::new();
    for name in PolicyName::ALL {
        let value = match name {
            PolicyName::Terms => terms.clone(),
            PolicyName::LeavesPerSubjectPerDay => json!({"piece": 1, "lot": 2}),
            _ => json!(1),
        };
        let change = json!({"type": "policy", "name": name.as_str(), "value": value, "participant": ONE});
        match parse(&proposal(std::slice::from_ref(&change))) {
            Ok(_) => taken.push(name.as_str()),
            Err(_) => refused(&proposal(&[change]), "is the same for all"),
        }
    }
    let quotas = ["contactsPerDay", "newIdsPerDay", "newIdsInAll", "leavesPerSubjectPerDay", "leavesPerSubjectInAll"];
    assert_eq!(taken, quotas);
}

#[test]
fn a_fault_is_two_sayings_that_clash() {
    let (none, block) = (vote(&json!(null)), vote(&json!(hash("block"))));
    let with = |one: &Value, name: &str, value: Value| {
        let mut one = one.clone();
        one[name] = value;
        one
    };
    let other = "must be of the same kid, kind, height and round";
    for (first, second, words) in [
        (&none, none.clone(), "it says the same as first"),
        (
            &none,
            with(&none, "signature", json!(Signature::from_bytes([8; 64]).to_string())),
            "it says the same as first",
        ),
        (&none, with(&block, "kid", json!(kid(3))), other),
        (&none, with(&block, "kind", json!("precommit")), other),
        (&none, with(&block, "height", json!(6)), other),
        (&none, with(&block, "round", json!(2)), other),
        (&none, with(&block, "height", json!(0)), "no block of height 0"),
        (&none, with(&block, "polRound", json!(0)), "only a proposal has a polRound"),
        (&none, with(&block, "kind", json!("vote")), "unknown variant `vote`"),
        (&proposed(0, "block"), proposed(0, "block"), "it says the same as first"),
        (&proposed(0, "block"), proposed(3, "block"), "polRound is a round before"),
        (&proposed(0, "block"), with(&proposed(0, "block"), "value", json!(null)), "a proposal has a value"),
    ] {
        refused(&fault(first, &second), words);
    }
    let precommit = |value: Value| with(&vote(&value), "kind", json!("precommit"));
    assert!(parse(&fault(&precommit(json!(hash("one"))), &precommit(json!(hash("two"))))).is_ok());
}
