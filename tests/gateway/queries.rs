//! What a gateway answers to queries: events by parameters, resources, master data, in each form of ids.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::program::{Gateway, commissioning, product, refused, times_recorded, until};
use crate::support::{Answer, Node, document, object_event, request};

const LOT: &str = "urn:epc:class:lgtin:9506000.013435.L7";
const PO: &str = "urn:epcglobal:cbv:bt:9506000134369:PO-7";

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The events of an answer.
#[track_caller]
fn events(answer: &Answer) -> Vec<Value> {
    let found = answer.json();
    assert_eq!(answer.status, 200, "{found}");
    let list = found.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array);
    list.unwrap_or_else(|| panic!("{found}")).clone()
}

fn members(answer: &Answer) -> Vec<String> {
    let found = answer.json();
    assert_eq!((answer.status, &found["type"]), (200, &json!("Collection")), "{found}");
    found["member"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Captures a document, and waits until its events are found.
#[track_caller]
pub fn record(gateway: &Gateway, what: &Value) {
    let leaf = gateway.until_final(&gateway.take(what))["sealane:receipt"]["leafIndex"].as_u64().unwrap();
    let size =
        || gateway.get("/events?perPage=1").header("Sealane-Tree-Size").and_then(|size| size.parse::<u64>().ok());
    until(|| size().filter(|size| *size > leaf), || format!("leaf {leaf} was not indexed: {:?}", size()));
}

pub fn shipping(serial: &str, time: &str) -> Value {
    let mut event = object_event("OBSERVE", "shipping", &[&product(serial)], time);
    event["disposition"] = json!("in_transit");
    event["readPoint"] = json!({"id": "urn:epc:id:sgln:9506000.13436.0"});
    event["bizTransactionList"] = json!([{"type": "po", "bizTransaction": PO}]);
    event
}

/// A lot that is made and recalled.
fn lot_event(step: &str, lot: &str, quantity: f64) -> Value {
    let action = if step == "commissioning" { "ADD" } else { "OBSERVE" };
    let mut event = object_event(action, step, &[], "2026-03-01T09:00:00.000Z");
    event.as_object_mut().unwrap().remove("epcList");
    event["quantityList"] = json!([{"epcClass": lot, "quantity": quantity, "uom": "KGM"}]);
    event
}

/// The path of the next page.
fn next_of(answer: &Answer) -> Option<String> {
    let link = answer.header("Link")?;
    let (path, rest) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    assert!(answer.header("GS1-Next-Page-Token-Expires").is_some());
    Some(path.to_owned())
}

#[test]
fn who_captures_and_then_asks_finds_it() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    for n in 0..20 {
        let serial = format!("Z{n}");
        gateway.until_final(&gateway.take(&commissioning(&[&serial])));
        let found = gateway.get(&format!("/events?MATCH_epc={}", encode(&product(&serial))));
        assert_eq!(events(&found).len(), 1, "{serial}");
    }
}

#[test]
fn events_are_found_by_what_they_say() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["A1", "A2", "A3"]));
    record(
        &gateway,
        &document(vec![shipping("A1", "2026-03-01T10:00:00.000Z"), shipping("A2", "2026-03-01T11:00:00.000Z")]),
    );
    record(&gateway, &document(vec![lot_event("commissioning", LOT, 12.5), lot_event("inspecting", LOT, 3.0)]));
    for (query, count) in [
        ("".to_owned(), 7),
        (format!("MATCH_epc={}", encode(&product("A1"))), 2),
        ("MATCH_epc=urn:epc:idpat:sgtin:9506000.013435.*".to_owned(), 5),
        ("MATCH_anyEPC=urn:epc:idpat:sgtin:*.*.*&EQ_bizStep=shipping".to_owned(), 2),
        ("MATCH_anyEPCClass=urn:epc:idpat:lgtin:9506000.013435.*".to_owned(), 2),
        (format!("EQ_bizTransaction_po={}", encode(PO)), 2),
        ("EQ_bizStep=shipping|inspecting".to_owned(), 3),
        ("EQ_bizStep=shipping&EQ_bizStep=inspecting".to_owned(), 3),
        ("GE_quantity=12.5".to_owned(), 1),
        ("GT_quantity_KGM=2&LT_quantity_KGM=4".to_owned(), 1),
        ("GE_eventTime=2026-03-01T10:30:00Z".to_owned(), 1),
        ("LE_eventTime=2026-03-01T19:00:00+09:00&EQ_action=OBSERVE".to_owned(), 2),
        ("EQ_readPoint=https://id.gs1.org/414/9506000134369".to_owned(), 2),
        ("eventType=TransformationEvent".to_owned(), 0),
        ("EXISTS_errorDeclaration=true".to_owned(), 0),
    ] {
        let answer = gateway.get(&format!("/events?{query}"));
        assert_eq!(events(&answer).len(), count, "{query}: {}", answer.json());
        assert_eq!(answer.header("GS1-EPCIS-Version"), Some("2.0.0"));
    }
    let ordered = |query: &str| -> Vec<String> {
        let found = events(&gateway.get(&format!("/events?EQ_bizStep=shipping&{query}")));
        found.iter().map(|event| event["eventTime"].as_str().unwrap()[11..13].to_owned()).collect()
    };
    assert_eq!(ordered("orderBy=eventTime"), ["11", "10"]);
    assert_eq!(ordered("orderBy=eventTime&orderDirection=ASC"), ["10", "11"]);
    assert_eq!(ordered("orderBy=eventTime&eventCountLimit=1"), ["11"]);
    refused(&gateway.get("/events?maxEventCount=6"), 413, "query-too-large", "QueryTooLargeException", "of 6");
    assert_eq!(events(&gateway.get("/epcis/events?maxEventCount=7")).len(), 7);
    // One event by its id, and what the ledger adds.
    let event = &events(&gateway.get("/events?EQ_bizStep=inspecting"))[0];
    let id = event["eventID"].as_str().unwrap();
    for path in [format!("/events/{}", encode(id)), format!("/epcis/events/{id}")] {
        assert_eq!(&events(&gateway.get(&path)), std::slice::from_ref(event), "{path}");
    }
    assert!(event["recordTime"].is_string() && event["sealane:leafIndex"].is_u64(), "{event}");
    refused(&gateway.get("/events/urn:uuid:none"), 404, "not-found", "NoSuchResourceException", "no event");
}

