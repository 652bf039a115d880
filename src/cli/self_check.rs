//! The check that a node makes of its whole ledger, in a process of its own.
//!
//! It derives everything anew from the leaves, which takes as much memory again as the node has, and a core for as long as
//! the ledger has grown. A process beside the node gives both back at its end, and steps aside for requests meanwhile.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::nice;

use crate::app::WriteGate;
use crate::app::audit::{self, AuditError, Fault, Report};
use crate::cli::arguments::Global;
use crate::cli::check_record;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime};
use crate::cli::provider::provider;
use crate::http::AuditResult;

/// How often a running node checks itself.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How far it stands back behind the node's own threads: as far as can be.
const NICENESS: i32 = 19;

/// What the check's process tells the node's, as one line of JSON.
type Found = Result<Report, Fault>;

/// The check of a running node: at its start, and every day.
pub struct SelfCheck {
    process: Arc<Mutex<Process>>,
    /// Ends the pause between two checks when it goes.
    pause: Sender<()>,
    thread: JoinHandle<()>,
}

/// The process that checks now.
#[derive(Default)]
enum Process {
    #[default]
    None,
    /// Nothing is ever written to it: the process ends when it closes, and it closes with the node, whatever ends that.
    Running(#[expect(dead_code, reason = "it is kept open")] ChildStdin),
    /// There will be no other.
    Stopped,
}

impl SelfCheck {
    /// Begins to check the ledger in `data`; `last` is what came of the last check, and `gate` closes on a fault.
    pub fn start(data: DataDir, last: Arc<RwLock<Option<AuditResult>>>, gate: Arc<WriteGate>) -> Result<Self, Failure> {
        let (pause, paused) = channel();
        let process = Arc::default();
        let checking = Arc::clone(&process);
        let check = move || {
            loop {
                match check(&data, &checking) {
                    Ok(result) => {
                        if let Err(fault) = &result {
                            tracing::error!(%fault, "the ledger is not sound");
                        }
                        let result = AuditResult { at: now(), result };
                        // Kept first: a fault that was shown is not forgotten by a crash.
                        if let Err(error) = check_record::write(&data, &result) {
                            tracing::error!(%error, "what the check came to is lost at the next start");
                        }
                        gate.checked(result.fault());
                        *last.write().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    }
                    Err(_) if matches!(*lock(&checking), Process::Stopped) => return,
                    Err(failure) => tracing::warn!(%failure, "the node could not check itself"),
                }
                if paused.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("self-check".to_owned()).spawn(check);
        Ok(Self { process, pause, thread: thread.map_err(Failure::unreachable)? })
    }

    /// Ends the check and waits until its process has: a database that it still read would not be closed with the node.
    pub fn stop(self) {
        *lock(&self.process) = Process::Stopped;
        drop(self.pause);
        if self.thread.join().is_err() {
            tracing::error!("the check of the node by itself ended with a panic");
        }
    }
}

fn lock(process: &Mutex<Process>) -> MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One check, over the ledger as of now.
fn check(data: &DataDir, process: &Mutex<Process>) -> Result<Found, String> {
    let no_process = |error: io::Error| format!("no process for it: {error}");
    let mut command = Command::new(this_program().map_err(no_process)?);
    command.arg("self-check").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    data.hand_on(&mut command);
    let mut child = command.spawn().map_err(no_process)?;
    {
        let mut process = lock(process);
        if let (Process::None, Some(open)) = (&*process, child.stdin.take()) {
            *process = Process::Running(open);
        }
    }
    let done = child.wait_with_output().map_err(no_process)?;
    {
        let mut process = lock(process);
        if let Process::Running(_) = *process {
            *process = Process::None;
        }
    }
    serde_json::from_slice(&done.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&done.stderr);
        format!("its process ended with {}: {}", done.status, said.trim())
    })
}

/// The file of this very program; on Linux also after it was replaced by a later one.
pub fn this_program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

/// What the process does: the check, and nothing that anybody would have to wait for.
pub fn run(global: &Global) -> Result<CommandOutcome, Failure> {
    // Where the system refuses, the check is no less right.
    let _ = nice(NICENESS);
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let audited = runtime()?.block_on(async { Ok(audit::audit(&*data.snapshot().await?, provider()).await) })?;
    let found: Found = match audited {
        Ok(report) => Ok(report),
        Err(AuditError::Fault(fault)) => Err(fault),
        Err(AuditError::Store(error)) => return Err(Failure::unreachable(error)),
    };
    println!("{}", serde_json::to_string(&found).map_err(Failure::unreachable)?);
    Ok(CommandOutcome::Done)
}
