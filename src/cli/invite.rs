//! `invite`: a member lets one organisation ask to be registered.

use serde_json::json;
use uuid::Uuid;

use crate::cli::arguments::{Global, InviteOptions};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::cli::trust;
use crate::ports::MemberSigner;
use sealane_core::consortium::{INVITATION_AGE_MS_MAX, Invitation};

/// How long an invitation holds if nothing else is said, in milliseconds: 7 days.
const INVITATION_AGE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Prints the token, and nothing else on standard output. Nothing is written down here: the ledger shows what was used.
pub fn run(global: &Global, options: &InviteOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let data = DataDir::open(&global.data())?.with_database(global)?;
    let origin = trust::of_data(&data)?.genesis().origin.clone();
    let now = now();
    let expires = options.expires.unwrap_or_else(|| now.plus_millis(INVITATION_AGE_MS));
    if expires <= now || expires.millis_since(now) > INVITATION_AGE_MS_MAX {
        return Err(Failure::wrong_use(format!(
            "--expires {expires}: an invitation ends after now, {now}, and within 30 days of it"
        )));
    }
    let invitation = Invitation::new(Uuid::new_v4(), expires)
        .ok_or_else(|| Failure::unreachable("a random UUID has the form of a participant's id"))?;
    let signature = data.member_key()?.sign(&invitation.signed_bytes(&origin));
    let token = invitation.to_token(&origin, &signature);
    let id = invitation.participant();
    // On standard error, so that a script gets the token alone.
    output.warn(format!(
        "Whoever has this token may ask once to be registered, until {expires}: sealane register --invitation TOKEN …\n\
         The request will be that of participant {id}; a member still decides on it."
    ));
    output.result(&json!({"invitation": token, "participant": id, "expires": expires, "origin": origin}), &token);
    Ok(CommandOutcome::Done)
}
