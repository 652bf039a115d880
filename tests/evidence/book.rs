//! A ledger as a reader holds it who has replayed it: all leaves, blocks and lists, and no key.
//!
//! It is the naive second model of what a node answers with, and all that a thief of a node has: [`Book::edition`] makes
//! evidence at any block, with lists and proofs chosen freely.

use sealane_core::statement::P256;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use sealane::ports::LedgerStore;
use sealane_core::block::{Checkpoint, Commit, Height, Leaf, MemberSet, Seal};
use sealane_core::consortium::{Admin, Decision, Place, RULES, Registry};
use sealane_core::evidence::{Anchor, Evidence, Handover, PlacedSeal, PlacedText, read_capture};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectIndex, SubjectKind, names};
use sealane_core::merkle::{self, InclusionProof, LeafIndex, MultiProof, TreeSize};
use sealane_core::provenance::{Capture, FollowFault, List, Source, Trail, WantedList, follow, is_before_span};
use sealane_core::statement::{StatementId, StatementType, SubmittedStatement};
use sealane_core::time::Timestamp;

use crate::node::Node;

pub struct Book {
    pub anchor: Anchor,
    pub blocks: Vec<Block>,
    hashes: Vec<Hash>,
    statements: BTreeMap<LeafIndex, Statement>,
    lists: BTreeMap<Subject, Vec<ListEntry>>,
    registry: Registry,
    proposals: BTreeMap<StatementId, LeafIndex>,
    /// What the next seals say of the members, and of those after them; lies where these are other hashes.
    pub members_hash: Hash,
    pub next_members_hash: Hash,
    /// The changes of members, as evidence shows them.
    pub handovers: Vec<Handover>,
    /// What the next seals say of the rules, and of the proposals that they enact: lies where it is another number, or any.
    pub rules: u32,
    pub enacted: Vec<StatementId>,
    /// A subject that the lists are not to have from now on: a lie of all members together.
    pub leaves_out: Option<Subject>,
    /// What the lists are to say of a leaf in place of the truth from now on: a lie of all members together.
    pub lies_about: Option<fn(&Subject, ListEntry) -> ListEntry>,
}

/// A block with all that was agreed on about it.
#[derive(Clone)]
pub struct Block {
    pub size: usize,
    pub seal: Seal,
    pub json: String,
    pub checkpoint: String,
    pub commit: Commit,
}

pub struct Statement {
    pub text: String,
    pub said: Said,
}

pub enum Said {
    Admin(Admin),
    Capture(Arc<Capture>),
}

impl Block {
    pub fn placed(&self) -> PlacedSeal {
        PlacedSeal { leaf_index: leaf(self.size - 1), seal: self.json.clone() }
    }
}

pub fn leaf(index: usize) -> LeafIndex {
    LeafIndex::new(index as u64).unwrap()
}

impl Book {
    pub async fn read(node: &Node) -> Self {
        let size = node.ledger.view().size().get();
        let mut blocks = node.store.last_blocks(u32::MAX).await.unwrap();
        blocks.reverse();
        let blocks = blocks.into_iter().map(|block| Block {
            size: usize::try_from(block.size().get()).unwrap(),
            json: block.seal.to_json(),
            checkpoint: block.checkpoint.to_text(),
            seal: block.seal,
            commit: block.commit,
        });
        let mut texts = Vec::new();
        for stored in node.store.leaves(0..size).await.unwrap() {
            texts.push(match Leaf::decode(&stored.bytes).unwrap() {
                Leaf::Seal(_) => None,
                Leaf::Statement(text) => Some(text),
                Leaf::LongStatement { hash, .. } => {
                    let text = node.store.long_statement(hash).await.unwrap().unwrap();
                    Some(String::from_utf8(text).unwrap())
                }
            });
        }
        Self::of(node.anchor.clone(), blocks.collect(), texts)
    }

