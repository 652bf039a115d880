//! Whom a certificate is for.

use uuid::Uuid;

use sealane_core::limits::ORGANIZATION_CHARS_MAX;

/// What a participant's certificate says of its holder: the ledger's id, and a name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantSubject {
    participant_id: Uuid,
    organization: String,
}

/// A holder that cannot be written into a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    #[error("{found:?} is no participant id; it is a UUID like 9f3c6a52-0d6e-4c1e-8f57-2b1d7c0a4e11")]
    ParticipantId { found: String },
    #[error("the organization's name is empty; give the name that people know it by")]
    NameEmpty,
    #[error("the organization's name has {chars} characters; at most {ORGANIZATION_CHARS_MAX} are taken")]
    NameTooLong { chars: usize },
    #[error("the organization's name has the control character {found:?} at position {position}; write it in one line")]
    NameControl { found: char, position: usize },
}

impl ParticipantSubject {
    /// Takes a UUID in its usual form (RFC 9562 §4) and a name that is printable.
    pub fn new(participant_id: &str, organization: &str) -> Result<Self, SubjectError> {
        let participant_id = parse_participant_id(participant_id)
            .ok_or_else(|| SubjectError::ParticipantId { found: participant_id.chars().take(80).collect() })?;
        check_organization(organization)?;
        Ok(Self { participant_id, organization: organization.to_owned() })
    }

    /// The id in lower case with hyphens.
    pub fn participant_id(&self) -> String {
        self.participant_id.hyphenated().to_string()
    }

    pub fn organization(&self) -> &str {
        &self.organization
    }
}

/// Reads a UUID of 36 characters; the other ways to write one (braces, no hyphens) are not taken.
pub(super) fn parse_participant_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string().eq_ignore_ascii_case(text))
}

/// Accepts a name of 1 to 200 characters, none of them a control character.
pub(super) fn check_organization(name: &str) -> Result<(), SubjectError> {
    let chars = name.chars().count();
    if name.trim().is_empty() {
        return Err(SubjectError::NameEmpty);
    }
    if chars > ORGANIZATION_CHARS_MAX {
        return Err(SubjectError::NameTooLong { chars });
    }
    match name.chars().enumerate().find(|(_, c)| c.is_control()) {
        Some((position, found)) => Err(SubjectError::NameControl { found, position }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9f3c6a52-0d6e-4c1e-8f57-2b1d7c0a4e11";

    #[test]
    fn takes_a_uuid_and_a_printable_name() {
        let subject = ParticipantSubject::new(&ID.to_uppercase(), "Alpenkäse “Süd” & Söhne").unwrap();
        assert_eq!(subject.participant_id(), ID);
        assert_eq!(subject.organization(), "Alpenkäse “Süd” & Söhne");
    }

    #[test]
    fn says_what_is_wrong() {
        for id in ["", "1", &ID.replace('-', ""), &format!("{{{ID}}}"), &format!("urn:uuid:{ID}")] {
            assert!(matches!(ParticipantSubject::new(id, "A"), Err(SubjectError::ParticipantId { .. })), "{id}");
        }
        assert_eq!(ParticipantSubject::new(ID, "  "), Err(SubjectError::NameEmpty));
        assert_eq!(ParticipantSubject::new(ID, &"ä".repeat(201)), Err(SubjectError::NameTooLong { chars: 201 }));
        let control = ParticipantSubject::new(ID, "A\nB");
        assert_eq!(control, Err(SubjectError::NameControl { found: '\n', position: 1 }));
    }
}
