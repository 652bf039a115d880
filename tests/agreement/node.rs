//! A member's node: the product's agreement, its rules and its pool, and a caller that carries out what the agreement says as the
//! contract has it. `waiting` has the statements that wait for a block, `council` what the node has to do with the set of members.

mod council;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use sealane::app::orderer::{OrderError, Ordered, Pool};
use sealane::bft::MalachiteAgreement;
use sealane::ports::{Act, Agreement, MemberSigner, Patience, WantedBlock};
use sealane_core::agreement::{Equivocation, Logged, Said, Timer, ValueId, Vote, VoteKind};
use sealane_core::block::{Commit, CommitSignature, FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::ledger::{KnownRules, Rules};
use sealane_core::limits::SHARED_BLOCK_BYTES_MAX;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::{Signature, StatementId};
use sealane_core::time::Timestamp;
use tokio::time::Instant;

use crate::base::{self, start};
use crate::keys::{KeyedHashes, ORIGIN, Rotation, SimulatedKey};
use crate::ledger::{Block, Decided, Ledger};
use crate::log::SimulatedLog;
use crate::mutation::Mutation;
use crate::plan::Newcomer;
use crate::statements::Compact;

/// Virtual microseconds.
pub type Micros = u64;

pub const SECOND: Micros = 1_000_000;

/// An empty block stands this long after the one before.
const HEARTBEAT_MS: i64 = 10_000;

/// Statements that a block has at the most.
const STATEMENTS_MAX: usize = 5;

/// What nodes send each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    Said(Said),
    /// The block of a value, by the word of who shows it.
    Block(ValueId, Block),
    AskBlock(ValueId),
    Statement(Compact),
    Status(Height),
    AskFinal(Height),
    Final(Box<Decided>),
    /// A decision that a node which is no member's posts at a member, as any client would.
    Posted(Compact),
}

impl Wire {
    /// Whether members alone say this to each other.
    const fn is_for_members(&self) -> bool {
        matches!(self, Self::Said(_) | Self::Block(..) | Self::AskBlock(_) | Self::Statement(_))
    }
}

/// The process has died.
pub struct Crashed;

/// What a node is beside its number and its key.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// Members by a rule of the simulation, not of the ledger.
    pub rotation: Option<Rotation>,
    /// The members at the beginning.
    pub founders: usize,
    /// How often it votes against, in percent.
    pub contrary: u32,
    /// What it does once a proposal brings it in, if it is no member at the beginning.
    pub newcomer: Option<Newcomer>,
    /// Its program knows the first rules alone.
    pub is_old: bool,
    /// It signs on when it is no member any more.
    pub is_liar: bool,
}

/// A client that waits: the end at which it hears of its statement.
type Client = tokio::sync::oneshot::Receiver<Result<Ordered, OrderError>>;

pub struct Node {
    pub number: usize,
    pub key: Arc<SimulatedKey>,
    keys: Vec<Arc<SimulatedKey>>,
    kids: Vec<Hash>,
    role: Role,
    verifier: Arc<KeyedHashes>,
    mutation: Mutation,
    pub dice: Rng,
    /// What its clock says too much, in milliseconds.
    pub clock_offset_ms: i64,
    now: Micros,

    // What a crash leaves: of the ledger its blocks.
    pub ledger: Ledger,
    pub log: SimulatedLog,

    // What a crash loses.
    agreement: Option<MalachiteAgreement>,
    is_under_way: bool,
    /// Whether others are known to be at the height under way.
    told: bool,
    /// Statements that wait, by the clock of the pool, which begins here.
    pub pool: Pool,
    epoch: Instant,
    /// Clients that wait here.
    clients: Vec<Client>,
    blocks: BTreeMap<ValueId, Block>,
    logged_blocks: BTreeSet<ValueId>,
    wanted: BTreeMap<ValueId, WantedBlock>,
    unbuilt: Option<u32>,
    pub timers: BTreeMap<Timer, Micros>,
    tips: BTreeMap<usize, Height>,
    behind_since: Option<Micros>,
    reachable: BTreeSet<usize>,
    acts: VecDeque<Act>,
    ballots: BTreeMap<StatementId, bool>,
    readiness: BTreeMap<StatementId, Compact>,
    hasty: BTreeMap<(ValueId, u32), BTreeMap<Hash, Signature>>,

