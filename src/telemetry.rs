//! Logs: one line, of text or of JSON, for each thing that happened, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `SEALANE_LOG` chooses what, in the syntax of tracing's filters; `default` is used without it.
pub fn start(json: bool, default: &str) {
    let chosen = std::env::var("SEALANE_LOG").ok();
    let filter = chosen.and_then(|chosen| EnvFilter::try_new(quiet(&chosen)).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(quiet(default)));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    // A second start, as in tests, keeps the first.
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.try_init() };
}

/// Leaves out what the framework says of requests that are no HTTP, unless it is asked for: errors to it, but anybody can
/// send them, as many as they like.
fn quiet(filter: &str) -> String {
    if filter.contains("actix_http") { filter.to_owned() } else { format!("{filter},actix_http=off") }
}
