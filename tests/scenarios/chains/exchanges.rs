//! The exchanges of the matrix: what the filter does, where the model stands, how the bytes arrive.

use std::fmt;

use harness::{Answer, Request};
use serde_json::{Value, json};

use crate::gateway::MODEL;

/// What the filter is configured to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// It is not there: shows that the chains themselves change no more than the matrix undoes.
    Removed,
    /// Nothing.
    Inert,
    /// Reads the model of a held request.
    Buffered,
    /// Reads the model of a request on its way.
    Streamed,
    /// Edits the request's JSON.
    Patch,
    /// Replaces the request's body.
    BodyTemplate,
    /// Edits the JSON of the answer.
    ResponsePatch,
    /// Edits an answer of server-sent events.
    SsePatch,
}

/// Where the request names its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Model {
    /// In the body's first member.
    First,
    /// In its last.
    Last,
    /// Nowhere.
    Absent,
    /// In the routing header alone, where the client has no right to.
    Forged,
    /// In the routing header, and another one in the body.
    Overruled,
}

/// How the bytes arrive, the request's and the answer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Arrival {
    /// With a length and at once.
    OnePiece,
    /// With a length and in pieces.
    Pieces,
    /// Without a length and in pieces.
    Chunked,
    /// By HTTP/2, without a length and in pieces, of which the request's last ends it.
    Http2,
}

impl Mode {
    pub(crate) const ALL: [Self; 8] = [
        Self::Removed,
        Self::Inert,
        Self::Buffered,
        Self::Streamed,
        Self::Patch,
        Self::BodyTemplate,
        Self::ResponsePatch,
        Self::SsePatch,
    ];

    /// The filter's configuration, if it is there. A second run over what a first one left edits nothing more, for an
    /// internal redirect runs the filter again.
    pub(crate) fn config(self) -> Option<Value> {
        let extract = json!([{"name": "asked", "from": [{"json": "/model"}], "header": MODEL}]);
        let held = json!({"extract": extract});
        let with = |key: &str, value: Value| {
            let mut request = held.clone();
            request[key] = value;
            request
        };
        Some(match self {
            Self::Removed => return None,
            Self::Inert => json!({}),
            Self::Buffered => json!({"request": held}),
            Self::Streamed => json!({"request": with("bodyMode", json!("streamed"))}),
            Self::Patch => {
                let edits = json!([
                    {"replace": "/who", "value": "bob"},
                    {"remove": "/x_debug"},
                    {"default": "/added", "value": ADDED},
                ]);
                json!({"request": with("patch", edits)})
            }
            Self::BodyTemplate => {
                let body = json!({"parseAs": "AsJson", "value": TEMPLATE});
                json!({"request": with("body", body)})
            }
            Self::ResponsePatch | Self::SsePatch => {
                let edits = json!([
                    {"replace": "/model", "value": "{{ extracted.asked or 'none' }}"},
                    {"remove": "/system_fingerprint"},
                ]);
                json!({"request": held, "response": {"patch": edits}})
            }
        })
    }
}

impl Model {
    pub(crate) const ALL: [Self; 5] = [
        Self::First,
        Self::Last,
        Self::Absent,
        Self::Forged,
        Self::Overruled,
    ];

    /// The model in the body.
    fn in_body(self) -> Option<&'static str> {
        match self {
            Self::First | Self::Last => Some(NAMED),
            Self::Overruled => Some("mistral"),
            Self::Absent | Self::Forged => None,
        }
    }

    /// The model in the routing header, as the client sends it.
    fn in_header(self) -> Option<&'static str> {
        matches!(self, Self::Forged | Self::Overruled).then_some(NAMED)
    }
}

impl Arrival {
    pub(crate) const ALL: [Self; 4] = [Self::OnePiece, Self::Pieces, Self::Chunked, Self::Http2];
}

/// What the filter does, where the model stands, how the bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exchange {
    pub(crate) mode: Mode,
    pub(crate) model: Model,
    pub(crate) arrival: Arrival,
}

impl fmt::Display for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode,
            model,
            arrival,
        } = self;
        write!(formatter, "{mode:?} × {model:?} × {arrival:?}")
    }
}

/// The model that has a route of its own.
const NAMED: &str = "gpt-4o";

/// Longer than what the same edit removes.
const ADDED: &str = "a member that makes the body longer than it was, whatever else the patch takes out of it, \
    so that a length which stays behind shows: 0123456789 0123456789 0123456789 0123456789";

const TEMPLATE: &str = "{\"edited\":true,{% if model %}\"model\":\"{{ model }}\",{% endif %}\
    \"who\":\"{{ who }}\",\"n\":{{ n }},\"text\":\"{{ text }}\"}";

