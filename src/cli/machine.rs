//! How the machine is that a node runs on, for the operator's page. What a system does not tell is left out.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::http::{Machine, MachineReading, Room};

/// The most memory of this process's group (cgroup v2), and of the whole machine.
const GROUP_MEMORY: &str = "/sys/fs/cgroup/memory.max";
const MACHINE_MEMORY: &str = "/proc/meminfo";

/// The machine under a data directory.
pub struct HostMachine {
    data: PathBuf,
    /// The ledger's file; none if a database server has it.
    ledger: Option<PathBuf>,
}

impl HostMachine {
    pub const fn new(data: PathBuf, ledger: Option<PathBuf>) -> Self {
        Self { data, ledger }
    }
}

impl Machine for HostMachine {
    fn reading(&self) -> MachineReading {
        MachineReading {
            data: self.data.display().to_string(),
            disk: disk(&self.data),
            memory: memory(),
            files: files(),
            ledger_bytes: self.ledger.as_deref().map(ledger_bytes),
        }
    }
}

/// The disk of a directory, as its user may fill it.
fn disk(dir: &Path) -> Option<Room> {
    let told = statvfs(dir).ok()?;
    let free = told.f_bavail.saturating_mul(told.f_frsize);
    let used = told.f_blocks.saturating_sub(told.f_bfree).saturating_mul(told.f_frsize);
    Some(Room { used, of: used.saturating_add(free) })
}

fn memory() -> Option<Room> {
    let used = kib_of(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    let machine = kib_of(&fs::read_to_string(MACHINE_MEMORY).ok()?, "MemTotal:")?;
    // `max` stands for no limit, and no file for no such group.
    let group = fs::read_to_string(GROUP_MEMORY).ok().and_then(|text| text.trim().parse().ok());
    Some(Room { used, of: group.map_or(machine, |group: u64| group.min(machine)) })
}

/// The bytes of a line such as `VmRSS:   1234 kB` (proc(5)).
fn kib_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn files() -> Option<Room> {
    let used = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let (of, _) = rlimit::getrlimit(rlimit::Resource::NOFILE).ok()?;
    Some(Room { used, of })
}

/// The ledger's file and what SQLite has beside it.
fn ledger_bytes(path: &Path) -> u64 {
    let beside = ["", "-wal", "-shm"].map(|end| format!("{}{end}", path.display()));
    beside.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_read() {
        let text = "VmPeak:\t  99 kB\nVmRSS:\t    2048 kB\nThreads:\t4\n";
        assert_eq!(kib_of(text, "VmRSS:"), Some(2 << 20));
        assert_eq!(kib_of(text, "Threads:"), None);
        assert_eq!(kib_of(text, "VmSwap:"), None);
    }

    #[test]
    fn a_machine_tells_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.sqlite");
        fs::write(&ledger, [0; 100]).unwrap();
        fs::write(dir.path().join("ledger.sqlite-wal"), [0; 20]).unwrap();
        let reading = HostMachine::new(dir.path().to_owned(), Some(ledger)).reading();
        assert_eq!(reading.ledger_bytes, Some(120));
        assert!(reading.disk.is_some_and(|room| room.used <= room.of && room.of > 0), "{reading:?}");
        #[cfg(target_os = "linux")]
        assert!(reading.memory.is_some_and(|room| room.used > 0) && reading.files.is_some_and(|room| room.used > 2));
    }
}
