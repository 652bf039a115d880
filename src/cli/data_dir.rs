//! The data directory of a member: what is in it, and who may use it now.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::cli::failure::{Failure, with_causes};
use crate::domain::block::Height;
use crate::pki::{CertificateAuthority, MEMBER_KEY_FILE, MemberKey, PrivateKey, read_member_mark};
use crate::ports::Mark;
use crate::store::SqliteStore;

/// The version of the directory's layout that this program writes and reads.
const VERSION: u32 = 1;
const VERSION_FILE: &str = "version";
const LOCK_FILE: &str = "lock";
const LEDGER_FILE: &str = "ledger.sqlite";

/// A member's data directory that is there and of this program's version.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

/// The right to write in a data directory, held until dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// Makes the directory for a new member. Refuses one that has a member already.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        if path.join(VERSION_FILE).exists() {
            let message =
                format!("{} has a member already; choose another --data, or `sealane serve` it", path.display());
            return Err(Failure::unreachable(message));
        }
        if path.join(MEMBER_KEY_FILE).exists() {
            return Err(cut_short(path));
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("make", path, &error))?;
        Ok(Self(path.to_owned()))
    }

    /// Opens a directory that `init` has finished.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path.join(VERSION_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && path.join(MEMBER_KEY_FILE).exists() => {
                return Err(cut_short(path));
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let message =
                    format!("no member in {}: run `sealane init --name NAME --data {0}` first", path.display());
                return Err(Failure::unreachable(message));
            }
            Err(error) => return Err(cannot("read", path, &error)),
        };
        match text.trim().parse::<u32>() {
            Ok(VERSION) => Ok(Self(path.to_owned())),
            Ok(newer) if newer > VERSION => Err(Failure::unreachable(format!(
                "{} is of version {newer}, and this sealane knows {VERSION}: run the sealane that made it, or a later one",
                path.display()
            ))),
            _ => Err(Failure::unreachable(format!(
                "{} holds {text:?} where its version should stand; it is damaged, or not Sealane's",
                path.join(VERSION_FILE).display()
            ))),
        }
    }

    /// Opens the directory if a member is there; `None` when there is none.
    pub fn open_if_there(path: &Path) -> Result<Option<Self>, Failure> {
        if path.join(VERSION_FILE).exists() { Self::open(path).map(Some) } else { Ok(None) }
    }

    /// Marks the directory as complete: the last step of `init`.
    pub fn finish(&self) -> Result<(), Failure> {
        let path = self.0.join(VERSION_FILE);
        let write = |mut file: File| file.write_all(format!("{VERSION}\n").as_bytes()).and_then(|()| file.sync_all());
        File::create_new(&path).and_then(write).map_err(|error| {
            // An empty stump would pass for a damaged version; what cannot be removed is told of by the next start.
            let _ = fs::remove_file(&path);
            cannot("write", &path, &error)
        })
    }

    /// Takes the right to write, or says that another process has it.
    pub fn lock(&self) -> Result<Lock, Failure> {
        let path = self.0.join(LOCK_FILE);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| cannot("write", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Failure::unreachable(format!(
                "another sealane process is using {}: stop it first, or choose another --data",
                self.0.display()
            ))),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn ledger_path(&self) -> PathBuf {
        Self::ledger_in(&self.0)
    }

    /// Where the ledger's file is in a data directory or a backup.
    pub fn ledger_in(dir: &Path) -> PathBuf {
        dir.join(LEDGER_FILE)
    }

    /// A directory that is being filled: no member is there until `finish`.
    pub fn unfinished(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn is_finished(&self) -> bool {
        self.0.join(VERSION_FILE).exists()
    }

    pub fn store(&self) -> Result<SqliteStore, Failure> {
        SqliteStore::open(&self.ledger_path()).map_err(|error| Failure::unreachable(with_causes(&error)))
    }

    /// The ledger as of now, however it grows meanwhile.
    pub fn snapshot(&self) -> Result<SqliteStore, Failure> {
        SqliteStore::open_snapshot(&self.ledger_path()).map_err(|error| Failure::unreachable(with_causes(&error)))
    }

    /// What the member's key has signed last, if anything.
    pub fn mark(&self) -> Result<Option<Mark>, Failure> {
        read_member_mark(&self.0).map_err(|error| cannot("read the high-water mark in", &self.0, &error))
    }

    /// The member's key with its mark.
    pub fn member_key(&self) -> Result<MemberKey, Failure> {
        let key = PrivateKey::read(&self.0.join(MEMBER_KEY_FILE))
            .map_err(|error| Failure::unreachable(with_causes(&error)))?;
        MemberKey::open(key, &self.0).map_err(|error| cannot("open the high-water mark in", &self.0, &error))
    }

    pub fn authority(&self) -> Result<CertificateAuthority, Failure> {
        CertificateAuthority::load(&self.0).map_err(|error| Failure::unreachable(with_causes(&error)))
    }
}

/// A directory that has a key and no version: its `init` did not come to its end, or somebody lost the file since.
fn cut_short(path: &Path) -> Failure {
    let message = match read_member_mark(path) {
        Ok(mark) if mark.is_none_or(|mark| mark.height == Height::GENESIS) => format!(
            "an `init` was cut short in {}: nothing has been recorded there; remove it and run `sealane init` again; if its keys were put \
             there to bring a ledger back: `sealane restore --from BACKUP --data {0}`",
            path.display()
        ),
        _ => format!(
            "{} has a member whose key has signed blocks, and {VERSION_FILE} is missing: write the line {VERSION} into {}",
            path.display(),
            path.join(VERSION_FILE).display()
        ),
    };
    Failure::unreachable(message)
}

/// Says what could not be done with a path, and what to do about it.
pub fn cannot(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::unreachable(format!("cannot {action} {}: {}", path.display(), with_causes(error)))
}
