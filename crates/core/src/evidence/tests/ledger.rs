//! A small ledger whose members sign whatever they are told: all leaves, blocks and lists, and evidence from them.
//!
//! Everything that depends on the formats of seal, genesis, index and evidence stands here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use p256::ecdsa::SigningKey;
use serde_json::Value;

use crate::block::{
    Checkpoint, Commit, CommitSignature, Height, Leaf, Member, MemberSet, NoteSigningKey, Origin, Seal,
};
use crate::consortium::{
    Admin, CertificateRecord, Decision, Founder, Genesis, ParticipantId, Place, RULES, Registration, Registry, Renewal,
    Revocation, founder_bytes, renewal_consent,
};
use crate::evidence::{
    Anchor, Checked, Evidence, EvidenceError, Handover, PlacedSeal, PlacedText, Receipt, check, read_capture,
};
use crate::gs1::{Id, Question};
use crate::hash::Hash;
use crate::index::{ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectIndex, SubjectKind, names};
use crate::merkle::{self, InclusionProof, LeafIndex, MultiProof, TreeSize};
use crate::provenance::{Capture, FollowFault, List, Source, Trail, WantedList, follow, is_before_span};
use crate::statement::{
    Draft, Header, P256, PublicKey, Signature, StatementId, StatementType, SubmittedStatement, sign as sign_draft,
};
use crate::time::Timestamp;

pub type TestLists = BTreeMap<Subject, Vec<ListEntry>>;

