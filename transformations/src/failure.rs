//! What can go wrong with a message, and what the host is told of it.

use std::fmt;

use bodies::documents::DocumentError;
use bodies::{coding, form, json, multipart};

use crate::ops::Direction;

/// Why something failed: the label `reason` of `rustformations_failures_total`, and the value of
/// the dynamic metadata `rustformations` / `failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A body that has to be JSON is not.
    JsonInvalid,
    /// A template names a variable and the body gave none.
    UndeclaredVariable,
    /// A template failed.
    Render,
    /// A value cannot stand in a header.
    HeaderValue,
    /// A bound of [`Limits`](crate::Limits) was reached.
    Limit,
    /// An object holds the key twice with different values.
    DuplicateKey,
    /// A request was rejected because a field is missing.
    FieldMissing,
    /// A body is encoded in a way that is not known, or not as its `content-encoding` says.
    ContentEncoding,
    /// A body has no place for an edit: beyond an array's end, or inside a value.
    PlaceMissing,
    /// Another edit has changed the place of an edit.
    PlaceTaken,
    /// A body that has to be `multipart/form-data` is not, or others might read it in another way.
    MultipartInvalid,
    /// A body that has to be `application/x-www-form-urlencoded` is not.
    FormInvalid,
    /// What a path template takes is not percent-encoded as it has to be.
    PathInvalid,
    /// A body that has to be `application/vnd.amazon.eventstream` is not.
    EventStreamInvalid,
    /// A value is not of the `type` that a field has, or no number of tokens.
    ValueType,
    /// A route's configuration cannot be used: another module made it, or, a bug, it was checked and
    /// does not compile.
    Config,
    /// A hook panicked: a bug.
    Panic,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 17] = [
        Reason::JsonInvalid,
        Reason::UndeclaredVariable,
        Reason::Render,
        Reason::HeaderValue,
        Reason::Limit,
        Reason::DuplicateKey,
        Reason::FieldMissing,
        Reason::ContentEncoding,
        Reason::PlaceMissing,
        Reason::PlaceTaken,
        Reason::MultipartInvalid,
        Reason::FormInvalid,
        Reason::PathInvalid,
        Reason::EventStreamInvalid,
        Reason::ValueType,
        Reason::Config,
        Reason::Panic,
    ];

    /// The reason as counters and logs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::JsonInvalid => "json_invalid",
            Reason::UndeclaredVariable => "undeclared_variable",
            Reason::Render => "render",
            Reason::HeaderValue => "header_value",
            Reason::Limit => "limit",
            Reason::DuplicateKey => "duplicate_key",
            Reason::FieldMissing => "field_missing",
            Reason::ContentEncoding => "content_encoding",
            Reason::PlaceMissing => "place_missing",
            Reason::PlaceTaken => "place_taken",
            Reason::MultipartInvalid => "multipart_invalid",
            Reason::FormInvalid => "form_invalid",
            Reason::PathInvalid => "path_invalid",
            Reason::EventStreamInvalid => "event_stream_invalid",
            Reason::ValueType => "value_type",
            Reason::Config => "config",
            Reason::Panic => "panic",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a body, or what is to be taken of it, is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) Reason, pub(crate) &'static str);

impl From<json::Error> for Unusable {
    fn from(error: json::Error) -> Self {
        match error {
            json::Error::Invalid => Self(Reason::JsonInvalid, "the body is not a JSON document"),
            json::Error::TooDeep => Self(Reason::Limit, "the body is nested too deep"),
        }
    }
}

impl From<multipart::Error> for Unusable {
    fn from(error: multipart::Error) -> Self {
        match error {
            multipart::Error::Invalid => Self(
                Reason::MultipartInvalid,
                "the body is not multipart/form-data that all would read in the same way",
            ),
            multipart::Error::TooLong => Self(
                Reason::Limit,
                "the headers of a part are too long, or the edits make too much of the body",
            ),
        }
    }
}

impl From<form::Error> for Unusable {
    fn from(error: form::Error) -> Self {
        let message = match error {
            form::Error::Encoding => "the body has a value that is not percent-encoded UTF-8",
            form::Error::Semicolon => "the body has a value beside a semicolon",
        };
        Self(Reason::FormInvalid, message)
    }
}

impl From<DocumentError> for Unusable {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Json(error) => error.into(),
            DocumentError::TooLong => Self(
                Reason::Limit,
                "a message of the event stream is longer than limits.eventBytes",
            ),
            DocumentError::Incomplete => {
                Self(Reason::JsonInvalid, "the body ends within a JSON document")
            }
            DocumentError::EventStream(_) => Self(
                Reason::EventStreamInvalid,
                "the body is not the binary event stream that its content-type says",
            ),
        }
    }
}

