//! `backup`: saves the ledger of a data directory, also while a node serves it.
//!
//! The log of votes is never saved: put back beside an older ledger, it would let the key sign a height twice.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::{TempDir, TempPath};

use crate::app::audit;
use crate::cli::arguments::{BackupOptions, Global};
use crate::cli::audit::unsound;
use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::config::CONFIG_FILE;
use crate::pki::{MEMBER_KEY_FILE, NOTE_KEY_FILE, NotePrivateKey, PrivateKey};
use crate::ports::{LedgerStore, StoredBlock};
use crate::store::SqliteStore;

pub fn run(global: &Global, options: &BackupOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?;
    let out = &options.out;
    if out.exists() && !out.is_dir() {
        return Err(exists(out));
    }
    let dir = if out.is_dir() { out } else { parent(out) };
    // A reader finds a backup whole or not at all: it is made beside its place, and moved there when it is on disk.
    let staging = tempfile::Builder::new()
        .prefix(".sealane-backup-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(dir)
        .map_err(|error| cannot("make a directory in", dir, &error))?;
    let file = DataDir::ledger_in(staging.path());
    let tip = save_ledger(&data, &file)?;
    let bytes = fs::metadata(&file).map_err(|error| cannot("read", &file, &error))?.len();
    let path = if out.is_dir() { dir.join(name(&tip, options.with_keys)) } else { out.clone() };
    if options.with_keys {
        save_keys(&data, staging.path())?;
        move_directory(staging, &path)?;
    } else {
        move_file(&file, &path)?;
    }
    sync(dir)?;
    tell(&tip, bytes, &path, options.with_keys, output);
    Ok(CommandOutcome::Done)
}

/// Copies the ledger's file, and returns the last block in the copy.
fn save_ledger(data: &DataDir, file: &Path) -> Result<StoredBlock, Failure> {
    // Read first: what is copied later holds every block up to it, or the ledger here is an older one itself.
    let mark = data.last_signed()?;
    new_file(file)?;
    SqliteStore::copy_file(&data.ledger_path(), file).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    sync(file)?;
    let store = SqliteStore::open_read_only(file).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    runtime()?.block_on(async {
        let tip = store.tip().await.map_err(Failure::unreachable)?;
        let tip = tip.ok_or_else(|| Failure::unreachable("the ledger is empty: there is nothing to back up"))?;
        if let Some(mark) = mark {
            audit::check_mark(&store, &mark).await.map_err(unsound)?;
        }
        Ok(tip)
    })
}

/// Writes the member's keys and settings, for their owner alone.
fn save_keys(data: &DataDir, dir: &Path) -> Result<(), Failure> {
    data.need_member()?;
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::unreachable(with_causes(error));
    let key = PrivateKey::read(&data.path().join(MEMBER_KEY_FILE)).map_err(|error| failed(&error))?;
    key.write_new(&dir.join(MEMBER_KEY_FILE)).map_err(|error| failed(&error))?;
    let note_key = NotePrivateKey::read(&data.path().join(NOTE_KEY_FILE)).map_err(|error| failed(&error))?;
    note_key.write_new(&dir.join(NOTE_KEY_FILE)).map_err(|error| failed(&error))?;
    data.authority()?.save(dir).map_err(|error| failed(&error))?;
    let config = data.path().join(CONFIG_FILE);
    if config.exists() {
        copy_private(&config, &dir.join(CONFIG_FILE))?;
    }
    sync(dir)
}

/// Copies a small file to a new one that its owner alone can open.
pub fn copy_private(from: &Path, to: &Path) -> Result<(), Failure> {
    new_file(to)?;
    // The new file is there already: copying into it would take over the mode of the old one.
    let text = fs::read(from).map_err(|error| cannot("read", from, &error))?;
    fs::write(to, text).map_err(|error| cannot("write", to, &error))?;
    sync(to)
}

/// Makes an empty file that must not be there yet and that its owner alone can open.
pub fn new_file(path: &Path) -> Result<(), Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| cannot("write", path, &error))
}

fn move_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let from = TempPath::try_from_path(from).map_err(|error| cannot("read", from, &error))?;
    from.persist_noclobber(to).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(to),
        _ => cannot("write", to, &error.error),
    })
}

fn move_directory(from: TempDir, to: &Path) -> Result<(), Failure> {
    if to.exists() {
        return Err(exists(to));
    }
    fs::rename(from.path(), to).map_err(|error| cannot("write", to, &error))?;
    // It is no temporary one any more.
    let _ = from.keep();
    Ok(())
}

/// Makes a file, or the names in a directory, durable.
pub fn sync(path: &Path) -> Result<(), Failure> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| cannot("write", path, &error))
}

pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Named by its last block's time and height, so that names sort by age.
fn name(tip: &StoredBlock, with_keys: bool) -> PathBuf {
    let time: String =
        tip.seal.time.to_string().chars().take_while(|c| *c != '.').filter(|c| !"-:".contains(*c)).collect();
    let ending = if with_keys { "" } else { ".sqlite" };
    format!("sealane-{time}Z-{}{ending}", tip.seal.height).into()
}

fn exists(path: &Path) -> Failure {
    Failure::unreachable(format!("{} is there already and is not overwritten: name another --out", path.display()))
}

fn tell(tip: &StoredBlock, bytes: u64, path: &Path, with_keys: bool, output: &Output) {
    let (height, size, root) = (tip.seal.height, tip.size(), tip.checkpoint.root);
    let result = json!({
        "backup": path,
        "origin": tip.checkpoint.origin,
        "height": height,
        "treeSize": size,
        "root": root,
        "time": tip.seal.time,
        "bytes": bytes,
        "keys": with_keys,
    });
    let keys = if with_keys { "" } else { "\nThe member's keys are not in it: --with-keys saves them too." };
    let text = format!(
        "Saved the ledger up to block {height} of {} with {size} leaves, root {root}: {bytes} bytes in {}.\nCheck it: \
         sealane audit --store {1}{keys}",
        tip.seal.time,
        path.display()
    );
    output.result(&result, text);
    if with_keys {
        output
            .warn(format!("whoever reads {} is the member: keep it offline, apart from other backups", path.display()));
    }
}
