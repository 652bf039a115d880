//! From an evidence document and an anchor to a history that is proven. The steps are those of
//! `docs/FORMATS.md`, in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::block::{Checkpoint, FinalCheckpoint, Leaf, Seal, check_seal_stands_at_checkpoint};
use crate::consortium::{Admin, Place, Refusal, Registry};
use crate::evidence::document::{Evidence, PlacedSeal, PlacedText};
use crate::evidence::source::Shown;
use crate::evidence::{Anchor, CaptureFault, EvidenceError, read_capture};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::index::names::{self, Names};
use crate::index::{ListEntry, SignerTag, Subject, SubjectEntry};
use crate::merkle::{self, LeafIndex};
use crate::provenance::{Capture, History, Trail, follow, holds_captures};
use crate::statement::{SignatureVerifier, StatementId, StatementType, SubmittedStatement};

/// Evidence that holds: all that the ledger says about an id.
#[derive(Debug)]
pub struct Checked {
    pub history: History,
    pub checkpoint: FinalCheckpoint,
    pub seal: Seal,
    /// How many signatures were checked, leaves found in the tree, and subjects in the index.
    pub signatures: usize,
    pub leaves: usize,
    pub subjects: usize,
}

/// Checks evidence about `id` against an anchor.
pub fn check(
    evidence: &Evidence,
    id: &Id,
    anchor: &Anchor,
    verifier: &dyn SignatureVerifier,
) -> Result<Checked, EvidenceError> {
    if evidence.id != id.as_str() {
        return Err(EvidenceError::OtherId { asked: id.clone(), found: evidence.id.clone() });
    }
    if !evidence.label.is_empty() || !evidence.handovers.is_empty() {
        return Err(EvidenceError::Reserved);
    }
    let checkpoint = final_checkpoint(evidence, anchor, verifier)?;
    let seal = parse_seal(&evidence.seal)?;
    check_seal_stands_at_checkpoint(&seal, evidence.seal.leaf_index, checkpoint.checkpoint(), checkpoint.commit())
        .and_then(|()| anchor.check_seal_members(&seal))
        .map_err(EvidenceError::SealPlace)?;
    let leaves = check_leaves(evidence, checkpoint.checkpoint())?;
    check_index(evidence, seal.index_root)?;
    let places = Places::of(evidence)?;
    let (registry, admins) = registry(evidence, &places, anchor, verifier)?;
    let captures = captures(evidence, &places, &registry, verifier)?;
    let signatures = 1 + admins.len() + captures.len();
    let mut source = Shown::new(evidence, &registry, &captures);
    let trail = follow(id, &mut source)?;
    check_shown(evidence, &trail)?;
    check_names(evidence, &captures, &admins)?;
    let history = History {
        id: id.clone(),
        as_of: seal.time,
        tree_size: checkpoint.checkpoint().size,
        records: trail.records,
        limit_reached: trail.limit_reached,
        registry: Arc::new(registry),
    };
    Ok(Checked { history, checkpoint, seal, signatures, leaves, subjects: evidence.index.len() })
}

fn final_checkpoint(
    evidence: &Evidence,
    anchor: &Anchor,
    verifier: &dyn SignatureVerifier,
) -> Result<FinalCheckpoint, EvidenceError> {
    let checkpoint: Checkpoint = evidence.checkpoint.parse()?;
    let trusted = &anchor.genesis().origin;
    if checkpoint.origin != *trusted {
        return Err(EvidenceError::OtherOrigin {
            trusted: trusted.as_str().to_owned(),
            found: checkpoint.origin.as_str().to_owned(),
        });
    }
    anchor.check_final(checkpoint, evidence.commit.clone(), verifier).map_err(EvidenceError::Commit)
}

/// Reads a seal of a block that was made by rules that are known here.
fn parse_seal(placed: &PlacedSeal) -> Result<Seal, EvidenceError> {
    let parsed = Seal::parse(placed.seal.as_bytes()).and_then(|seal| seal.check_rules().map(|()| seal));
    parsed.map_err(|error| EvidenceError::Seal { leaf: placed.leaf_index, error })
}

/// Finds every leaf of the evidence in the tree, and says how many there are.
fn check_leaves(evidence: &Evidence, checkpoint: &Checkpoint) -> Result<usize, EvidenceError> {
    in_order(evidence.statements.iter().map(|one| one.leaf_index))?;
    in_order(evidence.registrations.iter().map(|one| one.leaf_index))?;
    in_order(evidence.seals.iter().map(|one| one.leaf_index))?;
    let mut leaves: BTreeMap<LeafIndex, Hash> = BTreeMap::new();
    let mut place = |leaf: LeafIndex, data: Vec<u8>| match leaves.insert(leaf, merkle::leaf_hash(&data)) {
        Some(_) => Err(EvidenceError::LeafTwice { leaf }),
        None => Ok(()),
    };
    for one in evidence.statements.iter().chain(&evidence.registrations) {
        place(one.leaf_index, Leaf::of_statement(&one.statement).encode())?;
    }
    let last = evidence.seals.iter().filter(|one| **one != evidence.seal);
    for one in last.chain([&evidence.seal]) {
        place(one.leaf_index, Leaf::Seal(parse_seal(one)?).encode())?;
    }
    let leaves: Vec<(LeafIndex, Hash)> = leaves.into_iter().collect();
    merkle::verify_multi(&leaves, checkpoint.size, &evidence.inclusion_proof, checkpoint.root)?;
    Ok(leaves.len())
}

