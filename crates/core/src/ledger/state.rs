//! What the next block is made on: the right edge of everything, and how it moves.

use std::sync::Arc;

use crate::block::{Checkpoint, Height, Leaf, Seal};
use crate::consortium::{Admin, AdminError, Decision, Place, Refusal, Registry};
use crate::hash::Hash;
use crate::index::{SubjectIndex, SubjectKey, SubjectProof};
use crate::ledger::block::Successor;
use crate::ledger::rules::{KnownRules, Rules, UnknownRules};
use crate::ledger::usage::Usage;
use crate::merkle::{self, Edge, TreeSize};
use crate::statement::{SignatureVerifier, StatementError, SubmittedStatement};
use crate::time::Timestamp;

/// The ledger up to its last final block, and the block that is staged on it, if one is.
#[derive(Debug, Clone, Default)]
pub struct State {
    last: Option<Seal>,
    pub(super) edge: Edge,
    pub(super) index: SubjectIndex,
    pub(super) registry: Option<Arc<Registry>>,
    pub(super) usage: Usage,
    known: KnownRules,
}

/// Parts that do not belong to the last final block: the tree is not that of its checkpoint, or the index or the members
/// are not those of its seal. The message speaks of the root in the last commit for all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {what} does not give the root in the last commit")]
pub struct ResumeError {
    pub what: &'static str,
}

/// A successor of another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the block begins after {base} leaves, and the ledger has {size}")]
pub struct NotOnTop {
    pub base: TreeSize,
    pub size: TreeSize,
}

impl State {
    /// The ledger before its first leaf.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Takes a ledger up at a final block.
    ///
    /// # Errors
    ///
    /// [`ResumeError`] if the edge does not give the checkpoint's root and size, the index not the seal's root, or the
    /// registry not the members of the seal's `nextMembersHash`. No signature is checked. `usage` MUST have every capture up to
    /// the block: nothing in the block says whether it does.
    pub fn resume(
        seal: Seal,
        checkpoint: &Checkpoint,
        edge: Edge,
        mut index: SubjectIndex,
        registry: Registry,
        usage: Usage,
    ) -> Result<Self, ResumeError> {
        if edge.size() != checkpoint.size || edge.root() != checkpoint.root {
            return Err(ResumeError { what: "tree" });
        }
        if index.root() != seal.index_root {
            return Err(ResumeError { what: "index" });
        }
        if registry.members().hash() != seal.next_members_hash {
            return Err(ResumeError { what: "set of members" });
        }
        let known = KnownRules::default();
        Ok(Self { last: Some(seal), edge, index, registry: Some(Arc::new(registry)), usage, known })
    }

    /// The same ledger, at a program that knows these rules and no others.
    #[must_use]
    pub fn knowing(self, known: KnownRules) -> Self {
        Self { known, ..self }
    }

    /// The seal of the last final block; `None` before genesis.
    pub const fn last_seal(&self) -> Option<&Seal> {
        self.last.as_ref()
    }

    /// The height of the next block.
    pub fn next_height(&self) -> Height {
        self.last.as_ref().map_or(Height::GENESIS, |last| last.height.next())
    }

    /// The rules for the next block, if it is closed at a time.
    ///
    /// # Errors
    ///
    /// [`UnknownRules`] if the members have decided on rules that the program does not know, and they are in force then: no
    /// block is made or validated by them here.
    pub fn rules_at(&self, time: Timestamp) -> Result<Rules, UnknownRules> {
        self.known.get(self.registry.as_ref().map_or(Rules::FIRST.number(), |registry| registry.rules_at(time)))
    }

    /// Leaves in the tree of the last final block.
    pub fn size(&self) -> TreeSize {
        self.edge.size()
    }

    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The consortium as of the last final block; `None` before genesis.
    pub const fn registry(&self) -> Option<&Arc<Registry>> {
        self.registry.as_ref()
    }

    /// What participants have used of their quotas, up to the last final block.
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Subjects in the index, those of a staged block included.
    pub fn subjects(&self) -> usize {
        self.index.len()
    }

    /// Proves what the index says of a subject as of `blocks` final blocks ago: 0 is the last final block, whether or not
    /// another one is staged. `None` of more blocks than are kept.
    pub fn prove(&mut self, key: &SubjectKey, blocks: usize) -> Option<SubjectProof> {
        self.index.prove_before(key, blocks)
    }

    /// The checkpoint of the block that these leaves and this seal would make after the last final one, whether or not they
    /// may stand. `None` before genesis.
    pub fn checkpoint_with(&self, leaves: &[Hash], seal: &Seal) -> Option<Checkpoint> {
        let origin = self.registry.as_ref()?.origin().clone();
        let mut edge = self.edge.clone();
        leaves.iter().for_each(|leaf| edge.push(*leaf));
        edge.push(merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
        Some(Checkpoint { origin, size: edge.size(), root: edge.root() })
    }

    /// Makes the staged block final.
    ///
    /// # Errors
    ///
    /// [`NotOnTop`] if the block was staged on another state. Nothing is changed then.
    pub fn apply(&mut self, next: Successor) -> Result<(), NotOnTop> {
        let Successor { base, seal, edge, registry, used } = next;
        if base != self.size() {
            return Err(NotOnTop { base, size: self.size() });
        }
        self.index.keep();
        self.usage.apply(used);
        (self.last, self.edge, self.registry) = (Some(seal), edge, Some(registry));
        Ok(())
    }

    /// Takes the staged block back, as if it had never been.
    pub fn roll_back(&mut self) {
        self.index.roll_back();
    }
}

/// The consortium, made again at a start from the admin statements of a ledger whose blocks were validated when they came.
#[derive(Debug, Default)]
pub struct RegistryFold(Option<Registry>);

/// An admin statement that cannot stand where it stands.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryFoldError {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Payload(#[from] AdminError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the ledger does not begin with a genesis statement")]
    NoGenesis,
}

impl RegistryFold {
    /// Takes the admin statement that stands at a place, in the block of a height. They come in ledger order.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there. Its signature, and the block that a `ready` names, are not looked at again.
    pub fn take(
        &mut self,
        text: &[u8],
        place: Place,
        height: Height,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), RegistryFoldError> {
        let statement = SubmittedStatement::parse(text)?;
        let admin = Admin::parse(statement.payload())?;
        match (&mut self.0, &admin) {
            (None, Admin::Genesis(genesis)) => self.0 = Some(Registry::new(genesis)),
            (None, _) => return Err(RegistryFoldError::NoGenesis),
            (Some(registry), _) => {
                let (id, kid) = (statement.id(), *statement.header().signer().hash());
                registry.decide(&Decision { id, admin: &admin, kid, place, height }, verifier)?;
            }
        }
        Ok(())
    }

    /// The consortium; `None` if no statement came.
    pub fn finish(self) -> Option<Registry> {
        self.0
    }
}
