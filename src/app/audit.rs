//! Audit: everything re-derived from the leaves and held against what is stored. It names the first leaf at fault.

use std::collections::{BTreeSet, HashMap};

use crate::app::block_builder::content_of;
use crate::app::registration::check_record;
use crate::app::state::statement_text;
use crate::domain::block::{FinalBlock, Height, Leaf, Note, NoteKey, Seal};
use crate::domain::consortium::rights;
use crate::domain::consortium::{Admin, ParticipantId, Place, Registry};
use crate::domain::epcis::{self, Reader};
use crate::domain::evidence::Anchor;
use crate::domain::hash::Hash;
use crate::domain::index::{Subject, SubjectIndex, SubjectKey, names};
use crate::domain::merkle::{self, Frontier, LeafIndex, TreeSize};
use crate::domain::statement::{StatementId, StatementType, SubmittedStatement};
use crate::ports::{
    CertificateReader, Derived, EventEntry, EventFilter, LeafContent, LedgerStore, StoreError, StoredBlock, StoredLeaf,
};

/// Rows compared at once.
const PAGE_ROWS: u32 = 10_000;

/// What is wrong, and where that first shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", leaf.map(|leaf| format!("leaf {leaf}: ")).unwrap_or_default())]
pub struct Fault {
    pub leaf: Option<LeafIndex>,
    pub what: String,
}

/// An audit that could not be carried through, or that found a fault.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Fault(Fault { leaf: None, what }),
            other => Self::Store(other),
        }
    }
}

/// What an audit went through without a fault.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub leaves: u64,
    pub blocks: u64,
    pub signatures: u64,
    pub captures: u64,
    pub events: u64,
    pub participants: u64,
    pub subjects: u64,
}

