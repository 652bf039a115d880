//! What a participant is called and what it claims: names, roles, namespaces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::gs1::Id;
use crate::domain::limits::{ID_CHARS_MAX, ORGANIZATION_CHARS_MAX};

/// A claim that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("{found:?} is no participant id; it is a UUID such as 5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10")]
    ParticipantId { found: String },
    #[error("{found:?} is no role; roles are manufacturer, shipper (or carrier) and distributor")]
    Role { found: String },
    #[error("an organisation's name has 1 to {ORGANIZATION_CHARS_MAX} characters and no control characters")]
    Organization,
    #[error("{found:?} is no namespace: {reason}")]
    Namespace { found: String, reason: &'static str },
}

/// A participant's id: a UUID in lower case. Its certificates carry it as the URI `urn:uuid:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParticipantId(String);

impl ParticipantId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a URI (RFC 9562 §4).
    pub fn urn(&self) -> String {
        format!("urn:uuid:{}", self.0)
    }
}

impl FromStr for ParticipantId {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match byte {
                b'-' => dash(at),
                b'0'..=b'9' | b'a'..=b'f' => !dash(at),
                _ => false,
            });
        well_formed
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| ClaimError::ParticipantId { found: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for ParticipantId {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<ParticipantId> for String {
    fn from(id: ParticipantId) -> Self {
        id.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a participant does in the chain; `rights` says what each may record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    Manufacturer,
    Shipper,
    Distributor,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Manufacturer, Role::Shipper, Role::Distributor];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Manufacturer => "manufacturer",
            Role::Shipper => "shipper",
            Role::Distributor => "distributor",
        }
    }
}

impl FromStr for Role {
    type Err = ClaimError;

    /// Reads a role's name; `carrier` is another word for a shipper.
    fn from_str(text: &str) -> Result<Self, ClaimError> {
        if text == "carrier" {
            return Ok(Role::Shipper);
        }
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| ClaimError::Role { found: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for Role {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An organisation's name, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Organization(String);

impl Organization {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Organization {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let trimmed = text.trim();
        let fits = (1..=ORGANIZATION_CHARS_MAX).contains(&trimmed.chars().count());
        if !fits || trimmed.chars().any(char::is_control) {
            return Err(ClaimError::Organization);
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl TryFrom<String> for Organization {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<Organization> for String {
    fn from(organization: Organization) -> Self {
        organization.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A URI that ids begin with, for ids that are not GS1's. It ends with a delimiter, so that claiming `urn:acme:`
/// never claims `urn:acme-two:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    const DELIMITERS: [char; 4] = ['/', ':', '#', '='];

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether `id` lies in this namespace; never true for GS1's ids, which company prefixes govern.
    pub fn covers(&self, id: &Id) -> bool {
        !id.is_gs1() && id.as_str().len() > self.0.len() && id.as_str().starts_with(&self.0)
    }

    /// Tells whether some id could lie in both.
    pub fn overlaps(&self, other: &Namespace) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let refuse = |reason| Err(ClaimError::Namespace { found: text.chars().take(80).collect(), reason });
        if text.len() > ID_CHARS_MAX {
            return refuse("it is too long");
        }
        if !text.ends_with(Self::DELIMITERS) {
            return refuse("it must end with one of / : # = so that it claims whole names only");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("it must be an absolute URI such as https://id.example.com/items/");
        };
        let names_something =
            rest.trim_matches(|c: char| Self::DELIMITERS.contains(&c) || c == '.').chars().any(char::is_alphanumeric);
        if scheme.is_empty() || !names_something {
            return refuse("it must name more than a scheme");
        }
        match Id::parse_uri(&format!("{text}x")) {
            Ok(id) if id.is_gs1() => refuse("GS1's ids are claimed by a company prefix"),
            Ok(id) if id.as_str().starts_with(text) => Ok(Self(text.to_owned())),
            _ => refuse("it must begin ids that are absolute URIs and not GS1's"),
        }
    }
}

impl TryFrom<String> for Namespace {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participant_ids_are_lower_case_uuids() {
        let text = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";
        assert_eq!(text.parse::<ParticipantId>().unwrap().urn(), format!("urn:uuid:{text}"));
        for wrong in ["", "5F0C1F6E-6D0B-4A57-9A35-0F4A3A1C7F10", "5f0c1f6e6d0b4a579a350f4a3a1c7f10", "../../etc"] {
            assert!(wrong.parse::<ParticipantId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_carrier_is_a_shipper() {
        assert_eq!("carrier".parse(), Ok(Role::Shipper));
        assert!("Shipper".parse::<Role>().is_err());
    }

    #[test]
    fn a_namespace_claims_whole_names_only() {
        let namespace: Namespace = "urn:acme:item:".parse().unwrap();
        assert!(namespace.covers(&Id::parse_uri("urn:acme:item:7").unwrap()));
        assert!(!namespace.covers(&Id::parse_uri("urn:acme:items:7").unwrap()));
        assert!(namespace.overlaps(&"urn:acme:".parse().unwrap()));
        assert!(!namespace.overlaps(&"urn:acme:lot:".parse().unwrap()));
    }

    #[test]
    fn a_namespace_is_no_scheme_and_not_gs1s() {
        for wrong in ["https://", "urn:", "https:///", "acme", "urn:acme", "https://id.gs1.org/01/", "urn:epc:id:", ""]
        {
            assert!(wrong.parse::<Namespace>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_organisation_has_a_printable_name() {
        assert_eq!(" Acme ".parse::<Organization>().unwrap().as_str(), "Acme");
        for wrong in ["", "  ", "a\nb", &"x".repeat(ORGANIZATION_CHARS_MAX + 1)] {
            assert!(wrong.parse::<Organization>().is_err(), "{wrong:?}");
        }
    }
}
