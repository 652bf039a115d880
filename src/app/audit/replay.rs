//! The fold over all leaves: every rule that a ledger keeps, and nothing that reads or waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::app::audit::source::SourceLeaf;
use crate::app::audit::{Fault, Report, fail, fault};
use crate::app::block_builder::content_of;
use crate::app::records::{admin_record, capture_record};
use crate::ports::{LeafContent, NewBlock, PlacedRecord, StoredBlock, StoredLeaf};
use sealane_core::block::{FinalBlock, Height, Leaf, Note, Seal};
use sealane_core::consortium::rights;
use sealane_core::consortium::{Admin, EventFact, Facts, ParticipantId, Place, RULES, Registry};
use sealane_core::consortium::{CertificateReader, check_record};
use sealane_core::epcis::{self, Event, Reader};
use sealane_core::evidence::{Anchor, note_keys};
use sealane_core::hash::Hash;
use sealane_core::index::SubjectIndex;
use sealane_core::limits::EVENT_TIME_AHEAD_MS_MAX;
use sealane_core::merkle::{self, Edge, LeafIndex, TileId, TreeSize};
use sealane_core::provider::Provider;
use sealane_core::record::Record;
use sealane_core::statement::SignatureVerifier;
use sealane_core::statement::{StatementId, StatementType, SubmittedStatement};
use sealane_core::time::Timestamp;

/// What is kept of a replay beside what the rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All that each block adds, until it is taken.
    Block,
    /// Nothing: memory grows with subjects and statements alone.
    Nothing,
}

/// What the leaves give.
pub struct Replayed {
    pub report: Report,
    pub registry: Registry,
    /// Tiles of each level.
    pub tiles: BTreeMap<u8, u64>,
    pub statements: u64,
    /// What participants asked for, in DER, by who asked.
    pub requests: HashMap<ParticipantId, Vec<u8>>,
    pub long_statements: u64,
    pub last_seal: Seal,
}

impl Replayed {
    /// Leaves in the tree that the last seal ends.
    pub fn size(&self) -> Result<TreeSize, Fault> {
        TreeSize::new(self.report.leaves).map_err(|error| fault(None, error))
    }
}

/// The ledger so far, as its leaves give it.
pub struct Replay<'a> {
    provider: Provider<'a>,
    trusted: Option<&'a Anchor>,
    kept: Kept,
    edge: Edge,
    /// Tiles of each level so far.
    tiles: BTreeMap<u8, u64>,
    index: SubjectIndex,
    registry: Option<Registry>,
    /// Size and root of the tree before the block that is open.
    before: (TreeSize, Hash),
    last_seal: Option<Seal>,
    facts: Facts,
    statements: HashMap<StatementId, LeafIndex>,
    /// Leaves of the block that is open, the long statements beside them, and what is derived from them.
    leaves: Vec<StoredLeaf>,
    longs: Vec<(Hash, Vec<u8>)>,
    records: Vec<PlacedRecord>,
    grown: Vec<(TileId, Vec<Hash>)>,
    requests: HashMap<ParticipantId, Vec<u8>>,
    long_statements: u64,
    report: Report,
}

impl<'a> Replay<'a> {
    /// Begins with no leaf. The first one must be the genesis statement of `trusted`, where one is given.
    pub fn new(provider: Provider<'a>, trusted: Option<&'a Anchor>, kept: Kept) -> Self {
        let edge = Edge::new();
        Self {
            provider,
            trusted,
            kept,
            before: (edge.size(), edge.root()),
            edge,
            tiles: BTreeMap::new(),
            index: SubjectIndex::new(),
            registry: None,
            last_seal: None,
            facts: Facts::default(),
            statements: HashMap::new(),
            leaves: Vec::new(),
            longs: Vec::new(),
            records: Vec::new(),
            grown: Vec::new(),
            requests: HashMap::new(),
            long_statements: 0,
            report: Report::default(),
        }
    }

