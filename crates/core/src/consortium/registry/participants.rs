//! The participants: their registrations, certificates and claims.

use std::collections::BTreeSet;

use crate::consortium::admin::{
    CertificateRecord, Registration, Renewal, Revocation, RevokeParticipant, renewal_consent,
};
use crate::consortium::claims::{Namespace, ParticipantId};
use crate::consortium::participant::{Certified, Claims, Participant, Revoked, RevokedBy};
use crate::consortium::place::Place;
use crate::consortium::registry::Registry;
use crate::consortium::registry::refusal::{Conflict, Refusal, SignerRefusal};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::statement::{PublicKey, SignatureVerifier, StatementId};

impl Registry {
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
                participant: participant.id,
                since: revoked.at.time,
                reason: revoked.reason.clone(),
                by: revoked.by,
            });
        }
        let missing = participant.endorsements_missing_at(place.leaf);
        if missing > 0 {
            return Err(SignerRefusal::NotEndorsed {
                participant: participant.id,
                missing,
                needed: participant.endorsements_needed,
                registered: participant.registered.leaf,
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

    /// The participant whose company prefix, single key or namespace governed `id` at `leaf`.
    pub fn holder_at(&self, id: &Id, leaf: LeafIndex) -> Option<&Participant> {
        self.holders(id).into_iter().find(|one| one.in_force_at(leaf))
    }

    /// All whose company prefix, single key or namespace covers `id`, revoked or not, by their ids.
    pub fn holders(&self, id: &Id) -> Vec<&Participant> {
        self.claiming(id, |claims| claims.cover(id))
    }

    /// All to whom a location or party belongs, by its GLN or as covered by their prefix or namespace, revoked or not, by
    /// their ids.
    pub fn owners(&self, location: &Id) -> Vec<&Participant> {
        self.claiming(location, |claims| claims.own(location))
    }

    /// Those of whom some claim could be about `id` and who `hold` it.
    fn claiming(&self, id: &Id, hold: impl Fn(&Claims) -> bool) -> Vec<&Participant> {
        let mut found: BTreeSet<&ParticipantId> = BTreeSet::new();
        let mut look_up = |claim: &str| found.extend(self.by_claim.get(claim).into_iter().flatten());
        if id.is_gs1() {
            id.claim_digits().into_iter().for_each(&mut look_up);
            id.gln().into_iter().for_each(look_up);
        } else {
            Namespace::candidates(id.as_str()).iter().for_each(|namespace| look_up(namespace));
        }
        let found = found.into_iter().filter_map(|one| self.participants.get(one));
        found.filter(|one| hold(&one.claims)).collect()
    }

    /// Finds a participant's claim that collides with `claims`.
    ///
    /// Active company prefixes are prefix-free and each has one holder; so with namespaces; a GLN has one holder, and so has a
    /// single key, which lies under nobody else's prefix.
    pub fn claim_conflict(&self, claims: &Claims) -> Option<Conflict> {
        self.participants.values().filter(|one| one.revoked.is_none()).find_map(|one| conflict_with(claims, one))
    }

    /// Finds another participant that `key` was ever certified for: a key has one holder for good, revoked or not.
    pub fn key_conflict(&self, key: &PublicKey, participant: Option<&ParticipantId>) -> Option<Conflict> {
        let thumbprint = key.thumbprint();
        let holder = self.by_key.get(&thumbprint).filter(|holder| Some(*holder) != participant)?;
        let key = thumbprint.to_string();
        Some(Conflict { what: "key", claim: key.clone(), held: key, holder: *holder })
    }

    pub(super) fn check_registration(&self, registration: &Registration, place: Place) -> Result<(), Refusal> {
        if self.participants.contains_key(&registration.participant) {
            return Err(Refusal::AlreadyRegistered { participant: registration.participant });
        }
        self.check_certificate(&registration.certificate, place)?;
        let conflict = self
            .key_conflict(&registration.certificate.jwk, None)
            .or_else(|| self.claim_conflict(&registration.claims));
        conflict.map_or(Ok(()), |conflict| Err(conflict.into()))
    }

    pub(super) fn check_renewal(
        &self,
        renewal: &Renewal,
        place: Place,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
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

    /// A participant whose registration has not ended.
    pub(super) fn in_force(&self, id: &ParticipantId) -> Result<&Participant, Refusal> {
        let participant = self.participants.get(id).ok_or(Refusal::UnknownParticipant { participant: *id })?;
        if participant.revoked.is_some() {
            return Err(Refusal::Revoked { participant: *id });
        }
        Ok(participant)
    }

    pub(super) fn register(&mut self, registration: &Registration, kid: &Hash, place: Place) {
        let participant = Participant {
            id: registration.participant,
            claims: registration.claims.clone(),
            registered: place,
            registered_by: *kid,
            endorsements_needed: self.policies.endorsements_needed(self.members().members().len()),
            endorsements: Vec::new(),
            certificates: Vec::new(),
            revoked: None,
        };
        self.participants.insert(registration.participant, participant);
        self.by_leaf.insert(place.leaf, registration.participant);
        let claims = &registration.claims;
        let prefixes = claims.gs1_company_prefixes.iter().map(ToString::to_string);
        let namespaces = claims.namespaces.iter().map(Namespace::without_tls);
        let keys = claims.gs1_keys.iter().map(|key| key.claim_digits().to_owned());
        for claim in prefixes.chain(keys).chain(namespaces).chain(claims.glns.iter().map(ToString::to_string)) {
            self.by_claim.entry(claim).or_default().push(registration.participant);
        }
        self.certify(&registration.participant, &registration.certificate, place);
    }

    pub(super) fn certify(&mut self, id: &ParticipantId, record: &CertificateRecord, place: Place) {
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
        self.by_certificate.insert(thumbprint, *id);
        self.by_key.insert(record.jwk.thumbprint(), *id);
    }

    /// The registering member ends a registration alone; any other member asks all of them.
    pub(super) fn check_revocation(&self, revocation: &Revocation, kid: &Hash) -> Result<(), Refusal> {
        let participant = self.in_force(&revocation.participant)?;
        if self.is_one_member(participant.registered_by, *kid) {
            return Ok(());
        }
        let registered_by = self.history.present_key(participant.registered_by);
        Err(Refusal::NotItsRegistrar { participant: participant.id, registered_by })
    }

    /// Ends a registration by the word of one member.
    pub(super) fn end_alone(&mut self, revocation: &Revocation, kid: &Hash, at: Place) {
        let Revocation { participant, reason, compromised_since, dismisses_claims } = revocation;
        let (reason, by) = (reason.clone(), RevokedBy::Member(*kid));
        if *dismisses_claims {
            self.dismiss_all(participant, &reason, by, at);
        }
        self.end_registration(participant, Revoked { at, reason, compromised_since: *compromised_since, by });
    }

    /// Ends a registration by a vote.
    pub(super) fn end_by_vote(&mut self, change: &RevokeParticipant, proposal: StatementId, at: Place) {
        let RevokeParticipant { participant, reason, compromised_since, dismisses_claims } = change;
        let (reason, by) = (reason.clone(), RevokedBy::Vote(proposal));
        if *dismisses_claims {
            self.dismiss_all(participant, &reason, by, at);
        }
        self.end_registration(participant, Revoked { at, reason, compromised_since: *compromised_since, by });
    }

    fn end_registration(&mut self, participant: &ParticipantId, revoked: Revoked) {
        if let Some(participant) = self.participants.get_mut(participant) {
            participant.revoked = Some(revoked);
        }
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
        .or_else(|| conflict_of_keys(claims, held))
        .map(|(what, claim, held)| Conflict { what, claim, held, holder: other.id })
}

/// A single key of the one that the other holds, by itself, by a company prefix or as a GLN.
fn conflict_of_keys(claims: &Claims, held: &Claims) -> Option<(&'static str, String, String)> {
    first_pair(&claims.gs1_keys, &held.gs1_keys, |a, b| a == b)
        .or_else(|| first_pair(&claims.gs1_keys, &held.gs1_company_prefixes, |key, prefix| key.is_under(prefix)))
        .or_else(|| first_pair(&claims.gs1_company_prefixes, &held.gs1_keys, |prefix, key| key.is_under(prefix)))
        .or_else(|| first_pair(&claims.gs1_keys, &held.glns, |key, gln| key.is_gln(*gln)))
        .or_else(|| first_pair(&claims.glns, &held.gs1_keys, |gln, key| key.is_gln(*gln)))
        .map(|(claim, held)| ("GS1 key", claim, held))
}

fn first_pair<T: ToString, U: ToString>(
    ours: &[T],
    theirs: &[U],
    collide: impl Fn(&T, &U) -> bool,
) -> Option<(String, String)> {
    ours.iter().find_map(|one| {
        theirs.iter().find(|other| collide(one, other)).map(|other| (one.to_string(), other.to_string()))
    })
}
