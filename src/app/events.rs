//! EPCIS queries: events as they were captured, with where they stand.

use serde_json::Value;

use crate::app::ledger::{Ledger, LedgerError};
use crate::app::state::statement_text;
use crate::app::workplace::Workplace;
use crate::domain::consortium::ParticipantId;
use crate::domain::epcis::{self, Event, Reader};
use crate::domain::gs1::Id;
use crate::domain::merkle::LeafIndex;
use crate::domain::statement::SubmittedStatement;
use crate::domain::time::Timestamp;
use crate::ports::EventFilter;

/// Events on one page when the caller names no number, and at most.
pub const PAGE_EVENTS_DEFAULT: u32 = 30;
pub const PAGE_EVENTS_MAX: u32 = 1_000;

/// Bytes of statements that one page is read from: past them it ends early, and the next one goes on.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An event with where it stands and when that was recorded.
#[derive(Debug, Clone)]
pub struct FoundEvent {
    pub leaf: LeafIndex,
    pub position: u32,
    pub participant: ParticipantId,
    pub event_id: String,
    /// The event's JSON as captured.
    pub json: Value,
    /// The `@context` of the document that it was captured in, unless it has its own.
    pub context: Option<Value>,
    /// Its block's time.
    pub recorded: Timestamp,
}

/// A page of events, and where the next one begins.
#[derive(Debug, Clone)]
pub struct Page {
    pub events: Vec<FoundEvent>,
    pub next: Option<(LeafIndex, u32)>,
}

/// Lists the events that a filter lets through, and of those the ones that name `id`.
pub async fn list(ledger: &Ledger, mut filter: EventFilter, id: Option<&Id>) -> Result<Page, LedgerError> {
    filter.size = ledger.view().size();
    filter.limit = filter.limit.clamp(1, PAGE_EVENTS_MAX);
    let wanted = filter.limit as usize;
    // One more than the page tells whether there is a next one.
    filter.limit += 1;
    let mut place = Workplace::take().await?;
    let entries = ledger.store().events(filter).await?;
    let mut next = entries.get(wanted).and(entries.get(wanted - 1)).map(|last| (last.leaf, last.position));
    let mut events = Vec::new();
    let mut bytes = 0;
    let mut read: Option<ReadLeaf> = None;
    for entry in entries.into_iter().take(wanted) {
        let at = (entry.leaf, entry.position);
        let leaf = match read.take() {
            Some(leaf) if leaf.index == entry.leaf => leaf,
            _ => {
                let (given_back, leaf) = read_leaf(ledger, place, entry.leaf).await?;
                place = given_back;
                bytes += leaf.bytes;
                leaf
            }
        };
        let at_position = leaf.events.get(entry.position as usize).zip(leaf.seen.get(entry.position as usize));
        if let Some((_, json)) = at_position.filter(|(event, _)| id.is_none_or(|id| event.names(id))) {
            events.push(FoundEvent {
                leaf: entry.leaf,
                position: entry.position,
                participant: entry.participant,
                event_id: entry.event_id,
                json: json.clone(),
                context: leaf.context.clone(),
                recorded: leaf.recorded,
            });
        }
        read = Some(leaf);
        if bytes > PAGE_BYTES_MAX {
            // Even where nothing follows: a page that is empty says so.
            next = Some(at);
            break;
        }
    }
    Ok(Page { events, next })
}

struct ReadLeaf {
    index: LeafIndex,
    /// Of the statement.
    bytes: usize,
    recorded: Timestamp,
    context: Option<Value>,
    events: Vec<Event>,
    /// Their JSON.
    seen: Vec<Value>,
}

async fn read_leaf(ledger: &Ledger, place: Workplace, index: LeafIndex) -> Result<(Workplace, ReadLeaf), LedgerError> {
    let fault = move |detail: String| LedgerError::Leaf { leaf: index, detail };
    let stored = ledger.store().leaf(index).await?.ok_or_else(|| fault("it is not there".to_owned()))?;
    let block =
        ledger.store().blocks_of(vec![index]).await?.pop().ok_or_else(|| fault("it is in no block".to_owned()))?;
    let text = statement_text(ledger.store(), &stored.bytes).await?;
    let text = text.ok_or_else(|| fault("it holds no statement".to_owned()))?;
    let bytes = text.len();
    let work = move || {
        let statement = SubmittedStatement::parse(&text).map_err(|error| fault(error.to_string()))?;
        epcis::read(statement.payload(), Reader::Strict).map_err(|error| fault(error.to_string()))
    };
    let (place, document) = place.work(work).await?;
    Ok((
        place,
        ReadLeaf {
            index,
            bytes,
            recorded: block.seal.time,
            context: document.context,
            events: document.events,
            seen: document.seen,
        },
    ))
}
