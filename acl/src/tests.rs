use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use diagnostics::Code;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::table::Table;
use super::*;

fn acl(config: &Value) -> Acl {
    let loaded = Acl::load(config.to_string().as_bytes()).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded.acl
}

/// What denied the address, or `None`.
fn blocked_by<'a>(acl: &'a Acl, source: &str) -> Option<&'a str> {
    match acl.decide(Some(source.as_bytes())) {
        Decision::Allow => None,
        Decision::Deny(denial) => Some(denial.blocked_by),
    }
}

fn diagnostics(text: &str) -> Vec<String> {
    let diagnostics = match Acl::load(text.as_bytes()) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.0,
    };
    let lines = diagnostics.iter();
    lines.map(|line| format!("{} {line}", line.code)).collect()
}

fn with_cidr(cidr: &str) -> String {
    json!({"defaultAction": "deny", "rules": [{"cidrs": [cidr], "action": "allow"}]}).to_string()
}

#[test]
fn the_longest_prefix_decides_in_any_order() {
    let mut rules = vec![
        json!({"name": "wide", "cidrs": ["10.0.0.0/8", "2001:db8::/32"], "action": "deny"}),
        json!({"name": "narrow", "cidrs": ["10.1.0.0/16", "2001:db8:1::/48"], "action": "allow"}),
        json!({"name": "host", "cidrs": ["10.1.2.3", "2001:db8:1::1"], "action": "deny"}),
    ];
    for _ in 0..rules.len() {
        rules.rotate_left(1);
        let acl = acl(&json!({"defaultAction": "allow", "rules": rules}));
        for (source, expected) in [
            ("10.255.0.1", Some("wide")),
            ("10.1.255.255", None),
            ("10.1.2.3", Some("host")),
            ("10.1.2.2", None),
            ("10.1.2.4", None),
            ("9.255.255.255", None),
            ("11.0.0.0", None),
            ("2001:db8::1", Some("wide")),
            ("2001:db8:1::2", None),
            ("2001:db8:1::1", Some("host")),
            ("2001:db9::", None),
        ] {
            assert_eq!(blocked_by(&acl, source), expected, "{source}");
        }
    }
}

#[test]
fn of_the_same_prefix_the_later_counts() {
    for (first, second, expected) in [
        ("allow", "deny", Some("second")),
        ("deny", "allow", None),
        ("deny", "deny", Some("second")),
    ] {
        let acl = acl(&json!({"defaultAction": "allow", "rules": [
            {"name": "first", "cidrs": ["10.0.0.1"], "action": first},
            {"name": "second", "cidrs": ["10.0.0.1/32"], "action": second},
        ]}));
        assert_eq!(blocked_by(&acl, "10.0.0.1"), expected);
    }
}

#[test]
fn the_default_is_for_addresses_no_rule_names() {
    let of_default = acl(&json!({"defaultAction": "deny", "rules": []}));
    assert_eq!(blocked_by(&of_default, "1.2.3.4"), Some("default"));
    assert_eq!(blocked_by(&of_default, "::1"), Some("default"));
    // Everything of one family is not everything.
    let of_rule = acl(&json!({"defaultAction": "deny", "rules": [
        {"cidrs": ["0.0.0.0/0"], "action": "deny"},
        {"name": "", "cidrs": ["2000::/3"], "action": "deny"},
    ]}));
    assert_eq!(blocked_by(&of_rule, "1.2.3.4"), Some("rule"));
    assert_eq!(blocked_by(&of_rule, "2001:db8::1"), Some("rule"));
    assert_eq!(blocked_by(&of_rule, "::1"), Some("default"));
}

