//! The command line. A command has a file with a function `run`; `decisions` has three (`approve`, `reject`, `revoke`),
//! `propose` four (`members propose`, `policy`, `rules`, `revoke --by-vote`), and `ballots` three (`members vote`, `members withdraw`, `endorse`).
//!
//! The other files serve several commands: `arguments`, `output`, `failure`; `data_dir` and `stores`, where a member's files
//! and ledger are; `founding` and `join`, which `init` uses; `meet`, how a ledger is met for the first time; `asking`, by which a node knows who asks; `node`, which puts a node together, and `newcomer`, what that does before its member is admitted; `check_record`, `client`, `followed`, which an observer asks, `observing`, its writer, `identity`, `limits`, `provider`, `remote`,
//! `seen`, `tls`.

mod arguments;
mod asking;
mod audit;
mod backup;
mod ballots;
mod bench;
mod ca;
mod certificate;
mod check_base;
mod check_record;
mod client;
mod consensus;
mod console;
mod copy;
mod data_dir;
mod decisions;
mod decode_picture;
mod demo;
mod dev_certs;
mod evidence;
mod export;
mod failure;
mod faults;
mod follow;
mod followed;
mod founding;
mod gateway;
mod health;
mod identity;
mod init;
mod invite;
mod join;
mod keygen;
mod label;
mod limits;
mod machine;
mod meet;
mod members;
mod new_key;
mod newcomer;
mod node;
mod observing;
mod on_records;
mod output;
mod owner;
mod participants;
mod post;
mod proposals;
mod propose;
mod provider;
mod proxy;
mod public_url;
mod recorded_there;
mod register;
mod rejoin;
mod remote;
mod renew;
mod restore;
mod seen;
mod self_check;
mod serve;
mod sign;
mod split;
mod stores;
mod tls;
mod trace;
mod trust;
mod verify;

use std::process::ExitCode;

use crate::config::{Config, ConfigError};
use arguments::{Arguments, Command};
use failure::{CommandOutcome, Failure};
use output::Output;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A failure to print leaves nothing better to say.
            let _ = error.print();
            return if error.use_stderr() { failure::WRONG_USE.into() } else { ExitCode::SUCCESS };
        }
    };
    match run(arguments) {
        Ok(outcome) => outcome.exit_code().into(),
        Err(failure) => {
            failure.print();
            failure.exit_code().into()
        }
    }
}

fn run(arguments: Arguments) -> Result<CommandOutcome, Failure> {
    let Arguments { mut global, command } = arguments;
    if let (Command::Demo(_), false) = (&command, global.data_was_given()) {
        global.data = Some(demo::DEFAULT_DATA.into());
    }
    if let (Command::Gateway(_), false) = (&command, global.data_was_given()) {
        global.data = Some(gateway::DEFAULT_DATA.into());
    }
    let config = match command {
        // What is given a stranger's picture reads nothing of the member's.
        Command::DecodePicture => Config::default(),
        _ => Config::read(&global.data()).map_err(|error| match error {
            ConfigError::Read { path, source } => data_dir::cannot("read", &path, &source),
            error => Failure::wrong_use(error),
        })?,
    };
    global.fill_from(&config);
    let output = Output::new(&global);
    match command {
        Command::Init(options) => init::run(&global, &options, &output),
        Command::Serve(options) => serve::run(&global, &options.filled_from(&config), &output),
        Command::Health => health::run(&global, &output),
        Command::Console(options) => console::run(&global, &options.filled_from(&config), &output),
        Command::Follow(options) => follow::run(&global, &options.filled_from(&config), &output),
        Command::Demo(options) => demo::run(&global, &options.filled_from(&config), &output),
        Command::SelfCheck(options) => self_check::run(&global, &options),
        Command::DecodePicture => decode_picture::run(),
        Command::Gateway(options) => gateway::run(&global, &options.filled_from(&config), &output),
        Command::Ca(options) => ca::run(&global, &options, &output),
        Command::Keygen(options) => keygen::run(&options, &output),
        Command::Register(options) => register::run(&global, &options, &output),
        Command::Invite(options) => invite::run(&global, &options, &output),
        Command::Members(options) => members::run(&global, &options, &output),
        Command::Faults(options) => faults::run(&global, &options, &output),
        Command::Participants(options) => participants::run(&global, &options, &output),
        Command::Approve(options) => decisions::approve(&global, &options, &output),
        Command::Reject(options) => decisions::reject(&global, &options, &output),
        Command::Revoke(options) if options.by_vote => propose::revoke(&global, &options, &output),
        Command::Revoke(options) => decisions::revoke(&global, &options, &output),
        Command::Endorse(options) => ballots::endorse(&global, &options, &output),
        Command::Dismiss(options) => on_records::dismiss(&global, &options, &output),
        Command::Lift(options) => on_records::lift(&global, &options, &output),
        Command::GrantAuthority(options) => on_records::grant_authority(&global, &options, &output),
        Command::Succeed(options) => on_records::succeed(&global, &options, &output),
        Command::Policy(options) => propose::policy(&global, &options, &output),
        Command::Rules(options) => propose::rules(&global, &options, &output),
        Command::Renew(options) => renew::run(&global, &options, &output),
        Command::Certificate(options) => certificate::run(&global, &options, &output),
        Command::Sign(options) => sign::run(&options, &output),
        Command::Post(options) => post::run(&global, &options, &output),
        Command::Verify(options) => verify::run(&global, &options, &output),
        Command::Evidence(options) => evidence::run(&global, &options, &output),
        Command::Export(options) => export::run(&global, &options, &output),
        Command::Trace(options) => trace::run(&global, &options, &output),
        Command::Trust(options) => trust::run(&global, &options, &output),
        Command::Label(options) => label::run(&global, &options, &output),
        Command::Audit(options) => audit::run(&global, &options, &output),
        Command::Copy(options) => copy::run(&global, &options, &output),
        Command::Backup(options) => backup::run(&global, &options, &output),
        Command::Restore(options) => restore::run(&global, &options, &output),
        Command::Bench(options) => bench::run(&global, &options, &output),
        Command::DevCerts(options) => dev_certs::run(&options, &output),
    }
}
