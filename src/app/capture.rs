//! Capture: from a statement's bytes to a place on the ledger.

use crate::app::admission::Ticket;
use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::orderer::{Entry, OrderError, Ordered, Placed};
use crate::app::receipt::Final;
use crate::app::records::capture_record;
use crate::ports::{Allowance, Exceeded, StoreError};
use sealane_core::consortium::rights::{self, RightsError};
use sealane_core::consortium::{EventFact, Participant, SignerRefusal};
use sealane_core::epcis::{self, Document, Event, Faults, Reader};
use sealane_core::limits::{EVENT_TIME_AHEAD_MS_MAX, IAT_AHEAD_SECONDS_MAX};
use sealane_core::statement::{StatementError, StatementId, StatementType, SubmittedStatement, VerifiedStatement};
use sealane_core::time::Timestamp;

/// Why a statement was not captured. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("a capture has the typ epcis+jws; this statement's is {found}")]
    WrongType { found: &'static str },
    #[error(transparent)]
    Signer(#[from] SignerRefusal),
    #[error("iat is {iat}, more than {IAT_AHEAD_SECONDS_MAX} seconds ahead of this node's clock ({now})")]
    IssuedAhead { iat: Timestamp, now: Timestamp },
    #[error("one signer may have {} statements captured a second", .0.per_second)]
    TooOften(Exceeded),
    #[error(transparent)]
    Epcis(#[from] Faults),
    #[error("event {position}: eventTime {event_time} is more than a day ahead of this node's clock ({now})")]
    EventAhead { position: u32, event_time: Timestamp, now: Timestamp },
    #[error("event {position} ({event_id}) breaks rule {}: {error}", error.rule())]
    Rights { position: u32, event_id: String, error: RightsError },
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
}

/// Captures a statement, and returns once it is final.
///
/// The same signing input posted again is answered with its first place, whatever its signature and whatever has
/// become of its signer since.
pub async fn capture(ledger: &Ledger, submitted: SubmittedStatement) -> Result<Captured, CaptureError> {
    let ticket = ledger.enter(submitted.compact().len()).ok_or(OrderError::Busy)?;
    capture_within(ledger, &ticket, submitted, None).await
}

/// Captures a statement that was let in, as [`capture`] does, if its signer's allowance has room for it. A repeat takes
/// nothing of it, since anybody can post a statement that stands on the ledger.
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
    submitted.check_audience(view.registry.origin().as_str())?;
    let thumbprint = *submitted.header().signer().hash();
    let unknown = SignerRefusal::Unknown { thumbprint };
    let (_, certificate) = view.registry.certificate(&thumbprint).ok_or(unknown)?;
    let statement = ledger.known_signers.verify(submitted, &certificate.key)?;
    if allowance.is_some()
        && let Some(placed) = find(ledger, &view, id).await?
    {
        return Ok(Captured { id, placed, receipt: None });
    }
    let ordered = match admit(ledger, &view, statement, allowance) {
        Ok(entry) => {
            ticket.hand_over();
            ledger.order(entry).await?
        }
        Err(refusal) => match find(ledger, &ledger.view(), id).await? {
            Some(placed) => Ordered { placed, written: None },
            None => return Err(refusal),
        },
    };
    let Ordered { placed, written } = ordered;
    Ok(Captured { id, placed, receipt: written.and_then(|written| Final::of_new(&written, placed.leaf)) })
}

/// Holds a statement against its signer's rights and the clock. The writer knows what was captured before: to ask the
/// store here too would only slow down what is new.
fn admit(
    ledger: &Ledger,
    view: &View,
    statement: VerifiedStatement,
    allowance: Option<&dyn Allowance>,
) -> Result<Entry, CaptureError> {
    ledger.may_write()?;
    let signer = *statement.header().signer().hash();
    let (participant, _) = view.registry.signer_at(&signer, ledger.place_now(view))?;
    allowance.map_or(Ok(()), |allowance| allowance.take(&participant.id)).map_err(CaptureError::TooOften)?;
    let events = check_content(statement.payload(), participant, statement.header().iat(), ledger.now())?;
    let record = capture_record(&statement, &participant.id, &events);
    Ok(Entry::Capture { events: EventFact::of_all(&participant.id, &events), statement, record })
}

/// Reads a capture's payload and holds it against the clock and the signer's rights.
fn check_content(
    payload: &[u8],
    participant: &Participant,
    iat: Timestamp,
    now: Timestamp,
) -> Result<Vec<Event>, CaptureError> {
    if iat.seconds() - now.seconds() > IAT_AHEAD_SECONDS_MAX {
        return Err(CaptureError::IssuedAhead { iat, now });
    }
    let Document { events, .. } = epcis::read(payload, Reader::Strict)?;
    for (event, position) in events.iter().zip(0..) {
        let event_time = event.event_time;
        if event_time.millis_since(now) > EVENT_TIME_AHEAD_MS_MAX {
            return Err(CaptureError::EventAhead { position, event_time, now });
        }
        rights::check(participant, event).map_err(|error| CaptureError::Rights {
            position,
            event_id: event.event_id.uri.clone(),
            error,
        })?;
    }
    Ok(events)
}

/// Finds the place of a captured statement, as of a view.
pub async fn find(ledger: &Ledger, view: &View, id: StatementId) -> Result<Option<Placed>, LedgerError> {
    let found = ledger.lookup.find(ledger.store(), id).await?;
    let placed = found.filter(|leaf| view.size().contains(*leaf));
    Ok(placed.map(|leaf| Placed { leaf, repeated: true }))
}
