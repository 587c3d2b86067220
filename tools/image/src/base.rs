//! Base images of this machine, for where no registry is.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::{EnvoyRelease, cargo, workspace};

use super::docker::{attempt, docker, has};

/// Debian with a C compiler and a static busybox: what the other two are made of, and the BUSYBOX_IMAGE.
const DEBIAN: &str = "rustformations/local-debian:bookworm";
const RUST: &str = "rustformations/local-rust:test";
const ENVOY: &str = "rustformations/local-envoy:test";

/// Where an image says what it was made of.
const MADE_OF: &str = "rustformations.made-of";

const CA_BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

const RUST_RECIPE: &str = "\
FROM rustformations/local-debian:bookworm
COPY bin /usr/local/bin
COPY lib /usr/local/lib
COPY registry /usr/local/cargo/registry
ENV CARGO_HOME=/usr/local/cargo
";

/// As bare as Envoy's distroless image: no shell. And with the configuration that Envoy's images bring along.
const ENVOY_RECIPE: &str = "\
FROM rustformations/local-debian:bookworm AS libraries
COPY envoy /usr/local/bin/envoy
RUN mkdir -p /base/etc/envoy && echo base > /base/etc/envoy/envoy.yaml \\
 && cp -L --parents -t /base /usr/local/bin/envoy $(ldd /usr/local/bin/envoy | grep -o '/lib[^ ]*')
FROM scratch
COPY --from=libraries /base /
";

/// Whether this machine can make the images that stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StandIns {
    Possible,
    NoDebootstrap,
    NotRoot,
}

impl StandIns {
    /// How to get base images.
    pub(super) fn way(self) -> &'static str {
        match self {
            Self::Possible => "stand-ins can be made",
            Self::NoDebootstrap => {
                "install debootstrap and run as root (Debian: apt-get install debootstrap), or connect Docker to a registry"
            }
            Self::NotRoot => "run once as root, for debootstrap, or connect Docker to a registry",
        }
    }
}

/// What is there to make stand-ins with; once made, they need nothing.
pub(super) fn stand_ins() -> Result<StandIns> {
    Ok(if has(DEBIAN)? {
        StandIns::Possible
    } else if !has_debootstrap() {
        StandIns::NoDebootstrap
    } else if !nix::unistd::geteuid().is_root() {
        StandIns::NotRoot
    } else {
        StandIns::Possible
    })
}

fn has_debootstrap() -> bool {
    let version = Command::new("debootstrap").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// The image that stands for the one this build argument names, made if need be.
pub(super) fn stand_in(argument: &str) -> Result<&'static str> {
    debian()?;
    match argument {
        "RUST_IMAGE" => rust(),
        "ENVOY_IMAGE" => envoy(),
        _ => Ok(DEBIAN),
    }
}

fn debian() -> Result<()> {
    if has(DEBIAN)? {
        return Ok(());
    }
    eprintln!("making {DEBIAN} with debootstrap ...");
    let directory = tempfile::tempdir()?;
    let root = directory.path().join("root");
    let status = Command::new("debootstrap")
        .args([
            "--variant=minbase",
            "--include=gcc,libc6-dev,ca-certificates,busybox-static",
        ])
        .arg("bookworm")
        .arg(&root)
        .stdout(Stdio::null())
        .status()
        .context("cannot run debootstrap")?;
    ensure!(status.success(), "debootstrap failed");
    // A machine behind a proxy may trust more than Debian does.
    if let Ok(bundle) = fs::read(Path::new("/").join(CA_BUNDLE)) {
        fs::write(root.join(CA_BUNDLE), bundle)?;
    }
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&root).args(["-c", "."]);
    pipe(tar, &["import", "-", DEBIAN])
}

fn rust() -> Result<&'static str> {
    let status = cargo()
        .args(["fetch", "--locked"])
        .current_dir(workspace())
        .status()?;
    ensure!(status.success(), "cargo fetch failed");
    let sysroot = printed("rustc", &["--print", "sysroot"])?;
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).context("no Cargo.lock")?;
    let made_of = key(&(printed("rustc", &["-vV"])?, lock));
    let mut tar = Command::new("tar");
    tar.arg("-c");
    tar.arg("-C").arg(&sysroot).args(["bin", "lib"]);
    tar.arg("-C")
        .arg(cargo_home()?)
        .args(["registry/cache", "registry/index"]);
    make(RUST, RUST_RECIPE, &made_of, tar)
}

fn envoy() -> Result<&'static str> {
    let binary = EnvoyRelease::DEFAULT.binary()?;
    let directory = binary.parent().context("Envoy lies nowhere")?;
    let mut tar = Command::new("tar");
    tar.args(["-c", "--dereference"]);
    tar.arg("-C").arg(directory).arg("envoy");
    make(ENVOY, ENVOY_RECIPE, &EnvoyRelease::DEFAULT.to_string(), tar)
}

/// Builds `image` by `recipe` with the files that `tar` packs, unless it is made of just that.
fn make(
    image: &'static str,
    recipe: &str,
    made_of: &str,
    mut tar: Command,
) -> Result<&'static str> {
    let debian = docker(["image", "inspect", "--format", "{{.Id}}", DEBIAN])?;
    let made_of = key(&(made_of, recipe, debian));
    let label = format!("{{{{index .Config.Labels {MADE_OF:?}}}}}");
    let found = attempt(&["image", "inspect", "--format", &label, image], "")?;
    if found.stdout.trim() == made_of {
        return Ok(image);
    }
    eprintln!("making {image} ...");
    let directory = tempfile::tempdir()?;
    fs::write(directory.path().join("Dockerfile"), recipe)?;
    tar.arg("-C").arg(directory.path()).arg("Dockerfile");
    let label = format!("{MADE_OF}={made_of}");
    pipe(
        tar,
        &["build", "--quiet", "--label", &label, "--tag", image, "-"],
    )?;
    Ok(image)
}

/// Hands what `tar` packs to docker.
fn pipe(mut tar: Command, arguments: &[&str]) -> Result<()> {
    let mut packing = tar
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar")?;
    let packed = packing.stdout.take().context("tar has no output")?;
    let output = Command::new("docker")
        .args(arguments)
        .stdin(packed)
        .output()?;
    let status = packing.wait()?;
    ensure!(
        output.status.success() && status.success(),
        "docker {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn key(made_of: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    made_of.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        return Ok(home.into());
    }
    Ok(env::home_dir()
        .context("no home directory: set CARGO_HOME")?
        .join(".cargo"))
}

fn printed(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
