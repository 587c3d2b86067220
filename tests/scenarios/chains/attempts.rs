//! The filter in a cluster's chain behind a retry or a redirect: each attempt starts from the request as the first one
//! found it.
//!
//! Envoy keeps for the next attempt what an upstream filter did to the headers, and sends the body as it was. A length that
//! stays behind would let the rest of a body pass for the next request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use harness::{Answer, Bootstrap, Cluster, End, RecordedRequest, Request, Route, Upstream};
use serde_json::{Value, json};

use super::coding::gzip;
use super::together::Together;
use crate::stage::{Stage, same};

/// A cluster's filter, a request, and what each attempt must be.
struct Case {
    name: &'static str,
    config: Value,
    headers: &'static [(&'static str, &'static str)],
    cause: Cause,
    attempts: Vec<Attempt>,
}

/// Why there is more than one attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The upstream answers 503 to all but the last.
    Retry,
    /// It redirects the first to another path.
    Redirect,
}

/// A body, and headers of which each is there with this value or not there.
#[derive(Clone, Copy)]
struct Attempt {
    body: &'static str,
    headers: &'static [(&'static str, Option<&'static str>)],
}

const BODY: &str = r#"{"model":"0123456789","x":"GET /admin HTTP/1.1"}"#;
const SHORTER: &str = r#"{"model":"s","x":"GET /admin HTTP/1.1"}"#;
const LONGER: &str = r#"{"model":"a name that is longer than it was","x":"GET /admin HTTP/1.1"}"#;
const TEMPLATED: &str = r#"<{"model":"0123456789","x":"GET /admin HTTP/1.1"}>"#;

/// What a redirect puts behind the path.
const AGAIN: &str = "/again";

const fn attempt(
    body: &'static str,
    headers: &'static [(&'static str, Option<&'static str>)],
) -> Attempt {
    Attempt { body, headers }
}

/// A pass that does not run once a redirect has been followed.
fn before_redirect(mut pass: Value) -> Value {
    pass["when"] = format!("!request.path.endsWith('{AGAIN}')").into();
    json!({"request": pass})
}

/// The headers of a request in gzip.
const ENCODED: &[(&str, &str)] = &[("content-encoding", "gzip")];

fn when(attempts: &[u8], mut pass: Value) -> Value {
    let conditions = attempts
        .iter()
        .map(|number| format!("request.headers['x-envoy-attempt-count'] == '{number}'"));
    let conditions: Vec<String> = conditions.collect();
    pass["when"] = conditions.join(" || ").into();
    json!({"request": pass})
}

fn renaming(model: &str) -> Value {
    json!({"patch": [{"replace": "/model", "value": model}]})
}

fn setting(name: &str, value: &str) -> Value {
    json!({"set": [{"name": name, "value": value}]})
}

