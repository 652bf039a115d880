//! The settings of a participant's gateway.

use std::num::NonZeroU64;
use std::path::PathBuf;

use serde::Deserialize;

use super::Network;

/// The table `[gateway]` of `sealane.toml`. Every member may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GatewaySection {
    /// The directory with the participant's key and certificate.
    #[serde(rename = "as")]
    pub identity: Option<PathBuf>,
    /// Authorities whose certificates clients may show.
    pub client_ca: Option<PathBuf>,
    /// The ledger's trust anchor.
    pub trust: Option<PathBuf>,
    pub max_jobs: Option<NonZeroU64>,
    pub no_batch: Option<bool>,
    pub strict: Option<bool>,
    pub no_query: Option<bool>,
    /// Networks that are not of the public internet, and that events of subscriptions may go to.
    #[serde(default)]
    pub allow_dest: Vec<Network>,
    pub allow_http_dest: Option<bool>,
    /// Authorities of subscribers' servers.
    pub dest_ca: Option<PathBuf>,
}
