//! The other members' nodes: what is said to them, what they say, and by which certificates they are known.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use sealane_core::agreement::{Hello, LastSaid, Message, SignedAddress};
use sealane_core::block::MemberSet;
use sealane_core::hash::Hash;
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

/// Whom to tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Each member that is connected.
    All,
    /// The member, or the candidate, with this `kid`, if it is connected.
    One(Hash),
}

/// The other members' nodes.
///
/// What is said to a node arrives whole, in order and unchanged, or not at all. Nothing is kept for a node that is not
/// connected: a caller says to a node that connects what it has to know. Who a message comes from is proven, by its
/// certificate; what the message says is not.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Puts a message on the way to those who are connected, and returns to how many. Never waits.
    ///
    /// To a node that does not keep up, the oldest statements are dropped, and of statuses only the latest is sent. If that is
    /// not enough, the node is cut off.
    fn say(&self, to: To, message: &Message) -> usize;

    /// Waits for the next event, in turn from each node. Events of one node come in order.
    async fn next(&self) -> PeerEvent;

    /// How each of the other members and candidates stands, in the order of `kid`.
    fn standing(&self) -> Vec<PeerStanding>;

    /// Where this node is found, in its own signed words, if it says so.
    fn own_address(&self) -> Option<SignedAddress> {
        None
    }

    /// Says who may connect from now on. Who may not any more is cut off before this returns.
    fn admit(&self, roster: Roster);
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    pub members: Arc<MemberSet>,
    /// Keys that an open proposal admits, and those that the last change of members has put out of force, by `kid`: they hear and
    /// say where they stand and are found, and nothing else but asking for final blocks.
    pub candidates: BTreeMap<Hash, PublicKey>,
}

/// Something that another node did.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerEvent {
    /// It connected, and said this first. `standing` is to be asked whether it still is.
    Connected {
        from: Hash,
        hello: Hello,
    },
    /// It said something. Pings, addresses and hellos are dealt with before.
    Said {
        from: Hash,
        message: Message,
    },
    Disconnected {
        from: Hash,
    },
    /// Two nodes show this member's key, under two TLS keys. Both were told. It may be this node's own.
    ///
    /// `told_by` is the member whose word this is; `None` if this node has seen both itself. A member may lie: its word alone
    /// is no reason to fall silent.
    Twins {
        kid: Hash,
        tls_keys: [Hash; 2],
        told_by: Option<Hash>,
    },
}

/// How another node stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerStanding {
    pub kid: Hash,
    /// False of a candidate.
    pub is_member: bool,
    /// Since when it is connected; `None` if it is not.
    pub connected_since: Option<Timestamp>,
    /// How long a ping took there and back, the last time.
    pub round_trip: Option<Duration>,
    /// Where it is found by its own words, if it said so.
    pub address: Option<SignedAddress>,
    /// Bytes that wait to be sent to it.
    pub waiting_bytes: usize,
    /// Why it is not connected, as far as this node knows.
    pub trouble: Option<String>,
}

/// What a node has of the other's key, for the first message on a connection.
pub trait LastWords: Send + Sync {
    /// The last that this node holds of what the key `kid` has signed.
    fn last_of(&self, kid: &Hash) -> Option<LastSaid>;

    /// The number of the latest rules that this node knows.
    fn rules(&self) -> u32;
}

/// Keeps where nodes are found, beside the ledger.
pub trait AddressKeeper: Send + Sync {
    /// What was kept last; nothing if nothing was. They are verified again by who reads them.
    fn load(&self) -> io::Result<Vec<SignedAddress>>;

    /// Keeps these in the place of what was kept.
    fn save(&self, addresses: &[SignedAddress]) -> io::Result<()>;
}

/// Makes and reads the certificates by which members' nodes know each other.
pub trait NodeCertificates: Send + Sync {
    /// Thumbprint of this node's TLS key.
    fn tls_key(&self) -> Hash;

    /// Issues a certificate for this node's TLS key, by the member's key.
    fn issue(&self, now: Timestamp) -> Result<NodeCertificate, NodeCertificateError>;

    /// Reads another node's certificate, and checks that the key which `key_of` gives for its member has signed it.
    fn check(
        &self,
        der: &[u8],
        key_of: &dyn Fn(&Hash) -> Option<PublicKey>,
        now: Timestamp,
    ) -> Result<NodeIdentity, NodeCertificateError>;
}

/// A certificate of this node with the private key that belongs to it.
pub struct NodeCertificate {
    pub der: Vec<u8>,
    /// PKCS#8 in DER, wiped when dropped.
    pub private_key: zeroize::Zeroizing<Vec<u8>>,
    pub not_after: Timestamp,
}

/// Whose node shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The member's, or the candidate's, key.
    pub kid: Hash,
    /// Thumbprint of the node's TLS key.
    pub tls_key: Hash,
}

/// A certificate that shows no member's node, or could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeCertificateError {
    #[error("it is no certificate of a node: {detail}")]
    Malformed { detail: String },
    #[error("the certificate names {kid}, which is no member")]
    UnknownMember { kid: Hash },
    #[error("the certificate names the member {kid}, whose key has not signed it")]
    BadSignature { kid: Hash },
    #[error("the certificate of {kid} begins at {not_before}; here it is {now}. Compare the clocks")]
    NotYetValid { kid: Hash, not_before: Timestamp, now: Timestamp },
    #[error(
        "the certificate of {kid} ended at {not_after}; here it is {now}. Compare the clocks, then start that node again"
    )]
    Expired { kid: Hash, not_after: Timestamp, now: Timestamp },
    #[error("the certificate of {kid} is not one of a node: {detail}")]
    OtherKind { kid: Hash, detail: &'static str },
    #[error("no certificate could be made for this node: {detail}")]
    Make { detail: String },
}

impl Roster {
    /// The members, and no candidate.
    pub const fn of_members(members: Arc<MemberSet>) -> Self {
        Self { members, candidates: BTreeMap::new() }
    }

    /// The key that may connect under a `kid`.
    pub fn key_of(&self, kid: &Hash) -> Option<PublicKey> {
        let member = self.members.get(kid).map(|member| member.key().clone());
        member.or_else(|| self.candidates.get(kid).cloned())
    }

    /// Everybody who may connect, in the order of `kid`, and whether it is a member.
    pub fn kids(&self) -> BTreeMap<Hash, bool> {
        let candidates = self.candidates.keys().map(|kid| (*kid, false));
        candidates.chain(self.members.members().map(|member| (member.kid(), true))).collect()
    }
}
