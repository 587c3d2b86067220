//! An access list against a search through all of its prefixes, one after another.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use acl::{Acl, Decision};
use arbitrary::{Arbitrary, Result, Unstructured};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// A list, who asks, and prefixes that may be none.
#[derive(Debug)]
struct Input {
    rules: Vec<Rule>,
    allows: bool,
    source: Source,
    text: String,
}

#[derive(Debug)]
struct Rule {
    prefixes: Vec<(IpAddr, u8, bool)>,
    allows: bool,
}

#[derive(Debug)]
enum Source {
    Bare(IpAddr),
    Port(IpAddr, u16),
    Text(Vec<u8>),
    Absent,
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mut rules = Vec::new();
        for _ in 0..input.int_in_range(0..=6)? {
            let mut prefixes = Vec::new();
            for _ in 0..input.int_in_range(0..=4)? {
                let address = address(input)?;
                prefixes.push((
                    address,
                    input.int_in_range(0..=bits(address).1)?,
                    input.arbitrary()?,
                ));
            }
            rules.push(Rule {
                prefixes,
                allows: input.arbitrary()?,
            });
        }
        let source = match input.int_in_range(0..=7)? {
            0 => Source::Absent,
            1 => Source::Text(input.arbitrary()?),
            2..=4 => Source::Bare(address(input)?),
            _ => Source::Port(address(input)?, input.arbitrary()?),
        };
        Ok(Self {
            rules,
            allows: input.arbitrary()?,
            source,
            text: fuzz::text::words(input, &TEXT, 12)?,
        })
    }
}

/// What prefixes are written with.
const TEXT: [&str; 18] = [
    "10.0.0.0",
    "10.",
    "0.",
    "255",
    "1",
    "::",
    "2001:db8",
    ":",
    "/",
    "8",
    "32",
    "128",
    "0",
    "00",
    "+",
    " ",
    "%1",
    "::ffff:1.2.3.4",
];

/// An address out of few, so that prefixes hold some of them.
fn address(input: &mut Unstructured<'_>) -> Result<IpAddr> {
    const OCTETS: [u8; 6] = [0, 10, 127, 128, 254, 255];
    let mut octet = || input.choose(&OCTETS).copied();
    let v4 = Ipv4Addr::from([octet()?, octet()?, octet()?, octet()?]);
    Ok(match input.int_in_range(0..=3)? {
        0 | 1 => v4.into(),
        2 => v4.to_ipv6_mapped().into(),
        _ => {
            let bits = u128::from(v4.to_bits());
            Ipv6Addr::from_bits(bits << 96 | bits).into()
        }
    })
}

/// The bits of an address, the first the highest of 128, and how many it has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// The bits of an address that a prefix of this length keeps.
fn kept(address: IpAddr, length: u8) -> u128 {
    let (bits, _) = bits(address);
    bits & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

fn network(address: IpAddr, length: u8) -> IpAddr {
    let kept = kept(address, length);
    match address {
        IpAddr::V4(_) => Ipv4Addr::from_bits((kept >> 96) as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(kept).into(),
    }
}

fuzz_target!(|input: Input| {
    let mut all: Vec<(IpAddr, u8, Option<String>)> = Vec::new();
    let mut rules = Vec::new();
    for (number, rule) in input.rules.iter().enumerate() {
        let mut cidrs = Vec::new();
        for (address, length, whole) in &rule.prefixes {
            let most = bits(*address).1;
            let length = if *whole { most } else { *length };
            let network = network(*address, length);
            cidrs.push(if *whole {
                network.to_string()
            } else {
                format!("{network}/{length}")
            });
            all.push((
                network,
                length,
                (!rule.allows).then(|| format!("rule-{number}")),
            ));
        }
        rules.push(json!({
            "name": format!("rule-{number}"),
            "cidrs": cidrs,
            "action": action(rule.allows),
        }));
    }
    let config = list(input.allows, Value::from(rules));
    let acl = Acl::load(config.as_bytes()).expect("the list is right").acl;

    let text = match &input.source {
        Source::Absent => None,
        Source::Bare(address) => Some(address.to_string().into_bytes()),
        Source::Port(IpAddr::V4(v4), port) => Some(format!("{v4}:{port}").into_bytes()),
        Source::Port(IpAddr::V6(v6), port) => Some(format!("[{v6}]:{port}").into_bytes()),
        Source::Text(text) => Some(text.clone()),
    };
    let source = match &input.source {
        Source::Absent => None,
        Source::Bare(address) | Source::Port(address, _) => Some(address.to_canonical()),
        Source::Text(text) => read(text),
    };
    let denied = match source {
        None => Some("unknown-ip".to_owned()),
        Some(source) => {
            let mut longest = None;
            for (network, length, denied) in &all {
                let same = network.is_ipv4() == source.is_ipv4();
                let beats = longest.as_ref().is_none_or(|(known, _)| length >= known);
                if same && beats && kept(source, *length) == kept(*network, *length) {
                    longest = Some((*length, denied.clone()));
                }
            }
            let default = (!input.allows).then(|| "default".to_owned());
            longest.map_or(default, |(_, denied)| denied)
        }
    };
    let decided = match acl.decide(text.as_deref()) {
        Decision::Allow => None,
        Decision::Deny(denial) => {
            assert_eq!(denial.status, 403);
            Some(denial.blocked_by.to_owned())
        }
    };
    assert_eq!(decided, denied, "{config}");

    // A text is a prefix to us exactly if it is one, or an address, to others, and nothing is ambiguous.
    let loaded =
        Acl::load(list(true, json!([{"cidrs": [input.text], "action": "deny"}])).as_bytes());
    assert_eq!(loaded.is_ok(), is_prefix(&input.text), "{:?}", input.text);
});

fn action(allows: bool) -> &'static str {
    if allows { "allow" } else { "deny" }
}

fn list(allows: bool, rules: Value) -> String {
    json!({"defaultAction": action(allows), "rules": rules}).to_string()
}

/// The address that a text is, with a port or without.
fn read(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let socket = text.parse().map(|socket: std::net::SocketAddr| socket.ip());
    let address = socket.ok().or_else(|| text.parse().ok());
    address.map(|address: IpAddr| address.to_canonical())
}

fn is_prefix(text: &str) -> bool {
    let Ok(net) = text.parse::<IpNet>() else {
        return text.parse::<IpAddr>().is_ok();
    };
    // That crate takes `::10.0.0.01`, which some read as octal.
    let address = text.split('/').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok()
        && text.ends_with(&format!("/{}", net.prefix_len()))
        && net.trunc() == net
}
