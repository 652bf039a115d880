//! From the rules of what members decide together to problems.

use crate::app::joining::{
    JOIN_REQUEST_BYTES_MAX, JOIN_REQUESTS_MAX, JOIN_REQUESTS_PER_ADDRESS_MAX, JoinError, JoinRequestError,
};
use crate::http::problem::{Code, Problem};
use sealane_core::consortium::{ChangeRefusal, EndorsementRefusal, FaultRefusal, ProposalEnd, ProposalRefusal};
use sealane_core::limits::{
    FUTILE_PROPOSALS_MAX, FUTILE_PROPOSALS_PER_DAY_MAX, OPEN_PROPOSALS_MAX, READY_PAUSE_MINUTES_MIN,
};

const MINUTE_MS: i64 = 60_000;

impl From<ProposalRefusal> for Problem {
    fn from(refusal: ProposalRefusal) -> Self {
        let problem = Self::new(code_of(&refusal), refusal.to_string());
        match refusal {
            ProposalRefusal::Expires { .. } => problem.with_faults([("/expires", refusal.to_string().as_str())]),
            ProposalRefusal::Change { at, ref error } => {
                problem.with_faults([(format!("/changes/{at}").as_str(), error.to_string().as_str())])
            }
            ProposalRefusal::TooManyOpen => problem.with("limit", OPEN_PROPOSALS_MAX),
            ProposalRefusal::TooManyInADay { until } => {
                problem.with("limit", FUTILE_PROPOSALS_PER_DAY_MAX).with("notBefore", until.to_string())
            }
            ProposalRefusal::TooManyAbout { .. } => problem.with("limit", FUTILE_PROPOSALS_MAX),
            ProposalRefusal::Closed { end, .. } => problem.with("state", state_of(&end)),
            ProposalRefusal::ReadyTooEarly { yes, quorum, .. } => problem.with("yes", yes).with("needed", quorum),
            ProposalRefusal::ReadyTooSoon { last } => {
                problem.with("notBefore", last.plus_millis(READY_PAUSE_MINUTES_MIN * MINUTE_MS).to_string())
            }
            ProposalRefusal::TooFewVoters { .. }
            | ProposalRefusal::Unknown { .. }
            | ProposalRefusal::NotItsProposer { .. }
            | ProposalRefusal::AlreadyVoted { .. }
            | ProposalRefusal::OwnRemoval { .. }
            | ProposalRefusal::ReadyNotAsked { .. }
            | ProposalRefusal::ReadyHeight { .. }
            | ProposalRefusal::ReadyRoot { .. } => problem,
        }
    }
}

const fn code_of(refusal: &ProposalRefusal) -> Code {
    match refusal {
        ProposalRefusal::Expires { .. } | ProposalRefusal::TooFewVoters { .. } => Code::BadProposal,
        ProposalRefusal::TooManyOpen | ProposalRefusal::TooManyInADay { .. } | ProposalRefusal::TooManyAbout { .. } => {
            Code::TooManyProposals
        }
        ProposalRefusal::Change { error, .. } => code_of_change(error),
        ProposalRefusal::Unknown { .. } => Code::UnknownProposal,
        ProposalRefusal::Closed { .. } => Code::ProposalEnded,
        ProposalRefusal::NotItsProposer { .. } => Code::NotItsProposer,
        ProposalRefusal::AlreadyVoted { .. } => Code::AlreadyVoted,
        ProposalRefusal::OwnRemoval { .. } => Code::OwnRemoval,
        ProposalRefusal::ReadyNotAsked { .. } => Code::ReadyNotAsked,
        ProposalRefusal::ReadyTooEarly { .. }
        | ProposalRefusal::ReadyTooSoon { .. }
        | ProposalRefusal::ReadyHeight { .. }
        | ProposalRefusal::ReadyRoot { .. } => Code::ReadyRefused,
    }
}

/// A change that no ledger could make is wrong; one that this ledger cannot make now stands against it.
const fn code_of_change(error: &ChangeRefusal) -> Code {
    match error {
        ChangeRefusal::MemberTwice { .. }
        | ChangeRefusal::Proof { .. }
        | ChangeRefusal::PolicyTwice { .. }
        | ChangeRefusal::NotBefore { .. }
        | ChangeRefusal::RulesTwice => Code::BadProposal,
        ChangeRefusal::NoMember { .. }
        | ChangeRefusal::NameTaken { .. }
        | ChangeRefusal::KeyUsed { .. }
        | ChangeRefusal::NoteKeyUsed { .. }
        | ChangeRefusal::Alike { .. }
        | ChangeRefusal::Members(_)
        | ChangeRefusal::UnknownParticipant { .. }
        | ChangeRefusal::RevokedAlready { .. }
        | ChangeRefusal::Ended { .. }
        | ChangeRefusal::OtherRole { .. }
        | ChangeRefusal::AuthorityAlready { .. }
        | ChangeRefusal::SucceededAlready { .. }
        | ChangeRefusal::SuccessionCircle { .. }
        | ChangeRefusal::NothingToDismiss { .. }
        | ChangeRefusal::NoRecall { .. }
        | ChangeRefusal::GrantedTooMuch { .. }
        | ChangeRefusal::RulesNotLater { .. } => Code::ChangeImpossible,
    }
}

