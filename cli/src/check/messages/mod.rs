//! Every diagnostic there is, whole, below the configuration that it is for.
//!
//! A message that changes fails its test: read both, then `cargo insta accept`, or write the new one.
//! Where the help of a message is a configuration, its test loads that too.

mod acl;
mod answers;
mod cluster;
mod codes;
mod edits;
mod expressions;
mod extract;
mod limits;
mod metrics;
mod most;
mod neighbours;
mod patch;
mod path;
mod reject;
mod routes;
mod settings;
mod shape;
mod streamed;
mod templates;

use serde_json::{Value, json};
use transformations::{Code, Engine};

use crate::finding::Finding;

/// What is printed of a configuration for this filter, without the file's name, lines and the sum.
fn printed_for(filter: &str, engine: &Engine, text: &str) -> String {
    let findings = super::found(engine, filter, crate::File::unnamed(text));
    let lines: Vec<String> = findings.iter().map(Finding::plain).collect();
    lines.join("\n")
}

/// What is printed of a configuration.
fn printed(text: &str) -> String {
    printed_for("rustformation", &Engine::default(), text)
}

/// Fails if anything is wrong with a configuration, such as one that a message recommends.
#[track_caller]
fn loads(text: &str) {
    assert_eq!(printed(text), "", "{text}");
}

/// What is printed of an access list.
fn printed_of_list(text: &str) -> String {
    printed_for("http-acl", &Engine::default(), text)
}

/// Fails if anything is wrong with an access list.
#[track_caller]
fn list_loads(text: &str) {
    assert_eq!(printed_of_list(text), "", "{text}");
}

/// An Envoy configuration of our filter, whose `filter_config` is a text.
fn envoy_filter(name: &str, filter_config: &str) -> Value {
    json!({"name": name, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        "dynamic_module_config": {"name": "rust_module", "do_not_close": true},
        "filter_name": "rustformation",
        "filter_config": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": filter_config},
    }})
}

#[test]
fn every_code_has_a_message() {
    let messages = [
        include_str!("acl.rs"),
        include_str!("answers.rs"),
        include_str!("cluster.rs"),
        include_str!("edits.rs"),
        include_str!("expressions.rs"),
        include_str!("extract.rs"),
        include_str!("limits.rs"),
        include_str!("metrics.rs"),
        include_str!("most.rs"),
        include_str!("neighbours.rs"),
        include_str!("patch.rs"),
        include_str!("path.rs"),
        include_str!("reject.rs"),
        include_str!("routes.rs"),
        include_str!("settings.rs"),
        include_str!("shape.rs"),
        include_str!("streamed.rs"),
        include_str!("templates.rs"),
    ]
    .concat();
    let shown = |code: &&Code| {
        let printed = |severity| messages.contains(&format!("{severity} {code}: "));
        printed("error") || printed("warning") || printed("note")
    };
    let silent: Vec<_> = Code::ALL.iter().filter(|code| !shown(code)).collect();
    assert!(silent.is_empty(), "no test shows a message of {silent:?}");
}
