//! EPCIS queries: events as they were captured, with where they stand.

use std::collections::{BTreeSet, HashSet};

use tokio::runtime::Handle;

use crate::app::answer::QUERIES;
use crate::app::head::statement_text;
use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::lookup::Lookup;
use crate::app::repeats::leaves_of;
use crate::ports::{LedgerStore, PlacedRecord, StoreError};
use sealane_core::consortium::{EventKey, ParticipantId};
use sealane_core::epcis::{self, Event, Part, Written};
use sealane_core::gs1::Id;
use sealane_core::index::{Subject, names};
use sealane_core::json::Json;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

/// Events on one page when the caller names no number, and at most.
pub const PAGE_EVENTS_DEFAULT: u32 = 30;
pub const PAGE_EVENTS_MAX: u32 = 1_000;

/// Bytes of statements that one page is read from: past them it ends early, and the next one goes on.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Leaves whose records are searched for one page, and bytes of them: past either it ends early too, so that a query which
/// matches nothing costs some 50 ms, however long the ledger is.
pub const SEARCHED_LEAVES_MAX: usize = 20_000;
const SEARCHED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Records read at once, and bytes of them.
const RECORDS_AT_ONCE: usize = 256;
const RECORD_BYTES_AT_ONCE: usize = 1024 * 1024;

/// A leaf, and an event's place in it.
type Position = (LeafIndex, u32);

/// Which events to list. Every member that is given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventFilter {
    /// The event has one of these ids.
    pub event_ids: Vec<String>,
    /// Named by the event, in whatever part.
    pub id: Option<Id>,
    /// Each must hold.
    pub named: Vec<NamedFilter>,
    /// Of which the event is a part.
    pub transformations: Vec<Id>,
    pub event_types: Vec<String>,
    pub actions: Vec<String>,
    pub biz_steps: Vec<String>,
    pub dispositions: Vec<String>,
    pub read_points: Vec<String>,
    pub biz_locations: Vec<String>,
    /// Each must hold.
    pub transactions: Vec<TransactionFilter>,
    pub event_time_from: Option<Timestamp>,
    pub event_time_before: Option<Timestamp>,
    /// By the time of the event's block.
    pub recorded_from: Option<Timestamp>,
    pub recorded_before: Option<Timestamp>,
    /// Only after this leaf and position.
    pub after: Option<(LeafIndex, u32)>,
    /// At most this many.
    pub limit: u32,
}

/// Which ids an event is to name one of, and where (EPCIS 2.0 §8.2.7.1, `MATCH_…`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedFilter {
    pub ids: Vec<Id>,
    /// The lists of quantities, which name classes and lots; else those of EPCs, and the parent.
    pub in_classes: bool,
    /// The parts that count.
    pub parts: Vec<Part>,
}

impl NamedFilter {
    fn permits(&self, event: &Event) -> bool {
        let counts = |(part, id): (Part, &Id)| self.parts.contains(&part) && self.ids.contains(id);
        if self.in_classes { event.epc_classes().any(counts) } else { event.epcs().any(counts) }
    }
}

/// Which business transactions an event is to have one of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TransactionFilter {
    /// Its type, as a bare word or a URI; any for `None`.
    pub kind: Option<String>,
    /// Their URIs.
    pub uris: Vec<String>,
}

impl TransactionFilter {
    fn permits(&self, event: &Event) -> bool {
        let wanted: Vec<Subject> = self.uris.iter().map(|uri| names::of_transaction(uri)).collect();
        event.biz_transactions.iter().any(|one| {
            self.kind.as_ref().is_none_or(|kind| one.kind.as_ref() == Some(kind))
                && wanted.contains(&names::of_transaction(&one.id))
        })
    }
}

