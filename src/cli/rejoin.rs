//! `members rejoin`: takes up a lost log of votes again, so that the member's key never says two things at one height.
//!
//! Nobody here knows what the key has said after the last final block. Blocks that were final when the log was lost are with the
//! other members, and the key may have voted at the one height after them. So the member goes on one height later: it says
//! nothing until the others have made the next block final. If they cannot without it, only the operator's word that the key
//! has signed nothing lets it vote at that height.

use std::collections::BTreeMap;

use serde_json::json;

use crate::app::audit::RemoteNode;
use crate::app::{Head, mark_of};
use crate::cli::arguments::{Global, RejoinOptions};
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::runtime;
use crate::cli::output::{Output, ask, excerpt};
use crate::cli::provider::provider;
use crate::cli::remote::Remote;
use crate::cli::restore::{lost_log, make_log};
use crate::ports::{AddressKeeper, MemberSigner, StoredBlock};
use crate::store::{AddressFile, LogStart};
use sealane_core::block::{FinalBlock, Height, Note, NoteKey};
use sealane_core::hash::Hash;

pub fn run(global: &Global, options: &RejoinOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let _lock = data.lock()?;
    let (key, head) = lost_log(&data)?;
    let own = key.public_key().thumbprint();
    let height = head.tip.seal.height;
    let start = match options.nothing_signed_after {
        Some(said) => {
            compare_heights(&data, height, said)?;
            if !options.yes {
                confirm(height)?;
            }
            LogStart::After(mark_of(&head.tip))
        }
        None => {
            ask_others(global, &data, &head, own)?;
            LogStart::Unknown(mark_of(&head.tip))
        }
    };
    make_log(&data, &key, &head, start)?;
    let first = match start {
        LogStart::Unknown(_) => height.next().next(),
        LogStart::After(_) | LogStart::Nothing => height.next(),
    };
    let data = data.path().display();
    let waits = match start {
        LogStart::Unknown(_) => format!(
            " Until the others have made block {} final this member says nothing. If they cannot without it, and its key has \
             signed nothing after block {height}: remove both files of the log, and `sealane members rejoin \
             --nothing-signed-after {height} --data {data}`.",
            height.next()
        ),
        LogStart::After(_) | LogStart::Nothing => String::new(),
    };
    output.result(
        &json!({"height": height, "votesFrom": first}),
        format!(
            "The log of votes begins after block {height}. This member votes from block {first} on.{waits}\nNext: sealane serve --data {data}"
        ),
    );
    Ok(CommandOutcome::Done)
}

/// Holds the operator's word against the ledger that is here.
fn compare_heights(data: &DataDir, height: Height, said: u64) -> Result<(), Failure> {
    let data = data.path().display();
    match said.cmp(&height.get()) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Failure::unreachable(format!(
            "block {said} was signed, and the ledger in {data} ends at block {height}: start `sealane serve --data {data}`, let \
             it fetch the blocks between, stop it, and run this again"
        ))),
        std::cmp::Ordering::Less => Err(Failure::wrong_use(format!(
            "block {said} cannot be the last that was signed: the ledger in {data} ends at block {height}, and this member's key \
             may have signed that one"
        ))),
    }
}

fn confirm(height: Height) -> Result<(), Failure> {
    ask(
        &format!(
            "This member's key votes at block {} next. If it has signed anything for that block before, the two signatures \
             together prove misbehaviour, and the other members can prove it for good. Has it signed nothing after block \
             {height}? [y/N] ",
            height.next()
        ),
        "give --yes to say that nothing was signed, without being asked",
        "nothing was changed",
    )
}

/// Asks the other members' nodes how far the ledger is. A quorum, itself counted, must answer, since a block that is final is
/// with some of these.
fn ask_others(global: &Global, data: &DataDir, head: &Head, own: Hash) -> Result<(), Failure> {
    let members = head.registry.members();
    let (height, needed) = (head.tip.seal.height, members.quorum());
    let path = data.path().display();
    if members.members().len() == 1 {
        return Err(Failure::wrong_use(format!(
            "one member keeps this ledger, so nobody else knows what its key has signed. If it has signed nothing after block \
             {height}: `sealane members rejoin --nothing-signed-after {height} --data {path}`"
        )));
    }
    let runtime = runtime()?;
    let mut answered = BTreeMap::new();
    let mut silent = Vec::new();
    for url in urls_of_others(global, data, own) {
        match runtime.block_on(last_block_of(global, &url, head)) {
            Ok((kid, found)) => {
                answered.entry(kid).and_modify(|one: &mut Height| *one = (*one).max(found)).or_insert(found);
            }
            Err(trouble) => silent.push(format!("{url}: {}", excerpt(&trouble))),
        }
    }
    answered.remove(&own);
    if let Some((kid, found)) = answered.iter().max_by_key(|(_, found)| **found).filter(|(_, found)| **found > height) {
        let name = members.get(kid).map_or("", |member| member.name());
        return Err(Failure::unreachable(format!(
            "{} has block {found}, and the ledger in {path} ends at block {height}: start `sealane serve --data {path}`, which \
             fetches the blocks between, stop it when it is level, and run this again",
            excerpt(name)
        )));
    }
    if answered.len() + 1 < needed {
        let troubles = if silent.is_empty() { String::new() } else { format!(" ({})", silent.join("; ")) };
        return Err(Failure::unreachable(format!(
            "{} of the other members have told how far the ledger is, and {} must: give the --url of each other member's node{troubles}",
            answered.len(),
            needed - 1
        )));
    }
    Ok(())
}

/// Where the others' nodes are: as `--url` says, and as they have said themselves.
fn urls_of_others(global: &Global, data: &DataDir, own: Hash) -> Vec<String> {
    let told = if global.url_was_typed { global.urls() } else { Vec::new() };
    let heard = AddressFile::in_dir(data.path()).load().unwrap_or_default();
    let heard = heard.iter().map(|one| one.address()).filter(|one| one.kid() != own).map(|one| one.url().to_owned());
    let mut urls: Vec<String> = told.into_iter().chain(heard).collect();
    urls.sort();
    urls.dedup();
    urls
}

/// Fetches a node's last block: of which member's node it is, by the note that only that one signs, and its height, by the
/// signatures of a quorum.
async fn last_block_of(global: &Global, url: &str, head: &Head) -> Result<(Hash, Height), String> {
    let client = Client::at(global, url).map_err(|error| error.to_string())?;
    let remote = Remote::new(client);
    let StoredBlock { checkpoint, note, commit, seal } = remote.latest().await.map_err(|error| error.to_string())?;
    let (members, origin) = (head.registry.members(), head.registry.origin());
    let note = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
    if note.text() != checkpoint.to_text() || checkpoint.origin != *origin {
        return Err(format!("its last block is of the ledger {}, or its note of another block", checkpoint.origin));
    }
    let signer = members.members().find(|member| {
        let key = NoteKey::ed25519(origin.clone(), member.note_key().clone());
        note.verify(&[key], provider().signatures).is_ok()
    });
    let signer = signer.ok_or("its note is signed by no member's key")?.kid();
    let height = seal.height;
    let verify = if height == Height::GENESIS { FinalBlock::verify_first } else { FinalBlock::verify };
    verify(seal, checkpoint, commit, members, provider().signatures).map_err(|error| error.to_string())?;
    Ok((signer, height))
}
