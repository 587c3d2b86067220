//! Which exchanges there are to play: products of hooks, calls, flows, chains, routes and messages.

use harness::{Protocol, Request};

use super::words::{Flow, HOOKS, Hook, MAY_HANG};

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

const CHAINS: &[Chain] = &[
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

const ROUTES: &[Route] = &[
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
    fn has_cluster_filter(self) -> bool {
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

const MESSAGES: &[(Protocol, Message)] = &[
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

/// What has hooks of events, of the end and of failures run. Empty: the route's own doing.
fn triggers(hook: &str) -> &'static [&'static str] {
    match hook {
        "scheduled" => &[
            "request_headers=schedule,stop",
            "request_headers=schedule,continue",
            "request_headers=schedule,stop_all_and_buffer",
            "request_body=schedule,stop_and_buffer",
            "request_trailers=schedule,stop",
            "response_headers=schedule,stop",
            "response_headers=schedule,stop_all_and_watermark",
            "response_body=schedule,stop_and_buffer",
            "response_body=schedule,continue",
            "response_trailers=schedule,stop",
            "request_headers=schedule,stream_data",
            "request_headers=schedule_thread,stream",
        ],
        "callout_done" => &[
            "request_headers=callout_good,stop",
            "request_headers=callout_empty,continue",
            "request_headers=callout_empty,stop_all_and_watermark",
            "request_body=callout_empty,stop_and_buffer",
            "request_body=callout_good,stop_and_watermark",
            "request_trailers=callout_refused,stop",
            "response_headers=schedule,stop;scheduled=callout_good,wait",
            "response_headers=schedule,stop;scheduled=callout_refused,wait",
            "response_headers=schedule,continue;scheduled=callout_empty,wait",
            "response_body=schedule,continue;scheduled=callout_empty,wait",
            "response_body=schedule,stop_and_buffer;scheduled=callout_refused,wait",
            "response_trailers=schedule,stop;scheduled=callout_good,wait",
            "request_headers=callout_good,stream_data",
        ],
        "local_reply" => &[
            "",
            "request_headers=reply",
            "request_body=reply",
            "request_trailers=reply",
            "response_headers=reply",
            "response_body=reply",
            "response_trailers=reply",
            "request_headers=schedule,stop;scheduled=reply",
            "response_body=append_big,stop_and_buffer",
            "request_body=append_big,stop_and_buffer",
        ],
        "on_panic" => &[
            "request_headers=panic",
            "request_body=panic",
            "request_trailers=panic",
            "response_headers=panic",
            "response_body=panic",
            "response_trailers=panic",
            "request_headers=schedule,stop;scheduled=panic",
            "request_headers=callout_empty,continue;callout_done=panic",
            "request_headers=reply;local_reply=panic",
            "stream_complete=panic",
        ],
        _ => &[""],
    }
}

/// Every case of one hook and call with each flow.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    hook: &'static Hook,
    call: &'static str,
    flow: Flow,
}

/// Every hook × what its handle offers × what it may return.
pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for hook in HOOKS {
        let flows = (hook.flows)();
        for &call in hook.calls.iter().copied().flatten() {
            for flow in &flows {
                cells.push(Cell {
                    hook,
                    call,
                    flow: flow.clone(),
                });
            }
        }
    }
    cells
}

impl Cell {
    fn case(&self, number: usize, chain: Chain, route: Route) -> Case {
        let Self { hook, call, flow } = self;
        let triggers = triggers(hook.name);
        let trigger = triggers[number % triggers.len()];
        let script = [
            trigger,
            &format!("{}={call},{}", hook.name, flow.words),
            flow.others,
        ];
        let script = script.map(|part| part.trim_end_matches(','));
        let script: Vec<_> = script.into_iter().filter(|part| !part.is_empty()).collect();
        let script = script.join(";");
        let message = MESSAGES[number % MESSAGES.len()];
        let ends = flow.ends && ends(&script, trigger, message.1);
        Case {
            script,
            chain,
            route,
            message,
            ends,
        }
    }
}

/// Whether nothing in a script lets its exchange wait for what does not come.
fn ends(script: &str, trigger: &str, message: Message) -> bool {
    let resumes = script.contains("scheduled=") || script.contains("callout_done=");
    if trigger.contains("stop") && !resumes || trigger.contains("callout_empty") {
        return false;
    }
    script.split(';').all(|part| {
        let (hook, words) = part.split_once('=').unwrap_or_default();
        // A part that is dropped, or one more, while the headers say how long the body is.
        let has_length = hook.starts_with("response_") || message == Message::Whole;
        let changes_length = |word: &str| {
            hook.ends_with("_body") && word == "stop"
                || ["append", "drain", "replace"]
                    .iter()
                    .any(|call| word.starts_with(call))
        };
        let mut words = words.split(',');
        !words.any(|word| MAY_HANG.contains(&word) || has_length && changes_length(word))
    })
}

/// The product of every cell with every chain and route, every `stride`-th of it.
pub(crate) fn calls(stride: usize) -> (usize, Vec<Case>) {
    let cells = cells();
    let count = cells.len() * CHAINS.len() * ROUTES.len();
    let numbers = (0..count).step_by(stride.max(1));
    let cases = numbers.map(|number| {
        let (rest, cell) = (number / cells.len(), &cells[number % cells.len()]);
        let (chain, route) = (rest % CHAINS.len(), rest / CHAINS.len() % ROUTES.len());
        cell.case(number, CHAINS[chain], ROUTES[route])
    });
    (count, cases.collect())
}

/// A script in every chain on every route, the messages in turn.
pub(crate) fn of_script(script: &str, number: usize) -> Vec<Case> {
    let places = CHAINS
        .iter()
        .flat_map(|&chain| ROUTES.iter().map(move |&route| (chain, route)));
    let cases = places.enumerate().map(|(place, (chain, route))| Case {
        script: script.to_owned(),
        chain,
        route,
        message: MESSAGES[(place + number) % MESSAGES.len()],
        ends: false,
    });
    cases.collect()
}

/// Every pair of flows of two hooks of messages, every `stride`-th of them, chains, routes and messages in turn.
pub(crate) fn pairs(stride: usize) -> (usize, Vec<Case>) {
    let flows: Vec<(&str, Flow)> = HOOKS
        .iter()
        .take(6)
        .flat_map(|hook| (hook.flows)().into_iter().map(|flow| (hook.name, flow)))
        .collect();
    let count = flows.len() * flows.len();
    let mut cases = Vec::new();
    for number in (0..count).step_by(stride.max(1)) {
        let (first, second) = (&flows[number % flows.len()], &flows[number / flows.len()]);
        if first.0 >= second.0 {
            continue;
        }
        let script = format!(
            "{}={};{}={};{};{}",
            first.0, first.1.words, second.0, second.1.words, first.1.others, second.1.others
        );
        let turn = cases.len();
        let message = MESSAGES[turn % MESSAGES.len()];
        cases.push(Case {
            // Both may name the same event; the first wins, and the second's hold may be left.
            ends: first.1.ends
                && second.1.ends
                && first.1.others == second.1.others
                && ends(&script, "", message.1),
            script,
            chain: CHAINS[turn % CHAINS.len()],
            route: ROUTES[turn % ROUTES.len()],
            message,
        });
    }
    (count, cases)
}
