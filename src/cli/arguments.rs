//! The command line's grammar. Each flag has its `SEALANE_*` variable; `sealane.toml` comes after both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::ballots::{EndorseOptions, VoteOptions, WithdrawOptions};
use crate::cli::console::ConsoleOptions;
use crate::cli::decisions::{ApproveOptions, RejectOptions, RevokeOptions};
use crate::cli::demo::{MEMBERS_DEFAULT, MEMBERS_MAX};
use crate::cli::export::ExportOptions;
use crate::cli::follow::FollowOptions;
use crate::cli::gateway::GatewayOptions;
use crate::cli::init::InitOptions;
use crate::cli::limits::LimitOptions;
use crate::cli::on_records::{DismissOptions, GrantAuthorityOptions, LiftOptions, SucceedOptions};
use crate::cli::proposals::ProposalsOptions;
use crate::cli::propose::{PolicyOptions, ProposeOptions, RulesOptions};
use crate::cli::register::RegisterOptions;
use crate::cli::stores::StoreName;
use crate::cli::trace::TraceOptions;
use crate::config::{AgreementSection, Config, ConsoleAddress, LogFormat, PeerEndpoint, Secret};
use sealane_core::consortium::{Organization, ParticipantId};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

pub const DEFAULT_DATA: &str = "data";
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Provenance for a consortium: signed supply-chain events on a Merkle ledger, and a verdict that proves itself.
///
/// Exit codes: 0 done, and a verdict is authentic; 1 proven, but a verdict is another one; 2 wrong use; 3 the server or
/// the store cannot be reached or refused; 4 a proof or an audit fails.
#[derive(Debug, Parser)]
#[command(name = "sealane", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The data directory, of a member, an observer or a gateway [default: ./data]
    #[arg(long, global = true, env = "SEALANE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The node to talk to [default: http://127.0.0.1:8080]. With post, verify, evidence, audit and follow it may be given several
    /// times, or with commas: the next node is asked if one cannot be reached, or answers 429 or 5xx
    #[arg(long, global = true, env = "SEALANE_URL", value_name = "URL", value_delimiter = ',')]
    pub url: Vec<String>,
    /// `--url` stands on the command line itself
    #[arg(skip)]
    pub url_was_typed: bool,
    /// Authorities to trust with an https node, in PEM, instead of the system's
    #[arg(long, global = true, env = "SEALANE_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Keep the ledger, or a gateway's queue and rows, in this PostgreSQL database instead of SQLite in --data:
    /// postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full
    #[arg(long, global = true, env = "SEALANE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,
    /// Authorities to trust with that database's server, in PEM, instead of the system's
    #[arg(long, global = true, env = "SEALANE_DATABASE_CA", value_name = "FILE")]
    pub database_ca: Option<PathBuf>,
    /// Print results as JSON, for programs
    #[arg(long, global = true, env = "SEALANE_JSON")]
    pub json: bool,
    /// Print results only
    #[arg(long, short, global = true, env = "SEALANE_QUIET")]
    pub quiet: bool,
}

impl Arguments {
    /// Reads the command line of this process.
    pub fn read() -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches()?;
        let mut arguments = Self::from_arg_matches(&matches)?;
        let typed = |matches: &ArgMatches| matches.value_source("url") == Some(ValueSource::CommandLine);
        arguments.global.url_was_typed = matches.subcommand().is_some_and(|(_, command)| typed(command));
        Ok(arguments)
    }
}

