//! Messages whose end a decompressor moves to trailers that it adds, while the filter holds them or reads them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Answer, Bootstrap, Cluster, Protocol, Request, Response, Route, Upstream};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::coding::{gunzip, gzip};
use super::neighbours::Neighbour;
use super::together::Together;
use crate::stage::{Stage, same};

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The trailer in which the decompressor counts what leaves it.
const COUNTED: &str = "x-envoy-decompressor-gzip-uncompressed-bytes";

/// What stands in the listener's chain; `None` is the filter. Answers pass a chain from its end.
///
/// What holds answers, and gets them after a decompressor, never ends without the filter either.
const CHAINS: [&[Option<Neighbour>]; 6] = [
    &[None, DECOMPRESSOR],
    &[DECOMPRESSOR, None],
    // The decompressor gets answers that are held until their end.
    &[None, DECOMPRESSOR, Some(Neighbour::Lua)],
    &[Some(Neighbour::Buffer), DECOMPRESSOR, None, DECOMPRESSOR],
    &[
        DECOMPRESSOR,
        None,
        Some(Neighbour::Lua),
        Some(Neighbour::Buffer),
    ],
    &[Some(Neighbour::Compressor), None, DECOMPRESSOR],
];

const DECOMPRESSOR: Option<Neighbour> = Some(Neighbour::Decompressor);

/// What the filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    BodyTemplate,
    Patch,
    Extract,
    ExtractBuffered,
    Reject,
    Events,
    DropEvents,
    Lines,
    RequestExtract,
    RequestStreamed,
    RequestPatch,
    RequestBodyTemplate,
}

const MODES: [Mode; 12] = [
    Mode::BodyTemplate,
    Mode::Patch,
    Mode::Extract,
    Mode::ExtractBuffered,
    Mode::Reject,
    Mode::Events,
    Mode::DropEvents,
    Mode::Lines,
    Mode::RequestExtract,
    Mode::RequestStreamed,
    Mode::RequestPatch,
    Mode::RequestBodyTemplate,
];

/// A body that names this model.
const fn document(edited: bool) -> &'static str {
    match edited {
        true => "{\"model\":\"edited\",\"n\":1}",
        false => "{\"model\":\"a\",\"n\":1}",
    }
}

impl Mode {
    fn config(self) -> Value {
        let patch = json!({"patch": [{"replace": "/model", "value": "edited"}]});
        let extract = json!([{"name": "model", "from": [{"json": "/model"}], "header": "x-model"}]);
        let kept = json!([{
            "name": "model",
            "from": [{"json": "/model"}],
            "metadata": {"namespace": "answer", "key": "model"},
        }]);
        let template = json!({"body": {
            "parseAs": "AsJson",
            "value": "{\"model\":\"edited\",\"n\":{{ n }}}",
        }});
        match self {
            Self::BodyTemplate => json!({"response": template}),
            Self::Patch | Self::Events | Self::Lines => json!({"response": patch}),
            Self::Extract => json!({"response": {"extract": kept}}),
            Self::ExtractBuffered => json!({"response": {
                "bodyMode": "buffered",
                "extract": extract,
            }}),
            Self::Reject => json!({"response": {
                "reject": [{"when": "json(response.body).model == 'a'", "status": 409}],
            }}),
            Self::DropEvents => json!({"response": {"dropEvents": ["document.n == 2"]}}),
            Self::RequestExtract => json!({"request": {"extract": extract}}),
            Self::RequestStreamed => {
                json!({"request": {"bodyMode": "streamed", "extract": extract}})
            }
            Self::RequestPatch => json!({"request": patch}),
            Self::RequestBodyTemplate => json!({"request": template}),
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Events | Self::DropEvents => "text/event-stream",
            Self::Lines => "application/jsonl",
            _ => "application/json",
        }
    }

    /// What the upstream answers, or with `edited` what the client must get.
    fn answer(self, edited: bool) -> String {
        match self {
            Self::Events => format!("data: {}\n\n", document(edited)).repeat(3),
            Self::DropEvents => {
                let event = |n| format!("data: {{\"n\":{n}}}\n\n");
                match edited {
                    true => event(1),
                    false => event(1) + &event(2),
                }
            }
            Self::Lines => format!("{}\n", document(edited)).repeat(3),
            Self::BodyTemplate | Self::Patch => document(edited).to_owned(),
            _ => document(false).to_owned(),
        }
    }

