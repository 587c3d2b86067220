//! `cargo xtask run`: a gateway to try.

use std::time::Instant;

use anyhow::{Result, ensure};
use artifacts::{EnvoyRelease, Module};
use serde_json::json;
use summary::Table;

use crate::gateway::{Bootstrap, Gateway, free_port};
use crate::{http, mock_llm};

/// What is run.
const EXAMPLE: &str = "body-routing.yaml";

/// The header that decides the route there.
const ROUTING_HEADER: &str = "x-gateway-model-name";

/// How a gateway is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    /// Exit after the samples, with success only if every answer was right.
    pub(crate) once: bool,
    pub(crate) release: EnvoyRelease,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            once: false,
            release: EnvoyRelease::DEFAULT,
        }
    }
}

/// A request and who must answer it.
struct Sample {
    what: &'static str,
    body: String,
    /// What the client puts into the routing header itself.
    forged: Option<&'static str>,
    answer: &'static str,
}

impl Sample {
    fn new(what: &'static str, body: impl Into<String>, answer: &'static str) -> Self {
        Self {
            what,
            body: body.into(),
            forged: None,
            answer,
        }
    }

    /// A chat with this model.
    fn chat(what: &'static str, model: &str, answer: &'static str) -> Self {
        let body = json!({"messages": [{"role": "user", "content": "Hello"}], "model": model});
        Self::new(what, body.to_string(), answer)
    }

    fn forged(mut self) -> Self {
        self.forged = Some("gpt-4o");
        self
    }
}

fn samples() -> [Sample; 8] {
    let (forged, other) = (
        "model mistral-small, forged routing header",
        "local (fallback)",
    );
    let nameless = r#"{"messages": []}"#;
    [
        Sample::chat("model gpt-4o", "gpt-4o", "openai"),
        Sample::chat("model gpt-4-turbo, an alias", "gpt-4-turbo", "openai"),
        Sample::chat("model mistral-small", "mistral-small", "local"),
        Sample::chat("model mistral-large", "mistral-large", "local"),
        Sample::chat("model llama-3, unknown", "llama-3", other),
        Sample::chat(forged, "mistral-small", "local").forged(),
        Sample::new("no model, forged routing header", nameless, other).forged(),
        Sample::new("not JSON", "model=gpt-4o", other),
    ]
}

impl Run {
    /// Starts Envoy with [`EXAMPLE`] and two mock LLMs, sends the samples and shows who answered.
    ///
    /// # Errors
    /// Something cannot be had or started, or, if only once, an answer is wrong.
    pub(crate) fn execute(self) -> Result<()> {
        let release = self.release;
        // First, so that a missing download tool does not show only after minutes of compiling.
        release.binary()?;
        let begin = Instant::now();
        let module = Module::demo()?;
        eprintln!(
            "module ready after {:.1} s; starting Envoy {release} ...",
            begin.elapsed().as_secs_f64()
        );
        let mut bootstrap = Bootstrap::load(EXAMPLE)?;
        let port = free_port(if self.once { 0 } else { 10000 })?;
        for (from, to) in [
            (10000, port),
            (9001, mock_llm::start("openai")?),
            (9002, mock_llm::start("local")?),
            (9901, free_port(0)?),
        ] {
            bootstrap.move_port(from, to)?;
        }
        let address = ([127, 0, 0, 1], port).into();
        let mut gateway = Gateway::start(release, module, &bootstrap, address)?;
        println!("Envoy {release} with envoy-configs/{EXAMPLE} on {address}\n");

        let mut table = Table::new(["sent", "expected", "answered", ""]);
        let mut wrong = 0;
        for sample in samples() {
            let forged = sample.forged.map(|value| (ROUTING_HEADER, value));
            let answered = who_answers(&http::post(address, forged.as_slice(), &sample.body)?);
            let right = answered == sample.answer;
            wrong += usize::from(!right);
            let verdict = if right { "ok" } else { "WRONG" };
            table.row([
                sample.what.into(),
                sample.answer.into(),
                answered,
                verdict.into(),
            ]);
        }
        println!("{table}");

        if !self.once {
            println!(
                "curl http://{address}/v1/chat/completions -d '{{\"model\": \"gpt-4o\", \"messages\": []}}'"
            );
            println!("Ctrl-C ends it.");
            let status = gateway.wait()?;
            ensure!(
                status.success(),
                gateway.failed(&format!("envoy ended ({status})"))
            );
        } else if wrong > 0 {
            return Err(gateway.failed(&format!("{wrong} wrong")));
        }
        Ok(())
    }
}

/// Which upstream, and whether the fallback route led to it.
fn who_answers(response: &http::Message) -> String {
    if !response.start.starts_with("HTTP/1.1 200 ") {
        return response.start.clone();
    }
    let upstream = response.field("x-served-by").unwrap_or("nobody");
    match response.field("x-gateway-route") {
        Some(route) => format!("{upstream} ({route})"),
        None => upstream.to_owned(),
    }
}
