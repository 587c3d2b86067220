//! What README.md says is so, and the pages that it begins.

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, EnvoyRelease, Filter, FilterConfig, Route};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_ten_lines_route,
    Ends the_whole_configuration_loads_without_a_warning,
    Ends every_supported_release_is_in_the_table,
];

const README: &str = include_str!("../../README.md");
const KEYS: &str = include_str!("../../docs/keys.md");
const RELEASES: &str = include_str!("../../docs/envoy-releases.md");

/// The first block of YAML of a page.
fn yaml(page: &str) -> Result<Value> {
    let block = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    serde_saphyr::from_str(block.context("no such block")?).context("not YAML")
}

async fn the_ten_lines_route(stage: &Stage) -> Result<()> {
    let filter = yaml(README)?[0].take();
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
        .filter(Filter::new(FilterConfig::Struct(yaml(KEYS)?)))
        .route(Route::direct_response(200, "ok"));
    let envoy = stage.envoy(&bootstrap).await?;
    ensure!(!envoy.log().contains(": RF0"), "a diagnostic");
    Ok(())
}

async fn every_supported_release_is_in_the_table(_: &Stage) -> Result<()> {
    for release in EnvoyRelease::SUPPORTED {
        ensure!(
            RELEASES.contains(&format!("| {release} |")),
            "{release} is not in the table of docs/envoy-releases.md"
        );
    }
    Ok(())
}