    // What is seen from outside.
    pub outbox: Vec<(usize, Wire)>,
    pub acknowledged: BTreeMap<StatementId, LeafIndex>,
    /// Statements whose clients were told that they may not stand.
    pub refused: BTreeMap<StatementId, String>,
    pub faults: Vec<Equivocation>,
    /// Calls of ports so far, each counted before and after, and the count at which the process dies.
    pub calls: u64,
    pub dies_at: Option<u64>,
    pub words_most: usize,
    pub begun: u64,
    /// Proposals of which it has said that it is ready, as it may be.
    pub was_ready: BTreeSet<StatementId>,
    /// It has said that it is ready, and is gone.
    pub has_vanished: bool,
    /// The height of the first word that it said while it did not know the rules of the next block.
    pub spoke_beyond: Option<Height>,
    /// What its clients posted before it signed nothing any more.
    pub turned_away: Vec<Compact>,
}

impl Node {
    pub fn new(
        number: usize,
        keys: &[Arc<SimulatedKey>],
        role: Role,
        verifier: &Arc<KeyedHashes>,
        mutation: Mutation,
        seed: u64,
    ) -> Self {
        let known = if role.is_old { KnownRules::up_to(Rules::FIRST) } else { KnownRules::OF_THIS_PROGRAM };
        let mut node = Self {
            number,
            key: Arc::clone(&keys[number]),
            keys: keys.to_vec(),
            kids: keys.iter().map(|key| key.kid()).collect(),
            verifier: Arc::clone(verifier),
            mutation,
            dice: Rng::with_seed(seed),
            clock_offset_ms: 0,
            now: 0,
            ledger: Ledger::new(base::of(role.founders), verifier.clone(), known),
            role,
            log: SimulatedLog::new(),
            agreement: None,
            is_under_way: false,
            pool: Pool::default(),
            epoch: Instant::now(),
            told: false,
            clients: Vec::new(),
            blocks: BTreeMap::new(),
            logged_blocks: BTreeSet::new(),
            wanted: BTreeMap::new(),
            unbuilt: None,
            timers: BTreeMap::new(),
            tips: BTreeMap::new(),
            behind_since: None,
            reachable: (0..keys.len()).filter(|other| *other != number).collect(),
            acts: VecDeque::new(),
            ballots: BTreeMap::new(),
            readiness: BTreeMap::new(),
            hasty: BTreeMap::new(),
            outbox: Vec::new(),
            acknowledged: BTreeMap::new(),
            refused: BTreeMap::new(),
            faults: Vec::new(),
            calls: 0,
            dies_at: None,
            words_most: 0,
            begun: 0,
            was_ready: BTreeSet::new(),
            has_vanished: false,
            spoke_beyond: None,
            turned_away: Vec::new(),
        };
        node.ledger.forgets_to_roll_back = mutation == Mutation::NoRollBack;
        assert!(node.start(0).is_ok());
        node
    }

    pub fn is_up(&self) -> bool {
        self.agreement.is_some()
    }

    pub fn tip(&self) -> Height {
        self.ledger.tip()
    }

    /// A port is about to be called, or has been: one of the moments at which a process may die.
    fn port(&mut self) -> Result<(), Crashed> {
        self.calls += 1;
        if self.dies_at == Some(self.calls) { Err(Crashed) } else { Ok(()) }
    }

    /// Loses what a crash loses.
    pub fn crash(&mut self) {
        self.dies_at = None;
        self.agreement = None;
        self.is_under_way = false;
        self.told = false;
        self.pool = Pool::default();
        self.clients.clear();
        self.blocks.clear();
        self.logged_blocks.clear();
        self.wanted.clear();
        self.unbuilt = None;
        self.timers.clear();
        self.tips.clear();
        self.behind_since = None;
        self.acts.clear();
        self.ballots.clear();
        self.readiness.clear();
        match self.mutation {
            Mutation::NoFlush => self.log.crash_without_flush(),
            _ => self.log.crash(&mut self.dice),
        }
    }

