//! What the node's last check of its own ledger came to, kept beside the ledger and outside its database: a fault that was
//! found is not forgotten by a restart, and not by the database that it is in.

use std::fs;
use std::io::{self, ErrorKind, Write};

use serde::{Deserialize, Serialize};

use crate::app::audit::{Fault, Report};
use crate::cli::data_dir::DataDir;
use crate::http::AuditResult;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

/// The file's name inside the data directory.
pub const CHECK_RECORD_FILE: &str = "self-check.json";

/// The version of the file that this program writes.
const VERSION: u32 = 2;

/// The version before, in which every check was whole. It is read too, so that an upgrade forgets no fault.
const VERSION_ALL_WHOLE: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckRecord {
    version: u32,
    /// When the check ended.
    at: Timestamp,
    /// Leaves before this one were not read again; 0 for a whole check.
    #[serde(default)]
    from: TreeSize,
    /// When the last whole check ended.
    #[serde(default)]
    whole_at: Option<Timestamp>,
    /// What it went through, if it found no fault.
    report: Option<Report>,
    fault: Option<Fault>,
}

/// Reads what is kept; `None` before the first check, and of a file that cannot be read, which is said: the next check
/// begins at once and writes another one.
pub fn read(data: &DataDir) -> Option<AuditResult> {
    let path = data.path().join(CHECK_RECORD_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "what the last check came to cannot be read");
            return None;
        }
    };
    let record = serde_json::from_slice::<CheckRecord>(&bytes).map_err(|error| error.to_string());
    match record.and_then(result_of) {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::warn!(path = %path.display(), error, "what the last check came to is not what sealane writes");
            None
        }
    }
}

fn result_of(record: CheckRecord) -> Result<AuditResult, String> {
    let CheckRecord { version, at, from, whole_at, report, fault } = record;
    let (from, whole_at) = match version {
        VERSION => (from, whole_at),
        VERSION_ALL_WHOLE => (TreeSize::ZERO, Some(at)),
        _ => {
            return Err(format!(
                "it is of version {version}, and this sealane knows {VERSION_ALL_WHOLE} and {VERSION}"
            ));
        }
    };
    let result = match (report, fault) {
        (_, Some(fault)) => Err(fault),
        (Some(report), None) => Ok(report),
        (None, None) => return Err("it holds neither a report nor a fault".to_owned()),
    };
    Ok(AuditResult { at, from, whole_at, result })
}

/// Keeps a result: a reader finds the old one or the new one, whole. The file is its owner's alone.
pub fn write(data: &DataDir, result: &AuditResult) -> io::Result<()> {
    let record = CheckRecord {
        version: VERSION,
        at: result.at,
        from: result.from,
        whole_at: result.whole_at,
        report: result.result.clone().ok(),
        fault: result.result.clone().err(),
    };
    replace(data, CHECK_RECORD_FILE, &record)
}

/// Writes a value as JSON in the place of a file of the data directory.
pub(super) fn replace(data: &DataDir, name: &str, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(value)?;
    // With mode 0600 from the start.
    let mut file = tempfile::Builder::new().prefix(name).tempfile_in(data.path())?;
    file.write_all(&text)?;
    file.as_file().sync_all()?;
    file.persist(data.path().join(name)).map_err(|error| error.error)?;
    fs::File::open(data.path())?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn report() -> Report {
        Report { leaves: 9, blocks: 3, signatures: 7, captures: 2, events: 4, participants: 1, subjects: 5 }
    }

    #[test]
    fn what_is_kept_is_read_again_whatever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::unfinished(dir.path());
        assert_eq!(read(&data), None);
        let at: Timestamp = "2026-11-21T09:30:00.000Z".parse().unwrap();
        let fault = Fault { block: None, leaf: None, what: "leaf 4".to_owned() };
        for result in [Ok(report()), Err(fault), Ok(report())] {
            let result = AuditResult { at, from: TreeSize::new(4).unwrap(), whole_at: Some(at), result };
            write(&data, &result).unwrap();
            assert_eq!(read(&data), Some(result));
        }
        let mode = fs::metadata(dir.path().join(CHECK_RECORD_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        let good = fs::read_to_string(dir.path().join(CHECK_RECORD_FILE)).unwrap();
        for wrong in ["", "{}", &good.replace("\"version\": 2", "\"version\": 3"), &good.replace("\"report\"", "\"x\"")]
        {
            fs::write(dir.path().join(CHECK_RECORD_FILE), wrong).unwrap();
            assert_eq!(read(&data), None, "{wrong}");
        }
        let fault = r#"{"block": null, "leaf": 4, "what": "leaf 4"}"#;
        let older = format!(r#"{{"version": 1, "at": "{at}", "report": null, "fault": {fault}}}"#);
        fs::write(dir.path().join(CHECK_RECORD_FILE), older).unwrap();
        let read = read(&data).unwrap();
        assert_eq!((read.from, read.whole_at, read.result.is_err()), (TreeSize::ZERO, Some(at), true));
    }
}