/// The seed of the member's key; participants have their numbers, and further members have seeds from 201 on.
pub const MEMBER: u8 = 200;

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub fn public(seed: u8) -> PublicKey {
    PublicKey::from(key(seed).verifying_key())
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn leaf(n: usize) -> LeafIndex {
    LeafIndex::new(n as u64).unwrap()
}

pub fn participant(number: u8) -> ParticipantId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

/// The certificate of a number's key, of the year 2026.
pub fn certificate(number: u8) -> CertificateRecord {
    CertificateRecord {
        x509: vec![number; 8],
        jwk: public(number),
        not_before: time("2026-01-01T00:00:00Z"),
        not_after: time("2027-01-01T00:00:00Z"),
    }
}

/// Signs a payload by any key, in any signer's name.
pub fn signed(typ: StatementType, signer: Hash, aud: &str, payload: &[u8], by: u8) -> String {
    let iat = time("2026-03-01T00:00:00Z");
    let header = match typ {
        StatementType::Epcis => Header::epcis(signer, aud, iat),
        StatementType::Admin => Header::admin(signer, aud, iat),
    };
    sign_draft(Draft::new(header, payload).unwrap(), &key(by)).compact().to_owned()
}

/// A statement as it stands at its leaf, and a sound one in whose place it stands there: the lists have what that names.
pub struct Post {
    text: String,
    place_of: String,
}

impl Post {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts a text where another would stand by right.
    pub fn instead(of: &Post, text: String) -> Self {
        Self { text, place_of: of.place_of.clone() }
    }
}

struct Block {
    size: usize,
    placed: PlacedSeal,
    checkpoint: Checkpoint,
    commit: Commit,
}

pub struct TestLedger {
    pub origin: Origin,
    pub anchor: Anchor,
    hashes: Vec<Hash>,
    texts: BTreeMap<LeafIndex, String>,
    captures: BTreeMap<LeafIndex, Arc<Capture>>,
    lists: TestLists,
    registry: Registry,
    proposals: BTreeMap<StatementId, LeafIndex>,
    blocks: Vec<Block>,
    /// The seeds of those whose signatures make the next block final.
    signers: Vec<u8>,
    members: MemberSet,
    pub handovers: Vec<Handover>,
}

fn member(seed: u8) -> Member {
    let note_key = NoteSigningKey::from_seed(&[seed; 32]).public();
    Member::new(if seed == MEMBER { "Member".to_owned() } else { format!("Member {seed}") }, public(seed), note_key)
        .unwrap()
}

pub fn member_set(seeds: &[u8]) -> MemberSet {
    MemberSet::new(seeds.iter().copied().map(member).collect()).unwrap()
}

impl TestLedger {
    /// Begins with the block of the genesis statement.
    pub fn new(origin: &str) -> Self {
        Self::founded_by(origin, &[MEMBER])
    }

    /// Begins with the founders of these seeds.
    pub fn founded_by(origin: &str, seeds: &[u8]) -> Self {
        let origin: Origin = origin.parse().unwrap();
        let mut seeds = seeds.to_vec();
        seeds.sort_by_key(|seed| public(*seed).thumbprint());
        let founder = |seed: &u8| Founder {
            kid: public(*seed).thumbprint(),
            signature: Signature::sign(&key(*seed), &founder_bytes(&origin, &member(*seed))),
        };
        let founders = seeds.iter().map(founder).collect();
        let members = member_set(&seeds);
        let genesis = Genesis::new(origin.clone(), members.clone(), founders, time("2026-01-01T00:00:00Z"));
        let registry = Registry::new(&genesis);
        let payload = Admin::Genesis(genesis).to_payload();
        let first = seeds[0];
        let text = signed(StatementType::Admin, public(first).thumbprint(), origin.as_str(), &payload, first);
        let anchor = Anchor::of_genesis(text.as_bytes(), &P256).unwrap();
        let mut ledger = Self {
            origin,
            anchor,
            hashes: Vec::new(),
            texts: BTreeMap::new(),
            captures: BTreeMap::new(),
            lists: TestLists::new(),
            registry,
            proposals: BTreeMap::new(),
            blocks: Vec::new(),
            signers: seeds,
            members,
            handovers: Vec::new(),
        };
        ledger.write("2026-01-01T00:00:00Z", &[Post { place_of: text.clone(), text }]);
        ledger
    }

    pub fn admin(&self, admin: &Admin) -> Post {
        let text = self.admin_by(admin, MEMBER, MEMBER);
        Post { place_of: text.clone(), text }
    }

    /// An admin statement by the member of this seed.
    pub fn admin_of(&self, admin: &Admin, seed: u8) -> Post {
        let text = self.admin_by(admin, seed, seed);
        Post { place_of: text.clone(), text }
    }

    /// An admin statement in the name of one key, signed by another.
    pub fn admin_by(&self, admin: &Admin, named: u8, by: u8) -> String {
        signed(StatementType::Admin, public(named).thumbprint(), self.origin.as_str(), &admin.to_payload(), by)
    }

    pub fn registration(number: u8, prefixes: &[&str]) -> Admin {
        let claims = serde_json::json!({"organization": format!("Organisation {number}"), "roles": ["manufacturer"],
            "glns": [], "gs1CompanyPrefixes": prefixes, "namespaces": []});
        Admin::Registration(Box::new(Registration {
            participant: participant(number),
            claims: serde_json::from_value(claims).unwrap(),
            request: vec![number; 5],
            certificate: certificate(number),
            evidence: Vec::new(),
            similar_to: Vec::new(),
        }))
    }

    /// A renewal for the key and certificate `next`, agreed to in the name of `current` by any key.
    pub fn renewal(&self, number: u8, current: u8, next: u8, by: u8) -> Admin {
        let request = vec![next; 5];
        let consent = renewal_consent(&self.origin, &participant(number), &request);
        Admin::Renewal(Box::new(Renewal {
            participant: participant(number),
            consent: Signature::sign(&key(by), &consent),
            request,
            current: certificate(current).thumbprint(),
            certificate: certificate(next),
        }))
    }

    pub fn revocation(number: u8) -> Admin {
        let (participant, reason) = (participant(number), "it left".to_owned());
        Admin::Revocation(Revocation { participant, reason, compromised_since: None, dismisses_claims: false })
    }

    /// A capture of one event by the participant's certificate of this number.
    pub fn capture(&self, number: u8, event: &Value) -> Post {
        let text = self.capture_by(number, event.to_string().as_bytes(), number);
        Post { place_of: text.clone(), text }
    }

    /// A capture in the name of one certificate, signed by any key.
    pub fn capture_by(&self, named: u8, payload: &[u8], by: u8) -> String {
        signed(StatementType::Epcis, certificate(named).thumbprint(), self.origin.as_str(), payload, by)
    }

    /// Writes a block, which the member makes final; gives the leaf of its first statement.
    pub fn write(&mut self, time: &str, posts: &[Post]) -> LeafIndex {
        self.write_lying(time, posts, |_| {}, |_| {})
    }

    /// Writes a block whose lists or seal say something else than they should: what a quorum of liars can sign.
    pub fn write_lying(
        &mut self,
        time: &str,
        posts: &[Post],
        change_lists: impl FnOnce(&mut TestLists),
        change_seal: impl FnOnce(&mut Seal),
    ) -> LeafIndex {
        let time = time.parse().unwrap();
        let (previous_size, previous_root) = (self.hashes.len(), merkle::root(&self.hashes));
        for post in posts {
            self.add(Place { leaf: leaf(self.hashes.len()), time }, self.blocks.len(), post);
        }
        change_lists(&mut self.lists);
        let members = self.members.clone();
        let mut seal = Seal {
            height: Height::new(self.blocks.len() as u64).unwrap(),
            time,
            previous_size: TreeSize::new(previous_size as u64).unwrap(),
            previous_root,
            index_root: self.index().root(),
            members_hash: members.hash(),
            next_members_hash: members.hash(),
            rules: RULES,
            enacted: Vec::new(),
        };
        change_seal(&mut seal);
        let last = leaf(self.hashes.len() - 1);
        for proposal in seal.enacted.iter().filter_map(|id| self.proposals.get(id)) {
            self.registry.enact_shown(*proposal, Place { leaf: last, time }).unwrap();
        }
        let placed = PlacedSeal { leaf_index: leaf(self.hashes.len()), seal: seal.to_json() };
        self.hashes.push(merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
        let size = self.hashes.len();
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: TreeSize::new(size as u64).unwrap(),
            root: merkle::root(&self.hashes),
        };
        let commit = signed_by(&self.signers, seal.height, &checkpoint);
        self.blocks.push(Block { size, placed, checkpoint, commit });
        leaf(previous_size)
    }

    /// Writes a block without statements that hands over to the members of these seeds; gives its height.
    pub fn hand_over(&mut self, time: &str, seeds: &[u8]) -> usize {
        let next = member_set(seeds);
        let hash = next.hash();
        self.write_lying(time, &[], |_| {}, |seal| seal.next_members_hash = hash);
        let block = self.blocks.last().unwrap();
        self.handovers.push(Handover {
            checkpoint: block.checkpoint.to_text(),
            commit: block.commit.clone(),
            seal: block.placed.seal.clone(),
            seal_inclusion_proof: self.way_of_last(),
            members: next.clone(),
        });
        self.members = next;
        self.signers = seeds.to_vec();
        self.blocks.len() - 1
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

    /// The last block's commit, by others.
    pub fn commit_by(&self, seeds: &[u8]) -> Commit {
        let block = self.blocks.last().unwrap();
        signed_by(seeds, block.commit.height, &block.checkpoint)
    }

    /// The anchor after a block, where these were the members.
    pub fn anchor_at(&self, height: usize, seeds: &[u8]) -> Anchor {
        let block = &self.blocks[height];
        self.anchor.clone().after(block.commit.height, &block.checkpoint, member_set(seeds))
    }

    /// A receipt of the statement at a leaf of the last block.
    pub fn receipt(&self, leaf_index: LeafIndex) -> Receipt {
        let block = self.blocks.last().unwrap();
        let proof = |index: u64| {
            let mut leaves = Vec::new();
            self.way(0..self.hashes.len(), usize::try_from(index).unwrap(), &mut leaves);
            InclusionProof(leaves)
        };
        Receipt {
            leaf_index,
            tree_size: block.checkpoint.size,
            leaf_hash: self.hashes[usize::try_from(leaf_index.get()).unwrap()],
            inclusion_proof: proof(leaf_index.get()),
            checkpoint: block.checkpoint.to_text(),
            commit: block.commit.clone(),
            seal: block.placed.seal.clone(),
            seal_inclusion_proof: proof(block.placed.leaf_index.get()),
        }
    }

    fn way(&self, span: Range<usize>, index: usize, way: &mut Vec<Hash>) {
        if span.len() == 1 {
            return;
        }
        let middle = span.start + span.len().next_power_of_two() / 2;
        let (inside, beside) = match index < middle {
            true => (span.start..middle, middle..span.end),
            false => (middle..span.end, span.start..middle),
        };
        self.way(inside, index, way);
        way.push(merkle::root(&self.hashes[beside]));
    }

    fn add(&mut self, place: Place, height: usize, post: &Post) {
        self.hashes.push(merkle::leaf_hash(&Leaf::of_statement(&post.text).encode()));
        self.texts.insert(place.leaf, post.text.clone());
        let sound = SubmittedStatement::parse(post.place_of.as_bytes()).unwrap();
        let kid = *sound.header().signer().hash();
        let (signer, names) = match sound.header().typ() {
            StatementType::Admin => {
                let admin = Admin::parse(sound.payload()).unwrap();
                let height = Height::new(height as u64).unwrap();
                let decision = Decision { id: sound.id(), admin: &admin, kid, place, height };
                match &admin {
                    // Those who follow parts of the ledger take none of these.
                    Admin::Genesis(_) | Admin::Ballot(_) | Admin::Withdrawal(_) | Admin::Ready(_) => {}
                    _ => self.registry.apply_shown(&decision, &P256).unwrap(),
                }
                if matches!(admin, Admin::Proposal(_)) {
                    self.proposals.insert(sound.id(), place.leaf);
                }
                (SignerTag::of_member(&kid), names::of_admin(&admin, sound.id()))
            }
            StatementType::Epcis => {
                let capture = read_capture(&sound, place, &self.registry).unwrap();
                let names = names::of_capture(capture.events(), &capture.signer);
                let signer = SignerTag::of_participant(&capture.signer);
                self.captures.insert(place.leaf, Arc::new(capture));
                (signer, names)
            }
        };
        for (subject, acts) in names {
            self.lists.entry(subject).or_default().push(ListEntry { leaf: place.leaf, signer, acts });
        }
    }

    fn index(&self) -> SubjectIndex {
        let mut index = SubjectIndex::new();
        for (subject, list) in &self.lists {
            for entry in list {
                index.append(subject.key(), *entry).unwrap();
            }
        }
        index
    }

    fn entries(&self, subject: &Subject) -> &[ListEntry] {
        self.lists.get(subject).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn list(&self, subject: &Subject) -> Vec<LeafIndex> {
        self.entries(subject).iter().map(|entry| entry.leaf).collect()
    }

    /// All who signed. The entries made here name them by their numbers in it, until a document is put together.
    fn signers(&self) -> SignerList {
        SignerList::of(self.lists.values().flatten().map(|entry| entry.signer))
    }

    /// What the index says of a subject, with the positions of its list that are shown.
    pub fn entry(&self, subject: &Subject, shown: Range<usize>) -> SubjectEntry {
        let proof = self.index().prove(&subject.key());
        SubjectEntry::new(subject, self.entries(subject), shown, proof, &self.signers())
    }

    pub fn trail(&self, id: &str) -> Trail {
        follow(Question::parse(id).unwrap(), &mut Open(self)).unwrap()
    }

    /// The entries on which an answer about an id rests.
    pub fn shown(&self, id: &str) -> Vec<SubjectEntry> {
        let entry = |(subject, list): (&Subject, &List)| {
            let first = usize::try_from(list.first).unwrap();
            self.entry(subject, first..first + list.entries.len())
        };
        self.trail(id).shown.iter().map(entry).collect()
    }

    /// Evidence about an id at the last block.
    pub fn evidence(&self, id: &str) -> Evidence {
        let (captures, admins) = self.trail(id).leaves();
        self.document(id, self.shown(id), &captures, &admins)
    }

    /// Puts a document together: genuine statements, seals and inclusion proof around any entries of the index.
    pub fn document(
        &self,
        id: &str,
        mut index: Vec<SubjectEntry>,
        captures: &BTreeSet<LeafIndex>,
        admins: &BTreeSet<LeafIndex>,
    ) -> Evidence {
        let asked = Question::parse(id).unwrap();
        let placed = |leaf: &LeafIndex| PlacedText { leaf_index: *leaf, statement: self.texts[leaf].clone() };
        let last = self.blocks.last().unwrap();
        let signers = only_named(&mut index, &self.signers());
        let mut evidence = Evidence {
            version: Evidence::VERSION,
            id: asked.id.to_string(),
            checkpoint: last.checkpoint.to_text(),
            commit: last.commit.clone(),
            label: asked.label.to_map(),
            seal: last.placed.clone(),
            signers,
            index,
            statements: captures.iter().map(placed).collect(),
            registrations: admins.iter().map(placed).collect(),
            seals: Vec::new(),
            handovers: self.handovers.clone(),
            former_members: Vec::new(),
            inclusion_proof: MultiProof::default(),
        };
        let ends = evidence.index.iter().filter(|entry| entry.kind == SubjectKind::Proposal);
        let ends: BTreeSet<LeafIndex> = ends.flat_map(|entry| entry.leaves.iter().copied()).collect();
        let leaves = captures.iter().chain(admins).chain(&ends).map(|leaf| usize::try_from(leaf.get()).unwrap());
        let blocks: BTreeSet<usize> = leaves.map(|leaf| self.blocks.partition_point(|one| one.size <= leaf)).collect();
        evidence.seals = blocks.into_iter().map(|height| self.seal(height)).collect();
        self.prove(&mut evidence);
        evidence
    }

    pub fn seal(&self, height: usize) -> PlacedSeal {
        self.blocks[height].placed.clone()
    }

    /// Makes the inclusion proof of whatever leaves the document shows.
    pub fn prove(&self, evidence: &mut Evidence) {
        let seals = evidence.seals.iter().chain([&evidence.seal]).map(|one| one.leaf_index);
        let texts = evidence.statements.iter().chain(&evidence.registrations).map(|one| one.leaf_index);
        let leaves: BTreeSet<u64> = seals.chain(texts).map(LeafIndex::get).collect();
        let mut proof = Vec::new();
        self.beside(0..self.hashes.len(), &leaves, &mut proof);
        evidence.inclusion_proof = MultiProof(proof);
    }

    fn beside(&self, span: Range<usize>, leaves: &BTreeSet<u64>, proof: &mut Vec<Hash>) {
        if leaves.range(span.start as u64..span.end as u64).next().is_none() {
            proof.push(merkle::root(&self.hashes[span]));
        } else if span.len() > 1 {
            let middle = span.start + span.len().next_power_of_two() / 2;
            self.beside(span.start..middle, leaves, proof);
            self.beside(middle..span.end, leaves, proof);
        }
    }

    /// Signs the checkpoint of an altered document again, by any key in any name.
    pub fn commit(&self, evidence: &mut Evidence, named: u8, by: u8) {
        let block = self.blocks.last().unwrap();
        let mut signature = CommitSignature::sign(&key(by), block.commit.height, 0, &block.checkpoint);
        signature.kid = public(named).thumbprint();
        evidence.commit.signatures = vec![signature];
    }

    pub fn check(&self, evidence: &Evidence) -> Result<Checked, EvidenceError> {
        self.check_under(evidence, &self.anchor)
    }

    pub fn check_under(&self, evidence: &Evidence, anchor: &Anchor) -> Result<Checked, EvidenceError> {
        check(evidence, Id::parse(&evidence.id).unwrap(), anchor, &P256)
    }
}

fn signed_by(seeds: &[u8], height: Height, checkpoint: &Checkpoint) -> Commit {
    let signatures = seeds.iter().map(|seed| CommitSignature::sign(&key(*seed), height, 0, checkpoint)).collect();
    Commit { height, round: 0, signatures }
}

/// Numbers the signers by those that the entries name, none else: as a document has them.
fn only_named(index: &mut [SubjectEntry], all: &SignerList) -> SignerList {
    let named = index.iter().flat_map(|entry| &entry.signers);
    let few = SignerList::of(named.map(|number| all.get(*number).unwrap()));
    for number in index.iter_mut().flat_map(|entry| &mut entry.signers) {
        *number = few.number(&all.get(*number).unwrap()).unwrap();
    }
    few
}

/// The ledger as the source of an honest node.
struct Open<'a>(&'a TestLedger);

impl Source for Open<'_> {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.0.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, FollowFault> {
        let list = self.0.entries(subject);
        let first = wanted.first(list.len() as u64);
        Ok(List { count: list.len() as u64, first, entries: list[first as usize..].to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, FollowFault> {
        let is_early = |entry: &ListEntry| is_before_span(self.0.captures[&entry.leaf].place.time, since);
        Ok(entries.iter().rposition(is_early).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        Ok(Arc::clone(&self.0.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}
