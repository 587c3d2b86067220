//! How a case's messages are put on the wire, so that the filter sees them exactly as the case says.
//!
//! HTTP/2 on both sides: it keeps white space in values, ends a body with its last chunk, and adds no header. What
//! Envoy's own front would change or refuse is added behind it, by a `header_mutation` filter next to the module's.
//! An upgrade or CONNECT is a real one, over HTTP/1.1.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use harness::{Answer, Protocol, Request};
use hyper::header::{HeaderName, HeaderValue};

use cases::{Body, Condition, Field, Filter};

use super::steps;
use super::take::{Take, chunks, texts};

/// The authority of requests that name none.
const AUTHORITY: &str = "example.com";

/// The same for CONNECT, which needs a port.
const TUNNEL_AUTHORITY: &str = "example.com:443";

/// The client's port where only its address is given: Envoy reports no address without one.
const SOURCE_PORT: u16 = 40_000;

/// How long an answer that breaks off has to get as far as it can.
const BEFORE_BREAKING_OFF: Duration = Duration::from_millis(100);

type Fields = Vec<(String, String)>;

/// What the parties of one case do.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) source: Source,
    /// Whether the connection stops speaking HTTP after the headers.
    pub(crate) tunnel: bool,
    /// How Envoy speaks to the upstream.
    pub(crate) upstream: Protocol,
    /// Whether the length that must arrive is not that of the body that must arrive.
    pub(crate) contradictory: bool,
    pub(crate) authority: String,
    /// Header fields the client sends.
    pub(crate) request: Fields,
    /// Header fields added behind Envoy's front.
    pub(crate) request_added: Fields,
    /// Header fields the upstream sends.
    response: Fields,
    /// Header fields added between Envoy's router and the filter.
    pub(crate) response_added: Fields,
}

/// Where the client connects from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Anywhere.
    Any,
    /// This address, as the PROXY protocol tells Envoy.
    Proxied(SocketAddr),
    /// A Unix socket: of this name, which is no IP address, or without a name.
    Unix(Option<String>),
}

impl Wire {
    /// # Errors
    /// Why no client or upstream can do what the case says.
    pub(crate) fn of(case: &Take) -> Result<Self> {
        let message = &case.case.request.0;
        let request = lower_case(&texts(&message.fields)?)?;
        lower_case(&texts(&message.trailers)?)?;
        let body = &message.body;
        let mut authority = message.field(":authority");
        let mut plain = Vec::new();
        for (name, value) in request {
            match name.as_str() {
                "host" => authority = Some(value),
                _ => plain.push((name, value)),
            }
        }
        for name in [":method", ":path", ":authority"] {
            let lines = message.fields.iter().filter(|(other, _)| other == name);
            ensure!(lines.count() <= 1, "{name} among the request headers");
        }
        let scheme = message.field(":scheme");
        ensure!(
            scheme.is_none_or(|scheme| scheme == "http"),
            ":scheme among the request headers"
        );
        let connect = case.is_connect();
        let tunnel = connect || upgrade(&plain).is_some();
        let source = Source::of(message.source.as_deref(), case.case.filter)?;
        ensure!(
            !tunnel || !matches!(source, Source::Unix(_)),
            "an upgrade over a Unix socket"
        );
        ensure!(
            !tunnel || !steps::are_expected(&case.case.expect),
            "steps of an upgraded stream: its body has no end"
        );
        let succeeds = case.status().is_some_and(|status| status / 100 == 2);
        ensure!(
            connect || !tunnel || !succeeds,
            "an upgrade that a success refuses: this client takes what follows for a tunnel"
        );
        let default = if connect { TUNNEL_AUTHORITY } else { AUTHORITY };
        let (request, request_added) = match tunnel {
            true => (plain, Fields::new()),
            false => partition(plain, |fields| is_changed_by_the_front(fields, body)),
        };
        let mut wire = Self {
            source,
            tunnel,
            upstream: Protocol::Http2,
            contradictory: is_contradictory(case) || has(&request_added, "content-length"),
            authority: authority.unwrap_or_else(|| default.to_owned()),
            request,
            request_added,
            response: Fields::new(),
            response_added: Fields::new(),
        };
        wire.set_response(case)?;
        if wire.needs_http1_upstream(case) {
            wire.upstream = Protocol::Http1;
        }
        Ok(wire)
    }

