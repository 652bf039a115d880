//! The blocks that are proposed at the height under way: found, checked against every rule, and kept for those who lack them.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::app::orderer::HEARTBEAT;
use crate::app::orderer::Orderer;
use crate::app::orderer::build::EMPTY_AFTER;
use crate::app::orderer::finish::WriteError;
use crate::app::orderer::peers::{PART_BYTES_MAX, parts};
use crate::app::orderer::verifying::{leaf_hash_of, read_leaf};
use crate::app::prefetch::{FinalBlocks, prefetch};
use crate::ports::{Act, AgreementError, To, WantedBlock};
use sealane_core::agreement::{BlockOutline, LastSaid, Logged, Message, ValueId};
use sealane_core::block::{Height, Leaf};
use sealane_core::hash::Hash;
use sealane_core::ledger::{Body, BodyLeaf, Candidate, SealedBlock, validate};
use sealane_core::limits::{BLOCK_STATEMENTS_MAX, STATEMENT_BYTES_MAX};
use sealane_core::merkle::LeafIndex;

/// Bodies of one height that are kept. Each proposer shows one a round, and heights take few rounds.
const BODIES_MAX: usize = 32;

/// Bytes of the statements of one block, among several members.
const BODY_BYTES_MAX: usize = 2 * STATEMENT_BYTES_MAX;

/// How far ahead of this node's clock a block's time may be, in milliseconds.
pub(super) const AHEAD_MS_MAX: i64 = 5_000;

/// How far behind it, unless a quorum has given the block its votes before.
const BEHIND_MS_MAX: i64 = 60_000;

/// What is known of the height under way.
pub(super) struct UnderWay {
    pub height: Height,
    /// The round in which it is this member's turn, and nothing could be built yet.
    pub to_build: Option<u32>,
    pub bodies: BTreeMap<ValueId, ProposedBlock>,
    /// The block that is staged on the state.
    pub staged: Option<(ValueId, SealedBlock)>,
    pub own: Option<OwnBlock>,
    wanted: BTreeMap<ValueId, Pursuit>,
    /// What this node has seen signed at this height, its own words among it.
    words: Vec<LastSaid>,
}

/// A block that this member has built.
pub(super) struct OwnBlock {
    pub value: ValueId,
    pub began: Instant,
    /// What the estimator learns from it, in units.
    pub work: usize,
}

/// A body that is looked for.
struct Pursuit {
    wanted: WantedBlock,
    /// How many of its holders were asked.
    asked: usize,
}

/// A block as it was proposed: its outline, and the leaves that are here.
pub(super) struct ProposedBlock {
    outline: BlockOutline,
    leaves: Vec<Option<BodyLeaf>>,
}

impl UnderWay {
    pub fn at(height: Height) -> Self {
        Self {
            height,
            to_build: None,
            bodies: BTreeMap::new(),
            staged: None,
            own: None,
            wanted: BTreeMap::new(),
            words: Vec::new(),
        }
    }

    /// Notes what was signed.
    pub fn remember(&mut self, entry: &Logged) {
        self.words.extend(LastSaid::of_logged(entry));
    }

    /// What this node has seen signed at this height, in order.
    pub fn words(&self) -> &[LastSaid] {
        &self.words
    }
}

impl ProposedBlock {
    /// A block of which everything is here.
    pub fn whole(sealed: &SealedBlock, leaves: Vec<BodyLeaf>) -> Self {
        let indices = sealed.seal.previous_size.get()..sealed.checkpoint.size.get().saturating_sub(1);
        let hash = |index| LeafIndex::new(index).ok().and_then(|index| sealed.growth.leaf_hash(index));
        let outline = BlockOutline { seal: sealed.seal.clone(), leaves: indices.filter_map(hash).collect() };
        Self { outline, leaves: leaves.into_iter().map(Some).collect() }
    }

    fn of(outline: BlockOutline) -> Self {
        let leaves = outline.leaves.iter().map(|_| None).collect();
        Self { outline, leaves }
    }

    /// Leaves that are not here.
    fn missing(&self) -> Vec<Hash> {
        let missing = self.outline.leaves.iter().zip(&self.leaves).filter(|(_, leaf)| leaf.is_none());
        missing.map(|(hash, _)| *hash).collect()
    }

    /// Puts a leaf where it belongs.
    fn put(&mut self, hash: &Hash, leaf: &BodyLeaf) {
        for (wanted, place) in self.outline.leaves.iter().zip(&mut self.leaves) {
            if wanted == hash && place.is_none() {
                *place = Some(leaf.clone());
            }
        }
    }

