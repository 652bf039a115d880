//! A member that lies: an honest node inside, whose words are changed on their way out, and junk beside them.

use std::sync::Arc;

use fastrand::Rng;
use sealane::ports::MemberSigner;
use sealane_core::agreement::{
    Justification, PolkaCertificate, PolkaSignature, RoundCertificate, RoundProposal, RoundSignature, Said, ValueId,
    Vote, VoteKind,
};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::statement::{Signature, StatementId};

use crate::keys::{ORIGIN, SimulatedKey};
use crate::ledger::Block;
use crate::node::{Node, Wire};
use crate::statements;

/// A way to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// One proposal to some, another to the others, and votes for each.
    TwoProposals,
    /// A vote to some, and another to the others.
    TwoVotes,
    /// Proposes, and shows the block to no one or to some.
    Withholds,
    /// Proposes what breaks a rule.
    BadBlock,
    /// Certificates of votes that nobody has given, and of too few.
    FalseCertificates,
    /// Words of rounds and heights far ahead.
    FarAhead,
    /// Votes in the names of others, of heights to come.
    InOthersNames,
    /// Old words again.
    OldWords,
    /// Says nothing at all.
    Silent,
    /// Final blocks that are none, and a tip that is not its own.
    FalseFinal,
    /// Proposes a statement that all know, with a signature that does not hold.
    BrokenSignature,
}

pub const LIES: [Lie; 11] = [
    Lie::TwoProposals,
    Lie::TwoVotes,
    Lie::Withholds,
    Lie::BadBlock,
    Lie::FalseCertificates,
    Lie::FarAhead,
    Lie::InOthersNames,
    Lie::OldWords,
    Lie::Silent,
    Lie::FalseFinal,
    Lie::BrokenSignature,
];

pub struct Liar {
    lies: Vec<Lie>,
    key: Arc<SimulatedKey>,
    kids: Vec<Hash>,
    /// Whether members change in this run.
    changes: bool,
    dice: Rng,
    /// Values of its own blocks, and the value and block that it shows to others in their place.
    twins: Vec<(ValueId, ValueId, Block)>,
    old: Vec<Wire>,
    /// Votes of others that it has seen, to make certificates of.
    seen: Vec<Vote>,
}

