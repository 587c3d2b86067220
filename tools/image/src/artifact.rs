//! The module's own two images: the file, and its debug information.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use object::Object as _;
use tempfile::TempDir;

use super::Checks;
use super::docker::{Container, attempt, docker};
use super::recipe::Images;
use super::structure::files;

const DEMONSTRATION: &str = include_str!("../../../envoy-configs/demo.yaml");

pub(super) fn check(images: &Images, checks: &mut Checks) {
    checks.add("target module: one file", module(&images.module));
    checks.add(
        "target module-debug: its debug information",
        module_debug(images),
    );
    checks.add("target module, in a stock Envoy", stock_envoy(images));
}

fn module(image: &str) -> Result<String> {
    only_file(image, "/librust_module.so")?;
    let directory = tempfile::tempdir()?;
    let report = check_module::check(&copied(image, "/librust_module.so", &directory)?)?;
    ensure!(report.wrong() == 0, "{report:?}");
    let debug = report.rows.iter().find(|row| row.what.contains("debug"));
    let found = debug.map(|row| row.found.as_str());
    ensure!(
        found == Some("in librust_module.so.debug"),
        "debug information: {found:?}"
    );
    Ok("sound, with names, without debug information".into())
}

fn module_debug(images: &Images) -> Result<String> {
    let name = "/librust_module.so.debug";
    only_file(&images.module_debug, name)?;
    let directory = tempfile::tempdir()?;
    let module = copied(&images.module, "/librust_module.so", &directory)?;
    let debug = copied(&images.module_debug, name, &directory)?;
    let (module, debug) = (fs::read(module)?, fs::read(debug)?);
    let (module, debug) = (
        object::File::parse(&*module)?,
        object::File::parse(&*debug)?,
    );
    let build = module.build_id()?.context("the module has no build id")?;
    ensure!(debug.build_id()? == Some(build), "they are of two builds");
    ensure!(
        debug.section_by_name(".debug_line").is_some(),
        "there are no line numbers"
    );
    Ok("of the same build".into())
}

/// As deploy/plain has it: Envoy's own image, with the module on a volume.
fn stock_envoy(images: &Images) -> Result<String> {
    let directory = tempfile::tempdir()?;
    copied(&images.module, "/librust_module.so", &directory)?;
    fs::write(directory.path().join("demo.yaml"), DEMONSTRATION)?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    let volume = format!("{}:/modules:ro", directory.path().display());
    let options = [
        "run",
        "--rm",
        "--user",
        "10101",
        "--read-only",
        "--cap-drop",
        "ALL",
    ];
    let more = [
        "--env",
        "ENVOY_DYNAMIC_MODULES_SEARCH_PATH=/modules",
        "--volume",
    ];
    let program = [
        &volume,
        "--entrypoint",
        "/usr/local/bin/envoy",
        &images.envoy,
    ];
    let arguments = ["--mode", "validate", "-c", "/modules/demo.yaml"];
    let command = [&options[..], &more, &program, &arguments].concat();
    let output = attempt(&command, "")?;
    ensure!(output.code == Some(0), "{output:?}");
    Ok("it loads".into())
}

/// Fails if the image holds anything else.
fn only_file(image: &str, path: &str) -> Result<()> {
    let files = files(image)?;
    // What Docker itself puts into every container.
    let ours: Vec<&String> = files
        .keys()
        .filter(|path| {
            !["/dev", "/etc", "/proc", "/sys", "/.dockerenv"]
                .iter()
                .any(|made| path.starts_with(made))
        })
        .collect();
    ensure!(ours == [path], "it holds {ours:?}");
    Ok(())
}

/// A file of an image, in a directory of this machine.
fn copied(image: &str, path: &str, directory: &TempDir) -> Result<PathBuf> {
    let container = Container::create("copy", &["--entrypoint", "/none"], image, &[])?;
    let target = directory.path().join(path.trim_start_matches('/'));
    let source = format!("{}:{path}", container.id());
    docker(["cp", &source, &target.to_string_lossy()])?;
    Ok(target)
}
