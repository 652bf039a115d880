//! `gateway`: the participant's own server for plain EPCIS, and the commands about its clients and jobs.

mod door;
mod jobs;
mod keys;
mod meeting;
mod new_client;
mod own_copy;
mod queries;
mod queue;
mod subscribers;

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::cli::arguments::{Global, TlsOptions};
use crate::cli::data_dir::{self, cannot};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::followed::sources;
use crate::cli::limits::LimitOptions;
use crate::cli::node::{SystemClock, listen, runtime};
use crate::cli::output::Output;
use crate::cli::provider::known_signers;
use crate::cli::serve::{have_files_for, stop_asked};
use crate::cli::tls;
use crate::config::{Config, LogFormat, Network};
use crate::gateway::clients::{ClientName, Scope};
use crate::gateway::nodes::{NodeDoor, Nodes};
use crate::gateway::query::QueryParts;
use crate::gateway::subscriptions::SubscriptionParts;
use crate::gateway::subscriptions::dest::DestRules;
use crate::gateway::{Gateway, GatewayParts, MeetError, Meeting, Settings, http};
use crate::pki::names_in_certificate;
use crate::telemetry;

use door::HttpDoor;
use keys::KeyDirectory;
use meeting::FirstMeeting;
use own_copy::OwnCopy;
use queue::{Purpose, QueuePlace};
use subscribers::HttpSubscribers;

/// Where a gateway keeps its queue if nothing is said.
pub const DEFAULT_DATA: &str = "gateway";

const DEFAULT_LISTEN: &str = "127.0.0.1:8085";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct GatewayOptions {
    #[command(flatten)]
    pub run: RunOptions,
    #[command(subcommand)]
    pub action: Option<GatewayAction>,
}

#[derive(Debug, Args)]
pub struct RunOptions {
    /// Directory with key.pem and certificate.pem, as `register` leaves it
    #[arg(long = "as", env = "SEALANE_AS", value_name = "DIR")]
    pub identity: Option<PathBuf>,
    /// A node to send to; several times, or with commas: the next one is asked if one cannot take a statement
    #[arg(long, env = "SEALANE_NODE", value_name = "URL", value_delimiter = ',')]
    pub node: Vec<String>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8085]
    #[arg(long, env = "SEALANE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Authorities whose certificates clients may show instead of a key, in PEM; a certificate's name is the client's
    #[arg(long, env = "SEALANE_CLIENT_CA", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// The ledger's trust anchor [default: the one in --data, else what a node shows at first contact]
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Sign each job by itself, instead of small ones of a client together
    #[arg(long, env = "SEALANE_NO_BATCH")]
    pub no_batch: bool,
    /// Jobs that may wait; further captures are answered 503 [default: 1000000]
    #[arg(long, env = "SEALANE_MAX_JOBS", value_name = "N")]
    pub max_jobs: Option<NonZeroU64>,
    /// Take documents of today's form only, and change nothing in them
    #[arg(long, env = "SEALANE_STRICT")]
    pub strict: bool,
    /// Capture alone: keep no copy of the ledger, and answer no queries
    #[arg(long, env = "SEALANE_NO_QUERY")]
    pub no_query: bool,
    /// A network that events of subscriptions may go to although it is not of the public internet, such as 10.1.0.0/16; several times
    #[arg(long, env = "SEALANE_ALLOW_DEST", value_name = "NETWORK", value_delimiter = ',')]
    pub allow_dest: Vec<Network>,
    /// Let subscriptions name http: URLs too
    #[arg(long, env = "SEALANE_ALLOW_HTTP_DEST")]
    pub allow_http_dest: bool,
    /// Authorities of subscribers' servers, in PEM [default: the system's]
    #[arg(long, env = "SEALANE_DEST_CA", value_name = "FILE")]
    pub dest_ca: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitOptions,
    /// How log lines look [default: text]
    #[arg(long, env = "SEALANE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Stop when standard input ends too
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

#[derive(Debug, Subcommand)]
pub enum GatewayAction {
    /// Add and remove programs that may use the gateway
    Client(ClientOptions),
    /// List jobs, the newest first
    Jobs(JobsOptions),
    /// Queue a failed job again
    Retry(RetryOptions),
    /// End a job that no node has had
    Drop(DropOptions),
    /// Tell how much waits, and how much of the ledger is here
    Status,
    /// Empty the query store: the next start makes it again from the gateway's copy of the ledger
    Rebuild,
}