/// Re-derives everything from the leaves of a store and compares it with what is stored beside them.
pub async fn audit(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<Report, AuditError> {
    let (report, mut derived) = derive(store, reader).await?;
    if let Some(fault) = store.self_check().await?.into_iter().next() {
        return fail(None, format!("the database finds in itself: {fault}"));
    }
    compare_statements(store, &derived).await?;
    compare_subtree_roots(store, &mut derived).await?;
    compare_events(store, &derived).await?;
    compare_subjects(store, &mut derived).await?;
    Ok(report)
}

/// Writes the derived tables anew from the leaves.
pub async fn rebuild(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<Report, AuditError> {
    let (report, derived) = derive(store, reader).await?;
    store.replace_derived(derived).await?;
    Ok(report)
}

async fn derive(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<(Report, Derived), AuditError> {
    let tip = store.tip().await?.ok_or_else(|| Fault { leaf: None, what: "the ledger is empty".to_owned() })?;
    let mut replay = Replay::new(store, reader);
    let mut height = Height::GENESIS;
    loop {
        let block = store.block(height).await?;
        let Some(block) = block else { return fail(None, format!("block {height} is missing")) };
        replay.block(&block).await?;
        if height == tip.seal.height {
            break;
        }
        height = height.next();
    }
    let beyond = store.leaves(replay.frontier.size().get()..u64::MAX).await?;
    if let Some(leaf) = beyond.first() {
        return fail(Some(leaf.index), "it stands after the last block's seal");
    }
    Ok(replay.finish())
}

/// The fold over all leaves.
struct Replay<'a> {
    store: &'a dyn LedgerStore,
    reader: &'a dyn CertificateReader,
    frontier: Frontier,
    index: SubjectIndex,
    registry: Option<Registry>,
    last_seal: Option<Seal>,
    first_events: HashMap<(ParticipantId, String), Hash>,
    statements: HashMap<StatementId, LeafIndex>,
    derived: Derived,
    report: Report,
}

impl<'a> Replay<'a> {
    fn new(store: &'a dyn LedgerStore, reader: &'a dyn CertificateReader) -> Self {
        let report =
            Report { leaves: 0, blocks: 0, signatures: 0, captures: 0, events: 0, participants: 0, subjects: 0 };
        Self {
            store,
            reader,
            frontier: Frontier::new(),
            index: SubjectIndex::new(),
            registry: None,
            last_seal: None,
            first_events: HashMap::new(),
            statements: HashMap::new(),
            derived: Derived::default(),
            report,
        }
    }

    /// One block: its leaves in order, then its seal, then what was signed about it.
    async fn block(&mut self, block: &StoredBlock) -> Result<(), AuditError> {
        let begin = self.frontier.size();
        let previous_root = self.frontier.root();
        let leaves = self.store.leaves(begin.get()..block.size().get()).await?;
        let Some((last, statements)) = leaves.split_last() else {
            return fail(None, format!("block {} has no leaves", block.seal.height));
        };
        for leaf in statements {
            self.statement(leaf, block).await?;
        }
        self.check_seal(last, block, begin, previous_root)?;
        self.push(last, LeafContent::Seal)?;
        self.check_commit(last, block)?;
        self.report.blocks += 1;
        self.last_seal = Some(block.seal.clone());
        Ok(())
    }

    /// A leaf's own bytes: in sequence, with the hash that is stored, in the tree.
    fn push(&mut self, leaf: &StoredLeaf, content: LeafContent) -> Result<(), AuditError> {
        let expected = self.frontier.size().next_index();
        if leaf.index != expected {
            return fail(Some(expected), "it is missing");
        }
        if merkle::leaf_hash(&leaf.bytes) != leaf.hash {
            return fail(Some(leaf.index), "its bytes do not have the hash stored with them");
        }
        if leaf.content != content {
            return fail(Some(leaf.index), "it is stored as holding another kind of content than it does");
        }
        self.derived.subtree_roots.extend(self.frontier.push(leaf.hash));
        self.report.leaves += 1;
        Ok(())
    }

    async fn statement(&mut self, leaf: &StoredLeaf, block: &StoredBlock) -> Result<(), AuditError> {
        let at = Some(leaf.index);
        let decoded = Leaf::decode(&leaf.bytes).map_err(|error| fault(at, error))?;
        let text = statement_text(self.store, &leaf.bytes).await?;
        let text = text.ok_or_else(|| fault(at, "it holds no statement, or the bytes beside it are missing"))?;
        if let Leaf::LongStatement { hash, .. } = &decoded {
            if Hash::of(&text) != *hash {
                return fail(at, "the long statement beside it does not have the hash that it holds");
            }
        }
        let statement = SubmittedStatement::parse(&text).map_err(|error| fault(at, error))?;
        if Leaf::of_statement(statement.compact()) != decoded {
            return fail(at, "its statement belongs into another kind of leaf");
        }
        self.push(leaf, content_of(statement.header().typ()))?;
        if let Some(first) = self.statements.insert(statement.id(), leaf.index) {
            return fail(at, format!("its statement stands in leaf {first} already"));
        }
        self.derived.statements.push((statement.id(), leaf.index));
        let place = Place { leaf: leaf.index, time: block.seal.time };
        match statement.header().typ() {
            StatementType::Epcis => self.capture(statement, place),
            StatementType::Admin => self.admin(statement, place),
        }
    }

    fn capture(&mut self, statement: SubmittedStatement, place: Place) -> Result<(), AuditError> {
        let at = Some(place.leaf);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "it stands before the genesis statement"))?;
        statement.check_audience(registry.origin().as_str()).map_err(|error| fault(at, error))?;
        let thumbprint = *statement.header().signer().hash();
        let (participant, certificate) = registry.signer_at(&thumbprint, place).map_err(|error| fault(at, error))?;
        let statement = statement.verify(&certificate.key).map_err(|error| fault(at, error))?;
        let document = epcis::read(statement.payload(), Reader::Strict).map_err(|error| fault(at, error))?;
        let mut subjects = BTreeSet::new();
        for (event, position) in document.events.iter().zip(0..) {
            rights::check(participant, event).map_err(|error| fault(at, format!("event {position}: {error}")))?;
            let key = (participant.id.clone(), event.event_id.uri.clone());
            let first = self.first_events.entry(key).or_insert(event.content_hash);
            if *first != event.content_hash && event.error_declaration.is_none() {
                return fail(at, format!("event {position} contradicts an earlier one of its eventID"));
            }
            self.derived.events.push(EventEntry::new(place.leaf, position, participant.id.clone(), event));
            subjects.extend(names::of_event(event));
            self.report.events += 1;
        }
        self.report.captures += 1;
        self.report.signatures += 1;
        self.name(subjects, place.leaf)
    }

    fn admin(&mut self, statement: SubmittedStatement, place: Place) -> Result<(), AuditError> {
        let at = Some(place.leaf);
        let kid = *statement.header().signer().hash();
        let admin = Admin::parse(statement.payload()).map_err(|error| fault(at, error))?;
        self.report.signatures += 1;
        match &mut self.registry {
            None => {
                let anchor = Anchor::of_genesis(statement.compact().as_bytes()).map_err(|error| fault(at, error))?;
                self.registry = Some(Registry::new(anchor.genesis()));
            }
            Some(registry) => {
                statement.check_audience(registry.origin().as_str()).map_err(|error| fault(at, error))?;
                let member = registry.members().get(&kid).ok_or_else(|| fault(at, "its signer is no member"))?;
                statement.verify(member.key()).map_err(|error| fault(at, error))?;
                check_certificate(self.reader, &admin).map_err(|error| fault(at, error))?;
                registry.apply(&admin, &kid, place).map_err(|error| fault(at, error))?;
            }
        }
        self.name(names::of_admin(&admin), place.leaf)
    }

    fn name(&mut self, subjects: BTreeSet<Subject>, leaf: LeafIndex) -> Result<(), AuditError> {
        for subject in subjects {
            let key = subject.key();
            self.index.append(key, leaf).map_err(|error| fault(Some(leaf), error))?;
            self.derived.subjects.push((key, leaf));
        }
        Ok(())
    }

    fn check_seal(
        &mut self,
        leaf: &StoredLeaf,
        block: &StoredBlock,
        begin: TreeSize,
        previous_root: Hash,
    ) -> Result<(), AuditError> {
        let at = Some(leaf.index);
        let Ok(Leaf::Seal(seal)) = Leaf::decode(&leaf.bytes) else { return fail(at, "it should hold a seal") };
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "the first block has no genesis statement"))?;
        let members = registry.members().hash();
        let height = self.last_seal.as_ref().map_or(Height::GENESIS, |last| last.height.next());
        let later = self.last_seal.as_ref().is_none_or(|last| last.time < seal.time);
        let expected = [
            (seal.height == height && height == block.seal.height, "height"),
            (later, "time"),
            (seal.previous_size == begin, "previousSize"),
            (seal.previous_root == previous_root, "previousRoot"),
            (seal.index_root == self.index.root(), "indexRoot"),
            (seal.members_hash == members, "membersHash"),
            (seal.next_members_hash == members, "nextMembersHash"),
        ];
        match expected.iter().find(|(holds, _)| !holds) {
            Some((_, member)) => fail(at, format!("the {member} in its seal is not what the leaves before it give")),
            None => Ok(()),
        }
    }

    fn check_commit(&mut self, leaf: &StoredLeaf, block: &StoredBlock) -> Result<(), AuditError> {
        let at = Some(leaf.index);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "there are no members"))?;
        let checkpoint = &block.checkpoint;
        if checkpoint.root != self.frontier.root() || checkpoint.size != self.frontier.size() {
            return fail(
                at,
                format!("the checkpoint of block {} is not of the tree that the leaves give", block.seal.height),
            );
        }
        if checkpoint.origin != *registry.origin() {
            return fail(at, format!("the checkpoint of block {} is of another origin", block.seal.height));
        }
        FinalBlock::verify(block.seal.clone(), checkpoint.clone(), block.commit.clone(), registry.members())
            .map_err(|error| fault(at, format!("the commit of block {}: {error}", block.seal.height)))?;
        self.report.signatures += block.commit.signatures.len() as u64;
        self.check_note(block)
            .map_err(|error| fault(at, format!("the note of block {}: {error}", block.seal.height)))?;
        Ok(())
    }

    fn check_note(&mut self, block: &StoredBlock) -> Result<(), String> {
        let Some(registry) = &self.registry else { return Err("there are no members".to_owned()) };
        let note = Note::parse(block.note.as_bytes()).map_err(|error| error.to_string())?;
        if note.text() != block.checkpoint.to_text() {
            return Err("its text is not the checkpoint".to_owned());
        }
        let name = registry.origin().clone();
        let keys: Vec<NoteKey> = registry
            .members()
            .members()
            .map(|member| NoteKey { name: name.clone(), key: member.key().clone() })
            .collect();
        let verified = note.verify(&keys).map_err(|error| error.to_string())?;
        if verified.len() != note.signatures().len() {
            return Err("a signature on it is no member's".to_owned());
        }
        self.report.signatures += verified.len() as u64;
        Ok(())
    }

    fn finish(self) -> (Report, Derived) {
        let participants = self.registry.map_or(0, |registry| registry.participants().count() as u64);
        let subjects = self.index.len() as u64;
        (Report { participants, subjects, ..self.report }, self.derived)
    }
}

