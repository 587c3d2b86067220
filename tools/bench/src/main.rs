//! `cargo xtask bench`: what taking `model` out of a body, and reading and editing answers, costs Envoy, with ours and
//! with its peers.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod answers;
mod bare_module;
mod body;
mod cells;
mod chunked;
mod comparison;
mod first_byte;
mod instructions;
mod load;
mod machine;
mod peers;
mod processors;
mod progress;
mod report;
mod results;
mod router;
mod sample;
mod scale;
mod spread;
mod stage;
mod upstream;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use harness::{EnvoyRelease, Module};

use body::Position;
use cells::Plan;
use comparison::Condition;
use machine::Machine;
use peers::{Origin, PEERS, Peer};
use results::{LeftOut, Measured, Results};
use stage::Stage;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Every peer under load.
    Load,
    /// When a slow client's request reaches the upstream.
    FirstByte,
    /// A large route table, configured per route.
    Scale,
    /// Reading and editing answers: events as they pass, and whole documents.
    Answers,
    /// The instructions of one request. Needs valgrind.
    Instructions,
    /// Small bodies: every peer in many rounds.
    Small,
    /// Latencies at a rate below saturation: the strongest peers.
    Rate,
    /// HTTP/2 and TLS on the client's side: the strongest peers.
    Protocols,
    /// One worker and two: the strongest peers.
    Workers,
    /// Another attempt at another host: ours beside no filter.
    Failover,
}

impl Part {
    /// The condition, if that is what it is.
    fn condition(self) -> Option<Condition> {
        match self {
            Self::Load | Self::FirstByte | Self::Scale | Self::Answers | Self::Instructions => None,
            Self::Small => Some(Condition::Small),
            Self::Rate => Some(Condition::Rate),
            Self::Protocols => Some(Condition::Protocols),
            Self::Workers => Some(Condition::Workers),
            Self::Failover => Some(Condition::Failover),
        }
    }

    /// Whether it compares those of `peers.rs`.
    fn has_the_peers(self) -> bool {
        !matches!(self, Self::Scale | Self::Answers | Self::Failover)
    }
}

/// Compares what it costs Envoy to take `model` out of a body, and to read and edit answers: ours, Envoy's own filters,
/// and none.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct Bench {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// Sizes of the request body, in bytes. The parts with conditions of their own have some of these.
    #[arg(long, value_delimiter = ',', default_values_t = [368, 10 << 10, 200 << 10, 1 << 20, 16 << 20])]
    sizes: Vec<usize>,

    /// Where in the body `model` stands.
    #[arg(long, value_delimiter = ',', default_values_t = [Position::Last, Position::First], value_enum)]
    model: Vec<Position>,

    /// How long each measurement takes.
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    seconds: f64,

    /// How often each is repeated; the medians count.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,

    /// Only these peers, and the floors; an unknown name lists them all.
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    only: Vec<String>,

    /// What to measure.
    #[arg(long, value_delimiter = ',', default_values_t = [Part::Load, Part::FirstByte, Part::Scale, Part::Answers], value_enum)]
    parts: Vec<Part>,

    /// Routes in the large route table.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    routes: usize,

    /// What passes through Envoy in one stream of answers while its memory is looked at, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 2 << 30)]
    endless: u64,

    /// Another `librust_module.so`, measured with the kgateway policy beside ours.
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,

    /// Writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Measures nothing: takes the figures from a file that `--json` wrote.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// Renews the charts and tables in the documentation: those of the parts that were measured.
    #[arg(long)]
    report: bool,
}

fn main() -> ExitCode {
    summary::exit_code(Bench::parse().execute())
}

impl Bench {
    fn execute(&self) -> Result<()> {
        let results = match &self.from {
            Some(path) => read(path)?,
            None => self.measure(Module::release()?)?,
        };
        println!("{}", report::text(&results));
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(&results)? + "\n";
            fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.report {
            report::renew(&results)?;
        }
        Ok(())
    }

