//! Two filters in a cluster's chain behind a retry: each attempt is what the two make of the client's request, whatever
//! they made of it before.
//!
//! Every pair of links is played in both orders. What a request must be is computed link by link.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Cluster, End, RecordedRequest, Request, Route, Upstream};
use serde_json::{Value, json};

use super::together::Together;
use crate::stage::{Stage, same};

/// A request on its way.
struct Sent {
    body: String,
    key: String,
}

/// A filter, and what it does to the attempt of a number.
struct Link {
    name: &'static str,
    filter: Filter,
    does: fn(&mut Sent, usize),
}

enum Filter {
    /// Ours: its request pass.
    Ours(Value),
    Lua(&'static str),
}

const ATTEMPTS: usize = 3;
const BODY: &str = r#"{"model":"0123456789","x":"GET /admin HTTP/1.1"}"#;
const LONG: &str = "a name that is longer than it was";
const NUMBER: &str = "request.headers['x-envoy-attempt-count']";

const PADS: &str = r#"
function envoy_on_request(handle)
  local number = tonumber(handle:headers():get("x-envoy-attempt-count"))
  local body = handle:body()
  local bytes = body:getBytes(0, body:length()) .. string.rep(" ", 7 * number)
  body:setBytes(bytes)
  handle:headers():replace("content-length", tostring(#bytes))
end
"#;

const SETS_A_KEY: &str = r#"
function envoy_on_request(handle)
  handle:headers():replace("x-key", "L" .. handle:headers():get("x-envoy-attempt-count"))
end
"#;

fn rename(sent: &mut Sent, model: &str) {
    let (_, rest) = sent.body.split_once(r#"","x""#).unwrap_or_default();
    sent.body = format!(r#"{{"model":"{model}","x"{rest}"#);
}

fn links() -> Vec<Link> {
    let ours = |name, pass, does| Link {
        name,
        filter: Filter::Ours(pass),
        does,
    };
    let lua = |name, script, does| Link {
        name,
        filter: Filter::Lua(script),
        does,
    };
    let only = |number: usize| format!("{NUMBER} == '{number}'");
    let key = |value: &str| json!({"set": [{"name": "x-key", "value": value}]});
    let mut key_of_first = key("K2");
    key_of_first["when"] = only(1).into();
    vec![
        ours(
            "renames",
            json!({"patch": [{"replace": "/model", "cel": format!("{} ? 'm' : '{LONG}'", only(1))}]}),
            |sent, number| rename(sent, if number == 1 { "m" } else { LONG }),
        ),
        ours(
            "renames the first",
            json!({"when": only(1), "patch": [{"replace": "/model", "value": "s"}]}),
            |sent, number| {
                if number == 1 {
                    rename(sent, "s");
                }
            },
        ),
        ours(
            "pads the second",
            json!({"when": only(2), "body": {"value": "{{ body() }}  "}}),
            |sent, number| {
                if number == 2 {
                    sent.body.push_str("  ");
                }
            },
        ),
        ours(
            "sets a key",
            key("K{{ header('x-envoy-attempt-count') }}"),
            |sent, number| sent.key = format!("K{number}"),
        ),
        ours(
            "prefixes the key",
            key("Bearer {{ header('x-key') }}"),
            |sent, _| sent.key.insert_str(0, "Bearer "),
        ),
        ours("sets the key of the first", key_of_first, |sent, number| {
            if number == 1 {
                sent.key = "K2".to_owned();
            }
        }),
        ours(
            "removes the key of the second",
            json!({"when": only(2), "remove": ["x-key"]}),
            |sent, number| {
                if number == 2 {
                    sent.key.clear();
                }
            },
        ),
        ours(
            "reads the model",
            json!({"bodyMode": "streamed", "extract": [{"from": [{"json": "/model"}], "header": "x-model"}]}),
            |_, _| (),
        ),
        lua("lua pads", PADS, |sent, number| {
            sent.body.push_str(&" ".repeat(7 * number));
        }),
        lua("lua sets a key", SETS_A_KEY, |sent, number| {
            sent.key = format!("L{number}");
        }),
    ]
}

pub(crate) async fn each_attempt_is_what_the_whole_chain_makes_of_the_request(
    stage: &Stage,
) -> Result<()> {
    let upstream = Arc::new(unwilling().await?);
    let links = Arc::new(links());
    let of_lua = |link: &Link| matches!(link.filter, Filter::Lua(_));
    let pairs = |first: &Link, second: &Link| !(of_lua(first) && of_lua(second));
    let mut chains = Vec::new();
    let mut listeners = Vec::new();
    for (first, one) in links.iter().enumerate() {
        for (second, other) in links.iter().enumerate() {
            if !pairs(one, other) {
                continue;
            }
            let name = format!("{}, {}", one.name, other.name);
            listeners.push(listener(&name, [one, other], upstream.address()));
            chains.push((name, [first, second]));
        }
    }
    let bootstrap = Bootstrap::all(listeners).context("no chains")?;
    let envoy = stage.envoy(&bootstrap).await?;
    let addresses: HashMap<String, SocketAddr> =
        envoy.listener_addresses().await?.into_iter().collect();
    let mut together = Together::default();
    for (name, chain) in chains {
        let address = addresses.get(&name).copied();
        let address = address.context("a chain without a listener")?;
        for http2 in [false, true] {
            let (links, upstream) = (Arc::clone(&links), Arc::clone(&upstream));
            let path = format!("/{}/{http2}", name.replace([' ', ','], "-"));
            together.play(path.clone(), async move {
                let chain = chain.map(|index| &links[index]);
                play(&path, chain, http2, address, &upstream).await
            });
        }
    }
    let release = &stage.release;
    together
        .finish(&format!("{release} attempts together"))
        .await?;
    same(
        "connections with more than requests",
        upstream.malformed(),
        0,
    )
}

fn listener(name: &str, chain: [&Link; 2], upstream: SocketAddr) -> Bootstrap {
    let many = json!({"thresholds": [{"max_retries": 1000}]});
    let mut cluster = Cluster::new(name, upstream).field("circuit_breakers", many);
    for link in chain {
        cluster = match &link.filter {
            Filter::Ours(pass) => cluster.filter(json!({"request": pass})),
            Filter::Lua(script) => cluster.http_filter(
                link.name,
                &json!({
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": script},
                }),
            ),
        };
    }
    let retries = json!({"retry_on": "5xx", "num_retries": ATTEMPTS - 1});
    let route = Route::to(name)
        .action("retry_policy", retries)
        // An upstream that waits for bytes which never come would wait for long.
        .action("timeout", json!("3s"));
    Bootstrap::named(name)
        .virtual_host("include_request_attempt_count", json!(true))
        .route(route)
        .add_cluster(cluster)
}

/// Answers a path with 503 until the last attempt.
async fn unwilling() -> Result<Upstream> {
    let counts = Mutex::new(HashMap::<String, usize>::new());
    Upstream::start(move |request| {
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(request.path.clone()).or_default();
        *count += 1;
        Answer::status(if *count < ATTEMPTS { 503 } else { 200 })
    })
    .await
}

async fn play(
    path: &str,
    chain: [&Link; 2],
    http2: bool,
    address: SocketAddr,
    upstream: &Upstream,
) -> Result<()> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("x-key", "of the client");
    let request = match http2 {
        true => request.http2().chunks(<[_; 2]>::from(BODY.split_at(20))),
        false => request.body(BODY),
    };
    let response = request.send(address).await?;
    let patience = Duration::from_secs(2);
    let attempts = upstream
        .settled(ATTEMPTS, patience, |request| request.path == path)
        .await;
    for (number, attempt) in (1..).zip(&attempts) {
        check(chain, attempt, number).with_context(|| format!("attempt {number}"))?;
    }
    same("attempts", attempts.len(), ATTEMPTS)?;
    same("status", response.status, 200)
}

fn check(chain: [&Link; 2], seen: &RecordedRequest, number: usize) -> Result<()> {
    let mut expected = Sent {
        body: BODY.to_owned(),
        key: "of the client".to_owned(),
    };
    for link in chain {
        (link.does)(&mut expected, number);
    }
    let header = |name: &str| seen.headers.value(name);
    same(
        "number",
        header("x-envoy-attempt-count"),
        Some(number.to_string()),
    )?;
    same("body", seen.text(), expected.body)?;
    if let Some(length) = header("content-length") {
        same("content-length", length, seen.body().len().to_string())?;
    }
    let key = header("x-key").unwrap_or_default();
    same("x-key", key.trim(), expected.key.trim())?;
    ensure!(
        seen.end == End::Complete,
        "the body ended with {:?}",
        seen.end
    );
    Ok(())
}
