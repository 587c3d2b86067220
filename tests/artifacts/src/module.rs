//! The module under test, built once per process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::{cargo, workspace};

/// The file name Envoy derives from the module name `rust_module`.
const FILE_NAME: &str = "librust_module.so";

/// The same of the module that misuses the SDK.
const HOSTILE_FILE_NAME: &str = "libhostile_module.so";

/// A built module: `librust_module.so`, unless said.
#[derive(Clone, Debug)]
pub struct Module {
    path: PathBuf,
}

impl Module {
    /// The module as it is shipped. `RUSTFORMATIONS_MODULE` (path of a `librust_module.so`) replaces the build.
    ///
    /// # Errors
    /// The build fails, or the path in the variable is not such a file.
    pub fn release() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Module, String>> = OnceLock::new();
        once(&BUILT, || Self::ours("release"))
    }

    /// The module as who tries it first wants it: soon, and not as fast. The variable replaces this one too.
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub fn demo() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Module, String>> = OnceLock::new();
        once(&BUILT, || Self::ours("demo"))
    }

    /// `libhostile_module.so`, whose filter does in each hook what a script in the request says.
    ///
    /// # Errors
    /// The build fails.
    pub fn hostile() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Module, String>> = OnceLock::new();
        once(&BUILT, || {
            Self::build("rustformations-hostile-module", HOSTILE_FILE_NAME, &[])
        })
    }

    /// `libmaintenance.so`, the example of a module of one's own.
    ///
    /// # Errors
    /// The build fails.
    pub fn maintenance() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Module, String>> = OnceLock::new();
        once(&BUILT, || {
            Self::build("maintenance", "libmaintenance.so", &[])
        })
    }

    /// The module at `path`.
    ///
    /// # Errors
    /// There is no file called `librust_module.so`: Envoy would not find it under another name.
    pub fn at(path: &Path) -> Result<Self> {
        Self::named(FILE_NAME, path)
    }

    fn named(file_name: &str, path: &Path) -> Result<Self> {
        let path = path
            .canonicalize()
            .with_context(|| format!("no module at {}", path.display()))?;
        ensure!(
            path.ends_with(file_name),
            "{} must be called {file_name}, or Envoy cannot find it",
            path.display()
        );
        Ok(Self { path })
    }

    /// The shared object.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `ENVOY_DYNAMIC_MODULES_SEARCH_PATH` must name.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The build of a profile, or what takes its place.
    fn ours(profile: &str) -> Result<Self> {
        match env::var_os("RUSTFORMATIONS_MODULE").filter(|value| !value.is_empty()) {
            Some(path) => Self::at(Path::new(&path)).context("RUSTFORMATIONS_MODULE"),
            None => Self::build("rustformations", FILE_NAME, &["--profile", profile]),
        }
    }

    fn build(package: &str, file_name: &str, arguments: &[&str]) -> Result<Self> {
        eprintln!("building {file_name} ...");
        let output = cargo()
            .current_dir(workspace())
            .args([
                "build",
                "--locked",
                "--package",
                package,
                "--message-format",
                "json-render-diagnostics",
            ])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo: install Rust from https://rustup.rs")?;
        ensure!(
            output.status.success(),
            "building the module failed: cargo's messages are above"
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| shared_object(file_name, &serde_json::from_str(line).ok()?))
            .next_back()
            .with_context(|| format!("cargo built no {file_name}"))
            .and_then(|path| Self::named(file_name, &path))
    }
}

/// The module that a line of cargo's messages reports, if it is this one.
fn shared_object(file_name: &str, message: &Value) -> Option<PathBuf> {
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|file| file.ends_with(file_name))
}

fn once(
    cell: &'static OnceLock<Result<Module, String>>,
    build: impl FnOnce() -> Result<Module>,
) -> Result<&'static Module> {
    cell.get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
}