/// A participant that would have its own event look as if the ledger said something of it.
#[test]
fn nobody_but_the_ledger_says_what_the_ledger_says() {
    let (node, gateway) = Gateway::of_maker(&["--strict"]);
    let mut event = object_event("ADD", "commissioning", &[&product("L1")], "2026-03-01T08:00:00.000Z");
    event["@context"] = json!([{"mine": "https://mine.example/"}]);
    for (name, value) in [
        ("sealane:leafIndex", json!(0)),
        ("sealane:repeatedAt", json!([1, 2])),
        ("x:participant", json!("somebody else")),
        ("urn:sealane:epcis:leafIndex", json!(0)),
        ("x:of", json!("another namespace")),
        ("mine:word", json!("kept")),
    ] {
        event[name] = value;
    }
    let mut forged = document(vec![event]);
    forged["@context"] = json!([
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"x": "urn:sealane:epcis:", "sealane": "https://mine.example/"},
    ]);
    record(&gateway, &forged);
    for answer in [gateway.get("/events"), node.get("/epcis/events")] {
        let event = &events(&answer)[0];
        let names: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        let others: Vec<&str> = names.into_iter().filter(|name| name.contains(':')).collect();
        assert_eq!(others, ["mine:word", "sealane:leafIndex", "sealane:participant"], "{event}");
        assert!(event["sealane:leafIndex"].as_u64().unwrap() > 0);
        let context = event["@context"].to_string();
        assert!(
            context.contains("{\"mine\":\"https://mine.example/\"}") && !context.contains("sealane\""),
            "{context}"
        );
    }
}