impl EventFilter {
    /// Tells whether the filter lets an event through.
    fn permits(&self, event: &Event) -> bool {
        let one_of = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
        };
        one_of(&self.event_ids, Some(event.event_id.uri.as_str()))
            && one_of(&self.event_types, Some(event.type_name()))
            && one_of(&self.actions, event.action().map(|action| action.as_str()))
            && one_of(&self.biz_steps, event.biz_step.as_ref().map(|step| step.as_str()))
            && one_of(&self.dispositions, event.disposition.as_ref().map(|disposition| disposition.as_str()))
            && one_of(&self.read_points, event.read_point.as_ref().map(Id::as_str))
            && one_of(&self.biz_locations, event.biz_location.as_ref().map(Id::as_str))
            && self.event_time_from.is_none_or(|from| event.event_time >= from)
            && self.event_time_before.is_none_or(|before| event.event_time < before)
            && self.id.as_ref().is_none_or(|id| event.names(id))
            && self.named.iter().all(|one| one.permits(event))
            && (self.transformations.is_empty()
                || event.transformation_id().is_some_and(|id| self.transformations.contains(id)))
            && self.transactions.iter().all(|one| one.permits(event))
    }

    /// The subjects of which every event that the filter lets through has one; `None` if none are known.
    fn subjects(&self) -> Option<Vec<Subject>> {
        if let Some(id) = &self.id {
            return Some(vec![Subject::id(id.as_str())]);
        }
        if let Some(named) = self.named.first() {
            return Some(named.ids.iter().map(|id| Subject::id(id.as_str())).collect());
        }
        if !self.transformations.is_empty() {
            return Some(self.transformations.iter().map(|id| Subject::transformation(id.as_str())).collect());
        }
        Some(self.transactions.first()?.uris.iter().map(|uri| names::of_transaction(uri)).collect())
    }

    /// Tells whether a block of this time is one in which the filter looks.
    fn permits_block(&self, time: Timestamp) -> bool {
        self.recorded_from.is_none_or(|from| time >= from) && self.recorded_before.is_none_or(|before| time < before)
    }
}

/// An event with where it stands and when that was recorded.
#[derive(Debug, Clone)]
pub struct FoundEvent {
    pub leaf: LeafIndex,
    pub position: u32,
    pub participant: ParticipantId,
    pub event_id: String,
    /// The event's JSON as captured.
    pub json: Json,
    /// The `@context` of the document that it was captured in.
    pub context: Option<Json>,
    /// Its block's time.
    pub recorded: Timestamp,
    /// Later leaves in which its signer recorded it again. It is listed once, at its first.
    pub repeated_at: Vec<LeafIndex>,
}

/// A page of events, and where the next one begins.
#[derive(Debug, Clone)]
pub struct EventPage {
    pub events: Vec<FoundEvent>,
    /// Where the search goes on, if this page is not the last one as of now.
    pub next: Option<(LeafIndex, u32)>,
    /// The ledger that was looked at.
    pub size: TreeSize,
    /// Nothing that will be recorded can be of this query.
    pub is_closed: bool,
}

impl EventPage {
    /// Where a page goes on that has what is recorded after this one: as [`EventPage::next`], or at the end of the ledger.
    pub fn goes_on_at(&self, after: Option<(LeafIndex, u32)>) -> Option<(LeafIndex, u32)> {
        let end = || self.size.last_index().map(|last| (last, u32::MAX)).max(after);
        if self.is_closed { self.next } else { self.next.or_else(end) }
    }
}

/// Lists the events that a filter lets through, in ledger order. A page may end before it is full, or be empty, and have a
/// next one: so much was searched for it.
pub async fn list(ledger: &Ledger, filter: EventFilter) -> Result<EventPage, LedgerError> {
    list_as(ledger, filter, |page| page).await
}

/// Lists as [`list`] does, and writes the page down on the thread that found it: that takes a processor's time too.
pub async fn list_as<T: Send + 'static>(
    ledger: &Ledger,
    mut filter: EventFilter,
    write: impl FnOnce(EventPage) -> T + Send + 'static,
) -> Result<T, LedgerError> {
    filter.limit = filter.limit.clamp(1, PAGE_EVENTS_MAX);
    let client = ledger.client;
    let (ledger, handle) = (ledger.clone(), Handle::current());
    let work = move || {
        let store = handle.block_on(ledger.snapshot())?;
        let view = ledger.view();
        let mut search = Search::new(&ledger, &view, &filter);
        let found = search.run(&handle, &*store)?;
        let (events, next) = read(&handle, &*store, found, search.next)?;
        let is_closed = filter.recorded_before.is_some_and(|before| view.tip.seal.time >= before);
        Ok(write(EventPage { events, next, size: view.size(), is_closed }))
    };
    QUERIES.run(client, work).await
}

