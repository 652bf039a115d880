//! What holders say of their ids in the headers of their documents: names on pages, links of the resolver.

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, text};

const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const PATH: &str = "/01/09506000134352/21/A1";
const PAGE: &str = "/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA1";
const PLACE: &str = "https://id.gs1.org/414/9506000134369";
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A document with master data in its header, and these events.
fn with_master_data(vocabularies: &[(&str, &str, Value)], events: Vec<Value>) -> Value {
    let vocabulary = |(kind, id, attributes): &(&str, &str, Value)| {
        // A list stands for an attribute that is said again.
        let each = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let attributes = attributes.as_object().unwrap().iter();
        let said = attributes.flat_map(|(name, value)| each(value).into_iter().map(move |one| (name, one)));
        let attributes: Vec<Value> = said.map(|(name, value)| json!({"id": name, "attribute": value})).collect();
        json!({"type": format!("urn:epcglobal:epcis:vtype:{kind}"), "vocabularyElementList": [{"id": id, "attributes": attributes}]})
    };
    let mut document = document(events);
    let list: Vec<Value> = vocabularies.iter().map(vocabulary).collect();
    document["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": list}});
    document
}

fn ledger() -> Node {
    let node = Node::start();
    node.participant("Maker & <Sons>", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("Thief", "manufacturer", &["--gs1-prefix", "9521000"]);
    let mut made = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    made["readPoint"] = json!({"id": PLACE});
    let said = [
        (
            "EPCClass",
            "urn:epc:idpat:sgtin:9506000.013435.*",
            json!({
                "gs1:productName": [{"@value": "Wine <b>& more", "@language": "en"}, {"@value": "포도주", "@language": "ko"}],
                "gs1:pip": [
                    {"@id": "https://brand.example/en", "@language": "en", "type": "text/html", "title": "About the wine"},
                    {"@id": "https://brand.example/ko", "@language": "ko", "type": "text/html"},
                ],
                "gs1:recallStatus": "https://brand.example/recalls",
                "gs1:traceability": "https://brand.example/trace",
                "gs1:safetyInfo": "http://brand.example/safety",
            }),
        ),
        ("Location", PLACE, json!({"cbvmda:name": "Cellar 3”, says nobody", "cbvmda:city": "Jerez"})),
    ];
    captured(&node, Signer::of(&node, "Maker & <Sons>").statement(&with_master_data(&said, vec![made])));
    let lies = [
        ("EPCClass", CLASS, json!({"gs1:productName": "A toy", "gs1:pip": "https://thief.example/"})),
        ("Location", PLACE, json!({"cbvmda:name": "Thief's den"})),
    ];
    captured(&node, Signer::of(&node, "Thief").statement(&with_master_data(&lies, Vec::new())));
    node
}

fn page(node: &Node, language: &str) -> String {
    let answer = node.request("GET", &format!("{PAGE}&lang={language}"), &[("Accept", HTML)], b"");
    assert_eq!(answer.status, 200);
    text(&answer.body)
}

fn led(node: &Node, query: &str, language: &str) -> String {
    let headers = [("Accept", HTML), ("Accept-Language", language)];
    let answer = node.request("GET", &format!("{PATH}?{query}"), &headers, b"");
    answer.header("location").unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_told(node: &Node) {
    let page = page(node, "en");
    assert!(page.contains("<strong>“Wine &lt;b&gt;&amp; more”</strong>"), "{page}");
    assert!(page.contains("“Maker &amp; &lt;Sons&gt;”</a> calls it"), "{page}");
    // What is quoted cannot close the quotation marks.
    assert!(page.contains("“Cellar 3', says nobody”"), "{page}");
    assert!(!page.contains("A toy") && !page.contains("Thief"), "{page}");
    assert!(self::page(node, "ko").contains("<strong>“포도주”</strong>"));

    assert_eq!(led(node, "linkType=gs1:pip", "en"), "https://brand.example/en");
    assert_eq!(led(node, "linkType=gs1:pip", "ko"), "https://brand.example/ko");
    assert_eq!(led(node, "linkType=recallStatus&17=311130", "en"), "https://brand.example/recalls?17=311130");
    assert!(led(node, "linkType=traceability", "en").starts_with(&node.url), "the node's own stays");
    assert_eq!(led(node, "linkType=safetyInfo", "en"), "", "no https");
    assert!(led(node, "", "en").starts_with(&format!("{}/verify", node.url)), "no brand changes the default link");
}

#[test]
fn holders_name_their_products_and_places_and_give_links() {
    let node = ledger();
    assert_told(&node);

    let linkset = node.request("GET", PATH, &[("Accept", "application/linkset+json")], b"").json();
    let [item, class] = &linkset["linkset"].as_array().unwrap()[..] else { panic!("{linkset}") };
    let pip = "https://ref.gs1.org/voc/pip";
    assert_eq!((item.get(pip), class[pip].as_array().unwrap().len()), (None, 2), "{linkset}");
    assert_eq!(class[pip][0]["title"], "About the wine");
    let master_data = &class["https://ref.gs1.org/voc/masterData"];
    let types: Vec<&str> = master_data.as_array().unwrap().iter().map(|link| link["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["application/json", "application/ld+json"]);
    let href = master_data[0]["href"].as_str().unwrap().strip_prefix(&node.url).unwrap();
    let document = node.get(href).json();
    let vocabularies = &document["epcisHeader"]["epcisMasterData"]["vocabularyList"];
    let [vocabulary] = &vocabularies.as_array().unwrap()[..] else { panic!("{document}") };
    assert_eq!(vocabulary["type"], "urn:epcglobal:epcis:vtype:EPCClass");
    let element = &vocabulary["vocabularyElementList"][0];
    assert_eq!(element["id"], CLASS);
    let names: Vec<&str> =
        element["attributes"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(names.contains(&"https://gs1.org/voc/productName") && names.len() == 7, "{names:?}");
    assert_eq!(element["attributes"][0]["sealane:isHolder"], json!(true));

    // It is made from the records again.
    let node = Node::serve(node.stop());
    assert_told(&node);
    node.run_ok(&["audit"]);
}

#[test]
fn the_last_word_counts_and_a_revoked_holder_has_none() {
    let node = ledger();
    let maker = Signer::of(&node, "Maker & <Sons>");
    let newer = [("EPCClass", CLASS, json!({"gs1:productName": "Sherry"}))];
    captured(&node, maker.statement(&with_master_data(&newer, Vec::new())));
    assert!(page(&node, "en").contains("<strong>“Sherry”</strong>"));
    assert_eq!(led(&node, "linkType=gs1:pip", "en"), "https://brand.example/en", "what is not said anew stays");

    let id = maker.participant.to_string();
    node.run_ok(&["revoke", &id, "--reason", "Fraud"]);
    let page = page(&node, "en");
    assert!(!page.contains("Sherry") && !page.contains("Cellar"), "{page}");
    assert_eq!(led(&node, "linkType=gs1:pip", "en"), "");
    let gone = node.get("/epcis/vocabularies?id=urn:epc:idpat:sgtin:9506000.013435.*").json();
    assert_eq!(gone["epcisHeader"]["epcisMasterData"]["vocabularyList"], json!([]));
}

#[test]
fn a_question_about_master_data_names_a_few_ids() {
    let node = Node::start();
    let id = |serial: u32| format!("https://id.gs1.org/414/9506000134369/254/{serial}");
    let many: Vec<String> = (0..21).map(id).collect();
    for (query, told) in [
        (String::new(), "id"),
        ("?id=".to_owned(), "it names 1 to 20 ids; this names 0"),
        (format!("?id={}", many.join("%7C")), "it names 1 to 20 ids; this names 21"),
        ("?id=urn:x:y&kind=a".to_owned(), "the parameter \"kind\" is unknown here; known are id, type, attribute"),
    ] {
        let answer = node.get(&format!("/epcis/vocabularies{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(told), "{}", answer.json());
    }
    let twenty = node.get(&format!("/epcis/vocabularies?id={}", many[..20].join("&id=")));
    assert_eq!(twenty.status, 200);
}
