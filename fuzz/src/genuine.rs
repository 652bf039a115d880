//! The seeds, and what a thief learns from them: every statement, seal, entry of the index and node of the tree.

use sealane_core::statement::P256;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use sealane_core::block::{Checkpoint, Leaf, Seal};
use sealane_core::evidence::{Anchor, Checked, Evidence, PlacedSeal, PlacedText, check};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{ListEntry, SignerList, Subject, SubjectEntry};
use sealane_core::merkle::{LeafIndex, MultiProof, leaf_hash, node_hash, root};
use sealane_core::provenance::{Policy, holds_captures, judge};

const ANCHOR: &[u8] = include_bytes!("../seeds/anchor.json");

pub const TEXTS: [&str; 7] = [
    include_str!("../seeds/evidence/absent.json"),
    include_str!("../seeds/evidence/container.json"),
    include_str!("../seeds/evidence/crate.json"),
    include_str!("../seeds/evidence/farm.json"),
    include_str!("../seeds/evidence/place.json"),
    include_str!("../seeds/evidence/recalled.json"),
    include_str!("../seeds/evidence/renewed.json"),
];

pub static GENUINE: LazyLock<Genuine> = LazyLock::new(Genuine::read);

/// One ledger at one checkpoint, as far as the seeds show it.
pub struct Genuine {
    pub anchor: Anchor,
    pub documents: Vec<Evidence>,
    pub statements: BTreeMap<LeafIndex, PlacedText>,
    pub registrations: BTreeMap<LeafIndex, PlacedText>,
    pub seals: BTreeMap<LeafIndex, PlacedSeal>,
    /// With their signers numbered by `signers`.
    pub entries: BTreeMap<Subject, SubjectEntry>,
    /// All who signed what the seeds show.
    signers: SignerList,
    /// Roots of the subtrees over `[start, end)`.
    nodes: BTreeMap<(u64, u64), Hash>,
    size: u64,
    /// What each document says, by the id it is about.
    said: BTreeMap<String, Said>,
}

/// What evidence amounts to. Two documents about one id that hold have to say the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    pub fn of(checked: &Checked) -> Self {
        let Checked { history, checkpoint, seal, .. } = checked;
        let participants: Vec<_> = history.registry.participants().collect();
        let verdict = judge(history, &Policy::default());
        let checkpoint = checkpoint.checkpoint().to_text();
        Self(format!(
            "{checkpoint} {seal:?} {:?} {} {participants:?} {verdict:?}",
            history.records, history.limit_reached
        ))
    }
}

impl Genuine {
    fn read() -> Self {
        let anchor = Anchor::parse(ANCHOR, &P256).expect("the seeds' anchor holds");
        let read = |text: &&str| Evidence::parse(text.as_bytes()).expect("a seed is evidence");
        let documents: Vec<Evidence> = TEXTS.iter().map(read).collect();
        let checkpoint: Checkpoint = documents[0].checkpoint.parse().expect("a checkpoint");
        let mut genuine = Self {
            anchor,
            documents: Vec::new(),
            statements: BTreeMap::new(),
            registrations: BTreeMap::new(),
            seals: BTreeMap::new(),
            entries: BTreeMap::new(),
            signers: SignerList::of(documents.iter().flat_map(|one| one.signers.as_slice().iter().copied())),
            nodes: BTreeMap::new(),
            size: checkpoint.size.get(),
            said: BTreeMap::new(),
        };
        for evidence in &documents {
            assert_eq!(evidence.checkpoint, documents[0].checkpoint, "the seeds are of one checkpoint");
            let id = Id::parse(&evidence.id).expect("an id");
            let checked = check(evidence, &id, &genuine.anchor, &P256).expect("a seed holds");
            genuine.said.insert(evidence.id.clone(), Said::of(&checked));
            genuine.learn(evidence, checkpoint.root);
        }
        Self { documents, ..genuine }
    }

    fn learn(&mut self, evidence: &Evidence, root: Hash) {
        self.statements.extend(evidence.statements.iter().map(|one| (one.leaf_index, one.clone())));
        self.registrations.extend(evidence.registrations.iter().map(|one| (one.leaf_index, one.clone())));
        self.seals.extend(evidence.seals.iter().chain([&evidence.seal]).map(|one| (one.leaf_index, one.clone())));
        let mut wide = evidence.clone();
        self.widen_signers(&mut wide);
        for entry in wide.index {
            self.entries.insert(entry.subject(), entry);
        }
        let mut leaves = BTreeMap::new();
        for one in evidence.statements.iter().chain(&evidence.registrations) {
            leaves.insert(one.leaf_index.get(), leaf_hash(&Leaf::of_statement(&one.statement).encode()));
        }
        for one in evidence.seals.iter().chain([&evidence.seal]) {
            let seal = Seal::parse(one.seal.as_bytes()).expect("a seal");
            leaves.insert(one.leaf_index.get(), leaf_hash(&Leaf::Seal(seal).encode()));
        }
        let mut proof = evidence.inclusion_proof.0.iter();
        assert_eq!(self.node(0..self.size, &leaves, &mut proof), root);
    }

    /// Numbers the signers of a document as `entries` does, so that entries can be put into it.
    pub fn widen_signers(&self, evidence: &mut Evidence) {
        renumber(evidence, self.signers.clone());
    }

    /// The hash of a span, keeping every hash on the way.
    fn node(&mut self, span: Range<u64>, leaves: &BTreeMap<u64, Hash>, proof: &mut std::slice::Iter<'_, Hash>) -> Hash {
        let width = span.end - span.start;
        let hash = if leaves.range(span.clone()).next().is_none() {
            *proof.next().expect("a hash for each span")
        } else if width == 1 {
            leaves[&span.start]
        } else {
            let middle = span.start + width.next_power_of_two() / 2;
            let left = self.node(span.start..middle, leaves, proof);
            node_hash(&left, &self.node(middle..span.end, leaves, proof))
        };
        self.nodes.insert((span.start, span.end), hash);
        hash
    }

