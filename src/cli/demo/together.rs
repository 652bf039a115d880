//! A demonstration of several members: they found one ledger, and each runs a node of its own.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::arguments::{DemoOptions, Global};
use crate::cli::data_dir::Lock;
use crate::cli::demo::journey::GENUINE;
use crate::cli::demo::members::{FoundedDemo, Seat, found, seated};
use crate::cli::demo::nodes::{DemoNodes, LOG_FILE};
use crate::cli::demo::outage::{all, number};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::{home, label_of, program};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{runtime, stop_signal};
use crate::cli::output::{Output, capital};

/// How often it is looked, while all serve, whether a node has ended by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    output.say(format!("{} nodes have stopped; everything acknowledged is on disk.", all(seats.len())));
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
        let (products, outage) = match fresh {
            true => {
                let told = stage.tell(global, &home)?;
                home::record(&home, seats.len(), true)?;
                (told.products, Some(told.outage))
            }
            false => {
                output.say(format!("The demo was played before; this is what is in {}.\n", home.display()));
                (stage.show_again()?, None)
            }
        };
        if output.is_json() {
            let origin = &stage.anchor().genesis().origin;
            let mut result = json!({"origin": origin, "members": stage.members()?, "products": products});
            if let Some(outage) = outage {
                result["outage"] = outage;
            }
            output.result(&result, "");
        }
        Ok((seats, lock))
    }

    fn begin(&self, home: &Path) -> Result<(Vec<Seat>, Lock), Failure> {
        let FoundedDemo { seats, origin, fingerprint, lock } = found(home, &self.options)?;
        let (output, count) = (&self.output, number(self.options.members));
        output.say(format!(
            "1. {} organisations found one ledger together. Each makes its own keys, and gives the others its public ones.",
            capital(count)
        ));
        for seat in &seats {
            output.say(format!("   {:22} in {}", seat.member.name, seat.data.display()));
        }
        let at = if seats.len() == 2 { "both".to_owned() } else { format!("all {count}") };
        output.say(format!("   The ledger {origin} has the same fingerprint at {at}:\n   {fingerprint}\n"));
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
        text.push_str(&format!("Or end the node of {}, and look at `members` again: kill {pid}\n", last.member.name));
    }
    text.push_str(&format!("Later, each member goes on by itself: {program} serve --data {}", first.data.display()));
    output.say(text);
}
