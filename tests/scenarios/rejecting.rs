//! Rules that say no, and attempts to get past them.

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Cluster, Filter, Protocol, Request, Response, Route, Upstream};
use serde_json::{Value, json};

use crate::chains::coding::gzip;
use crate::configs::start;
use crate::gateway::{Gateway, MODEL};
use crate::stage::{Scenario, Stage, only, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All nothing_gets_past_the_token_limits,
    All a_model_is_denied_in_the_shape_of_its_api,
    Ends a_rule_of_the_headers_answers_before_the_body,
    All a_rule_of_the_route_that_was_chosen_again_answers,
    All a_rejection_is_not_retried,
    Ends a_rule_in_a_cluster_ends_the_request,
    Ends a_response_is_replaced,
];

/// The limit of `token-limits.yaml`.
const LIMIT: f64 = 4096.0;

/// A request that asks for more than the limit, in some disguise.
struct Attempt {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<Vec<u8>>,
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn attempt(name: &'static str, body: impl Into<Vec<u8>>) -> Attempt {
    Attempt {
        name,
        path: "/v1/chat/completions",
        headers: vec![JSON],
        body: vec![body.into()],
    }
}

impl Attempt {
    fn typed(self, content_type: &'static str) -> Self {
        self.with(vec![("content-type", content_type)])
    }

    fn encoded(self, coding: &'static str) -> Self {
        self.with(vec![JSON, ("content-encoding", coding)])
    }

    fn with(mut self, headers: Vec<(&'static str, &'static str)>) -> Self {
        self.headers = headers;
        self
    }

    fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// Sent in pieces of this many bytes.
    fn cut(mut self, bytes: usize) -> Self {
        let body = self.body.concat();
        self.body = body.chunks(bytes).map(<[u8]>::to_vec).collect();
        self
    }

