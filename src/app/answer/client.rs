//! The client that a request counts for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client as limits count it: an IPv4 address, or the /64 of an IPv6 address, because one household has all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAddress {
    prefix: u64,
    is_v6: bool,
}

impl ClientAddress {
    /// What the process does for itself, and requests without a connection. No IPv4 address has so large a number.
    pub const THIS_PROCESS: Self = Self { prefix: u64::MAX, is_v6: false };

    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { prefix: u64::from(address.to_bits()), is_v6: false },
            IpAddr::V6(address) => Self { prefix: (address.to_bits() >> 64) as u64, is_v6: true },
        }
    }
}

impl fmt::Display for ClientAddress {
    /// `192.0.2.1`, or `2001:db8:1:2::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_v6 {
            true => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(self.prefix) << 64)),
            false => write!(f, "{}", Ipv4Addr::from_bits(u32::try_from(self.prefix).unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_client() {
        let of = |text: &str| ClientAddress::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(of("127.0.0.1"), of("127.0.0.2"));
        assert_ne!(of("0.0.0.1"), of("0:0:0:1::"));
        assert_ne!(of("255.255.255.255"), ClientAddress::THIS_PROCESS);
        assert_eq!(of("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
        assert_eq!(of("::ffff:192.0.2.1").to_string(), "192.0.2.1");
    }
}
