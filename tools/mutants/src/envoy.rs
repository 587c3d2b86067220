//! The scenarios on a real Envoy, as one more test of every mutant: half a minute for each.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use artifacts::EnvoyRelease;
use serde_json::Value;

use crate::mutant::Mutant;
use crate::program::{Asked, Program};
use crate::reach::{Tests, Unit};

/// Builds the program of the workspace as it is; only the module has mutants.
///
/// # Errors
/// It does not compile, or the copy has no module.
pub(crate) fn program(compiled: &[Value]) -> Result<Program> {
    let files = compiled
        .iter()
        .filter_map(|message| message.get("filenames")?.as_array());
    let mut files = files.flatten().filter_map(Value::as_str);
    let module = files.find(|file| file.ends_with("/librust_module.so"));
    let module = module.context("cargo made no module of the copy")?;
    let mut cargo = artifacts::cargo();
    cargo.current_dir(artifacts::workspace()).args([
        "build",
        "--locked",
        "--workspace",
        "--test",
        "scenarios",
    ]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let built = cargo.stderr(Stdio::inherit()).output()?;
    ensure!(
        built.status.success(),
        "the scenarios do not compile: see above"
    );
    let lines = built.stdout.split(|byte| *byte == b'\n');
    let mut messages = lines.filter_map(|line| serde_json::from_slice(line).ok());
    let program = messages.find_map(|message: Value| Program::of(&message));
    let program = program.context("cargo made no program of the scenarios")?;
    Ok(program.with("RUSTFORMATIONS_MODULE", module))
}

/// The scenarios of a release. Each mutant may be reached.
///
/// # Errors
/// One fails without a mutant.
pub(crate) fn unit<'p>(
    program: &'p Program,
    release: EnvoyRelease,
    mutants: &[Mutant],
) -> Result<Unit<'p>> {
    let tests = format!("{release}::");
    let (_, time) = program.output(Asked::Mutant(0), &[&tests])?;
    let reached = mutants.iter().map(|mutant| mutant.id).collect();
    Ok(Unit {
        program,
        tests: Tests::With(tests),
        time,
        reached,
    })
}
