//! What can go wrong with a message, and what the host is told of it.

use std::fmt;

use bodies::documents::DocumentError;
use bodies::{coding, form, json, multipart};

use crate::note::Note;

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
    /// An answer is a part of a body, which is not edited.
    PartialContent,
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
    pub const ALL: [Reason; 18] = [
        Reason::JsonInvalid,
        Reason::UndeclaredVariable,
        Reason::Render,
        Reason::HeaderValue,
        Reason::Limit,
        Reason::DuplicateKey,
        Reason::FieldMissing,
        Reason::ContentEncoding,
        Reason::PartialContent,
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
            Reason::PartialContent => "partial_content",
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

impl From<&json::DocumentError> for Reason {
    fn from(error: &json::DocumentError) -> Self {
        match error {
            json::DocumentError::Invalid(_) => Self::JsonInvalid,
            json::DocumentError::TooDeep => Self::Limit,
        }
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
            form::Error::Json => "the body is called a form, and begins as JSON does",
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
                "the body is encoded in another way than gzip, deflate, br or zstd, or in more than three",
            ),
            coding::Error::Invalid => Self(
                Reason::ContentEncoding,
                "the body is not encoded as its content-encoding says",
            ),
            coding::Error::TooMuch => Self(
                Reason::Limit,
                "the body becomes too long decoded; see limits.decodedBytes, decodedRatio and maxHeldBytes",
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

/// How a pass ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What went wrong on the way, in order.
    pub(crate) failures: Vec<Failure>,
    /// What was found and done, in order; `None`: nobody watches.
    notes: Option<Box<Notes>>,
}

/// Apart from the outcome: it is moved, and few are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Notes(Vec<Note>);

impl Outcome {
    /// The outcome of a pass that has done nothing yet.
    #[inline(always)]
    pub(crate) fn new(watched: bool) -> Self {
        Self {
            failures: Vec::new(),
            notes: watched.then(Box::default),
        }
    }

    /// Notes a step, if somebody watches.
    #[inline(always)]
    pub(crate) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.notes {
            notes.0.push(note());
        }
    }

    /// What was noted; `None`: nobody watches.
    #[inline(always)]
    pub(crate) fn take_notes(&mut self) -> Option<Vec<Note>> {
        self.notes.take().map(|notes| notes.0)
    }

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
