//! How much the network takes and for how long, each with its reason.

use std::time::Duration;

use sealane_core::limits::{HELLO_BYTES_MAX, MESSAGE_BYTES_MAX};

/// Bytes of one frame's message: the longest message.
pub(super) const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// Bytes of the first frame on a connection.
pub(super) const HELLO_FRAME_BYTES_MAX: usize = HELLO_BYTES_MAX;

/// Bytes that wait to be sent to one node: several long blocks' statements. A node that is behind by more is better off if it
/// fetches final blocks. With 99 others that is 6 GiB at the very worst, if none of them reads.
pub(super) const OUTBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that one message in an outbox or inbox takes beside its own.
pub(super) const MESSAGE_OVERHEAD_BYTES: usize = 128;

/// Bytes that wait to be looked at from one node: two of the longest messages. Then no more is read from that node.
pub(super) const INBOX_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// Messages that wait to be looked at from one node: those of a round of the largest consortium, several times over.
pub(super) const INBOX_MESSAGES_MAX: usize = 4_096;

/// Bytes that are written at once.
pub(super) const WRITE_BYTES: usize = 64 * 1024;

/// Bytes that a frame's buffer begins with and grows by, so that a length which is only claimed takes no memory.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Bytes a second that a frame comes in with at the least, once it has begun: a slow line. The longest frame may take some ten
/// minutes.
pub(super) const FRAME_BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

/// Connections whose other end has not shown yet who it is.
pub(super) const HALF_OPEN_MAX: usize = 64;

/// Such connections of one address. Addresses from which a member has come have this many of their own, outside the 64: so
/// strangers cannot keep members out.
pub(super) const HALF_OPEN_PER_ADDRESS_MAX: usize = 8;

/// Handshakes that are begun in a second with addresses from which no member has come. Each makes this node sign and check a
/// signature, some 0.3 ms of one core: so strangers take at most a twenty-fifth of a core.
pub(super) const STRANGERS_PER_SECOND_MAX: u32 = 128;

/// Handshakes that are begun in a second with one address, a member's too. Members behind one address dial again
/// some five times in the first second.
pub(super) const HANDSHAKES_PER_ADDRESS_MAX: u32 = 32;

/// Before how long the node's certificate is renewed: a third of its 90 days.
pub(super) const RENEW_BEFORE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How often a fault of strangers is told in the log, and how often the own address is numbered anew.
pub(super) const ONCE_A_MINUTE: Duration = Duration::from_secs(60);

/// How long things may take. Tests take shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetTimes {
    /// From a connection's first byte to the other's hello: some round trips around the world, and a busy processor.
    pub handshake: Duration,
    /// How often a ping is sent.
    pub ping_every: Duration,
    /// How long nothing may come in: three pings. A machine that is gone sends no goodbye.
    pub silence: Duration,
    /// How long one write, or the beginning of a frame, may make no progress.
    pub stall: Duration,
    /// How long to wait before the first, and before a late, attempt to connect again. Each wait is twice the one before.
    pub redial_first: Duration,
    pub redial_max: Duration,
    /// A connection that lasted so long is no failure if it ends.
    pub steady: Duration,
}

impl Default for NetTimes {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            ping_every: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            stall: Duration::from_secs(20),
            redial_first: Duration::from_millis(100),
            redial_max: Duration::from_secs(30),
            steady: Duration::from_secs(10),
        }
    }
}