fn in_order(leaves: impl Iterator<Item = LeafIndex>) -> Result<(), EvidenceError> {
    let mut last: Option<LeafIndex> = None;
    for leaf in leaves {
        if last.replace(leaf).is_some_and(|last| last >= leaf) {
            return Err(EvidenceError::Order { leaf });
        }
    }
    Ok(())
}

fn check_index(evidence: &Evidence, index_root: Hash) -> Result<(), EvidenceError> {
    let signers = &evidence.signers;
    if let Some(signer) = signers.out_of_order() {
        return Err(EvidenceError::SignerOrder { signer });
    }
    let mut last: Option<Subject> = None;
    for entry in &evidence.index {
        let subject = entry.subject();
        if last.as_ref().is_some_and(|last| *last >= subject) {
            return Err(EvidenceError::IndexOrder { subject });
        }
        if let Err(error) = entry.verify(index_root, signers) {
            return Err(EvidenceError::Index { subject, error });
        }
        last = Some(subject);
    }
    let named: BTreeSet<u32> = evidence.index.iter().flat_map(|entry| entry.signers.iter().copied()).collect();
    match signers.as_slice().iter().zip(0..).find(|(_, number)| !named.contains(number)) {
        Some((signer, _)) => Err(EvidenceError::SignerUnneeded { signer: *signer }),
        None => Ok(()),
    }
}

/// The place of each statement.
struct Places(BTreeMap<LeafIndex, Place>);

impl Places {
    /// A leaf's block is the one whose seal comes next, and whose leaves begin at or before it.
    fn of(evidence: &Evidence) -> Result<Self, EvidenceError> {
        let seals: Vec<(LeafIndex, Seal)> = evidence
            .seals
            .iter()
            .map(|one| Ok((one.leaf_index, parse_seal(one)?)))
            .collect::<Result<_, EvidenceError>>()?;
        let mut needed: BTreeSet<LeafIndex> = BTreeSet::new();
        let mut places = BTreeMap::new();
        for leaf in evidence.statements.iter().chain(&evidence.registrations).map(|one| one.leaf_index) {
            let at = seals.partition_point(|(seal_leaf, _)| *seal_leaf <= leaf);
            match seals.get(at) {
                Some((seal_leaf, seal)) if seal.previous_size.get() <= leaf.get() => {
                    needed.insert(*seal_leaf);
                    places.insert(leaf, Place { leaf, time: seal.time });
                }
                _ => return Err(EvidenceError::NoSeal { leaf }),
            }
        }
        match seals.iter().find(|(leaf, _)| !needed.contains(leaf)) {
            Some((leaf, _)) => Err(EvidenceError::SealUnneeded { leaf: *leaf }),
            None => Ok(Self(places)),
        }
    }

    fn get(&self, leaf: LeafIndex) -> Result<Place, EvidenceError> {
        self.0.get(&leaf).copied().ok_or(EvidenceError::NoSeal { leaf })
    }
}

fn parse_statement(placed: &PlacedText, typ: StatementType, origin: &str) -> Result<SubmittedStatement, EvidenceError> {
    let leaf = placed.leaf_index;
    let fault = |error| EvidenceError::Statement { leaf, error };
    let statement = SubmittedStatement::parse(placed.statement.as_bytes()).map_err(fault)?;
    statement.check_audience(origin).map_err(fault)?;
    let found = statement.header().typ();
    if found != typ {
        return Err(EvidenceError::Kind { leaf, found: found.as_str() });
    }
    Ok(statement)
}

/// The admin statements, with who signed each and its id.
type Admins = BTreeMap<LeafIndex, (Hash, StatementId, Admin)>;

/// Applies the registrations in order, from the genesis statement on.
fn registry(
    evidence: &Evidence,
    places: &Places,
    anchor: &Anchor,
    verifier: &dyn SignatureVerifier,
) -> Result<(Registry, Admins), EvidenceError> {
    let mut registry = Registry::new(anchor.genesis());
    let mut admins = Admins::new();
    for placed in &evidence.registrations {
        let leaf = placed.leaf_index;
        let refused = |error| EvidenceError::Refused { leaf, error };
        let statement = parse_statement(placed, StatementType::Admin, registry.origin().as_str())?;
        let kid = *statement.header().signer().hash();
        let member = registry.members().get(&kid).ok_or(refused(Refusal::NotAMember { kid }))?;
        let statement =
            statement.verify(member.key(), verifier).map_err(|error| EvidenceError::Statement { leaf, error })?;
        let admin = Admin::parse(statement.payload()).map_err(|error| EvidenceError::Admin { leaf, error })?;
        registry.apply(&admin, &kid, places.get(leaf)?, verifier).map_err(refused)?;
        admins.insert(leaf, (kid, statement.id(), admin));
    }
    Ok((registry, admins))
}

