//! What may be offered to a block: a statement whose signature is verified, whose content is read, and whose rights are
//! checked. What depends on its final leaf and block time is checked at a provisional place here, and again at its place.

use std::sync::Arc;

use crate::block::{Height, Leaf};
use crate::consortium::{Admin, CertificateReader, EventFact, ParticipantId, Place, Refusal, Registry, SignerRefusal};
use crate::content::Content;
use crate::evidence::Anchor;
use crate::hash::Hash;
use crate::index::SignerTag;
use crate::ledger::place::{self, PlaceRefusal};
use crate::ledger::records::{admin_record, capture_record};
use crate::ledger::rules::Rules;
use crate::merkle;
use crate::record::LeafRecord;
use crate::statement::{SignatureVerifier, StatementId, StatementType, SubmittedStatement, VerifiedStatement};

/// A statement that is for this ledger, whose signature holds, and whose content was read and allowed to its signer. Only its
/// constructors make one. What depends on its place is checked there.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub(super) statement: Arc<VerifiedStatement>,
    pub(super) leaf: StatementLeaf,
    pub(super) kind: CandidateKind,
}

/// The leaf that a statement gets, whatever its place.
#[derive(Debug, Clone)]
pub(super) struct StatementLeaf {
    pub bytes: Vec<u8>,
    /// Its hash in the tree.
    pub hash: Hash,
    /// SHA-256 of the statement, if it is too long for its leaf.
    pub long: Option<Hash>,
}

impl StatementLeaf {
    fn of(statement: &VerifiedStatement) -> Self {
        let leaf = Leaf::of_statement(statement.compact());
        let long = match &leaf {
            Leaf::LongStatement { hash, .. } => Some(*hash),
            Leaf::Statement(_) | Leaf::Seal(_) => None,
        };
        let bytes = leaf.encode();
        Self { hash: merkle::leaf_hash(&bytes), bytes, long }
    }
}

#[derive(Debug, Clone)]
pub(super) enum CandidateKind {
    Capture { events: Vec<EventFact>, record: LeafRecord },
    Admin { admin: Box<Admin>, record: LeafRecord },
}

/// Checks that a statement is for this ledger and that its signature holds under the key of the certificate or member
/// that it names.
///
/// # Errors
///
/// `Statement` for another audience or a bad signature; `Signer` if no registered certificate is named; `Admin` if the
/// signer of an admin statement is no member, and no open proposal brings it in.
pub fn verify(
    submitted: SubmittedStatement,
    registry: &Registry,
    verifier: &dyn SignatureVerifier,
) -> Result<VerifiedStatement, PlaceRefusal> {
    place::check_audience(&submitted, registry.origin())?;
    let signer = *submitted.header().signer().hash();
    let key = match submitted.header().typ() {
        StatementType::Epcis => {
            let unknown = SignerRefusal::Unknown { thumbprint: signer };
            let (_, certificate) = registry.certificate(&signer).ok_or(unknown)?;
            &certificate.key
        }
        StatementType::Admin => registry.admin_key(&signer).ok_or(Refusal::NotAMember { kid: signer })?,
    };
    Ok(submitted.verify(key, verifier)?)
}

impl Candidate {
    fn of(statement: VerifiedStatement, kind: CandidateKind) -> Self {
        Self { leaf: StatementLeaf::of(&statement), statement: Arc::new(statement), kind }
    }

    /// Reads a statement's content and holds it against its signer's rights and the clock, as of a place that it may get.
    /// The times are checked again at the place itself; so is the signer's standing.
    ///
    /// # Errors
    ///
    /// The first rule that the statement breaks.
    pub fn read(
        statement: VerifiedStatement,
        registry: &Registry,
        at: Place,
        certificates: &dyn CertificateReader,
    ) -> Result<Self, PlaceRefusal> {
        match statement.header().typ() {
            StatementType::Epcis => Self::capture(statement, registry, at),
            StatementType::Admin => Self::admin(statement, certificates, at),
        }
    }

