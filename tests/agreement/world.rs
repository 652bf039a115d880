//! One thread, virtual time, and what must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use sealane_core::agreement::{Said, Timer, ValueId, VoteKind};
use sealane_core::block::{FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::StatementId;

use crate::base;
use crate::keys::{KeyedHashes, ORIGIN, Rotation, consortium};
use crate::ledger::Ledger;
use crate::liar::Liar;
use crate::mutation::Mutation;
use crate::node::{Crashed, Micros, Node, SECOND, Wire};
use crate::plan::{HEALED, Pair, Plan};
use crate::statements::{self, Form, Posted};

/// After everything works again, all that was posted is final everywhere within this.
const CALM_MAX: Micros = 30 * SECOND;

/// The same where a liar goes on.
const CALM_AMONG_LIARS_MAX: Micros = 90 * SECOND;

/// How long nothing may happen at the end.
const IDLE: Micros = 12 * SECOND;

/// In how many such times at the most all comes to rest.
const IDLE_TRIES: u32 = 4;

/// Words that a node may keep for each member: its places in 21 rounds, twice, and what is kept of later heights.
const WORDS_PER_MEMBER_MAX: usize = 21 * (2 * 2 + 4) + 2 * 35;

/// What a run has shown.
#[derive(Debug, Default)]
pub struct Outcome {
    pub blocks: u64,
    pub rounds_most: u32,
    pub deaths: u64,
    /// Statements of which a client was told that they may not stand.
    pub refused: usize,
    /// Members that were found to have said two things.
    pub convicted: BTreeSet<usize>,
    /// A number that differs where anything does.
    pub trace: u64,
    /// From when everything worked again until all was final everywhere.
    pub calm: Micros,
}

enum Event {
    Deliver { from: usize, to: usize, wire: Box<Wire> },
    Tick { node: usize, count: u64 },
    Timer { node: usize, timer: Timer },
    Post { node: usize, posted: Posted },
    Cut { at: usize, begins: bool },
    Restart { node: usize },
}

/// Where a member signs: height, round and which word.
type Place = (usize, Height, u32, Option<VoteKind>);

pub struct World {
    plan: Plan,
    dice: Rng,
    now: Micros,
    queue: BTreeMap<(Micros, u64), Event>,
    count: u64,
    nodes: Vec<Node>,
    liars: BTreeMap<usize, Liar>,
    members: Rotation,
    kids: Vec<Hash>,
    strict: KeyedHashes,
    /// How many cuts there are now from one to another, and how many of them are noticed.
    cut: BTreeMap<(usize, usize), (u32, u32)>,
    deaths: BTreeMap<usize, Vec<u64>>,
    set_timers: BTreeSet<(usize, Timer, Micros)>,
    /// What honest members have said, as heard on the wire.
    said: BTreeMap<Place, (Option<ValueId>, Option<u32>)>,
    posted: u32,
    healed: bool,
    /// When an honest node last said anything but its status.
    last_word: Micros,
    outcome: Outcome,
}

impl World {
    pub fn new(plan: Plan, mutation: Mutation) -> Self {
        let (keys, _) = consortium(plan.members);
        let members = Rotation::new(plan.members, plan.rotation);
        let kids: Vec<Hash> = keys.iter().map(|key| key.kid()).collect();
        let verifier = Arc::new(KeyedHashes::new(mutation == Mutation::TrustsAll));
        let seed = plan.seed.wrapping_mul(1_000);
        let node = |number| Node::new(number, &keys, &members, &verifier, mutation, seed + number as u64);
        let mut nodes: Vec<Node> = (0..plan.members).map(node).collect();
        let liar = |(number, lies): &(usize, Vec<_>)| {
            (*number, Liar::new(lies.clone(), Arc::clone(&keys[*number]), kids.clone(), seed + 100 + *number as u64))
        };
        let liars = plan.liars.iter().map(liar).collect();
        let mut deaths: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (node, at) in &plan.deaths {
            deaths.entry(*node).or_default().push(*at);
        }
        for node in &mut nodes {
            node.clock_offset_ms = plan.clock_offsets_ms[node.number];
            node.dies_at = deaths.get_mut(&node.number).and_then(Vec::pop);
        }
        let dice = Rng::with_seed(plan.seed ^ 0xd1ce);
        let mut world = Self {
            dice,
            now: 0,
            queue: BTreeMap::new(),
            count: 0,
            nodes,
            liars,
            members,
            kids,
            strict: KeyedHashes::new(false),
            cut: BTreeMap::new(),
            deaths,
            set_timers: BTreeSet::new(),
            said: BTreeMap::new(),
            posted: 0,
            healed: false,
            last_word: 0,
            outcome: Outcome::default(),
            plan,
        };
        world.lay_out();
        world
    }

    fn lay_out(&mut self) {
        for node in 0..self.nodes.len() {
            self.at(250_000 + node as Micros * 1_000, Event::Tick { node, count: 1 });
        }
        for (time, node) in self.plan.posts.clone() {
            self.post_at(time, node);
        }
        for (time, nodes, pair) in self.plan.pairs.clone() {
            self.post_pair_at(time, nodes, pair);
        }
        for (at, cut) in self.plan.cuts.clone().into_iter().enumerate() {
            self.at(cut.time.start, Event::Cut { at, begins: true });
            self.at(cut.time.end, Event::Cut { at, begins: false });
        }
    }

    fn next_statement(&mut self) -> Posted {
        self.posted += 1;
        Posted::new(self.posted)
    }

    fn post_at(&mut self, time: Micros, node: usize) -> Posted {
        let posted = self.next_statement();
        self.at(time, Event::Post { node, posted });
        posted
    }

    /// Posts two things that are one at two nodes, at once; one of the two may stand.
    fn post_pair_at(&mut self, time: Micros, nodes: [usize; 2], pair: Pair) -> [Posted; 2] {
        let first = self.next_statement();
        let second = match pair {
            Pair::Rivals => first.rival(),
            Pair::Forms => first.in_form(Form::GoodToo),
        };
        for (node, posted) in nodes.into_iter().zip([first, second]) {
            self.at(time, Event::Post { node, posted });
        }
        [first, second]
    }

    fn at(&mut self, time: Micros, event: Event) {
        self.count += 1;
        self.queue.insert((time.max(self.now), self.count), event);
    }

    fn is_honest(&self, node: usize) -> bool {
        !self.plan.is_liar(node)
    }

    fn honest(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| self.is_honest(node.number))
    }

    /// Runs all of it: trouble, calm, and nothing to do.
    pub fn run(mut self) -> Result<Outcome, String> {
        self.run_until(HEALED)?;
        self.check_blocks()?;
        self.heal()?;
        let honest: Vec<usize> = self.honest().map(|node| node.number).collect();
        let mut asked = Vec::new();
        for node in &honest {
            asked.push(vec![self.post_at(HEALED + SECOND / 10, *node)]);
        }
        for pair in [Pair::Rivals, Pair::Forms] {
            asked.push(self.post_pair_at(HEALED + SECOND / 10, [honest[0], honest[1]], pair).to_vec());
        }
        let limit = HEALED + if self.liars.is_empty() { CALM_MAX } else { CALM_AMONG_LIARS_MAX };
        while !self.is_calm(&asked) {
            self.check_blocks()?;
            if self.now >= limit {
                return Err(self.report("not all that was posted is final everywhere in time"));
            }
            self.run_until(self.now + SECOND / 2)?;
        }
        self.outcome.calm = self.now - HEALED;
        self.check_idle()?;
        self.check_blocks()?;
        self.check_ledgers()?;
        Ok(self.outcome)
    }

    /// Whether all that was posted last, one at least of each group, is final at every honest node, and nothing waits. A liar
    /// may have brought the other event of one eventID, which its signer has signed too: then the first one is refused.
    fn is_calm(&self, asked: &[Vec<Posted>]) -> bool {
        let most = self.honest().map(Node::tip).max();
        self.honest().all(|node| {
            let is_final = |one: &Posted| node.ledger.place(&one.id()).is_some();
            let stands = |group: &Vec<Posted>| group.iter().any(|one| is_final(one) || is_final(&one.rival()));
            Some(node.tip()) == most && node.pool.is_empty() && asked.iter().all(stands)
        })
    }

    /// Where there is nothing to agree on, nothing is said and nothing is written, whatever liars send. A height that was
    /// begun before that is ended first, by an empty block.
    fn check_idle(&mut self) -> Result<(), String> {
        let state = |world: &Self| world.honest().map(|node| (node.tip(), node.begun)).collect::<Vec<_>>();
        let mut broken = "";
        for _ in 0..IDLE_TRIES {
            let (before, since) = (state(self), self.now);
            self.run_until(self.now + IDLE)?;
            broken = match (before == state(self), self.last_word <= since) {
                (true, true) => return Ok(()),
                (false, _) => "heights are begun while nothing waits",
                (true, false) => "something is said while nothing waits",
            };
        }
        Err(self.report(broken))
    }

    /// No two blocks of one height, and each final by a quorum's signatures, at any time.
    fn check_blocks(&self) -> Result<(), String> {
        let longest = self.longest();
        for node in self.honest() {
            for (one, other) in node.ledger.blocks.iter().zip(&longest.ledger.blocks) {
                if one.block != other.block || one.checkpoint != other.checkpoint {
                    return Err(self.report("two blocks of one height are final"));
                }
            }
        }
        for one in self.honest().flat_map(|node| &node.ledger.blocks) {
            let (checkpoint, commit) = (one.checkpoint.clone(), one.commit.clone());
            FinalCheckpoint::verify(checkpoint, commit, self.members.at(one.block.height()), &self.strict)
                .map_err(|error| self.report(&format!("a commit does not hold: {error}")))?;
        }
        Ok(())
    }

    fn longest(&self) -> &Node {
        self.honest().max_by_key(|node| node.tip()).expect("one is honest")
    }

    fn check_ledgers(&mut self) -> Result<(), String> {
        let audited = self.audit()?;
        let length = audited.blocks.len();
        for node in self.honest() {
            if node.ledger.blocks.len() != length {
                return Err(self.report("a ledger is shorter than another"));
            }
            let lost = |(id, leaf): &(&StatementId, &LeafIndex)| audited.place(id) != Some(**leaf);
            if let Some((id, leaf)) = node.acknowledged.iter().find(lost) {
                return Err(self.report(&format!("statement {id} was acknowledged at leaf {leaf}, and is not there")));
            }
            if let Some(id) = node.refused.iter().find(|id| audited.place(id).is_some()) {
                return Err(self.report(&format!("statement {id} was refused, and is on the ledger")));
            }
            let most = WORDS_PER_MEMBER_MAX * self.nodes.len();
            if node.words_most > most {
                return Err(self.report(&format!("a node kept {} words, more than {most}", node.words_most)));
            }
        }
        let rounds = audited.blocks.iter().map(|one| one.commit.round).max();
        self.outcome.rounds_most = rounds.unwrap_or_default();
        self.outcome.blocks = length as u64;
        self.outcome.refused = self.honest().map(|node| node.refused.len()).sum();
        self.check_faults()
    }

    /// Makes the ledger again from its blocks, by every rule and with no memory of what was verified but by its bytes: it holds
    /// each statement once, and of each eventID one content.
    fn audit(&self) -> Result<Ledger, String> {
        let mut audited = Ledger::new(base::of(self.nodes.len()), Arc::new(KeyedHashes::new(false)));
        for one in &self.longest().ledger.blocks {
            let unverified = one.block.statements.iter().any(|compact| statements::verified(compact).is_none());
            if unverified {
                return Err(self.report("a statement on the ledger does not verify"));
            }
            let value = ValueId::of(&one.checkpoint);
            let staged = audited.stage(value, &one.block, |compact| statements::verified(compact));
            staged.map_err(|fault| self.report(&format!("block {} does not hold: {fault}", one.block.height())))?;
            let written = audited.write(one.block.clone(), one.commit.clone());
            audited.learn(written.learnt);
        }
        Ok(audited)
    }

    /// Whoever is convicted has lied.
    fn check_faults(&mut self) -> Result<(), String> {
        let pairs: Vec<_> = self.honest().flat_map(|node| node.faults.clone()).collect();
        for pair in pairs {
            let number = self.kids.iter().position(|kid| *kid == pair.signer());
            if pair.verify(&ORIGIN, self.members.at(pair.height()), &self.strict).is_err() {
                return Err(self.report("a proof of two words proves nothing"));
            }
            match number {
                Some(number) if !self.is_honest(number) => self.outcome.convicted.insert(number),
                _ => return Err(self.report("an honest member is convicted")),
            };
        }
        Ok(())
    }

    pub fn report(&self, what: &str) -> String {
        let tips: Vec<String> = self
            .nodes
            .iter()
            .map(|node| {
                let state = if node.is_up() { "" } else { " down" };
                let liar = if self.is_honest(node.number) { "" } else { " liar" };
                format!("{}{liar}{state} at {}, {} in its pool", node.number, node.tip(), node.pool.len())
            })
            .collect();
        format!("{what}; at {} s: {}; {:?}", self.now / SECOND, tips.join("; "), self.plan.liars)
    }

    pub fn run_until(&mut self, end: Micros) -> Result<(), String> {
        while let Some(((time, _), _)) = self.queue.first_key_value() {
            if *time > end {
                break;
            }
            let Some(((time, _), event)) = self.queue.pop_first() else { break };
            self.now = time;
            self.happen(event)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        let now = self.now;
        match event {
            Event::Deliver { from, to, wire } => {
                let wire = *wire;
                let lost = self.cut.get(&(from, to)).is_some_and(|(cuts, _)| *cuts > 0);
                if lost || !self.nodes[to].is_up() {
                    return Ok(());
                }
                self.trace(from, to, &wire);
                if let Some(liar) = self.liars.get_mut(&to) {
                    liar.see(&wire);
                    if liar.is_about_itself(&wire) {
                        return Ok(());
                    }
                }
                self.call(to, |node| node.receive(now, from, wire))
            }
            Event::Tick { node, count } => {
                self.at(now + 250_000, Event::Tick { node, count: count + 1 });
                if !self.nodes[node].is_up() {
                    return Ok(());
                }
                let tip = self.nodes[node].tip();
                if let Some(liar) = self.liars.get_mut(&node) {
                    for (to, wire) in liar.junk(tip) {
                        self.post_off(node, to, wire);
                    }
                }
                self.call(node, |node| node.tick(now, count))
            }
            Event::Timer { node, timer } => {
                self.set_timers.remove(&(node, timer, now));
                let is_set = self.nodes[node].timers.get(&timer) == Some(&now);
                if !is_set || !self.nodes[node].is_up() {
                    return Ok(());
                }
                self.call(node, |node| node.time_out(now, timer))
            }
            Event::Post { node, posted } => {
                if !self.nodes[node].is_up() {
                    return Ok(());
                }
                self.call(node, |node| node.post(now, &posted.compact()))
            }
            Event::Cut { at, begins } => self.change_cut(at, begins),
            Event::Restart { node } => self.restart(node),
        }
    }

    fn trace(&mut self, from: usize, to: usize, wire: &Wire) {
        let kind = match wire {
            Wire::Said(said) => u64::from(said.round()) * 100 + said.height().get() * 7,
            Wire::Block(_, block) => block.height().get() + 1_000,
            _ => 3,
        };
        let word = self.now ^ (from as u64) << 56 ^ (to as u64) << 48 ^ kind << 20;
        self.outcome.trace = (self.outcome.trace ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
    }

    /// Calls a node, sends what it sends, and sets its timers. If it dies on the way, it starts again some time later.
    fn call(&mut self, number: usize, call: impl FnOnce(&mut Node) -> Result<(), Crashed>) -> Result<(), String> {
        let done = call(&mut self.nodes[number]);
        self.send_off(number)?;
        if done.is_err() {
            return self.die(number);
        }
        for (timer, time) in &self.nodes[number].timers {
            if self.set_timers.insert((number, *timer, *time)) {
                self.count += 1;
                self.queue.insert((*time, self.count), Event::Timer { node: number, timer: *timer });
            }
        }
        Ok(())
    }

    fn send_off(&mut self, number: usize) -> Result<(), String> {
        for (to, wire) in std::mem::take(&mut self.nodes[number].outbox) {
            if let Some(liar) = self.liars.get_mut(&number) {
                for (to, wire) in liar.bend(&self.nodes[number], to, wire) {
                    self.post_off(number, to, wire);
                }
                continue;
            }
            self.overhear(number, &wire)?;
            self.post_off(number, to, wire);
        }
        Ok(())
    }

    /// Holds what an honest member says against what it has said before in the same place.
    fn overhear(&mut self, number: usize, wire: &Wire) -> Result<(), String> {
        let Wire::Said(said) = wire else { return Ok(()) };
        self.last_word = self.now;
        let (place, word) = match said {
            Said::Vote(vote) if vote.signer == self.kids[number] => {
                ((number, vote.height, vote.round, Some(vote.kind)), (vote.value, None))
            }
            Said::Proposal(proposal) if proposal.signer == self.kids[number] => {
                ((number, proposal.height, proposal.round, None), (Some(proposal.value), proposal.pol_round))
            }
            _ => return Ok(()),
        };
        match self.said.insert(place, word) {
            Some(before) if before != word => {
                Err(self.report(&format!("honest member {number} has said two things at {place:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Puts something on its way, which may be lost, late or doubled.
    fn post_off(&mut self, from: usize, to: usize, wire: Wire) {
        let (loss, twice) = if self.healed { (0, 0) } else { (self.plan.loss, self.plan.twice) };
        let copies = 1 + usize::from(self.dice.u32(..100) < twice);
        for _ in 0..copies {
            let late = self.dice.u64(self.plan.delay.clone());
            if self.dice.u32(..100) >= loss {
                self.at(self.now + late, Event::Deliver { from, to, wire: Box::new(wire.clone()) });
            }
        }
    }

    fn die(&mut self, number: usize) -> Result<(), String> {
        self.outcome.deaths += 1;
        let node = &mut self.nodes[number];
        node.crash();
        if self.plan.older_store == Some(number) {
            // A copy of some blocks ago, and the log of today.
            self.plan.older_store = None;
            let kept = node.ledger.blocks.len().saturating_sub(2);
            node.ledger.blocks.truncate(kept);
        }
        let rest = self.dice.u64(SECOND / 20..5 * SECOND);
        self.at(self.now + rest, Event::Restart { node: number });
        for other in 0..self.nodes.len() {
            self.connect(other, number, false)?;
        }
        Ok(())
    }

    fn restart(&mut self, number: usize) -> Result<(), String> {
        if self.nodes[number].is_up() {
            return Ok(());
        }
        let now = self.now;
        if !self.healed {
            let calls = self.nodes[number].calls;
            self.nodes[number].dies_at = self.deaths.get_mut(&number).and_then(Vec::pop).map(|more| calls + more);
        }
        self.call(number, |node| node.start(now))?;
        for other in 0..self.nodes.len() {
            let is_cut = self.cut.get(&(other, number)).is_some_and(|(_, noticed)| *noticed > 0);
            let is_there = self.nodes[other].is_up() && !is_cut;
            self.connect(other, number, is_there)?;
            self.connect(number, other, is_there)?;
        }
        Ok(())
    }

    fn connect(&mut self, node: usize, other: usize, is_up: bool) -> Result<(), String> {
        if node == other || !self.nodes[node].is_up() {
            return Ok(());
        }
        let now = self.now;
        self.call(node, |node| node.connect(now, other, is_up))
    }

    fn change_cut(&mut self, at: usize, begins: bool) -> Result<(), String> {
        let cut = self.plan.cuts[at].clone();
        let (cuts, noticed) = self.cut.entry((cut.from, cut.to)).or_default();
        let change = |count: &mut u32| *count = if begins { *count + 1 } else { count.saturating_sub(1) };
        change(cuts);
        if cut.noticed {
            change(noticed);
            let is_up = *noticed == 0 && self.nodes[cut.to].is_up();
            self.connect(cut.from, cut.to, is_up)?;
        }
        Ok(())
    }

    /// From now on everything works.
    fn heal(&mut self) -> Result<(), String> {
        self.healed = true;
        self.cut.clear();
        for at in 0..self.plan.cuts.len() {
            self.plan.cuts[at].noticed = false;
        }
        for number in 0..self.nodes.len() {
            self.nodes[number].dies_at = None;
            self.nodes[number].clock_offset_ms = 0;
            if !self.nodes[number].is_up() {
                self.restart(number)?;
            }
        }
        for node in 0..self.nodes.len() {
            for other in 0..self.nodes.len() {
                self.connect(node, other, true)?;
            }
        }
        Ok(())
    }
}