/// An answer that is captured again is what was captured first.
#[test]
fn an_answer_that_is_captured_again_is_a_repeat() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let mut first = commissioning(&["R1"]);
    first["epcisBody"]["eventList"][0]["made:by"] = json!("hand");
    first["@context"] = json!([
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"made": "https://made.example/"},
    ]);
    record(&gateway, &first);
    let answer = gateway.get("/events").json();
    let leaf = &answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["sealane:leafIndex"];
    let job = gateway.until_final(&gateway.take(&answer));
    assert_eq!(&job["sealane:receipt"]["leafIndex"], leaf, "{job}");
    // What the answer cannot tell of the document is part of the hash id: that is refused, and not recorded as another event.
    let mut ignoring = commissioning(&["R2"]);
    ignoring["made:ignoreFields"] = json!(["made:by"]);
    ignoring["epcisBody"]["eventList"][0]["made:by"] = json!("hand");
    ignoring["@context"] = first["@context"].clone();
    record(&gateway, &ignoring);
    let answer = gateway.get(&format!("/events?MATCH_epc={}", encode(&product("R2")))).json();
    refused(&gateway.post(&answer), 400, "epcis-invalid", "ValidationException", "and not the one of this event");
    assert_eq!(times_recorded(&node, "R1"), 1);
}

#[test]
fn ids_are_given_in_the_form_that_is_asked_for() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let mut event =
        object_event("ADD", "commissioning", &["urn:epc:id:sgtin:9506000.013435.A1"], "2026-03-01T08:00:00.000Z");
    event["readPoint"] = json!({"id": "https://id.gs1.org/414/9506000134369"});
    record(&gateway, &document(vec![event]));
    let asked = |form: Option<&str>, query: &str| {
        let headers: Vec<(&str, &str)> = form.map(|form| ("GS1-EPC-Format", form)).into_iter().collect();
        let answer = request(gateway.host(), "GET", &format!("/events{query}"), &headers, b"");
        let event = events(&answer).remove(0);
        let said = answer.header("GS1-EPC-Format").unwrap().to_owned();
        (event["epcList"][0].as_str().unwrap().to_owned(), event["readPoint"]["id"].as_str().unwrap().to_owned(), said)
    };
    let (link, urn) = (product("A1"), "urn:epc:id:sgtin:9506000.013435.A1".to_owned());
    let (place, place_urn) =
        ("https://id.gs1.org/414/9506000134369".to_owned(), "urn:epc:id:sgln:9506000.13436.0".to_owned());
    let said = |text: &str| text.to_owned();
    assert_eq!(asked(None, ""), (link.clone(), place.clone(), said("Always_GS1_Digital_Link")));
    assert_eq!(asked(Some("Always_EPC_URN"), ""), (urn.clone(), place_urn, said("Always_EPC_URN")));
    assert_eq!(asked(Some("Never_Translates"), ""), (urn.clone(), place.clone(), said("Never_Translates")));
    assert_eq!(asked(Some("ALWAYS_URN"), "?sealane:original=true"), (urn, place, said("Never_Translates")));
    let wrong = request(gateway.host(), "GET", "/events", &[("GS1-EPC-Format", "urn")], b"");
    refused(&wrong, 400, "bad-header", "ValidationException", "Always_EPC_URN");
    let image = request(gateway.host(), "GET", "/events", &[("Accept", "image/png")], b"");
    refused(&image, 406, "not-acceptable", "NotAcceptableException", "application/xml");
}

