//! `init --founder` and `init --found`: a ledger that several members begin together.
//!
//! A founder's directory has keys, an authority, an empty vote log and `founder.json`, and no `version`: no member is there yet.
//! The steps of `--found`, and what a crash after each leaves behind. Run again, the command goes on:
//!
//! | after | left behind |
//! |---|---|
//! | `genesis.jose` durable | the one genesis statement that this key signs or takes; another one is refused from now on |
//! | block 0 durable | a ledger that no node serves yet |
//! | log of votes and `sealane.toml` written | the same |
//! | `version` written | a member |

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::founding::{FOUNDER_DOCUMENT_BYTES_MAX, FounderDocument, Founders, NamedFounder};
use crate::app::genesis;
use crate::cli::arguments::Global;
use crate::cli::backup::parent;
use crate::cli::data_dir::{DataDir, FOUNDER_FILE, GENESIS_FILE, cannot};
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::init::{InitOptions, make_keys};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::config::{CONFIG_FILE, FoundedSettings, PeerEndpoint};
use crate::pki::{MEMBER_KEY_FILE, MemberKey, NOTE_KEY_FILE};
use crate::ports::MemberSigner;
use crate::store::VoteLogFile;
use sealane_core::agreement::NodeAddress;
use sealane_core::block::{Member, Origin};
use sealane_core::consortium::Organization;
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::limits::STATEMENT_BYTES_MAX;

/// Mode of what is given to others: anyone may read it.
const PUBLIC_MODE: u32 = 0o644;

/// What a founder says of itself on the command line.
pub struct FounderOptions<'a> {
    pub name: &'a Organization,
    pub origin: Origin,
    pub peer: &'a PeerEndpoint,
    pub url: &'a str,
}

/// A founder that was made: no ledger is there yet.
pub struct DeclaredFounder {
    pub kid: Hash,
    /// Its document for the other founders.
    pub file: PathBuf,
}

/// A ledger that was founded in one founder's directory.
pub struct FoundedLedger {
    founders: Founders,
    pub anchor: Anchor,
    own: FounderDocument,
}

/// Makes a founder: keys, authority, an empty vote log, and the document for the other founders.
pub fn declare(global: &Global, options: &FounderOptions<'_>, output: &Output) -> Result<CommandOutcome, Failure> {
    let FounderOptions { name, origin, .. } = options;
    let data = global.data();
    let DeclaredFounder { kid, file } = make_founder(&data, options)?;
    let shown = data.display();
    output.result(
        &json!({"origin": origin, "kid": kid, "name": name, "data": data, "founder": file}),
        format!(
            "{name} ({kid}) is a founder of {origin}, in {shown}. No ledger is there yet.\n\nBack up {shown}/{MEMBER_KEY_FILE}, \
             {shown}/{NOTE_KEY_FILE} and {shown}/ca-key.pem: nothing replaces them.\nGive {} to the other founders, and take \
             theirs.\nNext, with the {FOUNDER_FILE} of every founder: sealane init --found FILE… --data {shown}",
            file.display()
        ),
    );
    Ok(CommandOutcome::Done)
}

/// Makes a founder in an empty directory.
pub fn make_founder(data: &Path, options: &FounderOptions<'_>) -> Result<DeclaredFounder, Failure> {
    let FounderOptions { name, origin, peer, url } = options;
    NodeAddress::check_url(url).map_err(|error| Failure::wrong_use(format!("--public-url: {error}")))?;
    let data = DataDir::create(data)?;
    let _lock = data.lock()?;
    let kid = make_keys(&data, name, now())?;
    let signer = data.member_key()?;
    VoteLogFile::create(data.path(), kid, origin).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let document =
        FounderDocument::sign(&signer, name, origin, peer.as_str(), url).map_err(|error| Failure::wrong_use(&error))?;
    // Last of all: with it the directory is a founder's, and without it an `init` that was cut short.
    let file = data.path().join(FOUNDER_FILE);
    write_public(&file, &document.to_json())?;
    Ok(DeclaredFounder { kid, file })
}

/// Begins the ledger of several founders, at one of them.
pub fn found(global: &Global, options: &InitOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open_founder(&global.data())?.with_database(global)?;
    let founded = begin(&data, &options.found, options.genesis.as_deref())?;
    tell(&data, &founded, output);
    Ok(CommandOutcome::Done)
}

