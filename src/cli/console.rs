//! `console`: prints a link that opens the operator's page of this member's node once. `serve` has the page itself.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use crate::cli::arguments::Global;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::machine::HostMachine;
use crate::cli::node::{listen, now};
use crate::cli::output::Output;
use crate::cli::trust;
use crate::config::{Config, ConsoleAddress};
use crate::http::{ConsoleSetup, ENTRY_PATH, EndOf, KnownEnd};
use crate::pki::Certificate;
use crate::ports::MemberSigner;
use sealane_core::consortium::{ConsoleLink, WORD_AGE_MS_MAX, signed_word};
use sealane_core::hash::Hash;

#[derive(Debug, Args)]
pub struct ConsoleOptions {
    /// The address that `sealane serve --console` has
    #[arg(long, env = "SEALANE_CONSOLE", value_name = "ADDRESS:PORT")]
    pub console: Option<ConsoleAddress>,
}

impl ConsoleOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        Self { console: self.console.or(config.console) }
    }
}

pub fn run(global: &Global, options: &ConsoleOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?.with_database(global)?;
    if data.is_observer() {
        return Err(no_console(&data));
    }
    let address = options.console.map(|console| console.0).filter(|address| address.port() != 0);
    let address = address.ok_or_else(|| {
        Failure::wrong_use(
            "say where the node has its console: --console ADDRESS:PORT, SEALANE_CONSOLE or `console` in sealane.toml, as \
             `sealane serve` has it",
        )
    })?;
    let key = data.member_key()?;
    let origin = trust::of_data(&data)?.genesis().origin.clone();
    let issued = now().whole_seconds();
    let nonce = Hash::of(&[Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat());
    let link = ConsoleLink { console: address.to_string(), nonce, issued };
    let signed = link.signing_input(key.public_key().thumbprint(), &origin);
    let word = signed_word(&signed, &key.sign(signed.as_bytes()));
    let url = format!("http://{address}{ENTRY_PATH}?link={word}");
    let expires = issued.plus_millis(WORD_AGE_MS_MAX);
    output.say("This link opens the operator's page once, within a minute:");
    output.result(&json!({"url": url, "expires": expires}), &url);
    Ok(CommandOutcome::Done)
}

/// An observer has no key by which its operator could be known.
pub fn no_console(data: &DataDir) -> Failure {
    Failure::wrong_use(format!(
        "{} is the directory of an observer: it has no member's key, which a console's links are signed with, and so no console. Its \
         /health/ready, /members and /metrics tell how it is",
        data.path().display()
    ))
}

/// Listens for the console, if it is switched on.
pub fn bind(console: Option<ConsoleAddress>) -> Result<Option<TcpListener>, Failure> {
    console.map(|console| listen(&console.0.to_string())).transpose()
}

/// Where a console listens.
pub fn address_of(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(Failure::unreachable)
}

/// What the console of a member's node is served with. `https` is the chain that the node shows.
pub fn setup(data: &DataDir, https: Option<&std::path::Path>) -> Result<ConsoleSetup, Failure> {
    let authority = data.authority()?.certificate().not_after();
    let mut ends = vec![KnownEnd { of: EndOf::Authority, end: authority }];
    // What rustls takes may be more than is read here: then nothing is said of its end.
    let chain = https.and_then(|path| fs::read_to_string(path).ok());
    let own = chain.and_then(|text| Certificate::parse_chain_pem(&text).ok()?.first().map(Certificate::not_after));
    ends.extend(own.map(|end| KnownEnd { of: EndOf::Https, end }));
    let machine = HostMachine::new(data.path().to_owned(), data.has_file().then(|| data.ledger_path()));
    Ok(ConsoleSetup { key: data.member_key()?.public_key().clone(), ends, machine: Arc::new(machine) })
}