#[derive(Debug, Args)]
pub struct ClientOptions {
    #[command(subcommand)]
    pub action: ClientAction,
}

#[derive(Debug, Subcommand)]
pub enum ClientAction {
    /// Add a client and print its key, once
    Add(AddClientOptions),
    /// List clients
    List,
    /// Remove a client: its key opens nothing any more
    Remove(RemoveClientOptions),
}

#[derive(Debug, Args)]
pub struct AddClientOptions {
    /// What the client is called in jobs, subscriptions and the log
    pub name: ClientName,
    /// What it may use: capture, query, subscribe, export
    #[arg(long, value_delimiter = ',', default_value = "capture")]
    pub scopes: Vec<Scope>,
    /// Business steps that it may record, such as shipping,receiving [default: all]
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    pub steps: Vec<String>,
    /// GLNs of 13 digits at which it may record [default: all]
    #[arg(long, value_delimiter = ',', value_name = "GLN")]
    pub locations: Vec<String>,
    /// Captures a second [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
}

#[derive(Debug, Args)]
pub struct RemoveClientOptions {
    pub name: ClientName,
}

#[derive(Debug, Args)]
pub struct JobsOptions {
    /// queued, signed, sent, final or failed
    #[arg(long, value_parser = ["queued", "signed", "sent", "final", "failed"])]
    pub state: Option<String>,
    /// Jobs at the most
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub limit: usize,
}

#[derive(Debug, Args)]
pub struct RetryOptions {
    /// A job's id, as in the Location of its capture
    pub id: String,
}

#[derive(Debug, Args)]
pub struct DropOptions {
    /// A job's id, as in the Location of its capture
    pub id: String,
    /// Why; the job tells it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

impl GatewayOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        let (run, section) = (self.run, &config.gateway);
        let run = RunOptions {
            identity: run.identity.or_else(|| section.identity.clone()),
            listen: run.listen.or_else(|| config.listen.clone()),
            client_ca: run.client_ca.or_else(|| section.client_ca.clone()),
            trust: run.trust.or_else(|| section.trust.clone()),
            max_jobs: run.max_jobs.or(section.max_jobs),
            no_batch: run.no_batch || section.no_batch.unwrap_or_default(),
            strict: run.strict || section.strict.unwrap_or_default(),
            no_query: run.no_query || section.no_query.unwrap_or_default(),
            allow_dest: if run.allow_dest.is_empty() { section.allow_dest.clone() } else { run.allow_dest },
            allow_http_dest: run.allow_http_dest || section.allow_http_dest.unwrap_or_default(),
            dest_ca: run.dest_ca.or_else(|| section.dest_ca.clone()),
            tls: run.tls.filled_from(config),
            limits: run.limits.filled_from(config),
            log_format: run.log_format.or(config.log_format),
            ..run
        };
        Self { run, ..self }
    }
}

pub fn run(global: &Global, options: &GatewayOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let Some(action) = &options.action else { return serve(global, &options.run, output) };
    let data = global.data();
    let place = QueuePlace::of(global, &data)?;
    let beside = || place.open(Purpose::Beside);
    match action {
        GatewayAction::Client(client) => match &client.action {
            ClientAction::Add(added) => new_client::add(&*place.open(Purpose::First)?, added, output),
            ClientAction::List => new_client::list(&*beside()?, output),
            ClientAction::Remove(removed) => new_client::remove(&*beside()?, &removed.name, output),
        },
        GatewayAction::Jobs(which) => jobs::list(&*beside()?, which, output),
        GatewayAction::Retry(which) => jobs::retry(&*beside()?, &which.id, output),
        GatewayAction::Drop(which) => jobs::give_up(&*beside()?, which, output),
        GatewayAction::Status => jobs::status(&*beside()?, &queries::stored(global, &data)?, output),
        GatewayAction::Rebuild => {
            let _held = place.open(Purpose::Stopped)?;
            let _lock = place.lock()?;
            queries::rebuild(global, &data, output)
        }
    }
}

