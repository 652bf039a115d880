//! What is written is read again as the same JSON.

use fastrand::Rng;
use serde_json::{Value, json};

use super::*;
use crate::gateway::xml::read;

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

fn answer(events: Vec<Json>) -> Json {
    let mut document = Json::from(json!({"type": "EPCISQueryDocument", "creationDate": "2026-03-01T08:00:00Z",
        "epcisBody": {"queryResults": {"queryName": "q", "resultsBody": {"eventList": []}}}}));
    let path = ["epcisBody", "queryResults", "resultsBody", "eventList"];
    *path.into_iter().fold(&mut document, |below, name| below.get_mut(name).unwrap()) = Json::Array(events);
    document
}

#[track_caller]
fn written(event: Value, words: WordForm) -> String {
    let text = write(&answer(vec![event.into()]), words);
    let (_, rest) = text.split_once("<EventList>").unwrap();
    rest.split_once("</EventList>").unwrap().0.to_owned()
}

/// A value with names by their namespaces, without contexts.
fn spelt_out(value: &Json, scope: &NameScope) -> Json {
    match value {
        Json::Object(members) => {
            let scope = scope.within(value);
            let named = |name: &String| {
                scope.name(name).map_or_else(|| name.clone(), |(space, local)| format!("{{{space}}}{local}"))
            };
            let others = members.iter().filter(|(name, _)| *name != "@context");
            Json::Object(others.map(|(name, value)| (named(name), spelt_out(value, &scope))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| spelt_out(item, scope)).collect()),
        other => other.clone(),
    }
}

#[track_caller]
fn read_again(events: &[Json]) {
    let text = write(&answer(events.to_vec()), WordForm::Urn);
    let found = read(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"));
    assert_eq!(found.objections, [], "{text}");
    let scope = NameScope::default().within(&found.document);
    let list = found.document.get("epcisBody").unwrap().get("eventList").unwrap();
    for (before, after) in events.iter().zip(list.as_array().unwrap()) {
        assert_eq!(spelt_out(before, &NameScope::default()), spelt_out(after, &scope), "{before}\n{text}");
    }
}

#[test]
fn members_are_elements_in_the_order_of_the_schema() {
    let event = json!({
        "type": "ObjectEvent", "bizStep": "shipping", "action": "ADD", "eventTime": "t", "epcList": ["urn:x:1"], "quantityList": [],
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:&"}], "errorDeclaration": {"reason": "did_not_occur"},
        "persistentDisposition": {"set": ["recalled"]}, "readPoint": {"id": "urn:x:p", "name": "n"},
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 12e-1, "booleanValue": true, "component": "x", "exception": "ALARM_CONDITION"}]}],
    });
    assert_eq!(
        written(event.clone(), WordForm::Urn),
        "<ObjectEvent><eventTime>t</eventTime><errorDeclaration><reason>urn:epcglobal:cbv:er:did_not_occur</reason></errorDeclaration>\
         <epcList><epc>urn:x:1</epc></epcList><action>ADD</action><bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep><readPoint><id>urn:x:p</id>\
         <sealane:member name=\"name\">n</sealane:member></readPoint><bizTransactionList><bizTransaction type=\"urn:epcglobal:cbv:btt:po\">\
         urn:x:&amp;</bizTransaction></bizTransactionList><quantityList/><sensorElementList><sensorElement><sensorReport type=\"gs1:Temperature\" \
         value=\"1.2\" booleanValue=\"true\" component=\"https://ref.gs1.org/cbv/Comp-x\" exception=\"gs1:ALARM_CONDITION\"/></sensorElement>\
         </sensorElementList><persistentDisposition><set>urn:epcglobal:cbv:disp:recalled</set></persistentDisposition></ObjectEvent>"
    );
    let web = written(event, WordForm::WebUri);
    for words in [
        "https://ref.gs1.org/cbv/BizStep-shipping",
        "https://ref.gs1.org/cbv/BTT-po",
        "https://gs1.org/voc/Temperature",
    ] {
        assert!(web.contains(words), "{web}");
    }
}

