//! `keygen`: a P-256 key and a PKCS#10 request, made where they stay.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::cli::arguments::KeygenOptions;
use crate::cli::data_dir::cannot;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::identity::{KEY_FILE, REQUEST_FILE};
use crate::cli::output::Output;
use crate::pki::{CertificateRequest, PrivateKey};
use sealane_core::consortium::Organization;

pub fn run(options: &KeygenOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let request = make(&options.out, &options.organization)?;
    let fingerprint = request.public_key().thumbprint();
    let key = options.out.join(KEY_FILE);
    let request = options.out.join(REQUEST_FILE);
    output.result(
        &serde_json::json!({"key": key, "request": request, "keyFingerprint": fingerprint}),
        format!(
            "Made {} (keep it secret) and {}.\nThe key's fingerprint, for the member to compare: {fingerprint}",
            key.display(),
            request.display()
        ),
    );
    Ok(CommandOutcome::Done)
}

/// Makes `key.pem` and `request.pem` in `dir`; returns the request. Overwrites nothing.
pub fn make(dir: &Path, organization: &Organization) -> Result<CertificateRequest, Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| cannot("make", dir, &error))?;
    let key = PrivateKey::generate().map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let request = CertificateRequest::make(&key, organization.as_str());
    let request = request.map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    key.write_new(&dir.join(KEY_FILE)).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let path = dir.join(REQUEST_FILE);
    fs::write(&path, request.to_pem()).map_err(|error| cannot("write", &path, &error))?;
    Ok(request)
}