    /// Starts, with what is durable.
    pub fn start(&mut self, now: Micros) -> Result<(), Crashed> {
        self.now = now;
        self.ledger.reload();
        let signer: Arc<dyn MemberSigner> = self.key.clone();
        let verifier = self.verifier.clone();
        let mut agreement = MalachiteAgreement::new(ORIGIN.clone(), signer, verifier, Patience::default());
        let acts = agreement.stand(self.tip(), &self.voters_at(self.tip().next()));
        self.agreement = Some(agreement);
        self.acts.extend(acts);
        self.tell_reach();
        self.recover_blocks();
        // What was begun may have been told: it is gone on with, whether or not there is anything to do.
        if self.log.height == self.tip().next() {
            self.begin();
        }
        self.carry_out()
    }

    /// Takes the blocks out of the log that members may be voting on.
    fn recover_blocks(&mut self) {
        for entry in &self.log.entries {
            if let Logged::Body { value, bytes } = entry {
                self.blocks.insert(*value, Block::parse(bytes));
                self.logged_blocks.insert(*value);
            }
        }
    }

    fn agreement(&mut self) -> &mut MalachiteAgreement {
        self.agreement.as_mut().expect("only a node that is up is called")
    }

    pub fn clock(&self) -> Timestamp {
        start().plus_millis((self.now / 1_000) as i64 + 60_000 + self.clock_offset_ms)
    }

    /// Begins the height after the tip, unless the log says that a later one was begun: then blocks are to come first.
    fn begin(&mut self) {
        let height = self.tip().next();
        let is_older = height < self.log.height;
        if self.is_under_way || (is_older && self.mutation != Mutation::OlderHeights) || !self.may_sign() {
            return;
        }
        let replay = if self.log.height == height && self.mutation != Mutation::NoReplay {
            self.log.entries.clone()
        } else {
            Vec::new()
        };
        self.log.begin(self.log.height.max(height));
        self.is_under_way = true;
        self.begun += 1;
        let members = self.voters_at(height);
        let acts = self.agreement().begin(height, &members, replay).expect("the log and the program belong together");
        self.acts.extend(acts);
    }

    fn carry_out(&mut self) -> Result<(), Crashed> {
        self.let_go_if_abstaining();
        while let Some(act) = self.acts.pop_front() {
            self.act(act)?;
        }
        let words = self.agreement().words();
        self.words_most = self.words_most.max(words);
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), Crashed> {
        match act {
            Act::Log(entry) => self.append(entry)?,
            Act::Say(said) => {
                self.count_hastily(&said)?;
                self.port()?;
                if self.mutation != Mutation::NoFlush {
                    self.log.flush();
                }
                self.port()?;
                self.send_all(&Wire::Said(said))?;
            }
            Act::Repeat { .. } if self.mutation == Mutation::NothingAgain => {}
            Act::Repeat { to, said } => self.send_to(to, &Wire::Said(said))?,
            Act::Show { to, value } => {
                if let Some(block) = self.blocks.get(&value).cloned() {
                    self.send_to(to, &Wire::Block(value, block))?;
                }
            }
            Act::Build { round } => self.build(round)?,
            Act::Want(wanted) => {
                self.ask(&wanted)?;
                self.wanted.insert(wanted.value, wanted.clone());
                self.check(wanted.value)?;
            }
            Act::Wake(timer, after) => {
                self.timers.insert(timer, self.now + after.as_micros() as Micros);
            }
            Act::Cancel(timer) => {
                self.timers.remove(&timer);
            }
            Act::CancelAll => self.timers.clear(),
            Act::Begin(height) => {
                if height == self.tip().next() {
                    self.begin();
                    self.told = true;
                }
            }
            Act::Decide { .. } if self.mutation == Mutation::HastyQuorum => {}
            Act::Decide { value, commit } => {
                let block = self.blocks.get(&value).expect("a block that was decided was checked here").clone();
                self.stage(value, &block).unwrap_or_else(|fault| {
                    panic!("node {} would write a block that may not follow: {fault}", self.number)
                });
                self.write(block, commit)?;
            }
            Act::Faults(pairs) => self.faults.extend(pairs),
        }
        Ok(())
    }