/// Begins the ledger of the founders in `files`, in the directory of one of them.
pub fn begin(data: &DataDir, files: &[PathBuf], genesis: Option<&Path>) -> Result<FoundedLedger, Failure> {
    let _lock = data.lock()?;
    let signer = data.member_key()?;
    let founders = gather(files)?;
    let own = own_document(&founders, &signer, data.path())?.clone();
    let mut log = data.vote_log(own.member().kid(), founders.origin())?;
    // Before a genesis statement is signed or taken: what is in the way of the ledger is met while all can begin anew.
    let runtime = runtime()?;
    let store = runtime.block_on(data.create_store())?;
    let tip = runtime.block_on(store.tip()).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    if tip.is_some() && !data.path().join(GENESIS_FILE).exists() {
        return Err(other_ledger(data));
    }
    let anchor = anchor(data, &founders, &signer, genesis)?;
    runtime.block_on(genesis::write(&*store, &signer, &mut log, &anchor)).map_err(|error| match error {
        genesis::GenesisError::Exists => other_ledger(data),
        other => Failure::unreachable(with_causes(&other)),
    })?;
    add_settings(data.path(), &settings_of(&founders, &own)?)?;
    data.finish()?;
    Ok(FoundedLedger { founders, anchor, own })
}

fn other_ledger(data: &DataDir) -> Failure {
    let place = data.ledger_place();
    Failure::unreachable(format!("{place} holds another ledger: a new one begins in an empty place"))
}

/// Reads every founder's document.
fn gather(files: &[PathBuf]) -> Result<Founders, Failure> {
    let read = |file: &PathBuf| {
        let bytes = read_at_most(file, FOUNDER_DOCUMENT_BYTES_MAX).map_err(Failure::wrong_use)?;
        let document = FounderDocument::parse(&bytes, provider().signatures);
        let document = document.map_err(|error| wrong(file, &error))?;
        Ok(NamedFounder { file: file.display().to_string(), document })
    };
    let founders = files.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    Founders::gather(founders).map_err(Failure::wrong_use)
}

/// The document of the founder whose keys are in the directory.
fn own_document<'a>(founders: &'a Founders, signer: &MemberKey, data: &Path) -> Result<&'a FounderDocument, Failure> {
    let kid = signer.public_key().thumbprint();
    let Some(own) = founders.get(&kid) else {
        return Err(Failure::wrong_use(format!(
            "none of the files is of the founder in {} ({kid}): give {} too",
            data.display(),
            data.join(FOUNDER_FILE).display()
        )));
    };
    if own.document.member().note_key() != signer.note_key() {
        return Err(Failure::unreachable(format!(
            "{NOTE_KEY_FILE} in {} is not the note key that {} names: put the right one there, from a backup",
            data.display(),
            own.file
        )));
    }
    Ok(&own.document)
}

/// The genesis statement of these founders: the one that was signed or taken here before, the one given, or a new one, which
/// the first founder alone may sign. It is durable in the directory when this returns.
fn anchor(data: &DataDir, founders: &Founders, signer: &MemberKey, given: Option<&Path>) -> Result<Anchor, Failure> {
    let held = data.path().join(GENESIS_FILE);
    let given = given.map(|file| read_genesis(file, founders)).transpose().map_err(Failure::wrong_use)?;
    if held.exists() {
        let before = read_genesis(&held, founders).map_err(|failure| {
            Failure::unreachable(format!(
                "{failure}. This founder's key stands by the genesis statement in {}, and a second one would be a second ledger: \
                 give the files of its founders, or begin anew in another --data with `sealane init --founder`",
                held.display()
            ))
        })?;
        return match given.filter(|given| given.statement() != before.statement()) {
            Some(_) => Err(Failure::wrong_use(format!(
                "--genesis is another statement than {}, which this founder signed or took before: take that of its signer, or \
                 begin anew in another --data with `sealane init --founder`",
                held.display()
            ))),
            None => Ok(before),
        };
    }
    let anchor = match (given, founders.first()) {
        (Some(given), _) => given,
        (None, Some(first)) if first.kid() != signer.public_key().thumbprint() => return Err(not_first(first)),
        (None, _) => {
            genesis::sign(founders.genesis(now()), signer).map_err(|error| Failure::unreachable(with_causes(&error)))?
        }
    };
    write_public(&held, &format!("{}\n", anchor.statement().compact()))?;
    Ok(anchor)
}