impl Exchange {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Mode::ALL.into_iter().flat_map(|mode| {
            Model::ALL.into_iter().flat_map(move |model| {
                Arrival::ALL.into_iter().map(move |arrival| Self {
                    mode,
                    model,
                    arrival,
                })
            })
        })
    }

    /// The request's path: by it the upstream and the access log know the exchange.
    pub(crate) fn path(self) -> String {
        let Self {
            mode,
            model,
            arrival,
        } = self;
        format!("/{mode:?}/{model:?}/{arrival:?}")
    }

    /// The body that the client means to send.
    pub(crate) fn body(self) -> String {
        self.members("\"who\":\"ann\"", ",\"x_debug\":[1,{\"a\":\"}\"}]", "")
    }

    /// The request. `encode` is what the client does to the body before it sends it.
    pub(crate) fn request(self, encode: impl Fn(&[u8]) -> Vec<u8>) -> Request {
        let body = encode(self.body().as_bytes());
        let mut request = Request::post(&self.path())
            .header("host", "gateway")
            .header("content-type", "application/json");
        if let Some(model) = self.model.in_header() {
            request = request.header(MODEL, model);
        }
        match self.arrival {
            Arrival::OnePiece => request.body(body),
            Arrival::Pieces => request
                .header("content-length", body.len().to_string())
                .chunks(pieces(&body)),
            Arrival::Chunked => request.chunks(pieces(&body)),
            Arrival::Http2 => request.http2().ended_chunks(pieces(&body)),
        }
    }

    /// What the upstream answers to the exchange of this path.
    pub(crate) fn answer_to(path: &str) -> Option<Answer> {
        let mut names = path.rsplit('/');
        let (arrival, model, mode) = (names.next()?, names.next()?, names.next()?);
        let exchange = Self {
            mode: named(&Mode::ALL, mode)?,
            model: named(&Model::ALL, model)?,
            arrival: named(&Arrival::ALL, arrival)?,
        };
        Some(exchange.answer())
    }

    fn answer(self) -> Answer {
        let (body, content_type) = match self.mode {
            Mode::SsePatch => (events("gpt-4o-2024-11-20", true), "text/event-stream"),
            _ => (
                completion("gpt-4o-2024-11-20", "\"system_fingerprint\":\"fp\","),
                "application/json",
            ),
        };
        let body = body.into_bytes();
        let answer = match self.arrival {
            Arrival::OnePiece => Answer::body(body),
            Arrival::Pieces => {
                let length = body.len().to_string();
                Answer::chunks(pieces(&body)).header("content-length", length)
            }
            Arrival::Chunked | Arrival::Http2 => Answer::chunks(pieces(&body)),
        };
        answer.header("content-type", content_type)
    }

    /// The body that the upstream must get.
    pub(crate) fn upstream_body(self) -> String {
        match self.mode {
            Mode::Patch => self.members("\"who\":\"bob\"", "", &format!(",\"added\":\"{ADDED}\"")),
            Mode::BodyTemplate => {
                let model = self
                    .model
                    .in_body()
                    .map(|model| format!("\"model\":\"{model}\","));
                format!(
                    "{{\"edited\":true,{}\"who\":\"ann\",\"n\":7,\"text\":\"{}\"}}",
                    model.unwrap_or_default(),
                    text()
                )
            }
            _ => self.body(),
        }
    }

    /// The body that the client must get.
    pub(crate) fn client_body(self) -> String {
        let model = self.model.in_body().unwrap_or("none");
        match self.mode {
            Mode::ResponsePatch => completion(model, ""),
            Mode::SsePatch => events(model, false),
            _ => completion("gpt-4o-2024-11-20", "\"system_fingerprint\":\"fp\","),
        }
    }

    /// The routing header that the upstream must get.
    pub(crate) fn routing_header(self) -> Option<&'static str> {
        match self.mode {
            Mode::Removed | Mode::Inert => self.model.in_header(),
            _ => self.model.in_body(),
        }
    }

    /// The route of a request with or without the model's header.
    pub(crate) fn route(header: Option<&str>) -> &'static str {
        match header {
            Some(NAMED) => "routed",
            _ => "fallback",
        }
    }

    /// The route that the client's own header chooses.
    pub(crate) fn route_of_client(self) -> &'static str {
        Self::route(self.model.in_header())
    }

    fn members(self, who: &str, debug: &str, added: &str) -> String {
        let rest = format!("{who},\"n\":7,\"text\":\"{}\"{debug}", text());
        let Some(model) = self.model.in_body() else {
            return format!("{{{rest}{added}}}");
        };
        match self.model {
            Model::First => format!("{{\"model\":\"{model}\",{rest}{added}}}"),
            _ => format!("{{{rest},\"model\":\"{model}\"{added}}}"),
        }
    }
}

/// The one that prints itself so.
fn named<T: fmt::Debug + Copy>(all: &[T], name: &str) -> Option<T> {
    let mut all = all.iter().copied();
    all.find(|one| format!("{one:?}") == name)
}

fn text() -> String {
    "Grüße an alle. ".repeat(60)
}

fn completion(model: &str, fingerprint: &str) -> String {
    format!(
        "{{{fingerprint}\"model\":\"{model}\",\"choices\":[{{\"text\":\"{}\"}}],\"n\":1e2}}",
        text()
    )
}

fn events(model: &str, fingerprint: bool) -> String {
    let fingerprint = match fingerprint {
        true => "\"system_fingerprint\":\"fp\",",
        false => "",
    };
    let event = |n: usize| {
        format!(
            "data: {{{fingerprint}\"model\":\"{model}\",\"n\":{n}.0,\"text\":\"some text\"}}\n\n"
        )
    };
    let events: String = (0..5).map(event).collect();
    events + "data: [DONE]\n\n"
}

/// Four pieces, cut within the first member, in the middle and within the last member.
fn pieces(body: &[u8]) -> Vec<Vec<u8>> {
    let mut cuts = vec![0, 6, body.len() / 2, body.len() - 6, body.len()];
    cuts.dedup();
    cuts.windows(2)
        .map(|cut| body[cut[0]..cut[1]].to_vec())
        .collect()
}
