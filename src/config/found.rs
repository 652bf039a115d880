//! What founding a ledger adds to `sealane.toml`, so that `sealane serve` needs no flags.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use toml_edit::{DocumentMut, Item, Table, TomlError, value};

use super::PeerEndpoint;
use sealane_core::hash::Hash;

/// The settings of a founder's node.
#[derive(Debug, Clone)]
pub struct FoundedSettings {
    pub public_url: String,
    pub listen: Option<SocketAddr>,
    pub address: PeerEndpoint,
    /// Where the other founders' nodes are found.
    pub addresses: BTreeMap<Hash, PeerEndpoint>,
}

/// A file to which nothing can be added.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SettingsError {
    #[error("{}", .0.message())]
    Toml(#[from] TomlError),
    #[error("{name} is no table there")]
    NoTable { name: &'static str },
}

impl FoundedSettings {
    /// Adds these settings to the text of a file. What the operator wrote stays as it is, comments included, and wins.
    pub fn add_to(&self, text: &str) -> Result<String, SettingsError> {
        let mut document: DocumentMut = text.parse()?;
        let root = document.as_table_mut();
        root.entry("public-url").or_insert_with(|| value(&self.public_url));
        let peers = table_in(root, "peers", "peers")?;
        if let Some(listen) = self.listen {
            peers.entry("listen").or_insert_with(|| value(listen.to_string()));
        }
        peers.entry("address").or_insert_with(|| value(self.address.as_str()));
        let addresses = table_in(peers, "addresses", "peers.addresses")?;
        for (kid, address) in &self.addresses {
            addresses.entry(&kid.to_string()).or_insert_with(|| value(address.as_str()));
        }
        Ok(document.to_string())
    }
}

fn table_in<'a>(parent: &'a mut Table, key: &str, name: &'static str) -> Result<&'a mut Table, SettingsError> {
    let item = parent.entry(key).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_mut().ok_or(SettingsError::NoTable { name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings() -> FoundedSettings {
        FoundedSettings {
            public_url: "https://a.example".to_owned(),
            listen: Some("0.0.0.0:7443".parse().unwrap()),
            address: "a.example:7443".parse().unwrap(),
            addresses: [(Hash::of(b"other"), "b.example:7443".parse().unwrap())].into(),
        }
    }

    #[test]
    fn a_new_file_says_all_that_serve_needs() {
        let config = Config::parse(&settings().add_to("").unwrap()).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://a.example"));
        assert_eq!(config.peers.listen, settings().listen);
        assert_eq!(config.peers.address, Some(settings().address));
        assert_eq!(config.peers.addresses, settings().addresses);
    }

    #[test]
    fn what_the_operator_wrote_stays_and_wins() {
        let before = "# ours\nlisten = \"127.0.0.1:9000\" # behind nginx\n\n[peers]\nlisten = \"10.0.0.1:7443\"\n";
        let after = settings().add_to(before).unwrap();
        assert!(after.contains("# ours\nlisten = \"127.0.0.1:9000\" # behind nginx"), "{after}");
        let config = Config::parse(&after).unwrap();
        assert_eq!(config.peers.listen, Some("10.0.0.1:7443".parse().unwrap()));
        assert_eq!(config.peers.addresses, settings().addresses);
        assert_eq!(settings().add_to(&after).unwrap(), after, "a second time changes nothing");
        let says = settings().add_to("peers = 1").unwrap_err().to_string();
        assert_eq!(says, "peers is no table there");
        assert!(settings().add_to("peers = ").is_err());
    }
}
