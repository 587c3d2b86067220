//! `docs/attacks.md` has every hostile test, with what comes of it and where it is played.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::promises::Tests;

/// Files of cases that are attacks, each of them.
const CASES: [&str; 5] = [
    "hostile.yaml",
    "disguised-json.yaml",
    "disguised-multipart.yaml",
    "disguised-form.yaml",
    "disguised-path.yaml",
];

/// Areas of scenarios that are attacks, each of them.
const AREAS: [&str; 4] = [
    "attacks/mod.rs",
    "bad_input.rs",
    "panics.rs",
    "hostile/mod.rs",
];

/// A scenario without an attack of its own: it plays what a developer names.
const OF_DEVELOPERS: &str = "those_that_are_named";

/// The row of each test that the page names, by file and name.
fn rows(docs: &Path) -> BTreeMap<(String, String), Vec<String>> {
    let page = fs::read_to_string(docs.join("attacks.md")).unwrap();
    let link = Regex::new(r"\[`([^`]+)`\]\(\.\./([^)#]+\.(?:rs|yaml))\)").unwrap();
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells = line.trim_matches('|').split(" | ");
        let cells: Vec<_> = cells.map(|cell| cell.trim().to_owned()).collect();
        for test in link.captures_iter(line) {
            let key = (test[2].to_owned(), test[1].to_owned());
            assert!(rows.insert(key, cells.clone()).is_none(), "twice: {line}");
        }
    }
    rows
}

#[test]
fn each_attack_names_a_test_that_exists() {
    let root = artifacts::workspace();
    let rows = rows(&root.join("docs"));
    assert!(rows.len() > 200, "only {} tests", rows.len());
    let mut files: BTreeMap<&str, Tests> = BTreeMap::new();
    for (file, name) in rows.keys() {
        let path = root.join(file);
        assert!(path.is_file(), "there is no {file}");
        let tests = files.entry(file).or_insert_with(|| Tests::of(&path));
        assert!(tests.has(name), "{file} has no test `{name}`");
    }
}

#[test]
fn each_hostile_case_is_listed_with_what_comes_of_it() {
    let root = artifacts::workspace();
    let rows = rows(&root.join("docs"));
    for name in CASES {
        let file = format!("cases/behaviour/{name}");
        for placed in cases::read::file(&root.join(&file)).unwrap() {
            let case = placed.case;
            let row = rows.get(&(file.clone(), case.name.clone()));
            let row =
                row.unwrap_or_else(|| panic!("docs/attacks.md lacks `{}` of {file}", case.name));
            let Some(reader) = case.reader else {
                continue;
            };
            let outcome = match case.expect.upstream_reached {
                Some(false) => "refused",
                _ => "routed",
            };
            let sees = reader.sees.map_or_else(|| "nothing".to_owned(), shown);
            assert_eq!(
                row[1..],
                [sees, outcome.to_owned()],
                "{file}: {}",
                case.name
            );
        }
    }
}

/// A value as the page has it.
fn shown(value: String) -> String {
    let escaped: String = value
        .chars()
        .map(|character| match character {
            '\u{feff}' => "\\u{feff}".to_owned(),
            other if other.is_control() => other.escape_default().to_string(),
            other => other.to_string(),
        })
        .collect();
    format!("`{escaped}`")
}

#[test]
fn each_hostile_scenario_is_listed_with_its_releases() {
    let root = artifacts::workspace();
    let rows = rows(&root.join("docs"));
    let entry = Regex::new(r"(?m)^    (All|Ends) (\w+),$").unwrap();
    let mut found = 0;
    for area in AREAS {
        let source = fs::read_to_string(root.join("tests/scenarios").join(area)).unwrap();
        for scenario in entry.captures_iter(&source) {
            let (releases, name) = (&scenario[1], &scenario[2]);
            if name == OF_DEVELOPERS {
                continue;
            }
            let row = rows
                .iter()
                .find(|((file, test), _)| file.starts_with("tests/scenarios/") && test == name);
            let (_, row) =
                row.unwrap_or_else(|| panic!("docs/attacks.md lacks `{name}` of {area}"));
            let expected = if releases == "All" {
                "all"
            } else {
                "first, last"
            };
            assert_eq!(row.last().map(String::as_str), Some(expected), "{name}");
            found += 1;
        }
    }
    assert!(found >= 20, "only {found} scenarios were found");
}