fn check_certificate(reader: &dyn CertificateReader, admin: &Admin) -> Result<(), String> {
    let (request, record, id) = match admin {
        Admin::Registration(one) => (&one.request, &one.certificate, &one.participant),
        Admin::Renewal(one) => (&one.request, &one.certificate, &one.participant),
        Admin::Genesis(_) | Admin::Revocation(_) | Admin::Rejection(_) => return Ok(()),
    };
    let asked = reader.request_der(request)?;
    check_record(reader, id, &asked, record)
}

async fn compare_statements(store: &dyn LedgerStore, derived: &Derived) -> Result<(), AuditError> {
    for chunk in derived.statements.chunks(PAGE_ROWS as usize) {
        let stored: HashMap<StatementId, LeafIndex> =
            store.statements(chunk.iter().map(|(id, _)| *id).collect()).await?.into_iter().collect();
        if let Some((_, leaf)) = chunk.iter().find(|(id, leaf)| stored.get(id) != Some(leaf)) {
            return fail(Some(*leaf), "the table of statements does not lead to it");
        }
    }
    if store.statement_count().await? != derived.statements.len() as u64 {
        return fail(None, "the table of statements has rows that no leaf gives");
    }
    Ok(())
}

async fn compare_subtree_roots(store: &dyn LedgerStore, derived: &mut Derived) -> Result<(), AuditError> {
    derived.subtree_roots.sort_unstable_by_key(|root| (root.level, root.index));
    let stored = store.subtree_roots().await?;
    let differs = stored.iter().zip(&derived.subtree_roots).find(|(stored, right)| stored != right);
    if let Some((_, right)) = differs {
        return fail(None, format!("hash {} of the tiles of level {} is wrong", right.index, right.level));
    }
    if stored.len() != derived.subtree_roots.len() {
        return fail(None, "the tiles have other rows than the leaves give");
    }
    Ok(())
}

