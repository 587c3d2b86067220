//! The instructions that Envoy executes for a request, as valgrind's callgrind counts them: the same on a busy
//! machine as on a quiet one, and with the share of each library. Nothing the kernel does is among them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, str};

use anyhow::{Context, Result, ensure};

use super::body::{self, Position};
use super::load;
use super::peers::Peer;
use super::progress;
use super::results::Instructions;
use super::stage::Stage;
use super::wire::{self, Message};

/// Requests before any is counted, for caches and lazily bound symbols to settle.
const WARM_UP: u32 = 50;

/// Bytes sent in all for one count, and the fewest and most requests.
const BYTES: usize = 16 << 20;
const REQUESTS: (usize, usize) = (10, 500);

/// Larger bodies say nothing new, and take minutes.
const LARGEST: usize = 1 << 20;

/// Counts for each peer with each body, `model` last.
///
/// # Errors
/// Valgrind is not installed, or Envoy does not serve under it.
pub(super) fn count(stage: &Stage, sizes: &[usize], peers: &[Peer]) -> Result<Vec<Instructions>> {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    ensure!(
        version.is_ok_and(|status| status.success()),
        "counting instructions needs valgrind: install it, or leave `instructions` out of --parts"
    );
    let folder = tempfile::Builder::new().prefix("callgrind-").tempdir()?;
    let mut found = Vec::new();
    for &size in sizes.iter().filter(|size| **size <= LARGEST) {
        let request = load::request(&body::chat(size, Position::Last));
        for peer in peers {
            progress::show(format_args!("instructions, {size} bytes, {}", peer.name));
            let out = folder.path().join(format!("{}-{size}", peer.name));
            let counted = Counted::of(stage, peer, &request, &out)
                .with_context(|| format!("instructions of {}, {size} bytes", peer.name))?;
            found.push(Instructions {
                peer: peer.name.to_owned(),
                body_bytes: size,
                requests: counted.requests,
                per_request: counted.all / counted.requests,
                in_module_per_request: counted.in_module / counted.requests,
            });
        }
    }
    progress::show(format_args!(""));
    Ok(found)
}

/// What was counted.
struct Counted {
    requests: u64,
    all: u64,
    in_module: u64,
}

impl Counted {
    fn of(stage: &Stage, peer: &Peer, request: &[u8], out: &Path) -> Result<Self> {
        let (fewest, most) = REQUESTS;
        let requests = u32::try_from((BYTES / request.len()).clamp(fewest, most))?;
        let file = format!("--callgrind-out-file={}", out.display());
        let valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", &file];
        let running = stage.envoy_under(peer, &valgrind)?;
        let mut client = Client::connect(running.address()?)?;
        client.repeat(request, WARM_UP)?;
        let process = running.envoy.pid().to_string();
        control(&["-i", "on", &process])?;
        client.repeat(request, requests)?;
        control(&["-i", "off", &process])?;
        control(&["-d", &process])?;
        // Callgrind numbers what it is asked to write.
        let profile = PathBuf::from(format!("{}.1", out.display()));
        let profile = fs::read(&profile).context("callgrind wrote nothing")?;
        let by_library = by_library(&String::from_utf8_lossy(&profile));
        let in_module = by_library
            .iter()
            .filter(|(library, _)| library.ends_with("/librust_module.so"));
        Ok(Self {
            requests: requests.into(),
            all: by_library.values().sum(),
            in_module: in_module.map(|(_, count)| count).sum(),
        })
    }
}

fn control(arguments: &[&str]) -> Result<()> {
    let status = Command::new("callgrind_control")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run callgrind_control, which comes with valgrind")?;
    ensure!(status.success(), "callgrind_control {arguments:?} failed");
    Ok(())
}

/// One connection, on which a request follows when the last is answered.
struct Client(TcpStream);

impl Client {
    fn connect(address: std::net::SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self(stream))
    }

    fn repeat(&mut self, request: &[u8], times: u32) -> Result<()> {
        let mut buffer = [0; 4096];
        for _ in 0..times {
            self.0.write_all(request)?;
            let mut answer = Message::default();
            loop {
                let read = self.0.read(&mut buffer)?;
                ensure!(read > 0, "envoy closed the connection");
                if answer.feed(buffer.get(..read).unwrap_or_default())? {
                    break;
                }
            }
            let status = answer.head().and_then(wire::status);
            ensure!(status == Some(200), "envoy answered {status:?}, not 200");
        }
        Ok(())
    }
}

/// The instructions executed in each library, by a profile in the callgrind format.
fn by_library(profile: &str) -> HashMap<String, u64> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut library = "";
    let mut of_call = false;
    for line in profile.lines() {
        let named = line
            .strip_prefix("ob=")
            .or_else(|| line.strip_prefix("cob="));
        if let Some(named) = named {
            // "(number) name" the first time, "(number)" from then on.
            let (number, name) = named.split_once(' ').unwrap_or((named, ""));
            if !name.is_empty() {
                names.insert(number, name);
            }
            if line.starts_with("ob=") {
                library = names.get(number).copied().unwrap_or_default();
            }
        } else if line.starts_with("calls=") {
            // The next line has what the called function cost, which is counted there.
            of_call = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            let count = line.split(' ').nth(1).and_then(|count| count.parse().ok());
            if !std::mem::take(&mut of_call) {
                *counts.entry(library).or_default() += count.unwrap_or(0);
            }
        }
    }
    let owned = counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count));
    owned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_each_library_executes_itself() {
        let profile = "# callgrind format\nevents: Ir\n\nob=(1) /bin/envoy\nfl=(1) ???\nfn=(1) main\n0 10\n\
            cob=(2) /x/librust_module.so\ncfn=(2) hook\ncalls=1 0\n0 500\n+3 5\n\n\
            ob=(2)\nfn=(2)\n7 400\n* 99\ncob=(1)\ncfn=(3) callback\ncalls=1 0\n-2 1\n\n\
            ob=(1)\nfn=(3)\n0 1\n\ntotals: 515\n";
        let counts = by_library(profile);
        assert_eq!(counts["/bin/envoy"], 16);
        assert_eq!(counts["/x/librust_module.so"], 499);
        assert_eq!(counts.len(), 2);
    }
}
