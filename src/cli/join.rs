//! `init --join`: an organisation makes all that a member's node needs, and asks a member of a ledger to be admitted.
//!
//! The steps, and what a crash after each leaves behind. Run again, the command goes on:
//!
//! | after | left behind |
//! |---|---|
//! | `joining.json` durable | the ledger is pinned; keys that follow may be made anew, as no other node has seen them |
//! | `member.json` durable | keys, an empty log of votes, and what the members are given |
//! | `sealane.toml` and block 0 written | the same, with the beginning of the ledger |
//! | `version` written | a whole directory: `sealane serve` runs on it |
//! | the request posted | the same; posted again it takes its own place |

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::app::joining::JoinRequest;
use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::data_dir::{DataDir, Joining, MEMBER_FILE, cannot};
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::followed::sources;
use crate::cli::founding::{add_settings, write_public};
use crate::cli::init::make_keys;
use crate::cli::meet::{MeetBy, MeetWords, meet};
use crate::cli::node::{now, runtime};
use crate::cli::observing;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::config::{FoundedSettings, PeerEndpoint};
use crate::pki::{MEMBER_KEY_FILE, NOTE_KEY_FILE, ca};
use crate::ports::MemberSigner;
use crate::store::{VOTE_LOG_FILES, VoteLogFile};
use sealane_core::agreement::NodeAddress;
use sealane_core::consortium::Organization;
use sealane_core::hash::Hash;

/// What a newcomer says on the command line.
pub struct JoinOptions<'a> {
    pub name: &'a Organization,
    /// The node of a member.
    pub url: &'a str,
    /// Where other members' nodes and clients find this one, if they can dial it.
    pub own: Option<(&'a PeerEndpoint, &'a str)>,
    pub fingerprint: Option<Hash>,
    pub yes: bool,
}

/// How an operator is asked whether to join a ledger.
const JOINING: MeetWords = MeetWords {
    question: "Join it? Compare the fingerprint with a member's own first. [y/N] ",
    way_out: "give --fingerprint {} once you have compared it with a member's own",
    refusal: "not joined; nothing was written",
};

pub fn run(global: &Global, options: &JoinOptions<'_>, output: &Output) -> Result<CommandOutcome, Failure> {
    let JoinOptions { name, own, .. } = options;
    if let Some((_, url)) = own {
        NodeAddress::check_url(url).map_err(|error| Failure::wrong_use(format!("--public-url: {error}")))?;
    }
    let joining = pin(global, options, output)?;
    let origin = &joining.anchor.genesis().origin;
    let data = match DataDir::open_if_there(&global.data())? {
        Some(data) => data,
        None => DataDir::create_newcomer(&global.data(), &joining)?,
    };
    let data = data.with_database(global)?;
    let _lock = data.lock()?;
    let request = make_newcomer(&data, options, &joining)?;
    if !data.is_finished() {
        if let Some((peer, url)) = own {
            let settings = FoundedSettings {
                public_url: (*url).to_owned(),
                listen: peer.listen_default(),
                address: (*peer).clone(),
                addresses: Default::default(),
            };
            add_settings(data.path(), &settings)?;
        }
        let nodes = sources(global, std::slice::from_ref(&joining.url))?;
        runtime()?.block_on(observing::begin(&data, &nodes, &joining.anchor))?;
    }
    let member = request.member();
    let (kid, file, shown) = (member.kid(), data.path().join(MEMBER_FILE), data.path().display());
    Client::at(global, options.url)?.post("/members", "application/json", request.to_json().as_bytes()).map_err(
        |failure| {
            Failure::unreachable(format!(
                "everything is made in {shown}, and the request was not taken: {failure}. Run this again to ask again, or give {} \
                 to a member",
                file.display()
            ))
        },
    )?;
    let fingerprint = joining.anchor.fingerprint();
    output.result(
        &json!({
            "origin": origin, "fingerprint": fingerprint, "kid": kid, "name": name, "data": data.path(), "member": file,
        }),
        format!(
            "{name} ({kid}) has asked {} to become a member of {origin}. Its fingerprint: {fingerprint}\n\nBack up \
             {shown}/{MEMBER_KEY_FILE}, {shown}/{NOTE_KEY_FILE} and {shown}/ca-key.pem: nothing replaces them.\nTell a member your \
             kid by telephone: the members admit this key (sealane members propose --admit {kid}).\nNext: sealane serve --data \
             {shown}, which follows the ledger, and votes once it is admitted",
            options.url
        ),
    );
    Ok(CommandOutcome::Done)
}

