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

#[test]
fn no_fuel() {
    assert_snapshot!(printed("limits: {templateFuel: 0}"), @"error RF009: limits.templateFuel: 0 is out of range; write a number from 1");
    loads("limits: {templateFuel: 1}");
}
