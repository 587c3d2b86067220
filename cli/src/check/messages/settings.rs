//! What the process or its Envoy does not give.

use insta::assert_snapshot;
use transformations::{Engine, Settings};

use super::printed_for;

const VARIABLES: &str =
    "request: {set: [{name: x-a, value: '{{ env(\"SECRET\") }}'}, {name: x-b, cel: env.SECRET}]}";

const BOOLEANS: &str = "request: {set: [{name: x-a, cel: connection.mtls}, {name: x-b, cel: 'bool(metadata[\"n\"].k)'}]}";

/// What is printed with these settings.
fn printed_with(settings: Settings, text: &str) -> String {
    printed_for("rustformation", &Engine::new(settings), text)
}

#[test]
fn a_variable_that_may_not_be_read() {
    let allowed = |list| Settings::from_lists(None, Some(list));
    assert_snapshot!(printed_with(allowed(""), VARIABLES), @r"
    warning RF008: request.set[0] `x-a`: the environment variable `SECRET` may not be read, so it has no value; add it to RUSTFORMATIONS_ENV_ALLOW
    warning RF008: request.set[1] `x-b`: the environment variable `SECRET` may not be read, so it has no value; add it to RUSTFORMATIONS_ENV_ALLOW
    ");
    assert_eq!(printed_with(allowed("SECRET"), VARIABLES), "");
}

#[test]
fn a_boolean_that_this_envoy_does_not_report() {
    let old = || Settings {
        lacks_booleans: true,
        ..Settings::default()
    };
    assert_snapshot!(printed_with(old(), BOOLEANS), @r#"
    warning RF008: request.set[0] `x-a`: this Envoy does not report `connection.mtls`, so it has no value; use Envoy 1.37.1 or later, or write `default(..., false)` around it
    warning RF008: request.set[1] `x-b`: this Envoy does not report `bool(metadata["n"].k)`, so it has no value; use Envoy 1.37.1 or later, or write `default(..., false)` around it
    "#);
    assert_eq!(printed_with(Settings::default(), BOOLEANS), "");
}

#[test]
fn a_cluster_name_that_this_envoy_does_not_report() {
    const NAME: &str = "request: {set: [{name: x-a, cel: xds.cluster_name}]}";
    let old = Settings {
        lacks_cluster_name: true,
        ..Settings::default()
    };
    assert_snapshot!(printed_with(old, NAME), @"warning RF008: request.set[0] `x-a`: this Envoy does not report `xds.cluster_name`, so it has no value; use Envoy 1.38 or later, or write `default(..., '')` around it");
    assert_eq!(printed_with(Settings::default(), NAME), "");
}
