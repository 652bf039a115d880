//! The settings of a node among other members' nodes: where it listens for them, where they find it, and where it finds them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::Deserialize;

use crate::ports::Patience;
use sealane_core::agreement::{NodeAddress, NodeAddressError};
use sealane_core::block::MemberSet;
use sealane_core::hash::Hash;

/// HOST:PORT of the port for members' nodes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PeerEndpoint(String);

impl PeerEndpoint {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address on which a node that is found here listens unless the operator says otherwise: this port, on all of the
    /// machine's addresses, or on the loopback address that this names.
    pub fn listen_default(&self) -> Option<SocketAddr> {
        let (host, port) = self.0.rsplit_once(':')?;
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        match format!("{host}:{port}").parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Some(address),
            Ok(SocketAddr::V6(address)) => Some(SocketAddr::from(([0_u16; 8], address.port()))),
            _ => Some(SocketAddr::from(([0_u8; 4], port.parse().ok()?))),
        }
    }
}

impl FromStr for PeerEndpoint {
    type Err = NodeAddressError;

    fn from_str(text: &str) -> Result<Self, NodeAddressError> {
        NodeAddress::check_peer(text).map(|()| Self(text.to_owned()))
    }
}

impl TryFrom<String> for PeerEndpoint {
    type Error = NodeAddressError;

    fn try_from(text: String) -> Result<Self, NodeAddressError> {
        text.parse()
    }
}

/// The table `[peers]` of `sealane.toml`. Every member may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PeersSection {
    pub listen: Option<SocketAddr>,
    pub address: Option<PeerEndpoint>,
    /// Where other members' nodes are found, by `kid`. It wins over what they say of themselves.
    #[serde(default)]
    pub addresses: BTreeMap<Hash, PeerEndpoint>,
}

/// How a node meets other members' nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSettings {
    listen: Option<SocketAddr>,
    own: Option<(PeerEndpoint, String)>,
    addresses: BTreeMap<Hash, PeerEndpoint>,
    patience: Patience,
}

/// Settings that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerSettingsError {
    #[error(
        "--peer-address says where other members' nodes find this one, and it listens nowhere: give --peer-listen too, such as \
         0.0.0.0:7443"
    )]
    NotListening,
    #[error("--public-url is told to other members too: {0}")]
    Url(NodeAddressError),
}

impl PeerSettings {
    /// Puts flags and the file's table together. `url` is where clients find the node.
    pub fn new(
        listen: Option<SocketAddr>,
        address: Option<PeerEndpoint>,
        url: &str,
        addresses: BTreeMap<Hash, PeerEndpoint>,
    ) -> Result<Self, PeerSettingsError> {
        if address.is_some() && listen.is_none() {
            return Err(PeerSettingsError::NotListening);
        }
        if address.is_some() {
            NodeAddress::check_url(url).map_err(PeerSettingsError::Url)?;
        }
        Ok(Self {
            listen,
            own: address.map(|address| (address, url.to_owned())),
            addresses,
            patience: Patience::default(),
        })
    }

    /// Waits so long for the other members.
    pub fn waiting(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// How long the node waits for the other members.
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether the operator lets this node meet other members' nodes.
    pub fn meets_others(&self) -> bool {
        self.listen.is_some() || !self.addresses.is_empty()
    }

    /// Where the node listens for others; `None` of one that only dials.
    pub const fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// HOST:PORT for members' nodes, and the URL for clients, at which this node is found.
    pub fn own_address(&self) -> Option<(String, String)> {
        self.own.as_ref().map(|(peer, url)| (peer.as_str().to_owned(), url.clone()))
    }

    /// HOST:PORT of other members' nodes by the operator's word.
    pub fn overrides(&self) -> BTreeMap<Hash, String> {
        self.addresses.iter().map(|(kid, peer)| (*kid, peer.as_str().to_owned())).collect()
    }

    /// The keys among the addresses that are no member's in force: likely an error in the file, or a member that left.
    pub fn strangers(&self, members: &MemberSet) -> impl Iterator<Item = Hash> {
        self.addresses.keys().copied().filter(|kid| members.get(kid).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> PeerEndpoint {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_is_read_and_what_is_wrong_in_it_named() {
        let kid = Hash::of(b"member");
        let text = format!(
            "listen = \"0.0.0.0:7443\"\naddress = \"a.example:7443\"\n[addresses]\n{kid} = \"b.example:7443\"\n"
        );
        let read: PeersSection = toml::from_str(&text).unwrap();
        assert_eq!(read.listen, Some("0.0.0.0:7443".parse().unwrap()));
        assert_eq!(read.addresses.get(&kid), Some(&endpoint("b.example:7443")));
        for (wrong, words) in [
            ("listen = \"7443\"", "socket address"),
            ("address = \"https://a.example\"", "it is HOST:PORT"),
            ("lisen = \"0.0.0.0:7443\"", "lisen"),
            ("[addresses]\nmember = \"b.example:7443\"", "43 characters"),
        ] {
            let says = toml::from_str::<PeersSection>(wrong).unwrap_err().to_string();
            assert!(says.contains(words), "{wrong}: {says}");
        }
    }

    #[test]
    fn a_node_listens_by_default_where_it_is_found() {
        for (address, listen) in [
            ("a.example:7443", "0.0.0.0:7443"),
            ("192.0.2.1:7000", "0.0.0.0:7000"),
            ("[2001:db8::1]:7443", "[::]:7443"),
            ("127.0.0.1:7443", "127.0.0.1:7443"),
            ("localhost:7443", "127.0.0.1:7443"),
            ("[::1]:7443", "[::1]:7443"),
        ] {
            assert_eq!(endpoint(address).listen_default(), Some(listen.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_found_listens_and_has_a_url() {
        let settings = |listen: Option<&str>, address: Option<&str>, url: &str| {
            let listen = listen.map(|text| text.parse().unwrap());
            PeerSettings::new(listen, address.map(endpoint), url, BTreeMap::new())
        };
        let own = Some(("a.example:7443".to_owned(), "https://a.example".to_owned()));
        let good = settings(Some("0.0.0.0:7443"), Some("a.example:7443"), "https://a.example").unwrap();
        assert_eq!((good.listen(), good.own_address()), (Some("0.0.0.0:7443".parse().unwrap()), own));
        let dials = settings(None, None, "x").unwrap();
        assert_eq!((dials.listen(), dials.own_address()), (None, None));
        let deaf = settings(None, Some("a.example:7443"), "https://a.example");
        assert_eq!(deaf, Err(PeerSettingsError::NotListening));
        let nowhere = settings(Some("0.0.0.0:7443"), Some("a.example:7443"), "a.example").unwrap_err().to_string();
        assert!(nowhere.contains("--public-url") && nowhere.contains("it begins with https://"), "{nowhere}");
    }
}
