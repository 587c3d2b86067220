//! Links between the files of the repository lead somewhere.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::documents::files;
use crate::pages::anchor;

/// The text outside of blocks of code.
fn prose(text: &str) -> String {
    let blocks = text.split("\n```").enumerate();
    blocks
        .filter(|(nth, _)| nth % 2 == 0)
        .map(|(_, block)| block)
        .collect()
}

fn has_heading(page: &Path, fragment: &str) -> bool {
    let text = prose(&fs::read_to_string(page).unwrap());
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| anchor(line.trim_start_matches('#').trim_start()) == fragment)
}

#[test]
fn each_link_to_a_file_leads_to_it_and_to_its_heading() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut links = 0;
    let mut wrong = Vec::new();
    for page in files(&artifacts::workspace(), &[".md"]).unwrap() {
        let text = prose(&fs::read_to_string(&page).unwrap());
        for found in link.captures_iter(&text) {
            let target = &found[1];
            if target.starts_with("http:") || target.starts_with("https:") {
                continue;
            }
            links += 1;
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let leads = path.exists() && (fragment.is_empty() || has_heading(&path, fragment));
            if !leads {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(links > 300, "only {links} links were found");
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}

/// Who reads the map finds every page.
#[test]
fn the_map_has_each_page() {
    let docs = artifacts::workspace().join("docs");
    let map = fs::read_to_string(docs.join("index.md")).unwrap();
    for page in files(&docs, &[".md"]).unwrap() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let linked = name == "index.md" || map.contains(&format!("]({name})"));
        assert!(linked, "docs/index.md lacks {name}");
    }
}