    fn append(&mut self, entry: Logged) -> Result<(), Crashed> {
        self.port()?;
        self.log.entries.push(entry);
        self.port()
    }

    fn append_block(&mut self, value: ValueId) -> Result<(), Crashed> {
        if self.mutation != Mutation::NoBlockInLog && self.logged_blocks.insert(value) {
            let bytes = self.blocks[&value].to_bytes();
            self.append(Logged::Body { value, bytes })?;
        }
        Ok(())
    }

    fn build(&mut self, round: u32) -> Result<(), Crashed> {
        let (time, last) = (self.clock(), self.ledger.last_time());
        let candidates = self.pool.offer(STATEMENTS_MAX, SHARED_BLOCK_BYTES_MAX);
        let even_if_empty = time.millis_since(last) >= HEARTBEAT_MS;
        let (answers, built) = self.ledger.build(time, &candidates, even_if_empty);
        self.answer_refused(&candidates, answers);
        let Some((value, block)) = built else {
            self.unbuilt = Some(round);
            return Ok(());
        };
        self.unbuilt = None;
        self.blocks.insert(value, block);
        self.append_block(value)?;
        let acts = self.agreement().propose(round, value).expect("no second proposal");
        self.acts.extend(acts);
        Ok(())
    }

    /// Asks those that have a block for it, if it is not here.
    fn ask(&mut self, wanted: &WantedBlock) -> Result<(), Crashed> {
        if self.blocks.contains_key(&wanted.value) {
            return Ok(());
        }
        for kid in wanted.holders.iter().take(3) {
            self.send_to(Some(*kid), &Wire::AskBlock(wanted.value))?;
        }
        Ok(())
    }

    /// Answers what is wanted of a block, if it is here.
    fn check(&mut self, value: ValueId) -> Result<(), Crashed> {
        let Some(block) = self.blocks.get(&value).cloned() else { return Ok(()) };
        let Some(wanted) = self.wanted.remove(&value) else { return Ok(()) };
        let valid = self.is_valid(value, &block, &wanted);
        self.append_block(value)?;
        let acts = self.agreement().check(wanted.round, value, valid).expect("a check is taken");
        self.acts.extend(acts);
        Ok(())
    }

    pub fn block(&self, value: ValueId) -> Option<&Block> {
        self.blocks.get(&value)
    }

    fn is_valid(&mut self, value: ValueId, block: &Block, wanted: &WantedBlock) -> bool {
        let ahead = block.seal.time.millis_since(self.clock());
        let since = block.seal.time.millis_since(self.ledger.last_time());
        let is_due = !block.statements.is_empty() || since >= HEARTBEAT_MS;
        let is_timely = ahead <= 5_000 && (wanted.pol_round.is_some() || ahead >= -60_000);
        is_due && is_timely && block.statements.len() <= STATEMENTS_MAX && self.stage(value, block).is_ok()
    }

    /// Runs every rule on a block, as each node does, whatever the time.
    fn stage(&mut self, value: ValueId, block: &Block) -> Result<(), String> {
        let (registry, place) = (Arc::clone(self.ledger.registry()), self.ledger.next_place(block.seal.time));
        let reader = waiting::Reader { registry: &registry, place, verifier: &self.verifier, mutation: self.mutation };
        self.ledger.stage(value, block, |compact| reader.read(&self.pool, compact))
    }

    /// Writes the final block that is staged, and stands on it.
    fn write(&mut self, block: Block, commit: Commit) -> Result<(), Crashed> {
        self.port()?;
        let written = self.ledger.write(block, commit);
        self.answer_written(written);
        self.port()?;
        self.log.begin(self.log.height.max(self.tip().next()));
        self.is_under_way = false;
        self.told = false;
        self.timers.clear();
        self.blocks.clear();
        self.logged_blocks.clear();
        self.wanted.clear();
        self.unbuilt = None;
        let tip = self.tip();
        let members = self.voters_at(tip.next());
        let acts = self.agreement().stand(tip, &members);
        self.acts.extend(acts);
        if !self.may_sign() {
            self.let_go_if_abstaining();
            return Ok(());
        }
        // An older store under a newer log: once the blocks are here, the log is gone on with.
        if !self.pool.is_empty() || (tip.next() == self.log.height && !self.log.entries.is_empty()) {
            self.recover_blocks();
            self.begin();
        }
        Ok(())
    }

