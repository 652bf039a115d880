//! `renew`: a participant asks for a further certificate, signed for with its current key.

use std::fs;

use serde_json::json;

use crate::cli::arguments::{Global, RenewOptions};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::output::Output;
use crate::cli::trust;
use crate::pki::{CertificateRequest, PrivateKey};
use sealane_core::consortium::renewal_consent;
use sealane_core::statement::Signature;

pub fn run(global: &Global, options: &RenewOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::new(global)?;
    let csr = fs::read_to_string(&options.csr)
        .map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", options.csr.display())))?;
    let request = CertificateRequest::parse_pem(&csr).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let key = PrivateKey::read(&options.key).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let trusted = trust::choose(global, None, &client, output)?;
    let consent = renewal_consent(&trusted.anchor.genesis().origin, &options.id, request.der());
    let consent = Signature::sign(key.signing_key(), &consent);
    let body = json!({"csr": csr, "consent": consent});
    let path = format!("/participants/{}/renewals", options.id);
    let answer = client.post(&path, "application/json", body.to_string().as_bytes())?;
    let text = format!(
        "Asked for a further certificate for participant {}.\nA member decides: sealane approve {0}; then: sealane certificate {0} --out certificate.pem",
        options.id
    );
    output.result(&answer, text);
    Ok(CommandOutcome::Done)
}
