//! The stage of several members: what the scenes are played with, and the scenes in which all nodes run.

use std::cell::Cell;
use std::path::Path;

use serde_json::Value;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::demo::journey::{DemoActor, steps};
use crate::cli::demo::members::Seat;
use crate::cli::demo::nodes::DemoNodes;
use crate::cli::demo::outage::{self, all, number};
use crate::cli::demo::scenes::{RegisteredActor, SignedStep, endorse_all, judge_both, register_all, sign};
use crate::cli::demo::standing::{
    MemberTip, NodeTip, signers, table, wait_until_level, wait_until_ready, wait_until_recent,
};
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::output::{Output, capital};
use crate::cli::trust::{self, Trusted};
use sealane_core::block::{Commit, quorum};
use sealane_core::consortium::ENDORSED_FROM_MEMBERS;
use sealane_core::evidence::{Anchor, Receipt};

/// What the scenes are played with. A member is known by its number.
pub struct Stage<'a> {
    pub seats: &'a [Seat],
    /// For each member.
    pub clients: Vec<Client>,
    /// For each member: its own anchor.
    pub trusted: Vec<Trusted>,
    pub nodes: &'a DemoNodes,
    pub output: &'a Output,
    scene: Cell<u32>,
}

/// What came of the story.
pub struct ToldStory {
    /// Both boxes, judged while all nodes ran.
    pub products: Vec<Value>,
    /// Posts while nodes were down.
    pub outage: Value,
}

impl<'a> Stage<'a> {
    /// Waits until the nodes have met.
    pub fn set(seats: &'a [Seat], nodes: &'a DemoNodes, global: &Global, output: &'a Output) -> Result<Self, Failure> {
        let members: Vec<Global> = seats.iter().map(|seat| seat.arguments(global)).collect();
        let clients = members.iter().map(Client::new).collect::<Result<Vec<_>, _>>()?;
        wait_until_ready(&clients.iter().collect::<Vec<_>>())?;
        let choose = |(member, client)| trust::choose(member, None, client, output);
        let trusted = members.iter().zip(&clients).map(choose).collect::<Result<_, _>>()?;
        // The first scene was played before there was a node.
        Ok(Self { seats, clients, trusted, nodes, output, scene: Cell::new(1) })
    }

    /// Tells the whole story.
    pub fn tell(&self, global: &Global, home: &Path) -> Result<ToldStory, Failure> {
        self.tell_nodes();
        let actors = self.journey(global, home)?;
        let products = self.scan()?;
        let outage = outage::play(self, &actors)?;
        self.tell_end()?;
        Ok(ToldStory { products, outage })
    }

    /// Judges what is there from an earlier run.
    pub fn show_again(&self) -> Result<Vec<Value>, Failure> {
        wait_until_recent(&self.clients[0])?;
        self.judge()
    }

    pub fn anchor(&self) -> &Anchor {
        &self.trusted[0].anchor
    }

    /// Says what a scene shows.
    pub fn title(&self, text: impl AsRef<str>) {
        self.scene.set(self.scene.get() + 1);
        self.output.say(format!("{}. {}", self.scene.get(), text.as_ref()));
    }

    fn tell_nodes(&self) {
        let count = number(self.seats.len());
        self.title(format!("{} nodes start, each a process of its own, and meet over TLS.", capital(count)));
        for (at, seat) in self.seats.iter().enumerate() {
            let process = self.nodes.pid(at).map(|pid| format!("process {pid}")).unwrap_or_default();
            self.output.say(format!("   {:22} {}  {process}", seat.member.name, seat.url));
        }
        self.output.say("");
    }

