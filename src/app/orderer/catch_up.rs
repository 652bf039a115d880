//! Fetches the final blocks that this node has missed from the members that have them, and gives them to those that have not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::app::final_block::{FinalBlockChecks, unknown_rules_of};
use crate::app::head::statement_text;
use crate::app::orderer::Orderer;
use crate::app::orderer::finish::WriteError;
use crate::app::orderer::peers::{PART_BYTES_MAX, candidate_of, parts};
use crate::app::orderer::verifying::leaf_hash_of;
use crate::ports::{LedgerStore, Peers, StoreError, StoredBlock, To};
use sealane_core::agreement::{FinalBlockEnd, FinalBlockPart, Message};
use sealane_core::block::{FinalBlock, Height};
use sealane_core::hash::Hash;
use sealane_core::ledger::{BodyLeaf, Candidate, SealedBlock, UnknownRules, check_note};
use sealane_core::limits::BLOCK_STATEMENTS_MAX;
use sealane_core::provider::Provider;

/// How long a node that is one block behind waits for the votes that may be on their way.
const ONE_BEHIND_FOR: Duration = Duration::from_millis(1_500);

/// How long an answer may take before another member is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a member is not asked again that has sent a block which does not stand.
const SET_ASIDE_FOR: Duration = Duration::from_secs(60);

/// Bytes of blocks that one question is answered with.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Blocks that one question is answered with.
const ANSWER_BLOCKS_MAX: u64 = 512;

/// Members that are told final blocks at a time. Others ask again.
const TELLING_MAX: usize = 4;

/// What is being fetched.
pub(super) struct CatchUp {
    /// Since when this node is one block behind.
    behind_since: Option<Instant>,
    asked: Option<Asked>,
    set_aside: BTreeMap<Hash, Instant>,
    /// The rules of the next block, which is final, and which this program cannot validate.
    beyond: Option<UnknownRules>,
    telling: Arc<Semaphore>,
}

/// A question that waits for its answer.
struct Asked {
    member: Hash,
    until: Instant,
    /// Statements of the block that is coming, as far as it has come.
    statements: Vec<Vec<u8>>,
    /// Blocks of this answer that have come, and bytes of their statements.
    blocks: u64,
    bytes: usize,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            behind_since: None,
            asked: None,
            set_aside: BTreeMap::new(),
            beyond: None,
            telling: Arc::new(Semaphore::new(TELLING_MAX)),
        }
    }
}

impl CatchUp {
    /// Tells whether final blocks are asked for that this node has missed.
    pub const fn is_fetching(&self) -> bool {
        self.asked.is_some()
    }

    /// Why no further block can be taken, if so.
    pub const fn beyond(&self) -> Option<UnknownRules> {
        self.beyond
    }

    /// Notes that the next block is final, and by rules that this program does not know.
    pub const fn note_beyond(&mut self, unknown: UnknownRules) {
        self.beyond = Some(unknown);
    }

    pub const fn telling(&self) -> &Arc<Semaphore> {
        &self.telling
    }
}

impl Orderer {
    /// Asks a member for the blocks after this node's last one, if it has more.
    pub(super) fn catch_up_if_behind(&mut self) {
        let Some(tip) = self.head.as_ref().map(|head| head.tip.seal.height) else { return };
        if self.catch_up.beyond.is_some() {
            return;
        }
        let now = Instant::now();
        self.catch_up.set_aside.retain(|_, until| *until > now);
        if self.catch_up.asked.as_ref().is_some_and(|asked| asked.until > now) {
            return;
        }
        let others = self.neighbours.heard().iter();
        let ahead = others
            // A candidate's word for how far it is keeps no member from asking another member.
            .filter(|(kid, heard)| heard.status.tip > tip && self.neighbours.has(kid))
            .filter(|(kid, _)| !self.catch_up.set_aside.contains_key(*kid))
            .map(|(kid, heard)| (heard.status.tip, *kid));
        // Not the same one again that has not answered.
        let silent = self.catch_up.asked.take().map(|asked| asked.member);
        let mut ahead: Vec<(Height, Hash)> = ahead.collect();
        ahead.sort_by_key(|(height, kid)| (Some(*kid) == silent, std::cmp::Reverse(*height)));
        let Some((furthest, member)) = ahead.first().copied() else {
            self.catch_up.behind_since = None;
            return;
        };
        let since = *self.catch_up.behind_since.get_or_insert(now);
        let is_voting = self.may_vote();
        if is_voting && furthest.get() <= tip.get() + 1 && now.duration_since(since) < ONE_BEHIND_FOR {
            return;
        }
        self.catch_up.asked =
            Some(Asked { member, until: now + ANSWER_WITHIN, statements: Vec::new(), blocks: 0, bytes: 0 });
        self.peers.say(To::One(member), &Message::AskBlocks { from: tip.next() });
    }

