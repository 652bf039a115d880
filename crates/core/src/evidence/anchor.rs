//! The trust anchor: a ledger as it was after one of its blocks, from which a verifier goes on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::{Checkpoint, Commit, FinalCheckpoint, FinalityError, Height, Leaf, MemberSet, Origin, Seal};
use crate::consortium::{Admin, AdminError, Genesis};
use crate::hash::Hash;
use crate::index::{IndexError, ListEntry, SignerTag, SubjectIndex, names};
use crate::json::{self, JsonError};
use crate::merkle::{self, TreeSize};
use crate::statement::{SignatureVerifier, StatementError, StatementId, SubmittedStatement, VerifiedStatement};

/// The version of the anchor's JSON.
const VERSION: u64 = 2;

/// What a verifier trusts before it looks at any evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    genesis: Genesis,
    statement: VerifiedStatement,
    height: Height,
    size: TreeSize,
    root: Hash,
    /// The members after the block of `height`.
    members: MemberSet,
}

/// JSON of the anchor, as `GET /trust` gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnchorDocument {
    version: u64,
    origin: Origin,
    height: Height,
    size: TreeSize,
    root: Hash,
    members: MemberSet,
    fingerprint: Hash,
    genesis: String,
}

/// Text that is no trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    #[error("the trust anchor is not strict JSON: {0}")]
    Json(#[from] JsonError),
    #[error("this is no trust anchor: {detail}; `sealane trust --out FILE` or GET /trust gives one")]
    Shape { detail: String },
    #[error(
        "this trust anchor has version {found}, and this program reads version {VERSION}: take a new one with \
         `sealane trust --out FILE`, and compare its fingerprint with a member's own"
    )]
    Version { found: u64 },
    #[error("the trust anchor's genesis statement: {0}")]
    Statement(#[from] StatementError),
    #[error("the trust anchor's genesis statement: {0}")]
    Genesis(#[from] AdminError),
    #[error("the trust anchor's genesis statement gives no first block: {0}")]
    Index(#[from] IndexError),
}

impl Anchor {
    /// Takes the genesis statement itself: the anchor of height 0.
    ///
    /// It must be signed by the first of the members that it names, for the origin that it names, with a consent of each.
    pub fn of_genesis(compact: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, AnchorError> {
        let shape = |detail: &str| AnchorError::Shape { detail: detail.to_owned() };
        let statement = SubmittedStatement::parse(compact)?;
        let Admin::Genesis(genesis) = Admin::parse(statement.payload())? else {
            return Err(shape("its statement is not a genesis statement"));
        };
        statement.check_audience(genesis.origin.as_str())?;
        let first = genesis.members.members().next();
        let signer = first.filter(|first| first.kid() == *statement.header().signer().hash());
        let signer = signer.ok_or_else(|| shape("its genesis statement is not signed by the first of its members"))?;
        let statement = statement.verify(signer.key(), verifier)?;
        genesis.verify_founders(verifier)?;
        let leaf = Leaf::of_statement(statement.compact());
        let seal = first_seal(&genesis, statement.id(), &signer.kid())?;
        let hashes = [leaf, Leaf::Seal(seal)].map(|leaf| merkle::leaf_hash(&leaf.encode()));
        let size = TreeSize::ZERO.next_index().size_through().next_index().size_through();
        let (root, members) = (merkle::root(&hashes), genesis.members.clone());
        Ok(Self { genesis, statement, height: Height::GENESIS, size, root, members })
    }

    /// The anchor after another block of the same ledger.
    ///
    /// `members` are those after it, and the block is one that the caller trusts, as a node trusts its own.
    pub fn after(self, height: Height, checkpoint: &Checkpoint, members: MemberSet) -> Self {
        if height == Height::GENESIS {
            return self;
        }
        Self { height, size: checkpoint.size, root: checkpoint.root, members, ..self }
    }

    /// Reads the JSON of an anchor.
    pub fn parse(bytes: &[u8], verifier: &dyn SignatureVerifier) -> Result<Self, AnchorError> {
        let shape = |detail: String| AnchorError::Shape { detail };
        let value = json::parse(bytes)?;
        // First of all: an anchor of another version has other members.
        if let Some(found) = value.get("version").and_then(Value::as_u64).filter(|found| *found != VERSION) {
            return Err(AnchorError::Version { found });
        }
        let document: AnchorDocument = serde_json::from_value(value).map_err(|error| shape(error.to_string()))?;
        let genesis = Self::of_genesis(document.genesis.as_bytes(), verifier)?;
        let AnchorDocument { height, size, root, .. } = document;
        let anchor = match height {
            Height::GENESIS => genesis,
            _ => Self { height, size, root, members: document.members.clone(), ..genesis },
        };
        // People compare these with a member's own: they must be what is trusted.
        if anchor.document() != document {
            let detail =
                "its origin, fingerprint, members, size or root are not what its genesis statement and height give";
            return Err(shape(detail.to_owned()));
        }
        Ok(anchor)
    }

    /// Writes the JSON.
    pub fn to_json(&self) -> Value {
        // Only maps with keys that are no strings can fail here, and there are none.
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    fn document(&self) -> AnchorDocument {
        AnchorDocument {
            version: VERSION,
            origin: self.genesis.origin.clone(),
            height: self.height,
            size: self.size,
            root: self.root,
            members: self.members.clone(),
            fingerprint: self.fingerprint(),
            genesis: self.statement.compact().to_owned(),
        }
    }

    /// The genesis statement.
    pub const fn statement(&self) -> &VerifiedStatement {
        &self.statement
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The genesis statement's id: the ledger's, whatever the anchor's height.
    pub fn genesis_id(&self) -> Hash {
        *self.statement.id().hash()
    }

    pub const fn height(&self) -> Height {
        self.height
    }

    pub const fn size(&self) -> TreeSize {
        self.size
    }

    pub const fn root(&self) -> Hash {
        self.root
    }

    /// The members after the block of the anchor's height. Rules 1 change none.
    pub const fn members(&self) -> &MemberSet {
        &self.members
    }

    /// What people compare over the telephone: SHA-256(genesis id ‖ height as u64, big-endian ‖ root ‖ hash of the members).
    pub fn fingerprint(&self) -> Hash {
        let height = self.height.get().to_be_bytes();
        Hash::of_parts(&[self.genesis_id().as_bytes(), &height, self.root.as_bytes(), self.members.hash().as_bytes()])
    }

    /// Checks that a checkpoint is final by this anchor, whose origin it must be of.
    ///
    /// The anchor's own block is trusted by its root; its commit is not verified. A block below is not trusted.
    pub fn check_final(
        &self,
        checkpoint: Checkpoint,
        commit: Commit,
        verifier: &dyn SignatureVerifier,
    ) -> Result<FinalCheckpoint, FinalityError> {
        self.check_above(commit.height)?;
        if commit.height > self.height {
            return FinalCheckpoint::verify(checkpoint, commit, &self.members, verifier);
        }
        if checkpoint.size != self.size || checkpoint.root != self.root {
            return Err(FinalityError::OtherThanAnchor { height: self.height });
        }
        Ok(FinalCheckpoint::of_anchor(checkpoint, commit))
    }

    /// Checks that the seal of a block that is final by this anchor names the members that the anchor gives.
    pub fn check_seal_members(&self, seal: &Seal) -> Result<(), FinalityError> {
        let found = if seal.height == self.height { seal.next_members_hash } else { seal.members_hash };
        let expected = self.members.hash();
        if found == expected { Ok(()) } else { Err(FinalityError::SealMembers { found, expected }) }
    }

    /// Refuses a height below the anchor's.
    pub fn check_above(&self, height: Height) -> Result<(), FinalityError> {
        if height >= self.height { Ok(()) } else { Err(FinalityError::BelowAnchor { height, anchor: self.height }) }
    }
}

/// The seal of block 0, which the genesis statement gives whole.
fn first_seal(genesis: &Genesis, id: StatementId, signer: &Hash) -> Result<Seal, IndexError> {
    let members_hash = genesis.members.hash();
    let mut index = SubjectIndex::new();
    for (subject, acts) in names::of_admin(&Admin::Genesis(genesis.clone()), id) {
        let entry = ListEntry { leaf: TreeSize::ZERO.next_index(), signer: SignerTag::of_member(signer), acts };
        index.append(subject.key(), entry)?;
    }
    Ok(Seal {
        height: Height::GENESIS,
        time: genesis.created,
        previous_size: TreeSize::ZERO,
        previous_root: Hash::of(b""),
        index_root: index.root(),
        members_hash,
        next_members_hash: members_hash,
        rules: genesis.rules,
        enacted: Vec::new(),
    })
}
