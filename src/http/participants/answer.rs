//! A participant as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::registration::{Listed, Status};
use crate::ports::{PendingRequest, RequestBody};
use sealane_core::consortium::{Certified, Claims, Participant, Revoked, RevokedBy};

/// A participant, or a request to become one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Participant)]
pub struct ParticipantBody {
    id: String,
    /// `pending`, `active`, `rejected`, `revoked` or `expired`.
    status: &'static str,
    organization: Option<String>,
    roles: Vec<&'static str>,
    glns: Vec<String>,
    gs1_company_prefixes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gs1_keys: Vec<String>,
    namespaces: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lei: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo of the key, the newest one: for comparing by telephone.
    key_fingerprint: Option<String>,
    /// When this node took the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_at: Option<String>,
    /// The time of the block that registered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_at: Option<String>,
    /// The member that registered it, by the key that it had then.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_by: Option<String>,
    /// Other members that have to endorse its registration before it may sign; left out if none has to any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    endorsements_missing: Option<u64>,
    /// Why the request was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The PKCS#10 request in PEM, while it waits; for members, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    csr: Option<String>,
    /// Oldest first.
    certificates: Vec<CertificateBody>,
    /// A further certificate that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal: Option<RenewalBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<RevocationBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Certificate)]
pub struct CertificateBody {
    /// SHA-256 of the DER: what statements name as `x5t#S256`.
    thumbprint: String,
    not_before: String,
    not_after: String,
    /// Where it was registered.
    leaf_index: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Renewal)]
pub struct RenewalBody {
    requested_at: String,
    /// The PKCS#10 request in PEM; for members, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    csr: Option<String>,
    /// SHA-256 of the new key's SubjectPublicKeyInfo.
    key: String,
    /// Thumbprint of the certificate whose key agreed.
    current: String,
    /// Its signature.
    consent: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Revocation)]
pub struct RevocationBody {
    at: String,
    leaf_index: u64,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    compromised_since: Option<String>,
    /// The member that ended it alone, by the key that it had then.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The proposal by which the members ended it together.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<String>,
}

impl From<&Listed> for ParticipantBody {
    fn from(listed: &Listed) -> Self {
        let mut body = Self::claiming(listed);
        if let Some(participant) = &listed.participant {
            body.add_registration(participant);
        }
        if let Some(request) = &listed.request {
            body.add_request(request, listed.status);
        }
        body
    }
}

impl ParticipantBody {
    /// As lists have it, and everybody but a member: certificate requests are long, and only the member that decides on one reads
    /// it.
    pub fn without_csr(mut self) -> Self {
        self.csr = None;
        if let Some(renewal) = &mut self.renewal {
            renewal.csr = None;
        }
        self
    }

    /// How many other members have to endorse its registration before it may sign.
    pub const fn endorsements_missing(&self) -> Option<u64> {
        self.endorsements_missing
    }

    fn claiming(listed: &Listed) -> Self {
        let claims = listed.claims();
        let texts = |each: fn(&Claims) -> Vec<String>| claims.map(each).unwrap_or_default();
        Self {
            id: listed.id.to_string(),
            status: listed.status.as_str(),
            organization: claims.map(|claims| claims.organization.to_string()),
            roles: claims.map(|claims| claims.roles.iter().map(|role| role.as_str()).collect()).unwrap_or_default(),
            glns: texts(|claims| claims.glns.iter().map(ToString::to_string).collect()),
            gs1_company_prefixes: texts(|claims| claims.gs1_company_prefixes.iter().map(ToString::to_string).collect()),
            gs1_keys: texts(|claims| claims.gs1_keys.iter().map(ToString::to_string).collect()),
            namespaces: texts(|claims| claims.namespaces.iter().map(ToString::to_string).collect()),
            lei: claims.and_then(|claims| claims.lei.as_ref()).map(ToString::to_string),
            contact: claims.and_then(|claims| claims.contact.as_ref()).map(ToString::to_string),
            terms: claims.and_then(|claims| claims.terms).map(|terms| terms.to_string()),
            key_fingerprint: None,
            requested_at: None,
            registered_at: None,
            registered_by: None,
            endorsements_missing: None,
            reason: None,
            csr: None,
            certificates: Vec::new(),
            renewal: None,
            revocation: None,
        }
    }

    fn add_registration(&mut self, participant: &Participant) {
        self.registered_at = Some(participant.registered.time.to_string());
        self.registered_by = Some(participant.registered_by.to_string());
        // Of a revoked one none is asked for any more.
        let missing = participant.endorsements_missing();
        self.endorsements_missing = (missing > 0 && participant.revoked.is_none()).then_some(missing);
        self.key_fingerprint = participant.certificates.last().map(|newest| newest.key.thumbprint().to_string());
        self.certificates = participant.certificates.iter().map(CertificateBody::from).collect();
        self.revocation = participant.revoked.as_ref().map(RevocationBody::from);
    }

    fn add_request(&mut self, request: &PendingRequest, status: Status) {
        match &request.body {
            RequestBody::Registration { csr, key, .. } => {
                self.requested_at = Some(request.received.to_string());
                self.key_fingerprint = Some(key.to_string());
                self.reason = request.rejected.clone();
                self.csr = (status == Status::Pending).then(|| csr.clone());
            }
            RequestBody::Renewal { csr, key, current, consent } => {
                self.renewal = Some(RenewalBody {
                    requested_at: request.received.to_string(),
                    csr: Some(csr.clone()),
                    key: key.to_string(),
                    current: current.to_string(),
                    consent: consent.clone(),
                });
            }
        }
    }
}

impl From<&Certified> for CertificateBody {
    fn from(certificate: &Certified) -> Self {
        Self {
            thumbprint: certificate.thumbprint.to_string(),
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            leaf_index: certificate.since.get(),
        }
    }
}

impl From<&Revoked> for RevocationBody {
    fn from(revoked: &Revoked) -> Self {
        let (by, proposal) = match revoked.by {
            RevokedBy::Member(kid) => (Some(kid.to_string()), None),
            RevokedBy::Vote(proposal) => (None, Some(proposal.to_string())),
        };
        Self {
            at: revoked.at.time.to_string(),
            leaf_index: revoked.at.leaf.get(),
            reason: revoked.reason.clone(),
            compromised_since: revoked.compromised_since.map(|since| since.to_string()),
            by,
            proposal,
        }
    }
}
