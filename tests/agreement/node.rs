//! A member's node: the product's agreement over toys, and a caller that carries out its acts as the contract says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use sealane::bft::MalachiteAgreement;
use sealane::ports::{Act, Agreement, MemberSigner, Patience, WantedBlock};
use sealane_core::agreement::{Equivocation, Logged, Said, Timer, ValueId, Vote, VoteKind};
use sealane_core::block::{Commit, CommitSignature, FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;

use crate::keys::{KeyedHashes, ORIGIN, Rotation, SimulatedKey};
use crate::mutation::Mutation;
use crate::toys::{FinalToy, ToyBlock, ToyLog, ToyStore};

/// Virtual microseconds.
pub type Micros = u64;

pub const SECOND: Micros = 1_000_000;

/// An empty block stands this long after the one before.
const HEARTBEAT_MS: i64 = 10_000;

/// Another node's statement is forgotten this long after it was heard last, as are those of clients that nobody waits for.
const FOREIGN_KEPT: Micros = 10 * SECOND;

/// What nodes send each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    Said(Said),
    Block(ToyBlock),
    AskBlock(ValueId),
    Statement(u32),
    Status(Height),
    AskFinal(Height),
    Final(Box<FinalToy>),
}

/// The process has died.
pub struct Crashed;

pub struct Node {
    pub number: usize,
    pub key: Arc<SimulatedKey>,
    kids: Vec<Hash>,
    members: Rotation,
    verifier: Arc<KeyedHashes>,
    mutation: Mutation,
    pub dice: Rng,
    /// What its clock says too much, in milliseconds.
    pub clock_offset_ms: i64,
    now: Micros,

    // What a crash leaves.
    pub store: ToyStore,
    pub log: ToyLog,

    // What a crash loses.
    agreement: Option<MalachiteAgreement>,
    is_under_way: bool,
    /// Whether others are known to be at the height under way.
    told: bool,
    /// Statements that wait, and when each was heard last.
    pub pool: BTreeMap<u32, Micros>,
    own: BTreeSet<u32>,
    blocks: BTreeMap<ValueId, ToyBlock>,
    logged_blocks: BTreeSet<ValueId>,
    wanted: BTreeMap<ValueId, WantedBlock>,
    unbuilt: Option<u32>,
    pub timers: BTreeMap<Timer, Micros>,
    tips: BTreeMap<usize, Height>,
    behind_since: Option<Micros>,
    reachable: BTreeSet<usize>,
    acts: VecDeque<Act>,
    hasty: BTreeMap<(ValueId, u32), BTreeMap<Hash, Signature>>,

    // What is seen from outside.
    pub outbox: Vec<(usize, Wire)>,
    pub acknowledged: BTreeSet<u32>,
    pub faults: Vec<Equivocation>,
    /// Calls of ports so far, each counted before and after, and the count at which the process dies.
    pub calls: u64,
    pub dies_at: Option<u64>,
    pub words_most: usize,
    pub begun: u64,
}

impl Node {
    pub fn new(
        number: usize,
        keys: &[Arc<SimulatedKey>],
        members: &Rotation,
        verifier: &Arc<KeyedHashes>,
        mutation: Mutation,
        seed: u64,
    ) -> Self {
        let mut node = Self {
            number,
            key: Arc::clone(&keys[number]),
            kids: keys.iter().map(|key| key.kid()).collect(),
            members: members.clone(),
            verifier: Arc::clone(verifier),
            mutation,
            dice: Rng::with_seed(seed),
            clock_offset_ms: 0,
            now: 0,
            store: ToyStore::default(),
            log: ToyLog::new(),
            agreement: None,
            is_under_way: false,
            pool: BTreeMap::new(),
            told: false,
            own: BTreeSet::new(),
            blocks: BTreeMap::new(),
            logged_blocks: BTreeSet::new(),
            wanted: BTreeMap::new(),
            unbuilt: None,
            timers: BTreeMap::new(),
            tips: BTreeMap::new(),
            behind_since: None,
            reachable: (0..keys.len()).filter(|other| *other != number).collect(),
            acts: VecDeque::new(),
            hasty: BTreeMap::new(),
            outbox: Vec::new(),
            acknowledged: BTreeSet::new(),
            faults: Vec::new(),
            calls: 0,
            dies_at: None,
            words_most: 0,
            begun: 0,
        };
        assert!(node.start(0).is_ok());
        node
    }

    pub fn is_up(&self) -> bool {
        self.agreement.is_some()
    }