impl Global {
    pub fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| DEFAULT_DATA.into())
    }

    pub const fn data_was_given(&self) -> bool {
        self.data.is_some()
    }

    /// The node to talk to; of several, the first.
    pub fn url(&self) -> String {
        self.url.first().cloned().unwrap_or_else(|| DEFAULT_URL.to_owned())
    }

    /// The nodes to talk to: one at least.
    pub fn urls(&self) -> Vec<String> {
        if self.url.is_empty() { vec![DEFAULT_URL.to_owned()] } else { self.url.clone() }
    }

    pub fn fill_from(&mut self, config: &Config) {
        if self.url.is_empty() {
            self.url.clone_from(&config.url);
        }
        self.tls_ca = self.tls_ca.take().or_else(|| config.tls_ca.clone());
        self.database_url = self.database_url.take().or_else(|| config.database_url.clone());
        self.database_ca = self.database_ca.take().or_else(|| config.database_ca.clone());
        self.json |= config.json.unwrap_or_default();
        self.quiet |= config.quiet.unwrap_or_default();
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a member: its keys, its certificate authority, the genesis statement and an empty ledger
    Init(InitOptions),
    /// Run the node
    Serve(ServeOptions),
    /// Say whether the node at --url can do its work: exit 0 if it is ready, 3 if not
    Health,
    /// Print a link that opens the operator's page of this member's node once (`serve --console` has the page)
    Console(ConsoleOptions),
    /// Run an observer: a node that is no member, keeps a full copy of a ledger and serves it for reading
    Follow(FollowOptions),
    /// Check the ledger of --data for the node that runs on it
    #[command(hide = true)]
    SelfCheck(SelfCheckOptions),
    /// Decode the picture on standard input for the node that started this process
    #[command(hide = true)]
    DecodePicture,
    /// See all of it in one go: members that keep one ledger, a journey, a genuine and a cloned product, nodes that fail
    Demo(DemoOptions),
    /// Run a participant's gateway: it takes plain EPCIS, signs it, keeps it and sends it to nodes
    Gateway(GatewayOptions),
    /// Renew the certificate of the member's authority, over the same key
    Ca(CaOptions),
    /// Make a P-256 key and a certificate request
    Keygen(KeygenOptions),
    /// Ask to be registered as a participant
    Register(RegisterOptions),
    /// Make a one-time invitation to register, signed with the member's key
    Invite(InviteOptions),
    /// Show the members as the node sees them: how far each is, who is missing, and whether they can agree on blocks
    Members(MembersOptions),
    /// Show members that have signed two things in one place: each proof is checked here
    Faults(FaultsOptions),
    /// List participants
    Participants(ParticipantsOptions),
    /// Approve a request: issue the certificate and put the registration on the ledger
    Approve(ApproveOptions),
    /// Refuse a request
    Reject(RejectOptions),
    /// End a registration; one that another member made, by a vote of all
    Revoke(RevokeOptions),
    /// Propose that what a participant claimed of goods that it never had counts no more
    Dismiss(DismissOptions),
    /// Propose that a recall by another than the maker ends for some ids
    Lift(LiftOptions),
    /// Propose that a participant with the role authority is one
    GrantAuthority(GrantAuthorityOptions),
    /// Propose that one registration goes on for a former one, for the custody of goods
    Succeed(SucceedOptions),
    /// Vouch for a registration that another member made
    Endorse(EndorseOptions),
    /// Propose another value of a policy to the members
    Policy(PolicyOptions),
    /// Propose to the members by which rules blocks are made
    Rules(RulesOptions),
    /// Ask for a further certificate, signed for with the current key
    Renew(RenewOptions),
    /// Fetch a participant's certificate chain
    Certificate(CertificateOptions),
    /// Sign an EPCIS document: JSON in, compact JWS out
    Sign(SignOptions),
    /// Sign and capture EPCIS documents, and wait until they are final
    Post(PostOptions),
    /// Judge products: fetch evidence, check every proof here, print the verdict
    Verify(VerifyOptions),
    /// Save the evidence about a product
    Evidence(EvidenceOptions),
    /// Ask a participant's gateway what a thing was made of, and what became of it
    Trace(TraceOptions),
    /// Write tables of what a participant's gateway knows
    #[command(subcommand)]
    Export(ExportOptions),
    /// Show, save or pin a ledger's trust anchor, with its fingerprint in digits
    Trust(TrustOptions),
    /// Draw the label of a product: the QR code of its page on a node
    Label(LabelOptions),
    /// Derive everything from the leaves again and name the first fault: of --data, or with --url of somebody else's node
    Audit(AuditOptions),
    /// Copy a ledger from one store into another and audit each block on the way; goes on where an earlier copy ended
    Copy(CopyOptions),
    /// Save the ledger of --data into a file, also while the node runs
    Backup(BackupOptions),
    /// Bring a ledger back from a backup, or say afterwards that nothing was signed beyond it
    Restore(RestoreOptions),
    /// Measure how many statements a node takes
    Bench(BenchOptions),
    /// Make a throw-away set of keys and certificates for development
    DevCerts(DevCertsOptions),
}