fn cases() -> Vec<Case> {
    let (short, long) = (renaming("s"), renaming("a name that is longer than it was"));
    let key = setting("authorization", "Bearer of the first");
    let (kept, shorter, longer) = (
        attempt(BODY, &[]),
        attempt(SHORTER, &[]),
        attempt(LONGER, &[]),
    );
    let of_client = attempt(BODY, &[("authorization", Some("Bearer of the client"))]);
    let of_first = attempt(BODY, &[("authorization", Some("Bearer of the first"))]);
    let none = attempt(BODY, &[("authorization", None)]);
    let client: &[_] = &[("authorization", "Bearer of the client")];
    let case = |name, config, headers, attempts: [Attempt; 3]| Case {
        name,
        config,
        headers,
        cause: Cause::Retry,
        attempts: attempts.to_vec(),
    };
    let redirect = |name, config, headers, attempts: [Attempt; 2]| Case {
        name,
        config,
        headers,
        cause: Cause::Redirect,
        attempts: attempts.to_vec(),
    };
    let plain = attempt(SHORTER, &[("content-encoding", None)]);
    let encoded = attempt(BODY, &[("content-encoding", Some("gzip"))]);
    vec![
        case("nothing", json!({}), client, [of_client; 3]),
        case(
            "shorter, first",
            when(&[1], short.clone()),
            &[],
            [shorter, kept, kept],
        ),
        case(
            "longer, first",
            when(&[1], long.clone()),
            &[],
            [longer, kept, kept],
        ),
        case(
            "shorter, second",
            when(&[2], short.clone()),
            &[],
            [kept, shorter, kept],
        ),
        case(
            "longer, second",
            when(&[2], long.clone()),
            &[],
            [kept, longer, kept],
        ),
        case(
            "longer, first and last",
            when(&[1, 3], long),
            &[],
            [longer, kept, longer],
        ),
        case(
            "shorter, each",
            json!({"request": short}),
            &[],
            [shorter; 3],
        ),
        case(
            "a body of its own, each",
            json!({"request": {"body": {"value": "<{{ body() }}>"}}}),
            &[],
            [attempt(TEMPLATED, &[]); 3],
        ),
        case(
            "a body of its own, first",
            when(&[1], json!({"body": {"value": "<{{ body() }}>"}})),
            &[],
            [attempt(TEMPLATED, &[]), kept, kept],
        ),
        case(
            "add, each",
            json!({"request": {"add": [{"name": "x-try", "value": "T"}]}}),
            &[],
            [attempt(BODY, &[("x-try", Some("T"))]); 3],
        ),
        case(
            "add to the client's, each",
            json!({"request": {"add": [{"name": "x-try", "value": "T"}]}}),
            &[("x-try", "C")],
            [attempt(BODY, &[("x-try", Some("C, T"))]); 3],
        ),
        case(
            "add, second",
            when(&[2], json!({"add": [{"name": "x-try", "value": "T"}]})),
            &[("x-try", "C")],
            [
                attempt(BODY, &[("x-try", Some("C"))]),
                attempt(BODY, &[("x-try", Some("C, T"))]),
                attempt(BODY, &[("x-try", Some("C"))]),
            ],
        ),
        case(
            "a credential, first",
            when(&[1], key.clone()),
            &[],
            [of_first, none, none],
        ),
        case(
            "a credential for the client's, first",
            when(&[1], key.clone()),
            client,
            [of_first, of_client, of_client],
        ),
        case(
            "a credential, second",
            when(&[2], key),
            &[],
            [none, of_first, none],
        ),
        case(
            "remove, first",
            when(&[1], json!({"remove": ["authorization"]})),
            client,
            [none, of_client, of_client],
        ),
        case(
            "another content-type, first",
            when(&[1], setting("content-type", "text/plain")),
            &[],
            [
                attempt(BODY, &[("content-type", Some("text/plain"))]),
                attempt(BODY, &[("content-type", Some("application/json"))]),
                attempt(BODY, &[("content-type", Some("application/json"))]),
            ],
        ),
        case(
            "a value that grows, first",
            when(&[1], setting("x-was", "{{ header('x-was') }}1")),
            &[("x-was", "0")],
            [
                attempt(BODY, &[("x-was", Some("01"))]),
                attempt(BODY, &[("x-was", Some("0"))]),
                attempt(BODY, &[("x-was", Some("0"))]),
            ],
        ),
        case(
            "a value that grows, each",
            json!({"request": setting("x-was", "{{ header('x-was') }}1")}),
            &[("x-was", "0")],
            [attempt(BODY, &[("x-was", Some("01"))]); 3],
        ),
        case(
            "decoded, first",
            when(&[1], renaming("s")),
            ENCODED,
            [plain, encoded, encoded],
        ),
        case(
            "decoded, second",
            when(&[2], renaming("s")),
            ENCODED,
            [encoded, plain, encoded],
        ),
        redirect(
            "shorter, before a redirect",
            before_redirect(renaming("s")),
            &[],
            [shorter, kept],
        ),
        redirect(
            "longer, before a redirect",
            before_redirect(renaming("a name that is longer than it was")),
            &[],
            [longer, kept],
        ),
        redirect(
            "add, before and after a redirect",
            json!({"request": {"add": [{"name": "x-try", "value": "T"}]}}),
            &[],
            [attempt(BODY, &[("x-try", Some("T"))]); 2],
        ),
        redirect(
            "a credential, before a redirect",
            before_redirect(setting("authorization", "Bearer of the first")),
            client,
            [of_first, of_client],
        ),
    ]
}

/// How a request says where its body ends.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Length,
    Chunked,
    Http2,
}

