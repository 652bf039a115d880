//! What a participant is called and what it claims: names, roles, namespaces.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::gs1::Id;
use crate::limits::{ID_CHARS_MAX, NAMESPACE_DEPTH_MAX, ORGANIZATION_CHARS_MAX};

/// A claim that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("{found:?} is no participant id; it is a UUID such as 5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10")]
    ParticipantId { found: String },
    #[error("{found:?} is no role; roles are manufacturer, shipper (or carrier), distributor and authority")]
    Role { found: String },
    #[error("an organisation's name has 1 to {ORGANIZATION_CHARS_MAX} characters and no control characters")]
    Organization,
    #[error(
        "an organisation's name has no invisible characters and none that turn the direction of text; this one has U+{:04X}",
        u32::from(*found)
    )]
    OrganizationInvisible { found: char },
    #[error("{found:?} is no namespace: {reason}")]
    Namespace { found: String, reason: &'static str },
}

/// A participant's id: a UUID, written in lower case with dashes (RFC 9562 §4). Its certificates carry it as the URI `urn:uuid:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ParticipantId(Uuid);

impl ParticipantId {
    /// The id as a URI (RFC 9562 §4).
    pub fn urn(self) -> String {
        format!("urn:uuid:{self}")
    }

    /// The UUID's 16 bytes, in the order of its digits (RFC 9562 §4).
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Takes a UUID's 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        take(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl FromStr for ParticipantId {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let fault = || ClaimError::ParticipantId { found: text.chars().take(80).collect() };
        let id = Self(Uuid::try_parse(text).map_err(|_| fault())?);
        // An id has one form: the library reads capitals, braces and digits without dashes too.
        if id.with_text(|own| own == text) { Ok(id) } else { Err(fault()) }
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
        id.to_string()
    }
}

impl Serialize for ParticipantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

/// What a participant does in the chain; `rights` says what each may record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    Manufacturer,
    Shipper,
    Distributor,
    /// Watches over the chain, and is no part of it. It counts once the members have voted on it.
    Authority,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Manufacturer, Role::Shipper, Role::Distributor, Role::Authority];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Manufacturer => "manufacturer",
            Role::Shipper => "shipper",
            Role::Distributor => "distributor",
            Role::Authority => "authority",
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

/// An organisation's name, for people. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Organization(Arc<str>);

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
        if let Some(found) = trimmed.chars().find(|character| is_invisible(*character)) {
            return Err(ClaimError::OrganizationInvisible { found });
        }
        Ok(Self(trimmed.into()))
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
        organization.0.as_ref().to_owned()
    }
}

impl Serialize for Organization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that are not seen: two names that differ in them alone look the same, and some turn what stands beside
/// them round. Soft hyphen, joiners and fillers, the blank of Braille, zero-width characters, directional marks, overrides and
/// isolates, variation selectors, byte order mark, tags.
pub const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{E0000}'..='\u{E007F}'
            | '\u{E0100}'..='\u{E01EF}'
    )
}

