//! Admin statements: what members put on the ledger about the consortium itself, as typed values.
//!
//! `docs/FORMATS.md`, "Admin statements", has each member of their JSON.

mod ballot;
mod change;
mod endorsement;
mod fault;
mod looked_at;
mod proposal;
mod readiness;
mod withdrawal;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::Origin;
use crate::consortium::claims::{ParticipantId, Role};
use crate::consortium::genesis::{self, Genesis};
use crate::consortium::participant::Claims;
use crate::gs1::Gs1Key;
use crate::hash::Hash;
use crate::json::{self, JsonError};
use crate::limits::{CLAIMS_MAX, LOOKALIKES_MAX, REASON_CHARS_MAX};
use crate::statement::{PublicKey, Signature};
use crate::time::Timestamp;

pub use ballot::Ballot;
pub use change::{
    AdmitMember, DismissClaims, GrantAuthority, LeafRange, LeavesPerDay, LiftRecall, PolicyChange, PolicyName,
    PolicyValue, ProposedChange, RemoveMember, ReplaceMember, RevokeParticipant, RulesChange, Succession, TermsPolicy,
};
pub use endorsement::Endorsement;
pub use fault::{FaultProof, SignedKind, SignedVote};
pub use looked_at::LookedAt;
pub use proposal::ChangeProposal;
pub use readiness::Readiness;
pub use withdrawal::ProposalWithdrawal;

/// A payload that is no admin statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    #[error("the admin statement's payload is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("the admin statement's payload does not fit its type: {detail}")]
    Shape { detail: String },
    #[error("{field} is wrong: {detail}")]
    Field { field: &'static str, detail: String },
    #[error(
        "the ledger's genesis statement has version {found}, and this program reads version {read}; use the sealane that \
         wrote it, or begin a new ledger: `sealane init`"
    )]
    GenesisVersion { found: u64, read: u32 },
}

/// The payload of a `sealane-admin+jws` statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Admin {
    Genesis(Genesis),
    Registration(Box<Registration>),
    Renewal(Box<Renewal>),
    Revocation(Revocation),
    /// A decision against a pending request. It answers the request and never enters the ledger.
    Rejection(Rejection),
    Proposal(ChangeProposal),
    Withdrawal(ProposalWithdrawal),
    Ballot(Ballot),
    Ready(Readiness),
    Fault(Box<FaultProof>),
    Endorsement(Endorsement),
}

/// A member vouches for an organisation: its claims, its request and the certificate issued for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    pub participant: ParticipantId,
    pub claims: Claims,
    /// The PKCS#10 request in DER, so that an auditor can see that the key asked for this.
    #[serde(with = "der")]
    pub request: Vec<u8>,
    pub certificate: CertificateRecord,
    /// What the member looked at to believe the claims.
    #[serde(default, deserialize_with = "json::filled", skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<LookedAt>,
    /// Organisations with names that look the same: the member knows that this is another one. In the order of their ids.
    #[serde(default, deserialize_with = "json::filled", skip_serializing_if = "Vec::is_empty")]
    pub similar_to: Vec<ParticipantId>,
}

/// A further certificate for a participant, asked for with a key it already had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Renewal {
    pub participant: ParticipantId,
    #[serde(with = "der")]
    pub request: Vec<u8>,
    /// `x5t#S256` of the certificate whose key agreed.
    pub current: Hash,
    /// ES256 signature, r ‖ s, of the current key over `renewal_consent`.
    pub consent: Signature,
    pub certificate: CertificateRecord,
}

/// The end of a registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    pub participant: ParticipantId,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// What it claimed of goods that it never had counts no more.
    #[serde(default, deserialize_with = "json::only_true", skip_serializing_if = "json::is_false")]
    pub dismisses_claims: bool,
}

/// A request refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rejection {
    pub participant: ParticipantId,
    /// Thumbprint of the key that was asked for, so that this refuses that request and no later one.
    pub key: Hash,
    pub reason: String,
}

/// What a verifier needs of a certificate, spelled out so that it need not parse X.509.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRecord {
    /// The certificate in DER; its SHA-256 is the `x5t#S256` that statements name.
    #[serde(with = "der")]
    pub x509: Vec<u8>,
    pub jwk: PublicKey,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl CertificateRecord {
    /// SHA-256 of the certificate's DER (RFC 7515 §4.1.8).
    pub fn thumbprint(&self) -> Hash {
        Hash::of(&self.x509)
    }
}

impl Admin {
    /// Reads the payload of an admin statement.
    pub fn parse(payload: &[u8]) -> Result<Self, AdminError> {
        let value = json::parse(payload)?;
        genesis::check_version(&value)?;
        let admin: Self =
            serde_json::from_value(value).map_err(|error| AdminError::Shape { detail: error.to_string() })?;
        admin.check()?;
        if let Self::Proposal(proposal) = &admin {
            proposal.check_length(payload.len())?;
        }
        Ok(admin)
    }

