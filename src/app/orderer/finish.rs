//! A decided block is written, published, and told to everyone who waits for it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::app::head::{Head, LoadError, mark_of};
use crate::app::orderer::bodies::{OwnBlock, UnderWay};
use crate::app::orderer::job::answer_all;
use crate::app::orderer::{OrderError, Ordered, Orderer, view_of};
use crate::app::receipt::FreshBlock;
use crate::app::signing::signed_note;
use crate::app::write_gate::{certain_refusal, refusal_of};
use crate::ports::{Act, NewBlock, StoreError, StoredBlock, VoteLogError};
use sealane_core::agreement::ValueId;
use sealane_core::block::Commit;
use sealane_core::ledger::{BlockError, NotOnTop, Placed, PlacedRecord, SealedBlock};
use sealane_core::merkle::Growth;

impl Orderer {
    /// Writes the block that was decided, and stands on it.
    pub(super) async fn finish(&mut self, value: ValueId, commit: Commit) -> Vec<Act> {
        self.timers.clear();
        let Some(mut under_way) = self.under_way.take() else { return Vec::new() };
        match self.finish_block(&mut under_way, value, commit).await {
            Ok(()) => {
                // A member that has the votes, and not yet all of the block, asks for the rest of it now.
                self.before = under_way.bodies;
                self.stand()
            }
            Err(error) => {
                self.write_failed(&error);
                Vec::new()
            }
        }
    }

    async fn finish_block(
        &mut self,
        under_way: &mut UnderWay,
        value: ValueId,
        commit: Commit,
    ) -> Result<(), WriteError> {
        let staged = under_way.staged.take().filter(|(staged, _)| *staged == value).map(|(_, sealed)| sealed);
        let sealed = match staged {
            Some(sealed) => sealed,
            None => self.stage_body(under_way, value).await?,
        };
        let own = under_way.own.take().filter(|own| own.value == value);
        let block = self.noted(&sealed, commit, None)?;
        self.write(sealed, block, own).await
    }

    /// Puts the note to a final block: this member's own; of a height at which its key was no member's, the one that was told, as
    /// an audit wants a member's.
    pub(super) fn noted(
        &self,
        sealed: &SealedBlock,
        commit: Commit,
        told: Option<String>,
    ) -> Result<StoredBlock, BlockError> {
        let (checkpoint, seal) = (sealed.checkpoint.clone(), sealed.seal.clone());
        let note = match told.filter(|_| !self.neighbours.is_member()) {
            Some(told) => told,
            None => signed_note(&checkpoint, &*self.signer)?,
        };
        Ok(StoredBlock { checkpoint, note, commit, seal })
    }

    /// Writes a block that is staged and final, and answers those who wait for its statements.
    pub(super) async fn write(
        &mut self,
        sealed: SealedBlock,
        block: StoredBlock,
        own: Option<OwnBlock>,
    ) -> Result<(), WriteError> {
        let began = own.as_ref().map_or_else(Instant::now, |own| own.began);
        let SealedBlock { content, growth, admins, learnt, successor, events, .. } = sealed;
        let records = Arc::clone(&content.records);
        let statements = records.len();
        let slowed = self.statement_time.saturating_mul(u32::try_from(statements).unwrap_or(u32::MAX));
        let written = self.store.append(NewBlock::new(block.clone(), content)).await.map_err(WriteError::Append);
        let written = match written {
            Ok(()) if self.is_alone() => self.release(&block).await,
            written => written,
        };
        if let Err(error) = written {
            // Who is refused finds the same at `/health/ready`.
            self.gate.store_failed(error.refusal());
            self.answer_failed(&records, &growth, &error.refusal());
            return Err(error);
        }
        self.gate.block_made(block.seal.time, self.clock.reading());
        // Whichever member proposed it: the next one is due another time.
        self.is_due = false;
        if !slowed.is_zero() {
            tokio::time::sleep_until(began + slowed).await;
        }
        self.lookup.learn(&records);
        let Some(head) = &mut self.head else { return Ok(()) };
        // Who is in force for this block is known from those before it.
        let before = Arc::clone(&head.registry);
        head.registry = Arc::clone(successor.registry());
        head.state.apply(successor)?;
        head.tip = block.clone();
        self.view.send_replace(Arc::new(view_of(head)));
        if let Some(OwnBlock { work, .. }) = own {
            self.estimator.learn(work, began.elapsed());
        }
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        self.observer.block_written(statements, events, began.elapsed());
        self.observer.block_agreed(block.commit.round);
        let fresh = Arc::new(FreshBlock { block, growth });
        self.answer_written(&records, Arc::clone(&fresh));
        self.remember_commit(&fresh.block, before.members());
        if !admins.is_empty() {
            self.follow_members();
        }
        if !self.is_alone() {
            self.drop_what_cannot_stand(&learnt, !admins.is_empty());
        }
        Ok(())
    }

