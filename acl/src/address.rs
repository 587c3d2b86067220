//! Addresses and prefixes as text.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The address in what a host calls a request's source: `ip:port`, `[ipv6]:port` or a bare address.
/// An IPv4-mapped IPv6 address is the IPv4 address in it.
pub(super) fn source(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let address = match text.parse::<SocketAddr>() {
        Ok(socket) => socket.ip(),
        Err(_) => text.parse().ok()?,
    };
    Some(address.to_canonical())
}

/// Why a text is not a prefix, and what to write instead.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) message: String,
    pub(super) help: String,
}

/// A prefix, `10.0.0.0/8`, or an address that stands for itself alone.
///
/// # Errors
///
/// Anything else, bits beyond the prefix and spaces included.
pub(super) fn prefix(text: &str) -> Result<IpNet, Malformed> {
    let malformed = |message: &str, help: String| Malformed {
        message: format!("`{text}` {message}"),
        help,
    };
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        let help = match text.trim() {
            trimmed if trimmed != text => format!("write `{trimmed}`"),
            _ => "write `10.0.0.0/8`, `2001:db8::/32`, or one address".to_owned(),
        };
        return Err(malformed("is not an address or a prefix", help));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => Some(most),
        Some(length) => prefix_length(length),
    };
    let net = length.and_then(|length| IpNet::new(address, length).ok());
    let Some(net) = net else {
        let help = format!("write a number from 0 to {most} after the `/`");
        return Err(malformed("has no valid prefix length", help));
    };
    let truncated = net.trunc();
    if truncated != net {
        let help = format!("write `{truncated}` for the network or `{address}` for the address");
        return Err(malformed("has bits set beyond its prefix", help));
    }
    Ok(net)
}

/// Digits and nothing else: no sign, no leading zero.
fn prefix_length(text: &str) -> Option<u8> {
    let length: u8 = text.parse().ok()?;
    (length.to_string() == text).then_some(length)
}
