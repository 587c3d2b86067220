//! Messages that the filter lets go before their end, while a neighbour holds what it lets go, or has still to pass on
//! the rest.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Answer, Bootstrap, End, Filter, Protocol, Request, Response, Route, Upstream};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::together::Together;
use crate::gateway::MODEL;
use crate::stage::{Stage, same};

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Envoy's limit, by HTTP/1.
const LIMIT: u32 = 64 << 10;

/// Below the limit, above it, and above what else is held.
const SIZES: [usize; 3] = [40_000, 90_000, 250_000];

/// What `limits.maxHeldBytes` and `buffer` hold.
const HELD: usize = 150_000;

/// A listener's chain.
#[derive(Clone, Debug)]
struct Chain {
    name: &'static str,
    filters: Vec<Value>,
    /// Whether it works on answers.
    answers: bool,
    /// By how much it makes a body longer that is held whole.
    grows: usize,
    /// Whether a message must pass: no filter is there that refuses a long one.
    passes: bool,
}

/// A message that a chain gets.
#[derive(Clone, Copy, Debug)]
struct Case {
    protocol: Protocol,
    size: usize,
    pieces: usize,
    trailers: bool,
    first: bool,
}

fn ours(name: &str, config: Value) -> Value {
    json!({"ours": name, "config": config})
}

fn theirs(name: &str, message: &str, mut config: Value) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.filters.http.{name}.v3.{message}");
    config["@type"] = kind.into();
    json!({"name": format!("envoy.filters.http.{name}"), "config": config})
}

fn lua(hook: &str) -> Value {
    let code = format!("function envoy_on_{hook}(handle) handle:body() end");
    theirs(
        "lua",
        "Lua",
        json!({"default_source_code": {"inline_string": code}}),
    )
}

/// Lua that pauses at the headers, for an answer of another upstream.
fn calls(hook: &str) -> Value {
    let call = r#"handle:httpCall("upstream", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, "", 5000)"#;
    let code = format!("function envoy_on_{hook}(handle) {call} end");
    theirs(
        "lua",
        "Lua",
        json!({"default_source_code": {"inline_string": code}}),
    )
}

fn streamed() -> Value {
    json!({"request": {"bodyMode": "streamed", "extract": [{"header": MODEL}]}})
}

/// A pass that makes a document longer by seven bytes.
fn setting(direction: &str, key: &str) -> Value {
    let patch = json!([{"set": format!("/{key}"), "json": 12}]);
    json!({direction: {"patch": patch}, "limits": {"maxHeldBytes": HELD}})
}

/// A patch that can edit no array.
fn renaming() -> Value {
    json!({"response": {"patch": [{"replace": "/model", "value": "b"}]}})
}

impl Case {
    /// Every case of these sizes.
    fn all(sizes: &[usize], trailers: &[bool]) -> Vec<Self> {
        let mut cases = Vec::new();
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for &size in sizes {
                for pieces in [1, 5, 40] {
                    for &trailers in trailers {
                        for first in [true, false] {
                            cases.push(Self {
                                protocol,
                                size,
                                pieces,
                                trailers,
                                first,
                            });
                        }
                    }
                }
            }
        }
        cases
    }

    fn path(self, chain: &Chain) -> String {
        let place = if self.first { "first" } else { "last" };
        let Self {
            protocol,
            size,
            pieces,
            trailers,
            ..
        } = self;
        format!(
            "/{}/{protocol:?}/{size}/{pieces}/{trailers}/{place}",
            chain.name
        )
    }

    fn document(self) -> String {
        let text = "y".repeat(self.size);
        match self.first {
            true => format!("{{\"model\":\"a\",\"text\":\"{text}\"}}"),
            false => format!("{{\"text\":\"{text}\",\"model\":\"a\"}}"),
        }
    }

    fn split(self, body: &str) -> Vec<Vec<u8>> {
        let piece = body.len().div_ceil(self.pieces);
        body.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect()
    }

    fn request(self, path: &str, body: &str) -> Request {
        let request = Request::post(path)
            .by(self.protocol)
            .header("content-type", "application/json")
            .chunks(self.split(body));
        match self.trailers {
            true => request.trailer("x-after", "sent"),
            false => request,
        }
    }

    fn answer(self, body: &str) -> Answer {
        let answer = Answer::chunks(self.split(body)).header("content-type", "application/json");
        match self.trailers {
            true => answer.trailer("x-after", "sent"),
            false => answer,
        }
    }
}

