//! What members decide while everything else goes on: who comes, who goes, whose key is another one, and by which rules.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::{HEALED, Plan, some_lies};
use crate::keys::NEWCOMERS_MAX;
use crate::node::{Micros, SECOND};

/// What a node does whose key is no member's at the beginning, once a proposal brings it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newcomer {
    /// It says that it is ready once it is.
    Ready,
    /// It never does.
    Never,
    /// It says so, and is gone.
    Vanishes,
    /// It says so too early and of blocks that there are not, and once it is.
    Hasty,
}

/// One thing that is put to the vote. A node stands for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alteration {
    Admit(usize),
    Remove(usize),
    Replace {
        former: usize,
        newcomer: usize,
    },
    /// The rules 2, so many milliseconds after they are proposed.
    Rules {
        after_ms: i64,
    },
}

/// A proposal that a node makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motion {
    pub time: Micros,
    pub by: usize,
    pub alterations: Vec<Alteration>,
    pub expires_after_ms: i64,
    pub withdrawn: Option<Micros>,
}

impl Plan {
    /// Whether members change in this run.
    pub fn has_motions(&self) -> bool {
        !self.motions.is_empty()
    }

    /// Puts changes to the vote. Liars, and nodes that stop voting when the rules change, are never more than each set of members
    /// that may come out of it can bear.
    pub(super) fn decide(&mut self, dice: &mut Rng) {
        self.contrary = [0, 0, 10, 30][dice.usize(..4)];
        let members = self.members;
        let mut removable: Vec<usize> = (0..members).collect();
        dice.shuffle(&mut removable);
        for _ in 0..dice.usize(1..=3) {
            let mut alterations = Vec::new();
            for _ in 0..[1, 1, 1, 2, 3][dice.usize(..5)] {
                alterations.extend(self.alteration(&mut removable, dice));
            }
            if !alterations.is_empty() {
                let time = dice.u64(SECOND / 2..HEALED * 3 / 4);
                self.motions.push(Motion {
                    time,
                    by: dice.usize(..members),
                    alterations,
                    expires_after_ms: if dice.u32(..100) < 15 { dice.i64(1_000..10_000) } else { 3_600_000 },
                    withdrawn: (dice.u32(..100) < 10).then(|| time + dice.u64(SECOND..5 * SECOND)),
                });
            }
        }
        let changes_rules = self.alterations().any(|one| matches!(one, Alteration::Rules { .. }));
        self.liars.extend(self.lying_newcomer(dice));
        if changes_rules && dice.bool() {
            // What a liar's program does not know, it cannot lie about.
            self.old_programs.extend(Some(dice.usize(..members)).filter(|node| !self.is_liar(*node)));
        }
        self.keep_within_bounds();
    }

    /// All that is put to the vote, in whatever proposal.
    pub fn alterations(&self) -> impl Iterator<Item = Alteration> {
        self.motions.iter().flat_map(|motion| motion.alterations.iter().copied())
    }

    fn alteration(&mut self, removable: &mut Vec<usize>, dice: &mut Rng) -> Option<Alteration> {
        Some(match dice.u32(..100) {
            0..40 => Alteration::Admit(self.newcomer(dice)?),
            40..65 => Alteration::Remove(removable.pop()?),
            65..85 => {
                let newcomer = self.newcomer(dice)?;
                Alteration::Replace { former: removable.pop()?, newcomer }
            }
            _ if self.alterations().any(|one| matches!(one, Alteration::Rules { .. })) => return None,
            _ => Alteration::Rules { after_ms: dice.i64(0..8_000) },
        })
    }

    fn newcomer(&mut self, dice: &mut Rng) -> Option<usize> {
        if self.newcomers.len() == NEWCOMERS_MAX {
            return None;
        }
        self.newcomers.push(match dice.u32(..100) {
            0..60 => Newcomer::Ready,
            60..70 => Newcomer::Never,
            70..85 => Newcomer::Vanishes,
            _ => Newcomer::Hasty,
        });
        Some(self.members + self.newcomers.len() - 1)
    }

    fn lying_newcomer(&self, dice: &mut Rng) -> Option<(usize, Vec<super::Lie>)> {
        let sound = |at: &usize| matches!(self.newcomers[*at], Newcomer::Ready | Newcomer::Hasty);
        let at = (0..self.newcomers.len()).find(sound).filter(|_| dice.u32(..100) < 25)?;
        Some((self.members + at, some_lies(dice)))
    }

    /// Of whatever set of members comes out of the votes, fewer than a third lie or have an old program.
    fn keep_within_bounds(&mut self) {
        let gone: BTreeSet<usize> = self
            .alterations()
            .filter_map(|one| match one {
                Alteration::Remove(node) => Some(node),
                _ => None,
            })
            .collect();
        loop {
            let faulty: BTreeSet<usize> =
                self.liars.iter().map(|(node, _)| *node).chain(self.old_programs.iter().copied()).collect();
            // Those that are honest may go, and those that are not may stay.
            let fewest = self.members - gone.difference(&faulty).count();
            if faulty.len() <= fewest.saturating_sub(1) / 3 {
                return;
            }
            if self.old_programs.pop_last().is_none() {
                self.liars.pop();
            }
        }
    }
}
