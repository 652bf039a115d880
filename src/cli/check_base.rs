//! What the node's next check of its own ledger may go on from, kept beside what the last one came to.
//!
//! The file says which leaves a check has found sound, and when a whole check last did. It is a shortcut and proves nothing by
//! itself: `app::audit::check` holds it against what is stored. Without the file the next check is whole, so removing it is how
//! an operator demands one.

use std::fs;
use std::io::{self, ErrorKind};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::audit::AuditedPrefix;
use crate::cli::check_record::replace;
use crate::cli::data_dir::DataDir;
use sealane_core::time::Timestamp;

/// The file's name inside the data directory.
pub const CHECK_BASE_FILE: &str = "self-check-base.json";

/// The version of the file that this program writes and reads.
const VERSION: u32 = 1;

/// How long checks go on from the one before. A byte that is changed in an older statement is not noticed for so long at
/// the most; a whole check of a large ledger takes hours of a core, so a node does not make one every day.
const WHOLE_EVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a check has found sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckBase {
    version: u32,
    /// When the last whole check ended.
    pub whole_at: Timestamp,
    pub audited: AuditedPrefix,
}

impl CheckBase {
    pub const fn new(whole_at: Timestamp, audited: AuditedPrefix) -> Self {
        Self { version: VERSION, whole_at, audited }
    }

    /// Tells whether a whole check is due: after its time, or by a clock that says that it has not been yet.
    fn is_whole_due(&self, now: Timestamp) -> bool {
        let age_ms = now.millis_since(self.whole_at);
        !u64::try_from(age_ms).is_ok_and(|age_ms| Duration::from_millis(age_ms) < WHOLE_EVERY)
    }
}

/// Reads what the next check may go on from, or says why it is to be whole.
pub fn read(data: &DataDir, now: Timestamp) -> Result<CheckBase, String> {
    let bytes = match fs::read(data.path().join(CHECK_BASE_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err("no earlier check is recorded".to_owned()),
        Err(error) => return Err(format!("{CHECK_BASE_FILE} cannot be read: {error}")),
    };
    let base: CheckBase = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{CHECK_BASE_FILE} is not what sealane writes: {error}"))?;
    if base.version != VERSION {
        return Err(format!("{CHECK_BASE_FILE} is of version {}, and this sealane knows {VERSION}", base.version));
    }
    if base.is_whole_due(now) {
        let days = WHOLE_EVERY.as_secs() / (24 * 60 * 60);
        return Err(format!("the last whole check was at {}, and one is due every {days} days", base.whole_at));
    }
    Ok(base)
}

/// Keeps what a check has found sound: a reader finds the old file or the new one, whole. The file is its owner's alone.
pub fn write(data: &DataDir, base: &CheckBase) -> io::Result<()> {
    replace(data, CHECK_BASE_FILE, base)
}

/// Has the next check be whole.
pub fn remove(data: &DataDir) -> io::Result<()> {
    match fs::remove_file(data.path().join(CHECK_BASE_FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Tells whether the file is there.
pub fn is_there(data: &DataDir) -> bool {
    data.path().join(CHECK_BASE_FILE).exists()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;
    use sealane_core::hash::Hash;

    fn base() -> CheckBase {
        let tally = json!({
            "leaves": 9, "blocks": 3, "signatures": 7, "captures": 2, "events": 4, "statements": 6, "longStatements": 0,
        });
        let audited = json!({
            "height": 2, "size": 9, "checkpoint": Hash::of(b"c"), "records": Hash::of(b"r"), "tally": tally,
        });
        CheckBase::new("2026-11-01T09:00:00.000Z".parse().unwrap(), serde_json::from_value(audited).unwrap())
    }

    #[test]
    fn a_month_makes_the_next_check_whole_and_so_does_a_clock_before_the_last_one() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::unfinished(dir.path());
        let day = "2026-11-02T09:00:00.000Z".parse().unwrap();
        assert_eq!(read(&data, day), Err("no earlier check is recorded".to_owned()));
        write(&data, &base()).unwrap();
        let mode = fs::metadata(dir.path().join(CHECK_BASE_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for (now, is_whole) in [
            ("2026-11-01T09:00:00.000Z", false),
            ("2026-12-01T08:59:59.999Z", false),
            ("2026-12-01T09:00:00.000Z", true),
            ("2027-11-01T09:00:00.000Z", true),
            ("2026-11-01T08:59:59.999Z", true),
        ] {
            let read = read(&data, now.parse().unwrap());
            assert_eq!(read.is_err(), is_whole, "{now}: {read:?}");
            assert!(read.is_ok_and(|read| read == base()) || is_whole, "{now}");
        }
        remove(&data).unwrap();
        remove(&data).unwrap();
        assert!(!is_there(&data));
    }

    #[test]
    fn a_damaged_file_makes_the_next_check_whole() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::unfinished(dir.path());
        write(&data, &base()).unwrap();
        let now = base().whole_at;
        let good = fs::read_to_string(dir.path().join(CHECK_BASE_FILE)).unwrap();
        for (wrong, says) in [
            (String::new(), "is not what sealane writes"),
            ("{}".to_owned(), "is not what sealane writes"),
            (good[..good.len() / 2].to_owned(), "is not what sealane writes"),
            (good.replace("\"size\": 9", "\"size\": -9"), "is not what sealane writes"),
            (good.replace("\"version\": 1", "\"version\": 2"), "is of version 2, and this sealane knows 1"),
        ] {
            fs::write(dir.path().join(CHECK_BASE_FILE), &wrong).unwrap();
            let refused = read(&data, now).unwrap_err();
            assert!(refused.contains(says), "{wrong}: {refused}");
        }
    }
}
