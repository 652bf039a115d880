//! From the errors of use cases to problems.

use crate::app::LedgerError;
use crate::app::capture::CaptureError;
use crate::app::deciding::DecisionError;
use crate::app::orderer::OrderError;
use crate::app::registration::RegistrationError;
use crate::http::problem::{Code, Problem};
use crate::ports::{Exceeded, StoreError};
use sealane_core::consortium::{AdminError, Conflict, InvitationError, PolicyName, Refusal, SignerRefusal};
use sealane_core::epcis::Faults;
use sealane_core::gs1::{IdError, TypedRefusal};
use sealane_core::json::JsonError;
use sealane_core::ledger::{PlaceRefusal, QuotaRefusal};
use sealane_core::limits::STATEMENT_BYTES_MAX;
use sealane_core::statement::StatementError;
use serde_json::{Map, Value, json};

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        let problem = Self::new(Code::find(error.code()).unwrap_or(Code::BadRequest), error.to_string());
        match error {
            StatementError::TooLong { .. } => problem.with("limit", STATEMENT_BYTES_MAX),
            _ => problem,
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(Code::BadJson, error.to_string()).with_faults([(error.pointer.as_str(), error.message.as_str())])
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        let code = if faults.too_many() { Code::CaptureLimit } else { Code::EpcisInvalid };
        let list = faults.iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str()));
        Self::new(code, faults.to_string()).with_faults(list)
    }
}

impl From<IdError> for Problem {
    fn from(error: IdError) -> Self {
        Self::new(Code::BadId, error.to_string())
    }
}

impl From<TypedRefusal> for Problem {
    fn from(refusal: TypedRefusal) -> Self {
        let values: Map<String, Value> =
            refusal.values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Self::new(Code::BadId, refusal.to_string()).with("rule", refusal.rule).with("values", values)
    }
}

