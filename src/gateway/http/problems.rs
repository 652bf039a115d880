//! From the gateway's errors to problems.

use crate::gateway::clients::DoorError;
use crate::gateway::intake::{IntakeError, IntakeFault, IntakeFaults};
use crate::gateway::keeper::KeeperError;
use crate::http::capture::DOCUMENT_BYTES_MAX;
use crate::http::problem::{Code, Problem};
use sealane_core::limits::EVENTS_PER_CAPTURE_MAX;
use serde_json::Value;

impl From<KeeperError> for Problem {
    fn from(error: KeeperError) -> Self {
        let detail = match error {
            KeeperError::Full => "the disk of the gateway's queue is full; nothing was kept, post it again later",
            KeeperError::Unsure(_) => {
                "the database of the gateway's queue was lost while it kept this; post it again: if it was kept, the answer is its job"
            }
            _ => "the gateway's queue cannot be written now; nothing was kept, post it again later",
        };
        Self::new(Code::QueueUnwritten, detail).caused_by(error)
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Missing | DoorError::UnknownCertificate { .. } => Self::new(Code::MissingKey, error.to_string()),
            DoorError::Wrong => Self::new(Code::WrongKey, error.to_string()),
            DoorError::TooMany { retry_after_s } => Self::new(Code::WrongKeys, error.to_string()).after(retry_after_s),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match &error {
            IntakeError::Faults(faults) => of_faults(faults),
            IntakeError::TooManyEvents { .. } => {
                Self::new(Code::CaptureLimit, error.to_string()).with("limit", EVENTS_PER_CAPTURE_MAX)
            }
            IntakeError::Rights { index, error: rights } => {
                let code = Code::find(rights.rule()).unwrap_or(Code::RoleStep);
                Self::new(code, error.to_string()).with_faults([(place(*index).as_str(), rights.to_string().as_str())])
            }
            IntakeError::Client { index, error: not_allowed } => Self::new(Code::ClientNotAllowed, error.to_string())
                .with_faults([(place(*index).as_str(), not_allowed.to_string().as_str())]),
            IntakeError::NoEvent | IntakeError::NotOneEvent => Self::new(Code::EpcisInvalid, error.to_string()),
            IntakeError::XmlOfStrict => Self::new(Code::UnsupportedMediaType, error.to_string()),
        }
    }
}

fn place(index: usize) -> String {
    crate::gateway::intake::place_of(index, false)
}

fn of_faults(faults: &IntakeFaults) -> Problem {
    let code = if faults.too_many { Code::CaptureLimit } else { Code::EpcisInvalid };
    let list: Vec<Value> = faults.list.iter().map(IntakeFault::to_json).collect();
    Problem::new(code, faults.to_string()).with("faults", list)
}

/// A body that is longer than a capture may be, with both limits of EPCIS.
pub fn too_long(detail: String) -> Problem {
    Problem::new(Code::BodyTooLarge, detail).with("limit", DOCUMENT_BYTES_MAX)
}
