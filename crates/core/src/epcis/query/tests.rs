//! Each parameter on one event that has something of everything, and on the names and values that are wrong.

use serde_json::{Value, json};

use super::{CountLimit, EventFacts, EventQuery, MasterData, MasterQuestion, OrderBy, QueryFault, QueryParameters};
use crate::epcis::{self, Reader};
use crate::json::Json;
use crate::time::Timestamp;

const NS: &str = "https://ns.example.com/epcis/";

fn facts_of(event: Value, context: Value) -> EventFacts {
    let document = json!({
        "@context": context, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-01-02T00:00:00Z",
        "epcisBody": {"eventList": [event]},
    });
    let bytes = document.to_string();
    let read = epcis::read(bytes.as_bytes(), Reader::Strict).unwrap_or_else(|faults| panic!("{faults}"));
    let written = epcis::written(bytes.as_bytes()).unwrap();
    let recorded: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
    EventFacts::of(&read.events[0], &written.events[0], written.context.as_ref(), recorded)
}

fn context() -> Value {
    json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"example": NS, "gs1": "https://ref.gs1.org/voc/"}])
}

fn everything() -> EventFacts {
    let event = json!({
        "type": "ObjectEvent", "action": "ADD", "eventID": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "eventTime": "2026-01-01T10:00:00+09:00", "eventTimeZoneOffset": "+09:00",
        "epcList": ["urn:epc:id:sgtin:9506000.013435.A1"],
        "quantityList": [
            {"epcClass": "urn:epc:class:lgtin:9506000.013435.L7", "quantity": 12.5, "uom": "KGM"},
            {"epcClass": "urn:epc:idpat:sgtin:9506000.113435.*", "quantity": 3},
        ],
        "bizStep": "shipping", "disposition": "in_transit",
        "persistentDisposition": {"set": ["completeness_verified"], "unset": ["damaged"]},
        "readPoint": {"id": "urn:epc:id:sgln:9506000.13436.0", "example:dock": "D4"},
        "bizLocation": {"id": "https://id.gs1.org/414/9506000134376"},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9506000134369:PO-7"},
            {"bizTransaction": "urn:epc:id:gdti:9506000.13437.D1"},
        ],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9506000.13436"}],
        "destinationList": [{"type": "location", "destination": "urn:epc:id:sgln:9506000.13437.0"}],
        "errorDeclaration": {
            "declarationTime": "2026-01-02T00:00:00Z", "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:uuid:00000000-0000-4000-8000-000000000001"], "example:by": "night shift",
        },
        "ilmd": {"example:lot": "L7", "gs1:weight": 4.25, "example:made": {"example:at": "2026-01-01T00:00:00Z", "example:line": [7, 8]}},
        "sensorElementList": [{
            "sensorMetadata": {"time": "2026-01-01T00:30:00Z", "deviceID": "urn:epc:id:giai:9506000.DEV1", "example:note": "x"},
            "sensorReport": [
                {"type": "Temperature", "value": 26.0, "uom": "CEL", "minValue": -3, "percRank": 50, "example:calm": true},
                {"type": "gs1:Humidity", "stringValue": "damp", "booleanValue": false, "hexBinaryValue": "f0",
                 "uriValue": "https://example.com/u", "chemicalSubstance": "https://example.com/ch"},
            ],
        }],
        "example:grade": "A", "example:count": 12, "example:box": {"example:colour": "red", "example:deep": {"example:size": "5"}},
    });
    let mut event = event;
    // The standard's word for what stands in the other spelling.
    event["sensorElementList"][0]["sensorReport"][1]["type"] = json!("RelativeHumidity");
    facts_of(event, context())
}

fn query(parameters: &[(&str, &str)]) -> Result<EventQuery, QueryFault> {
    let mut all = QueryParameters::default();
    all.declare("example", NS);
    for (name, value) in parameters {
        all.add(name, value.split('|').map(str::to_owned))?;
    }
    all.read()
}