/// A URI that ids begin with, for ids that are not GS1's. It ends with a delimiter, so that claiming `urn:acme:`
/// never claims `urn:acme-two:`.
///
/// Ids are compared as bytes, so a namespace has the one spelling that RFC 3986 §6.2.2 calls normalised: whoever owns
/// a name could otherwise be passed by with another spelling of it. `http` and `https` count as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    /// What a namespace ends with, so that it claims whole names only.
    pub const DELIMITERS: [char; 4] = ['/', ':', '#', '='];

    /// Tells whether a namespace may end with `character` where the URI has it. URNs of the trade, those of the GDST
    /// among them, put a dot between a company and its own numbers (`urn:gdst:example.org:party:farm.1`), under a
    /// domain that many companies share. In a host a dot would claim a whole top-level domain.
    fn delimits(uri: &str, character: char) -> bool {
        Self::DELIMITERS.contains(&character) || (character == '.' && uri.starts_with("urn:"))
    }

    /// Namespaces that everybody draws names from: whoever held one would hold everybody's.
    const SHARED: [&str; 7] = ["did:", "urn:ietf:", "urn:isbn:", "urn:issn:", "urn:nbn:", "urn:oid:", "urn:uuid:"];

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether `id` lies in this namespace; never true for GS1's ids, which company prefixes govern.
    pub fn covers(&self, id: &Id) -> bool {
        let (own, id_text) = (without_tls(&self.0), without_tls(id.as_str()));
        !id.is_gs1() && id_text.rest.len() > own.rest.len() && id_text.begins_with(&own)
    }

    /// The text with `https` written as `http`, under which the two are one.
    pub fn without_tls(&self) -> String {
        normal(&self.0)
    }

    /// The namespaces, with `https` written as `http`, in which a URI could lie: its first beginnings that end with a
    /// delimiter and name more than a scheme.
    pub fn candidates(uri: &str) -> Vec<String> {
        let text = normal(uri);
        let after_scheme = text.find(':').map_or(text.len(), |colon| colon + 1);
        let mut names_something = false;
        let ends = text.char_indices().filter(|(at, character)| {
            let delimiter = Self::delimits(&text, *character);
            names_something |= *at >= after_scheme && !delimiter && *character != '.';
            delimiter && names_something
        });
        ends.take(NAMESPACE_DEPTH_MAX).map(|(at, _)| text[..=at].to_owned()).collect()
    }

    /// Tells whether some id could lie in both.
    pub fn overlaps(&self, other: &Namespace) -> bool {
        let (one, other) = (without_tls(&self.0), without_tls(&other.0));
        one.begins_with(&other) || other.begins_with(&one)
    }
}

/// A URI, in which `https` has become `http`.
struct WithoutTls<'a> {
    is_http: bool,
    rest: &'a str,
}

fn normal(uri: &str) -> String {
    uri.strip_prefix("https://").map_or_else(|| uri.to_owned(), |rest| format!("http://{rest}"))
}

fn without_tls(uri: &str) -> WithoutTls<'_> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    WithoutTls { is_http: rest.is_some(), rest: rest.unwrap_or(uri) }
}

impl WithoutTls<'_> {
    fn begins_with(&self, other: &WithoutTls<'_>) -> bool {
        self.is_http == other.is_http && self.rest.starts_with(other.rest)
    }
}

impl FromStr for Namespace {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let refuse = |reason| Err(ClaimError::Namespace { found: text.chars().take(80).collect(), reason });
        // An id in it is one character longer at the least.
        if text.len() >= ID_CHARS_MAX {
            return refuse("it is too long");
        }
        if !text.ends_with(|last| Self::delimits(text, last)) {
            return refuse("it must end with one of / : # = (a URN also with .) so that it claims whole names only");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("it must be an absolute URI such as https://id.example.com/items/");
        };
        let names_something =
            rest.trim_matches(|c: char| Self::DELIMITERS.contains(&c) || c == '.').chars().any(char::is_alphanumeric);
        if scheme.is_empty() || !names_something {
            return refuse("it must name more than a scheme");
        }
        if Self::SHARED
            .iter()
            .any(|shared| text.get(..shared.len()).is_some_and(|start| start.eq_ignore_ascii_case(shared)))
        {
            return refuse(
                "everybody draws names from it; claim one of your own, such as https://id.example.com/items/",
            );
        }
        if let Err(reason) = check_spelling(scheme, rest) {
            return refuse(reason);
        }
        if !Self::candidates(text).iter().any(|one| one.len() == normal(text).len()) {
            return refuse("it has too many parts: at most 16 may end with one of / : # = (in a URN also .)");
        }
        match Id::parse_uri(&format!("{text}x")) {
            Ok(id) if id.is_gs1() => refuse("GS1's ids are claimed by a company prefix"),
            Ok(id) if id.as_str().starts_with(text) => Ok(Self(text.to_owned())),
            _ => refuse("it must begin ids that are absolute URIs and not GS1's"),
        }
    }
}