    fn request(&self, protocol: Protocol) -> Request {
        let request = Request::post(self.path).by(protocol);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        match self.body.as_slice() {
            [whole] => request.body(whole.clone()),
            pieces => request.chunks(pieces.to_vec()),
        }
    }
}

const PLAIN: &str = r#"{"model":"m","max_tokens":100000}"#;

fn attempts() -> Vec<Attempt> {
    let deep = format!(
        r#"{{"x":{}{},"max_tokens":100000}}"#,
        "[".repeat(128),
        "]".repeat(128)
    );
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let multipart =
        "--b\r\ncontent-disposition: form-data; name=\"max_tokens\"\r\n\r\n100000\r\n--b--\r\n";
    vec![
        attempt("a number", PLAIN),
        attempt("an exponent", r#"{"max_tokens":1e5}"#),
        attempt("a fraction", r#"{"max_tokens":100000.0}"#),
        attempt("beyond a double", r#"{"max_tokens":1e999}"#),
        attempt(
            "a huge integer",
            format!(r#"{{"max_tokens":1{}}}"#, "0".repeat(300)),
        ),
        attempt("a little more", r#"{"max_tokens":4096.5}"#),
        attempt("no limit, to some servers", r#"{"max_tokens":-1}"#),
        attempt("none, which some take for no limit", r#"{"max_tokens":0}"#),
        attempt("a number as text", r#"{"max_tokens":"100000"}"#),
        attempt(
            "digits with underscores as text",
            r#"{"max_tokens":"100_000"}"#,
        ),
        attempt("a list", r#"{"max_tokens":[100000]}"#),
        attempt("an object", r#"{"max_tokens":{"max_tokens":100000}}"#),
        attempt(
            "the key twice, the smaller first",
            r#"{"max_tokens":1,"max_tokens":100000}"#,
        ),
        attempt(
            "the key twice, the smaller last",
            r#"{"max_tokens":100000,"max_tokens":1}"#,
        ),
        attempt("the key escaped", r#"{"max\u005ftokens":100000}"#),
        attempt(
            "the key escaped, beside itself",
            r#"{"max_tokens":1,"\u006dax_tokens":100000}"#,
        ),
        attempt(
            "the key in another case",
            r#"{"max_tokens":1,"Max_Tokens":100000}"#,
        ),
        attempt(
            "the key with the Kelvin sign",
            r#"{"max_tokens":1,"max_to\u212aens":100000}"#,
        ),
        attempt(
            "the key with a long s",
            "{\"max_tokens\":1,\"max_token\u{17f}\":100000}",
        ),
        attempt("the other key", r#"{"max_completion_tokens":100000}"#),
        attempt(
            "both keys",
            r#"{"max_tokens":100000,"max_completion_tokens":100000}"#,
        ),
        attempt(
            "the other key without a limit",
            r#"{"max_completion_tokens":-1}"#,
        ),
        attempt(
            "the other key as text",
            r#"{"max_completion_tokens":"100000"}"#,
        ),
        attempt("within a list", format!("[{PLAIN}]")),
        attempt("two documents", format!("{{}}{PLAIN}")),
        attempt("JSON Lines", format!("{{}}\n{PLAIN}\n")).typed("application/x-ndjson"),
        attempt("something behind it", format!("{PLAIN}}}")),
        attempt("a comma too many", r#"{"max_tokens":100000,}"#),
        attempt("a comment", r#"{"max_tokens":/**/100000}"#),
        attempt("single quotes", "{'max_tokens':100000}"),
        attempt("beside NaN", r#"{"max_tokens":100000,"x":NaN}"#),
        attempt("beside deep lists", deep),
        attempt("behind a byte order mark", format!("\u{feff}{PLAIN}")),
        attempt("in UTF-16", utf16(PLAIN)),
        attempt("in UTF-16, as it is called", utf16(PLAIN))
            .typed("application/json; charset=utf-16le"),
        attempt("as text", PLAIN).typed("text/plain"),
        attempt("without a type", PLAIN).with(vec![]),
        attempt("two types", PLAIN).with(vec![JSON, ("content-type", "text/plain")]),
        attempt("as a form", "max_tokens=100000").typed("application/x-www-form-urlencoded"),
        attempt("JSON called a form", PLAIN).typed("application/x-www-form-urlencoded"),
        attempt("as multipart", multipart).typed("multipart/form-data; boundary=b"),
        attempt("in gzip", gzip(PLAIN.as_bytes())).encoded("gzip"),
        attempt("in gzip twice", gzip(&gzip(PLAIN.as_bytes()))).encoded("gzip, gzip"),
        attempt("in gzip, and not called so", gzip(PLAIN.as_bytes())),
        attempt("called gzip, and not", PLAIN).encoded("gzip"),
        attempt("in an unknown coding", PLAIN).encoded("foo"),
        attempt("in several codings", PLAIN).encoded("identity, foo"),
        attempt("byte by byte", PLAIN).cut(1),
        attempt("cut within the number", PLAIN).cut(29),
        attempt("on a path with dots", PLAIN).at("/x/../v1/chat/completions"),
        attempt("on a path with slashes", PLAIN).at("//v1//chat/completions"),
        attempt("on an encoded path", PLAIN).at("/v1/chat%2Fcompletions"),
        attempt("on a path in another case", PLAIN).at("/V1/Chat/Completions?x=y"),
    ]
}

/// Fails if a body may be read as one that asks for more than the limit.
fn within_limit(body: &Value) -> Result<()> {
    let members = body.as_object().context("the body is no object")?;
    for (name, value) in members {
        // As servers compare them that take no notice of case.
        let folded = name.to_uppercase().to_lowercase();
        if ["max_tokens", "max_completion_tokens"].contains(&folded.as_str()) {
            let number = value
                .as_f64()
                .with_context(|| format!("{name} is no number"))?;
            ensure!((1.0..=LIMIT).contains(&number), "{name} is {number}");
        }
    }
    Ok(())
}

async fn nothing_gets_past_the_token_limits(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "token-limits.yaml", &[(9001, &llm)]).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for attempt in attempts() {
            let what = format!("{} by {protocol:?}", attempt.name);
            let before = llm.requests().len();
            let response = attempt.request(protocol).send(address).await?;
            if response.status == 200 {
                let seen = llm.request().await?;
                ensure!(
                    !seen.headers.contains("content-encoding"),
                    "{what}: it is encoded"
                );
                let text = seen.text();
                let body: Value =
                    serde_json::from_str(&text).with_context(|| format!("{what}: {text}"))?;
                within_limit(&body).with_context(|| format!("{what}: {text}"))?;
                // Of a key that stands twice a reader may take either.
                ensure!(!text.contains("100000"), "{what}: {text}");
            } else {
                ensure!(
                    [400, 413, 415].contains(&response.status),
                    "{what}: {}",
                    response.status
                );
                same(&what, llm.requests().len(), before)?;
            }
        }
        for (body, expected) in [
            (r#"{"a": 1.0}"#, r#"{"a": 1.0,"max_tokens":1024}"#),
            (
                r#"{"max_tokens": 5, "a": 1e3}"#,
                r#"{"max_tokens": 5, "a": 1e3}"#,
            ),
            (r#"{"max_tokens": 4096}"#, r#"{"max_tokens": 4096}"#),
            (r#"{"max_tokens": 100000}"#, r#"{"max_tokens": 4096}"#),
            (r#"{"max_tokens": -1}"#, r#"{"max_tokens": 1}"#),
            (r#"{"max_tokens": null}"#, r#"{"max_tokens": 1024}"#),
            (
                r#"{"max_completion_tokens": 100000, "x": "ä"}"#,
                r#"{"max_completion_tokens": 4096, "x": "ä"}"#,
            ),
        ] {
            let request = attempt(body, body).typed("application/json; charset=utf-8");
            request
                .request(protocol)
                .send(address)
                .await?
                .expect_status(200)?;
            same(body, llm.request().await?.text().as_str(), expected)?;
        }
        let models = Request::get("/v1/models").by(protocol);
        models.send(address).await?.expect_status(200)?;
        llm.request().await?;
    }
    Ok(())
}

fn error(response: &Response) -> Result<Value> {
    same(
        "type",
        only(&response.headers, "content-type")?.as_str(),
        "application/json",
    )?;
    response.json()
}

async fn a_model_is_denied_in_the_shape_of_its_api(stage: &Stage) -> Result<()> {
    let llm = Upstream::mock_llm("llm").await?;
    let envoy = start(stage, "model-policy.yaml", &[(9001, &llm)]).await?;
    let address = envoy.address().await?;
    let unknown = r#"{"model":"gpt-7\"\n"}"#;
    let message = "the model `gpt-7` does not exist, or you have no access to it";
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (path, shape) in [
            (
                "/v1/chat/completions",
                json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": "model_not_found"}}),
            ),
            (
                "/v1/messages",
                json!({"type": "error", "error": {"type": "not_found_error", "message": message}}),
            ),
            (
                "/v1beta/models/m:generateContent",
                json!({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}),
            ),
        ] {
            for pieces in [
                vec![r#"{"model":"gpt-7"}"#],
                vec![r#"{"model":"gp"#, r#"t-7"}"#],
            ] {
                let request = Request::post(path).by(protocol).chunks(pieces);
                let response = request.send(address).await?.expect_status(404)?;
                same(path, error(&response)?, shape.clone())?;
            }
        }
        let before = llm.requests().len();
        let ask = |plan: &str, body: &'static str| {
            let request = Request::post("/v1/chat/completions").by(protocol);
            request.header("x-plan", plan).body(body)
        };
        let denied = ask("free", r#"{"model":"gpt-4o"}"#);
        let denied = denied.send(address).await?.expect_status(403)?;
        same(
            "plan",
            only(&denied.headers, "x-plan-needed")?.as_str(),
            "team",
        )?;
        same(
            "code",
            error(&denied)?["error"]["code"].clone(),
            json!("model_not_allowed"),
        )?;
        for (body, code) in [
            (unknown, "invalid_model"), // no header can carry it
            (
                r#"{"model":"gpt-4o","model":"gpt-4o-mini"}"#,
                "invalid_model",
            ),
            ("{}", "missing_model"),
            ("hello", "invalid_model"),
        ] {
            let response = ask("team", body).send(address).await?.expect_status(400)?;
            same(
                body,
                error(&response)?["error"]["code"].clone(),
                json!(code),
            )?;
        }
        same("went on", llm.requests().len(), before)?;
        let allowed = ask("team", r#"{"model":"gpt-4o"}"#);
        allowed.send(address).await?.expect_status(200)?;
        llm.request().await?;
    }
    Ok(())
}

/// An answer to HEAD has no body, and one to a request whose body is to come does not wait for that.
async fn a_rule_of_the_headers_answers_before_the_body(stage: &Stage) -> Result<()> {
    let config = json!({"request": {
        "extract": [{"header": MODEL}],
        "onFailure": "reject",
        "reject": [{"when": "'x-bad' in request.headers", "status": 429, "code": "slow_down",
            "headers": [{"name": "retry-after", "value": "{{ header('x-bad') }}"}]}],
    }});
    let gateway = Gateway::start(stage, config).await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/").by(protocol).header("x-bad", "7");
        let (body, response) = request.open(gateway.address).await?;
        let response = response.response().await?.expect_status(429)?;
        drop(body);
        same(
            "header",
            only(&response.headers, "retry-after")?.as_str(),
            "7",
        )?;
        let code = error(&response)?["error"]["code"].clone();
        same("code", code, json!("slow_down"))?;
        let head = Request::new("HEAD", "/").by(protocol).header("x-bad", "7");
        let head = head.send(gateway.address).await?.expect_status(429)?;
        ensure!(head.body().is_empty(), "HEAD has a body");
    }
    gateway.check_alive().await
}

async fn a_rule_of_the_route_that_was_chosen_again_answers(stage: &Stage) -> Result<()> {
    let upstream = Upstream::named("routed").await?;
    let listener = json!({"request": {"extract": [{"header": MODEL}]}});
    let route = json!({"request": {"extract": [{"header": MODEL}], "onFailure": "reject", "reject": [
        {"when": "extracted.model == 'gpt-4o' && json(request.body).n > 1", "status": 402, "message": "only one"},
    ]}});
    let bootstrap = Bootstrap::new()
        .filter(listener)
        .cluster("routed", upstream.address())
        .route(
            Route::to("routed")
                .header(MODEL, "gpt-4o")
                .per_route(Filter::new(route)),
        )
        .route(Route::to("routed"));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let ask = |body: &'static str| Request::post("/").by(protocol).body(body);
        let denied = ask(r#"{"model":"gpt-4o","n":2}"#)
            .send(address)
            .await?
            .expect_status(402)?;
        same(
            "message",
            error(&denied)?["error"]["message"].clone(),
            json!("only one"),
        )?;
        ask(r#"{"model":"gpt-4o","n":1}"#)
            .send(address)
            .await?
            .expect_status(200)?;
        ask(r#"{"model":"other","n":2}"#)
            .send(address)
            .await?
            .expect_status(200)?;
        // What cannot be decided is answered.
        ask(r#"{"model":"gpt-4o"}"#)
            .send(address)
            .await?
            .expect_status(400)?;
    }
    Ok(())
}

async fn a_rejection_is_not_retried(stage: &Stage) -> Result<()> {
    let config = json!({"errorFormat": "text", "request": {"onFailure": "reject",
        "reject": [{"when": "json(request.body).a == 1", "status": 503, "message": "not now"}]}});
    let upstream = Upstream::named("routed").await?;
    let policy = json!({"retry_on": "5xx", "num_retries": 2});
    let bootstrap = Bootstrap::new()
        .filter(config)
        .access_log("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%")
        .cluster("routed", upstream.address())
        .route(Route::to("routed").action("retry_policy", policy));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for pieces in [vec![r#"{"a":1}"#], vec![r#"{"#, r#""a":1}"#]] {
            let request = Request::post("/").by(protocol).chunks(pieces);
            let response = request.send(address).await?.expect_status(503)?;
            same("text", response.text().as_str(), "not now\n")?;
        }
        let request = Request::post("/").by(protocol).body(r#"{"a":2}"#);
        request.send(address).await?.expect_status(200)?;
        upstream.request().await?;
    }
    let log = envoy.access_log(1).await?;
    let first = log.first().context("no access log")?;
    ensure!(first.starts_with("503"), "{first}");
    // Envoy 1.36 takes no details of a module.
    ensure!(
        first.ends_with("rustformations_rejected") || stage.release.to_string().starts_with("1.36"),
        "{first}"
    );
    Ok(())
}

async fn a_rule_in_a_cluster_ends_the_request(stage: &Stage) -> Result<()> {
    let config = json!({"request": {"onFailure": "reject",
        "reject": [{"when": "json(request.body).a == 1", "status": 451, "code": "no"}]}});
    let upstream = Upstream::named("routed").await?;
    let policy = json!({"retry_on": "5xx", "num_retries": 2});
    let bootstrap = Bootstrap::new()
        .add_cluster(Cluster::new("routed", upstream.address()).filter(Filter::new(config)))
        .route(Route::to("routed").action("retry_policy", policy));
    let envoy = stage.envoy(&bootstrap).await?;
    let address = envoy.address().await?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let before = upstream.requests().len();
        let request = Request::post("/").by(protocol).body(r#"{"a":1}"#);
        let response = request.send(address).await?.expect_status(451)?;
        same(
            "code",
            error(&response)?["error"]["code"].clone(),
            json!("no"),
        )?;
        same("went on", upstream.requests().len(), before)?;
        let request = Request::post("/").by(protocol).body(r#"{"a":2}"#);
        request.send(address).await?.expect_status(200)?;
        upstream.request().await?;
    }
    Ok(())
}

async fn a_response_is_replaced(stage: &Stage) -> Result<()> {
    let config = json!({"response": {"onFailure": "reject", "bodyMode": "buffered",
        "extract": [{"name": "leak", "from": [{"json": "/secret"}]}],
        "reject": [{"when": "'leak' in extracted", "code": "withheld"}],
        "patch": [{"replace": "/n", "cel": "value + 1"}]}});
    for (body, status, code) in [
        (r#"{"secret":"s","n":1}"#, 502, Some("withheld")),
        (r#"{"n":"one"}"#, 502, Some("render")),
        (r#"{"n":1"#, 502, Some("invalid_leak")),
        (r#"{"n":1}"#, 200, None),
    ] {
        let answer = Answer::body(body).header("content-type", "application/json");
        let (address, _upstream) = crate::responses::behind(stage, config.clone(), answer).await?;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let response = Request::get("/")
                .by(protocol)
                .send(address)
                .await?
                .expect_status(status)?;
            ensure!(!response.text().contains("secret"), "{body}");
            if let Some(code) = code {
                same(
                    body,
                    error(&response)?["error"]["code"].clone(),
                    json!(code),
                )?;
            }
        }
    }
    Ok(())
}
