//! A model in the body chooses the route.

use anyhow::{Result, ensure};
use harness::{Bootstrap, Protocol, Request, Route, Upstream};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All the_model_chooses_the_route,
    All the_body_may_arrive_in_any_pieces,
    All a_large_body_routes_unchanged,
    All a_forged_header_never_survives,
    All values_that_are_not_text,
    All aliases_then_default,
    All a_request_that_must_have_a_model,
    All a_body_over_the_buffer_limit_gets_413,
    All trailers_end_a_body_too,
    Ends nested_fields_headers_and_several_extracts,
    Ends no_route_at_first_is_enough,
    Ends the_route_stays_when_told_so,
    Ends duplicates_as_configured,
];

/// Extracts `/model`.
pub(crate) fn extract() -> Value {
    json!({"request": {"extract": [{"header": MODEL}]}})
}

async fn the_model_chooses_the_route(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let cases: &[(&str, &str, Option<&str>)] = &[
        (
            "first key",
            r#"{"model":"gpt-4o","messages":[{"role":"user"}]}"#,
            Some("gpt-4o"),
        ),
        (
            "last key",
            r#"{"messages":[{"role":"user"}],"model":"gpt-4o"}"#,
            Some("gpt-4o"),
        ),
        (
            "white space",
            " {\n\t\"model\" :\r\n \"gpt-4o\" } \n",
            Some("gpt-4o"),
        ),
        ("another model", r#"{"model":"mistral"}"#, Some("mistral")),
        (
            "a model inside",
            r#"{"tool":{"model":"gpt-4o"},"model":"mistral"}"#,
            Some("mistral"),
        ),
        (
            "only a model inside",
            r#"{"tool":{"model":"gpt-4o"},"list":[{"model":"gpt-4o"}]}"#,
            None,
        ),
        (
            "a model in text",
            r#"{"text":"\"model\":\"gpt-4o\""}"#,
            None,
        ),
        ("escaped key", r#"{"\u006dodel":"gpt-4o"}"#, Some("gpt-4o")),
        (
            "escaped value",
            r#"{"model":"gpt\u002d4\u006f"}"#,
            Some("gpt-4o"),
        ),
        ("unicode", r#"{"model":"modèle-😀"}"#, Some("modèle-😀")),
        (
            "escaped unicode",
            r#"{"model":"mod\u00e8le-\ud83d\ude00"}"#,
            Some("modèle-😀"),
        ),
        ("other case", r#"{"Model":"gpt-4o"}"#, None),
        ("missing", r#"{"messages":[]}"#, None),
        ("empty body", "", None),
        ("not JSON", "model=gpt-4o", None),
        ("cut off", r#"{"model":"gpt-4o","messages":["#, None),
        ("trailing garbage", r#"{"model":"gpt-4o"}x"#, None),
        ("two documents", r#"{"model":"gpt-4o"}{}"#, None),
        ("byte order mark", "\u{feff}{\"model\":\"gpt-4o\"}", None),
        ("bare word", r#"{"model":"gpt-4o","x":NaN}"#, None),
        (
            "duplicate, other value",
            r#"{"model":"gpt-4o","model":"mistral"}"#,
            None,
        ),
        (
            "duplicate, same value",
            r#"{"model":"gpt-4o","model":"gpt-4o"}"#,
            Some("gpt-4o"),
        ),
    ];
    let depth = |n: usize| {
        format!(
            r#"{{"x":{}{},"model":"gpt-4o"}}"#,
            "[".repeat(n),
            "]".repeat(n)
        )
    };
    let (shallow, deep) = (depth(126), depth(200));
    let nested = [
        ("depth 127", shallow.as_str(), Some("gpt-4o")),
        ("depth 200", deep.as_str(), None),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (what, body, model) in cases.iter().chain(&nested) {
            let request = Request::post("/v1/chat/completions")
                .by(protocol)
                .body((*body).to_owned());
            let (_, seen) = gateway.forward(request.clone()).await?;
            same(what, seen.text().as_str(), *body)?;
            gateway
                .check_model(&format!("{what}, {protocol:?}"), request, *model)
                .await?;
        }
        gateway
            .check_model("no body", Request::get("/v1/models").by(protocol), None)
            .await?;
    }
    Ok(())
}

async fn the_body_may_arrive_in_any_pieces(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let body = r#"{"stop":["\"}"],"mod\u0065l":"gpt-4\u006f","é":1}"#;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for size in [1, 2, 3, 7] {
            let chunks = body.as_bytes().chunks(size).map(<[u8]>::to_vec);
            let request = Request::post("/").by(protocol).chunks(chunks);
            let (_, seen) = gateway.forward(request.clone()).await?;
            same("body", seen.text().as_str(), body)?;
            let what = format!("{size} bytes at a time, {protocol:?}");
            gateway.check_model(&what, request, Some("gpt-4o")).await?;
        }
    }
    Ok(())
}

async fn a_large_body_routes_unchanged(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let body = json!({"messages": ["a\"b\\".repeat(150_000)], "model": "gpt-4o"}).to_string();
    ensure!(body.len() > 900_000, "{} bytes", body.len());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for request in [
            Request::post("/").body(body.clone()),
            Request::post("/").chunks(body.as_bytes().chunks(10_000).map(<[u8]>::to_vec)),
        ] {
            let (response, seen) = gateway.forward(request.by(protocol)).await?;
            same(
                "served by",
                only(&response.headers, "x-served-by")?.as_str(),
                "routed",
            )?;
            ensure!(seen.text() == body, "the body changed on its way");
        }
    }
    Ok(())
}

async fn a_forged_header_never_survives(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (what, request, model) in [
            ("no body", Request::get("/"), None),
            ("no model", Request::post("/").body("{}"), None),
            ("not JSON", Request::post("/").body("nothing"), None),
            (
                "too deep",
                Request::post("/").body("[".repeat(10_000)),
                None,
            ),
            (
                "two models",
                Request::post("/").body(r#"{"model":"a","model":"b"}"#),
                None,
            ),
            (
                "a model",
                Request::post("/").body(r#"{"model":"mistral"}"#),
                Some("mistral"),
            ),
        ] {
            let forged = request
                .by(protocol)
                .header(MODEL, "gpt-4o")
                .header("X-Gateway-Model-Name", "gpt-4o");
            gateway.check_model(what, forged, model).await?;
        }
    }
    Ok(())
}

async fn values_that_are_not_text(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    for (value, model) in [
        ("3.10", Some("3.10")),
        ("-1e5", Some("-1e5")),
        ("18446744073709551616", Some("18446744073709551616")),
        ("true", Some("true")),
        ("false", Some("false")),
        ("null", None),
        ("[]", None),
        (r#"["gpt-4o"]"#, None),
        ("{}", None),
        (r#"{"name":"gpt-4o"}"#, None),
        (r#""""#, None),
    ] {
        let request = Request::post("/").body(format!(r#"{{"model":{value}}}"#));
        gateway.check_model(value, request, model).await?;
    }
    Ok(())
}

async fn aliases_then_default(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"extract": [{
        "header": MODEL,
        "default": "small",
        "aliases": [
            {"match": "claude-*", "value": "claude"},
            {"match": "claude-haiku-*", "value": "haiku"},
            {"match": "*-latest", "value": "gpt-4o"},
            {"match": "small", "value": "never"},
        ],
    }]}});
    let gateway = Gateway::start(stage, config).await?;
    for (body, model) in [
        (r#"{"model":"claude-haiku-3"}"#, "haiku"),
        (r#"{"model":"claude-opus"}"#, "claude"),
        (r#"{"model":"gpt-latest"}"#, "gpt-4o"),
        (r#"{"model":"mistral"}"#, "mistral"),
        (r#"{"model":null}"#, "small"),
        ("{}", "small"),
        ("not JSON", "small"),
        ("", "small"),
    ] {
        gateway
            .check_model(body, Request::post("/").body(body), Some(model))
            .await?;
    }
    gateway
        .check_model("no body", Request::get("/"), Some("small"))
        .await
}

async fn a_request_that_must_have_a_model(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"extract": [
        {"header": MODEL, "onMissing": "reject", "onInvalid": "reject"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%RESPONSE_CODE_DETAILS%");
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    let cases = [
        ("{}", "missing_model", "rustformations_field_missing"),
        (
            r#"{"model":[]}"#,
            "missing_model",
            "rustformations_field_missing",
        ),
        ("", "missing_model", "rustformations_field_missing"),
        ("not JSON", "invalid_model", "rustformations_field_invalid"),
        (
            r#"{"model":"a","model":"b"}"#,
            "invalid_model",
            "rustformations_field_invalid",
        ),
        (
            r#"{"model":"a\nb"}"#,
            "invalid_model",
            "rustformations_field_invalid",
        ),
    ];
    for (body, code, _) in cases {
        let response = Request::post("/")
            .body(body)
            .send(gateway.address)
            .await?
            .expect_status(400)?;
        let error = response.json()?["error"].clone();
        same(body, &error["code"], &json!(code))?;
        same(body, &error["param"], &json!("model"))?;
    }
    Request::get("/")
        .send(gateway.address)
        .await?
        .expect_status(400)?;
    for (line, (body, _, details)) in gateway
        .envoy
        .access_log(cases.len())
        .await?
        .iter()
        .zip(cases)
    {
        // Envoy 1.36 has no way to pass details.
        let details = if stage.release.at_least(1, 37) {
            details
        } else {
            "dynamic_module"
        };
        same(body, line.as_str(), details)?;
    }
    same(
        "forwarded",
        gateway.fallback.requests().len() + gateway.routed.requests().len(),
        0,
    )?;
    gateway.check_alive().await
}

/// For HTTP/2 the limit is the larger of the listener's and the stream's window.
async fn a_body_over_the_buffer_limit_gets_413(stage: &Stage) -> Result<()> {
    let window = json!({"initial_stream_window_size": 65536});
    let bootstrap = Bootstrap::new()
        .filter(extract())
        .buffer_limit(65536)
        .connection_manager("http2_protocol_options", window);
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let body = json!({"model": "gpt-4o", "messages": "a".repeat(200_000)}).to_string();
        let request = Request::post("/").by(protocol).body(body);
        let response = request.send(gateway.address).await?;
        same(&format!("{protocol:?}"), response.status, 413)?;
        gateway.check_alive().await?;
    }
    Ok(())
}

async fn trailers_end_a_body_too(stage: &Stage) -> Result<()> {
    let bootstrap = Bootstrap::new().filter(extract()).http1_trailers();
    let gateway = Gateway::start_with(stage, bootstrap).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/")
            .by(protocol)
            .header("te", "trailers")
            .header(MODEL, "forged")
            .chunks([r#"{"mod"#, r#"el":"gpt-4o"}"#])
            .trailer("x-after", "sent");
        let (_, seen) = gateway.forward(request.clone()).await?;
        same("trailer", only(&seen.trailers, "x-after")?.as_str(), "sent")?;
        same("body", seen.text().as_str(), r#"{"model":"gpt-4o"}"#)?;
        gateway
            .check_model("with trailers", request, Some("gpt-4o"))
            .await?;
    }
    Ok(())
}

async fn nested_fields_headers_and_several_extracts(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "extract": [
            {"name": "model", "from": [{"json": "/options/model"}, {"header": "X-Model"}], "header": MODEL},
            {"name": "tenant", "from": [{"json": "/tenants/1/id"}], "header": "x-tenant",
             "metadata": {"namespace": "n", "key": "tenant"}},
        ],
        "set": [{"name": "x-both", "value": "{{ extracted.model }}/{{ extracted.tenant }}"}],
    }});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%DYNAMIC_METADATA(n:tenant)%");
    let gateway = Gateway::start_with(stage, bootstrap).await?;

    let request = Request::post("/")
        .header("x-model", "mistral")
        .body(r#"{"tenants":[{"id":"a"},{"id":"b"}],"options":{"model":"gpt-4o"}}"#);
    let (response, seen) = gateway.forward(request).await?;
    same(
        "served by",
        only(&response.headers, "x-served-by")?.as_str(),
        "routed",
    )?;
    same("tenant", only(&seen.headers, "x-tenant")?.as_str(), "b")?;
    same("both", only(&seen.headers, "x-both")?.as_str(), "gpt-4o/b")?;
    same("metadata", gateway.envoy.access_log(1).await?, ["b"])?;

    let request = Request::post("/")
        .header("x-model", "gpt-4o")
        .header("x-tenant", "forged")
        .body("{}");
    let (response, seen) = gateway.forward(request).await?;
    same(
        "served by",
        only(&response.headers, "x-served-by")?.as_str(),
        "routed",
    )?;
    ensure!(
        !seen.headers.contains("x-tenant"),
        "the forged tenant survived"
    );
    same("both", only(&seen.headers, "x-both")?.as_str(), "gpt-4o/")
}

/// A route that exists only once the header is set.
async fn no_route_at_first_is_enough(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("only").await?;
    let bootstrap = Bootstrap::new()
        .filter(extract())
        .cluster("only", upstream.address())
        .route(Route::to_cluster_in(MODEL).header(MODEL, "only"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    let ask = |model: &str| Request::post("/").json(&json!({"model": model}));
    ask("only").send(address).await?.expect_status(200)?;
    ask("other").send(address).await?.expect_status(404)?;
    Ok(())
}

async fn the_route_stays_when_told_so(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"extract": [{"header": MODEL}], "clearRouteCache": false}});
    let gateway = Gateway::start(stage, config).await?;
    let (response, seen) = gateway
        .forward(Request::post("/").body(r#"{"model":"gpt-4o"}"#))
        .await?;
    same(
        "served by",
        only(&response.headers, "x-served-by")?.as_str(),
        "fallback",
    )?;
    same("header", only(&seen.headers, MODEL)?.as_str(), "gpt-4o")
}

async fn duplicates_as_configured(stage: &Stage) -> Result<()> {
    let body = r#"{"model":"gpt-4o","model":"mistral"}"#;
    for (duplicates, model) in [
        ("first", Some("gpt-4o")),
        ("last", Some("mistral")),
        ("reject", None),
    ] {
        let config = json!({"request": {"extract": [{"header": MODEL, "duplicates": duplicates}]}});
        let gateway = Gateway::start(stage, config).await?;
        gateway
            .check_model(duplicates, Request::post("/").body(body), model)
            .await?;
    }
    Ok(())
}
