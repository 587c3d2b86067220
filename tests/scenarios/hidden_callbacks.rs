//! An Envoy without one of its callbacks is refused by name, and stays refused: it never crashes, and never serves with
//! less than the module needs.
//!
//! The Envoy is a copy of the release's whose exported name has one letter changed, as a release that dropped it would be.
//! A run hides a sample; with `ALL_CALLBACKS=1` it hides everything that the module looks up.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, Envoy, Route, Validation};
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{Scenario, Stage, same, scenarios};
use crate::updates::Resources;

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    Ends each_hidden_callback_is_named,
    Ends an_optional_callback_may_be_missing_on_request,
    All a_refusal_lasts,
];

/// Whether everything is hidden, one after the other.
pub(crate) fn all() -> bool {
    std::env::var("ALL_CALLBACKS").is_ok_and(|value| value == "1")
}

const PREFIX: &[u8] = b"envoy_dynamic_module_callback_";

const SAMPLE_1_36: [&str; 6] = [
    "http_set_request_header",
    "http_drain_received_response_body",
    "http_send_response",
    "get_most_specific_route_config",
    "http_filter_scheduler_new",
    "log",
];

const SAMPLE_LATER: [&str; 6] = [
    "http_set_header",
    "http_drain_body",
    "http_send_response",
    "get_most_specific_route_config",
    "http_get_metadata_bool",
    "log",
];

/// What the module asks for only to tell releases apart.
const MARKERS: [&str; 4] = [
    "http_get_header_values",
    "http_set_filter_state_object",
    "http_get_timing_info",
    "http_has_filter_state",
];

/// A copy of a release's binary, gone when dropped.
struct Altered {
    path: PathBuf,
    content: Vec<u8>,
    _directory: TempDir,
}

impl Altered {
    fn of(stage: &Stage) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("envoy");
        let original = stage.release.binary()?;
        fs::copy(&original, &path)
            .with_context(|| format!("cannot copy {}", original.display()))?;
        Ok(Self {
            content: fs::read(original)?,
            path,
            _directory: directory,
        })
    }

    /// Changes the last letter of an exported name, or changes it back.
    fn write(&self, name: &str, hidden: bool) -> Result<()> {
        let end = self
            .end_of(name)
            .with_context(|| format!("{name} is not exported"))?;
        let letter = if hidden { b'?' } else { self.content[end - 1] };
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.seek(SeekFrom::Start(u64::try_from(end)? - 1))?;
        file.write_all(&[letter])?;
        Ok(())
    }

    /// Where an exported name ends. Names of exports come before everything else in the file.
    fn end_of(&self, name: &str) -> Option<usize> {
        let needle = [b"\0", PREFIX, name.as_bytes(), b"\0"].concat();
        let mut places = self.content.windows(needle.len());
        places
            .position(|place| place == needle)
            .map(|start| start + needle.len() - 1)
    }

    /// Everything that the module looks up and this binary exports.
    fn looked_up(&self, module: &Path) -> Result<BTreeSet<String>> {
        let module = fs::read(module)?;
        let exported = texts(&self.content);
        let names: BTreeSet<_> = texts(&module).intersection(&exported).cloned().collect();
        ensure!(names.len() > 40, "the module looks up {names:?} only");
        Ok(names)
    }
}

/// The names of callbacks that stand alone in a file.
fn texts(file: &[u8]) -> BTreeSet<String> {
    file.split(|byte| *byte == 0)
        .filter_map(|text| text.strip_prefix(PREFIX))
        .filter_map(|name| String::from_utf8(name.to_vec()).ok())
        .collect()
}

fn bootstrap(version: &str) -> Bootstrap {
    Bootstrap::new()
        .filter(json!({"response": {"set": [{"name": "x-version", "value": version}]}}))
        .route(Route::direct_response(200, "ok"))
}