    /// A capture whose events are read, allowed to its signer, and not too far ahead of a place that it may get.
    ///
    /// # Errors
    ///
    /// The first rule that the statement breaks: `iat`, signer in force, strict EPCIS, event times, rights.
    pub fn capture(statement: VerifiedStatement, registry: &Registry, at: Place) -> Result<Self, PlaceRefusal> {
        place::check_issued(statement.header().iat(), at.time)?;
        let (participant, _) = place::check_signer(registry, statement.header().signer().hash(), at)?;
        let Content::Capture(document) = place::read_content(&statement)? else { return Err(PlaceRefusal::Type) };
        let events = EventFact::of_all(&participant.id, &document.events);
        // By rules that are unknown here no block is made, which is found at the place.
        let rules = Rules::of(registry.rules_at(at.time)).unwrap_or(Rules::FIRST);
        place::check_event_times(&events, at.time, rules)?;
        place::check_rights(participant, &document.events, registry, at.leaf)?;
        let record = capture_record(&statement, participant, &document);
        Ok(Self::of(statement, CandidateKind::Capture { events, record }))
    }

    /// A decision of a member that is read, and whose certificate, if it has one, is the one that was asked for.
    ///
    /// # Errors
    ///
    /// The first rule that the statement breaks: `iat`, a strict payload, the certificate.
    pub fn admin(
        statement: VerifiedStatement,
        certificates: &dyn CertificateReader,
        at: Place,
    ) -> Result<Self, PlaceRefusal> {
        place::check_issued(statement.header().iat(), at.time)?;
        let Content::Admin(admin) = place::read_content(&statement)? else { return Err(PlaceRefusal::Type) };
        place::check_certificate(certificates, &admin)?;
        let record = admin_record(statement.id(), statement.header().signer().hash(), &admin);
        Ok(Self::of(statement, CandidateKind::Admin { admin, record }))
    }

    /// The genesis statement of an anchor, which begins a ledger.
    ///
    /// # Errors
    ///
    /// `IssuedAhead` or `IssuedLongAgo` by the time of the first block.
    pub fn genesis(anchor: &Anchor, at: Place) -> Result<Self, PlaceRefusal> {
        let statement = anchor.statement().clone();
        place::check_issued(statement.header().iat(), at.time)?;
        let admin = Box::new(Admin::Genesis(anchor.genesis().clone()));
        let record = admin_record(statement.id(), statement.header().signer().hash(), &admin);
        Ok(Self::of(statement, CandidateKind::Admin { admin, record }))
    }

    pub fn id(&self) -> StatementId {
        self.statement.id()
    }

    pub fn statement(&self) -> &VerifiedStatement {
        &self.statement
    }

    /// The hash of its leaf in the tree. It is over the bytes that were verified, signature included, so two statements with
    /// one id and two signatures have two.
    pub const fn leaf_hash(&self) -> Hash {
        self.leaf.hash
    }

    /// The height that a `ready` names, of a block that has to be known where it gets its place.
    pub fn named_block(&self) -> Option<Height> {
        match &self.kind {
            CandidateKind::Admin { admin, .. } => match &**admin {
                Admin::Ready(ready) => Some(ready.height),
                _ => None,
            },
            CandidateKind::Capture { .. } => None,
        }
    }

    /// The participant that signed a capture, as the index names it; `None` of an admin statement.
    pub(super) fn participant_tag(&self) -> Option<SignerTag> {
        match &self.kind {
            CandidateKind::Capture { record, .. } => record.signer_tag(),
            CandidateKind::Admin { .. } => None,
        }
    }

    /// The events of a capture; none of an admin statement.
    pub fn events(&self) -> &[EventFact] {
        match &self.kind {
            CandidateKind::Capture { events, .. } => events,
            CandidateKind::Admin { .. } => &[],
        }
    }
}

/// The participant whose certificate a capture names, if it may sign at a place.
///
/// # Errors
///
/// `Signer` if the certificate is unknown, expired or not valid yet there, or its participant was revoked.
pub fn signer_in_force(
    statement: &VerifiedStatement,
    registry: &Registry,
    at: Place,
) -> Result<ParticipantId, PlaceRefusal> {
    let (participant, _) = place::check_signer(registry, statement.header().signer().hash(), at)?;
    Ok(participant.id)
}