fn not_first(first: &Member) -> Failure {
    Failure::wrong_use(format!(
        "{} ({}) has the lowest kid and runs this first, without --genesis: take its {GENESIS_FILE}, and run this again with \
         --genesis FILE",
        first.name(),
        first.kid()
    ))
}

/// Reads a genesis statement and checks that it is of these founders.
fn read_genesis(file: &Path, founders: &Founders) -> Result<Anchor, String> {
    let bytes = read_at_most(file, STATEMENT_BYTES_MAX + 1)?;
    let compact = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let anchor = Anchor::of_genesis(compact, provider().signatures).map_err(|error| named(&error))?;
    founders.check(&anchor, now()).map_err(|error| named(&error))?;
    Ok(anchor)
}

/// What the founders said of their addresses, for `sealane.toml`.
fn settings_of(founders: &Founders, own: &FounderDocument) -> Result<FoundedSettings, Failure> {
    let endpoint = |address: &NodeAddress| address.peer().parse::<PeerEndpoint>().map_err(Failure::wrong_use);
    let kid = own.member().kid();
    let others = founders.all().map(|one| &one.document).filter(|one| one.member().kid() != kid);
    let address = endpoint(own.address())?;
    Ok(FoundedSettings {
        public_url: own.address().url().to_owned(),
        listen: address.listen_default(),
        address,
        addresses: others
            .map(|one| Ok((one.member().kid(), endpoint(one.address())?)))
            .collect::<Result<_, Failure>>()?,
    })
}

/// Adds a node's settings to the `sealane.toml` of a directory.
pub fn add_settings(dir: &Path, settings: &FoundedSettings) -> Result<(), Failure> {
    let path = dir.join(CONFIG_FILE);
    let (before, mode) = match fs::read_to_string(&path) {
        Ok(text) => (text, fs::metadata(&path).map_err(|error| cannot("read", &path, &error))?.permissions().mode()),
        Err(error) if error.kind() == ErrorKind::NotFound => (String::new(), PUBLIC_MODE),
        Err(error) => return Err(cannot("read", &path, &error)),
    };
    let text = settings.add_to(&before).map_err(|error| wrong(&path, &error))?;
    replace(&path, &text, mode & 0o777).map_err(|error| cannot("write", &path, &error))
}

fn tell(data: &DataDir, founded: &FoundedLedger, output: &Output) {
    let FoundedLedger { founders, anchor, own } = founded;
    let (own, shown) = (own.member().kid(), data.path().display());
    let is_first = founders.first().is_some_and(|first| first.kid() == own);
    let members = founders.all().map(|one| {
        let (member, address) = (one.document.member(), one.document.address());
        json!({"kid": member.kid(), "name": member.name(), "peer": address.peer(), "url": address.url()})
    });
    let genesis = data.path().join(GENESIS_FILE);
    let result = json!({
        "origin": founders.origin(), "fingerprint": anchor.fingerprint(), "root": anchor.root(), "kid": own,
        "members": members.collect::<Vec<_>>(), "genesis": genesis, "data": data.path(),
    });
    let mut text =
        format!("The ledger {} begins in {shown} with {} members:\n", founders.origin(), founders.all().len());
    for one in founders.all() {
        let (member, address) = (one.document.member(), one.document.address());
        text.push_str(&format!("  {} ({}), {}\n", member.name(), member.kid(), address.peer()));
    }
    text.push_str(&format!(
        "Fingerprint, to compare with every other founder by telephone or in person: {}\n",
        anchor.fingerprint()
    ));
    if is_first && founders.all().len() > 1 {
        text.push_str(&format!(
            "Give {} to the other founders, who run `sealane init --found FILE… --genesis {GENESIS_FILE}`.\n",
            genesis.display()
        ));
    }
    text.push_str(&format!("Next, when all have the same fingerprint: sealane serve --data {shown}"));
    output.result(&result, text);
}

fn wrong(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::wrong_use(format!("{}: {error}", file.display()))
}

/// Reads a file that another founder gave, of so many bytes at the most; one byte more tells a longer one.
fn read_at_most(file: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(bytes_max as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(bytes)
}

/// Writes a file that is given to others.
pub fn write_public(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text, PUBLIC_MODE).map_err(|error| cannot("write", path, &error))
}

/// Writes a file in place of the one that may be there, durable when this returns. A reader finds the one or the other, whole.
fn replace(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let dir = parent(path);
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}
