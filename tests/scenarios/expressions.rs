//! Expressions in CEL where a configuration takes them, as upstreams and clients see what comes of them.

use anyhow::Result;
use harness::{Bootstrap, EnvoyRelease, Protocol, Request};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_field_by_an_expression_routes,
    Ends a_release_that_tells_no_booleans_says_so,
    Ends what_when_rules_out_passes_whatever_its_size,
];

async fn a_field_by_an_expression_routes(stage: &Stage) -> Result<()> {
    let extract = json!({"request": {"extract": [
        {"name": "model", "from": [{"cel": "json(request.body).model"}], "header": MODEL},
    ]}});
    let set = json!({"request": {
        "set": [{"name": MODEL, "cel": "json(request.body).model"}], "clearRouteCache": true,
    }});
    for config in [extract, set] {
        let gateway = Gateway::start(stage, config).await?;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for model in ["gpt-4o", "other"] {
                let request = Request::post("/")
                    .by(protocol)
                    .header(MODEL, "forged")
                    .chunks(["{\"mod".to_owned(), format!("el\":\"{model}\"}}")]);
                gateway.check_model(model, request, Some(model)).await?;
            }
            let request = Request::post("/").by(protocol).header(MODEL, "gpt-4o");
            gateway
                .check_model("no model", request.body("{}"), None)
                .await?;
        }
    }
    Ok(())
}

async fn a_release_that_tells_no_booleans_says_so(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "set": [{"name": "x-mtls", "cel": "default(connection.mtls, false)"}],
    }});
    let gateway = Gateway::start(stage, config).await?;
    let (_, seen) = gateway.forward(Request::post("/").body("{}")).await?;
    same("mtls", only(&seen.headers, "x-mtls")?.as_str(), "false")?;
    let warned = gateway
        .envoy
        .log()
        .contains("this Envoy does not report `connection.mtls`");
    same("warning", warned, stage.release == EnvoyRelease::OLDEST)
}

async fn what_when_rules_out_passes_whatever_its_size(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"when": "request.method == 'PUT'", "extract": [{"header": MODEL}]},
        "response": {"when": "response.code == 500", "patch": [{"remove": "/a"}]},
    });
    let bootstrap = Bootstrap::new().filter(config).buffer_limit(65536);
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    let body = "x".repeat(1 << 20);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/").by(protocol).body(body.clone());
        let (_, seen) = gateway.forward(request).await?;
        same("length", seen.body().len(), body.len())?;
    }
    Ok(())
}
