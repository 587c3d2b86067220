//! What is in the images of programs, and what their entry points do.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Checks;
use super::docker::{Container, Output, attempt, docker};
use super::recipe::Images;

/// What a kgateway pod starts the image with.
const POD_ARGUMENTS: [&str; 3] = ["--disable-hot-restart", "--service-node", "gw.default"];

pub(super) fn check(images: &Images, checks: &mut Checks) -> Result<()> {
    let image = images.envoy_wrapper.as_str();
    let files = files(image)?;
    checks.add("user, entry point, environment, labels", settings(image));
    checks.add("files that must be there", present(&files));
    checks.add("files that must not", absent(&files));
    checks.add("permissions", permissions(&files));
    checks.add("envoy --version", envoy_version(image));
    checks.add(
        "no configuration, kgateway's arguments",
        missing_configuration(image),
    );
    checks.add("Jinja in a bootstrap", jinja_in_bootstrap(image));
    checks.add("check", check_command(image));
    checks.add("ENVOY_SIDECAR", sidecar(image));
    checks.add(
        "copying the module, as an init container",
        init_container(image),
    );
    checks.add("configuration out of place", misplaced_configuration(image));
    checks.add("target cli", cli(&images.cli));
    for (image, limit) in [
        (&images.envoy_wrapper, 150),
        (&images.module, 10),
        (&images.module_debug, 10),
        (&images.cli, 30),
    ] {
        checks.add(&format!("size of {image}"), size(image, limit));
    }
    Ok(())
}

/// Path to mode, as tar shows it, of every file.
pub(super) type Files = BTreeMap<String, String>;

pub(super) fn files(image: &str) -> Result<Files> {
    // An image without a command needs one to become a container.
    let container = Container::create("files", &["--entrypoint", "/none"], image, &[])?;
    let mut export = Command::new("docker")
        .args(["export", container.id()])
        .stdout(Stdio::piped())
        .spawn()?;
    let exported = export
        .stdout
        .take()
        .context("docker export has no output")?;
    let listed = Command::new("tar")
        .arg("-tv")
        .stdin(exported)
        .output()
        .context("cannot run tar")?;
    ensure!(
        export.wait()?.success() && listed.status.success(),
        "cannot list the files of {image}"
    );
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    // "-rwxr-xr-x 0/0  123 2026-01-01 00:00 bin/sh"; a link ends with " -> bin/busybox".
    let entries = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let mode = words.next()?;
        let path = words.nth(4)?.trim_end_matches('/');
        Some((format!("/{path}"), mode.to_owned()))
    });
    Ok(entries.collect())
}

fn settings(image: &str) -> Result<String> {
    let config = docker(["image", "inspect", "--format", "{{json .Config}}", image])?;
    let config: Value = serde_json::from_str(&config)?;
    for (key, expected) in [
        ("/User", json!("10101")),
        ("/Entrypoint", json!(["/bin/sh", "/docker-entrypoint.sh"])),
        (
            "/Labels/org.opencontainers.image.title",
            json!("envoy-wrapper"),
        ),
        (
            "/Labels/org.opencontainers.image.licenses",
            json!("Apache-2.0"),
        ),
        (
            "/Labels/org.opencontainers.image.version",
            json!(env!("CARGO_PKG_VERSION")),
        ),
    ] {
        let found = config.pointer(key);
        ensure!(
            found == Some(&expected),
            "{key} is {found:?}, not {expected}"
        );
    }
    let command = config.pointer("/Cmd");
    ensure!(
        command.is_none_or(|command| command.is_null() || command == &json!([])),
        "the command is {command:?}, not empty"
    );
    let environment = config
        .pointer("/Env")
        .map(Value::to_string)
        .unwrap_or_default();
    ensure!(
        environment.contains("ENVOY_DYNAMIC_MODULES_SEARCH_PATH=/usr/local/lib\""),
        "the environment is {environment}"
    );
    Ok("as kgateway expects".into())
}

