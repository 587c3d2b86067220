//! Inputs made to exhaust the stack, the memory or the clock.
//!
//! Each is a test of its own, and runs in a process of its own, on a thread with a small stack: what
//! brings a process down is then a failure with a name.

#![forbid(unsafe_code)]

mod answers;
mod bodies;
mod configurations;
mod expressions;
mod templates;

use std::process::{Command, ExitCode};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::time::{ClockId, clock_gettime};
use serde_json::Value;
use transformations::testing::{Host, Message, Neighbour};
use transformations::{Program, Session};

/// A sixteenth of what glibc gives a thread. The frames of unoptimised code are several times
/// larger.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 8 } else { 1 } * (512 << 10);

/// The processor time that one input may take, however busy the machine; unoptimised code is slower too.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// How long an input may take that waits for ever, and so takes no processor time.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often the processor time is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// The most memory one input may cost. The largest body has four megabytes.
const MEMORY_KILOBYTES: u64 = 256 << 10;

/// The variable that tells a process which input is its own.
const CHILD: &str = "RUSTFORMATIONS_HOSTILE_INPUT";

/// What has to come of an input.
#[derive(Clone, Copy)]
enum Expect {
    /// The configuration is refused.
    Refused,
    /// The pass goes through without a failure.
    Good,
    /// The pass reports a failure, an answer included.
    Failure,
    /// Any of these: only the resources count.
    Any,
}

/// Whose body it is.
#[derive(Clone, Copy)]
enum Side {
    Request,
    Answer,
}

/// A configuration and a body, made when they are needed.
struct Input {
    name: &'static str,
    side: Side,
    expect: Expect,
    make: Box<dyn Fn() -> (String, Vec<u8>)>,
}

fn input<B: Into<Vec<u8>>>(
    name: &'static str,
    expect: Expect,
    make: impl Fn() -> (Value, B) + 'static,
) -> Input {
    let make = Box::new(move || {
        let (config, body) = make();
        (config.to_string(), body.into())
    });
    Input {
        name,
        side: Side::Request,
        expect,
        make,
    }
}

/// As [`input`], of an answer.
fn answer<B: Into<Vec<u8>>>(
    name: &'static str,
    expect: Expect,
    make: impl Fn() -> (Value, B) + 'static,
) -> Input {
    Input {
        side: Side::Answer,
        ..input(name, expect, make)
    }
}

fn inputs() -> Vec<Input> {
    [
        answers::inputs(),
        bodies::inputs(),
        templates::inputs(),
        configurations::inputs(),
        expressions::inputs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `before` and `after` around `inside`, `depth` times.
fn nested(before: &str, inside: &str, after: &str, depth: usize) -> String {
    [before.repeat(depth).as_str(), inside, &after.repeat(depth)].concat()
}

/// Loads and runs an input, and says what is wrong with what came of it.
fn problem(side: Side, config: &str, body: Vec<u8>, expect: Expect) -> Option<String> {
    let program = match (Program::load(config.as_bytes()), expect) {
        (Err(_), Expect::Refused | Expect::Any) => return None,
        (Err(errors), _) => return Some(format!("refused: {errors}")),
        (Ok(_), Expect::Refused) => return Some("not refused".to_owned()),
        (Ok(loaded), _) => loaded.program,
    };
    let content_type = match body.first_chunk() {
        Some(b"--XX") => "multipart/form-data; boundary=XX",
        Some(b"x=1&") => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    let content_encoding = match body.first_chunk() {
        Some(b"\x1f\x8b") => "gzip",
        Some(b"\x28\xb5") => "zstd",
        _ => "identity",
    };
    let headers = [
        ("x", "v"),
        ("content-type", content_type),
        ("content-encoding", content_encoding),
    ];
    let message = Message::new(&headers, [body]);
    let (request, response) = match side {
        Side::Request => (message, Message::default()),
        Side::Answer => (Message::default(), message),
    };
    let mut host = Host::new(request, response);
    host.play(&mut Session::new(Arc::new(program)), Neighbour::None);
    let failed = !host.failures.is_empty() || host.reply.is_some();
    match (expect, failed) {
        (Expect::Good, true) => Some(format!("a failure: {:?}", host.failures.first())),
        (Expect::Failure, false) => Some("no failure".to_owned()),
        _ => None,
    }
}

/// The most memory this process has had, where the system tells.
fn peak_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// How long all threads of this process have run on a processor.
fn processor_time() -> Result<Duration, String> {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map(Duration::from)
        .map_err(|error| error.to_string())
}

/// Runs one input in this process.
fn run(name: &str) -> Result<(), String> {
    let input = inputs().into_iter().find(|input| input.name == name);
    let Input {
        side, expect, make, ..
    } = input.ok_or("no such input")?;
    let (config, body) = make();
    let before = peak_kilobytes();
    let begin = processor_time()?;
    let (done, result) = mpsc::channel();
    let handle = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || done.send(problem(side, &config, body, expect)))
        .map_err(|error| error.to_string())?;
    let waiting = Instant::now();
    let outcome = loop {
        let outcome = result.recv_timeout(GLANCE);
        if processor_time()?.saturating_sub(begin) > TIME {
            return Err(format!("more than {TIME:?} of processor time"));
        }
        match outcome {
            Ok(outcome) => break outcome,
            Err(mpsc::RecvTimeoutError::Timeout) if waiting.elapsed() < PATIENCE => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(format!("waits for {PATIENCE:?}")),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err("a panic".to_owned()),
        }
    };
    if let Some(problem) = outcome {
        return Err(problem);
    }
    // What the thread drops at its end counts too.
    if handle.join().is_err() {
        return Err("a panic at the end".to_owned());
    }
    match (before, peak_kilobytes()) {
        (Some(before), Some(after)) if after.saturating_sub(before) > MEMORY_KILOBYTES => {
            Err(format!("{} MiB", after.saturating_sub(before) >> 10))
        }
        _ => Ok(()),
    }
}

/// Runs one input in a process of its own.
fn alone(name: &str) -> Result<(), Failed> {
    let output = Command::new(std::env::current_exe()?)
        .env(CHILD, name)
        .env("RUST_BACKTRACE", "0")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let said: Vec<_> = said.into_iter().take(2).collect();
    Err(format!("{}: {said:?}", output.status).into())
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(CHILD) {
        return match run(&name) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let inputs = inputs().into_iter();
    let trials = inputs.map(|Input { name, .. }| Trial::test(name, move || alone(name)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
