//! The protected header: a strict profile of RFC 7515 §4.

use serde_json::{Map, Value};

use crate::hash::Hash;
use crate::json;
use crate::limits::ORIGIN_CHARS_MAX;
use crate::statement::error::{ForbiddenMember, HeaderMember, StatementError};
use crate::statement::types::{StatementType, TypeRow};
use crate::time::Timestamp;

/// A statement's header: `alg`, `typ`, the signer, `aud` and `iat`, each once, and nothing else.
///
/// `alg` is always ES256, so it is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    typ: StatementType,
    signer: SignerRef,
    aud: String,
    iat: Timestamp,
}

/// Whose key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignerRef {
    /// `x5t#S256`: SHA-256 of a participant's certificate in DER (RFC 7515 §4.1.8).
    Certificate(Hash),
    /// `kid`: SHA-256 of a member's SubjectPublicKeyInfo in DER.
    Member(Hash),
}

impl SignerRef {
    pub const fn hash(&self) -> &Hash {
        match self {
            Self::Certificate(hash) | Self::Member(hash) => hash,
        }
    }
}

impl Header {
    /// The header of an EPCIS capture, signed with the key of the certificate whose DER has this SHA-256.
    pub fn epcis(certificate: Hash, aud: impl Into<String>, iat: Timestamp) -> Self {
        Self {
            typ: StatementType::Epcis,
            signer: SignerRef::Certificate(certificate),
            aud: aud.into(),
            iat: iat.whole_seconds(),
        }
    }

    /// The header of an admin statement, signed with the member key whose thumbprint this is.
    pub fn admin(member: Hash, aud: impl Into<String>, iat: Timestamp) -> Self {
        Self { typ: StatementType::Admin, signer: SignerRef::Member(member), aud: aud.into(), iat: iat.whole_seconds() }
    }

    pub const fn typ(&self) -> StatementType {
        self.typ
    }

    pub const fn signer(&self) -> SignerRef {
        self.signer
    }

    /// The origin of the ledger that the statement is for.
    pub fn aud(&self) -> &str {
        &self.aud
    }

    /// The signer's clock, in whole seconds. It grants nothing.
    pub const fn iat(&self) -> Timestamp {
        self.iat
    }

    /// Reads the header's JSON. `alg` is judged first, then what may not be there, then each member.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let members = members_of(bytes)?;
        check_alg(&members)?;
        check_names(&members)?;
        let typ = typ_of(&members)?;
        check_signer_member(&members, typ)?;
        Ok(Self { typ, signer: signer_of(&members, typ)?, aud: aud_of(&members)?, iat: iat_of(&members)? })
    }

    /// Writes the header as JSON without white space, in the order alg, typ, signer, aud, iat.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        let mut put = |member: HeaderMember, value: Value| members.insert(member.name().to_owned(), value);
        put(HeaderMember::Alg, ES256.into());
        put(HeaderMember::Typ, self.typ.as_str().into());
        put(self.typ.signer_member(), self.signer.hash().to_string().into());
        put(HeaderMember::Aud, self.aud.as_str().into());
        put(HeaderMember::Iat, self.iat.seconds().into());
        Value::Object(members).to_string().into_bytes()
    }
}

const ES256: &str = "ES256";

fn members_of(bytes: &[u8]) -> Result<Map<String, Value>, StatementError> {
    match json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(StatementError::HeaderNotObject),
        // The strict parser has one error type for all faults; this one has a code of its own here.
        Err(error) if error.message.starts_with("a member named twice") => {
            let member = error.pointer.rsplit('/').next().unwrap_or_default();
            Err(StatementError::DuplicateHeaderMember { member: shown(member) })
        }
        Err(error) => Err(StatementError::HeaderNotJson(error)),
    }
}

fn check_alg(members: &Map<String, Value>) -> Result<(), StatementError> {
    match members.get(HeaderMember::Alg.name()) {
        Some(Value::String(alg)) if alg == ES256 => Ok(()),
        Some(other) => Err(StatementError::AlgNotAllowed { found: shown(&other.to_string()) }),
        None => Err(missing(HeaderMember::Alg)),
    }
}