    fn send(&mut self, to: usize, wire: Wire) -> Result<(), Crashed> {
        if wire.is_for_members() && !self.is_member(to) {
            return Ok(());
        }
        if let Wire::Said(said) = &wire
            && !self.knows_next_rules()
        {
            self.spoke_beyond.get_or_insert(said.height());
        }
        self.port()?;
        self.outbox.push((to, wire));
        self.port()
    }

    fn send_all(&mut self, wire: &Wire) -> Result<(), Crashed> {
        for to in 0..self.kids.len() {
            if to != self.number {
                self.send(to, wire.clone())?;
            }
        }
        Ok(())
    }

    fn send_to(&mut self, to: Option<Hash>, wire: &Wire) -> Result<(), Crashed> {
        match to {
            None => self.send_all(wire),
            Some(kid) => match self.kids.iter().position(|one| *one == kid) {
                Some(to) if to != self.number => self.send(to, wire.clone()),
                _ => Ok(()),
            },
        }
    }

    pub fn receive(&mut self, now: Micros, from: usize, wire: Wire) -> Result<(), Crashed> {
        self.now = now;
        if wire.is_for_members() && !self.is_member(from) {
            return self.carry_out();
        }
        match wire {
            Wire::Said(_) if !self.may_sign() => {}
            Wire::Said(said) => {
                self.count_hastily(&said)?;
                let kid = match (self.mutation, &said) {
                    (Mutation::AnyConnection, Said::Vote(vote)) => vote.signer,
                    (Mutation::AnyConnection, Said::Proposal(proposal)) => proposal.signer,
                    _ => self.kids[from],
                };
                let acts = self.agreement().hear(kid, said).expect("a message is no error");
                self.acts.extend(acts);
            }
            Wire::Block(value, block) => {
                if self.ledger.value_of(&block) == Some(value) {
                    let statements = block.statements.clone();
                    self.blocks.entry(value).or_insert(block);
                    self.check(value)?;
                    for statement in statements {
                        self.hear_statement(from, &statement)?;
                    }
                }
            }
            Wire::AskBlock(value) => {
                if let Some(block) = self.blocks.get(&value).cloned() {
                    self.send(from, Wire::Block(value, block))?;
                }
            }
            Wire::Statement(statement) => self.hear_statement(from, &statement)?,
            Wire::Posted(statement) if self.may_sign() => self.take_post(&statement)?,
            Wire::Posted(_) => {}
            Wire::Status(tip) => {
                self.tips.insert(from, tip);
            }
            Wire::AskFinal(height) => {
                if let Some(last) = self.ledger.at(height).cloned() {
                    self.send(from, Wire::Final(Box::new(last)))?;
                }
            }
            Wire::Final(last) => self.catch_up(from, *last)?,
        }
        self.carry_out()
    }

    /// Takes a final block from another node, whose word counts for nothing.
    fn catch_up(&mut self, from: usize, last: Decided) -> Result<(), Crashed> {
        let Decided { block, checkpoint, commit } = last;
        if block.height() != self.tip().next() || commit.height != block.height() {
            return Ok(());
        }
        let value = ValueId::of(&checkpoint);
        if self.ledger.value_of(&block) != Some(value) || self.stage(value, &block).is_err() {
            return Ok(());
        }
        let members = match self.mutation {
            Mutation::NewSetTooEarly => {
                self.ledger.members_after_staged().unwrap_or_else(|| self.members_at(block.height()))
            }
            _ => self.members_at(block.height()),
        };
        if FinalCheckpoint::verify(checkpoint, commit.clone(), &members, self.verifier.as_ref()).is_err() {
            self.ledger.roll_back();
            return Ok(());
        }
        self.write(block, commit)?;
        if self.tips.get(&from).is_some_and(|tip| *tip > self.tip()) {
            self.send(from, Wire::AskFinal(self.tip().next()))?;
        }
        Ok(())
    }

