//! The filter within Envoy's filters that choose a filter, with the configurations that `docs/chains.md` has.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use harness::{Bootstrap, Filter, Request, Response, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::MODEL;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All composite_chooses_the_filter,
    All composite_chooses_a_configuration,
    All match_delegate_skips_the_filter,
];

const CHAINS: &str = include_str!("../../docs/chains.md");

/// The blocks of YAML under the heading about these filters, in order.
fn documented(nth: usize) -> Result<Value> {
    let section = CHAINS
        .split("## Within a filter that chooses\n")
        .nth(1)
        .context("no such section")?;
    let block = section
        .split("```yaml\n")
        .nth(nth + 1)
        .and_then(|rest| rest.split("```").next());
    serde_saphyr::from_str(block.context("no such block")?).context("not YAML")
}

/// A listener with the documented filter, and the documented route below `/route`.
fn listener(filter: &Value, upstream: &Upstream) -> Result<Bootstrap> {
    let filter = &filter[0];
    let name = filter["name"].as_str().context("no name")?;
    let of_route = documented(1)?["typed_per_filter_config"]["by-tenant"].take();
    let shown = json!([{"header": {"key": "x-routed", "value": "model"}}]);
    Ok(Bootstrap::new()
        .http_filter(name, &filter["typed_config"])
        .cluster("upstream", upstream.address())
        .route(
            Route::to("upstream")
                .prefix("/route")
                .field("typed_per_filter_config", json!({name: of_route})),
        )
        // The name of the filter within is no key.
        .route(
            Route::to("upstream")
                .prefix("/within")
                .per_route(Filter::new(tier("within"))),
        )
        .route(
            Route::to("upstream")
                .header(MODEL, "gpt-4o")
                .field("response_headers_to_add", shown),
        )
        .route(Route::to("upstream")))
}

fn tier(value: &str) -> Value {
    json!({"response": {"set": [{"name": "x-tier", "value": value}]}})
}

async fn ask(address: SocketAddr, path: &str, header: (&str, &str)) -> Result<Response> {
    let request = Request::post(path).header(header.0, header.1);
    let request = request.chunks([r#"{"model":"#, r#""gpt-4o"}"#]);
    request.send(address).await?.expect_status(200)
}

async fn tiers(
    address: SocketAddr,
    header: &str,
    cases: &[(&str, &str, Option<&str>)],
) -> Result<()> {
    for (path, value, tier) in cases {
        let response = ask(address, path, (header, value)).await?;
        let what = format!("{path}, {header}: {value}");
        same(&what, response.headers.value("x-tier").as_deref(), *tier)?;
    }
    Ok(())
}

async fn composite_chooses_the_filter(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = stage.envoy(&listener(&documented(0)?, &upstream)?).await?;
    let address = envoy.address().await?;
    let cases = [
        ("/", "gold", Some("gold")),
        ("/", "other", None),
        ("/route", "gold", Some("of the route")),
        ("/route", "other", None),
        ("/within", "gold", Some("gold")),
    ];
    tiers(address, "x-tenant", &cases).await?;
    // The body is held and read there, and the route chosen again.
    for (tenant, model) in [("gold", Some("gpt-4o")), ("other", None)] {
        let response = ask(address, "/", ("x-tenant", tenant)).await?;
        let routed = response.headers.contains("x-routed");
        same(tenant, routed, model.is_some())?;
        let seen = upstream.request().await?;
        same(tenant, seen.headers.value(MODEL).as_deref(), model)?;
        same(tenant, seen.text().as_str(), r#"{"model":"gpt-4o"}"#)?;
    }
    Ok(())
}

async fn composite_chooses_a_configuration(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let mut filter = documented(0)?;
    let map = filter
        .pointer_mut("/0/typed_config/xds_matcher/matcher_tree/exact_match_map/map")
        .context("no map")?;
    let mut silver = map["gold"].clone();
    silver["action"]["typed_config"]["typed_config"]["typed_config"] =
        Filter::new(tier("silver")).typed_config();
    map["silver"] = silver;
    let envoy = stage.envoy(&listener(&filter, &upstream)?).await?;
    let cases = [
        ("/", "gold", Some("gold")),
        ("/", "silver", Some("silver")),
        ("/route", "gold", Some("of the route")),
        ("/route", "silver", Some("of the route")),
    ];
    tiers(envoy.address().await?, "x-tenant", &cases).await
}

async fn match_delegate_skips_the_filter(stage: &Stage) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let envoy = stage.envoy(&listener(&documented(2)?, &upstream)?).await?;
    let cases = [
        ("/", "false", Some("external")),
        ("/", "true", None),
        ("/route", "false", Some("of the route")),
        ("/route", "true", None),
        ("/within", "false", Some("external")),
    ];
    tiers(envoy.address().await?, "x-internal", &cases).await
}
