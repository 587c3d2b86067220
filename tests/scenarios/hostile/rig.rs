//! An Envoy with the hostile module in every place, and what its clients see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::{Answer, Bootstrap, Cluster, Envoy, Filter, NOBODY, Request, Route, Upstream};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::cases::{CLUSTER_SCRIPT, Case, Message, SCRIPT, SECOND_SCRIPT};
use crate::stage::Stage;

/// How long an exchange that ends by itself may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the client waits for one that need not end.
const GLANCE: Duration = Duration::from_millis(60);

/// What a connection or a filter holds.
const LIMIT: u32 = 32 * 1024;

/// What an exchange came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ended, or the client was to leave it.
    Over,
    /// It should have ended, and has not.
    Hung,
}

/// A running Envoy and what it talks to.
pub(crate) struct Rig {
    pub(crate) envoy: Envoy,
    addresses: BTreeMap<String, SocketAddr>,
    read: usize,
    _upstreams: [Upstream; 3],
}

impl Rig {
    pub(crate) async fn start(stage: &Stage) -> Result<Self> {
        Self::start_with(stage, "error").await
    }

    pub(crate) async fn start_with(stage: &Stage, log_level: &str) -> Result<Self> {
        let answering = Upstream::start(|request| answer(&request.path)).await?;
        let early = Upstream::start_on_headers(|request| answer(&request.path)).await?;
        let slow =
            Upstream::answering(Answer::status(200).delayed(Duration::from_secs(600))).await?;
        let bootstrap = bootstrap(answering.address(), early.address(), slow.address());
        let launch = stage
            .launch(bootstrap.build(stage.release))
            .log_level(log_level)
            .component_log_level(match log_level {
                "error" => "dynamic_modules:critical",
                _ => "dynamic_modules:debug",
            });
        let envoy = launch.start().await?;
        let addresses = envoy.listener_addresses().await?.into_iter().collect();
        Ok(Self {
            envoy,
            addresses,
            read: 0,
            _upstreams: [answering, early, slow],
        })
    }

    pub(crate) fn address(&self, listener: &str) -> Result<SocketAddr> {
        let address = self.addresses.get(listener);
        address
            .copied()
            .with_context(|| format!("no listener {listener}"))
    }

    /// Whether Envoy still answers a request that no script comes with.
    pub(crate) async fn answers(&self) -> Result<()> {
        for listener in ["one", "two"] {
            let request = Request::get("/direct").send(self.address(listener)?);
            let response = timeout(PATIENCE, request).await??;
            if response.status != 200 {
                bail!("a plain request got {}", response.status);
            }
        }
        Ok(())
    }

    /// Lines of the log since the last call.
    pub(crate) fn new_lines(&mut self) -> Vec<String> {
        let log = self.envoy.log();
        let new = log.get(self.read..).unwrap_or_default();
        self.read = log.len();
        new.lines().map(ToOwned::to_owned).collect()
    }

    /// How often a word has run.
    pub(crate) async fn count(&self, word: &str) -> Result<u64> {
        let stats = self
            .envoy
            .admin("/stats/prometheus?filter=hostile_words")
            .await?;
        let of_word = format!("word=\"{word}\"");
        let lines = stats.lines().filter(|line| line.contains(&of_word));
        let counts = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        Ok(counts.sum())
    }

    /// Which words have run in which hooks.
    pub(crate) async fn words(&self) -> Result<BTreeSet<(String, String)>> {
        let stats = self
            .envoy
            .admin("/stats/prometheus?filter=hostile_words")
            .await?;
        let label = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let words = stats.lines().filter(|line| line.contains("hostile_words"));
        Ok(words
            .filter_map(|line| Some((label(line, "hook")?, label(line, "word")?)))
            .collect())
    }
}

/// Plays one exchange as its client.
pub(crate) async fn play(case: &Case, address: SocketAddr) -> Outcome {
    let exchange = async {
        let response = case.request().stream(address).await?;
        if case.route == super::cases::Route::Big {
            // What Envoy holds for a client that does not read.
            sleep(Duration::from_millis(15)).await;
        }
        response.response().await
    };
    let patience = match (case.message.1, case.ends) {
        (Message::Left, _) => Duration::from_millis(8),
        (_, true) => PATIENCE,
        (_, false) => GLANCE,
    };
    match timeout(patience, exchange).await {
        // A refusal, a cut or an answer: it is over.
        Ok(_) => Outcome::Over,
        Err(_) if case.ends && case.message.1 != Message::Left => Outcome::Hung,
        Err(_) => Outcome::Over,
    }
}

