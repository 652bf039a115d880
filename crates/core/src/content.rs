//! From a verified statement to what it holds: the one reader, for capture, audit and verifiers.

use crate::consortium::{Admin, AdminError};
use crate::epcis::{self, Document, Faults, Reader};
use crate::statement::{StatementType, VerifiedStatement};

/// What a verified statement holds.
#[derive(Debug)]
pub enum Content {
    /// `epcis+jws`: the events of a participant.
    Capture(Document),
    /// `sealane-admin+jws`: a decision of a member.
    Admin(Box<Admin>),
}

/// A payload that is not what the statement's `typ` says.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ContentError {
    #[error(transparent)]
    Epcis(#[from] Faults),
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl Content {
    /// Reads the payload by the statement's `typ`, strictly: EPCIS 2.0.1 as `docs/FORMATS.md` narrows it, or an admin
    /// statement.
    ///
    /// # Errors
    ///
    /// All faults of an EPCIS document, up to `FAULTS_MAX`; the first fault of an admin statement.
    pub fn read(statement: &VerifiedStatement) -> Result<Self, ContentError> {
        match statement.header().typ() {
            StatementType::Epcis => Ok(Self::Capture(epcis::read(statement.payload(), Reader::Strict)?)),
            StatementType::Admin => Ok(Self::Admin(Box::new(Admin::parse(statement.payload())?))),
        }
    }
}
