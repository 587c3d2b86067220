//! The generated files are those that the code makes now.

use std::fs;

use diagnostics::Code;
use reference::{Filter, PAGES, since};

#[test]
fn the_pages_are_fresh() {
    for page in PAGES {
        let path = artifacts::workspace().join("docs").join(page.path);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let fresh = (page.make)() == committed;
        assert!(fresh, "docs/{} is stale: run `cargo xtask docs`", page.path);
    }
}

#[test]
fn each_code_has_a_section() {
    let page = PAGES
        .iter()
        .find(|page| page.path == "diagnostics.md")
        .unwrap();
    let page = (page.make)();
    for code in Code::ALL {
        assert!(page.contains(&format!("\n## {code}\n")), "{code}");
    }
}

/// Otherwise a key of that release would be called unreleased.
#[test]
fn each_release_left_its_schemas() {
    let changelog = fs::read_to_string(artifacts::workspace().join("CHANGELOG.md")).unwrap();
    let headings = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    let versions = headings.filter(|heading| *heading != "Unreleased");
    for heading in versions {
        let version = heading
            .split([' ', ']'])
            .next()
            .unwrap()
            .trim_start_matches('[');
        for filter in Filter::ALL {
            let mut releases = since::RELEASES.iter();
            let known = releases.any(|(of, other, _)| (*of, *other) == (version, filter));
            assert!(
                known,
                "add {} of {version} to reference/src/since.rs",
                filter.file()
            );
        }
    }
}
