//! The trust anchor: the genesis statement of a ledger, from which its origin and its members follow.

use serde::{Deserialize, Serialize};

use crate::domain::consortium::{Admin, Genesis};
use crate::domain::hash::Hash;
use crate::domain::json::{self, JsonError};
use crate::domain::statement::{StatementError, SubmittedStatement};

/// What a verifier trusts before it looks at any evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    genesis: Genesis,
    statement: SubmittedStatement,
}

/// JSON of the anchor, as `GET /trust` gives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnchorDocument {
    version: u32,
    origin: String,
    genesis: String,
}

/// Text that is no trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    #[error("the trust anchor is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("this is no trust anchor: {detail}; `sealane trust --out FILE` or GET /trust gives one")]
    Shape { detail: String },
    #[error("the trust anchor's genesis statement: {0}")]
    Statement(#[from] StatementError),
}

impl Anchor {
    /// Takes the genesis statement itself. It must be signed by a member that it names, for the origin that it names.
    pub fn of_genesis(compact: &[u8]) -> Result<Self, AnchorError> {
        let shape = |detail: &str| AnchorError::Shape { detail: detail.to_owned() };
        let statement = SubmittedStatement::parse(compact)?;
        let Ok(Admin::Genesis(genesis)) = Admin::parse(statement.payload()) else {
            return Err(shape("its statement is not a genesis statement"));
        };
        statement.check_audience(genesis.origin.as_str())?;
        let signer = genesis.members.get(statement.header().signer().hash());
        let signer = signer.ok_or_else(|| shape("its genesis statement is signed by none of the members it names"))?;
        statement.clone().verify(signer.key())?;
        Ok(Self { genesis, statement })
    }

    /// Reads the JSON of an anchor.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnchorError> {
        let shape = |detail: String| AnchorError::Shape { detail };
        let document: AnchorDocument =
            serde_json::from_value(json::parse(bytes)?).map_err(|error| shape(error.to_string()))?;
        if document.version != 1 {
            return Err(shape(format!("version {} is unknown; this program knows 1", document.version)));
        }
        let anchor = Self::of_genesis(document.genesis.as_bytes())?;
        if anchor.genesis.origin.as_str() != document.origin {
            return Err(shape("its origin is not the one in its genesis statement".to_owned()));
        }
        Ok(anchor)
    }

    /// Writes the JSON, with the members spelled out for people.
    pub fn to_json(&self) -> serde_json::Value {
        let members: Vec<_> = self
            .genesis
            .members
            .members()
            .map(|member| serde_json::json!({"name": member.name(), "kid": member.kid(), "jwk": member.key()}))
            .collect();
        serde_json::json!({
            "version": 1,
            "origin": self.genesis.origin,
            "fingerprint": self.fingerprint(),
            "members": members,
            "genesis": self.statement.compact(),
        })
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// SHA-256 of the genesis statement's signing input: what people compare over the telephone.
    pub fn fingerprint(&self) -> Hash {
        *self.statement.id().hash()
    }
}
