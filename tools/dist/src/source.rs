//! What a release is built from: a commit, and its time.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};
use artifacts::workspace;

use crate::output;

/// The sources of a release.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The commit, with `-dirty` if files differ from it; `unknown` outside a repository.
    pub(crate) revision: String,
    /// When it was committed, in seconds since 1970: the time of every file in an archive.
    pub(crate) time: u64,
}

impl Source {
    /// Reads the commit. `SOURCE_DATE_EPOCH` replaces its time: <https://reproducible-builds.org/specs/source-date-epoch/>.
    ///
    /// # Errors
    /// The time is not a number.
    pub(crate) fn read() -> Result<Self> {
        let revision = git(&[
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ]);
        let revision = revision.unwrap_or_else(|_| "unknown".into());
        let time = match env::var("SOURCE_DATE_EPOCH") {
            Ok(time) => time,
            Err(_) => git(&["log", "-1", "--format=%ct"]).unwrap_or_else(|_| "0".into()),
        };
        let time = time.parse();
        Ok(Self {
            revision,
            time: time.context("SOURCE_DATE_EPOCH is a number of seconds")?,
        })
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let printed = output(Command::new("git").current_dir(workspace()).args(arguments))?;
    Ok(printed.trim().to_owned())
}
