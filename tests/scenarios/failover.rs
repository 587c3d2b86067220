//! `envoy-configs/failover.yaml`: a second provider answers where the first one does not, each with its own model, path and
//! key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Answer, Bootstrap, Cluster, End, Envoy, Example, NOBODY, Protocol, RecordedRequest, Request,
    Route, Upstream,
};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_first_host_answers,
    All another_host_answers_where_the_first_does_not,
    All no_answer_is_an_answer_too_late,
    All the_last_failure_is_the_answer,
    All a_name_of_the_route_and_of_the_cluster,
    All an_aggregate_cluster,
    All a_weighted_split_renames_for_each_cluster,
    All the_keys_open_chats_alone,
];

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const PATH: &str = "/v1/chat/completions?api-version=1";

/// The hosts as the file describes them: path, model and key.
const FIRST: [&str; 3] = [PATH, "gpt-4o", "Bearer key-of-first"];
const SECOND: [&str; 3] = [
    "/openai/v1/chat/completions?api-version=1",
    "llama-3.3-70b-versatile",
    "Bearer key-of-second",
];

async fn start(
    stage: &Stage,
    first: SocketAddr,
    second: SocketAddr,
    change: impl FnOnce(&mut Value),
) -> Result<Arc<Envoy>> {
    let example = Example::load("failover.yaml")?;
    let mut bootstrap = example.bootstrap(&[(9001, first), (9002, second)])?;
    change(&mut bootstrap);
    let launch = stage.launch(bootstrap);
    let launch = launch.env("FIRST_API_KEY", "key-of-first");
    stage
        .start(launch.env("SECOND_API_KEY", "key-of-second"))
        .await
}

