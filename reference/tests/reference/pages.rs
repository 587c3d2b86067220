//! The generated files are those that the code makes now.

use std::fs;

use diagnostics::Code;
use reference::{Filter, PAGES, since};
use transformations::Reason;

#[test]
fn the_pages_are_fresh() {
    for page in PAGES {
        let path = artifacts::workspace().join("docs").join(page.path);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let fresh = (page.make)() == committed;
        assert!(fresh, "docs/{} is stale: run `cargo xtask docs`", page.path);
    }
}

/// Where GitHub puts a heading.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn links_within_a_page_lead_to_one_heading() {
    for page in PAGES.iter().filter(|page| page.path.ends_with(".md")) {
        let text = (page.make)();
        let headings = text.lines().filter(|line| line.starts_with("##"));
        let anchors: Vec<_> = headings
            .map(|line| anchor(line.trim_start_matches('#').trim_start()))
            .collect();
        let links: Vec<_> = text.split("](#").skip(1).collect();
        assert!(links.len() > 10, "{}: {} links", page.path, links.len());
        for link in links {
            let (link, _) = link.split_once(')').unwrap();
            let found = anchors.iter().filter(|anchor| *anchor == link).count();
            assert_eq!(found, 1, "{}: #{link}", page.path);
        }
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

#[test]
fn each_reason_of_a_failure_is_explained() {
    let page = artifacts::workspace().join("docs/debugging.md");
    let page = fs::read_to_string(page).unwrap();
    for reason in Reason::ALL {
        let rows = page.matches(&format!("\n| `{reason}` |")).count();
        assert_eq!(rows, 1, "docs/debugging.md: {reason}");
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
