//! `cargo xtask clients`: whether the Python clients of OpenAI, Anthropic and Ollama find through Envoy what they expect, and
//! the access log their tokens, with `envoy-configs/answer-tokens.yaml`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod python;

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use harness::{Envoy, EnvoyRelease, Example, Launch, Module, Upstream};
use serde_json::{Value, json};

use python::{Call, Clients};

/// The configuration, and the port of its upstream.
const CONFIGURATION: (&str, u16) = ("answer-tokens.yaml", 9001);

/// Calls the Python clients of OpenAI, Anthropic and Ollama through Envoy, with a mock LLM behind it, and compares the tokens in
/// its access log.
#[derive(Parser)]
#[command(name = "clients", bin_name = "cargo xtask clients")]
struct Command {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// Fails where the clients cannot be had, instead of skipping them.
    #[arg(long)]
    no_skip: bool,
}

fn main() -> ExitCode {
    summary::exit_code(Command::parse().execute())
}

impl Command {
    fn execute(&self) -> Result<()> {
        let clients = match Clients::install() {
            Ok(clients) => clients,
            Err(error) if self.no_skip => bail!("{error:#}"),
            Err(error) => {
                println!("Python clients: skipped: {error:#}");
                return Ok(());
            }
        };
        self.envoy.binary()?;
        let module = Module::release()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.play(&clients, module))
    }

    async fn play(&self, clients: &Clients, module: &Module) -> Result<()> {
        let (file, port) = CONFIGURATION;
        let llm = Upstream::mock_llm("llm").await?;
        let bootstrap = Example::load(file)?.bootstrap(&[(port, llm.address())])?;
        let envoy = Launch::new(self.envoy, bootstrap).module(module);
        let envoy = envoy.start().await?;
        let base = format!("http://{}", envoy.address().await?);
        // The mock is served meanwhile.
        let calls = tokio::task::block_in_place(|| clients.call(&base))?;
        compare(&envoy, &calls).await
    }
}

async fn compare(envoy: &Envoy, calls: &[Call]) -> Result<()> {
    ensure!(!calls.is_empty(), "no call was made");
    let log = envoy.access_log(calls.len()).await?;
    for (call, line) in calls.iter().zip(&log) {
        let logged: Value = serde_json::from_str(line).context("the log is no JSON")?;
        // Ollama's API has no member for them.
        let cached = (!call.path.starts_with("/api/")).then_some(2);
        let expected = json!({
            "path": call.path,
            "status": 200,
            "model": "gpt-4o",
            "input_tokens": 7,
            "output_tokens": 5,
            "total_tokens": 12,
            "cached_tokens": cached,
        });
        let Call { name, .. } = call;
        ensure!(
            logged == expected,
            "{name}: the log has {logged}, not {expected}"
        );
        println!("{name}: {line}");
    }
    println!("{} calls, each with its tokens in the log", calls.len());
    Ok(())
}