fn present(files: &Files) -> Result<String> {
    let wanted = [
        "/usr/local/bin/envoy",
        "/usr/local/bin/envoyinit",
        "/usr/local/bin/rustformations",
        "/usr/local/lib/librust_module.so",
        "/docker-entrypoint.sh",
        "/etc/ssl/certs/ca-certificates.crt",
        "/bin/sh",
        "/bin/cp",
        "/usr/bin/wget",
        "/usr/bin/sleep",
    ];
    for path in wanted {
        // /bin may be a link to /usr/bin.
        let other = format!("/usr{path}");
        ensure!(
            files.contains_key(path) || files.contains_key(&other),
            "{path} is missing"
        );
    }
    Ok(format!("all {}", wanted.len()))
}

fn absent(files: &Files) -> Result<String> {
    let names = [
        "cargo",
        "rustc",
        "gcc",
        "cc",
        "ld",
        "make",
        "git",
        ".git",
        ".bash_history",
        ".ash_history",
        ".cargo",
        ".env",
    ];
    let suffixes = [".rs", ".toml", ".key", ".crate", ".rlib"];
    for path in files.keys() {
        let name = path.rsplit('/').next().unwrap_or_default();
        ensure!(
            !names.contains(&name) && !suffixes.iter().any(|suffix| name.ends_with(suffix)),
            "{path} is left in the image"
        );
        ensure!(
            !path.starts_with("/etc/envoy/"),
            "{path}: a pod without its configuration would start"
        );
    }
    Ok(format!("none among {}", files.len()))
}

fn permissions(files: &Files) -> Result<String> {
    for (path, mode) in files {
        let linked = mode.starts_with('l');
        ensure!(
            linked || !mode.contains(['s', 'S']),
            "{path} is setuid or setgid ({mode})"
        );
        let world_writable = mode.chars().nth(8) == Some('w');
        // Docker makes these for every container.
        let docker_made = path.starts_with("/dev") || path == "/tmp";
        ensure!(
            linked || docker_made || !world_writable,
            "{path} is writable by all ({mode})"
        );
    }
    Ok("no setuid, nothing writable by all but /tmp".into())
}

/// Runs the image until it ends.
fn run(image: &str, options: &[&str], arguments: &[&str], input: &str) -> Result<Output> {
    let command = ["run", "--rm", "--interactive"].iter().chain(options);
    let command: Vec<&str> = command.chain([&image]).chain(arguments).copied().collect();
    attempt(&command, input)
}

fn envoy_version(image: &str) -> Result<String> {
    for (options, arguments) in [
        (
            &["--entrypoint", "/usr/local/bin/envoy"][..],
            &["--version"][..],
        ),
        (&[], &["envoy", "--version"]),
    ] {
        let output = run(image, options, arguments, "")?;
        ensure!(output.code == Some(0), "{arguments:?}: {output:?}");
        ensure!(
            output.stdout.contains("version: "),
            "{arguments:?}: {output:?}"
        );
    }
    Ok("exit code 0".into())
}

fn missing_configuration(image: &str) -> Result<String> {
    for (options, arguments) in [
        (&["--entrypoint", "/usr/local/bin/envoyinit"][..], &[][..]),
        (&[], &POD_ARGUMENTS),
        (&["--env", "INPUT_CONF=/etc/envoy/other.yaml"], &[]),
    ] {
        let output = run(image, options, arguments, "")?;
        ensure!(output.code == Some(1), "{arguments:?}: {output:?}");
        ensure!(
            output.stderr.contains("initializer failed"),
            "{arguments:?}: {output:?}"
        );
    }
    Ok("exit code 1, \"initializer failed\"".into())
}