fn body(model: &str, stream: bool) -> String {
    format!(r#"{{"model": "{model}", "n": 1.0, "stream": {stream}, "messages": []}}"#)
}

fn ask(protocol: Protocol, stream: bool) -> Request {
    let body = body("smart", stream);
    let (front, back) = body.split_at(12);
    Request::post(PATH)
        .by(protocol)
        .header("authorization", "Bearer of the client")
        .header("x-attempt", "9")
        .chunks([front.to_owned(), back.to_owned()])
}

fn check_attempt(
    seen: &RecordedRequest,
    host: [&str; 3],
    attempt: &str,
    stream: bool,
) -> Result<()> {
    let [path, model, key] = host;
    same("path", seen.path.as_str(), path)?;
    same("body", seen.text(), body(model, stream))?;
    same("end", &seen.end, &End::Complete)?;
    same("key", only(&seen.headers, "authorization")?.as_str(), key)?;
    let number = only(&seen.headers, "x-attempt")?;
    same("attempt", number.as_str(), attempt)
}

/// Whether the answer is the server's, with the model that the client asked for.
async fn check_answer(envoy: &Envoy, request: Request, server: &str, stream: bool) -> Result<()> {
    let response = request.send(envoy.address().await?).await?;
    let response = response.expect_status(200)?;
    same("served", only(&response.headers, "x-served-by")?, server)?;
    if !stream {
        return same("model", &response.json()?["model"], &json!("smart"));
    }
    let events = response.events()?;
    for event in &events {
        same("model of an event", &event["model"], &json!("smart"))?;
    }
    ensure!(events.len() > 1, "no events: {}", response.text());
    Ok(())
}

async fn the_first_host_answers(stage: &Stage) -> Result<()> {
    let (first, second) = (
        Upstream::mock_llm("first").await?,
        Upstream::mock_llm("second").await?,
    );
    let envoy = start(stage, first.address(), second.address(), |_| {}).await?;
    for protocol in PROTOCOLS {
        for stream in [false, true] {
            check_answer(&envoy, ask(protocol, stream), "first", stream).await?;
            check_attempt(&first.request().await?, FIRST, "1", stream)?;
        }
    }
    same("second", second.requests().len(), 0)?;
    let log = vec!["200 attempts=1 model=gpt-4o"; 4];
    same("log", envoy.access_log(4).await?, log)
}

async fn another_host_answers_where_the_first_does_not(stage: &Stage) -> Result<()> {
    let second = Upstream::mock_llm("second").await?;
    let failures = [
        Some(Answer::status(429)),
        Some(Answer::status(500)),
        Some(Answer::status(503).header("retry-after", "1")),
        Some(Answer::chunks([""; 0]).with_status(502).abort()),
        // Nobody listens.
        None,
    ];
    for failure in failures {
        let what = format!("{failure:?}");
        let first = match failure {
            Some(answer) => Some(Upstream::answering(answer).await?),
            None => None,
        };
        let address = first.as_ref().map_or(NOBODY, Upstream::address);
        let envoy = start(stage, address, second.address(), |_| {}).await?;
        for protocol in PROTOCOLS {
            for stream in [false, true] {
                let asked = ask(protocol, stream);
                let answered = check_answer(&envoy, asked, "second", stream).await;
                answered.with_context(|| what.clone())?;
                if let Some(first) = &first {
                    check_attempt(&first.request().await?, FIRST, "1", stream)?;
                }
                check_attempt(&second.request().await?, SECOND, "2", stream)
                    .with_context(|| what.clone())?;
            }
        }
        let log = vec!["200 attempts=2 model=llama-3.3-70b-versatile"; 4];
        same("log", envoy.access_log(4).await?, log)?;
    }
    Ok(())
}

async fn no_answer_is_an_answer_too_late(stage: &Stage) -> Result<()> {
    let first = Upstream::answering(Answer::status(200).delayed(Duration::from_secs(60))).await?;
    let second = Upstream::mock_llm("second").await?;
    let route = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config\
        /virtual_hosts/0/routes/0/route/retry_policy/per_try_idle_timeout";
    let envoy = start(stage, first.address(), second.address(), |bootstrap| {
        if let Some(timeout) = bootstrap.pointer_mut(route) {
            *timeout = json!("1s");
        }
    })
    .await?;
    check_answer(&envoy, ask(Protocol::Http2, true), "second", true).await?;
    check_attempt(&second.request().await?, SECOND, "2", true)
}

async fn the_last_failure_is_the_answer(stage: &Stage) -> Result<()> {
    let first = Upstream::answering(Answer::status(429)).await?;
    let second = Upstream::answering(Answer::body("busy").with_status(503)).await?;
    let envoy = start(stage, first.address(), second.address(), |_| {}).await?;
    for protocol in PROTOCOLS {
        let request = ask(protocol, false);
        let response = request.send(envoy.address().await?).await?;
        ensure!(
            [429, 503].contains(&response.status),
            "{protocol:?}: {response:?}"
        );
        check_attempt(&second.request().await?, SECOND, "2", false)?;
        for seen in first.requests() {
            same(
                "key of the first",
                only(&seen.headers, "authorization")?.as_str(),
                FIRST[2],
            )?;
        }
    }
    Ok(())
}

/// Also in the listener's chain; the cluster's name from 1.38 on.
async fn a_name_of_the_route_and_of_the_cluster(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"set": [
        {"name": "x-route", "cel": "xds.route_name"},
        {"name": "x-cluster", "cel": "default(xds.cluster_name, 'none')"},
        {"name": "x-tier", "value": "{{ cel(\"xds.route_metadata.filter_metadata['llm'].tier\") }}"},
        {"name": "x-weight", "cel": "string(int(xds.cluster_metadata.filter_metadata['llm'].weight))"},
        {"name": "x-attempt", "cel": "string(default(request.attempt, 0))"},
    ]}});
    let upstream = Upstream::echo().await?;
    let metadata = |values: Value| json!({"filter_metadata": {"llm": values}});
    let route = |name: &str, cluster: &str| {
        Route::to(cluster)
            .prefix(&format!("/{name}"))
            .field("name", json!(name))
            .field("metadata", metadata(json!({"tier": "gold"})))
    };
    let cluster = |name: &str| {
        Cluster::new(name, upstream.address()).field("metadata", metadata(json!({"weight": 7})))
    };
    let in_listener = Bootstrap::named("listener")
        .filter(config.clone())
        .route(route("own", "plain"))
        .add_cluster(cluster("plain"));
    let in_cluster = Bootstrap::named("cluster")
        .route(route("own", "filtered"))
        .add_cluster(cluster("filtered").filter(config));
    let envoy = stage.envoy(&in_listener.beside(in_cluster)).await?;
    for (listener, address) in envoy.listener_addresses().await? {
        let (name, attempt) = match listener.as_str() {
            "listener" => ("plain", "0"),
            _ => ("filtered", "1"),
        };
        let name = if stage.release.at_least(1, 38) {
            name
        } else {
            "none"
        };
        Request::get("/own")
            .send(address)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        for (header, expected) in [
            ("x-route", "own"),
            ("x-cluster", name),
            ("x-tier", "gold"),
            ("x-weight", "7"),
            ("x-attempt", attempt),
        ] {
            let what = format!("{header} in the {listener}");
            same(&what, only(&seen.headers, header)?.as_str(), expected)?;
        }
    }
    Ok(())
}

