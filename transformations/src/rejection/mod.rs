//! An answer in place of a message: why, and the shape that its reader expects.

mod format;

pub(crate) use format::Api;

use std::borrow::Cow;

use crate::config::limits::MESSAGE_BYTES;
use crate::failure::{Failure, Reason};
use crate::ops::Direction;

/// An answer in place of the message. It is rare and large, and goes about in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Envoy's response code details.
    pub details: &'static str,
    /// Headers besides those the host sets itself.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Body; may be empty.
    pub body: String,
}

/// Why a message goes no further, before it is known what its reader expects to read.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// Envoy's response code details.
    pub(crate) details: &'static str,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) content: Content,
}

/// What the body of an answer is.
#[derive(Debug)]
pub(crate) enum Content {
    /// An error, in the shape of the API.
    Error(Problem),
    /// kgateway's: none, unless the configuration names a format.
    Kgateway(Problem),
    /// The configuration's own.
    Own(String),
}

/// What an error says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What programs know it by.
    pub(crate) code: String,
    /// The field that it is about.
    pub(crate) param: Option<String>,
    /// What people read.
    pub(crate) message: String,
}

/// Response code details where a field is missing.
const FIELD_MISSING: &str = "rustformations_field_missing";
/// Response code details where a field cannot be taken out of the message.
const FIELD_INVALID: &str = "rustformations_field_invalid";
/// Response code details where a rule of `reject` holds.
const REJECTED: &str = "rustformations_rejected";
/// Response code details where something failed, and `onFailure` is `reject`.
pub(crate) const FAILED: &str = "rustformations_failed";

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Invalid,
}

impl Reply {
    /// Whether a rule of the configuration makes it, and not a failure.
    pub(crate) fn rejects(&self) -> bool {
        [FIELD_MISSING, FIELD_INVALID, REJECTED].contains(&self.details)
    }
}

impl Problem {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            param: None,
            message: message.into(),
        }
    }
}

/// The status of an answer in place of a message that cannot go on.
pub(crate) fn status(direction: Direction) -> u16 {
    match direction {
        Direction::Request => 400,
        Direction::Response => 502,
    }
}

impl Rejection {
    fn error(status: u16, details: &'static str, problem: Problem) -> Box<Self> {
        Box::new(Self {
            status,
            details,
            headers: Vec::new(),
            content: Content::Error(problem),
        })
    }

    /// kgateway's answer: 400 without a body.
    pub(crate) fn kgateway(details: &'static str, reason: Reason) -> Box<Self> {
        let problem = Problem::new(reason.as_str(), "the body cannot be read");
        Box::new(Self {
            status: 400,
            details,
            headers: Vec::new(),
            content: Content::Kgateway(problem),
        })
    }

    /// The answer to a request whose configuration cannot be used: what it would have forbidden
    /// must not pass.
    pub(crate) fn unusable_config() -> Box<Self> {
        let problem = Problem::new(
            "gateway_configuration",
            "the gateway is not configured for this request",
        );
        Self::error(500, "rustformations_config", problem)
    }

    /// The answer to a request of which edits reached a limit, if any of these failures is one: what the
    /// edits would have enforced must not be passed by making them fail. So it is whatever `onFailure` says.
    /// A response goes on as it was, unless `onFailure` says otherwise.
    pub(crate) fn over_limit(direction: Direction, failures: &[Failure]) -> Option<Box<Self>> {
        let mut reasons = failures.iter().map(|failure| failure.reason);
        let is_over = reasons.any(|reason| reason == Reason::Limit);
        (direction == Direction::Request && is_over).then(Self::too_large)
    }

    /// The answer to a request that stands for more than may be held, or has more to edit than may be.
    pub(crate) fn too_large() -> Box<Self> {
        let problem = Problem::new("request_too_large", "the request is too large");
        Self::error(413, "rustformations_too_large", problem)
    }

    /// What stands in the place of an answer that a field might reject, and that is longer than may be held.
    pub(crate) fn too_long_answer() -> Box<Self> {
        let problem = Problem::new(
            "response_too_large",
            "the response is too large to be checked",
        );
        Self::error(502, "rustformations_too_large", problem)
    }

    /// The answer in place of a message whose field is missing or invalid. `detail` quotes nothing of it.
    pub(crate) fn of_field(
        direction: Direction,
        fault: Fault,
        name: &str,
        detail: &str,
    ) -> Box<Self> {
        let (details, fault) = match fault {
            Fault::Missing => (FIELD_MISSING, "missing"),
            Fault::Invalid => (FIELD_INVALID, "invalid"),
        };
        let problem = Problem {
            code: format!("{fault}_{name}"),
            param: Some(name.to_owned()),
            message: format!("`{name}` is {fault}: {detail}"),
        };
        Self::error(status(direction), details, problem)
    }

    /// The answer in place of a message that something failed for. It quotes nothing of it.
    pub(crate) fn failed(direction: Direction, reason: Reason) -> Box<Self> {
        let message = format!(
            "the {} cannot be processed: {}",
            direction.as_str(),
            reason.as_str()
        );
        Self::error(
            status(direction),
            FAILED,
            Problem::new(reason.as_str(), message),
        )
    }

    /// The answer of a rule of `reject`.
    pub(crate) fn of_rule(
        status: u16,
        code: &str,
        message: String,
        headers: Vec<(Cow<'static, str>, String)>,
        body: Option<String>,
    ) -> Box<Self> {
        let content = match body {
            Some(body) => Content::Own(body),
            None => Content::Error(Problem::new(code, bounded(message))),
        };
        Box::new(Self {
            status,
            details: REJECTED,
            headers,
            content,
        })
    }
}

/// A message that is no longer than a message may be.
fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = bounded("ä".repeat(MESSAGE_BYTES));
        assert_eq!(cut.len(), MESSAGE_BYTES + '…'.len_utf8());
        let whole = "a".repeat(MESSAGE_BYTES);
        assert_eq!(bounded(whole.clone()), whole);
    }
}