    pub fn tip(&self) -> Height {
        self.store.tip()
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
        self.pool.clear();
        self.own.clear();
        self.blocks.clear();
        self.logged_blocks.clear();
        self.wanted.clear();
        self.unbuilt = None;
        self.timers.clear();
        self.tips.clear();
        self.behind_since = None;
        self.acts.clear();
        match self.mutation {
            Mutation::NoFlush => self.log.crash_without_flush(),
            _ => self.log.crash(&mut self.dice),
        }
    }

    /// Starts, with what is durable.
    pub fn start(&mut self, now: Micros) -> Result<(), Crashed> {
        self.now = now;
        let signer: Arc<dyn MemberSigner> = self.key.clone();
        let verifier = self.verifier.clone();
        let mut agreement = MalachiteAgreement::new(ORIGIN.clone(), signer, verifier, Patience::default());
        let acts = agreement.stand(self.tip(), self.members.at(self.tip().next()));
        self.agreement = Some(agreement);
        self.acts.extend(acts);
        self.tell_reach();
        for entry in &self.log.entries {
            if let Logged::Body { value, bytes } = entry {
                self.blocks.insert(*value, ToyBlock::parse(bytes));
                self.logged_blocks.insert(*value);
            }
        }
        // What was begun may have been told: it is gone on with, whether or not there is anything to do.
        if self.log.height == self.tip().next() {
            self.begin();
        }
        self.carry_out()
    }

    fn agreement(&mut self) -> &mut MalachiteAgreement {
        self.agreement.as_mut().expect("only a node that is up is called")
    }

    fn clock_ms(&self) -> i64 {
        (self.now / 1_000) as i64 + 1_000_000 + self.clock_offset_ms
    }