    fn measure(&self, ours: &Module) -> Result<Results> {
        ensure!(self.rounds > 0, "--rounds must be at least 1");
        let time = Duration::try_from_secs_f64(self.seconds).context("--seconds")?;
        let chosen = self.chosen()?;
        self.envoy.binary()?;
        let other = self.module.as_deref().map(Module::at).transpose();
        let stage = Stage::new(self.envoy, ours.clone(), other.context("--module")?)?;
        let mut results = Results {
            date: machine::now()?,
            commit: machine::commit(),
            envoy: self.envoy.to_string(),
            machine: Machine::here(stage.processors.are_split())?,
            seconds: self.seconds,
            rounds: self.rounds,
            connections: load::CONNECTIONS,
            peers: Vec::new(),
            left_out: Vec::new(),
            cells: Vec::new(),
            first_byte: Vec::new(),
            scale: Vec::new(),
            instructions: Vec::new(),
            answers: None,
            comparisons: BTreeMap::new(),
        };
        let mut able = Vec::new();
        // The other parts have peers of their own.
        let chosen = match self.parts.iter().any(|part| part.has_the_peers()) {
            true => chosen,
            false => Vec::new(),
        };
        for peer in chosen {
            match stage.obstacle(&peer) {
                None => {
                    results.peers.push(measured(&peer));
                    able.push(peer);
                }
                Some(reason) => {
                    eprintln!("left out: {peer:?}: {reason}");
                    let name = peer.name.to_owned();
                    results.left_out.push(LeftOut { name, reason });
                }
            }
        }
        if self.parts.contains(&Part::Load) {
            let plan = Plan {
                sizes: self.sizes.clone(),
                positions: self.model.clone(),
                rounds: self.rounds,
                time,
            };
            results.cells = cells::measure(&stage, &plan, &able)?;
        }
        if self.parts.contains(&Part::FirstByte) {
            results.first_byte = first_byte::measure(&stage, &self.model, self.rounds, &able)?;
        }
        if self.parts.contains(&Part::Scale) {
            results.scale = scale::measure(&stage, self.routes, self.rounds)?;
        }
        if self.parts.contains(&Part::Answers) {
            let plan = answers::Plan {
                only: &self.only,
                rounds: self.rounds,
                time,
                endless_bytes: self.endless,
            };
            results.answers = Some(answers::measure(&stage, &plan)?);
        }
        let conditions: Vec<_> = self.parts.iter().filter_map(|p| p.condition()).collect();
        let plan = comparison::Plan {
            conditions: &conditions,
            sizes: &self.sizes,
            peers: &able,
            only_strongest: self.only.is_empty(),
            rounds: self.rounds,
            time,
        };
        results.comparisons = comparison::measure(&stage, &plan)?;
        if self.parts.contains(&Part::Instructions) {
            results.instructions = instructions::count(&stage, &self.sizes, &able)?;
        }
        Ok(results)
    }

    /// The peers asked for, and the floors always.
    fn chosen(&self) -> Result<Vec<Peer>> {
        for name in &self.only {
            let known = PEERS.iter().map(|peer| peer.name).chain(answers::names());
            let known: Vec<&str> = known.collect::<BTreeSet<_>>().into_iter().collect();
            ensure!(
                known.contains(&name.as_str()),
                "--only: no peer {name:?}; there are {}",
                known.join(", ")
            );
        }
        let floor = |peer: &Peer| [peers::NONE, peers::BUFFER].contains(&peer.name);
        let wanted = |peer: &Peer| self.only.is_empty() || self.only.iter().any(|o| o == peer.name);
        let chosen = PEERS.iter().filter(|peer| floor(peer) || wanted(peer));
        Ok(chosen.copied().collect())
    }
}

fn measured(peer: &Peer) -> Measured {
    Measured {
        name: peer.name.to_owned(),
        about: peer.about.to_owned(),
        floor: peer.floor.to_owned(),
        ours: peer.origin == Origin::Ours,
    }
}

fn read(path: &PathBuf) -> Result<Results> {
    let text = fs::read_to_string(path).with_context(|| format!("--from {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("--from {}: not what --json writes", path.display()))
}