/// The ledger that is joined: the one that the directory knows already, or one that is met now.
fn pin(global: &Global, options: &JoinOptions<'_>, output: &Output) -> Result<Joining, Failure> {
    let path = global.data();
    if let Some(joining) = DataDir::joining_in(&path)? {
        let other = joining.url != options.url;
        if other || options.fingerprint.is_some_and(|expected| !joining.has_fingerprint(&expected)) {
            return Err(Failure::wrong_use(format!(
                "{} joins the ledger {} at {}, with the fingerprint {}: give the same --join and --fingerprint, or another --data",
                path.display(),
                joining.anchor.genesis().origin,
                joining.url,
                joining.anchor.fingerprint()
            )));
        }
        return Ok(joining);
    }
    DataDir::refuse_taken(&path)?;
    let by = MeetBy { trust: None, fingerprint: options.fingerprint, yes: options.yes };
    let (anchor, _) = meet(global, &[options.url.to_owned()], &by, &JOINING, output)?;
    Ok(Joining { url: options.url.to_owned(), anchor })
}

/// Makes keys, authority, log of votes and request, or finds those that were made before.
fn make_newcomer(data: &DataDir, options: &JoinOptions<'_>, joining: &Joining) -> Result<JoinRequest, Failure> {
    let file = data.path().join(MEMBER_FILE);
    if file.exists() {
        return made_before(&file, options);
    }
    // No node has seen what an earlier try has left.
    let left =
        [MEMBER_KEY_FILE, NOTE_KEY_FILE].into_iter().chain([ca::KEY_FILE, ca::CERTIFICATE_FILE]).chain(VOTE_LOG_FILES);
    for left in left.map(|name| data.path().join(name)).filter(|path| path.exists()) {
        fs::remove_file(&left).map_err(|error| cannot("remove", &left, &error))?;
    }
    let origin = &joining.anchor.genesis().origin;
    let kid = make_keys(data, options.name, now())?;
    let signer = data.member_key()?;
    VoteLogFile::create(data.path(), kid, origin).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let own = options.own.map(|(peer, url)| (peer.as_str(), url));
    let request =
        JoinRequest::sign(&signer as &dyn MemberSigner, options.name, origin, own).map_err(Failure::wrong_use)?;
    write_public(&file, &request.to_json())?;
    Ok(request)
}

/// The request that was made before, which must be for the same name.
fn made_before(file: &Path, options: &JoinOptions<'_>) -> Result<JoinRequest, Failure> {
    let bytes = fs::read(file).map_err(|error| cannot("read", file, &error))?;
    let request = JoinRequest::parse(&bytes, provider().signatures);
    let request = request.map_err(|error| Failure::unreachable(format!("{}: {error}", file.display())))?;
    let own = options.own.map(|(peer, url)| (peer.as_str(), url));
    let said = request.address().map(|signed| (signed.address().peer(), signed.address().url()));
    if request.member().name() != options.name.as_str() || own.is_some_and(|own| said != Some(own)) {
        return Err(Failure::wrong_use(format!(
            "{} is the request of {:?}, and was made with other arguments: give the same --name, --peer-address and --public-url, or \
             another --data",
            file.display(),
            request.member().name()
        )));
    }
    Ok(request)
}