    /// Begins the height after the tip, unless the log says that a later one was begun: then blocks are to come first.
    fn begin(&mut self) {
        let height = self.tip().next();
        let is_older = height < self.log.height;
        if self.is_under_way || (is_older && self.mutation != Mutation::OlderHeights) {
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
        let members = self.members.at(height).clone();
        let acts = self.agreement().begin(height, &members, replay).expect("the log and the program belong together");
        self.acts.extend(acts);
    }

    fn carry_out(&mut self) -> Result<(), Crashed> {
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
                    self.send_to(to, &Wire::Block(block))?;
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
                self.write(FinalToy { block, commit })?;
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
        if self.logged_blocks.insert(value) {
            let bytes = self.blocks[&value].to_bytes();
            self.append(Logged::Body { value, bytes })?;
        }
        Ok(())
    }

    fn build(&mut self, round: u32) -> Result<(), Crashed> {
        let (previous, last_ms) = self.store.last();
        let statements: Vec<u32> = self.pool.keys().copied().filter(|one| !self.store.holds(*one)).take(5).collect();
        let time_ms = self.clock_ms().max(last_ms + 1);
        if statements.is_empty() && time_ms < last_ms + HEARTBEAT_MS {
            self.unbuilt = Some(round);
            return Ok(());
        }
        self.unbuilt = None;
        let block = ToyBlock { height: self.tip().next(), previous, time_ms, statements };
        let value = block.id();
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
        let valid = self.is_valid(&block, &wanted);
        self.append_block(value)?;
        let acts = self.agreement().check(wanted.round, value, valid).expect("a check is taken");
        self.acts.extend(acts);
        Ok(())
    }

    pub fn block(&self, value: ValueId) -> Option<&ToyBlock> {
        self.blocks.get(&value)
    }

    fn is_valid(&self, block: &ToyBlock, wanted: &WantedBlock) -> bool {
        let clock_ms = self.clock_ms();
        let recent = wanted.pol_round.is_some() || block.time_ms >= clock_ms - 60_000;
        self.follows(block) && recent && block.time_ms <= clock_ms + 5_000
    }

    /// The rules that are the same at every node, whatever the time.
    fn follows(&self, block: &ToyBlock) -> bool {
        let (previous, last_ms) = self.store.last();
        let distinct: BTreeSet<u32> = block.statements.iter().copied().collect();
        let is_due = !block.statements.is_empty() || block.time_ms >= last_ms + HEARTBEAT_MS;
        let is_new = distinct.len() == block.statements.len() && !distinct.iter().any(|one| self.store.holds(*one));
        let in_order = block.height == self.tip().next() && block.previous == previous && block.time_ms > last_ms;
        in_order && is_due && is_new && block.statements.len() <= 5
    }

    /// Writes a final block, and stands on it.
    fn write(&mut self, last: FinalToy) -> Result<(), Crashed> {
        self.port()?;
        let FinalToy { block, commit } = &last;
        assert!(self.follows(block), "node {} would write a block that does not follow", self.number);
        for statement in &block.statements {
            self.pool.remove(statement);
            if self.own.remove(statement) {
                self.acknowledged.insert(*statement);
            }
        }
        assert_eq!(commit.height, block.height);
        self.store.blocks.push(last);
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
        let members = self.members.at(tip.next()).clone();
        let acts = self.agreement().stand(tip, &members);
        self.acts.extend(acts);
        // An older store under a newer log: once the blocks are here, the log is gone on with.
        if !self.pool.is_empty() || (tip.next() == self.log.height && !self.log.entries.is_empty()) {
            for entry in &self.log.entries {
                if let Logged::Body { value, bytes } = entry {
                    self.blocks.insert(*value, ToyBlock::parse(bytes));
                    self.logged_blocks.insert(*value);
                }
            }
            self.begin();
        }
        Ok(())
    }

    fn send(&mut self, to: usize, wire: Wire) -> Result<(), Crashed> {
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

    /// A client posts here.
    pub fn post(&mut self, now: Micros, statement: u32) -> Result<(), Crashed> {
        self.now = now;
        self.own.insert(statement);
        self.take_statement(statement)?;
        self.send_all(&Wire::Statement(statement))?;
        self.carry_out()
    }

    fn take_statement(&mut self, statement: u32) -> Result<(), Crashed> {
        if self.store.holds(statement) {
            return Ok(());
        }
        self.pool.insert(statement, self.now);
        self.begin();
        if let Some(round) = self.unbuilt.take() {
            self.build(round)?;
        }
        Ok(())
    }

    pub fn receive(&mut self, now: Micros, from: usize, wire: Wire) -> Result<(), Crashed> {
        self.now = now;
        match wire {
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
            Wire::Block(block) => {
                if block.height == self.tip().next() {
                    let (value, statements) = (block.id(), block.statements.clone());
                    self.blocks.entry(value).or_insert(block);
                    self.check(value)?;
                    for statement in statements {
                        self.take_statement(statement)?;
                    }
                }
            }
            Wire::AskBlock(value) => {
                if let Some(block) = self.blocks.get(&value).cloned() {
                    self.send(from, Wire::Block(block))?;
                }
            }
            Wire::Statement(statement) => self.take_statement(statement)?,
            Wire::Status(tip) => {
                self.tips.insert(from, tip);
            }
            Wire::AskFinal(height) => {
                let at = usize::try_from(height.get()).unwrap_or_default();
                if let Some(last) = at.checked_sub(1).and_then(|at| self.store.blocks.get(at)).cloned() {
                    self.send(from, Wire::Final(Box::new(last)))?;
                }
            }
            Wire::Final(last) => self.catch_up(from, *last)?,
        }
        self.carry_out()
    }

    /// Takes a final block from another node, whose word counts for nothing.
    fn catch_up(&mut self, from: usize, last: FinalToy) -> Result<(), Crashed> {
        if last.block.height != self.tip().next() || last.commit.height != last.block.height {
            return Ok(());
        }
        let checkpoint = last.block.checkpoint();
        let members = self.members.at(last.block.height);
        let checked = FinalCheckpoint::verify(checkpoint, last.commit.clone(), members, self.verifier.as_ref());
        if checked.is_err() || !self.follows(&last.block) {
            return Ok(());
        }
        self.write(last)?;
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
        let seen = self.hasty.entry((value, round)).or_default();
        seen.insert(signer, signature);
        let enough = seen.len() + 1 >= self.members.at(height).quorum();
        let signatures = seen.iter().map(|(kid, signature)| CommitSignature::es256(*kid, *signature)).collect();
        let Some(block) = self.blocks.get(&value).filter(|block| enough && self.follows(block)).cloned() else {
            return Ok(());
        };
        self.acts.clear();
        self.write(FinalToy { block, commit: Commit { height, round, signatures } })
    }

    /// A quarter of a second has passed.
    pub fn tick(&mut self, now: Micros, count: u64) -> Result<(), Crashed> {
        self.now = now;
        if count.is_multiple_of(4) {
            self.send_all(&Wire::Status(self.tip()))?;
        }
        if count.is_multiple_of(20) {
            for statement in self.own.clone() {
                self.send_all(&Wire::Statement(statement))?;
            }
        }
        let (own, oldest) = (&self.own, now.saturating_sub(FOREIGN_KEPT));
        self.pool.retain(|statement, heard| own.contains(statement) || *heard >= oldest);
        if let Some(round) = self.unbuilt.take() {
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
