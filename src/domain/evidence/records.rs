//! From a placed statement to the records that a verdict is made of: one reading for the server and the verifier.

use crate::domain::consortium::{Place, Registry};
use crate::domain::epcis::{self, Faults, Reader};
use crate::domain::gs1::Id;
use crate::domain::provenance::Record;
use crate::domain::statement::SubmittedStatement;

/// A capture whose place is known.
#[derive(Debug, Clone)]
pub struct PlacedStatement {
    pub place: Place,
    pub statement: SubmittedStatement,
}

/// A capture that should not stand on a ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    #[error("no registration on the ledger has the certificate that it names")]
    Signer,
    #[error("its payload is not an EPCIS document: {0}")]
    Epcis(#[from] Faults),
}

/// The events of a capture that name `id`, as records.
pub fn records_of(placed: &PlacedStatement, registry: &Registry, id: &Id) -> Result<Vec<Record>, RecordError> {
    let header = placed.statement.header();
    let certificate = *header.signer().hash();
    let (participant, _) = registry.certificate(&certificate).ok_or(RecordError::Signer)?;
    let document = epcis::read(placed.statement.payload(), Reader::Strict)?;
    let records = document.events.into_iter().zip(0..).filter(|(event, _)| event.names(id));
    Ok(records
        .map(|(event, position)| Record {
            place: placed.place,
            position,
            signer: participant.id.clone(),
            certificate,
            signed_at: header.iat(),
            event,
        })
        .collect())
}
