//! `policy`: a number or text that the rules leave to the members.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::consortium::claims::ParticipantId;
use crate::hash::Hash;
use crate::json;
use crate::limits::{
    CLOCK_TOLERANCE_MINUTES_MAX, MEMBERS_MAX, POLICY_COUNT_MAX, POLICY_SPEED_KMH_MAX, TERMS_URI_CHARS_MAX,
};

/// A policy's value from the vote on, for all or for one participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PolicyJson", into = "PolicyJson")]
pub struct PolicyChange {
    name: PolicyName,
    value: PolicyValue,
    participant: Option<ParticipantId>,
}

/// Every policy there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyName {
    /// What an organisation accepts when it registers.
    Terms,
    /// Members beside the registering one that must vouch for a registration.
    RegistrationEndorsements,
    /// Ids of others that a participant names for the first time in one day.
    ContactsPerDay,
    NewIdsPerDay,
    NewIdsInAll,
    /// Leaves by one signer in the list of one subject in one day.
    LeavesPerSubjectPerDay,
    /// Leaves by one signer in the list of a piece or load that is not under its claims.
    LeavesPerSubjectInAll,
    /// Subjects of the whole ledger: the smallest member's memory is the ledger's.
    SubjectsMax,
    /// How fast goods may travel before a verdict says so.
    MaxSpeedKmh,
    /// How far the clocks of two signers may differ before a verdict says so.
    ClockToleranceMinutes,
}

/// What a policy is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyValue {
    Whole(u64),
    LeavesPerDay(LeavesPerDay),
    Terms(TermsPolicy),
}

/// Leaves of one day, by what the subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeavesPerDay {
    /// For a piece or a load.
    pub piece: u64,
    /// For a lot or a class.
    pub lot: u64,
}

/// The terms of the consortium: where they stand, and which text it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsPolicy {
    pub uri: String,
    pub sha256: Hash,
}

/// What no policy is set to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy {name} is a whole number from {least} to {most}; this is {found}")]
    Whole { name: &'static str, least: u64, most: u64, found: String },
    #[error(
        "the policy leavesPerSubjectPerDay is an object of piece and lot, each a whole number from 1 to {POLICY_COUNT_MAX}; \
         this is {found}"
    )]
    LeavesPerDay { found: String },
    #[error(
        "the policy terms is an object of uri, which begins with https:// and has at most {TERMS_URI_CHARS_MAX} characters \
         without white space, and sha256; this is {found}"
    )]
    Terms { found: String },
    #[error("the policy {name} is the same for all; it is set for no single participant")]
    ForAll { name: &'static str },
}

/// What a policy's value looks like.
#[derive(Clone, Copy)]
enum Form {
    Whole { least: u64, most: u64 },
    LeavesPerDay,
    Terms,
}