#[track_caller]
fn finds(facts: &EventFacts, name: &str, value: &str) -> bool {
    query(&[(name, value)]).unwrap_or_else(|fault| panic!("{fault}")).permits(facts)
}

#[test]
fn each_parameter_finds_what_it_names_and_nothing_else() {
    let facts = everything();
    let table = [
        ("eventType", "ObjectEvent", "TransactionEvent"),
        ("eventType", "AggregationEvent|ObjectEvent", "https://example.com/OtherEvent"),
        ("GE_eventTime", "2026-01-01T01:00:00Z", "2026-01-01T01:00:00.001Z"),
        ("LT_eventTime", "2026-01-01T01:00:00.001Z", "2026-01-01T01:00:00Z"),
        ("LE_eventTime", "2026-01-01T01:00:00Z", "2026-01-01T00:59:59Z"),
        ("GT_eventTime", "2026-01-01T00:59:59Z", "2026-01-01T01:00:00Z"),
        ("GE_recordTime", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("LT_recordTime", "2026-01-03T00:00:01Z", "2026-01-03T00:00:00Z"),
        ("EQ_action", "ADD|OBSERVE", "DELETE|OBSERVE"),
        ("EQ_bizStep", "shipping", "receiving"),
        ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:shipping", "https://ref.gs1.org/cbv/BizStep-receiving"),
        ("EQ_disposition", "in_transit", "https://example.com/in_transit"),
        ("EQ_persistentDisposition_set", "completeness_verified", "damaged"),
        ("EQ_persistentDisposition_unset", "damaged", "completeness_verified"),
        ("EQ_readPoint", "https://id.gs1.org/414/9506000134369", "https://id.gs1.org/414/9506000134376"),
        ("EQ_bizLocation", "urn:epc:id:sgln:9506000.13437.0", "urn:epc:id:sgln:9506000.13436.0"),
        ("MATCH_epc", "https://id.example.com/01/09506000134352/21/A1", "https://id.gs1.org/01/09506000134352/21/A2"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:9506000.013435.*", "urn:epc:idpat:sgtin:9506000.113435.*"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:9506000.*.*", "https://id.gs1.org/01/09506000134352"),
        ("MATCH_anyEPC", "urn:epc:idpat:sgtin:*.*.*", "urn:epc:idpat:sscc:*.*"),
        ("MATCH_epcClass", "urn:epc:class:lgtin:9506000.013435.L7", "urn:epc:class:lgtin:9506000.013435.L8"),
        ("MATCH_epcClass", "urn:epc:idpat:sgtin:9506000.113435.*", "urn:epc:idpat:sgtin:9506000.013435.*"),
        ("MATCH_anyEPCClass", "urn:epc:idpat:lgtin:9506000.013435.*", "urn:epc:idpat:lgtin:9506000.113435.*"),
        ("EQ_quantity", "1.25e1", "12"),
        ("EQ_quantity", "9|3", "9"),
        ("GT_quantity", "12.4", "12.5"),
        ("GE_quantity", "12.5", "12.51"),
        ("LT_quantity", "3.1", "3"),
        ("LE_quantity_KGM", "12.5", "3"),
        ("EQ_quantity_KGM", "12.5", "3"),
        (
            "EQ_eventID",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf7",
        ),
        ("GE_errorDeclarationTime", "2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z"),
        ("LT_errorDeclaration_Time", "2026-01-02T00:00:01Z", "2026-01-02T00:00:00Z"),
        ("EQ_errorReason", "incorrect_data", "did_not_occur"),
        ("EQ_errorReason", "urn:epcglobal:cbv:er:incorrect_data", "urn:epcglobal:cbv:er:did_not_occur"),
        (
            "EQ_correctiveEventID",
            "urn:uuid:00000000-0000-4000-8000-000000000001",
            "urn:uuid:00000000-0000-4000-8000-000000000002",
        ),
        ("EQ_bizTransaction_po", "urn:epcglobal:cbv:bt:9506000134369:PO-7", "https://id.gs1.org/253/9506000134376D1"),
        ("EQ_bizTransaction", "https://id.gs1.org/253/9506000134376D1", "https://id.gs1.org/253/9506000134376D2"),
        ("EQ_source_owning_party", "https://id.gs1.org/417/9506000134369", "https://id.gs1.org/417/9506000134376"),
        ("EQ_destination_location", "https://id.gs1.org/414/9506000134376", "https://id.gs1.org/414/9506000134369"),
        ("GE_time", "2026-01-01T00:30:00Z", "2026-01-01T00:31:00Z"),
        ("EQ_type", "Temperature", "Pressure"),
        ("EQ_type", "https://gs1.org/voc/RelativeHumidity", "gs1:Pressure"),
        ("EQ_deviceID", "https://id.gs1.org/8004/9506000DEV1", "https://id.gs1.org/8004/9506000DEV2"),
        ("EQ_chemicalSubstance", "https://example.com/ch", "https://example.com/co"),
        ("EQ_stringValue", "damp", "Damp"),
        ("EQ_booleanValue", "false", "true"),
        ("EQ_hexBinaryValue", "F0", "F1"),
        ("EQ_uriValue", "https://example.com/u", "https://example.com/v"),
        ("EQ_value_CEL", "26", "27"),
        ("GE_value_CEL", "26", "26.1"),
        ("LT_minValue_CEL", "-2", "-3"),
        ("GT_value_CEL", "-1000", "26"),
        ("LE_percRank", "50", "49"),
        ("EQ_example:grade", "A", "B"),
        ("EQ_https://ns.example.com/epcis/grade", "A", "a"),
        ("EQ_https://ns.example.com/epcis/#grade", "A", "a"),
        ("EQ_example:count", "12.0", "13"),
        ("GT_example:count", "11", "12"),
        ("EQ_INNER_example:colour", "red", "blue"),
        ("LT_INNER_example:size", "6", "5"),
        ("EQ_ILMD_example:lot", "L7", "L8"),
        ("GE_ILMD_gs1:weight", "4.25", "4.26"),
        ("GE_ILMD_https://gs1.org/voc/weight", "4.2", "4.3"),
        ("LT_INNER_ILMD_example:at", "2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"),
        ("EQ_INNER_ILMD_example:line", "8", "9"),
        ("EQ_ERROR_DECLARATION_example:by", "night shift", "day shift"),
        ("EQ_readPoint_example:dock", "D4", "D5"),
        ("EQ_SENSORMETADATA_example:note", "x", "y"),
        ("EQ_SENSORREPORT_example:calm", "true", "false"),
        ("EXISTS_example:box", "true", ""),
        ("EXISTS_ILMD_example:made", "", ""),
        ("EXISTS_errorDeclaration", "true", ""),
        ("EXISTS_sensorElementList", "1", ""),
    ];
    for (name, found, not_found) in table {
        assert!(finds(&facts, name, found), "{name}={found}");
        if !not_found.is_empty() {
            assert!(!finds(&facts, name, not_found), "{name}={not_found}");
        }
    }
    for (name, value) in
        [("EXISTS_example:none", "true"), ("EXISTS_ILMD_example:box", "true"), ("EXISTS_INNER_example:box", "true")]
    {
        assert!(!finds(&facts, name, value), "{name}");
    }
    assert!(finds(&facts, "EXISTS_example:none", "false"), "false asks for nothing");
}

#[test]
fn where_an_id_stands_counts() {
    let made = |event: Value| {
        let mut event = event;
        event["eventTime"] = json!("2026-01-01T00:00:00Z");
        event["eventTimeZoneOffset"] = json!("+00:00");
        facts_of(event, context())
    };
    let packing = made(json!({
        "type": "AggregationEvent", "action": "ADD", "parentID": "urn:epc:id:sscc:9506000.1134350001",
        "childEPCs": ["urn:epc:id:sgtin:9506000.013435.A1"],
        "childQuantityList": [{"epcClass": "urn:epc:class:lgtin:9506000.013435.L7", "quantity": 4}],
    }));
    let cooking = made(json!({
        "type": "TransformationEvent", "transformationID": "urn:epc:id:gdti:9506000.13437.T1",
        "inputEPCList": ["urn:epc:id:sgtin:9506000.013435.A1"], "outputEPCList": ["urn:epc:id:sgtin:9506000.013435.B1"],
        "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:9506000.013435.L7"}],
        "outputQuantityList": [{"epcClass": "urn:epc:class:lgtin:9506000.013435.L8", "quantity": 6, "uom": "KGM"}],
    }));
    let (a, b, pallet) =
        ("https://id.gs1.org/01/09506000134352/21/A1", "urn:epc:id:sgtin:9506000.013435.B1", "urn:epc:idpat:sscc:*.*");
    let (l7, l8) = ("urn:epc:class:lgtin:9506000.013435.L7", "urn:epc:class:lgtin:9506000.013435.L8");
    for (name, value, in_packing, in_cooking) in [
        ("MATCH_epc", a, true, false),
        ("MATCH_anyEPC", a, true, true),
        ("MATCH_parentID", pallet, true, false),
        ("MATCH_anyEPC", pallet, true, false),
        ("MATCH_epc", pallet, false, false),
        ("MATCH_inputEPC", a, false, true),
        ("MATCH_outputEPC", a, false, false),
        ("MATCH_outputEPC", b, false, true),
        ("MATCH_epcClass", l7, true, false),
        ("MATCH_inputEPCClass", l7, false, true),
        ("MATCH_outputEPCClass", l7, false, false),
        ("MATCH_outputEPCClass", l8, false, true),
        ("MATCH_anyEPCClass", l7, true, true),
        ("EQ_transformationID", "https://id.gs1.org/253/9506000134376T1", false, true),
        ("EQ_quantity_KGM", "6", false, true),
        ("EQ_quantity", "4", true, false),
        ("EQ_action", "ADD|OBSERVE|DELETE", true, false),
    ] {
        assert_eq!(
            (finds(&packing, name, value), finds(&cooking, name, value)),
            (in_packing, in_cooking),
            "{name}={value}"
        );
    }
}

