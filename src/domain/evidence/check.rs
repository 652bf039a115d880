//! From evidence and an anchor to a history that needs nobody's word.
//!
//! In order: the commit over the checkpoint, by a quorum of the anchor's members; the seal at the checkpoint's last
//! leaf; each further seal, registration and capture in the tree; each signature; the registrations as a fold. What
//! comes out is what the ledger says, as of that checkpoint. Whether the checkpoint is recent is for the caller, who has
//! a clock.

use std::sync::Arc;

use crate::domain::block::{
    Checkpoint, CheckpointError, FinalCheckpoint, FinalityError, Leaf, Seal, SealError, check_seal_stands_at_checkpoint,
};
use crate::domain::consortium::{Admin, AdminError, Place, Refusal, Registry};
use crate::domain::evidence::anchor::Anchor;
use crate::domain::evidence::document::{Evidence, ProvenSeal, ProvenStatement};
use crate::domain::evidence::records::{PlacedStatement, RecordError, records_of};
use crate::domain::gs1::{Id, IdError};
use crate::domain::limits::FOLLOWED_EVENTS_MAX;
use crate::domain::merkle::{self, InclusionProof, LeafIndex, ProofError};
use crate::domain::provenance::{History, Record};
use crate::domain::statement::{StatementError, StatementType, SubmittedStatement};