#[test]
fn mapped_addresses_count_as_ipv4_and_mapped_prefixes_are_warned_of() {
    let of_v4 = acl(&json!({"defaultAction": "allow", "rules": [
        {"cidrs": ["10.0.0.0/8"], "action": "deny"},
    ]}));
    for source in ["::ffff:10.1.1.1", "[::ffff:10.1.1.1]:80", "::ffff:a01:101"] {
        assert_eq!(blocked_by(&of_v4, source), Some("rule"), "{source}");
    }
    // Compatible, not mapped.
    assert_eq!(blocked_by(&of_v4, "::10.1.1.1"), None);

    let text = with_cidr("::ffff:10.0.0.0/104");
    assert_eq!(
        diagnostics(&text),
        [
            "RF008 rules[0].cidrs[0]: `::ffff:10.0.0.0/104` matches nothing: such addresses count as IPv4; write `10.0.0.0/8`"
        ]
    );
    let mapped = Acl::load(text.as_bytes()).unwrap().acl;
    assert_eq!(blocked_by(&mapped, "::ffff:10.1.1.1"), Some("default"));
}

#[test]
fn a_source_may_have_a_port() {
    let acl = acl(&json!({"defaultAction": "allow", "rules": [
        {"name": "four", "cidrs": ["10.0.0.0/8"], "action": "deny"},
        {"name": "six", "cidrs": ["fe80::/10"], "action": "deny"},
    ]}));
    for (source, expected) in [
        ("10.5.5.5", Some("four")),
        ("10.5.5.5:53124", Some("four")),
        ("10.5.5.5:0", Some("four")),
        ("fe80::1", Some("six")),
        ("[fe80::1]:53124", Some("six")),
        ("[fe80::1%2]:53124", Some("six")),
        ("11.5.5.5:53124", None),
        ("[2001:db8::1]:0", None),
    ] {
        assert_eq!(blocked_by(&acl, source), expected, "{source}");
    }
}

#[test]
fn what_is_not_an_address_is_denied() {
    let acl = acl(&json!({"defaultAction": "allow", "rules": [
        {"cidrs": ["0.0.0.0/0", "::/0"], "action": "allow"},
    ]}));
    for source in [
        "",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:-1",
        "10.0.0",
        "010.0.0.1",
        "256.0.0.1",
        "10.0.0.1/32",
        "[10.0.0.1]:80",
        "[::1]",
        "::1:80:",
        "fe80::1%eth0",
        "/run/envoy.sock",
        "envoy://internal",
        "@abstract",
        "localhost:80",
        "10.0.0.1\0",
    ] {
        assert_eq!(blocked_by(&acl, source), Some("unknown-ip"), "{source:?}");
    }
    for source in [None, Some(b"10.0.0.1\xff".as_slice())] {
        let Decision::Deny(denial) = acl.decide(source) else {
            panic!("{source:?} is allowed");
        };
        assert_eq!((denial.blocked_by, denial.status), ("unknown-ip", 403));
    }
}

#[test]
fn the_answer_is_as_configured() {
    let headers = json!([{"name": "Retry-After", "value": "3600"}, {"name": "x-a", "value": ""}, {"name": "x-a", "value": "ä"}]);
    let acl = acl(&json!({"defaultAction": "deny", "denyResponse": {
        "statusCode": 451, "headers": headers, "blockedByHeaderName": "X-Blocked-By",
    }}));
    let expected = Denial {
        blocked_by: "default",
        status: 451,
        headers: vec![
            ("retry-after", "3600"),
            ("x-a", ""),
            ("x-a", "ä"),
            ("x-blocked-by", "default"),
        ],
    };
    assert_eq!(acl.decide(Some(b"1.2.3.4")), Decision::Deny(expected));
}