    /// Begins without a leaf.
    pub fn empty(anchor: Anchor) -> Self {
        let registry = Registry::new(anchor.genesis());
        let members_hash = anchor.genesis().members.hash();
        let (statements, lists) = (BTreeMap::new(), BTreeMap::new());
        let (blocks, hashes) = (Vec::new(), Vec::new());
        Self {
            anchor,
            blocks,
            hashes,
            statements,
            lists,
            registry,
            proposals: BTreeMap::new(),
            members_hash,
            next_members_hash: members_hash,
            handovers: Vec::new(),
            rules: RULES,
            enacted: Vec::new(),
            leaves_out: None,
            lies_about: None,
        }
    }

    /// Reads a whole ledger: each leaf is a statement, or the next block's seal.
    fn of(anchor: Anchor, blocks: Vec<Block>, texts: Vec<Option<String>>) -> Self {
        let mut book = Self::empty(anchor);
        let mut rest = blocks.iter();
        let mut block = rest.next();
        for text in texts {
            let seal = &block.unwrap().seal;
            match text {
                Some(text) => book.add(seal.time, seal.height, text),
                None => {
                    book.enact(&seal.enacted, seal.time);
                    book.hashes.push(merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
                    block = rest.next();
                }
            }
        }
        Self { blocks, ..book }
    }

    /// Writes a block, which somebody else makes final.
    pub fn write(&mut self, time: Timestamp, texts: Vec<String>, commit: impl Fn(Height, &Checkpoint) -> Commit) {
        let genesis = self.anchor.genesis().clone();
        let (previous_size, previous_root) = (self.hashes.len(), merkle::root(&self.hashes));
        let height = Height::new(self.blocks.len() as u64).unwrap();
        texts.into_iter().for_each(|text| self.add(time, height, text));
        self.enact(&self.enacted.clone(), time);
        let seal = Seal {
            height,
            time,
            previous_size: TreeSize::new(previous_size as u64).unwrap(),
            previous_root,
            index_root: index_of(&self.lists).root(),
            members_hash: self.members_hash,
            next_members_hash: self.next_members_hash,
            rules: self.rules,
            enacted: self.enacted.clone(),
        };
        self.hashes.push(merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
        let size = self.hashes.len();
        let root = merkle::root(&self.hashes);
        let checkpoint = Checkpoint { origin: genesis.origin, size: TreeSize::new(size as u64).unwrap(), root };
        let commit = commit(seal.height, &checkpoint);
        self.blocks.push(Block { size, json: seal.to_json(), seal, checkpoint: checkpoint.to_text(), commit });
    }

    /// Writes a block without statements that hands over to other members.
    pub fn hand_over(&mut self, time: Timestamp, members: MemberSet, commit: impl Fn(Height, &Checkpoint) -> Commit) {
        self.hand_over_with(time, Vec::new(), members, commit);
    }

    /// Writes a block that hands over to other members.
    pub fn hand_over_with(
        &mut self,
        time: Timestamp,
        texts: Vec<String>,
        members: MemberSet,
        commit: impl Fn(Height, &Checkpoint) -> Commit,
    ) {
        self.next_members_hash = members.hash();
        self.write(time, texts, commit);
        self.members_hash = self.next_members_hash;
        let seal_inclusion_proof = self.way_of_last();
        let Block { json, checkpoint, commit, .. } = self.blocks.last().unwrap().clone();
        self.handovers.push(Handover { checkpoint, commit, seal: json, seal_inclusion_proof, members });
    }

    /// From the last leaf up, the roots of all that stands left of it.
    fn way_of_last(&self) -> InclusionProof {
        let (mut end, mut way) = (self.hashes.len() - 1, Vec::new());
        while end > 0 {
            let width = 1 << end.trailing_zeros();
            way.push(merkle::root(&self.hashes[end - width..end]));
            end -= width;
        }
        InclusionProof(way)
    }

    /// The anchor after a block, where these are the members.
    pub fn anchor_at(&self, height: usize, members: &MemberSet) -> Anchor {
        let block = &self.blocks[height];
        self.anchor.clone().after(block.seal.height, &block.checkpoint.parse().unwrap(), members.clone())
    }

    /// Adds a statement as the next leaf.
    fn add(&mut self, time: Timestamp, height: Height, text: String) {
        let place = Place { leaf: leaf(self.hashes.len()), time };
        self.hashes.push(merkle::leaf_hash(&Leaf::of_statement(&text).encode()));
        let statement = SubmittedStatement::parse(text.as_bytes()).unwrap();
        let kid = *statement.header().signer().hash();
        let (said, signer, names) = match statement.header().typ() {
            StatementType::Admin => {
                let admin = Admin::parse(statement.payload()).unwrap();
                let id = statement.id();
                let decision = Decision { id, admin: &admin, kid, place, height };
                match &admin {
                    // Those who follow parts of the ledger take none of these.
                    Admin::Genesis(_) | Admin::Ballot(_) | Admin::Withdrawal(_) | Admin::Ready(_) => {}
                    _ => self.registry.apply_shown(&decision, &P256).unwrap(),
                }
                if matches!(admin, Admin::Proposal(_)) {
                    self.proposals.insert(id, place.leaf);
                }
                let names = names::of_admin(&admin, id);
                (Said::Admin(admin), SignerTag::of_member(&kid), names)
            }
            _ => {
                let capture = read_capture(&statement, place, &self.registry).unwrap();
                let names = names::of_capture(capture.events(), &capture.signer);
                let signer = SignerTag::of_participant(&capture.signer);
                (Said::Capture(Arc::new(capture)), signer, names)
            }
        };
        for (subject, acts) in names.into_iter().filter(|(subject, _)| self.leaves_out.as_ref() != Some(subject)) {
            let entry = ListEntry { leaf: place.leaf, signer, acts };
            let entry = self.lies_about.map_or(entry, |lie| lie(&subject, entry));
            self.lists.entry(subject).or_default().push(entry);
        }
        self.statements.insert(place.leaf, Statement { text, said });
    }

    /// Lets proposals take effect at the last leaf, as the seal after it says.
    fn enact(&mut self, enacted: &[StatementId], time: Timestamp) {
        for proposal in enacted.iter().filter_map(|id| self.proposals.get(id)) {
            let place = Place { leaf: leaf(self.hashes.len() - 1), time };
            // Liars together can enact what is over.
            drop(self.registry.enact_shown(*proposal, place));
        }
    }

    pub fn statements(&self) -> &BTreeMap<LeafIndex, Statement> {
        &self.statements
    }

    pub fn last(&self) -> Edition<'_> {
        self.edition(self.blocks.len() - 1)
    }

    /// The ledger as it stood at a block.
    pub fn edition(&self, height: usize) -> Edition<'_> {
        let block = &self.blocks[height];
        // The seal covers what stands before it, its own block included.
        let below = |list: &Vec<ListEntry>| -> Vec<ListEntry> {
            list.iter().copied().filter(|entry| entry.leaf.get() < block.size as u64).collect()
        };
        let entries = self.lists.iter().map(|(subject, list)| (subject.clone(), below(list)));
        let entries: BTreeMap<Subject, Vec<ListEntry>> = entries.filter(|(_, list)| !list.is_empty()).collect();
        let leaves = |list: &Vec<ListEntry>| list.iter().map(|entry| entry.leaf).collect();
        let lists = entries.iter().map(|(subject, list)| (subject.clone(), leaves(list))).collect();
        let signers = SignerList::of(entries.values().flatten().map(|entry| entry.signer));
        let mut index = index_of(&entries);
        assert_eq!(index.root(), block.seal.index_root, "the index of block {height}");
        assert!(block.checkpoint.ends_with(&format!("\n{}\n", merkle::root(&self.hashes[..block.size]).to_base64())));
        Edition { book: self, block, lists, entries, signers, index: RefCell::new(index) }
    }
}