    /// What the upstream must get of a document that the client sends.
    fn request(self) -> &'static str {
        document(matches!(
            self,
            Self::RequestPatch | Self::RequestBodyTemplate
        ))
    }
}

/// How the bytes arrive.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// At once, with the end.
    OnePiece,
    /// In pieces, of which the last has the end by HTTP/2, where the peer sends it so.
    Pieces,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    chain: usize,
    mode: Mode,
    client: Protocol,
    upstream: Protocol,
    arrival: Arrival,
    trailers: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
        let mut cases = Vec::new();
        for chain in 0..CHAINS.len() {
            for mode in MODES {
                for client in PROTOCOLS {
                    for upstream in PROTOCOLS {
                        for arrival in [Arrival::OnePiece, Arrival::Pieces] {
                            for trailers in [false, true] {
                                cases.push(Self {
                                    chain,
                                    mode,
                                    client,
                                    upstream,
                                    arrival,
                                    trailers,
                                });
                            }
                        }
                    }
                }
            }
        }
        cases
    }

    fn name(self) -> String {
        let chain: Vec<String> = CHAINS[self.chain]
            .iter()
            .map(|neighbour| neighbour.map_or("filter".to_owned(), |other| format!("{other:?}")))
            .collect();
        let Self {
            mode,
            client,
            upstream,
            arrival,
            trailers,
            ..
        } = self;
        format!(
            "[{}] × {mode:?} × {client:?} to {upstream:?} × {arrival:?} × trailers {trailers}",
            chain.join(", ")
        )
    }

    /// The listener's name, and its cluster's.
    fn listener(self) -> String {
        format!("{} {:?} {:?}", self.chain, self.mode, self.upstream)
    }

    fn path(self) -> String {
        format!(
            "/{:?}/{:?}/{}/{:?}/{}/{:?}",
            self.mode, self.arrival, self.trailers, self.client, self.chain, self.upstream
        )
    }

    fn has(self, neighbour: Neighbour) -> bool {
        CHAINS[self.chain].contains(&Some(neighbour))
    }

    /// What stands before the filter, and what stands behind it.
    fn around(self) -> (&'static [Option<Neighbour>], &'static [Option<Neighbour>]) {
        let chain = CHAINS[self.chain];
        let filter = chain.iter().position(Option::is_none);
        chain.split_at(filter.unwrap_or(chain.len()))
    }

    /// Whether the filter gets the answer decoded.
    fn is_decoded(self) -> bool {
        self.around().1.contains(&DECOMPRESSOR)
    }

    /// Envoy before 1.36.6 and 1.37.2 hands the last piece of a request that goes on to who holds what went before, past
    /// a decompressor between them.
    fn loses_its_end(self, stage: &Stage) -> bool {
        let (_, behind) = self.around();
        let passes = self.mode == Mode::RequestStreamed && self.is_decoded();
        !stage.release.at_least(1, 38) && passes && behind.contains(&Some(Neighbour::Lua))
    }

    fn bootstrap(self, address: SocketAddr) -> Bootstrap {
        let name = self.listener();
        let cluster = Cluster::new(&name, address);
        let cluster = match self.upstream {
            Protocol::Http1 => cluster,
            Protocol::Http2 => cluster.http2(),
        };
        let listener = Bootstrap::named(&name).http1_trailers();
        let listener = CHAINS[self.chain]
            .iter()
            .fold(listener, |listener, neighbour| match neighbour {
                None => listener.filter(self.mode.config()),
                Some(other) => other.in_chain(listener, ([127, 0, 0, 1], 1).into()),
            });
        listener.add_cluster(cluster).route(Route::to(&name))
    }

    fn answer(self) -> Answer {
        let body = gzip(self.mode.answer(false).as_bytes());
        let answer = match self.arrival {
            Arrival::OnePiece => Answer::body(body),
            Arrival::Pieces => Answer::chunks(body.chunks(17).map(<[u8]>::to_vec)),
        };
        let answer = answer
            .header("content-type", self.mode.content_type())
            .header("content-encoding", "gzip");
        match self.trailers {
            true => answer.trailer("x-after", "sent"),
            false => answer,
        }
    }

    fn request(self) -> Request {
        let body = gzip(document(false).as_bytes());
        let request = Request::post(&self.path())
            .by(self.client)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        let request = match self.arrival {
            Arrival::OnePiece => request.body(body),
            Arrival::Pieces => request.ended_chunks(body.chunks(17).map(<[u8]>::to_vec)),
        };
        let request = match self.has(Neighbour::Compressor) {
            true => request.header("accept-encoding", "gzip"),
            false => request,
        };
        match self.trailers {
            true => request.trailer("x-after", "sent"),
            false => request.header("te", "trailers"),
        }
    }

    async fn play(self, address: SocketAddr, upstream: Arc<Upstream>) -> Result<()> {
        let response = timeout(PATIENCE, self.request().send(address)).await;
        let response = response.unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"))?;
        let path = self.path();
        let seen = upstream
            .settled(1, Duration::from_secs(2), |seen| seen.path == path)
            .await;
        let seen = seen.first().context("the upstream got nothing")?;
        // A request that the filter gets encoded is another matter.
        if self.around().0.contains(&DECOMPRESSOR) {
            same("request", seen.text().as_str(), self.mode.request())?;
        }
        self.check(&response)
    }

    fn check(self, response: &Response) -> Result<()> {
        if self.mode == Mode::Reject {
            return same("status", response.status, 409);
        }
        same("status", response.status, 200)?;
        let body = match response.headers.contains("content-encoding") {
            true => gunzip(&response.body())?,
            false => response.body().to_vec(),
        };
        let body = String::from_utf8(body)?;
        // What is edited as it passes is not edited in a coding.
        let passes = matches!(self.mode, Mode::Events | Mode::DropEvents | Mode::Lines);
        let edited = self.is_decoded() || !passes;
        same("answer", body.as_str(), self.mode.answer(edited).as_str())?;
        if self.mode == Mode::ExtractBuffered {
            let model = response.headers.value("x-model");
            same("field", model.as_deref(), Some("a"))?;
        }
        // A body that a template makes has a length, with which HTTP/1 sends no trailers.
        let has_length = self.mode == Mode::BodyTemplate && self.client == Protocol::Http1;
        ensure!(
            !self.is_decoded() || has_length || response.trailers.contains(COUNTED),
            "the client did not get the decompressor's trailers"
        );
        if self.trailers && self.client == Protocol::Http2 && self.upstream == Protocol::Http2 {
            let trailer = response.trailers.value("x-after");
            same("trailer", trailer.as_deref(), Some("sent"))?;
        }
        Ok(())
    }
}

