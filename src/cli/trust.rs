//! `trust`: the anchor that verdicts stand on; where it is kept, and which one is used.

use std::fs;
use std::path::{Path, PathBuf};

use crate::app::LoadError;
use crate::cli::arguments::{Global, TrustOptions};
use crate::cli::client::Client;
use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::pki::NOTE_KEY_FILE;
use crate::ports::{LedgerStore, MemberSigner};
use sealane_core::block::{Leaf, Origin};
use sealane_core::consortium::{LedgerProposal, Registry};
use sealane_core::evidence::{Anchor, MemberChain};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

/// An anchor and how it came to be trusted.
pub struct Trusted {
    pub anchor: Anchor,
    /// It was taken from the node itself just now: compare its fingerprint.
    pub first_contact: bool,
    /// It is the one that is pinned for its origin.
    is_pinned: bool,
}

pub fn run(global: &Global, options: &TrustOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let (anchor, text) = match (&options.pin, &options.out) {
        (Some(file), _) => {
            let anchor = read(file)?;
            let path = pin(&anchor)?;
            remember(global.url().trim_end_matches('/'), &anchor.genesis().origin)?;
            let text = format!("Pinned the ledger {} in {}.", anchor.genesis().origin, path.display());
            (anchor, text)
        }
        (None, Some(file)) => {
            let anchor = fetch(&Client::new(global)?)?;
            write(file, &anchor)?;
            let text = format!("Saved the trust anchor of {} to {}.", anchor.genesis().origin, file.display());
            (anchor, text)
        }
        (None, None) => {
            let own = if global.url_was_typed { None } else { own(global)? };
            let told = match &own {
                Some(_) => format!(", as the ledger in {} has it.", global.data().display()),
                None => ". Nothing was saved.".to_owned(),
            };
            let anchor = own.map_or_else(|| fetch(&Client::new(global)?), Ok)?;
            let text = format!("The trust anchor of {}{told}", anchor.genesis().origin);
            (anchor, text)
        }
    };
    let text = format!(
        "{text}\nFingerprint, to compare with a member's own: {}\nThe same in digits, for the telephone:\n{}",
        anchor.fingerprint(),
        digits(&anchor.fingerprint())
    );
    output.result(&anchor.to_json(), text);
    Ok(CommandOutcome::Done)
}

/// A fingerprint's groups of digits, four on a line.
fn digits(fingerprint: &Hash) -> String {
    let lines: Vec<String> = fingerprint.to_groups().chunks(4).map(|line| format!("  {}", line.join(" "))).collect();
    lines.join("\n")
}

/// Reads an anchor from a file.
pub fn read(file: &Path) -> Result<Anchor, Failure> {
    let bytes =
        fs::read(file).map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", file.display())))?;
    Anchor::parse(&bytes, provider().signatures)
        .map_err(|error| Failure::wrong_use(format!("{}: {error}", file.display())))
}

/// The anchor of a ledger that is known here: the member's own in `--data`, else the pinned one.
pub fn known(global: &Global, origin: &Origin) -> Result<Anchor, Failure> {
    if let Some(own) = own(global)?.filter(|own| own.genesis().origin == *origin) {
        return Ok(own);
    }
    pinned(origin)?.ok_or_else(|| Failure::wrong_use(format!(
        "no trust anchor of the ledger {origin} is known here: name its file with --trust FILE, or pin it with `sealane trust --pin FILE`"
    )))
}

/// The anchor of the ledger in `--data`, if there is one.
fn own(global: &Global) -> Result<Option<Anchor>, Failure> {
    let data = DataDir::open_if_there(&global.data())?;
    data.map(|data| of_data(&data.with_database(global)?)).transpose()
}

/// The anchor that is pinned for a ledger, if one is.
fn pinned(origin: &Origin) -> Result<Option<Anchor>, Failure> {
    let path = pin_path(origin)?;
    path.exists().then(|| read(&path)).transpose()
}

/// The anchor for a node: the file given, else the member's own in `--data`, else the pinned one, else at first
/// contact what the node gives, which is pinned.
///
/// Says so on first contact. A URL that was met before keeps its ledger: another one there is a failed proof, not a
/// new acquaintance.
pub fn choose(global: &Global, file: Option<&Path>, client: &Client, output: &Output) -> Result<Trusted, Failure> {
    let known = |anchor| Trusted { anchor, first_contact: false, is_pinned: false };
    if let Some(file) = file {
        return read(file).map(known);
    }
    let offered = fetch(client)?;
    let origin = &offered.genesis().origin;
    if let Some(own) = own(global)? {
        if own.genesis().origin == *origin {
            return Ok(known(own));
        }
        if !global.url_was_typed {
            return Err(other_ledger(client.url(), origin, &own.genesis().origin));
        }
    }
    let met = met_at(client.url())?;
    if let Some(other) = met.as_ref().filter(|met| *met != origin) {
        return Err(other_ledger(client.url(), origin, other));
    }
    let (anchor, first_contact) = pinned(origin)?.map_or_else(|| (offered.clone(), true), |anchor| (anchor, false));
    if first_contact {
        pin(&anchor)?;
        output.warn(format!(
            "first contact with the ledger {}: its trust anchor is now pinned. Compare its fingerprint with a member's own: {}",
            anchor.genesis().origin,
            anchor.fingerprint()
        ));
    }
    if met.is_none() {
        remember(client.url(), &anchor.genesis().origin)?;
    }
    Ok(Trusted { anchor, first_contact, is_pinned: true })
}