/// An Envoy with a listener for each chain.
struct Chains {
    /// Whether it is a release that refuses what is over the limit and has trailers, once a filter has let it go.
    refuses: bool,
    addresses: HashMap<String, SocketAddr>,
    upstream: Upstream,
}

impl Chains {
    async fn start(
        stage: &Stage,
        chains: &[Chain],
        answers: HashMap<String, Answer>,
    ) -> Result<Arc<Self>> {
        let upstream = Upstream::start(move |request| {
            let answer = answers.get(&request.path);
            answer.cloned().unwrap_or_else(|| Answer::status(200))
        })
        .await?;
        let mut bootstrap = Bootstrap::new().cluster("upstream", upstream.address());
        for chain in chains {
            let listener = Bootstrap::named(chain.name)
                .http1_trailers()
                .buffer_limit(LIMIT);
            let listener = chain.filters.iter().fold(listener, |listener, filter| {
                match filter["ours"].as_str() {
                    Some(name) => {
                        listener.filter(Filter::new(filter["config"].clone()).instance(name))
                    }
                    None => listener.http_filter(
                        filter["name"].as_str().unwrap_or_default(),
                        &filter["config"],
                    ),
                }
            });
            bootstrap = bootstrap.beside(listener.route(Route::to("upstream")));
        }
        let envoy = stage.envoy(&bootstrap).await?;
        let addresses = envoy.listener_addresses().await?.into_iter().collect();
        Ok(Arc::new(Self {
            refuses: !stage.release.at_least(1, 38),
            addresses,
            upstream,
        }))
    }

    async fn send(&self, chain: &Chain, request: Request) -> Result<Response> {
        let address = self.addresses.get(chain.name).context("no listener")?;
        let response = timeout(PATIENCE, request.send(*address)).await;
        response.unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"))
    }

    /// Plays a request, which must be refused or arrive whole.
    async fn ask(&self, chain: &Chain, case: Case) -> Result<()> {
        let (path, body) = (case.path(chain), case.document());
        let response = self.send(chain, case.request(&path, &body)).await?;
        let fits = body.len() <= HELD;
        if response.status == 413 && !(chain.passes && fits) {
            return Ok(());
        }
        same("status", response.status, 200)?;
        let seen = self
            .upstream
            .settled(1, PATIENCE, |seen| seen.path == path)
            .await;
        let seen = seen.first().context("the upstream got nothing")?;
        ensure!(
            seen.end == End::Complete,
            "the request ended with {:?}",
            seen.end
        );
        let expected = body.len() + chain.grows;
        same("length", seen.body().len(), expected)
    }

    /// Plays an answer, which must come whole, unless the neighbour itself refuses a long one.
    async fn answer(&self, chain: &Chain, case: Case, sent: usize) -> Result<()> {
        let request = Request::get(&case.path(chain)).by(case.protocol);
        let response = self.send(chain, request).await?;
        if response.status == 500
            && (!chain.passes || (self.refuses && case.trailers && sent > HELD))
        {
            return Ok(());
        }
        same("status", response.status, 200)?;
        let expected = match sent <= HELD {
            true => sent + chain.grows,
            false => sent,
        };
        same("length", response.body().len(), expected)
    }
}

/// Plays every case in every chain. `body` is what the upstream answers.
async fn play(
    stage: &Stage,
    what: &str,
    chains: Vec<Chain>,
    cases: &[Case],
    body: fn(Case) -> String,
) -> Result<()> {
    let mut answers = HashMap::new();
    for chain in chains.iter().filter(|chain| chain.answers) {
        for case in cases {
            answers.insert(case.path(chain), case.answer(&body(*case)));
        }
    }
    let started = Chains::start(stage, &chains, answers).await?;
    let mut together = Together::default();
    for chain in chains {
        for &case in cases {
            let (started, chain) = (Arc::clone(&started), chain.clone());
            together.play(case.path(&chain), async move {
                match chain.answers {
                    true => started.answer(&chain, case, body(case).len()).await,
                    false => started.ask(&chain, case).await,
                }
            });
        }
    }
    together.finish(&format!("{} {what}", stage.release)).await
}

