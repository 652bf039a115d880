//! Small ledgers of what hardly ever happens, where one reader of `docs/FORMATS.md` could go another way than the next.

use sealane_core::evidence::Evidence;
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, ListEntry, SignerTag, Subject, SubjectKind};
use sealane_core::ledger::Rules;
use sealane_core::statement::{PublicKey, StatementId};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::commits::{CERTIFICATE, Council, council, maker, time};
use crate::node::signing_key;
use crate::set::examine;
use crate::tampering::variant;

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const PIECE: &str = "https://id.gs1.org/8006/095060001343520102";
const GTIN_8: &str = "https://id.gs1.org/01/00000096385074";
const NAMESPACE: &str = "https://a.example/x/";
const RECALLED: &str = "http://ref.gs1.org/cbv/Disp-recalled";
const SHIPPER_CERTIFICATE: &[u8] = b"certificate of the shipper";

/// Evidence about an id, and the error that refuses it, if one does.
pub struct Odd {
    pub what: &'static str,
    pub id: Id,
    pub evidence: Evidence,
    pub now: Timestamp,
    pub refusal: Option<&'static str>,
}

fn item(serial: &str) -> String {
    format!("{CLASS}/21/{serial}")
}

fn crate_id(name: &str) -> String {
    format!("{NAMESPACE}{name}")
}

