//! A demonstration of several members: they found one ledger, and each runs a node of its own.

use std::cell::Cell;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::arguments::{DemoOptions, Global};
use crate::cli::client::Client;
use crate::cli::data_dir::Lock;
use crate::cli::demo::journey::{DemoActor, GENUINE, steps};
use crate::cli::demo::members::{FoundedDemo, Seat, found, seated};
use crate::cli::demo::nodes::{DemoNodes, LOG_FILE};
use crate::cli::demo::outage::{self, capital, number};
use crate::cli::demo::scenes::{RegisteredActor, SignedStep, judge_both, register_all, sign};
use crate::cli::demo::standing::{MemberTip, NodeTip, signers, table, wait_until_level, wait_until_ready};
use crate::cli::demo::{home, label_of, program};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime, stop_signal};
use crate::cli::output::Output;
use crate::cli::trust::{self, Trusted};
use sealane_core::block::{Commit, quorum};
use sealane_core::evidence::{Anchor, Receipt};

/// How often it is looked, while all serve, whether a node has ended by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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

/// How the story ended.
enum Ended {
    Told(Result<(Vec<Seat>, Lock), Failure>),
    Asked,
}

/// Stops the nodes when it goes, whatever ends the demonstration.
struct StopAtEnd<'a> {
    nodes: &'a DemoNodes,
    output: &'a Output,
}

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        let killed = self.nodes.stop();
        if !killed.is_empty() {
            self.output.warn(format!("{} of the nodes did not stop when asked, and were killed", killed.len()));
        }
    }
}

pub fn run(global: &Global, options: &DemoOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if global.database_url.is_some() {
        return Err(Failure::wrong_use(
            "several members have a ledger each, and --database-url names one place: leave it out, or give --members 1",
        ));
    }
    let home = global.data();
    let fresh = home::is_fresh(&home, options.members)?;
    let runtime = runtime()?;
    // From before the first process, so that a stop finds every one.
    let mut asked: Pin<Box<dyn Future<Output = ()>>> = Box::pin(runtime.block_on(async { stop_signal() })?);
    let nodes = Arc::new(DemoNodes::default());
    let stop = StopAtEnd { nodes: &nodes, output };
    let (told, story) = oneshot::channel();
    let playing = Play { global: global.clone(), options: options.clone(), output: *output, fresh };
    let on = Arc::clone(&nodes);
    let thread = thread::Builder::new().name("story".to_owned()).spawn(move || told.send(playing.play(&on)));
    thread.map_err(Failure::unreachable)?;
    let ended = runtime.block_on(async {
        tokio::select! {
            // It is gone without a word after a panic.
            story = story => Ended::Told(story.unwrap_or_else(|_| Err(Failure::unreachable("the story ended with a panic")))),
            () = &mut asked => Ended::Asked,
        }
    });
    let (seats, _lock) = match ended {
        Ended::Told(told) => told?,
        Ended::Asked => return Err(stopped_early(&home, fresh)),
    };
    if !options.no_serve {
        tell_what_next(&seats, &nodes, output);
        runtime.block_on(serve(&seats, &nodes, asked, output));
    }
    drop(stop);
    output.say(format!("All {} nodes have stopped; everything acknowledged is on disk.", number(seats.len())));
    Ok(CommandOutcome::Done)
}

/// Lets the nodes serve until this process is asked to stop, and tells of each that ends before.
async fn serve(seats: &[Seat], nodes: &DemoNodes, mut asked: Pin<Box<dyn Future<Output = ()>>>, output: &Output) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut asked => return,
            _ = look.tick() => {
                for (at, status) in nodes.ended() {
                    let Seat { member, data, .. } = &seats[at];
                    output.warn(format!(
                        "the node of {} has ended ({status}); {} may say why. It starts again by: {} serve --data {}",
                        member.name,
                        data.join(LOG_FILE).display(),
                        program(),
                        data.display()
                    ));
                }
            }
        }
    }
}

/// What a story is told from, on a thread of its own.
struct Play {
    global: Global,
    options: DemoOptions,
    output: Output,
    fresh: bool,
}