pub(crate) async fn each_attempt_starts_from_the_request(stage: &Stage) -> Result<()> {
    let upstream = Arc::new(unwilling().await?);
    let cases = cases();
    let listeners = cases.iter().map(|case| listener(case, upstream.address()));
    let bootstrap = Bootstrap::all(listeners).context("no cases")?;
    let envoy = stage.envoy(&bootstrap).await?;
    let addresses: HashMap<String, SocketAddr> =
        envoy.listener_addresses().await?.into_iter().collect();
    let mut together = Together::default();
    for case in cases {
        let address = addresses.get(case.name).copied();
        let address = address.context("a case without a listener")?;
        let case = Arc::new(case);
        for arrival in [Arrival::Length, Arrival::Chunked, Arrival::Http2] {
            let (case, upstream) = (Arc::clone(&case), Arc::clone(&upstream));
            together.play(format!("{} × {arrival:?}", case.name), async move {
                case.play(arrival, address, &upstream).await
            });
        }
    }
    together
        .finish(&format!("{} attempts", stage.release))
        .await?;
    same(
        "connections with more than requests",
        upstream.malformed(),
        0,
    )
}

fn listener(case: &Case, upstream: SocketAddr) -> Bootstrap {
    let many = json!({"thresholds": [{"max_retries": 1000}]});
    let cluster = Cluster::new(case.name, upstream)
        .filter(case.config.clone())
        .field("circuit_breakers", many);
    let retries = json!({"retry_on": "5xx", "num_retries": 2});
    let route = Route::to(case.name)
        .action("retry_policy", retries)
        .action("internal_redirect_policy", json!({}))
        // An upstream that waits for bytes which never come would wait for long.
        .action("timeout", json!("3s"));
    Bootstrap::named(case.name)
        .virtual_host("include_request_attempt_count", json!(true))
        .route(route)
        .add_cluster(cluster)
}

/// Answers a path with 503 twice and then with 200, or with a redirect.
async fn unwilling() -> Result<Upstream> {
    let counts = Mutex::new(HashMap::<String, usize>::new());
    Upstream::start(move |request| {
        let path = &request.path;
        if path.ends_with(AGAIN) {
            return Answer::status(200);
        }
        if path.contains("redirect") {
            let location = format!("http://{}{path}{AGAIN}", request.authority);
            return Answer::status(302).header("location", location);
        }
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(path.clone()).or_default();
        *count += 1;
        Answer::status(if *count > 2 { 200 } else { 503 })
    })
    .await
}

impl Case {
    fn is_encoded(&self) -> bool {
        self.headers == ENCODED
    }

    async fn play(&self, arrival: Arrival, address: SocketAddr, upstream: &Upstream) -> Result<()> {
        let path = format!("/{}/{arrival:?}", self.name.replace([' ', ',', '\''], "-"));
        let mut request = Request::post(&path).header("content-type", "application/json");
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let body = match self.is_encoded() {
            true => Bytes::from(gzip(BODY.as_bytes())),
            false => Bytes::from(BODY),
        };
        let (front, back) = (body.slice(..20), body.slice(20..));
        request = match arrival {
            Arrival::Length => request.body(body),
            Arrival::Chunked => request.chunks([front, back]),
            Arrival::Http2 => request.http2().chunks([front, back]),
        };
        let response = request.send(address).await?;
        let patience = Duration::from_secs(2);
        let seen = upstream
            .settled(self.attempts.len(), patience, |request| {
                request.path.trim_end_matches(AGAIN) == path
            })
            .await;
        for (index, (seen, expected)) in seen.iter().zip(&self.attempts).enumerate() {
            self.check(expected, seen, arrival, index + 1)
                .with_context(|| format!("attempt {}", index + 1))?;
        }
        same("attempts", seen.len(), self.attempts.len())?;
        same("status", response.status, 200)
    }

    fn check(
        &self,
        expected: &Attempt,
        seen: &RecordedRequest,
        arrival: Arrival,
        number: usize,
    ) -> Result<()> {
        let header = |name: &str| seen.headers.value(name);
        if self.cause == Cause::Retry {
            let count = header("x-envoy-attempt-count");
            same("number", count, Some(number.to_string()))?;
        }
        let body = match self.is_encoded() && expected.body == BODY {
            true => gzip(BODY.as_bytes()),
            false => expected.body.into(),
        };
        let length = header("content-length");
        // A body of the filter's own may get a length where the client announced none.
        if matches!(arrival, Arrival::Length) || length.is_some() {
            same("content-length", length, Some(body.len().to_string()))?;
        }
        ensure!(seen.body() == body, "body: {:?}", seen.text());
        for (name, value) in expected.headers {
            same(name, header(name).as_deref(), *value)?;
        }
        ensure!(
            seen.end == End::Complete,
            "the body ended with {:?}",
            seen.end
        );
        Ok(())
    }
}