impl From<coding::Error> for Unusable {
    fn from(error: coding::Error) -> Self {
        match error {
            coding::Error::Unknown => Self(
                Reason::ContentEncoding,
                "the body is encoded in another way than gzip, deflate, br or zstd, or in several",
            ),
            coding::Error::Invalid => Self(
                Reason::ContentEncoding,
                "the body is not encoded as its content-encoding says",
            ),
            coding::Error::TooMuch => Self(
                Reason::Limit,
                "the body becomes too long decoded; see limits.decodedBytes and limits.decodedRatio",
            ),
        }
    }
}

/// One thing that went wrong with a message. The message may have gone on all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The place in the configuration: ``request.set[2] `x-model` ``.
    pub path: String,
    /// What happened. May quote the message: for debug logs only.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.reason, self.detail)
    }
}

/// An answer in place of the message. It is rare and large, and goes about in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Envoy's response code details.
    pub details: &'static str,
    /// Headers besides those the host sets itself.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Body; may be empty.
    pub body: String,
}

/// Response code details where a field is missing.
pub(crate) const FIELD_MISSING: &str = "rustformations_field_missing";
/// Response code details where a field cannot be taken out of the request.
pub(crate) const FIELD_INVALID: &str = "rustformations_field_invalid";

impl Reply {
    /// Whether a rule of the configuration makes it, and not a failure.
    pub(crate) fn rejects(&self) -> bool {
        [FIELD_MISSING, FIELD_INVALID].contains(&self.details)
    }

    /// kgateway's answer: 400 without a body.
    pub(crate) fn bad_request(details: &'static str) -> Box<Self> {
        Box::new(Self {
            status: 400,
            details,
            headers: Vec::new(),
            body: String::new(),
        })
    }

    /// The answer to a request whose configuration cannot be used: what it would have forbidden
    /// must not pass.
    pub(crate) fn unusable_config() -> Box<Self> {
        Box::new(Self {
            status: 500,
            details: "rustformations_config",
            headers: Vec::new(),
            body: String::new(),
        })
    }

    /// The answer to a request of which edits reached a limit, if any of these failures is one: what the
    /// edits would have enforced must not be passed by making them fail. An answer goes on as it was.
    pub(crate) fn over_limit(direction: Direction, failures: &[Failure]) -> Option<Box<Self>> {
        let mut reasons = failures.iter().map(|failure| failure.reason);
        let is_over = reasons.any(|reason| reason == Reason::Limit);
        (direction == Direction::Request && is_over).then(Self::too_large)
    }

    /// The answer to a request that stands for more than may be held, or has more to edit than may be.
    pub(crate) fn too_large() -> Box<Self> {
        Box::new(Self {
            status: 413,
            details: "rustformations_too_large",
            headers: Vec::new(),
            body: String::new(),
        })
    }

    /// What stands in the place of an answer that a field might reject, and that is longer than may be held.
    pub(crate) fn too_long_answer() -> Box<Self> {
        Box::new(Self {
            status: 502,
            details: "rustformations_too_large",
            headers: Vec::new(),
            body: String::new(),
        })
    }

    /// An error in the shape that LLM clients show to their users: of a request 400, of an answer 502.
    pub(crate) fn invalid_field(
        direction: Direction,
        details: &'static str,
        code: &str,
        name: &str,
        message: &str,
    ) -> Box<Self> {
        let (status, kind) = match direction {
            Direction::Request => (400, "invalid_request_error"),
            Direction::Response => (502, "server_error"),
        };
        let error = serde_json::json!({
            "message": message,
            "type": kind,
            "param": name,
            "code": code,
        });
        Box::new(Self {
            status,
            details,
            headers: vec![("content-type", "application/json")],
            body: serde_json::json!({ "error": error }).to_string(),
        })
    }
}

/// How a pass ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The answer to give in place of the message.
    pub(crate) reply: Option<Box<Reply>>,
    /// What went wrong on the way, in order.
    pub(crate) failures: Vec<Failure>,
}

impl Outcome {
    pub(crate) fn fail(&mut self, reason: Reason, path: &str, detail: impl Into<String>) {
        self.failures.push(Failure {
            reason,
            path: path.to_owned(),
            detail: detail.into(),
        });
    }

    /// As [`fail`](Self::fail), unless the same has failed at the same place before: of the many
    /// documents of a message each may fail in the same way.
    pub(crate) fn fail_once(&mut self, reason: Reason, path: &str, detail: impl Into<String>) {
        let same = |known: &Failure| known.reason == reason && known.path == path;
        if !self.failures.iter().any(same) {
            self.fail(reason, path, detail);
        }
    }
}
