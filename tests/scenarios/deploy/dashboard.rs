//! The dashboard asks for what there is: each selector of each query finds a series with the labels that
//! the query names, on a real `/stats/prometheus` after traffic.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Manifests, Upstream};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

use super::control_plane::ControlPlane;
use super::{addresses, ask};
use crate::metrics::{Series, series};
use crate::stage::Stage;
use crate::updates::Resources;

/// Labels that Prometheus adds to what it scrapes.
const SCRAPED: [&str; 2] = ["namespace", "pod"];

/// What a query asks for: series by their names, and labels of theirs.
#[derive(Debug)]
struct Selector {
    name: Regex,
    /// What each matcher asks of a label; a value with a variable of the dashboard asks only that it is there.
    matchers: Vec<(String, String, String)>,
    /// What the query groups by.
    groups: Vec<String>,
}

impl Selector {
    fn finds(&self, series: &Series) -> bool {
        let label = |name: &String| {
            let found = series.labels.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value)
        };
        let there = |name: &String| SCRAPED.contains(&name.as_str()) || label(name).is_some();
        let meets = |(name, operator, value): &(String, String, String)| {
            let Some(found) = label(name) else {
                return SCRAPED.contains(&name.as_str());
            };
            match operator.as_str() {
                _ if value.contains('$') => true,
                "=" => found == value,
                "!=" => found != value,
                _ => Regex::new(&format!("^(?:{value})$")).is_ok_and(|regex| regex.is_match(found)),
            }
        };
        self.name.is_match(&series.name)
            && self.groups.iter().all(there)
            && self.matchers.iter().all(meets)
    }
}

/// The selectors of a query.
fn selectors(query: &str) -> Result<Vec<Selector>> {
    let by = Regex::new(r"\bby \(([^)]*)\)")?;
    let groups = by.captures_iter(query).flat_map(|found| {
        let names: Vec<String> = found[1]
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        names
    });
    let groups: Vec<String> = groups.collect();
    let selector = Regex::new(r#"([a-zA-Z_:][a-zA-Z0-9_:]*)?\{((?:[^{}"]|"[^"]*")*)\}"#)?;
    let matcher = Regex::new(r#"([a-zA-Z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)""#)?;
    let found = selector.captures_iter(query).map(|found| {
        let matchers = matcher.captures_iter(&found[2]);
        let matchers = matchers.map(|m| (m[1].to_owned(), m[2].to_owned(), m[3].to_owned()));
        let (names, matchers): (Vec<_>, Vec<_>) =
            matchers.partition(|(label, ..)| label == "__name__");
        let name = match (found.get(1), names.first()) {
            (Some(name), None) => regex::escape(name.as_str()),
            (None, Some((_, _, name))) => name.clone(),
            _ => anyhow::bail!("no one name in {query}"),
        };
        Ok(Selector {
            name: Regex::new(&format!("^(?:{name})$"))?,
            matchers,
            groups: groups.clone(),
        })
    });
    found.collect()
}

/// Every query of a dashboard, with the title of its panel.
fn queries(dashboard: &str) -> Result<Vec<(String, String)>> {
    let dashboard: Value = serde_json::from_str(dashboard)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let mut queries = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().context("no title")?;
        for target in panel["targets"].as_array().context("no targets")? {
            let query = target["expr"].as_str().context("no query")?;
            queries.push((title.to_owned(), query.to_owned()));
        }
    }
    Ok(queries)
}

/// A model server's answer: a stream that reports usage.
fn answer() -> Answer {
    let usage = r#"{"usage":{"prompt_tokens":7,"completion_tokens":11}}"#;
    let events = ["data: {}\n\n".to_owned(), format!("data: {usage}\n\n")];
    Answer::chunks(events).header("content-type", "text/event-stream")
}

pub(super) async fn the_dashboard_asks_for_what_there_is(stage: &Stage) -> Result<()> {
    let manifests = Manifests::render("kgateway/overlays/production")?;
    let dashboard = manifests
        .find("ConfigMap", "rustformations-dashboard")
        .context("no dashboard")?;
    let dashboard = dashboard.0["data"]["rustformations.json"]
        .as_str()
        .context("no file")?;
    let mut servers = BTreeMap::new();
    for name in ["llama", "mistral", "httpbun"] {
        servers.insert(name, Upstream::answering(answer()).await?);
    }
    let control_plane = ControlPlane::new(&manifests, addresses(&servers))?;
    // From files, as from a control plane: Envoy then counts what it refuses.
    let mut resources = Resources::new(stage.release)?;
    let bootstrap = resources.write(&control_plane.bootstrap()?, &["routes", "listeners"])?;
    let mut launch = stage.launch(bootstrap);
    for (name, value) in control_plane.environment(&[])? {
        launch = launch.env(&name, &value);
    }
    let envoy = stage.start(launch).await?;
    let address = envoy.address().await?;
    ask("/v1/x", r#"{"model": "llama"}"#)
        .send(address)
        .await?
        .expect_status(200)?;
    ask("/v1/x", "not JSON")
        .send(address)
        .await?
        .expect_status(400)?;
    drop(servers);
    // A server that is gone is what `5xx` and failed connections count.
    let gone = ask("/v1/x", r#"{"model": "llama"}"#).send(address).await?;
    ensure!(gone.status >= 500, "{}", gone.status);
    let queries = queries(dashboard)?;
    let mut asked = 0;
    let mut missing = Vec::new();
    // Histograms come with the next flush.
    for _ in 0..100 {
        let all = series(&envoy).await?;
        (asked, missing) = (0, Vec::new());
        for (title, query) in &queries {
            let selectors = selectors(query)?;
            ensure!(!selectors.is_empty(), "{title}: {query} asks for nothing");
            for selector in selectors {
                asked += 1;
                if !all.iter().any(|series| selector.finds(series)) {
                    missing.push(format!("{title}: {selector:?}"));
                }
            }
        }
        if missing.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    ensure!(
        missing.is_empty(),
        "nothing of {asked} is called so: {missing:#?}"
    );
    #[allow(clippy::print_stdout)] // the report
    {
        println!("{asked} selectors of {} queries find series", queries.len());
    }
    Ok(())
}
