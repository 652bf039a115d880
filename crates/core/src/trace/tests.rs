//! Traces over small ledgers that stand in memory.

use serde_json::{Value, json};

use super::*;
use crate::epcis::{self, Reader};

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// A record a leaf, each signed by the participant of its number.
#[derive(Default)]
struct Records(Vec<Arc<RecordedEvent>>);

fn participant(number: u8) -> ParticipantId {
    format!("5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f{number:02x}").parse().unwrap()
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn item(serial: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/{serial}")
}

fn lot(number: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/10/{number}")
}

const PALLET: &str = "https://id.gs1.org/00/195060001343520007";

impl Records {
    fn add(&mut self, by: u8, mut event: Value) -> &mut Self {
        let members = event.as_object_mut().unwrap();
        for (name, value) in [
            ("@context", json!([CONTEXT])),
            ("eventTime", json!("2026-03-01T08:00:00Z")),
            ("eventTimeZoneOffset", json!("+00:00")),
        ] {
            members.entry(name).or_insert(value);
        }
        let read =
            epcis::read(event.to_string().as_bytes(), Reader::Strict).unwrap_or_else(|faults| panic!("{faults}"));
        let leaf = LeafIndex::new(self.0.len() as u64).unwrap();
        let event = read.events.into_iter().next().unwrap();
        self.0.push(Arc::new(RecordedEvent { leaf, position: 0, participant: participant(by), event, bytes: 100 }));
        self
    }

    fn makes(&mut self, by: u8, inputs: &[&str], outputs: &[&str], transformation: Option<&str>) -> &mut Self {
        let list = |ids: &[&str]| ids.iter().map(|id| json!({"epcClass": id, "quantity": 1})).collect::<Vec<_>>();
        let mut event = json!({"type": "TransformationEvent", "inputQuantityList": list(inputs), "outputQuantityList": list(outputs)});
        event["transformationID"] = json!(transformation);
        event
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        self.add(by, event)
    }

    fn packs(&mut self, by: u8, action: &str, parent: &str, children: &[&str]) -> &mut Self {
        self.add(by, json!({"type": "AggregationEvent", "action": action, "parentID": parent, "childEPCs": children}))
    }

    fn trace(&mut self, of: &str, direction: Direction) -> Trace {
        trace(self, &id(of), direction, DEPTH).unwrap()
    }
}

fn plays(one: &RecordedEvent, id: &Id, parts: &[Part]) -> bool {
    one.event.ids().any(|(part, named)| parts.contains(&part) && named == id)
}

fn adds(one: &RecordedEvent) -> bool {
    one.event.action() == Some(Action::Add)
}

impl TraceSource for Records {
    type Error = std::convert::Infallible;

    fn events(&mut self, question: &TraceQuestion, limit: usize, _: usize) -> Result<AnsweredEvents, Self::Error> {
        let answers = |one: &&Arc<RecordedEvent>| match question {
            TraceQuestion::Naming(id) => one.event.names(id),
            TraceQuestion::Made(id) => plays(one, id, &[Part::Output]),
            TraceQuestion::Used(id) => plays(one, id, &[Part::Input]),
            TraceQuestion::Filled(id) => adds(one) && plays(one, id, &[Part::Parent]),
            TraceQuestion::Packed(id) => adds(one) && plays(one, id, &[Part::Child]),
            TraceQuestion::Begun(id) => adds(one) && plays(one, id, &[Part::Object]),
            TraceQuestion::Transformation(id) => one.event.transformation_id() == Some(id),
            TraceQuestion::OfLot(_) => true,
        };
        let events: Vec<_> = self.0.iter().filter(answers).take(limit + 1).cloned().collect();
        Ok(AnsweredEvents { has_more: events.len() > limit, events })
    }
}

fn things(trace: &Trace) -> Vec<(&str, u32)> {
    trace.things.iter().map(|thing| (thing.id.as_str(), thing.depth)).collect()
}

/// `from>to` of each tie by the last part of their ids.
fn ties(trace: &Trace) -> Vec<String> {
    let last = |id: &Id| id.as_str().rsplit('/').next().unwrap().to_owned();
    trace.ties.iter().map(|tie| format!("{}>{} {}", last(&tie.from), last(&tie.to), tie.kind.as_str())).collect()
}

#[test]
fn a_chain_is_followed_both_ways() {
    let mut records = Records::default();
    records
        .makes(1, &[&lot("FISH")], &[&lot("FILLET")], None)
        .makes(2, &[&lot("FILLET"), &lot("SALT")], &[&lot("PACK")], None)
        .add(2, json!({"type": "ObjectEvent", "action": "ADD", "epcList": [item("A"), item("B")], "ilmd": {"cbvmda:lotNumber": "PACK"}}))
        .packs(3, "ADD", PALLET, &[&item("A")]);
    let up = records.trace(PALLET, Direction::Up);
    let expected = [
        (PALLET, 0),
        (&*item("A"), 1),
        (&*lot("PACK"), 2),
        (&*lot("FILLET"), 3),
        (&*lot("SALT"), 3),
        (&*lot("FISH"), 4),
    ];
    assert_eq!(things(&up), expected);
    assert_eq!(
        ties(&up),
        [
            "A>195060001343520007 aggregation",
            "PACK>A lot",
            "FILLET>PACK transformation",
            "SALT>PACK transformation",
            "FISH>FILLET transformation"
        ]
    );
    assert_eq!(up.stops, []);
    let makers: Vec<_> = up.things[3].participants.iter().cloned().collect();
    assert_eq!(makers, [participant(1), participant(2)]);
    let down = records.trace(&lot("FISH"), Direction::Down);
    let expected =
        [(&*lot("FISH"), 0), (&*lot("FILLET"), 1), (&*lot("PACK"), 2), (&*item("A"), 3), (&*item("B"), 3), (PALLET, 4)];
    assert_eq!(things(&down), expected);
    assert!(records.trace(&lot("SALT"), Direction::Up).ties.is_empty());
}

#[test]
fn what_is_packed_with_it_is_no_part_of_what_became_of_it() {
    let mut records = Records::default();
    records.packs(1, "ADD", PALLET, &[&item("A"), &item("B")]).packs(1, "OBSERVE", PALLET, &[&item("C")]);
    records.packs(1, "DELETE", PALLET, &[&item("A"), &item("B")]);
    assert_eq!(things(&records.trace(&item("A"), Direction::Down)), [(&*item("A"), 0), (PALLET, 1)]);
    assert_eq!(things(&records.trace(PALLET, Direction::Up)), [(PALLET, 0), (&*item("A"), 1), (&*item("B"), 1)]);
}

#[test]
fn a_transformation_in_several_events_is_one() {
    let mut records = Records::default();
    let name = Some("urn:uuid:5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10");
    records.makes(1, &[&lot("A")], &[], name).makes(1, &[&lot("B")], &[], name).makes(1, &[], &[&lot("C")], name);
    // A stranger's event with the same transformationID puts nothing in.
    records.makes(9, &[&lot("POISON")], &[], name);
    assert_eq!(ties(&records.trace(&lot("C"), Direction::Up)), ["A>C transformation", "B>C transformation"]);
    assert_eq!(ties(&records.trace(&lot("A"), Direction::Down)), ["A>C transformation"]);
    assert!(records.trace(&lot("POISON"), Direction::Down).ties.is_empty());
}

#[test]
fn what_its_signer_declares_an_error_ties_nothing() {
    let mut records = Records::default();
    let made = json!({"type": "TransformationEvent", "eventID": "urn:uuid:5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f11",
        "inputEPCList": [item("A")], "outputEPCList": [item("B")]});
    records.add(1, made.clone());
    assert_eq!(ties(&records.trace(&item("B"), Direction::Up)), ["A>B transformation"]);
    let mut withdrawn = made.clone();
    withdrawn["errorDeclaration"] = json!({"declarationTime": "2026-03-02T08:00:00Z", "reason": "incorrect_data"});
    records.add(2, withdrawn.clone());
    assert_eq!(records.trace(&item("B"), Direction::Up).ties.len(), 1, "another's declaration changes nothing");
    records.add(1, withdrawn);
    assert_eq!(records.trace(&item("B"), Direction::Up).ties, []);
}

#[test]
fn a_ring_ends_and_what_is_too_far_or_too_much_is_said() {
    let mut records = Records::default();
    records.makes(1, &[&lot("A")], &[&lot("B")], None).makes(1, &[&lot("B")], &[&lot("A")], None);
    assert_eq!(ties(&records.trace(&lot("A"), Direction::Down)), ["A>B transformation", "B>A transformation"]);
    let near = trace(&mut records, &id(&lot("A")), Direction::Down, 0).unwrap();
    assert_eq!((near.ties.len(), near.stops), (0, vec![(id(&lot("A")), TraceStop::Depth)]));
    let nothing = records.trace(&item("none"), Direction::Up);
    assert_eq!(nothing.stops, [(id(&item("none")), TraceStop::NotRecorded)]);
    let mut wide = Records::default();
    let many: Vec<String> = (0..TRACED_MAX + 5).map(|n| item(&n.to_string())).collect();
    wide.packs(1, "ADD", PALLET, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let cut = wide.trace(PALLET, Direction::Up);
    assert_eq!((cut.things.len(), cut.stops.first()), (TRACED_MAX, Some(&(id(PALLET), TraceStop::Limit))));
    let mut long = Records::default();
    for _ in 0..=EVENTS_OF_ONE_MAX {
        long.packs(9, "OBSERVE", PALLET, &[&item("X")]);
    }
    long.packs(1, "ADD", PALLET, &[&item("A")]);
    let trace = long.trace(PALLET, Direction::Up);
    assert_eq!(
        (ties(&trace), trace.stops),
        (vec!["A>195060001343520007 aggregation".to_owned()], vec![]),
        "nothing hides a tie"
    );
}

#[test]
fn no_number_of_one_signers_ties_hides_anothers() {
    // One event with a thousand outputs, before the true chain and behind it.
    let many: Vec<String> = (0..TRACED_MAX + 50).map(|n| lot(&format!("X{n}"))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for is_first in [true, false] {
        let mut records = Records::default();
        if is_first {
            records.makes(9, &[&lot("B")], &many, None);
        }
        records.makes(1, &[&lot("B")], &[&lot("B2")], None).makes(1, &[&lot("B2")], &[&lot("B3")], None);
        if !is_first {
            records.makes(9, &[&lot("B")], &many, None);
        }
        let trace = records.trace(&lot("B"), Direction::Down);
        let found = |number: &str| trace.things.iter().any(|thing| thing.id.as_str() == lot(number));
        assert!(found("B2") && found("B3"), "{is_first}");
        assert_eq!((trace.things.len(), trace.stops[0].1), (TRACED_MAX, TraceStop::Limit));
    }
    // More events than are looked at, before the true one.
    let mut records = Records::default();
    for n in 0..=EVENTS_OF_ONE_MAX {
        records.makes(
            9,
            &[&lot("A")],
            &[&lot(&format!("Y{n}"))],
            Some("urn:uuid:5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"),
        );
    }
    records.makes(1, &[&lot("A")], &[&lot("A2")], Some("urn:uuid:5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"));
    let trace = records.trace(&lot("A2"), Direction::Up);
    assert_eq!(ties(&trace), ["A>A2 transformation"]);
}

#[test]
fn a_trace_reads_so_much_and_no_more() {
    let mut records = Records::default();
    let many: Vec<String> = (0..400).map(|n| lot(&format!("X{n}"))).collect();
    records.makes(1, &[&lot("A")], &many.iter().map(String::as_str).collect::<Vec<_>>(), None);
    let heavy = Arc::make_mut(&mut records.0[0]);
    heavy.bytes = BYTES_READ_MAX / 10;
    let trace = records.trace(&lot("A"), Direction::Down);
    assert!(trace.things.len() > 100, "what was found is told");
    assert!(trace.stops.iter().any(|(_, why)| *why == TraceStop::Limit));
}

#[test]
fn an_association_ties_too_and_a_direction_is_a_word() {
    let mut records = Records::default();
    records.add(
        1,
        json!({"type": "AssociationEvent", "action": "ADD", "parentID": item("TRUCK"), "childEPCs": [item("SENSOR")]}),
    );
    assert_eq!(ties(&records.trace(&item("TRUCK"), Direction::Up)), ["SENSOR>TRUCK association"]);
    assert_eq!("down".parse(), Ok(Direction::Down));
    assert!("sideways".parse::<Direction>().unwrap_err().contains("up or down"));
}
