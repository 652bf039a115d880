//! Final blocks from nodes that are followed over HTTPS, while this node's key is no member's: before it is admitted, and after it
//! was removed. Members' nodes that are connected come first (`catch_up`): they are asked and not these.

use crate::app::audit::ReadBlock;
use crate::app::final_block::{FinalBlockChecks, unknown_rules_of};
use crate::app::follower::{SourceEvent, Sources, read_leaves};
use crate::app::orderer::Orderer;
use crate::app::orderer::finish::WriteError;
use crate::ports::StoredBlock;
use sealane_core::ledger::{BodyLeaf, SealedBlock, UnknownRules};
use sealane_core::provider::Provider;

/// Waits for what there is to do about the nodes that are followed; for ever if there are none.
pub(super) async fn next(sources: &mut Option<Sources>) -> SourceEvent {
    match sources {
        Some(sources) => sources.next().await,
        None => std::future::pending().await,
    }
}

impl Orderer {
    /// Tells whether blocks are taken from the nodes that are followed now.
    pub(super) fn follows_others(&self) -> bool {
        self.sources.is_some() && !self.neighbours.is_member() && !self.neighbours.reaches_a_member()
    }

    pub(super) async fn take_from_outside(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Block => self.take_outside_block().await,
            SourceEvent::Shown(shown) => {
                if let Some(sources) = &mut self.sources {
                    sources.hear(*shown, self.head.as_ref()).await;
                }
            }
            SourceEvent::Ask => self.ask_outside().await,
        }
    }

    async fn ask_outside(&mut self) {
        if self.head.is_none() {
            // A block could not be written: the store is tried before another is asked for.
            let reloaded = match self.store.probe_write().await {
                Ok(()) => self.reload().await,
                Err(error) => Err(WriteError::Store(error)),
            };
            match reloaded {
                Ok(head) => {
                    self.head = Some(head);
                    self.gate.store_writes();
                }
                Err(error) => {
                    self.gate.store_fails_on(&error.refusal());
                    self.sources.iter_mut().for_each(Sources::begin_again);
                    return;
                }
            }
        }
        if let (Some(sources), Some(head)) = (&mut self.sources, &self.head) {
            sources.ask(&head.tip);
        }
    }

    /// Validates the next block, writes it as it was shown, and stands on it.
    async fn take_outside_block(&mut self) {
        let Some(block) = self.sources.as_mut().and_then(Sources::pop) else { return };
        let height = block.shown.seal.height;
        if self.head.as_ref().is_none_or(|head| head.state.next_height() != height) {
            // A member's node has told it meanwhile.
            return;
        }
        if let Some(unknown) = self.unknown_rules_outside(&block) {
            self.catch_up.note_beyond(unknown);
            self.sources.iter_mut().for_each(|sources| sources.stop_at_rules(unknown));
            return self.let_go_if_abstaining();
        }
        match self.stage_outside(block).await {
            Ok(Ok(())) => {
                if let (Some(sources), Some(head)) = (&mut self.sources, &self.head) {
                    sources.note_level(head.tip.seal.height);
                }
                let acts = self.stand();
                self.carry_out(Ok(acts)).await;
            }
            Ok(Err(fault)) => self.sources.iter_mut().for_each(|sources| sources.set_aside(height, fault.clone())),
            Err(error) => {
                self.write_failed(&error);
                self.sources.iter_mut().for_each(Sources::begin_again);
            }
        }
    }

    /// The rules by which a block was made, if a quorum has signed it and this program does not know them.
    fn unknown_rules_outside(&self, block: &ReadBlock) -> Option<UnknownRules> {
        let StoredBlock { seal, commit, .. } = &block.shown;
        let leaves = || Some(block.leaves.iter().map(BodyLeaf::hash).collect());
        unknown_rules_of(self.head.as_ref()?, leaves, seal, commit, &*self.verifier)
    }

    async fn stage_outside(&mut self, block: ReadBlock) -> Result<Result<(), String>, WriteError> {
        let ReadBlock { leaves, shown } = block;
        let (Some(head), Some(sources)) = (&mut self.head, &self.sources) else { return Ok(Ok(())) };
        let provider = Provider { signatures: &*self.verifier, certificates: &*self.certificates };
        let leaves = read_leaves(leaves, head, &shown.seal, provider);
        let checks = FinalBlockChecks { store: &*self.store, lookup: &self.lookup, provider };
        let is_signed = |sealed: &SealedBlock| sources.check(sealed, &shown);
        match checks.stage(head, leaves, shown.seal.clone(), is_signed).await? {
            Ok(sealed) => self.write(sealed, shown, None).await.map(Ok),
            Err(fault) => Ok(Err(fault)),
        }
    }
}