    /// Makes durable outside the store that the only member has signed a block, before the block is shown. With several members,
    /// the first word about the next height does that.
    async fn release(&mut self, block: &StoredBlock) -> Result<(), WriteError> {
        self.log.begin(mark_of(block)).map_err(WriteError::Log)?;
        self.flush_log().await.map_err(WriteError::Log)
    }

    /// Answers those whose statements are in a block that is written. The first sender of each is told that it is new.
    fn answer_written(&mut self, records: &[PlacedRecord], fresh: Arc<FreshBlock>) {
        for PlacedRecord { place, record } in records {
            let Some(leaf) = fresh.growth.leaf_hash(place.leaf) else { continue };
            let senders = self.pool.remove_all(&record.statement(), &leaf);
            for (sender, repeated) in senders.into_iter().zip(std::iter::once(false).chain(std::iter::repeat(true))) {
                let written = (!repeated).then(|| Arc::clone(&fresh));
                sender.send(Ok(Ordered { placed: Placed { leaf: place.leaf, repeated }, written }));
            }
        }
    }

    fn answer_failed(&mut self, records: &[PlacedRecord], growth: &Growth, refusal: &OrderError) {
        for PlacedRecord { place, record } in records {
            let Some(leaf) = growth.leaf_hash(place.leaf) else { continue };
            answer_all(self.pool.remove_all(&record.statement(), &leaf), &Err(refusal.clone()));
        }
    }

    /// Begins to wait for the next height.
    pub(super) fn stand(&mut self) -> Vec<Act> {
        let Some(head) = &self.head else { return Vec::new() };
        if self.recovered.is_some() {
            // What the log has is taken up first.
            return Vec::new();
        }
        let (tip, registry) = (mark_of(&head.tip), Arc::clone(&head.registry));
        if let Err(error) = self.log.begin(tip) {
            self.fall_silent(&error.to_string());
            return Vec::new();
        }
        self.agreement.stand(tip.height, registry.members())
    }

    /// Forgets what is in memory: it is loaded again before the next block, as after a crash.
    pub(super) fn write_failed(&mut self, error: &WriteError) {
        tracing::error!(%error, "a block could not be written");
        self.head = None;
        self.under_way = None;
        self.has_failed = true;
        self.timers.clear();
        self.gate.store_failed(error.refusal());
    }

    /// Recovers as after a crash.
    pub(super) async fn reload(&mut self) -> Result<Head, WriteError> {
        let head = Head::load_with(&*self.store, &*self.verifier, &self.lookup).await?;
        head.reconcile(&self.signer.public_key().thumbprint(), &mut *self.log).await?;
        self.view.send_replace(Arc::new(view_of(&head)));
        Ok(head)
    }
}

/// Why a block was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error(transparent)]
    NotOnTop(#[from] NotOnTop),
    /// Whether the block is there is unknown, unless the store says so.
    #[error(transparent)]
    Append(StoreError),
    /// The block is there, and was shown to nobody.
    #[error(transparent)]
    Log(VoteLogError),
    /// A quorum has decided on a block that this node's rules refuse, or of which it has not all.
    #[error("the members have decided on block {height}, and {detail}")]
    Decided { height: sealane_core::block::Height, detail: String },
}

impl WriteError {
    /// What those hear whose statements were to be in the block.
    pub(super) fn refusal(&self) -> OrderError {
        match self {
            WriteError::Append(error) => refusal_of(error),
            WriteError::Log(error) => OrderError::Unwritten(error.to_string()),
            WriteError::Store(error) | WriteError::Load(LoadError::Store(error)) => certain_refusal(error),
            WriteError::Load(error) => OrderError::StoreRefused(error.to_string()),
            WriteError::Block(error) => OrderError::StoreRefused(error.to_string()),
            WriteError::NotOnTop(error) => OrderError::StoreRefused(error.to_string()),
            WriteError::Decided { .. } => OrderError::Unwritten(self.to_string()),
        }
    }
}