    /// The height of the block that is open.
    pub fn height(&self) -> Height {
        self.last_seal.as_ref().map_or(Height::GENESIS, |last| last.height.next())
    }

    pub fn begin_block(&mut self) {
        self.before = (self.edge.size(), self.edge.root());
    }

    /// A leaf before a seal, in a block of `time`; `long` are the bytes beside it, where it stands for a long statement.
    pub fn statement(
        &mut self,
        leaf: &SourceLeaf,
        long: Option<Vec<u8>>,
        time: Timestamp,
    ) -> Result<StatementId, Fault> {
        let at = Some(leaf.index);
        let decoded = Leaf::decode(&leaf.bytes).map_err(|error| fault(at, error))?;
        let text = match &decoded {
            Leaf::Seal(_) => return fail(at, "it holds no statement"),
            Leaf::Statement(text) => text.as_bytes(),
            Leaf::LongStatement { hash, .. } => {
                let text =
                    long.as_deref().ok_or_else(|| fault(at, "the long statement that it stands for is missing"))?;
                if Hash::of(text) != *hash {
                    return fail(at, "the long statement beside it does not have the hash that it holds");
                }
                self.long_statements += 1;
                text
            }
        };
        let statement = SubmittedStatement::parse(text).map_err(|error| fault(at, error))?;
        if Leaf::of_statement(statement.compact()) != decoded {
            return fail(at, "its statement belongs into another kind of leaf");
        }
        self.push(leaf, content_of(statement.header().typ()))?;
        if let (Leaf::LongStatement { hash, .. }, Kept::Block) = (&decoded, self.kept) {
            self.longs.push((*hash, statement.compact().as_bytes().to_vec()));
        }
        let id = statement.id();
        if let Some(first) = self.statements.insert(id, leaf.index) {
            return fail(at, format!("its statement stands in leaf {first} already"));
        }
        let place = Place { leaf: leaf.index, time };
        match statement.header().typ() {
            StatementType::Epcis => self.capture(statement, place)?,
            StatementType::Admin => self.admin(statement, place)?,
        }
        Ok(id)
    }

    /// The leaf that ends a block, and what was signed about it.
    pub fn close_block(&mut self, last: &SourceLeaf, seal: &Seal, block: &StoredBlock) -> Result<(), Fault> {
        self.check_seal(last, seal)?;
        self.push(last, LeafContent::Seal)?;
        self.check_commit(last, seal, block)?;
        let (before, _) = self.before;
        let grown = self.edge.take_tiles(before);
        for (tile, _) in &grown {
            let tiles = self.tiles.entry(tile.level()).or_default();
            *tiles = (*tiles).max(tile.index() + 1);
        }
        if self.kept == Kept::Block {
            self.grown = grown;
        }
        self.report.blocks += 1;
        self.last_seal = Some(seal.clone());
        Ok(())
    }

    /// All that the block adds which was closed last, derived anew; `None` where blocks are not kept.
    pub fn take_block(&mut self, block: StoredBlock) -> Option<NewBlock> {
        if self.kept != Kept::Block {
            return None;
        }
        let tiles = std::mem::take(&mut self.grown);
        let records = Arc::new(std::mem::take(&mut self.records));
        let leaves = std::mem::take(&mut self.leaves);
        let long_statements = std::mem::take(&mut self.longs);
        Some(NewBlock { block, leaves, long_statements, tiles, records })
    }

    /// What all leaves came to. The last one was a seal.
    pub fn finish(self) -> Result<Replayed, Fault> {
        let (Some(registry), Some(last_seal)) = (self.registry, self.last_seal) else {
            return fail(None, "the ledger is empty");
        };
        let participants = registry.participants().count() as u64;
        let subjects = self.index.len() as u64;
        Ok(Replayed {
            report: Report { participants, subjects, ..self.report },
            registry,
            tiles: self.tiles,
            statements: self.statements.len() as u64,
            requests: self.requests,
            long_statements: self.long_statements,
            last_seal,
        })
    }

