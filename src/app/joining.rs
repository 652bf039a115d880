//! Requests to join: what an organisation says of itself that would become a member, and how a node keeps it until the members
//! have decided.
//!
//! A request waits at the node where it was posted, and the member of that node puts it to the vote. The proposal holds the whole
//! entry with its proof, so the other members need no request. Requests are no part of the ledger: a newcomer whose request was
//! forgotten posts it again.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::ledger::Ledger;
use crate::ports::MemberSigner;
use sealane_core::agreement::{NodeAddress, NodeAddressError, SignedAddress};
use sealane_core::block::{Member, MemberSet, MemberSetError, NotePublicKey, Origin};
use sealane_core::consortium::{ChangeRefusal, Organization, member_proof_bytes};
use sealane_core::hash::Hash;
use sealane_core::json::{self, JsonError};
use sealane_core::statement::{PublicKey, Signature, SignatureVerifier};
use sealane_core::time::Timestamp;

/// The version of a request that this program reads and writes.
const VERSION: u64 = 1;

/// The number of a newcomer's first address.
const FIRST_NUMBER: u64 = 1;

/// Bytes of a request: 200 characters of a name, an origin of 255, an address of 1,300, each character up to 6 bytes as JSON
/// escapes it, and keys and signatures.
pub const JOIN_REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Requests to join that may wait at one node. All stand in the answer to `GET /members`.
pub const JOIN_REQUESTS_MAX: usize = 50;

/// Requests to join from one address that may wait.
pub const JOIN_REQUESTS_PER_ADDRESS_MAX: usize = 4;

/// How long a request to join is kept, in milliseconds: 30 days, as long as a vote may last.
const JOIN_REQUEST_AGE_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// What an organisation says of itself that would become a member. All signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    origin: Origin,
    member: Member,
    proof: Signature,
    address: Option<SignedAddress>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JoinRequestJson {
    version: u64,
    origin: Origin,
    kid: Hash,
    name: String,
    jwk: PublicKey,
    note_key: NotePublicKey,
    proof: Signature,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<SignedAddress>,
}

/// Bytes that are no request to join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinRequestError {
    #[error("it has {found} bytes, and a request to join {JOIN_REQUEST_BYTES_MAX} at the most")]
    TooLong { found: usize },
    #[error("it is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("it has version {found}, and this program reads version {VERSION}")]
    Version { found: u64 },
    #[error("it is not what `sealane init --join` writes: {detail}")]
    Shape { detail: String },
    #[error(transparent)]
    Member(#[from] MemberSetError),
    #[error("the name {name:?} is none that `sealane init --name` takes")]
    Name { name: String },
    #[error("kid is {found}, and the thumbprint of jwk is {expected}")]
    Kid { found: Hash, expected: Hash },
    #[error("the proof of {kid} does not hold for its entry and the origin {origin}")]
    Proof { kid: Hash, origin: Origin },
    #[error("the address is not signed by {kid} for the origin {origin}")]
    Address { kid: Hash, origin: Origin },
}

/// A newcomer cannot say who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinSigningError {
    #[error(transparent)]
    Member(#[from] MemberSetError),
    #[error(transparent)]
    Address(#[from] NodeAddressError),
}

impl JoinRequest {
    /// Signs a request. `own` is HOST:PORT for members' nodes and the URL for clients of a node that others can dial.
    pub fn sign(
        signer: &dyn MemberSigner,
        name: &Organization,
        origin: &Origin,
        own: Option<(&str, &str)>,
    ) -> Result<Self, JoinSigningError> {
        let member = Member::new(name.as_str(), signer.public_key().clone(), signer.note_key().clone())?;
        let proof = signer.sign(&member_proof_bytes(origin, &member));
        let address = match own {
            None => None,
            Some((peer, url)) => {
                let address = NodeAddress::new(member.kid(), peer, url, FIRST_NUMBER)?;
                let signature = signer.sign(&address.signed_bytes(origin));
                Some(SignedAddress::new(address, signature))
            }
        };
        Ok(Self { origin: origin.clone(), member, proof, address })
    }

    /// Reads a request and checks all signatures in it.
    pub fn parse(bytes: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, JoinRequestError> {
        if bytes.len() > JOIN_REQUEST_BYTES_MAX {
            return Err(JoinRequestError::TooLong { found: bytes.len() });
        }
        let value = json::parse(bytes)?;
        if let Some(found) = value.get("version").and_then(Value::as_u64).filter(|found| *found != VERSION) {
            return Err(JoinRequestError::Version { found });
        }
        let read: Result<JoinRequestJson, _> = serde_json::from_value(value);
        let read = read.map_err(|error| JoinRequestError::Shape { detail: error.to_string() })?;
        Self::check(read, verifier)
    }

    fn check(read: JoinRequestJson, verifier: &dyn SignatureVerifier) -> Result<Self, JoinRequestError> {
        let JoinRequestJson { origin, kid: found, name, jwk, note_key, proof, address, .. } = read;
        let member = Member::new(name.as_str(), jwk, note_key)?;
        if !name.parse::<Organization>().is_ok_and(|parsed| parsed.as_str() == name) {
            return Err(JoinRequestError::Name { name });
        }
        let kid = member.kid();
        if kid != found {
            return Err(JoinRequestError::Kid { found, expected: kid });
        }
        if verifier.verify(member.key(), &member_proof_bytes(&origin, &member), &proof).is_err() {
            return Err(JoinRequestError::Proof { kid, origin });
        }
        if address.as_ref().is_some_and(|address| address.verify_by(&origin, member.key(), verifier).is_err()) {
            return Err(JoinRequestError::Address { kid, origin });
        }
        Ok(Self { origin, member, proof, address })
    }

    /// Writes the request, for people too.
    pub fn to_json(&self) -> String {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_string_pretty(&self.json()).unwrap_or_default() + "\n"
    }

    fn json(&self) -> JoinRequestJson {
        let Self { origin, member, proof, address } = self.clone();
        JoinRequestJson {
            version: VERSION,
            origin,
            kid: member.kid(),
            name: member.name().to_owned(),
            jwk: member.key().clone(),
            note_key: member.note_key().clone(),
            proof,
            address,
        }
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub const fn member(&self) -> &Member {
        &self.member
    }

    pub const fn proof(&self) -> &Signature {
        &self.proof
    }

    pub const fn address(&self) -> Option<&SignedAddress> {
        self.address.as_ref()
    }
}

/// A request that waits at a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingJoin {
    pub request: JoinRequest,
    pub received: Timestamp,
    /// The client address that it came from, as limits count it, if known.
    pub from: Option<String>,
}

/// Why a request to join was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the request is for the ledger {found}, and this is {expected}")]
    OtherLedger { found: Origin, expected: Origin },
    #[error("it could not be admitted: {0}")]
    Impossible(#[from] ChangeRefusal),
    #[error(
        "{JOIN_REQUESTS_MAX} requests to join wait here already: give your member.json to a member, who admits by the file, or come \
         back later"
    )]
    Crowded,
    #[error(
        "{JOIN_REQUESTS_PER_ADDRESS_MAX} requests to join from this address wait here already: give your member.json to a member, \
         who admits by the file"
    )]
    AddressCrowded,
}

