//! `cargo xtask dist`: what a release hands out for this machine's architecture. Nothing in it depends on the folder.
//!
//! `programs` builds, `linked` finds the crates that are in them, `bill` and `licenses` write them down, and `archive`
//! packs it all. `again` builds the module once more, elsewhere. `dependencies` checks the page that explains the crates.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod again;
mod archive;
mod bill;
#[cfg(test)]
mod dependencies;
mod licenses;
mod linked;
mod programs;
mod source;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use artifacts::workspace;
use sha2::{Digest, Sha256};
use summary::Table;

use archive::Archive;
use linked::Linked;
use programs::{CLI, MODULE, Programs};
use source::Source;

const HELP: &str = "\
Builds the module and the command and writes to dist/ what a release hands out: an archive, the module alone, an archive
of debug information, bills of materials (CycloneDX), FILES and SHA256SUMS. Nothing in them depends on the folder.

Usage: cargo xtask dist [--again]

  --again  writes nothing: builds the module of the same commit once more in another folder, and fails if a byte of it
           differs from the one in dist/";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a file of a release is.
struct File {
    name: String,
    what: &'static str,
    bytes: Vec<u8>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => summary::exit_code(write()),
        [again] if again == "--again" => summary::exit_code(again::compare()),
        [help] if help == "--help" || help == "-h" => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => summary::exit_code(Err(
            "dist takes no such arguments; see `cargo xtask dist --help`",
        )),
    }
}

/// Writes `dist/`. What lay there before is gone.
///
/// # Errors
/// A build fails, an Envoy would refuse the module, or binutils are missing.
fn write() -> Result<()> {
    let source = Source::read()?;
    let programs = Programs::build(&source)?;
    check(&programs.path(MODULE))?;
    let files = files(&source, &programs)?;
    let folder = workspace().join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    for file in &files {
        fs::write(folder.join(&file.name), &file.bytes).with_context(|| file.name.clone())?;
    }
    let sums = sums(&files);
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    println!("{}\n\n{}\n{sums}", folder.display(), table(&source, &files));
    Ok(())
}

/// Everything but the sums.
fn files(source: &Source, programs: &Programs) -> Result<Vec<File>> {
    let module = Linked::of("rustformations")?;
    let command = Linked::of("rustformations-cli")?;
    let bill_of_module = bill::write(&module, source)?;
    let bill_of_command = bill::write(&command, source)?;
    let licenses = licenses::write([&module, &command])?;
    let name = format!("rustformations-{VERSION}-linux-{}", env::consts::ARCH);

    let mut archive = Archive::new(&name, source.time);
    archive.program(MODULE, &programs.read(MODULE)?)?;
    archive.program(CLI, &programs.read(CLI)?)?;
    archive.file("sbom-module.cdx.json", &bill_of_module)?;
    archive.file("sbom-command.cdx.json", &bill_of_command)?;
    archive.file("THIRD-PARTY-LICENSES.txt", licenses.as_bytes())?;
    for name in ["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"] {
        archive.file(name, &fs::read(workspace().join(name))?)?;
    }
    archive.folder("cookbook", &workspace())?;
    archive.folder("envoy-configs", &workspace())?;
    archive.folder("docs", &workspace())?;

    let mut debug = Archive::new(&format!("{name}-debug"), source.time);
    for program in [MODULE, CLI] {
        let file = format!("{program}.debug");
        debug.file(&file, &programs.read(&file)?)?;
    }

    let mut files = vec![
        File {
            name: format!("{name}.tar.gz"),
            what: "the module, the command rustformations, example configurations, docs, licences",
            bytes: archive.finish()?,
        },
        File {
            name: module_name(),
            what: "the module alone, for Envoy's remote source; elsewhere call it librust_module.so",
            bytes: programs.read(MODULE)?,
        },
        File {
            name: format!("{name}-debug.tar.gz"),
            what: "debug information of both, for crash reports",
            bytes: debug.finish()?,
        },
        File {
            name: format!("{name}-module.cdx.json"),
            what: "what is linked into the module (CycloneDX 1.5)",
            bytes: bill_of_module,
        },
        File {
            name: format!("{name}-command.cdx.json"),
            what: "what is linked into the command (CycloneDX 1.5)",
            bytes: bill_of_command,
        },
    ];
    files.push(File {
        bytes: table(source, &files).into_bytes(),
        name: "FILES".into(),
        what: "this list",
    });
    Ok(files)
}

/// What the module that is handed out alone is called.
fn module_name() -> String {
    format!("librust_module-{VERSION}-linux-{}.so", env::consts::ARCH)
}

/// Whether an Envoy would take the module.
fn check(module: &Path) -> Result<()> {
    let report = check_module::check(module)?;
    let wrong = report.wrong();
    ensure!(wrong == 0, "{report}\n{wrong} of the checks failed");
    Ok(())
}

/// The files, for people.
fn table(source: &Source, files: &[File]) -> String {
    let mut table = Table::new(["file", "bytes", "what"]);
    for file in files {
        let bytes = file.bytes.len().to_string();
        table.row([file.name.clone(), bytes, file.what.into()]);
    }
    let (revision, processor) = (&source.revision, env::consts::ARCH);
    format!("rustformations {VERSION} for Linux, {processor}, revision {revision}\n\n{table}")
}

/// As `sha256sum` prints them.
fn sums(files: &[File]) -> String {
    let line = |file: &File| format!("{}  {}\n", sum(&file.bytes), file.name);
    files.iter().map(line).collect()
}

/// The SHA-256 of these bytes, in hexadecimal digits.
fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// What a command prints.
///
/// # Errors
/// It cannot be run, or it fails.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
