//! Capture: from a statement's bytes to a place on the ledger.

use crate::app::admission::Ticket;
use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::orderer::{OrderError, Ordered};
use crate::app::receipt::Final;
use crate::app::repeats::{RepeatedEvent, may_repeat, repeats_at};
use crate::ports::{Allowance, Exceeded, StoreError};
use sealane_core::consortium::EventKey;
use sealane_core::ledger::{Candidate, PlaceRefusal, Placed, signer_in_force, verify};
use sealane_core::statement::{StatementError, StatementId, StatementType, SubmittedStatement, VerifiedStatement};

/// Why a statement was not captured. Nothing of it was written, but for [`OrderError::Unwritten`]: then this is unknown.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("a capture has the typ epcis+jws; this statement's is {found}")]
    WrongType { found: &'static str },
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error("one signer may have {} statements captured a second", .0.per_second)]
    TooOften(Exceeded),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for CaptureError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Where a captured statement stands.
#[derive(Debug, Clone)]
pub struct Captured {
    pub id: StatementId,
    pub placed: Placed,
    /// Its receipt, where it was at hand: of what was captured before, the store has it.
    pub receipt: Option<Final>,
    /// Its events that their signer had recorded before.
    pub repeats: Vec<RepeatedEvent>,
}

/// Captures a statement, and returns once it is final.
///
/// The same signing input posted again is answered with its first place, whatever its signature and whatever has
/// become of its signer since.
pub async fn capture(ledger: &Ledger, submitted: SubmittedStatement) -> Result<Captured, CaptureError> {
    let ticket = ledger.try_acquire(submitted.compact().len()).ok_or(OrderError::Busy)?;
    capture_within(ledger, &ticket, submitted, None).await
}

/// Captures a statement that was let in, as [`capture`] does, if its signer's allowance has room for it. A repeat takes
/// nothing of it, since every client can post a statement that stands on the ledger.
pub async fn capture_within(
    ledger: &Ledger,
    ticket: &Ticket,
    submitted: SubmittedStatement,
    allowance: Option<&dyn Allowance>,
) -> Result<Captured, CaptureError> {
    let view = ledger.view();
    let id = submitted.id();
    let typ = submitted.header().typ();
    if typ != StatementType::Epcis {
        return Err(CaptureError::WrongType { found: typ.as_str() });
    }
    let statement = verify(submitted, &view.registry, &*ledger.verifier)?;
    if allowance.is_some()
        && let Some(placed) = find(ledger, &view, id).await?
    {
        return captured_before(ledger, id, placed).await;
    }
    let (refusal, before) = match admit(ledger, &view, statement, allowance) {
        Ok(candidate) => {
            ticket.mark_queued();
            let keys: Vec<EventKey> = candidate.events().iter().map(|event| event.key).collect();
            let Ordered { placed, written } = ledger.order(candidate).await?;
            let Some(written) = written else { return captured_before(ledger, id, placed).await };
            let is_mixed = may_repeat(&ledger.lookup, &keys, placed.leaf);
            let repeats = if is_mixed { repeats_at(ledger, placed.leaf).await? } else { Vec::new() };
            return Ok(Captured { id, placed, receipt: Final::of_new(&written, placed.leaf), repeats });
        }
        Err(refusal) => (refusal, find(ledger, &ledger.view(), id).await?),
    };
    match before {
        Some(placed) => captured_before(ledger, id, placed).await,
        None => Err(refusal),
    }
}

/// What is said of a statement that stood on the ledger already.
async fn captured_before(ledger: &Ledger, id: StatementId, placed: Placed) -> Result<Captured, CaptureError> {
    Ok(Captured { id, placed, receipt: None, repeats: repeats_at(ledger, placed.leaf).await? })
}

/// Holds a statement against its signer's rights and the clock. The writer knows what was captured before: to ask the
/// store here too would only slow down what is new.
fn admit(
    ledger: &Ledger,
    view: &View,
    statement: VerifiedStatement,
    allowance: Option<&dyn Allowance>,
) -> Result<Candidate, CaptureError> {
    ledger.may_write()?;
    let at = ledger.place_now(view);
    let signer = signer_in_force(&statement, &view.registry, at)?;
    allowance.map_or(Ok(()), |allowance| allowance.take(&signer)).map_err(CaptureError::TooOften)?;
    Ok(Candidate::capture(statement, &view.registry, at)?)
}

/// Finds the place of a captured statement, as of a view.
pub async fn find(ledger: &Ledger, view: &View, id: StatementId) -> Result<Option<Placed>, LedgerError> {
    let found = ledger.lookup.find(ledger.store(), id).await?;
    let placed = found.filter(|leaf| view.size().contains(*leaf));
    Ok(placed.map(|leaf| Placed { leaf, repeated: true }))
}