#[test]
fn pages_follow_each_other_and_hold_still() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let serials: Vec<String> = (0..7).map(|number| format!("P{number}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    record(&gateway, &commissioning(&serials));
    for order in ["", "&orderBy=eventTime", "&orderBy=recordTime&orderDirection=ASC"] {
        let mut path = format!("/events?EQ_bizStep=commissioning&perPage=3{order}");
        let (mut found, mut pages) = (Vec::new(), Vec::new());
        loop {
            let answer = gateway.get(&path);
            let page = events(&answer);
            pages.push(page.len());
            found.extend(page.iter().map(|event| event["epcList"][0].as_str().unwrap().to_owned()));
            if pages.len() == 1 {
                // What comes meanwhile is no part of these pages.
                record(&gateway, &commissioning(&[&format!("Q{}", order.len())]));
            }
            match next_of(&answer) {
                Some(next) => path = next,
                None => break,
            }
        }
        found.sort();
        found.dedup();
        assert!(pages.iter().rev().skip(1).all(|count| *count == 3), "{pages:?}");
        let expected = 7 + ["", "&orderBy=eventTime"].iter().filter(|before| before.len() < order.len()).count();
        assert_eq!(found.len(), expected, "{order}: {found:?}");
    }
    let first = gateway.get("/events?perPage=3");
    let next = next_of(&first).unwrap();
    let token = next.split("nextPageToken=").nth(1).unwrap().to_owned();
    let refuse = |path: &str, words: &str| {
        let problem = refused(&gateway.get(path), 400, "bad-parameter", "QueryParameterException", words);
        assert_eq!(problem["parameter"], "nextPageToken");
    };
    refuse(&format!("/events?EQ_action=ADD&perPage=3&nextPageToken={token}"), "none of this query");
    assert_eq!(events(&gateway.get("/events?perPage=3&nextPageToken=")).len(), 3, "an empty field is the first page");
    refuse(&format!("/epcis/events?perPage=3&nextPageToken=A{token}"), "Link header");
    refuse("/events?nextPageToken=3A15506738749783AU6D7DENAKwM2gQRRwGrataeq", "Link header");
    let gone = request(gateway.host(), "DELETE", &format!("/nextPageToken/{token}"), &[], b"");
    assert_eq!(gone.status, 204);
    refuse(&next, "given back");
    // The first events alone, over pages.
    let first = gateway.get("/events?orderBy=eventTime&eventCountLimit=4&perPage=3");
    let second = gateway.get(&next_of(&first).unwrap());
    assert_eq!((events(&first).len(), events(&second).len(), next_of(&second)), (3, 1, None));
}

#[test]
fn resources_are_listed_and_lead_to_their_events() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["R1", "R2", "R3"]));
    record(&gateway, &document(vec![shipping("R1", "2026-03-01T10:00:00.000Z"), lot_event("commissioning", LOT, 5.0)]));
    assert!(members(&gateway.get("/")).contains(&"bizSteps".to_owned()));
    assert_eq!(members(&gateway.get("/epcis")), members(&gateway.get("/epcis/")));
    assert_eq!(members(&gateway.get("/bizSteps")), ["commissioning", "shipping"]);
    assert_eq!(members(&gateway.get("/dispositions")), ["in_transit"]);
    assert_eq!(members(&gateway.get("/readPoints")), ["https://id.gs1.org/414/9506000134369"]);
    assert_eq!(members(&gateway.get("/eventTypes")), ["ObjectEvent"]);
    assert!(members(&gateway.get("/bizLocations")).is_empty());
    let lot = "https://id.gs1.org/01/09506000134352/10/L7".to_owned();
    let all = [lot.clone(), product("R1"), product("R2"), product("R3")];
    let first = gateway.get("/epcs?perPage=2");
    let second = gateway.get(&next_of(&first).unwrap());
    assert_eq!([members(&first), members(&second)].concat(), all);
    assert_eq!(next_of(&second), None);
    for (path, count) in [
        ("/bizSteps/commissioning".to_owned(), 4),
        ("/bizSteps/urn:epcglobal:cbv:bizstep:shipping".to_owned(), 1),
        (format!("/epcs/{}", encode(LOT)), 1),
        (format!("/epcs/{}", encode(&product("R1"))), 2),
        ("/readPoints/https://id.gs1.org/414/9506000134369".to_owned(), 1),
        ("/eventTypes/ObjectEvent".to_owned(), 5),
        ("/dispositions/in_transit".to_owned(), 1),
    ] {
        assert_eq!(members(&gateway.get(&path)), ["events"], "{path}");
        assert_eq!(events(&gateway.get(&format!("/epcis{path}/events"))).len(), count, "{path}");
    }
    assert_eq!(events(&gateway.get("/bizSteps/commissioning/events?MATCH_epc=urn:epc:idpat:sgtin:*.*.*")).len(), 3);
    for path in
        ["/bizSteps/receiving", "/bizSteps/receiving/events", "/epcs/urn:uuid:1", "/eventTypes/AggregationEvent"]
    {
        refused(&gateway.get(path), 404, "not-found", "NoSuchResourceException", "names this");
    }
    refused(&gateway.get("/bizSteps/shiping"), 400, "bad-id", "ValidationException", "shiping");
    refused(&gateway.get("/bizSteps?EQ_action=ADD"), 400, "unknown-parameter", "QueryParameterException", "EQ_action");
}

