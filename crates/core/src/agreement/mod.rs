//! Agreement: what several members say to each other until a block is final, as bytes and as types.
//!
//! A height is decided in rounds. In each the [`proposer_of`] it signs a [`RoundProposal`], members answer with a prevote
//! and then a precommit ([`Vote`]), and a quorum of precommits for one [`ValueId`] is the block's
//! [`Commit`](crate::block::Commit). A [`PolkaCertificate`] is a quorum's prevotes for one value; a [`RoundCertificate`]
//! shows that others have gone on to a round. A [`BlockOutline`] is how the block itself is sent, and an [`Equivocation`]
//! proves that a member said two things in one place. [`Logged`] is what a member keeps, so that it says nothing else after
//! a crash. [`HeightWords`] is how nodes compare what they have heard.
//!
//! Here are only bytes and signatures. Nothing here counts time, sends, or knows in what order votes come; who votes for
//! what, and when, is decided by an implementation of the port `Agreement`.
//!
//! `docs/FORMATS.md` has every byte.

mod address;
mod bytes;
mod certificate;
mod equivocation;
mod logged;
mod message;
mod outline;
mod proposal;
mod said;
#[cfg(test)]
mod tests;
mod value;
mod vote;
mod words;

use crate::block::{Height, Member, MemberSet};

pub use address::{NodeAddress, NodeAddressError, SignedAddress};
pub use bytes::AgreementBytesError;
pub use certificate::{
    CertificateFault, Justification, PolkaCertificate, PolkaSignature, RoundCertificate, RoundSignature,
};
pub use equivocation::{Equivocation, EquivocationError};
pub use logged::{Logged, LoggedValue, Timer, TimerKind};
pub use message::{
    FinalBlockEnd, FinalBlockPart, Hello, LastSaid, Message, MessageError, NodeStatus, PROTOCOL_VERSION,
    PROTOCOL_VERSION_MIN,
};
pub use outline::BlockOutline;
pub use proposal::{RoundProposal, proposal_bytes};
pub use said::Said;
pub use value::ValueId;
pub use vote::{SaidError, Vote, VoteKind, vote_bytes};
pub use words::{HeightWords, MemberBits, WordContent, WordKind, WordLine, WordPlace};

/// The member whose turn it is to propose: members in the order of `kid`, number (height + round) mod n.
pub fn proposer_of(members: &MemberSet, height: Height, round: u32) -> &Member {
    let count = members.members().len() as u64;
    // Heights stay far below 2^64, so the sum does too; and a set has at least one member.
    let turn = (height.get() + u64::from(round)) % count.max(1);
    let mut all = members.members();
    all.nth(usize::try_from(turn).unwrap_or_default())
        .expect("a set of members has the one at a number modulo its count")
}

/// The number of members of which at least one is honest, if fewer than a third lie: more than a third.
pub const fn honest_one(members: usize) -> usize {
    members / 3 + 1
}
