//! Requests to join, kept beside the ledger, so that a node that starts has them still.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::app::joining::{JOIN_REQUEST_BYTES_MAX, JOIN_REQUESTS_MAX, JoinKeeper};

/// File name inside a member's data directory. If it is removed, newcomers post their requests again.
pub const JOIN_REQUEST_FILE: &str = "join-requests.json";

/// Bytes of the file: as many requests as may wait, and when and from where each came.
const FILE_BYTES_MAX: u64 = (JOIN_REQUESTS_MAX * (JOIN_REQUEST_BYTES_MAX + 256)) as u64;

/// The file of requests in a data directory.
pub struct JoinRequestFile {
    path: PathBuf,
}

impl JoinRequestFile {
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join(JOIN_REQUEST_FILE) }
    }
}

impl JoinKeeper for JoinRequestFile {
    fn load(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(bytes)
    }

    /// A reader finds the old requests or the new ones, whole.
    fn save(&self, requests: &[u8]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(requests)?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}
