//! Metrics and typed metadata: as Prometheus and the access log show them on each release.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Cluster, Envoy, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, same, scenarios};
use crate::updates::{Load, Resources, wait_for_version};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All metrics_have_the_names_of_the_release,
    All metrics_in_a_clusters_chain_name_the_cluster,
    All numbers_are_numbers_in_the_access_log,
    Ends labels_are_bounded,
    Ends the_process_says_what_to_measure,
    Ends a_route_defines_no_metric,
    Ends a_listener_with_metrics_changes_under_load,
];

/// One series of a page of Prometheus.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Series {
    fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The series of `/stats/prometheus`.
pub(crate) async fn series(envoy: &Envoy) -> Result<Vec<Series>> {
    let page = envoy.admin("/stats/prometheus").await?;
    let lines = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| parsed(line).with_context(|| line.to_owned()))
        .collect()
}

/// `name{label="value",...} number`, without escapes in the values.
fn parsed(line: &str) -> Result<Series> {
    let (series, value) = line.rsplit_once(' ').context("no value")?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').context("labels do not end")?;
    let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once("=\"").context("no pair")?;
        let value = value.strip_suffix('"').unwrap_or(value);
        Ok((name.to_owned(), value.to_owned()))
    };
    Ok(Series {
        name: name.to_owned(),
        labels: pairs.map(pair).collect::<Result<_>>()?,
        value: value.parse().unwrap_or(f64::NAN),
    })
}

/// The value of the one series with this name and these labels; 0 if there is none.
fn value(all: &[Series], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is = |series: &&Series| {
        series.name == name
            && labels
                .iter()
                .all(|(name, value)| series.label(name) == Some(value))
    };
    all.iter().filter(is).map(|series| series.value).sum()
}

