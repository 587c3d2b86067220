//! What README.md says is so.

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, EnvoyRelease, Filter, FilterConfig, Route};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_ten_lines_route,
    Ends the_whole_configuration_loads_without_a_warning,
    Ends configurations_of_the_documents_load_without_a_warning,
    Ends every_supported_release_is_in_the_table,
];

const README: &str = include_str!("../../README.md");

const DOCUMENTS: [(&str, &str); 2] = [
    ("cel.md", include_str!("../../docs/cel.md")),
    (
        "body-routing.md",
        include_str!("../../docs/body-routing.md"),
    ),
];

/// The blocks of YAML of a page, in order.
fn blocks(page: &str) -> impl Iterator<Item = Result<Value>> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks.map(|rest| {
        let block = rest.split("```").next().unwrap_or_default();
        serde_saphyr::from_str(block).with_context(|| format!("not YAML: {block}"))
    })
}

/// A block of README.md.
fn yaml(nth: usize) -> Result<Value> {
    blocks(README).nth(nth).context("no such block")?
}

async fn configurations_of_the_documents_load_without_a_warning(stage: &Stage) -> Result<()> {
    for (page, text) in DOCUMENTS {
        for (nth, block) in blocks(text).enumerate() {
            let mut block = block?;
            if block.get("extract").is_some() {
                block = json!({"request": block});
            }
            let bootstrap = Bootstrap::new()
                .filter(Filter::new(FilterConfig::Struct(block)))
                .route(Route::direct_response(200, "ok"));
            let place = || format!("block {nth} of {page}");
            let envoy = stage.envoy(&bootstrap).await.with_context(place)?;
            ensure!(!envoy.log().contains(": RF0"), "a diagnostic: {}", place());
        }
    }
    Ok(())
}

async fn the_ten_lines_route(stage: &Stage) -> Result<()> {
    let filter = yaml(0)?[0].take();
    let name = filter["name"].as_str().context("no name")?.to_owned();
    let gateway = Gateway::start_with(
        stage,
        Bootstrap::new().http_filter(&name, &filter["typed_config"]),
    )
    .await?;
    gateway.check_alive().await
}

async fn the_whole_configuration_loads_without_a_warning(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new()
        .filter(Filter::new(FilterConfig::Struct(yaml(1)?)))
        .route(Route::direct_response(200, "ok"));
    let envoy = stage.envoy(&bootstrap).await?;
    ensure!(!envoy.log().contains(": RF0"), "a diagnostic");
    Ok(())
}

async fn every_supported_release_is_in_the_table(_: &Stage) -> Result<()> {
    for release in EnvoyRelease::SUPPORTED {
        ensure!(
            README.contains(&format!("| {release} |")),
            "{release} is not in the table"
        );
    }
    Ok(())
}
