//! `trust`: the anchor that verdicts stand on; where it is kept, and which one is used.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Global, TrustOptions};
use crate::cli::client::Client;
use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::domain::block::{Leaf, Origin};
use crate::domain::evidence::Anchor;
use crate::domain::merkle::TreeSize;
use crate::ports::LedgerStore;

/// An anchor and how it came to be trusted.
pub struct Trusted {
    pub anchor: Anchor,
    /// It was taken from the node itself just now: compare its fingerprint.
    pub first_contact: bool,
}

pub fn run(global: &Global, options: &TrustOptions, output: &Output) -> Result<Outcome, Failure> {
    let (anchor, text) = match (&options.pin, &options.out) {
        (Some(file), _) => {
            let anchor = read(file)?;
            let path = pin(&anchor)?;
            let text = format!("Pinned the ledger {} in {}.", anchor.genesis().origin, path.display());
            (anchor, text)
        }
        (None, Some(file)) => {
            let anchor = fetch(&Client::new(&global.url())?)?;
            write(file, &anchor)?;
            let text = format!("Saved the trust anchor of {} to {}.", anchor.genesis().origin, file.display());
            (anchor, text)
        }
        (None, None) => return Err(Failure::wrong_use("give --out FILE or --pin FILE")),
    };
    let text = format!("{text}\nFingerprint, to compare with a member's own: {}", anchor.fingerprint());
    output.result(&anchor.to_json(), text);
    Ok(Outcome::Done)
}

/// Reads an anchor from a file.
pub fn read(file: &Path) -> Result<Anchor, Failure> {
    let bytes =
        fs::read(file).map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", file.display())))?;
    Anchor::parse(&bytes).map_err(|error| Failure::wrong_use(format!("{}: {error}", file.display())))
}

/// The anchor for a node: the file given, else the member's own in `--data`, else the pinned one, else at first
/// contact what the node gives, which is pinned.
pub fn choose(global: &Global, file: Option<&Path>, client: &Client) -> Result<Trusted, Failure> {
    let known = |anchor| Trusted { anchor, first_contact: false };
    if let Some(file) = file {
        return read(file).map(known);
    }
    let offered = fetch(client)?;
    let origin = &offered.genesis().origin;
    if let Some(own) = own(global)?.filter(|own| own.genesis().origin == *origin) {
        return Ok(known(own));
    }
    let path = pin_path(origin)?;
    if path.exists() {
        return read(&path).map(known);
    }
    pin(&offered)?;
    Ok(Trusted { anchor: offered, first_contact: true })
}

/// The anchor of the ledger in `--data`.
fn own(global: &Global) -> Result<Option<Anchor>, Failure> {
    let Some(data) = DataDir::open_if_there(&global.data())? else { return Ok(None) };
    let store = data.store()?;
    let leaf = runtime()?.block_on(store.leaf(TreeSize::ZERO.next_index())).map_err(Failure::unreachable)?;
    let Some(Ok(Leaf::Statement(text))) = leaf.map(|leaf| Leaf::decode(&leaf.bytes)) else {
        return Err(Failure::unreachable(
            "the ledger in --data does not begin with a genesis statement; run `sealane audit`",
        ));
    };
    Anchor::of_genesis(text.as_bytes()).map(Some).map_err(Failure::unreachable)
}

fn fetch(client: &Client) -> Result<Anchor, Failure> {
    Anchor::parse(&client.get("/trust")?).map_err(Failure::unreachable)
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
    write(&path, anchor)?;
    Ok(path)
}

/// Where anchors are pinned: `SEALANE_PINS`, else the user's own state directory.
fn pin_path(origin: &Origin) -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dir = variable("SEALANE_PINS")
        .or_else(|| variable("XDG_STATE_HOME").map(|dir| dir.join("sealane/pins")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".local/state/sealane/pins")))
        .ok_or_else(|| Failure::wrong_use("no place to keep trust anchors: set SEALANE_PINS, or give --trust FILE"))?;
    Ok(dir.join(format!("{}.json", origin.hash())))
}
