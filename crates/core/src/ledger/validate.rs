//! A block that another member made.

use crate::block::{Leaf, LeafError, Seal};
use crate::consortium::{Admin, Registry};
use crate::evidence::{Anchor, AnchorError};
use crate::hash::Hash;
use crate::ledger::block::SealedBlock;
use crate::ledger::candidate::{Candidate, verify};
use crate::ledger::known::Knowledge;
use crate::ledger::place::PlaceRefusal;
use crate::ledger::placing::{BlockError, PlaceError, Placing};
use crate::ledger::rules::UnknownRules;
use crate::ledger::state::State;
use crate::limits::{BLOCK_BYTES_MAX, BLOCK_STATEMENTS_MAX, STATEMENT_BYTES_MAX};
use crate::merkle::{self, LeafIndex};
use crate::provider::Provider;
use crate::statement::{StatementError, SubmittedStatement};
use crate::time::Timestamp;

/// What a block is said to hold. Of leaves that are shown, nothing is believed.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its leaves before the seal, in order.
    pub leaves: Vec<BodyLeaf>,
    pub seal: Seal,
}

/// A leaf before the seal.
#[derive(Debug, Clone)]
pub enum BodyLeaf {
    /// As another party shows it.
    Shown {
        bytes: Vec<u8>,
        /// The bytes beside the leaf, if it stands for a long statement and they are to be had.
        long: Option<Vec<u8>>,
    },
    /// The leaf of a statement that this host has verified already, of exactly these bytes: what does not depend on the
    /// place is not checked again.
    Verified(Box<Candidate>),
}

impl BodyLeaf {
    /// Bytes of the leaf, and of the long statement that it stands for.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Shown { bytes, long } => bytes.len() + long.as_ref().map_or(0, Vec::len),
            Self::Verified(candidate) => candidate.statement().compact().len(),
        }
    }

    /// The leaf's hash (RFC 9162 §2.1.1).
    pub fn hash(&self) -> Hash {
        match self {
            Self::Shown { bytes, .. } => merkle::leaf_hash(bytes),
            Self::Verified(candidate) => candidate.leaf_hash(),
        }
    }
}

/// A block that may not follow the state, and the first leaf at which that shows.
#[derive(Debug, Clone, thiserror::Error)]
#[error("leaf {leaf}: {reason}")]
pub struct Invalid {
    pub leaf: LeafIndex,
    pub reason: Box<InvalidReason>,
}

/// Why a block may not follow a state.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvalidReason {
    #[error(transparent)]
    Leaf(#[from] LeafError),
    #[error("it holds no statement")]
    NoStatement,
    #[error("the long statement that it stands for is missing")]
    LongMissing,
    #[error("the long statement beside it does not have the hash that it holds")]
    LongHash,
    #[error("its statement belongs into another kind of leaf")]
    LeafKind,
    #[error("its statement stands in leaf {first} already")]
    Repeated { first: LeafIndex },
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Genesis(#[from] AnchorError),
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error("its block goes on past {BLOCK_STATEMENTS_MAX} statements or {} bytes", OPEN_BYTES_MAX)]
    TooLarge,
    #[error("it is not the genesis statement of the trust anchor")]
    OtherGenesis,
    #[error("the first block holds its genesis statement and nothing else")]
    BesideGenesis,
    #[error("the first block has no genesis statement")]
    NoGenesis,
    #[error("it stands after the statement that enacts a proposal, with which its block ends")]
    AfterEnactment,
    #[error(transparent)]
    Rules(#[from] UnknownRules),
    #[error("the {member} in its seal is not what the leaves before it give")]
    Seal { member: &'static str },
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl InvalidReason {
    /// The rule, in a word or two, for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Leaf(_) | Self::NoStatement | Self::LeafKind => "leaf",
            Self::LongMissing | Self::LongHash => "long-statement",
            Self::Repeated { .. } => "repeated",
            Self::Statement(_) => "statement",
            Self::Genesis(_) | Self::OtherGenesis | Self::BesideGenesis | Self::NoGenesis => "genesis",
            Self::Refused(PlaceRefusal::Statement(_)) => "statement",
            Self::Refused(PlaceRefusal::Signer(_)) => "signer",
            Self::Refused(PlaceRefusal::Epcis(_) | PlaceRefusal::Payload(_) | PlaceRefusal::Type) => "content",
            Self::Refused(PlaceRefusal::Rights { .. }) => "rights",
            Self::Refused(PlaceRefusal::Conflict(_)) => "contradiction",
            Self::Refused(PlaceRefusal::Repeats { .. }) => "nothing-new",
            Self::Refused(PlaceRefusal::Quota(_)) => "quota",
            Self::Refused(PlaceRefusal::NotAnAuthority { .. }) => "signer",
            Self::Refused(
                PlaceRefusal::IssuedAhead { .. } | PlaceRefusal::IssuedLongAgo { .. } | PlaceRefusal::EventAhead { .. },
            ) => "time",
            Self::Refused(PlaceRefusal::Admin(_) | PlaceRefusal::Certificate(_) | PlaceRefusal::BeforeGenesis) => {
                "decision"
            }
            Self::TooLarge => "size",
            Self::AfterEnactment => "enactment",
            Self::Rules(_) | Self::Refused(PlaceRefusal::Rules(_)) => "rules",
            Self::Seal { .. } => "seal",
            Self::Block(_) => "block",
        }
    }
}

/// Bytes of a block's statements: it stops growing at `BLOCK_BYTES_MAX`, with the statement that reaches it.
pub const OPEN_BYTES_MAX: usize = BLOCK_BYTES_MAX + STATEMENT_BYTES_MAX;

/// Runs every rule on a block that another member made, and stages it on the state if all of them hold.
///
/// The rules are those that the ledger has in force at the time of its seal. `known` has what the final blocks hold of the
/// block's statements and events, and the final blocks that they name.
///
/// # Errors
///
/// The first leaf at fault, and the rule. The state is then as it was.
pub fn validate(
    state: &mut State,
    known: &dyn Knowledge,
    body: Body,
    provider: Provider<'_>,
) -> Result<SealedBlock, Invalid> {
    let Body { leaves, seal } = body;
    let last_time = state.last_seal().map(|last| last.time);
    let first = state.size().next_index();
    let mut placing = match Placing::begin(state, seal.time, known, provider.signatures) {
        Ok(placing) => placing,
        Err(unknown) => return Err(Invalid { leaf: first, reason: Box::new(unknown.into()) }),
    };
    let mut bytes = 0;
    for (leaf, statements) in leaves.into_iter().zip(1..) {
        let at = placing.next_place().leaf;
        bytes += leaf.size_bytes();
        let placed = if statements > BLOCK_STATEMENTS_MAX || bytes > OPEN_BYTES_MAX {
            Err(InvalidReason::TooLarge)
        } else if last_time.is_none() && statements > 1 {
            Err(InvalidReason::BesideGenesis)
        } else if placing.is_complete() {
            Err(InvalidReason::AfterEnactment)
        } else {
            place_leaf(&mut placing, leaf, provider)
        };
        if let Err(reason) = placed {
            placing.abandon();
            return Err(Invalid { leaf: at, reason: Box::new(reason) });
        }
    }
    let leaf = placing.next_place().leaf;
    let sealed = placing.seal().map_err(|_| InvalidReason::NoGenesis);
    let checked = sealed.and_then(|block| match differing(&block, &seal, last_time) {
        Some(member) => Err(InvalidReason::Seal { member }),
        None => Ok(block),
    });
    checked.map_err(|reason| {
        state.roll_back();
        Invalid { leaf, reason: Box::new(reason) }
    })
}

/// The first member of a seal that is not what the leaves before it give. Its time must be later than the last one, and that
/// of the first block is when the genesis statement says that the ledger was created.
fn differing(block: &SealedBlock, found: &Seal, last_time: Option<Timestamp>) -> Option<&'static str> {
    let right = &block.seal;
    let is_timely = match (last_time, block.admins.first()) {
        (Some(last), _) => last < found.time,
        (None, Some(Admin::Genesis(genesis))) => found.time == genesis.created,
        (None, _) => false,
    };
    let members = [
        (right.height == found.height, "height"),
        (is_timely, "time"),
        (right.previous_size == found.previous_size, "previousSize"),
        (right.previous_root == found.previous_root, "previousRoot"),
        (right.index_root == found.index_root, "indexRoot"),
        (right.members_hash == found.members_hash, "membersHash"),
        (right.next_members_hash == found.next_members_hash, "nextMembersHash"),
        (right.rules == found.rules, "rules"),
        (right.enacted == found.enacted, "enacted"),
    ];
    members.into_iter().find(|(holds, _)| !holds).map(|(_, member)| member)
}

