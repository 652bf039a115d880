//! https on both sides: what a node serves with, and whom a client trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::cli::arguments::TlsOptions;
use crate::cli::failure::{Failure, with_causes};
use crate::pki::tls;

/// What the flags ask for; `None` for plain http.
pub fn server_config(options: &TlsOptions) -> Result<Option<ServerConfig>, Failure> {
    match (&options.tls_cert, &options.tls_key) {
        (None, None) => Ok(None),
        (Some(certificates), Some(key)) => {
            tls::server_config(certificates, key).map(Some).map_err(|error| Failure::wrong_use(with_causes(&error)))
        }
        (Some(_), None) => Err(Failure::wrong_use("--tls-cert needs --tls-key FILE, the certificate's private key")),
        (None, Some(_)) => Err(Failure::wrong_use("--tls-key needs --tls-cert FILE, the certificate of that key")),
    }
}

/// The same for a server that lets clients in by certificates of these authorities too. Without a certificate a client shows
/// itself in another way.
pub fn server_config_for_clients(
    options: &TlsOptions,
    client_authorities: Option<&Path>,
) -> Result<Option<ServerConfig>, Failure> {
    let Some(authorities) = client_authorities else { return server_config(options) };
    match (&options.tls_cert, &options.tls_key) {
        (Some(certificates), Some(key)) => tls::server_config_for_clients(certificates, key, authorities)
            .map(Some)
            .map_err(|error| Failure::wrong_use(with_causes(&error))),
        _ => Err(Failure::wrong_use(
            "--client-ca needs --tls-cert FILE and --tls-key FILE: certificates are shown over https",
        )),
    }
}

pub const fn scheme(tls: Option<&ServerConfig>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// Trusts the authorities in `file`, or the system's.
pub fn client_config(file: Option<&Path>) -> Result<TlsConfig, Failure> {
    let roots = match file {
        Some(file) => {
            let found = tls::read_certificates(file).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
            let found: Vec<_> = found.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
            RootCerts::new_with_certs(&found)
        }
        None => RootCerts::PlatformVerifier,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}
