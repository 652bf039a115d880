//! Documents of our own: each mapping, each refusal, each limit.

use serde_json::{Value, json};

use super::*;

const EPCIS_1: &str = "urn:epcglobal:epcis:xsd:1";

/// A document of EPCIS 1.2 with these elements in its list of events.
fn document(events: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<e:EPCISDocument xmlns:e=\"{EPCIS_1}\" xmlns:ex=\"https://ns.example.com/\" \
         schemaVersion=\"1.2\" creationDate=\"2026-03-01T08:00:00Z\"><EPCISBody><EventList>{events}</EventList></EPCISBody></e:EPCISDocument>"
    )
}

fn event(inside: &str) -> String {
    format!("<ObjectEvent>{inside}</ObjectEvent>")
}

#[track_caller]
fn taken(text: &str) -> Value {
    let found = read(text.as_bytes()).unwrap();
    assert_eq!(found.objections, []);
    found.document.into()
}

/// The members of the one event in a document.
#[track_caller]
fn members(inside: &str) -> Value {
    let mut event = taken(&document(&event(inside)))["epcisBody"]["eventList"][0].take();
    event.as_object_mut().unwrap().remove("type");
    event
}

#[track_caller]
fn refused(text: &str) -> String {
    let fault = read(text.as_bytes()).unwrap_err();
    format!("{}: {}", fault.place, fault.message)
}

/// What is objected to in the one event of a document.
#[track_caller]
fn objections(inside: &str) -> Vec<String> {
    let found = read(document(&event(inside)).as_bytes()).unwrap();
    assert!(found.objections.iter().all(|one| one.event == Some(0)));
    found.objections.into_iter().map(|one| one.fault.message).collect()
}

#[test]
fn the_frame_is_that_of_a_document_of_2_0() {
    let found = read(document("").as_bytes()).unwrap();
    assert_eq!(
        Value::from(found.document),
        json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ns.example.com/"}],
            "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z",
            "epcisBody": {"eventList": []},
        })
    );
    let told: Vec<&str> = found.changed.iter().map(|change| change.message.as_str()).collect();
    assert_eq!(told, ["was XML of EPCIS 1.2 and is JSON of EPCIS 2.0 now"]);
}

#[test]
fn wrappers_dissolve_at_every_level() {
    let event = members(
        "<eventTime>t</eventTime><baseExtension><eventID>urn:x:1</eventID><errorDeclaration><reason>r</reason><extension>\
         <correctiveEventIDs><correctiveEventID> urn:x:0 </correctiveEventID></correctiveEventIDs></extension></errorDeclaration>\
         </baseExtension><readPoint><id>urn:x:p</id><extension><ex:a>1</ex:a></extension></readPoint>\
         <extension><quantityList/><extension><sensorElementList><sensorElement><sensorReport type=\"gs1:Speed\" value=\"+01.50\" \
         booleanValue=\"1\" stringValue=\" x \" ex:cv=\"2\"/></sensorElement></sensorElementList><persistentDisposition><set>a</set><set>b</set>\
         </persistentDisposition></extension></extension>",
    );
    assert_eq!(
        event,
        json!({
            "eventTime": "t", "eventID": "urn:x:1",
            "errorDeclaration": {"reason": "r", "correctiveEventIDs": ["urn:x:0"]},
            "readPoint": {"id": "urn:x:p", "ex:a": "1"}, "quantityList": [],
            "sensorElementList": [{"sensorReport": [
                {"type": "gs1:Speed", "value": 1.50, "booleanValue": true, "stringValue": " x ", "ex:cv": "2"}]}],
            "persistentDisposition": {"set": ["a", "b"]},
        })
    );
}

#[test]
fn lists_have_their_own_items() {
    let event = members(
        "<epcList><epc>\n urn:x:1 </epc><epc>urn:x:2</epc></epcList><bizTransactionList><bizTransaction type='po'>urn:x:3</bizTransaction>\
         <bizTransaction>urn:x:4</bizTransaction></bizTransactionList><sourceList><source type='s'>urn:x:5</source></sourceList>\
         <destinationList><destination type='d'>urn:x:6</destination></destinationList><childQuantityList><quantityElement>\
         <epcClass>urn:x:7</epcClass><quantity>195060001343500017</quantity><uom>KGM</uom></quantityElement></childQuantityList>\
         <certificationInfo>urn:x:8</certificationInfo>",
    );
    assert_eq!(
        event,
        json!({
            "epcList": ["urn:x:1", "urn:x:2"],
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:3"}, {"bizTransaction": "urn:x:4"}],
            "sourceList": [{"type": "s", "source": "urn:x:5"}],
            "destinationList": [{"type": "d", "destination": "urn:x:6"}],
            "childQuantityList": [{"epcClass": "urn:x:7", "quantity": 195_060_001_343_500_017_u64, "uom": "KGM"}],
            "certificationInfo": "urn:x:8",
        })
    );
    let two = members("<certificationInfo>urn:x:1</certificationInfo><certificationInfo>urn:x:2</certificationInfo>");
    assert_eq!(two, json!({"certificationInfo": ["urn:x:1", "urn:x:2"]}));
}