    /// The statement whose leaf has a hash, in compact form.
    pub fn statement(&self, hash: &Hash) -> Option<Vec<u8>> {
        let at = self.outline.leaves.iter().position(|leaf| leaf == hash)?;
        compact_of(self.leaves.get(at)?.as_ref()?)
    }

    fn candidates(&self) -> impl Iterator<Item = &Candidate> + Clone {
        self.leaves.iter().filter_map(|leaf| match leaf {
            Some(BodyLeaf::Verified(candidate)) => Some(&**candidate),
            _ => None,
        })
    }

    fn bytes(&self) -> usize {
        self.leaves.iter().flatten().map(BodyLeaf::size_bytes).sum()
    }

    fn to_body(&self) -> Body {
        Body { leaves: self.leaves.iter().flatten().cloned().collect(), seal: self.outline.seal.clone() }
    }
}

/// The statement of a leaf, in compact form.
fn compact_of(leaf: &BodyLeaf) -> Option<Vec<u8>> {
    match leaf {
        BodyLeaf::Verified(candidate) => Some(candidate.statement().compact().as_bytes().to_vec()),
        BodyLeaf::Shown { long: Some(long), .. } => Some(long.clone()),
        BodyLeaf::Shown { bytes, long: None } => match Leaf::decode(bytes).ok()? {
            Leaf::Statement(text) => Some(text.into_bytes()),
            Leaf::LongStatement { .. } | Leaf::Seal(_) => None,
        },
    }
}

impl Orderer {
    /// Looks for a block that members vote on, and checks it.
    pub(super) async fn want(&mut self, wanted: WantedBlock) -> Result<Vec<Act>, AgreementError> {
        let Some(under_way) = &mut self.under_way else { return Ok(Vec::new()) };
        if wanted.height != under_way.height {
            return Ok(Vec::new());
        }
        let value = wanted.value;
        // Who proposes a block shows it at once.
        let is_on_its_way = wanted.pol_round.is_none() && !under_way.wanted.contains_key(&value);
        let asked = under_way.wanted.get(&value).map_or(0, |pursuit| pursuit.asked);
        under_way.wanted.insert(value, Pursuit { wanted, asked });
        if is_on_its_way && !under_way.bodies.contains_key(&value) {
            return Ok(Vec::new());
        }
        self.pursue(value).await
    }

    /// Asks again for all that is still looked for.
    pub(super) async fn pursue_all(&mut self) {
        let wanted: Vec<ValueId> =
            self.under_way.as_ref().map(|one| one.wanted.keys().copied().collect()).unwrap_or_default();
        for value in wanted {
            let acts = self.pursue(value).await;
            self.carry_out(acts).await;
        }
    }

    /// Takes the next step towards a block: asks for what is missing of it, or checks it.
    async fn pursue(&mut self, value: ValueId) -> Result<Vec<Act>, AgreementError> {
        let Some(under_way) = &mut self.under_way else { return Ok(Vec::new()) };
        let height = under_way.height;
        let Some(pursuit) = under_way.wanted.get_mut(&value) else { return Ok(Vec::new()) };
        let holders = &pursuit.wanted.holders;
        let holder = holders.get(pursuit.asked % holders.len().max(1));
        let question = match under_way.bodies.get_mut(&value) {
            None => Message::AskOutline { height, value },
            Some(body) => {
                for hash in body.missing() {
                    if let Some(candidate) = self.pool.get(&hash) {
                        body.put(&hash, &BodyLeaf::Verified(Box::new(candidate.clone())));
                    }
                }
                let mut leaves = body.missing();
                if leaves.is_empty() {
                    return self.check(value).await;
                }
                // What the holder has sent already is not asked for.
                let is_coming =
                    |leaf: &Hash| holder.is_some_and(|from| self.neighbours.verifying.is_coming(from, leaf));
                leaves.retain(|leaf| !is_coming(leaf));
                if leaves.is_empty() {
                    return Ok(Vec::new());
                }
                Message::AskStatements { height, value, leaves }
            }
        };
        if let Some(holder) = holder {
            pursuit.asked += 1;
            self.peers.say(To::One(*holder), &question);
        }
        Ok(Vec::new())
    }

