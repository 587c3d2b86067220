//! 429 in the shape of each API.

use serde_json::json;

use super::Asked;
use crate::answer::Answer;

pub(super) fn answer(asked: &Asked) -> Answer {
    let message = format!("{} is busy", asked.name);
    let path = asked.path.as_str();
    let body = if asked.verb().is_some() {
        json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}})
    } else if path.ends_with("/messages") {
        json!({"type": "error", "error": {"type": "rate_limit_error", "message": message}})
    } else if path.starts_with("/model/") || path.starts_with("/v2/") {
        json!({"message": message})
    } else if path.starts_with("/api/") {
        json!({"error": message})
    } else {
        json!({"error": {"type": "requests", "code": null, "param": null, "message": message}})
    };
    let answer = Answer::json(&body).with_status(429);
    match path.starts_with("/model/") {
        true => answer.header("x-amzn-errortype", "ThrottlingException"),
        false => answer,
    }
}
