//! What a member's key has said at the height under way, kept so that no restart says anything else.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::ports::Mark;
use sealane_core::agreement::Logged;
use sealane_core::block::{Height, Origin};
use sealane_core::hash::Hash;

/// The log of votes of one height, outside the database and outside every backup.
///
/// It answers two questions. Which block was the last that this key helped to make final ([`released`](Self::released)), so
/// that an older copy of the ledger is noticed. And what was said of the block after it ([`entries`](Self::entries)), so that
/// a node that starts again says the same.
///
/// A member that decides alone uses the first answer only: it shows nothing of a block before the block is stored. It signs the
/// commit, stores it with the block in one transaction, makes this log durable, and only then shows the block. A crash
/// between any two of these leaves either no block, or a block whose own commit is the one that the log would have named.
///
/// An implementation MUST have all that was appended on stable storage when `flush` returns `Ok`, and MUST NOT lose what an
/// earlier `flush` made durable, whenever the process or the machine stops. What was begun or appended and not flushed MAY be
/// lost, whole or in part: a part of one flush is never seen.
///
/// A caller MUST NOT let a vote or proposal of its own leave before the `flush` that covers it returned `Ok`, and MUST NOT
/// sign anything more once a `flush` has failed.
#[async_trait]
pub trait VoteLog: Send {
    /// The height that is under way; `None` of a log in which none was begun.
    fn height(&self) -> Option<Height>;

    /// The final block below the height under way: the highest that was released. `None` of a log in which no height was
    /// begun.
    fn released(&self) -> Option<Mark>;

    /// The height at which this key may have said more than the log has, since an earlier log was lost: it says nothing at
    /// this height.
    fn unknown(&self) -> Option<Height>;

    /// Begins the height after a final block, and forgets what was said before. Nothing is written until the next `flush`.
    ///
    /// To begin the height that is under way again changes nothing.
    ///
    /// # Errors
    ///
    /// [`VoteLogError::Lower`] if a later height is under way, [`VoteLogError::Forked`] if this one is, after another block.
    fn begin(&mut self, after: Mark) -> Result<(), VoteLogError>;

    /// Adds an entry, in memory.
    fn append(&mut self, entry: &Logged);

    /// Makes the height and its entries durable before it returns. Does nothing if all is.
    ///
    /// # Errors
    ///
    /// After any error, or if the call is dropped before its end, what is on the disk is unknown until the log is opened
    /// again: every later call answers [`VoteLogError::Failed`].
    async fn flush(&mut self) -> Result<(), VoteLogError>;

    /// Notes, durably, that this key has signed a final block: begins the height after it, and flushes.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin) and [`flush`](Self::flush).
    async fn release(&mut self, block: Mark) -> Result<(), VoteLogError> {
        self.begin(block)?;
        self.flush().await
    }

    /// What is durable of the height under way, in order: what a crash now would leave.
    async fn entries(&self) -> Result<Vec<Logged>, VoteLogError>;
}

/// The log cannot be used, so this member's key must sign nothing.
#[derive(Debug, thiserror::Error)]
pub enum VoteLogError {
    #[error(
        "the log of votes is lost: {} is not there, so nothing tells what this member's key has signed after the last block \
         that is here. `sealane members rejoin` takes it up again; see \"A lost log of votes\" in docs/CONSORTIUM.md", path.display()
    )]
    Lost { path: PathBuf },
    #[error("{} exists already and is not overwritten: a log of votes is made once, together with its key", path.display())]
    Exists { path: PathBuf },
    #[error(
        "the log of votes is damaged: {} {detail}. Votes that left are in it, so this key must sign nothing before \
         the disk has been looked at. Bring the file back whole; if that is impossible, move both files of the log away and \
         go on as with a lost one", path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    #[error("{} is the log of the key {found}; this member's key is {expected}. Put the key and the log of one member together", path.display())]
    OtherKey { path: PathBuf, found: Hash, expected: Hash },
    #[error("{} is the log of the ledger {found}; this one is {expected}. Put the ledger and the log of one member together", path.display())]
    OtherLedger { path: PathBuf, found: Origin, expected: Origin },
    #[error("{} is a log of version {found}, and this sealane reads version {read}: run the sealane that made it, or a later one", path.display())]
    Version { path: PathBuf, found: u8, read: u8 },
    #[error("height {wanted} is below height {under_way}, for which this member's key may have voted")]
    Lower { wanted: Height, under_way: Height },
    #[error("height {height} was begun after another block than the one that is given now: do not go on")]
    Forked { height: Height },
    #[error(
        "the log of votes of height {height} would have {bytes} bytes; it has at most {bytes_max}. Votes go on with the next height"
    )]
    TooLong { height: Height, bytes: u64, bytes_max: u64 },
    #[error(
        "the log of votes could not be written earlier ({reason}), so this key signs nothing until the node is started again"
    )]
    Failed { reason: String },
    /// What is in the log is not known to the caller.
    #[error("{reason}")]
    Unusable { reason: String },
    #[error("cannot {action} the log of votes {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}
