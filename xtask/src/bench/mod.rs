//! `cargo xtask bench`: what the filter costs Envoy.

mod load;

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Envoy, EnvoyRelease, Example, Launch, Module};
use serde_json::{Value, json};

use crate::table::Table;
use load::{Load, Sink};

/// What is measured.
const EXAMPLE: &str = "body-routing.yaml";

/// The model into a header, as a kgateway policy says it.
const KGATEWAY: &str = r#"{"request":{"body":{"parseAs":"AsJson"},"set":[{"name":"x-gateway-model-name","value":"{{ model }}"}]}}"#;

/// How often each configuration is measured; the median counts.
const ROUNDS: usize = 3;

/// Measures Envoy's CPU time per request for envoy-configs/body-routing.yaml: without the filter, with
/// Envoy's buffer filter, with ours, and with a kgateway policy in ours.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// The release of Envoy.
    #[arg(long, value_name = "VERSION", default_value_t = EnvoyRelease::DEFAULT)]
    envoy: EnvoyRelease,

    /// How long each measurement takes.
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,

    /// Sizes of the request body, in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [368, 10 << 10, 200 << 10, 1 << 20])]
    sizes: Vec<usize>,
}

impl Bench {
    pub(crate) fn execute(&self) -> Result<()> {
        let module = Module::release()?;
        self.envoy.binary()?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(self.measure(module))
    }

    async fn measure(&self, module: &Module) -> Result<()> {
        let sink = Sink::start().await?;
        let with =
            Example::load(EXAMPLE)?.bootstrap(&[(9001, sink.address()), (9002, sink.address())])?;
        let with = without_access_log(with)?;
        let variants = [
            without_filter(with.clone())?,
            with_buffer(with.clone())?,
            with.clone(),
            with_config(with, KGATEWAY)?,
        ];
        println!(
            "Envoy {}, one worker, {EXAMPLE}, `model` last; CPU microseconds per request\n",
            self.envoy
        );
        let heading = [
            "body",
            "no filter",
            "buffer",
            "extract",
            "over it",
            "kgateway's",
            "over it",
        ];
        let mut table = Table::new(heading);
        for size in &self.sizes {
            eprintln!("measuring {size} bytes ...");
            let body = chat(*size);
            let mut costs = [const { Vec::new() }; 4];
            for _ in 0..ROUNDS {
                for (bootstrap, costs) in variants.iter().zip(&mut costs) {
                    costs.push(self.cost(module, bootstrap, &body).await?);
                }
            }
            let [none, buffer, extract, kgateway] = costs.map(median);
            table.row([
                size.to_string(),
                micros(none),
                micros(buffer),
                micros(extract),
                micros(extract - buffer),
                micros(kgateway),
                micros(kgateway - buffer),
            ]);
        }
        println!("{table}");
        Ok(())
    }

    /// Seconds of Envoy's CPU time per request.
    async fn cost(&self, module: &Module, bootstrap: &Value, body: &str) -> Result<f64> {
        let launch = Launch::new(self.envoy, bootstrap.clone())
            .module(module)
            .concurrency(1);
        let envoy: Envoy = launch.start().await?;
        let load = Load::new(envoy.address().await?, body);
        load.run(Duration::from_millis(300)).await?;
        let before = envoy.cpu_time()?;
        let served = load.run(Duration::from_secs(self.seconds)).await?;
        let spent = envoy.cpu_time()?.saturating_sub(before);
        Ok(spent.as_secs_f64() / f64::from(served.max(1)))
    }
}

/// A chat completion request of about this many bytes, `model` last, as the OpenAI client writes it.
fn chat(size: usize) -> String {
    let message = |text: &str| {
        let messages = json!([{"role": "user", "content": text}]).to_string();
        format!(r#"{{"messages":{messages},"temperature":0.7,"model":"gpt-4o"}}"#)
    };
    let line = "Summarize the incident report below in three sentences, then list \"open questions\" for the caf\u{e9}'s on-call engineer.\n";
    let text = line.repeat(size / line.len() + 1);
    let room = size.saturating_sub(message("").len());
    let mut used = 0;
    let fits = text.chars().take_while(|c| {
        used += serde_json::Value::from(c.to_string()).to_string().len() - 2;
        used <= room
    });
    message(&fits.collect::<String>())
}

fn connection_manager(bootstrap: &mut Value) -> Result<&mut Value> {
    bootstrap
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .context("no connection manager")
}

fn without_access_log(mut bootstrap: Value) -> Result<Value> {
    connection_manager(&mut bootstrap)?["access_log"] = json!([]);
    Ok(bootstrap)
}

fn without_filter(mut bootstrap: Value) -> Result<Value> {
    let filters = connection_manager(&mut bootstrap)?["http_filters"].as_array_mut();
    filters.context("no filters")?.remove(0);
    Ok(bootstrap)
}

/// Envoy's buffer filter in its place: the floor of whatever sees a whole body before it routes.
fn with_buffer(mut bootstrap: Value) -> Result<Value> {
    let filter = connection_manager(&mut bootstrap)?.pointer_mut("/http_filters/0");
    *filter.context("no filter")? = json!({
        "name": "envoy.filters.http.buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
            "max_request_bytes": 4 << 20,
        },
    });
    Ok(bootstrap)
}

/// The same filter with another configuration.
fn with_config(mut bootstrap: Value, config: &str) -> Result<Value> {
    let filter = connection_manager(&mut bootstrap)?.pointer_mut("/http_filters/0/typed_config");
    filter.context("no filter")?["filter_config"] = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": config,
    });
    Ok(bootstrap)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn micros(seconds: f64) -> String {
    format!("{:.1}", seconds * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_size_asked_for() {
        for size in [368, 10 << 10, 200 << 10] {
            let body = chat(size);
            assert!(size - body.len() < 8, "{} instead of {size}", body.len());
            assert!(body.ends_with(r#""model":"gpt-4o"}"#));
            serde_json::from_str::<Value>(&body).unwrap();
        }
    }
}
