//! The nodes of a demonstration of several members, each a process of this same program.
//!
//! None outlives the demonstration: each is stopped and waited for, however the story ends, and stops by itself when its
//! standard input closes, which this process holds open. It has a process group of its own, so that Ctrl-C at a terminal
//! reaches this process alone, which then decides.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::data_dir::cannot;
use crate::cli::demo::members::Seat;
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::self_check::this_program;
use crate::http::SHUTDOWN_TIMEOUT;

/// What a node logs, in its member's directory.
pub const LOG_FILE: &str = "node.log";

/// How long a node may take to start: it checks its ledger, on a machine that may be busy.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a node that was asked to stop may take, before it is killed: as long as its requests in flight may, and some
/// seconds for what its writer has taken on.
const STOP_MAX: Duration = Duration::from_secs(SHUTDOWN_TIMEOUT.as_secs() + 10);

/// How often it is looked whether a node has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is shown of the log of a node that did not start: so many lines, among so many bytes.
const TAIL_LINES: usize = 8;
const TAIL_BYTES: u64 = 4 * 1024;

/// Processes of nodes, by the number of their member.
#[derive(Default)]
pub struct DemoNodes(Mutex<Processes>);

#[derive(Default)]
struct Processes {
    /// There will be no other.
    stopped: bool,
    running: Vec<Option<Child>>,
}

/// A node that was started.
struct StartingNode {
    /// The first line that it prints comes when it serves, and an empty one when it ends before.
    line: Receiver<String>,
    /// Where its log begins, after what earlier processes wrote.
    log_from: u64,
}

impl DemoNodes {
    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the nodes of some members and waits until each serves.
    pub fn start(&self, seats: &[Seat], which: &[usize]) -> Result<(), Failure> {
        let started: Vec<StartingNode> =
            which.iter().map(|at| self.spawn(*at, &seats[*at])).collect::<Result<_, Failure>>()?;
        let until = Instant::now() + START_MAX;
        for (node, at) in started.iter().zip(which) {
            let what = match node.line.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with('{') => continue,
                Ok(_) | Err(RecvTimeoutError::Disconnected) => "did not start".to_owned(),
                Err(RecvTimeoutError::Timeout) => format!("did not serve within {} s", START_MAX.as_secs()),
            };
            return Err(not_started(&seats[*at], &what, node.log_from));
        }
        Ok(())
    }

    fn spawn(&self, at: usize, seat: &Seat) -> Result<StartingNode, Failure> {
        let mut processes = self.processes();
        if processes.stopped {
            return Err(Failure::unreachable("the demonstration was stopped"));
        }
        let (log, log_from) = open_log(seat)?;
        let mut child = command(seat, log)?.spawn().map_err(|error| {
            Failure::unreachable(format!("the node of {} did not start: {error}", seat.member.name))
        })?;
        let (told, line) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                let mut stdout = BufReader::new(stdout);
                let mut line = String::new();
                let _ = stdout.read_line(&mut line);
                let _ = told.send(line);
                // A node that prints more must find a reader.
                let _ = io::copy(&mut stdout, &mut io::sink());
            });
        }
        if processes.running.len() <= at {
            processes.running.resize_with(at + 1, || None);
        }
        processes.running[at] = Some(child);
        Ok(StartingNode { line, log_from })
    }

    /// The process of a member's node, if it was started.
    pub fn pid(&self, at: usize) -> Option<u32> {
        self.processes().running.get(at)?.as_ref().map(Child::id)
    }

    /// Kills a member's node as a crash or a power cut would, and waits until it is gone.
    pub fn kill(&self, at: usize) -> Result<(), Failure> {
        let child = self.processes().running.get_mut(at).and_then(Option::take);
        let Some(mut child) = child else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map(drop).map_err(Failure::unreachable)
    }

    /// Names each member whose node has ended by itself since it was looked last, and says how.
    pub fn ended(&self) -> Vec<(usize, ExitStatus)> {
        let mut ended = Vec::new();
        for (at, place) in self.processes().running.iter_mut().enumerate() {
            if let Some(Ok(Some(status))) = place.as_mut().map(Child::try_wait) {
                *place = None;
                ended.push((at, status));
            }
        }
        ended
    }

    /// Stops all nodes and waits until they are gone; none starts any more. Those that do not end in time are killed, and
    /// their members' numbers returned.
    pub fn stop(&self) -> Vec<usize> {
        let mut processes = self.processes();
        processes.stopped = true;
        let mut running: Vec<(usize, Child)> = processes.running.drain(..).enumerate().flat_map(with_number).collect();
        drop(processes);
        for (_, child) in &running {
            // It may have ended already.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
        let until = Instant::now() + STOP_MAX;
        while Instant::now() < until {
            running.retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            if running.is_empty() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        for (_, child) in &mut running {
            let _ = child.kill();
            let _ = child.wait();
        }
        running.into_iter().map(|(at, _)| at).collect()
    }
}

impl Drop for DemoNodes {
    fn drop(&mut self) {
        self.stop();
    }
}

fn with_number((at, child): (usize, Option<Child>)) -> Option<(usize, Child)> {
    child.map(|child| (at, child))
}

/// Opens a node's log at its end, and says where that is.
fn open_log(seat: &Seat) -> Result<(File, u64), Failure> {
    let path = seat.data.join(LOG_FILE);
    let open = || {
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let length = log.metadata()?.len();
        Ok((log, length))
    };
    open().map_err(|error: io::Error| cannot("write", &path, &error))
}

/// `serve`, by the settings in the member's directory alone.
fn command(seat: &Seat, log: File) -> Result<Command, Failure> {
    let mut command = Command::new(this_program().map_err(Failure::unreachable)?);
    command.arg0("sealane").arg("serve").arg("--data").arg(&seat.data).args(["--json", "--until-stdin-closes"]);
    // The ledger may have stood still for long: the demonstration takes the time of this machine as right.
    command.arg("--accept-clock").arg(now().to_string());
    command.args(&seat.flags).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
    // What the environment says is meant for this process.
    let foreign = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"SEALANE_") && name != "SEALANE_LOG";
    for (name, _) in std::env::vars_os().filter(|(name, _)| foreign(name)) {
        command.env_remove(name);
    }
    if std::env::var_os("SEALANE_LOG").is_none() {
        command.env("SEALANE_LOG", "warn");
    }
    Ok(command)
}

fn not_started(seat: &Seat, what: &str, log_from: u64) -> Failure {
    let path = seat.data.join(LOG_FILE);
    let tail = tail(&path, log_from).unwrap_or_else(|error| format!("it cannot be read: {error}"));
    Failure::unreachable(format!("the node of {} {what}; {} says:\n{tail}", seat.member.name, path.display()))
}

/// The last lines of a file, as far as they come after `from`.
fn tail(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOG_FILE);
        let lines: Vec<String> = (0..2_000).map(|at| format!("line {at}")).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        assert_eq!(tail(&path, 0).unwrap(), lines[1_992..].join("\n"));
        std::fs::write(&path, "before\nafter\n").unwrap();
        assert_eq!(tail(&path, 7).unwrap(), "after");
    }
}
