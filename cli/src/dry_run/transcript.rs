//! What came of an exchange, in the order in which it happened.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cases::{Fields, Message};
use serde::Serialize;
use transformations::testing::Host;
use transformations::{Direction, Note};

use super::DryRun;
use super::changes::{HeaderChange, Line, of_body, of_headers};

/// What came of an exchange.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transcript {
    pub(crate) request: Passage,
    /// `None`: there was none, or the request was answered.
    pub(crate) response: Option<Passage>,
    /// The answer in place of a message.
    pub(crate) reply: Option<Answered>,
    /// Why the stream was reset.
    pub(crate) reset: Option<String>,
    /// Whether Envoy chooses the route again.
    pub(crate) route_chosen_again: bool,
    pub(crate) metadata: Vec<Metadata>,
    /// By how much each metric rose.
    pub(crate) metrics: BTreeMap<String, u64>,
    pub(crate) failures: Vec<String>,
}

/// What came of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Passage {
    /// How it begins: `POST /v1/chat/completions`, or `200`.
    pub(crate) title: String,
    /// What was done when.
    pub(crate) steps: Vec<Step>,
    /// What was found and done, in order.
    pub(crate) notes: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) headers: Vec<HeaderChange>,
    /// How the body differs; empty: it does not.
    pub(crate) body: Vec<Line>,
    pub(crate) bytes_before: usize,
    pub(crate) bytes_after: usize,
    /// What goes on, as text or `base64:` and bytes that are none.
    pub(crate) sent_headers: Vec<(String, String)>,
    pub(crate) sent_body: String,
}

/// Whether a message goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    Unchanged,
    Changed,
    /// It is answered, or the stream is reset.
    Stopped,
}

/// One hook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// Milliseconds since the message began.
    pub(crate) at_ms: u64,
    pub(crate) came: Came,
    /// How many bytes of the body have gone on by then; `None`: the message is held.
    pub(crate) gone: Option<usize>,
    /// How many bytes of the body have arrived by then.
    pub(crate) arrived: usize,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Came {
    Headers,
    Body,
    Trailers,
}

/// An answer in place of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// Envoy's response code details.
    pub(crate) details: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// An entry of dynamic metadata.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) value: serde_json::Value,
}

impl Transcript {
    pub(super) fn of(run: &DryRun, host: &Host, labels: &[String]) -> Self {
        let passage = |message, direction| Passage::of(message, host, direction);
        let response = run.response.as_ref();
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
            request: passage(&run.request, Direction::Request),
            response: response.map(|response| passage(response, Direction::Response)),
            reply,
            reset: host.reset.map(str::to_owned),
            route_chosen_again: host.calls_of("clear_route_cache") > 0,
            metadata: metadata.collect(),
            metrics: cases::engine::metrics(host, labels),
            failures: host.failures.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Passage {
    fn of(message: &Message, host: &Host, direction: Direction) -> Self {
        let gone = host.message(direction);
        let steps = steps(message, host.hooks_of(direction));
        let stopped = steps.last().is_none_or(|step| step.gone.is_none());
        let (before, after) = (message.body.bytes(), gone.body());
        let headers = of_headers(&message.fields, &gone.headers);
        let outcome = match () {
            () if stopped => Outcome::Stopped,
            () if headers.is_empty() && before == after => Outcome::Unchanged,
            () => Outcome::Changed,
        };
        let notes = host.notes.iter().filter(|(of, _)| *of == direction);
        let notes = notes
            .flat_map(|(_, notes)| notes)
            .map(Note::to_string)
            .collect();
        let sent = if stopped { &Vec::new() } else { &gone.headers };
        Self {
            title: title(message),
            steps,
            notes,
            outcome,
            headers: if stopped { Vec::new() } else { headers },
            body: of_body(&before, &after)
                .filter(|_| !stopped)
                .unwrap_or_default(),
            bytes_before: before.len(),
            bytes_after: after.len(),
            sent_headers: texts(sent),
            sent_body: if stopped { String::new() } else { text(&after) },
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
    let step = |((came, time, arrived), gone): ((Came, Duration, usize), &Option<usize>)| Step {
        at_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        came,
        gone: *gone,
        arrived,
    };
    came.into_iter().zip(hooks).map(step).collect()
}

fn texts(fields: &Fields) -> Vec<(String, String)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", BASE64_STANDARD.encode(bytes)),
    }
}
