//! The check that a node makes of its own ledger, in a process of its own.
//!
//! It derives everything anew from the leaves, which takes as much memory again as the node has, and of a whole check a core
//! for as long as the ledger has grown. A process beside the node gives both back at its end, and steps aside for requests
//! meanwhile. Mostly it goes on from where the check before ended (`check_base`); after a fault it never does.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::nice;
use serde::{Deserialize, Serialize};

use crate::app::WriteGate;
use crate::app::audit::{self, AuditedPrefix, Fault, LedgerCheck, Report};
use crate::cli::arguments::{Global, SelfCheckOptions};
use crate::cli::check_base::{self, CheckBase};
use crate::cli::check_record;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime};
use crate::cli::provider::provider;
use crate::http::AuditResult;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

/// How often a running node checks itself.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a node looks whether its operator has removed the base, and so demands a whole check.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How far it stands back behind the node's own threads: as far as can be.
const NICENESS: i32 = 19;

/// What the check's process tells the node's, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    /// Leaves before this one were not read again; 0 for a whole check.
    from: TreeSize,
    /// When the last whole check ended, if this one is not whole.
    whole_at: Option<Timestamp>,
    /// Why this one is whole.
    why_whole: Option<String>,
    result: Result<(Report, AuditedPrefix), Fault>,
}

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
                // A fault is taken back by nothing less than a whole check.
                let passed = |last: &AuditResult| last.result.is_ok();
                let whole = !last.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(passed);
                match check(&data, &checking, whole) {
                    Ok(found) => {
                        let result = keep(&data, found);
                        gate.checked(result.fault());
                        *last.write().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    }
                    Err(_) if matches!(*lock(&checking), Process::Stopped) => return,
                    Err(failure) => tracing::warn!(%failure, "the node could not check itself"),
                }
                if !wait(&data, &paused) {
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

/// Writes down what a check found, and tells it.
fn keep(data: &DataDir, found: Found) -> AuditResult {
    let Found { from, whole_at, why_whole, result } = found;
    let at = now();
    let whole_at = if from == TreeSize::ZERO { Some(at) } else { whole_at };
    if let Some(why) = why_whole {
        tracing::info!(why, "the check of the ledger was whole");
    }
    let kept = match &result {
        Ok((report, audited)) => {
            let last_whole = whole_at.map(|at| at.to_string());
            tracing::info!(%from, leaves = report.leaves, last_whole, "the ledger is sound");
            let base = whole_at.map(|whole_at| CheckBase::new(whole_at, audited.clone()));
            base.map_or(Ok(()), |base| check_base::write(data, &base))
        }
        Err(fault) => {
            tracing::error!(%fault, %from, "the ledger is not sound");
            // Before the fault is written, which may fail: then the next start finds no base, and checks all.
            check_base::remove(data)
        }
    };
    if let Err(error) = kept {
        tracing::error!(%error, "where the next check may begin could not be written down");
    }
    let result = AuditResult { at, from, whole_at, result: result.map(|(report, _)| report) };
    // Kept first: a fault that was shown is not forgotten by a crash.
    if let Err(error) = check_record::write(data, &result) {
        tracing::error!(%error, "what the check came to is lost at the next start");
    }
    result
}

/// Waits until the next check is due, or demanded; `false` if there is to be none.
fn wait(data: &DataDir, paused: &Receiver<()>) -> bool {
    // After a fault, or a disk that was full, there is none: nothing is demanded by that.
    let was_there = check_base::is_there(data);
    let began = Instant::now();
    while began.elapsed() < EVERY {
        if paused.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return false;
        }
        if was_there && !check_base::is_there(data) {
            break;
        }
    }
    true
}

/// One check, over the ledger as of now.
fn check(data: &DataDir, process: &Mutex<Process>, whole: bool) -> Result<Found, String> {
    let no_process = |error: io::Error| format!("no process for it: {error}");
    let mut command = Command::new(this_program().map_err(no_process)?);
    command.arg("self-check").args(whole.then_some("--whole"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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

/// Checks the ledger, in the process of its own; nothing waits for it.
pub fn run(global: &Global, options: &SelfCheckOptions) -> Result<CommandOutcome, Failure> {
    // Where the system refuses, the check is no less right.
    let _ = nice(NICENESS);
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let base = match options.whole {
        true => Err("the last check found a fault, or there was none".to_owned()),
        false => check_base::read(&data, now()),
    };
    let (base, due) = match base {
        Ok(base) => (Some(base), None),
        Err(why) => (None, Some(why)),
    };
    let before = base.as_ref().map(|base| &base.audited);
    let checked =
        runtime()?.block_on(async { Ok(audit::check(&*data.snapshot().await?, provider(), before).await) })?;
    let LedgerCheck { from, differed, result } = checked.map_err(Failure::unreachable)?;
    let whole_at = base.map(|base| base.whole_at);
    let found = Found { from, whole_at, why_whole: due.or(differed), result };
    println!("{}", serde_json::to_string(&found).map_err(Failure::unreachable)?);
    Ok(CommandOutcome::Done)
}