    /// Takes the outline of a block. It is the block's own only if it leads to the value that members vote on.
    pub(super) async fn hear_outline(&mut self, from: Hash, value: ValueId, outline: BlockOutline) {
        let (Some(under_way), Some(head)) = (&mut self.under_way, &self.head) else { return };
        if under_way.bodies.contains_key(&value) || outline.seal.height != under_way.height {
            return;
        }
        let given = head.state.checkpoint_with(&outline.leaves, &outline.seal);
        if given.is_none_or(|checkpoint| ValueId::of(&checkpoint) != value) {
            return tracing::warn!(member = %from, "a member shows a block that is not the one it names");
        }
        if under_way.bodies.len() >= BODIES_MAX && !under_way.wanted.contains_key(&value) {
            return;
        }
        under_way.bodies.insert(value, ProposedBlock::of(outline));
        let acts = self.pursue(value).await;
        self.carry_out(acts).await;
    }

    /// Puts leaves where bodies lack them.
    pub(super) fn fill_bodies(&mut self, leaves: &[(Hash, BodyLeaf)]) {
        let Some(under_way) = &mut self.under_way else { return };
        for body in under_way.bodies.values_mut().filter(|body| body.leaves.iter().any(Option::is_none)) {
            for (hash, leaf) in leaves {
                body.put(hash, leaf);
            }
        }
    }

    /// Checks a block that is here whole, and tells the agreement.
    async fn check(&mut self, value: ValueId) -> Result<Vec<Act>, AgreementError> {
        // A node that cannot write, or whose ledger is not sound, has no opinion.
        if self.obstacle().is_some() {
            return Ok(Vec::new());
        }
        let Some(under_way) = &mut self.under_way else { return Ok(Vec::new()) };
        let Some(Pursuit { wanted, .. }) = under_way.wanted.remove(&value) else { return Ok(Vec::new()) };
        let is_staged = under_way.staged.as_ref().is_some_and(|(staged, _)| *staged == value);
        let fault = match self.vote_against(value, &wanted) {
            Some(fault) => Some(fault),
            None if is_staged => None,
            None => match self.stage(value).await {
                Ok(fault) => fault,
                Err(error) => {
                    self.write_failed(&error);
                    return Ok(Vec::new());
                }
            },
        };
        if let Some(fault) = &fault {
            tracing::warn!(height = %wanted.height, round = wanted.round, %fault, "a proposed block is not valid");
            self.neighbours.note_invalid(fault);
        } else {
            self.log_body(value);
        }
        self.agreement.check(wanted.round, value, fault.is_none())
    }

    /// What speaks against a block that is no fault of it on the ledger: its size, its time by this clock, an empty one early.
    fn vote_against(&self, value: ValueId, wanted: &WantedBlock) -> Option<String> {
        let body = self.under_way.as_ref()?.bodies.get(&value)?;
        let seal = &body.outline.seal;
        let last = self.head.as_ref()?.tip.seal.time;
        let (statements, bytes) = (body.leaves.len(), body.bytes());
        if statements > BLOCK_STATEMENTS_MAX || bytes > BODY_BYTES_MAX {
            return Some(format!("size: {statements} statements of {bytes} bytes"));
        }
        let since_last = seal.time.millis_since(last);
        let empty_after = if wanted.round == 0 { HEARTBEAT } else { EMPTY_AFTER };
        if statements == 0 && since_last < i64::try_from(empty_after.as_millis()).unwrap_or(i64::MAX) {
            return Some(format!("empty: {since_last} ms after the last block"));
        }
        let ahead = seal.time.millis_since(self.clock.now());
        let is_late = ahead < -BEHIND_MS_MAX && wanted.pol_round.is_none();
        if ahead > AHEAD_MS_MAX || is_late {
            return Some(format!("time: {ahead} ms from this clock"));
        }
        None
    }

    /// Stages a block that is here whole. Hands back what is wrong with it, if something is.
    async fn stage(&mut self, value: ValueId) -> Result<Option<String>, WriteError> {
        let Some(under_way) = self.under_way.take() else { return Ok(None) };
        let staged = self.validate_body(&under_way, value).await;
        let under_way = self.under_way.insert(under_way);
        under_way.staged = None;
        match staged? {
            Ok(sealed) if ValueId::of(&sealed.checkpoint) == value => {
                under_way.staged = Some((value, sealed));
                Ok(None)
            }
            Ok(_) => Ok(Some("value: its leaves give another checkpoint".to_owned())),
            Err(fault) => Ok(Some(fault)),
        }
    }