impl Trusted {
    /// Pins the members seen last, if the anchor is a pin and members have come or gone since. What is verified from now on rests on
    /// their keys alone, and no longer on those of members that have left.
    pub fn renew(&self, members: &MemberChain) -> Result<(), Failure> {
        if self.is_pinned && members.changes() > 0 {
            pin(&members.renewed())?;
        }
        Ok(())
    }
}

fn other_ledger(url: &str, found: &Origin, expected: &Origin) -> Failure {
    Failure::unproven(format!(
        "{url} offers the ledger {found}, where {expected} was expected; if it is right that this changed, say so with \
         `sealane trust --pin FILE --url {url}`, or name the anchor with --trust FILE"
    ))
}

/// The anchor of the ledger in a data directory.
pub fn of_data(data: &DataDir) -> Result<Anchor, Failure> {
    let anchor = runtime()?.block_on(async { of_store(&*data.snapshot().await?).await })?;
    anchor.ok_or_else(no_genesis)
}

/// Refuses a ledger in which the member key of the data directory has no part: it was never a member's, no open proposal brings it
/// in, and the directory joins another ledger. Returns what the ledger is known by at genesis.
pub async fn check_owner(data: &DataDir, store: &dyn LedgerStore, registry: &Registry) -> Result<Anchor, Failure> {
    let Some(genesis) = of_store(store).await? else { return Err(Failure::unreachable(LoadError::Empty)) };
    let key = data.member_key()?;
    let kid = key.public_key().thumbprint();
    let ever = registry.member_changes().rev().find_map(|change| change.members.get(&kid));
    let coming = || registry.proposals().flat_map(LedgerProposal::new_members).find(|member| member.kid() == kid);
    let member = ever.or_else(coming);
    let joins = || DataDir::joining_in(data.path());
    if member.is_some_and(|member| member.note_key() == key.note_key())
        || (member.is_none() && joins()?.is_some_and(|joining| joining.anchor.genesis_id() == genesis.genesis_id()))
    {
        return Ok(genesis);
    }
    if member.is_some() {
        return Err(Failure::unreachable(format!(
            "{NOTE_KEY_FILE} in {} is not the note key of this member on the ledger {}: put the right one there, from a backup \
             with keys",
            data.path().display(),
            genesis.genesis().origin
        )));
    }
    Err(Failure::unreachable(format!(
        "the ledger {} in {} is not that of the member in {}, whose key has no part in it: give the --data and the \
         --database-url that belong together",
        genesis.genesis().origin,
        data.ledger_place(),
        data.path().display()
    )))
}

/// The anchor of the ledger in a store; `None` of an empty one.
async fn of_store(store: &dyn LedgerStore) -> Result<Option<Anchor>, Failure> {
    let Some(leaf) = store.leaf(TreeSize::ZERO.next_index()).await.map_err(Failure::unreachable)? else {
        return Ok(None);
    };
    let text = match Leaf::decode(&leaf.bytes) {
        Ok(Leaf::Statement(text)) => text.into_bytes(),
        // As that of many founders is.
        Ok(Leaf::LongStatement { hash, .. }) => {
            store.long_statement(hash).await.map_err(Failure::unreachable)?.ok_or_else(no_genesis)?
        }
        _ => return Err(no_genesis()),
    };
    Anchor::of_genesis(&text, provider().signatures).map(Some).map_err(Failure::unreachable)
}

fn no_genesis() -> Failure {
    Failure::unreachable("the ledger in --data does not begin with a genesis statement; run `sealane audit`")
}

pub(super) fn fetch(client: &Client) -> Result<Anchor, Failure> {
    Anchor::parse(&client.get("/trust")?, provider().signatures).map_err(Failure::unreachable)
}

fn write(file: &Path, anchor: &Anchor) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&anchor.to_json()).map_err(Failure::unreachable)?;
    fs::write(file, text + "\n").map_err(|error| cannot("write", file, &error))
}

fn pin(anchor: &Anchor) -> Result<PathBuf, Failure> {
    let path = pin_path(&anchor.genesis().origin)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|error| cannot("make", dir, &error))?;
    }
    // A command that reads the pin meanwhile finds the old one or the new one, whole.
    let beside = path.with_extension("json.new");
    write(&beside, anchor)?;
    fs::rename(&beside, &path).map_err(|error| cannot("write", &path, &error))?;
    Ok(path)
}

/// The ledger that was met at a URL before.
fn met_at(url: &str) -> Result<Option<Origin>, Failure> {
    match fs::read_to_string(url_path(url)?) {
        Ok(text) => text.trim().parse().map(Some).map_err(Failure::unreachable),
        Err(_) => Ok(None),
    }
}

fn remember(url: &str, origin: &Origin) -> Result<(), Failure> {
    let path = url_path(url)?;
    fs::write(&path, format!("{origin}\n")).map_err(|error| cannot("write", &path, &error))
}

fn pin_path(origin: &Origin) -> Result<PathBuf, Failure> {
    Ok(pins()?.join(format!("{}.json", origin.hash())))
}

fn url_path(url: &str) -> Result<PathBuf, Failure> {
    Ok(pins()?.join(format!("{}.url", Hash::of(url.as_bytes()))))
}

/// Where anchors are pinned: `SEALANE_PINS`, else the user's own state directory.
pub(super) fn pins() -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("SEALANE_PINS")
        .or_else(|| variable("XDG_STATE_HOME").map(|dir| dir.join("sealane/pins")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".local/state/sealane/pins")))
        .ok_or_else(|| Failure::wrong_use("no place to keep trust anchors: set SEALANE_PINS, or give --trust FILE"))
}
