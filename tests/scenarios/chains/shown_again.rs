//! Bodies that Envoy shows again: a filter before pauses at the trailers, and goes on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Answer, Bootstrap, Cluster, Envoy, Request, Route, Upstream};
use serde_json::{Value, json};

use super::together::{Together, logged};
use crate::stage::{Stage, same};

/// A listener's chain, and what becomes of the two bodies there.
struct Case {
    name: &'static str,
    /// In the order of the chain: a configuration of the filter, or another filter.
    chain: Vec<Result<Value, Value>>,
    content_type: &'static str,
    /// What the upstream must get.
    request: &'static str,
    /// What the client must get.
    answer: &'static str,
    /// What the log must say of failures and of metadata.
    log: &'static str,
}

const BODY: &str = r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
const EDITED: &str = r#"{"model":"f","usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
const LINES: &str = "{\"n\":1,\"a\":[]}\n{\"n\":2,\"a\":[]}\n";
const LONGER_LINES: &str = "{\"n\":1,\"a\":[0]}\n{\"n\":2,\"a\":[0]}\n";

/// Pauses at the trailers until what it has slowed down has gone on.
fn slow(direction: &str) -> Result<Value, Value> {
    Err(json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit",
        "stat_prefix": "slow",
        "enable_mode": direction,
        "limit_kbps": 10_000,
    }))
}

fn lua(hook: &str) -> Result<Value, Value> {
    Err(json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": format!("function {hook}(handle) handle:body() end")},
    }))
}

fn cases() -> Vec<Case> {
    let streamed = json!({"request": {"bodyMode": "streamed",
        "extract": [{"from": [{"json": "/model"}], "header": "x-model"}]}});
    let patch = json!([{"replace": "/model", "value": "f"}]);
    let appends = json!([{"insert": "/a/-", "json": 0}]);
    let tokens =
        json!([{"from": [{"usage": "output"}], "metadata": {"namespace": "llm", "key": "out"}}]);
    let reads_request = |name, behind, request| Case {
        name,
        chain: vec![slow("REQUEST"), Ok(streamed.clone()), behind],
        content_type: "application/json",
        request,
        answer: BODY,
        log: "-|-",
    };
    let reads_answer = |name, chain, answer| Case {
        name,
        chain,
        content_type: "application/json",
        request: BODY,
        answer,
        log: r#"-|{"out":4}"#,
    };
    vec![
        reads_request("streamed", lua("envoy_on_request"), BODY),
        reads_request(
            "streamed, before a second that edits",
            Ok(json!({"request": {"patch": patch}})),
            EDITED,
        ),
        Case {
            name: "lines of a request",
            chain: vec![
                slow("REQUEST"),
                Ok(json!({"request": {"patch": appends}})),
                lua("envoy_on_request"),
            ],
            content_type: "application/jsonl",
            request: LONGER_LINES,
            answer: LINES,
            log: "-|-",
        },
        reads_answer(
            "a held answer",
            vec![
                Ok(json!({"response": {"patch": patch, "extract": tokens}})),
                slow("RESPONSE"),
            ],
            EDITED,
        ),
        reads_answer(
            "an answer that passes",
            vec![
                lua("envoy_on_response"),
                Ok(json!({"response": {"extract": tokens}})),
                slow("RESPONSE"),
            ],
            BODY,
        ),
        reads_answer(
            "an answer without which there is none",
            vec![
                Ok(json!({"response": {"bodyMode": "buffered", "extract": [{
                    "from": [{"usage": "output"}],
                    "metadata": {"namespace": "llm", "key": "out"},
                    "onMissing": "reject",
                }]}})),
                slow("RESPONSE"),
            ],
            BODY,
        ),
        Case {
            name: "lines of an answer",
            chain: vec![
                lua("envoy_on_response"),
                Ok(json!({"response": {"patch": appends}})),
                slow("RESPONSE"),
            ],
            content_type: "application/jsonl",
            request: LINES,
            answer: LONGER_LINES,
            log: "-|-",
        },
    ]
}

pub(crate) async fn bodies_that_are_shown_again(stage: &Stage) -> Result<()> {
    let cases = cases();
    let answers: HashMap<String, (&str, &str)> = cases
        .iter()
        .map(|case| (case.path(), (case.content_type, case.body())))
        .collect();
    let upstream = Upstream::start(move |request| {
        let path = request.path.trim_end_matches(|last| last != '/');
        let (kind, body) = answers.get(path).copied().unwrap_or_default();
        let (front, back) = body.split_at(body.len() / 3);
        let answer = match request.path.ends_with('1') {
            true => Answer::chunks([body.to_owned()]),
            false => Answer::chunks([front.to_owned(), back.to_owned()]),
        };
        answer
            .header("content-type", kind)
            .trailer("x-after", "sent")
    });
    let upstream = Arc::new(upstream.await?);
    let listeners = cases.iter().map(|case| case.bootstrap(upstream.address()));
    let bootstrap = Bootstrap::all(listeners).context("no cases")?;
    let envoy = stage.envoy(&bootstrap).await?;
    let addresses: HashMap<String, SocketAddr> =
        envoy.listener_addresses().await?.into_iter().collect();
    let mut together = Together::default();
    for case in cases {
        let address = addresses.get(case.name).copied();
        let address = address.context("a case without a listener")?;
        let case = Arc::new(case);
        for pieces in [1, 2] {
            let (case, envoy) = (Arc::clone(&case), Arc::clone(&envoy));
            let upstream = Arc::clone(&upstream);
            together.play(format!("{} in {pieces}", case.name), async move {
                case.play(pieces, address, &envoy, &upstream).await
            });
        }
    }
    let release = &stage.release;
    together.finish(&format!("{release} shown again")).await
}

impl Case {
    fn path(&self) -> String {
        format!("/{}/", self.name.replace([' ', ','], "-"))
    }

    /// What both peers send.
    fn body(&self) -> &'static str {
        match self.content_type {
            "application/jsonl" => LINES,
            _ => BODY,
        }
    }

    fn bootstrap(&self, upstream: SocketAddr) -> Bootstrap {
        let log = "%REQ(:PATH)%|%DYNAMIC_METADATA(rustformations:failure)%|%DYNAMIC_METADATA(llm)%";
        let mut listener = Bootstrap::named(self.name).access_log(log);
        for (number, filter) in self.chain.iter().enumerate() {
            listener = match filter {
                Ok(ours) => listener.filter(ours.clone()),
                Err(other) => listener.http_filter(&format!("other-{number}"), other),
            };
        }
        listener
            .add_cluster(Cluster::new(self.name, upstream).http2())
            .route(Route::to(self.name))
    }

    async fn play(
        &self,
        pieces: usize,
        address: SocketAddr,
        envoy: &Envoy,
        upstream: &Upstream,
    ) -> Result<()> {
        let path = format!("{}{pieces}", self.path());
        let request = Request::post(&path)
            .http2()
            .header("content-type", self.content_type)
            .trailer("x-after", "sent");
        let (front, back) = self.body().split_at(self.body().len() / 3);
        let request = match pieces {
            1 => request.chunks([self.body()]),
            _ => request.chunks([front, back]),
        };
        let response = request.send(address).await?;
        same("status", response.status, 200)?;
        same("answer", response.text().as_str(), self.answer)?;
        let patience = Duration::from_secs(2);
        let seen = upstream
            .settled(1, patience, |seen| seen.path == path)
            .await;
        let seen = seen.first().context("the upstream got nothing")?;
        same("request", seen.text().as_str(), self.request)?;
        same("log", logged(envoy, &path).await?.as_str(), self.log)
    }
}
