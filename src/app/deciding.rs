//! What members decide together: proposals, ballots, withdrawals, readiness, endorsements and proofs of faults come in here.
//! `registration` takes what one member decides alone.

use crate::app::capture;
use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::orderer::OrderError;
use crate::ports::StoreError;
use sealane_core::consortium::{Admin, AdminError, CertificateReader, ParticipantId};
use sealane_core::hash::Hash;
use sealane_core::ledger::{Candidate, PlaceRefusal, Placed, verify};
use sealane_core::statement::{StatementId, StatementType, SubmittedStatement, VerifiedStatement};

/// Why an admin statement was refused. Nothing was written, but for [`OrderError::Unwritten`] and a [`StoreError`] that does
/// not say so: then this is unknown.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    #[error("a decision has the typ sealane-admin+jws; this statement's is {found}")]
    WrongType { found: &'static str },
    #[error(
        "a {found} is posted elsewhere: this takes a proposal, ballot, withdrawal, ready, endorsement or fault; a decision about a \
         request goes to POST /participants/{{id}}/decisions"
    )]
    OtherDecision { found: &'static str },
    #[error(transparent)]
    Content(#[from] AdminError),
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for DecisionError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// An admin statement whose signature holds, by a key that may sign one.
pub(super) struct ArrivedDecision {
    pub statement: VerifiedStatement,
    pub admin: Admin,
    /// Where it stands, if it was posted before.
    pub placed: Option<Placed>,
}

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionSubject {
    Proposal(StatementId),
    /// An endorsement.
    Participant(ParticipantId),
    /// A fault of the member with this key.
    Member(Hash),
}

/// A decision that is final.
#[derive(Debug, Clone)]
pub struct FinalDecision {
    pub id: StatementId,
    pub subject: DecisionSubject,
    pub placed: Placed,
}

/// Verifies an admin statement and reads it. One that stands on the ledger already is found as of the view: what is stored may
/// not be marked yet, and is not to be shown before.
pub(super) async fn arrive(
    ledger: &Ledger,
    view: &View,
    submitted: SubmittedStatement,
) -> Result<ArrivedDecision, DecisionError> {
    let typ = submitted.header().typ();
    if typ != StatementType::Admin {
        return Err(DecisionError::WrongType { found: typ.as_str() });
    }
    let statement = verify(submitted, &view.registry, ledger.verifier())?;
    let placed = capture::find(ledger, view, statement.id()).await?;
    if placed.is_none() {
        ledger.may_write()?;
    }
    let admin = Admin::parse(statement.payload())?;
    Ok(ArrivedDecision { statement, admin, placed })
}

/// Puts what a member says to the others on the ledger, and returns once it is final. Posted again, it is answered with its
/// first place.
///
/// # Errors
///
/// The rule of the registry that stands against it, among others.
pub async fn decide(
    ledger: &Ledger,
    reader: &dyn CertificateReader,
    submitted: SubmittedStatement,
) -> Result<FinalDecision, DecisionError> {
    let view = ledger.view();
    let ArrivedDecision { statement, admin, placed } = arrive(ledger, &view, submitted).await?;
    let id = statement.id();
    let subject = subject_of(id, &admin)?;
    if let Some(placed) = placed {
        return Ok(FinalDecision { id, subject, placed });
    }
    let candidate = Candidate::admin(statement, reader, ledger.place_now(&view))?;
    let placed = ledger.order(candidate).await?.placed;
    Ok(FinalDecision { id, subject, placed })
}

fn subject_of(id: StatementId, admin: &Admin) -> Result<DecisionSubject, DecisionError> {
    Ok(match admin {
        Admin::Proposal(_) => DecisionSubject::Proposal(id),
        Admin::Ballot(ballot) => DecisionSubject::Proposal(ballot.proposal),
        Admin::Withdrawal(withdrawal) => DecisionSubject::Proposal(withdrawal.proposal),
        Admin::Ready(ready) => DecisionSubject::Proposal(ready.proposal),
        Admin::Endorsement(endorsement) => DecisionSubject::Participant(endorsement.registration),
        Admin::Fault(proof) => DecisionSubject::Member(proof.first.kid),
        Admin::Genesis(_) | Admin::Registration(_) | Admin::Renewal(_) | Admin::Revocation(_) | Admin::Rejection(_) => {
            return Err(DecisionError::OtherDecision { found: admin.type_name() });
        }
    })
}
