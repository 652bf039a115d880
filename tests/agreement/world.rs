//! One thread, virtual time, and what must always hold. `council` has what must hold of the members as they change.

mod council;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use sealane_core::agreement::{Said, Timer, ValueId, VoteKind};
use sealane_core::block::{FinalCheckpoint, Height};
use sealane_core::hash::Hash;
use sealane_core::ledger::KnownRules;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::StatementId;

use crate::base;
use crate::keys::{KeyedHashes, ORIGIN, Rotation, consortium, newcomers};
use crate::ledger::Ledger;
use crate::liar::Liar;
use crate::mutation::Mutation;
use crate::node::{Crashed, Micros, Node, Role, SECOND, Wire};
use crate::plan::{HEALED, Pair, Plan};
use crate::statements::{self, Compact, Form, Posted};

/// After everything works again, all that was posted is final everywhere within this.
const CALM_MAX: Micros = 30 * SECOND;

/// The same where a liar goes on.
const CALM_AMONG_LIARS_MAX: Micros = 90 * SECOND;

/// How much longer what members decide about each other may go on: one block brings the votes, the next what is ready.
const DECIDING_MAX: Micros = 60 * SECOND;

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
    /// Changes of the set of members, and of the rules.
    pub handovers: u64,
    pub rules_changes: u64,
    /// The most and the fewest members that were in force.
    pub members_most: usize,
    pub members_fewest: usize,
    /// Whether members that were admitted and had gone left too few for a block.
    pub stood_still: bool,
    /// Nodes whose program did not know the rules in the end, and which said so.
    pub abstaining: usize,
}

enum Event {
    Deliver { from: usize, to: usize, wire: Box<Wire> },
    Tick { node: usize, count: u64 },
    Timer { node: usize, timer: Timer },
    Post { node: usize, posted: Compact },
    Cut { at: usize, begins: bool },
    Restart { node: usize },
    Propose { at: usize },
    Withdraw { at: usize },
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
    rotation: Option<Rotation>,
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
    /// Newcomers that have said that they are ready and have gone, and whether they have come back.
    vanished: BTreeMap<usize, bool>,
    /// When an honest node last said anything but its status.
    last_word: Micros,
    outcome: Outcome,
}

