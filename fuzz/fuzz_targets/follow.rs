//! Following any events comes to an end within its limits, finds the same in what it showed as in the whole ledger, and
//! can be judged. No signature stands before it here, as none does for whoever may sign.

#![no_main]

use sealane_core::statement::P256;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use sealane_core::block::Seal;
use sealane_core::consortium::{Admin, Decision, Participant, Place, Registry};
use sealane_core::epcis::{self, Reader};
use sealane_core::gs1::{Id, Label};
use sealane_core::hash::Hash;
use sealane_core::index::names::{self, Names};
use sealane_core::index::{ListEntry, SignerTag, Subject, SubjectKind};
use sealane_core::limits::FOLLOWED_IDS_MAX;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provenance::{
    Capture, FollowFault, History, List, Policy, Source, Trail, WantedList, Word, follow, is_before_span, judge,
};
use sealane_core::statement::{StatementId, SubmittedStatement};
use sealane_core::time::Timestamp;
use sealane_fuzz::genuine::GENUINE;
use serde_json::{Value, json};

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Ids under the prefixes of registered participants, and some under nobody's.
const IDS: [&str; 14] = [
    "https://id.gs1.org/01/09506000013435/21/S1",
    "https://id.gs1.org/01/09506000013435/21/S2",
    "https://id.gs1.org/01/09506000013435/21/S3",
    "https://id.gs1.org/01/04012345013436/21/S4",
    "https://farm.example/item/1",
    "urn:farm:batch:1",
    "https://nobody.example/1",
    "https://id.gs1.org/00/095060000000000015",
    "https://id.gs1.org/00/095060000000000022",
    "https://id.gs1.org/00/095060000000000039",
    "https://id.gs1.org/00/095215670000000209",
    "https://id.gs1.org/414/9506000990019",
    "https://id.gs1.org/01/09506000134352/21/A",
    "https://id.gs1.org/01/09506000134352/21/B",
];

const CLASSES: [&str; 4] = [
    "https://id.gs1.org/01/09506000013435",
    "https://id.gs1.org/01/09506000013435/10/L1",
    "https://id.gs1.org/01/09506000013435/10/L2",
    "https://id.gs1.org/01/04012345013436",
];

const PLACES: [&str; 5] = [
    "https://id.gs1.org/414/9506000990019",
    "https://id.gs1.org/417/9506000990019",
    "https://id.gs1.org/414/9521000000018",
    "https://farm.example/place/1",
    "geo:1,2",
];

const STEPS: [&str; 10] = [
    "commissioning",
    "packing",
    "unpacking",
    "shipping",
    "receiving",
    "decommissioning",
    "destroying",
    "retail_selling",
    "inspecting",
    "creating_class_instance",
];

const DISPOSITIONS: [&str; 6] = ["active", "recalled", "stolen", "in_transit", "destroyed", "retail_sold"];

/// The first leaf of a capture; those of registrations lie before it.
const FIRST_LEAF: u64 = 1_000;

const MINUTE_MS: i64 = 60_000;

/// The participants that the seeds show, and the lists of their registrations.
static CONSORTIUM: LazyLock<(Registry, BTreeMap<Subject, Vec<ListEntry>>)> = LazyLock::new(|| {
    let mut registry = Registry::new(GENUINE.anchor.genesis());
    let mut lists: BTreeMap<Subject, Vec<ListEntry>> = BTreeMap::new();
    for (leaf, placed) in &GENUINE.registrations {
        let statement = SubmittedStatement::parse(placed.statement.as_bytes()).expect("a seed's statement");
        let admin = Admin::parse(statement.payload()).expect("a seed's admin statement");
        let (_, seal) = GENUINE.seals.range(leaf..).next().expect("a seal for each statement");
        let seal = Seal::parse(seal.seal.as_bytes()).expect("a seed's seal");
        let (id, place) = (statement.id(), Place { leaf: *leaf, time: seal.time });
        let kid = *statement.header().signer().hash();
        let decision = Decision { id, admin: &admin, kid, place, height: seal.height };
        // A seed need not show the registration that a renewal renews.
        if registry.apply_shown(&decision, &P256).is_ok() {
            for (subject, acts) in names::of_admin(&admin, id) {
                let entry = ListEntry { leaf: *leaf, signer: SignerTag::of_member(&kid), acts };
                lists.entry(subject).or_default().push(entry);
            }
        }
    }
    (registry, lists)
});

/// A whole ledger.
struct Ledger {
    lists: BTreeMap<Subject, Vec<ListEntry>>,
    captures: BTreeMap<LeafIndex, Arc<Capture>>,
}

/// What of a ledger an answer has shown.
struct Shown<'a> {
    ledger: &'a Ledger,
    trail: &'a Trail,
}

fn early(captures: &BTreeMap<LeafIndex, Arc<Capture>>, leaf: LeafIndex, since: Timestamp) -> bool {
    captures.get(&leaf).is_some_and(|capture| is_before_span(capture.place.time, since))
}

