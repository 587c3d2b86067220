//! `cargo xtask run`: a gateway to try.

use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use harness::{Envoy, EnvoyRelease, Example, Module, Request, Upstream};
use serde_json::{Value, json};

use crate::table::Table;

/// What is run.
const EXAMPLE: &str = "body-routing.yaml";

/// Starts Envoy with envoy-configs/body-routing.yaml and two mock LLMs, sends sample requests and shows who
/// answered.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// Exit after the samples, with success only if every answer was right.
    #[arg(long)]
    once: bool,

    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,
}

/// A request and who must answer it.
struct Sample {
    what: &'static str,
    request: Request,
    upstream: &'static str,
    fallback: bool,
}

impl Run {
    pub(crate) fn execute(&self) -> Result<()> {
        // First, so that a missing download tool does not show only after minutes of compiling.
        self.envoy.binary()?;
        let module = Module::release()?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(self.serve(module))
    }

    async fn serve(&self, module: &Module) -> Result<()> {
        let (openai, local) = (
            Upstream::mock_llm("openai").await?,
            Upstream::mock_llm("local").await?,
        );
        let example = Example::load(EXAMPLE)?;
        let port = if self.once {
            0
        } else {
            free_port(example.listener_port()?)
        };
        let bootstrap =
            example.bootstrap_on(port, &[(9001, openai.address()), (9002, local.address())])?;
        let envoy = Envoy::start(self.envoy, module, bootstrap).await?;
        let address = envoy.address().await?;
        println!(
            "Envoy {} with envoy-configs/{EXAMPLE} on {address}\n",
            envoy.release()
        );

        let mut table = Table::new(["sent", "expected", "answered", ""]);
        let mut wrong = 0;
        for sample in samples() {
            let response = sample.request.send(address).await?;
            let expected = served(Some(sample.upstream), sample.fallback);
            let upstream = response.headers.value("x-served-by");
            let mut answered = served(
                upstream.as_deref(),
                response.headers.contains("x-gateway-route"),
            );
            if response.status != 200 {
                answered = format!("status {}", response.status);
            }
            let right = answered == expected;
            wrong += usize::from(!right);
            let verdict = if right { "ok" } else { "WRONG" };
            table.row([sample.what.into(), expected, answered, verdict.into()]);
        }
        println!("{table}");

        if !self.once {
            println!(
                "curl http://{address}/v1/chat/completions -d '{{\"model\": \"gpt-4o\", \"messages\": []}}'"
            );
            println!("Ctrl-C ends it.");
            tokio::signal::ctrl_c()
                .await
                .context("cannot wait for Ctrl-C")?;
            return Ok(());
        }
        ensure!(wrong == 0, "{wrong} wrong\n{}", envoy.report().await);
        Ok(())
    }
}

fn served(upstream: Option<&str>, fallback: bool) -> String {
    let upstream = upstream.unwrap_or("nobody");
    if fallback {
        format!("{upstream} (fallback)")
    } else {
        upstream.to_owned()
    }
}

fn samples() -> Vec<Sample> {
    let post = || Request::post("/v1/chat/completions");
    let chat = |model: &str| {
        let messages = json!([{"role": "user", "content": "Hello"}]);
        post().json(&json!({"model": model, "messages": messages}))
    };
    let no_model: Value = json!({"messages": []});
    let sample = |what, request, upstream, fallback| Sample {
        what,
        request,
        upstream,
        fallback,
    };
    vec![
        sample("model gpt-4o", chat("gpt-4o"), "openai", false),
        sample(
            "model gpt-4-turbo, an alias",
            chat("gpt-4-turbo"),
            "openai",
            false,
        ),
        sample("model mistral-small", chat("mistral-small"), "local", false),
        sample(
            "model mistral-large, HTTP/2",
            chat("mistral-large").http2(),
            "local",
            false,
        ),
        sample("model llama-3, unknown", chat("llama-3"), "local", true),
        sample(
            "model mistral-small, forged routing header",
            chat("mistral-small").header("x-gateway-model-name", "gpt-4o"),
            "local",
            false,
        ),
        sample(
            "no model, forged routing header",
            post()
                .json(&no_model)
                .header("x-gateway-model-name", "gpt-4o"),
            "local",
            true,
        ),
        sample("not JSON", post().body("model=gpt-4o"), "local", true),
    ]
}

/// `wanted` if nothing listens there, else 0: any free port.
fn free_port(wanted: u16) -> u16 {
    TcpListener::bind(("127.0.0.1", wanted)).map_or(0, |_| wanted)
}