#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "SEALANE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where people reach this node [default: http(s):// and the address listened on]
    #[arg(long, env = "SEALANE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Address and port on which other members' nodes reach this one, such as 0.0.0.0:7443 [default: none]
    #[arg(long, env = "SEALANE_PEER_LISTEN", value_name = "ADDRESS:PORT")]
    pub peer_listen: Option<SocketAddr>,
    /// Where other members' nodes find this one; it is told to them, signed by the member's key
    #[arg(long, env = "SEALANE_PEER_ADDRESS", value_name = "HOST:PORT")]
    pub peer_address: Option<PeerEndpoint>,
    /// Where other members' nodes are found; from the file alone
    #[arg(skip)]
    pub peer_addresses: BTreeMap<Hash, PeerEndpoint>,
    /// How long the node waits for other members, of the file alone
    #[arg(skip)]
    pub agreement: AgreementSection,
    /// Serve the operator's page there, for this machine alone, such as 127.0.0.1:8081; `sealane console` prints a link that opens
    /// it [default: none]
    #[arg(long, env = "SEALANE_CONSOLE", value_name = "ADDRESS:PORT")]
    pub console: Option<ConsoleAddress>,
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Statements written a second at the most: leaves others a share of the disk, and shows what a slow one does
    #[arg(long, env = "SEALANE_WRITE_RATE", value_name = "N")]
    pub write_rate: Option<NonZeroU32>,
    /// Decode the pictures that people send to /scan, each in a process with limits; without it, phones decode them
    /// themselves
    #[arg(long, env = "SEALANE_SCAN_DECODER")]
    pub scan_decoder: bool,
    #[command(flatten)]
    pub limits: LimitOptions,
    /// Take registrations only with an invitation, which `sealane invite` makes
    #[arg(long, env = "SEALANE_INVITATIONS")]
    pub invitations: bool,
    /// After more than 7 days without a block: the time that it is now, such as 2026-11-21T09:30:00Z, to confirm that the
    /// machine's clock is right; within 5 minutes of it. Without this word such a node only reads
    #[arg(long, env = "SEALANE_ACCEPT_CLOCK", value_name = "TIME")]
    pub accept_clock: Option<Timestamp>,
    /// How log lines look [default: text]
    #[arg(long, env = "SEALANE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Stop when standard input ends too: the process that started this node, and held the other end, has gone
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

impl ServeOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        Self {
            listen: self.listen.or_else(|| config.listen.clone()),
            public_url: self.public_url.or_else(|| config.public_url.clone()),
            peer_listen: self.peer_listen.or(config.peers.listen),
            peer_address: self.peer_address.or_else(|| config.peers.address.clone()),
            peer_addresses: config.peers.addresses.clone(),
            agreement: config.agreement.clone(),
            console: self.console.or(config.console),
            tls: self.tls.filled_from(config),
            write_rate: self.write_rate.or(config.write_rate),
            scan_decoder: self.scan_decoder || config.scan_decoder.unwrap_or_default(),
            limits: self.limits.filled_from(config),
            invitations: self.invitations || config.invitations.unwrap_or_default(),
            // Of the moment: a file would say it again at the next start, when it is no longer true.
            accept_clock: self.accept_clock,
            log_format: self.log_format.or(config.log_format),
            until_stdin_closes: self.until_stdin_closes,
        }
    }

    pub fn listen(&self) -> String {
        self.listen.clone().unwrap_or_else(|| DEFAULT_LISTEN.to_owned())
    }
}

