//! XML at a running gateway: taken until it is final, and given out again.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::documents::folder;
use crate::program::{Gateway, commissioning, id_of, product, refused, times_recorded};
use crate::queries::record;
use crate::support::{Answer, request, text};

const XML: [(&str, &str); 1] = [("Content-Type", "application/xml")];

/// A document of EPCIS 1.2 with an event for each of these.
fn document(events: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:1\" \
         xmlns:cbvmda=\"urn:epcglobal:cbv:mda\" schemaVersion=\"1.2\" creationDate=\"2026-03-01T08:00:00Z\">\n<EPCISBody><EventList>\n{}\n\
         </EventList></EPCISBody></epcis:EPCISDocument>",
        events.join("\n")
    )
}

fn commissioned(serial: &str, more: &str) -> String {
    format!(
        "<ObjectEvent><eventTime>2026-03-01T08:00:00Z</eventTime><eventTimeZoneOffset>+01:00</eventTimeZoneOffset>\
         <epcList><epc>{}</epc></epcList><action>ADD</action><bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>{more}\
         <extension><ilmd><cbvmda:lotNumber>L7</cbvmda:lotNumber></ilmd></extension></ObjectEvent>",
        product(serial)
    )
}

fn post(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    request(gateway.host(), "POST", path, headers, body.as_bytes())
}

fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(gateway.host(), "GET", path, headers, b"")
}

#[test]
fn xml_becomes_final_and_is_given_out_again() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let body = document(&[commissioned("X1", ""), commissioned("X2", "")]);
    let id = id_of(&post(&gateway, "/capture", &[("Content-Type", "text/xml; charset=\"UTF-8\"")], &body));
    let job = gateway.until_final(&id);
    let told: Vec<&str> =
        job["sealane:changed"].as_array().unwrap().iter().map(|change| change["message"].as_str().unwrap()).collect();
    assert_eq!(told[0], "was XML of EPCIS 1.2 and is JSON of EPCIS 2.0 now");
    assert!(told.contains(&"is \"commissioning\" now"), "{told:?}");
    assert_eq!((times_recorded(&node, "X1"), times_recorded(&node, "X2")), (1, 1));
    // The same bytes are the same capture.
    assert_eq!(id_of(&post(&gateway, "/capture", &XML, &body)), id);

    let found =
        get(&gateway, "/events?MATCH_epc=urn:epc:idpat:sgtin:9506000.013435.X1", &[("Accept", "application/xml")]);
    assert_eq!(found.status, 200, "{}", text(&found.body));
    let said = |name: &str| found.header(name).unwrap_or_default().to_owned();
    assert_eq!(
        (said("Content-Type"), said("GS1-CBV-XML-Format"), said("Vary")),
        ("application/xml".to_owned(), "Always_Web_URI".to_owned(), "Accept".to_owned())
    );
    let given = text(&found.body);
    for words in [
        "<epcisq:EPCISQueryDocument xmlns:epcisq=\"urn:epcglobal:epcis-query:xsd:2\"",
        "<bizStep>https://ref.gs1.org/cbv/BizStep-commissioning</bizStep>",
        "<cbvmda:lotNumber>L7</cbvmda:lotNumber>",
        "<sealane:participant>",
    ] {
        assert!(given.contains(words), "{words}: {given}");
    }
    let urns = get(&gateway, "/events", &[("Accept", "text/xml"), ("GS1-CBV-XML-Format", "Always_URN")]);
    assert!(text(&urns.body).contains("<bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>"));
    assert_eq!(
        (urns.header("Content-Type"), urns.header("GS1-CBV-XML-Format")),
        (Some("text/xml"), Some("Always_URN"))
    );
    let event_id = gateway.get("/events").json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["eventID"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in [format!("/events/{event_id}"), "/bizSteps/commissioning/events".to_owned()] {
        let one = get(&gateway, &path, &[("Accept", "application/xml")]);
        assert!(text(&one.body).contains("<epcisq:EPCISQueryDocument"), "{path}: {}", text(&one.body));
    }
    // What was given is read again: here the events are known, and the ledger says where.
    let again = id_of(&post(&gateway, "/capture", &XML, &text(&urns.body)));
    let job = gateway.until(&again, |job| job["running"] == false);
    assert!(job["sealane:changed"].to_string().contains("was the answer of a query"), "{job}");
}

#[test]
fn one_event_in_xml_is_answered_once_it_is_final() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let body = commissioned("X3", "").replace("<ObjectEvent>", "<ObjectEvent xmlns:cbvmda=\"urn:epcglobal:cbv:mda\">");
    let answer = post(&gateway, "/events", &XML, &body);
    assert_eq!(answer.status, 201, "{}", text(&answer.body));
    assert_eq!(times_recorded(&node, "X3"), 1);
    let whole = post(&gateway, "/events", &XML, &document(&[]));
    refused(&whole, 400, "epcis-invalid", "ValidationException", "post a document to /capture");
}