/// An event that a filter let through, by its record.
struct Found {
    leaf: LeafIndex,
    position: u32,
    recorded: Timestamp,
    participant: ParticipantId,
    event_id: String,
    repeated_at: Vec<LeafIndex>,
}

/// Goes through the records that may hold what is looked for.
struct Search<'a> {
    filter: &'a EventFilter,
    lookup: &'a Lookup,
    size: TreeSize,
    /// The leaves that the index leads to, no more than may be searched and one; all of the ledger for `None`.
    leaves: Option<Vec<LeafIndex>>,
    /// Where the search goes on, if it was not to its end.
    next: Option<(LeafIndex, u32)>,
}

impl<'a> Search<'a> {
    fn new(ledger: &'a Ledger, view: &View, filter: &'a EventFilter) -> Self {
        let size = view.size();
        let first = filter.after.map_or(TreeSize::ZERO.next_index(), |(leaf, _)| leaf);
        let of_events = (!filter.event_ids.is_empty()).then(|| {
            let participants = || view.registry.participants();
            let keys = filter.event_ids.iter().flat_map(|id| participants().map(|one| EventKey::of(&one.id, id)));
            let mut leaves: Vec<LeafIndex> = keys.flat_map(|key| ledger.lookup.event(key)).collect();
            leaves.sort_unstable();
            leaves.dedup();
            leaves.retain(|leaf| size.contains(*leaf) && *leaf >= first);
            leaves
        });
        let of_subjects = || {
            let subjects = filter.subjects()?;
            let lists = subjects
                .iter()
                .flat_map(|one| ledger.lookup.leaves_from(&one.key(), first, size, SEARCHED_LEAVES_MAX + 1));
            let leaves: BTreeSet<LeafIndex> = lists.collect();
            Some(leaves.into_iter().take(SEARCHED_LEAVES_MAX + 1).collect())
        };
        Self { filter, lookup: &ledger.lookup, size, leaves: of_events.or_else(of_subjects), next: None }
    }

    fn run(&mut self, handle: &Handle, store: &dyn LedgerStore) -> Result<Vec<Found>, LedgerError> {
        let (mut found, mut bytes, mut leaves) = (Vec::new(), 0, 0);
        let mut from = self.filter.after.map_or(TreeSize::ZERO.next_index(), |(leaf, _)| leaf);
        let listed = self.leaves.take();
        let mut chunks = listed.as_ref().map(|leaves| leaves.chunks(RECORDS_AT_ONCE));
        loop {
            let page = match &mut chunks {
                Some(chunks) => match chunks.next() {
                    Some(leaves) => handle.block_on(store.records(leaves.to_vec()))?,
                    None => return Ok(found),
                },
                None => handle.block_on(store.records_from(from, RECORDS_AT_ONCE as u32, RECORD_BYTES_AT_ONCE))?,
            };
            let Some(last) = page.last().map(|last| last.place.leaf) else { return Ok(found) };
            from = last.size_through().next_index();
            let size = self.size;
            if self
                .filter
                .recorded_before
                .is_some_and(|before| page.first().is_some_and(|one| one.place.time >= before))
            {
                return Ok(found);
            }
            for placed in page.iter().filter(|placed| size.contains(placed.place.leaf)) {
                bytes += placed.record.as_bytes().len();
                leaves += 1;
                if self.of_record(handle, store, placed, &mut found)? {
                    return Ok(found);
                }
            }
            if !self.size.contains(last) {
                return Ok(found);
            }
            if bytes > SEARCHED_BYTES_MAX || leaves >= SEARCHED_LEAVES_MAX {
                self.next = Some((last, u32::MAX));
                return Ok(found);
            }
        }
    }

