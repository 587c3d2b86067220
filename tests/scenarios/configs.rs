//! Every file of `envoy-configs/` does what its comments promise.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, ensure};
use harness::{Answer, Envoy, Example, Protocol, Request, Response, Upstream};
use serde_json::{Value, json};

use crate::mirrors::{check_shares, shares};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All every_file_is_valid,
    All minimal,
    All body_routing,
    All transform,
    All per_route,
    Ends mirror,
    All model_names,
    All token_usage,
    Ends demo,
];

/// The files with the ports of their endpoints. A file missing here is a failure.
const FILES: &[(&str, &[u16])] = &[
    ("minimal.yaml", &[9001, 9002]),
    ("body-routing.yaml", &[9001, 9002]),
    ("transform.yaml", &[9001]),
    ("per-route.yaml", &[9001]),
    ("mirror.yaml", &[9001, 9002]),
    ("model-names.yaml", &[9001]),
    ("failover.yaml", &[9001, 9002]),
    ("llm-gateway.yaml", &[9001, 9002, 9003]),
    ("inference-extension.yaml", &[9001, 9002]),
    ("unified-endpoint.yaml", &[9001, 9002]),
    ("tenant-and-model.yaml", &[9001, 9002]),
    ("token-limits.yaml", &[9001]),
    ("model-policy.yaml", &[9001]),
    ("token-usage.yaml", &[9001]),
    ("answer-tokens.yaml", &[9001]),
    ("token-rate-limit.yaml", &[9001, 9002]),
    ("token-cost.yaml", &[9001]),
    ("expressions.yaml", &[9001, 9002]),
    ("demo.yaml", &[]),
];

pub(crate) async fn start(
    stage: &Stage,
    file: &str,
    upstreams: &[(u16, &Upstream)],
) -> Result<Arc<Envoy>> {
    let upstreams: Vec<_> = upstreams
        .iter()
        .map(|(port, upstream)| (*port, upstream.address()))
        .collect();
    stage
        .start(stage.launch(Example::load(file)?.bootstrap(&upstreams)?))
        .await
}

fn served_by(response: &Response) -> Result<String> {
    only(&response.headers, "x-served-by")
}

/// The files as they are, fixed ports included.
async fn every_file_is_valid(stage: &Stage) -> Result<()> {
    let known: BTreeSet<_> = FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
    same("files of envoy-configs", Example::names()?, known)?;
    let list = include_str!("../../envoy-configs/README.md");
    for (file, ports) in FILES {
        ensure!(
            list.contains(&format!("| [{file}]({file}) |")),
            "the README lacks {file}"
        );
        let upstreams: Vec<_> = ports
            .iter()
            .map(|port| (*port, ([127, 0, 0, 1], *port).into()))
            .collect();
        let bootstrap = Example::load(file)?.bootstrap_on(10000, &upstreams)?;
        let validation = stage.launch(bootstrap).validate().await?;
        ensure!(validation.status.success(), "{file}: {}", validation.output);
    }
    Ok(())
}

async fn minimal(stage: &Stage) -> Result<()> {
    let (small, large) = (
        Upstream::mock_llm("small").await?,
        Upstream::mock_llm("large").await?,
    );
    let envoy = start(stage, "minimal.yaml", &[(9001, &small), (9002, &large)]).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (model, upstream) in [("large", "large"), ("small", "small"), ("unknown", "small")] {
            let body = json!({"messages": [], "model": model});
            let request = Request::post("/v1/chat/completions")
                .by(protocol)
                .json(&body);
            let response = request.send(address).await?.expect_status(200)?;
            same(model, served_by(&response)?, upstream)?;
        }
        let forged = Request::post("/")
            .by(protocol)
            .json(&json!({"model": "small"}));
        let response = forged
            .header("x-gateway-model-name", "large")
            .send(address)
            .await?;
        same("forged header", served_by(&response)?, "small")?;
        same(
            "header",
            only(&small.request().await?.headers, "x-gateway-model-name")?,
            "small",
        )?;
    }
    Ok(())
}