type Captures = BTreeMap<LeafIndex, Arc<Capture>>;

fn captures(
    evidence: &Evidence,
    places: &Places,
    registry: &Registry,
    verifier: &dyn SignatureVerifier,
) -> Result<Captures, EvidenceError> {
    let mut captures = Captures::new();
    for placed in &evidence.statements {
        let leaf = placed.leaf_index;
        let statement = parse_statement(placed, StatementType::Epcis, registry.origin().as_str())?;
        let (_, certificate) = registry
            .certificate(statement.header().signer().hash())
            .ok_or(EvidenceError::Record { leaf, error: CaptureFault::Signer })?;
        let statement =
            statement.verify(&certificate.key, verifier).map_err(|error| EvidenceError::Statement { leaf, error })?;
        let capture = read_capture(statement.as_submitted(), places.get(leaf)?, registry);
        captures.insert(leaf, Arc::new(capture.map_err(|error| EvidenceError::Record { leaf, error })?));
    }
    Ok(captures)
}

/// Checks that the evidence shows what the answer rests on, and nothing else.
fn check_shown(evidence: &Evidence, trail: &Trail) -> Result<(), EvidenceError> {
    for entry in &evidence.index {
        let subject = entry.subject();
        match trail.shown.get(&subject) {
            None => return Err(EvidenceError::SubjectUnneeded { subject }),
            Some(list) if list.first != entry.first || list.leaves != entry.leaves => {
                return Err(EvidenceError::OtherLeaves { subject });
            }
            Some(_) => {}
        }
    }
    let (captures, admins) = trail.leaves();
    let unrelated = evidence
        .statements
        .iter()
        .find(|one| !captures.contains(&one.leaf_index))
        .or_else(|| evidence.registrations.iter().find(|one| !admins.contains(&one.leaf_index)));
    match unrelated {
        Some(one) => Err(EvidenceError::Unrelated { leaf: one.leaf_index }),
        None => Ok(()),
    }
}

/// What a statement gives the index: who signed it, and its names.
struct Indexed {
    signer: SignerTag,
    names: Names,
}

/// Checks that each statement names what the index says that it names, by whom and with which acts, and nothing else of
/// what is shown.
fn check_names(evidence: &Evidence, captures: &Captures, admins: &Admins) -> Result<(), EvidenceError> {
    let of_capture = |(leaf, capture): (&LeafIndex, &Arc<Capture>)| {
        let signer = SignerTag::of_participant(&capture.signer);
        (*leaf, Indexed { signer, names: names::of_capture(capture.events(), &capture.signer) })
    };
    let of_admin = |(leaf, (kid, id, admin)): (&LeafIndex, &(Hash, StatementId, Admin))| {
        (*leaf, Indexed { signer: SignerTag::of_member(kid), names: names::of_admin(admin, *id) })
    };
    let indexed: BTreeMap<LeafIndex, Indexed> =
        captures.iter().map(of_capture).chain(admins.iter().map(of_admin)).collect();
    let mut listed: BTreeMap<Subject, &SubjectEntry> = BTreeMap::new();
    for entry in &evidence.index {
        let subject = entry.subject();
        let shown = entry.entries(&evidence.signers);
        for ListEntry { leaf, signer, acts } in
            shown.map_err(|error| EvidenceError::Index { subject: subject.clone(), error })?
        {
            let Some(statement) = indexed.get(&leaf) else {
                return Err(EvidenceError::StatementMissing { subject, leaf });
            };
            let Some(said) = statement.names.get(&subject) else {
                return Err(EvidenceError::NotNamed { leaf, subject });
            };
            if holds_captures(entry.kind) != captures.contains_key(&leaf) {
                return Err(EvidenceError::NotNamed { leaf, subject });
            }
            if signer != statement.signer {
                return Err(EvidenceError::OtherSigner { leaf, subject, listed: signer, found: statement.signer });
            }
            if acts != *said {
                return Err(EvidenceError::OtherActs { leaf, subject, listed: acts, found: *said });
            }
        }
        listed.insert(subject, entry);
    }
    for (leaf, statement) in indexed {
        for subject in statement.names.into_keys() {
            let Some(entry) = listed.get(&subject) else { continue };
            if entry.shows_place_of(leaf) && entry.leaves.binary_search(&leaf).is_err() {
                return Err(EvidenceError::NotIndexed { leaf, subject });
            }
        }
    }
    Ok(())
}
