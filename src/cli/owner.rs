//! Whose a file or directory is that this process may not use, for people.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Who has which number, on every Unix.
const USERS: &str = "/etc/passwd";

/// The bits of a mode that say who may do what.
const MODE_BITS: u32 = 0o7777;

/// Says whose the directory of a path is, and who asks: why permission was denied, and what helps.
pub fn of_denied(path: &Path) -> String {
    // What cannot be seen lies in a directory that can.
    let seen = path.ancestors().find_map(|at| Some((at, fs::symlink_metadata(at).ok()?)));
    let Some((at, found)) = seen else { return String::new() };
    let parent = at.parent().filter(|_| !found.is_dir()).map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    let directory = parent.and_then(|parent| Some((parent, fs::metadata(parent).ok()?)));
    let (directory, of_directory, file) = match directory {
        Some((directory, of_directory)) => (directory, of_directory, Some(found)),
        None => (at, found, None),
    };
    let file = file.map(|file| format!(", and the file is {}", told(&file))).unwrap_or_default();
    format!(
        "the directory {} is {}{file}, while this process is user {}: run it as the owner, or give the directory to that user",
        directory.display(),
        told(&of_directory),
        named(rustix::process::geteuid().as_raw())
    )
}

fn told(metadata: &Metadata) -> String {
    format!("of user {} with mode {:04o}", named(metadata.uid()), metadata.mode() & MODE_BITS)
}

/// A user's number, with the name if the system's file has one.
fn named(uid: u32) -> String {
    let users = fs::read_to_string(USERS).unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.map_or_else(|| uid.to_string(), |name| format!("{uid} ({name})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_directory_its_owner_and_its_mode_are_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let own = named(rustix::process::geteuid().as_raw());
        let told = of_denied(&dir.path().join("missing/file"));
        let right = format!("the directory {} is of user {own} with mode 0750, while", dir.path().display());
        assert!(told.starts_with(&right), "{told}");
        fs::write(dir.path().join("lock"), "").unwrap();
        fs::set_permissions(dir.path().join("lock"), fs::Permissions::from_mode(0o600)).unwrap();
        let told = of_denied(&dir.path().join("lock"));
        assert!(told.contains("with mode 0750, and the file is of user"), "{told}");
        assert!(told.contains("with mode 0600, while this process is user"), "{told}");
    }
}
