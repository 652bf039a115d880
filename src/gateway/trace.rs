//! Traces over the gateway's rows ([`sealane_core::trace`]), and who has what they lead to, by the gateway's own copy of the ledger.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use sealane_core::consortium::{ParticipantId, Registry};
use sealane_core::epcis::query::{Condition, EventQuery, Field, Key, KeyRange, QueryParameters};
use sealane_core::epcis::{self, Reader};
use sealane_core::gs1::{Id, IdKind};
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provenance::Verdict;
use sealane_core::trace::{
    AnsweredEvents, DEPTH, Direction, RecordedEvent, TRACED_MAX, Tie, Trace, TraceQuestion, TraceSource, TraceStop,
    TracedThing, trace,
};

use super::query::store::{FindError, FoundEvent, PageRequest, QueryStore, QueryStoreError};

/// Things whose holders are looked up for one trace: all that one way has, each of which takes a millisecond.
pub const HOLDERS_MAX: usize = TRACED_MAX;

/// Events that one question to the store gives.
const EVENTS_AT_ONCE: u32 = 500;

/// Where an event names what it is about.
const NAMING: [&str; 7] = ["epc", "parentID", "inputEPC", "outputEPC", "epcClass", "inputEPCClass", "outputEPCClass"];

/// Events that put things into others.
const PUTTING: [&str; 2] = ["AggregationEvent", "AssociationEvent"];

/// Where events that bring items forth name them.
const BROUGHT_FORTH: [&str; 2] = ["epc", "outputEPC"];

/// The parameters that ask for the lot in an event's master data, in every standard spelling.
const LOTS: [&str; 4] = [
    "EQ_ILMD_cbvmda:lotNumber",
    "EQ_ILMD_gs1:hasBatchLotNumber",
    "EQ_INNER_ILMD_cbvmda:lotNumber",
    "EQ_INNER_ILMD_gs1:hasBatchLotNumber",
];

/// What a trace asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    pub id: Id,
    pub directions: Vec<Direction>,
    pub depth: u32,
}

impl TraceRequest {
    /// Both ways, as far as a trace goes if nothing is said.
    pub fn of(id: Id) -> Self {
        Self { id, directions: vec![Direction::Up, Direction::Down], depth: DEPTH }
    }
}

/// How long a trace may take: its client waits, and others wait for its thread.
const DEADLINE: Duration = Duration::from_secs(10);

/// The rows as a trace goes over them.
struct RowEvents<'a> {
    store: &'a dyn QueryStore,
    size: TreeSize,
    started: Instant,
    /// Events that were read, by their places: one event may tie a thousand things.
    known: BTreeMap<(LeafIndex, u32), Arc<RecordedEvent>>,
}

impl TraceSource for RowEvents<'_> {
    type Error = FindError;

    fn events(&mut self, question: &TraceQuestion, limit: usize, bytes: usize) -> Result<AnsweredEvents, FindError> {
        let Some(conditions) = conditions(question) else { return Ok(AnsweredEvents::default()) };
        let query = EventQuery { conditions, ..EventQuery::default() };
        let (mut events, mut after, mut read) = (Vec::new(), None, 0);
        loop {
            if self.started.elapsed() >= DEADLINE {
                let seconds = DEADLINE.as_secs();
                return Err(FindError::TooComplex(format!(
                    "it took {seconds} seconds. One direction, or a smaller depth, helps"
                )));
            }
            let page = self.store.find(&query, &PageRequest { size: self.size, after, limit: EVENTS_AT_ONCE })?;
            for found in page.events {
                let event = self.known(found)?;
                read += event.bytes;
                events.push(event);
            }
            match page.next {
                Some(next) if events.len() <= limit && read < bytes => after = Some(next),
                next => return Ok(AnsweredEvents { events, has_more: next.is_some() }),
            }
        }
    }
}

