//! Records of events of every shape, and of bytes that are none.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{CaptureFacts, DECLARATION, ENTRY, EventKey, LeafRecord, RECORD_VERSION};
use crate::binary::Reader as Bytes;
use crate::consortium::{ParticipantId, Place};
use crate::epcis::event::{
    BizTransaction, ErrorDeclaration, EventId, PersistentDisposition, Quantity, SourceDest, WrittenLot,
};
use crate::epcis::vocabulary::{BIZ_STEPS, BIZ_TRANSACTION_TYPES, DISPOSITIONS, ERROR_REASONS, SOURCE_DEST_TYPES};
use crate::epcis::{Action, BizStep, Coordinates, Disposition, Event, Reader, VocabularyElement, What, read};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::index::{Acts, Counts, ListEntry, SignerTag, SubjectKey};
use crate::json::Json;
use crate::merkle::LeafIndex;
use crate::statement::StatementId;
use crate::time::Timestamp;

const IDS: &[&str] = &[
    "(01)09506000134352",
    "(01)09506000134352(10)L7",
    "(01)09506000134352(21)A/1%",
    "(00)195060001343500016",
    "(414)9506000134369(254)7",
    "(417)9506000134369",
    "(8003)09506000134352K1",
    "(8018)950600013435000011(8019)7",
    "(415)9506000134369(8020)R1",
    "https://shop.example/%C3%A4/1",
    "geo:52.5,13.4",
    "urn:x:y",
];

/// What was given to make a record of.
#[derive(Debug, Clone)]
struct Given {
    statement: StatementId,
    names: Vec<(SubjectKey, Acts)>,
    signer: ParticipantId,
    certificate: Hash,
    signed_at: Timestamp,
    bytes: usize,
    events: Vec<Event>,
    master_data: Vec<VocabularyElement>,
}

impl Given {
    fn of(events: Vec<Event>) -> Self {
        Self {
            statement: StatementId::from_hash(Hash::of(b"statement")),
            names: vec![(SubjectKey::from_hash(Hash::of(b"subject")), Acts::LETS_GO)],
            signer: "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap(),
            certificate: Hash::of(b"certificate"),
            signed_at: Timestamp::from_millis(1_795_253_400_000).unwrap(),
            bytes: 812,
            events,
            master_data: vec![element()],
        }
    }

    fn record(&self) -> LeafRecord {
        let under: Vec<Vec<u32>> = self.events.iter().map(|_| (0..self.names.len() as u32).collect()).collect();
        let master_data: Vec<&VocabularyElement> = self.master_data.iter().collect();
        let facts = CaptureFacts {
            signer: &self.signer,
            certificate: &self.certificate,
            signed_at: self.signed_at,
            bytes: self.bytes,
            events: &self.events,
            under: &under,
            counts: &[Counts::NEW],
            master_data: &master_data,
        };
        LeafRecord::of_capture(self.statement, &self.names, &facts)
    }
}

fn element() -> VocabularyElement {
    VocabularyElement {
        vocabulary: "urn:epcglobal:epcis:vtype:Location".to_owned(),
        id: "https://id.gs1.org/414/9506000134369".to_owned(),
        attributes: vec![("urn:epcglobal:cbv:mda:name".to_owned(), Json::from("Cellar"))],
        children: vec!["urn:x:shelf".to_owned()],
    }
}

fn place() -> Place {
    Place { leaf: LeafIndex::new(7).unwrap(), time: Timestamp::EPOCH }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z:/]{0,12}", any::<String>()]
}