/// Evidence that does not hold, with the leaf where that shows.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("evidence of version {found} is unknown; this program knows {}", Evidence::VERSION)]
    Version { found: u32 },
    #[error("the evidence is about {found}, and was asked for about {asked}")]
    OtherId { asked: Id, found: String },
    #[error("the evidence's id: {0}")]
    Id(#[from] IdError),
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the checkpoint is of {found}, and the trust anchor of {trusted}")]
    OtherOrigin { trusted: String, found: String },
    #[error("the commit: {0}")]
    Commit(FinalityError),
    #[error("the seal of leaf {leaf}: {error}")]
    Seal { leaf: LeafIndex, error: SealError },
    #[error("the checkpoint's seal: {0}")]
    SealPlace(FinalityError),
    #[error("leaf {leaf} is not in the tree of the checkpoint: {error}")]
    Inclusion { leaf: LeafIndex, error: ProofError },
    #[error("the evidence holds no seal of the block of leaf {leaf}")]
    NoSeal { leaf: LeafIndex },
    #[error("the leaves are not in ledger order at leaf {leaf}")]
    Order { leaf: LeafIndex },
    #[error("the statement of leaf {leaf}: {error}")]
    Statement { leaf: LeafIndex, error: StatementError },
    #[error("the statement of leaf {leaf} is a {found}, which does not belong there")]
    Kind { leaf: LeafIndex, found: &'static str },
    #[error("the registration of leaf {leaf}: {error}")]
    Admin { leaf: LeafIndex, error: AdminError },
    #[error("the registration of leaf {leaf} cannot stand there: {error}")]
    Refused { leaf: LeafIndex, error: Refusal },
    #[error("the capture of leaf {leaf}: {error}")]
    Record { leaf: LeafIndex, error: RecordError },
    #[error("the capture of leaf {leaf} does not name {id}")]
    Unrelated { leaf: LeafIndex, id: Id },
}

/// Evidence that holds.
#[derive(Debug)]
pub struct Checked {
    pub history: History,
    pub checkpoint: FinalCheckpoint,
    pub seal: Seal,
    /// More is recorded of the id than the history holds: the verdict needs `provenance::limit_reached`.
    pub limit_reached: bool,
    /// How many signatures and how many inclusion proofs were checked.
    pub signatures: usize,
    pub proofs: usize,
}

/// Checks evidence about `id` against an anchor.
pub fn check(evidence: &Evidence, id: &Id, anchor: &Anchor) -> Result<Checked, EvidenceError> {
    if evidence.version != Evidence::VERSION {
        return Err(EvidenceError::Version { found: evidence.version });
    }
    if evidence.id != id.as_str() {
        return Err(EvidenceError::OtherId { asked: id.clone(), found: evidence.id.clone() });
    }
    let checkpoint = final_checkpoint(evidence, anchor)?;
    let mut checker = Checker { checkpoint: checkpoint.checkpoint(), seals: Vec::new(), signatures: 1, proofs: 0 };
    let seal = checker.last_seal(evidence, &checkpoint)?;
    checker.take_seals(&evidence.seals)?;
    let registry = checker.registry(&evidence.registrations, anchor)?;
    let mut followed = Followed { records: Vec::new(), limit_reached: evidence.limit_reached };
    for capture in in_order(&evidence.statements)? {
        let placed = checker.capture(capture, &registry)?;
        let leaf = placed.place.leaf;
        let found = records_of(&placed, &registry, id).map_err(|error| EvidenceError::Record { leaf, error })?;
        if found.is_empty() {
            return Err(EvidenceError::Unrelated { leaf, id: id.clone() });
        }
        followed.take(found);
    }
    let Followed { records, limit_reached } = followed;
    let (signatures, proofs) = (checker.signatures, checker.proofs);
    let tree_size = checkpoint.checkpoint().size;
    let history = History { id: id.clone(), as_of: seal.time, tree_size, records, registry: Arc::new(registry) };
    Ok(Checked { history, checkpoint, seal, limit_reached, signatures, proofs })
}

/// The records of one id as they are found, up to a limit: the same for a node and for whoever verifies.
#[derive(Debug, Default)]
pub struct Followed {
    /// In ledger order.
    pub records: Vec<Record>,
    pub limit_reached: bool,
}

impl Followed {
    /// Adds the records of the next statement.
    pub fn take(&mut self, found: Vec<Record>) {
        let room = FOLLOWED_EVENTS_MAX.saturating_sub(self.records.len());
        self.limit_reached |= found.len() > room;
        self.records.extend(found.into_iter().take(room));
    }

    /// Nothing more will be taken, and that is known already.
    pub fn is_full(&self) -> bool {
        self.limit_reached && self.records.len() >= FOLLOWED_EVENTS_MAX
    }
}

fn final_checkpoint(evidence: &Evidence, anchor: &Anchor) -> Result<FinalCheckpoint, EvidenceError> {
    let checkpoint: Checkpoint = evidence.checkpoint.parse()?;
    let trusted = &anchor.genesis().origin;
    if checkpoint.origin != *trusted {
        return Err(EvidenceError::OtherOrigin {
            trusted: trusted.as_str().to_owned(),
            found: checkpoint.origin.as_str().to_owned(),
        });
    }
    FinalCheckpoint::verify(checkpoint, evidence.commit.clone(), &anchor.genesis().members)
        .map_err(EvidenceError::Commit)
}

struct Checker<'a> {
    checkpoint: &'a Checkpoint,
    /// Proven seals with their leaves, ascending.
    seals: Vec<(LeafIndex, Seal)>,
    signatures: usize,
    proofs: usize,
}

