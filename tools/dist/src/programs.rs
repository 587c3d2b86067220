//! Builds the module and the command so that nothing in them shows where they were built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use artifacts::{cargo, workspace};

use crate::output;
use crate::source::Source;

/// The module's file, named as Envoy looks for it.
pub(crate) const MODULE: &str = "librust_module.so";

/// The command's file.
pub(crate) const CLI: &str = "rustformations";

/// A program of a release: its file, the package that it is built from, and the profile.
struct Program {
    file: &'static str,
    package: &'static str,
    profile: &'static str,
}

const THE_MODULE: Program = Program {
    file: MODULE,
    package: "rustformations",
    profile: "release",
};

const THE_COMMAND: Program = Program {
    file: CLI,
    package: "rustformations-cli",
    profile: "command",
};

/// Programs in a folder, with their debug information beside them in `NAME.debug`.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds both.
    ///
    /// # Errors
    /// cargo fails, or binutils are missing.
    pub(crate) fn build(source: &Source) -> Result<Self> {
        Self::of(&[THE_MODULE, THE_COMMAND], &workspace(), source)
    }

    /// Builds the module alone, of the sources in this folder.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub(crate) fn module(sources: &Path, source: &Source) -> Result<Self> {
        Self::of(&[THE_MODULE], sources, source)
    }

    /// In a target directory of their own: other builds keep their paths, for debuggers.
    fn of(programs: &[Program], sources: &Path, source: &Source) -> Result<Self> {
        let target = sources.join("target/dist");
        let flags = remapped(sources)?;
        // Each by itself: the command's parts of the engine, such as the schemas, do not belong into the module.
        for program in programs {
            let package = program.package;
            eprintln!("building {package} in {} ...", sources.display());
            let status = cargo()
                .current_dir(sources)
                .args(["build", "--profile", program.profile])
                .args(["--locked", "--package", package])
                .arg("--target-dir")
                .arg(&target)
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
                .env("CARGO_INCREMENTAL", "0")
                .env("RUSTFORMATIONS_REVISION", &source.revision)
                .status()
                .context("cannot run cargo")?;
            ensure!(status.success(), "{package} does not build: see above");
        }
        let folder = target.join("split");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        for Program { file, profile, .. } in programs {
            fs::copy(target.join(profile).join(file), folder.join(file))?;
            let split = sources.join("xtask/split-debug.sh");
            output(Command::new(split).arg(file).current_dir(&folder))
                .context("install binutils")?;
        }
        Ok(Self { folder })
    }

    /// Where a file of these lies.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// A file of these.
    ///
    /// # Errors
    /// There is no such file.
    pub(crate) fn read(&self, file: &str) -> Result<Vec<u8>> {
        fs::read(self.path(file)).with_context(|| file.to_owned())
    }
}

/// The compiler's flags that replace each folder of this machine by a name that is the same on all.
fn remapped(sources: &Path) -> Result<Vec<String>> {
    let rustc = || Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let sysroot = output(rustc().current_dir(sources).args(["--print", "sysroot"]))?;
    let version = output(rustc().current_dir(sources).arg("-vV"))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("rustc -vV reports no commit")?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .context("no home directory")?;
    let mut names = vec![
        (sources.to_owned(), "/rustformations".to_owned()),
        (library, format!("/rustc/{commit}")),
    ];
    // A folder for each index that crates come from.
    for index in fs::read_dir(cargo_home.join("registry/src"))? {
        names.push((index?.path(), "/crates".to_owned()));
    }
    names
        .into_iter()
        .map(|(folder, name)| {
            let folder = folder.to_str().context("a folder's name is not UTF-8")?;
            Ok(format!("--remap-path-prefix={folder}={name}"))
        })
        .collect()
}