#[test]
fn wrong_queries_hear_what_would_be_right() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    for (query, words) in [
        ("EQ_bizStep=shiping", "shipping"),
        ("MATCH_epc=https://id.gs1.org/01/09506000134353/21/A", "check digit"),
        ("MATCH_epc=urn:epc:idpat:sgtin:9506000.*.A1", "each other one is *"),
        ("EQ_nothing=1", "no such parameter"),
        ("EQ_ex:grade=A", "GS1-Extensions"),
        ("GE_eventTime=yesterday", "yesterday"),
        ("eventCountLimit=1", "orderBy"),
        ("orderBy=eventTime&eventCountLimit=1&maxEventCount=1", "excludes"),
        ("perPage=0", "from 1 on"),
    ] {
        let path = format!("/events?{query}");
        until(|| Some(()).filter(|()| gateway.get("/events").status == 200), || "no queries".to_owned());
        refused(&gateway.get(&path), 400, "bad-parameter", "QueryParameterException", words);
    }
    refused(&gateway.get("/epcis/querys"), 404, "not-found", "NoSuchResourceException", "docs/GATEWAY.md");
    let method = request(gateway.host(), "PUT", "/events", &[], b"");
    assert_eq!((method.status, method.header("Allow")), (405, Some("GET, HEAD, OPTIONS, POST")));
}

#[test]
fn names_of_others_are_found_by_their_namespace() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let mut event = object_event("ADD", "commissioning", &[&product("X1")], "2026-03-01T08:00:00.000Z");
    event["ex:grade"] = json!("A");
    event["ilmd"] = json!({"ex:weight": 4.5, "ex:box": {"ex:colour": "red"}});
    let mut made = document(vec![event]);
    made["@context"] =
        json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ns.example.com/#"}]);
    record(&gateway, &made);
    let count = |query: &str| {
        let headers = [("GS1-Extensions", "mine=https://ns.example.com/#")];
        events(&request(gateway.host(), "GET", &format!("/events?{query}"), &headers, b"")).len()
    };
    for (query, found) in [
        ("EQ_mine:grade=A", 1),
        ("EQ_mine:grade=B", 0),
        ("EQ_https://ns.example.com/%23grade=A", 1),
        ("GT_ILMD_mine:weight=4", 1),
        ("EQ_INNER_ILMD_mine:colour=red", 1),
        ("EXISTS_ILMD_mine:box=true", 1),
        ("EXISTS_mine:box=true", 0),
    ] {
        assert_eq!(count(query), found, "{query}");
    }
}

#[test]
fn master_data_is_given_and_places_are_found_within_others() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let (site, dock) = ("https://id.gs1.org/414/9506000134352", "urn:epc:id:sgln:9506000.13436.0");
    let mut made = document(vec![shipping("M1", "2026-03-01T10:00:00.000Z")]);
    made["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": [
        {"type": "urn:epcglobal:epcis:vtype:Location", "vocabularyElementList": [
            {"id": site, "attributes": [{"id": "cbvmda:city", "attribute": "Antwerp"}], "children": [dock]},
            {"id": dock, "attributes": [{"id": "cbvmda:name", "attribute": "Dock 4"}]},
        ]},
    ]}});
    record(&gateway, &commissioning(&["M1"]));
    record(&gateway, &made);
    let elements = |query: &str| {
        let answer = gateway.get(&format!("/vocabularies{query}"));
        assert_eq!(answer.status, 200, "{}", answer.json());
        let list = answer.json()["epcisHeader"]["epcisMasterData"]["vocabularyList"].clone();
        let all =
            list.as_array().unwrap().iter().flat_map(|one| one["vocabularyElementList"].as_array().unwrap().clone());
        all.collect::<Vec<_>>()
    };
    assert_eq!(elements("").len(), 2);
    let found = elements(&format!("?id={}", encode(dock)));
    assert_eq!((found.len(), &found[0]["attributes"][0]["attribute"]), (1, &json!("Dock 4")), "{found:?}");
    assert_eq!(found[0]["attributes"][0]["sealane:isHolder"], true);
    assert_eq!(elements("?type=urn:epcglobal:epcis:vtype:EPCClass").len(), 0);
    for (query, count) in [
        (format!("WD_readPoint={site}"), 1),
        (format!("EQ_readPoint={site}"), 0),
        (format!("WD_bizLocation={site}"), 0),
        ("HASATTR_readPoint=cbvmda:name".to_owned(), 1),
        ("EQATTR_readPoint_cbvmda:name=Dock%204".to_owned(), 1),
        ("EQATTR_readPoint_cbvmda:name=Dock%205".to_owned(), 0),
    ] {
        assert_eq!(events(&gateway.get(&format!("/events?{query}"))).len(), count, "{query}");
    }
    refused(&gateway.get("/vocabularies?name=x"), 400, "unknown-parameter", "QueryParameterException", "sealane:by");
    refused(&gateway.get("/vocabularies?sealane:by=x"), 400, "bad-parameter", "QueryParameterException", "participant");
}