    /// Puts everything in order, and makes the inclusion proof of whatever leaves the document shows, as far as it is
    /// known. What is not known stays as it is.
    pub fn mend(&self, evidence: &mut Evidence) {
        let named = evidence.index.iter().flat_map(|entry| &entry.signers);
        let few = SignerList::of(named.filter_map(|number| evidence.signers.get(*number)));
        renumber(evidence, few);
        evidence.index.sort_by_key(SubjectEntry::subject);
        evidence.statements.sort_by_key(|one| one.leaf_index);
        evidence.registrations.sort_by_key(|one| one.leaf_index);
        evidence.seals.sort_by_key(|one| one.leaf_index);
        let texts = evidence.statements.iter().chain(&evidence.registrations).map(|one| one.leaf_index);
        let seals = evidence.seals.iter().chain([&evidence.seal]).map(|one| one.leaf_index);
        let leaves: BTreeSet<u64> = texts.chain(seals).map(LeafIndex::get).collect();
        let mut proof = Vec::new();
        if self.beside(0..self.size, &leaves, &mut proof).is_some() {
            evidence.inclusion_proof = MultiProof(proof);
        }
    }

    fn beside(&self, span: Range<u64>, leaves: &BTreeSet<u64>, proof: &mut Vec<Hash>) -> Option<()> {
        let width = span.end - span.start;
        if leaves.range(span.clone()).next().is_none() {
            proof.push(*self.nodes.get(&(span.start, span.end))?);
        } else if width > 1 {
            let middle = span.start + width.next_power_of_two() / 2;
            self.beside(span.start..middle, leaves, proof)?;
            self.beside(middle..span.end, leaves, proof)?;
        }
        Some(())
    }

    /// The document that the leaves shown in its index ask for: their statements and the seals of their blocks.
    pub fn furnish(&self, evidence: &mut Evidence) {
        let leaves = |captures: bool| -> BTreeSet<LeafIndex> {
            let entries = evidence.index.iter().filter(|entry| holds_captures(entry.kind) == captures);
            entries.flat_map(|entry| entry.leaves.iter().copied()).collect()
        };
        let texts = |all: &BTreeMap<LeafIndex, PlacedText>, leaves: BTreeSet<LeafIndex>| -> Vec<PlacedText> {
            leaves.iter().filter_map(|leaf| all.get(leaf).cloned()).collect()
        };
        let statements = texts(&self.statements, leaves(true));
        let registrations = texts(&self.registrations, leaves(false));
        let shown = statements.iter().chain(&registrations).map(|one| one.leaf_index);
        let seals: BTreeSet<LeafIndex> = shown.filter_map(|leaf| Some(*self.seals.range(leaf..).next()?.0)).collect();
        evidence.seals = seals.iter().filter_map(|leaf| self.seals.get(leaf).cloned()).collect();
        (evidence.statements, evidence.registrations) = (statements, registrations);
    }

    /// A genuine proof of a part of a genuine list that some seed shows whole.
    pub fn part(&self, subject: &Subject, part: Range<usize>) -> Option<SubjectEntry> {
        let entry = self.entries.get(subject).filter(|entry| entry.count == entry.leaves.len() as u64)?;
        let leaves = entry.leaves.get(part.clone())?.to_vec();
        let (signers, acts) = (entry.signers.get(part.clone())?.to_vec(), entry.acts.get(part.clone())?.to_vec());
        let listed = entry.entries(&self.signers).ok()?;
        let hashes: Vec<Hash> = listed.iter().map(ListEntry::hash).collect();
        let path = match leaves.len() {
            0 if hashes.is_empty() => MultiProof::default(),
            0 => MultiProof(vec![root(&hashes)]),
            _ => sealane_core::merkle::multi_proof_of(&hashes, part.clone()),
        };
        let first = if leaves.is_empty() { 0 } else { part.start as u64 };
        Some(SubjectEntry { first, leaves, signers, acts, path, ..entry.clone() })
    }

    /// Panics where evidence that holds says anything else than the genuine document about its id.
    pub fn assert_is_true(&self, id: &str, checked: &Checked) {
        match self.said.get(id) {
            Some(said) => assert_eq!(&Said::of(checked), said, "of {id}"),
            // Nothing that the seeds show lets anybody say anything of another id, but that nothing is known of it.
            None => assert!(checked.history.records.is_empty(), "{id}: {:?}", checked.history.records),
        }
    }
}

/// Canonical ids that the seeds speak of.
pub fn ids() -> &'static [Id] {
    static IDS: OnceLock<Vec<Id>> = OnceLock::new();
    IDS.get_or_init(|| {
        let subjects = GENUINE.entries.keys().filter(|one| one.kind() == sealane_core::index::SubjectKind::Id);
        let mut ids: BTreeSet<Id> = subjects.filter_map(|one| Id::parse(one.text()).ok()).collect();
        ids.extend(GENUINE.documents.iter().filter_map(|one| Id::parse(&one.id).ok()));
        ids.into_iter().collect()
    })
}

/// Numbers the signers of a document by another list. One that is not in it gets no number that is.
fn renumber(evidence: &mut Evidence, signers: SignerList) {
    for number in evidence.index.iter_mut().flat_map(|entry| &mut entry.signers) {
        *number = evidence.signers.get(*number).and_then(|signer| signers.number(&signer)).unwrap_or(u32::MAX);
    }
    evidence.signers = signers;
}