impl Liar {
    pub fn new(lies: Vec<Lie>, key: Arc<SimulatedKey>, kids: Vec<Hash>, changes: bool, seed: u64) -> Self {
        Self {
            lies,
            key,
            kids,
            changes,
            dice: Rng::with_seed(seed),
            twins: Vec::new(),
            old: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn does(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }

    /// The half of the members that is told the other thing.
    const fn is_fooled(to: usize) -> bool {
        to % 2 == 1
    }

    /// Whether a word holds one of its own: its honest inside, which knows of no lies, would stop at it.
    pub fn is_about_itself(&self, wire: &Wire) -> bool {
        let me = self.key.kid();
        match wire {
            Wire::Said(Said::Vote(vote)) => vote.signer == me,
            Wire::Said(Said::Proposal(proposal)) => proposal.signer == me,
            Wire::Said(Said::Polka(polka)) => polka.votes().any(|vote| vote.signer == me),
            Wire::Said(Said::Round(certificate)) => certificate.votes().any(|vote| vote.signer == me),
            _ => false,
        }
    }

    /// Sees what comes in.
    pub fn see(&mut self, wire: &Wire) {
        if let Wire::Said(said) = wire {
            if let Said::Vote(vote) = said
                && self.seen.len() < 500
            {
                self.seen.push(*vote);
            }
            if self.old.len() < 200 {
                self.old.push(wire.clone());
            }
        }
    }

    /// What leaves in the place of an honest word.
    pub fn bend(&mut self, node: &Node, to: usize, wire: Wire) -> Vec<(usize, Wire)> {
        self.see(&wire);
        match wire {
            Wire::Said(_) if self.does(Lie::Silent) => Vec::new(),
            Wire::Said(Said::Proposal(proposal)) if proposal.signer == self.key.kid() => {
                self.bend_proposal(node, to, proposal)
            }
            Wire::Said(Said::Vote(vote)) if vote.signer == self.key.kid() => {
                vec![(to, Wire::Said(Said::Vote(self.bend_vote(to, vote))))]
            }
            Wire::Block(..) if self.does(Lie::Withholds) && (Self::is_fooled(to) || self.dice.bool()) => Vec::new(),
            Wire::Block(value, block) => {
                let twin = self.twins.iter().find(|(real, ..)| *real == value).filter(|_| self.fools(to));
                let (value, block) = twin.map_or((value, block), |(_, value, twin)| (*value, twin.clone()));
                vec![(to, Wire::Block(value, block))]
            }
            Wire::Status(tip) if self.does(Lie::FalseFinal) => {
                let other = if self.dice.bool() { tip.get() + 3 } else { 0 };
                vec![(to, Wire::Status(Height::new(other).unwrap()))]
            }
            Wire::Final(last) if self.does(Lie::FalseFinal) => {
                let mut last = *last;
                last.block.statements.push(statements::Posted::new(statements::NUMBERS - 1).compact());
                vec![(to, Wire::Final(Box::new(last)))]
            }
            other => vec![(to, other)],
        }
    }

    fn fools(&self, to: usize) -> bool {
        let fools_all = self.does(Lie::BadBlock) || self.does(Lie::BrokenSignature);
        fools_all || (self.does(Lie::TwoProposals) && Self::is_fooled(to))
    }

    /// Whether its next block has a broken signature: not if it has other faults to show, and then every other one.
    fn breaks(&self, height: Height) -> bool {
        self.does(Lie::BrokenSignature) && (!self.does(Lie::BadBlock) || height.get().is_multiple_of(2))
    }

    fn bend_proposal(&mut self, node: &Node, to: usize, proposal: RoundProposal) -> Vec<(usize, Wire)> {
        let honest = Wire::Said(Said::Proposal(proposal));
        let Some(block) = node.block(proposal.value).filter(|_| self.fools(to)).cloned() else {
            return vec![(to, honest)];
        };
        let mut twin = block;
        let first = twin.statements.first().cloned();
        if let Some(broken) =
            first.as_ref().and_then(|one| statements::broken(one)).filter(|_| self.breaks(proposal.height))
        {
            twin.statements[0] = broken;
        } else if self.does(Lie::BadBlock) {
            let seal = &mut twin.seal;
            // Where members change, it lies about them too.
            let faults = if self.changes { 10 } else { 6 };
            match (proposal.height.get() % faults, first) {
                (6, _) => seal.next_members_hash = Hash::of(b"other members"),
                (7, _) => seal.members_hash = Hash::of(b"other members"),
                (8, _) => seal.rules = 3 - seal.rules,
                (9, _) if seal.enacted.is_empty() => {
                    seal.enacted.push(StatementId::from_hash(Hash::of(b"no proposal")))
                }
                (9, _) => seal.enacted.clear(),
                (0, _) => seal.time = seal.time.plus_millis(3_600_000),
                (1, _) => seal.previous_root = Hash::of(b"another past"),
                (2, _) => seal.index_root = Hash::of(b"another index"),
                (3, Some(first)) => twin.statements.extend(statements::rival(&first)),
                (4, Some(_)) => drop(twin.statements.pop()),
                (_, Some(first)) => twin.statements.push(first),
                (_, None) => twin.statements.push(statements::Posted::new(0).compact()),
            }
        } else {
            twin.seal.time = twin.seal.time.plus_millis(1);
        }
        let Some(value) = node.ledger.value_of(&twin) else { return vec![(to, honest)] };
        if !self.twins.iter().any(|(real, ..)| *real == proposal.value) {
            self.twins.push((proposal.value, value, twin.clone()));
        }
        let mut other = RoundProposal { value, ..proposal };
        other.signature = self.key.sign(&other.signed_bytes(&ORIGIN));
        vec![(to, Wire::Said(Said::Proposal(other))), (to, Wire::Block(value, twin))]
    }

    fn bend_vote(&mut self, to: usize, vote: Vote) -> Vote {
        let twin = self.twins.iter().find(|(real, ..)| Some(*real) == vote.value).map(|(_, value, _)| *value);
        let mut other = vote;
        if let Some(twin) = twin.filter(|_| self.fools(to)) {
            other.value = Some(twin);
        } else if self.does(Lie::TwoVotes) && Self::is_fooled(to) {
            let seen = self.seen.iter().filter(|seen| seen.height == vote.height).find_map(|seen| seen.value);
            other.value = if vote.value.is_some() { None } else { seen };
        }
        other.signature = self.key.sign(&other.signed_bytes(&ORIGIN));
        other
    }

    /// Junk that leaves now and then.
    pub fn junk(&mut self, tip: Height) -> Vec<(usize, Wire)> {
        let mut junk: Vec<Wire> = Vec::new();
        let next = tip.next();
        if self.does(Lie::OldWords) && !self.old.is_empty() {
            junk.extend((0..3).map(|_| self.old[self.dice.usize(..self.old.len())].clone()));
        }
        if self.does(Lie::FarAhead) {
            let height = Height::new(next.get() + self.dice.u64(0..6)).unwrap();
            let round = [0, 3, 9, 11, 1_000, 1_000_000][self.dice.usize(..6)];
            junk.push(Wire::Said(Said::Vote(self.vote(height, round, self.key.kid(), true))));
        }
        if self.does(Lie::InOthersNames) {
            for kid in self.kids.clone() {
                for height in [next, next.next()] {
                    let round = self.dice.u32(0..3);
                    junk.push(Wire::Said(Said::Vote(self.vote(height, round, kid, false))));
                }
            }
        }
        if self.does(Lie::FalseCertificates) {
            junk.push(Wire::Said(self.false_polka(next)));
            junk.push(Wire::Said(self.false_round(next)));
        }
        let me = self.kids.iter().position(|kid| *kid == self.key.kid());
        let others = (0..self.kids.len()).filter(|to| Some(*to) != me);
        others.flat_map(|to| junk.iter().map(move |wire| (to, wire.clone()))).collect()
    }

    fn vote(&mut self, height: Height, round: u32, signer: Hash, signs: bool) -> Vote {
        let kind = if self.dice.bool() { VoteKind::Prevote } else { VoteKind::Precommit };
        let value = self.dice.bool().then(|| ValueId::from_hash(Hash::of(&[self.dice.u8(..)])));
        let signature = Signature::from_bytes([3; 64]);
        let mut vote = Vote { kind, height, round, value, signer, signature };
        if signs {
            vote.signature = self.key.sign(&vote.signed_bytes(&ORIGIN));
        }
        vote
    }

    /// A quorum that is forged, or one of true votes that are too few.
    fn false_polka(&mut self, height: Height) -> Said {
        let value = ValueId::from_hash(Hash::of(&[self.dice.u8(..)]));
        let forged = self.dice.bool();
        let mut round = self.dice.u32(0..4);
        let mut signatures: Vec<PolkaSignature> = self
            .kids
            .iter()
            .map(|kid| PolkaSignature { kid: *kid, signature: Signature::from_bytes([5; 64]) })
            .collect();
        let mut voted = value;
        let prevote = |vote: &&Vote| vote.kind == VoteKind::Prevote && vote.height == height && vote.value.is_some();
        if let Some(seen) = self.seen.iter().find(prevote).filter(|_| !forged) {
            round = seen.round;
            voted = seen.value.unwrap_or(value);
            signatures = vec![PolkaSignature { kid: seen.signer, signature: seen.signature }];
        }
        Said::Polka(PolkaCertificate { height, round, value: voted, signatures })
    }

    fn false_round(&mut self, height: Height) -> Said {
        let round = self.dice.u32(0..100);
        let justifies = if self.dice.bool() { Justification::Enter } else { Justification::Leave };
        let one = |kid: &Hash| RoundSignature {
            kind: VoteKind::Precommit,
            value: None,
            kid: *kid,
            signature: Signature::from_bytes([5; 64]),
        };
        let signatures = self.kids.iter().map(one).collect();
        Said::Round(RoundCertificate { height, round, justifies, signatures })
    }
}
