//! Expressions in CEL where a configuration takes them, as upstreams and clients see what comes of them.

use anyhow::Result;
use harness::{Answer, Bootstrap, EnvoyRelease, Protocol, Request};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::responses::behind;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_field_by_an_expression_routes,
    All headers_and_bodies_of_requests,
    Ends a_response_sees_its_request,
    Ends a_new_body_is_not_encoded_as_the_old_one_was,
    Ends a_release_that_tells_no_booleans_says_so,
    All failures_are_counted_and_set_nothing,
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

async fn headers_and_bodies_of_requests(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "when": "request.headers['x-on'] == 'yes'",
        "set": [
            {"name": "x-roles", "cel": "json(request.body).messages.map(m, m.role).join(',')"},
            {"name": "x-path", "value": "at {{ cel(\"request.path\") }}"},
        ],
        "body": {"cel": "json(request.body).merge({'max_tokens': 1024})"},
    }});
    let gateway = Gateway::start(stage, config).await?;
    let body = r#"{"t":3.10,"messages":[{"role":"system"},{"role":"user"}]}"#;
    let ask = |on: &str| Request::post("/a?b=c").header("x-on", on).body(body);
    let (_, seen) = gateway.forward(ask("yes")).await?;
    same(
        "roles",
        only(&seen.headers, "x-roles")?.as_str(),
        "system,user",
    )?;
    same("path", only(&seen.headers, "x-path")?.as_str(), "at /a")?;
    let after = r#"{"t":3.10,"messages":[{"role":"system"},{"role":"user"}],"max_tokens":1024}"#;
    same("body", seen.text().as_str(), after)?;
    let (_, seen) = gateway.forward(ask("no")).await?;
    same("body", seen.text().as_str(), body)?;
    same("roles", seen.headers.value("x-roles"), None::<String>)
}

async fn a_response_sees_its_request(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {"extract": [{"name": "model", "from": [{"cel": "json(request.body).model"}]}]},
        "response": {
            "when": "response.code == 200",
            "set": [{"name": "x-model", "cel": "default(extracted.model, 'none')"}],
            "body": {"cel": "{'method': request.method, 'n': json(response.body).n}"},
        },
    });
    let answer = Answer::body(r#"{"n":1.50}"#).header("content-type", "application/json");
    let (address, _upstream) = behind(stage, config, answer).await?;
    let request = Request::post("/").body(r#"{"model":"a"}"#);
    let response = request.send(address).await?.expect_status(200)?;
    same("model", only(&response.headers, "x-model")?.as_str(), "a")?;
    same(
        "body",
        response.text().as_str(),
        r#"{"method":"POST","n":1.50}"#,
    )
}

async fn a_new_body_is_not_encoded_as_the_old_one_was(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "body": {"cel": "request.path == '/new' ? 'new' : response.body"},
    }});
    let answer = Answer::body("\u{1f}old").header("content-encoding", "gzip");
    let (address, _upstream) = behind(stage, config, answer).await?;
    let response = Request::get("/new").send(address).await?;
    same("new", response.text().as_str(), "new")?;
    let encoding = response.headers.value("content-encoding");
    same("encoding of the new", encoding, None::<String>)?;
    let response = Request::get("/").send(address).await?;
    same("old", response.text().as_str(), "\u{1f}old")?;
    let encoding = only(&response.headers, "content-encoding")?;
    same("encoding of the old", encoding.as_str(), "gzip")
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
        .contains("this Envoy does not tell `connection.mtls`");
    same("warning", warned, stage.release == EnvoyRelease::OLDEST)
}

async fn failures_are_counted_and_set_nothing(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "when": "request.headers['x-when'] != '' || fail('when')",
        "set": [{"name": "x-a", "cel": "json(request.body).nope"}],
        "add": [{"name": "x-b", "cel": "1 / int(request.headers['x-when'])"}],
        "body": {"cel": "toJson(json(request.body).nope)"},
    }});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%DYNAMIC_METADATA(rustformations:failure)%");
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    let body = r#"{"model":"m"}"#;
    let ask = Request::post("/").header("x-a", "forged").body(body);
    let (_, seen) = gateway.forward(ask.clone().header("x-when", "0")).await?;
    same("set", seen.headers.value("x-a"), None::<String>)?;
    same("add", seen.headers.value("x-b"), None::<String>)?;
    same("body", seen.text().as_str(), body)?;
    let (_, seen) = gateway.forward(ask).await?;
    same("left alone", only(&seen.headers, "x-a")?.as_str(), "forged")?;
    same(
        "access log",
        gateway.envoy.access_log(2).await?,
        ["render", "render"],
    )
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
