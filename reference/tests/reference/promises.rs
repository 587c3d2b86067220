//! Each promise of `docs/security.md` names tests that exist.

use std::fs;
use std::path::Path;

use regex::Regex;

/// The tests of a file.
pub(crate) enum Tests {
    /// The names of its cases.
    Cases(Vec<String>),
    /// Its source.
    Functions(String),
}

impl Tests {
    pub(crate) fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension == "yaml" => {
                let cases = cases::read::file(path).unwrap().into_iter();
                Self::Cases(cases.map(|placed| placed.case.name).collect())
            }
            _ => Self::Functions(fs::read_to_string(path).unwrap()),
        }
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Cases(names) => names.iter().any(|other| other == name),
            Self::Functions(source) => source.contains(&format!("fn {name}(")),
        }
    }
}

#[test]
fn each_promise_names_tests_that_exist() {
    let docs = artifacts::workspace().join("docs");
    let page = fs::read_to_string(docs.join("security.md")).unwrap();
    let link = Regex::new(r"\[`([^`]+)`\]\((\.\./[^)#]+\.(?:rs|yaml))\)").unwrap();
    let mut promises = 0;
    for promise in page.split("\n### ").skip(1) {
        let title = promise.lines().next().unwrap();
        let section = promise.split("\n## ").next().unwrap();
        let tests: Vec<_> = link.captures_iter(section).collect();
        assert!(!tests.is_empty(), "{title}: no test is named");
        for test in tests {
            let (name, file) = (&test[1], &test[2]);
            let path = docs.join(file);
            assert!(path.is_file(), "{title}: there is no {file}");
            let found = Tests::of(&path).has(name);
            assert!(found, "{title}: {file} has no test `{name}`");
        }
        promises += 1;
    }
    assert!(promises >= 15, "only {promises} promises were found");
}