async fn body_routing(stage: &Stage) -> Result<()> {
    let (openai, local) = (
        Upstream::mock_llm("openai").await?,
        Upstream::mock_llm("local").await?,
    );
    let envoy = start(
        stage,
        "body-routing.yaml",
        &[(9001, &openai), (9002, &local)],
    )
    .await?;
    let address = envoy.address().await?;
    let ask = |body: &str| {
        Request::post("/chat")
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let chosen: &[(Request, &str, Option<&str>)] = &[
        (ask(r#"{"model": "gpt-4o"}"#), "openai", Some("gpt-4o")),
        (ask(r#"{"model": "gpt-4-turbo"}"#), "openai", Some("gpt-4o")),
        (
            ask(r#"{"model": "mistral-small"}"#),
            "local",
            Some("mistral-small"),
        ),
        (
            ask(r#"{"model": "mistral-large"}"#),
            "local",
            Some("mistral-large"),
        ),
        (
            ask("audio bytes").header("x-model", "gpt-4o"),
            "openai",
            Some("gpt-4o"),
        ),
    ];
    let fallen_back: &[(Request, &str, Option<&str>)] = &[
        (ask(r#"{"model": "llama-3"}"#), "local", Some("llama-3")),
        (ask(r#"{"messages": []}"#), "local", None),
        (ask("not JSON"), "local", None),
        (Request::get("/models"), "local", None),
        (
            ask("{}").header("x-gateway-model-name", "gpt-4o"),
            "local",
            None,
        ),
    ];
    let mut expected_log = Vec::new();
    for (cases, route) in [(chosen, None), (fallen_back, Some("fallback"))] {
        for (request, upstream, model) in cases {
            let what = format!("{request:?}");
            let response = request.clone().send(address).await?.expect_status(200)?;
            same(&what, served_by(&response)?, *upstream)?;
            same(
                &what,
                response.headers.value("x-gateway-route").as_deref(),
                route,
            )?;
            let seen = if *upstream == "openai" {
                openai.request().await?
            } else {
                local.request().await?
            };
            same(
                &what,
                seen.headers.value("x-gateway-model-name").as_deref(),
                *model,
            )?;
            let model = model.unwrap_or("-");
            expected_log.push(format!(
                "200 header={model} metadata={model} cluster={upstream}"
            ));
        }
    }
    let ambiguous = ask(r#"{"model": "gpt-4o", "model": "mistral-small"}"#)
        .send(address)
        .await?;
    same(
        "two models",
        ambiguous.headers.value("x-gateway-route").as_deref(),
        Some("fallback"),
    )?;
    let log = envoy.access_log(expected_log.len()).await?;
    for (line, expected) in log.iter().zip(&expected_log) {
        ensure!(
            line.ends_with(expected),
            "access log: {line:?} should end with {expected:?}"
        );
    }
    Ok(())
}

async fn transform(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "transform.yaml", &[(9001, &llm)]).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let prompt = "say \"hi\"\nto {{ me }} \u{e9}";
        let request = Request::post("/ask")
            .by(protocol)
            .header("x-user", "ada")
            .header("x-tag", "mine")
            .header("cookie", "a=b; session=s1")
            .json(&json!({"model": "gpt-4o", "prompt": prompt}));
        let response = request
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;

        let seen = llm.request().await?;
        let messages = json!([{"role": "user", "content": prompt}]);
        same(
            "request body",
            seen.json()?,
            json!({"model": "gpt-4o", "messages": messages}),
        )?;
        same("path", seen.path.as_str(), "/v1/chat/completions")?;
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-original-path", "/ask"),
            ("authorization", "Basic YWRh"),
            ("x-session", "s1"),
            ("x-tag", "mine, gpt"),
        ] {
            same(name, only(&seen.headers, name)?, value)?;
        }
        ensure!(!seen.headers.contains("x-user"), "x-user was not removed");
        if let Some(length) = seen.headers.value("content-length") {
            same("content-length", length, seen.body().len().to_string())?;
        }

        same(
            "response body",
            response.text().as_str(),
            r#"llm was asked for model "gpt-4o""#,
        )?;
        for (name, value) in [
            ("content-type", "text/plain"),
            ("x-total-tokens", "12"),
            ("x-asked-by", "ada"),
        ] {
            same(name, only(&response.headers, name)?, value)?;
        }
        ensure!(
            !response.headers.contains("x-served-by"),
            "x-served-by was not removed"
        );
    }
    Ok(())
}

async fn per_route(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("upstream").await?;
    let envoy = start(stage, "per-route.yaml", &[(9001, &upstream)]).await?;
    let cases = [
        ("/tagged", None, Some("Hello Ada"), None),
        ("/raw", None, None, None),
        ("/else", Some("listener"), None, Some("listener")),
    ];
    for (path, origin, greeting, seen_by) in cases {
        let request = Request::post(path).json(&json!({"name": "Ada"}));
        let response = request
            .send(envoy.address().await?)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same(path, seen.headers.value("x-origin").as_deref(), origin)?;
        same(path, seen.headers.value("x-greeting").as_deref(), greeting)?;
        same(
            path,
            response.headers.value("x-seen-by").as_deref(),
            seen_by,
        )?;
    }
    Ok(())
}

async fn mirror(stage: &Stage) -> Result<()> {
    let (stable, candidate) = (
        Upstream::mock_llm("stable").await?,
        Upstream::mock_llm("candidate").await?,
    );
    let envoy = start(stage, "mirror.yaml", &[(9001, &stable), (9002, &candidate)]).await?;
    let copies = check_shares(
        &envoy,
        shares("chat", "embed"),
        |model| Request::post("/").json(&json!({"model": model})),
        |response| same("served by", served_by(response)?, "stable"),
    )
    .await?;
    let copies = candidate.first_requests(usize::try_from(copies)?).await?;
    let models: BTreeSet<_> = copies
        .iter()
        .filter_map(|copy| copy.headers.value("x-gateway-model-name"))
        .collect();
    same(
        "copied models",
        models,
        BTreeSet::from(["chat".to_owned(), "embed".to_owned()]),
    )?;
    same(
        "copied body",
        copies[0].json()?,
        json!({"model": "chat"}) as Value,
    )
}

async fn model_names(stage: &Stage) -> Result<()> {
    let whole = r#"{"id": "1", "model": "gpt-4o-2024-08-06", "usage": {"cost": 1.0e-3}}"#;
    let events =
        "data: {\"model\":\"gpt-4o-2024-08-06\",\"choices\":[]}\r\n\r\ndata: [DONE]\r\n\r\n";
    let error = r#"{"error": {"message": "no"}}"#;
    let llm = Upstream::start(move |request| match request.path.as_str() {
        "/events" => Answer::body(events).header("content-type", "text/event-stream"),
        "/error" => Answer::body(error).header("content-type", "application/json"),
        _ => Answer::body(whole).header("content-type", "application/json"),
    })
    .await?;
    let envoy = start(stage, "model-names.yaml", &[(9001, &llm)]).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (path, answer) in [("/", whole), ("/events", events), ("/error", error)] {
            let request = Request::post(path)
                .by(protocol)
                .body("{\"user\": 7,\n \"model\": \"smart\", \"temperature\": 0.50}");
            let response = request.send(address).await?.expect_status(200)?;
            let expected = answer.replace("gpt-4o-2024-08-06", "smart");
            same(path, response.text(), expected)?;
            same(
                "request",
                llm.request().await?.text().as_str(),
                r#"{"model": "gpt-4o", "temperature": 0.50,"max_tokens":1024}"#,
            )?;
        }
        let request = Request::post("/").by(protocol).body(r#"{"max_tokens": 5}"#);
        request.send(address).await?.expect_status(200)?;
        let seen = llm.request().await?.text();
        same("no model", seen.as_str(), r#"{"max_tokens": 5}"#)?;
    }
    Ok(())
}

async fn token_usage(stage: &Stage) -> Result<()> {
    let whole =
        r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    let events = "data: {\"choices\":[]}\n\ndata: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    let llm = Upstream::start(move |request| match request.path.as_str() {
        "/events" => Answer::body(events).header("content-type", "text/event-stream"),
        _ => Answer::body(whole).header("content-type", "application/json"),
    })
    .await?;
    let envoy = start(stage, "token-usage.yaml", &[(9001, &llm)]).await?;
    let address = envoy.address().await?;
    for (path, answer) in [("/", whole), ("/events", events)] {
        let request = Request::post(path).body(r#"{"model":"gpt-4o"}"#);
        let response = request.send(address).await?.expect_status(200)?;
        same(path, response.text().as_str(), answer)?;
    }
    let expected = json!({"status": 200, "model": "gpt-4o", "input_tokens": 3, "output_tokens": 2, "cached_tokens": null});
    for line in envoy.access_log(2).await? {
        same(
            "access log",
            &serde_json::from_str::<Value>(&line)?,
            &expected,
        )?;
    }
    Ok(())
}

async fn demo(stage: &Stage) -> Result<()> {
    let envoy = start(stage, "demo.yaml", &[]).await?;
    for (model, served) in [
        ("gpt-4-turbo", "openai"),
        ("mistral-small", "local"),
        ("llama-3", "fallback"),
    ] {
        let request = Request::post("/v1/chat/completions").json(&json!({"model": model}));
        let response = request.send(envoy.address().await?).await?;
        let response = response.expect_status(200)?;
        same(model, served_by(&response)?, served)?;
        same(
            model,
            only(&response.headers, "content-type")?,
            "application/json",
        )?;
        same(model, response.json()?["served_by"].as_str(), Some(served))?;
    }
    let log = envoy.access_log(3).await?;
    ensure!(
        log[0].ends_with("POST /v1/chat/completions 200 model=gpt-4o"),
        "{log:?}"
    );
    Ok(())
}