    fn set_response(&mut self, case: &Take) -> Result<()> {
        let Some(response) = case.response() else {
            return Ok(());
        };
        let headers = lower_case(&texts(&response.fields)?)?;
        lower_case(&texts(&response.trailers)?)?;
        let body = &response.body;
        if case.is_answered_locally() {
            let expect = &case.case.expect;
            ensure!(
                expect.request.is_none() && !steps::are_expected(expect),
                "a local reply leaves no upstream to see the request"
            );
            ensure!(
                response.trailers.is_empty() && body.pieces().len() <= 1,
                "a local reply has one chunk and no trailers"
            );
            let length = body.bytes().len().to_string();
            let own = |name: &str, value: &str| name == "content-length" && value == length;
            self.response_added = headers
                .into_iter()
                .filter(|(name, value)| !own(name, value))
                .collect();
        } else if self.tunnel {
            self.response = headers;
        } else {
            (self.response, self.response_added) =
                partition(headers, |fields| is_changed_by_the_front(fields, body));
        }
        Ok(())
    }

    fn needs_http1_upstream(&self, case: &Take) -> bool {
        let added = self.request_added.iter().map(|(name, _)| name.as_str());
        let expected = case.case.expect.request.iter();
        let expected = expected.flat_map(|change| change.headers.keys().map(String::as_str));
        self.tunnel || self.contradictory || added.chain(expected).any(is_of_the_connection)
    }

    /// The request, with its body and trailers.
    pub(crate) fn request(&self, case: &Take) -> Request {
        let request = self.head(case);
        let trailers = case.request_trailers();
        let request = match case.request_body() {
            Body::None if trailers.is_empty() => request.body_without_length(Bytes::new()),
            Body::Whole(body) if trailers.is_empty() && !body.is_empty() => {
                request.body_without_length(body.clone())
            }
            body => {
                let chunks = chunks(body);
                request.chunks(chunks.into_iter().filter(|chunk| !chunk.is_empty()))
            }
        };
        trailers
            .into_iter()
            .fold(request, |request, (name, value)| {
                request.trailer(name, value)
            })
    }

    /// The request without body and trailers.
    pub(crate) fn head(&self, case: &Take) -> Request {
        let request =
            Request::new(&case.method(), &case.path()).header("host", self.authority.as_str());
        let fields = self.request.iter().cloned();
        fields.fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    }

    /// What the upstream answers.
    pub(crate) fn answer(&self, case: &Take) -> Answer {
        let body = case.response_body();
        let connect = case.is_connect();
        let switching = if connect { 200 } else { 101 };
        let default = if self.tunnel { switching } else { 200 };
        let status = case.status().unwrap_or(default);
        if self.tunnel && status == switching {
            let expected = case.request_body().bytes().len();
            return self.switch(connect, Answer::tunnel(status, expected, chunks(body)));
        }
        let answer = match body {
            Body::None => Answer::body_without_length(Bytes::new()),
            Body::Whole(body) if !body.is_empty() => Answer::body_without_length(body.clone()),
            // An empty piece after the headers, for hyper would join an empty body to them.
            Body::Whole(_) => Answer::status(status).pause(Duration::ZERO),
            Body::Pieces(pieces) => pieces.iter().fold(Answer::status(200), |answer, piece| {
                answer.pause(piece.after).chunk(piece.bytes.clone())
            }),
        };
        let answer = match case.response().is_some_and(|answer| answer.broken_off) {
            // The chunk before it is to arrive first.
            true => answer.pause(BEFORE_BREAKING_OFF).abort(),
            false => answer,
        };
        let answer = self.with_headers(answer.with_status(status));
        let trailers = case.response_trailers().into_iter();
        trailers.fold(answer, |answer, (name, value)| answer.trailer(name, value))
    }

    /// The headers of the upstream's answer; the test streams the body.
    pub(crate) fn answer_head(&self, case: &Take) -> Answer {
        self.with_headers(Answer::status(case.status().unwrap_or(200)))
    }