/// Its own filters run, and know the host that a cluster of it has given; the filters of that cluster do not run.
async fn an_aggregate_cluster(stage: &Stage) -> Result<()> {
    let by = |name: &str| {
        json!({"request": {"add": [
            {"name": "x-by", "value": name},
        ], "set": [
            {"name": "x-model", "cel": "default(xds.upstream_host_metadata.filter_metadata['llm'].model, 'none')"},
        ]}})
    };
    let second = Upstream::echo().await?;
    let endpoint = json!({"address": {"socket_address": {
        "address": "127.0.0.1", "port_value": second.address().port(),
    }}});
    let metadata = json!({"filter_metadata": {"llm": {"model": "of the second"}}});
    let endpoints = json!({
        "cluster_name": "second",
        "endpoints": [{"lb_endpoints": [{"endpoint": endpoint, "metadata": metadata}]}],
    });
    let aggregate = Cluster::new("both", NOBODY)
        .field("load_assignment", Value::Null)
        .field("type", Value::Null)
        .field("lb_policy", json!("CLUSTER_PROVIDED"))
        .field("cluster_type", json!({
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": ["first", "second"],
            },
        }))
        .filter(by("both"));
    let retries = json!({
        "retry_on": "5xx",
        "num_retries": 2,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
    });
    let bootstrap = Bootstrap::new()
        .add_cluster(Cluster::new("first", NOBODY).filter(by("first")))
        .add_cluster(
            Cluster::new("second", second.address())
                .field("load_assignment", endpoints)
                .filter(by("second")),
        )
        .add_cluster(aggregate)
        .route(Route::to("both").action("retry_policy", retries));
    let envoy = stage.envoy(&bootstrap).await?;
    let request = Request::get("/");
    request
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    let seen = second.request().await?;
    same("filters", seen.headers.values("x-by"), ["both"])?;
    same("model", seen.headers.values("x-model"), ["of the second"])
}

/// Each cluster renames the model; what a hash of a header chose once it chooses again.
async fn a_weighted_split_renames_for_each_cluster(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let cluster = |name: &str| {
        let patch = json!({"request": {"patch": [{"replace": "/model", "value": name}]}});
        Cluster::new(name, upstream.address()).filter(patch)
    };
    let weighted = json!({
        "clusters": [{"name": "stable", "weight": 50}, {"name": "candidate", "weight": 50}],
        "use_hash_policy": true,
    });
    let by_session = json!([{"header": {"header_name": "x-session"}}]);
    let bootstrap = Bootstrap::new()
        .add_cluster(cluster("stable"))
        .add_cluster(cluster("candidate"))
        .route(
            Route::to("stable")
                .action("cluster", Value::Null)
                .action("weighted_clusters", weighted)
                .action("hash_policy", by_session),
        );
    let envoy = stage.envoy(&bootstrap).await?;
    let mut models: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for round in 0..60 {
        let session = round % 20;
        let request = Request::post("/")
            .header("x-session", format!("session-{session}"))
            .json(&json!({"model": "smart"}));
        let response = request.send(envoy.address().await?).await?;
        let body: Value = serde_json::from_str(&response.expect_status(200)?.text())?;
        let model = body["model"].as_str().context("no model")?.to_owned();
        models.entry(session).or_default().insert(model);
    }
    let several = models.values().filter(|models| models.len() > 1).count();
    same("sessions with several models", several, 0)?;
    let all: BTreeSet<&String> = models.values().flatten().collect();
    same("models", all.len(), 2)
}

async fn the_keys_open_chats_alone(stage: &Stage) -> Result<()> {
    let [first, second] = [
        Upstream::named("first").await?,
        Upstream::named("second").await?,
    ];
    let envoy = start(stage, first.address(), second.address(), |_| {}).await?;
    let address = envoy.address().await?;
    for protocol in PROTOCOLS {
        for request in [
            Request::post("/v1/files").body(body("smart", false)),
            Request::post("/v1/chat/completions/../../files").body(body("smart", false)),
            Request::post("/v1/chat/completions/").body(body("smart", false)),
            Request::get("/v1/chat/completions"),
        ] {
            let response = request.by(protocol).send(address).await?;
            response.expect_status(404)?;
        }
        let chat = ask(protocol, false)
            .header("x-api-key", "of-client")
            .header("openai-organization", "of-client");
        chat.send(address).await?.expect_status(200)?;
        let seen = first.request().await?;
        same("key of the client", seen.headers.value("x-api-key"), None)?;
        same("who pays", seen.headers.value("openai-organization"), None)?;
    }
    same("requests", first.requests().len(), PROTOCOLS.len())?;
    same("requests", second.requests().len(), 0)
}
