//! The module of one's own in `examples/`, as its comments have it.

use anyhow::{Result, ensure};
use harness::{Example, Module, Request};

use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![All the_example_guards_its_listener,];

async fn the_example_guards_its_listener(stage: &Stage) -> Result<()> {
    let file = artifacts::workspace().join("examples/maintenance/envoy.yaml");
    let bootstrap = Example::at(&file)?.bootstrap(&[])?;
    let launch = stage.launch(bootstrap).module(Module::maintenance()?);
    let envoy = stage.start(launch).await?;
    let address = envoy.address().await?;
    for word in [None, Some("nonsense")] {
        let mut request = Request::get("/");
        if let Some(word) = word {
            request = request.header("x-maintenance", word);
        }
        let response = request.send(address).await?.expect_status(503)?;
        same(
            "retry-after",
            only(&response.headers, "retry-after")?,
            "120",
        )?;
        ensure!(
            response.text().contains("being repaired"),
            "{}",
            response.text()
        );
    }
    let let_in = Request::get("/").header("x-maintenance", "let me in");
    same(
        "body",
        let_in.send(address).await?.expect_status(200)?.text(),
        "here\n",
    )?;
    let stats = envoy.stats("maintenance_turned_away_total").await?;
    ensure!(stats.trim_end().ends_with(": 2"), "{stats}");
    Ok(())
}
