//! `sealane.toml` in the data directory: the same settings as flags and `SEALANE_*`, which both win over it.

mod agreement;
mod found;
mod gateway;
mod peers;

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

pub use agreement::{AgreementSection, AgreementSettingsError};
pub use found::{FoundedSettings, SettingsError};
pub use gateway::GatewaySection;
pub use peers::{PeerEndpoint, PeerSettings, PeerSettingsError, PeersSection};

/// The file's name inside the data directory.
pub const CONFIG_FILE: &str = "sealane.toml";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Text with a password in it, perhaps: it is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What the file may hold. Every member may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// One URL, or a list of them.
    #[serde(deserialize_with = "one_or_more", default)]
    pub url: Vec<String>,
    pub listen: Option<String>,
    pub console: Option<ConsoleAddress>,
    pub public_url: Option<String>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_ca: Option<PathBuf>,
    pub write_rate: Option<NonZeroU32>,
    pub scan_decoder: Option<bool>,
    pub invitations: Option<bool>,
    pub database_url: Option<Secret>,
    pub database_ca: Option<PathBuf>,
    pub max_connections: Option<NonZeroU32>,
    pub max_connections_per_address: Option<NonZeroU32>,
    pub address_rate: Option<NonZeroU32>,
    pub signer_rate: Option<NonZeroU32>,
    pub trust_proxy: Option<Vec<Network>>,
    pub log_format: Option<LogFormat>,
    pub json: Option<bool>,
    pub quiet: Option<bool>,
    #[serde(default)]
    pub peers: PeersSection,
    #[serde(default)]
    pub agreement: AgreementSection,
    #[serde(default)]
    pub gateway: GatewaySection,
}

/// Where the operator's page is served: an address of this machine that no other one reaches, and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ConsoleAddress(pub SocketAddr);

impl FromStr for ConsoleAddress {
    type Err = ConsoleAddressError;

    fn from_str(text: &str) -> Result<Self, ConsoleAddressError> {
        let address: SocketAddr =
            text.parse().map_err(|_| ConsoleAddressError::Malformed { found: text.to_owned() })?;
        match address.ip().is_loopback() {
            true => Ok(Self(address)),
            false => Err(ConsoleAddressError::Reachable { found: address }),
        }
    }
}

impl TryFrom<String> for ConsoleAddress {
    type Error = ConsoleAddressError;

    fn try_from(text: String) -> Result<Self, ConsoleAddressError> {
        text.parse()
    }
}

/// Where no console is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleAddressError {
    #[error("{found:?} is no address and port such as 127.0.0.1:8081")]
    Malformed { found: String },
    #[error(
        "{found} can be reached from other machines, and the console is for this one: give 127.0.0.1:{0} or [::1]:{0}; from \
         elsewhere come by ssh -L {0}:127.0.0.1:{0} HOST", found.port()
    )]
    Reachable { found: SocketAddr },
}

/// One address, or a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| NetworkError { found: text.to_owned() })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

/// Text that is no address and no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no address such as 10.0.0.1 or 2001:db8::1, and no network such as 10.0.0.0/8")]
pub struct NetworkError {
    found: String,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {}", path.display(), described(source))]
    Parse { path: PathBuf, source: toml::de::Error },
}

/// Reads a text, or a list of texts.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}

impl Config {
    /// Reads the file in `data`; no file is an empty one.
    pub fn read(data: &Path) -> Result<Self, ConfigError> {
        let path = data.join(CONFIG_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|source| ConfigError::Parse { path, source }),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// The error with the line that it is in, but for a line that may hold a password.
fn described(error: &toml::de::Error) -> String {
    let text = error.to_string();
    if text.contains("database") || text.contains("postgres") { error.message().to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_settings_and_names_unknown_ones() {
        let config = Config::parse("url = \"http://node:1\"\nlog-format = \"json\"\n").unwrap();
        assert_eq!(config.url, ["http://node:1"]);
        let several = Config::parse("url = [\"http://node:1\", \"http://node:2\"]").unwrap();
        assert_eq!(several.url, ["http://node:1", "http://node:2"]);
        let error = Config::parse("url = 7").unwrap_err().to_string();
        assert!(error.contains("expected a text or a list of texts"), "{error}");
        assert_eq!(config.log_format, Some(LogFormat::Json));
        let error = Config::parse("lisen = \"127.0.0.1:1\"").unwrap_err().to_string();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_console_is_for_this_machine_alone() {
        for good in ["127.0.0.1:8081", "127.8.8.8:1", "[::1]:8081", "127.0.0.1:0"] {
            assert_eq!(Config::parse(&format!("console = {good:?}")).unwrap().console.unwrap().0.to_string(), good);
        }
        for wrong in ["0.0.0.0:8081", "192.168.1.1:8081", "[::]:8081"] {
            let error = Config::parse(&format!("console = {wrong:?}")).unwrap_err().to_string();
            assert!(error.contains("ssh -L 8081:127.0.0.1:8081"), "{error}");
        }
        for wrong in ["localhost:8081", "8081", "127.0.0.1"] {
            let error = Config::parse(&format!("console = {wrong:?}")).unwrap_err().to_string();
            assert!(error.contains("no address and port"), "{error}");
        }
    }

    #[test]
    fn a_database_url_is_never_shown() {
        let config = Config::parse("database-url = \"postgres://ann:s3cret@h/x\"").unwrap();
        assert_eq!(config.database_url.as_ref().map(Secret::reveal), Some("postgres://ann:s3cret@h/x"));
        assert!(!format!("{config:?}").contains("s3cret"));
        for wrong in [
            "database-url = \"postgres://ann:s3cret@h/x",
            "database_url = \"postgres://ann:s3cret@h/x\"",
            "database-url = postgres://ann:s3cret@h/x",
            "databse = \"postgres://ann:s3cret@h/x\"",
        ] {
            let source = Config::parse(wrong).unwrap_err();
            let error = ConfigError::Parse { path: "sealane.toml".into(), source }.to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn no_file_is_an_empty_one() {
        assert_eq!(Config::read(Path::new("/nonexistent")).unwrap(), Config::default());
    }
}
