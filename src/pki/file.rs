//! Files that are written once and whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes a file that must not exist yet, with `mode` from the start, durable when this returns.
///
/// What could not be written whole is removed again, so that a full disk leaves no stump that blocks the next try.
pub(super) fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| sync_directory(path)) {
        // The first error is the one to tell; a stump that cannot be removed is named by the next try.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(())
}

/// Puts a file in the place of another one: after a crash the old one is there whole, or the new one.
pub(super) fn replace(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    // What a crash left of an earlier try.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&new, mode, text)?;
    fs::rename(&new, path)?;
    sync_directory(path)
}

/// Makes the file's name durable, which its own sync does not.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
