//! `restore`: brings a ledger back, and never lets the member's key sign a height again that it may have signed before.
//!
//! The steps, and what a crash after each leaves behind. Run again, the command begins anew:
//!
//! 1. The backup is copied to `ledger.sqlite.restoring` and audited there. No ledger is there, and no node starts.
//! 2. Keys that the directory lacks are copied from the backup, then `version` is written. Still no ledger.
//! 3. The copy is renamed to `ledger.sqlite`: the ledger is there, whole.
//!
//! The log of votes is not written by any of them. One that has survived tells the next start whether blocks are missing; where
//! none has, the node signs nothing, until `--last-signed-size` or `sealane members rejoin` makes it anew.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::audit::{self, AuditError, Report};
use crate::app::{Head, mark_of};
use crate::cli::arguments::{Global, RestoreOptions};
use crate::cli::audit::unsound;
use crate::cli::backup::{copy_private, new_file, parent, sync};
use crate::cli::check_base::{self, CHECK_BASE_FILE};
use crate::cli::check_record::CHECK_RECORD_FILE;
use crate::cli::data_dir::{DataDir, JOINING_FILE, MEMBER_FILE, cannot};
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::cli::stores::ledger_file;
use crate::config::CONFIG_FILE;
use crate::pki::{
    CertificateAuthority, MEMBER_KEY_FILE, MemberKey, NODE_TLS_KEY_FILE, NOTE_KEY_FILE, NotePrivateKey, PrivateKey,
};
use crate::ports::{Mark, MemberSigner, StoredBlock};
use crate::store::{
    ADDRESS_FILE, JOIN_REQUEST_FILE, LogStart, SqliteOpenError, SqliteStore, VOTE_LOG_FILES, VoteLogFile,
};
use sealane_core::block::NotePublicKey;
use sealane_core::consortium::Registry;
use sealane_core::merkle::TreeSize;
use sealane_core::statement::PublicKey;

pub fn run(global: &Global, options: &RestoreOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    match (&options.from, options.last_signed_size) {
        (Some(backup), _) => restore(&global.data(), backup, output),
        (None, Some(size)) => settle(global, size, output),
        (None, None) => Err(Failure::wrong_use("give --from BACKUP, or --last-signed-size LEAVES")),
    }
}

/// What comes after a restore without a log of votes, for one member and for one of several.
fn signs_nothing(data: &Path, members: usize) -> String {
    let data = data.display();
    let next = match members {
        1 => format!(
            "When everybody agrees that it has not: `sealane restore --last-signed-size LEAVES --data {data}`; see \"You lost the \
             disk\" in docs/OPERATIONS.md"
        ),
        _ => format!(
            "Let `sealane serve --data {data}` fetch what the other members have, stop it, then `sealane members rejoin --data \
             {data}`; see \"A lost log of votes\" in docs/CONSORTIUM.md"
        ),
    };
    format!(
        "this node only reads: its log of votes is lost, and nothing here tells whether its key has signed blocks after the last \
         one. {next}"
    )
}

fn restore(path: &Path, backup: &Path, output: &Output) -> Result<CommandOutcome, Failure> {
    let source = ledger_file(backup);
    if !source.is_file() {
        return Err(Failure::unreachable(format!("there is no backup of a ledger at {}", source.display())));
    }
    let made = !path.exists();
    refuse_what_is_there(path)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("make", path, &error))?;
    let data = DataDir::unfinished(path);
    let restored = data.lock().and_then(|_lock| {
        refuse_what_is_there(path)?;
        // What checks found sound of the lost ledger says nothing of this one: its first check reads all of it.
        check_base::remove(&data).map_err(|error| cannot("remove", &path.join(CHECK_BASE_FILE), &error))?;
        restore_into(&data, &source, backup)
    });
    if restored.is_err() && made {
        // What is left of a directory that was made for this is of no use; the failure is the thing to tell.
        let _ = fs::remove_dir_all(path);
    }
    tell(path, &restored?, output);
    Ok(CommandOutcome::Done)
}

