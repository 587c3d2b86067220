//! Hostile and broken requests: a clear answer, nothing forged, the proxy alive.

use anyhow::{Result, ensure};
use harness::{Answer, Bootstrap, Protocol, RawConnection, Request, Route, Upstream};
use serde_json::json;

use crate::gateway::{Gateway, MODEL};
use crate::routing::extract;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All values_that_no_header_can_carry,
    Ends deep_and_wide_documents,
    Ends invalid_utf8,
    Ends a_value_longer_than_the_limit,
    All clients_that_give_up_in_the_middle,
    Ends templates_over_hostile_bodies,
    Ends values_that_would_break_a_request_line_or_a_shared_connection,
    Ends a_status_that_would_split_responses,
];

async fn values_that_no_header_can_carry(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    for value in [
        r"gpt-4o\r\nx-admin: yes",
        r"gpt-4o\nx-admin: yes",
        r"gpt-4o\u0000",
        r"\u0001",
        r"\u007f",
        r"gpt-4o\r",
    ] {
        let request = Request::post("/").body(format!(r#"{{"model":"{value}"}}"#));
        let (_, seen) = gateway.forward(request.clone()).await?;
        ensure!(!seen.headers.contains("x-admin"), "{value} wrote a header");
        gateway.check_model(value, request, None).await?;
    }
    gateway.check_alive().await
}

async fn deep_and_wide_documents(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    for body in [
        "[".repeat(10_000),
        format!(
            r#"{{"model":"gpt-4o","x":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
        r#"{"a":"#.repeat(10_000),
    ] {
        gateway
            .check_model("10 000 levels", Request::post("/").body(body), None)
            .await?;
    }
    let keys: String = (0..100_000).map(|key| format!("\"{key}\":0,")).collect();
    let wide = format!("{{{keys}\"model\":\"gpt-4o\"}}");
    ensure!(
        wide.len() < 1 << 20,
        "{} bytes are over the buffer limit",
        wide.len()
    );
    gateway
        .check_model(
            "100 000 keys",
            Request::post("/").body(wide),
            Some("gpt-4o"),
        )
        .await?;
    gateway.check_alive().await
}

async fn invalid_utf8(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let elsewhere = b"{\"x\":\"\xff\",\"model\":\"gpt-4o\"}".to_vec();
    gateway
        .check_model(
            "elsewhere",
            Request::post("/").body(elsewhere),
            Some("gpt-4o"),
        )
        .await?;
    let in_it = b"{\"model\":\"gpt-4o\xff\"}".to_vec();
    gateway
        .check_model("in the model", Request::post("/").body(in_it), None)
        .await?;
    gateway.check_alive().await
}

async fn a_value_longer_than_the_limit(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    for (length, model) in [
        (4096, Some("m".repeat(4096))),
        (4097, None),
        (100_000, None),
    ] {
        let request = Request::post("/").json(&json!({"model": "m".repeat(length)}));
        gateway
            .check_model(&format!("{length} bytes"), request, model.as_deref())
            .await?;
    }
    Ok(())
}

async fn clients_that_give_up_in_the_middle(stage: &Stage) -> Result<()> {
    let gateway = Gateway::start(stage, extract()).await?;
    let begun = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"model\":\"gpt-4o\"";

    let mut ends_early = RawConnection::open(gateway.address).await?;
    ends_early.send(begun).await?;
    ends_early.finish().await?;
    let answer = ends_early.read_to_end().await?;
    ensure!(
        !answer.contains(" 200 "),
        "half a request was served: {answer}"
    );
    gateway.check_alive().await?;

    let mut resets = RawConnection::open(gateway.address).await?;
    resets.send(begun).await?;
    resets.reset()?;
    gateway.check_alive().await?;

    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (mut body, _response) = Request::post("/")
            .by(protocol)
            .open(gateway.address)
            .await?;
        body.send(r#"{"model":"#).await?;
        body.abort();
        gateway.check_alive().await?;
    }
    let forwarded = [gateway.routed.requests(), gateway.fallback.requests()].concat();
    ensure!(
        forwarded
            .iter()
            .all(|seen| seen.headers.value(MODEL).as_deref() == Some("gpt-4o")),
        "a request that never ended was forwarded"
    );
    Ok(())
}

async fn templates_over_hostile_bodies(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "extract": [{"header": MODEL}],
        "body": {"parseAs": "AsJson"},
        "set": [
            {"name": "x-user", "value": "{{ user }}"},
            {"name": "x-short", "value": "{{ substring(header('user-agent'), 0, 4) }}"},
            {"name": "x-agent", "value": "{{ header('user-agent') }}"},
        ],
    }});
    let gateway = Gateway::start(stage, config).await?;
    let request = Request::post("/")
        .header("user-agent", "aaaéb")
        .body(r#"{"model":"gpt-4o","user":"a\r\nx-admin: yes","header":"forged","headers.dev.kgateway":{}}"#);
    let (_, seen) = gateway.forward(request).await?;
    ensure!(!seen.headers.contains("x-admin"), "a value wrote a header");
    ensure!(
        !seen.headers.contains("x-user"),
        "a value with a line break was set"
    );
    same("cut", seen.headers.value("x-short").as_deref(), Some("aaa"))?;
    same(
        "function",
        seen.headers.value("x-agent").as_deref(),
        Some("aaaéb"),
    )?;
    for body in ["[".repeat(10_000), "nothing".into(), "\u{feff}{}".into()] {
        Request::post("/")
            .body(body)
            .send(gateway.address)
            .await?
            .expect_status(400)?;
    }
    gateway.check_alive().await
}

async fn values_that_would_break_a_request_line_or_a_shared_connection(
    stage: &Stage,
) -> Result<()> {
    let upstream = Upstream::echo().await?;
    let config = json!({"request": {"body": {"parseAs": "AsJson"}, "set": [
        {"name": ":path", "value": "{{ path }}"},
        {"name": ":method", "value": "{{ method }}"},
        {"name": ":authority", "value": "{{ host }}"},
        {"name": "te", "value": "{{ te }}"},
        {"name": "x-long", "value": "{{ long }}"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .http2_cluster("upstream", upstream.address())
        .route(Route::to("upstream"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for body in [
        json!({"path": "/admin HTTP/1.1 x", "method": "GET / HTTP/1.1", "host": "a b", "te": "gzip", "long": "x"}),
        json!({"path": "/\u{e9}", "method": "", "host": "a/b", "te": "gzip", "long": "x".repeat(100_000)}),
        json!({"path": "", "method": ":", "host": "\u{e9}", "te": "x", "long": null}),
        json!({"path": "/\tx", "method": "A B", "host": "a\r\nb", "te": "", "long": ""}),
        json!({}),
    ] {
        let what = body.to_string().chars().take(80).collect::<String>();
        Request::post("/kept")
            .json(&body)
            .send(address)
            .await?
            .expect_status(200)?;
        let seen = upstream.request().await?;
        same(&what, seen.path.as_str(), "/kept")?;
        same(&what, seen.method.as_str(), "POST")?;
        same(&what, seen.authority.as_str(), address.to_string().as_str())?;
        ensure!(
            seen.headers
                .value("x-long")
                .is_none_or(|value| value.len() < 16 << 10),
            "{what}: too long"
        );
    }
    let destroyed = envoy
        .stat("cluster.upstream.upstream_cx_destroy_remote_with_active_rq")
        .await?;
    same("connections lost", destroyed, 0)?;
    let good =
        json!({"path": "/v1/x?y=z", "method": "PUT", "host": "llm.example:8080", "long": "x"});
    Request::post("/")
        .json(&good)
        .send(address)
        .await?
        .expect_status(200)?;
    let seen = upstream.request().await?;
    same("path", seen.path.as_str(), "/v1/x?y=z")?;
    same("method", seen.method.as_str(), "PUT")?;
    same("authority", seen.authority.as_str(), "llm.example:8080")
}

async fn a_status_that_would_split_responses(stage: &Stage) -> Result<()> {
    let config =
        json!({"response": {"set": [{"name": ":status", "value": "{{ header('x-status') }}"}]}});
    for (status, expected) in [
        ("204", 200),
        ("304", 200),
        ("100", 200),
        ("0", 200),
        ("1000", 200),
        ("x", 200),
        ("", 200),
        ("418", 418),
    ] {
        let upstream = Upstream::answering(Answer::body("body").header("x-status", status)).await?;
        let bootstrap = Bootstrap::new()
            .filter(config.clone())
            .cluster("upstream", upstream.address())
            .route(Route::to("upstream"));
        let address = stage.envoy(&bootstrap).await?.address().await?;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let response = Request::get("/").by(protocol).send(address).await?;
            same(status, response.status, expected)?;
            same(status, response.text().as_str(), "body")?;
        }
    }
    Ok(())
}
