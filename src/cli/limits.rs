//! The limits of `serve`: what one address, one signer and all together may take of the node.

use std::num::NonZeroU32;

use clap::Args;

use crate::config::{Config, Network};
use crate::http::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, Limits};

#[derive(Debug, Args)]
pub struct LimitOptions {
    /// Connections open at a time; further ones wait [default: 10000]
    #[arg(long, env = "SEALANE_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<NonZeroU32>,
    /// Connections from one address, or from one /64 of IPv6; further ones are closed [default: 500]
    #[arg(long, env = "SEALANE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub max_connections_per_address: Option<NonZeroU32>,
    /// Requests a second from one address, or from one /64 of IPv6 [default: any number]
    #[arg(long, env = "SEALANE_ADDRESS_RATE", value_name = "N")]
    pub address_rate: Option<NonZeroU32>,
    /// Captures a second by one signer [default: any number]
    #[arg(long, env = "SEALANE_SIGNER_RATE", value_name = "N")]
    pub signer_rate: Option<NonZeroU32>,
    /// A proxy, or a network of them, whose X-Forwarded-For says who a client is [default: none]
    #[arg(long, env = "SEALANE_TRUST_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    pub trust_proxy: Vec<Network>,
}

impl LimitOptions {
    pub fn filled_from(self, config: &Config) -> Self {
        let proxies = self.trust_proxy;
        Self {
            max_connections: self.max_connections.or(config.max_connections),
            max_connections_per_address: self.max_connections_per_address.or(config.max_connections_per_address),
            address_rate: self.address_rate.or(config.address_rate),
            signer_rate: self.signer_rate.or(config.signer_rate),
            trust_proxy: if proxies.is_empty() { config.trust_proxy.clone().unwrap_or_default() } else { proxies },
        }
    }

    pub fn limits(&self) -> Limits {
        let number = |given: Option<NonZeroU32>, default| given.map_or(default, |number| number.get() as usize);
        Limits {
            connections: number(self.max_connections, CONNECTIONS_MAX),
            connections_per_address: number(self.max_connections_per_address, CONNECTIONS_PER_ADDRESS_MAX),
            address_rate: self.address_rate,
            signer_rate: self.signer_rate,
            proxies: self.trust_proxy.iter().map(|network| network.0).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitOptions,
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let of = |arguments: &[&str], file: &str| {
            let line = Line::try_parse_from([&["serve"], arguments].concat()).unwrap();
            line.limits.filled_from(&toml::from_str(file).unwrap()).limits()
        };
        let limits = of(&[], "");
        assert_eq!((limits.connections, limits.connections_per_address), (10_000, 500));
        assert_eq!((limits.address_rate, limits.signer_rate, limits.proxies.len()), (None, None, 0));

        let file = "max-connections = 7\naddress-rate = 8\nsigner-rate = 9\ntrust-proxy = [\"10.0.0.0/8\", \"::1\"]";
        let limits = of(&["--address-rate", "80", "--max-connections-per-address", "3"], file);
        assert_eq!((limits.connections, limits.connections_per_address), (7, 3));
        assert_eq!((limits.address_rate, limits.signer_rate), (NonZeroU32::new(80), NonZeroU32::new(9)));
        let texts = |limits: &Limits| limits.proxies.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&limits), ["10.0.0.0/8", "::1/128"]);
        assert_eq!(texts(&of(&["--trust-proxy", "192.0.2.1,192.0.2.2"], file)), ["192.0.2.1/32", "192.0.2.2/32"]);
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_would_be_one() {
        let error =
            |arguments: &[&str]| Line::try_parse_from([&["serve"], arguments].concat()).unwrap_err().to_string();
        assert!(error(&["--trust-proxy", "proxy.example"]).contains("10.0.0.0/8"));
        assert!(error(&["--address-rate", "0"]).contains("--address-rate"));
    }
}