/// A ledger that is there, or a part of one, is never written over.
fn refuse_what_is_there(path: &Path) -> Result<(), Failure> {
    if !path.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| cannot("read", path, &error))?;
    let names: Vec<String> = entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| cannot("read", path, &error))?;
    let ledger = DataDir::ledger_in(path);
    let parts = ["", "-wal", "-shm", "-journal"].map(|ending| with_ending(&ledger, ending));
    if let Some(there) = parts.iter().find(|part| part.exists()) {
        return Err(Failure::unreachable(format!(
            "{} is there already and is not overwritten: move it away with all files that begin with {} if it is lost, or \
             choose another --data",
            there.display(),
            ledger.display()
        )));
    }
    let ours = |name: &String| {
        const OURS: [&str; 7] =
            ["version", "lock", "ca.pem", "ca-key.pem", MEMBER_KEY_FILE, NOTE_KEY_FILE, CONFIG_FILE];
        OURS.contains(&name.as_str())
            || VOTE_LOG_FILES.contains(&name.as_str())
            || [NODE_TLS_KEY_FILE, ADDRESS_FILE, JOIN_REQUEST_FILE, MEMBER_FILE, JOINING_FILE].contains(&name.as_str())
            || name.starts_with("ledger.sqlite.")
            // What the lost ledger's last checks came to, also half written: a whole check of the restored one follows.
            || name.starts_with(CHECK_RECORD_FILE)
            || name.starts_with(CHECK_BASE_FILE)
            // A new file system has this in its root.
            || name == "lost+found"
    };
    match names.iter().find(|name| !ours(name)) {
        Some(foreign) => Err(Failure::unreachable(format!(
            "{} holds {foreign:?}, which no member's directory has: choose a new --data, or one with a member's keys alone",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// A ledger that was brought back.
struct Restored {
    report: Report,
    head: Head,
    /// The last block that the log of votes has as signed; `None` if the log is lost.
    mark: Option<Mark>,
}

fn restore_into(data: &DataDir, source: &Path, backup: &Path) -> Result<Restored, Failure> {
    let staged = with_ending(&data.ledger_path(), ".restoring");
    let result = stage(source, &staged).and_then(|()| {
        let mark = data.last_signed()?;
        let (report, head) = check(backup, &staged, mark)?;
        let keys = Keys::find(data, backup)?;
        if !is_member(&head.registry, keys.member.public(), &keys.note.public()) {
            return Err(Failure::unreachable(format!(
                "{} and {NOTE_KEY_FILE} are not the keys of one member of the ledger in {}: give the keys and the backup of one \
                 member",
                keys.member_from.display(),
                backup.display()
            )));
        }
        keys.complete(data, backup)?;
        if !data.is_finished() {
            data.finish()?;
        }
        sync(data.path())?;
        fs::rename(&staged, data.ledger_path()).map_err(|error| cannot("write", &data.ledger_path(), &error))?;
        sync(data.path())?;
        sync(parent(data.path()))?;
        Ok(Restored { report, head, mark })
    });
    if result.is_err() {
        // The failure is the thing to tell; what is left of the copy is removed by the next try.
        let _ = remove(&staged);
    }
    result
}

/// Copies the backup's ledger to its place beside the one it will have, brought up to this program's version.
fn stage(source: &Path, staged: &Path) -> Result<(), Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::unproven(format!("the backup cannot be restored, and nothing was: {}", with_causes(error)))
    };
    remove(staged)?;
    new_file(staged)?;
    match SqliteStore::open_read_only(source).map(drop) {
        Ok(()) => SqliteStore::copy_file(source, staged).map_err(|error| failed(&error))?,
        Err(SqliteOpenError::Behind { .. }) => {
            let older = with_ending(staged, ".older");
            remove(&older)?;
            let brought_up = SqliteStore::copy_file(source, &older)
                .and_then(|()| Ok(SqliteStore::migrate(&older)?))
                .and_then(|()| SqliteStore::copy_file(&older, staged));
            remove(&older)?;
            brought_up.map_err(|error| failed(&error))?;
        }
        Err(error) => return Err(failed(&error)),
    }
    sync(staged)
}

/// Audits the copy, and holds it against the log of votes where it has survived.
fn check(backup: &Path, staged: &Path, mark: Option<Mark>) -> Result<(Report, Head), Failure> {
    let store = SqliteStore::open_read_only(staged).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let refused = |error: AuditError| match error {
        AuditError::Fault(fault) => Failure::unproven(format!(
            "the backup {} is not sound, and nothing was restored: {fault}",
            backup.display()
        )),
        AuditError::Store(error) => Failure::unreachable(error),
    };
    runtime()?.block_on(async {
        let report = audit::audit(&store, provider()).await.map_err(refused)?;
        let state = Head::load(&store, provider().signatures).await.map_err(Failure::unproven)?;
        if let Some(mark) = mark.filter(|mark| mark.height <= state.tip.seal.height) {
            audit::check_mark(&store, &mark).await.map_err(refused)?;
        }
        Ok((report, state))
    })
}

/// The member's keys: those in the data directory, and from the backup what it lacks.
struct Keys {
    member: PrivateKey,
    note: NotePrivateKey,
    member_from: PathBuf,
    authority: CertificateAuthority,
}

impl Keys {
    fn find(data: &DataDir, backup: &Path) -> Result<Self, Failure> {
        let place = |name: &str| match backup.is_dir() && !data.path().join(name).exists() {
            true => backup.to_owned(),
            false => data.path().to_owned(),
        };
        let member_from = place(MEMBER_KEY_FILE).join(MEMBER_KEY_FILE);
        if !member_from.exists() {
            return Err(Failure::unreachable(format!(
                "the member's keys are neither in {} nor in {}: put member-key.pem, member-note-key.pem, ca-key.pem and ca.pem into {0} first; \
                 nothing was restored",
                data.path().display(),
                backup.display()
            )));
        }
        let failed = |error: &(dyn std::error::Error + 'static)| Failure::unreachable(with_causes(error));
        let member = PrivateKey::read(&member_from).map_err(|error| failed(&error))?;
        let note = NotePrivateKey::read(&place(NOTE_KEY_FILE).join(NOTE_KEY_FILE)).map_err(|error| failed(&error))?;
        let authority = CertificateAuthority::load(&place("ca-key.pem")).map_err(|error| failed(&error))?;
        Ok(Self { member, note, member_from, authority })
    }

    /// Writes the keys that the data directory lacks, and the settings of the backup where it has none.
    fn complete(&self, data: &DataDir, backup: &Path) -> Result<(), Failure> {
        let failed = |error: &(dyn std::error::Error + 'static)| Failure::unreachable(with_causes(error));
        let lacks = |name: &str| !data.path().join(name).exists();
        if lacks("ca-key.pem") {
            self.authority.save(data.path()).map_err(|error| failed(&error))?;
        }
        if lacks(MEMBER_KEY_FILE) {
            self.member.write_new(&data.path().join(MEMBER_KEY_FILE)).map_err(|error| failed(&error))?;
        }
        if lacks(NOTE_KEY_FILE) {
            self.note.write_new(&data.path().join(NOTE_KEY_FILE)).map_err(|error| failed(&error))?;
        }
        let config = backup.join(CONFIG_FILE);
        if backup.is_dir() && config.exists() && lacks(CONFIG_FILE) {
            copy_private(&config, &data.path().join(CONFIG_FILE))?;
        }
        Ok(())
    }
}

/// Tells whether a member of the ledger has both of these keys.
fn is_member(registry: &Registry, key: &PublicKey, note_key: &NotePublicKey) -> bool {
    registry.members().get(&key.thumbprint()).is_some_and(|member| member.note_key() == note_key)
}

fn tell(path: &Path, Restored { report, head, mark }: &Restored, output: &Output) {
    let tip = &head.tip;
    let members = head.registry.members().members().len();
    let (height, size, root, time) = (tip.seal.height, tip.size(), tip.checkpoint.root, tip.seal.time);
    let behind = mark.filter(|mark| mark.height > height);
    let result = json!({
        "data": path,
        "origin": tip.checkpoint.origin,
        "height": height,
        "treeSize": size,
        "root": root,
        "time": time,
        "captures": report.captures,
        "events": report.events,
        "lastSignedHeight": mark.map(|mark| mark.height.max(height)),
        "writes": mark.is_some() && behind.is_none(),
    });
    let data = path.display();
    let text = format!(
        "Restored the ledger into {data}: it is sound up to block {height} of {time} with {size} leaves, root {root}."
    );
    match (mark, behind) {
        (_, Some(_)) if members > 1 => {
            output.result(
                &result,
                format!("{text}\nNext: `sealane serve --data {data}` fetches the blocks after it from the others."),
            );
        }
        (_, Some(mark)) => {
            output.result(&result, text);
            output.warn(format!(
                "this member's key has signed blocks up to {}, and {} of them are not in this backup: `sealane serve` will \
                 refuse to start until they are. Fetch them with `sealane copy --from STORE --to {data}`, or restore a newer \
                 backup",
                mark.height,
                mark.height.get() - height.get()
            ));
        }
        (Some(_), None) => output.result(&result, format!("{text}\nNext: sealane serve --data {data}")),
        (None, None) => {
            output.result(&result, text);
            output.warn(signs_nothing(path, members));
        }
    }
}

/// Takes the operator's word that the key has signed nothing beyond the ledger that is here.
fn settle(global: &Global, last_signed: u64, output: &Output) -> Result<CommandOutcome, Failure> {
    let path = &global.data();
    let data = DataDir::open(path)?.with_database(global)?;
    let _lock = data.lock()?;
    let (key, head) = lost_log(&data)?;
    let members = head.registry.members().members().len();
    if members > 1 {
        return Err(Failure::wrong_use(format!(
            "--last-signed-size is for a ledger of one member, and this one has {members}: `sealane members rejoin --data {}`",
            path.display()
        )));
    }
    compare_sizes(path, &head.tip, last_signed)?;
    make_log(&data, &key, &head, LogStart::After(mark_of(&head.tip)))?;
    let (height, size) = (head.tip.seal.height, head.tip.size());
    let text = format!(
        "The log of votes begins after block {height} with {size} leaves. From here on the node writes.\nNext: sealane serve --data {}",
        path.display()
    );
    output.result(&json!({"height": height, "treeSize": size, "writes": true}), text);
    Ok(CommandOutcome::Done)
}

/// The keys and the ledger of a member whose log of votes is lost. The whole ledger was audited, since the member goes on from it.
pub fn lost_log(data: &DataDir) -> Result<(MemberKey, Head), Failure> {
    if let Some(mark) = data.last_signed()? {
        return Err(Failure::unreachable(format!(
            "the log of votes in {} is there: this member's key has signed block {}, and nothing has to be said",
            data.path().display(),
            mark.height
        )));
    }
    let key = data.member_key()?;
    let head = runtime()?.block_on(async {
        let store = data.snapshot().await?;
        audit::audit(&*store, provider()).await.map_err(unsound)?;
        Head::load(&*store, provider().signatures).await.map_err(Failure::unproven)
    })?;
    if !is_member(&head.registry, key.public_key(), key.note_key()) {
        return Err(Failure::unreachable(format!(
            "{MEMBER_KEY_FILE} and {NOTE_KEY_FILE} in {} are not the keys of one member of the ledger there",
            data.path().display()
        )));
    }
    Ok((key, head))
}

/// Makes the log of votes anew.
pub fn make_log(data: &DataDir, key: &MemberKey, head: &Head, start: LogStart) -> Result<(), Failure> {
    let made = VoteLogFile::create_again(data.path(), key.public_key().thumbprint(), head.registry.origin(), start);
    made.map(drop).map_err(|error| Failure::unreachable(with_causes(&error)))
}

fn compare_sizes(path: &Path, tip: &StoredBlock, last_signed: u64) -> Result<(), Failure> {
    let (size, time) = (tip.size(), tip.seal.time);
    let said = TreeSize::new(last_signed).map_err(Failure::wrong_use)?;
    match said.cmp(&size) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Failure::unreachable(format!(
            "{said} leaves were signed, and the ledger in {} ends at {size}, at {time}: the blocks between are missing. \
             Fetch them with `sealane copy --from STORE --to {0}`; until then the node reads only",
            path.display()
        ))),
        std::cmp::Ordering::Less => Err(Failure::wrong_use(format!(
            "{said} leaves cannot be all that was signed: the ledger in {} holds {size}, up to {time}. Ask everybody for the \
             newest receipt or checkpoint again: a node that runs makes a block every ten minutes at least",
            path.display()
        ))),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes a file, and what SQLite may have left beside it, if they are there.
fn remove(file: &Path) -> Result<(), Failure> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let path = with_ending(file, ending);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot("remove", &path, &error)),
            _ => (),
        }
    }
    Ok(())
}
