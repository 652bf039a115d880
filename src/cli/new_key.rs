//! `members new-key`: a member's new keys, made beside the ones in use, and the change from the old ones to the new.
//!
//! The new keys wait in `next` until the members have decided on them (`members propose --replace KID=next/member.json`). The node
//! says by them that it is ready. When they are in force, it moves them into the place of the old ones, which are gone then, and
//! goes on by them. The steps of that, and what a crash after each leaves behind; the next start goes on:
//!
//! | after | left behind |
//! |---|---|
//! | the block that enacts it | the old keys, which may sign nothing any more, and the new ones in `next` |
//! | some of the files moved | some old and some new files; `next/member.json` is still there |
//! | all moved and `next` removed | the new keys |

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::Head;
use crate::app::joining::JoinRequest;
use crate::cli::arguments::Global;
use crate::cli::data_dir::{DataDir, MEMBER_FILE, cannot};
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::founding::write_public;
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::pki::{MEMBER_KEY_FILE, MemberKey, NOTE_KEY_FILE, NotePrivateKey, PrivateKey};
use crate::ports::MemberSigner;
use crate::store::{VOTE_LOG_FILES, VoteLogFile};
use sealane_core::consortium::{Organization, Registry};

/// The folder of the new keys in a member's data directory.
const NEXT_DIR: &str = "next";

pub fn run(global: &Global, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let own = data.member_key()?.public_key().thumbprint();
    let head = runtime()?.block_on(async {
        let store = data.snapshot().await?;
        Head::load(&*store, provider().signatures).await.map_err(Failure::unreachable)
    })?;
    let registry = &head.registry;
    let Some(member) = registry.members().get(&own) else {
        return Err(Failure::unreachable(format!(
            "the key in {}, {own}, is no member's in force on the ledger there: there is nothing to replace",
            data.path().display()
        )));
    };
    let name: Organization = member.name().parse().map_err(Failure::unreachable)?;
    let dir = data.path().join(NEXT_DIR);
    let file = dir.join(MEMBER_FILE);
    let request = match read_request(&file)? {
        Some(made) => made,
        None => make(&dir, &file, &name, registry)?,
    };
    let kid = request.member().kid();
    output.result(
        &json!({"kid": kid, "replaces": own, "member": file}),
        format!(
            "{name}'s new key is {kid}, in {}. Back up the keys there: they are needed once the members have agreed.\nNext: sealane \
             members propose --replace={own}={}\nThe node of {} goes on by the new key when it is in force, and the old key is gone \
             then; destroy its copies in backups",
            dir.display(),
            file.display(),
            data.path().display()
        ),
    );
    Ok(CommandOutcome::Done)
}

fn make(dir: &Path, file: &Path, name: &Organization, registry: &Registry) -> Result<JoinRequest, Failure> {
    // What an earlier try has left was seen by no one.
    match fs::remove_dir_all(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(cannot("remove", dir, &error)),
    }
    fs::DirBuilder::new().mode(0o700).create(dir).map_err(|error| cannot("make", dir, &error))?;
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::unreachable(with_causes(error));
    let key = PrivateKey::generate().map_err(|error| failed(&error))?;
    let note_key = NotePrivateKey::generate().map_err(|error| failed(&error))?;
    key.write_new(&dir.join(MEMBER_KEY_FILE)).map_err(|error| failed(&error))?;
    note_key.write_new(&dir.join(NOTE_KEY_FILE)).map_err(|error| failed(&error))?;
    VoteLogFile::create(dir, key.public().thumbprint(), registry.origin()).map_err(|error| failed(&error))?;
    let signer = MemberKey::new(key, note_key).map_err(Failure::unreachable)?;
    let request = JoinRequest::sign(&signer, name, registry.origin(), None).map_err(Failure::unreachable)?;
    write_public(file, &request.to_json())?;
    Ok(request)
}

fn read_request(file: &Path) -> Result<Option<JoinRequest>, Failure> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", file, &error)),
    };
    let request = JoinRequest::parse(&bytes, provider().signatures);
    request.map(Some).map_err(|error| Failure::unreachable(format!("{}: {error}", file.display())))
}

/// The keys that wait in a member's directory, if there are some that can be used.
pub fn waiting_in(data: &Path) -> Option<MemberKey> {
    let dir = data.join(NEXT_DIR);
    if !dir.join(MEMBER_FILE).exists() {
        return None;
    }
    let read = PrivateKey::read(&dir.join(MEMBER_KEY_FILE)).and_then(|key| {
        let note_key = NotePrivateKey::read(&dir.join(NOTE_KEY_FILE))?;
        Ok((key, note_key))
    });
    match read {
        Ok((key, note_key)) => MemberKey::new(key, note_key).ok(),
        Err(error) => {
            tracing::warn!("the new keys cannot be read: {}", with_causes(&error));
            None
        }
    }
}

/// Moves the new keys into the place of the old ones if the ledger has them in force, or had. The caller holds the directory's
/// lock, and has opened none of the files.
pub async fn take_up_if_enacted(data: &DataDir) -> Result<(), Failure> {
    let dir = data.path().join(NEXT_DIR);
    let Some(request) = read_request(&dir.join(MEMBER_FILE))? else { return Ok(()) };
    let kid = request.member().kid();
    let head = Head::load(&*data.snapshot().await?, provider().signatures).await.map_err(Failure::unreachable)?;
    if !head.registry.member_changes().rev().any(|change| change.members.get(&kid).is_some()) {
        return Ok(());
    }
    for name in VOTE_LOG_FILES.into_iter().chain([NOTE_KEY_FILE, MEMBER_KEY_FILE]) {
        let (from, to): (PathBuf, PathBuf) = (dir.join(name), data.path().join(name));
        match fs::rename(&from, &to) {
            Ok(()) => {}
            // It was moved before a crash.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot("move", &from, &error)),
        }
    }
    let sync =
        |dir: &Path| File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| cannot("write", dir, &error));
    sync(data.path())?;
    fs::remove_dir_all(&dir).map_err(|error| cannot("remove", &dir, &error))?;
    tracing::info!(%kid, "this member goes on by its new key");
    sync(data.path())
}
