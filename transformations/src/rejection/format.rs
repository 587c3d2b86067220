//! The shapes that the APIs give an error, each as its provider documents it.

use serde_json::{Value, json};

use super::{Content, Problem, Rejection, Reply};
use crate::config::ErrorFormat;
use crate::ops::{Direction, TransformationOps};

/// Where Envoy keeps a path that its router has rewritten.
const ORIGINAL_PATH: &str = "x-envoy-original-path";

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// The API whose errors a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    OpenAi,
    Anthropic,
    Gemini,
    /// None: people read it.
    Text,
}

impl Api {
    /// The API that a request is for, by the path that the client sent.
    pub(crate) fn of_request(ops: &dyn TransformationOps) -> Self {
        let header = |name| ops.first_header_value(Direction::Request, name);
        let path = header(ORIGINAL_PATH).or_else(|| header(":path"));
        path.map_or(Self::OpenAi, |(path, _)| Self::of_path(path))
    }

    fn of_path(path: &[u8]) -> Self {
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let segments = || path.split(|byte| *byte == b'/');
        let last = segments().next_back().unwrap_or_default();
        let messages = segments().zip(segments().skip(1));
        let mut messages =
            messages.filter(|pair| *pair == (b"v1".as_slice(), b"messages".as_slice()));
        if [b":generateContent".as_slice(), b":streamGenerateContent"]
            .iter()
            .any(|method| last.ends_with(method))
        {
            Self::Gemini
        } else if messages.next().is_some() {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }

    /// The type and the text of an error.
    fn error(self, status: u16, problem: &Problem) -> (&'static str, String) {
        let Problem {
            code,
            param,
            message,
        } = problem;
        let error: Value = match self {
            Self::OpenAi => json!({"error": {
                "message": message,
                "type": openai_type(status),
                "param": param,
                "code": code,
            }}),
            Self::Anthropic => json!({"type": "error", "error": {
                "type": anthropic_type(status),
                "message": message,
            }}),
            Self::Gemini => json!({"error": {
                "code": status,
                "message": message,
                "status": google_status(status),
            }}),
            Self::Text => return (TEXT, format!("{message}\n")),
        };
        (JSON, error.to_string())
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// The name of a status among `google.rpc.Code`.
fn google_status(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

impl Rejection {
    /// The answer as the client of `api` reads it. `written`: what the configuration says of it.
    pub(crate) fn reply(
        &self,
        written: Option<ErrorFormat>,
        api: impl FnOnce() -> Api,
    ) -> Box<Reply> {
        let Self {
            status,
            details,
            headers,
            content,
        } = self;
        let (status, details) = (*status, *details);
        let mut headers = headers.clone();
        let shaped = |problem: &Problem| {
            let api = match written.unwrap_or_default() {
                ErrorFormat::Auto => api(),
                ErrorFormat::Openai => Api::OpenAi,
                ErrorFormat::Anthropic => Api::Anthropic,
                ErrorFormat::Gemini => Api::Gemini,
                ErrorFormat::Text => Api::Text,
            };
            api.error(status, problem)
        };
        let (kind, body) = match content {
            // Such an answer has none (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
            _ if [204, 205, 304].contains(&status) => (TEXT, String::new()),
            Content::Kgateway(_) if written.is_none() => (TEXT, String::new()),
            Content::Error(problem) | Content::Kgateway(problem) => shaped(problem),
            Content::Own(body) if body.trim_start().starts_with(['{', '[']) => (JSON, body.clone()),
            Content::Own(body) => (TEXT, body.clone()),
        };
        if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".into(), kind.to_owned()));
        }
        Box::new(Reply {
            status,
            details,
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_known_by_its_path() {
        for (path, api) in [
            ("/v1/chat/completions", Api::OpenAi),
            ("/v1/messages", Api::Anthropic),
            ("/v1/messages?beta=true", Api::Anthropic),
            ("/v1/messages/count_tokens", Api::Anthropic),
            ("/anthropic/v1/messages", Api::Anthropic),
            ("/v1/messages_of_mine", Api::OpenAi),
            ("/?p=/v1/messages", Api::OpenAi),
            ("/v1/threads/messages", Api::OpenAi),
            ("/v1beta/models/gemini-2.5-pro:generateContent", Api::Gemini),
            (
                "/v1beta/models/g:streamGenerateContent?alt=sse",
                Api::Gemini,
            ),
            ("/v1/models/g:generateContent/x", Api::OpenAi),
            ("*", Api::OpenAi),
            ("", Api::OpenAi),
        ] {
            assert_eq!(Api::of_path(path.as_bytes()), api, "{path}");
        }
    }

    #[test]
    fn a_status_has_the_name_that_its_api_gives_it() {
        for (status, openai, anthropic, google) in [
            (
                400,
                "invalid_request_error",
                "invalid_request_error",
                "INVALID_ARGUMENT",
            ),
            (
                401,
                "invalid_request_error",
                "authentication_error",
                "UNAUTHENTICATED",
            ),
            (
                402,
                "invalid_request_error",
                "billing_error",
                "INVALID_ARGUMENT",
            ),
            (
                403,
                "invalid_request_error",
                "permission_error",
                "PERMISSION_DENIED",
            ),
            (404, "invalid_request_error", "not_found_error", "NOT_FOUND"),
            (
                409,
                "invalid_request_error",
                "invalid_request_error",
                "ABORTED",
            ),
            (
                413,
                "invalid_request_error",
                "request_too_large",
                "INVALID_ARGUMENT",
            ),
            (429, "requests", "rate_limit_error", "RESOURCE_EXHAUSTED"),
            (500, "server_error", "api_error", "INTERNAL"),
            (502, "server_error", "api_error", "UNAVAILABLE"),
            (503, "server_error", "api_error", "UNAVAILABLE"),
            (504, "server_error", "timeout_error", "DEADLINE_EXCEEDED"),
            (529, "server_error", "overloaded_error", "INTERNAL"),
        ] {
            assert_eq!(openai_type(status), openai, "{status}");
            assert_eq!(anthropic_type(status), anthropic, "{status}");
            assert_eq!(google_status(status), google, "{status}");
        }
    }

    #[test]
    fn a_value_ends_no_string_of_an_error() {
        let message = "\"}, {\"a\": \"\\\n\u{0}</script>";
        let problem = Problem {
            code: message.to_owned(),
            param: Some(message.to_owned()),
            message: message.to_owned(),
        };
        for api in [Api::OpenAi, Api::Anthropic, Api::Gemini] {
            let (kind, text) = api.error(400, &problem);
            let error: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(error["error"]["message"], message, "{api:?}");
            assert_eq!(kind, JSON);
        }
    }
}
