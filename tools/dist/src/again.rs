//! Builds the module once more, in another folder: who doubts that it comes of these sources does the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use artifacts::workspace;

use crate::programs::{MODULE, Programs};
use crate::source::Source;
use crate::{module_name, output, sum};

/// Compares the module in `dist/` with one that is built of a clone.
///
/// # Errors
/// They differ, `dist/` has no module, or sources are not committed, which no clone has.
pub(crate) fn compare() -> Result<()> {
    let source = Source::read()?;
    let revision = &source.revision;
    ensure!(
        !revision.ends_with("-dirty") && revision != "unknown",
        "the sources are those of no commit ({revision}): commit them, and run `cargo xtask dist` again"
    );
    let name = module_name();
    let first = fs::read(workspace().join("dist").join(&name))
        .with_context(|| format!("no dist/{name}: run `cargo xtask dist` first"))?;
    let elsewhere = tempfile::Builder::new().prefix("again-").tempdir()?;
    let clone = elsewhere.path().join("sources");
    output(
        Command::new("git")
            .args(["clone", "--quiet"])
            .arg(workspace())
            .arg(&clone),
    )?;
    let second = Programs::module(&clone, &source)?.read(MODULE)?;
    println!("{}", verdict(&name, &first, &second, &clone)?);
    Ok(())
}

fn verdict(name: &str, first: &[u8], second: &[u8], clone: &Path) -> Result<String> {
    let (first, second) = (sum(first), sum(second));
    let place = clone.display();
    let sums = format!("{first}  dist/{name}\n{second}  built again in {place}");
    ensure!(first == second, "the two differ:\n{sums}");
    Ok(format!("{sums}\nthe two are the same"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::verdict;

    #[test]
    fn one_byte_makes_a_difference() {
        let clone = Path::new("/elsewhere");
        assert!(verdict("m.so", b"same", b"same", clone).is_ok());
        let error = verdict("m.so", b"one", b"two", clone)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("dist/m.so") && error.contains("/elsewhere"),
            "{error}"
        );
    }
}