#[test]
fn events_stand_in_wrappers_of_their_version() {
    let text = document(
        "<ObjectEvent/><extension><TransformationEvent/><extension><AssociationEvent/></extension></extension><AggregationEvent/>",
    );
    let list = taken(&text)["epcisBody"]["eventList"].take();
    let types: Vec<&str> = list.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["ObjectEvent", "TransformationEvent", "AssociationEvent", "AggregationEvent"]);
}

#[test]
fn extensions_are_texts_objects_and_lists() {
    let event = members(
        "<ex:a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='xsd:integer'> 07 </ex:a><ex:b><inner>x</inner><ex:c/></ex:b>\
         <ex:d>1</ex:d><ex:d>2</ex:d><ex:e unit='KGM'>3.5</ex:e><ex:f ex:g='1'/><ilmd><ex:h>l</ex:h></ilmd>\
         <ex:i xml:space='preserve'> x </ex:i>",
    );
    assert_eq!(
        event,
        json!({
            "ex:a": "07", "ex:b": {"inner": "x", "ex:c": ""}, "ex:d": ["1", "2"], "ex:e": {"unit": "KGM", "#text": "3.5"},
            "ex:f": {"ex:g": "1"}, "ilmd": {"ex:h": "l"}, "ex:i": " x ",
        })
    );
}

