//! A participant: what it claimed, its certificates, and where its registration began and ended.

use serde::{Deserialize, Serialize};

use crate::consortium::claims::{Namespace, Organization, ParticipantId, Role};
use crate::consortium::contact::Contact;
use crate::consortium::lei::Lei;
use crate::consortium::place::Place;
use crate::gs1::{CompanyPrefix, Gln, Gs1Key, Id};
use crate::hash::Hash;
use crate::json;
use crate::merkle::LeafIndex;
use crate::statement::{PublicKey, StatementId};
use crate::time::Timestamp;

/// What an organisation says of itself when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claims {
    pub organization: Organization,
    pub roles: Vec<Role>,
    pub glns: Vec<Gln>,
    pub gs1_company_prefixes: Vec<CompanyPrefix>,
    /// GTINs and GLNs that it was given one by one, by their canonical ids; left out if there are none.
    #[serde(default, deserialize_with = "json::filled", skip_serializing_if = "Vec::is_empty")]
    pub gs1_keys: Vec<Gs1Key>,
    pub namespaces: Vec<Namespace>,
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub lei: Option<Lei>,
    /// For who scans its products.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// SHA-256 of the consortium's terms that it accepted, as the policy `terms` names them.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub terms: Option<Hash>,
}

impl Claims {
    /// Tells whether `id` lies under a company prefix, belongs to a single key or lies in a namespace of these claims.
    pub fn cover(&self, id: &Id) -> bool {
        self.gs1_company_prefixes.iter().any(|prefix| prefix.covers(id))
            || self.gs1_keys.iter().any(|key| key.covers(id))
            || self.namespaces.iter().any(|namespace| namespace.covers(id))
    }

    /// Tells whether a location or a party is theirs: by its GLN, or as these claims cover it.
    pub fn own(&self, location: &Id) -> bool {
        self.holds_location(location) || self.cover(location)
    }

    /// Tells whether `id` is one of the GLNs, as a location (AI 414) or as a party (AI 417).
    pub fn holds_location(&self, id: &Id) -> bool {
        self.glns.iter().any(|gln| gln.is_named_by(id))
    }
}

/// One certificate of a participant, from its place on.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified {
    /// SHA-256 of the certificate's DER, as `x5t#S256` has it.
    pub thumbprint: Hash,
    pub key: PublicKey,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub der: Vec<u8>,
    pub since: LeafIndex,
}

/// The end of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    pub at: Place,
    pub reason: String,
    /// What was signed after this is `suspect`: the key was in other hands.
    pub compromised_since: Option<Timestamp>,
    pub by: RevokedBy,
}

/// Who ended a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedBy {
    /// One member alone, by the key that signed it.
    Member(Hash),
    /// The members, by their vote on this proposal.
    Vote(StatementId),
}

/// A member's word for a registration that another member made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endorsed {
    /// The key that signed it.
    pub by: Hash,
    pub at: Place,
}

/// A registered organisation. Never forgotten: what it signed while in force stays valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Participant {
    pub id: ParticipantId,
    pub claims: Claims,
    pub registered: Place,
    /// The member that registered it, by the key that it had then.
    pub registered_by: Hash,
    /// Members beside that one that have to endorse the registration, as the policy was at its place.
    pub endorsements_needed: u64,
    /// In ledger order, at most as many as are needed.
    pub endorsements: Vec<Endorsed>,
    /// Oldest first; never empty.
    pub certificates: Vec<Certified>,
    pub revoked: Option<Revoked>,
}

/// A participant's standing at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Registered, and other members still have to endorse it.
    Unendorsed,
    Active,
    Revoked,
    /// Every certificate has run out.
    Expired,
}

impl Participant {
    /// Tells whether the registration is in force at `leaf`: begun before it, endorsed before it by all the members that it
    /// needs, and not ended before it.
    pub fn in_force_at(&self, leaf: LeafIndex) -> bool {
        self.registered.leaf < leaf
            && self.endorsements_missing_at(leaf) == 0
            && self.revoked.as_ref().is_none_or(|revoked| revoked.at.leaf > leaf)
    }

    /// How many endorsements are missing at `leaf`: those on earlier leaves count.
    pub fn endorsements_missing_at(&self, leaf: LeafIndex) -> u64 {
        let given = self.endorsements.iter().filter(|one| one.at.leaf < leaf).count() as u64;
        self.endorsements_needed.saturating_sub(given)
    }

    /// How many endorsements are missing at the end of the ledger.
    pub fn endorsements_missing(&self) -> u64 {
        self.endorsements_needed.saturating_sub(self.endorsements.len() as u64)
    }

    /// The standing at the end of the ledger, at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.revoked.is_some() {
            Standing::Revoked
        } else if self.endorsements_missing() > 0 {
            Standing::Unendorsed
        } else if self.certificates.iter().all(|certificate| certificate.not_after < now) {
            Standing::Expired
        } else {
            Standing::Active
        }
    }

    pub fn has_role(&self, role: Role) -> bool {
        self.claims.roles.contains(&role)
    }

    /// Tells whether it is a carrier: it moves goods, and does nothing else.
    pub fn is_carrier(&self) -> bool {
        !self.claims.roles.is_empty() && self.claims.roles.iter().all(|role| *role == Role::Shipper)
    }
}
