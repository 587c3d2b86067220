//! `envoyinit`: what a kgateway pod runs first. It reads Envoy's bootstrap, fills in what only the pod knows, and
//! becomes Envoy.
//!
//! | environment variable | what | default |
//! |---|---|---|
//! | `INPUT_CONF` | the bootstrap: YAML or JSON, a template of the pod's data | `/etc/envoy/envoy.yaml` |
//! | `OUTPUT_CONF` | where a copy of the result is left, if that file can be written | `/tmp/envoy.yaml` |
//! | `ENVOY` | the Envoy to become | `/usr/local/bin/envoy` |
//!
//! All arguments go to Envoy, after `--config-yaml` and the result. Whatever fails is printed as
//! `initializer failed`, and the exit code is 1.
#![forbid(unsafe_code)]

mod bootstrap;
mod go_string;
mod pod;
mod template;

use std::convert::Infallible;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, ensure};

use pod::Pod;

/// Where Kubernetes' downward API puts labels and annotations.
const POD_INFO: &str = "/etc/podinfo";

/// Where systems keep the certificates they trust; the first that exists is taken.
const CA_BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, this image
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL 6
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/pki/tls/cacert.pem",            // OpenELEC
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
    "/etc/ssl/cert.pem",                  // Alpine, macOS
    "/usr/local/etc/ssl/cert.pem",        // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt", // DragonFly
];

/// The longest argument Linux takes, in bytes (`MAX_ARG_STRLEN`, less the final NUL).
const LONGEST_ARGUMENT: usize = 131_071;

fn main() -> ExitCode {
    let Err(error) = become_envoy();
    eprintln!("envoyinit: initializer failed: {error:#}");
    ExitCode::FAILURE
}

fn become_envoy() -> Result<Infallible> {
    let input = path_from("INPUT_CONF", "/etc/envoy/envoy.yaml");
    let name = input.display();
    let text = fs::read_to_string(&input)
        .with_context(|| format!("{name}: mount the bootstrap there, or set INPUT_CONF"))?;

    let (pod, warnings) = Pod::read(|variable| env::var(variable).ok(), Path::new(POD_INFO));
    for warning in warnings {
        eprintln!("envoyinit: {warning}");
    }
    let text = template::render(&text, &pod).map_err(|error| anyhow!("{name}:{error}"))?;

    let ca_bundle = CA_BUNDLES.iter().map(Path::new).find(|path| path.exists());
    if ca_bundle.is_none() {
        eprintln!("envoyinit: no CA bundle found: there is no secret SYSTEM_CA_CERT");
    }
    let text =
        bootstrap::complete(&text, &pod.locality(), ca_bundle).with_context(|| name.to_string())?;
    ensure!(
        text.len() <= LONGEST_ARGUMENT,
        "{name}: {} bytes when completed, and Envoy's argument takes {LONGEST_ARGUMENT}; move routes and clusters \
         to files (path_config_source) or to xDS",
        text.len()
    );

    // A read-only file system is the rule in a pod, and nobody depends on the copy.
    let _unwritten = keep_copy(&path_from("OUTPUT_CONF", "/tmp/envoy.yaml"), &text);

    let envoy = path_from("ENVOY", "/usr/local/bin/envoy");
    let error = Command::new(&envoy)
        .arg("--config-yaml")
        .arg(text)
        .args(env::args_os().skip(1))
        .exec();
    Err(error).with_context(|| format!("cannot run {}: set ENVOY", envoy.display()))
}

/// The path in this environment variable, or the default if it is unset or empty.
fn path_from(variable: &str, default: &str) -> PathBuf {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    value.map_or_else(|| PathBuf::from(default), PathBuf::from)
}

/// Readable by this user only: a bootstrap may hold credentials.
fn keep_copy(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}