    /// Takes a part of a final block.
    pub(super) async fn hear_block(&mut self, from: Hash, part: FinalBlockPart) {
        let Some(next) = self.head.as_ref().map(|head| head.state.next_height()) else { return };
        let Some(asked) = self.catch_up.asked.as_mut().filter(|asked| asked.member == from) else { return };
        let FinalBlockPart { height, first, statements, end } = part;
        if height != next {
            return;
        }
        let fits = usize::try_from(first).is_ok_and(|first| first == asked.statements.len());
        if !fits || asked.statements.len() + statements.len() > BLOCK_STATEMENTS_MAX {
            return self.set_aside(from, "its parts of a block do not fit together");
        }
        asked.until = Instant::now() + ANSWER_WITHIN;
        asked.bytes += statements.iter().map(Vec::len).sum::<usize>();
        asked.statements.extend(statements);
        let Some(end) = end else { return };
        asked.blocks += 1;
        // By the same count the member that answers has ended.
        let is_answered = asked.blocks > ANSWER_BLOCKS_MAX || asked.bytes > ANSWER_BYTES_MAX;
        let statements = std::mem::take(&mut asked.statements);
        if let Some(unknown) = self.unknown_rules_of(&statements, &end) {
            self.catch_up.asked = None;
            self.catch_up.beyond = Some(unknown);
            return self.let_go_if_abstaining();
        }
        match self.take_final(statements, end).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return self.set_aside(from, &fault),
            Err(error) => return self.write_failed(&error),
        }
        let tip = next;
        let is_level = self.neighbours.heard().get(&from).is_none_or(|heard| heard.status.tip <= tip);
        if is_level {
            self.catch_up.behind_since = None;
        }
        if is_level || is_answered {
            self.catch_up.asked = None;
        }
        let acts = self.stand();
        self.carry_out(Ok(acts)).await;
        self.catch_up_if_behind();
    }

    /// The rules by which the next block was made, if a quorum has signed it and this program does not know them.
    fn unknown_rules_of(&self, statements: &[Vec<u8>], end: &FinalBlockEnd) -> Option<UnknownRules> {
        let head = self.head.as_ref()?;
        let leaf = |compact: &Vec<u8>| Some(leaf_hash_of(std::str::from_utf8(compact).ok()?));
        let leaves = || statements.iter().map(leaf).collect();
        unknown_rules_of(head, leaves, &end.seal, &end.commit, &*self.verifier)
    }

    /// Validates a block that a quorum has signed, and writes it.
    async fn take_final(
        &mut self,
        statements: Vec<Vec<u8>>,
        end: FinalBlockEnd,
    ) -> Result<Result<(), String>, WriteError> {
        let FinalBlockEnd { seal, commit, note } = end;
        let Some(head) = &mut self.head else { return Ok(Ok(())) };
        let provider = Provider { signatures: &*self.verifier, certificates: &*self.certificates };
        let at = sealane_core::consortium::Place { leaf: head.tip.size().next_index(), time: seal.time };
        let registry = Arc::clone(&head.registry);
        let read = |compact: &Vec<u8>| match self.pool.get(&leaf_hash_of(std::str::from_utf8(compact).ok()?)) {
            Some(candidate) => Some(candidate.clone()),
            None => candidate_of(compact, &registry, at, provider).ok(),
        };
        let Some(candidates) = statements.iter().map(read).collect::<Option<Vec<Candidate>>>() else {
            return Ok(Err("one of its statements does not stand".to_owned()));
        };
        let leaves = candidates.into_iter().map(|one| BodyLeaf::Verified(Box::new(one))).collect();
        let checks = FinalBlockChecks { store: &*self.store, lookup: &self.lookup, provider };
        let is_told_to_member = self.neighbours.is_member();
        // The members in force at a height are those before it.
        let is_final = |sealed: &SealedBlock| {
            let (seal, checkpoint) = (seal.clone(), sealed.checkpoint.clone());
            let shown = StoredBlock {
                checkpoint: checkpoint.clone(),
                note: note.clone(),
                commit: commit.clone(),
                seal: seal.clone(),
            };
            FinalBlock::verify(seal, checkpoint, commit.clone(), registry.members(), provider.signatures)
                .map_err(|fault| fault.to_string())?;
            // A member's node keeps its own note.
            if is_told_to_member { Ok(()) } else { check_note(&shown, &registry, provider.signatures).map(drop) }
        };
        let sealed = match checks.stage(head, leaves, seal.clone(), is_final).await? {
            Ok(sealed) => sealed,
            Err(fault) => return Ok(Err(fault)),
        };
        self.under_way = None;
        self.timers.clear();
        let block = self.noted(&sealed, commit, Some(note))?;
        self.write(sealed, block, None).await.map(Ok)
    }

    fn set_aside(&mut self, member: Hash, fault: &str) {
        tracing::warn!(%member, fault, "a member has sent a block that does not stand; another one is asked");
        self.catch_up.asked = None;
        self.catch_up.set_aside.insert(member, Instant::now() + SET_ASIDE_FOR);
        self.catch_up_if_behind();
    }
}

/// Reads final blocks from the store and sends them, in parts that fit into a message.
pub(super) async fn tell_blocks(
    store: &dyn LedgerStore,
    peers: &dyn Peers,
    to: Hash,
    first: Height,
    tip: Height,
) -> Result<(), StoreError> {
    let mut sent = 0;
    for number in first.get()..=tip.get().min(first.get().saturating_add(ANSWER_BLOCKS_MAX)) {
        let Ok(height) = Height::new(number) else { return Ok(()) };
        let Some(block) = store.block(height).await? else { return Ok(()) };
        let leaves = store.leaves(block.leaves()).await?;
        let mut statements = Vec::new();
        for leaf in &leaves {
            statements.extend(statement_text(store, &leaf.bytes).await?);
        }
        sent += statements.iter().map(Vec::len).sum::<usize>();
        let mut parts = parts(statements, PART_BYTES_MAX);
        let last = parts.pop().unwrap_or_default();
        let mut first = 0;
        let mut say = |statements: Vec<Vec<u8>>, end| {
            let before = first;
            first += u32::try_from(statements.len()).unwrap_or(u32::MAX);
            peers.say(To::One(to), &Message::Block(FinalBlockPart { height, first: before, statements, end }));
        };
        parts.into_iter().for_each(|part| say(part, None));
        say(last, Some(FinalBlockEnd { seal: block.seal, commit: block.commit, note: block.note }));
        if sent > ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(())
}
