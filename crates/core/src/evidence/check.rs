//! From an evidence document and an anchor to a history that is proven. The steps are those of
//! `docs/FORMATS.md`, in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::block::{Checkpoint, FinalCheckpoint, Height, Leaf, Member, Seal, check_seal_stands_at_checkpoint};
use crate::consortium::{Admin, Decision, Place, Refusal, Registry};
use crate::evidence::document::{Evidence, PlacedSeal, PlacedText};
use crate::evidence::source::Shown;
use crate::evidence::{Anchor, CaptureFault, EvidenceError, MemberChain, read_capture};
use crate::gs1::Question;
use crate::hash::Hash;
use crate::index::names::{self, Names};
use crate::index::{ListEntry, SignerTag, Subject, SubjectEntry, SubjectKind};
use crate::merkle::{self, LeafIndex};
use crate::provenance::{Capture, History, Trail, follow, holds_captures, is_of_proposal};
use crate::statement::{PublicKey, SignatureVerifier, StatementId, StatementType, SubmittedStatement};

/// Evidence that holds: all that the ledger says about an id.
#[derive(Debug)]
pub struct Checked {
    pub history: History,
    pub checkpoint: FinalCheckpoint,
    pub seal: Seal,
    /// Who came into force since the anchor.
    pub members: MemberChain,
    /// How many signatures were checked, leaves found in the tree, and subjects in the index.
    pub signatures: usize,
    pub leaves: usize,
    pub subjects: usize,
}

/// Checks evidence about an id, with its label if it has one, against an anchor.
pub fn check(
    evidence: &Evidence,
    asked: impl Into<Question>,
    anchor: &Anchor,
    verifier: &dyn SignatureVerifier,
) -> Result<Checked, EvidenceError> {
    let asked = asked.into();
    if evidence.id != asked.id.as_str() {
        return Err(EvidenceError::OtherId { asked: asked.id, found: evidence.id.clone() });
    }
    if evidence.label != asked.label.to_map() {
        let found = evidence.label.iter().map(|(ai, value)| format!("({ai}){value}")).collect();
        return Err(EvidenceError::OtherLabel { asked: asked.label.element_string(), found });
    }
    let members = member_chain(evidence, anchor, verifier)?;
    let checkpoint = final_checkpoint(evidence, &members, verifier)?;
    let seal = parse_seal(&evidence.seal)?;
    check_seal_stands_at_checkpoint(&seal, evidence.seal.leaf_index, checkpoint.checkpoint(), checkpoint.commit())
        .and_then(|()| members.check_seal_members(&seal))
        .and_then(|()| members.check_next_members(&seal))
        .map_err(EvidenceError::SealPlace)?;
    let leaves = check_leaves(evidence, checkpoint.checkpoint())?;
    check_index(evidence, seal.index_root)?;
    let places = Places::of(evidence, &members)?;
    let (registry, admins) = registry(evidence, &places, &members, verifier)?;
    check_former_members(evidence, anchor, &admins)?;
    let captures = captures(evidence, &places, &registry, verifier)?;
    let signatures = 1 + admins.len() + captures.len();
    let mut source = Shown::new(evidence, &registry, &captures);
    let trail = follow(&asked, &mut source)?;
    check_shown(evidence, &trail)?;
    check_names(evidence, &captures, &admins)?;
    let history = History {
        id: asked.id,
        label: asked.label,
        as_of: seal.time,
        tree_size: checkpoint.checkpoint().size,
        records: trail.records,
        unopened: trail.unopened,
        known: Some(trail.known),
        limit_reached: trail.limit_reached,
        registry: Arc::new(registry),
    };
    Ok(Checked { history, checkpoint, seal, members, signatures, leaves, subjects: evidence.index.len() })
}

/// Verifies the handovers, none of which is of a later block than the evidence.
fn member_chain(
    evidence: &Evidence,
    anchor: &Anchor,
    verifier: &dyn SignatureVerifier,
) -> Result<MemberChain, EvidenceError> {
    let members = MemberChain::verify(anchor.clone(), &evidence.handovers, verifier);
    let members = members.map_err(|(position, error)| EvidenceError::Handover { position, error })?;
    let (handover, own) = (members.last_height(), evidence.commit.height);
    if members.changes() > 0 && handover > own {
        return Err(EvidenceError::HandoverAbove { handover, own });
    }
    Ok(members)
}