impl Checker<'_> {
    fn last_seal(&mut self, evidence: &Evidence, checkpoint: &FinalCheckpoint) -> Result<Seal, EvidenceError> {
        let (leaf, seal) = self.seal(&evidence.seal)?;
        check_seal_stands_at_checkpoint(&seal, leaf, checkpoint.checkpoint(), checkpoint.commit())
            .map_err(EvidenceError::SealPlace)?;
        Ok(seal)
    }

    fn take_seals(&mut self, seals: &[ProvenSeal]) -> Result<(), EvidenceError> {
        for proven in seals {
            let (leaf, seal) = self.seal(proven)?;
            if self.seals.last().is_some_and(|(last, _)| *last >= leaf) {
                return Err(EvidenceError::Order { leaf });
            }
            self.seals.push((leaf, seal));
        }
        Ok(())
    }

    fn seal(&mut self, proven: &ProvenSeal) -> Result<(LeafIndex, Seal), EvidenceError> {
        let leaf = proven.leaf_index;
        let seal = Seal::parse(proven.seal.as_bytes()).map_err(|error| EvidenceError::Seal { leaf, error })?;
        self.included(leaf, &Leaf::Seal(seal.clone()).encode(), &proven.inclusion_proof)?;
        Ok((leaf, seal))
    }

    fn included(&mut self, leaf: LeafIndex, data: &[u8], proof: &InclusionProof) -> Result<(), EvidenceError> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        merkle::verify_inclusion(leaf, *size, merkle::leaf_hash(data), proof, *root)
            .map_err(|error| EvidenceError::Inclusion { leaf, error })?;
        self.proofs += 1;
        Ok(())
    }

    /// The place of a leaf: its block is the one whose seal comes next, and whose leaves begin at or before it.
    fn place(&self, leaf: LeafIndex) -> Result<Place, EvidenceError> {
        let at = self.seals.partition_point(|(seal_leaf, _)| *seal_leaf <= leaf);
        match self.seals.get(at) {
            Some((_, seal)) if seal.previous_size.get() <= leaf.get() => Ok(Place { leaf, time: seal.time }),
            _ => Err(EvidenceError::NoSeal { leaf }),
        }
    }

    fn statement(&mut self, proven: &ProvenStatement, typ: StatementType) -> Result<PlacedStatement, EvidenceError> {
        let leaf = proven.leaf_index;
        let fault = |error| EvidenceError::Statement { leaf, error };
        self.included(leaf, &Leaf::of_statement(&proven.statement).encode(), &proven.inclusion_proof)?;
        let statement = SubmittedStatement::parse(proven.statement.as_bytes()).map_err(fault)?;
        statement.check_audience(self.checkpoint.origin.as_str()).map_err(fault)?;
        let found = statement.header().typ();
        if found != typ {
            return Err(EvidenceError::Kind { leaf, found: found.as_str() });
        }
        Ok(PlacedStatement { place: self.place(leaf)?, statement })
    }

    fn registry(&mut self, registrations: &[ProvenStatement], anchor: &Anchor) -> Result<Registry, EvidenceError> {
        let mut registry = Registry::new(anchor.genesis());
        for proven in in_order(registrations)? {
            let PlacedStatement { place, statement } = self.statement(proven, StatementType::Admin)?;
            let leaf = place.leaf;
            let refused = |error| EvidenceError::Refused { leaf, error };
            let kid = *statement.header().signer().hash();
            let member = registry.members().get(&kid).ok_or(refused(Refusal::NotAMember { kid }))?;
            let statement = statement.verify(member.key()).map_err(|error| EvidenceError::Statement { leaf, error })?;
            self.signatures += 1;
            let admin = Admin::parse(statement.payload()).map_err(|error| EvidenceError::Admin { leaf, error })?;
            registry.apply(&admin, &kid, place).map_err(refused)?;
        }
        Ok(registry)
    }

    fn capture(&mut self, proven: &ProvenStatement, registry: &Registry) -> Result<PlacedStatement, EvidenceError> {
        let placed = self.statement(proven, StatementType::Epcis)?;
        let leaf = placed.place.leaf;
        let thumbprint = *placed.statement.header().signer().hash();
        let (_, certificate) =
            registry.certificate(&thumbprint).ok_or(EvidenceError::Record { leaf, error: RecordError::Signer })?;
        let verified = placed.statement.verify(&certificate.key);
        let verified = verified.map_err(|error| EvidenceError::Statement { leaf, error })?;
        self.signatures += 1;
        Ok(PlacedStatement { place: placed.place, statement: verified.as_submitted().clone() })
    }
}

/// The statements, once they are seen to ascend.
fn in_order(statements: &[ProvenStatement]) -> Result<&[ProvenStatement], EvidenceError> {
    let descent = statements.windows(2).find(|pair| pair[0].leaf_index >= pair[1].leaf_index);
    match descent {
        Some(pair) => Err(EvidenceError::Order { leaf: pair[1].leaf_index }),
        None => Ok(statements),
    }
}