    /// Stages the block that was decided, which was found valid here before.
    pub(super) async fn stage_body(&mut self, under_way: &UnderWay, value: ValueId) -> Result<SealedBlock, WriteError> {
        let height = under_way.height;
        match self.validate_body(under_way, value).await? {
            Ok(sealed) if ValueId::of(&sealed.checkpoint) == value => Ok(sealed),
            Ok(_) => Err(WriteError::Decided { height, detail: "its leaves give another checkpoint".to_owned() }),
            Err(detail) => Err(WriteError::Decided { height, detail }),
        }
    }

    async fn validate_body(
        &mut self,
        under_way: &UnderWay,
        value: ValueId,
    ) -> Result<Result<SealedBlock, String>, WriteError> {
        let Some(body) = under_way.bodies.get(&value).filter(|body| body.missing().is_empty()) else {
            return Ok(Err("its body is not here".to_owned()));
        };
        let fetched = prefetch(&*self.store, &self.lookup, body.candidates()).await?;
        // Whose signer is not in force on the last final block, an honest proposer has not verified.
        let shown = body.leaves.iter().flatten().position(|leaf| matches!(leaf, BodyLeaf::Shown { .. }));
        let Some(head) = &mut self.head else { return Ok(Err("the ledger is not loaded".to_owned())) };
        let provider =
            sealane_core::provider::Provider { signatures: &*self.verifier, certificates: &*self.certificates };
        let known = FinalBlocks { fetched: &fetched, lookup: &self.lookup, size: head.state.size() };
        let validated = validate(&mut head.state, &known, body.to_body(), provider);
        Ok(match (validated, shown) {
            (Err(invalid), _) => Err(format!("{}: {invalid}", invalid.reason.name())),
            (Ok(_), Some(at)) => {
                head.state.roll_back();
                Err(format!("signer: statement {at} is by a signer of this same block"))
            }
            (Ok(sealed), None) => Ok(sealed),
        })
    }

    /// Puts the body of a block into the log, so that it is here after a crash.
    pub(super) fn log_body(&mut self, value: ValueId) {
        let Some(body) = self.under_way.as_ref().and_then(|one| one.bodies.get(&value)) else { return };
        let outline = body.outline.to_bytes();
        let statements: Vec<Vec<u8>> = body.leaves.iter().flatten().filter_map(compact_of).collect();
        let mut bytes = (outline.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&outline);
        if !statements.is_empty() {
            bytes.extend_from_slice(&Message::Statements(statements).to_bytes());
        }
        self.note(&Logged::Body { value, bytes });
    }

    /// Reads a body out of the log.
    pub(super) fn recover_body(&self, under_way: &mut UnderWay, value: ValueId, bytes: &[u8]) {
        let read = || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (outline, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            let mut body = ProposedBlock::of(BlockOutline::parse(outline).ok()?);
            if rest.is_empty() {
                return Some(body);
            }
            let Message::Statements(statements) = Message::parse(rest).ok()? else { return None };
            let head = self.head.as_ref()?;
            for statement in statements {
                let compact = String::from_utf8(statement).ok()?;
                let leaf = read_leaf(&compact, &head.registry, self.next_place(head), self.provider());
                body.put(&leaf_hash_of(&compact), &leaf);
            }
            Some(body)
        };
        match read() {
            Some(body) => drop(under_way.bodies.insert(value, body)),
            None => tracing::warn!(%value, "a body in the log of votes does not read; it is asked for again"),
        }
    }

    /// A block that was proposed at the height under way, or at the one before.
    fn body(&self, value: ValueId) -> Option<&ProposedBlock> {
        let under_way = self.under_way.as_ref().and_then(|height| height.bodies.get(&value));
        under_way.or_else(|| self.before.get(&value))
    }

    /// Shows the outline of a block to those who lack it.
    pub(super) fn show(&self, to: To, value: ValueId) {
        let Some(body) = self.body(value) else { return };
        self.peers.say(to, &Message::Outline { value, outline: body.outline.clone() });
    }

    /// Answers who lacks statements of a proposed block, as far as they are here.
    pub(super) fn tell_statements(&self, to: Hash, value: ValueId, leaves: &[Hash]) {
        let Some(body) = self.body(value) else { return };
        let statements = leaves.iter().filter_map(|hash| body.statement(hash)).collect();
        for part in parts(statements, PART_BYTES_MAX) {
            self.peers.say(To::One(to), &Message::Statements(part));
        }
    }
}
