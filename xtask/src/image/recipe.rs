//! What the Dockerfile says, and the images it makes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::base;
use super::docker::{attempt, docker};

/// The argument that names Envoy's image.
const ENVOY: &str = "ENVOY_IMAGE";

/// Where the Dockerfile is.
pub(super) fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

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
    /// Builds them all, on base images that can be had.
    pub(super) fn build() -> Result<Self> {
        let mut bases = Vec::new();
        let mut envoy = String::new();
        for (argument, image) in arguments()? {
            if !argument.ends_with("_IMAGE") {
                continue;
            }
            let used = base(&argument, &image)?;
            if used != image {
                println!("{argument}: {image} cannot be pulled, {used} stands in");
                bases.push(format!("{argument}={used}"));
            }
            if argument == ENVOY {
                envoy = used;
            }
        }
        // The build itself under a tag of its own: its layers are the next build's cache.
        build_target("build", &bases)?;
        Ok(Self {
            envoy,
            module: build_target("module", &bases)?,
            module_debug: build_target("module-debug", &bases)?,
            cli: build_target("cli", &bases)?,
            envoy_wrapper: build_target("envoy-wrapper", &bases)?,
        })
    }

    /// The images as they are.
    pub(super) fn last_built() -> Result<Self> {
        let built = |target| {
            let tag = tag(target);
            docker(["image", "inspect", &tag])
                .map(|_found| tag)
                .context("not built yet")
        };
        let mut declared = arguments()?.into_iter();
        let envoy = declared.find(|(argument, _)| argument == ENVOY);
        let (argument, image) = envoy.context("the Dockerfile names no Envoy")?;
        Ok(Self {
            envoy: base(&argument, &image)?,
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

/// The image for this argument: the one it names, or a stand-in.
fn base(argument: &str, image: &str) -> Result<String> {
    Ok(match available(image)? {
        true => image.to_owned(),
        false => base::stand_in(argument)?.to_owned(),
    })
}

/// Whether this image is here or can be pulled.
fn available(image: &str) -> Result<bool> {
    Ok(attempt(&["image", "inspect", image], "")?.code == Some(0)
        || attempt(&["pull", "--quiet", image], "")?.code == Some(0))
}

/// The arguments that the Dockerfile declares, with their defaults.
fn arguments() -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(workspace().join("Dockerfile")).context("no Dockerfile")?;
    let declared = text
        .lines()
        .filter_map(|line| line.strip_prefix("ARG ")?.split_once('='));
    Ok(declared
        .map(|(name, default)| (name.to_owned(), default.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use harness::EnvoyRelease;

    use super::{arguments, workspace};

    #[test]
    fn the_base_images_are_the_releases_this_workspace_names() {
        let declared: HashMap<_, _> = arguments().unwrap().into_iter().collect();
        let toolchain = fs::read_to_string(workspace().join("rust-toolchain.toml")).unwrap();
        let version = declared["RUST_IMAGE"].strip_prefix("rust:").unwrap();
        let version = version.strip_suffix("-bookworm").unwrap();
        assert!(
            toolchain.contains(&format!("channel = \"{version}\"")),
            "{version}"
        );
        let envoy = format!("envoyproxy/envoy:distroless-v{}", EnvoyRelease::DEFAULT);
        assert_eq!(declared["ENVOY_IMAGE"], envoy);
        assert_eq!(declared["VERSION"], env!("CARGO_PKG_VERSION"));
    }
}
