//! What a process has cost so far, as Linux tells it under `/proc`, and this thread. Elsewhere nothing is told.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// `/proc/PID/stat` counts time in hundredths of a second, on every Linux machine.
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process, in megabytes of 1,000,000 bytes.
#[derive(Debug, Clone, Copy)]
pub struct ProcessMemory {
    pub resident_mb: f64,
    /// The most since its start.
    pub peak_mb: f64,
}

/// The time that a process has had on all cores, user and system.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold spaces and brackets; after its last bracket the state is the third field of proc(5).
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * ticks()?.checked_add(ticks()?)?)
}

pub fn memory(pid: u32) -> Option<ProcessMemory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mb = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024.0 / 1e6)
    };
    Some(ProcessMemory { resident_mb: mb("VmRSS:")?, peak_mb: mb("VmHWM:")? })
}

/// The time that this thread has had.
pub fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Bytes of the files in a directory and below.
pub fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?, entry.path())))
        .map(|(metadata, path)| if metadata.is_dir() { disk_bytes(&path) } else { metadata.len() })
        .sum()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_had_time() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.resident_mb > 0.1 && memory.peak_mb >= memory.resident_mb, "{memory:?}");
        assert!(cpu_time(std::process::id()).is_some());
        assert!(own_cpu_time() > Duration::ZERO);
        assert!(cpu_time(u32::MAX).is_none() && super::memory(u32::MAX).is_none());
    }

    #[test]
    fn bytes_are_counted_below_too() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("a"), [0; 10]).unwrap();
        fs::write(dir.path().join("below/b"), [0; 7]).unwrap();
        assert_eq!(disk_bytes(dir.path()), 17);
    }
}