    fn with_headers(&self, answer: Answer) -> Answer {
        let fields = self.response.iter().cloned();
        fields.fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// HTTP/1.1 asks for both headers where it changes the protocol.
    fn switch(&self, connect: bool, answer: Answer) -> Answer {
        let mut answer = self.with_headers(answer);
        if let Some(protocol) = upgrade(&self.request).filter(|_| !connect) {
            if !has(&self.response, "upgrade") {
                answer = answer.header("upgrade", protocol);
            }
            if !has(&self.response, "connection") {
                answer = answer.header("connection", "upgrade");
            }
        }
        answer
    }

    /// The protocol the client wants to change to, CONNECT for a tunnel.
    pub(crate) fn upgrade_type(&self, case: &Take) -> Option<String> {
        match case.is_connect() {
            true => Some("CONNECT".to_owned()),
            false => upgrade(&self.request)
                .filter(|_| self.tunnel)
                .map(ToOwned::to_owned),
        }
    }
}

impl Source {
    fn of(text: Option<&str>, filter: Filter) -> Result<Self> {
        let Some(text) = text else {
            // Only the access list asks; what it gets must then be no address.
            return Ok(match filter {
                Filter::HttpAcl => Self::Unix(None),
                Filter::Rustformation | Filter::HttpSimpleMutations => Self::Any,
            });
        };
        if text.is_empty() {
            return Ok(Self::Unix(None));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Proxied(address));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Proxied(SocketAddr::new(ip, SOURCE_PORT)));
        }
        // It becomes the name of a socket in the current directory.
        let fits = text.len() < 100 && !text.contains(['/', '\0']) && text != "." && text != "..";
        ensure!(fits, "source address {text:?}");
        Ok(Self::Unix(Some(text.to_owned())))
    }
}

/// The fields with their names in lower case.
///
/// # Errors
/// HTTP has no such name or value, or Envoy would join the values of a name.
fn lower_case(fields: &[(String, String)]) -> Result<Fields> {
    let mut lower: Fields = Vec::new();
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        let valid = HeaderName::from_bytes(name.trim_start_matches(':').as_bytes()).is_ok();
        ensure!(valid, "header name {name:?}");
        ensure!(
            HeaderValue::from_bytes(value.as_bytes()).is_ok(),
            "value of header {name}: {value:?}"
        );
        let one_line = is_of_the_connection(&name) || name.starts_with("content-");
        ensure!(
            !(one_line && has(&lower, &name)),
            "header {name} twice: envoy makes it one"
        );
        lower.push((name, value.clone()));
    }
    Ok(lower)
}

fn has(fields: &[(String, String)], name: &str) -> bool {
    fields.iter().any(|(field, _)| field == name)
}

/// The protocol of a real upgrade: the header `connection` must ask for it.
fn upgrade(fields: &[(String, String)]) -> Option<&str> {
    let of = |wanted: &'static str| fields.iter().filter(move |(name, _)| name == wanted);
    let mut options = of("connection").flat_map(|(_, value)| value.split(','));
    let asked = options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = of("upgrade").map(|(_, value)| value.as_str()).next();
    protocol.filter(|_| asked)
}

/// Splits by name, so that the values of a name stay in order: (others, those that `wanted` picks).
fn partition(fields: Fields, wanted: impl Fn(&[&(String, String)]) -> bool) -> (Fields, Fields) {
    let picked: Vec<String> = fields
        .iter()
        .filter(|(name, _)| {
            let same: Vec<_> = fields.iter().filter(|(other, _)| other == name).collect();
            wanted(&same)
        })
        .map(|(name, _)| name.clone())
        .collect();
    fields
        .into_iter()
        .partition(|(name, _)| !picked.contains(name))
}

/// Whether the fields of one name would not reach the filter as they are.
fn is_changed_by_the_front(fields: &[&(String, String)], body: &Body) -> bool {
    fields.iter().any(|(name, value)| {
        let name = name.as_str();
        is_of_the_connection(name)
            || matches!(name, "te" | "expect")
            || name.starts_with("x-envoy-")
            || value.trim() != value
            // HTTP/2 joins the crumbs of a cookie.
            || (name == "cookie" && (fields.len() > 1 || value.is_empty()))
            // HTTP/2 insists on the right length.
            || (name == "content-length" && *value != body.bytes().len().to_string())
    })
}

/// Whether the header is about one connection: HTTP/2 forbids it, and Envoy takes it for itself.
fn is_of_the_connection(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade"
    )
}

