//! What came of an exchange, in the order in which it happened.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Fields, Message};
use serde::Serialize;
use transformations::testing::Host;
use transformations::{Direction, Note};

use super::changes::{HeaderChange, Line, of_body, of_headers};

/// What came of an exchange.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transcript {
    /// What came of the request.
    pub request: Passage,
    /// What came of the answer; `None`: there was none, or the request was answered.
    pub response: Option<Passage>,
    /// The answer in place of a message.
    pub reply: Option<Answered>,
    /// Why the stream was reset.
    pub reset: Option<String>,
    /// Whether Envoy chooses the route again.
    pub route_chosen_again: bool,
    /// Dynamic metadata, in the order it was set.
    pub metadata: Vec<Metadata>,
    /// By how much each metric rose.
    pub metrics: BTreeMap<String, u64>,
    /// What went wrong, in order, each with its place in the configuration.
    pub failures: Vec<String>,
    /// The reason of each failure.
    pub reasons: Vec<String>,
}

/// What came of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passage {
    /// How it begins: `POST /v1/chat/completions`, or `200`.
    pub title: String,
    /// What was done when.
    pub steps: Vec<Step>,
    /// What was found and done, in order.
    pub notes: Vec<String>,
    /// Whether it goes on.
    pub outcome: Outcome,
    /// The headers that differ.
    pub headers: Vec<HeaderChange>,
    /// How the body differs; empty: it does not.
    pub body: Vec<Line>,
    /// How long the body was.
    pub bytes_before: usize,
    /// How long it is.
    pub bytes_after: usize,
    /// The headers that go on.
    pub sent_headers: Vec<(String, String)>,
    /// The body that goes on, as text, or `base64:` and bytes that are none.
    pub sent_body: String,
}

/// Whether a message goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It does, as it arrived.
    Unchanged,
    /// It does, and differs.
    Changed,
    /// It is answered, or the stream is reset.
    Stopped,
}

/// One hook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Milliseconds since the message began.
    pub at_ms: u64,
    /// What came.
    pub came: Came,
    /// What became of it.
    pub became: Became,
    /// How many bytes of the body have arrived by then.
    pub arrived: usize,
}

/// What became of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "bytes", rename_all = "camelCase")]
pub enum Became {
    /// The message is held.
    Held,
    /// The message goes on. By now so many bytes of its body have.
    Passed(usize),
    /// The message goes no further.
    Stopped,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Came {
    /// The headers.
    Headers,
    /// A piece of the body.
    Body,
    /// The trailers.
    Trailers,
}

/// An answer in place of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Envoy's response code details.
    pub details: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// An entry of dynamic metadata.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The namespace.
    pub namespace: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: serde_json::Value,
}

impl Transcript {
    /// `labels` are those of the metrics.
    pub(super) fn of(
        request: &Message,
        response: Option<&Message>,
        host: &Host,
        labels: &[String],
    ) -> Self {
        let passage = |message, direction| Passage::of(message, host, direction);
        let response = response.filter(|_| !host.hooks_of(Direction::Response).is_empty());
        let owned = |(name, value): &(std::borrow::Cow<'_, str>, String)| {
            (name.clone().into_owned(), value.clone())
        };
        let reply = host.reply.as_ref().map(|(_, reply)| Answered {
            status: reply.status,
            details: reply.details.to_owned(),
            headers: reply.headers.iter().map(owned).collect(),
            body: reply.body.clone(),
        });
        let writes = host.metadata.iter().cloned();
        let metadata = writes.map(|(namespace, key, value)| Metadata {
            namespace,
            key,
            value: cases::engine::json(value),
        });
        Self {
            request: passage(request, Direction::Request),
            response: response.map(|response| passage(response, Direction::Response)),
            reply,
            reset: host.reset.map(str::to_owned),
            route_chosen_again: host.calls_of("clear_route_cache") > 0,
            metadata: metadata.collect(),
            metrics: cases::engine::metrics(host, labels),
            failures: host.failures.iter().map(ToString::to_string).collect(),
            reasons: host
                .failures
                .iter()
                .map(|failure| failure.reason.to_string())
                .collect(),
        }
    }
}

impl Passage {
    fn of(message: &Message, host: &Host, direction: Direction) -> Self {
        let gone = host.message(direction);
        let steps = steps(message, host.hooks_of(direction));
        let last = steps.last().map(|step| step.became);
        let before = message.body.bytes();
        // Nothing of what is stopped gets anywhere.
        let (sent, after) = match last {
            None | Some(Became::Held | Became::Stopped) => (None, Vec::new()),
            Some(Became::Passed(_)) => (Some(&gone.headers), gone.body()),
        };
        let headers = sent.map(|sent| of_headers(&message.fields, sent));
        let outcome = match &headers {
            None => Outcome::Stopped,
            Some(headers) if headers.is_empty() && before == after => Outcome::Unchanged,
            Some(_) => Outcome::Changed,
        };
        let body = headers.is_some().then(|| of_body(&before, &after));
        let notes = host.notes.iter().filter(|(of, _)| *of == direction);
        let notes = notes
            .flat_map(|(_, notes)| notes)
            .map(Note::to_string)
            .collect();
        Self {
            title: title(message),
            steps,
            notes,
            outcome,
            headers: headers.unwrap_or_default(),
            body: body.flatten().unwrap_or_default(),
            bytes_before: before.len(),
            bytes_after: after.len(),
            sent_headers: sent.map(texts).unwrap_or_default(),
            sent_body: text(&after),
        }
    }
}

/// How a message begins.
fn title(message: &Message) -> String {
    let part = |name| message.field(name).unwrap_or_default();
    match message.field(":status") {
        Some(status) => status,
        None => format!("{} {}", part(":method"), part(":path")),
    }
}

/// What came, and what became of it. What was answered or reset has no more hooks.
fn steps(message: &Message, hooks: &[Option<usize>]) -> Vec<Step> {
    let (times, pieces) = (message.body.times(), message.body.pieces());
    let mut arrived = 0;
    let mut came = vec![(Came::Headers, Duration::ZERO, 0)];
    for (piece, time) in pieces.iter().zip(&times) {
        arrived += piece.len();
        came.push((Came::Body, *time, arrived));
    }
    if !message.trailers.is_empty() {
        came.push((
            Came::Trailers,
            times.last().copied().unwrap_or_default(),
            arrived,
        ));
    }
    let count = hooks.len();
    let whole = count == came.len();
    let mut steps = Vec::new();
    for (index, ((came, time, arrived), gone)) in came.into_iter().zip(hooks).enumerate() {
        let became = match gone {
            Some(bytes) => Became::Passed(*bytes),
            // The last hook that runs holds nothing, unless the sender breaks off.
            None if index + 1 == count && !(whole && message.broken_off) => Became::Stopped,
            None => Became::Held,
        };
        steps.push(Step {
            at_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            came,
            became,
            arrived,
        });
    }
    steps
}

pub(super) fn texts(fields: &Fields) -> Vec<(String, String)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect()
}

pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", BASE64_STANDARD.encode(bytes)),
    }
}
