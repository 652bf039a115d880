//! `follow`: runs an observer, a node that is no member. It keeps a full copy of a ledger, audited as it comes, and serves it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::app::orderer::OrderError;
use crate::cli::arguments::{DEFAULT_LISTEN, Global, TlsOptions};
use crate::cli::console::no_console;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::followed::{FollowedNodes, sources};
use crate::cli::limits::LimitOptions;
use crate::cli::meet::{self, MeetBy, MeetWords};
use crate::cli::node::{OpenNode, listen, runtime};
use crate::cli::observing::begin;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::cli::public_url::checked_root;
use crate::cli::serve::{have_files_for, stop_asked};
use crate::cli::{tls, trust};
use crate::config::{Config, ConsoleAddress, LogFormat};
use crate::telemetry;
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;

#[derive(Debug, Args)]
pub struct FollowOptions {
    /// The node to follow; with several, the next is asked if one cannot be reached, or shows what does not stand. --url is the
    /// same
    #[arg(value_name = "URL")]
    pub nodes: Vec<String>,
    /// At first contact: the fingerprint of the ledger's trust anchor, from a member by another way
    #[arg(long, value_name = "FINGERPRINT", allow_hyphen_values = true)]
    pub fingerprint: Option<Hash>,
    /// At first contact: the ledger's trust anchor
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub trust: Option<PathBuf>,
    /// At first contact: take the ledger that the node shows, and do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "SEALANE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where people reach this node [default: http(s):// and the address listened on]
    #[arg(long, env = "SEALANE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Decode the pictures that people send to /scan, each in a process with limits
    #[arg(long, env = "SEALANE_SCAN_DECODER")]
    pub scan_decoder: bool,
    #[command(flatten)]
    pub limits: LimitOptions,
    /// How log lines look [default: text]
    #[arg(long, env = "SEALANE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// An observer has no console: of the file alone, to say so
    #[arg(skip)]
    pub console: Option<ConsoleAddress>,
    /// Stop when standard input ends too
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// How an operator is asked whether to follow a ledger.
const FOLLOWING: MeetWords = MeetWords {
    question: "Follow it? Compare the fingerprint with a member's own first. [y/N] ",
    way_out: "give --fingerprint {} once you have compared it with a member's own, or --trust FILE",
    refusal: "not followed; nothing was written",
};

impl FollowOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        Self {
            listen: self.listen.or_else(|| config.listen.clone()),
            public_url: self.public_url.or_else(|| config.public_url.clone()),
            tls: self.tls.filled_from(config),
            scan_decoder: self.scan_decoder || config.scan_decoder.unwrap_or_default(),
            limits: self.limits.filled_from(config),
            log_format: self.log_format.or(config.log_format),
            console: config.console,
            ..self
        }
    }

    /// The nodes to follow: those of the command line, else those of the environment or `sealane.toml`.
    fn urls(&self, global: &Global) -> Result<Vec<String>, Failure> {
        let mut urls = self.nodes.clone();
        if urls.is_empty() || global.url_was_typed {
            urls.extend(global.url.iter().cloned());
        }
        if urls.is_empty() {
            return Err(Failure::wrong_use(format!(
                "give the URL of a node to follow: `sealane follow https://NODE --data {}`",
                global.data().display()
            )));
        }
        // Each is told to all who ask at `/members`.
        let has_user = |url: &String| {
            let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            host.split('/').next().is_some_and(|host| host.contains('@'))
        };
        if urls.iter().any(has_user) {
            return Err(Failure::wrong_use(
                "a URL to follow may not hold a user or a password: the node tells everybody whom it follows",
            ));
        }
        Ok(urls)
    }
}