/// An event at seven in the morning; its members may say otherwise.
fn event(day: u32, kind: &str, members: Value) -> Value {
    let mut event = json!({
        "type": kind, "eventTime": format!("2026-03-{day:02}T07:00:00Z"), "eventTimeZoneOffset": "+00:00",
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

impl Council {
    /// Writes a block of one event, which stands alone, without a document around it.
    fn tell(&mut self, day: u32, kind: &str, members: Value) {
        let mut event = event(day, kind, members);
        event["@context"] = json!("https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld");
        self.capture(day, time("01T08:00"), CERTIFICATE, &maker(), &event);
    }

    fn observe(&mut self, day: u32, ids: &[&str]) {
        self.tell(day, "ObjectEvent", json!({"epcList": ids, "action": "OBSERVE"}));
    }

    fn pack(&mut self, day: u32, child: &str, parent: &str) {
        self.tell(day, "AggregationEvent", json!({"childEPCs": [child], "parentID": parent, "action": "ADD"}));
    }
}

/// P is made of C, packed into D, and D into C, which was packed into E before.
fn eaten_by_its_own_container(council: &mut Council) {
    let [c, d, e] = ["C", "D", "E"].map(crate_id);
    let p = item("P");
    council.observe(4, &[&e]);
    council.tell(4, "TransformationEvent", json!({"inputEPCList": [c], "outputEPCList": [p]}));
    council.pack(5, &c, &e);
    council.observe(7, &[&e]);
    council.observe(9, &[&e]);
    council.pack(10, &p, &d);
    council.pack(11, &d, &c);
    council.observe(12, &[&e]);
}

fn recalls(council: &mut Council) {
    let recalled = |members: Value| {
        let mut members = members;
        members["action"] = json!("OBSERVE");
        members
    };
    let piece = json!({"quantityList": [{"epcClass": PIECE}], "disposition": RECALLED});
    council.tell(12, "ObjectEvent", recalled(piece));
    let own = json!({"epcList": [NAMESPACE], "disposition": "cbv:Disp-recalled"});
    council.tell(12, "ObjectEvent", recalled(own));
    let lot = json!({"quantityList": [{"epcClass": format!("{CLASS}/10/L-U")}], "persistentDisposition": {"set": ["recalled"]}});
    council.tell(12, "ObjectEvent", recalled(lot));
}

fn lots(council: &mut Council) {
    let made = |ids: &[&str], ilmd: Value| json!({"epcList": ids, "action": "ADD", "ilmd": ilmd});
    let unit = "urn:EPC:id:upui:9506000.013435.T%3C1";
    council.tell(13, "ObjectEvent", made(&[unit], json!({"https://a.example/a#lotNumber": "L-U"})));
    let two = json!({"urn:a:lotNumber": 7, "cbvmda:lotNumber": "L-E"});
    council.tell(13, "ObjectEvent", made(&[&item("LOT-1")], two));
    council.tell(13, "ObjectEvent", made(&[&item("LOT-2")], json!({"cbvmda:lotNumber": "L E"})));
}

/// Eighteen destinations, of which the last two are beyond the first sixteen.
fn destinations(council: &mut Council) {
    let place = "https://id.gs1.org/414/9506000134369";
    let mut list = vec![json!({"type": "location", "destination": place}); 14];
    for further in [&format!("{place}/254/7"), "urn:second:1", "urn:third:1", "urn:fourth:1"] {
        list.push(json!({"type": "owning_party", "destination": further}));
    }
    let members = json!({"epcList": [item("SENT")], "action": "OBSERVE", "destinationList": list});
    council.tell(14, "ObjectEvent", members);
}

/// Spellings and what each stands for.
const SPELLINGS: [(&str, &str); 9] = [
    ("https://shop.example/00/faux/%301/09506000134352/21/G1", "/01/09506000134352/21/G1"),
    ("http://ID.gs1.org.:80/gtin/9506000134352/cpv/V/lot/L/ser/G2?x=1#y", "/01/09506000134352/21/G2"),
    ("https://id.gs1.org/01/09506000134352/10/00/21/8004", "/01/09506000134352/21/8004"),
    ("urn:EPC:id:sgtin:9506000.013435.G3", "/01/09506000134352/21/G3"),
    ("https://shop.example/%FF/01/09506000134352/21/G4", "/01/09506000134352/21/G4"),
    ("https://[2001:db8::1]/01/09506000134352/21/G5", "/01/09506000134352/21/G5"),
    ("https://shop.example/8004/9506000A/uic/1ABC", "/8004/9506000A"),
    ("https://shop.example/415/9506000134369/refno/R1", "/415/9506000134369/8020/R1"),
    ("urn:epc:id:itip:9506000.013435.01.02.I1", "/8006/095060001343520102/21/I1"),
];

/// URIs in the same list that look like something else and stand as they are.
const OTHERS: [&str; 3] =
    ["https://shop.example/401/12345/lines", "urn:epc:id:imovn:9176187", "HTTPS://Shop.example/01/abc"];

fn spellings(council: &mut Council) {
    let ids: Vec<&str> = SPELLINGS.iter().map(|(spelling, _)| *spelling).chain(OTHERS).collect();
    council.observe(15, &ids);
}

/// Times that are written strangely, and a signer whose clock was never set.
fn clocks(council: &mut Council) {
    let early = Timestamp::from_seconds(-1).unwrap();
    for when in ["2016-12-31T23:59:60Z", "2026-03-15t07:00:00.9999z", "2026-03-15t08:00:00+01:00"] {
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-03T08:00:00.000Z",
            "epcisBody": {"eventList": [
                event(15, "ObjectEvent", json!({"eventTime": when, "epcList": [item("CLOCK")], "action": "OBSERVE"})),
            ]},
        });
        council.capture(16, early, CERTIFICATE, &maker(), &document);
    }
}

/// A shipper with an empty request and a letter in its name that is a format character and yet seen, who is revoked.
fn admins(council: &mut Council) {
    let (key, id) = (signing_key("council shipper"), "7f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f11");
    council.decide(
        16,
        &json!({
            "type": "registration", "participant": id, "request": "",
            "claims": {
                "organization": "\u{2003}Number \u{600}", "roles": ["carrier"], "glns": ["9506000134307"],
                "gs1CompanyPrefixes": [], "gs1Keys": [GTIN_8, "https://id.gs1.org/414/9529999000019"],
                "namespaces": ["urn:shipper:a%2F:"],
            },
            "certificate": {
                "x509": "Y2VydGlmaWNhdGUgb2YgdGhlIHNoaXBwZXI", "jwk": PublicKey::from(key.verifying_key()).jwk(),
                "notBefore": "2026-03-01t00:00:00Z", "notAfter": "2026-03-30T00:00:00+00:00",
            },
        }),
    );
    let small = format!("{GTIN_8}/21/S");
    let mut seen = event(17, "ObjectEvent", json!({"epcList": [item("SENT"), small], "action": "OBSERVE"}));
    seen["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    council.capture(17, time("17T08:00"), SHIPPER_CERTIFICATE, &key, &seen);
    council.decide(18, &json!({"type": "revocation", "participant": id, "reason": "\u{1c}", "compromisedSince": null}));
}

fn ledger() -> Council {
    let mut council = council();
    eaten_by_its_own_container(&mut council);
    recalls(&mut council);
    lots(&mut council);
    destinations(&mut council);
    spellings(&mut council);
    clocks(&mut council);
    admins(&mut council);
    council
}

/// Of a crate that is shown from its middle to its end, the last leaf is in nobody's list.
fn cut_short() -> Council {
    let mut council = council();
    let (thing, inside) = (item("Q"), crate_id("K"));
    council.observe(4, &[&inside]);
    council.observe(6, &[&inside]);
    council.pack(14, &thing, &inside);
    council.book.leaves_out = Some(Subject::id(&inside));
    let members = json!({"childEPCs": [thing], "parentID": inside, "action": "OBSERVE"});
    council.tell(15, "AggregationEvent", members);
    council
}

/// A list that a quorum signed, though its last entry lies about who signed or what was done.
fn lying(lie: fn(&Subject, ListEntry) -> ListEntry) -> Council {
    let mut council = council();
    council.observe(4, &[&item("P")]);
    council.book.lies_about = Some(lie);
    council.tell(6, "ObjectEvent", json!({"epcList": [item("P")], "action": "OBSERVE", "bizStep": "shipping"}));
    council
}

/// A seal that a quorum signed, though it names other members.
fn of_other_members() -> Council {
    let mut council = council();
    council.book.members_hash = Hash::of(b"others");
    council.observe(4, &[&item("P")]);
    council
}

/// Two blocks about an item, of which the first has a seal of rules that nobody here knows: by them it may mean anything.
fn of_unknown_rules(lie: fn(&mut Council)) -> Council {
    let mut council = council();
    let (rules, enacted) = (council.book.rules, council.book.enacted.clone());
    lie(&mut council);
    council.observe(4, &[&item("P")]);
    (council.book.rules, council.book.enacted) = (rules, enacted);
    council.observe(6, &[&item("P")]);
    council
}

fn odd(council: &Council, what: &'static str, id: &str, refusal: Option<&'static str>) -> Odd {
    let id = Id::parse(id).unwrap();
    let now = council.book.blocks.last().unwrap().seal.time;
    Odd { what, evidence: council.book.last().honest(&id), id, now, refusal }
}

pub fn cases() -> Vec<Odd> {
    let ledger = ledger();
    let sound = |what, id: &str| odd(&ledger, what, id, None);
    let mut cases = vec![
        sound("an input that is a container too", &item("P")),
        sound("a container that is an input too", &crate_id("C")),
        sound("a container shown from its middle", &crate_id("E")),
        sound("a piece without a serial", PIECE),
        sound("a piece with a serial", &format!("{PIECE}/21/I1")),
        sound("a class that pieces recall", CLASS),
        sound("an id that is its own namespace", NAMESPACE),
        sound("a unit packet with a lot", &format!("{CLASS}/235/T%3C1")),
        sound("a lot whose number is a number", &item("LOT-1")),
        sound("a lot that no AI 10 can be", &item("LOT-2")),
        sound("more destinations than count", &item("SENT")),
        sound("strange clocks", &item("CLOCK")),
        sound("an item of a single key", &format!("{GTIN_8}/21/S")),
        sound("a GTIN-8 that nobody has", "https://id.gs1.org/01/10000096385071"),
    ];
    cases.extend(SPELLINGS.iter().map(|(spelling, _)| sound("a spelling", spelling)));
    cases.extend(OTHERS.iter().map(|other| sound("a URI that looks like a key", other)));
    cases.push(odd(&cut_short(), "a list without its last leaf", &item("Q"), Some("NotIndexed")));
    let other_acts = |subject: &Subject, entry: ListEntry| match subject.kind() {
        SubjectKind::Id => ListEntry { acts: entry.acts | Acts::ENDS, ..entry },
        _ => entry,
    };
    let fewer_acts = |_: &Subject, entry: ListEntry| ListEntry { acts: Acts::NONE, ..entry };
    let other_signer =
        |_: &Subject, entry: ListEntry| ListEntry { signer: SignerTag::Participant([0xee; 16]), ..entry };
    let member_signer = |_: &Subject, entry: ListEntry| match entry.signer {
        SignerTag::Participant(tag) => ListEntry { signer: SignerTag::Member(tag), ..entry },
        SignerTag::Member(_) => entry,
    };
    for (what, lie, refusal) in [
        (
            "a list with an act that the statement does not say",
            other_acts as fn(&Subject, ListEntry) -> ListEntry,
            Some("OtherActs"),
        ),
        ("a list without an act that the statement says", fewer_acts, Some("OtherActs")),
        ("a list that names another signer", other_signer, Some("OtherSigner")),
        // What a member is said to have signed is not opened, so that it does not show who did.
        ("a list that names a member for a participant", member_signer, None),
    ] {
        cases.push(odd(&lying(lie), what, &item("P"), refusal));
    }
    cases.push(odd(&of_other_members(), "a seal of other members", &item("P"), Some("SealPlace")));
    let later_rules = of_unknown_rules(|council| council.book.rules = Rules::LATEST.number() + 1);
    cases.push(odd(&later_rules, "a seal of later rules", &item("P"), Some("Seal")));
    let enacting =
        of_unknown_rules(|council| council.book.enacted = vec![StatementId::from_hash(Hash::of(b"a proposal"))]);
    cases.push(odd(&enacting, "a seal that enacts a proposal", &item("P"), None));
    cases
}

#[test]
fn odd_ledgers_are_read_as_the_page_says() {
    let cases = cases();
    let anchor = council().book.anchor;
    for case in &cases {
        let text = serde_json::to_string(&case.evidence).unwrap();
        let error = examine(text.as_bytes(), &case.id, &anchor).err();
        assert_eq!(error.as_ref().map(variant).as_deref(), case.refusal, "{} ({}): {error:?}", case.what, case.id);
    }
    for (spelling, path) in SPELLINGS {
        assert_eq!(Id::parse(spelling).unwrap().path(), Some(path), "{spelling}");
        let names = Subject::id(format!("https://id.gs1.org{path}"));
        let evidence = &cases.iter().find(|case| case.id.path() == Some(path)).unwrap().evidence;
        let entry = evidence.index.iter().find(|entry| entry.subject() == names).unwrap();
        assert_eq!(entry.count, 1, "{spelling}");
    }
}

#[test]
fn whatever_role_an_id_takes_on_later_is_followed_too() {
    let ledger = ledger();
    let trail = ledger.book.last().trail(&Id::parse(&item("P")).unwrap());
    let opened = |name: &str| {
        let list = trail.shown.get(&Subject::id(crate_id(name)))?;
        Some(list.leaves().map(|leaf| trail.opened.contains(&leaf)).collect::<Vec<bool>>())
    };
    assert_eq!(opened("C").map(|leaves| leaves.len()), Some(3), "an input's list is shown whole");
    assert_eq!(opened("D").map(|leaves| leaves.len()), Some(2));
    let of_e = Some(vec![false, true, false, true, true]);
    assert_eq!(
        opened("E"),
        of_e,
        "what brings it forth, and from where C began to carry, not from where C is an input"
    );
}

#[test]
fn what_is_asked_of_an_odd_ledger() {
    let ledger = ledger();
    let edition = ledger.book.last();
    let asks = |id: &str| edition.trail(&Id::parse(id).unwrap()).shown;
    let recall = |text: String| Subject::recall(text);
    let maker = crate::commits::MAKER;
    assert!(asks(PIECE).contains_key(&recall(format!("{maker} {CLASS}"))), "a piece has a class");
    assert!(
        !asks(NAMESPACE).contains_key(&recall(format!("{maker} {NAMESPACE}"))),
        "nobody holds a namespace's own URI"
    );
    assert!(asks(&format!("{CLASS}/235/T%3C1")).contains_key(&recall(format!("{CLASS}/10/L-U"))));
    for number in ["7", "L-E"] {
        let lot = recall(format!("{CLASS}/10/{number}"));
        assert!(asks(&item("LOT-1")).contains_key(&lot), "each lotNumber counts, a number by its digits: {number}");
    }
    let small = asks(&format!("{GTIN_8}/21/S"));
    assert!(small.contains_key(&Subject::prefix("000009638507")), "the digits of a single key");
    let sent = asks(&item("SENT"));
    for (text, is_asked) in [
        ("9506000134369", true),
        ("950600013436", true),
        ("urn:second:", true),
        ("urn:third:", false),
        ("urn:fourth:", false),
    ] {
        assert_eq!(sent.contains_key(&Subject::prefix(text)), is_asked, "{text}");
    }
}