    /// Organisations register at one member, and each posts at the one that is nearest to it.
    fn journey(&self, global: &Global, home: &Path) -> Result<Vec<RegisteredActor>, Failure> {
        let second = self.seats.get(1).filter(|_| self.seats.len() >= ENDORSED_FROM_MEMBERS);
        let endorsed = second.map_or_else(String::new, |second| {
            format!("\n   Another member, {}, endorses each: one member alone lets in no one.", second.member.name)
        });
        self.title(format!(
            "Organisations register at one member, {}.\n   Each makes its own key; the member vouches for it on the ledger and \
             issues a certificate.{endorsed}",
            self.seats[0].member.name
        ));
        let actors = register_all(&self.seats[0].arguments(global), &self.clients[0], home, self.output)?;
        // At another member they are known when it has those blocks.
        self.wait_until_level()?;
        if let Some(second) = second {
            endorse_all(&second.arguments(global), &actors)?;
            self.wait_until_level()?;
        }
        let (count, needed) = (self.seats.len(), quorum(self.seats.len()));
        self.title(format!(
            "Goods move. Each organisation signs what it did, and posts it at the member nearest to it.\n   Any member will do: a \
             post is final when {} of {} members have checked and signed its block.",
            number(needed),
            number(count)
        ));
        let today = now();
        for step in steps() {
            let signed = sign(&step, &actors, self.anchor(), today)?;
            let at = self.nearest_to(signed.actor);
            let receipt = signed.post(&self.clients[at], self.anchor())?;
            self.tell_post(&signed, step.told, at, &receipt);
        }
        self.output.say("");
        Ok(actors)
    }

    /// The makers' member for a manufacturer, the carriers' for a shipper, the pharmacists' for a distributor.
    fn nearest_to(&self, actor: &DemoActor) -> usize {
        let at = match actor.role {
            "manufacturer" => 0,
            "shipper" => 1,
            _ => 2,
        };
        at % self.seats.len()
    }

    /// A line about a post, with its member and its leaf.
    pub fn tell_post(&self, step: &SignedStep, told: &str, at: usize, receipt: &Receipt) {
        let (actor, member) = (step.actor.name, self.seats[at].member.directory);
        self.output.say(format!("   {}  {actor:17} {told:50} {member:12} leaf {}", step.day, receipt.leaf_index));
    }

    pub fn signers(&self, commit: &Commit) -> String {
        signers(commit, &self.anchor().genesis().members)
    }

    /// The member at which boxes are scanned: nothing was posted at it, if there are enough.
    fn scanner(&self) -> usize {
        self.seats.len() - 1
    }

    fn scan(&self) -> Result<Vec<Value>, Failure> {
        self.title(format!(
            "Two boxes are scanned at another member, {}.\n   Signatures, proofs and rules are checked here, not believed.\n",
            self.seats[self.scanner()].member.name
        ));
        self.judge()
    }

    fn judge(&self) -> Result<Vec<Value>, Failure> {
        self.wait_until_level()?;
        let at = self.scanner();
        judge_both(&self.clients[at], &self.trusted[at], &self.seats[0].url, self.output)
    }

    fn wait_until_level(&self) -> Result<Vec<NodeTip>, Failure> {
        wait_until_level(&self.clients.iter().collect::<Vec<_>>())
    }

    fn tell_end(&self) -> Result<(), Failure> {
        let tips = self.wait_until_level()?;
        self.title(format!("{} hold the same ledger.", all(self.seats.len())));
        for line in table(&self.with_names(&tips))? {
            self.output.say(format!("   {line}"));
        }
        self.output.say(format!("\n   {}\n", tips[0].told(&self.anchor().genesis().members)));
        Ok(())
    }

    fn with_names<'b>(&'b self, tips: &'b [NodeTip]) -> Vec<MemberTip<'b>> {
        let named = |(seat, tip): (&'b Seat, &'b NodeTip)| MemberTip { name: seat.member.name, url: &seat.url, tip };
        self.seats.iter().zip(tips).map(named).collect()
    }

    /// Each member's node, with the last block that it shows.
    pub fn members(&self) -> Result<Value, Failure> {
        let tips = self.wait_until_level()?;
        self.with_names(&tips).iter().map(MemberTip::to_json).collect::<Result<Vec<_>, _>>().map(Value::from)
    }
}
