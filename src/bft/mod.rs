//! Agreement by the algorithm of Malachite's core crates, Tendermint with rounds, driven from here.
//!
//! This is the only place that names `arc_malachitebft`. The library decides when to vote for what, and proves to itself
//! that others did. It runs to its end within each call and asks for things by *effects*. `host` answers them: signatures
//! are made at once, and all else becomes an [`Act`](crate::ports::Act). `heard` keeps what members have said of the height
//! under way, verified, so that it can be said on. `ahead` keeps a little of the heights after it. `driver` puts them
//! together.
//!
//! There is no clock, no socket, no file and no thread here. Everything is walked in one order, so that the same calls give
//! the same acts: replay and simulation rest on that.

mod ahead;
mod context;
mod driver;
mod heard;
mod host;
mod under_way;

use std::sync::Arc;

use crate::app::orderer::{Consensus, NoFaults, NoPeers};
use crate::ports::{MemberSigner, Patience, VoteLog};
use sealane_core::consortium::CertificateReader;
use sealane_core::statement::SignatureVerifier;

pub use driver::MalachiteAgreement;

/// What a member agrees by that decides alone.
pub fn alone(
    signer: Arc<dyn MemberSigner>,
    log: Box<dyn VoteLog>,
    verifier: Arc<dyn SignatureVerifier>,
    certificates: Arc<dyn CertificateReader>,
) -> Consensus {
    Consensus {
        agreement: Box::new(|origin| {
            Box::new(MalachiteAgreement::new(origin.clone(), signer, verifier, Patience::default()))
        }),
        log,
        peers: Arc::new(NoPeers),
        words: Arc::default(),
        faults: Arc::new(NoFaults),
        certificates,
    }
}