/// Answers and requests end, and are edited as others, where a decompressor adds trailers to them.
pub(super) async fn messages_that_end_in_added_trailers(stage: &Stage) -> Result<()> {
    let mut cases = Case::all();
    cases.retain(|case| !case.loses_its_end(stage));
    let by_path: HashMap<String, Case> = cases.iter().map(|case| (case.path(), *case)).collect();
    let upstream = Upstream::start(move |request| {
        let case = by_path.get(&request.path);
        case.map_or_else(|| Answer::status(404), |case| case.answer())
    })
    .await?;
    let upstream = Arc::new(upstream);
    let mut bootstraps = HashMap::new();
    for case in &cases {
        bootstraps
            .entry(case.listener())
            .or_insert_with(|| case.bootstrap(upstream.address()));
    }
    let bootstrap = bootstraps
        .into_values()
        .reduce(Bootstrap::beside)
        .context("no chains")?;
    let envoy = stage.envoy(&bootstrap).await?;
    let addresses: HashMap<_, _> = envoy.listener_addresses().await?.into_iter().collect();
    let mut together = Together::default();
    for case in cases {
        let address = addresses.get(&case.listener());
        let address = *address.context("a case without a listener")?;
        together.play(case.name(), case.play(address, Arc::clone(&upstream)));
    }
    let release = stage.release;
    together.finish(&format!("{release} added trailers")).await
}
