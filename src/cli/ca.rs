//! `ca renew`: a new certificate of the member's authority over the same key.

use crate::cli::arguments::{CaCommand, CaOptions, Global};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::pki::CertificateAuthority;
use sealane_core::time::Timestamp;

/// How long before its end an authority is warned about, in milliseconds: 90 days. What it issues holds a year, or up to that end.
const NEAR_END_MS: i64 = 90 * 24 * 60 * 60 * 1000;

pub fn run(global: &Global, options: &CaOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let CaCommand::Renew = options.command;
    let data = DataDir::open(&global.data())?;
    data.need_member()?;
    let old = data.authority()?;
    let before = old.certificate().not_after();
    let renewed = old.renewed(now()).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    renewed.replace(data.path()).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let end = renewed.certificate().not_after();
    output.result(
        &serde_json::json!({"file": data.path().join(crate::pki::ca::CERTIFICATE_FILE), "notAfter": end, "before": before}),
        format!(
            "The authority's certificate holds until {end} (before: {before}). It has the same key and name, so what it issued stays \
             good. A node that is running gives out the new one once it is started again."
        ),
    );
    Ok(CommandOutcome::Done)
}

/// Says that an authority's certificate ends soon, if it does.
pub fn warning(authority: &CertificateAuthority, now: Timestamp) -> Option<String> {
    let end = authority.certificate().not_after();
    (end <= now.plus_millis(NEAR_END_MS)).then(|| {
        let verb = if end < now { "ended" } else { "ends" };
        format!(
            "the certificate of this member's authority {verb} on {end}, and nothing it issues holds longer: `sealane ca renew` makes a \
             new one over the same key"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_warned_about_before_its_end() {
        let made: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let authority = CertificateAuthority::create("Member", made).unwrap();
        let end = authority.certificate().not_after();
        assert_eq!(warning(&authority, made), None);
        assert_eq!(warning(&authority, end.plus_millis(-NEAR_END_MS - 1_000)), None);
        assert!(warning(&authority, end.plus_millis(-NEAR_END_MS)).unwrap().contains(&format!("ends on {end}")));
        assert!(warning(&authority, end.plus_millis(1_000)).unwrap().contains("ended on"));
    }
}