#[test]
fn what_kgateway_takes_is_taken() {
    for text in [
        r#"{"defaultAction":"allow"}"#,
        r#"{"defaultAction":"deny","rules":[],"denyResponse":{}}"#,
        r#"{"defaultAction":"deny","denyResponse":null}"#,
        r#"{"defaultAction":"deny","denyResponse":{"blockedByHeaderName":null}}"#,
        r#"{"defaultAction":"deny","denyResponse":{"statusCode":200,"headers":[]}}"#,
        r#"{"defaultAction":"deny","rules":[{"name":null,"cidrs":["::/0"],"action":"deny"}]}"#,
        r#"{"defaultAction":"deny","rules":[{"name":"a\nb","cidrs":["::"],"action":"deny"}]}"#,
        r#"{"rules":[{"action":"allow","cidrs":["::1/128","0.0.0.0/0","1.2.3.4"]}],"defaultAction":"deny"}"#,
    ] {
        assert_eq!(diagnostics(text), [""; 0], "{text}");
    }
}

#[test]
fn what_kgateway_refuses_is_refused() {
    for text in [
        "",
        "{not json",
        "null",
        "{}",
        "7",
        r#"{"rules":[]}"#,
        r#"{"defaultAction":null}"#,
        r#"{"defaultAction":"Allow"}"#,
        r#"{"defaultAction":"drop"}"#,
        r#"{"defaultAction":"allow"} {}"#,
        r#"{"defaultAction":"allow","defaultAction":"deny"}"#,
        r#"{"defaultAction":"allow","rules":null}"#,
        r#"{"defaultAction":"allow","rules":{}}"#,
        r#"{"defaultAction":"allow","rules":[{"cidrs":["::1"]}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"deny"}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"deny","cidrs":null}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"deny","cidrs":"::1"}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"deny","cidrs":[1]}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"deny","cidrs":[],"cidrs":[]}]}"#,
        r#"{"defaultAction":"allow","rules":[{"action":"DENY","cidrs":["::1"]}]}"#,
        r#"{"defaultAction":"allow","denyResponse":{"statusCode":null}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"statusCode":"403"}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"statusCode":65536}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"statusCode":-1}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"headers":null}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"headers":[{"name":"a"}]}}"#,
        r#"{"defaultAction":"allow","denyResponse":{"headers":[{"value":"a"}]}}"#,
    ] {
        assert!(Acl::load(text.as_bytes()).is_err(), "{text}");
    }
    for cidr in [
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/256",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
        "10.0.0.0 /8",
        "10.0.0.0/ 8",
        "10.0.0/8",
        "10/8",
        "010.0.0.0/8",
        "10.0.0.1/8",
        "172.18.0.0/12",
        "2001:db8::1/32",
        "2001:db8:::/32",
        "fe80::%1/64",
        "[::1]",
        "10.0.0.1:80",
        "localhost",
    ] {
        assert!(Acl::load(with_cidr(cidr).as_bytes()).is_err(), "{cidr:?}");
    }
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let text = json!({
        "rules": [
            {"cidrs": ["10.0.0.0/8", "172.18.0.0/12", " ::1", "::/200"], "action": "deny"},
            7,
            {"name": "a\r\nb", "cidrs": [], "action": "deny", "nmae": "x"},
            {"cidrs": ["internal"], "action": "allow"},
        ],
        "denyResponse": {
            "statusCode": 100,
            "headers": [{"name": "x a", "value": "b"}, {"name": ":status", "value": "c\nd"}],
            "blockedByHeaderName": "",
        },
        "enabled": true,
    });
    assert_eq!(
        diagnostics(&text.to_string()),
        [
            "RF002 rules[1]: invalid type: integer `7`, expected an object with `cidrs` and `action`",
            "RF003 enabled: unknown key, which is ignored; remove it, or write one of `defaultAction`, `rules`, `denyResponse`",
            "RF003 rules[2].nmae: unknown key, which is ignored; did you mean `name`?",
            "RF002 missing key `defaultAction`; add `\"defaultAction\": \"deny\"`, or `\"allow\"`",
            "RF010 rules[0].cidrs[1]: `172.18.0.0/12` has bits set beyond its prefix; write `172.16.0.0/12` for the network or `172.18.0.0` for the address",
            "RF010 rules[0].cidrs[2]: ` ::1` is not an address or a prefix; write `::1`",
            "RF010 rules[0].cidrs[3]: `::/200` has no valid prefix length; write a number from 0 to 128 after the `/`",
            "RF008 rules[2].cidrs: no address matches an empty list; add prefixes, or remove the rule",
            "RF010 rules[3].cidrs[0]: `internal` is not an address or a prefix; write `10.0.0.0/8`, `2001:db8::/32`, or one address",
            "RF009 denyResponse.statusCode: 100 is out of range; write a number from 200 to 599",
            "RF006 denyResponse.headers[0].name: `x a` is not a header name; use letters, digits and `-`",
            "RF011 denyResponse.headers[1].value: the value has characters that no header can carry; remove line breaks and other control characters",
            "RF006 denyResponse.headers[1].name: `:status` is a pseudo header, which only Envoy sets; use `statusCode` for the status, or a name without the colon",
            "RF006 denyResponse.blockedByHeaderName: `` is not a header name; use letters, digits and `-`",
            "RF011 rules[2].name: the name, which `blockedByHeaderName` puts into a header, has characters that no header can carry; remove line breaks and other control characters",
        ]
    );
    assert_eq!(
        diagnostics(""),
        [
            "RF001 the configuration is empty; write `{\"defaultAction\": \"deny\"}` to deny everything"
        ]
    );
}

