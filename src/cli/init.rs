//! `init`: makes a member.

use std::str::FromStr;

use crate::app::genesis;
use crate::cli::arguments::{Global, InitOptions};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::founding::{self, FounderOptions};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::pki::{CertificateAuthority, MEMBER_KEY_FILE, NOTE_KEY_FILE, NotePrivateKey, PrivateKey};
use crate::store::VoteLogFile;
use sealane_core::block::Origin;
use sealane_core::consortium::Organization;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

pub fn run(global: &Global, options: &InitOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if !options.found.is_empty() {
        return founding::found(global, options, output);
    }
    let Some(name) = options.name.as_ref().filter(|_| !options.migrate) else {
        return migrate(global, output);
    };
    let origin = options.origin.as_deref().map(Origin::from_str).transpose().map_err(Failure::wrong_use)?;
    if let (true, Some(origin), Some(peer), Some(url)) =
        (options.founder, &origin, &options.peer_address, &options.public_url)
    {
        return founding::declare(global, &FounderOptions { name, origin: origin.clone(), peer, url }, output);
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
    runtime
        .block_on(genesis::begin(&*store, &signer, name, &origin, now))
        .map_err(|error| Failure::unreachable(with_causes(&error)))?;
    // With the key, so that a log that is missing later is a lost one.
    VoteLogFile::create(data.path(), kid, &origin).map_err(|error| Failure::unreachable(with_causes(&error)))?;
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