    /// Appends a leaf to the tree.
    fn push(&mut self, leaf: &SourceLeaf, content: LeafContent) -> Result<(), Fault> {
        if leaf.content.is_some_and(|stored| stored != content) {
            return fail(Some(leaf.index), "it is stored as holding another kind of content than it does");
        }
        self.edge.push(merkle::leaf_hash(&leaf.bytes));
        if self.kept == Kept::Block {
            self.leaves.push(StoredLeaf { index: leaf.index, content, bytes: leaf.bytes.clone() });
        }
        self.report.leaves += 1;
        Ok(())
    }

    fn capture(&mut self, statement: SubmittedStatement, place: Place) -> Result<(), Fault> {
        let at = Some(place.leaf);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "it stands before the genesis statement"))?;
        statement.check_audience(registry.origin().as_str()).map_err(|error| fault(at, error))?;
        let thumbprint = *statement.header().signer().hash();
        let (participant, certificate) = registry.signer_at(&thumbprint, place).map_err(|error| fault(at, error))?;
        let statement =
            statement.verify(&certificate.key, self.provider.signatures).map_err(|error| fault(at, error))?;
        let document = epcis::read(statement.payload(), Reader::Strict).map_err(|error| fault(at, error))?;
        let facts = EventFact::of_all(&participant.id, &document.events);
        if let Some(one) = self.facts.contradiction(&facts) {
            return fail(at, format!("event {} contradicts an earlier one of its eventID", one.position));
        }
        self.facts.learn(&facts, place.leaf);
        for (event, position) in document.events.iter().zip(0..) {
            check_time(event, place.time).map_err(|error| fault(at, format!("event {position}: {error}")))?;
            rights::check(participant, event).map_err(|error| fault(at, format!("event {position}: {error}")))?;
            self.report.events += 1;
        }
        self.report.captures += 1;
        self.report.signatures += 1;
        let record = capture_record(&statement, &participant.id, &document.events);
        self.record(place, record)
    }

    fn admin(&mut self, statement: SubmittedStatement, place: Place) -> Result<(), Fault> {
        let at = Some(place.leaf);
        let (id, kid) = (statement.id(), *statement.header().signer().hash());
        let admin = Admin::parse(statement.payload()).map_err(|error| fault(at, error))?;
        self.report.signatures += 1;
        match &mut self.registry {
            None => {
                let anchor = Anchor::of_genesis(statement.compact().as_bytes(), self.provider.signatures)
                    .map_err(|error| fault(at, error))?;
                if self.trusted.is_some_and(|trusted| trusted.genesis_id() != anchor.genesis_id()) {
                    return fail(at, "it is not the genesis statement of the trust anchor");
                }
                self.registry = Some(Registry::new(anchor.genesis()));
            }
            Some(registry) => {
                statement.check_audience(registry.origin().as_str()).map_err(|error| fault(at, error))?;
                let member = registry.members().get(&kid).ok_or_else(|| fault(at, "its signer is no member"))?;
                statement.verify(member.key(), self.provider.signatures).map_err(|error| fault(at, error))?;
                check_certificate(self.provider.certificates, &admin).map_err(|error| fault(at, error))?;
                registry.apply(&admin, &kid, place, self.provider.signatures).map_err(|error| fault(at, error))?;
                if let (Admin::Registration(one), Kept::Block) = (&admin, self.kept) {
                    self.requests.insert(one.participant.clone(), one.request.clone());
                }
            }
        }
        self.record(place, admin_record(id, &kid, &admin))
    }

    fn record(&mut self, place: Place, record: Record) -> Result<(), Fault> {
        for (key, entry) in record.list_entries(place.leaf) {
            self.index.append(key, entry).map_err(|error| fault(Some(place.leaf), error))?;
        }
        if self.kept == Kept::Block {
            self.records.push(PlacedRecord { place, record });
        }
        Ok(())
    }

    fn check_seal(&mut self, leaf: &SourceLeaf, seal: &Seal) -> Result<(), Fault> {
        let at = Some(leaf.index);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "the first block has no genesis statement"))?;
        let members = registry.members().hash();
        let (size, root) = self.before;
        let later = self.last_seal.as_ref().is_none_or(|last| last.time < seal.time);
        let expected = [
            (seal.height == self.height(), "height"),
            (later, "time"),
            (seal.previous_size == size, "previousSize"),
            (seal.previous_root == root, "previousRoot"),
            (seal.index_root == self.index.root(), "indexRoot"),
            (seal.members_hash == members, "membersHash"),
            (seal.next_members_hash == members, "nextMembersHash"),
            (seal.rules == RULES, "rules"),
            (seal.enacted.is_empty(), "enacted"),
        ];
        match expected.iter().find(|(holds, _)| !holds) {
            Some((_, member)) => fail(at, format!("the {member} in its seal is not what the leaves before it give")),
            None => Ok(()),
        }
    }

    fn check_commit(&mut self, leaf: &SourceLeaf, seal: &Seal, block: &StoredBlock) -> Result<(), Fault> {
        let at = Some(leaf.index);
        let registry = self.registry.as_ref().ok_or_else(|| fault(at, "there are no members"))?;
        let checkpoint = &block.checkpoint;
        let height = seal.height;
        if checkpoint.root != self.edge.root() || checkpoint.size != self.edge.size() {
            return fail(at, format!("the checkpoint of block {height} is not of the tree that the leaves give"));
        }
        if checkpoint.origin != *registry.origin() {
            return fail(at, format!("the checkpoint of block {height} is of another origin"));
        }
        if block.seal != *seal {
            return fail(at, format!("the seal shown of block {height} is not the one that stands here"));
        }
        if let Some(anchor) = self.trusted.filter(|anchor| anchor.height() == height)
            && (checkpoint.size, checkpoint.root, registry.members())
                != (anchor.size(), anchor.root(), anchor.members())
        {
            return fail(
                at,
                format!("block {height} has another size, root or members than the trust anchor of that block"),
            );
        }
        FinalBlock::verify(
            seal.clone(),
            checkpoint.clone(),
            block.commit.clone(),
            registry.members(),
            self.provider.signatures,
        )
        .map_err(|error| fault(at, format!("the commit of block {height}: {error}")))?;
        self.report.signatures += block.commit.signatures.len() as u64;
        let verified = check_note(block, registry, self.provider.signatures)
            .map_err(|error| fault(at, format!("the note of block {height}: {error}")))?;
        self.report.signatures += verified;
        Ok(())
    }
}

