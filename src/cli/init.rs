//! `init`: makes a member.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::app::genesis;
use crate::cli::arguments::Global;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::founding::{self, FounderOptions};
use crate::cli::join::{self, JoinOptions};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::cli::public_url::checked_root;
use crate::config::PeerEndpoint;
use crate::pki::{CertificateAuthority, MEMBER_KEY_FILE, NOTE_KEY_FILE, NotePrivateKey, PrivateKey};
use crate::store::VoteLogFile;
use sealane_core::block::Origin;
use sealane_core::consortium::Organization;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

#[derive(Debug, Args)]
pub struct InitOptions {
    /// The member's name
    #[arg(long, required_unless_present_any = ["migrate", "found"])]
    pub name: Option<Organization>,
    /// The ledger's origin: a name like a URL without a scheme [default: one with a hash of the member's key]
    #[arg(long)]
    pub origin: Option<String>,
    /// Begin a ledger together with others: make this founder's keys, and founder.json for the other founders
    #[arg(long, requires_all = ["origin", "peer_address", "public_url"])]
    pub founder: bool,
    /// With --founder or --join: where other members' nodes reach this one
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["found", "migrate"])]
    pub peer_address: Option<PeerEndpoint>,
    /// With --founder or --join: where people reach this node
    #[arg(long, value_name = "URL", conflicts_with_all = ["found", "migrate"])]
    pub public_url: Option<String>,
    /// Ask to become a member of the ledger that this member's node keeps; run it again if it was cut short
    #[arg(long, value_name = "URL", conflicts_with_all = ["origin", "founder", "found", "migrate"])]
    pub join: Option<String>,
    /// With --join: the fingerprint of the ledger's trust anchor, from a member by another way
    #[arg(long, value_name = "FINGERPRINT", allow_hyphen_values = true, requires = "join")]
    pub fingerprint: Option<Hash>,
    /// With --join: take the ledger that the node shows, and do not ask
    #[arg(long, short, requires = "join")]
    pub yes: bool,
    /// Begin the ledger of these founders: the founder.json of each, this one's too
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["name", "origin", "founder"])]
    pub found: Vec<PathBuf>,
    /// With --found: the genesis.jose of the founder with the lowest kid; that one runs --found without it, before all others
    #[arg(long, value_name = "FILE", requires = "found")]
    pub genesis: Option<PathBuf>,
    /// Bring the ledger of an older version up to this one instead
    #[arg(long, conflicts_with_all = ["name", "origin", "founder", "found"])]
    pub migrate: bool,
}

pub fn run(global: &Global, options: &InitOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if !options.found.is_empty() {
        return founding::found(global, options, output);
    }
    let Some(name) = options.name.as_ref().filter(|_| !options.migrate) else {
        return migrate(global, output);
    };
    let origin = options.origin.as_deref().map(Origin::from_str).transpose().map_err(Failure::wrong_use)?;
    options.public_url.as_deref().map(checked_root).transpose()?;
    if let (true, Some(origin), Some(peer), Some(url)) =
        (options.founder, &origin, &options.peer_address, &options.public_url)
    {
        return founding::declare(global, &FounderOptions { name, origin: origin.clone(), peer, url }, output);
    }
    let own = options.peer_address.as_ref().zip(options.public_url.as_deref());
    let says_one = options.peer_address.is_some() || options.public_url.is_some();
    if own.is_none() && says_one {
        return Err(Failure::wrong_use(
            "give --peer-address and --public-url together, with --founder or --join: other members are told both",
        ));
    }
    if let Some(url) = &options.join {
        let (url, fingerprint) = (url.trim_end_matches('/'), options.fingerprint);
        return join::run(global, &JoinOptions { name, url, own, fingerprint, yes: options.yes }, output);
    }
    if own.is_some() {
        return Err(Failure::wrong_use(
            "--peer-address and --public-url belong to --founder or --join; else give them to serve",
        ));
    }
    let data = DataDir::create(&global.data())?.with_database(global)?;
    let origin = create(&data, name, origin)?;
    let data = global.data();
    let result = serde_json::json!({"origin": origin, "data": data});
    output.result(
        &result,
        format!(
            "Member {name} begins the ledger {origin} in {}.\n\nBack up {0}/{MEMBER_KEY_FILE}, {0}/{NOTE_KEY_FILE} and {0}/ca-key.pem: nothing replaces them.\nNext: sealane serve{}",
            data.display(),
            if global.data_was_given() { format!(" --data {}", data.display()) } else { String::new() }
        ),
    );
    Ok(CommandOutcome::Done)
}

/// Makes keys, authority and ledger in an empty data directory.
pub fn create(data: &DataDir, name: &Organization, origin: Option<Origin>) -> Result<Origin, Failure> {
    let _lock = data.lock()?;
    let now = now();
    let runtime = runtime()?;
    // First of all, so that what is in the way is met before there are keys to throw away.
    let store = runtime.block_on(async {
        let store = data.create_store().await?;
        match store.tip().await.map_err(Failure::unreachable)? {
            None => Ok(store),
            Some(_) => Err(Failure::unreachable(format!(
                "{} holds a ledger already: a new one begins in an empty place",
                data.ledger_place()
            ))),
        }
    })?;
    let kid = make_keys(data, name, now)?;
    let signer = data.member_key()?;
    let origin = origin.unwrap_or_else(|| Origin::of_genesis_key(&kid));
    // With the key, so that a log that is missing later is a lost one.
    let log = VoteLogFile::create(data.path(), kid, &origin);
    let mut log = log.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    runtime
        .block_on(genesis::begin(&*store, &signer, &mut log, name, &origin, now))
        .map_err(|error| Failure::unreachable(with_causes(&error)))?;
    data.finish()?;
    Ok(origin)
}

/// Makes a member's keys and authority in a directory that has none; returns the member's `kid`.
pub fn make_keys(data: &DataDir, name: &Organization, now: Timestamp) -> Result<Hash, Failure> {
    let key = PrivateKey::generate().map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let note_key = NotePrivateKey::generate().map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let authority =
        CertificateAuthority::create(name.as_str(), now).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    key.write_new(&data.path().join(MEMBER_KEY_FILE)).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    note_key.write_new(&data.path().join(NOTE_KEY_FILE)).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    authority.save(data.path()).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    Ok(key.public().thumbprint())
}

fn migrate(global: &Global, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let _lock = data.lock()?;
    runtime()?.block_on(data.migrate_store())?;
    output.result(&serde_json::json!({"migrated": true}), "The ledger is up to date.");
    Ok(CommandOutcome::Done)
}
