//! The data directory of a member: what is in it, and who may use it now.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::arguments::Global;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::owner;
use crate::cli::provider::provider;
use crate::config::Secret;
use crate::pki::tls::read_certificates;
use crate::pki::{CertificateAuthority, MEMBER_KEY_FILE, MemberKey, NOTE_KEY_FILE, NotePrivateKey, PrivateKey};
use crate::ports::{LedgerStore, Mark};
use crate::store::postgres::Server;
use crate::store::{PostgresStore, SqliteOpenError, SqliteStore, VoteLogFile};
use sealane_core::block::{Height, Origin};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;

/// The version of the directory's layout that this program writes and reads.
const VERSION: u32 = 2;
const VERSION_FILE: &str = "version";
const LOCK_FILE: &str = "lock";

/// How long the lock may take to come free, and how often it is looked at. A process that was killed while it started another
/// one leaves it with that one, until the system has loaded its program.
const LOCK_WITHIN: Duration = Duration::from_secs(3);
const LOCK_EVERY: Duration = Duration::from_millis(20);

const LEDGER_FILE: &str = "ledger.sqlite";

/// What a founder gives to the others, and the statement that the first of them signs.
pub const FOUNDER_FILE: &str = "founder.json";
pub const GENESIS_FILE: &str = "genesis.jose";

/// What an observer's directory has in the place of a member's keys: the trust anchor of the ledger that it follows.
pub const OBSERVER_FILE: &str = "observer.json";

/// What a newcomer gives to the members, and what its directory knows the ledger by that it joins.
pub const MEMBER_FILE: &str = "member.json";
pub const JOINING_FILE: &str = "joining.json";

/// A data directory of a member, or of an observer, that is there and of this program's version, and where its ledger is.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    /// The server that has the ledger; without one it is a file in the directory.
    server: Option<Server>,
    /// The arguments that name the server.
    database: Option<(Secret, Option<PathBuf>)>,
}

