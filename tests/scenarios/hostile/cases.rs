//! An exchange: a script, and the chain, the route and the message it is played with.

use harness::{Protocol, Request};

/// The header whose script the first filter of a listener plays, the second's, and that of a cluster's.
pub(crate) const SCRIPT: &str = "x-hostile";
pub(crate) const SECOND_SCRIPT: &str = "x-hostile-2";
pub(crate) const CLUSTER_SCRIPT: &str = "x-hostile-up";

/// Where the filters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// One in the listener.
    Alone,
    /// Two, the other with this script.
    Before(&'static str),
    Behind(&'static str),
    /// Two with the same script.
    Twice,
    /// One, made by a hook that changes metrics.
    NewWithMetrics,
    /// One, made by a hook that panics.
    NewPanics,
}

pub(crate) const CHAINS: &[Chain] = &[
    Chain::Alone,
    Chain::Before(""),
    Chain::Twice,
    Chain::Behind(""),
    Chain::Behind("request_headers=schedule,stop_all_and_buffer;scheduled=continue_request"),
    Chain::Before("request_body=schedule,stop_and_watermark;scheduled=continue_request"),
    Chain::Before("response_headers=schedule,stop;scheduled=continue_response"),
    Chain::Behind("response_headers=schedule,stop_all_and_watermark;scheduled=continue_response"),
    Chain::Behind("response_body=schedule,stop_and_buffer;scheduled=continue_response"),
    Chain::Before("response_headers=reply"),
    Chain::Behind("response_headers=reply"),
    Chain::Before("response_trailers=reset"),
    Chain::Behind("request_headers=reply"),
    Chain::Behind("request_body=reset"),
    Chain::Before("local_reply=read,reset"),
    Chain::Behind("local_reply=read,reset"),
    Chain::Before("response_body=panic;local_reply=panic"),
    Chain::Before("response_body=reset"),
    Chain::Before("response_body=reply"),
    Chain::Before("response_trailers=reply"),
    Chain::Before("response_headers=reset"),
    Chain::NewWithMetrics,
    Chain::NewPanics,
];

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Proxied,
    Http2,
    /// The upstream answers before the request has ended.
    Early,
    /// The answer has no body.
    Empty,
    /// Its connection is refused.
    Refused,
    /// The upstream cuts its answer.
    Cut,
    Direct,
    Missing,
    /// A copy goes to a cluster with the filter.
    Mirror,
    /// The cluster has the filter.
    Cluster,
    /// The same, and a first attempt that fails.
    Retried,
    /// The answer is more than the connection takes at once.
    Big,
}

pub(crate) const ROUTES: &[Route] = &[
    Route::Proxied,
    Route::Direct,
    Route::Refused,
    Route::Cluster,
    Route::Mirror,
    Route::Http2,
    Route::Early,
    Route::Empty,
    Route::Cut,
    Route::Retried,
    Route::Missing,
    Route::Big,
];

impl Route {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Proxied => "/proxied",
            Self::Http2 => "/http2",
            Self::Early => "/early",
            Self::Empty => "/empty",
            Self::Refused => "/refused",
            Self::Cut => "/cut",
            Self::Direct => "/direct",
            Self::Missing => "/missing",
            Self::Mirror => "/mirror",
            Self::Cluster => "/cluster",
            Self::Retried => "/retried",
            Self::Big => "/big",
        }
    }

    /// Whether it leads to a cluster with the filter.
    pub(crate) fn has_cluster_filter(self) -> bool {
        matches!(self, Self::Mirror | Self::Cluster | Self::Retried)
    }
}

/// What the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Get,
    Head,
    /// With its length.
    Whole,
    Chunks,
    Trailers,
    /// The client goes away in the middle.
    Left,
}

pub(crate) const MESSAGES: &[(Protocol, Message)] = &[
    (Protocol::Http1, Message::Trailers),
    (Protocol::Http2, Message::Trailers),
    (Protocol::Http1, Message::Get),
    (Protocol::Http2, Message::Chunks),
    (Protocol::Http1, Message::Chunks),
    (Protocol::Http2, Message::Get),
    (Protocol::Http1, Message::Whole),
    (Protocol::Http2, Message::Left),
    (Protocol::Http1, Message::Head),
    (Protocol::Http2, Message::Whole),
    (Protocol::Http1, Message::Left),
];

/// One exchange.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) script: String,
    pub(crate) chain: Chain,
    pub(crate) route: Route,
    pub(crate) message: (Protocol, Message),
    /// Whether it ends by itself.
    pub(crate) ends: bool,
}

impl Case {
    /// The listener that has the chain.
    pub(crate) fn listener(&self) -> &'static str {
        match self.chain {
            Chain::Alone => "one",
            Chain::Before(_) | Chain::Behind(_) | Chain::Twice => "two",
            Chain::NewWithMetrics => "new",
            Chain::NewPanics => "panic",
        }
    }

    pub(crate) fn request(&self) -> Request {
        let (protocol, message) = self.message;
        let method = match message {
            Message::Get => "GET",
            Message::Head => "HEAD",
            _ => "POST",
        };
        let request = Request::new(method, self.route.path())
            .by(protocol)
            .header("te", "trailers");
        let request = match message {
            Message::Get | Message::Head => request,
            Message::Whole => request.body("a whole body"),
            Message::Chunks => request.chunks(["a body ", "in chunks"]),
            Message::Trailers | Message::Left => request
                .chunks(["a body ", "with trailers"])
                .trailer("x-trailer", "sent"),
        };
        let (first, second) = match self.chain {
            Chain::Before(other) => (self.script.as_str(), other),
            Chain::Behind(other) => (other, self.script.as_str()),
            Chain::Twice => (self.script.as_str(), self.script.as_str()),
            Chain::Alone if self.route.has_cluster_filter() => ("", ""),
            _ => (self.script.as_str(), ""),
        };
        let request = request.header(SCRIPT, first).header(SECOND_SCRIPT, second);
        match self.route.has_cluster_filter() {
            true => request.header(CLUSTER_SCRIPT, self.script.as_str()),
            false => request,
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} | {:?} | {:?} | {:?}",
            self.script, self.chain, self.route, self.message
        )
    }
}

impl Case {
    /// The other filter's script, if a chain has one.
    pub(crate) fn other(&self) -> Option<&'static str> {
        match self.chain {
            Chain::Before(other) | Chain::Behind(other) => Some(other),
            _ => None,
        }
    }

    /// A case as [`Display`](std::fmt::Display) shows it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(" | ");
        let script = parts.next()?.trim().to_owned();
        let (chain, route, message) = (parts.next()?, parts.next()?, parts.next()?.trim());
        Some(Self {
            script,
            chain: *CHAINS.iter().find(|named| format!("{named:?}") == chain)?,
            route: *ROUTES.iter().find(|named| format!("{named:?}") == route)?,
            message: *MESSAGES
                .iter()
                .find(|named| format!("{named:?}") == message)?,
            ends: true,
        })
    }
}
