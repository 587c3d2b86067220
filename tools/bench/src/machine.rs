//! Where and when a run took place.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::Result;
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    pub(super) processor: String,
    /// Those this process may use.
    pub(super) processors: usize,
    /// Whether Envoy had one of them to itself.
    pub(super) processors_split: bool,
    pub(super) kernel: String,
}

impl Machine {
    pub(super) fn here(processors_split: bool) -> Result<Self> {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            processor: model(&fs::read_to_string("/proc/cpuinfo")?),
            processors: thread::available_parallelism()?.get(),
            processors_split,
            kernel: kernel.trim().to_owned(),
        })
    }
}

fn model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim())
    });
    // Not every architecture says.
    line.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// This second, in UTC.
pub(super) fn now() -> Result<String> {
    Ok(Timestamp::now().round(Unit::Second)?.to_string())
}

/// The commit of the workspace, with `-dirty` if files differ from it; `unknown` without git.
pub(super) fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--exclude", "*"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match output.ok().filter(|output| output.status.success()) {
        Some(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_processor() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Fast 9000 @ 3GHz\nflags\t: a b\n";
        assert_eq!(model(cpuinfo), "Fast 9000 @ 3GHz");
        assert_eq!(model("processor: 0\n"), std::env::consts::ARCH);
    }
}