impl RowEvents<'_> {
    fn known(&mut self, found: FoundEvent) -> Result<Arc<RecordedEvent>, FindError> {
        match self.known.entry((found.leaf, found.position)) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => Ok(Arc::clone(place.insert(Arc::new(recorded(found)?)))),
        }
    }
}

fn conditions(question: &TraceQuestion) -> Option<Vec<Condition>> {
    let fields = |names: &[&str]| names.iter().map(|name| Field::new(*name)).collect();
    let exactly = |id: &Id| vec![KeyRange::Exactly(Key::text(id.as_str()))];
    let naming = |names: &[&str], id: &Id| Condition { fields: fields(names), ranges: exactly(id) };
    let texts = |all: &[&str]| all.iter().map(|text| KeyRange::Exactly(Key::text(text))).collect::<Vec<_>>();
    let of_types = |types: &[&str]| Condition::new("eventType", texts(types));
    let added = || Condition::new("action", texts(&["ADD"]));
    Some(match question {
        TraceQuestion::Naming(id) => vec![naming(&NAMING, id)],
        TraceQuestion::Made(id) => vec![naming(&["outputEPC", "outputEPCClass"], id)],
        TraceQuestion::Used(id) => vec![naming(&["inputEPC", "inputEPCClass"], id)],
        TraceQuestion::Filled(id) => vec![naming(&["parentID"], id), of_types(&PUTTING), added()],
        TraceQuestion::Packed(id) => vec![naming(&["epc", "epcClass"], id), of_types(&PUTTING), added()],
        TraceQuestion::Begun(id) => vec![naming(&["epc", "epcClass"], id), of_types(&["ObjectEvent"]), added()],
        TraceQuestion::Transformation(id) => vec![naming(&["transformationID"], id)],
        TraceQuestion::OfLot(lot) => {
            let class = lot.class()?;
            let number = lot.as_str().rsplit_once("/10/")?.1;
            let number = percent_encoding::percent_decode_str(number).decode_utf8().ok()?;
            let items = KeyRange::beginning(&format!("{}/21/", class.as_str()), "");
            let mut parameters = QueryParameters::default();
            for name in LOTS {
                parameters.add(name, [number.clone().into_owned()]).ok()?;
            }
            let lots = parameters.read().ok()?.conditions;
            let ranges = lots.first()?.ranges.clone();
            let of_lot = Condition { fields: lots.into_iter().flat_map(|one| one.fields).collect(), ranges };
            vec![Condition { fields: fields(&BROUGHT_FORTH), ranges: vec![items] }, of_lot]
        }
    })
}

fn recorded(found: FoundEvent) -> Result<RecordedEvent, FindError> {
    let FoundEvent { leaf, position, participant, mut json, context, .. } = found;
    if let (Some(members), Some(context)) = (json.as_object_mut(), context) {
        members.entry("@context".to_owned()).or_insert(context);
    }
    let text = json.to_string();
    let read = epcis::read(text.as_bytes(), Reader::Strict);
    let event = read.ok().and_then(|document| document.events.into_iter().next());
    let event = event.ok_or_else(|| QueryStoreError::Corrupt(format!("the event at leaf {leaf} cannot be read")))?;
    Ok(RecordedEvent { leaf, position, participant, event, bytes: text.len() })
}

/// Follows what was asked for over the rows before a size. Blocks its thread.
///
/// # Errors
///
/// A store that fails, or that looks at too much.
pub fn follow(
    store: &Arc<dyn QueryStore>,
    size: TreeSize,
    request: &TraceRequest,
) -> Result<Vec<(Direction, Trace)>, FindError> {
    let mut rows = RowEvents { store: &**store, size, started: Instant::now(), known: BTreeMap::new() };
    let each = request.directions.iter();
    each.map(|way| Ok((*way, trace(&mut rows, &request.id, *way, request.depth)?))).collect()
}

