//! The trust anchor: the genesis statement of a ledger, from which its origin and its members follow.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::Origin;
use crate::consortium::{Admin, Genesis};
use crate::hash::Hash;
use crate::json::{self, JsonError};
use crate::statement::{
    PublicKey, SignatureVerifier, StatementError, StatementId, SubmittedStatement, VerifiedStatement,
};

/// The version of the anchor's JSON.
const VERSION: u32 = 1;

/// What a verifier trusts before it looks at any evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    genesis: Genesis,
    statement: VerifiedStatement,
}

/// JSON of the anchor, as `GET /trust` gives it. What is not the genesis statement is for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnchorDocument {
    version: u32,
    origin: Origin,
    fingerprint: Hash,
    members: Vec<MemberDocument>,
    genesis: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberDocument {
    name: String,
    kid: Hash,
    jwk: PublicKey,
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
    pub fn of_genesis(compact: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, AnchorError> {
        let shape = |detail: &str| AnchorError::Shape { detail: detail.to_owned() };
        let statement = SubmittedStatement::parse(compact)?;
        let Ok(Admin::Genesis(genesis)) = Admin::parse(statement.payload()) else {
            return Err(shape("its statement is not a genesis statement"));
        };
        statement.check_audience(genesis.origin.as_str())?;
        let signer = genesis.members.get(statement.header().signer().hash());
        let signer = signer.ok_or_else(|| shape("its genesis statement is signed by none of the members it names"))?;
        let statement = statement.verify(signer.key(), verifier)?;
        Ok(Self { genesis, statement })
    }

    /// Reads the JSON of an anchor.
    pub fn parse(bytes: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, AnchorError> {
        let shape = |detail: String| AnchorError::Shape { detail };
        let document: AnchorDocument =
            serde_json::from_value(json::parse(bytes)?).map_err(|error| shape(error.to_string()))?;
        if document.version != VERSION {
            return Err(shape(format!("version {} is unknown; this program knows {VERSION}", document.version)));
        }
        let anchor = Self::of_genesis(document.genesis.as_bytes(), verifier)?;
        // Whoever reads the file compares these with a member's own: they must be what is trusted.
        if anchor.document() != document {
            return Err(shape("its origin, fingerprint or members are not those of its genesis statement".to_owned()));
        }
        Ok(anchor)
    }

    /// Writes the JSON, with the members spelled out for people.
    pub fn to_json(&self) -> Value {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    fn document(&self) -> AnchorDocument {
        let members = self.genesis.members.members().map(|member| MemberDocument {
            name: member.name().to_owned(),
            kid: member.kid(),
            jwk: member.key().clone(),
        });
        AnchorDocument {
            version: VERSION,
            origin: self.genesis.origin.clone(),
            fingerprint: self.fingerprint(),
            members: members.collect(),
            genesis: self.statement.compact().to_owned(),
        }
    }

    /// The genesis statement.
    pub const fn statement(&self) -> &VerifiedStatement {
        &self.statement
    }

    /// The genesis statement's id.
    pub fn genesis_id(&self) -> StatementId {
        self.statement.id()
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// SHA-256 of the genesis statement's signing input: what people compare over the telephone.
    pub fn fingerprint(&self) -> Hash {
        *self.statement.id().hash()
    }
}