fn answer(path: &str) -> Answer {
    let answer = Answer::chunks(["an answer ", "in chunks"]).trailer("x-end", "sent");
    match path {
        "/callout" => Answer::json(&json!({"callout": true})),
        "/empty" => Answer::status(200),
        "/cut" => Answer::chunks(["an answer"]).abort(),
        "/big" => Answer::chunks(["b".repeat(400_000), "b".repeat(400_000)]),
        "/retried" => answer.with_status(503),
        _ => answer,
    }
}

fn hostile(config: &str) -> Filter {
    Filter::new(config)
        .module("hostile_module")
        .filter_name("hostile")
}

fn bootstrap(answering: SocketAddr, early: SocketAddr, slow: SocketAddr) -> Bootstrap {
    let one = listener("one").filter(hostile(SCRIPT).instance("first"));
    let two = listener("two")
        .filter(hostile(SCRIPT).instance("first"))
        .filter(hostile(SECOND_SCRIPT).instance("second"));
    let new = format!("{SCRIPT};new=metrics,foreign_metrics");
    let new = listener("new").filter(hostile(&new).instance("first"));
    let panic = format!("{SCRIPT};new=panic");
    let panic = listener("panic").filter(hostile(&panic).instance("first"));
    let with_filter = |name: &str, address| {
        Cluster::new(name, address)
            .filter(hostile(CLUSTER_SCRIPT).instance("first"))
            .field("per_connection_buffer_limit_bytes", json!(LIMIT))
    };
    one.beside(two)
        .beside(new)
        .beside(panic)
        .add_cluster(
            Cluster::new("upstream", answering)
                .field("metadata", metadata())
                .field("per_connection_buffer_limit_bytes", json!(LIMIT)),
        )
        .http2_cluster("http2", answering)
        .cluster("early", early)
        .cluster("slow", slow)
        .cluster("refusing", NOBODY)
        .add_cluster(with_filter("hostile", answering))
        .add_cluster(with_filter("mirrored", answering).http2())
        .add_cluster(Cluster::new("empty", NOBODY).field(
            "load_assignment",
            json!({"cluster_name": "empty", "endpoints": []}),
        ))
}

fn metadata() -> serde_json::Value {
    json!({"filter_metadata": {"hostile": {"text": "text", "number": 1, "flag": true}}})
}

fn listener(name: &str) -> Bootstrap {
    let direct = Route::direct_response(200, "a direct response").prefix("/direct");
    let retry = json!({"retry_on": "5xx", "num_retries": 1});
    let mirror = json!([{"cluster": "mirrored"}]);
    let configured = |route: Route| route.per_route(hostile("a route's").instance("first"));
    Bootstrap::named(name)
        .buffer_limit(LIMIT)
        .http1_trailers()
        .connection_manager("http2_protocol_options", json!({"allow_connect": true}))
        .connection_manager("tracing", tracing())
        .connection_manager("upgrade_configs", json!([{"upgrade_type": "websocket"}]))
        .route(configured(direct).field("metadata", metadata()))
        .route(configured(Route::to("upstream").prefix("/proxied")))
        .route(Route::to("http2").prefix("/http2"))
        .route(Route::to("early").prefix("/early"))
        .route(Route::to("refusing").prefix("/refused"))
        .route(Route::to("upstream").prefix("/cut"))
        .route(Route::to("http2").prefix("/empty"))
        .route(Route::to("hostile").prefix("/cluster"))
        .route(
            Route::to("hostile")
                .prefix("/retried")
                .action("retry_policy", retry),
        )
        .route(Route::to("upstream").prefix("/big"))
        .route(
            Route::to("upstream")
                .prefix("/mirror")
                .action("request_mirror_policies", mirror),
        )
}

fn tracing() -> serde_json::Value {
    json!({"provider": {"name": "envoy.tracers.zipkin", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
        "collector_cluster": "upstream",
        "collector_endpoint": "/callout",
        "collector_endpoint_version": "HTTP_JSON",
    }}})
}
