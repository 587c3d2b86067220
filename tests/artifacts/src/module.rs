//! The module under test, built once per process.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};

use crate::build::Artifact;

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
        Self::given()
            .unwrap_or_else(|| Self::build("rustformations", FILE_NAME, &["--profile", profile]))
    }

    /// The one that the variable names.
    pub(crate) fn given() -> Option<Result<Self>> {
        let path = env::var_os("RUSTFORMATIONS_MODULE").filter(|value| !value.is_empty())?;
        Some(Self::at(Path::new(&path)).context("RUSTFORMATIONS_MODULE"))
    }

    /// The one among what cargo has built.
    pub(crate) fn among(built: &[Artifact]) -> Result<Self> {
        Self::named_among(FILE_NAME, built)
    }

    fn named_among(file_name: &str, built: &[Artifact]) -> Result<Self> {
        let path = built
            .iter()
            .rev()
            .find_map(|artifact| artifact.file(file_name));
        Self::named(
            file_name,
            path.with_context(|| format!("cargo built no {file_name}"))?,
        )
    }

    fn build(package: &str, file_name: &str, arguments: &[&str]) -> Result<Self> {
        eprintln!("building {file_name} ...");
        let built = Artifact::build(&[&["--package", package], arguments].concat())?;
        Self::named_among(file_name, &built)
    }
}

fn once(
    cell: &'static OnceLock<Result<Module, String>>,
    build: impl FnOnce() -> Result<Module>,
) -> Result<&'static Module> {
    cell.get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
}
