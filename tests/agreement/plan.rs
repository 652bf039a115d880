//! What happens to a simulated consortium, from one number.

mod changes;

use std::collections::BTreeSet;

use fastrand::Rng;

pub use changes::{Alteration, Motion, Newcomer};

use crate::keys::MEMBERS_MAX;
use crate::liar::{LIES, Lie};
use crate::node::{Micros, SECOND};

/// Until when things go wrong. Afterwards every honest node is up and reaches every other.
pub const HEALED: Micros = 20 * SECOND;

/// Of five seeds, those in which members change.
const CHANGING: [u64; 2] = [1, 2];

/// The most members that a simulation begins with whose members change.
const CHANGING_MEMBERS_MAX: usize = 7;

/// All that a seed decides.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub members: usize,
    /// Every so many heights another member is out.
    pub rotation: Option<u64>,
    /// The liars, fewer than a third, with what they do.
    pub liars: Vec<(usize, Vec<Lie>)>,
    pub delay: std::ops::Range<Micros>,
    /// In percent.
    pub loss: u32,
    pub twice: u32,
    pub cuts: Vec<Cut>,
    /// Node, and after how many calls of ports in its life it dies.
    pub deaths: Vec<(usize, u64)>,
    /// A node that finds an older copy of its ledger after its first death.
    pub older_store: Option<usize>,
    /// Milliseconds that a node's clock is ahead.
    pub clock_offsets_ms: Vec<i64>,
    pub posts: Vec<(Micros, usize)>,
    /// Times at which two nodes are posted two things that are one: one eventID with two contents, or one statement with two
    /// signatures.
    pub pairs: Vec<(Micros, [usize; 2], Pair)>,
    /// Nodes beside the first members, by what they do once a proposal brings them in.
    pub newcomers: Vec<Newcomer>,
    /// What members put to the vote.
    pub motions: Vec<Motion>,
    /// How often a member votes against, in percent.
    pub contrary: u32,
    /// Nodes whose program knows the first rules alone.
    pub old_programs: BTreeSet<usize>,
}

/// Two things that are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    Rivals,
    Forms,
}

