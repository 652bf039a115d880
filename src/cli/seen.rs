//! The last checkpoint of each ledger that this user has verified: a node that shows less, or another one, is caught.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::data_dir::cannot;
use crate::cli::failure::Failure;
use crate::cli::trust;
use sealane_core::block::{Checkpoint, Commit, Origin};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::json;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

/// A final checkpoint, and when it was seen by this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seen {
    pub size: TreeSize,
    pub root: Hash,
    /// C2SP tlog-checkpoint text.
    pub checkpoint: String,
    pub commit: Commit,
    pub at: Timestamp,
}

impl Seen {
    pub fn new(checkpoint: &Checkpoint, commit: Commit, at: Timestamp) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root, checkpoint: checkpoint.to_text(), commit, at }
    }
}

/// Tells whether there is a directory to remember anything in.
pub fn has_a_place() -> bool {
    trust::pins().is_ok()
}

/// The last checkpoint seen of a ledger. Its commit was verified when it was remembered.
pub fn last(anchor: &Anchor) -> Result<Option<Seen>, Failure> {
    read(&file(anchor)?, &anchor.genesis().origin)
}

/// Remembers a checkpoint whose commit was verified. One of a smaller tree than is remembered changes nothing.
pub fn remember(anchor: &Anchor, seen: &Seen) -> Result<(), Failure> {
    let path = file(anchor)?;
    match read(&path, &anchor.genesis().origin)? {
        Some(last) if last.size > seen.size => Ok(()),
        _ => write(&path, seen),
    }
}

/// Named by the genesis statement: another ledger may give itself the same origin.
fn file(anchor: &Anchor) -> Result<PathBuf, Failure> {
    Ok(trust::pins()?.join(format!("{}.seen.json", anchor.genesis_id())))
}

fn read(path: &Path, origin: &Origin) -> Result<Option<Seen>, Failure> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", path, &error)),
    };
    let seen = parse(&bytes, origin).map_err(|error| {
        Failure::unreachable(format!(
            "{}, which remembers the last checkpoint seen of {origin}, cannot be read: {error}; remove it if you can do \
             without the check against that checkpoint",
            path.display()
        ))
    })?;
    Ok(Some(seen))
}

fn parse(bytes: &[u8], origin: &Origin) -> Result<Seen, String> {
    let value = json::parse(bytes).map_err(|error| error.to_string())?;
    let seen: Seen = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let checkpoint: Checkpoint = seen.checkpoint.parse().map_err(|error| format!("its checkpoint: {error}"))?;
    if checkpoint.origin != *origin || checkpoint.size != seen.size || checkpoint.root != seen.root {
        return Err("its checkpoint is another one than it says".to_owned());
    }
    Ok(seen)
}

/// A reader finds the old one or the new one, whole.
fn write(path: &Path, seen: &Seen) -> Result<(), Failure> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let fault = |error: std::io::Error| cannot("write", path, &error);
    fs::create_dir_all(dir).map_err(|error| cannot("make", dir, &error))?;
    let text = serde_json::to_string_pretty(seen).map_err(Failure::unreachable)?;
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(fault)?;
    file.write_all(text.as_bytes()).map_err(fault)?;
    file.as_file().sync_all().map_err(fault)?;
    file.persist(path).map_err(|error| fault(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;
    use sealane_core::block::{CommitSignature, Height};

    fn seen(size: u64) -> Seen {
        let origin: Origin = "ledger.example/test".parse().unwrap();
        let checkpoint = Checkpoint { origin, size: TreeSize::new(size).unwrap(), root: Hash::of(&size.to_be_bytes()) };
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let signatures = vec![CommitSignature::sign(&key, Height::GENESIS, 0, &checkpoint)];
        let commit = Commit { height: Height::GENESIS, round: 0, signatures };
        Seen::new(&checkpoint, commit, "2026-11-21T09:30:00.000Z".parse().unwrap())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper/a.seen.json");
        let origin: Origin = "ledger.example/test".parse().unwrap();
        assert_eq!(read(&path, &origin).unwrap(), None);
        for size in [4, 9] {
            write(&path, &seen(size)).unwrap();
            assert_eq!(read(&path, &origin).unwrap(), Some(seen(size)));
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.seen.json");
        let origin: Origin = "ledger.example/test".parse().unwrap();
        let good = serde_json::to_string(&seen(4)).unwrap();
        for wrong in ["", "{}", &good.replace(r#""size":4"#, r#""size":5"#), &good.replace("example/test", "example/x")]
        {
            fs::write(&path, wrong).unwrap();
            let failure = read(&path, &origin).unwrap_err();
            assert_eq!(failure.exit_code(), 3);
            assert!(format!("{failure:?}").contains("a.seen.json"), "{failure:?}");
        }
    }
}