pub fn run(global: &Global, options: &FollowOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    telemetry::start(options.log_format == Some(LogFormat::Json), "info");
    let public_url = options.public_url.as_deref().map(checked_root).transpose()?.map(str::to_owned);
    let urls = options.urls(global)?;
    let nodes = sources(global, &urls)?;
    let (data, anchor) = match DataDir::open_observer(&global.data())? {
        Some((data, pinned)) => {
            check_pinned(options, &pinned, &data)?;
            (data, pinned)
        }
        None => {
            let by = MeetBy { trust: options.trust.as_deref(), fingerprint: options.fingerprint, yes: options.yes };
            let (anchor, _) = meet::meet(global, &urls, &by, &FOLLOWING, output)?;
            (DataDir::create_observer(&global.data(), &anchor)?, anchor)
        }
    };
    if options.console.is_some() {
        return Err(no_console(&data));
    }
    let data = data.with_database(global)?;
    let _lock = data.lock()?;
    let tls = tls::server_config(&options.tls)?;
    let limits = options.limits.limits();
    have_files_for(limits.connections);
    let listener = listen(options.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
    let address = listener.local_addr().map_err(Failure::unreachable)?;
    let url = format!("{}://{address}", tls::scheme(tls.as_ref()));
    let public_url = public_url.unwrap_or_else(|| url.clone());
    let followed = Arc::new(FollowedNodes::at(global, &urls)?);
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let store = begin(&data, &nodes, &anchor).await?;
        let node = OpenNode::follow(&data, store, anchor, nodes, followed).await?.within(limits);
        let node = if options.scan_decoder { node.decoding_pictures()? } else { node };
        let stop = stop_asked(options.until_stdin_closes)?;
        let (origin, size) = (node.ledger.origin(), node.ledger.view().size());
        let result = json!({"url": url, "origin": origin, "treeSize": size, "following": urls});
        let text = format!("Following the ledger {origin} at {}; serving it at {url} (Ctrl-C stops it).", urls.join(", "));
        output.result(&result, text);
        if let Some(unsound @ OrderError::Unsound { .. }) = node.ledger.obstacle() {
            output.warn(format!(
                "{unsound}. A check of the whole ledger begins now. `sealane audit` says more; an observer whose store is damaged \
                 is best made anew in another --data"
            ));
        }
        node.serve(listener, tls, public_url, stop).await
    });
    // A node that is asked at this moment is not waited for.
    runtime.shutdown_background();
    served?;
    output.say("Stopped; every block that was shown is on disk.");
    Ok(CommandOutcome::Done)
}

/// Holds what the command says of the ledger against what is pinned.
fn check_pinned(options: &FollowOptions, pinned: &Anchor, data: &DataDir) -> Result<(), Failure> {
    let named = options.trust.as_deref().map(trust::read).transpose()?;
    let is_other = |named: &Anchor| named.genesis_id() != pinned.genesis_id();
    let other = named.as_ref().filter(|named| is_other(named)).map(Anchor::fingerprint);
    // The operator may have written down that of genesis.
    let first = Anchor::of_genesis(pinned.statement().compact().as_bytes(), provider().signatures);
    let first = first.map_err(Failure::unproven)?.fingerprint();
    let other = other.or(options.fingerprint.filter(|named| ![first, pinned.fingerprint()].contains(named)));
    match other {
        None => Ok(()),
        Some(other) => Err(Failure::unproven(format!(
            "{} follows the ledger {} with the fingerprint {}, and not the one with {other}: choose another --data for that one",
            data.path().display(),
            pinned.genesis().origin,
            pinned.fingerprint()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: FollowOptions,
    }

    #[test]
    fn a_fingerprint_may_begin_with_a_hyphen() {
        // One of 64 does, in base64url.
        let fingerprint = format!("-{}", "A".repeat(42));
        let line = Line::try_parse_from(["follow", "--fingerprint", &fingerprint, "https://a.example"]).unwrap();
        assert_eq!(line.options.fingerprint.map(|one| one.to_string()), Some(fingerprint));
        assert_eq!(line.options.nodes, ["https://a.example"]);
    }
}
