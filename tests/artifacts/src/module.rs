//! The module under test, built once per process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::workspace;

/// The file name Envoy derives from the module name `rust_module`.
const FILE_NAME: &str = "librust_module.so";

/// A built `librust_module.so`.
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
        once(&BUILT, || {
            match env::var_os("RUSTFORMATIONS_MODULE").filter(|value| !value.is_empty()) {
                Some(path) => Self::at(Path::new(&path)).context("RUSTFORMATIONS_MODULE"),
                None => Self::build(&["--release"]),
            }
        })
    }

    /// The module with the `test-hooks` feature, which lets a test provoke a panic. In a target directory of its
    /// own, so that it never lies where the shipped one is expected.
    ///
    /// # Errors
    /// The build fails.
    pub fn test_hooks() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Module, String>> = OnceLock::new();
        once(&BUILT, || {
            let target = env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| workspace().join("target"), PathBuf::from);
            let target = target.join("test-hooks");
            let target = target
                .to_str()
                .context("the target directory is not UTF-8")?;
            Self::build(&["--features", "test-hooks", "--target-dir", target])
        })
    }

    /// The module at `path`.
    ///
    /// # Errors
    /// There is no file called `librust_module.so`: Envoy would not find it under another name.
    pub fn at(path: &Path) -> Result<Self> {
        let path = path
            .canonicalize()
            .with_context(|| format!("no module at {}", path.display()))?;
        ensure!(
            path.ends_with(FILE_NAME),
            "{} must be called {FILE_NAME}, or Envoy cannot find it",
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

    fn build(arguments: &[&str]) -> Result<Self> {
        eprintln!("building the module ...");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(workspace())
            .args([
                "build",
                "--locked",
                "--package",
                "rustformations",
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
            .filter_map(|line| shared_object(&serde_json::from_str(line).ok()?))
            .next_back()
            .context("cargo built no librust_module.so")
            .and_then(|path| Self::at(&path))
    }
}

/// The `.so` a line of cargo's messages reports, if it is the module's.
fn shared_object(message: &Value) -> Option<PathBuf> {
    if message.get("reason")? != "compiler-artifact"
        || message.pointer("/target/name")? != "rust_module"
    {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(FILE_NAME))
        .map(PathBuf::from)
}

fn once(
    cell: &'static OnceLock<Result<Module, String>>,
    build: impl FnOnce() -> Result<Module>,
) -> Result<&'static Module> {
    cell.get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
}
