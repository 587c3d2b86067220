//! IP addresses and networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::value::Value;

const fn method(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    examples: &'static [(&'static str, &'static str)],
    call: super::Call,
) -> Builtin {
    Builtin {
        name,
        signature,
        about,
        examples,
        style: Style::Method,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call,
    }
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        style: Style::Both,
        ..method(
            "ip",
            "ip(text), cidr.ip()",
            "The address, of IPv4 or IPv6. `::ffff:1.2.3.4` is `1.2.3.4`.",
            &[
                ("string(ip('::ffff:1.2.3.4'))", "'1.2.3.4'"),
                ("string(ip('::1'))", "'::1'"),
                ("string(cidr('10.0.0.1/8').ip())", "'10.0.0.1'"),
                ("ip('1.2.3')", "error"),
            ],
            ip,
        )
    },
    Builtin {
        style: Style::Global,
        ..method(
            "isIP",
            "isIP(text)",
            "Whether the text is an address.",
            &[("isIP('1.2.3.4')", "true"), ("isIP('host')", "false")],
            is_ip,
        )
    },
    Builtin {
        style: Style::Global,
        ..method(
            "cidr",
            "cidr(text)",
            "The network, such as `10.0.0.0/8`.",
            &[("cidr('10.0.0.0/33')", "error")],
            cidr,
        )
    },
    Builtin {
        style: Style::Global,
        ..method(
            "isCIDR",
            "isCIDR(text)",
            "Whether the text is a network.",
            &[("isCIDR('10.0.0.0/8')", "true")],
            is_cidr,
        )
    },
    Builtin {
        arguments: [2, 2],
        ..method(
            "containsIP",
            "cidr.containsIP(address)",
            "Whether the address is in the network. It may be a text.",
            &[
                ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", "true"),
                ("cidr('10.0.0.0/8').containsIP(ip('11.0.0.0'))", "false"),
            ],
            contains_ip,
        )
    },
    Builtin {
        arguments: [2, 2],
        ..method(
            "containsCIDR",
            "cidr.containsCIDR(cidr)",
            "Whether the network is a part of the other. It may be a text.",
            &[("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true")],
            contains_cidr,
        )
    },
    method(
        "prefixLength",
        "cidr.prefixLength()",
        "How many bits the network's addresses share.",
        &[("cidr('10.0.0.0/8').prefixLength()", "8")],
        prefix_length,
    ),
    method(
        "masked",
        "cidr.masked()",
        "The network, the other bits zero.",
        &[("string(cidr('10.1.2.3/8').masked())", "'10.0.0.0/8'")],
        masked,
    ),
    method(
        "family",
        "address.family()",
        "4 or 6.",
        &[("ip('::1').family()", "6")],
        family,
    ),
    method(
        "isUnspecified",
        "address.isUnspecified()",
        "Whether it is `0.0.0.0` or `::`.",
        &[("ip('::').isUnspecified()", "true")],
        |_, arguments| tested(arguments, |address| address.is_unspecified()),
    ),
    method(
        "isLoopback",
        "address.isLoopback()",
        "Whether it means the host itself.",
        &[("ip('127.0.0.1').isLoopback()", "true")],
        |_, arguments| tested(arguments, |address| address.is_loopback()),
    ),
    method(
        "isLinkLocalUnicast",
        "address.isLinkLocalUnicast()",
        "Whether it is good on one link only.",
        &[
            ("ip('169.254.0.1').isLinkLocalUnicast()", "true"),
            ("ip('fe80::1').isLinkLocalUnicast()", "true"),
        ],
        |_, arguments| tested(arguments, link_local),
    ),
    method(
        "isGlobalUnicast",
        "address.isGlobalUnicast()",
        "Whether it means one host, and none of the above; private addresses do.",
        &[
            ("ip('10.0.0.1').isGlobalUnicast()", "true"),
            ("ip('224.0.0.1').isGlobalUnicast()", "false"),
        ],
        |_, arguments| tested(arguments, global_unicast),
    ),
];

fn address(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Address(address) => Some(*address),
        // As a socket for both families shows an address of IPv4: `::ffff:10.0.0.1`.
        Value::String(text) => text.parse().ok().as_ref().map(IpAddr::to_canonical),
        _ => None,
    }
}

fn network(value: &Value<'_>) -> Option<IpNet> {
    match value {
        Value::Network(network) => Some(*network),
        Value::String(text) => text.parse().ok().map(canonical),
        _ => None,
    }
}

fn canonical(network: IpNet) -> IpNet {
    let mapped = network.prefix_len().checked_sub(96);
    let v4 = mapped.and_then(|length| IpNet::new(network.addr().to_canonical(), length).ok());
    v4.filter(|net| net.addr().is_ipv4()).unwrap_or(network)
}

fn ip<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Network(network)] => Ok(Value::Address(network.addr())),
        [value @ (Value::String(_) | Value::Address(_))] => match address(value) {
            Some(address) => Ok(Value::Address(address)),
            None => Error::failed("not an IP address"),
        },
        _ => Err(Error::Mismatch),
    }
}

fn is_ip<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::String(_)] => Ok(Value::Bool(address(value).is_some())),
        _ => Err(Error::Mismatch),
    }
}

fn cidr<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::String(_)] => match network(value) {
            Some(network) => Ok(Value::Network(network)),
            None => Error::failed("not a network"),
        },
        _ => Err(Error::Mismatch),
    }
}

fn is_cidr<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::String(_)] => Ok(Value::Bool(network(value).is_some())),
        _ => Err(Error::Mismatch),
    }
}

fn contains_ip<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Network(network), inner] => match address(inner) {
            Some(address) => Ok(Value::Bool(network.contains(&address))),
            None => Error::failed("not an IP address"),
        },
        _ => Err(Error::Mismatch),
    }
}

fn contains_cidr<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Network(outer), inner] => match network(inner) {
            Some(inner) => Ok(Value::Bool(outer.contains(&inner))),
            None => Error::failed("not a network"),
        },
        _ => Err(Error::Mismatch),
    }
}

fn prefix_length<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Network(network)] => Ok(Value::Int(network.prefix_len().into())),
        _ => Err(Error::Mismatch),
    }
}

fn masked<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Network(network)] => Ok(Value::Network(network.trunc())),
        _ => Err(Error::Mismatch),
    }
}

fn family<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Address(address)] => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        _ => Err(Error::Mismatch),
    }
}

fn tested<'v>(arguments: &[Value<'v>], test: fn(IpAddr) -> bool) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Address(address)] => Ok(Value::Bool(test(*address))),
        _ => Err(Error::Mismatch),
    }
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn global_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || link_local(address))
}
