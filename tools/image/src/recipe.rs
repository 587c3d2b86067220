//! The images that the Dockerfile makes.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::workspace;

use super::base;
use super::docker::{attempt, docker};
use super::plan::{Base, Source};

/// The argument that names Envoy's image.
const ENVOY: &str = "ENVOY_IMAGE";

/// The images of the targets.
#[derive(Debug)]
pub(super) struct Images {
    /// What ENVOY_IMAGE names, or what stands in for it.
    pub(super) envoy: String,
    pub(super) envoy_wrapper: String,
    pub(super) module: String,
    pub(super) module_debug: String,
    pub(super) cli: String,
}

impl Images {
    /// Builds them all.
    pub(super) fn build(bases: &[Base]) -> Result<Self> {
        let mut replaced = Vec::new();
        for base in bases {
            let used = image(base)?;
            if used != base.image {
                println!(
                    "{}: {} cannot be pulled, {used} stands in",
                    base.argument, base.image
                );
                replaced.push(format!("{}={used}", base.argument));
            }
        }
        // The build itself under a tag of its own: its layers are the next build's cache.
        build_target("build", &replaced)?;
        Ok(Self {
            envoy: envoy(bases)?,
            module: build_target("module", &replaced)?,
            module_debug: build_target("module-debug", &replaced)?,
            cli: build_target("cli", &replaced)?,
            envoy_wrapper: build_target("envoy-wrapper", &replaced)?,
        })
    }

    /// The images as they are.
    pub(super) fn last_built(bases: &[Base]) -> Result<Self> {
        let built = |target| {
            let tag = tag(target);
            docker(["image", "inspect", &tag])
                .map(|_found| tag)
                .context("not built yet")
        };
        Ok(Self {
            envoy: envoy(bases)?,
            module: built("module")?,
            module_debug: built("module-debug")?,
            cli: built("cli")?,
            envoy_wrapper: built("envoy-wrapper")?,
        })
    }
}

fn tag(target: &str) -> String {
    format!("rustformations/{target}:test")
}

fn build_target(target: &str, bases: &[String]) -> Result<String> {
    let tag = tag(target);
    println!("building {tag} ...");
    let id = ["image", "inspect", "--format", "{{.Id}}", &tag];
    let before = attempt(&id, "")?.stdout;
    let mut command = Command::new("docker");
    command.args(["build", "--target", target, "--tag", &tag]);
    for base in bases {
        command.args(["--build-arg", base]);
    }
    let output = command
        .arg(workspace())
        .stdin(Stdio::null())
        .output()
        .context("cannot run docker")?;
    ensure!(
        output.status.success(),
        "docker build --target {target} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let after = docker(id)?;
    if !before.is_empty() && before != after {
        // What is replaced would stay for ever, without a name.
        let _in_use = attempt(&["image", "rm", before.trim()], "")?;
    }
    Ok(tag)
}

/// The image to build on: the one that the Dockerfile names, or a stand-in.
fn image(base: &Base) -> Result<&str> {
    match base.source {
        Source::Pulled => Ok(&base.image),
        Source::StandIn => base::stand_in(&base.argument),
    }
}

fn envoy(bases: &[Base]) -> Result<String> {
    let envoy = bases.iter().find(|base| base.argument == ENVOY);
    let envoy = envoy.context("the Dockerfile names no Envoy")?;
    image(envoy).map(ToOwned::to_owned)
}
