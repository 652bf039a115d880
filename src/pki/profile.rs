//! Certificate profiles: what stands in each field of a certificate, read from `certs/profiles`.
//!
//! The files are compiled in, so that what an authority issues cannot be changed by editing a file beside it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyUsagePurpose, SanType, SerialNumber,
};
use serde::Deserialize;

use super::validity::{Validity, ValidityError};
use sealane_core::limits::IAT_AHEAD_SECONDS_MAX;
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

const CA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/certs/profiles/ca.toml"));
const PARTICIPANT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/certs/profiles/participant.toml"));
const NODE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/certs/profiles/node.toml"));
const SERVER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/certs/profiles/server.toml"));

/// Octets of a serial number: RFC 5280 §4.1.2.2 allows 20, and fewer than 16 would not hold 120 random bits.
const SERIAL_BYTES: std::ops::RangeInclusive<usize> = 16..=20;

/// Octets of a key identifier, as with the method that all tools know (RFC 5280 §4.2.1.2).
const KEY_IDENTIFIER_BYTES: usize = 20;

/// One kind of certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub version: u8,
    pub key: KeyKind,
    pub signature: SignatureKind,
    pub serial_bytes: usize,
    pub validity_days: u32,
    pub name_chars_max: usize,
    pub subject: SubjectTemplate,
    pub extensions: Extensions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyKind {
    #[serde(rename = "P-256")]
    P256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SignatureKind {
    #[serde(rename = "ecdsa-with-SHA256")]
    EcdsaWithSha256,
}

/// The subject's name, with `{placeholders}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectTemplate {
    pub organization: String,
    pub common_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extensions {
    /// `uri:…`, `dns:…` or `ip:…`, with `{placeholders}`; none leaves the extension out.
    pub subject_alternative_name: Vec<String>,
    pub basic_constraints: BasicConstraintsEntry,
    pub key_usage: Vec<KeyUsageEntry>,
    pub extended_key_usage: Vec<ExtendedKeyUsageEntry>,
    pub subject_key_identifier: KeyIdentifier,
    pub authority_key_identifier: bool,
    /// The extensions that a reader must understand or refuse the certificate.
    pub critical: Vec<CriticalEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicConstraintsEntry {
    pub ca: bool,
    pub path_length: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyUsageEntry {
    #[serde(rename = "digitalSignature")]
    DigitalSignature,
    #[serde(rename = "keyCertSign")]
    KeyCertSign,
    #[serde(rename = "cRLSign")]
    CrlSign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ExtendedKeyUsageEntry {
    #[serde(rename = "clientAuth")]
    ClientAuth,
    #[serde(rename = "serverAuth")]
    ServerAuth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyIdentifier {
    /// The first 160 bits of the SHA-256 of the SubjectPublicKeyInfo.
    #[serde(rename = "spki-sha256-160")]
    SpkiSha256First160,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CriticalEntry {
    #[serde(rename = "basicConstraints")]
    BasicConstraints,
    #[serde(rename = "keyUsage")]
    KeyUsage,
}

/// A profile that cannot be issued by.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("the certificate profile does not parse")]
    Toml(#[from] toml::de::Error),
    #[error("the certificate profile has {field} = {found}; it must be {expected}")]
    Value { field: &'static str, found: String, expected: &'static str },
    #[error("the certificate profile uses the placeholder in {template:?}, for which there is no value here")]
    Placeholder { template: String },
    #[error("{name:?} in the certificate profile is no subject alternative name; write uri:…, dns:… or ip:…")]
    AlternativeName { name: String },
}

/// Values for the placeholders of a profile: name without braces, then value.
pub(super) type Values<'a> = &'a [(&'a str, &'a str)];

impl Profile {
    /// The profile of a member's own certificate authority.
    pub fn ca() -> Result<Self, ProfileError> {
        Self::parse(CA)
    }

    /// The profile of a participant's certificate.
    pub fn participant() -> Result<Self, ProfileError> {
        Self::parse(PARTICIPANT)
    }

    /// The profile of the TLS certificate by which a member's node shows itself to other members' nodes.
    pub fn node() -> Result<Self, ProfileError> {
        Self::parse(NODE)
    }

    /// The profile of the development set's TLS certificate for localhost.
    pub fn server() -> Result<Self, ProfileError> {
        Self::parse(SERVER)
    }

    /// Reads a profile; an entry that is not known is an error, never ignored.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    /// The span of a certificate that is made at `now`: up to the profile's days later.
    ///
    /// It is dated back by as much as a signer's clock may be ahead of the ledger's, so that an authority whose clock is ahead by less issues
    /// what holds at once (RFC 5280 §4.1.2.5 says when a certificate holds, not when it was made).
    pub fn validity_from(&self, now: Timestamp) -> Result<Validity, ValidityError> {
        let whole = Validity::of_days(now, self.validity_days)?;
        Validity::new(whole.not_before().plus_millis(-IAT_AHEAD_SECONDS_MAX * 1_000), whole.not_after())
    }

    /// Cuts a name to the characters that the profile allows.
    pub fn cut_name(&self, name: &str) -> String {
        name.chars().take(self.name_chars_max).collect::<String>().trim_end().to_owned()
    }

    /// Fills the profile in for one certificate.
    pub(super) fn params(
        &self,
        values: Values<'_>,
        key: &PublicKey,
        serial: &[u8],
        validity: Validity,
    ) -> Result<CertificateParams, ProfileError> {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.not_before = validity.not_before().to_date_time();
        params.not_after = validity.not_after().to_date_time();
        params.distinguished_name = self.subject_name(values)?;
        params.subject_alt_names = self.alternative_names(values)?;
        params.is_ca = self.extensions.basic_constraints.to_rcgen();
        params.key_usages = self.extensions.key_usage.iter().map(|usage| usage.to_rcgen()).collect();
        params.extended_key_usages = self.extensions.extended_key_usage.iter().map(|usage| usage.to_rcgen()).collect();
        params.use_authority_key_identifier_extension = self.extensions.authority_key_identifier;
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier(key));
        Ok(params)
    }

    fn subject_name(&self, values: Values<'_>) -> Result<DistinguishedName, ProfileError> {
        let mut name = DistinguishedName::new();
        let SubjectTemplate { organization, common_name } = &self.subject;
        name.push(DnType::OrganizationName, self.cut_name(&fill(organization, values)?));
        name.push(DnType::CommonName, self.cut_name(&fill(common_name, values)?));
        Ok(name)
    }

    fn alternative_names(&self, values: Values<'_>) -> Result<Vec<SanType>, ProfileError> {
        let names = self.extensions.subject_alternative_name.iter();
        names.map(|template| alternative_name(&fill(template, values)?)).collect()
    }

    /// Refuses values that the code would not carry out, so that a profile never says what a certificate does not.
    fn check(&self) -> Result<(), ProfileError> {
        let unless = |holds: bool, field, found: String, expected| match holds {
            true => Ok(()),
            false => Err(ProfileError::Value { field, found, expected }),
        };
        let Extensions { basic_constraints, key_usage, critical, .. } = &self.extensions;
        unless(self.version == 3, "version", self.version.to_string(), "3: only v3 has extensions")?;
        let serial = self.serial_bytes;
        unless(SERIAL_BYTES.contains(&serial), "serial_bytes", serial.to_string(), "16 to 20")?;
        unless(self.validity_days > 0, "validity_days", "0".to_owned(), "1 or more")?;
        let chars = self.name_chars_max;
        unless((1..=64).contains(&chars), "name_chars_max", chars.to_string(), "1 to 64, the bound of X.520")?;
        let constraints_fit = basic_constraints.ca || basic_constraints.path_length.is_none();
        unless(constraints_fit, "path_length", "set".to_owned(), "left out, since this is no authority")?;
        let marked = |entry| critical.iter().filter(|found| **found == entry).count() == 1;
        let critical_fit =
            critical.len() == 2 && marked(CriticalEntry::BasicConstraints) && marked(CriticalEntry::KeyUsage);
        let expected = "basicConstraints and keyUsage, as RFC 5280 §4.2.1 asks";
        unless(critical_fit && !key_usage.is_empty(), "critical", format!("{critical:?}"), expected)
    }
}

impl BasicConstraintsEntry {
    fn to_rcgen(self) -> IsCa {
        match (self.ca, self.path_length) {
            (false, _) => IsCa::ExplicitNoCa,
            (true, None) => IsCa::Ca(BasicConstraints::Unconstrained),
            (true, Some(length)) => IsCa::Ca(BasicConstraints::Constrained(length)),
        }
    }
}

impl KeyUsageEntry {
    fn to_rcgen(self) -> KeyUsagePurpose {
        match self {
            Self::DigitalSignature => KeyUsagePurpose::DigitalSignature,
            Self::KeyCertSign => KeyUsagePurpose::KeyCertSign,
            Self::CrlSign => KeyUsagePurpose::CrlSign,
        }
    }
}

impl ExtendedKeyUsageEntry {
    fn to_rcgen(self) -> ExtendedKeyUsagePurpose {
        match self {
            Self::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
            Self::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        }
    }
}

/// The key identifier of `key`, as `spki-sha256-160` says.
pub(super) fn key_identifier(key: &PublicKey) -> Vec<u8> {
    key.thumbprint().as_bytes().iter().copied().take(KEY_IDENTIFIER_BYTES).collect()
}

fn alternative_name(name: &str) -> Result<SanType, ProfileError> {
    let bad = || ProfileError::AlternativeName { name: name.to_owned() };
    match name.split_once(':').ok_or_else(bad)? {
        ("uri", uri) => uri.try_into().map(SanType::URI).map_err(|_| bad()),
        ("dns", host) => host.try_into().map(SanType::DnsName).map_err(|_| bad()),
        ("ip", address) => address.parse::<IpAddr>().map(SanType::IpAddress).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

/// Replaces each `{name}` in one pass: a value that looks like a placeholder stays as it is.
fn fill(template: &str, values: Values<'_>) -> Result<String, ProfileError> {
    let missing = || ProfileError::Placeholder { template: template.to_owned() };
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(missing)?;
        let (_, value) = values.iter().find(|(known, _)| *known == name).ok_or_else(missing)?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_profiles_parse() {
        assert!(Profile::ca().unwrap().extensions.basic_constraints.ca);
        assert_eq!(Profile::participant().unwrap().validity_days, 365);
        assert_eq!(Profile::node().unwrap().validity_days, 90);
        assert_eq!(Profile::server().unwrap().extensions.extended_key_usage, [ExtendedKeyUsageEntry::ServerAuth]);
    }

    #[test]
    fn what_is_unknown_or_would_not_be_carried_out_is_refused() {
        let cases = [
            ("version = 3", "version = 1"),
            ("serial_bytes = 20", "serial_bytes = 8"),
            ("serial_bytes = 20", "serial_bytes = 21"),
            ("validity_days = 365", "validity_days = 0"),
            ("validity_days = 365", "validity_years = 1"),
            ("name_chars_max = 64", "name_chars_max = 65"),
            ("key = \"P-256\"", "key = \"RSA\""),
            ("\"digitalSignature\"", "\"digitalsignature\""),
            ("\"clientAuth\"", "\"codeSigning\""),
            ("ca = false", "ca = false, path_length = 0"),
            ("[\"basicConstraints\", \"keyUsage\"]", "[\"keyUsage\"]"),
            ("[subject]", "[subject]\ncountry = \"NL\""),
            ("[extensions]", "[extensions]\nname_constraints = []"),
        ];
        for (good, bad) in cases {
            assert!(PARTICIPANT.contains(good), "{good}");
            let error = Profile::parse(&PARTICIPANT.replace(good, bad));
            assert!(error.is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn placeholders_are_filled_once() {
        let values: Values<'_> = &[("a", "{b}"), ("b", "B")];
        assert_eq!(fill("x{a}y{b}", values).unwrap(), "x{b}yB");
        assert_eq!(fill("plain", values).unwrap(), "plain");
        assert!(fill("{c}", values).is_err());
        assert!(fill("{a", values).is_err());
    }

    #[test]
    fn alternative_names_have_a_kind() {
        assert!(matches!(alternative_name("dns:localhost"), Ok(SanType::DnsName(_))));
        assert!(matches!(alternative_name("ip:::1"), Ok(SanType::IpAddress(IpAddr::V6(_)))));
        for bad in ["localhost", "ip:localhost", "mail:a@example.org", "uri:urn:ü"] {
            assert!(alternative_name(bad).is_err(), "{bad}");
        }
    }
}
