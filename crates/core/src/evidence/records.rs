//! From a placed statement to the events in it: one reading for the server and the verifier.

use crate::consortium::{Place, Registry};
use crate::epcis::{self, Faults, Reader};
use crate::provenance::Capture;
use crate::statement::SubmittedStatement;

/// A capture that should not stand on a ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CaptureFault {
    #[error("no registration has the certificate that it names")]
    Signer,
    #[error("its payload is not an EPCIS document: {0}")]
    Epcis(#[from] Faults),
}

/// Reads the capture that stands at `place`.
pub fn read_capture(
    statement: &SubmittedStatement,
    place: Place,
    registry: &Registry,
) -> Result<Capture, CaptureFault> {
    let header = statement.header();
    let certificate = *header.signer().hash();
    let (participant, _) = registry.certificate(&certificate).ok_or(CaptureFault::Signer)?;
    Ok(Capture {
        place,
        statement: statement.id(),
        signer: participant.id,
        certificate,
        signed_at: header.iat(),
        bytes: statement.compact().len(),
        events: (0..).zip(epcis::read(statement.payload(), Reader::Strict)?.events).collect(),
    })
}
