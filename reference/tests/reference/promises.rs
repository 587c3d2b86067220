//! Each promise of `docs/security.md` names tests that exist.

use std::fs;
use std::path::Path;

use regex::Regex;

/// Whether a file has a test or a case of this name.
fn has(path: &Path, name: &str) -> bool {
    if path
        .extension()
        .is_some_and(|extension| extension == "yaml")
    {
        let cases = cases::read::file(path).unwrap();
        return cases.iter().any(|placed| placed.case.name == name);
    }
    let source = fs::read_to_string(path).unwrap();
    source.contains(&format!("fn {name}("))
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
            assert!(has(&path, name), "{title}: {file} has no test `{name}`");
        }
        promises += 1;
    }
    assert!(promises >= 15, "only {promises} promises were found");
}