/// `count` rules, half of each family, and addresses of which half are inside a prefix.
fn many(count: u32) -> (String, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut sources = Vec::new();
    let rules: Vec<Value> = (0..count)
        .map(|index| {
            let prefix = if index % 2 == 0 {
                let address: Ipv4Addr = random.u32(..).into();
                IpNet::new(address.into(), random.u8(8..=32)).unwrap()
            } else {
                let address: Ipv6Addr = (random.u128(..) >> 3 | 1 << 125).into();
                IpNet::new(address.into(), random.u8(16..=64)).unwrap()
            };
            sources.push(format!("[{}]:49152", Ipv6Addr::from(random.u128(..))));
            sources.push(format!("{}:49152", Ipv4Addr::from(random.u32(..))));
            if prefix.addr().is_ipv4() {
                sources.push(format!("{}:49152", prefix.addr()));
            } else {
                sources.push(format!("[{}]:49152", prefix.addr()));
            }
            let action = if random.bool() { "allow" } else { "deny" };
            json!({"name": format!("rule-{index}"), "cidrs": [prefix.trunc().to_string()], "action": action})
        })
        .collect();
    let config = json!({"defaultAction": "allow", "rules": rules}).to_string();
    (config, sources)
}

/// What one decision takes.
fn time(acl: &Acl, sources: &[String]) -> Duration {
    let rounds = 200_000 / u32::try_from(sources.len()).unwrap() + 1;
    let start = Instant::now();
    for _ in 0..rounds {
        for source in sources {
            std::hint::black_box(acl.decide(Some(source.as_bytes())));
        }
    }
    start.elapsed() / rounds / u32::try_from(sources.len()).unwrap()
}

/// With `--release -- --nocapture many_rules` these are the figures to quote.
#[test]
fn many_rules_load_soon_and_slow_no_request() {
    for count in [100, 100_000] {
        let (config, sources) = many(count);
        let start = Instant::now();
        let acl = Acl::load(config.as_bytes()).unwrap().acl;
        let loaded = start.elapsed();
        let decided = time(&acl, &sources);
        eprintln!("{count} rules: loaded in {loaded:?}, decides in {decided:?}");
        // Ten times what a debug build on a busy machine takes.
        assert!(loaded < Duration::from_secs(20), "{loaded:?}");
        assert!(decided < Duration::from_micros(100), "{decided:?}");
    }
}