#[test]
fn a_gateway_that_only_captures_answers_no_query() {
    let (_node, gateway) = Gateway::of_maker(&["--no-query"]);
    refused(&gateway.get("/events"), 404, "not-found", "NoSuchResourceException", "only captures");
    gateway.until_final(&gateway.take(&commissioning(&["N1"])));
}

#[test]
fn what_others_record_is_found_too_and_a_key_needs_the_scope() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("Carrier", "shipper", &["--gs1-prefix", "4012345"]);
    let maker = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    let carrier = Gateway::start(&node.identity("Carrier"), &[&node.url], &[]);
    maker.until_final(&maker.take(&commissioning(&["S1"])));
    let path = format!("/events?MATCH_epc={}", encode(&product("S1")));
    until(
        || Some(()).filter(|()| carrier.get(&path).status == 200 && events(&carrier.get(&path)).len() == 1),
        || carrier.get(&path).json().to_string(),
    );
    let added = carrier.command_ok(&["client", "add", "erp", "--scopes", "capture"]);
    let key = added["key"].as_str().unwrap();
    let answer = request(carrier.host(), "GET", "/events", &[("X-API-Key", key)], b"");
    refused(&answer, 403, "client-not-allowed", "SecurityException", "query");
    let added = carrier.command_ok(&["client", "add", "wms", "--scopes", "query"]);
    let key = added["key"].as_str().unwrap();
    let answer = request(carrier.host(), "GET", &path, &[("X-API-Key", key)], b"");
    assert_eq!(events(&answer).len(), 1);
    assert_eq!(carrier.get(&path).status, 401);
}

#[test]
fn a_page_ends_before_it_has_too_many_bytes() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    for n in 0..3 {
        let mut what = commissioning(&[&format!("L{n}")]);
        what["@context"] = json!([what["@context"][0], {"ex": "https://ns.example.com/"}]);
        what["epcisBody"]["eventList"][0]["ex:long"] = json!("x".repeat(2_500_000));
        record(&gateway, &what);
    }
    let (mut path, mut pages) = ("/events?perPage=1000".to_owned(), Vec::new());
    loop {
        let page = gateway.get(&path);
        pages.push(events(&page).len());
        let Some(next) = next_of(&page) else { break };
        path = next;
    }
    assert_eq!(pages, [1, 1, 1]);
}

