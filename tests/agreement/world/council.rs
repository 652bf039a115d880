//! What must hold of the members as they change.

use sealane::app::orderer::Abstention;
use sealane_core::block::{FinalCheckpoint, Height, MemberSet};
use sealane_core::consortium::ProposalEnd;
use sealane_core::evidence::{Handover, MemberChain};
use sealane_core::merkle::{Edge, Tiles, TreeSize, inclusion_proof};

use super::World;
use crate::base;
use crate::ledger::Ledger;
use crate::node::{Micros, Node, SECOND};

/// How long no block may come while fewer members than a quorum are there.
const STANDING_STILL: Micros = 12 * SECOND;

impl World {
    /// The members of a height, by the longest ledger.
    pub(super) fn members_at(&self, height: Height) -> &MemberSet {
        match &self.rotation {
            Some(rotation) => rotation.at(height),
            None => self.longest().ledger.registry().members_at(height),
        }
    }

    /// Whether a client is served at a node.
    pub(super) fn may_post_at(&self, node: &Node) -> bool {
        node.is_up() && node.may_sign()
    }

    /// Whether a node's ledger ends before a block by rules that its program does not know.
    pub(super) fn is_beyond(&self, node: &Node) -> bool {
        let next = self.longest().ledger.at(node.tip().next());
        next.is_some_and(|next| !node.ledger.knows_rules_at(next.block.seal.time))
    }

    /// Whether the honest members that are there and may sign are fewer than a quorum of those in force: then liars decide whether
    /// a block comes, or none does.
    pub(super) fn is_short_of_members(&self) -> bool {
        let members = self.members_at(self.longest().tip().next());
        self.vanished.values().any(|is_back| !is_back) && self.there(members, true) < members.quorum()
    }

    /// How many of these members are there and may sign: the honest ones, or all.
    fn there(&self, members: &MemberSet, are_honest: bool) -> usize {
        let is_there = |node: &&Node| {
            node.is_up()
                && members.get(&self.kids[node.number]).is_some()
                && (self.is_honest(node.number) || !are_honest)
                && (!node.may_sign()).then(|| node.abstention()).flatten().is_none_or(|why| why == Abstention::NoMember)
        };
        self.nodes.iter().filter(is_there).count()
    }

    /// Too few members are there, since some were admitted and have gone. Without a quorum there is no block; once they are back,
    /// all goes on.
    pub(super) fn stand_still(&mut self) -> Result<(), String> {
        let before = self.longest().tip();
        self.run_until(self.now + STANDING_STILL)?;
        self.check_blocks()?;
        let members = self.members_at(before.next()).clone();
        if self.longest().tip() > before && self.there(&members, false) < members.quorum() {
            return Err(self.report("a block is final without a quorum"));
        }
        self.outcome.stood_still = true;
        self.bring_back()
    }

    /// Those that have vanished come back.
    pub(super) fn bring_back(&mut self) -> Result<(), String> {
        let gone: Vec<usize> = self.vanished.iter().filter(|(_, is_back)| !**is_back).map(|(node, _)| *node).collect();
        for node in gone {
            self.vanished.insert(node, true);
            self.restart(node)?;
        }
        Ok(())
    }

    /// An honest node says nothing by rules that its program does not know.
    pub(super) fn check_may_sign(&self, number: usize) -> Result<(), String> {
        match self.nodes[number].spoke_beyond {
            None => Ok(()),
            Some(at) => Err(self.report(&format!("node {number} signs at {at} by rules that it does not know"))),
        }
    }

    /// Holds the whole ledger against what may be of its members.
    pub(super) fn check_council(&mut self, audited: &Ledger) -> Result<(), String> {
        if self.rotation.is_some() {
            return Ok(());
        }
        self.check_signers()?;
        self.check_newcomers(audited)?;
        self.check_handovers(audited)?;
        self.check_rules(audited)
    }

    /// An honest key signs at no height at which it is no member's.
    fn check_signers(&self) -> Result<(), String> {
        let known = self.longest().tip().next();
        for (number, height, ..) in self.said.keys().filter(|(_, height, ..)| *height <= known) {
            if self.members_at(*height).get(&self.kids[*number]).is_none() {
                return Err(self.report(&format!("node {number} has signed at {height}, where its key is no member's")));
            }
        }
        Ok(())
    }

