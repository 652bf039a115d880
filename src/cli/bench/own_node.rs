//! A node of the bench's own: a member with an empty ledger, served by this program in a process of its own, so that
//! what it costs can be told from what the load costs.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::arguments::Global;
use crate::cli::failure::Failure;
use crate::cli::node::stop_signal;

/// Settings of a node in the environment that are not meant for this one.
const NOT_INHERITED: [&str; 6] = [
    "SEALANE_PEER_ADDRESS",
    "SEALANE_PEER_LISTEN",
    "SEALANE_PUBLIC_URL",
    "SEALANE_TLS_CERT",
    "SEALANE_TLS_KEY",
    "SEALANE_URL",
];

/// A running node; dropped, it is stopped and its data are removed.
pub struct OwnNode {
    child: Child,
    pub url: String,
    data: PathBuf,
    _dir: TempDir,
}

impl OwnNode {
    /// Makes a member below the working directory, on whatever disk that is, and serves it on a free port.
    pub fn start(global: &Global) -> Result<Self, Failure> {
        let cannot = |error| Failure::unreachable(format!("cannot make a directory here: {error}"));
        let dir = TempDir::new_in(".").map_err(cannot)?;
        let data = dir.path().join("data");
        let made = sealane(global, "init", &data)?.args(["--name", "Bench", "--quiet"]).stdout(Stdio::null()).status();
        if !made.map_err(Failure::unreachable)?.success() {
            return Err(Failure::unreachable("the member to be measured could not be made; see above"));
        }
        let mut serve = sealane(global, "serve", &data)?;
        serve.args(["--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped());
        let mut child = serve.spawn().map_err(Failure::unreachable)?;
        let stdout = child.stdout.take();
        let mut node = Self { child, url: String::new(), data, _dir: dir };
        node.url = stdout.and_then(url_of).ok_or_else(|| Failure::unreachable("the node did not start; see above"))?;
        node.end_with_this_process()?;
        Ok(node)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Has the node stopped, and its directory removed, when this process is asked to stop.
    fn end_with_this_process(&self) -> Result<(), Failure> {
        let (pid, dir) = (Pid::from_child(&self.child), self.data.parent().map(Path::to_owned));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unreachable)?;
        std::thread::spawn(move || {
            let asked = runtime.block_on(async {
                stop_signal()?.await;
                Ok::<(), Failure>(())
            });
            if asked.is_ok() {
                // Whatever fails here, the process ends.
                let _ = kill_process(pid, Signal::KILL);
                let _ = dir.map(std::fs::remove_dir_all);
                std::process::exit(i32::from(Failure::unreachable("").exit_code()));
            }
        });
        Ok(())
    }
}

impl Drop for OwnNode {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// This program with another command, and the store that this one was told of. The environment keeps its password from
/// the list of processes.
fn sealane(global: &Global, command: &str, data: &Path) -> Result<Command, Failure> {
    let mut process = Command::new(std::env::current_exe().map_err(Failure::unreachable)?);
    process.arg(command).arg("--data").arg(data).stdin(Stdio::null());
    for name in NOT_INHERITED {
        process.env_remove(name);
    }
    if let Some(url) = &global.database_url {
        process.env("SEALANE_DATABASE_URL", url.reveal());
    }
    if let Some(authorities) = &global.database_ca {
        process.env("SEALANE_DATABASE_CA", authorities);
    }
    if std::env::var_os("SEALANE_LOG").is_none() {
        // A line for each request would be measured too.
        process.env("SEALANE_LOG", "warn");
    }
    Ok(process)
}

fn url_of(stdout: impl Read) -> Option<String> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).ok()?;
    Some(serde_json::from_str::<Value>(&line).ok()?.get("url")?.as_str()?.to_owned())
}