impl Source for Ledger {
    type Error = Infallible;

    fn registry(&self) -> &Registry {
        &CONSORTIUM.0
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> std::result::Result<List, Infallible> {
        let list = self.lists.get(subject).map(Vec::as_slice).unwrap_or_default();
        let first = wanted.first(list.len() as u64);
        Ok(List { count: list.len() as u64, first, entries: list[first as usize..].to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> std::result::Result<usize, Infallible> {
        Ok(entries.iter().rposition(|entry| early(&self.captures, entry.leaf, since)).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> std::result::Result<Arc<Capture>, Infallible> {
        Ok(Arc::clone(&self.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> Infallible {
        panic!("the whole ledger is at hand: {fault}")
    }
}

impl Source for Shown<'_> {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &CONSORTIUM.0
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> std::result::Result<List, FollowFault> {
        let shown = self.trail.shown.get(subject).expect("what is asked for has been shown");
        let first = wanted.first(shown.count).max(shown.first);
        let entries = shown.entries.get((first - shown.first) as usize..).unwrap_or_default().to_vec();
        Ok(List { count: shown.count, first, entries })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> std::result::Result<usize, FollowFault> {
        let is_early = |entry: &ListEntry| {
            self.trail.opened.contains(&entry.leaf) && early(&self.ledger.captures, entry.leaf, since)
        };
        Ok(entries.iter().rposition(is_early).unwrap_or(0))
    }

    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        subject: &Subject,
        bytes: usize,
    ) -> std::result::Result<Option<Arc<Capture>>, FollowFault> {
        if !self.trail.opened.contains(&leaf) {
            return Ok(None);
        }
        Ok(Some(self.capture(leaf, subject)?).filter(|capture| capture.bytes <= bytes))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> std::result::Result<Arc<Capture>, FollowFault> {
        let shown = self.trail.opened.contains(&leaf);
        assert!(shown, "leaf {leaf} is asked for and was not shown");
        Ok(Arc::clone(&self.ledger.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(dice: &mut Unstructured<'_>) -> Result<()> {
    let id = Id::parse(dice.choose(&IDS)?).expect("an id");
    let (mut ledger, as_of) = ledger(dice)?;
    let Ok(trail) = follow(&id, &mut ledger);
    let of_kind = |kind| trail.shown.iter().filter(move |(subject, _)| subject.kind() == kind);
    assert!(of_kind(SubjectKind::Id).count() <= FOLLOWED_IDS_MAX + 1);
    for (subject, List { count, first, entries }) in &trail.shown {
        let whole = ledger.lists.get(subject).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(*count, whole.len() as u64, "{subject}");
        assert_eq!(&whole[*first as usize..][..entries.len()], entries, "{subject}");
    }
    let again = follow(&id, &mut Shown { ledger: &ledger, trail: &trail });
    let again = again.unwrap_or_else(|fault| panic!("what was shown is not enough: {fault}"));
    assert_eq!(again.shown, trail.shown);
    assert_eq!(again.limit_reached, trail.limit_reached);
    assert_eq!(format!("{:?}", again.records), format!("{:?}", trail.records));
    assert_eq!((&again.opened, &again.unopened, &again.known), (&trail.opened, &trail.unopened, &trail.known));
    let limit_reached = trail.limit_reached;
    let history = History {
        id,
        label: Label::default(),
        as_of,
        tree_size: TreeSize::MAX,
        records: trail.records,
        unopened: trail.unopened,
        known: Some(trail.known),
        limit_reached,
        registry: Arc::new(CONSORTIUM.0.clone()),
    };
    let verdict = judge(&history, &Policy::default());
    assert!(!limit_reached || verdict.word != Word::Authentic, "more is recorded than was looked at");
    Ok(())
}

fn ledger(dice: &mut Unstructured<'_>) -> Result<(Ledger, Timestamp)> {
    let mut ledger = Ledger { lists: CONSORTIUM.1.clone(), captures: BTreeMap::new() };
    let mut leaf = FIRST_LEAF;
    let mut now: Timestamp = "2026-03-10T08:00:00Z".parse().expect("a time");
    let participants: Vec<&Participant> = CONSORTIUM.0.participants().collect();
    for _ in 0..dice.int_in_range(0..=12)? {
        now = now.plus_millis(dice.int_in_range(1..=4_000)? * MINUTE_MS);
        let signer = *dice.choose(&participants)?;
        let mut events = Vec::new();
        for _ in 0..dice.int_in_range(1..=3)? {
            events.push(event(dice, now)?);
        }
        let document = json!({
            "@context": [CONTEXT, {"x": "https://x.example/"}], "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2026-03-10T08:00:00.000Z", "epcisBody": {"eventList": events},
        });
        // What the strict reader refuses stands on no ledger.
        let Ok(document) = epcis::read(document.to_string().as_bytes(), Reader::Strict) else { continue };
        let times = *dice.choose(&[1, 1, 1, 1, 1, 1, 1, 2, 99, 101, 400, 1_001])?;
        let bytes = *dice.choose(&[1_000, 1_000, 1_000, 1_000, 4 << 20, (3 << 22) - 1])?;
        let certificate = dice.choose(&signer.certificates)?.thumbprint;
        let signed_at = now.plus_millis(dice.int_in_range(-9_000..=5)? * MINUTE_MS);
        let named: Names = names::of_capture(&document.events, &signer.id);
        let tag = SignerTag::of_participant(&signer.id);
        for _ in 0..times {
            let place = Place { leaf: LeafIndex::new(leaf).expect("a leaf"), time: now };
            leaf += 1;
            let (signer, events) = (signer.id.clone(), (0..).zip(document.events.clone()).collect());
            let statement = StatementId::from_hash(Hash::of(&place.leaf.get().to_be_bytes()));
            let capture = Capture { place, statement, signer, certificate, signed_at, bytes, events };
            ledger.captures.insert(place.leaf, Arc::new(capture));
            for (subject, acts) in &named {
                let entry = ListEntry { leaf: place.leaf, signer: tag, acts: *acts };
                ledger.lists.entry(subject.clone()).or_default().push(entry);
            }
            now = now.plus_millis(dice.int_in_range(0..=1)? * MINUTE_MS);
        }
    }
    Ok((ledger, now.plus_millis(MINUTE_MS)))
}

/// An event no later than a day after `now`, as every ledger keeps it.
fn event(dice: &mut Unstructured<'_>, now: Timestamp) -> Result<Value> {
    let time = now.plus_millis(dice.int_in_range(-9_000..=1_440)? * MINUTE_MS);
    let mut event = json!({"eventTime": time, "eventTimeZoneOffset": "+00:00"});
    let action = *dice.choose(&["ADD", "OBSERVE", "DELETE"])?;
    let object_type = dice.int_in_range(0..=5)?;
    match object_type {
        0..=1 => {
            event["type"] = json!("ObjectEvent");
            event["action"] = json!(action);
            event["epcList"] = ids(dice)?;
        }
        2 | 3 => {
            event["type"] = json!(if object_type == 2 { "AggregationEvent" } else { "AssociationEvent" });
            event["action"] = json!(action);
            event["parentID"] = json!(dice.choose(&IDS)?);
            event["childEPCs"] = ids(dice)?;
        }
        4 => {
            event["type"] = json!("TransformationEvent");
            event["inputEPCList"] = ids(dice)?;
            event["outputEPCList"] = ids(dice)?;
            if dice.ratio(1, 2)? {
                event["transformationID"] = json!(format!("urn:x:tie:{}", dice.int_in_range(0..=1)?));
            }
        }
        _ => {
            event["type"] = json!("TransactionEvent");
            event["action"] = json!(action);
            event["epcList"] = ids(dice)?;
            event["bizTransactionList"] = json!([{"type": "po", "bizTransaction": "urn:x:po:1"}]);
        }
    }
    if dice.ratio(1, 4)? && object_type < 2 {
        event["quantityList"] = json!([{"epcClass": dice.choose(&CLASSES)?}]);
    }
    if dice.ratio(1, 3)? && (object_type < 2 && action == "ADD" || object_type == 4) {
        event["ilmd"] = json!({"x:lotNumber": dice.choose(&["L1", "L2", "\u{e9}", "L 3"])?});
    }
    if dice.ratio(1, 2)? {
        event["bizStep"] = json!(dice.choose(&STEPS)?);
    }
    if dice.ratio(1, 3)? {
        event["disposition"] = json!(dice.choose(&DISPOSITIONS)?);
    }
    if dice.ratio(1, 5)? {
        let word = *dice.choose(&["set", "unset"])?;
        event["persistentDisposition"] = json!({ word: [dice.choose(&DISPOSITIONS)?] });
    }
    if dice.ratio(1, 3)? {
        let place = json!({"id": dice.choose(&PLACES[..4])?});
        event["bizLocation"] = place.clone();
        event["readPoint"] = place;
    }
    if dice.ratio(1, 3)? {
        event["destinationList"] = json!([{"type": "owning_party", "destination": dice.choose(&PLACES)?}]);
    }
    if dice.ratio(1, 4)? {
        event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-8000-00000000000{}", dice.int_in_range(0..=3)?));
        if dice.ratio(1, 3)? {
            event["errorDeclaration"] = json!({"declarationTime": time, "reason": "did_not_occur"});
        }
    }
    Ok(event)
}

fn ids(dice: &mut Unstructured<'_>) -> Result<Value> {
    let mut ids = BTreeSet::new();
    for _ in 0..dice.int_in_range(1..=4)? {
        // Many others at once, for the limits. Where the data has come to its end, `ratio` tells that it is so.
        if !dice.ratio(39, 40)? {
            ids.extend((0..150).map(|number| format!("https://farm.example/many/{number}")));
        }
        ids.insert((*dice.choose(&IDS)?).to_owned());
    }
    Ok(json!(ids))
}
