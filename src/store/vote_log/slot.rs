//! One of the log's two files, as far as the log needs a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A file of bytes. What was written or cut is durable once `sync` has returned `Ok`, and may be lost in part before.
pub(super) trait Slot: Send + Sync + 'static {
    /// Reads the file up to `bytes_max`.
    fn read(&self, bytes_max: u64) -> io::Result<Vec<u8>>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file, if it is longer.
    fn cut(&self, length: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

/// A file of the file system.
pub struct FileSlot(File);

impl FileSlot {
    /// Makes a file that must not exist, for its owner alone.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map(Self)
    }

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(path).map(Self)
    }
}

impl Slot for FileSlot {
    fn read(&self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Positioned { file: &self.0, at: 0 }.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        match self.0.metadata()?.len() > length {
            true => self.0.set_len(length),
            false => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Reads a file from a place of its own, since several readers share the file.
struct Positioned<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