fn index_of(lists: &BTreeMap<Subject, Vec<ListEntry>>) -> SubjectIndex {
    let mut index = SubjectIndex::new();
    for (subject, list) in lists {
        for entry in list {
            index.append(subject.key(), *entry).unwrap();
        }
    }
    index
}

/// The ledger at one block, with its index.
pub struct Edition<'a> {
    pub book: &'a Book,
    pub block: &'a Block,
    pub lists: BTreeMap<Subject, Vec<LeafIndex>>,
    entries: BTreeMap<Subject, Vec<ListEntry>>,
    /// All who signed. The entries made here name them by their numbers in it, until a document is put together.
    signers: SignerList,
    /// Proving hashes what was not hashed yet.
    index: RefCell<SubjectIndex>,
}

/// What of a genuine list is given out for the whole of it.
pub type Shown = Range<usize>;

impl Edition<'_> {
    pub fn list(&self, subject: &Subject) -> &[LeafIndex] {
        self.lists.get(subject).map(Vec::as_slice).unwrap_or_default()
    }

    /// The genuine entry of a subject, with the positions of its list that are shown.
    pub fn entry(&self, subject: &Subject, shown: Shown) -> SubjectEntry {
        let proof = self.index.borrow_mut().prove(&subject.key());
        let list = self.entries.get(subject).map(Vec::as_slice).unwrap_or_default();
        SubjectEntry::new(subject, list, shown, proof, &self.signers)
    }

    /// What an answer about `id` rests on.
    pub fn trail(&self, id: &Id) -> Trail {
        self.trail_without(id, &Hidden::default())
    }

    /// What it would rest on if the lists were other ones.
    pub fn trail_without(&self, id: &Id, hidden: &Hidden) -> Trail {
        follow(id, &mut Reading { edition: self, hidden }).unwrap()
    }

    /// Tells whether an answer cannot do without the statement at a leaf.
    pub fn needs(&self, id: &Id, leaf: LeafIndex) -> bool {
        let hidden = Hidden { unopened: Some(leaf), ..Hidden::default() };
        let is_admin = matches!(self.book.statements[&leaf].said, Said::Admin(_));
        is_admin || follow(id, &mut Reading { edition: self, hidden: &hidden }).is_err()
    }

    pub fn honest(&self, id: &Id) -> Evidence {
        let trail = self.trail(id);
        let entries = trail.shown.iter().map(|(subject, list)| {
            let from = usize::try_from(list.first).unwrap();
            self.entry(subject, from..from + list.entries.len())
        });
        let (captures, admins) = trail.leaves();
        self.document(id, entries.collect(), &captures, &admins)
    }

    /// Puts a document together: genuine statements, seals and inclusion proof around any entries of the index.
    pub fn document(
        &self,
        id: &Id,
        index: Vec<SubjectEntry>,
        captures: &BTreeSet<LeafIndex>,
        admins: &BTreeSet<LeafIndex>,
    ) -> Evidence {
        let texts = |leaves: &BTreeSet<LeafIndex>| -> Vec<PlacedText> {
            let text =
                |leaf: &LeafIndex| PlacedText { leaf_index: *leaf, statement: self.book.statements[leaf].text.clone() };
            leaves.iter().map(text).collect()
        };
        let mut evidence = Evidence {
            version: Evidence::VERSION,
            id: id.as_str().to_owned(),
            checkpoint: self.block.checkpoint.clone(),
            commit: self.block.commit.clone(),
            label: BTreeMap::new(),
            seal: self.block.placed(),
            signers: self.signers.clone(),
            index,
            statements: texts(captures),
            registrations: texts(admins),
            seals: Vec::new(),
            handovers: self.handovers(),
            former_members: Vec::new(),
            inclusion_proof: MultiProof::default(),
        };
        self.shorten_signers(&mut evidence);
        let ends: BTreeSet<LeafIndex> = ends_in(&evidence.index).collect();
        let leaves = captures.iter().chain(admins).chain(&ends).map(|leaf| usize::try_from(leaf.get()).unwrap());
        let blocks: BTreeSet<usize> = leaves.map(|leaf| self.block_of(leaf)).collect();
        evidence.seals = blocks.into_iter().map(|block| self.book.blocks[block].placed()).collect();
        self.prove(&mut evidence);
        evidence
    }

    /// The changes of members up to this block.
    fn handovers(&self) -> Vec<Handover> {
        let upto = |handover: &&Handover| handover.commit.height <= self.block.seal.height;
        self.book.handovers.iter().filter(upto).cloned().collect()
    }

    /// Numbers the signers by those that the entries name, none else: as a document has them.
    pub fn shorten_signers(&self, evidence: &mut Evidence) {
        let named = evidence.index.iter().flat_map(|entry| &entry.signers);
        let few = SignerList::of(named.filter_map(|number| evidence.signers.get(*number)));
        renumber(evidence, few);
    }

    /// Numbers the signers as the entries that are made here do.
    pub fn widen_signers(&self, evidence: &mut Evidence) {
        renumber(evidence, self.signers.clone());
    }

    /// Makes the inclusion proof of whatever leaves the document shows.
    pub fn prove(&self, evidence: &mut Evidence) {
        let seals = evidence.seals.iter().chain([&evidence.seal]).map(|one| one.leaf_index);
        let texts = evidence.statements.iter().chain(&evidence.registrations).map(|one| one.leaf_index);
        let leaves: BTreeSet<u64> = seals.chain(texts).map(LeafIndex::get).collect();
        let mut proof = Vec::new();
        self.beside(0..self.block.size, &leaves, &mut proof);
        evidence.inclusion_proof = MultiProof(proof);
    }

    fn beside(&self, span: Range<usize>, leaves: &BTreeSet<u64>, proof: &mut Vec<Hash>) {
        if leaves.range(span.start as u64..span.end as u64).next().is_none() {
            proof.push(merkle::root(&self.book.hashes[span]));
        } else if span.len() > 1 {
            let middle = span.start + span.len().next_power_of_two() / 2;
            self.beside(span.start..middle, leaves, proof);
            self.beside(middle..span.end, leaves, proof);
        }
    }

    fn block_of(&self, leaf: usize) -> usize {
        self.book.blocks.partition_point(|block| block.size <= leaf)
    }
}