/// Says what stands in the way of one spelling alone (RFC 3986 §6.2.2 and §6.2.3, RFC 8141 §3.1). `rest` follows the
/// scheme's colon.
fn check_spelling(scheme: &str, rest: &str) -> Result<(), &'static str> {
    if scheme.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("its scheme must be in lower case");
    }
    check_escapes(rest)?;
    let Some(hierarchy) = rest.strip_prefix("//") else {
        let name = rest.split(':').next().unwrap_or_default();
        if scheme == "urn" && name.contains(|c: char| c.is_ascii_uppercase()) {
            return Err("the name after urn: must be in lower case");
        }
        return Ok(());
    };
    let Some((authority, path)) = hierarchy.split_once('/') else {
        return Err("a / must follow its host");
    };
    check_authority(scheme, authority)?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path.split('/').any(|segment| matches!(segment, "." | "..")) {
        true => Err("its path must not hold . or .. as a segment"),
        false => Ok(()),
    }
}

/// Characters that need no escape must have none, and the digits of an escape have one case.
fn check_escapes(text: &str) -> Result<(), &'static str> {
    for escape in text.split('%').skip(1) {
        let digits = escape.get(..2).unwrap_or_default();
        if digits.contains(|c: char| c.is_ascii_lowercase()) {
            return Err("the digits of a percent-encoding must be in upper case");
        }
        let byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            return Err("it percent-encodes a character that needs none");
        }
    }
    Ok(())
}