async fn compare_events(store: &dyn LedgerStore, derived: &Derived) -> Result<(), AuditError> {
    let mut right = derived.events.iter();
    let mut after = None;
    loop {
        let filter = EventFilter { size: TreeSize::MAX, after, limit: PAGE_ROWS, ..EventFilter::default() };
        let page = store.events(filter).await?;
        for stored in &page {
            if right.next() != Some(stored) {
                let what = format!("the table of events is wrong about its event {}", stored.position);
                return fail(Some(stored.leaf), what);
            }
        }
        match page.last() {
            Some(last) => after = Some((last.leaf, last.position)),
            None => break,
        }
    }
    match right.next() {
        Some(missing) => fail(Some(missing.leaf), format!("the table of events lacks its event {}", missing.position)),
        None => Ok(()),
    }
}

async fn compare_subjects(store: &dyn LedgerStore, derived: &mut Derived) -> Result<(), AuditError> {
    derived.subjects.sort_unstable();
    let mut right = derived.subjects.iter();
    let mut after: Option<(SubjectKey, LeafIndex)> = None;
    loop {
        let page = store.subjects(after, PAGE_ROWS).await?;
        for stored in &page {
            if right.next() != Some(stored) {
                return fail(
                    Some(stored.1),
                    "the table of subjects names it under a subject that it does not name, or not under one that it does",
                );
            }
        }
        match page.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    match right.next() {
        Some((_, leaf)) => fail(Some(*leaf), "the table of subjects lacks a subject that it names"),
        None => Ok(()),
    }
}

fn fault(leaf: Option<LeafIndex>, what: impl ToString) -> Fault {
    Fault { leaf, what: what.to_string() }
}

fn fail<T>(leaf: Option<LeafIndex>, what: impl ToString) -> Result<T, AuditError> {
    Err(fault(leaf, what).into())
}