impl From<SignerRefusal> for Problem {
    fn from(refusal: SignerRefusal) -> Self {
        let code = match refusal {
            SignerRefusal::Unknown { .. } => Code::UnknownCertificate,
            SignerRefusal::Revoked { .. } => Code::CertificateRevoked,
            SignerRefusal::NotEndorsed { missing, .. } => {
                return Self::new(Code::NotEndorsed, refusal.to_string()).with("missing", missing);
            }
            SignerRefusal::Expired { .. } => Code::CertificateExpired,
            SignerRefusal::NotYetValid { .. } => Code::CertificateNotYetValid,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        Self::new(Code::ClaimTaken, conflict.to_string()).with("holder", conflict.holder.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Conflict(conflict) => return conflict.into(),
            Refusal::NotAMember { .. } => Code::NotAMember,
            Refusal::AlreadyRegistered { .. } => Code::AlreadyRegistered,
            Refusal::UnknownParticipant { .. } => Code::UnknownParticipant,
            Refusal::Revoked { .. } => Code::AlreadyRevoked,
            Refusal::Consent { .. } => Code::BadRenewal,
            Refusal::CertificateRepeated => Code::AlreadyRegistered,
            Refusal::NotItsRegistrar { .. } => Code::NotItsRegistrar,
            Refusal::Genesis | Refusal::Expired { .. } | Refusal::Rejection | Refusal::OfTheWholeLedger { .. } => {
                Code::BadDecision
            }
            Refusal::Endorsement(refusal) => return refusal.into(),
            Refusal::Proposal(refusal) => return refusal.into(),
            Refusal::Fault(refusal) => return refusal.into(),
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<PlaceRefusal> for Problem {
    fn from(refusal: PlaceRefusal) -> Self {
        let code = match refusal {
            PlaceRefusal::Statement(error) => return error.into(),
            PlaceRefusal::Signer(refusal) => return refusal.into(),
            PlaceRefusal::Epcis(faults) => return faults.into(),
            PlaceRefusal::Payload(error) => return error.into(),
            PlaceRefusal::Admin(refusal) => return refusal.into(),
            PlaceRefusal::Rights { ref error, .. } => Code::find(error.rule()).unwrap_or(Code::RoleStep),
            PlaceRefusal::Conflict(_) => Code::EventConflict,
            PlaceRefusal::Repeats { .. } => Code::EventRepeated,
            PlaceRefusal::IssuedAhead { .. } => Code::IssuedAhead,
            PlaceRefusal::IssuedLongAgo { .. } => Code::IatTooOld,
            PlaceRefusal::EventAhead { .. } => Code::EventAhead,
            PlaceRefusal::Certificate(_) => Code::BadDecision,
            PlaceRefusal::Type => Code::WrongType,
            PlaceRefusal::Rules(_) => Code::UnknownRules,
            PlaceRefusal::NotAnAuthority { .. } => Code::NotAnAuthority,
            PlaceRefusal::Quota(refusal) => return (*refusal).into(),
            PlaceRefusal::BeforeGenesis => return Self::internal(refusal),
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<QuotaRefusal> for Problem {
    fn from(refusal: QuotaRefusal) -> Self {
        let code = match refusal.policy {
            PolicyName::ContactsPerDay => Code::ContactsQuota,
            PolicyName::NewIdsPerDay | PolicyName::NewIdsInAll => Code::NewIdsQuota,
            PolicyName::SubjectsMax => Code::LedgerFull,
            _ => Code::LeavesQuota,
        };
        Self::new(code, refusal.to_string())
            .with("policy", refusal.policy.as_str())
            .with("limit", refusal.limit)
            .with("used", refusal.used)
            .with("asked", refusal.asked)
            .with("roomFrom", refusal.room_from.map(|time| time.to_string()))
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Refused(refusal) => refusal.into(),
            OrderError::Busy => Self::new(Code::Busy, error.to_string()),
            OrderError::Stopped => Self::new(Code::Stopping, error.to_string()),
            OrderError::Full => Self::new(Code::DiskFull, error.to_string()),
            OrderError::Unwritten(ref cause) => Self::new(Code::Unwritten, error.to_string()).caused_by(cause),
            OrderError::StoreRefused(ref cause) => Self::new(Code::StoreRefused, error.to_string()).caused_by(cause),
            OrderError::Clock(jump) => Self::new(Code::ClockJump, jump.to_string())
                .with("clock", jump.now.to_string())
                .with("lastBlock", jump.last.to_string()),
            OrderError::Unsound { .. } => Self::new(Code::NotSound, error.to_string()),
            OrderError::NoQuorum(ref missing) => Self::new(Code::NoQuorum, error.to_string())
                .with("needed", missing.needed)
                .with("members", missing.members)
                .with("reachable", missing.reachable),
            OrderError::NotFinalYet => Self::new(Code::NotFinalYet, error.to_string()),
            OrderError::Silent(_) => Self::new(Code::NotSigning, error.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::new(Code::DiskFull, error.to_string()),
            StoreError::Refused(cause) => {
                Self::new(Code::StoreRefused, "the node's store takes no writes now; nothing was written")
                    .caused_by(cause)
            }
            StoreError::Unavailable(cause) => {
                Self::new(Code::StoreUnavailable, "the node's database does not answer").caused_by(cause)
            }
            StoreError::Corrupt(cause) => Self::internal(cause),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => error.into(),
            LedgerError::Busy | LedgerError::AnswersHeld => Self::new(Code::Busy, error.to_string()),
            LedgerError::NotKept => Self::new(Code::SizeNotKept, error.to_string()),
            LedgerError::Stopped => Self::new(Code::Stopping, error.to_string()),
            LedgerError::Proof(_) | LedgerError::Leaf { .. } => Self::internal(error),
        }
    }
}

impl From<CaptureError> for Problem {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Statement(error) => error.into(),
            CaptureError::Refused(refusal) => refusal.into(),
            CaptureError::TooOften(Exceeded { per_second, retry_after_s }) => {
                Self::new(Code::SignerRate, error.to_string()).with("limit", per_second).after(retry_after_s)
            }
            CaptureError::Order(error) => error.into(),
            CaptureError::Ledger(error) => error.into(),
            CaptureError::WrongType { .. } => Self::new(Code::WrongType, error.to_string()),
        }
    }
}

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::WrongType { .. } => Self::new(Code::WrongType, error.to_string()),
            DecisionError::OtherDecision { .. } => Self::new(Code::BadDecision, error.to_string()),
            DecisionError::Content(error) => error.into(),
            DecisionError::Refused(refusal) => refusal.into(),
            DecisionError::Order(error) => error.into(),
            DecisionError::Ledger(error) => error.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match &error {
            AdminError::Json(fault) => fault.clone().into(),
            AdminError::Shape { .. } | AdminError::GenesisVersion { .. } => {
                Self::new(Code::BadDecision, error.to_string())
            }
            AdminError::Field {
                field: field @ ("roles" | "glns" | "gs1CompanyPrefixes" | "gs1Keys" | "namespaces"),
                detail,
            } => Self::new(Code::BadClaims, error.to_string())
                .with_faults([(format!("/{field}").as_str(), detail.as_str())]),
            AdminError::Field { .. } => Self::new(Code::BadDecision, error.to_string()),
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        let reason = match error {
            InvitationError::Missing => "missing",
            InvitationError::Malformed(_) => "malformed",
            InvitationError::OtherLedger { .. } => "other-ledger",
            InvitationError::Unsigned => "unsigned",
            InvitationError::Expired { .. } => "expired",
            InvitationError::Used { .. } => "used",
        };
        Self::new(Code::Invitation, error.to_string()).with("reason", reason)
    }
}

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        let code = match error {
            RegistrationError::Claims(error) => return error.into(),
            RegistrationError::Conflict(conflict) => return conflict.into(),
            RegistrationError::Decision(error) => return error.into(),
            RegistrationError::Refused(refusal) => return refusal.into(),
            RegistrationError::Order(error) => return error.into(),
            RegistrationError::Ledger(error) => return error.into(),
            RegistrationError::Request(detail) => {
                return Self::new(Code::BadCsr, format!("csr: {detail}")).with_faults([("/csr", detail.as_str())]);
            }
            RegistrationError::Renewal { field, ref detail } => {
                let pointer = format!("/{field}");
                let faults = [(pointer.as_str(), detail.as_str())];
                return Self::new(Code::BadRenewal, format!("{field}: {detail}")).with_faults(faults);
            }
            RegistrationError::Namespace { at, ref reason, .. } => {
                let pointer = format!("/namespaces/{at}");
                return Self::new(Code::BadClaims, error.to_string())
                    .with_faults([(pointer.as_str(), reason.as_str())]);
            }
            RegistrationError::Waiting { .. } => Code::RequestWaits,
            RegistrationError::Crowded | RegistrationError::AddressCrowded => Code::TooManyRequests,
            RegistrationError::Invitation(error) => return error.into(),
            RegistrationError::Certified { .. } => Code::AlreadyRegistered,
            RegistrationError::Unknown { .. } => Code::UnknownParticipant,
            RegistrationError::NothingWaits { .. } => Code::NothingWaits,
            RegistrationError::NotActive { .. } => Code::NotActive,
            RegistrationError::OtherParticipant { .. } | RegistrationError::Certificate(_) => Code::BadDecision,
            RegistrationError::OtherRequest { .. } => Code::OtherRequest,
            RegistrationError::Similar { ref similar, .. } => {
                let similar = similar.iter().map(|one| {
                    json!({"id": one.id, "organization": one.organization.as_str(), "status": one.status.as_str()})
                });
                return Self::new(Code::SimilarName, error.to_string()).with("similar", similar.collect::<Vec<_>>());
            }
        };
        Self::new(code, error.to_string())
    }
}