fn final_checkpoint(
    evidence: &Evidence,
    members: &MemberChain,
    verifier: &dyn SignatureVerifier,
) -> Result<FinalCheckpoint, EvidenceError> {
    let checkpoint: Checkpoint = evidence.checkpoint.parse()?;
    let trusted = &members.anchor().genesis().origin;
    if checkpoint.origin != *trusted {
        return Err(EvidenceError::OtherOrigin {
            trusted: trusted.as_str().to_owned(),
            found: checkpoint.origin.as_str().to_owned(),
        });
    }
    members.check_final(checkpoint, evidence.commit.clone(), verifier).map_err(EvidenceError::Commit)
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

/// The place of each statement with the height of its block, and where proposals were enacted.
struct Places {
    statements: BTreeMap<LeafIndex, (Place, Height)>,
    enacted: BTreeMap<StatementId, Place>,
}

impl Places {
    /// A leaf's block is the one whose seal comes next, and whose leaves begin at or before it. Of a block above the anchor's the
    /// seal names the members in force there. A proposal was enacted by the last statement about it if the seal of that block
    /// names it; that the last one is shown, `follow` sees to.
    fn of(evidence: &Evidence, members: &MemberChain) -> Result<Self, EvidenceError> {
        let seals: Vec<(LeafIndex, Seal)> = evidence
            .seals
            .iter()
            .map(|one| Ok((one.leaf_index, parse_seal(one)?)))
            .collect::<Result<_, EvidenceError>>()?;
        let mut needed: BTreeSet<LeafIndex> = BTreeSet::new();
        let mut block_of = |leaf: LeafIndex| {
            let at = seals.partition_point(|(seal_leaf, _)| *seal_leaf <= leaf);
            let (seal_leaf, seal) = seals
                .get(at)
                .filter(|(_, seal)| seal.previous_size.get() <= leaf.get())
                .ok_or(EvidenceError::NoSeal { leaf })?;
            needed.insert(*seal_leaf);
            Ok::<_, EvidenceError>((Place { leaf, time: seal.time }, seal))
        };
        let (mut statements, mut enacted) = (BTreeMap::new(), BTreeMap::new());
        for leaf in evidence.statements.iter().chain(&evidence.registrations).map(|one| one.leaf_index) {
            let (place, seal) = block_of(leaf)?;
            statements.insert(leaf, (place, seal.height));
        }
        for entry in evidence.index.iter().filter(|entry| is_of_proposal(entry.kind)) {
            let subject = entry.subject();
            for leaf in &entry.leaves {
                let (place, seal) = block_of(*leaf)?;
                let named = seal.enacted.iter().find(|id| Subject::proposal(id) == subject);
                enacted.extend(named.map(|id| (*id, place)));
            }
        }
        if let Some((leaf, _)) = seals.iter().find(|(leaf, _)| !needed.contains(leaf)) {
            return Err(EvidenceError::SealUnneeded { leaf: *leaf });
        }
        for (leaf, seal) in seals.iter().filter(|(_, seal)| seal.height > members.anchor().height()) {
            let named = members.check_seal_members(seal);
            named.map_err(|error| EvidenceError::SealMembers { leaf: *leaf, error })?;
        }
        Ok(Self { statements, enacted })
    }

    fn get(&self, leaf: LeafIndex) -> Result<Place, EvidenceError> {
        self.of_block(leaf).map(|(place, _)| place)
    }

    fn of_block(&self, leaf: LeafIndex) -> Result<(Place, Height), EvidenceError> {
        self.statements.get(&leaf).copied().ok_or(EvidenceError::NoSeal { leaf })
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

/// The keys of `formerMembers`, by their thumbprints.
type Former<'a> = BTreeMap<Hash, &'a PublicKey>;

/// Proposals that were enacted: by the leaf that did it, and the proposal's.
type Enacted = BTreeMap<(LeafIndex, LeafIndex), Place>;

/// Applies the registrations in order, from the genesis statement on, and between them what was enacted there.
fn registry(
    evidence: &Evidence,
    places: &Places,
    members: &MemberChain,
    verifier: &dyn SignatureVerifier,
) -> Result<(Registry, Admins), EvidenceError> {
    let mut registry = Registry::new(members.anchor().genesis());
    let former: Former<'_> = evidence.former_members.iter().map(|key| (key.thumbprint(), key)).collect();
    let (mut admins, mut due) = (Admins::new(), Enacted::new());
    for placed in &evidence.registrations {
        let leaf = placed.leaf_index;
        enact(&mut registry, &mut due, |at| at < leaf)?;
        let statement = parse_statement(placed, StatementType::Admin, registry.origin().as_str())?;
        let kid = *statement.header().signer().hash();
        let (place, height) = places.of_block(leaf)?;
        let key = signer_key(evidence, members, &former, &kid, leaf, height)?;
        let statement = statement.verify(key, verifier).map_err(|error| EvidenceError::Statement { leaf, error })?;
        let admin = Admin::parse(statement.payload()).map_err(|error| EvidenceError::Admin { leaf, error })?;
        let id = statement.id();
        let applied = registry.apply_shown(&Decision { id, admin: &admin, kid, place, height }, verifier);
        applied.map_err(|error| EvidenceError::Refused { leaf, error })?;
        due.extend(places.enacted.get(&id).map(|place| ((place.leaf, leaf), *place)));
        admins.insert(leaf, (kid, id, admin));
    }
    enact(&mut registry, &mut due, |_| true)?;
    Ok((registry, admins))
}

/// Makes the changes of those proposals that were enacted where `is_due`.
fn enact(registry: &mut Registry, due: &mut Enacted, is_due: impl Fn(LeafIndex) -> bool) -> Result<(), EvidenceError> {
    while let Some(first) = due.first_entry().filter(|first| is_due(first.key().0)) {
        let ((_, leaf), place) = first.remove_entry();
        registry.enact_shown(leaf, place).map_err(|error: Refusal| EvidenceError::Refused { leaf, error })?;
    }
    Ok(())
}

/// The key of the member who signed an admin statement.
///
/// Above the anchor's block the member is in force there by the anchor and the handovers. Before its end the anchor does not tell
/// who was: the quorum has signed the list entry that names the signer, and only the key that has this thumbprint is looked for.
fn signer_key<'a>(
    evidence: &'a Evidence,
    members: &'a MemberChain,
    former: &Former<'a>,
    kid: &Hash,
    leaf: LeafIndex,
    height: Height,
) -> Result<&'a PublicKey, EvidenceError> {
    if let Some(in_force) = members.in_force_at(height) {
        let member = in_force.get(kid).ok_or(EvidenceError::NotInForce { leaf, kid: *kid, height })?;
        return Ok(member.key());
    }
    if leaf.get() >= members.anchor().size().get() {
        return Err(EvidenceError::NotInForce { leaf, kid: *kid, height });
    }
    let shown = evidence.handovers.iter().find_map(|handover| handover.members.get(kid));
    let known = members.member(kid).or(shown).map(Member::key);
    known.or_else(|| former.get(kid).copied()).ok_or(EvidenceError::FormerMissing { leaf, kid: *kid })
}

/// Checks that the former members are in their order, that nothing else shows them, and that each has signed something.
fn check_former_members(evidence: &Evidence, anchor: &Anchor, admins: &Admins) -> Result<(), EvidenceError> {
    let signers: BTreeSet<Hash> = admins.values().map(|(kid, ..)| *kid).collect();
    let mut last: Option<Hash> = None;
    for key in &evidence.former_members {
        let kid = key.thumbprint();
        if last.replace(kid).is_some_and(|last| last >= kid) {
            return Err(EvidenceError::FormerOrder { kid });
        }
        let sets = evidence.handovers.iter().map(|handover| &handover.members).chain([&anchor.genesis().members]);
        if sets.into_iter().any(|set| set.get(&kid).is_some()) {
            return Err(EvidenceError::FormerKnown { kid });
        }
        if !signers.contains(&kid) {
            return Err(EvidenceError::FormerUnneeded { kid });
        }
    }
    Ok(())
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
            Some(list) if list.first != entry.first || !list.leaves().eq(entry.leaves.iter().copied()) => {
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
                // What was said last of a proposal is not needed: where it stands is. Which captures are, was followed.
                if is_of_proposal(entry.kind) || holds_captures(entry.kind) {
                    continue;
                }
                return Err(EvidenceError::StatementMissing { subject, leaf });
            };
            let Some(said) = statement.names.get(&subject) else {
                return Err(EvidenceError::NotNamed { leaf, subject });
            };
            let is_proposal = admins.get(&leaf).is_some_and(|(.., admin)| matches!(admin, Admin::Proposal(_)));
            let lifts = entry.kind == SubjectKind::Recall && is_proposal;
            if holds_captures(entry.kind) != captures.contains_key(&leaf) && !lifts {
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
