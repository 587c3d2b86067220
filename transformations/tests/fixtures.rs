//! Runs every case of `tests/fixtures/*.json`.

#![forbid(unsafe_code)]

mod case;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use case::{Area, Ways, problems};

fn files() -> std::io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder)?.collect();
    let mut files: Vec<PathBuf> = entries?.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn area(file: &Path) -> Result<Area, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let area: Area = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let name = file.file_name().unwrap_or_default();
    if name != format!("{}.json", area.area).as_str() {
        return Err(format!("the area is called `{}`", area.area));
    }
    if area.cases.is_empty() {
        return Err("no case".to_owned());
    }
    Ok(area)
}

#[test]
fn every_case_comes_out_as_it_says() {
    let mut failures = Vec::new();
    let mut cases = 0_usize;
    let mut ways = Ways::default();
    let files = files().unwrap();
    for file in &files {
        let area = match area(file) {
            Ok(area) => area,
            Err(error) => {
                failures.push(format!("{}: {error}", file.display()));
                continue;
            }
        };
        let mut names = BTreeSet::new();
        for case in &area.cases {
            cases += 1;
            let place = format!("{}: {}", area.area, case.name);
            if !names.insert(&case.name) {
                failures.push(format!("{place}: another case has this name"));
            }
            for problem in problems(case, &mut ways) {
                failures.push(format!("{place}\n    {problem}"));
            }
        }
    }
    assert!(!files.is_empty() && cases > 0, "no cases");
    assert!(
        failures.is_empty(),
        "{} problems in {cases} cases of {} files:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
    println!(
        "{cases} cases of {} files, in {} ways held and {} streamed",
        files.len(),
        ways.held,
        ways.streamed
    );
}
