//! The Envoy of `cargo xtask run`.

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use artifacts::{EnvoyRelease, Module, workspace};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time between two looks at one that starts.
const POLL: Duration = Duration::from_millis(10);

/// A bootstrap of `envoy-configs/`, as text.
pub(crate) struct Bootstrap(String);

impl Bootstrap {
    /// # Errors
    /// There is no such file.
    pub(crate) fn load(name: &str) -> Result<Self> {
        let path = workspace().join("envoy-configs").join(name);
        let text = fs::read_to_string(&path);
        Ok(Self(text.with_context(|| {
            format!("cannot read {}", path.display())
        })?))
    }

    /// Puts another port in the place of one.
    ///
    /// # Errors
    /// The bootstrap does not have it.
    pub(crate) fn move_port(&mut self, from: u16, to: u16) -> Result<()> {
        // With what follows: 900 is not the beginning of 9001.
        let moved = ["}", "\n", ","]
            .into_iter()
            .fold(self.0.clone(), |text, end| {
                text.replace(
                    &format!("port_value: {from}{end}"),
                    &format!("port_value: {to}{end}"),
                )
            });
        ensure!(
            moved != self.0 || from == to,
            "the bootstrap has no port {from}"
        );
        self.0 = moved;
        Ok(())
    }
}

/// This port if nothing listens there, else any that is free.
///
/// # Errors
/// None is.
pub(crate) fn free_port(wanted: u16) -> Result<u16> {
    let bound = TcpListener::bind(("127.0.0.1", wanted));
    let bound = bound.or_else(|_taken| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(bound.local_addr()?.port())
}

/// A running Envoy. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    log: Option<JoinHandle<io::Result<String>>>,
}

impl Gateway {
    /// Starts one and waits until it listens at `address`.
    ///
    /// # Errors
    /// It exits or does not listen in time; the error holds its log.
    pub(crate) fn start(
        release: EnvoyRelease,
        module: &Module,
        bootstrap: &Bootstrap,
        address: SocketAddr,
    ) -> Result<Self> {
        let name = format!("rustformations-run-{}.yaml", process::id());
        let file = env::temp_dir().join(name);
        fs::write(&file, &bootstrap.0)?;
        let started = Self::spawn(release, module, &file);
        let started = started.and_then(|gateway| gateway.wait_until_it_listens(address));
        // It has been read, or never will be.
        fs::remove_file(&file)?;
        started
    }

    fn spawn(release: EnvoyRelease, module: &Module, bootstrap: &Path) -> Result<Self> {
        let mut child = Command::new(release.binary()?)
            .arg("--config-path")
            .arg(bootstrap)
            .arg("--disable-hot-restart")
            // At start `main` lists every extension there is.
            .args([
                "--concurrency",
                "2",
                "--component-log-level",
                "main:warning",
            ])
            .env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run Envoy")?;
        let log = child.stderr.take();
        Ok(Self {
            child,
            log: log.map(|log| thread::spawn(move || io::read_to_string(log))),
        })
    }

    fn wait_until_it_listens(mut self, address: SocketAddr) -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("envoy did not start ({status})")));
            }
            if Instant::now() > deadline {
                return Err(self.failed("envoy does not listen"));
            }
            thread::sleep(POLL);
        }
        Ok(self)
    }

    /// Waits for its end, by Ctrl-C.
    ///
    /// # Errors
    /// Its state is not known.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Ends it: an error of this reason, with its log.
    pub(crate) fn failed(mut self, reason: &str) -> anyhow::Error {
        self.end();
        let log = self.log.take().and_then(|log| log.join().ok()?.ok());
        anyhow!("{reason}:\n{}", log.unwrap_or_default())
    }

    fn end(&mut self) {
        // Already ended is as good.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Bootstrap, free_port};

    #[test]
    fn ports_move_whole() {
        let mut bootstrap =
            Bootstrap("{port_value: 90}, port_value: 900\nport_value: 9001}".into());
        bootstrap.move_port(90, 1).unwrap();
        bootstrap.move_port(900, 2).unwrap();
        assert_eq!(
            bootstrap.0,
            "{port_value: 1}, port_value: 2\nport_value: 9001}"
        );
        let error = bootstrap.move_port(90, 1).unwrap_err().to_string();
        assert_eq!(error, "the bootstrap has no port 90");
    }

    #[test]
    fn a_taken_port_is_replaced() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let taken = listener.local_addr().unwrap().port();
        let other = free_port(taken).unwrap();
        assert!(other != taken && other != 0);
        drop(listener);
        assert_eq!(free_port(taken).unwrap(), taken);
    }
}
