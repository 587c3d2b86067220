//! What was seen of an exchange in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use transformations::metrics::Kind;
use transformations::testing::{Host, Message as Played};
use transformations::{AttributeValue, Direction};

use super::ways::Way;
use crate::case::Case;
use crate::expect::{Callback, Pass, Passage};
use crate::message::{Body, Message, Piece};
use crate::verdict::{Answered, Arrival, Metadata, Seen};

pub(super) fn seen(case: &Case, host: &Host, way: Way, labels: &[String]) -> Seen {
    let answered = host.reply.as_ref().map(|(direction, reply)| {
        let owned = |(name, value): &(Cow<'static, str>, String)| {
            (name.clone().into_owned(), value.as_bytes().to_vec())
        };
        let answered = Answered {
            status: reply.status,
            details: Some(reply.details.to_owned()),
            fields: reply.headers.iter().map(owned).collect(),
            body: reply.body.clone().into_bytes(),
        };
        (pass(*direction), answered)
    });
    let details = answered
        .as_ref()
        .and_then(|(_, reply)| reply.details.clone());
    let details = details.or(Some("via_upstream".to_owned()));
    let failures = host.failures.iter();
    // A line for each pass, as in Envoy's log.
    let noted = host.notes.iter().map(|(_, notes)| {
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        notes.join("; ")
    });
    let writes = host.metadata.iter().cloned();
    let writes = writes.map(|(namespace, key, value)| (namespace, key, json(value)));
    let request = came_out(host, Direction::Request);
    let mut seen = Seen {
        upstream_reached: Some(answered.is_none() && host.reset.is_none() && request.is_some()),
        request,
        response: came_out(host, Direction::Response),
        reply: answered,
        metadata: Metadata::Writes(writes.collect()),
        route_chosen_again: Some(host.calls_of("clear_route_cache") > 0),
        route: host.chosen_route().map(|route| route.name.clone()),
        failures: Some(
            failures
                .clone()
                .map(|failure| failure.reason.as_str().to_owned())
                .collect(),
        ),
        log: Some(noted.chain(failures.map(ToString::to_string)).collect()),
        // A streamed request is held for less.
        metrics: (!way.is_streamed()).then(|| metrics(host, labels)),
        alone: true,
        details: details.filter(|_| host.reset.is_none()),
        ..Seen::nothing()
    };
    let response = case.response.as_ref().map(|answer| &answer.0);
    for (pass, message) in [
        (Pass::Request, Some(&case.request.0)),
        (Pass::Response, response),
    ] {
        if let Some(message) = message.filter(|message| way.is_as_written(message)) {
            step_by_step(pass, message, host, &mut seen);
        }
    }
    seen
}

/// By how much each series rose, `labels` being those of the configuration.
pub fn metrics(host: &Host, labels: &[String]) -> BTreeMap<String, u64> {
    let mut series = BTreeMap::new();
    for (metric, values, value) in &host.recorded {
        let definition = metric.definition();
        let own = definition.labels.iter().copied();
        let names = labels.iter().map(String::as_str).chain(own);
        let pairs: Vec<String> = names
            .zip(values)
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let labels = match pairs.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", pairs.join(",")),
        };
        let mut add = |suffix: &str, value: u64| {
            let name = format!("{}{suffix}{labels}", definition.name);
            let sum = series.entry(name).or_insert(0_u64);
            *sum = sum.saturating_add(value);
        };
        if definition.kind == Kind::Histogram {
            add("_count", 1);
            add("_sum", *value);
        } else {
            add("", *value);
        }
    }
    series
}

/// A value of an attribute as JSON.
pub fn json(value: AttributeValue) -> serde_json::Value {
    match value {
        AttributeValue::Text(text) => text.into(),
        AttributeValue::Int(number) => number.into(),
        AttributeValue::Number(number) => number.into(),
        AttributeValue::Bool(bool) => bool.into(),
    }
}

fn pass(direction: Direction) -> Pass {
    match direction {
        Direction::Request => Pass::Request,
        Direction::Response => Pass::Response,
    }
}

/// What has gone on of a message; `None`: it was cut off before any of it had.
fn came_out(host: &Host, direction: Direction) -> Option<Message> {
    let Played {
        headers,
        chunks,
        broken_off,
        ..
    } = host.message(direction);
    let gone = host.hooks_of(direction).iter().any(Option::is_some);
    let pieces = chunks.iter().cloned().map(Piece::from);
    (gone || !broken_off).then(|| Message {
        fields: headers.clone(),
        body: Body::Pieces(pieces.collect()),
        ..Message::default()
    })
}

/// What came of each hook of a message that arrived as the case has it.
fn step_by_step(pass: Pass, message: &Message, host: &Host, seen: &mut Seen) {
    let (direction, callbacks) = match pass {
        Pass::Request => (
            Direction::Request,
            [
                Callback::OnRequestHeaders,
                Callback::OnRequestBody,
                Callback::OnRequestTrailers,
            ],
        ),
        Pass::Response => (
            Direction::Response,
            [
                Callback::OnResponseHeaders,
                Callback::OnResponseBody,
                Callback::OnResponseTrailers,
            ],
        ),
    };
    let count = message.body.pieces().len();
    let trailers = usize::from(!message.trailers.is_empty());
    // What was answered or reset has no more hooks: the rest never goes on.
    let hooks = host.hooks_of(direction).iter().copied();
    let hooks = hooks.chain(std::iter::repeat(None));
    let hooks: Vec<Option<usize>> = hooks.take(1 + count + trailers).collect();
    let (headers, rest) = hooks.split_at(1.min(hooks.len()));
    let (pieces, trailers) = rest.split_at(count.min(rest.len()));
    let passages = |hooks: &[Option<usize>]| -> Vec<Passage> {
        let passage = |hook: &Option<usize>| match hook {
            Some(_) => Passage::Passes,
            None => Passage::Held,
        };
        hooks.iter().map(passage).collect()
    };
    let passages = [headers, pieces, trailers].map(passages);
    seen.callbacks.extend(callbacks.into_iter().zip(passages));

    let body = host.message(direction).body();
    let mut before = 0;
    let mut gone: Vec<Vec<u8>> = Vec::new();
    for hook in pieces {
        let after = hook.unwrap_or(before).max(before);
        let piece = body.get(before..after).unwrap_or_default();
        gone.push(piece.to_vec());
        before = after;
    }
    if pass == Pass::Response {
        let first = gone.iter().position(|piece| !piece.is_empty());
        let times = message.body.times();
        let time = first.and_then(|first| times.get(first).copied());
        seen.arrival = match time {
            Some(time) => Arrival::After(time),
            // What follows the last piece follows it at once.
            None if !body.is_empty() => {
                Arrival::After(times.last().copied().unwrap_or(Duration::ZERO))
            }
            None => Arrival::Never,
        };
    }
    seen.pieces.insert(pass, gone);
}