#[test]
fn faults_of_xml_name_line_and_column() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let wrong = commissioned("X4", "").replace("2026-03-01T08:00:00Z", "yesterday");
    let body = document(&[commissioned("X5", ""), wrong.clone(), commissioned("X6", "<action>ADD</action>")]);
    let twice = post(&gateway, "/capture", &XML, &body);
    let problem = refused(&twice, 400, "epcis-invalid", "ValidationException", "`action` stands twice");
    assert_eq!(
        (&problem["faults"][0]["pointer"], &problem["faults"][0]["line"]),
        (&json!("/epcisBody/eventList/2"), &json!(6))
    );
    let answer = post(&gateway, "/capture", &XML, &document(&[commissioned("X5", ""), wrong]));
    let problem = refused(&answer, 400, "epcis-invalid", "ValidationException", "(line 5, column 14)");
    let fault = |pointer: &str| json!({"pointer": pointer, "line": 5, "column": 14, "message": problem["faults"][0]["message"]});
    assert_eq!(problem["faults"], json!([fault("/epcisBody/eventList/1/eventTime")]));
    let broken = post(&gateway, "/capture", &XML, "<a>\n<b></a>");
    let problem = refused(&broken, 400, "epcis-invalid", "ValidationException", "not well-formed");
    assert_eq!(problem["faults"][0]["line"], 2);

    let proceed = [XML[0], ("GS1-Capture-Error-Behaviour", "proceed")];
    let job = gateway.until_final(&id_of(&post(&gateway, "/capture", &proceed, &body)));
    let places: Vec<(&Value, &Value)> = job["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (&error["sealane:event"]["index"], &error["faults"][0]["line"]))
        .collect();
    assert_eq!(places, [(&json!(1), &json!(5)), (&json!(2), &json!(6))]);
}

#[test]
fn what_is_no_epcis_in_xml_is_refused() {
    let (_node, gateway) = Gateway::of_maker(&["--no-query"]);
    for (headers, body, status, code, words) in [
        (XML, "<a/>", 400, "epcis-invalid", "none of what is taken"),
        (XML, "{\"a\": 1}", 400, "epcis-invalid", "send it as application/json"),
        (XML, "<!DOCTYPE a><a/>", 400, "epcis-invalid", "<!DOCTYPE"),
        ([("Content-Type", "application/json")], "<a/>", 400, "epcis-invalid", "send it as application/xml"),
        ([("Content-Type", "text/xml; charset=iso-8859-1")], "<a/>", 415, "unsupported-media-type", "UTF-8 or UTF-16"),
    ] {
        let exception = if status == 415 { "UnsupportedMediaTypeException" } else { "ValidationException" };
        refused(&post(&gateway, "/capture", &headers, body), status, code, exception, words);
    }
    let strict = Gateway::start(&gateway.identity(), &[&gateway.node_url()], &["--no-query", "--strict"]);
    let answer = post(&strict, "/capture", &XML, &document(&[]));
    refused(&answer, 415, "unsupported-media-type", "UnsupportedMediaTypeException", "--strict");
}

#[test]
fn only_events_are_given_in_xml() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["X7"]));
    for path in ["/epcs", "/vocabularies", "/bizSteps", "/"] {
        let answer = get(&gateway, path, &[("Accept", "application/xml")]);
        refused(&answer, 406, "not-acceptable", "NotAcceptableException", "only events are given in XML");
    }
    let wrong = get(&gateway, "/events", &[("Accept", "application/xml"), ("GS1-CBV-XML-Format", "URN")]);
    refused(&wrong, 400, "bad-header", "ValidationException", "Always_Web_URI");
}

#[test]
fn published_documents_in_xml_are_taken_or_hear_where_they_are_wrong() {
    let Some(root) = folder() else {
        eprintln!("skipped: SEALANE_VECTORS does not name the folder of foreign vectors");
        return;
    };
    let (_node, gateway) = Gateway::of_maker(&["--no-query"]);
    let (mut folders, mut statuses) = (vec![root], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "xml") {
                let answer = request(gateway.host(), "POST", "/capture", &XML, &fs::read(&path).unwrap());
                let said = text(&answer.body);
                // Most name products of other companies.
                let is_right = matches!(answer.status, 202 | 403)
                    || (answer.status == 400
                        && (said.contains("line ") || said.contains("no event and no master data")));
                assert!(is_right, "{}: {} {said}", path.display(), answer.status);
                *statuses.entry(answer.status).or_insert(0) += 1;
            }
        }
    }
    println!("published documents in XML by status: {statuses:?}");
}
