//! What a participant recorded last: one bounded look, for the pages about what no list of the ledger leads to.
//!
//! The index leads from an id to the leaves that name it. It does not lead from a kind of product to its pieces, from a place to what
//! happened there, or from a participant to what it signed. Reading all its captures would cost as much as the ledger is long. So
//! the last few are read, and the page says how many.

use tokio::runtime::Handle;

use crate::app::answer::QUERIES;
use crate::app::ledger::{Ledger, LedgerError};
use crate::ports::StoreError;
use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::Event;
use sealane_core::gs1::Id;
use sealane_core::index::{Acts, SignerTag, Subject};
use sealane_core::merkle::LeafIndex;

/// Captures of a participant that are read for one look.
pub const RECENT_CAPTURES_MAX: usize = 64;

/// Bytes of their records: past them the look ends early.
const RECENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 8;

/// What one look found.
#[derive(Debug, Clone)]
pub struct Recent<T> {
    /// The newest first.
    pub found: Vec<T>,
    /// Captures that were read.
    pub captures: usize,
    /// They are all that the participant has on the ledger, and everything in them was looked at.
    pub is_all: bool,
}

/// Looks through the last captures of a participant, the newest first, until `limit` were found. `keep` gets each event with its
/// leaf, and gives what is to be kept of it.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn recent<T: Send + 'static>(
    ledger: &Ledger,
    participant: ParticipantId,
    limit: usize,
    keep: impl Fn(LeafIndex, &Event) -> Vec<T> + Send + 'static,
) -> Result<Recent<T>, LedgerError> {
    let signer = SignerTag::of_participant(&participant);
    let last = move |ledger: &Ledger| ledger.lookup.last_captures(signer, ledger.view().size(), RECENT_CAPTURES_MAX);
    look_through(ledger, last, limit, keep).await
}

/// Looks through the last records of recalls of what is of a class (its pieces and lots), the newest first, whoever recorded them. A
/// record that does anything else with the class itself is left out.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn recent_recalls_of<T: Send + 'static>(
    ledger: &Ledger,
    class: &Id,
    limit: usize,
    keep: impl Fn(LeafIndex, &Event) -> Vec<T> + Send + 'static,
) -> Result<Recent<T>, LedgerError> {
    let key = Subject::id(class.as_str()).key();
    let last = move |ledger: &Ledger| {
        let entries = ledger.lookup.entries_of(&key, ledger.view().size());
        // A class that is named for a recall alone has this bit at most.
        let of_recalls = entries.iter().rev().filter(|entry| Acts::DECLARES_ERROR.contains(entry.acts));
        let mut leaves: Vec<LeafIndex> = of_recalls.map(|entry| entry.leaf).take(RECENT_CAPTURES_MAX + 1).collect();
        let is_all = leaves.len() <= RECENT_CAPTURES_MAX;
        leaves.truncate(RECENT_CAPTURES_MAX);
        (leaves, is_all)
    };
    look_through(ledger, last, limit, keep).await
}

/// Looks through the captures at some leaves, the newest first; `leaves` also says whether they are all.
async fn look_through<T: Send + 'static>(
    ledger: &Ledger,
    leaves: impl FnOnce(&Ledger) -> (Vec<LeafIndex>, bool) + Send + 'static,
    limit: usize,
    keep: impl Fn(LeafIndex, &Event) -> Vec<T> + Send + 'static,
) -> Result<Recent<T>, LedgerError> {
    let client = ledger.client;
    let (ledger, handle) = (ledger.clone(), Handle::current());
    let work = move || {
        let store = handle.block_on(ledger.snapshot())?;
        let (leaves, mut is_all) = leaves(&ledger);
        let (mut found, mut captures, mut bytes) = (Vec::new(), 0, 0);
        for chunk in leaves.chunks(RECORDS_AT_ONCE) {
            if bytes > RECENT_BYTES_MAX || found.len() >= limit {
                is_all = false;
                break;
            }
            let mut records = handle.block_on(store.records(chunk.to_vec()))?;
            records.sort_unstable_by_key(|placed| std::cmp::Reverse(placed.place.leaf));
            for placed in records {
                let leaf = placed.place.leaf;
                bytes += placed.record.as_bytes().len();
                captures += 1;
                for position in (0..placed.record.event_keys().len() as u32).rev() {
                    let event = placed.record.event(position).map_err(|error| StoreError::of_record(leaf, error))?;
                    found.extend(event.iter().flat_map(|event| keep(leaf, event)));
                    if found.len() > limit {
                        break;
                    }
                }
            }
        }
        is_all &= found.len() <= limit;
        found.truncate(limit);
        Ok(Recent { found, captures, is_all })
    };
    QUERIES.run(client, work).await
}
