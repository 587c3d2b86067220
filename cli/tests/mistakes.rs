//! Every mistake of `mistakes/`: `check` prints what `docs/mistakes.md` has, and nothing of what is right.
//!
//! A trial is called `<area>::<mistake>`: `cargo test -p rustformations-cli --test mistakes -- templates`.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used)] // Helpers of tests may fail as tests do.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "../examples/mistakes/table.rs"]
mod table;

use table::{Mistake, areas, page, printed};

const STALE: &str = "docs/mistakes.md is stale: read what changed, and run `cargo xtask docs`";

fn written() -> Result<String, Failed> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mistakes.md");
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

/// The message is that of the page, it leads somewhere, and where it leads nothing is wrong.
fn check(mistake: &Mistake) -> Result<(), Failed> {
    let message = printed(&mistake.wrong);
    if message.is_empty() {
        return Err("nothing is reported".into());
    }
    let heads = message
        .lines()
        .filter(|line| line.starts_with("file.yaml:"));
    for head in heads {
        if !head.contains("; ") {
            return Err(format!("the message does not say what to write: {head}").into());
        }
    }
    let left = printed(&mistake.right);
    if !left.is_empty() {
        return Err(format!("what is right is reported too:\n{left}").into());
    }
    if !written()?.contains(&mistake.section()) {
        return Err(format!("{STALE}\n{message}").into());
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("page", || match written()? == page() {
        true => Ok(()),
        false => Err(STALE.into()),
    })];
    for area in areas() {
        for mistake in area.mistakes {
            let name = format!("{}::{}", area.title, mistake.name);
            trials.push(Trial::test(name, move || check(&mistake)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