/// Keeps the requests that wait beside the ledger.
pub trait JoinKeeper: Send + Sync {
    /// What was kept last; nothing if nothing was. It is verified again.
    fn load(&self) -> io::Result<Vec<u8>>;

    /// Keeps this in the place of what was kept.
    fn save(&self, requests: &[u8]) -> io::Result<()>;
}

/// The requests that wait at a node.
pub struct JoinDesk {
    keeper: Box<dyn JoinKeeper>,
    waiting: Mutex<Vec<WaitingJoin>>,
}

#[derive(Serialize, Deserialize)]
struct KeptJoin {
    request: JoinRequestJson,
    received: Timestamp,
    #[serde(default)]
    from: Option<String>,
}

impl JoinDesk {
    /// Takes up the requests that were kept.
    pub fn open(keeper: Box<dyn JoinKeeper>, verifier: &dyn SignatureVerifier) -> Self {
        let kept = keeper.load().and_then(|bytes| match bytes.is_empty() {
            true => Ok(Vec::new()),
            false => serde_json::from_slice::<Vec<KeptJoin>>(&bytes).map_err(io::Error::from),
        });
        let kept = kept.unwrap_or_else(|error| {
            tracing::warn!(%error, "the requests to join that were kept cannot be read; newcomers post them again");
            Vec::new()
        });
        let waiting = kept.into_iter().take(JOIN_REQUESTS_MAX).filter_map(|KeptJoin { request, received, from }| {
            Some(WaitingJoin { request: JoinRequest::check(request, verifier).ok()?, received, from })
        });
        Self { waiting: Mutex::new(waiting.collect()), keeper }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<WaitingJoin>> {
        // Each change is one entry.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request. One with the same key takes the place of the one that waits.
    pub fn add(&self, ledger: &Ledger, request: JoinRequest, from: Option<String>) -> Result<(), JoinError> {
        let (view, now) = (ledger.view(), ledger.now());
        let expected = view.registry.origin().clone();
        if request.origin != expected {
            return Err(JoinError::OtherLedger { found: request.origin, expected });
        }
        view.registry.check_admission(&request.member, now)?;
        let kid = request.member.kid();
        let mut waiting = self.lock();
        waiting.retain(|one| may_wait(one, view.registry.members(), now));
        match waiting.iter_mut().find(|one| one.request.member.kid() == kid) {
            // A key that asks again keeps its turn, and its room counts for the address that it came from first.
            Some(same) => same.request = request,
            None => {
                if waiting.len() >= JOIN_REQUESTS_MAX {
                    return Err(JoinError::Crowded);
                }
                let is_from_there = |one: &&WaitingJoin| from.is_some() && one.from == from;
                if waiting.iter().filter(is_from_there).count() >= JOIN_REQUESTS_PER_ADDRESS_MAX {
                    return Err(JoinError::AddressCrowded);
                }
                waiting.push(WaitingJoin { request, received: now, from });
            }
        }
        self.save(&waiting);
        Ok(())
    }

    /// The requests that wait as of now, in the order in which they came. Those whose key or name is a member's by now are
    /// forgotten.
    pub fn waiting(&self, members: &MemberSet, now: Timestamp) -> Vec<WaitingJoin> {
        let mut waiting = self.lock();
        waiting.retain(|one| may_wait(one, members, now));
        waiting.clone()
    }

    fn save(&self, waiting: &[WaitingJoin]) {
        let kept = |one: &WaitingJoin| KeptJoin {
            request: one.request.json(),
            received: one.received,
            from: one.from.clone(),
        };
        let kept: Vec<KeptJoin> = waiting.iter().map(kept).collect();
        let saved = serde_json::to_vec(&kept).map_err(io::Error::from).and_then(|bytes| self.keeper.save(&bytes));
        if let Err(error) = saved {
            tracing::warn!(%error, "the requests to join could not be kept; after a restart newcomers post them again");
        }
    }
}

/// What every answer about requests asks, so it looks at the members in force alone.
fn may_wait(one: &WaitingJoin, members: &MemberSet, now: Timestamp) -> bool {
    let member = &one.request.member;
    let is_taken = members.members().any(|held| held.kid() == member.kid() || held.name() == member.name());
    now.millis_since(one.received) <= JOIN_REQUEST_AGE_MS_MAX && !is_taken
}
