//! Founding by several members: what each founder hands to the others, and what they all make of it.
//!
//! Each founder signs its own entry and where its node is found. The founder with the lowest `kid` signs the genesis statement
//! over all of them; the others check it against the same files. Not here: files, and the first block (`genesis`).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::block_clock::CLOCK_AHEAD_MS_MAX;
use crate::ports::MemberSigner;
use sealane_core::agreement::{NodeAddress, NodeAddressError, SignedAddress};
use sealane_core::block::{Member, MemberSet, MemberSetError, Origin};
use sealane_core::consortium::{Founder, Genesis, Organization, founder_bytes};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::json::{self, JsonError};
use sealane_core::limits::MEMBERS_MAX;
use sealane_core::statement::{Signature, SignatureVerifier};
use sealane_core::time::Timestamp;

/// The version of a founder's document that this program reads and writes.
const VERSION: u64 = 1;

/// Bytes of a founder's document, at the most: 200 characters of a name, an origin of 255, an address of 1,300, each character
/// up to 6 bytes as JSON escapes it, and keys and signatures.
pub const FOUNDER_DOCUMENT_BYTES_MAX: usize = 16 * 1024;

/// The number of a founder's first address.
const FIRST_NUMBER: u64 = 1;

/// What a founder hands to the others: its entry among the members, its consent, and where its node is found. All signatures
/// hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FounderDocument {
    origin: Origin,
    member: Member,
    consent: Signature,
    address: SignedAddress,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FounderJson {
    version: u64,
    origin: Origin,
    member: Member,
    consent: Signature,
    address: SignedAddress,
}

/// Bytes that are no founder's document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FounderDocumentError {
    #[error("it has {found} bytes, and a founder.json {FOUNDER_DOCUMENT_BYTES_MAX} at the most")]
    TooLong { found: usize },
    #[error("it is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("it has version {found}, and this program reads version {VERSION}: use the same sealane at each founder")]
    Version { found: u64 },
    #[error("it is not what `sealane init --founder` writes: {detail}")]
    Shape { detail: String },
    #[error("the name {name:?} is none that `sealane init --founder --name` takes")]
    Name { name: String },
    #[error(
        "the consent of {kid} does not hold for its entry and the origin {origin}: the file was changed; take a new copy from that \
         founder"
    )]
    Consent { kid: Hash, origin: Origin },
    #[error(
        "the address in it is not signed by {kid} for the origin {origin}: the file was changed; take a new copy from that founder"
    )]
    Address { kid: Hash, origin: Origin },
}

/// A founder cannot say who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    #[error(transparent)]
    Member(#[from] MemberSetError),
    #[error(transparent)]
    Address(#[from] NodeAddressError),
}

impl FounderDocument {
    /// Signs the document of a founder. `peer` is HOST:PORT for members' nodes, `url` for clients.
    pub fn sign(
        signer: &dyn MemberSigner,
        name: &Organization,
        origin: &Origin,
        peer: &str,
        url: &str,
    ) -> Result<Self, DeclareError> {
        let member = Member::new(name.as_str(), signer.public_key().clone(), signer.note_key().clone())?;
        let address = NodeAddress::new(member.kid(), peer, url, FIRST_NUMBER)?;
        let signature = signer.sign(&address.signed_bytes(origin));
        let address = SignedAddress::new(address, signature);
        let consent = signer.sign(&founder_bytes(origin, &member));
        Ok(Self { origin: origin.clone(), member, consent, address })
    }

    /// Reads a document and checks both signatures in it.
    pub fn parse(bytes: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, FounderDocumentError> {
        if bytes.len() > FOUNDER_DOCUMENT_BYTES_MAX {
            return Err(FounderDocumentError::TooLong { found: bytes.len() });
        }
        let value = json::parse(bytes)?;
        if let Some(found) = value.get("version").and_then(Value::as_u64).filter(|found| *found != VERSION) {
            return Err(FounderDocumentError::Version { found });
        }
        let read: Result<FounderJson, _> = serde_json::from_value(value);
        let FounderJson { origin, member, consent, address, .. } =
            read.map_err(|error| FounderDocumentError::Shape { detail: error.to_string() })?;
        if !member.name().parse::<Organization>().is_ok_and(|name| name.as_str() == member.name()) {
            return Err(FounderDocumentError::Name { name: member.name().to_owned() });
        }
        let kid = member.kid();
        if verifier.verify(member.key(), &founder_bytes(&origin, &member), &consent).is_err() {
            return Err(FounderDocumentError::Consent { kid, origin });
        }
        if address.verify_by(&origin, member.key(), verifier).is_err() {
            return Err(FounderDocumentError::Address { kid, origin });
        }
        Ok(Self { origin, member, consent, address })
    }

    /// Writes the document, for people too.
    pub fn to_json(&self) -> String {
        let Self { origin, member, consent, address } = self.clone();
        let json = FounderJson { version: VERSION, origin, member, consent, address };
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub const fn member(&self) -> &Member {
        &self.member
    }

    pub const fn address(&self) -> &NodeAddress {
        self.address.address()
    }
}

/// A founder's document and the file that it came in, which errors name.
#[derive(Debug, Clone)]
pub struct NamedFounder {
    pub file: String,
    pub document: FounderDocument,
}

/// All founders of one ledger, in the order of `kid`.
#[derive(Debug, Clone)]
pub struct Founders {
    origin: Origin,
    founders: Vec<NamedFounder>,
    members: MemberSet,
}

/// What two founders may not have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedTrait {
    Key,
    Name,
    NoteKey,
    PeerAddress,
}

impl fmt::Display for SharedTrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "the same key: each founder is given once, and makes its own with `sealane init --founder`",
            Self::Name => "the same name: one of the two founders begins anew with another --name",
            Self::NoteKey => "the same noteKey: one of the two founders begins anew with keys of its own",
            Self::PeerAddress => {
                "the same peer address: one of the two founders begins anew with its own --peer-address"
            }
        })
    }
}

