//! Every metric: its name, its labels and what it counts or measures.

/// A metric of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Requests, by what became of them.
    Requests,
    /// Tokens that answers report.
    Tokens,
    /// From the request's headers to the first byte of the answer's body.
    TimeToFirstByte,
    /// From the request's headers to the end of the exchange.
    ResponseTime,
    /// From the first byte of the answer's body to its end, for each output token.
    TimePerOutputToken,
    /// How much of a body was held when the message went on.
    HeldBytes,
    /// Requests that went on before their end.
    EarlyReleases,
    /// What went wrong with messages.
    Failures,
    /// The module.
    Info,
}

/// What a metric does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It adds it.
    Counter,
    /// It is it.
    Gauge,
    /// It notes how often values came, by their size.
    Histogram,
}

impl Kind {
    /// The kind, as Prometheus calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A metric, described.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name that the module gives it.
    pub name: &'static str,
    /// What it does with a value.
    pub kind: Kind,
    /// Whether it has the labels of the key `metrics`, before its own, and is there only with that key.
    pub configured: bool,
    /// The labels of its own.
    pub labels: &'static [&'static str],
    /// What it counts or measures, in which unit: Markdown.
    pub help: &'static str,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Metric; 9] = [
        Metric::Requests,
        Metric::Tokens,
        Metric::TimeToFirstByte,
        Metric::ResponseTime,
        Metric::TimePerOutputToken,
        Metric::HeldBytes,
        Metric::EarlyReleases,
        Metric::Failures,
        Metric::Info,
    ];

    /// What it is.
    pub const fn definition(self) -> Definition {
        use Kind::{Counter, Gauge, Histogram};
        let (name, kind, configured, labels, help): (_, _, _, &[&str], _) = match self {
            Metric::Requests => (
                "rustformations_requests_total",
                Counter,
                true,
                &["outcome"],
                "Requests. In a cluster's chain: attempts.",
            ),
            Metric::Tokens => (
                "rustformations_tokens_total",
                Counter,
                true,
                &["type"],
                "Tokens, as answers report them. `type` is `input`, `output`, `cached` or `reasoning`. Cached ones are \
                 part of the input, reasoning is part of the output.",
            ),
            Metric::TimeToFirstByte => (
                "rustformations_time_to_first_byte_ms",
                Histogram,
                true,
                &[],
                "Milliseconds from the request's headers to the first byte of the answer's body. A \
                 stream's first event may hold no token yet.",
            ),
            Metric::ResponseTime => (
                "rustformations_response_time_ms",
                Histogram,
                true,
                &[],
                "Milliseconds from the request's headers to the end of the exchange.",
            ),
            Metric::TimePerOutputToken => (
                "rustformations_time_per_output_token_us",
                Histogram,
                true,
                &[],
                "Microseconds for each output token after the first: from the first byte of the answer's \
                 body to the end of the exchange. Only of streams that report tokens.",
            ),
            Metric::HeldBytes => (
                "rustformations_held_bytes",
                Histogram,
                true,
                &["message"],
                "Bytes of the body that had arrived when a message that was held went on. `message` is \
                 `request` or `response`.",
            ),
            Metric::EarlyReleases => (
                "rustformations_early_releases_total",
                Counter,
                true,
                &[],
                "Requests that went on before their end, by `bodyMode: streamed`.",
            ),
            Metric::Failures => (
                "rustformations_failures_total",
                Counter,
                false,
                &["reason"],
                "What went wrong with messages; debugging.md lists the reasons.",
            ),
            Metric::Info => (
                "rustformations_info",
                Gauge,
                false,
                &["version"],
                "1 for the version of the module.",
            ),
        };
        Definition {
            name,
            kind,
            configured,
            labels,
            help,
        }
    }
}

/// What became of a request: the label `outcome`. Of several the last in this list counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestOutcome {
    /// It went on, and nothing was missing.
    #[default]
    Routed,
    /// A field that becomes a header has no value.
    Missing,
    /// A field could not be taken out of it.
    Invalid,
    /// It never went on.
    Unsent,
    /// An edit of it failed, or the module answered it for another reason than a rule.
    Failed,
    /// A rule of the configuration answered it.
    Rejected,
}

impl RequestOutcome {
    /// Every outcome.
    pub const ALL: [RequestOutcome; 6] = [
        RequestOutcome::Routed,
        RequestOutcome::Missing,
        RequestOutcome::Invalid,
        RequestOutcome::Unsent,
        RequestOutcome::Failed,
        RequestOutcome::Rejected,
    ];

    /// The value of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestOutcome::Routed => "routed",
            RequestOutcome::Missing => "missing",
            RequestOutcome::Invalid => "invalid",
            RequestOutcome::Unsent => "unsent",
            RequestOutcome::Rejected => "rejected",
            RequestOutcome::Failed => "failed",
        }
    }

    /// What it means: Markdown.
    pub(super) fn help(self) -> &'static str {
        match self {
            RequestOutcome::Routed => "it went on, with every field that becomes a header",
            RequestOutcome::Missing => "it went on, and a field that becomes a header has no value",
            RequestOutcome::Invalid => {
                "it went on, and a field could not be taken out of it: the body is broken, holds the key \
                 twice, or the value cannot stand in a header"
            }
            RequestOutcome::Unsent => {
                "it was held to its exchange's end: the client left, or Envoy answered it, as over its buffer \
                 limit with 413"
            }
            RequestOutcome::Rejected => {
                "a rule of the configuration answered it: `reject`, `onMissing: reject` or `onInvalid: reject`"
            }
            RequestOutcome::Failed => {
                "an edit or the condition failed, or the module answered it for another reason; \
                 `rustformations_failures_total` has the reasons"
            }
        }
    }
}

/// The kinds of tokens: the label `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenType {
    /// Of the prompt.
    Input,
    /// Of the answer.
    Output,
    /// Of the input, read from a cache.
    Cached,
    /// Of the output, spent on reasoning.
    Reasoning,
}

impl TokenType {
    /// The value of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            TokenType::Input => "input",
            TokenType::Output => "output",
            TokenType::Cached => "cached",
            TokenType::Reasoning => "reasoning",
        }
    }
}