/// Waits until the series with this name add up to `sum`: a histogram shows its values with the next flush.
async fn series_adding_up(envoy: &Envoy, name: &str, sum: f64) -> Result<Vec<Series>> {
    for _ in 0..200 {
        let all = series(envoy).await?;
        if value(&all, name, &[]) >= sum {
            return Ok(all);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let names: Vec<String> = series(envoy)
        .await?
        .into_iter()
        .map(|series| series.name)
        .collect();
    anyhow::bail!("{name} does not add up to {sum}; there are {names:?}")
}

/// How the module's metrics begin on this release.
fn prefix(stage: &Stage) -> &'static str {
    if stage.release.at_least(1, 38) {
        "envoy_dynamicmodulescustom_"
    } else {
        ""
    }
}

fn by_model() -> Value {
    json!({
        "metrics": {"labels": {"model": "extracted.model"}},
        "request": {"extract": [{"header": MODEL}]},
    })
}

fn ask(model: &str) -> Request {
    Request::post("/").body(json!({"model": model}).to_string())
}

/// A stream of three events, the last of which reports usage.
fn stream() -> Answer {
    let usage = r#"{"usage":{"prompt_tokens":7,"completion_tokens":11}}"#;
    let events = [
        "data: {}\n\n".to_owned(),
        "data: {}\n\n".to_owned(),
        format!("data: {usage}\n\n"),
    ];
    let answer = Answer::chunks(events).header("content-type", "text/event-stream");
    answer.pause(std::time::Duration::from_millis(20))
}

async fn metrics_have_the_names_of_the_release(stage: &Stage) -> Result<()> {
    let upstream = Upstream::answering(stream()).await?;
    let bootstrap = Bootstrap::new()
        .filter(by_model())
        .cluster("only", upstream.address())
        .route(Route::to("only"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for model in ["gpt-4o", "gpt-4o", "a\"b\\c \u{e9}"] {
        ask(model).send(address).await?.expect_status(200)?;
    }
    Request::post("/")
        .body("{")
        .send(address)
        .await?
        .expect_status(200)?;
    let p = prefix(stage);
    let all = series_adding_up(
        &envoy,
        &format!("{p}rustformations_response_time_ms_count"),
        4.0,
    )
    .await?;
    let of = |name: &str, labels: &[(&str, &str)]| {
        value(&all, &format!("{p}rustformations_{name}"), labels)
    };
    let model = ("model", "gpt-4o");
    for (name, labels, expected) in [
        ("requests_total", &[model, ("outcome", "routed")][..], 2.0),
        (
            "requests_total",
            &[("model", "none"), ("outcome", "invalid")],
            1.0,
        ),
        ("requests_total", &[], 4.0),
        ("tokens_total", &[model, ("type", "input")], 14.0),
        ("tokens_total", &[model, ("type", "output")], 22.0),
        ("time_to_first_byte_ms_count", &[model], 2.0),
        ("response_time_ms_count", &[model], 2.0),
        ("time_per_output_token_us_count", &[model], 2.0),
        ("held_bytes_count", &[model, ("message", "request")], 2.0),
        ("failures_total", &[("reason", "json_invalid")], 1.0),
        ("info", &[("version", "0.1.0")], 1.0),
    ] {
        same(&format!("{name} {labels:?}"), of(name, labels), expected)?;
    }
    let sum = of("response_time_ms_sum", &[model]);
    ensure!(sum >= 50.0, "two streams with pauses took {sum} ms");
    let buckets = of("response_time_ms_bucket", &[model, ("le", "+Inf")]);
    same("le", buckets, 2.0)
}

async fn metrics_in_a_clusters_chain_name_the_cluster(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let cluster = Cluster::new("only", upstream.address()).filter(by_model());
    let bootstrap = Bootstrap::new()
        .add_cluster(cluster)
        .route(Route::to("only"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for _ in 0..2 {
        ask("gpt-4o").send(address).await?.expect_status(200)?;
    }
    let name = "envoy_cluster_only_dynamicmodulescustom_rustformations_requests_total";
    let all = series_adding_up(&envoy, name, 2.0).await?;
    let labels = [("model", "gpt-4o"), ("outcome", "routed")];
    same(name, value(&all, name, &labels), 2.0)
}

async fn numbers_are_numbers_in_the_access_log(stage: &Stage) -> Result<()> {
    let entry = |key: &str, value: Value| json!({"namespace": "n", "key": key, "value": value});
    let config = json!({
        "request": {"dynamicMetadata": [
            entry("template", json!({"numberValue": "{{ header('x-n') }}"})),
            entry("int", json!({"cel": "int(request.headers['x-n'])"})),
            entry("half", json!({"cel": "double(request.headers['x-n']) / 4.0"})),
            entry("bool", json!({"cel": "true"})),
            entry("text", json!({"cel": "request.headers['x-n']"})),
            entry("list", json!({"cel": "[1, 2]"})),
        ]},
        // Both languages read them back.
        "response": {"set": [
            {"name": "x-sum", "cel": "double(metadata.n.template) + double(metadata.n.half)"},
            {"name": "x-twice", "value": "{{ cel('int(metadata.n.int)') * 2 }}"},
        ]},
    });
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%DYNAMIC_METADATA(n)%");
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    let request = Request::get("/").header("x-n", "42");
    let response = request.send(gateway.address).await?.expect_status(200)?;
    same(
        "sum",
        response.headers.value("x-sum").as_deref(),
        Some("52.5"),
    )?;
    same(
        "twice",
        response.headers.value("x-twice").as_deref(),
        Some("84"),
    )?;
    let lines = gateway.envoy.access_log(1).await?;
    let logged: Value = serde_json::from_str(&lines[0])?;
    // Before 1.37.1 metadata has no booleans.
    let bool = match stage.release.at_least(1, 38) {
        true => json!(true),
        false => json!("true"),
    };
    let expected = json!({"template": 42, "int": 42, "half": 10.5, "bool": bool, "text": "42", "list": "[1,2]"});
    same("metadata", logged, expected)
}

async fn labels_are_bounded(stage: &Stage) -> Result<()> {
    let mut config = by_model();
    config["metrics"]["maxValues"] = json!(10);
    let gateway = Gateway::start(stage, config).await?;
    for model in 0..200 {
        ask(&format!("m{model}"))
            .send(gateway.address)
            .await?
            .expect_status(200)?;
    }
    let all = series(&gateway.envoy).await?;
    let name = format!("{}rustformations_requests_total", prefix(stage));
    let models = all.iter().filter(|series| series.name == name);
    same("series", models.count(), 11)?;
    same("other", value(&all, &name, &[("model", "other")]), 190.0)?;
    same("all", value(&all, &name, &[]), 200.0)
}

async fn the_process_says_what_to_measure(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    // As kgateway has it: the route's configuration sets the header, and nothing is extracted.
    let route = json!({"request": {
        "body": {"parseAs": "AsJson"},
        "set": [{"name": MODEL, "value": "{{ model }}"}],
    }});
    let bootstrap = Bootstrap::new()
        .filter(json!({}))
        .cluster("only", upstream.address())
        .route(Route::to("only").per_route(route));
    let labels = json!({"labels": {"model": format!("request.headers['{MODEL}']")}});
    let launch = stage
        .launch(bootstrap.build(stage.release))
        .env("RUSTFORMATIONS_METRICS", &labels.to_string());
    let envoy = stage.start(launch).await?;
    let address = envoy.address().await?;
    ask("llama").send(address).await?.expect_status(200)?;
    let all = series(&envoy).await?;
    let name = format!("{}rustformations_requests_total", prefix(stage));
    same(
        "llama",
        value(&all, &name, &[("model", "llama"), ("outcome", "routed")]),
        1.0,
    )?;

    let launch = stage
        .launch(bootstrap.build(stage.release))
        .env("RUSTFORMATIONS_METRICS", r#"{"labels": {"le": "'a'"}}"#);
    let envoy = stage.start(launch).await?;
    ask("llama")
        .send(envoy.address().await?)
        .await?
        .expect_status(200)?;
    envoy
        .log_containing("RUSTFORMATIONS_METRICS: RF008: labels.le")
        .await?;
    Ok(())
}

async fn a_route_defines_no_metric(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let bootstrap = Bootstrap::new()
        .filter(json!({}))
        .cluster("only", upstream.address())
        .route(Route::to("only").per_route(by_model()));
    let log = stage
        .launch(bootstrap.build(stage.release))
        .start_expecting_refusal()
        .await?;
    ensure!(
        log.contains("metrics: a route can define no metric"),
        "{log}"
    );
    Ok(())
}

async fn a_listener_with_metrics_changes_under_load(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let listening = |version: &str, labels: Value| {
        let config = json!({
            "metrics": {"labels": labels, "maxValues": 1},
            "request": {"extract": [{"header": "x-model"}]},
            "response": {"set": [
                {"name": "x-version", "value": format!("{{{{ extracted.model }}}} {version}")},
            ]},
        });
        Bootstrap::new()
            .filter(config)
            .cluster("only", upstream.address())
            .route(Route::to("only"))
            .listener("drain_type", json!("MODIFY_ONLY"))
    };
    let model = json!({"model": "extracted.model"});
    let more = json!({"model": "extracted.model", "verb": "request.method"});
    let mut resources = Resources::new(stage.release)?;
    let bootstrap = resources.write(&listening("1", model.clone()), &["routes", "listeners"])?;
    let envoy = stage.start(stage.launch(bootstrap)).await?;
    let address = envoy.address().await?;
    ask("gpt-4o").send(address).await?.expect_status(200)?;
    wait_for_version(address, "1").await?;
    let load = Load::start(address);
    // The same metrics, others of the same names, and the first again.
    for (version, labels) in [("2", &model), ("3", &more), ("4", &more), ("5", &model)] {
        resources.write(&listening(version, labels.clone()), &["listeners"])?;
        wait_for_version(address, version).await?;
    }
    let served = load.finish().await?;
    ensure!(served > 20, "only {served} requests");
    let all = series(&envoy).await?;
    let name = format!("{}rustformations_requests_total", prefix(stage));
    let counted = value(&all, &name, &[("outcome", "routed")]);
    ensure!(
        counted > f64::from(u32::try_from(served)?),
        "{counted} of {served} and more"
    );
    ensure!(
        value(&all, &name, &[("model", "gpt-4o")]) > 0.0,
        "no series of the first model"
    );
    Ok(())
}