/// Documents that found no ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoundersError {
    #[error("give the founder.json of every founder")]
    None,
    #[error(
        "{file} is for the ledger {found}, and {other} for {expected}: all founders give the same --origin to \
         `sealane init --founder`"
    )]
    Origin { file: String, found: Origin, other: String, expected: Origin },
    #[error("{file} and {other} have {shared}")]
    Shared { file: String, other: String, shared: SharedTrait },
    #[error(transparent)]
    Members(#[from] MemberSetError),
}

/// A genesis statement that is not that of these founders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtherFounding {
    #[error("it begins the ledger {found}, and the founders' files are for {expected}")]
    Origin { found: Origin, expected: Origin },
    #[error(
        "it has the member {name} ({kid}), whose founder.json is not among the files given: give the files of all its founders"
    )]
    Stranger { name: String, kid: Hash },
    #[error("it lacks {name} ({kid}), whose founder.json is {file}: its signer has founded without that file")]
    Missing { name: String, kid: Hash, file: String },
    #[error("its entry or consent of {name} ({kid}) is another than in {file}: use the same files at each founder")]
    Entry { name: String, kid: Hash, file: String },
    #[error("it goes on from another ledger or has other rules than founders agree to here")]
    Terms,
    #[error(
        "it was created at {created}, and the clock here says {now}: set the wrong one of the two clocks right; if it was the \
         signer's, all founders begin anew"
    )]
    Ahead { created: Timestamp, now: Timestamp },
}

impl Founders {
    /// Takes the documents in any order.
    pub fn gather(mut founders: Vec<NamedFounder>) -> Result<Self, FoundersError> {
        let Some(first) = founders.first() else { return Err(FoundersError::None) };
        let origin = first.document.origin.clone();
        if let Some(differs) = founders.iter().find(|one| one.document.origin != origin) {
            let (file, found) = (differs.file.clone(), differs.document.origin.clone());
            return Err(FoundersError::Origin { file, found, other: first.file.clone(), expected: origin });
        }
        // More than a hundred are refused below, and need not be compared with each other.
        for (at, one) in founders.iter().enumerate().take(MEMBERS_MAX) {
            let shared = founders.iter().take(at).find_map(|other| Some((other, shared(other, one)?)));
            if let Some((other, shared)) = shared {
                return Err(FoundersError::Shared { file: one.file.clone(), other: other.file.clone(), shared });
            }
        }
        let members = MemberSet::new(founders.iter().map(|one| one.document.member.clone()).collect())?;
        founders.sort_by_key(|one| one.document.member.kid());
        Ok(Self { origin, founders, members })
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The founders, in the order of `kid`.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &NamedFounder> {
        self.founders.iter()
    }

    pub fn get(&self, kid: &Hash) -> Option<&NamedFounder> {
        self.founders.iter().find(|one| one.document.member.kid() == *kid)
    }

    /// The founder that signs the genesis statement: the one with the lowest `kid`.
    pub fn first(&self) -> Option<&Member> {
        self.members.members().next()
    }

    /// The genesis statement of these founders, with the consent of each.
    pub fn genesis(&self, created: Timestamp) -> Genesis {
        let consent = |one: &NamedFounder| Founder { kid: one.document.member.kid(), signature: one.document.consent };
        let consents = self.founders.iter().map(consent).collect();
        Genesis::new(self.origin.clone(), self.members.clone(), consents, created)
    }

    /// Checks that a genesis statement, whose signatures hold, is that of these founders and not ahead of the clock.
    pub fn check(&self, anchor: &Anchor, now: Timestamp) -> Result<(), OtherFounding> {
        let found = anchor.genesis();
        if found.origin != self.origin {
            return Err(OtherFounding::Origin { found: found.origin.clone(), expected: self.origin.clone() });
        }
        let named = |member: &Member| (member.name().to_owned(), member.kid());
        if let Some(stranger) = found.members.members().find(|member| self.get(&member.kid()).is_none()) {
            let (name, kid) = named(stranger);
            return Err(OtherFounding::Stranger { name, kid });
        }
        let expected = self.genesis(found.created);
        for (one, consent) in self.founders.iter().zip(&expected.founders) {
            let ((name, kid), file) = (named(&one.document.member), one.file.clone());
            match found.members.get(&kid) {
                None => return Err(OtherFounding::Missing { name, kid, file }),
                Some(member) if *member != one.document.member || !found.founders.contains(consent) => {
                    return Err(OtherFounding::Entry { name, kid, file });
                }
                Some(_) => {}
            }
        }
        if *found != expected {
            return Err(OtherFounding::Terms);
        }
        let created = found.created;
        match created.millis_since(now) > CLOCK_AHEAD_MS_MAX {
            true => Err(OtherFounding::Ahead { created, now }),
            false => Ok(()),
        }
    }
}

fn shared(one: &NamedFounder, other: &NamedFounder) -> Option<SharedTrait> {
    let ((one, own), (other, others)) =
        ((&one.document.member, one.document.address()), (&other.document.member, other.document.address()));
    if one.kid() == other.kid() {
        Some(SharedTrait::Key)
    } else if one.name() == other.name() {
        Some(SharedTrait::Name)
    } else if one.note_key() == other.note_key() {
        Some(SharedTrait::NoteKey)
    } else if own.peer() == others.peer() {
        Some(SharedTrait::PeerAddress)
    } else {
        None
    }
}
