//! The environment variables.

use std::collections::BTreeSet;
use std::fs;

use reference::variables::{OF_THE_MODULE, OF_THE_TESTS, Variable};
use regex::Regex;

use crate::documents::files;

/// The variables that these folders name in their sources.
fn named(folders: &[&str]) -> BTreeSet<String> {
    let name = Regex::new("RUSTFORMATIONS_[A-Z_]*[A-Z]").unwrap();
    let mut found = BTreeSet::new();
    for folder in folders {
        let folder = artifacts::workspace().join(folder);
        for file in files(&folder, &[".rs", ".sh", ".yaml", "Dockerfile"]).unwrap() {
            let text = fs::read(&file).unwrap();
            let text = String::from_utf8_lossy(&text);
            found.extend(name.find_iter(&text).map(|found| found.as_str().to_owned()));
        }
    }
    found
}

fn names(variables: &[Variable]) -> BTreeSet<String> {
    variables
        .iter()
        .map(|variable| variable.name.to_owned())
        .collect()
}

#[test]
fn each_variable_is_listed() {
    let listed = &names(OF_THE_MODULE) | &names(OF_THE_TESTS);
    assert_eq!(named(&["."]), listed);
}

/// What no source of the module names is not of the module.
#[test]
fn the_module_reads_those_that_are_its_own() {
    let sources = named(&["rustformations/src", "envoy-sdk/src"]);
    assert_eq!(sources, names(OF_THE_MODULE));
}
