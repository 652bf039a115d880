//! GS1's own description of the REST binding, held against a gateway: every operation and every parameter.

use std::fs;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::documents::folder;
use crate::program::{Gateway, product};
use crate::queries::{record, shipping};
use crate::support::{Answer, document, object_event, request};

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A value that a parameter takes.
fn value_of(name: &str) -> &'static str {
    match name {
        "eventType" => "ObjectEvent",
        "EQ_action" => "ADD",
        "EQ_bizStep" => "shipping",
        "EQ_disposition" | "EQ_persistentDisposition_set" | "EQ_persistentDisposition_unset" => "in_transit",
        "EQ_errorReason" => "incorrect_data",
        "EQ_type" => "Temperature",
        "EQ_hexBinaryValue" => "F0",
        "orderBy" => "eventTime",
        "orderDirection" => "ASC",
        "eventCountLimit" | "maxEventCount" => "5",
        name if name.starts_with("EXISTS_") || name == "EQ_booleanValue" => "true",
        name if name.ends_with("Time") => "2026-03-01T08:00:00Z",
        name if name.contains("quantity") => "3",
        _ => "https://id.gs1.org/01/09506000134352/21/A1",
    }
}

fn described() -> Option<Value> {
    let path = folder()?.join("gs1-epcis-openapi/reference/openapi.json");
    Some(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
}

#[test]
fn every_operation_and_parameter_of_gs1_is_answered() {
    let Some(described) = described() else {
        eprintln!("skipped: SEALANE_VECTORS does not name the folder of foreign vectors");
        return;
    };
    let (_node, gateway) = Gateway::of_maker(&[]);
    let mut made = object_event("ADD", "commissioning", &[&product("A1")], "2026-03-01T08:00:00.000Z");
    made["eventID"] = json!("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    made["bizLocation"] = json!({"id": "https://id.gs1.org/414/9506000134369"});
    record(&gateway, &document(vec![made]));
    record(&gateway, &document(vec![shipping("A1", "2026-03-01T10:00:00.000Z")]));
    let job = gateway.take(&document(vec![shipping("A1", "2026-03-01T11:00:00.000Z")]));
    gateway.until_final(&job);
    let named = json!({"name": "shipped", "query": {"EQ_bizStep": "shipping"}});
    assert_eq!(post(&gateway, "/queries", &named).status, 201);
    let mut operations = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        let names = ["get", "post", "put", "delete", "options"];
        for (method, operation) in
            methods.as_object().unwrap().iter().filter(|(name, _)| names.contains(&name.as_str()))
        {
            operations += 1;
            // Each has one of its own, since one operation removes it.
            let subscription = post(&gateway, "/queries/shipped/subscriptions", &webhook()).json();
            let names =
                [("{captureID}", job.as_str()), ("{subscriptionID}", subscription["subscriptionID"].as_str().unwrap())];
            let removes = (method.as_str(), path.as_str()) == ("delete", "/queries/{queryName}");
            let path = names.iter().fold(filled(path), |path, (name, value)| path.replace(name, value));
            let answer = carry_out(&gateway, &path, method);
            if removes {
                assert_eq!(post(&gateway, "/queries", &named).status, 201);
            }
            let status = answer.status.to_string();
            let known = operation["responses"].as_object().unwrap();
            assert!(known.contains_key(&status) && answer.status < 300, "{method} {path}: {status} {:?}", answer.body);
        }
    }
    assert_eq!(operations, 63);
    check_parameters(&gateway, &described);
}

fn webhook() -> Value {
    json!({"dest": "https://client.example.com/queryCallback", "schedule": {"hour": "1", "minute": "5"}})
}

fn post(gateway: &Gateway, path: &str, body: &Value) -> Answer {
    request(gateway.host(), "POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
}

/// The path with its parameters filled in, as far as they are the same for all.
fn filled(path: &str) -> String {
    let values = [
        ("{queryName}", "shipped".to_owned()),
        ("{eventID}", encode("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
        ("{eventType}", "ObjectEvent".to_owned()),
        ("{epc}", encode(&product("A1"))),
        ("{bizStep}", "shipping".to_owned()),
        ("{bizLocation}", encode("https://id.gs1.org/414/9506000134369")),
        ("{readPoint}", encode("https://id.gs1.org/414/9506000134369")),
        ("{disposition}", "in_transit".to_owned()),
        ("{token}", "3A15506738749783AU6D7DENAKwM2gQRRwGrataeq".to_owned()),
    ];
    values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

fn carry_out(gateway: &Gateway, path: &str, method: &str) -> Answer {
    let mut event = shipping("A1", "2026-03-01T12:00:00.000Z");
    event["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    let body = match (method, path) {
        ("post", "/queries") => json!({"name": "other", "query": {}}).to_string(),
        ("post", "/queries/shipped/subscriptions") => webhook().to_string(),
        ("post", "/capture") => document(vec![shipping("A1", "2026-03-01T13:00:00.000Z")]).to_string(),
        ("post", _) => event.to_string(),
        _ => String::new(),
    };
    let headers: &[(&str, &str)] = if method == "post" { &[("Content-Type", "application/json")] } else { &[] };
    request(gateway.host(), &method.to_ascii_uppercase(), path, headers, body.as_bytes())
}

/// Each parameter of a query for events is taken, alone and with what it needs.
fn check_parameters(gateway: &Gateway, described: &Value) {
    let listed = described["paths"]["/events"]["get"]["parameters"].as_array().unwrap();
    let component = |one: &Value| {
        let name = one["$ref"].as_str()?.rsplit('/').next()?;
        let parameter = &described["components"]["parameters"][name];
        (parameter["in"] == "query").then(|| parameter["name"].as_str().map(str::to_owned))?
    };
    let names: Vec<String> = listed.iter().filter_map(component).filter(|name| name != "nextPageToken").collect();
    // Those of sensors stand among the components alone.
    let components = described["components"]["parameters"].as_object().unwrap();
    let of_events = components.values().filter_map(|one| one["name"].as_str());
    let of_events =
        of_events.filter(|name| name.split_once('_').is_some() || name.starts_with("order") || name.ends_with("Count"));
    let mut all: Vec<String> = names.into_iter().chain(of_events.map(str::to_owned)).collect();
    all.sort();
    all.dedup();
    all.retain(|name| name != "perPage");
    // With perPage and nextPageToken, which every other test of pages sends.
    assert_eq!(all.len() + 2, 55, "{all:?}");
    for name in all {
        let needed = if name == "eventCountLimit" { "&orderBy=eventTime" } else { "" };
        let answer = gateway.get(&format!("/events?{name}={}{needed}", encode(value_of(&name))));
        assert_eq!(answer.status, 200, "{name}: {}", answer.json());
    }
}
