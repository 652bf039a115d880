//! Why a connection was not made, or came to its end.

use std::io;

use sealane_core::agreement::{MessageError, PROTOCOL_VERSION_MIN};
use sealane_core::block::Origin;
use sealane_core::hash::Hash;

use super::limits::FRAME_BYTES_MAX;
use crate::ports::NodeCertificateError;

/// Why a connection was not made, or came to its end. The names are those that [`PeerCounts`](super::PeerCounts) counts by.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("did not say in time who it is")]
    HandshakeTime,
    #[error("{0}")]
    Tls(io::Error),
    #[error("is refused: {0}")]
    Certificate(NodeCertificateError),
    #[error("shows {found} where {wanted} was expected: its address is another member's")]
    OtherMember { wanted: Hash, found: Hash },
    #[error("belongs to the ledger {found}")]
    OtherLedger { found: Origin },
    #[error("speaks version {found} of the protocol; this node speaks {PROTOCOL_VERSION_MIN} and later ones")]
    OtherVersion { found: u16 },
    #[error("began with another message than a hello, or said it twice")]
    NoHello,
    #[error("sent a frame of {bytes} bytes; a frame has 1 to {FRAME_BYTES_MAX}")]
    FrameLength { bytes: usize },
    #[error("sent bytes that are no message: {0}")]
    NoMessage(#[from] MessageError),
    #[error("began a frame and did not go on with it")]
    SlowFrame,
    #[error("said nothing for a while")]
    Silent,
    #[error("does not read what is sent to it")]
    SlowReader,
    #[error("is behind by more than is kept for it")]
    Behind,
    #[error("may not connect any more")]
    Removed,
    #[error("has another connection with this node")]
    Duplicate,
    #[error("has another node connected, under the TLS key {other}")]
    Twin { other: Hash },
    #[error("has come to its end: {0}")]
    Closed(io::Error),
}

/// The kinds of [`Trouble`], for counting.
pub(super) const TROUBLES: [&str; 18] = [
    "unreachable",
    "handshake-time",
    "tls",
    "other-member",
    "other-ledger",
    "other-version",
    "no-hello",
    "frame-length",
    "no-message",
    "slow-frame",
    "silent",
    "slow-reader",
    "behind",
    "removed",
    "duplicate",
    "twin",
    "closed",
    "certificate",
];

impl Trouble {
    /// What a handshake failed by: the other's certificate, if that is it.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) = tls
            && let Some(fault) = other.0.downcast_ref::<NodeCertificateError>()
        {
            return Self::Certificate(fault.clone());
        }
        Self::Tls(error)
    }

    /// The place of its kind in [`TROUBLES`].
    pub(super) const fn number(&self) -> usize {
        match self {
            Self::Unreachable(_) => 0,
            Self::HandshakeTime => 1,
            Self::Tls(_) => 2,
            Self::OtherMember { .. } => 3,
            Self::OtherLedger { .. } => 4,
            Self::OtherVersion { .. } => 5,
            Self::NoHello => 6,
            Self::FrameLength { .. } => 7,
            Self::NoMessage(_) => 8,
            Self::SlowFrame => 9,
            Self::Silent => 10,
            Self::SlowReader => 11,
            Self::Behind => 12,
            Self::Removed => 13,
            Self::Duplicate => 14,
            Self::Twin { .. } => 15,
            Self::Closed(_) => 16,
            Self::Certificate(_) => 17,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        TROUBLES[self.number()]
    }

    /// True of what an honest network does too: nothing for an operator to look at.
    pub(super) const fn is_usual(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Closed(_) | Self::Duplicate | Self::Removed | Self::Silent)
    }
}