#[test]
fn a_flood_of_broken_rules_is_reported_in_part() {
    let cidrs = vec!["10.0.0.1/8"; 100_000];
    let text =
        json!({"defaultAction": "deny", "rules": [{"cidrs": cidrs, "action": "deny"}]}).to_string();
    let errors = Acl::load(text.as_bytes()).unwrap_err().0;
    assert_eq!(errors.len(), 65);
    assert_eq!(errors[63].code, Code::Prefix);
    assert_eq!(errors[63].path, "rules[0].cidrs[63]");
}

/// Few networks, so that prefixes nest and addresses hit them.
fn address() -> impl Strategy<Value = IpAddr> {
    let four = prop_oneof![
        any::<u32>(),
        (0..4_u32, 0..4_u32).prop_map(|(a, b)| a << 30 | b)
    ];
    let six = prop_oneof![
        any::<u128>(),
        (0..4_u128, 0..4_u128).prop_map(|(a, b)| a << 126 | b),
        any::<u32>().prop_map(|v4| Ipv4Addr::from(v4).to_ipv6_mapped().into()),
    ];
    prop_oneof![
        four.prop_map(|bits| Ipv4Addr::from(bits).into()),
        six.prop_map(|bits| Ipv6Addr::from(bits).into()),
    ]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (address(), any::<u8>()).prop_map(|(address, length)| match address {
        IpAddr::V4(address) => Ipv4Net::new(address, length % 33).unwrap().trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new(address, length % 129).unwrap().trunc().into(),
    })
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_scan(
        prefixes in prop::collection::vec(prefix(), 0..200),
        addresses in prop::collection::vec(address(), 1..50),
    ) {
        let mut table = Table::new();
        for (index, prefix) in prefixes.iter().enumerate() {
            table.insert(*prefix, index);
        }
        let hosts = prefixes.iter().flat_map(|prefix| match prefix {
            IpNet::V4(prefix) => [IpAddr::V4(prefix.network()), prefix.broadcast().into()],
            IpNet::V6(prefix) => [IpAddr::V6(prefix.network()), prefix.broadcast().into()],
        });
        for address in addresses.into_iter().chain(hosts) {
            let holding = prefixes.iter().enumerate().filter(|(_, prefix)| prefix.contains(&address));
            let longest = holding.max_by_key(|(index, prefix)| (prefix.prefix_len(), *index));
            let expected = longest.map(|(index, _)| index);
            prop_assert_eq!(table.longest_match(address).copied(), expected, "{}", address);
        }
    }

    #[test]
    fn every_prefix_is_read_as_it_is_written(prefix in prefix()) {
        prop_assert_eq!(super::address::prefix(&prefix.to_string()).unwrap(), prefix);
        let host = super::address::prefix(&prefix.addr().to_string()).unwrap();
        prop_assert_eq!(host, IpNet::from(prefix.addr()));
    }

    #[test]
    fn every_address_is_found_with_and_without_a_port(address in address(), port: u16) {
        let acl = Acl::load(br#"{"defaultAction": "allow"}"#).unwrap().acl;
        for text in [address.to_string(), std::net::SocketAddr::new(address, port).to_string()] {
            prop_assert_eq!(acl.decide(Some(text.as_bytes())), Decision::Allow, "{}", text);
        }
    }

    #[test]
    fn no_source_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        text in "[0-9a-f:.%/\\[\\] ]{0,50}",
    ) {
        let acl = Acl::load(br#"{"defaultAction": "deny"}"#).unwrap().acl;
        for source in [bytes.as_slice(), text.as_bytes()] {
            prop_assert_ne!(acl.decide(Some(source)), Decision::Allow);
        }
    }

    #[test]
    fn no_prefix_panics(text in prop_oneof!["\\PC{0,40}", "[0-9a-f:.%/+ ]{0,50}"]) {
        if let Ok(prefix) = super::address::prefix(&text) {
            prop_assert_eq!(prefix, prefix.trunc());
        }
        let _either = Acl::load(with_cidr(&text).as_bytes());
    }
}