/// The right to write in a data directory, held until dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), server: None, database: None }
    }

    /// Says where the ledger is: the database that the arguments name, if they do.
    pub fn with_database(self, global: &Global) -> Result<Self, Failure> {
        let server = database(global)?;
        let database = global.database_url.clone().map(|url| (url, global.database_ca.clone()));
        Ok(Self { server, database, ..self })
    }

    /// Tells another process of this program where the directory and the ledger are. What opens a database stands in its
    /// environment, which no other user can read, and not on its command line.
    pub fn hand_on(&self, command: &mut Command) {
        command.arg("--data").arg(&self.path);
        if let Some((url, authorities)) = &self.database {
            command.env("SEALANE_DATABASE_URL", url.reveal());
            match authorities {
                Some(authorities) => command.env("SEALANE_DATABASE_CA", authorities),
                None => command.env_remove("SEALANE_DATABASE_CA"),
            };
        }
    }

    /// Refuses a directory that has something already.
    pub fn refuse_taken(path: &Path) -> Result<(), Failure> {
        if path.join(VERSION_FILE).exists() {
            return Err(has_member(path));
        }
        if path.join(OBSERVER_FILE).exists() {
            return Err(is_observers(path));
        }
        if path.join(MEMBER_KEY_FILE).exists() || path.join(JOINING_FILE).exists() {
            return Err(cut_short(path));
        }
        Ok(())
    }

    /// Makes the directory for a new member. Refuses one that has a member already.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        Self::refuse_taken(path)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("make", path, &error))?;
        Ok(Self::at(path))
    }

    /// Makes the directory of an observer, and pins in it what the ledger is known by; opens one in which that was cut short.
    /// Refuses one that has a member.
    pub fn create_observer(path: &Path, anchor: &Anchor) -> Result<Self, Failure> {
        if path.join(MEMBER_KEY_FILE).exists() || (path.join(VERSION_FILE).exists() && !is_observer(path)) {
            return Err(is_members(path));
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("make", path, &error))?;
        let pin = path.join(OBSERVER_FILE);
        let text = serde_json::to_string_pretty(&anchor.to_json()).map_err(Failure::unreachable)? + "\n";
        write_whole(&pin, &text).map_err(|error| cannot("write", &pin, &error))?;
        Ok(Self::at(path))
    }

    /// Makes the directory of a newcomer, and pins in it the ledger that it joins; opens one in which that was cut short.
    pub fn create_newcomer(path: &Path, joining: &Joining) -> Result<Self, Failure> {
        let is_new = !path.join(JOINING_FILE).exists();
        if is_new {
            Self::refuse_taken(path)?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("make", path, &error))?;
        if is_new {
            let file = path.join(JOINING_FILE);
            write_whole(&file, &joining.to_json()).map_err(|error| cannot("write", &file, &error))?;
        }
        Ok(Self::at(path))
    }

    /// What a newcomer's directory knows the ledger by that it joins; `None` of another directory.
    pub fn joining_in(path: &Path) -> Result<Option<Joining>, Failure> {
        let file = path.join(JOINING_FILE);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(cannot("read", &file, &error)),
        };
        let joining = Joining::parse(&bytes);
        joining.map(Some).map_err(|error| Failure::unreachable(format!("{}: {error}", file.display())))
    }

    /// Opens the directory of an observer, and reads what the ledger is known by; `None` if nothing is there. Refuses one that
    /// has a member.
    pub fn open_observer(path: &Path) -> Result<Option<(Self, Anchor)>, Failure> {
        let pin = path.join(OBSERVER_FILE);
        let bytes = match fs::read(&pin) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let is_taken = path.join(VERSION_FILE).exists() || path.join(MEMBER_KEY_FILE).exists();
                return if is_taken { Err(is_members(path)) } else { Ok(None) };
            }
            Err(error) => return Err(cannot("read", &pin, &error)),
        };
        let anchor = Anchor::parse(&bytes, provider().signatures);
        let anchor = anchor.map_err(|error| Failure::unreachable(format!("{}: {error}", pin.display())))?;
        let data = if path.join(VERSION_FILE).exists() { Self::open(path)? } else { Self::at(path) };
        Ok(Some((data, anchor)))
    }

    /// Tells whether it is the directory of an observer, which has no key.
    pub fn is_observer(&self) -> bool {
        is_observer(&self.path)
    }

    /// Refuses the directory of an observer to a command that needs a member.
    pub fn need_member(&self) -> Result<(), Failure> {
        if !self.is_observer() {
            return Ok(());
        }
        Err(Failure::unreachable(format!(
            "{} is the directory of an observer, which is no member and has no keys: give the --data of a member",
            self.path.display()
        )))
    }

    /// Opens a directory that `init` has finished.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path.join(VERSION_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && path.join(MEMBER_KEY_FILE).exists() => {
                return Err(cut_short(path));
            }
            Err(error) if error.kind() == ErrorKind::NotFound && is_observer(path) => {
                return Err(Failure::unreachable(format!(
                    "the first `sealane follow` was cut short in {}: run it again",
                    path.display()
                )));
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let message =
                    format!("no member in {}: run `sealane init --name NAME --data {0}` first", path.display());
                return Err(Failure::unreachable(message));
            }
            Err(error) => return Err(cannot("read", path, &error)),
        };
        match text.trim().parse::<u32>() {
            Ok(VERSION) => Ok(Self::at(path)),
            Ok(newer) if newer > VERSION => Err(Failure::unreachable(format!(
                "{} is of version {newer}, and this sealane knows {VERSION}: run the sealane that made it, or a later one",
                path.display()
            ))),
            Ok(older) if older > 0 => Err(Failure::unreachable(format!(
                "{} is of version {older}, whose formats this sealane does not read; it reads version {VERSION}: run the \
                 sealane that made it, or begin a new ledger in another --data with `sealane init --name NAME`",
                path.display()
            ))),
            _ => Err(Failure::unreachable(format!(
                "{} holds {text:?} where its version should stand; it is damaged, or not Sealane's",
                path.join(VERSION_FILE).display()
            ))),
        }
    }

    /// Opens a directory that `init --founder` made, in which no ledger was founded yet.
    pub fn open_founder(path: &Path) -> Result<Self, Failure> {
        if path.join(VERSION_FILE).exists() {
            return Err(has_member(path));
        }
        if path.join(FOUNDER_FILE).exists() {
            return Ok(Self::at(path));
        }
        if path.join(MEMBER_KEY_FILE).exists() {
            return Err(cut_short(path));
        }
        Err(Failure::unreachable(format!(
            "no founder in {}: run `sealane init --founder --name NAME --origin ORIGIN --peer-address HOST:PORT --public-url URL \
             --data {0}` first",
            path.display()
        )))
    }

    /// Opens the directory if a member is there; `None` when there is none.
    pub fn open_if_there(path: &Path) -> Result<Option<Self>, Failure> {
        if path.join(VERSION_FILE).exists() { Self::open(path).map(Some) } else { Ok(None) }
    }

    /// Marks the directory as complete: the last step of `init`.
    pub fn finish(&self) -> Result<(), Failure> {
        let path = self.path.join(VERSION_FILE);
        let write = |mut file: File| file.write_all(format!("{VERSION}\n").as_bytes()).and_then(|()| file.sync_all());
        File::create_new(&path).and_then(write).map_err(|error| {
            // An empty stump would pass for a damaged version; what cannot be removed is told of by the next start.
            let _ = fs::remove_file(&path);
            cannot("write", &path, &error)
        })
    }

    /// Takes the right to write, or says that another process has it. Waits for one that was killed a moment ago.
    pub fn lock(&self) -> Result<Lock, Failure> {
        let path = self.path.join(LOCK_FILE);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| cannot("write", &path, &error))?;
        let began = Instant::now();
        let mut taken = file.try_lock();
        while matches!(taken, Err(TryLockError::WouldBlock)) && began.elapsed() < LOCK_WITHIN {
            thread::sleep(LOCK_EVERY);
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Failure::unreachable(format!(
                "another sealane process is using {}: stop it first, or choose another --data",
                self.path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn ledger_path(&self) -> PathBuf {
        Self::ledger_in(&self.path)
    }

    /// Whether the ledger is a file, and not in a database server.
    pub const fn has_file(&self) -> bool {
        self.server.is_none()
    }

    /// Where the ledger's file is in a data directory or a backup.
    pub fn ledger_in(dir: &Path) -> PathBuf {
        dir.join(LEDGER_FILE)
    }

    /// A directory that is being filled: no member is there until `finish`.
    pub fn unfinished(path: &Path) -> Self {
        Self::at(path)
    }

    pub fn is_finished(&self) -> bool {
        self.path.join(VERSION_FILE).exists()
    }

    /// Names the place of the ledger, for people.
    pub fn ledger_place(&self) -> String {
        match &self.server {
            None => self.ledger_path().display().to_string(),
            Some(server) => format!("the database {}", server.url),
        }
    }

    /// Makes an empty ledger, or finds the one that is there.
    pub async fn create_store(&self) -> Result<Arc<dyn LedgerStore>, Failure> {
        Ok(match &self.server {
            None => Arc::new(SqliteStore::create(&self.ledger_path()).map_err(unreachable)?),
            Some(server) => Arc::new(PostgresStore::create(server, &self.holder()).await.map_err(unreachable)?),
        })
    }

    /// Brings the ledger of an older version up to this program's.
    pub async fn migrate_store(&self) -> Result<(), Failure> {
        match &self.server {
            None => SqliteStore::migrate(&self.ledger_path()).map_err(unreachable_file),
            Some(server) => PostgresStore::migrate(server, &self.holder()).await.map_err(unreachable),
        }
    }

    /// The ledger, to be written by this process alone.
    pub async fn store(&self) -> Result<Arc<dyn LedgerStore>, Failure> {
        Ok(match &self.server {
            None => Arc::new(SqliteStore::open(&self.ledger_path()).map_err(unreachable_file)?),
            Some(server) => Arc::new(PostgresStore::open(server, &self.holder()).await.map_err(unreachable)?),
        })
    }

    /// The ledger as of now, however it grows meanwhile.
    pub async fn snapshot(&self) -> Result<Arc<dyn LedgerStore>, Failure> {
        Ok(match &self.server {
            None => Arc::new(SqliteStore::open_snapshot(&self.ledger_path()).map_err(unreachable_file)?),
            Some(server) => Arc::new(PostgresStore::open_snapshot(server).await.map_err(unreachable)?),
        })
    }

    /// Says who writes, to the operator whose process is refused meanwhile.
    fn holder(&self) -> String {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        format!("process {} with --data {}", std::process::id(), path.display())
    }

    /// The last final block that the member's log of votes says its key has signed, if any.
    pub fn last_signed(&self) -> Result<Option<Mark>, Failure> {
        VoteLogFile::read_released(&self.path).map_err(unreachable)
    }

    /// The member's log of votes, which a command writes that holds the directory's lock.
    pub fn vote_log(&self, kid: Hash, origin: &Origin) -> Result<VoteLogFile, Failure> {
        self.need_member()?;
        VoteLogFile::open(&self.path, kid, origin).map_err(unreachable)
    }

    /// The member's keys.
    pub fn member_key(&self) -> Result<MemberKey, Failure> {
        self.need_member()?;
        let key = PrivateKey::read(&self.path.join(MEMBER_KEY_FILE))
            .map_err(|error| Failure::unreachable(with_causes(&error)))?;
        let note_key = NotePrivateKey::read(&self.path.join(NOTE_KEY_FILE))
            .map_err(|error| Failure::unreachable(with_causes(&error)))?;
        MemberKey::new(key, note_key).map_err(|error| {
            let path = self.path.join(MEMBER_KEY_FILE);
            Failure::unreachable(format!("{} holds a key that cannot sign: {error}", path.display()))
        })
    }

    pub fn authority(&self) -> Result<CertificateAuthority, Failure> {
        self.need_member()?;
        CertificateAuthority::load(&self.path).map_err(|error| Failure::unreachable(with_causes(&error)))
    }
}

/// The ledger that a newcomer joins, as its directory has it.
#[derive(Debug, Clone)]
pub struct Joining {
    /// The node where it asked to be admitted.
    pub url: String,
    /// What the ledger is known by.
    pub anchor: Anchor,
}

impl Joining {
    /// Whether a fingerprint is that of the anchor here, or of the ledger's genesis, which the operator may have written down.
    pub fn has_fingerprint(&self, fingerprint: &Hash) -> bool {
        let first = Anchor::of_genesis(self.anchor.statement().compact().as_bytes(), provider().signatures);
        self.anchor.fingerprint() == *fingerprint || first.is_ok_and(|first| first.fingerprint() == *fingerprint)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let url = value.get("url").and_then(Value::as_str).ok_or("it has no url")?.to_owned();
        let anchor = value.get("anchor").map(Value::to_string).ok_or("it has no anchor")?;
        let anchor = Anchor::parse(anchor.as_bytes(), provider().signatures).map_err(|error| error.to_string())?;
        Ok(Self { url, anchor })
    }

    fn to_json(&self) -> String {
        let value = serde_json::json!({"url": self.url, "anchor": self.anchor.to_json()});
        format!("{value:#}\n")
    }
}

/// Writes a file of which a reader finds all or nothing, durable when this returns.
pub(super) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

/// The database that the arguments name.
pub fn database(global: &Global) -> Result<Option<Server>, Failure> {
    let Some(url) = global.database_url.as_ref().filter(|url| !url.reveal().is_empty()) else {
        return match &global.database_ca {
            Some(_) => Err(Failure::wrong_use("--database-ca belongs to --database-url: give that too")),
            None => Ok(None),
        };
    };
    server("--database-url", url, global.database_ca.as_deref()).map(Some)
}

/// The database of a URL, given as `name`, whose certificate is checked against `authorities` where they are given.
pub fn server(name: &str, url: &Secret, authorities: Option<&Path>) -> Result<Server, Failure> {
    let url = url.reveal().parse().map_err(|error| Failure::wrong_use(format!("{name}: {error}")))?;
    let authorities = authorities.map(read_certificates).transpose();
    let authorities = authorities.map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    Ok(Server { url, authorities })
}

fn unreachable(error: impl std::error::Error + 'static) -> Failure {
    Failure::unreachable(with_causes(&error))
}

/// A file that is missing may never have been: the ledger may be elsewhere.
fn unreachable_file(error: SqliteOpenError) -> Failure {
    match error {
        SqliteOpenError::Missing { .. } => {
            Failure::unreachable(format!("{error}; or, if it is in PostgreSQL, give its --database-url"))
        }
        other => unreachable(other),
    }
}

fn is_observer(path: &Path) -> bool {
    path.join(OBSERVER_FILE).exists()
}

fn is_observers(path: &Path) -> Failure {
    Failure::unreachable(format!(
        "{} is the directory of an observer; choose another --data, or go on with it: `sealane follow URL --data {0}`",
        path.display()
    ))
}

fn is_members(path: &Path) -> Failure {
    Failure::unreachable(format!(
        "{} is the directory of a member, and an observer needs one of its own; choose another --data, or run the member's node: \
         `sealane serve --data {0}`",
        path.display()
    ))
}

fn has_member(path: &Path) -> Failure {
    if is_observer(path) {
        return is_observers(path);
    }
    let message = format!("{} has a member already; choose another --data, or `sealane serve` it", path.display());
    Failure::unreachable(message)
}

/// A directory that `init --founder` made.
fn not_founded(path: &Path) -> Failure {
    let (data, founder) = (path.display(), path.join(FOUNDER_FILE));
    let missing = match path.join(GENESIS_FILE).exists() {
        false => format!(
            "has a founder, and its ledger is not founded yet: give {} to the other founders",
            founder.display()
        ),
        true => "has a founder, and the founding of its ledger was cut short".to_owned(),
    };
    Failure::unreachable(format!(
        "{data} {missing}. Next, with the {FOUNDER_FILE} of every founder: `sealane init --found FILE… --data {data}`"
    ))
}

/// A directory that `init --join` made, and did not finish.
fn not_joined(path: &Path) -> Failure {
    Failure::unreachable(format!(
        "an `init --join` was cut short in {}: run it again, with the same --name and --join",
        path.display()
    ))
}

fn is_first(mark: Mark) -> bool {
    mark.height == Height::GENESIS
}

/// A directory that has a key and no version: it is a founder's, its `init` did not come to its end, or the file was lost since.
fn cut_short(path: &Path) -> Failure {
    if path.join(JOINING_FILE).exists() {
        return not_joined(path);
    }
    if path.join(FOUNDER_FILE).exists() && VoteLogFile::read_released(path).is_ok_and(|mark| mark.is_none_or(is_first))
    {
        return not_founded(path);
    }
    let message = match VoteLogFile::read_released(path) {
        Ok(mark) if mark.is_none_or(is_first) => format!(
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
    let denied = match error.kind() {
        ErrorKind::PermissionDenied => format!("; {}", owner::of_denied(path)),
        _ => String::new(),
    };
    Failure::unreachable(format!("cannot {action} {}: {}{denied}", path.display(), with_causes(error)))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_lock_of_a_process_that_was_killed_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir { path: dir.path().to_owned(), server: None, database: None };
        // What a process leaves that ends between a fork and the program that was to run: its lock, in another one for a while.
        let Lock { _file: file } = data.lock().unwrap();
        let mut heir = Command::new("sleep").arg("0.3").stdin(Stdio::from(file)).spawn().unwrap();
        assert!(data.lock().is_ok());
        heir.wait().unwrap();
    }
}
