//! The state of the consortium: a fold over admin statements in ledger order, the same on every node.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::block::{MemberSet, Origin};
use crate::consortium::admin::{Admin, CertificateRecord, Registration, Renewal, Revocation, renewal_consent};
use crate::consortium::claims::{Namespace, ParticipantId};
use crate::consortium::genesis::Genesis;
use crate::consortium::participant::{Certified, Claims, Participant, Revoked};
use crate::consortium::place::Place;
use crate::gs1::{CompanyPrefix, Id};
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::statement::{PublicKey, SignatureVerifier};
use crate::time::Timestamp;

/// A claim that another participant holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {claim} {}", clash(claim, held, holder))]
pub struct Conflict {
    /// `company prefix`, `namespace`, `GLN` or `key`.
    pub what: &'static str,
    pub claim: String,
    pub held: String,
    pub holder: ParticipantId,
}

/// Why an admin statement cannot stand at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only a member may sign an admin statement, and {kid} is no member's key")]
    NotAMember { kid: Hash },
    #[error("a genesis statement is leaf 0 and nothing else")]
    Genesis,
    #[error("participant {participant} is registered already")]
    AlreadyRegistered { participant: ParticipantId },
    #[error("participant {participant} is not registered")]
    UnknownParticipant { participant: ParticipantId },
    #[error("participant {participant} has been revoked")]
    Revoked { participant: ParticipantId },
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("the renewal is not agreed to by the participant's current key: {detail}")]
    Consent { detail: &'static str },
    #[error("the certificate's notAfter {not_after} is past already by the ledger's time, {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    #[error("the certificate is registered already")]
    CertificateRepeated,
    #[error("a rejection answers a pending request and never enters the ledger")]
    Rejection,
    #[error("{what} is reserved: no ledger takes it yet")]
    Reserved { what: &'static str },
}

/// Why a certificate may not sign at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefusal {
    #[error("no registered certificate has the thumbprint {thumbprint}")]
    Unknown { thumbprint: Hash },
    #[error("the registration of participant {participant} was revoked at {since}: {reason}")]
    Revoked { participant: ParticipantId, since: Timestamp, reason: String },
    #[error("the certificate expired at {not_after}, by the ledger's time, {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    #[error("the certificate is valid from {not_before} only, by the ledger's time, {at}")]
    NotYetValid { not_before: Timestamp, at: Timestamp },
}

/// Members and participants with their whole history.
#[derive(Debug, Clone)]
pub struct Registry {
    origin: Origin,
    members: MemberSet,
    participants: BTreeMap<ParticipantId, Participant>,
    by_certificate: HashMap<Hash, ParticipantId>,
    by_leaf: BTreeMap<LeafIndex, ParticipantId>,
    /// Keys ever certified: a key belongs to one participant for good.
    by_key: HashMap<Hash, ParticipantId>,
    /// Who claims a company prefix, a namespace (with `https` as `http`) or a GLN, or did before it was revoked. No text
    /// is two of these: they have 4 to 12 digits, a colon, and 13 digits.
    by_claim: HashMap<String, Vec<ParticipantId>>,
}

impl Registry {
    /// Begins with the genesis statement's content.
    pub fn new(genesis: &Genesis) -> Self {
        Self {
            origin: genesis.origin.clone(),
            members: genesis.members.clone(),
            participants: BTreeMap::new(),
            by_certificate: HashMap::new(),
            by_leaf: BTreeMap::new(),
            by_key: HashMap::new(),
            by_claim: HashMap::new(),
        }
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn members(&self) -> &MemberSet {
        &self.members
    }

    pub fn participant(&self, id: &ParticipantId) -> Option<&Participant> {
        self.participants.get(id)
    }

    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.values()
    }

    /// The participant that the registration at `leaf` registers.
    pub fn registered_at(&self, leaf: LeafIndex) -> Option<&Participant> {
        self.participants.get(self.by_leaf.get(&leaf)?)
    }

    /// The participant and certificate that `thumbprint` names, whatever their standing.
    pub fn certificate(&self, thumbprint: &Hash) -> Option<(&Participant, &Certified)> {
        let participant = self.participants.get(self.by_certificate.get(thumbprint)?)?;
        let certificate = participant.certificates.iter().find(|one| one.thumbprint == *thumbprint)?;
        Some((participant, certificate))
    }

    /// The participant whose certificate may sign a statement that stands at `place`.
    pub fn signer_at(&self, thumbprint: &Hash, place: Place) -> Result<(&Participant, &Certified), SignerRefusal> {
        let unknown = || SignerRefusal::Unknown { thumbprint: *thumbprint };
        let (participant, certificate) = self.certificate(thumbprint).ok_or_else(unknown)?;
        if certificate.since >= place.leaf {
            return Err(unknown());
        }
        if let Some(revoked) = participant.revoked.as_ref().filter(|revoked| revoked.at.leaf < place.leaf) {
            return Err(SignerRefusal::Revoked {
                participant: participant.id.clone(),
                since: revoked.at.time,
                reason: revoked.reason.clone(),
            });
        }
        if place.time > certificate.not_after {
            return Err(SignerRefusal::Expired { not_after: certificate.not_after, at: place.time });
        }
        if place.time < certificate.not_before {
            return Err(SignerRefusal::NotYetValid { not_before: certificate.not_before, at: place.time });
        }
        Ok((participant, certificate))
    }

