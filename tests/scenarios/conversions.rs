//! What `rustformations convert` makes of another filter does what that filter does: both in an Envoy, the same exchanges.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use harness::{Answer, Bootstrap, Envoy, RecordedRequest, Request, Response, Route, Upstream};
use rustformations_cli::filter_config;
use serde_json::{Value, json};

use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All transform,
    All json_to_metadata,
    All sse_to_metadata,
];

/// Another filter, as Envoy has it.
struct Peer {
    name: &'static str,
    typed_config: Value,
    /// The header that the filter sets from the body.
    names: &'static [&'static str],
    log: &'static str,
    /// The exchanges that differ.
    named: &'static [Named],
}

/// What differs in an exchange, as a note of the conversion has it: the body and a part of the note.
type Named = (&'static str, &'static str);

/// The same exchanges through another filter, and through ours with what it was converted to.
struct Beside {
    theirs: Arc<Envoy>,
    ours: Arc<Envoy>,
    upstream: Upstream,
    /// What was seen of each exchange: its body, theirs and ours.
    played: Vec<(String, Seen, Seen)>,
    notes: Vec<String>,
}

/// What is seen of an exchange.
#[derive(Debug, PartialEq)]
struct Seen {
    upstream: Vec<(String, String)>,
    body: Value,
    client: Vec<(String, String)>,
    answer: Value,
}

impl Beside {
    async fn start(stage: &Stage, peer: &Peer, answer: Answer) -> Result<Self> {
        let upstream = Upstream::answering(answer).await?;
        let (config, notes) = filter_config(&peer.typed_config.to_string());
        let bootstrap = || {
            Bootstrap::new()
                .cluster("upstream", upstream.address())
                .route(Route::to("upstream"))
                .access_log(peer.log)
        };
        let theirs = bootstrap().http_filter(peer.name, &peer.typed_config);
        Ok(Self {
            theirs: stage.envoy(&theirs).await?,
            ours: stage.envoy(&bootstrap().filter(config)).await?,
            upstream,
            played: Vec::new(),
            notes,
        })
    }

    /// Plays a request with this body through both.
    async fn play(&mut self, peer: &Peer, body: &str, request: &Request) -> Result<()> {
        let theirs = self.through(&self.theirs, peer, request).await?;
        let ours = self.through(&self.ours, peer, request).await?;
        self.played.push((body.to_owned(), theirs, ours));
        Ok(())
    }

    async fn through(&self, envoy: &Envoy, peer: &Peer, request: &Request) -> Result<Seen> {
        let before = self.upstream.requests().len();
        let response = request.clone().send(envoy.address().await?).await?;
        let requests = self.upstream.requests();
        let reached = requests.get(before).context("no request upstream")?;
        Ok(seen(peer, reached, &response))
    }