impl World {
    pub fn new(plan: Plan, mutation: Mutation) -> Self {
        let (mut keys, _) = consortium(plan.members);
        keys.extend(newcomers(plan.members, plan.newcomers.len()));
        let rotation = plan.rotation.map(|heights| Rotation::new(plan.members, heights));
        let kids: Vec<Hash> = keys.iter().map(|key| key.kid()).collect();
        let verifier = Arc::new(KeyedHashes::new(mutation == Mutation::TrustsAll));
        let seed = plan.seed.wrapping_mul(1_000);
        let role = |number: usize| Role {
            rotation: rotation.clone(),
            founders: plan.members,
            contrary: plan.contrary,
            newcomer: number.checked_sub(plan.members).map(|at| plan.newcomers[at]),
            is_old: plan.old_programs.contains(&number),
            is_liar: plan.is_liar(number),
        };
        let node = |number| Node::new(number, &keys, role(number), &verifier, mutation, seed + number as u64);
        let mut nodes: Vec<Node> = (0..plan.nodes()).map(node).collect();
        let liar = |(number, lies): &(usize, Vec<_>)| {
            let (key, seed) = (Arc::clone(&keys[*number]), seed + 100 + *number as u64);
            (*number, Liar::new(lies.clone(), key, kids.clone(), plan.has_motions(), seed))
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
            rotation,
            kids,
            strict: KeyedHashes::new(false),
            cut: BTreeMap::new(),
            deaths,
            set_timers: BTreeSet::new(),
            said: BTreeMap::new(),
            posted: 0,
            healed: false,
            vanished: BTreeMap::new(),
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
        for (at, motion) in self.plan.motions.clone().into_iter().enumerate() {
            self.at(motion.time, Event::Propose { at });
            if let Some(time) = motion.withdrawn {
                self.at(time, Event::Withdraw { at });
            }
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
        self.at(time, Event::Post { node, posted: posted.compact() });
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
            self.at(time, Event::Post { node, posted: posted.compact() });
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
        let mut honest: Vec<usize> =
            self.honest().filter(|node| self.may_post_at(node)).map(|node| node.number).collect();
        if honest.is_empty() {
            // All members have changed a moment ago, and those that came do not know it yet: clients ask again.
            honest = self.honest().filter(|node| node.is_up()).map(|node| node.number).collect();
        }
        let mut asked = Vec::new();
        for node in &honest {
            asked.push(vec![self.post_at(HEALED + SECOND / 10, *node)]);
        }
        for pair in [Pair::Rivals, Pair::Forms] {
            let nodes = [honest[0], honest[honest.len().min(2) - 1]];
            asked.push(self.post_pair_at(HEALED + SECOND / 10, nodes, pair).to_vec());
        }
        // A member that signs nothing is waited for in its turn, as a liar is that says nothing.
        let is_whole = self.liars.is_empty() && self.plan.old_programs.is_empty();
        let patience = if is_whole { CALM_MAX } else { CALM_AMONG_LIARS_MAX };
        let mut limit = HEALED + patience;
        while !self.is_calm(&asked) {
            self.check_blocks()?;
            if self.is_short_of_members() {
                self.stand_still()?;
                limit = self.now + patience;
                continue;
            }
            if self.now >= limit && !self.are_final(&asked) {
                return Err(self.report("not all that was posted is final everywhere in time"));
            }
            if self.now >= limit + if self.plan.has_motions() { DECIDING_MAX } else { 0 } {
                return Err(self.report("not all nodes come to rest in time"));
            }
            self.run_until(self.now + SECOND / 2)?;
        }
        self.outcome.calm = if self.outcome.stood_still { 0 } else { self.now - HEALED };
        self.bring_back()?;
        // Whoever is ready from now on stays.
        self.nodes.iter_mut().for_each(|node| node.has_vanished = true);
        self.check_idle()?;
        self.check_blocks()?;
        self.check_ledgers()?;
        Ok(self.outcome)
    }

    /// The honest nodes that can have the whole ledger.
    fn whole(&self) -> impl Iterator<Item = &Node> {
        self.honest().filter(|node| node.is_up() && !self.is_beyond(node))
    }

    /// Whether all that was posted last, one at least of each group, is final at every honest node. A liar may have brought the
    /// other event of one eventID, which its signer has signed too: then the first one is refused.
    fn are_final(&self, asked: &[Vec<Posted>]) -> bool {
        self.whole().all(|node| {
            let is_final = |one: &Posted| node.ledger.place(&one.id()).is_some();
            asked.iter().all(|group| group.iter().any(|one| is_final(one) || is_final(&one.rival())))
        })
    }

    /// Whether all of that is final, every honest node has the same blocks, and nothing waits.
    fn is_calm(&self, asked: &[Vec<Posted>]) -> bool {
        let most = self.honest().map(Node::tip).max();
        let is_at_rest = |node: &Node| Some(node.tip()) == most && (node.pool.is_empty() || !node.may_sign());
        self.are_final(asked) && self.whole().all(is_at_rest)
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
            FinalCheckpoint::verify(checkpoint, commit, self.members_at(one.block.height()), &self.strict)
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
        self.check_council(&audited)?;
        for node in self.honest() {
            if node.ledger.blocks.len() != length && !self.is_beyond(node) {
                return Err(self.report("a ledger is shorter than another"));
            }
            let lost = |(id, leaf): &(&StatementId, &LeafIndex)| audited.place(id) != Some(**leaf);
            if let Some((id, leaf)) = node.acknowledged.iter().find(lost) {
                return Err(self.report(&format!("statement {id} was acknowledged at leaf {leaf}, and is not there")));
            }
            if let Some((id, why)) = node.refused.iter().find(|(id, _)| audited.place(id).is_some()) {
                return Err(self.report(&format!("statement {id} was refused, and is on the ledger: {why}")));
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
        let (base, strict) = (base::of(self.plan.members), Arc::new(KeyedHashes::new(false)));
        let mut audited = Ledger::new(base, strict, KnownRules::OF_THIS_PROGRAM);
        for one in &self.longest().ledger.blocks {
            let (registry, place) = (Arc::clone(audited.registry()), audited.next_place(one.block.seal.time));
            let read = |compact: &Arc<str>| {
                statements::verified(compact).or_else(|| statements::verify(compact, &registry, place, &self.strict))
            };
            if one.block.statements.iter().any(|compact| read(compact).is_none()) {
                return Err(self.report("a statement on the ledger does not verify"));
            }
            let value = ValueId::of(&one.checkpoint);
            let staged = audited.stage(value, &one.block, read);
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
            if pair.verify(&ORIGIN, self.members_at(pair.height()), &self.strict).is_err() {
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
                let silent = node.abstention().map(|why| format!(" {why:?}")).unwrap_or_default();
                format!("{}{liar}{state}{silent} at {}, {} in its pool", node.number, node.tip(), node.pool.len())
            })
            .collect();
        let Plan { liars, motions, newcomers, old_programs, .. } = &self.plan;
        let tips = tips.join("; ");
        format!("{what}; at {} s: {tips}; {liars:?} {motions:?} {newcomers:?} {old_programs:?}", self.now / SECOND)
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
                // A node that signs nothing says so, and its client goes to another one.
                let others = self.honest().find(|one| self.may_post_at(one)).map(|one| one.number);
                let is_refused = self.nodes[node].is_up() && !self.nodes[node].may_sign();
                let Some(node) = (if is_refused { others } else { Some(node) }) else {
                    // Those that were replaced know it already, and those that replace them do not yet.
                    self.at(now + SECOND / 5, Event::Post { node, posted });
                    return Ok(());
                };
                if !self.nodes[node].is_up() {
                    return Ok(());
                }
                self.call(node, |node| node.post(now, &posted))
            }
            Event::Propose { at } => {
                let motion = self.plan.motions[at].clone();
                if !self.nodes[motion.by].is_up() {
                    return Ok(());
                }
                self.call(motion.by, |node| node.put_to_vote(now, &motion))
            }
            Event::Withdraw { at } => {
                let by = self.plan.motions[at].by;
                if !self.nodes[by].is_up() {
                    return Ok(());
                }
                self.call(by, |node| node.withdraw(now))
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
        for posted in std::mem::take(&mut self.nodes[number].turned_away) {
            // Its client hears that this node signs nothing, and goes to another one.
            self.at(self.now + SECOND / 5, Event::Post { node: number, posted });
        }
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
        self.check_may_sign(number)?;
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
        if self.nodes[number].has_vanished && !self.vanished.contains_key(&number) {
            self.vanished.insert(number, false);
        } else {
            let rest = self.dice.u64(SECOND / 20..5 * SECOND);
            self.at(self.now + rest, Event::Restart { node: number });
        }
        for other in 0..self.nodes.len() {
            self.connect(other, number, false)?;
        }
        Ok(())
    }

    fn restart(&mut self, number: usize) -> Result<(), String> {
        if self.nodes[number].is_up() || self.vanished.get(&number) == Some(&false) {
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
                let is_up = self.nodes[other].is_up();
                self.connect(node, other, is_up)?;
            }
        }
        Ok(())
    }
}