    /// The participant whose company prefix or namespace governed `id` at `leaf`.
    pub fn holder_at(&self, id: &Id, leaf: LeafIndex) -> Option<&Participant> {
        self.holders(id).into_iter().find(|one| one.in_force_at(leaf))
    }

    /// All whose company prefix or namespace covers `id`, revoked or not, by their ids.
    pub fn holders(&self, id: &Id) -> Vec<&Participant> {
        self.claiming(id, |claims| claims.cover(id))
    }

    /// All to whom a location or party belongs, by its GLN or as covered by their prefix or namespace, revoked or not, by
    /// their ids.
    pub fn owners(&self, location: &Id) -> Vec<&Participant> {
        self.claiming(location, |claims| claims.holds_location(location) || claims.cover(location))
    }

    /// Those of whom some claim could be about `id` and who `hold` it.
    fn claiming(&self, id: &Id, hold: impl Fn(&Claims) -> bool) -> Vec<&Participant> {
        let mut found: BTreeSet<&ParticipantId> = BTreeSet::new();
        let mut look_up = |claim: &str| found.extend(self.by_claim.get(claim).into_iter().flatten());
        if id.is_gs1() {
            let digits = id.prefix_digits().unwrap_or_default();
            CompanyPrefix::DIGITS.filter_map(|length| digits.get(..length)).for_each(&mut look_up);
            id.gln().into_iter().for_each(look_up);
        } else {
            Namespace::candidates(id.as_str()).iter().for_each(|namespace| look_up(namespace));
        }
        let found = found.into_iter().filter_map(|one| self.participants.get(one));
        found.filter(|one| hold(&one.claims)).collect()
    }

    /// Finds a participant's claim that collides with `claims`.
    ///
    /// Active company prefixes are prefix-free and each has one holder; so with namespaces; a GLN has one holder.
    pub fn claim_conflict(&self, claims: &Claims) -> Option<Conflict> {
        self.participants.values().filter(|one| one.revoked.is_none()).find_map(|one| conflict_with(claims, one))
    }

    /// Finds another participant that `key` was ever certified for: a key has one holder for good, revoked or not.
    pub fn key_conflict(&self, key: &PublicKey, participant: Option<&ParticipantId>) -> Option<Conflict> {
        let thumbprint = key.thumbprint();
        let holder = self.by_key.get(&thumbprint).filter(|holder| Some(*holder) != participant)?;
        let key = thumbprint.to_string();
        Some(Conflict { what: "key", claim: key.clone(), held: key, holder: holder.clone() })
    }

    /// Applies an admin statement signed by `kid` at `place`, or says why it cannot stand there.
    pub fn apply(
        &mut self,
        admin: &Admin,
        kid: &Hash,
        place: Place,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
        self.check(admin, kid, place, verifier)?;
        match admin {
            // What is reserved was refused above.
            Admin::Genesis(_)
            | Admin::Rejection(_)
            | Admin::Proposal(_)
            | Admin::Withdrawal(_)
            | Admin::Ballot(_)
            | Admin::Ready(_)
            | Admin::Fault(_)
            | Admin::Endorsement(_) => {}
            Admin::Registration(registration) => self.register(registration, place),
            Admin::Renewal(renewal) => self.certify(&renewal.participant, &renewal.certificate, place),
            Admin::Revocation(revocation) => self.revoke(revocation, place),
        }
        Ok(())
    }

    /// Says whether an admin statement signed by `kid` may stand at `place`.
    pub fn check(
        &self,
        admin: &Admin,
        kid: &Hash,
        place: Place,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
        // First, since one of the types will be signed by keys that are no member's yet.
        if let Some(what) = admin.reserved() {
            return Err(Refusal::Reserved { what });
        }
        if self.members.get(kid).is_none() {
            return Err(Refusal::NotAMember { kid: *kid });
        }
        match admin {
            Admin::Genesis(_) => Err(Refusal::Genesis),
            Admin::Rejection(_) => Err(Refusal::Rejection),
            Admin::Registration(registration) => self.check_registration(registration, place),
            Admin::Renewal(renewal) => self.check_renewal(renewal, place, verifier),
            Admin::Revocation(revocation) => self.in_force(&revocation.participant).map(drop),
            // Reserved, so refused above.
            Admin::Proposal(_)
            | Admin::Withdrawal(_)
            | Admin::Ballot(_)
            | Admin::Ready(_)
            | Admin::Fault(_)
            | Admin::Endorsement(_) => Err(Refusal::Reserved { what: admin.type_name() }),
        }
    }