fn id() -> impl Strategy<Value = Id> {
    select(IDS).prop_map(|text| Id::parse(text).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_000..=253_402_300_799_999_i64).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn few<S: Strategy>(item: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(item, 0..3)
}

fn event_id() -> impl Strategy<Value = EventId> {
    let uri = prop_oneof![
        text(),
        any::<[u8; 16]>().prop_map(|bytes| ParticipantId::from_bytes(bytes).urn()),
        any::<[u8; 16]>().prop_map(|bytes| ParticipantId::from_bytes(bytes).urn().to_uppercase()),
        hash().prop_map(|hash| format!("ni:///sha-256;{hash}?ver=CBV2.0")),
        hash().prop_map(|hash| format!("ni:///sha-256;{}?ver=CBV2.0", hash.to_hex())),
        Just("urn:uuid:f81d4fae7dec11d0a76500a0c91e6bf6".to_owned()),
        Just("urn:uuid:F81d4fae-7dec-11d0-a765-00a0c91e6bf6".to_owned()),
    ];
    (uri, any::<bool>()).prop_map(|(uri, given)| EventId { uri, given })
}

fn biz_step() -> impl Strategy<Value = BizStep> {
    prop_oneof![select(BizStep::STANDARD), text().prop_map(BizStep::Other)]
}

fn disposition() -> impl Strategy<Value = Disposition> {
    prop_oneof![select(Disposition::STANDARD), text().prop_map(Disposition::Other)]
}

fn word(standard: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![select(standard).prop_map(str::to_owned), text()]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    let number = option::of(prop_oneof!["[0-9]{1,4}(\\.[0-9]{1,3})?", text()]);
    (id(), number, option::of("[A-Z]{2,3}")).prop_map(|(epc_class, quantity, uom)| Quantity {
        epc_class,
        quantity,
        uom,
    })
}

fn ilmd() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let values = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    vec((text(), values), 0..4).prop_map(|members| Json::from(Value::Object(members.into_iter().collect())))
}

fn what() -> impl Strategy<Value = What> {
    let action = select(&[Action::Add, Action::Observe, Action::Delete][..]);
    let parts = (action, option::of(id()), few(id()), few(quantity()), few(id()), few(quantity()), option::of(ilmd()));
    (0..5, parts).prop_map(
        |(kind, (action, parent, epcs, quantities, output_epcs, output_quantities, ilmd))| match kind {
            0 => What::Object { action, epcs, quantities, ilmd },
            1 => What::Aggregation { action, parent, child_epcs: epcs, child_quantities: quantities },
            2 => What::Transaction { action, parent, epcs, quantities },
            3 => What::Association { action, parent, child_epcs: epcs, child_quantities: quantities },
            _ => What::Transformation {
                transformation_id: parent,
                input_epcs: epcs,
                input_quantities: quantities,
                output_epcs,
                output_quantities,
                ilmd,
            },
        },
    )
}

fn parties() -> impl Strategy<Value = Vec<SourceDest>> {
    few((word(SOURCE_DEST_TYPES.words), id()).prop_map(|(kind, id)| SourceDest { kind, id }))
}

fn declaration() -> impl Strategy<Value = ErrorDeclaration> {
    (time(), option::of(word(ERROR_REASONS.words)), few(text())).prop_map(
        |(declaration_time, reason, corrective_event_ids)| ErrorDeclaration {
            declaration_time,
            reason,
            corrective_event_ids,
        },
    )
}

fn coordinates() -> impl Strategy<Value = Coordinates> {
    (-90.0..=90.0, -180.0..=180.0)
        .prop_filter_map("nowhere", |(latitude, longitude)| Coordinates::new(latitude, longitude))
}

prop_compose! {
    fn event()(
        (event_id, event_time, event_time_zone_offset) in (event_id(), time(), prop_oneof![Just("+09:00".to_owned()), text()]),
        what in what(),
        (biz_step, disposition) in (option::of(biz_step()), option::of(disposition())),
        (set, unset) in (few(disposition()), few(disposition())),
        (read_point, biz_location, coordinates) in (option::of(id()), option::of(id()), option::of(coordinates())),
        biz_transactions in few((option::of(word(BIZ_TRANSACTION_TYPES.words)), text())),
        (sources, destinations) in (parties(), parties()),
        error_declaration in option::of(declaration()),
        (content_hash, lots) in (hash(), few((0..3_u32, text()))),
    ) -> Event {
        let transaction = |(kind, id)| BizTransaction { kind, id };
        Event {
            event_id,
            event_time,
            event_time_zone_offset,
            what,
            biz_step,
            disposition,
            persistent_disposition: PersistentDisposition { set, unset },
            read_point,
            biz_location,
            coordinates,
            biz_transactions: biz_transactions.into_iter().map(transaction).collect(),
            sources,
            destinations,
            error_declaration,
            written_lots: lots.into_iter().map(|(place, number)| WrittenLot { place, number }).collect(),
            content_hash,
        }
    }
}