fn place_leaf(placing: &mut Placing<'_>, leaf: BodyLeaf, provider: Provider<'_>) -> Result<(), InvalidReason> {
    let candidate = match leaf {
        BodyLeaf::Shown { bytes, long } => shown(placing, &bytes, long.as_deref(), provider)?,
        BodyLeaf::Verified(candidate) => *candidate,
    };
    match placing.place(candidate) {
        Ok(placed) if placed.repeated => Err(InvalidReason::Repeated { first: placed.leaf }),
        Ok(_) => Ok(()),
        Err(PlaceError::Refused(refusal)) => Err((*refusal).into()),
        Err(PlaceError::Block(error)) => Err(error.into()),
    }
}

/// Verifies the statement of a leaf that another party shows.
fn shown(
    placing: &Placing<'_>,
    bytes: &[u8],
    long: Option<&[u8]>,
    provider: Provider<'_>,
) -> Result<Candidate, InvalidReason> {
    let decoded = Leaf::decode(bytes)?;
    let text = match &decoded {
        Leaf::Seal(_) => return Err(InvalidReason::NoStatement),
        Leaf::Statement(text) => text.as_bytes(),
        Leaf::LongStatement { hash, .. } => {
            let text = long.ok_or(InvalidReason::LongMissing)?;
            if Hash::of(text) != *hash {
                return Err(InvalidReason::LongHash);
            }
            text
        }
    };
    let submitted = SubmittedStatement::parse(text)?;
    if Leaf::of_statement(submitted.compact()) != decoded {
        return Err(InvalidReason::LeafKind);
    }
    match placing.has_genesis() {
        true => candidate(placing, submitted, provider),
        false => genesis(placing, &submitted, provider),
    }
}

fn candidate(
    placing: &Placing<'_>,
    submitted: SubmittedStatement,
    provider: Provider<'_>,
) -> Result<Candidate, InvalidReason> {
    let registry: &Registry = placing.registry()?;
    let verified = verify(submitted, registry, provider.signatures)?;
    Ok(Candidate::read(verified, registry, placing.next_place(), provider.certificates)?)
}

/// Leaf 0: signed by a member that it names itself.
fn genesis(
    placing: &Placing<'_>,
    submitted: &SubmittedStatement,
    provider: Provider<'_>,
) -> Result<Candidate, InvalidReason> {
    let anchor = Anchor::of_genesis(submitted.compact().as_bytes(), provider.signatures)?;
    Ok(Candidate::genesis(&anchor, placing.next_place())?)
}