impl Play {
    /// Plays what was not played before, judges both products, and leaves all nodes serving.
    fn play(&self, nodes: &DemoNodes) -> Result<(Vec<Seat>, Lock), Failure> {
        let Self { global, options, output, fresh } = self;
        let home = global.data();
        let (seats, lock) = if *fresh { self.begin(&home)? } else { seated(&home, options)? };
        let all: Vec<usize> = (0..seats.len()).collect();
        nodes.start(&seats, &all)?;
        let stage = Stage::set(&seats, nodes, global, output)?;
        let products;
        let mut result;
        if *fresh {
            stage.tell_nodes();
            let actors = stage.journey(global, &home)?;
            products = stage.scan()?;
            result = json!({"outage": outage::play(&stage, &actors)?});
            stage.tell_end()?;
            home::record(&home, seats.len(), true)?;
        } else {
            output.say(format!("The demo was played before; this is what is in {}.\n", home.display()));
            products = stage.judge()?;
            result = json!({});
        }
        if output.is_json() {
            result["origin"] = json!(stage.anchor().genesis().origin);
            result["members"] = stage.members()?;
            result["products"] = products.into();
            output.result(&result, "");
        }
        Ok((seats, lock))
    }

    fn begin(&self, home: &Path) -> Result<(Vec<Seat>, Lock), Failure> {
        let (output, count) = (&self.output, number(self.options.members));
        output.say(format!(
            "1. {} organisations found one ledger together. Each makes its own keys, and gives the others its public ones.",
            capital(count)
        ));
        let FoundedDemo { seats, origin, fingerprint, lock } = found(home, &self.options)?;
        for seat in &seats {
            output.say(format!("   {:22} in {}", seat.member.name, seat.data.display()));
        }
        output.say(format!("   The ledger {origin} has the same fingerprint at all {count}:\n   {fingerprint}\n"));
        Ok((seats, lock))
    }
}

fn stopped_early(home: &Path, fresh: bool) -> Failure {
    let shown = home.display();
    match fresh {
        true => {
            Failure::unreachable(format!("stopped before the end of the story: remove {shown} before the next run"))
        }
        false => Failure::unreachable("stopped before the products were judged"),
    }
}

impl<'a> Stage<'a> {
    /// Waits until the nodes have met.
    fn set(seats: &'a [Seat], nodes: &'a DemoNodes, global: &Global, output: &'a Output) -> Result<Self, Failure> {
        let members: Vec<Global> = seats.iter().map(|seat| seat.arguments(global)).collect();
        let clients = members.iter().map(Client::new).collect::<Result<Vec<_>, _>>()?;
        wait_until_ready(&clients.iter().collect::<Vec<_>>())?;
        let choose = |(member, client)| trust::choose(member, None, client, output);
        let trusted = members.iter().zip(&clients).map(choose).collect::<Result<_, _>>()?;
        // The first scene was played before there was a node.
        Ok(Self { seats, clients, trusted, nodes, output, scene: Cell::new(1) })
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
        self.title(format!(
            "Organisations register at one member, {}.\n   Each makes its own key; the member vouches for it on the ledger and \
             issues a certificate.",
            self.seats[0].member.name
        ));
        let actors = register_all(&self.seats[0].arguments(global), &self.clients[0], home, self.output)?;
        // At another member they are known when it has those blocks.
        self.wait_until_level()?;
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
        self.title(format!("All {} hold the same ledger.", number(self.seats.len())));
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

    fn members(&self) -> Result<Value, Failure> {
        let tips = self.wait_until_level()?;
        self.with_names(&tips).iter().map(MemberTip::to_json).collect::<Result<Vec<_>, _>>().map(Value::from)
    }
}

fn tell_what_next(seats: &[Seat], nodes: &DemoNodes, output: &Output) {
    let program = program();
    let root = &seats[0].url;
    output.say(label_of(root));
    let served: Vec<String> = seats.iter().map(|seat| format!("  {:22} {}", seat.member.name, seat.url)).collect();
    let (first, last) = (&seats[0], &seats[seats.len() - 1]);
    let mut text = format!(
        "Serving until Ctrl-C, at\n{}\nOpen one of them in a browser, or {root}/scan, and in another terminal try:\n  \
         {program} verify '{GENUINE}' --data {} --url {}\n  \
         {program} members --url {root}\n  \
         {program} audit --data {}\n  \
         curl {root}/ledger/blocks/latest\n",
        served.join("\n"),
        last.data.display(),
        last.url,
        first.data.display()
    );
    if let Some(pid) = nodes.pid(seats.len() - 1) {
        text.push_str(&format!("Or end a node, and look at `members` again: kill {pid}\n"));
    }
    text.push_str(&format!("Later, each member goes on by itself: {program} serve --data {}", first.data.display()));
    output.say(text);
}
