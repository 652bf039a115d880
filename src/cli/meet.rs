//! Meeting a ledger for the first time, as an observer or a newcomer: what it is to be known by from then on.

use std::path::Path;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, ask, printable};
use crate::cli::provider::provider;
use crate::cli::trust;
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;

/// What the operator knows of the ledger from elsewhere.
pub struct MeetBy<'a> {
    pub trust: Option<&'a Path>,
    pub fingerprint: Option<Hash>,
    /// Take what the node shows, and do not ask.
    pub yes: bool,
}

/// How the operator is asked.
pub struct MeetWords {
    pub question: &'static str,
    /// What to do where no person is at the terminal; `{}` stands for the fingerprint.
    pub way_out: &'static str,
    /// What a no means.
    pub refusal: &'static str,
}

/// Meets the ledger of the first node that can be reached. Returns its trust anchor and that node's URL.
pub fn meet(
    global: &Global,
    urls: &[String],
    by: &MeetBy<'_>,
    words: &MeetWords,
    output: &Output,
) -> Result<(Anchor, String), Failure> {
    let (offered, url) = offered(global, urls, output)?;
    let origin = printable(offered.genesis().origin.as_str());
    if let Some(file) = by.trust {
        let trusted = trust::read(file)?;
        if trusted.genesis_id() != offered.genesis_id() {
            return Err(Failure::unproven(format!(
                "{url} offers the ledger {origin}, and {} is the trust anchor of another one, {}: nothing was written",
                file.display(),
                trusted.genesis().origin
            )));
        }
        return Ok((trusted, url));
    }
    if let Some(expected) = by.fingerprint {
        return Ok((with_fingerprint(&url, offered, expected)?, url));
    }
    if by.yes {
        output.warn(format!(
            "the ledger {origin} is taken as {url} shows it. Compare its fingerprint with a member's own: {}",
            offered.fingerprint()
        ));
        return Ok((offered, url));
    }
    eprintln!("{url} offers the ledger {origin}, kept by:");
    for member in offered.members().members() {
        eprintln!("{:>20}  {}", "member", printable(&format!("{} ({})", member.name(), member.kid())));
    }
    eprintln!("{:>20}  {}", "fingerprint", offered.fingerprint());
    let way_out = words.way_out.replace("{}", &offered.fingerprint().to_string());
    ask(words.question, &way_out, words.refusal)?;
    Ok((offered, url))
}

/// The trust anchor that the first node offers that can be reached, and its URL.
fn offered(global: &Global, urls: &[String], output: &Output) -> Result<(Anchor, String), Failure> {
    let mut last = Failure::wrong_use("give the URL of a node to follow");
    for (at, url) in urls.iter().enumerate() {
        match trust::fetch(&Client::at(global, url)?) {
            Ok(anchor) => return Ok((anchor, url.clone())),
            Err(failure) if at + 1 < urls.len() => output.warn(format!("{failure}; the next node is asked")),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// The anchor with a fingerprint: the newest one that the node offers, or that of genesis.
fn with_fingerprint(url: &str, offered: Anchor, expected: Hash) -> Result<Anchor, Failure> {
    if offered.fingerprint() == expected {
        return Ok(offered);
    }
    // The operator may have written down that of genesis, before members changed.
    let first = Anchor::of_genesis(offered.statement().compact().as_bytes(), provider().signatures);
    let first = first.map_err(Failure::unproven)?;
    if first.fingerprint() == expected {
        return Ok(first);
    }
    Err(Failure::unproven(format!(
        "{} offers the ledger {} with the fingerprint {}, and {expected} was expected: nothing was written",
        url,
        printable(offered.genesis().origin.as_str()),
        offered.fingerprint()
    )))
}