/// Validates with the altered binary, which another scenario's process that is just being started may hold open.
async fn validate(stage: &Stage, altered: &Altered, allowed: bool) -> Result<Validation> {
    loop {
        let mut launch = stage
            .launch(bootstrap("1").build(stage.release))
            .binary(&altered.path);
        if allowed {
            launch = launch.env("RUSTFORMATIONS_ALLOW_MISSING_CALLBACKS", "true");
        }
        let error = match launch.validate().await {
            Ok(validation) => return Ok(validation),
            Err(error) => error,
        };
        let kind = error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        if kind != Some(ErrorKind::ExecutableFileBusy) {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn each_hidden_callback_is_named(stage: &Stage) -> Result<()> {
    let altered = Altered::of(stage)?;
    let intact = validate(stage, &altered, false).await?;
    ensure!(intact.status.success(), "{}", intact.output);
    let sample = if stage.release.at_least(1, 37) {
        SAMPLE_LATER
    } else {
        SAMPLE_1_36
    };
    let mut names: BTreeSet<String> = sample.map(str::to_owned).into();
    if all() {
        names.extend(altered.looked_up(stage.module()?.path())?);
    }
    for name in names {
        altered.write(&name, true)?;
        let Validation { status, output } = validate(stage, &altered, false).await?;
        altered.write(&name, false)?;
        ensure!(
            status.code().is_some(),
            "{name}: crashed ({status})\n{output}"
        );
        if MARKERS.contains(&name.as_str()) {
            ensure!(status.success(), "{name}: {output}");
            continue;
        }
        ensure!(!status.success(), "{name}: accepted\n{output}");
        let line = output
            .lines()
            .find(|line| line.contains("module refused: "));
        let line = line.with_context(|| format!("{name}: no reason in\n{output}"))?;
        ensure!(
            line.contains(&format!(": {name}; use an Envoy")),
            "{name}: {line}"
        );
        // Without its log, the module writes to the standard error stream itself.
        same(
            &name,
            line.starts_with("dynamic module refused: "),
            name == "log",
        )?;
    }
    Ok(())
}

async fn an_optional_callback_may_be_missing_on_request(stage: &Stage) -> Result<()> {
    let altered = Altered::of(stage)?;
    let (name, runs) = match stage.release.at_least(1, 37) {
        true => ("http_get_metadata_bool", true),
        false => ("http_set_request_header", false), // Envoy's own 1.36 has no optional ones
    };
    altered.write(name, true)?;
    let Validation { status, output } = validate(stage, &altered, true).await?;
    same(name, status.success(), runs)?;
    ensure!(output.contains(name), "{output}");
    Ok(())
}

async fn a_refusal_lasts(stage: &Stage) -> Result<()> {
    let mut resources = Resources::new(stage.release)?;
    let what = ["routes", "listeners"];
    let launch = stage.launch(resources.write(&bootstrap("1"), &what)?);
    // Where Envoy compares the ABI version, a wrong one; elsewhere, a callback that is missing.
    let (_altered, launch, reason) = if stage.release.at_least(1, 38) {
        let altered = Altered::of(stage)?;
        altered.write("http_set_header", true)?;
        let launch = launch.binary(&altered.path);
        (Some(altered), launch, "http_set_header")
    } else {
        let wrong = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        (None, launch.env("RUSTFORMATIONS_ABI_VERSION", wrong), wrong)
    };
    let envoy = stage.start(launch).await?;
    rejected(&envoy, 1).await?;
    for pushes in [2, 3] {
        resources.write(&bootstrap(&pushes.to_string()), &["listeners"])?;
        rejected(&envoy, pushes).await?;
    }
    same("listeners", envoy.listener_addresses().await?.len(), 0)?;
    let count = |log: &str, text: &str| {
        let said = |line: &&str| line.contains(text) && line.contains(reason);
        log.lines().filter(said).count()
    };
    // The log arrives a moment after what the statistics count.
    for _ in 0..500 {
        if count(&envoy.log(), "configuration rejected: ") >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let log = envoy.log();
    ensure!(count(&log, "configuration rejected: ") >= 2, "{log}");
    same("refusals", count(&log, "module refused: "), 1)
}

/// Waits until Envoy has rejected this many listeners.
async fn rejected(envoy: &Envoy, pushes: u64) -> Result<()> {
    let mut seen = (0, 0);
    for _ in 0..500 {
        let stat = async |name: &str| envoy.stat(&format!("listener_manager.lds.{name}")).await;
        seen = (
            stat("update_rejected").await?,
            stat("update_success").await?,
        );
        ensure!(
            seen.1 == 0,
            "a listener was accepted after {} rejections",
            seen.0
        );
        if seen.0 >= pushes {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("{} of {pushes} listeners rejected", seen.0)
}