    /// Whoever was brought in had said that it was ready.
    fn check_newcomers(&self, audited: &Ledger) -> Result<(), String> {
        for proposal in audited.registry().proposals() {
            let is_enacted = matches!(proposal.end(audited.last_time()), Some(ProposalEnd::Enacted { .. }));
            for kid in proposal.new_keys().filter(|_| is_enacted) {
                let node = self.nodes.iter().find(|node| self.kids[node.number] == kid);
                if node.is_none_or(|node| self.is_honest(node.number) && !node.was_ready.contains(&proposal.id)) {
                    return Err(self.report("a member came into force that was never ready"));
                }
            }
        }
        Ok(())
    }

    /// A verifier that knows genesis alone follows the handovers to the last block, and verifies each block on the way.
    fn check_handovers(&mut self, audited: &Ledger) -> Result<(), String> {
        let changes: Vec<_> = audited.registry().member_changes().skip(1).cloned().collect();
        let mut handovers = Vec::new();
        for change in &changes {
            let height = Height::new(change.from.get() - 1).unwrap();
            // What is decided in a block that is not final yet is no handover.
            let Some(one) = audited.at(height) else { continue };
            handovers.push(Handover {
                checkpoint: one.checkpoint.to_text(),
                commit: one.commit.clone(),
                seal: one.block.seal.to_json(),
                seal_inclusion_proof: seal_proof(audited, one.checkpoint.size),
                members: MemberSet::clone(&change.members),
            });
        }
        let anchor = base::of(self.plan.members).anchor.clone();
        let chain = MemberChain::verify(anchor, &handovers, &self.strict)
            .map_err(|(at, error)| self.report(&format!("handover {at} does not hold: {error}")))?;
        for one in &audited.blocks {
            let height = one.block.height();
            let Some(members) = chain.in_force_at(height) else { return Err(self.report("no members at a height")) };
            FinalCheckpoint::verify(one.checkpoint.clone(), one.commit.clone(), members, &self.strict)
                .map_err(|error| self.report(&format!("block {height} does not verify from genesis: {error}")))?;
        }
        let counts = || audited.registry().member_changes().map(|change| change.members.members().len());
        self.outcome.handovers = handovers.len() as u64;
        self.outcome.members_most = counts().max().unwrap_or_default();
        self.outcome.members_fewest = counts().min().unwrap_or_default();
        Ok(())
    }

    /// A node whose program does not know the rules ends before the first block that was made by them, and says so.
    fn check_rules(&mut self, audited: &Ledger) -> Result<(), String> {
        let first = audited.blocks.iter().find(|one| one.block.seal.rules != 1).map(|one| one.block.height());
        self.outcome.rules_changes = u64::from(first.is_some());
        let Some(first) = first else { return Ok(()) };
        for number in self.plan.old_programs.clone() {
            let node = &self.nodes[number];
            if node.tip().next() != first {
                return Err(
                    self.report(&format!("node {number} with an old program does not end before block {first}"))
                );
            }
            match node.abstention() {
                Some(Abstention::Rules(unknown)) if unknown.number == 2 => self.outcome.abstaining += 1,
                Some(Abstention::NoMember) => {}
                other => return Err(self.report(&format!("node {number} with an old program says {other:?}"))),
            }
        }
        Ok(())
    }
}

/// Proves that a seal is the last leaf of the tree that it ends.
fn seal_proof(ledger: &Ledger, size: TreeSize) -> sealane_core::merkle::InclusionProof {
    let mut edge = Edge::default();
    ledger.leaves()[..usize::try_from(size.get()).unwrap()].iter().for_each(|leaf| edge.push(*leaf));
    let mut tiles = Tiles::default();
    for (tile, hashes) in edge.take_tiles(TreeSize::ZERO) {
        tiles.insert(tile, hashes).unwrap();
    }
    inclusion_proof(&tiles, size.last_index().unwrap(), size).unwrap()
}
