//! Numbers out of their range.

use insta::assert_snapshot;

use super::{loads, printed};

#[test]
fn a_bound_of_nothing() {
    assert_snapshot!(printed("limits: {maxHeldBytes: 0}"), @"error RF009: limits.maxHeldBytes: 0 is out of range; write a number from 1");
    loads("limits: {maxHeldBytes: 1}");
}

#[test]
fn a_bound_above_the_most() {
    assert_snapshot!(printed("limits: {jsonDepth: 1000, valueBytes: 0, eventBytes: 17000000}"), @r"
    error RF009: limits.jsonDepth: 1000 is out of range; write a number from 1 to 127
    error RF009: limits.valueBytes: 0 is out of range; write a number from 1 to 65536
    error RF009: limits.eventBytes: 17000000 is out of range; write a number from 1 to 16777216
    ");
    loads("limits: {jsonDepth: 127, valueBytes: 1, eventBytes: 16777216}");
}

/// Envoy makes a text of a number in YAML that has more than 32 bits.
#[test]
fn a_number_of_more_than_32_bits() {
    loads("limits: {maxHeldBytes: 4294967296, decodedBytes: 3000000000, valueBytes: 0x100}");
    loads("{\"limits\": {\"maxHeldBytes\": 4294967296}}");
    assert_snapshot!(printed("limits: {valueBytes: 4294967296, jsonDepth: 99999999999999999999}"), @r#"
    error RF002: limits.jsonDepth: invalid value: string "99999999999999999999", expected a whole number; write a number without a unit or a sign
    error RF009: limits.valueBytes: 4294967296 is out of range; write a number from 1 to 65536
    "#);
}

#[test]
fn no_fuel() {
    assert_snapshot!(printed("limits: {templateFuel: 0}"), @"error RF009: limits.templateFuel: 0 is out of range; write a number from 1");
    loads("limits: {templateFuel: 1}");
}
