//! Logs: one line, of text or of JSON, for each thing that happened, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What the framework says of requests that are no HTTP: errors to it, but anybody can send them, as many as they like.
const QUIET: &str = ",actix_http=off";

/// Starts logging. `SEALANE_LOG` chooses what, in the syntax of tracing's filters; `default` is used without it.
pub fn start(json: bool, default: &str) {
    let filter = EnvFilter::try_from_env("SEALANE_LOG").unwrap_or_else(|_| EnvFilter::new(format!("{default}{QUIET}")));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    // A second start, as in tests, keeps the first.
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.try_init() };
}