    fn check_registration(&self, registration: &Registration, place: Place) -> Result<(), Refusal> {
        if self.participants.contains_key(&registration.participant) {
            return Err(Refusal::AlreadyRegistered { participant: registration.participant.clone() });
        }
        self.check_certificate(&registration.certificate, place)?;
        let conflict = self
            .key_conflict(&registration.certificate.jwk, None)
            .or_else(|| self.claim_conflict(&registration.claims));
        conflict.map_or(Ok(()), |conflict| Err(conflict.into()))
    }

    fn check_renewal(&self, renewal: &Renewal, place: Place, verifier: &dyn SignatureVerifier) -> Result<(), Refusal> {
        let participant = self.in_force(&renewal.participant)?;
        self.check_certificate(&renewal.certificate, place)?;
        if let Some(conflict) = self.key_conflict(&renewal.certificate.jwk, Some(&participant.id)) {
            return Err(conflict.into());
        }
        let current = participant
            .certificates
            .iter()
            .find(|one| one.thumbprint == renewal.current)
            .ok_or(Refusal::Consent { detail: "its certificate is not this participant's" })?;
        if place.time > current.not_after {
            return Err(Refusal::Consent { detail: "the current certificate has expired" });
        }
        let consent = renewal_consent(&self.origin, &participant.id, &renewal.request);
        verifier
            .verify(&current.key, &consent, &renewal.consent)
            .map_err(|_| Refusal::Consent { detail: "the signature does not verify" })
    }

    fn check_certificate(&self, certificate: &CertificateRecord, place: Place) -> Result<(), Refusal> {
        if self.by_certificate.contains_key(&certificate.thumbprint()) {
            return Err(Refusal::CertificateRepeated);
        }
        if certificate.not_after <= place.time {
            return Err(Refusal::Expired { not_after: certificate.not_after, at: place.time });
        }
        Ok(())
    }

    fn in_force(&self, id: &ParticipantId) -> Result<&Participant, Refusal> {
        let participant =
            self.participants.get(id).ok_or_else(|| Refusal::UnknownParticipant { participant: id.clone() })?;
        if participant.revoked.is_some() {
            return Err(Refusal::Revoked { participant: id.clone() });
        }
        Ok(participant)
    }

    fn register(&mut self, registration: &Registration, place: Place) {
        let participant = Participant {
            id: registration.participant.clone(),
            claims: registration.claims.clone(),
            registered: place,
            certificates: Vec::new(),
            revoked: None,
        };
        self.participants.insert(registration.participant.clone(), participant);
        self.by_leaf.insert(place.leaf, registration.participant.clone());
        let claims = &registration.claims;
        let prefixes = claims.gs1_company_prefixes.iter().map(ToString::to_string);
        let namespaces = claims.namespaces.iter().map(Namespace::without_tls);
        for claim in prefixes.chain(namespaces).chain(claims.glns.iter().map(ToString::to_string)) {
            self.by_claim.entry(claim).or_default().push(registration.participant.clone());
        }
        self.certify(&registration.participant, &registration.certificate, place);
    }

    fn certify(&mut self, id: &ParticipantId, record: &CertificateRecord, place: Place) {
        let Some(participant) = self.participants.get_mut(id) else { return };
        let thumbprint = record.thumbprint();
        participant.certificates.push(Certified {
            thumbprint,
            key: record.jwk.clone(),
            not_before: record.not_before,
            not_after: record.not_after,
            der: record.x509.clone(),
            since: place.leaf,
        });
        self.by_certificate.insert(thumbprint, id.clone());
        self.by_key.insert(record.jwk.thumbprint(), id.clone());
    }

    fn revoke(&mut self, revocation: &Revocation, place: Place) {
        if let Some(participant) = self.participants.get_mut(&revocation.participant) {
            participant.revoked = Some(Revoked {
                at: place,
                reason: revocation.reason.clone(),
                compromised_since: revocation.compromised_since,
            });
        }
    }
}

/// The end of a conflict's message: whose the claim is, or what of whose it overlaps.
fn clash(claim: &str, held: &str, holder: &ParticipantId) -> String {
    if claim == held {
        format!("is held by participant {holder}")
    } else {
        format!("collides with {held}, which participant {holder} holds")
    }
}

fn conflict_with(claims: &Claims, other: &Participant) -> Option<Conflict> {
    let held = &other.claims;
    first_pair(&claims.gs1_company_prefixes, &held.gs1_company_prefixes, |a, b| a.overlaps(b))
        .map(|(claim, held)| ("company prefix", claim, held))
        .or_else(|| {
            first_pair(&claims.namespaces, &held.namespaces, |a, b| a.overlaps(b))
                .map(|(claim, held)| ("namespace", claim, held))
        })
        .or_else(|| first_pair(&claims.glns, &held.glns, |a, b| a == b).map(|(claim, held)| ("GLN", claim, held)))
        .map(|(what, claim, held)| Conflict { what, claim, held, holder: other.id.clone() })
}

fn first_pair<T: ToString>(ours: &[T], theirs: &[T], collide: impl Fn(&T, &T) -> bool) -> Option<(String, String)> {
    ours.iter().find_map(|one| {
        theirs.iter().find(|other| collide(one, other)).map(|other| (one.to_string(), other.to_string()))
    })
}

mod shown;
#[cfg(test)]
mod tests;
