//! Audit: everything re-derived from the leaves and held against what is stored. It names the first leaf at fault.

mod compare;

use std::collections::{BTreeSet, HashMap};

use crate::app::block_builder::content_of;
use crate::app::registration::check_record;
use crate::app::state::{mark_of, statement_text};
use crate::domain::block::{FinalBlock, Height, Leaf, Note, NoteKey, Seal};
use crate::domain::consortium::rights;
use crate::domain::consortium::{Admin, Facts, ParticipantId, Place, Registry};
use crate::domain::epcis::{self, Reader};
use crate::domain::evidence::Anchor;
use crate::domain::hash::Hash;
use crate::domain::index::{Subject, SubjectIndex, names};
use crate::domain::merkle::{self, Frontier, LeafIndex, TreeSize};
use crate::domain::statement::{StatementId, StatementType, SubmittedStatement};
use crate::domain::time::Timestamp;
use crate::ports::{
    CertificateReader, Derived, EventEntry, LeafContent, LedgerStore, Mark, StoreError, StoredBlock, StoredLeaf,
};

/// Leaves read at once: 16 MiB at the most.
const PAGE_LEAVES: u64 = 256;

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
///
/// The store must not grow meanwhile: give it as of one moment.
pub async fn audit(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<Report, AuditError> {
    let replayed = derive(store, reader).await?;
    if let Some(fault) = store.self_check().await?.into_iter().next() {
        return fail(None, format!("the database finds in itself: {fault}"));
    }
    compare::with_stored(store, reader, replayed).await
}

/// Writes the derived tables anew from the leaves.
pub async fn rebuild(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<Report, AuditError> {
    let replayed = derive(store, reader).await?;
    store.replace_derived(replayed.derived).await?;
    Ok(replayed.report)
}

/// Finds a ledger that was cut off, and is whole in itself: `mark`, read before the store was opened, tells the last
/// block that the member's key is known to have signed.
pub async fn check_mark(store: &dyn LedgerStore, mark: &Mark) -> Result<(), AuditError> {
    let signed = store.block(mark.height).await?;
    match signed {
        None => fail(None, format!("it ends before block {}, which this member's key has signed", mark.height)),
        Some(block) if mark_of(&block) != *mark => {
            fail(None, format!("this member's key has signed another block {} than the one here", mark.height))
        }
        Some(_) => Ok(()),
    }
}

/// What the leaves give.
struct Replayed {
    report: Report,
    registry: Registry,
    derived: Derived,
    /// What participants asked for, in DER, by who asked.
    requests: HashMap<ParticipantId, Vec<u8>>,
    long_statements: u64,
}

/// Goes through all leaves in order. A seal among them ends its block, whatever the table of blocks says.
async fn derive(store: &dyn LedgerStore, reader: &dyn CertificateReader) -> Result<Replayed, AuditError> {
    let mut replay = Replay::new(store, reader);
    let mut open: Vec<StoredLeaf> = Vec::new();
    let mut next = 0;
    loop {
        let page = store.leaves(next..next + PAGE_LEAVES).await?;
        if page.is_empty() {
            break;
        }
        for leaf in page {
            let ends = check_leaf(&leaf, next)?;
            next += 1;
            match ends {
                Some(seal) => replay.block(&std::mem::take(&mut open), &leaf, seal).await?,
                None => open.push(leaf),
            }
        }
    }
    match open.first() {
        Some(leaf) => fail(Some(leaf.index), "it stands after the last block's seal"),
        None => replay.finish(),
    }
}

/// A leaf in itself: the next one, with the hash that is stored. Returns the seal that it holds, if it does.
fn check_leaf(leaf: &StoredLeaf, next: u64) -> Result<Option<Seal>, AuditError> {
    if leaf.index.get() != next {
        return fail(LeafIndex::new(next).ok(), "it is missing");
    }
    if merkle::leaf_hash(&leaf.bytes) != leaf.hash {
        return fail(Some(leaf.index), "its bytes do not have the hash stored with them");
    }
    match Leaf::decode(&leaf.bytes).map_err(|error| fault(Some(leaf.index), error))? {
        Leaf::Seal(seal) => Ok(Some(seal)),
        Leaf::Statement(_) | Leaf::LongStatement { .. } => Ok(None),
    }
}

/// The fold over all leaves.
struct Replay<'a> {
    store: &'a dyn LedgerStore,
    reader: &'a dyn CertificateReader,
    frontier: Frontier,
    index: SubjectIndex,
    registry: Option<Registry>,
    last_seal: Option<Seal>,
    facts: Facts,
    statements: HashMap<StatementId, LeafIndex>,
    derived: Derived,
    requests: HashMap<ParticipantId, Vec<u8>>,
    long_statements: u64,
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
            facts: Facts::default(),
            statements: HashMap::new(),
            derived: Derived::default(),
            requests: HashMap::new(),
            long_statements: 0,
            report,
        }
    }

    /// One block: its statements in order, then its seal, then what was signed about it.
    async fn block(&mut self, statements: &[StoredLeaf], last: &StoredLeaf, seal: Seal) -> Result<(), AuditError> {
        let begin = self.frontier.size();
        let previous_root = self.frontier.root();
        for leaf in statements {
            self.statement(leaf, seal.time).await?;
        }
        let block = self.store.block(seal.height).await.map_err(|error| at_leaf(error, last.index))?;
        let missing = || fault(Some(last.index), format!("block {}, which it seals, is missing", seal.height));
        let block = block.ok_or_else(missing)?;
        if let Err(fault) = self.close(last, &seal, begin, previous_root, &block) {
            return Err(self.first_misplaced(statements.len(), fault).await?.into());
        }
        self.report.blocks += 1;
        self.last_seal = Some(seal);
        Ok(())
    }

    fn close(
        &mut self,
        last: &StoredLeaf,
        seal: &Seal,
        begin: TreeSize,
        previous_root: Hash,
        block: &StoredBlock,
    ) -> Result<(), Fault> {
        self.check_seal(last, seal, begin, previous_root)?;
        self.push(last, LeafContent::Seal)?;
        self.check_commit(last, block)
    }

    /// A seal or a commit that does not hold tells that some leaf of its block is another one than was signed. Which of
    /// them, the table of statements may know.
    async fn first_misplaced(&self, statements: usize, fault: Fault) -> Result<Fault, AuditError> {
        let skipped = self.derived.statements.len().saturating_sub(statements);
        let placed = self.derived.statements.get(skipped..).unwrap_or_default();
        let stored = self.store.statements(placed.iter().map(|(id, _)| *id).collect()).await?;
        let stored: HashMap<StatementId, LeafIndex> = stored.into_iter().collect();
        let misplaced = placed.iter().find(|(id, leaf)| stored.get(id) != Some(leaf));
        Ok(match misplaced {
            Some((_, leaf)) => {
                Fault { leaf: Some(*leaf), what: format!("it holds another statement than was signed for: {fault}") }
            }
            None => fault,
        })
    }

    /// Appends a leaf to the tree.
    fn push(&mut self, leaf: &StoredLeaf, content: LeafContent) -> Result<(), Fault> {
        if leaf.content != content {
            return fail(Some(leaf.index), "it is stored as holding another kind of content than it does");
        }
        self.derived.subtree_roots.extend(self.frontier.push(leaf.hash));
        self.report.leaves += 1;
        Ok(())
    }

    async fn statement(&mut self, leaf: &StoredLeaf, time: Timestamp) -> Result<(), AuditError> {
        let at = Some(leaf.index);
        let decoded = Leaf::decode(&leaf.bytes).map_err(|error| fault(at, error))?;
        let text = statement_text(self.store, &leaf.bytes).await?;
        let text = text.ok_or_else(|| fault(at, "it holds no statement, or the bytes beside it are missing"))?;
        if let Leaf::LongStatement { hash, .. } = &decoded {
            if Hash::of(&text) != *hash {
                return fail(at, "the long statement beside it does not have the hash that it holds");
            }
            self.long_statements += 1;
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
        let place = Place { leaf: leaf.index, time };
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
        if let Some(one) = self.facts.contradiction(&participant.id, &document.events) {
            return fail(at, format!("event {} contradicts an earlier one of its eventID", one.position));
        }
        self.facts.learn(&participant.id, &document.events, place.leaf);
        let mut subjects = BTreeSet::new();
        for (event, position) in document.events.iter().zip(0..) {
            rights::check(participant, event).map_err(|error| fault(at, format!("event {position}: {error}")))?;
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
                if let Admin::Registration(one) = &admin {
                    self.requests.insert(one.participant.clone(), one.request.clone());
                }
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
        seal: &Seal,
        begin: TreeSize,
        previous_root: Hash,
    ) -> Result<(), Fault> {
        let at = Some(leaf.index);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "the first block has no genesis statement"))?;
        let members = registry.members().hash();
        let height = self.last_seal.as_ref().map_or(Height::GENESIS, |last| last.height.next());
        let later = self.last_seal.as_ref().is_none_or(|last| last.time < seal.time);
        let expected = [
            (seal.height == height, "height"),
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

    fn check_commit(&mut self, leaf: &StoredLeaf, block: &StoredBlock) -> Result<(), Fault> {
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
        if note.text() != block.checkpoint.to_text() || note.to_text() != block.note {
            return Err("its text is not the checkpoint, or not written as it is signed".to_owned());
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

    fn finish(self) -> Result<Replayed, AuditError> {
        let Some(registry) = self.registry else { return fail(None, "the ledger is empty") };
        let participants = registry.participants().count() as u64;
        let subjects = self.index.len() as u64;
        Ok(Replayed {
            report: Report { participants, subjects, ..self.report },
            registry,
            derived: self.derived,
            requests: self.requests,
            long_statements: self.long_statements,
        })
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

/// Says at which leaf a store's corruption shows.
fn at_leaf(error: StoreError, leaf: LeafIndex) -> AuditError {
    match error {
        StoreError::Corrupt(what) => fault(Some(leaf), what).into(),
        other => other.into(),
    }
}

fn fault(leaf: Option<LeafIndex>, what: impl ToString) -> Fault {
    Fault { leaf, what: what.to_string() }
}

fn fail<T, E: From<Fault>>(leaf: Option<LeafIndex>, what: impl ToString) -> Result<T, E> {
    Err(fault(leaf, what).into())
}
