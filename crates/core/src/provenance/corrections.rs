//! Which records count: repeats, declarations of error, and what they withdraw.
//!
//! An event's identity is its participant and its eventID. A declaration of error (EPCIS 2.0 §7.4.1.2) repeats the
//! eventID of the event that it corrects; it counts from the same participant, over equal content, after that event.

use std::collections::BTreeMap;

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::hash::Hash;
use crate::provenance::history::Record;
use crate::provenance::reading::{self, Act};
use crate::provenance::records::{Entry, Records};

/// What a record is worth. The indices are into the records that were classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Counts,
    /// The same fact, by the same participant, as an earlier record.
    Repeats(usize),
    /// Its own signer has declared it wrong.
    WithdrawnBy(usize),
    /// Declares an earlier record wrong.
    Withdraws(usize),
    /// Declares wrong what its signer never recorded, or not like this.
    WithdrawsNothing,
}

/// Content, eventID and signer. The content is first since it tells most apart at its first byte.
type Identity<'a> = (&'a Hash, &'a str, &'a ParticipantId);

/// Says of each record, given in ledger order, what it is worth.
pub(super) fn classify(records: &[&Record]) -> Vec<Standing> {
    let withdrawals = withdrawals(records);
    let mut counted: BTreeMap<(&Hash, &ParticipantId), usize> = BTreeMap::new();
    let mut standings = Vec::with_capacity(records.len());
    for (at, record) in records.iter().enumerate() {
        let (content, _, signer) = identity(record);
        let standing = if is_declaration(record) {
            withdrawals.declared.get(&at).map_or(Standing::WithdrawsNothing, |event| Standing::Withdraws(*event))
        } else if let Some(by) = withdrawals.withdrawn.get(&identity(record)) {
            Standing::WithdrawnBy(*by)
        } else if let Some(first) = counted.get(&(content, signer)) {
            Standing::Repeats(*first)
        } else {
            counted.insert((content, signer), at);
            Standing::Counts
        };
        standings.push(standing);
    }
    standings
}

/// The pairs of counting entries, of those at `among`, with one identity and different content: something that capture
/// refuses.
pub(super) fn reused_ids(entries: &[Entry<'_>], among: &[usize]) -> Vec<(usize, usize)> {
    let mut first: BTreeMap<(&str, &ParticipantId), usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    for at in among.iter().copied().filter(|at| entries[*at].standing == Standing::Counts) {
        let (_, event_id, signer) = identity(entries[at].record);
        let earlier = *first.entry((event_id, signer)).or_insert(at);
        if earlier != at {
            pairs.push((earlier, at));
        }
    }
    pairs
}

/// The shippings that were never made, each with the event that says so (CBV 2.0 `void_shipping`): the latest one before it by the same
/// signer, of the product or of the container that both name. A key in other hands takes back nothing.
pub(super) fn voided_shippings(records: &Records<'_>) -> BTreeMap<usize, usize> {
    let mut voided = BTreeMap::new();
    let mut open: BTreeMap<(&Id, &ParticipantId), Vec<usize>> = BTreeMap::new();
    for at in records.by_time.iter().copied() {
        let act = reading::act(records, at);
        let counts = records.entries[at].standing == Standing::Counts && records.compromised_since(at).is_none();
        if !counts || !matches!(act, Act::Ships | Act::VoidsShipping) {
            continue;
        }
        for mention in records.mentions(at) {
            let shippings = open.entry((mention.id, records.signer(at))).or_default();
            match act {
                Act::Ships => shippings.push(at),
                _ => voided.extend(shippings.pop().map(|shipping| (shipping, at))),
            }
        }
    }
    voided
}

#[derive(Default)]
struct Withdrawals<'a> {
    /// From an event to its first declaration.
    withdrawn: BTreeMap<Identity<'a>, usize>,
    /// From each effective declaration to the event.
    declared: BTreeMap<usize, usize>,
}

fn withdrawals<'a>(records: &[&'a Record]) -> Withdrawals<'a> {
    let mut withdrawals = Withdrawals::default();
    if !records.iter().any(|record| is_declaration(record)) {
        return withdrawals;
    }
    let mut events: BTreeMap<Identity<'a>, usize> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        if !is_declaration(record) {
            events.entry(identity(record)).or_insert(at);
        } else if let Some(event) = events.get(&identity(record)) {
            withdrawals.withdrawn.entry(identity(record)).or_insert(at);
            withdrawals.declared.insert(at, *event);
        }
    }
    withdrawals
}

fn identity(record: &Record) -> Identity<'_> {
    (&record.event.content_hash, record.event.event_id.uri.as_str(), &record.signer)
}

fn is_declaration(record: &Record) -> bool {
    record.event.error_declaration.is_some()
}