/// The words of `app::proposals::ProposalState`.
const fn state_of(end: &ProposalEnd) -> &'static str {
    match end {
        ProposalEnd::Enacted { .. } => "enacted",
        ProposalEnd::Withdrawn => "withdrawn",
        ProposalEnd::Lost => "lost",
        ProposalEnd::Void { .. } => "void",
        ProposalEnd::Expired { .. } => "expired",
    }
}

impl From<EndorsementRefusal> for Problem {
    fn from(refusal: EndorsementRefusal) -> Self {
        let code = match refusal {
            EndorsementRefusal::OwnRegistration { .. } => Code::OwnRegistration,
            EndorsementRefusal::Repeated { .. } | EndorsementRefusal::NotNeeded { .. } => Code::EndorsementRefused,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<FaultRefusal> for Problem {
    fn from(refusal: FaultRefusal) -> Self {
        let code = match refusal {
            FaultRefusal::ProvesNothing(_) => Code::BadFault,
            FaultRefusal::Height { .. } | FaultRefusal::Repeated { .. } => Code::FaultRefused,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<JoinRequestError> for Problem {
    fn from(error: JoinRequestError) -> Self {
        let detail = error.to_string();
        let pointer = match error {
            JoinRequestError::TooLong { .. } => {
                return Self::new(Code::BodyTooLarge, detail).with("limit", JOIN_REQUEST_BYTES_MAX);
            }
            JoinRequestError::Json(error) => return error.into(),
            JoinRequestError::Shape { .. } => "",
            JoinRequestError::Version { .. } => "/version",
            JoinRequestError::Member(_) | JoinRequestError::Name { .. } => "/name",
            JoinRequestError::Kid { .. } => "/kid",
            JoinRequestError::Proof { .. } => "/proof",
            JoinRequestError::Address { .. } => "/address",
        };
        Self::new(Code::BadJoinRequest, detail.clone()).with_faults([(pointer, detail.as_str())])
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        let detail = error.to_string();
        match error {
            JoinError::OtherLedger { .. } => {
                Self::new(Code::BadJoinRequest, detail.clone()).with_faults([("/origin", detail.as_str())])
            }
            JoinError::Impossible(_) => Self::new(Code::JoinRefused, detail),
            JoinError::Crowded => Self::new(Code::TooManyRequests, detail).with("limit", JOIN_REQUESTS_MAX),
            JoinError::AddressCrowded => {
                Self::new(Code::TooManyRequests, detail).with("limit", JOIN_REQUESTS_PER_ADDRESS_MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sealane_core::consortium::ParticipantId;
    use sealane_core::hash::Hash;
    use sealane_core::statement::StatementId;
    use serde_json::{Value, json};

    use super::*;

    fn shown(refusal: impl Into<Problem>) -> Value {
        refusal.into().to_json(false, None)
    }

    #[test]
    fn a_ready_that_comes_too_soon_is_told_when_it_may_come() {
        let last = "2026-11-29T10:00:00.000Z".parse().unwrap();
        let problem = shown(ProposalRefusal::ReadyTooSoon { last });
        assert_eq!((&problem["code"], &problem["status"]), (&json!("ready-refused"), &json!(409)));
        assert_eq!(problem["notBefore"], "2026-11-29T10:10:00.000Z");
        let proposal = StatementId::from_hash(Hash::of(b"proposal"));
        let problem = shown(ProposalRefusal::ReadyTooEarly { proposal, yes: 2, quorum: 3 });
        assert_eq!((&problem["yes"], &problem["needed"]), (&json!(2), &json!(3)));
    }

    #[test]
    fn a_change_is_named_by_its_place() {
        let error = ChangeRefusal::KeyUsed { kid: Hash::of(b"key") };
        let problem = shown(ProposalRefusal::Change { at: 3, error });
        assert_eq!(
            (&problem["code"], &problem["faults"][0]["pointer"]),
            (&json!("change-impossible"), &json!("/changes/3"))
        );
        let problem = shown(ProposalRefusal::Change { at: 0, error: ChangeRefusal::RulesTwice });
        assert_eq!((&problem["code"], &problem["status"]), (&json!("bad-proposal"), &json!(400)));
    }

    #[test]
    fn the_end_of_a_proposal_is_told_in_a_word() {
        let proposal = StatementId::from_hash(Hash::of(b"proposal"));
        let problem = shown(ProposalRefusal::Closed { proposal, end: ProposalEnd::Lost });
        assert_eq!((&problem["code"], &problem["state"]), (&json!("proposal-ended"), &json!("lost")));
    }

    #[test]
    fn a_members_word_for_its_own_registration_counts_nothing() {
        let participant: ParticipantId = "0199aaaa-0000-4000-8000-000000000001".parse().unwrap();
        let problem = shown(EndorsementRefusal::OwnRegistration { participant });
        assert_eq!((&problem["code"], &problem["status"]), (&json!("own-registration"), &json!(403)));
        let problem = shown(EndorsementRefusal::NotNeeded { participant });
        assert_eq!((&problem["code"], &problem["status"]), (&json!("endorsement-refused"), &json!(409)));
    }
}
