//! What is judged: the records of one product, and the consortium as it stood.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use crate::consortium::{ParticipantId, Place, Registry};
use crate::epcis::Event;
use crate::gs1::{Id, Label};
use crate::hash::Hash;
use crate::merkle::{LeafIndex, TreeSize};
use crate::provenance::follow::Capture;
use crate::time::Timestamp;

/// Everything that the ledger says about one id, at one size of the ledger.
#[derive(Debug, Clone)]
pub struct History {
    pub id: Id,
    /// What the code that was scanned says beside the id.
    pub label: Label,
    /// The time of the last seal: the "now" of the verdict.
    pub as_of: Timestamp,
    pub tree_size: TreeSize,
    /// Of the id and of everything that was followed from it, each event once, in ledger order: by leaf, then position.
    pub records: Vec<Record>,
    /// Of the id, by others than the parties to its journey: what was not opened and says to have had it.
    pub unopened: Vec<Unopened>,
    /// The participants about whom everything is here; all of them, if the registry has no others.
    pub known: Option<BTreeSet<ParticipantId>>,
    /// More is recorded than was followed.
    pub limit_reached: bool,
    /// As it stands at `tree_size`, with the participants' whole history.
    pub registry: Arc<Registry>,
}

/// A leaf of which only the signer is known, and that its statement says to have had the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    pub leaf: LeafIndex,
    pub signer: ParticipantId,
}

/// One event, with who signed it and where its statement stands.
#[derive(Debug, Clone)]
pub struct Record {
    pub place: Place,
    /// The event's place within its statement, from 0.
    pub position: u32,
    pub signer: ParticipantId,
    /// `x5t#S256` of the certificate that the statement names.
    pub certificate: Hash,
    /// The statement's `iat`: the signer's clock, which grants nothing.
    pub signed_at: Timestamp,
    pub event: CapturedEvent,
}

/// An event where it stands in its capture. The capture is shared, since an event is large and a verdict only reads it.
#[derive(Debug, Clone)]
pub struct CapturedEvent {
    capture: Arc<Capture>,
    /// Among the capture's events, below their number.
    index: usize,
}

impl CapturedEvent {
    /// Takes one of a capture's events, from 0; `None` where the capture has none there.
    pub fn new(capture: Arc<Capture>, index: usize) -> Option<Self> {
        (index < capture.events.len()).then_some(Self { capture, index })
    }

    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Its leaf, and its place in the document there.
    pub fn place(&self) -> (LeafIndex, u32) {
        (self.capture.place.leaf, self.capture.events[self.index].0)
    }
}

impl Deref for CapturedEvent {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.capture.events[self.index].1
    }
}