    /// Compares all, what the logs have too. What is named differs, and nothing else does.
    async fn end(self, peer: &Peer) -> Result<()> {
        let theirs = self.theirs.access_log(self.played.len()).await?;
        let ours = self.ours.access_log(self.played.len()).await?;
        let mut wrong = Vec::new();
        for (index, (body, seen_theirs, seen_ours)) in self.played.iter().enumerate() {
            let logs = (theirs.get(index), ours.get(index));
            let differs = seen_theirs != seen_ours || logs.0 != logs.1;
            let mut named = peer.named.iter().filter(|(of, _)| of == body);
            let named = named.next().map(|(_, note)| *note);
            if differs != named.is_some() {
                wrong.push(format!(
                    "{body}\n  theirs {seen_theirs:?} {:?}\n  ours   {seen_ours:?} {:?}",
                    logs.0, logs.1
                ));
            }
            let noted = |note| self.notes.iter().any(|line| line.contains(note));
            ensure!(
                named.is_none_or(noted),
                "{body}: {named:?} is not in {:?}",
                self.notes
            );
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }
}

fn seen(peer: &Peer, reached: &RecordedRequest, response: &Response) -> Seen {
    let of = |headers: &harness::Headers| -> Vec<(String, String)> {
        let names = peer.names.iter();
        names
            .map(|name| ((*name).to_owned(), headers.values(name).join(",")))
            .collect()
    };
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    Seen {
        upstream: of(&reached.headers),
        body: json(reached.text()),
        client: of(&response.headers),
        answer: json(response.text()),
    }
}

/// Bodies of every kind.
const BODIES: [&str; 12] = [
    r#"{"model":"gpt-4o","a":{"b":"c"},"n":5}"#,
    r#"{"n":1.5,"model":"\u00e9 \"x\"","a":{"b":true}}"#,
    r#"{"model":"","a":{},"n":0}"#,
    r#"{"model":7,"a":{"b":12345678901},"n":"5"}"#,
    r#"{"model":true,"a":5,"n":false}"#,
    r#"{"model":null,"a":{"b":null},"n":null}"#,
    r#"{"model":["a"],"a":{"b":{"c":1}},"n":-3}"#,
    r#"{"messages":[]}"#,
    r#"["model"]"#,
    "{}",
    "no JSON",
    r#"{"model":"cut"#,
];

/// A body that no `content-type` describes.
const UNTYPED: &str = r#"{"model":"untyped","a":{"b":"c"},"n":5}"#;

/// Requests, each with its body.
fn requests() -> Vec<(&'static str, Request)> {
    let post = |body: &'static str| {
        let request = Request::post("/v1/chat/completions").header("x-user", "ada");
        (
            body,
            request
                .header("content-type", "application/json")
                .body(body),
        )
    };
    let mut requests: Vec<_> = BODIES.map(post).into();
    requests.push(("", Request::get("/").header("x-user", "ada")));
    requests.push((
        UNTYPED,
        Request::post("/").header("x-user", "ada").body(UNTYPED),
    ));
    requests
}

const ANSWER: &str = r#"{"id":"1","usage":{"total_tokens":7,"cost":0.5},"model":"m"}"#;

async fn transform(stage: &Stage) -> Result<()> {
    // Envoy 1.36 has no such filter.
    if !stage.release.at_least(1, 37) {
        return Ok(());
    }
    let set = |name: &str, format: &str| json!({"append": {"header": {"key": name, "value": format}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}});
    let peer = Peer {
        name: "envoy.filters.http.transform",
        typed_config: json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.transform.v3.TransformConfig",
            "request_transformation": {
                "headers_mutations": [
                    set("x-from-body", "%REQUEST_BODY(model)%"),
                    set("x-nested", "%REQUEST_BODY(a:b)%"),
                    set("x-text", "u-%REQ(x-user)%-100%%"),
                    {"append": {"header": {"key": "x-user", "value": "added"}}},
                    {"remove": "accept"},
                ],
                "body_transformation": {"action": "MERGE", "body_format": {"json_format": {
                    "user": "me", "from": "%REQUEST_BODY(model)%", "deep": {"n": 1}}}},
            },
            "response_transformation": {"headers_mutations": [
                set("x-tokens", "%RESPONSE_BODY(usage:total_tokens)%"),
                set("x-asked", "by-%REQ(x-user)%"),
            ]},
        }),
        names: &[
            "x-from-body",
            "x-nested",
            "x-text",
            "x-user",
            "accept",
            "x-tokens",
            "x-asked",
        ],
        log: "%RESPONSE_CODE%",
        named: &[
            (BODIES[6], "a list or an object"),
            (BODIES[8], "no JSON object"),
            (BODIES[10], "no JSON object"),
            (BODIES[11], "no JSON object"),
            ("", "no JSON object"),
            (UNTYPED, "`content-type` is not JSON"),
        ],
    };
    let answer = Answer::body(ANSWER).header("content-type", "application/json");
    let mut beside = Beside::start(stage, &peer, answer).await?;
    for (body, request) in requests() {
        beside.play(&peer, body, &request).await?;
    }
    beside.end(&peer).await
}

