//! What the client and the upstream saw of an exchange, and what of it is the neighbour's own doing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Result;
use harness::{End, Headers, RecordedRequest, Response};

use super::coding::gunzip;
use super::exchanges::{Arrival, Exchange, Mode};
use super::neighbours::{Chain, Neighbour, Place, SECOND};
use crate::gateway::MODEL;

/// The header by which a route shows that it was chosen.
pub(crate) const ROUTE: &str = "x-route";

/// One side's view of one message: its parts by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct View(BTreeMap<String, Vec<u8>>);

/// Both sides' views of one exchange.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) client: View,
    /// One for each time the upstream was reached, in order.
    pub(crate) upstream: Vec<View>,
    /// The reasons that the filter counted, from the access log.
    pub(crate) failures: BTreeSet<String>,
}

impl Seen {
    /// Whether the client got no whole answer.
    pub(crate) fn is_broken(&self) -> bool {
        self.client.0.contains_key("error")
    }
}

impl View {
    pub(crate) fn of_response(response: &Result<Response>) -> Self {
        let mut view = Self::default();
        match response {
            Ok(response) => {
                view.set("status", response.status.to_string());
                view.add_fields("header", &response.headers);
                view.add_fields("trailer", &response.trailers);
                view.set("body", response.body());
            }
            Err(error) => view.set("error", format!("{error:#}")),
        }
        // The only one that differs from one second to the next.
        view.take("header date");
        view
    }

    pub(crate) fn of_request(request: &RecordedRequest) -> Self {
        let mut view = Self::default();
        view.set("method", request.method.as_str());
        view.set("path", request.path.as_str());
        view.set("authority", request.authority.as_str());
        view.add_fields("header", &request.headers);
        view.take("header host");
        view.add_fields("trailer", &request.trailers);
        view.set("body", request.body());
        if request.end != End::Complete {
            view.set("end", format!("{:?}", request.end));
        }
        view
    }

    fn add_fields(&mut self, kind: &str, fields: &Headers) {
        let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name).collect();
        for name in names {
            let value = fields.values(name).join(", ");
            self.set(&format!("{kind} {name}"), value);
        }
    }

    fn set(&mut self, part: &str, value: impl AsRef<[u8]>) {
        self.0.insert(part.to_owned(), value.as_ref().to_vec());
    }

    fn take(&mut self, part: &str) -> Option<Vec<u8>> {
        self.0.remove(part)
    }

    fn take_text(&mut self, part: &str) -> Option<String> {
        let value = self.take(part)?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    /// A part as text.
    pub(crate) fn text(&self, part: &str) -> Option<String> {
        let value = self.0.get(part)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Takes out how the body's end is announced.
    fn unframe(&mut self) {
        self.take("header content-length");
        self.take("header transfer-encoding");
    }

    /// Takes a coding off the body.
    fn decode(&mut self) {
        if self.text("header content-encoding").as_deref() != Some("gzip") {
            return;
        }
        match gunzip(&self.take("body").unwrap_or_default()) {
            Ok(body) => {
                self.take("header content-encoding");
                self.set("body", body);
            }
            Err(error) => self.set("error", format!("the body is no gzip: {error}")),
        }
    }

    /// Every part that differs, each as a line. Another status says enough of the headers.
    pub(crate) fn differences(&self, side: &str, reference: &Self) -> Vec<String> {
        let other_status = self.0.get("status") != reference.0.get("status");
        let parts: BTreeSet<&String> = self.0.keys().chain(reference.0.keys()).collect();
        let parts = parts.into_iter().filter_map(|part| {
            if other_status && part.starts_with("header ") {
                return None;
            }
            let (seen, expected) = (self.0.get(part), reference.0.get(part));
            (seen != expected).then(|| {
                let at = first_difference(seen, expected);
                let (seen, expected) = (Excerpt(seen, at), Excerpt(expected, at));
                format!("{side} {part}: {seen} instead of {expected}")
            })
        });
        parts.collect()
    }
}

/// Where two values begin to differ.
fn first_difference(one: Option<&Vec<u8>>, other: Option<&Vec<u8>>) -> usize {
    let pairs = one.into_iter().flatten().zip(other.into_iter().flatten());
    pairs.take_while(|(one, other)| one == other).count()
}

/// A value where it matters.
struct Excerpt<'a>(Option<&'a Vec<u8>>, usize);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, at) = self;
        let Some(value) = value else {
            return formatter.write_str("none");
        };
        let from = at.saturating_sub(12);
        let to = value.len().min(at + 40);
        let excerpt = String::from_utf8_lossy(&value[from.min(to)..to]);
        match value.len() > 60 {
            true => write!(formatter, "{excerpt:?} at {from} of {}", value.len()),
            false => write!(formatter, "{:?}", String::from_utf8_lossy(value)),
        }
    }
}

