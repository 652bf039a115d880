//! What a member has that decides alone, and one whose log of votes cannot be used.

use std::future::pending;
use std::io;

use async_trait::async_trait;

use crate::ports::{FaultKeeper, KeptFaults, Mark, PeerEvent, PeerStanding, Peers, Roster, To, VoteLog, VoteLogError};
use sealane_core::agreement::{Logged, Message};
use sealane_core::block::Height;
use sealane_core::consortium::FaultProof;

/// No other members.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

/// No proofs of misbehaviour: no other member votes, and what is added is kept nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

/// A log of votes that cannot be used. What the member has signed is not known, so it signs nothing.
#[derive(Debug)]
pub struct UnusableVoteLog {
    reason: String,
}

impl UnusableVoteLog {
    pub const fn because(reason: String) -> Self {
        Self { reason }
    }

    fn error(&self) -> VoteLogError {
        VoteLogError::Unusable { reason: self.reason.clone() }
    }
}

#[async_trait]
impl VoteLog for UnusableVoteLog {
    fn height(&self) -> Option<Height> {
        None
    }

    fn released(&self) -> Option<Mark> {
        None
    }

    fn unknown(&self) -> Option<Height> {
        None
    }

    fn begin(&mut self, _: Mark) -> Result<(), VoteLogError> {
        Err(self.error())
    }

    fn append(&mut self, _: &Logged) {}

    async fn flush(&mut self) -> Result<(), VoteLogError> {
        Err(self.error())
    }

    async fn entries(&self) -> Result<Vec<Logged>, VoteLogError> {
        Err(self.error())
    }
}

#[async_trait]
impl Peers for NoPeers {
    fn say(&self, _: To, _: &Message) -> usize {
        0
    }

    async fn next(&self) -> PeerEvent {
        pending().await
    }

    fn standing(&self) -> Vec<PeerStanding> {
        Vec::new()
    }

    fn admit(&self, _: Roster) {}
}

impl FaultKeeper for NoFaults {
    fn load(&self) -> io::Result<KeptFaults> {
        Ok(KeptFaults::default())
    }

    fn add(&self, _: &FaultProof) -> io::Result<()> {
        Ok(())
    }
}