    /// The mutation in which a block is final with one signature less: counts beside the product, and writes too early.
    fn count_hastily(&mut self, said: &Said) -> Result<(), Crashed> {
        let Said::Vote(vote) = said else { return Ok(()) };
        let Vote { kind: VoteKind::Precommit, value: Some(value), height, round, signer, signature } = *vote else {
            return Ok(());
        };
        if self.mutation != Mutation::HastyQuorum || height != self.tip().next() {
            return Ok(());
        }
        self.hasty.entry((value, round)).or_default().insert(signer, signature);
        let quorum = self.members_at(height).quorum();
        let seen = &self.hasty[&(value, round)];
        let enough = seen.len() + 1 >= quorum;
        let signatures = seen.iter().map(|(kid, signature)| CommitSignature::es256(*kid, *signature)).collect();
        let Some(block) = self.blocks.get(&value).filter(|_| enough).cloned() else { return Ok(()) };
        if self.stage(value, &block).is_err() {
            return Ok(());
        }
        self.acts.clear();
        self.write(block, Commit { height, round, signatures })
    }

    /// A quarter of a second has passed.
    pub fn tick(&mut self, now: Micros, count: u64) -> Result<(), Crashed> {
        self.now = now;
        if count.is_multiple_of(4) {
            self.send_all(&Wire::Status(self.tip()))?;
        }
        if count.is_multiple_of(4) {
            self.take_part()?;
        }
        if count.is_multiple_of(20) {
            self.drop_what_has_aged();
            for statement in self.own() {
                self.send_all(&Wire::Statement(statement))?;
            }
        }
        self.pool.forget_old(self.pool_time());
        if let Some(round) = self.unbuilt.take().filter(|_| self.may_sign()) {
            self.build(round)?;
        }
        self.look_behind()?;
        self.carry_out()
    }

    /// Asks for a final block, if others have one that this node lacks.
    fn look_behind(&mut self) -> Result<(), Crashed> {
        let (tip, now) = (self.tip(), self.now);
        let ahead: Vec<usize> = self.tips.iter().filter(|(_, other)| **other > tip).map(|(from, _)| *from).collect();
        if ahead.is_empty() {
            self.behind_since = None;
            return Ok(());
        }
        let since = *self.behind_since.get_or_insert(now);
        if now >= since + SECOND * 3 / 2 {
            self.behind_since = Some(now);
            let from = ahead[self.dice.usize(..ahead.len())];
            self.send(from, Wire::AskFinal(tip.next()))?;
        }
        Ok(())
    }

    /// A timer that was set for now has run out.
    pub fn time_out(&mut self, now: Micros, timer: Timer) -> Result<(), Crashed> {
        self.now = now;
        if !self.may_sign() {
            return self.carry_out();
        }
        if self.pool.is_empty() && !self.told {
            // Nothing can stand, and no other is known to want a block: the timer is held.
            self.timers.insert(timer, now + SECOND / 4);
            return Ok(());
        }
        self.timers.remove(&timer);
        let acts = self.agreement().time_out(timer).expect("a timer is no error");
        self.acts.extend(acts);
        self.carry_out()
    }

    /// The connection to another node is there, or has gone.
    pub fn connect(&mut self, now: Micros, other: usize, is_up: bool) -> Result<(), Crashed> {
        self.now = now;
        let changed = if is_up { self.reachable.insert(other) } else { self.reachable.remove(&other) };
        if !changed {
            return Ok(());
        }
        self.tell_reach();
        if is_up {
            let kid = self.kids[other];
            self.send(other, Wire::Status(self.tip()))?;
            if !self.may_sign() {
                return self.carry_out();
            }
            let acts = self.agreement().greet(kid).expect("a greeting is no error");
            self.acts.extend(acts);
        }
        self.carry_out()
    }

    fn tell_reach(&mut self) {
        let kids: BTreeSet<Hash> = self.reachable.iter().map(|other| self.kids[*other]).collect();
        let acts = self.agreement().reach(kids).expect("who is there is no error");
        self.acts.extend(acts);
    }
}