/// A time in which words from one node to another are lost.
#[derive(Debug, Clone)]
pub struct Cut {
    pub from: usize,
    pub to: usize,
    pub time: std::ops::Range<Micros>,
    /// Whether the nodes notice: else words are lost in silence.
    pub noticed: bool,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed ^ 0x5ea1_a4e0);
        let mut members = if dice.u32(..100) < 60 { 4 } else { dice.usize(5..=MEMBERS_MAX) };
        let mut rotation = (members > 4 && dice.bool()).then(|| dice.u64(1..4));
        let changes = CHANGING.contains(&(seed % 5));
        if changes {
            members = members.min(CHANGING_MEMBERS_MAX);
            rotation = None;
        }
        let liars_most = (members - usize::from(rotation.is_some()) - 1) / 3;
        let mut order: Vec<usize> = (0..members).collect();
        dice.shuffle(&mut order);
        let liars = order.iter().take(dice.usize(..=liars_most)).map(|one| (*one, some_lies(&mut dice))).collect();
        let base = dice.u64(500..40_000);
        let spread = if dice.u32(..100) < 20 { 800_000 } else { base };
        let mut plan = Self {
            seed,
            members,
            rotation,
            liars,
            delay: base..base + spread + 1,
            loss: if dice.bool() { 0 } else { dice.u32(1..20) },
            twice: if dice.bool() { 0 } else { dice.u32(1..20) },
            cuts: Vec::new(),
            deaths: Vec::new(),
            older_store: None,
            clock_offsets_ms: (0..members).map(|_| dice.i64(-1_500..1_500)).collect(),
            posts: Vec::new(),
            pairs: Vec::new(),
            newcomers: Vec::new(),
            motions: Vec::new(),
            contrary: 0,
            old_programs: BTreeSet::new(),
        };
        if changes {
            let mut dice = Rng::with_seed(seed ^ 0xc0_5c11);
            plan.decide(&mut dice);
            plan.clock_offsets_ms.extend((members..plan.nodes()).map(|_| dice.i64(-1_500..1_500)));
        }
        plan.cut(&mut dice);
        for node in 0..plan.nodes() {
            for _ in 0..3 {
                if dice.u32(..100) < 30 {
                    plan.deaths.push((node, dice.u64(1..1_500)));
                }
            }
        }
        if dice.u32(..100) < 15 {
            plan.older_store = Some(dice.usize(..members));
        }
        // A clock that is far off makes its node useless while it is, so only where there is no liar beside it.
        if plan.liars.is_empty() && dice.bool() {
            plan.clock_offsets_ms[dice.usize(..members)] = if dice.bool() { 10_000 } else { -10_000 };
        }
        for _ in 0..dice.usize(5..25) {
            plan.posts.push((dice.u64(..HEALED), dice.usize(..members)));
        }
        // By dice of their own: what a seed decided before stays as it was.
        let mut more = Rng::with_seed(seed ^ 0x0057_a7e5);
        for (_, lies) in &mut plan.liars {
            if more.u32(..100) < 25 {
                lies.push(Lie::BrokenSignature);
            }
        }
        for _ in 0..more.usize(..4) {
            let pair = if more.bool() { Pair::Rivals } else { Pair::Forms };
            plan.pairs.push((more.u64(..HEALED), [more.usize(..members), more.usize(..members)], pair));
        }
        plan
    }

    /// Members at the beginning, and newcomers.
    pub fn nodes(&self) -> usize {
        self.members + self.newcomers.len()
    }

    pub fn is_liar(&self, node: usize) -> bool {
        self.liars.iter().any(|(liar, _)| *liar == node)
    }

    fn cut(&mut self, dice: &mut Rng) {
        for _ in 0..dice.usize(..4) {
            let start = dice.u64(..HEALED * 3 / 4);
            let time = start..(start + dice.u64(SECOND..10 * SECOND)).min(HEALED);
            match dice.u32(..4) {
                // Two sides that do not reach each other.
                0 => {
                    let side: Vec<bool> = (0..self.nodes()).map(|_| dice.bool()).collect();
                    for from in 0..self.nodes() {
                        for to in 0..self.nodes() {
                            if side[from] != side[to] {
                                self.cuts.push(Cut { from, to, time: time.clone(), noticed: true });
                            }
                        }
                    }
                }
                // One link, both ways.
                1 => {
                    let (from, to) = (dice.usize(..self.nodes()), dice.usize(..self.nodes()));
                    self.cuts.push(Cut { from, to, time: time.clone(), noticed: true });
                    self.cuts.push(Cut { from: to, to: from, time, noticed: true });
                }
                // One link, one way.
                2 => {
                    let (from, to) = (dice.usize(..self.nodes()), dice.usize(..self.nodes()));
                    self.cuts.push(Cut { from, to, time, noticed: false });
                }
                // A node that comes and goes.
                _ => {
                    let node = dice.usize(..self.nodes());
                    let mut at = time.start;
                    while at < time.end {
                        let end = (at + dice.u64(SECOND / 10..SECOND)).min(time.end);
                        for other in (0..self.nodes()).filter(|other| *other != node) {
                            self.cuts.push(Cut { from: node, to: other, time: at..end, noticed: true });
                            self.cuts.push(Cut { from: other, to: node, time: at..end, noticed: true });
                        }
                        at = end + dice.u64(SECOND / 10..SECOND);
                    }
                }
            }
        }
        self.cuts.retain(|cut| cut.from != cut.to);
    }
}

fn some_lies(dice: &mut Rng) -> Vec<Lie> {
    let drawn = LIES.iter().filter(|lie| **lie != Lie::BrokenSignature).collect::<Vec<_>>();
    (0..dice.usize(1..=3)).map(|_| *drawn[dice.usize(..drawn.len())]).collect()
}