fn jinja_in_bootstrap(image: &str) -> Result<String> {
    let script =
        "echo \"a: '{{ header() }}'\" > /tmp/jinja.yaml; INPUT_CONF=/tmp/jinja.yaml exec envoyinit";
    let output = run(image, &["--entrypoint", "/bin/sh"], &["-c", script], "")?;
    ensure!(output.code == Some(1), "{output:?}");
    for part in [
        "/tmp/jinja.yaml:1:5: `header()` is not supported",
        "`envoy -c FILE`",
    ] {
        ensure!(output.stderr.contains(part), "{output:?}");
    }
    Ok("refused with the way out".into())
}

/// Mounted for Envoy, but not as it finds it: no demonstration.
fn misplaced_configuration(image: &str) -> Result<String> {
    let directory = tempfile::tempdir()?;
    fs::write(directory.path().join("envoy.yml"), "admin: {}")?;
    let volume = format!("{}:/etc/envoy:ro", directory.path().display());
    for (mode, expected) in [(0o755, "No such file"), (0o700, "Permission denied")] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode))?;
        let output = run(image, &["--volume", &volume], &[], "")?;
        ensure!(output.code == Some(1), "{mode:o}: {output:?}");
        let found = &output.stderr;
        ensure!(
            found.contains("initializer failed: /etc/envoy/envoy.yaml: ")
                && found.contains(expected),
            "{mode:o}: {output:?}"
        );
    }
    Ok("an error, not the demonstration".into())
}

fn check_command(image: &str) -> Result<String> {
    let options = ["--read-only", "--cap-drop", "ALL", "--network", "none"];
    let sound = run(image, &options, &["check", "-"], "request: {remove: [x-a]}")?;
    ensure!(
        sound.code == Some(0) && sound.stdout.contains("no errors"),
        "{sound:?}"
    );
    let broken = run(
        image,
        &options,
        &["check", "-"],
        "request: {remove: [x a], ad: 1}",
    )?;
    ensure!(
        broken.code == Some(1) && broken.stdout.contains("1 error, 1 warning"),
        "{broken:?}"
    );
    let demo = run(
        image,
        &options,
        &["check", "/usr/local/share/rustformations/demo.yaml"],
        "",
    )?;
    ensure!(demo.code == Some(0), "{demo:?}");
    Ok("sound 0, broken 1, its own demonstration 0".into())
}

fn sidecar(image: &str) -> Result<String> {
    let output = run(
        image,
        &["--env", "ENVOY_SIDECAR=1"],
        &["--mode", "validate"],
        "",
    )?;
    ensure!(
        output.code != Some(0) && output.stderr.contains("/etc/envoy/envoy-sidecar.yaml"),
        "{output:?}"
    );
    Ok("Envoy asks for envoy-sidecar.yaml".into())
}

fn init_container(image: &str) -> Result<String> {
    let options = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--tmpfs",
        "/modules:mode=1777",
        "--entrypoint",
        "cp",
    ];
    let arguments = [
        "/usr/local/lib/librust_module.so",
        "/modules/librust_module.so",
    ];
    let output = run(image, &options, &arguments, "")?;
    ensure!(output.code == Some(0), "{output:?}");
    Ok("cp works".into())
}

fn cli(image: &str) -> Result<String> {
    let options = ["--read-only", "--cap-drop", "ALL"];
    let output = run(image, &options, &["check", "-"], "request: {remove: [x-a]}")?;
    ensure!(
        output.code == Some(0) && output.stdout.contains("no errors"),
        "{output:?}"
    );
    Ok("runs, read-only and without capabilities".into())
}

/// In MiB; no image may outgrow its limit unnoticed.
fn size(image: &str, limit: u64) -> Result<String> {
    let bytes = docker(["image", "inspect", "--format", "{{.Size}}", image])?;
    let bytes: u64 = bytes.trim().parse()?;
    let found = format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0);
    ensure!(
        bytes < limit * 1024 * 1024,
        "{found}, and it takes {limit} at most"
    );
    Ok(found)
}