prop_compose! {
    fn given()(
        statement in hash(),
        names in vec((hash(), any::<u8>()), 0..4),
        signer: [u8; 16],
        certificate in hash(),
        signed_at in time(),
        bytes in 0..5_000_000_usize,
        events in vec(event(), 0..4),
    ) -> Given {
        Given {
            statement: StatementId::from_hash(statement),
            names: names.into_iter().map(|(key, acts)| (SubjectKey::from_hash(key), Acts::from_byte(acts))).collect(),
            signer: ParticipantId::from_bytes(signer),
            certificate,
            signed_at,
            bytes,
            events,
            master_data: vec![element()],
        }
    }
}

/// Reads everything that a record says; what it is does not matter.
fn read_all(record: &LeafRecord) {
    let _ = record.master_data_of("https://id.gs1.org/414/9506000134369");
    let _ = record.master_ids().count();
    let _ = (record.statement(), record.signer(), record.subjects().count());
    let keys = record.event_keys().count() as u32;
    for position in 0..=keys {
        let _ = record.event(position);
    }
    let _ = record.capture(place());
}

proptest! {
    #[test]
    fn everything_comes_back(given in given()) {
        let made = given.record();
        let record = LeafRecord::from_bytes(made.as_bytes().to_vec()).unwrap();
        prop_assert_eq!(&record, &made);
        prop_assert_eq!(record.statement(), given.statement);
        prop_assert!(record.names().eq(given.names.iter().copied()));
        let counted = given.names.iter().enumerate().map(|(at, _)| if at == 0 { Counts::NEW } else { Counts::NOTHING });
        prop_assert!(record.counts().eq(counted));
        prop_assert!(record.subjects().eq(given.names.iter().map(|(key, _)| *key)));
        let signer = SignerTag::of_participant(&given.signer);
        let entry = |acts| ListEntry { leaf: place().leaf, signer, acts };
        prop_assert!(record.list_entries(place().leaf).eq(given.names.iter().map(|(key, acts)| (*key, entry(*acts)))));
        let key = |event: &Event| {
            (EventKey::of(&given.signer, &event.event_id.uri), event.error_declaration.is_some())
        };
        prop_assert!(record.event_keys().eq(given.events.iter().map(key)));
        prop_assert!(record.signer().is_some());
        prop_assert_eq!(record.signer(), Some(given.signer));
        for element in &given.master_data {
            let found = record.master_data_of(&element.id).unwrap();
            prop_assert_eq!(found, std::slice::from_ref(element));
        }
        prop_assert!(record.master_ids().map(|(id, _)| id).eq(given.master_data.iter().map(|one| one.id.as_str())));
        for (position, event) in given.events.iter().enumerate() {
            let found = record.event(position as u32).unwrap();
            prop_assert_eq!(found.as_ref(), Some(event));
            // Ids compare by their text alone.
            let kinds = |event: &Event| event.ids().map(|(_, id)| (id.kind(), id.element_string())).collect::<Vec<_>>();
            prop_assert_eq!(kinds(&found.unwrap()), kinds(event));
        }
        prop_assert_eq!(record.event(given.events.len() as u32), Ok(None));
        prop_assert_eq!(record.event(u32::MAX), Ok(None));

        let capture = record.capture(place()).unwrap().unwrap();
        prop_assert_eq!(capture.place, place());
        prop_assert_eq!(
            (&capture.signer, capture.certificate, capture.signed_at, capture.bytes),
            (&given.signer, given.certificate, given.signed_at, given.bytes)
        );
        let positions: Vec<u32> = capture.events.iter().map(|(position, _)| *position).collect();
        prop_assert_eq!(positions, (0..given.events.len() as u32).collect::<Vec<_>>());
        prop_assert!(capture.events().eq(&given.events));
        let again = Given { events: capture.events().cloned().collect(), ..given };
        prop_assert_eq!(again.record().into_bytes(), record.into_bytes());
    }

    #[test]
    fn a_record_has_one_length(given in given(), more: u8) {
        let bytes = given.record().into_bytes();
        for end in 0..bytes.len() {
            prop_assert!(LeafRecord::from_bytes(bytes[..end].to_vec()).is_err(), "cut to {} of {}", end, bytes.len());
        }
        let longer = [&bytes[..], &[more]].concat();
        prop_assert!(LeafRecord::from_bytes(longer).is_err());
    }

    #[test]
    fn an_event_has_one_length(event in event()) {
        let mut bytes = Vec::new();
        super::event::put(&mut bytes, &event);
        for end in 0..bytes.len() {
            prop_assert!(super::event::read(&mut Bytes::new(&bytes[..end], 0)).is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(given in given(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = given.record().into_bytes();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Ok(record) = LeafRecord::from_bytes(bytes) {
            read_all(&record);
        }
        // Within the events alone, of which no head keeps anything out.
        let mut bytes = given.record().into_bytes();
        let events = given.record().facts.map_or(0, |facts| facts.begin)..bytes.len();
        for (at, byte) in changes.iter().filter(|_| !events.is_empty()) {
            bytes[events.start + at.index(events.len())] = *byte;
        }
        read_all(&LeafRecord::from_bytes(bytes).unwrap());
    }

    #[test]
    fn nor_do_bytes_of_no_record(bytes: Vec<u8>) {
        let bytes = [&[RECORD_VERSION][..], &bytes].concat();
        if let Ok(record) = LeafRecord::from_bytes(bytes.clone()) {
            read_all(&record);
        }
        let _ = super::event::read(&mut Bytes::new(&bytes, 0));
    }
}

#[test]
fn the_events_under_a_subject_are_found_without_the_others() {
    let events = events(json!([one_item(), one_item(), one_item()]));
    let keys: Vec<SubjectKey> =
        ["item", "lot", "nothing"].iter().map(|text| SubjectKey::from_hash(Hash::of(text.as_bytes()))).collect();
    let signer = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
    let record = |under: &[Vec<u32>]| {
        let certificate = Hash::of(b"certificate");
        let signed_at = Timestamp::EPOCH;
        let facts = CaptureFacts {
            signer: &signer,
            certificate: &certificate,
            signed_at,
            bytes: 1,
            events: &events,
            under,
            counts: &[],
            master_data: &[],
        };
        let names: Vec<(SubjectKey, Acts)> = keys.iter().map(|key| (*key, Acts::NONE)).collect();
        LeafRecord::of_capture(StatementId::from_hash(Hash::of(b"statement")), &names, &facts)
    };
    let sound = record(&[vec![0], vec![1, 0], vec![]]);
    let under = |key: &SubjectKey| -> Vec<u32> {
        let capture = sound.capture_under(place(), key).unwrap().unwrap();
        assert!(capture.events.iter().all(|(position, event)| *event == events[*position as usize]));
        capture.events.iter().map(|(position, _)| *position).collect()
    };
    assert_eq!(under(&keys[0]), [0, 1]);
    assert_eq!(under(&keys[1]), [1]);
    assert_eq!(under(&keys[2]), [0; 0]);
    assert_eq!(under(&SubjectKey::from_hash(Hash::of(b"unknown"))), [0; 0]);
    let fault = record(&[vec![3], vec![], vec![]]).capture_under(place(), &keys[0]).unwrap_err();
    assert!(fault.to_string().contains("an event's subject"), "{fault}");
}

/// The events of a document with these.
fn events(list: Value) -> Vec<Event> {
    let document = json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-21T10:00:00.000Z",
        "epcisBody": {"eventList": list}
    });
    read(document.to_string().as_bytes(), Reader::Strict).unwrap_or_else(|faults| panic!("{faults}")).events
}

/// An event of one item, as most captures have.
fn one_item() -> Value {
    json!({
        "type": "ObjectEvent",
        "eventTime": "2026-11-21T09:29:00.000Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": ["https://id.gs1.org/01/09506000134352/21/B1"],
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "readPoint": {"id": "https://id.gs1.org/414/9506000134376"}
    })
}

#[test]
fn an_admin_statement_has_names_and_nothing_else() {
    let names = ["a", "b"].map(|text| (SubjectKey::from_hash(Hash::of(text.as_bytes())), Acts::NONE));
    let kid = Hash::of(b"kid");
    let statement = StatementId::from_hash(Hash::of(b"s"));
    let made = LeafRecord::of_admin(statement, &kid, &names);
    let record = LeafRecord::from_bytes(made.as_bytes().to_vec()).unwrap();
    assert_eq!(record, made);
    assert_eq!(record.as_bytes().len(), 2 + 32 + 16 + 1 + 2 * 33);
    assert_eq!(record.statement(), statement);
    assert!(record.names().eq(names));
    let signer = SignerTag::of_member(&kid);
    assert!(record.list_entries(place().leaf).all(|(_, entry)| entry.signer == signer && entry.acts == Acts::NONE));
    assert_eq!(record.signer(), None);
    assert_eq!((record.signer(), record.event_keys().len(), record.event(0)), (None, 0, Ok(None)));
    assert!(record.capture(place()).unwrap().is_none());
    for end in 0..record.as_bytes().len() {
        assert!(LeafRecord::from_bytes(record.as_bytes()[..end].to_vec()).is_err());
    }
}

#[test]
fn a_record_of_one_item_is_short() {
    let length = |changes: &[(&str, Value)]| {
        let mut event = one_item();
        for (name, value) in changes {
            event[*name] = value.clone();
        }
        Given { master_data: Vec::new(), ..Given::of(events(json!([event]))) }.record().as_bytes().len()
    };
    assert_eq!(length(&[]), 268);
    assert_eq!(length(&[("eventID", json!("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))]), 252);
    assert_eq!(length(&[("eventID", json!("https://events.example/2026/11/21/0001"))]), 275);
    // As another event would have it that is beside this in one document.
    let several = Given { master_data: Vec::new(), ..Given::of(events(json!([one_item(), one_item(), one_item()]))) };
    let several = several.record().as_bytes().len();
    assert_eq!((several - length(&[])) / 2, 140);
}

#[test]
fn faults_of_a_record_are_named() {
    let mut begun = one_item();
    (begun["action"], begun["ilmd"]) = (json!("ADD"), json!({"cbvmda:lotNumber": "L1"}));
    let given = Given::of(events(json!([begun, one_item()])));
    let record = given.record();
    let (entries, facts) = (record.entries.clone(), record.facts.unwrap());
    let (lists, begin) = (facts.lists, facts.begin);
    let end_at = |entry: usize| entries.start + (entry + 1) * ENTRY - 4;
    let whole = record.as_bytes().len();
    let second = begin + super::split(&super::entries(record.as_bytes(), &entries)[0]).1;
    let said = |at: usize, put: &[u8]| {
        let mut bytes = record.as_bytes().to_vec();
        bytes[at..at + put.len()].copy_from_slice(put);
        match LeafRecord::from_bytes(bytes) {
            Ok(record) => record.event(0).err().or_else(|| record.capture(place()).err()).unwrap().to_string(),
            Err(error) => error.to_string(),
        }
    };
    let end = (whole - begin) as u32;
    for (at, put, place, words) in [
        (0, &[1][..], 0, "1 stands for no version"),
        (1, &[3], 1, "3 stands for no kind of statement"),
        (50, &[0xff, 0xff, 0xff, 0x7f], 50, "the bytes end within what begins here"),
        (50, &[0x80, 0], 50, "a number is longer than it has to be"),
        (end_at(0), &0_u32.to_be_bytes(), entries.start, "an event's end is not as it is written"),
        (end_at(0), &(end + 1).to_be_bytes(), entries.start, "an event's end is not"),
        (end_at(1), &(end + 1).to_be_bytes(), entries.start + ENTRY, "an event's end is not"),
        (end_at(1), &(end - 1).to_be_bytes(), begin, "bytes follow where the last thing has ended"),
        (end_at(0), &(1_u32 | DECLARATION).to_be_bytes(), begin + 1, "the bytes end within"),
        (entries.end + 32, &[0xff; 10], entries.end + 32, "a number is longer than it has to be, or than 64 bits"),
        (lists - 1, &[0xff, 0x7f], lists - 1, "the bytes end within what begins here"),
        (lists - 1, &[5], entries.start + ENTRY, "an event's end is not"),
        (lists - 1, &[3], begin - 1, "bytes follow where the last thing has ended"),
        (second, &[0x95], second, "149 stands for no event type with that action"),
        (second, &[0x80], second, "128 stands for no event type with that action"),
        (begin, &[3 << 6], begin + 3, "3 stands for no form of an eventID"),
        (begin, &[0x8a], begin, "the list of an event's members is not as it is written"),
        (second - 1, b"]", second - 25, "ilmd is not as it is written"),
    ] {
        let error = said(at, put);
        assert!(error.starts_with(&format!("this is no record of a leaf: at byte {place}: {words}")), "{at}: {error}");
    }
}

/// Whoever changes an order that numbers stand for, or the bytes, makes a new version of the record.
#[test]
fn the_bytes_of_a_version_do_not_change() {
    let lists = [
        BIZ_STEPS.words,
        DISPOSITIONS.words,
        BIZ_TRANSACTION_TYPES.words,
        SOURCE_DEST_TYPES.words,
        ERROR_REASONS.words,
    ];
    let words = lists.map(|words| words.join(" ")).join("\n");
    assert_eq!(RECORD_VERSION, 5);
    let full = json!({
        "type": "TransformationEvent",
        "eventID": "https://events.example/1",
        "eventTime": "2026-11-21T09:29:00.000Z",
        "eventTimeZoneOffset": "+09:00",
        "transformationID": "urn:x:t",
        "inputEPCList": ["https://id.gs1.org/01/09506000134352/21/B1"],
        "inputQuantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/L1", "quantity": 12.5, "uom": "KGM"}],
        "outputEPCList": ["https://id.gs1.org/00/195060001343500016", "https://id.gs1.org/01/09506000134352/10/L8/21/C1"],
        "outputQuantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/L2"}],
        "bizStep": "commissioning",
        "disposition": "https://words.example/odd",
        "persistentDisposition": {"set": ["conformant"], "unset": ["unknown"]},
        "readPoint": {"id": "https://id.gs1.org/414/9506000134376"},
        "bizLocation": {"id": "geo:52.5,13.4"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po"}, {"bizTransaction": "urn:x:2"}],
        "sourceList": [{"type": "owning_party", "source": "https://id.gs1.org/417/9506000134352"}],
        "destinationList": [{"type": "https://words.example/to", "destination": "urn:x:d"}],
        "errorDeclaration": {"declarationTime": "2026-11-22T00:00:00Z", "reason": "did_not_occur", "correctiveEventIDs": ["urn:x:1"]},
        "ilmd": {"cbvmda:lotNumber": "L1"}
    });
    let record = Given::of(events(json!([one_item(), full]))).record();
    let digests = [words.as_bytes(), record.as_bytes()].map(|bytes| Hash::of(bytes).to_hex());
    assert_eq!(
        digests,
        [
            "6f7594b314ed433fbef98b38866ffb222b616be3dca35669f5b85aa5ec288eee",
            "4ee7ac176a495920374d08c57745af35ddf4a2efa3e9479c989626f7128f8c9b",
        ]
    );
}