    /// Writes the payload: compact JSON.
    pub fn to_payload(&self) -> Vec<u8> {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The participant that this concerns, if it is about one alone.
    pub fn participant(&self) -> Option<&ParticipantId> {
        match self {
            Admin::Genesis(_) => None,
            Admin::Registration(registration) => Some(&registration.participant),
            Admin::Renewal(renewal) => Some(&renewal.participant),
            Admin::Revocation(revocation) => Some(&revocation.participant),
            Admin::Rejection(rejection) => Some(&rejection.participant),
            Admin::Endorsement(endorsement) => Some(&endorsement.registration),
            Admin::Proposal(_) | Admin::Withdrawal(_) | Admin::Ballot(_) | Admin::Ready(_) | Admin::Fault(_) => None,
        }
    }

    pub const fn type_name(&self) -> &'static str {
        match self {
            Admin::Genesis(_) => "genesis",
            Admin::Registration(_) => "registration",
            Admin::Renewal(_) => "renewal",
            Admin::Revocation(_) => "revocation",
            Admin::Rejection(_) => "rejection",
            Admin::Proposal(_) => "proposal",
            Admin::Withdrawal(_) => "withdrawal",
            Admin::Ballot(_) => "ballot",
            Admin::Ready(_) => "ready",
            Admin::Fault(_) => "fault",
            Admin::Endorsement(_) => "endorsement",
        }
    }

    fn check(&self) -> Result<(), AdminError> {
        match self {
            Admin::Genesis(genesis) => genesis.check(),
            Admin::Registration(registration) => {
                registration.claims.check()?;
                registration.certificate.check()?;
                looked_at::check_all(&registration.evidence)?;
                registration.check_similar()
            }
            Admin::Renewal(renewal) => renewal.certificate.check(),
            Admin::Revocation(Revocation { reason, .. }) | Admin::Rejection(Rejection { reason, .. }) => {
                check_reason(reason)
            }
            Admin::Proposal(proposal) => proposal.check(),
            Admin::Fault(fault) => fault.check(),
            Admin::Withdrawal(_) | Admin::Ballot(_) | Admin::Ready(_) | Admin::Endorsement(_) => Ok(()),
        }
    }
}

impl Registration {
    fn check_similar(&self) -> Result<(), AdminError> {
        let Self { participant, similar_to, .. } = self;
        if similar_to.len() > LOOKALIKES_MAX {
            let found = similar_to.len();
            return field("similarTo", format!("at most {LOOKALIKES_MAX} organisations are named; this has {found}"));
        }
        if similar_to.contains(participant) {
            return field("similarTo", "an organisation is not named as similar to itself");
        }
        if !similar_to.is_sorted_by(|one, next| one < next) {
            return field("similarTo", "the organisations stand in the order of their ids, each once");
        }
        Ok(())
    }
}

impl Claims {
    /// Checks what no single claim shows: their number, repeats, and a role to act in.
    pub fn check(&self) -> Result<(), AdminError> {
        if self.roles.is_empty() {
            return field("roles", "at least one role is needed: manufacturer, shipper or distributor");
        }
        distinct("roles", &self.roles)?;
        if self.roles.contains(&Role::Authority) && self.roles.len() > 1 {
            return field("roles", "authority stands alone: who watches over the chain is no part of it");
        }
        distinct("glns", &self.glns)?;
        distinct("gs1CompanyPrefixes", &self.gs1_company_prefixes)?;
        distinct("gs1Keys", &self.gs1_keys)?;
        distinct("namespaces", &self.namespaces)?;
        let covered = |key: &&Gs1Key| self.gs1_company_prefixes.iter().any(|prefix| key.is_under(prefix));
        if let Some(key) = self.gs1_keys.iter().find(covered) {
            return field(
                "gs1Keys",
                format!("{key} lies under a company prefix of these claims, which covers it already"),
            );
        }
        apart("gs1CompanyPrefixes", &self.gs1_company_prefixes, |one, other| one.overlaps(other))?;
        apart("namespaces", &self.namespaces, |one, other| one.overlaps(other))
    }
}

impl CertificateRecord {
    fn check(&self) -> Result<(), AdminError> {
        if self.not_after <= self.not_before {
            return field("certificate", "notAfter must be later than notBefore");
        }
        Ok(())
    }
}

/// The bytes that a participant's current key signs to ask for a further certificate:
/// "sealane/renewal/v1" 0x00 ‖ SHA-256(origin) ‖ participant's id ‖ 0x00 ‖ SHA-256(PKCS#10 DER).
pub fn renewal_consent(origin: &Origin, participant: &ParticipantId, request_der: &[u8]) -> Vec<u8> {
    let mut bytes = b"sealane/renewal/v1\0".to_vec();
    bytes.extend_from_slice(Hash::of(origin.as_str().as_bytes()).as_bytes());
    bytes.extend_from_slice(participant.to_string().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(Hash::of(request_der).as_bytes());
    bytes
}

fn check_reason(reason: &str) -> Result<(), AdminError> {
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > REASON_CHARS_MAX {
        return field("reason", format!("a reason has 1 to {REASON_CHARS_MAX} characters"));
    }
    Ok(())
}

fn field<T>(field: &'static str, detail: impl Into<String>) -> Result<T, AdminError> {
    Err(AdminError::Field { field, detail: detail.into() })
}

fn distinct<T: PartialEq>(name: &'static str, claims: &[T]) -> Result<(), AdminError> {
    if claims.len() > CLAIMS_MAX {
        return field(name, format!("at most {CLAIMS_MAX} are taken"));
    }
    apart(name, claims, |one, other| one == other)
}

fn apart<T>(name: &'static str, claims: &[T], collide: impl Fn(&T, &T) -> bool) -> Result<(), AdminError> {
    let collides = claims.iter().enumerate().any(|(at, one)| claims[..at].iter().any(|other| collide(one, other)));
    if collides {
        return field(name, "two of them are the same, or one contains the other");
    }
    Ok(())
}

/// Bytes as base64url without padding.
mod der {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| serde::de::Error::custom("expected base64url without padding"))
    }
}

#[cfg(test)]
mod tests;