/// What https is served with; plain http without.
#[derive(Debug, Clone, Args)]
pub struct TlsOptions {
    /// The node's certificate chain for https, in PEM, its own certificate first
    #[arg(long, env = "SEALANE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM, readable by its owner alone
    #[arg(long, env = "SEALANE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        Self {
            tls_cert: self.tls_cert.or_else(|| config.tls_cert.clone()),
            tls_key: self.tls_key.or_else(|| config.tls_key.clone()),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// Address and port of the first member's node; the others take the ports after it, and port 0 takes free ones [default:
    /// 127.0.0.1:8080, and what several members were given before]
    #[arg(long, env = "SEALANE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub tls: TlsOptions,
    /// End after the story instead of serving
    #[arg(long)]
    pub no_serve: bool,
    /// Members of the consortium, each with a node of its own: 1 to 7
    #[arg(long, value_name = "N", default_value_t = MEMBERS_DEFAULT, value_parser = demo_members)]
    pub members: usize,
}

/// Reads the number of members of a demonstration.
fn demo_members(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("a consortium has one member at least; give --members 1".to_owned()),
        Ok(members @ 1..=MEMBERS_MAX) => Ok(members),
        Ok(_) => Err(format!("the demo has {MEMBERS_MAX} members at the most, so that one machine can run them all")),
        Err(_) => Err(format!("expected a number of members from 1 to {MEMBERS_MAX}, such as {MEMBERS_DEFAULT}")),
    }
}

impl DemoOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        Self { tls: self.tls.filled_from(config), ..self }
    }

    pub fn listen(&self) -> &str {
        self.listen.as_deref().unwrap_or(DEFAULT_LISTEN)
    }
}

#[derive(Debug, Args)]
pub struct CaOptions {
    #[command(subcommand)]
    pub command: CaCommand,
}

#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Write a new ca.pem over the same key; what the authority has issued stays good
    Renew,
}

#[derive(Debug, Args)]
pub struct KeygenOptions {
    /// Directory for key.pem and request.pem; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[arg(long)]
    pub organization: Organization,
}

#[derive(Debug, Args)]
pub struct InviteOptions {
    /// Until when it holds, such as 2026-11-21T09:30:00Z; 30 days at the most [default: 7 days from now]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub struct ParticipantsOptions {
    /// pending, active, rejected, revoked or expired
    #[arg(long)]
    pub status: Option<String>,
}

