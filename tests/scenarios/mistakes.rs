//! The mistakes around a filter of `cli/mistakes/`: Envoy does with each what the page reports, and takes what is right.

use anyhow::{Context, Result, ensure};
use artifacts::workspace;
use harness::{Bootstrap, Route};
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All mistakes_around_a_filter_do_what_the_page_reports,
];

/// A bootstrap whose chain of filters and routes are those of a text.
fn bootstrap(stage: &Stage, text: &str) -> Result<Value> {
    let parts: Value = serde_saphyr::from_str(text)?;
    let mut bootstrap = Bootstrap::new()
        .route(Route::direct_response(200, "ok"))
        .build(stage.release);
    let place = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let manager = bootstrap.pointer_mut(place).context("no manager")?;
    manager["http_filters"] = parts["http_filters"].clone();
    let routes = &parts["route_config"]["virtual_hosts"][0]["routes"][0];
    let per_filter = &routes["typed_per_filter_config"];
    if !per_filter.is_null() {
        let route = manager.pointer_mut("/route_config/virtual_hosts/0/routes/0");
        route.context("no route")?["typed_per_filter_config"] = per_filter.clone();
    }
    Ok(bootstrap)
}

async fn mistakes_around_a_filter_do_what_the_page_reports(stage: &Stage) -> Result<()> {
    let path = workspace().join("cli/mistakes/envoy.yaml");
    let table: Value = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
    let mistakes = table["mistakes"].as_array().context("no mistakes")?;
    let mut played = 0;
    for mistake in mistakes
        .iter()
        .filter(|mistake| !mistake["envoy"].is_null())
    {
        let text = |key: &str| mistake[key].as_str().context("not a text");
        let name = text("name")?;
        let refused = match text("envoy")? {
            "accepted" => false,
            "refused" => true,
            "refused before 1.40" => !stage.release.at_least(1, 40),
            other => anyhow::bail!("{name}: {other}"),
        };
        let wrong = stage
            .launch(bootstrap(stage, text("wrong")?)?)
            .validate()
            .await?;
        ensure!(
            wrong.status.success() != refused,
            "{name}: not {}:\n{}",
            text("envoy")?,
            wrong.output
        );
        let right = stage
            .launch(bootstrap(stage, text("right")?)?)
            .validate()
            .await?;
        ensure!(
            right.status.success(),
            "{name}: what is right is refused:\n{}",
            right.output
        );
        played += 1;
    }
    ensure!(played > 10, "{}", json!(mistakes.len()));
    Ok(())
}