#[test]
fn all_conditions_hold_at_once() {
    let facts = everything();
    let both = query(&[("EQ_bizStep", "shipping"), ("EQ_action", "ADD")]).unwrap();
    assert!(both.permits(&facts));
    let one = query(&[("EQ_bizStep", "shipping"), ("EQ_action", "DELETE")]).unwrap();
    assert!(!one.permits(&facts));
    assert!(query(&[]).unwrap().permits(&facts), "no condition finds everything");
}

#[test]
fn wrong_parameters_are_named_with_what_would_be_right() {
    for (name, value, words) in [
        ("EQ_action", "add", "ADD, OBSERVE or DELETE"),
        ("eventType", "QuantityEvent", "one of ObjectEvent"),
        ("GE_eventTime", "yesterday", "yesterday"),
        ("GE_eventTime", "2026-01-01T00:00:00Z|2026-01-02T00:00:00Z", "one value"),
        ("GE_eventTime", "", ""),
        ("EQ_bizStep", "shiping", "did you mean \"shipping\"?"),
        ("EQ_readPoint", "dock 4", "absolute URI"),
        ("MATCH_epc", "https://id.gs1.org/01/09506000134353/21/A", "check digit"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:9506000.*.A1", "each other one is *"),
        ("MATCH_epc", "09506000134352", "absolute URI"),
        ("GT_quantity", "many", "is no number"),
        ("EQ_value_celsius", "1", "no such parameter"),
        ("EQ_booleanValue", "yes", "true or false"),
        ("EXISTS_errorDeclaration", "perhaps", "true or false"),
        ("EQ_bizTransaction_order", "x", "bol, cert"),
        ("EQ_other:grade", "A", "GS1-Extensions"),
        ("GT_example:grade", "A", "neither a number nor a time"),
        ("EQ_grade", "A", "no such parameter"),
        ("EQ_", "A", "no such parameter"),
        ("match_epc", "A", "no such parameter"),
        ("nothing", "A", "no such parameter"),
        ("WD_epc", "https://example.com/", "no such parameter"),
        ("MATCH_bizStep", "https://example.com/", "no such parameter"),
        ("HASATTR_bizStep", "a", "has no master data"),
        ("EQATTR_bizLocation", "a", "a field and an attribute"),
        ("orderBy", "bizStep", "no such parameter"),
        ("orderDirection", "down", "ASC or DESC"),
        ("eventCountLimit", "5", "only with orderBy"),
        ("maxEventCount", "0", "from 1 on"),
        ("maxEventCount", "many", "from 1 on"),
    ] {
        let fault = query(&[(name, value)]).unwrap_err();
        assert_eq!(fault.parameter, name);
        assert!(fault.fault.contains(words), "{name}={value}: {fault}");
    }
    let both = [("orderBy", "eventTime"), ("eventCountLimit", "5"), ("maxEventCount", "6")];
    assert!(query(&both).unwrap_err().fault.contains("excludes"));
}

#[test]
fn numbers_of_parameters_and_values_are_limited() {
    let mut parameters = QueryParameters::default();
    for number in 0..super::PARAMETERS_MAX {
        parameters.add(&format!("EQ_{number}"), ["x".to_owned()]).unwrap();
    }
    assert!(parameters.add("EQ_more", ["x".to_owned()]).unwrap_err().fault.contains("at most"));
    let mut parameters = QueryParameters::default();
    let values = |count: usize| (0..count).map(|number| number.to_string());
    parameters.add("MATCH_epc", values(super::VALUES_MAX)).unwrap();
    assert!(parameters.add("MATCH_epc", values(1)).unwrap_err().fault.contains("at most"));
}

#[test]
fn order_and_counts_are_read() {
    let read = |parameters: &[(&str, &str)]| {
        let query = query(parameters).unwrap();
        (query.order, query.is_descending, query.count)
    };
    assert_eq!(read(&[]), (OrderBy::Recorded, false, CountLimit::None));
    assert_eq!(read(&[("orderDirection", "DESC")]), (OrderBy::Recorded, false, CountLimit::None));
    assert_eq!(read(&[("orderBy", "eventTime")]), (OrderBy::EventTime, true, CountLimit::None));
    let ascending = [("orderBy", "recordTime"), ("orderDirection", "ASC"), ("eventCountLimit", "1")];
    assert_eq!(read(&ascending), (OrderBy::Recorded, false, CountLimit::First(1)));
    let by_field = read(&[("orderBy", "example:count"), ("maxEventCount", "10")]);
    assert_eq!(by_field.2, CountLimit::AtMost(10));
    assert!(matches!(by_field.0, OrderBy::Field(field) if field.as_str() == format!("+{NS}count")));
}

#[test]
fn a_query_in_json_is_the_same() {
    let body = json!({
        "@context": context(), "eventType": ["ObjectEvent"], "EQ_example:count": [12], "EXISTS_errorDeclaration": null,
        "GE_quantity": 12.5, "EQ_booleanValue": false, "MATCH_epc": "urn:epc:idpat:sgtin:9506000.013435.*",
    });
    let parameters = QueryParameters::of_json(&Json::from(body)).unwrap();
    let query = parameters.read().unwrap();
    assert_eq!(query.conditions.len(), 6);
    assert!(query.permits(&everything()));
    let nested = QueryParameters::of_json(&Json::from(json!({"EQ_bizStep": [["shipping"]]})));
    assert!(nested.unwrap_err().fault.contains("a text, a number"));
    assert!(QueryParameters::of_json(&Json::from(json!([1]))).is_err());
}

/// One tree of places.
struct Places;

impl MasterData for Places {
    type Error = std::convert::Infallible;

    fn ids(&self, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, Self::Error> {
        Ok(match question {
            MasterQuestion::Within(places) if places[0] == "https://id.gs1.org/414/9506000134352" => {
                vec!["https://id.gs1.org/414/9506000134369".to_owned()]
            }
            MasterQuestion::Within(_) => (0..=limit).map(|number| format!("urn:x:{number}")).collect(),
            MasterQuestion::HasAttribute(names) if names[0] == "urn:epcglobal:cbv:mda:site" => {
                vec!["https://id.gs1.org/414/9506000134376".to_owned()]
            }
            MasterQuestion::Attribute { name, values } if name == "urn:x#a" && values[0] == "b" => {
                vec!["https://id.gs1.org/414/9506000134376".to_owned()]
            }
            _ => Vec::new(),
        })
    }
}

#[test]
fn master_data_decides_what_only_it_can() {
    let facts = everything();
    for (name, value, found) in [
        ("WD_readPoint", "urn:epc:id:sgln:9506000.13435.0", true),
        ("WD_bizLocation", "urn:epc:id:sgln:9506000.13435.0", false),
        ("HASATTR_bizLocation", "cbvmda:site", true),
        ("HASATTR_readPoint", "cbvmda:other", false),
        ("EQATTR_bizLocation_urn:x#a", "b", true),
        ("EQ_ATTR_bizLocation_urn:x#a", "c", false),
    ] {
        let query = query(&[(name, value)]).unwrap();
        assert!(!query.permits(&facts), "{name}: undecided");
        assert_eq!(query.resolve(&Places).unwrap().permits(&facts), found, "{name}");
    }
    // A place is within itself, whatever is known of it.
    let itself = query(&[("WD_bizLocation", "urn:epc:id:sgln:9506000.13437.0")]).unwrap();
    assert!(itself.resolve(&Places).unwrap_err().to_string().contains("more than"));
}

#[test]
fn events_are_in_the_order_asked_for() {
    let at = |count: Option<u32>, hour: u32| {
        let mut event = json!({
            "type": "ObjectEvent", "action": "OBSERVE", "epcList": ["urn:epc:id:sgtin:9506000.013435.A1"],
            "eventTime": format!("2026-01-01T{hour:02}:00:00Z"), "eventTimeZoneOffset": "+00:00",
        });
        if let Some(count) = count {
            event["example:count"] = json!(count);
        }
        facts_of(event, context())
    };
    let events = [at(Some(9), 3), at(None, 1), at(Some(10), 2), at(Some(9), 2)];
    let order = |parameters: &[(&str, &str)]| {
        let query = query(parameters).unwrap();
        let mut places: Vec<usize> = (0..events.len()).collect();
        places.sort_by(|one, other| query.compare((&events[*one], *one), (&events[*other], *other)));
        places
    };
    assert_eq!(order(&[]), [0, 1, 2, 3]);
    assert_eq!(order(&[("orderBy", "recordTime")]), [3, 2, 1, 0]);
    assert_eq!(order(&[("orderBy", "eventTime"), ("orderDirection", "ASC")]), [1, 2, 3, 0]);
    assert_eq!(order(&[("orderBy", "eventTime")]), [0, 3, 2, 1]);
    // As texts, 10 comes before 9; the least key of a number is its own, by kind.
    assert_eq!(order(&[("orderBy", "example:count"), ("orderDirection", "ASC")]), [0, 3, 2, 1]);
    assert_eq!(order(&[("orderBy", "example:count")]), [2, 3, 0, 1]);
}