#[derive(Debug, Args)]
pub struct RenewOptions {
    pub id: ParticipantId,
    /// The new PKCS#10 request in PEM
    #[arg(long, value_name = "FILE")]
    pub csr: PathBuf,
    /// The current private key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

#[derive(Debug, Args)]
pub struct CertificateOptions {
    pub id: ParticipantId,
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct SignOptions {
    #[command(flatten)]
    pub signer: SignerOptions,
    /// The ledger's origin, as `sealane trust` or GET /trust names it
    #[arg(long)]
    pub origin: String,
    /// Print header..signature without the payload
    #[arg(long)]
    pub detached: bool,
    /// An EPCIS document; - reads standard input
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct PostOptions {
    #[command(flatten)]
    pub signer: SignerOptions,
    /// EPCIS documents to sign, or .jose files to post as they are; - reads standard input. A document that names more than 1,000
    /// ids is posted as several statements, each signed for itself: the command says so, and prints a receipt of each
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Who signs: a directory as `register` leaves it, or a key and a certificate.
#[derive(Debug, Args)]
pub struct SignerOptions {
    /// Directory with key.pem and certificate.pem
    #[arg(long = "as", value_name = "DIR", conflicts_with_all = ["key", "cert"])]
    pub identity: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// GS1 Digital Link URIs, EPC URNs, or element strings such as (01)09506000134352(21)A1; a lot (10) and dates beside them are
    /// held against the records
    #[arg(required_unless_present = "evidence")]
    pub ids: Vec<String>,
    /// The lot on the label, as (10) in the id: of each id
    #[arg(long, value_name = "L", requires = "ids")]
    pub lot: Option<String>,
    /// The expiry date on the label, as (17) in the id: of each id; YYMM00 is a month
    #[arg(long, value_name = "YYMMDD", requires = "ids")]
    pub expiry: Option<String>,
    /// The trust anchor [default: the one in --data, else the one pinned for this ledger]
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Saved evidence: nothing is fetched
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// Words that end with exit code 0 as authentic does, such as traced,ended
    #[arg(long, value_name = "WORD,…", value_delimiter = ',', value_parser = WORDS)]
    pub accept: Vec<String>,
}

impl VerifyOptions {
    /// What stands on the label of each id, beside what the id's own text says: the option, its AI and its value.
    pub fn on_label(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let all = [("--lot", "10", &self.lot), ("--expiry", "17", &self.expiry)];
        all.into_iter().filter_map(|(option, ai, value)| Some((option, ai, value.as_deref()?)))
    }
}

/// What a verdict may say but `authentic`.
const WORDS: [&str; 7] = ["unknown", "recalled", "suspect", "ended", "disputed", "incomplete", "traced"];

#[derive(Debug, Args)]
pub struct EvidenceOptions {
    pub id: String,
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct TrustOptions {
    /// Save the node's trust anchor
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Trust this anchor for its ledger from now on
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub pin: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct LabelOptions {
    /// A GS1 id: Digital Link URI, EPC URN, or element string such as (01)09506000134352(21)A1; a lot (10) and dates beside it
    /// go into the link
    pub id: String,
    /// Where to draw it: a name that ends in .svg or .png
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where people reach the node [default: what the node at --url says of itself]
    #[arg(long, env = "SEALANE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct SelfCheckOptions {
    /// Read all of it again, whatever was checked before
    #[arg(long)]
    pub whole: bool,
}

#[derive(Debug, Args)]
pub struct AuditOptions {
    /// Write everything that is derived from the leaves anew
    #[arg(long)]
    pub rebuild: bool,
    /// With --url or --fork: the ledger's trust anchor [default: the one pinned for the node's origin]
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// With --url: receipts that the node must stand by, as files of JSON or directories of such files
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "rebuild")]
    pub receipts: Vec<PathBuf>,
    /// With --url: where the proof of a fork is written [default: fork-<height>.json]
    #[arg(long, value_name = "FILE", conflicts_with = "rebuild")]
    pub fork_out: Option<PathBuf>,
    /// The ledger in this store, such as a backup's file, instead of that in --data
    #[arg(long, value_name = "STORE", conflicts_with_all = ["rebuild", "trust", "receipts", "fork_out", "fork"])]
    pub store: Option<StoreName>,
    /// Check the proof of a fork that an audit has written; needs --trust
    #[arg(long, value_name = "FILE", requires = "trust", conflicts_with_all = ["rebuild", "receipts", "fork_out"])]
    pub fork: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CopyOptions {
    /// The store to read: a ledger's file, a data directory, or postgres://…
    #[arg(long, value_name = "STORE")]
    pub from: StoreName,
    /// The store to write: empty, or with a beginning of the same ledger
    #[arg(long, value_name = "STORE")]
    pub to: StoreName,
}

#[derive(Debug, Args)]
pub struct BackupOptions {
    /// A new file, or a directory in which a file is named by its last block; with --with-keys a new directory
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Save the member's keys and sealane.toml too: whoever reads them is the member
    #[arg(long)]
    pub with_keys: bool,
}

#[derive(Debug, Args)]
pub struct MembersOptions {
    #[command(subcommand)]
    pub action: Option<MembersAction>,
}

#[derive(Debug, Args)]
pub struct FaultsOptions {
    /// Proofs saved from /ledger/faults, or one proof: nothing is fetched
    #[arg(long, value_name = "FILE", requires = "trust")]
    pub check: Option<PathBuf>,
    /// The trust anchor [default: the one in --data, else the one pinned for this ledger]
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum MembersAction {
    /// Propose who is a member: to admit, to remove, or to give new keys
    Propose(ProposeOptions),
    /// Vote on a proposal
    Vote(VoteOptions),
    /// Show proposals and how far they are, the newest first
    Proposals(ProposalsOptions),
    /// Take back a proposal of one's own
    Withdraw(WithdrawOptions),
    /// Make this member's new keys beside the ones in use, to be proposed with --replace
    NewKey,
    /// Take up a lost log of votes again, with the node stopped and its ledger level with the others'
    Rejoin(RejoinOptions),
}

#[derive(Debug, Args)]
pub struct RejoinOptions {
    /// Vote at the very next height, since this member's key has signed nothing after the ledger's last block, whose height is
    /// this. A second signature for one height convicts the member for good
    #[arg(long, value_name = "HEIGHT")]
    pub nothing_signed_after: Option<u64>,
    /// With --nothing-signed-after: do not ask
    #[arg(long, short, requires = "nothing_signed_after")]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// A backup: a ledger's file, or a directory as `backup --with-keys` leaves it
    #[arg(
        long,
        value_name = "BACKUP",
        required_unless_present = "last_signed_size",
        conflicts_with = "last_signed_size"
    )]
    pub from: Option<PathBuf>,
    /// After a restore without a log of votes, for a ledger of one member: the tree size of the newest checkpoint that this
    /// member's key has signed, by everybody's account. Where the ledger ends there, the node may write again
    #[arg(long, value_name = "LEAVES")]
    pub last_signed_size: Option<u64>,
}

#[derive(Debug, Args)]
pub struct BenchOptions {
    /// How long to measure; with several, phases that follow each other without a pause, each at its own --rate
    #[arg(long, value_delimiter = ',', default_value = "10")]
    pub seconds: Vec<f64>,
    /// How long to send before that, so that what is made at first use is there
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    pub warm_up: f64,
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// [default: 1; with --fill 100]
    #[arg(long, value_name = "K")]
    pub events_per_statement: Option<usize>,
    /// Events with what EPCIS requires and a business step, no more
    #[arg(long)]
    pub bare: bool,
    #[arg(long, default_value_t = 50)]
    pub signers: usize,
    /// Requests offered each second, whatever the answers; without it, as many as are answered
    #[arg(long, value_delimiter = ',')]
    pub rate: Vec<f64>,
    /// Share of the requests that ask for the verdict on a product, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub reads: f64,
    /// Share of the requests that ask for the evidence about a product, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub evidence: f64,
    /// Products to ask about, an id a line; what this run captures is added to it
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Offer statements that were refused as too many again, after the time that the node names
    #[arg(long)]
    pub retry: bool,
    /// Write a line of JSON for each second of the run
    #[arg(long, value_name = "FILE")]
    pub series: Option<PathBuf>,
    /// The node's process, to tell of its time and memory; known where bench starts the node
    #[arg(long)]
    pub pid: Option<u32>,
    /// Do not measure: put this many events on the ledger, as fast as it takes them
    #[arg(long, value_name = "EVENTS", conflicts_with_all = ["seconds", "rate", "reads", "evidence", "series"])]
    pub fill: Option<u64>,
    /// With --fill: events about each product, its commissioning and what its maker sees of it later
    #[arg(long, default_value_t = 1, value_name = "M", requires = "fill")]
    pub events_per_product: u64,
}

#[derive(Debug, Args)]
pub struct DevCertsOptions {
    #[arg(long, value_name = "DIR", default_value = "certs/dev")]
    pub out: PathBuf,
}