impl PolicyName {
    pub const ALL: [Self; 10] = [
        Self::Terms,
        Self::RegistrationEndorsements,
        Self::ContactsPerDay,
        Self::NewIdsPerDay,
        Self::NewIdsInAll,
        Self::LeavesPerSubjectPerDay,
        Self::LeavesPerSubjectInAll,
        Self::SubjectsMax,
        Self::MaxSpeedKmh,
        Self::ClockToleranceMinutes,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::RegistrationEndorsements => "registrationEndorsements",
            Self::ContactsPerDay => "contactsPerDay",
            Self::NewIdsPerDay => "newIdsPerDay",
            Self::NewIdsInAll => "newIdsInAll",
            Self::LeavesPerSubjectPerDay => "leavesPerSubjectPerDay",
            Self::LeavesPerSubjectInAll => "leavesPerSubjectInAll",
            Self::SubjectsMax => "subjectsMax",
            Self::MaxSpeedKmh => "maxSpeedKmh",
            Self::ClockToleranceMinutes => "clockToleranceMinutes",
        }
    }

    /// Whether a verdict reads it.
    pub const fn is_of_verdict(self) -> bool {
        matches!(self, Self::MaxSpeedKmh | Self::ClockToleranceMinutes)
    }

    /// Whether it can be another for one participant: the quotas that count what one participant does.
    pub const fn is_of_participant(self) -> bool {
        matches!(
            self,
            Self::ContactsPerDay
                | Self::NewIdsPerDay
                | Self::NewIdsInAll
                | Self::LeavesPerSubjectPerDay
                | Self::LeavesPerSubjectInAll
        )
    }

    const fn form(self) -> Form {
        match self {
            Self::Terms => Form::Terms,
            Self::LeavesPerSubjectPerDay => Form::LeavesPerDay,
            Self::RegistrationEndorsements => Form::Whole { least: 0, most: MEMBERS_MAX as u64 - 1 },
            Self::MaxSpeedKmh => Form::Whole { least: 1, most: POLICY_SPEED_KMH_MAX },
            Self::ClockToleranceMinutes => Form::Whole { least: 0, most: CLOCK_TOLERANCE_MINUTES_MAX },
            Self::ContactsPerDay
            | Self::NewIdsPerDay
            | Self::NewIdsInAll
            | Self::LeavesPerSubjectInAll
            | Self::SubjectsMax => Form::Whole { least: 1, most: POLICY_COUNT_MAX },
        }
    }

    fn read(self, value: &Value) -> Result<PolicyValue, PolicyError> {
        // Enough of what was found to recognise it.
        let found = || value.to_string().chars().take(80).collect();
        match self.form() {
            Form::Whole { least, most } => {
                let whole = value.as_u64().filter(|whole| (least..=most).contains(whole)).map(PolicyValue::Whole);
                whole.ok_or_else(|| PolicyError::Whole { name: self.as_str(), least, most, found: found() })
            }
            Form::LeavesPerDay => {
                let fits = |leaves: &LeavesPerDay| {
                    [leaves.piece, leaves.lot].iter().all(|count| (1..=POLICY_COUNT_MAX).contains(count))
                };
                let leaves = LeavesPerDay::deserialize(value).ok().filter(fits).map(PolicyValue::LeavesPerDay);
                leaves.ok_or_else(|| PolicyError::LeavesPerDay { found: found() })
            }
            Form::Terms => {
                let terms = TermsPolicy::deserialize(value).ok().filter(TermsPolicy::fits).map(PolicyValue::Terms);
                terms.ok_or_else(|| PolicyError::Terms { found: found() })
            }
        }
    }
}

impl TermsPolicy {
    fn fits(&self) -> bool {
        let rest = self.uri.strip_prefix("https://").unwrap_or_default();
        let is_plain = |character: char| character.is_ascii_graphic() && !"\"<>\\^`{|}".contains(character);
        !rest.is_empty() && self.uri.chars().count() <= TERMS_URI_CHARS_MAX && self.uri.chars().all(is_plain)
    }
}

impl PolicyChange {
    /// Takes a value as its JSON is; refuses one that this policy is not set to.
    pub fn new(name: PolicyName, value: &Value, participant: Option<ParticipantId>) -> Result<Self, PolicyError> {
        if participant.is_some() && !name.is_of_participant() {
            return Err(PolicyError::ForAll { name: name.as_str() });
        }
        Ok(Self { name, value: name.read(value)?, participant })
    }

    pub const fn name(&self) -> PolicyName {
        self.name
    }

    pub const fn value(&self) -> &PolicyValue {
        &self.value
    }

    /// The one participant for whom it is set, if not for all.
    pub const fn participant(&self) -> Option<&ParticipantId> {
        self.participant.as_ref()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyJson {
    name: PolicyName,
    value: Value,
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    participant: Option<ParticipantId>,
}

impl TryFrom<PolicyJson> for PolicyChange {
    type Error = PolicyError;

    fn try_from(read: PolicyJson) -> Result<Self, PolicyError> {
        Self::new(read.name, &read.value, read.participant)
    }
}

impl From<PolicyChange> for PolicyJson {
    fn from(change: PolicyChange) -> Self {
        let value = match change.value {
            PolicyValue::Whole(whole) => json!(whole),
            PolicyValue::LeavesPerDay(LeavesPerDay { piece, lot }) => json!({"piece": piece, "lot": lot}),
            PolicyValue::Terms(TermsPolicy { uri, sha256 }) => json!({"uri": uri, "sha256": sha256}),
        };
        Self { name: change.name, value, participant: change.participant }
    }
}