#[test]
fn an_extension_orders_by_its_texts() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    for name in ["banana", "apple", "cherry"] {
        let mut what = commissioning(&[name]);
        what["@context"] = json!([what["@context"][0], {"ex": "https://ns.example.com/"}]);
        what["epcisBody"]["eventList"][0]["ex:name"] = json!(name);
        record(&gateway, &what);
    }
    record(&gateway, &commissioning(&["nameless"]));
    let ordered = |direction: &str| {
        let extensions = [("GS1-Extensions", "ex=https://ns.example.com/")];
        let path = format!("/events?orderBy=ex:name&orderDirection={direction}");
        let found = request(gateway.host(), "GET", &path, &extensions, b"");
        events(&found).iter().map(|event| event["ex:name"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ordered("ASC"), ["apple", "banana", "cherry", "-"]);
    assert_eq!(ordered("DESC"), ["cherry", "banana", "apple", "-"]);
}

#[test]
fn a_query_with_too_many_patterns_or_too_long_a_link_is_refused() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["T1"]));
    let patterns = |count: usize| {
        let one = |n: usize| format!("urn:epc:idpat:sgtin:9506000.{n:06}.*");
        format!("/events?perPage=1&MATCH_epc={}", (0..count).map(one).collect::<Vec<_>>().join("|"))
    };
    let found = gateway.get(&patterns(100));
    assert_eq!(found.status, 200, "{}", found.json());
    // All the same is one.
    let same = vec!["urn:epc:idpat:sgtin:9506000.013435.*"; 300].join("|");
    assert_eq!(events(&gateway.get(&format!("/events?MATCH_epc={same}"))).len(), 1);
    let items: Vec<String> = (1..=250).map(|n| format!("urn:epc:idpat:sgtin:950600{n}.*.*")).collect();
    let many = format!("/events?MATCH_anyEPC={}", items.join("|"));
    refused(&gateway.get(&many), 413, "query-too-complex", "QueryTooComplexException", "ask for fewer at a time");
    let long = patterns(400);
    assert!(long.len() < 16_384, "{}", long.len());
    refused(&gateway.get(&long), 414, "uri-too-long", "URITooLongException", "the link to the next page");
}

#[test]
fn master_data_with_the_longest_names_comes_page_by_page() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let long = "x".repeat(640);
    let elements: Vec<Value> = (0..3).map(|n| json!({"id": format!("urn:long:{long}{n}")})).collect();
    let mut what = commissioning(&["V1"]);
    what["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": [
        {"type": format!("urn:kind:{long}"), "vocabularyElementList": elements}]}});
    record(&gateway, &what);
    let (mut path, mut ids) = ("/vocabularies?perPage=1".to_owned(), Vec::new());
    while ids.len() < 5 {
        let page = gateway.get(&path);
        let list = page.json()["epcisHeader"]["epcisMasterData"]["vocabularyList"].clone();
        ids.push(
            list[0]["vocabularyElementList"][0]["id"]
                .as_str()
                .unwrap()
                .trim_start_matches("urn:long:")
                .replace('x', ""),
        );
        let Some(next) = next_of(&page) else { break };
        path = next;
    }
    assert_eq!(ids, ["0", "1", "2"]);
}

#[test]
fn rows_that_are_damaged_are_made_again_as_their_message_says() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["D1"]));
    let (node_url, identity) = (gateway.node_url(), gateway.identity());
    let dir = gateway.kill();
    std::fs::write(dir.path().join("queries.sqlite"), vec![7_u8; 8_192]).unwrap();
    let output = crate::program::command(dir.path(), &["rebuild"]);
    assert!(output.status.success(), "{}", crate::support::text(&output.stderr));
    let gateway = Gateway::start_in(dir, &identity, &[&node_url], &[]);
    until(
        || Some(()).filter(|()| gateway.get("/events").status == 200 && events(&gateway.get("/events")).len() == 1),
        || gateway.get("/events").json().to_string(),
    );
}

#[test]
fn one_client_with_many_questions_keeps_no_other_waiting() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let ids: Vec<String> = (0..200).map(|n| format!("C{n}")).collect();
    record(&gateway, &commissioning(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
    let key = |name: &str| {
        let added = gateway.command_ok(&["client", "add", name, "--scopes", "query"]);
        added["key"].as_str().unwrap().to_owned()
    };
    let (greedy, other) = (key("greedy"), key("other"));
    let heavy: Vec<String> = (1..=99).map(|n| format!("urn:epc:idpat:sgtin:95060{n:02}.*.*")).collect();
    let heavy = format!("/events?EQ_action=ADD&MATCH_anyEPC={}", heavy.join("|"));
    let statuses = std::thread::scope(|scope| {
        let ask = || request(gateway.host(), "GET", &heavy, &[("X-API-Key", &greedy)], b"").status;
        let many: Vec<_> = (0..24).map(|_| scope.spawn(ask)).collect();
        for _ in 0..5 {
            let found = request(gateway.host(), "GET", "/eventTypes", &[("X-API-Key", &other)], b"");
            assert_eq!(members(&found), ["ObjectEvent"]);
        }
        many.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
}