/// Whether what was seen without neighbours is right by itself.
pub(crate) fn check_alone(exchange: Exchange, seen: &Seen) -> Vec<String> {
    let mut expected = Seen::default();
    let header = exchange.routing_header();
    let upstream = [
        ("body", Some(exchange.upstream_body())),
        (&format!("header {MODEL}"), header.map(ToOwned::to_owned)),
        (
            &format!("header {ROUTE}"),
            Some(Exchange::route(header).to_owned()),
        ),
    ];
    let client = [
        ("status", Some("200".to_owned())),
        ("body", Some(exchange.client_body())),
    ];
    let pick = |view: &View, parts: &[(&str, Option<String>)]| {
        let parts = parts.iter().filter_map(|(part, _)| {
            let value = view.0.get(*part)?;
            Some(((*part).to_owned(), value.clone()))
        });
        View(parts.collect())
    };
    let wanted = |parts: &[(&str, Option<String>)]| {
        let mut view = View::default();
        for (part, value) in parts {
            if let Some(value) = value {
                view.set(part, value);
            }
        }
        view
    };
    expected.client = wanted(&client);
    expected.upstream = vec![wanted(&upstream)];
    let seen = Seen {
        client: pick(&seen.client, &client),
        upstream: seen
            .upstream
            .iter()
            .map(|view| pick(view, &upstream))
            .collect(),
        failures: seen.failures.clone(),
    };
    // What the filter does is right, so it counts nothing.
    differences(&seen, &expected, 1)
}

/// What differs from the same exchange without neighbours, once the neighbour's own doing is undone.
pub(crate) fn check_beside(
    chain: Chain,
    exchange: Exchange,
    seen: &Seen,
    alone: &Seen,
) -> Vec<String> {
    let (mut seen, mut alone) = (seen.clone(), alone.clone());
    let mut problems = undo(chain, exchange, &mut seen, &mut alone);
    problems.extend(differences(&seen, &alone, chain.neighbour.copies()));
    problems
}

/// `reference` has one view of the upstream, which every one of `copies` has to equal.
fn differences(seen: &Seen, reference: &Seen, copies: usize) -> Vec<String> {
    let mut differences = seen.client.differences("client", &reference.client);
    if seen.upstream.len() != copies {
        differences.push(format!(
            "the upstream was reached {} times instead of {copies}",
            seen.upstream.len()
        ));
    }
    for (index, view) in seen.upstream.iter().enumerate() {
        let side = match copies {
            1 => "upstream".to_owned(),
            _ => format!("upstream {}", index + 1),
        };
        if let Some(reference) = reference.upstream.first() {
            differences.extend(view.differences(&side, reference));
        }
    }
    if seen.failures != reference.failures {
        differences.push(format!(
            "counted {:?} instead of {:?}",
            seen.failures, reference.failures
        ));
    }
    differences
}

/// Takes out of both what the neighbour changes by itself, and reports where that is not what it should be.
fn undo(chain: Chain, exchange: Exchange, seen: &mut Seen, alone: &mut Seen) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |what: &str, value: Option<String>, expected: Option<&str>| {
        if value.as_deref() != expected {
            problems.push(format!("{what}: {value:?} instead of {expected:?}"));
        }
    };
    match chain.neighbour {
        Neighbour::InternalRedirect => {
            if let Some(second) = seen.upstream.get_mut(1) {
                let path = exchange.path();
                let original = second.take_text("header x-envoy-original-url");
                expect(
                    "original url",
                    original,
                    Some(&format!("http://gateway{path}")),
                );
                expect(
                    "path",
                    second.text("path"),
                    Some(&format!("{REDIRECTED}{path}")),
                );
                second.set("path", path);
            }
        }
        Neighbour::Mirror => {
            seen.upstream.sort_by_key(|view| view.text("authority"));
            if let Some(copy) = seen.upstream.get_mut(1) {
                expect("authority", copy.text("authority"), Some("gateway-shadow"));
                copy.set("authority", "gateway");
                copy.take("header x-envoy-internal");
                copy.take("header x-forwarded-for");
            }
        }
        // It gives a length to a body that it has held.
        Neighbour::Buffer if matches!(exchange.arrival, Arrival::Chunked | Arrival::Http2) => {
            for view in seen.upstream.iter_mut().chain(&mut alone.upstream) {
                view.unframe();
            }
        }
        Neighbour::SecondBuffered | Neighbour::SecondStreamed => {
            let part = format!("header {SECOND}");
            let edited = chain.place == Place::Front && exchange.mode == Mode::Patch;
            for view in &mut seen.upstream {
                let value = view.take_text(&part);
                expect(SECOND, value, Some(if edited { "bob" } else { "ann" }));
            }
        }
        // The length is of the encoded body; how much there was of either goes into trailers.
        Neighbour::Decompressor => {
            for view in seen.upstream.iter_mut().chain(&mut alone.upstream) {
                view.unframe();
                view.0
                    .retain(|part, _| !part.starts_with("trailer x-envoy-decompressor-"));
            }
        }
        Neighbour::Compressor => {
            for view in &mut seen.upstream {
                expect(
                    "accept-encoding",
                    view.text("header accept-encoding"),
                    Some("gzip"),
                );
                view.take("header accept-encoding");
            }
            seen.client.decode();
            seen.client.take("header vary");
            seen.client.unframe();
            alone.client.unframe();
        }
        _ => {}
    }
    if chain.place == Place::Cluster {
        // The route was chosen before: by what the client sent. A redirect chooses it again, by what the filter left.
        let part = format!("header {ROUTE}");
        for (index, view) in seen.upstream.iter_mut().enumerate() {
            let route = view.take_text(&part);
            if index == 0 || chain.neighbour != Neighbour::InternalRedirect {
                expect(ROUTE, route, Some(exchange.route_of_client()));
            }
        }
        for view in &mut alone.upstream {
            view.take(&part);
        }
    }
    problems
}

/// What an internal redirect puts before the path.
pub(crate) const REDIRECTED: &str = "/redirected";
