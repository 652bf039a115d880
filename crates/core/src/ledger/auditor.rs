//! An outsider's audit: every block of a ledger validated from its leaves, and held against what was signed about it.

use serde::{Deserialize, Serialize};

use crate::block::{FinalBlock, Height, Note};
use crate::consortium::{Admin, Registry};
use crate::evidence::{Anchor, note_keys};
use crate::ledger::block::{BlockContent, SealedBlock, StoredBlock};
use crate::ledger::known::EverSeen;
use crate::ledger::state::State;
use crate::ledger::validate::{Body, Invalid, InvalidReason, validate};
use crate::provider::Provider;
use crate::statement::SignatureVerifier;

/// What an audit went through without a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditTally {
    pub leaves: u64,
    pub blocks: u64,
    pub signatures: u64,
    pub captures: u64,
    pub events: u64,
    pub statements: u64,
    pub long_statements: u64,
}

/// What a block holds that was found without fault.
#[derive(Debug)]
pub struct AuditedBlock {
    pub content: BlockContent,
    pub admins: Vec<Admin>,
}

/// The ledger so far, as its leaves give it.
pub struct Auditor<'a> {
    provider: Provider<'a>,
    trusted: Option<&'a Anchor>,
    state: State,
    seen: EverSeen,
    tally: AuditTally,
}

impl<'a> Auditor<'a> {
    /// Begins with no leaf. The first one must be the genesis statement of `trusted`, if one is given.
    pub fn new(provider: Provider<'a>, trusted: Option<&'a Anchor>) -> Self {
        Self { provider, trusted, state: State::empty(), seen: EverSeen::default(), tally: AuditTally::default() }
    }

    /// Goes on with a ledger whose blocks up to `state` an earlier audit found sound. `seen` MUST have every statement and
    /// event of those blocks, and the blocks of their last half hour, and `tally` is what that audit came to.
    pub const fn resume(provider: Provider<'a>, state: State, seen: EverSeen, tally: AuditTally) -> Self {
        Self { provider, trusted: None, state, seen, tally }
    }

    pub const fn state(&self) -> &State {
        &self.state
    }

    pub const fn tally(&self) -> &AuditTally {
        &self.tally
    }

    /// Validates the next block from its leaves, and stages it.
    pub fn validate(&mut self, body: Body) -> Result<SealedBlock, Invalid> {
        let is_genesis = self.state.last_seal().is_none();
        let block = validate(&mut self.state, &self.seen, body, self.provider)?;
        let first = block.content.records.first();
        match (self.trusted.filter(|_| is_genesis), first) {
            (Some(trusted), Some(first)) if *first.record.statement().hash() != trusted.genesis_id() => {
                self.state.roll_back();
                Err(Invalid { leaf: first.place.leaf, reason: Box::new(InvalidReason::OtherGenesis) })
            }
            _ => Ok(block),
        }
    }

    /// Holds the staged block against what was signed about it, and makes it final. Hands back what it holds.
    ///
    /// # Errors
    ///
    /// What is wrong with the checkpoint, the seal shown, the commit or the note, for people. The block is taken back.
    pub fn close(&mut self, block: SealedBlock, shown: &StoredBlock) -> Result<AuditedBlock, String> {
        let checked = check_signed(&block, shown, self.provider.signatures)
            .and_then(|signatures| check_anchor(&block, self.trusted).map(|()| signatures));
        let signatures = checked.inspect_err(|_| self.state.roll_back())?;
        let SealedBlock { content, admins, captures, events, learnt, successor, .. } = block;
        self.state.apply(successor).map_err(|error| error.to_string())?;
        self.seen.learn(learnt);
        let statements = content.records.len() as u64;
        let tally = &mut self.tally;
        tally.leaves += content.leaves.len() as u64;
        tally.blocks += 1;
        tally.signatures += statements + signatures;
        tally.captures += captures;
        tally.events += events;
        tally.statements += statements;
        tally.long_statements += content.long_statements.len() as u64;
        Ok(AuditedBlock { content, admins })
    }
}

/// Holds a block that was validated against what was signed about it. Returns how many signatures were checked.
///
/// # Errors
///
/// The part that does not hold: the checkpoint is not of the tree that the leaves give or of another origin, the seal
/// shown is another one, the commit is no quorum's (of block 0: no member's), or the note has another text or a signature that is no member's.
pub fn check_signed(block: &SealedBlock, shown: &StoredBlock, verifier: &dyn SignatureVerifier) -> Result<u64, String> {
    let (registry, height) = (block.successor.registry(), block.seal.height);
    let StoredBlock { checkpoint, commit, seal, .. } = shown;
    if checkpoint.root != block.checkpoint.root || checkpoint.size != block.checkpoint.size {
        return Err(format!("the checkpoint of block {height} is not of the tree that the leaves give"));
    }
    if checkpoint.origin != *registry.origin() {
        return Err(format!("the checkpoint of block {height} is of another origin"));
    }
    if *seal != block.seal {
        return Err(format!("the seal shown of block {height} is not the one that stands here"));
    }
    // Block 0 was derived from its genesis statement: no member votes on it.
    let verify = if height == Height::GENESIS { FinalBlock::verify_first } else { FinalBlock::verify };
    // Those in force at its height: what it enacts holds from the next one on.
    verify(seal.clone(), checkpoint.clone(), commit.clone(), registry.members_at(height), verifier)
        .map_err(|error| format!("the commit of block {height}: {error}"))?;
    let noted =
        check_note(shown, registry, verifier).map_err(|error| format!("the note of block {height}: {error}"))?;
    Ok(commit.signatures.len() as u64 + noted)
}

/// Holds the block that a trust anchor is of against it.
fn check_anchor(block: &SealedBlock, trusted: Option<&Anchor>) -> Result<(), String> {
    let height = block.seal.height;
    let Some(anchor) = trusted.filter(|anchor| anchor.height() == height) else { return Ok(()) };
    let (checkpoint, members) = (&block.checkpoint, block.successor.registry().members());
    if (checkpoint.size, checkpoint.root, members) != (anchor.size(), anchor.root(), anchor.members()) {
        return Err(format!("block {height} has another size, root or members than the trust anchor of that block"));
    }
    Ok(())
}

/// Returns how many signatures the note of a block has. Each must be that of a member in force at its height, and hold.
///
/// # Errors
///
/// What is wrong with the note, for people.
pub fn check_note(block: &StoredBlock, registry: &Registry, verifier: &dyn SignatureVerifier) -> Result<u64, String> {
    let note = Note::parse(block.note.as_bytes()).map_err(|error| error.to_string())?;
    if note.text() != block.checkpoint.to_text() || note.to_text() != block.note {
        return Err("its text is not the checkpoint, or not written as it is signed".to_owned());
    }
    let keys = note_keys(registry.origin(), registry.members_at(block.seal.height));
    let verified = note.verify(&keys, verifier).map_err(|error| error.to_string())?;
    if verified.len() != note.signatures().len() {
        return Err("a signature on it is no member's, or stands there twice".to_owned());
    }
    if !keys.chunks(2).any(|pair| pair.iter().all(|key| verified.contains(&key))) {
        return Err("no member has signed it with both its keys, ECDSA and Ed25519".to_owned());
    }
    Ok(verified.len() as u64)
}
