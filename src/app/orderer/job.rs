//! What is handed to the writer, and what comes back.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::app::block_clock::ClockJump;
use crate::app::council::NoQuorum;
use crate::app::receipt::FreshBlock;
use sealane_core::ledger::{Candidate, PlaceRefusal, Placed};
use sealane_core::merkle::LeafIndex;

/// A statement that is final.
#[derive(Debug, Clone)]
pub struct Ordered {
    pub placed: Placed,
    /// The block that it is new in; `None` for one that was posted again.
    pub written: Option<Arc<FreshBlock>>,
}

impl Ordered {
    /// A statement that stood in a leaf before.
    pub(super) const fn before(leaf: LeafIndex) -> Self {
        Self { placed: Placed { leaf, repeated: true }, written: None }
    }
}

/// Why a candidate got no place.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrderError {
    #[error("too many statements wait to be written")]
    Busy,
    #[error("the node is stopping")]
    Stopped,
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error(
        "Writing failed, and we do not know whether your statement was stored. Post the same bytes again: if it was stored \
         you get its receipt."
    )]
    Unwritten(String),
    #[error("the node's store takes no writes now; nothing was written")]
    StoreRefused(String),
    #[error(transparent)]
    Clock(#[from] ClockJump),
    #[error("this node reads only: its check of its own ledger found a fault ({fault}); nothing was written")]
    Unsound { fault: String },
    #[error("the disk that holds the ledger is full; nothing was written")]
    Full,
    #[error(transparent)]
    NoQuorum(NoQuorum),
    #[error(
        "it is not final yet, and may still be recorded until its iat is 7 days old: post the same bytes again, here or at \
         another member"
    )]
    NotFinalYet,
    #[error("this node signs nothing: {0}")]
    Silent(String),
}

/// A candidate and who waits for it.
#[derive(Debug)]
pub struct Job {
    pub candidate: Candidate,
    pub reply: JobReply,
}

/// The way back to a sender.
#[derive(Debug)]
pub struct JobReply(oneshot::Sender<Result<Ordered, OrderError>>);

impl JobReply {
    pub fn new() -> (Self, oneshot::Receiver<Result<Ordered, OrderError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Tells whether its sender has gone away.
    pub(super) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    pub(super) fn send(self, answer: Result<Ordered, OrderError>) {
        // A sender that has gone away loses only its answer; the statement stands.
        let _ = self.0.send(answer);
    }
}

/// Gives all who wait for a statement the same answer.
pub(super) fn answer_all(senders: Vec<JobReply>, answer: &Result<Ordered, OrderError>) {
    senders.into_iter().for_each(|sender| sender.send(answer.clone()));
}
