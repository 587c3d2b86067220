//! Docker Engine by its command.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long the engine, or a registry, may take for a first answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What a command printed and how it ended.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Whether an engine runs that this user may use.
///
/// # Errors
/// There is none.
pub(super) fn engine() -> Result<()> {
    let output = first_answer(&["version", "--format", "{{.Server.Version}}"])
        .context("no Docker Engine")?
        .with_context(|| format!("no Docker Engine: no answer within {PATIENCE:?}"))?;
    ensure!(
        output.code == Some(0),
        "no Docker Engine: {}",
        reason(&output.stderr)
    );
    Ok(())
}

/// Whether this image is here.
pub(super) fn has(image: &str) -> Result<bool> {
    Ok(attempt(&["image", "inspect", image], "")?.code == Some(0))
}

/// What a failed command said, in one line.
pub(super) fn reason(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix("Error response from daemon: ")
            .unwrap_or(line)
    });
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "no reason given".to_owned();
    }
    lines.join("; ")
}

/// What `docker <arguments>` does; `None` if neither a first line nor its end comes within `PATIENCE`.
///
/// # Errors
/// There is no such command.
pub(super) fn first_answer(arguments: &[&str]) -> Result<Option<Output>> {
    let mut command = Command::new("docker");
    command.args(arguments);
    answer_of(command, PATIENCE)
}

fn answer_of(mut command: Command, patience: Duration) -> Result<Option<Output>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run docker")?;
    let stdout = child.stdout.take().context("docker has no output")?;
    let stderr = child.stderr.take().context("docker has no errors")?;
    let (answered, answer) = mpsc::channel();
    let stdout = thread::spawn(move || read(stdout, &answered));
    let stderr = thread::spawn(move || io::read_to_string(stderr));
    if answer.recv_timeout(patience).is_err() {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    }
    let text = |thread: thread::JoinHandle<io::Result<String>>| {
        let read = thread.join().ok().context("docker was not read")?;
        read.context("docker prints no text")
    };
    Ok(Some(Output {
        code: child.wait()?.code(),
        stdout: text(stdout)?,
        stderr: text(stderr)?,
    }))
}

/// Reads it all, and reports its first line or its end.
fn read(stdout: ChildStdout, answered: &mpsc::Sender<()>) -> io::Result<String> {
    let mut stdout = BufReader::new(stdout);
    let mut text = String::new();
    let first = stdout.read_line(&mut text);
    // Nobody waits any more: as good.
    let _late = answered.send(());
    first?;
    stdout.read_to_string(&mut text)?;
    Ok(text)
}

/// What `docker <arguments>` prints.
///
/// # Errors
/// It fails; the error is what it said.
pub(super) fn docker<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<String> {
    let arguments: Vec<S> = arguments.into_iter().collect();
    let output = attempt(&arguments, "")?;
    ensure!(
        output.code == Some(0),
        "docker {}: {}",
        arguments
            .first()
            .map(|first| first.as_ref().to_string_lossy())
            .unwrap_or_default(),
        output.stderr.trim()
    );
    Ok(output.stdout)
}

/// What `docker <arguments>` does with this standard input, whether it fails or not.
///
/// # Errors
/// There is no such command.
pub(super) fn attempt<S: AsRef<OsStr>>(arguments: &[S], input: &str) -> Result<Output> {
    let mut child = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run docker")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read it is as good.
        let _unread = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok(Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A container, removed when dropped.
#[derive(Debug)]
pub(super) struct Container {
    id: String,
    name: String,
}

impl Container {
    /// Creates one, without starting it. `options` go before the image, `arguments` after it.
    pub(super) fn create(
        name: &str,
        options: &[&str],
        image: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let command = ["create"].iter().chain(options).chain([&image]);
        let id = docker(command.chain(arguments)).with_context(|| name.to_owned())?;
        Ok(Self {
            id: id.trim().to_owned(),
            name: name.to_owned(),
        })
    }

    /// Creates and starts one.
    pub(super) fn start(
        name: &str,
        options: &[&str],
        image: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let container = Self::create(name, options, image, arguments)?;
        docker(["start", &container.id])?;
        Ok(container)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What a command in it prints.
    pub(super) fn exec(&self, command: &[&str]) -> Result<String> {
        docker(["exec", &self.id].iter().chain(command))
            .with_context(|| format!("{}: {command:?}", self.name))
    }

    /// Where this machine reaches a port of it that is published.
    pub(super) fn address(&self, port: u16) -> Result<SocketAddr> {
        let printed = docker(["port", &self.id, &port.to_string()])?;
        let first = printed.lines().next().unwrap_or_default();
        first
            .parse()
            .with_context(|| format!("{}: port {port} is at {first:?}", self.name))
    }

    /// Sends SIGTERM, waits for its end for at most so many seconds, and returns its exit code.
    pub(super) fn stop(&self, seconds: u32) -> Result<i32> {
        docker(["stop", "--time", &seconds.to_string(), &self.id])?;
        let code = docker(["inspect", "--format", "{{.State.ExitCode}}", &self.id])?;
        Ok(code.trim().parse()?)
    }

    /// The end of its log.
    pub(super) fn log(&self) -> String {
        let output = attempt(&["logs", "--tail", "40", &self.id], "");
        let text = output.map(|output| output.stdout + &output.stderr);
        format!("--- log of {}\n{}", self.name, text.unwrap_or_default())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // With its anonymous volumes. Already gone is as good.
        let _removed = attempt(&["rm", "--force", "--volumes", &self.id], "");
    }
}

/// A network, removed when dropped: before that, its containers must be gone.
#[derive(Debug)]
pub(super) struct Network {
    id: String,
}

impl Network {
    pub(super) fn create() -> Result<Self> {
        let name = format!("rustformations-{}", std::process::id());
        let id = docker(["network", "create", &name])?;
        Ok(Self {
            id: id.trim().to_owned(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Cuts a container off.
    pub(super) fn disconnect(&self, container: &Container) -> Result<()> {
        docker(["network", "disconnect", &self.id, container.id()]).map(|_nothing| ())
    }

    /// Joins a container again, under a name.
    pub(super) fn connect(&self, container: &Container, name: &str) -> Result<()> {
        docker([
            "network",
            "connect",
            "--alias",
            name,
            &self.id,
            container.id(),
        ])
        .map(|_nothing| ())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _removed = attempt(&["network", "rm", &self.id], "");
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::answer_of;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_engine_or_registry_that_is_silent_is_given_up() {
        let silent = shell("exec sleep 60");
        let answer = answer_of(silent, Duration::from_millis(50)).unwrap();
        assert!(answer.is_none());
    }

    #[test]
    fn one_that_answers_may_take_its_time() {
        let slow = shell("echo pulling; sleep 0.3; echo done; echo why >&2; exit 3");
        let output = answer_of(slow, Duration::from_millis(250)).unwrap();
        let output = output.unwrap();
        assert_eq!(output.code, Some(3));
        assert_eq!(output.stdout, "pulling\ndone\n");
        assert_eq!(output.stderr, "why\n");
    }
}
