//! Whether the access log of `envoy-configs/answer-tokens.yaml` has the tokens of each call.

use anyhow::{Context, Result, ensure};
use harness::{Envoy, EnvoyRelease, Example, Launch, Module, Upstream};
use serde_json::{Value, json};
use summary::Tally;

use crate::packages::Packages;

/// The configuration, and the port of its upstream.
const CONFIGURATION: (&str, u16) = ("answer-tokens.yaml", 9001);

/// A call that was made.
struct Call {
    path: String,
    name: String,
}

/// Calls OpenAI, Anthropic and Ollama, and compares the log.
///
/// # Errors
/// A call fails, or the log has other tokens.
pub(super) async fn play(
    release: EnvoyRelease,
    module: &Module,
    packages: &Packages,
) -> Result<Tally> {
    let (file, port) = CONFIGURATION;
    let llm = Upstream::mock_llm("llm").await?;
    let bootstrap = Example::load(file)?.bootstrap(&[(port, llm.address())])?;
    let envoy = Launch::new(release, bootstrap).module(module);
    let envoy = envoy.start().await?;
    let base = format!("http://{}", envoy.address().await?);
    // The mock is served meanwhile.
    let calls = tokio::task::block_in_place(|| call(packages, &base))?;
    compare(&envoy, &calls).await
}

fn call(packages: &Packages, base: &str) -> Result<Vec<Call>> {
    let output = packages.python("tokens.py", base).output();
    let output = output.context("cannot run python3")?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{stdout}{stderr}");
    stdout.lines().map(Call::read).collect()
}

async fn compare(envoy: &Envoy, calls: &[Call]) -> Result<Tally> {
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
        println!("tokens {name}: {line}");
    }
    Ok(Tally {
        passed: calls.len(),
        ..Tally::default()
    })
}

impl Call {
    fn read(line: &str) -> Result<Self> {
        let (path, name) = line.split_once(' ').context("a call without a name")?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
        })
    }
}