/// What a node leaves out of the genuine lists. Nothing: an honest one.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// Of these lists the rest is given out for the whole.
    pub lists: BTreeMap<Subject, Shown>,
    /// These leaves are in no list.
    pub leaves: BTreeSet<LeafIndex>,
    /// The statement at this leaf is not there.
    pub unopened: Option<LeafIndex>,
}

struct Reading<'a> {
    edition: &'a Edition<'a>,
    hidden: &'a Hidden,
}

impl Source for Reading<'_> {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.edition.book.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, FollowFault> {
        let genuine = self.edition.entries.get(subject).map(Vec::as_slice).unwrap_or_default();
        let cut = self.hidden.lists.get(subject).cloned().unwrap_or(0..genuine.len());
        let list: Vec<ListEntry> =
            genuine[cut].iter().copied().filter(|entry| !self.hidden.leaves.contains(&entry.leaf)).collect();
        let first = wanted.first(list.len() as u64);
        let from = usize::try_from(first).unwrap();
        Ok(List { count: list.len() as u64, first, entries: list[from..].to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, FollowFault> {
        let early = |entry: &ListEntry| {
            let Said::Capture(capture) = &self.edition.book.statements[&entry.leaf].said else { return false };
            is_before_span(capture.place.time, since)
        };
        Ok(entries.iter().rposition(early).unwrap_or(0))
    }

    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        subject: &Subject,
        bytes: usize,
    ) -> Result<Option<Arc<Capture>>, FollowFault> {
        if self.hidden.unopened == Some(leaf) {
            return Ok(None);
        }
        Ok(Some(self.capture(leaf, subject)?).filter(|capture| capture.bytes <= bytes))
    }

    fn capture(&mut self, leaf: LeafIndex, subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        if self.hidden.unopened == Some(leaf) {
            return Err(FollowFault::CutShort { subject: subject.clone() });
        }
        match &self.edition.book.statements[&leaf].said {
            Said::Capture(capture) => Ok(Arc::clone(capture)),
            Said::Admin(_) => panic!("leaf {leaf} holds no capture"),
        }
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}

/// The leaves in whose blocks proposals came to their ends.
fn ends_in(index: &[SubjectEntry]) -> impl Iterator<Item = LeafIndex> {
    let of_proposals = index.iter().filter(|entry| entry.kind == SubjectKind::Proposal);
    of_proposals.flat_map(|entry| entry.leaves.iter().copied())
}

fn renumber(evidence: &mut Evidence, signers: SignerList) {
    for number in evidence.index.iter_mut().flat_map(|entry| &mut entry.signers) {
        *number = evidence.signers.get(*number).and_then(|signer| signers.number(&signer)).unwrap_or(u32::MAX);
    }
    evidence.signers = signers;
}
