//! Where a member's node is found, in its own signed words.

use core::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{MessageError, SaidError};
use crate::binary::Reader;
use crate::block::{MemberSet, Origin};
use crate::hash::Hash;
use crate::limits::{ADDRESS_NUMBER_MAX, PEER_ADDRESS_BYTES_MAX, PEER_URL_BYTES_MAX};
use crate::statement::{PublicKey, Signature, SignatureVerifier};

/// Where other members' nodes and everybody's clients reach a member's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    kid: Hash,
    peer: String,
    url: String,
    number: u64,
}

/// An address with the signature of the member whose node it is. Of several the one with the highest number counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AddressJson", into = "AddressJson")]
pub struct SignedAddress {
    address: NodeAddress,
    signature: Signature,
}

/// What is no address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeAddressError {
    #[error(
        "{found:?} is no address of a node; it is HOST:PORT, such as a.example:7443 or [2001:db8::1]:7443, of at most {PEER_ADDRESS_BYTES_MAX} characters"
    )]
    Peer { found: String },
    #[error(
        "{found:?} is no URL of a node; it begins with https:// or http://, has no white space, and at most {PEER_URL_BYTES_MAX} characters of ASCII"
    )]
    Url { found: String },
    #[error("an address has a number up to {ADDRESS_NUMBER_MAX}; this has {found}")]
    Number { found: u64 },
}

/// Characters of a wrong address that its error shows.
const SHOWN_CHARS_MAX: usize = 80;

const DOMAIN: &[u8] = b"sealane/address/v1\0";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressJson {
    kid: Hash,
    peer: String,
    url: String,
    number: u64,
    signature: Signature,
}

impl NodeAddress {
    /// Takes what `peer` says (HOST:PORT, for members' nodes) and `url` (for clients) of the node of the member `kid`.
    pub fn new(
        kid: Hash,
        peer: impl Into<String>,
        url: impl Into<String>,
        number: u64,
    ) -> Result<Self, NodeAddressError> {
        let (peer, url) = (peer.into(), url.into());
        Self::check_peer(&peer)?;
        Self::check_url(&url)?;
        if number > ADDRESS_NUMBER_MAX {
            return Err(NodeAddressError::Number { found: number });
        }
        Ok(Self { kid, peer, url, number })
    }

    /// Checks that a text is HOST:PORT, as [`Self::new`] takes it.
    pub fn check_peer(text: &str) -> Result<(), NodeAddressError> {
        if is_endpoint(text) { Ok(()) } else { Err(NodeAddressError::Peer { found: shown(text) }) }
    }

    /// Checks that a text is a node's URL, as [`Self::new`] takes it.
    pub fn check_url(text: &str) -> Result<(), NodeAddressError> {
        if is_url(text) { Ok(()) } else { Err(NodeAddressError::Url { found: shown(text) }) }
    }

    /// Thumbprint of the key of the member whose node it is.
    pub const fn kid(&self) -> Hash {
        self.kid
    }

    /// HOST:PORT of the port for members' nodes.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The bytes that the member signs.
    ///
    /// "sealane/address/v1" 0x00 ‖ SHA-256(origin) ‖ kid ‖ number u64be ‖ u16be length ‖ peer ‖ u16be length ‖ url.
    pub fn signed_bytes(&self, origin: &Origin) -> Vec<u8> {
        let mut out = DOMAIN.to_vec();
        out.extend_from_slice(origin.hash().as_bytes());
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.kid.as_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        for text in [&self.peer, &self.url] {
            // Both are far shorter than 65,536 bytes: `new` saw to it.
            out.extend_from_slice(&(text.len() as u16).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }
}

impl SignedAddress {
    /// Bytes that it takes at the most.
    pub const BYTES_MAX: usize = Hash::LEN + 8 + 2 + PEER_ADDRESS_BYTES_MAX + 2 + PEER_URL_BYTES_MAX + 64;

    /// Puts an address together with a signature that was made elsewhere.
    pub const fn new(address: NodeAddress, signature: Signature) -> Self {
        Self { address, signature }
    }

    pub const fn address(&self) -> &NodeAddress {
        &self.address
    }

    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Checks that the member in force whose node it is has signed it.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), SaidError> {
        let kid = self.address.kid;
        let member = members.get(&kid).ok_or(SaidError::UnknownMember { kid })?;
        self.verify_by(origin, member.key(), verifier)
    }

    /// Checks that the holder of a key has signed it, who is no member yet perhaps.
    pub fn verify_by(
        &self,
        origin: &Origin,
        key: &PublicKey,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), SaidError> {
        let kid = self.address.kid;
        let holds = key.thumbprint() == kid
            && verifier.verify(key, &self.address.signed_bytes(origin), &self.signature).is_ok();
        if holds { Ok(()) } else { Err(SaidError::BadSignature { kid }) }
    }

    /// Writes kid ‖ number u64be ‖ u16be length ‖ peer ‖ u16be length ‖ url ‖ signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes, 0);
        let address = Self::read(&mut reader)?;
        reader.end().map_err(AgreementBytesError::from)?;
        Ok(address)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.address.put(out);
        out.extend_from_slice(self.signature.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let kid = bytes::read_hash(reader)?;
        let number = u64::from_be_bytes(reader.array().map_err(AgreementBytesError::from)?);
        let peer = read_text(reader, PEER_ADDRESS_BYTES_MAX)?;
        let url = read_text(reader, PEER_URL_BYTES_MAX)?;
        let address = NodeAddress::new(kid, peer, url, number)?;
        Ok(Self { address, signature: bytes::read_signature(reader)? })
    }
}

impl TryFrom<AddressJson> for SignedAddress {
    type Error = NodeAddressError;

    fn try_from(json: AddressJson) -> Result<Self, NodeAddressError> {
        let AddressJson { kid, peer, url, number, signature } = json;
        Ok(Self { address: NodeAddress::new(kid, peer, url, number)?, signature })
    }
}

impl From<SignedAddress> for AddressJson {
    fn from(signed: SignedAddress) -> Self {
        let NodeAddress { kid, peer, url, number } = signed.address;
        Self { kid, peer, url, number, signature: signed.signature }
    }
}

/// Reads u16be length ‖ text, of at most so many bytes. What the text may be, its reader says.
fn read_text<'a>(reader: &mut Reader<'a>, bytes_max: usize) -> Result<&'a str, MessageError> {
    let found = usize::from(u16::from_be_bytes(reader.array().map_err(AgreementBytesError::from)?));
    if found > bytes_max {
        return Err(MessageError::Text { found, bytes_max });
    }
    let text = reader.take(found).map_err(AgreementBytesError::from)?;
    std::str::from_utf8(text).map_err(|_| MessageError::Utf8)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = !port.starts_with('0') && port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let name = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(name),
    };
    text.len() <= PEER_ADDRESS_BYTES_MAX && is_port && is_host
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    is_host && text.len() <= PEER_URL_BYTES_MAX && text.bytes().all(|c| c.is_ascii_graphic())
}