#[test]
fn marks_say_what_json_has_and_xml_has_not() {
    let event = members(
        "<ex:w xmlns:s='urn:sealane:epcis:'><n s:json='number'>1.50</n><b s:json='boolean'>true</b><z s:json='null'/>\
         <l s:json='list'><s:item>1</s:item><s:item s:json='list'/></l><o s:json='object'/><s:member name='a b'>x</s:member></ex:w>",
    );
    assert_eq!(event["ex:w"].to_string(), r#"{"n":1.5,"b":true,"z":null,"l":["1",[]],"o":{},"a b":"x"}"#);
    let wrong = "<ex:w xmlns:s='urn:sealane:epcis:'><n s:json='number'>one</n><l s:json='list'><x/></l></ex:w>";
    assert_eq!(objections(wrong).len(), 2);
}

#[test]
fn one_prefix_stands_for_one_namespace() {
    let text = document(&event(
        "<ex:a>1</ex:a><ex:b xmlns:ex='urn:other:'><ex:c/></ex:b><d xmlns='urn:third:'>2</d><gs1:e xmlns:gs1='urn:fourth:'/>\
         <urn:f xmlns:urn='urn:fifth:'/><_x:g xmlns:_x='urn:sixth:'/><same:h xmlns:same='https://ns.example.com/'/><action:i xmlns:action='urn:seventh:'/>",
    ));
    let found = taken(&text);
    assert_eq!(
        found["@context"][1],
        json!({"ex": "https://ns.example.com/", "ns1": "urn:other:", "ns2": "urn:third:", "ns3": "urn:fourth:", "ns4": "urn:fifth:",
            "ns5": "urn:sixth:", "ns6": "urn:seventh:"})
    );
    assert_eq!(
        found["epcisBody"]["eventList"][0],
        json!({"type": "ObjectEvent", "ex:a": "1", "ns1:b": {"ns1:c": ""}, "ns2:d": "2", "ns3:e": "", "ns4:f": "", "ns5:g": "", "ex:h": "",
            "ns6:i": ""})
    );
}

#[test]
fn headers_become_members() {
    let text = document("").replace(
        "<EPCISBody>",
        "<EPCISHeader xmlns:h='http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader'><h:StandardBusinessDocumentHeader>\
         <h:Sender><h:Identifier Authority='GS1'> urn:x:s </h:Identifier></h:Sender><h:Receiver><h:Identifier>urn:x:r</h:Identifier></h:Receiver>\
         <h:DocumentIdentification><h:InstanceIdentifier>7</h:InstanceIdentifier></h:DocumentIdentification></h:StandardBusinessDocumentHeader>\
         <extension><EPCISMasterData><VocabularyList><Vocabulary type='urn:v'><VocabularyElementList><VocabularyElement id='urn:x:1'>\
         <attribute id='urn:a'>one</attribute><attribute id='urn:b'><ex:c>2</ex:c></attribute><children><id>urn:x:2</id></children>\
         </VocabularyElement></VocabularyElementList></Vocabulary></VocabularyList></EPCISMasterData></extension><ex:more>m</ex:more>\
         </EPCISHeader><EPCISBody>",
    );
    let found = read(text.as_bytes()).unwrap();
    assert_eq!(found.objections, []);
    let document: Value =
        crate::gateway::normalise::normalise_json(found.document, found.changed, false).document.into();
    assert_eq!(
        (&document["sender"], &document["receiver"], &document["instanceIdentifier"]),
        (&json!("urn:x:s"), &json!("urn:x:r"), &json!("7"))
    );
    assert_eq!(
        document["epcisHeader"],
        json!({"epcisMasterData": {"vocabularyList": [{"type": "urn:v", "vocabularyElementList": [
            {"id": "urn:x:1", "attributes": [{"id": "urn:a", "attribute": "one"}, {"id": "urn:b", "attribute": {"ex:c": "2"}}],
             "children": ["urn:x:2"]}]}]}, "ex:more": "m"})
    );
}

#[test]
fn the_answer_of_a_query_is_a_document_of_its_events() {
    let text = "<q:EPCISQueryDocument xmlns:q='urn:epcglobal:epcis-query:xsd:2' schemaVersion='2.0' creationDate='d'><EPCISBody><q:QueryResults>\
        <queryName>x</queryName><resultsBody><EventList><ObjectEvent/></EventList></resultsBody></q:QueryResults></EPCISBody></q:EPCISQueryDocument>";
    let found = read(text.as_bytes()).unwrap();
    assert_eq!(found.document.get("type").unwrap().as_str(), Some("EPCISDocument"));
    assert_eq!(found.document.get("epcisBody").unwrap().to_string(), r#"{"eventList":[{"type":"ObjectEvent"}]}"#);
    assert!(found.changed.iter().any(|change| change.message.contains("was the answer of a query")));
    for (from, to, words) in [
        ("<EventList>", "<EventList/><EventList>", "holds one element"),
        ("<resultsBody>", "<resultsBody/><resultsBody>", "stands twice"),
        ("<queryName>", "<other/><queryName>", "`other` is no element of QueryResults"),
    ] {
        assert!(refused(&text.replace(from, to)).contains(words), "{to}");
    }
    let poll = text.replace("QueryResults", "Poll");
    assert!(refused(&poll).contains("`Poll` is nothing that is captured"));
}

#[test]
fn master_data_alone_is_a_document_with_a_header() {
    let list = "<VocabularyList><Vocabulary type='urn:v'/></VocabularyList>";
    let alone = format!(
        "<m:EPCISMasterDataDocument xmlns:m='urn:epcglobal:epcis-masterdata:xsd:1' schemaVersion='1.2' creationDate='d'>\
        <EPCISBody>{list}</EPCISBody></m:EPCISMasterDataDocument>"
    );
    let found = format!(
        "<q:EPCISQueryDocument xmlns:q='urn:epcglobal:epcis-query:xsd:1' xmlns:ex='urn:ex:' schemaVersion='1.2' creationDate='d'>\
        <EPCISBody><q:QueryResults><ex:a>1</ex:a><resultsBody>{list}</resultsBody></q:QueryResults></EPCISBody></q:EPCISQueryDocument>"
    );
    for text in [&alone, &found] {
        let document = taken(text);
        assert_eq!(document["epcisHeader"], json!({"epcisMasterData": {"vocabularyList": [{"type": "urn:v"}]}}));
        assert_eq!((&document["type"], &document["epcisBody"]), (&json!("EPCISDocument"), &json!({"eventList": []})));
    }
    assert_eq!(taken(&found)["ex:a"], "1");
}

#[test]
fn an_event_alone_has_its_own_context() {
    let text = "<ObjectEvent xmlns:ex='urn:ex:' schemaVersion='2.0'><action>ADD</action><ex:a>1</ex:a></ObjectEvent>";
    let found = read(text.as_bytes()).unwrap();
    assert_eq!(found.document.get("@context").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(found.document.get("ex:a").unwrap().as_str(), Some("1"));
    assert!(found.changed.iter().any(|change| change.message.contains("schemaVersion")));
}

#[test]
fn text_is_put_together_and_references_are_resolved() {
    let event = members(
        "<epcList><epc>urn:x:<!-- c -->a&amp;b<![CDATA[<&>]]>&#x41;<?p i?>z</epc></epcList><ex:a>one\r\n\r two</ex:a>\
         <sourceList><source type='a&#10;b&lt;\tc'>urn:y</source></sourceList>",
    );
    assert_eq!(event["epcList"], json!(["urn:x:a&b<&>Az"]));
    assert_eq!(event["ex:a"], "one\n\n two");
    assert_eq!(event["sourceList"][0]["type"], "a\nb< c");
}

#[test]
fn what_is_no_xml_is_refused_at_its_place() {
    for (text, words) in [
        ("", "line 1, column 1: there is no element"),
        ("<a>", "line 1, column 1: the element <a> has no end"),
        ("<a></b>", "this is not well-formed XML"),
        ("<a/>\n<b/>", "line 2, column 1: a document has one element at the top"),
        ("<a/>x", "text stands outside"),
        ("&amp;<a/>", "text stands outside"),
        ("<![CDATA[x]]><a/>", "text stands outside"),
        ("<a b='1' b='2'/>", "line 1, column 10: the attribute b stands twice"),
        ("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "stands twice"),
        ("<a b='1'c='2'/>", "white space is missing"),
        ("<a b=1/>", "written as name"),
        ("<a b/>", "written as name"),
        ("<a b='<'/>", "`<` may not stand"),
        ("<p:a/>", "the prefix `p` is not declared"),
        ("<a p:b=''/>", "the prefix `p` is not declared"),
        ("<1a/>", "is no name of XML"),
        ("<a:b:c xmlns:a='u'/>", "is no name of XML"),
        ("<a xmlns:p=''/>", "cannot be taken back"),
        ("<a xmlns:xml='u'/>", "XML's own"),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "XML's own"),
        ("<a>]]></a>", "`]]>` may not stand"),
        ("<a>\u{1}</a>", "U+0001 may not stand"),
        ("<a b='\u{ffff}'/>", "U+FFFF may not stand"),
        ("<a><!-- -- --></a>", "not well-formed"),
        ("<a/><?xml version='1.0'?>", "very beginning"),
        ("<?xml version='1.1'?><a/>", "send XML 1.0"),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            "line 1, column 21: the encoding \"ISO-8859-1\" is not taken",
        ),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", "no byte order mark"),
        ("{\"a\": 1}", "this is JSON, and was sent as XML"),
        ("<a/>", "<a> without a namespace is none of what is taken"),
        ("<EPCISDocument/>", "without a namespace is none"),
        ("<EPCISDocument xmlns='urn:other'/>", "of urn:other is none"),
    ] {
        let found = refused(text);
        assert!(found.contains(words), "{text}: {found}");
    }
    let wide: Vec<u8> =
        "\u{feff}<?xml version='1.0' encoding='UTF-8'?><a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(&wide).unwrap_err().message.contains("byte order mark that it is UTF-16"));
    assert!(read(&wide[2..]).unwrap_err().message.contains("UTF-16 without a byte order mark"));
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>";
    assert!(read(latin).unwrap_err().message.contains("\"ISO-8859-1\""));
}

#[test]
fn nothing_is_declared_and_nothing_grows() {
    let laughs = "<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;&l;&l;'>]><a>&m;</a>";
    assert!(refused(laughs).contains("<!DOCTYPE"));
    assert!(refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>").contains("<!DOCTYPE"));
    for text in ["<a>&m;</a>", "<a b='&m;'/>", "<a>&#0;</a>", "<a b='&#xd800;'/>"] {
        assert!(refused(text).contains("neither one of the five references"), "{text}");
    }
    assert!(read(b"<a>& b</a>").is_err());
}

#[test]
fn every_limit_holds() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(refused(&nested(DEPTH_MAX)).contains("none of what is taken"));
    assert!(refused(&nested(DEPTH_MAX + 1)).contains("to a depth of 64"));
    assert!(refused(&nested(1_000_000)).contains("to a depth of 64"));
    let attributes = |count: usize| (0..count).map(|n| format!(" a{n}=''")).collect::<String>();
    assert!(refused(&format!("<a{}/>", attributes(ATTRIBUTES_MAX))).contains("none of what is taken"));
    assert!(refused(&format!("<a{}/>", attributes(10_000))).contains("at most 64 attributes"));
    let namespaces: String = (0..NAMESPACES_MAX).map(|n| format!("<b xmlns:p='urn:x:{n}'/>")).collect();
    assert!(refused(&format!("<a>{namespaces}</a>")).contains("at most 256 namespaces"));
    assert!(refused(&format!("<{}/>", "a".repeat(257))).contains("a name has at most 256 characters"));
    assert!(refused(&format!("<a></{}>", "b".repeat(9_000))).chars().count() < 700);
    let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
    assert!(refused(&many).contains("at most 400000 elements"));
}

#[test]
fn what_epcis_does_not_have_is_objected_to() {
    for (inside, words) in [
        ("<action>ADD</action><action>ADD</action>", "`action` stands twice"),
        ("<epcList/><epcList/>", "`epcList` stands twice"),
        ("<epcList><id>x</id></epcList>", "`id` is none of what `epcList` holds, which is `epc`"),
        ("<epcList>x</epcList>", "text stands in epcList"),
        ("x", "text stands in event"),
        ("<action><b/></action>", "`action` is a text"),
        ("<readPoint><name>x</name></readPoint>", "`name` is no element of readPoint"),
        ("<readPoint kind='x'><id>urn:x</id></readPoint>", "`kind` is no attribute of readPoint"),
        ("<epcList kind='x'/>", "`kind` is no attribute of epcList"),
        ("<extension kind='x'/>", "`kind` is no attribute of extension"),
        ("<epcList><epc kind='x'>urn:x:1</epc></epcList>", "`kind` is no attribute of epc"),
        ("<action kind='x'>ADD</action>", "`kind` is no attribute of action"),
        ("<ex:a xmlns:s='urn:sealane:epcis:' s:json='null' kind='x'/>", "no further attributes"),
        ("<ex:a>x<b/></ex:a>", "text stands beside elements"),
        ("<ex:a><_b/></ex:a>", "would be a remark"),
    ] {
        let found = objections(inside);
        assert!(found.len() == 1 && found[0].contains(words), "{inside}: {found:?}");
    }
    // What the JSON's strict reader refuses goes on to it, at its place.
    assert_eq!(members("<madeUp>x</madeUp>"), json!({"madeUp": "x"}));
    assert_eq!(
        members("<quantityList><quantityElement><quantity>ten</quantity></quantityElement></quantityList>")["quantityList"]
            [0]["quantity"],
        "ten"
    );
    let quantity = read(document("<QuantityEvent/>").as_bytes()).unwrap();
    assert!(quantity.objections[0].fault.message.contains("no QuantityEvent"));
    let version = document("").replace("\"1.2\"", "\"3.0\"");
    assert!(refused(&version).contains("none of 1.0, 1.1, 1.2 and 2.0"));
}

#[test]
fn no_faulty_event_passes_for_a_sound_one() {
    let bad = event("<action>ADD</action><action>ADD</action>");
    let text = document(&bad.repeat(200));
    let found = read(text.as_bytes()).unwrap();
    assert_eq!(found.objections.len(), 200);
    assert!(found.objections.windows(2).all(|pair| pair[0].fault.place < pair[1].fault.place));
}

#[test]
fn values_know_their_places() {
    let text = document(
        "<ObjectEvent>\n  <action>ADD</action>\n<epcList>\n<epc>1</epc>  <epc>2</epc></epcList></ObjectEvent>",
    );
    let pointers = [
        "/epcisBody/eventList/0/action",
        "/epcisBody/eventList/0/epcList/1",
        "/epcisBody/eventList/0/bizStep",
        "/nowhere",
    ];
    let places = places(text.as_bytes(), pointers.into_iter());
    let told: Vec<(usize, usize)> = places.iter().map(|place| (place.line, place.column)).collect();
    assert_eq!((told[0], told[1]), ((3, 3), (5, 15)));
    assert_eq!((told[2].0, told[3]), (2, (2, 1)));
}

/// Changes of genuine documents never end a program, and what is read is JSON that can be read again.
#[test]
fn changed_documents_are_read_or_refused() {
    let seed = document(&event(
        "<epcList><epc>urn:x:1</epc></epcList><ex:a b='&amp;'><![CDATA[x]]></ex:a><!-- c --><?p i?><ilmd><ex:l>1</ex:l></ilmd>",
    ));
    let pieces = [
        "<",
        ">",
        "/",
        "&",
        ";",
        "\"",
        "'",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "?>",
        " ",
        "=",
        ":",
        "xmlns:ex='u'",
        "\u{0}",
        "<!DOCTYPE",
        "ü",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut bytes = seed.clone().into_bytes();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..bytes.len());
            let end = (at + random.usize(0..12)).min(bytes.len());
            let piece = pieces[random.usize(0..pieces.len())].as_bytes().to_vec();
            bytes.splice(at..end, piece);
        }
        if let Ok(found) = read(&bytes) {
            let text = found.document.to_string();
            assert!(sealane_core::json::read(text.as_bytes()).is_ok() || text.contains("[["), "{text}");
        }
        places(&bytes, ["/epcisBody/eventList/0"].into_iter());
    }
}
