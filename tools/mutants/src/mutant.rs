//! The mutants, as cargo-mutants lists them.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What kind of change a mutant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) enum Genre {
    /// A function returns a fixed value.
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// One change of the code.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    /// Its place in the list, from 1. The one in force is chosen by it.
    #[serde(skip)]
    pub(crate) id: u32,
    pub(crate) package: String,
    /// Seen from the workspace.
    pub(crate) file: String,
    /// Place and change: `src/a.rs:1:2: replace + with - in add`.
    pub(crate) name: String,
    pub(crate) genre: Genre,
    /// What stands in the place of the span.
    pub(crate) replacement: String,
    span: Span,
}

#[derive(Clone, Debug, Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

/// Both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

impl Mutant {
    /// The one of this number that begins after this text.
    #[cfg(test)]
    pub(crate) fn at(id: u32, genre: Genre, before: &str, replacement: &str) -> Self {
        let line = before.matches('\n').count() + 1;
        let column = before.lines().last().unwrap_or_default().chars().count() + 1;
        let start = Place { line, column };
        Self {
            id,
            package: "p".to_owned(),
            file: "src/f.rs".to_owned(),
            name: format!("src/f.rs:{line}:{column}: replace a with b in f"),
            genre,
            replacement: replacement.to_owned(),
            span: Span { start, end: start },
        }
    }

    /// What is changed, without the place.
    pub(crate) fn change(&self) -> &str {
        let mut parts = self.name.splitn(4, ':');
        parts.nth(3).unwrap_or(&self.name).trim_start()
    }

    /// The bytes of the file that are replaced.
    pub(crate) fn range(&self, text: &str) -> Option<Range<usize>> {
        Some(self.span.start.offset(text)?..self.span.end.offset(text)?)
    }

    /// The line it begins on, without its indent.
    pub(crate) fn line<'t>(&self, text: &'t str) -> &'t str {
        let before = self.span.start.line.saturating_sub(1);
        text.lines().nth(before).unwrap_or_default().trim()
    }
}

impl Place {
    fn offset(self, text: &str) -> Option<usize> {
        let lines = text.split_inclusive('\n').map(str::len);
        let line: usize = lines.take(self.line.checked_sub(1)?).sum();
        let mut characters = text.get(line..)?.char_indices();
        let (column, _) = characters.nth(self.column.checked_sub(1)?)?;
        Some(line + column)
    }
}

/// The mutants of the files that match these globs, numbered.
///
/// # Errors
/// cargo-mutants cannot be installed, or fails.
pub(crate) fn list(workspace: &Path, globs: &[String]) -> Result<Vec<Mutant>> {
    let tools = workspace.join("target/tools");
    let program = tools.join("bin/cargo-mutants");
    if !program.exists() {
        eprintln!("installing cargo-mutants ...");
        let mut install = artifacts::cargo();
        install.args(["install", "--quiet", "--locked", "cargo-mutants", "--root"]);
        let status = install.arg(&tools).stdin(Stdio::null()).status()?;
        ensure!(
            status.success(),
            "cargo-mutants was not installed: see above"
        );
    }
    let mut command = Command::new(program);
    command
        .args(["mutants", "--list", "--json"])
        .current_dir(workspace);
    for glob in globs {
        command.args(["--file", glob]);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "cargo-mutants failed: see above");
    read(&output.stdout)
}

fn read(json: &[u8]) -> Result<Vec<Mutant>> {
    let mut mutants: Vec<Mutant> =
        serde_json::from_slice(json).context("cargo-mutants lists what this tool does not know")?;
    for (id, mutant) in (1..).zip(&mut mutants) {
        mutant.id = id;
    }
    Ok(mutants)
}
