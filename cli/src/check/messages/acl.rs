//! Access lists.

use insta::assert_snapshot;

use super::{list_loads, printed_of_list};

#[test]
fn no_default() {
    assert_snapshot!(printed_of_list("rules: []"), @r#"error RF002: missing key `defaultAction`; add `"defaultAction": "deny"`, or `"allow"`"#);
    list_loads("defaultAction: deny");
}

#[test]
fn an_unknown_action() {
    assert_snapshot!(printed_of_list("defaultAction: accept"), @"error RF002: defaultAction: unknown name `accept`, expected `allow` or `deny`");
}

#[test]
fn a_rule_for_no_address() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
rules: [{cidrs: [], action: allow}]"#), @"warning RF008: rules[0].cidrs: no address matches an empty list; add prefixes, or remove the rule");
}

#[test]
fn a_prefix_that_is_none() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
rules: [{cidrs: [localhost, ' 10.0.0.0/8', 10.0.0.0/33, 10.0.0.1/8], action: allow}]"#), @r"
    error RF010: rules[0].cidrs[0]: `localhost` is not an address or a prefix; write `10.0.0.0/8`, `2001:db8::/32`, or one address
    error RF010: rules[0].cidrs[1]: ` 10.0.0.0/8` is not an address or a prefix; write `10.0.0.0/8`
    error RF010: rules[0].cidrs[2]: `10.0.0.0/33` has no valid prefix length; write a number from 0 to 32 after the `/`
    error RF010: rules[0].cidrs[3]: `10.0.0.1/8` has bits set beyond its prefix; write `10.0.0.0/8` for the network or `10.0.0.1` for the address
    ");
    list_loads(
        r#"defaultAction: deny
rules: [{cidrs: [10.0.0.0/8, '2001:db8::/32', 10.0.0.1], action: allow}]"#,
    );
}

#[test]
fn a_mapped_prefix() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
rules: [{cidrs: ['::ffff:10.0.0.0/104'], action: allow}]"#), @"warning RF008: rules[0].cidrs[0]: `::ffff:10.0.0.0/104` matches nothing: such addresses count as IPv4; write `10.0.0.0/8`");
    list_loads(
        r#"defaultAction: deny
rules: [{cidrs: [10.0.0.0/8], action: allow}]"#,
    );
}

#[test]
fn a_status_out_of_range() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
denyResponse: {statusCode: 99}"#), @"error RF009: denyResponse.statusCode: 99 is out of range; write a number from 200 to 599");
    list_loads(
        r#"defaultAction: deny
denyResponse: {statusCode: 599}"#,
    );
}

#[test]
fn headers_that_nobody_may_set() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
denyResponse: {headers: [{name: ':status', value: '1'}, {name: te, value: a}, {name: a b, value: a}]}"#), @r"
    error RF006: denyResponse.headers[0].name: `:status` is a pseudo header, which only Envoy sets; use `statusCode` for the status, or a name without the colon
    error RF006: denyResponse.headers[1].name: `te` is a header of the connection, which only Envoy sets; remove it
    error RF006: denyResponse.headers[2].name: `a b` is not a header name; use letters, digits and `-`
    ");
}

#[test]
fn a_value_that_no_header_carries() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
denyResponse: {headers: [{name: x-a, value: "a\nb"}]}"#), @"error RF011: denyResponse.headers[0].value: the value has characters that no header can carry; remove line breaks and other control characters");
}

#[test]
fn a_name_that_no_header_carries() {
    assert_snapshot!(printed_of_list(r#"defaultAction: deny
rules: [{name: "a\nb", cidrs: [10.0.0.0/8], action: deny}]
denyResponse: {blockedByHeaderName: x-a}"#), @"error RF011: rules[0].name: the name, which `blockedByHeaderName` puts into a header, has characters that no header can carry; remove line breaks and other control characters");
}