fn check_authority(scheme: &str, authority: &str) -> Result<(), &'static str> {
    if authority.contains('@') {
        return Err("it must not hold user information, which ends with @");
    }
    if authority.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("its host must be in lower case");
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if matches!((scheme, port), (_, Some("")) | ("http", Some("80")) | ("https", Some("443"))) {
        return Err("its port goes without saying; leave it out");
    }
    if host.ends_with('.') {
        return Err("its host must not end with a dot");
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !host.contains('.') || !host.split('.').all(is_label) {
        return Err("its host must be a full name such as id.example.com");
    }
    if port.is_some_and(|port| port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("its port must be a number and must not begin with 0");
    }
    Ok(())
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
    fn a_namespace_has_one_spelling() {
        for good in [
            "https://acme.example/",
            "https://acme.example/items/",
            "https://acme.example:8443/items/",
            "https://xn--bcher-kva.example/a%20b%2Fc/",
            "https://acme.example/?id=",
            "urn:acme:",
            "tag:acme.example,2026:",
            "urn:gdst:example.org:product:lot:class:farm.",
        ] {
            assert_eq!(good.parse::<Namespace>().map(|one| one.0), Ok(good.to_owned()));
        }
        for (wrong, words) in [
            ("https://Acme.example/items/", "host must be in lower case"),
            ("HTTPS://acme.example/items/", "scheme must be in lower case"),
            ("URN:acme:", "scheme must be in lower case"),
            ("urn:Acme:", "after urn: must be in lower case"),
            ("https://acme.example:443/items/", "leave it out"),
            ("http://acme.example:80/items/", "leave it out"),
            ("https://acme.example:/items/", "leave it out"),
            ("https://acme.example:08443/", "must not begin with 0"),
            ("https://acme.example:?8443/", "must be a number"),
            ("https://acme.example./items/", "must not end with a dot"),
            ("https://acme.example/%69tems/", "needs none"),
            ("https://acme.example/%2e%2E/", "upper case"),
            ("https://acme.example/%2E%2E/", "needs none"),
            ("https://acme.example/items/../x/", ". or .."),
            ("https://acme.example/./x/", ". or .."),
            ("https://acme.example@evil.example/", "user information"),
            ("https://acme:x@evil.example/", "user information"),
            ("https://acme.example:", "a / must follow its host"),
            ("https://acme.example#", "a / must follow its host"),
            ("https://acme.example/items.", "a URN also with ."),
            ("tag:acme.", "a URN also with ."),
            ("urn:.", "more than a scheme"),
            ("https://com/", "full name"),
            ("https://.com/", "full name"),
            ("https://acme..example/", "full name"),
            ("https://[2001:db8::1]/", "full name"),
            ("https://acme%2Eexample/", "needs none"),
            ("urn:uuid:", "everybody"),
            ("urn:oid:", "everybody"),
            ("URN:UUID:", "everybody"),
            ("did:key:", "everybody"),
            ("did:web:acme.example:", "everybody"),
        ] {
            let error = wrong.parse::<Namespace>().unwrap_err().to_string();
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_namespace_is_shorter_than_an_id_at_most() {
        let of_length = |length: usize| format!("https://id.example/{}/", "x".repeat(length - 20));
        assert!(of_length(ID_CHARS_MAX - 1).parse::<Namespace>().is_ok());
        for beyond in [0, 1, 1_000] {
            let refused = of_length(ID_CHARS_MAX + beyond).parse::<Namespace>();
            assert!(matches!(refused, Err(ClaimError::Namespace { reason: "it is too long", .. })), "{refused:?}");
        }
    }

    #[test]
    fn companies_under_one_domain_of_a_urn_claim_their_own() {
        let farm: Namespace = "urn:gdst:example.org:product:lot:class:farm.".parse().unwrap();
        let farmers: Namespace = "urn:gdst:example.org:product:lot:class:farmers.".parse().unwrap();
        let domain: Namespace = "urn:gdst:example.org:".parse().unwrap();
        assert!(!farm.overlaps(&farmers) && farm.overlaps(&domain));
        let covers = |id| farm.covers(&Id::parse_uri(id).unwrap());
        assert!(covers("urn:gdst:example.org:product:lot:class:farm.trout.L1"));
        assert!(!covers("urn:gdst:example.org:product:lot:class:farmers.trout.L1"));
        assert!(!covers("urn:gdst:example.org:product:lot:class:farm."), "it names nothing under it");
    }

    #[test]
    fn http_and_https_are_one_namespace() {
        let secure: Namespace = "https://acme.example/items/".parse().unwrap();
        let plain: Namespace = "http://acme.example/".parse().unwrap();
        assert!(secure.overlaps(&plain) && plain.overlaps(&secure));
        let id = |text| Id::parse_uri(text).unwrap();
        assert!(secure.covers(&id("http://acme.example/items/7")) && plain.covers(&id("https://acme.example/items/7")));
        assert!(!secure.covers(&id("http://acme.example/items/")) && !secure.covers(&id("http://acme.example/x/7")));
        let other: Namespace = "ftp://acme.example/".parse().unwrap();
        assert!(!other.overlaps(&plain));
    }

    #[test]
    fn an_organisation_shows_all_of_its_name() {
        for invisible in ['\u{AD}', '\u{200B}', '\u{200F}', '\u{2028}', '\u{202E}', '\u{2066}', '\u{FEFF}', '\u{E0041}']
        {
            let error = format!("Ac{invisible}me").parse::<Organization>().unwrap_err();
            assert_eq!(error, ClaimError::OrganizationInvisible { found: invisible });
        }
        let error = "Acme\u{202E}x".parse::<Organization>().unwrap_err().to_string();
        assert!(error.ends_with("this one has U+202E"), "{error}");
        assert!("Société Générale 東京 עברית".parse::<Organization>().is_ok());
    }

    #[test]
    fn an_organisation_has_a_printable_name() {
        assert_eq!(" Acme ".parse::<Organization>().unwrap().as_str(), "Acme");
        for wrong in ["", "  ", "a\nb", &"x".repeat(ORGANIZATION_CHARS_MAX + 1)] {
            assert!(wrong.parse::<Organization>().is_err(), "{wrong:?}");
        }
    }
}
