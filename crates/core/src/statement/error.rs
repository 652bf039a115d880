//! What can be wrong with a statement.

use crate::json::JsonError;
use crate::limits::{HEADER_BYTES_MAX, STATEMENT_BYTES_MAX};

/// Why some bytes are no statement, or not one for this ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the statement has {found} bytes; at most {STATEMENT_BYTES_MAX} are taken")]
    TooLong { found: usize },
    #[error(
        "a compact JWS has three parts, header.payload.signature, with a dot between them; this text has {found} \
         (JSON serialisation is not taken)"
    )]
    NotThreeParts { found: usize },
    #[error("white space at byte {offset}; a compact JWS has none, neither inside nor after it")]
    WhiteSpace { offset: usize },
    #[error("the {part} is not base64url at its character {offset}: {fault}")]
    NotBase64url { part: &'static str, offset: usize, fault: &'static str },
    #[error("the header has {found} bytes of base64url; at most {HEADER_BYTES_MAX} bytes of JSON are taken")]
    HeaderTooLong { found: usize },
    #[error("the header is not strict JSON: {0}")]
    HeaderNotJson(#[source] JsonError),
    #[error("the header must be a JSON object")]
    HeaderNotObject,
    #[error("the header names {member:?} twice")]
    DuplicateHeaderMember { member: String },
    #[error("alg is {found}; the only algorithm taken is \"ES256\"")]
    AlgNotAllowed { found: String },
    #[error("the header has no {member}; {expected}")]
    MissingMember { member: HeaderMember, expected: &'static str },
    #[error("the header's {member} is {found}; {expected}")]
    BadMember { member: HeaderMember, found: String, expected: &'static str },
    #[error("the header's {} is refused: {}", .0.name(), .0.reason())]
    Forbidden(ForbiddenMember),
    #[error("the header's {member:?} is unknown; it holds alg, typ, aud, iat and x5t#S256 or kid, and nothing else")]
    UnknownHeaderMember { member: String },
    #[error("the header has {found}, but a statement of this typ names its signer by {expected} alone")]
    WrongSignerMember { found: HeaderMember, expected: HeaderMember },
    #[error(
        "typ {typ:?} is reserved: no statement of this type is taken yet; sign an EPCISDocument as \"epcis+jws\", \
         a decision of a member as \"sealane-admin+jws\""
    )]
    TypReserved { typ: &'static str },
    #[error("between the dots of a detached JWS stands nothing; this one has a payload of its own")]
    PayloadNotDetached,
    #[error("the statement has no payload; a detached JWS travels in JWS-Signature beside the document")]
    MissingPayload,
    #[error("the signature has {found} bytes; ES256 has 64, r then s, 32 bytes each, and no ASN.1")]
    SignatureLength { found: usize },
    #[error("the signature does not hold for these bytes under the signer's key")]
    BadSignature,
    #[error("aud is {found:?}; this ledger is {expected:?}")]
    WrongAudience { expected: String, found: String },
}

/// A header member that a statement must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMember {
    Alg,
    Typ,
    X5tS256,
    Kid,
    Aud,
    Iat,
}

/// A header member that RFC 7515 or RFC 7797 knows and a statement must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenMember {
    Crit,
    B64,
    Jwk,
    Jku,
    X5c,
    X5u,
    X5t,
}

impl StatementError {
    /// A stable name for programs: lower case with hyphens.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "statement-too-long",
            Self::NotThreeParts { .. } => "not-three-parts",
            Self::WhiteSpace { .. } => "white-space",
            Self::NotBase64url { .. } => "not-base64url",
            Self::HeaderTooLong { .. } => "header-too-long",
            Self::HeaderNotJson(_) => "header-not-json",
            Self::HeaderNotObject => "header-not-object",
            Self::DuplicateHeaderMember { .. } => "duplicate-header-member",
            Self::AlgNotAllowed { .. } => "alg-not-allowed",
            Self::MissingMember { member, .. } => member.missing_code(),
            Self::BadMember { member, .. } => member.bad_code(),
            Self::Forbidden(member) => member.code(),
            Self::UnknownHeaderMember { .. } => "unknown-header-member",
            Self::WrongSignerMember { .. } => "wrong-signer-member",
            Self::TypReserved { .. } => "type-reserved",
            Self::PayloadNotDetached => "payload-not-detached",
            Self::MissingPayload => "missing-payload",
            Self::SignatureLength { .. } => "signature-length",
            Self::BadSignature => "bad-signature",
            Self::WrongAudience { .. } => "wrong-audience",
        }
    }

    /// Whether the statement is well formed and only its signature is at fault.
    pub const fn is_about_signature(&self) -> bool {
        matches!(self, Self::SignatureLength { .. } | Self::BadSignature)
    }
}

impl HeaderMember {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alg => "alg",
            Self::Typ => "typ",
            Self::X5tS256 => "x5t#S256",
            Self::Kid => "kid",
            Self::Aud => "aud",
            Self::Iat => "iat",
        }
    }

    const fn missing_code(self) -> &'static str {
        match self {
            Self::Alg => "missing-alg",
            Self::Typ => "missing-typ",
            Self::X5tS256 => "missing-x5t-s256",
            Self::Kid => "missing-kid",
            Self::Aud => "missing-aud",
            Self::Iat => "missing-iat",
        }
    }

    const fn bad_code(self) -> &'static str {
        match self {
            Self::Alg => "alg-not-allowed",
            Self::Typ => "bad-typ",
            Self::X5tS256 => "bad-x5t-s256",
            Self::Kid => "bad-kid",
            Self::Aud => "bad-aud",
            Self::Iat => "bad-iat",
        }
    }
}

impl std::fmt::Display for HeaderMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl ForbiddenMember {
    pub(super) const ALL: [Self; 7] = [Self::Crit, Self::B64, Self::Jwk, Self::Jku, Self::X5c, Self::X5u, Self::X5t];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Crit => "crit",
            Self::B64 => "b64",
            Self::Jwk => "jwk",
            Self::Jku => "jku",
            Self::X5c => "x5c",
            Self::X5u => "x5u",
            Self::X5t => "x5t",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Crit => "crit-not-allowed",
            Self::B64 => "b64-not-allowed",
            Self::Jwk => "jwk-not-allowed",
            Self::Jku => "jku-not-allowed",
            Self::X5c => "x5c-not-allowed",
            Self::X5u => "x5u-not-allowed",
            Self::X5t => "x5t-not-allowed",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Crit => "no extension of JWS is understood here",
            Self::B64 => "the payload is always base64url",
            Self::Jwk | Self::Jku | Self::X5c | Self::X5u => {
                "a signer's key comes from the ledger, never from the statement"
            }
            Self::X5t => "SHA-1 names nothing safely; use x5t#S256",
        }
    }
}