/// No event lies more than a day ahead of its block.
fn check_time(event: &Event, time: Timestamp) -> Result<(), String> {
    if event.event_time.millis_since(time) > EVENT_TIME_AHEAD_MS_MAX {
        return Err(format!("its eventTime {} is more than a day ahead of its block's time {time}", event.event_time));
    }
    Ok(())
}

/// Returns how many signatures the note of a block has.
fn check_note(block: &StoredBlock, registry: &Registry, verifier: &dyn SignatureVerifier) -> Result<u64, String> {
    let note = Note::parse(block.note.as_bytes()).map_err(|error| error.to_string())?;
    if note.text() != block.checkpoint.to_text() || note.to_text() != block.note {
        return Err("its text is not the checkpoint, or not written as it is signed".to_owned());
    }
    let keys = note_keys(registry.origin(), registry.members());
    let verified = note.verify(&keys, verifier).map_err(|error| error.to_string())?;
    if verified.len() != note.signatures().len() {
        return Err("a signature on it is no member's, or stands there twice".to_owned());
    }
    if !keys.chunks(2).any(|pair| pair.iter().all(|key| verified.contains(&key))) {
        return Err("no member has signed it with both its keys, ECDSA and Ed25519".to_owned());
    }
    Ok(verified.len() as u64)
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