#[test]
fn extensions_are_elements_in_their_namespaces() {
    let event = json!({
        "@context": [CONTEXT, {"ex": "urn:ex:", "xmlns": "urn:odd:", "two": "ex:two:"}], "type": "ObjectEvent",
        "ilmd": {"cbvmda:lotNumber": "L7"}, "ex:a": ["1", "2"], "ex:b": {"c": {"unit": "KGM", "#text": "3.5"}}, "xmlns:d": "x", "two:e": " y ",
        "ex:f": 1, "far:g": "z", "ex:h": {"@context": {"ex": "urn:inner:"}, "ex:i": "ex:j"},
    });
    let text = written(event.clone(), WordForm::WebUri);
    for words in [
        "<ilmd><cbvmda:lotNumber>L7</cbvmda:lotNumber></ilmd>",
        "<ex:a>1</ex:a><ex:a>2</ex:a>",
        "<ex:b><c unit=\"KGM\">3.5</c></ex:b>",
        "<ex:f sealane:json=\"number\">1</ex:f>",
        "<two:e xml:space=\"preserve\"> y </two:e>",
        "<sealane:member name=\"far:g\">z</sealane:member>",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    read_again(&[event.into()]);
}

#[test]
fn contexts_that_say_more_are_told() {
    let with = |context: Value| json!({"type": "ObjectEvent", "@context": context});
    assert_eq!(written(with(json!([CONTEXT, {"a": "urn:a:"}])), WordForm::Urn), "<ObjectEvent/>");
    for context in
        [json!(["https://example.com/c"]), json!({"a": {"@id": "urn:a", "@type": "@id"}}), json!({"@language": "de"})]
    {
        assert!(written(with(context.clone()), WordForm::Urn).contains("<sealane:context>"), "{context}");
    }
}

/// One event must not keep a page of others from whoever asks for XML.
#[test]
fn what_xml_has_no_character_for_is_marked() {
    let frame = |members: Value| {
        let mut event = json!({"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.000Z",
            "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "epcList": ["https://id.gs1.org/01/09506000134352/21/1"]});
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    };
    let of_sensor = |text: &str| frame(json!({"sensorElementList": [{"sensorReport": [{"stringValue": text}]}]}));
    let xml = written(of_sensor("a\u{1}\u{fffe}\"b"), WordForm::WebUri);
    let marked = "<sealane:member name=\"stringValue\" sealane:json=\"string\">&quot;a\\u0001\\ufffe\\&quot;b&quot;</sealane:member>";
    assert!(xml.contains(marked), "{xml}");
    read_again(&[of_sensor("a\u{1}\u{fffe}\"b").into(), of_sensor(" a\n\t\u{fffd}\"'<>&]]> ").into()]);
    let named = frame(json!({"ex:\u{1}\"": {"\u{1}": 1, "name": "n"}}));
    let xml = written(named.clone(), WordForm::WebUri);
    assert!(xml.contains("<sealane:member sealane:name=\"&quot;ex:\\u0001\\&quot;&quot;\">"), "{xml}");
    // The ledger takes no such namespace.
    let spaced = written(frame(json!({"@context": {"x": "urn:a\u{2}:"}, "x:b": "x:c"})), WordForm::WebUri);
    assert!((xml + &spaced).chars().all(is_char), "{spaced}");
    read_again(&[
        named.into(),
        frame(json!({"bizStep": "urn:a:\u{1}", "errorDeclaration": {"reason": "\u{1}"}})).into(),
    ]);
    for wrong in ["'x'", "'1'", "'\"a'"] {
        let element = format!("<sealane:member sealane:name={wrong}>x</sealane:member>");
        let xml = write(&answer(vec![of_sensor("a").into()]), WordForm::Urn)
            .replace("</ObjectEvent>", &(element + "</ObjectEvent>"));
        let xml = xml.replace(" schemaVersion", " xmlns:sealane=\"urn:sealane:epcis:\" schemaVersion");
        let found = read(xml.as_bytes()).unwrap();
        assert!(
            format!("{:?}", found.objections).contains("as JSON writes a string"),
            "{wrong}: {:?}",
            found.objections
        );
    }
}

const NAMES: [&str; 14] = [
    "ex:a",
    "ex:b-1",
    "other:a",
    "plain",
    "item",
    "member",
    "name",
    "ex:1a",
    "https://example.com/a",
    "#text",
    "sealane:json",
    "sealane:member",
    "a b",
    "größe",
];
const TEXTS: [&str; 14] = [
    "",
    " ",
    "x",
    " x\n",
    "ex:y",
    "a&b<c>\"'",
    "]]>",
    "\r\n",
    "\u{1}",
    "\u{ffff}x",
    "ü😀",
    "true",
    "7",
    "https://id.gs1.org/01/09506000134352/21/A1",
];

fn value(random: &mut Rng, depth: usize) -> Value {
    match random.u8(0..if depth == 0 { 5 } else { 8 }) {
        0..=2 => json!(random.choice(TEXTS).unwrap()),
        3 => random.choice([json!(1), json!(-0.5), json!(true), json!(false), json!(null)]).unwrap(),
        4 => json!([]),
        5 => Value::Array((0..random.usize(0..4)).map(|_| value(random, depth - 1)).collect()),
        _ => object(random, depth - 1),
    }
}

fn object(random: &mut Rng, depth: usize) -> Value {
    let members = (0..random.usize(0..4)).map(|_| ((*random.choice(&NAMES).unwrap()).to_owned(), value(random, depth)));
    Value::Object(members.collect())
}

#[test]
fn any_extension_is_read_again() {
    let mut random = Rng::with_seed(11);
    for _ in 0..5_000 {
        let event = |random: &mut Rng| {
            let other = if random.bool() { "urn:other:" } else { "urn:another:" };
            let mut event = json!({"@context": [CONTEXT, {"ex": "https://ns.example.com/", "other": other, "sealane": "urn:sealane:epcis:"}],
                "type": "ObjectEvent", "ex:z": value(random, 3), "other:z": value(random, 2), "ilmd": {"ex:lot": value(random, 2)},
                "readPoint": {"id": "urn:x:1", "more": value(random, 2)},
                "sensorElementList": [{"sensorReport": [{"stringValue": "x", "ex:cv": value(random, 1), "sealane:json": "number"}], "ex:s": value(random, 1)}]});
            if random.bool() {
                event["errorDeclaration"] = json!({"declarationTime": "t", "ex:e": value(random, 1)});
            }
            Json::from(event)
        };
        let events = [event(&mut random), event(&mut random)];
        read_again(&events);
    }
}
