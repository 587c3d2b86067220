//! `cargo xtask dist`: what a release hands out for this machine's architecture.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use artifacts::{Module, workspace};
use summary::Table;

use crate::cargo::tool;

const MODULE: &str = "librust_module.so";

/// What a release consists of, and what each file is.
const FILES: [(&str, &str); 2] = [
    (MODULE, "the module"),
    (
        "librust_module.so.debug",
        "its debug information, for crash reports",
    ),
];

/// Builds the module and writes it to `dist/`, its debug information beside it, with a list of the files and their
/// SHA-256 sums. What lay there before is gone.
///
/// # Errors
/// The build fails, an Envoy would refuse the module, or binutils or coreutils are missing.
pub(crate) fn write() -> Result<()> {
    ensure!(
        env::var_os("RUSTFORMATIONS_MODULE").is_none_or(|path| path.is_empty()),
        "a release is what is built here: unset RUSTFORMATIONS_MODULE"
    );
    let module = Module::release()?;
    let folder = workspace().join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    fs::copy(module.path(), folder.join(MODULE))?;
    let split = workspace().join("xtask/split-debug.sh");
    run(Command::new(split).arg(MODULE), &folder)?;
    run(tool("check-module").arg(MODULE), &folder)?;
    let files = list(&folder)?;
    fs::write(folder.join("FILES"), &files)?;
    let names = FILES.map(|(name, _)| name);
    let sums = run(Command::new("sha256sum").args(names).arg("FILES"), &folder)?;
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    println!("{}\n\n{files}\n{sums}", folder.display());
    Ok(())
}

/// The files in a folder, for people.
fn list(folder: &Path) -> Result<String> {
    let (version, processor) = (env!("CARGO_PKG_VERSION"), env::consts::ARCH);
    let mut table = Table::new(["file", "bytes", "what"]);
    for (name, what) in FILES {
        let file = fs::metadata(folder.join(name)).with_context(|| format!("no {name}"))?;
        table.row([name.into(), file.len().to_string(), what.into()]);
    }
    Ok(format!(
        "rustformations {version} for Linux, {processor}\n\n{table}"
    ))
}

/// What a command in this folder prints.
fn run(command: &mut Command, folder: &Path) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.current_dir(folder).output();
    let output =
        output.with_context(|| format!("cannot run {name}: install binutils and coreutils"))?;
    ensure!(
        output.status.success(),
        "{name}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
