//! `bench`: how much a node takes, and at what cost, from outside, over HTTP.
//!
//! Statements are signed before the clock starts, each about products of its own. Each connection sends the next request
//! when the last is answered; with `--rate` requests are due on schedule, and latency counts from the time they were
//! due, so that a node that falls behind cannot hide it. Only final receipts count.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use crate::cli::arguments::{BenchOptions, Global};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::cli::split::IDS_PER_STATEMENT;

mod answer;
mod connection;
mod driver;
mod ids;
mod own_node;
mod plan;
mod process;
mod recipe;
mod report;
mod schedule;
mod session;
mod signers;
mod tally;

use own_node::OwnNode;
use plan::Plan;
use report::{Before, Measured};
use session::LoadSession;

/// The node that is measured, or several of one ledger.
struct Target<'a> {
    /// With the data of the member that approves the signers.
    global: &'a Global,
    client: Client,
    /// What requests name as their host: the first node's.
    host: String,
    addresses: Vec<SocketAddr>,
    pid: Option<u32>,
}

pub fn run(global: &Global, options: &BenchOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let plan = Plan::of(options)?;
    if let Some(asked) = plan.events_asked {
        output.warn(format!(
            "--events-per-statement {asked}: a statement names at most {IDS_PER_STATEMENT} ids, as `sealane post` splits it, so these are \
             statements of {}",
            plan.events_per_statement
        ));
    }
    if !global.url.is_empty() {
        // The first of several nodes registers the signers.
        let urls = global.urls();
        let first = Global { url: urls.iter().take(1).cloned().collect(), ..global.clone() };
        measure(&Target::new(&first, &urls, options.pid)?, &plan, options, output)?;
    } else {
        if options.pid.is_some() {
            return Err(Failure::wrong_use("--pid names the process of the node at --url: give that too"));
        }
        let node = OwnNode::start(global)?;
        let (url, data) = (vec![node.url.clone()], Some(node.data().to_owned()));
        let global = Global { url, data, tls_ca: None, ..global.clone() };
        signers::lift_quotas(&global)?;
        measure(&Target::new(&global, &global.urls(), Some(node.pid()))?, &plan, options, output)?;
    }
    Ok(CommandOutcome::Done)
}

impl<'a> Target<'a> {
    fn new(global: &'a Global, urls: &[String], pid: Option<u32>) -> Result<Self, Failure> {
        let nodes = urls.iter().map(|url| find(url)).collect::<Result<Vec<_>, Failure>>()?;
        let host = nodes.first().map(|(host, _)| host.clone()).unwrap_or_default();
        let addresses = nodes.into_iter().map(|(_, address)| address).collect();
        Ok(Self { global, client: Client::new(global)?, host, addresses, pid })
    }

    /// Where the node's files are, if this machine has them.
    fn data(&self) -> Option<&Path> {
        self.global.data.as_deref().filter(|dir| dir.is_dir())
    }
}

/// The host of a node's URL, and its address.
fn find(url: &str) -> Result<(String, SocketAddr), Failure> {
    let Some(host) = url.strip_prefix("http://").map(|host| host.trim_end_matches('/')) else {
        let message = format!("--url {url}: what is measured is a node, without TLS: give http://");
        return Err(Failure::wrong_use(message));
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
    let cannot = |detail: &str| Failure::unreachable(format!("cannot find the node at {url}: {detail}"));
    let mut addresses = with_port.to_socket_addrs().map_err(|error| cannot(&error.to_string()))?;
    let address = addresses.next().ok_or_else(|| cannot("its name has no address"))?;
    Ok((host.to_owned(), address))
}

fn measure(target: &Target, plan: &Plan, options: &BenchOptions, output: &Output) -> Result<(), Failure> {
    let mut session = LoadSession::open(target, plan, options.ids.as_deref(), output)?;
    let verified = report::verify_rate()?;
    if !plan.warm_up.is_zero() {
        session.warm_up(plan)?;
    }
    let before = Before::read(target)?;
    let mut measured = Measured::new(plan)?;
    match plan.fill {
        Some(fill) => session.fill(fill, &mut measured, output)?,
        None => session.measure(plan, options.series.as_deref(), &mut measured)?,
    }
    let result = report::describe(target, plan, &before, &mut session, &measured, verified)?;
    session.keep_ids(options.ids.as_deref())?;
    output.result(&result, result.to_string());
    Ok(())
}
