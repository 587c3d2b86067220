//! The programs that run the workspace's tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::build::Artifact;
use crate::module::Module;

/// Every test of the workspace, and a module of the same profile, compiled in one go: no crate twice.
#[derive(Debug)]
pub struct Tests {
    /// The module; `RUSTFORMATIONS_MODULE` replaces it.
    pub module: Module,
    /// The programs, by their packages and names.
    pub programs: Vec<TestProgram>,
}

impl Tests {
    /// Builds them.
    ///
    /// # Errors
    /// Something does not compile, or the path in the variable is no module.
    pub fn build() -> Result<Self> {
        let given = Module::given().transpose()?;
        // The programs that tests run, cargo builds with them.
        let mut targets = vec!["--workspace", "--tests"];
        if given.is_none() {
            // Without the libraries cargo makes no shared objects.
            targets.push("--lib");
        }
        let built = Artifact::build(&targets)?;
        let mut programs: Vec<_> = built.iter().filter_map(TestProgram::of).collect();
        programs.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
        Ok(Self {
            module: given.map_or_else(|| Module::among(&built), Ok)?,
            programs,
        })
    }
}

/// A program that runs tests.
#[derive(Debug)]
pub struct TestProgram {
    /// The name of its target, such as `scenarios`.
    pub name: String,
    /// The name of its package.
    pub package: String,
    folder: PathBuf,
    path: PathBuf,
}

impl TestProgram {
    fn of(built: &Artifact) -> Option<Self> {
        Some(Self {
            name: built.text("/target/name")?.into(),
            package: package_name(built.text("/package_id")?)?.into(),
            folder: Path::new(built.text("/manifest_path")?).parent()?.into(),
            path: built.test_program()?.into(),
        })
    }

    /// Runs it as `cargo test` would.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env("CARGO_PKG_NAME", &self.package)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .current_dir(&self.folder);
        command
    }
}

/// The name in a package's id, which leaves out the one of its folder: `path+file:///w/tests#name@1.0.0` or
/// `path+file:///w/name#1.0.0`; see <https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>.
fn package_name(id: &str) -> Option<&str> {
    let (folder, version) = id.split_once('#')?;
    match version.split_once('@') {
        Some((name, _)) => Some(name),
        None => folder.rsplit('/').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::package_name;

    #[test]
    fn a_package_is_known_by_its_id() {
        let ids = [
            "path+file:///w/tests#name@1.0.0",
            "path+file:///w/name#1.0.0",
        ];
        assert_eq!(ids.map(package_name), [Some("name"); 2]);
    }
}
