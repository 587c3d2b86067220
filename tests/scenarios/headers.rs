//! Header lines, patterns that remove headers, cookies, and values that are no text, on the wire.

use anyhow::{Result, ensure};
use harness::{Answer, EnvoyRelease, Protocol, RawConnection, Request};
use serde_json::json;

use crate::gateway::Gateway;
use crate::responses::behind;
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All a_list_sets_a_line_for_each_item,
    All a_pattern_removes_from_both_messages,
    All several_cookie_lines_are_edited_as_one,
    All a_value_that_is_no_text_is_there,
    All a_signed_path_keeps_its_bytes,
];

/// Envoy 1.36 has one line for each name: there cookies stay as they were.
async fn a_list_sets_a_line_for_each_item(stage: &Stage) -> Result<()> {
    let config = json!({"response": {
        "set": [
            {"name": "set-cookie",
             "cel": "response.headers.values('set-cookie').map(c, c + '; SameSite=None')"},
            {"name": "x-list", "cel": "['1', '2']"},
        ],
        "add": [{"name": "x-added", "cel": "['b', 'c']"}],
    }});
    let cookies = [
        "id=1; Path=/",
        "acc=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ];
    let answer = Answer::body("ok")
        .header("set-cookie", cookies[0])
        .header("set-cookie", cookies[1])
        .header("x-added", "a");
    let (address, _upstream) = behind(stage, config, answer).await?;
    let joins = stage.release == EnvoyRelease::OLDEST;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::get("/").by(protocol);
        let headers = request.send(address).await?.expect_status(200)?.headers;
        if joins {
            same("cookies", headers.values("set-cookie"), cookies)?;
            same("list", headers.values("x-list"), ["1, 2"])?;
            same("added", headers.values("x-added"), ["a, b, c"])?;
        } else {
            let edited = cookies.map(|cookie| format!("{cookie}; SameSite=None"));
            same("cookies", headers.values("set-cookie"), edited)?;
            same("list", headers.values("x-list"), ["1", "2"])?;
            same("added", headers.values("x-added"), ["a", "b", "c"])?;
        }
    }
    Ok(())
}

async fn a_pattern_removes_from_both_messages(stage: &Stage) -> Result<()> {
    let config = json!({
        "request": {
            "set": [{"name": "x-internal-user", "value": "own"}],
            "remove": ["x-internal-*", "*e*"],
        },
        "response": {"remove": ["x-powered-*", "*n*"]},
    });
    let answer = Answer::body("ok")
        .header("x-powered-by", "php")
        .header("x-kept", "1");
    let (address, upstream) = behind(stage, config, answer).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/p")
            .by(protocol)
            .header("x-internal-user", "forged")
            .header("x-internal-a", "1")
            .header("x-internal-a", "2")
            .header("accept", "text/plain")
            .header("x-kpt", "1")
            .body("body");
        let response = request.send(address).await?.expect_status(200)?;
        same("answer", response.text().as_str(), "ok")?;
        ensure!(!response.headers.contains("x-powered-by"), "not removed");
        same("kept", only(&response.headers, "x-kept")?.as_str(), "1")?;
        let seen = upstream.request().await?;
        same("path", seen.path.as_str(), "/p")?;
        same("authority", seen.authority.as_str(), address.to_string())?;
        same("body", seen.text().as_str(), "body")?;
        same("own", seen.headers.values("x-internal-user"), ["own"])?;
        same("kept", seen.headers.values("x-kpt"), ["1"])?;
        for name in ["x-internal-a", "accept"] {
            ensure!(!seen.headers.contains(name), "{name} was not removed");
        }
    }
    Ok(())
}

async fn several_cookie_lines_are_edited_as_one(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"set": [
        {"name": "cookie",
         "cel": "request.headers['cookie'].split('; ').filter(c, !c.startsWith('session=')).join('; ')"},
        {"name": "x-cookies", "value": "{{ header('cookie') }}"},
    ]}});
    let gateway = Gateway::start(stage, config).await?;
    // Envoy joins the lines of HTTP/2 by itself. Those of HTTP/1 templates join as in kgateway.
    for (protocol, joined) in [
        (Protocol::Http1, "a=1, session=s, b=2"),
        (Protocol::Http2, "a=1; session=s; b=2"),
    ] {
        let request = Request::get("/")
            .by(protocol)
            .header("cookie", "a=1")
            .header("cookie", "session=s")
            .header("cookie", "b=2");
        let (_, seen) = gateway.forward(request).await?;
        same("cookie", seen.headers.values("cookie"), ["a=1; b=2"])?;
        let all = only(&seen.headers, "x-cookies")?;
        same("template", all.as_str(), joined)?;
    }
    Ok(())
}

/// A client must not hide a header from a condition with one byte.
async fn a_value_that_is_no_text_is_there(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "when": "'x-debug' in request.headers",
        "set": [
            {"name": "x-debug-seen", "cel": "size(request.headers.values('x-debug'))"},
            {"name": "x-template", "value": "{% if header('x-debug') %}seen{% endif %}"},
        ],
    }});
    let gateway = Gateway::start(stage, config).await?;
    let mut connection = RawConnection::open(gateway.address).await?;
    connection
        .send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Debug: \xff\r\nConnection: close\r\n\r\n")
        .await?;
    let answer = connection.read_to_end().await?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = gateway.fallback.request().await?;
    same("seen", only(&seen.headers, "x-debug-seen")?.as_str(), "1")?;
    same(
        "template",
        only(&seen.headers, "x-template")?.as_str(),
        "seen",
    )?;
    let passed: Vec<&[u8]> = seen.headers.raw("x-debug").collect();
    same("value", passed, [b"\xff"])
}

async fn a_signed_path_keeps_its_bytes(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"set": [
        {"name": ":path", "cel": "request.pathAndQuery.removeQuery('key').addQuery('k', 'v w')"},
        {"name": "x-key", "value": "{{ get_query(header(':path'), 'key') }}"},
    ]}});
    let gateway = Gateway::start(stage, config).await?;
    let path = "/p?flag&x=%41%2f&key=s%20s&y=a+b&z=~*'()&u=%C3%A9&bad=%FF";
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (_, seen) = gateway.forward(Request::get(path).by(protocol)).await?;
        let kept = path.replace("&key=s%20s", "");
        same("path", seen.path.as_str(), format!("{kept}&k=v%20w"))?;
        same("key", only(&seen.headers, "x-key")?.as_str(), "s s")?;
    }
    Ok(())
}