fn serve(global: &Global, options: &RunOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    telemetry::start(options.log_format == Some(LogFormat::Json), "info");
    let needs = "give --as DIR, the directory with the participant's key.pem and certificate.pem";
    let identity = options.identity.as_deref().ok_or_else(|| Failure::wrong_use(needs))?;
    let urls = if options.node.is_empty() { global.urls() } else { options.node.clone() };
    let data = global.data();
    let place = QueuePlace::of(global, &data)?;
    place.make_directory()?;
    let _lock = place.lock()?;
    let keeper = place.open(Purpose::Gateway)?;
    let identities = Arc::new(KeyDirectory::open(identity)?);
    let has_clients = !keeper.clients().map_err(Failure::unreachable)?.is_empty();
    let tls = tls::server_config_for_clients(&options.tls, options.client_ca.as_deref())?;
    let limits = options.limits.limits();
    have_files_for(limits.connections);
    let listener = listen(options.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
    let address = listener.local_addr().map_err(Failure::unreachable)?;
    if !has_clients && !address.ip().is_loopback() {
        return Err(Failure::wrong_use(format!(
            "{address} can be reached by others, and the gateway has no client, so that any program could record in the participant's \
             name: add one with `sealane gateway client add NAME --data {}`, or listen on 127.0.0.1",
            data.display()
        )));
    }
    let doors = urls.iter().map(|url| HttpDoor::to(global, url)).collect::<Result<Vec<HttpDoor>, Failure>>()?;
    let doors: Vec<Arc<dyn NodeDoor>> = doors.into_iter().map(|door| Arc::new(door) as _).collect();
    let meeting = Arc::new(FirstMeeting::new(&data, options.trust.as_deref(), doors.clone())?);
    let anchor = match meeting.meet() {
        Ok(anchor) => Some(anchor),
        Err(MeetError::OtherLedger(why)) => return Err(Failure::unproven(why)),
        Err(error) => {
            output.warn(format!("{error}; captures are taken, and sent once a node is reached"));
            None
        }
    };
    let url = format!("{}://{address}", tls::scheme(tls.as_ref()));
    let mut settings = Settings { joins: !options.no_batch, is_strict: options.strict, ..Settings::default() };
    settings.limits.jobs_max = options.max_jobs.map_or(settings.limits.jobs_max, NonZeroU64::get);
    let participant = crate::gateway::identity::Identities::participant(&*identities).to_string();
    let (queries, subscriptions) = match options.no_query {
        true => (None, None),
        false => {
            let copy = Arc::new(OwnCopy::new(&data, sources(global, &urls)?));
            let queries = QueryParts { copy, open_store: queries::opener(global, &data)? };
            let rules = DestRules {
                allows_http: options.allow_http_dest,
                allowed: options.allow_dest.iter().map(|network| network.0).collect(),
            };
            let door = Arc::new(HttpSubscribers::new(options.dest_ca.as_deref(), rules.clone())?);
            let subscriptions =
                SubscriptionParts { keeper: Arc::clone(&keeper) as _, door, clock: Arc::new(SystemClock), rules };
            (Some(queries), Some(subscriptions))
        }
    };
    let parts = GatewayParts {
        keeper,
        nodes: Nodes::new(doors),
        identities,
        meeting,
        clock: Arc::new(SystemClock),
        verifier: Arc::new(known_signers()),
        settings,
        queries,
        subscriptions,
    };
    let origin = anchor.as_ref().map(|anchor| anchor.genesis().origin.to_string());
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        // Before it is told that the gateway is there: a stop right after that must not cut it off.
        let stop = pin!(stop_asked(options.until_stdin_closes)?);
        // It reads the queue, which may wait for a server.
        let opened = tokio::task::spawn_blocking(move || Gateway::open(parts, anchor)).await;
        let gateway = opened.map_err(Failure::unreachable)?.map_err(Failure::unreachable)?;
        let ledger = origin.as_deref().map_or_else(String::new, |origin| format!(" for the ledger {origin}"));
        output.result(
            &serde_json::json!({"url": url, "origin": origin, "participant": participant}),
            format!("The gateway of participant {participant} takes EPCIS at {url}{ledger} (Ctrl-C stops it)."),
        );
        http::serve(gateway, listener, tls, limits, names_in_certificate, stop).await.map_err(Failure::unreachable)
    });
    runtime.shutdown_background();
    served?;
    output.say("Stopped; every capture that was accepted is on disk.");
    Ok(CommandOutcome::Done)
}

/// Writes a file of which a reader finds all or nothing, durable when this returns.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    data_dir::write_whole(path, text).map_err(|error| cannot("write", path, &error))
}

/// Reads a file that may not be there.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, &error)),
    }
}