fn check_names(members: &Map<String, Value>) -> Result<(), StatementError> {
    const KNOWN: [HeaderMember; 6] = [
        HeaderMember::Alg,
        HeaderMember::Typ,
        HeaderMember::X5tS256,
        HeaderMember::Kid,
        HeaderMember::Aud,
        HeaderMember::Iat,
    ];
    if let Some(member) = ForbiddenMember::ALL.into_iter().find(|member| members.contains_key(member.name())) {
        return Err(StatementError::Forbidden(member));
    }
    match members.keys().find(|name| !KNOWN.iter().any(|member| member.name() == name.as_str())) {
        Some(name) => Err(StatementError::UnknownHeaderMember { member: shown(name) }),
        None => Ok(()),
    }
}

fn typ_of(members: &Map<String, Value>) -> Result<StatementType, StatementError> {
    let value = members.get(HeaderMember::Typ.name()).ok_or(missing(HeaderMember::Typ))?;
    let row = value.as_str().and_then(TypeRow::find).ok_or_else(|| bad(HeaderMember::Typ, value))?;
    row.read_as.ok_or(StatementError::TypReserved { typ: row.typ })
}

fn check_signer_member(members: &Map<String, Value>, typ: StatementType) -> Result<(), StatementError> {
    let expected = typ.signer_member();
    let found = match expected {
        HeaderMember::Kid => HeaderMember::X5tS256,
        _ => HeaderMember::Kid,
    };
    if members.contains_key(found.name()) {
        return Err(StatementError::WrongSignerMember { found, expected });
    }
    Ok(())
}

fn signer_of(members: &Map<String, Value>, typ: StatementType) -> Result<SignerRef, StatementError> {
    let member = typ.signer_member();
    let value = members.get(member.name()).ok_or(missing(member))?;
    let hash = value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| bad(member, value))?;
    Ok(match typ {
        StatementType::Epcis => SignerRef::Certificate(hash),
        StatementType::Admin => SignerRef::Member(hash),
    })
}

fn aud_of(members: &Map<String, Value>) -> Result<String, StatementError> {
    match members.get(HeaderMember::Aud.name()) {
        None => Err(missing(HeaderMember::Aud)),
        Some(Value::String(aud)) if (1..=ORIGIN_CHARS_MAX).contains(&aud.chars().count()) => Ok(aud.clone()),
        Some(other) => Err(bad(HeaderMember::Aud, other)),
    }
}

fn iat_of(members: &Map<String, Value>) -> Result<Timestamp, StatementError> {
    let value = members.get(HeaderMember::Iat.name()).ok_or(missing(HeaderMember::Iat))?;
    value.as_i64().and_then(Timestamp::from_seconds).ok_or_else(|| bad(HeaderMember::Iat, value))
}

const fn missing(member: HeaderMember) -> StatementError {
    StatementError::MissingMember { member, expected: expected(member) }
}

fn bad(member: HeaderMember, found: &Value) -> StatementError {
    StatementError::BadMember { member, found: shown(&found.to_string()), expected: expected(member) }
}

const fn expected(member: HeaderMember) -> &'static str {
    match member {
        HeaderMember::Alg => "it must be \"ES256\"",
        HeaderMember::Typ => "it must be \"epcis+jws\" or \"sealane-admin+jws\"",
        HeaderMember::X5tS256 => "it must be the SHA-256 of the signer's certificate in DER, base64url, 43 characters",
        HeaderMember::Kid => {
            "it must be the SHA-256 of the member's SubjectPublicKeyInfo in DER, base64url, 43 characters"
        }
        HeaderMember::Aud => "it must be one string, the ledger's origin",
        HeaderMember::Iat => "it must be a whole number of seconds since 1970, such as 1795253400",
    }
}

/// At most 80 characters of what was found: enough to recognise it, too few to flood a log.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