    /// Adds a record's events; tells whether the page is full, and one more was seen.
    fn of_record(
        &mut self,
        handle: &Handle,
        store: &dyn LedgerStore,
        placed: &PlacedRecord,
        found: &mut Vec<Found>,
    ) -> Result<bool, LedgerError> {
        let PlacedRecord { place, record } = placed;
        let leaf = place.leaf;
        if !self.filter.permits_block(place.time) {
            return Ok(false);
        }
        let Some(participant) = record.signer() else { return Ok(false) };
        let after = self.filter.after;
        let mut seen = HashSet::new();
        for (position, (key, is_declaration)) in (0..).zip(record.event_keys()) {
            let stood_before = !is_declaration && !seen.insert(key);
            if after.is_some_and(|after| (leaf, position) <= after) {
                continue;
            }
            let event = record.event(position).map_err(|error| StoreError::of_record(leaf, error))?;
            let Some(event) = event.filter(|event| self.filter.permits(event)) else { continue };
            // An event that was recorded again is listed at its first place alone.
            let mut repeated_at = Vec::new();
            if !is_declaration {
                repeated_at = handle.block_on(leaves_of(self.lookup, store, key, self.size))?;
                if stood_before || repeated_at.iter().any(|other| *other < leaf) {
                    continue;
                }
                repeated_at.retain(|other| *other > leaf);
            }
            if found.len() == self.filter.limit as usize {
                self.next = found.last().map(|last: &Found| (last.leaf, last.position));
                return Ok(true);
            }
            let (participant, event_id) = (participant, event.event_id.uri);
            found.push(Found { leaf, position, recorded: place.time, participant, event_id, repeated_at });
        }
        Ok(false)
    }
}

/// Reads found events' JSON from their statements.
fn read(
    handle: &Handle,
    store: &dyn LedgerStore,
    found: Vec<Found>,
    mut next: Option<(LeafIndex, u32)>,
) -> Result<(Vec<FoundEvent>, Option<Position>), LedgerError> {
    let mut events = Vec::with_capacity(found.len());
    let (mut bytes, mut open): (usize, Option<ReadLeaf>) = (0, None);
    for Found { leaf, position, recorded, participant, event_id, repeated_at } in found {
        let read = match open.take() {
            Some(read) if read.index == leaf => read,
            _ => {
                let read = read_leaf(handle, store, leaf)?;
                bytes += read.bytes;
                read
            }
        };
        bytes += read.context_bytes;
        let fault = || LedgerError::Leaf { leaf, detail: format!("it has no event {position}, as its record says") };
        let json = read.document.events.get(position as usize).cloned().ok_or_else(fault)?;
        let context = read.document.context.clone();
        events.push(FoundEvent { leaf, position, participant, event_id, json, context, recorded, repeated_at });
        open = Some(read);
        if bytes > PAGE_BYTES_MAX {
            // Even where nothing follows: a page that is empty says so.
            next = Some((leaf, position));
            break;
        }
    }
    Ok((events, next))
}

struct ReadLeaf {
    index: LeafIndex,
    /// Of the statement.
    bytes: usize,
    /// Of the document's `@context`, which each of its events is given with.
    context_bytes: usize,
    document: Written,
}

fn read_leaf(handle: &Handle, store: &dyn LedgerStore, index: LeafIndex) -> Result<ReadLeaf, LedgerError> {
    let fault = |detail: String| LedgerError::Leaf { leaf: index, detail };
    let stored = handle.block_on(store.leaf(index))?.ok_or_else(|| fault("it is not there".to_owned()))?;
    let text = handle.block_on(statement_text(store, &stored.bytes))?;
    let text = text.ok_or_else(|| fault("it holds no statement".to_owned()))?;
    let statement = SubmittedStatement::parse(&text).map_err(|error| fault(error.to_string()))?;
    let document = epcis::written(statement.payload()).map_err(|error| fault(error.to_string()))?;
    let context_bytes = document.context.as_ref().map_or(0, |context| context.to_string().len());
    Ok(ReadLeaf { index, bytes: text.len(), context_bytes, document })
}
