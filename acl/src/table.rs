//! Longest-prefix match, IPv4 and IPv6 apart.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// A value per prefix.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    v4: PrefixMap<Ipv4Net, T>,
    v6: PrefixMap<Ipv6Net, T>,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
        }
    }

    /// Gives the prefix this value, in place of any it had.
    pub(super) fn insert(&mut self, prefix: IpNet, value: T) {
        match prefix {
            IpNet::V4(prefix) => self.v4.insert(prefix, value),
            IpNet::V6(prefix) => self.v6.insert(prefix, value),
        };
    }

    /// The value of the longest prefix that holds the address.
    pub(super) fn longest_match(&self, address: IpAddr) -> Option<&T> {
        match address {
            IpAddr::V4(address) => self.v4.get_lpm(&address.into()).map(|(_, value)| value),
            IpAddr::V6(address) => self.v6.get_lpm(&address.into()).map(|(_, value)| value),
        }
    }
}