fn is_contradictory(case: &Take) -> bool {
    let Some(change) = &case.case.expect.request else {
        return false;
    };
    let (Some(Field::One(length)), Some(body)) =
        (change.headers.get("content-length"), &change.body)
    else {
        return false;
    };
    match (length.0.as_slice(), body.0.as_slice()) {
        ([Condition::Exact(length)], [Condition::Exact(body)]) => {
            *length != body.len().to_string().into_bytes()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use harness::Protocol;
    use serde_json::{Value, json};

    use super::super::case::{Content, entry};
    use super::super::take::Take;
    use super::{Source, Wire};

    fn case(request: Value) -> Take {
        let line = json!({
            "id": "a", "filter_name": "http-acl", "filter_config": {}, "request": request,
            "expect": {"config": "accepted"},
        });
        match entry(&line.to_string(), "file:1").content {
            Ok(Content::Case(take)) => *take,
            _ => unreachable!("{line}"),
        }
    }

    fn wire(headers: Value) -> Wire {
        let request =
            json!({"method": "GET", "path": "/", "headers": headers, "source_address": "1.2.3.4"});
        Wire::of(&case(request)).unwrap()
    }

    fn source(address: Value) -> Source {
        Wire::of(&case(
            json!({"method": "GET", "path": "/", "source_address": address}),
        ))
        .unwrap()
        .source
    }

    #[test]
    fn what_the_front_would_change_is_added_behind_it() {
        let wire = wire(json!([
            ["X-A", "1"],
            ["cookie", "a=1"],
            ["x-a", " 2"],
            ["Cookie", "b=2"],
            ["upgrade", "websocket"],
            ["content-length", "3"],
            ["x-b", "3"],
            ["host", "h"],
        ]));
        let names = |fields: &[(String, String)]| -> Vec<String> {
            fields
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        assert_eq!(names(&wire.request), ["x-b=3"]);
        assert_eq!(
            names(&wire.request_added),
            [
                "x-a=1",
                "cookie=a=1",
                "x-a= 2",
                "cookie=b=2",
                "upgrade=websocket",
                "content-length=3"
            ]
        );
        assert_eq!(wire.authority, "h");
        assert!(!wire.tunnel);
        assert_eq!(wire.upstream, Protocol::Http1);
    }

    #[test]
    fn a_handshake_is_a_tunnel() {
        let wire = wire(json!([
            ["upgrade", "websocket"],
            ["connection", "keep-alive, Upgrade"]
        ]));
        assert!(wire.tunnel);
        assert!(wire.request_added.is_empty());
    }

    #[test]
    fn every_source_has_its_way_in() {
        let proxied = |text: &str| Source::Proxied(text.parse().unwrap());
        assert_eq!(source(json!("10.0.0.1")), proxied("10.0.0.1:40000"));
        assert_eq!(source(json!("10.0.0.1:7")), proxied("10.0.0.1:7"));
        assert_eq!(
            source(json!("::ffff:10.0.0.1")),
            proxied("[::ffff:10.0.0.1]:40000")
        );
        assert_eq!(source(json!("[::1]:7")), proxied("[::1]:7"));
        assert_eq!(source(json!(null)), Source::Unix(None));
        assert_eq!(source(json!("")), Source::Unix(None));
        assert_eq!(
            source(json!("10.0.0.256")),
            Source::Unix(Some("10.0.0.256".into()))
        );
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let inexpressible = |request: Value| Wire::of(&case(request)).unwrap_err().to_string();
        let address = json!({"method": "GET", "path": "/", "source_address": "a/b"});
        assert_eq!(inexpressible(address), "source address \"a/b\"");
        let pseudo = json!({"method": "GET", "path": "/", "headers": [[":scheme", "https"]]});
        assert_eq!(inexpressible(pseudo), ":scheme among the request headers");
        for (headers, reason) in [
            (json!([["ü", "a"]]), "header name \"ü\""),
            (json!([["a", "b\nc"]]), "value of header a: \"b\\nc\""),
            (
                json!([["upgrade", "a"], ["Upgrade", "b"]]),
                "header upgrade twice: envoy makes it one",
            ),
        ] {
            let request = json!({"method": "GET", "path": "/", "headers": headers});
            assert_eq!(inexpressible(request), reason);
        }
    }
}