/// The things of traces whose holders can be told: no kinds, of which there are many, and each once, the nearest first.
pub fn held(traces: &[(Direction, Trace)]) -> Vec<Id> {
    let things = traces.iter().flat_map(|(_, trace)| &trace.things);
    let mut things: Vec<&TracedThing> = things.filter(|thing| !thing.id.is_class_level()).collect();
    things.sort_by_key(|thing| thing.depth);
    let mut seen = BTreeSet::new();
    let ids = things.into_iter().map(|thing| thing.id.clone()).filter(|id| seen.insert(id.clone()));
    ids.take(HOLDERS_MAX).collect()
}

/// Writes traces as JSON.
pub fn to_json(
    request: &TraceRequest,
    size: TreeSize,
    traces: &[(Direction, Trace)],
    verdicts: &BTreeMap<Id, Verdict>,
    registry: &Registry,
) -> Value {
    let (mut nodes, mut edges, mut stopped) = (Vec::new(), Vec::new(), Vec::new());
    let mut parties: BTreeSet<&ParticipantId> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (way, trace) in traces {
        for thing in trace.things.iter().filter(|thing| seen.insert(&thing.id)) {
            parties.extend(&thing.participants);
            nodes.push(node(*way, thing, verdicts.get(&thing.id)));
        }
        edges.extend(trace.ties.iter().map(edge));
        parties.extend(trace.ties.iter().map(|tie| &tie.participant));
        stopped.extend(trace.stops.iter().map(
            |(id, why): &(Id, TraceStop)| json!({"id": id.as_str(), "direction": way.to_string(), "reason": why.as_str()}),
        ));
    }
    let custodians = verdicts.values().filter_map(|verdict| verdict.state.custodian.as_ref());
    parties.extend(custodians.map(|party| &party.id));
    let names: Map<String, Value> = parties.into_iter().map(|id| (id.to_string(), party(registry, id))).collect();
    json!({
        "id": request.id.as_str(),
        "directions": request.directions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "depth": request.depth,
        "treeSize": size,
        "nodes": nodes,
        "edges": edges,
        "stopped": stopped,
        "participants": names,
    })
}

fn node(way: Direction, thing: &TracedThing, verdict: Option<&Verdict>) -> Value {
    let mut node = json!({
        "id": thing.id.as_str(),
        "kind": kind(thing.id.kind()),
        "depth": thing.depth,
        "participants": thing.participants,
    });
    if thing.depth > 0 {
        node["direction"] = json!(way.to_string());
    }
    if let Some(verdict) = verdict {
        node["verdict"] = json!(verdict.word.as_str());
        node["custodian"] = json!(verdict.state.custodian.as_ref().map(|party| &party.id));
        node["inTransit"] = json!(verdict.state.in_transit);
    }
    node
}

fn edge(tie: &Tie) -> Value {
    json!({
        "from": tie.from.as_str(),
        "to": tie.to.as_str(),
        "kind": tie.kind.as_str(),
        "leafIndex": tie.leaf,
        "position": tie.position,
        "participant": tie.participant,
    })
}

/// Who a participant is, by its registration.
fn party(registry: &Registry, id: &ParticipantId) -> Value {
    let claims = registry.participant(id).map(|one| &one.claims);
    json!({
        "organization": claims.map(|claims| claims.organization.as_str()),
        "glns": claims.map(|claims| claims.glns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap_or_default(),
        "contact": claims.and_then(|claims| claims.contact.as_ref()).map(ToString::to_string),
    })
}

const fn kind(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Class => "class",
        IdKind::Lot => "lot",
        IdKind::Item => "item",
        IdKind::LogisticUnit => "logistic-unit",
        IdKind::ReturnableAsset | IdKind::IndividualAsset => "asset",
        IdKind::Piece => "piece",
        _ => "other",
    }
}

/// Reads ids and words of a request for a trace.
pub fn directions(text: &str) -> Result<Vec<Direction>, String> {
    match text {
        "both" => Ok(vec![Direction::Up, Direction::Down]),
        one => Ok(vec![one.parse().map_err(|_| format!("it is up, down or both, not {one:?}"))?]),
    }
}