/// What is let go over Envoy's limit is read on, or refused by who holds it: no exchange waits for ever.
pub(crate) async fn bodies_over_the_limit_beside_filters_that_hold(stage: &Stage) -> Result<()> {
    let chain = |name, filters, answers, grows, passes| Chain {
        name,
        filters,
        answers,
        grows,
        passes,
    };
    let buffer = theirs("buffer", "Buffer", json!({"max_request_bytes": HELD}));
    let (first, second) = (setting("request", "b"), setting("request", "c"));
    let two = vec![ours("first", first.clone()), ours("second", second)];
    let first_of_one = ours("patch", first.clone());
    let answer_of_one = ours("patch", setting("response", "b"));
    let (inner, outer) = (setting("response", "b"), setting("response", "c"));
    let two_answers = vec![ours("outer", outer), ours("inner", inner)];
    let chains = vec![
        chain(
            "lua",
            vec![ours("streamed", streamed()), lua("request")],
            false,
            0,
            false,
        ),
        chain(
            "buffer",
            vec![ours("streamed", streamed()), buffer],
            false,
            0,
            false,
        ),
        chain(
            "patch",
            vec![ours("streamed", streamed()), ours("patch", first)],
            false,
            7,
            true,
        ),
        chain("two", two, false, 14, true),
        chain(
            "answer-to-lua",
            vec![lua("response"), ours("patch", renaming())],
            true,
            0,
            false,
        ),
        chain("two-answers", two_answers, true, 14, true),
        chain(
            "paused",
            vec![calls("request"), first_of_one],
            false,
            7,
            true,
        ),
        chain(
            "paused-answer",
            vec![answer_of_one, calls("response")],
            true,
            7,
            true,
        ),
    ];
    let cases = Case::all(&SIZES, &[false, true]);
    play(
        stage,
        "bodies over the limit",
        chains,
        &cases,
        Case::document,
    )
    .await
}

/// A message goes on to its end, though its peer has sent all of it long before a filter in between has passed it on.
///
/// Envoy 1.36 and 1.37.0 end such a message where it is let go; only a request with trailers is safe there.
pub(crate) async fn messages_that_a_filter_passes_on(stage: &Stage) -> Result<()> {
    let limited = |mode: &str| {
        let config = json!({"stat_prefix": "limited", "enable_mode": mode, "limit_kbps": 4000});
        theirs("bandwidth_limit", "BandwidthLimit", config)
    };
    let fault = theirs(
        "fault",
        "HTTPFault",
        json!({"response_rate_limit": {
            "fixed_limit": {"limit_kbps": 4000},
            "percentage": {"numerator": 100},
        }}),
    );
    let chain = |name, filters, answers| Chain {
        name,
        filters,
        answers,
        grows: 0,
        passes: true,
    };
    let chains = vec![
        chain(
            "requests",
            vec![limited("REQUEST"), ours("streamed", streamed())],
            false,
        ),
        chain(
            "answers",
            vec![ours("patch", renaming()), limited("RESPONSE")],
            true,
        ),
        chain("faults", vec![ours("patch", renaming()), fault], true),
    ];
    let mended = stage.release.at_least(1, 38);
    let chains = chains.into_iter().filter(|chain| mended || !chain.answers);
    let chains: Vec<Chain> = chains.collect();
    let (size, trailers): (_, &[bool]) = match mended {
        true => (140_000, &[false, true]),
        // Over the limit these releases refuse what comes with the trailers.
        false => (60_000, &[true]),
    };
    let cases = Case::all(&[size], trailers);
    let array = |case: Case| format!("[\"{}\"]", "y".repeat(case.size));
    play(stage, "messages passed on", chains, &cases, array).await
}