async fn json_to_metadata(stage: &Stage) -> Result<()> {
    let present =
        |key: &str, kind: &str| json!({"metadata_namespace": "llm", "key": key, "type": kind});
    let peer = Peer {
        name: "envoy.filters.http.json_to_metadata",
        typed_config: json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
            "request_rules": {"rules": [
                {
                    "selectors": [{"key": "model"}],
                    "on_present": present("model", "STRING"),
                    "on_missing": {"metadata_namespace": "llm", "key": "model", "value": "none"},
                },
                {"selectors": [{"key": "a"}, {"key": "b"}], "on_present": present("nested", "STRING")},
                {"selectors": [{"key": "n"}], "on_present": present("n", "NUMBER")},
            ]},
            "response_rules": {"rules": [
                {"selectors": [{"key": "usage"}, {"key": "total_tokens"}], "on_present": present("total", "NUMBER")},
                {"selectors": [{"key": "usage"}, {"key": "cost"}], "on_present": present("cost", "NUMBER")},
                {
                    "selectors": [{"key": "absent"}],
                    "on_present": present("absent", "STRING"),
                    "on_missing": {"metadata_namespace": "llm", "key": "absent", "value": "none"},
                },
            ]},
        }),
        names: &[],
        log: "%DYNAMIC_METADATA(llm:model)% %DYNAMIC_METADATA(llm:nested)% %DYNAMIC_METADATA(llm:n)% \
              %DYNAMIC_METADATA(llm:total)% %DYNAMIC_METADATA(llm:cost)% %DYNAMIC_METADATA(llm:absent)%",
        named: &[
            (BODIES[1], "`true` and `false` are `1`"),
            (BODIES[2], "an empty text"),
            (BODIES[3], "a number within quotes"),
            (BODIES[4], "`true` and `false` are `1`"),
            (BODIES[10], "a body that is no JSON"),
            (BODIES[11], "a body that is no JSON"),
            ("", "a body that is no JSON"),
            (UNTYPED, "reads `application/json` only"),
        ],
    };
    let answer = Answer::body(ANSWER).header("content-type", "application/json");
    let mut beside = Beside::start(stage, &peer, answer).await?;
    for (body, request) in requests() {
        beside.play(&peer, body, &request).await?;
    }
    beside.end(&peer).await
}

/// An event without the empty line at its end.
const UNENDED: &str = "data: {\"usage\":{\"total_tokens\":4}}";

async fn sse_to_metadata(stage: &Stage) -> Result<()> {
    // Envoy 1.37 has no such filter.
    if !stage.release.at_least(1, 38) {
        return Ok(());
    }
    let peer = Peer {
        name: "envoy.filters.http.sse_to_metadata",
        typed_config: json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.sse_to_metadata.v3.SseToMetadata",
            "response_rules": {"content_parser": {
                "name": "envoy.content_parsers.json",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.content_parsers.json.v3.JsonContentParser",
                    "rules": [
                        {"rule": {"selectors": [{"key": "usage"}, {"key": "total_tokens"}],
                            "on_present": {"metadata_namespace": "llm", "key": "total", "type": "NUMBER"}}},
                        {"rule": {"selectors": [{"key": "model"}],
                            "on_present": {"metadata_namespace": "llm", "key": "model", "type": "STRING"}}},
                    ],
                },
            }},
        }),
        names: &[],
        log: "%DYNAMIC_METADATA(llm:total)% %DYNAMIC_METADATA(llm:model)%",
        named: &[(UNENDED, "an event that nothing ends")],
    };
    for events in [
        "data: {\"model\":\"a\"}\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\ndata: [DONE]\n\n",
        "data: {\"model\":\"a\",\"usage\":{\"total_tokens\":1}}\n\ndata: {\"model\":\"b\",\"usage\":{\"total_tokens\":2}}\n\n",
        "data: {\"model\":\"a\",\"usage\":null}\n\nevent: x\ndata: {\"usage\":\ndata: {\"total_tokens\":3}}\n\n: comment\n\n",
        "data: no JSON\n\ndata: {}\n\n",
        UNENDED,
    ] {
        let answer = Answer::body(events).header("content-type", "text/event-stream");
        let mut beside = Beside::start(stage, &peer, answer).await?;
        beside.play(&peer, events, &Request::get("/")).await?;
        beside.end(&peer).await?;
    }
    Ok(())
}
