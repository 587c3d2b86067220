//! `cargo xtask clients`: whether the SDKs of language models find through Envoy what they expect, and its access log their
//! tokens. The gateways are `envoy-configs/unified-endpoint.yaml`, `llm-gateway.yaml` and `answer-tokens.yaml`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod attack;
mod gateways;
mod h2load;
mod packages;
mod sdk;
mod sent;
mod tokens;
mod trial;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use harness::{EnvoyRelease, Module};
use summary::{Table, Tally};

use attack::Attack;
use gateways::Gateways;
use packages::Packages;
use sdk::{SDKS, Sdk};
use trial::Trial;

/// Calls SDKs through Envoy, with mock LLMs behind it: routed, unchanged, on time, refused, left, many at once, by HTTP/2, and
/// with their tokens in the access log.
#[derive(Parser)]
#[command(name = "clients", bin_name = "cargo xtask clients")]
struct Command {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// Tries only these SDKs, by the names in the table.
    #[arg(long, value_name = "SDK")]
    only: Vec<String>,

    /// Floods both gateways all the while, and has h2load send requests at the end.
    #[arg(long)]
    attacked: bool,

    /// Fails where the SDKs cannot be had, instead of skipping them.
    #[arg(long)]
    no_skip: bool,
}

fn main() -> ExitCode {
    summary::exit_code(Command::parse().execute())
}

impl Command {
    fn execute(&self) -> Result<()> {
        for name in &self.only {
            let names = SDKS.map(|sdk| sdk.name);
            ensure!(
                names.contains(&name.as_str()),
                "no SDK {name:?}: there are {}",
                names.join(", ")
            );
        }
        let packages = match Packages::install() {
            Ok(packages) => packages,
            Err(error) if self.no_skip => bail!("{error:#}"),
            Err(error) => {
                println!("SDKs: skipped: {error:#}\n{}", Tally::SKIPPED);
                return Ok(());
            }
        };
        self.envoy.binary()?;
        let module = Module::release()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let tally = runtime.block_on(self.play(&packages, module))?;
        println!("{tally}");
        ensure!(tally.failed == 0, "{} failed: see above", tally.failed);
        Ok(())
    }

    async fn play(&self, packages: &Packages, module: &Module) -> Result<Tally> {
        let gateways = Gateways::start(self.envoy, module).await?;
        let mut attack = self.attacked.then(|| Attack::begin(&gateways.envoys()));
        let mut table = Table::new(heading());
        let mut all = Tally::default();
        for sdk in SDKS {
            if !self.only.is_empty() && !self.only.iter().any(|name| name == sdk.name) {
                continue;
            }
            let started = Instant::now();
            let trials = sdk.play(packages, &gateways).await?;
            for trial in &trials {
                all += trial.tally();
            }
            table.row(row(&sdk, packages, &trials, started));
        }
        if let Some(attack) = &mut attack {
            let [unified, _] = gateways.envoys();
            all += match h2load::play(unified).await.and_then(|()| attack.goes_on()) {
                Ok(()) => Tally {
                    passed: 1,
                    ..Tally::default()
                },
                Err(error) => {
                    println!("h2load: FAILED: {error:#}");
                    Tally::FAILED
                }
            };
        }
        if self.only.is_empty() {
            all += tokens::play(self.envoy, module, packages).await?;
        }
        ensure!(gateways.are_alive(), "Envoy crashed");
        println!("\n{table}");
        Ok(all)
    }
}

/// What each SDK is tried with, in the order of the table.
const CAPABILITIES: [&str; 7] = [
    "calls",
    "streams",
    "errors",
    "cancel",
    "at once",
    "HTTP/2",
    "llm-gateway",
];

fn heading() -> [&'static str; 10] {
    let [calls, streams, errors, cancel, at_once, http2, gateway] = CAPABILITIES;
    [
        "SDK", "version", calls, streams, errors, cancel, at_once, http2, gateway, "seconds",
    ]
}

/// Passed and made of each capability; a dash where the SDK has none.
fn row(sdk: &Sdk, packages: &Packages, trials: &[Trial], started: Instant) -> [String; 10] {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for trial in trials {
        *tallies.entry(trial.capability()).or_default() += trial.tally();
    }
    let cell = |capability: &str| match tallies.get(capability) {
        Some(tally) => format!("{}/{}", tally.passed, tally.passed + tally.failed),
        None => "-".to_owned(),
    };
    let [calls, streams, errors, cancel, at_once, http2, gateway] = CAPABILITIES.map(cell);
    [
        sdk.name.to_owned(),
        packages.version(sdk.name),
        calls,
        streams,
        errors,
        cancel,
        at_once,
        http2,
        gateway,
        format!("{:.1}", started.elapsed().as_secs_f64()),
    ]
}
