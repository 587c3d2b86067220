//! The protocol of KServe, version 2, which Triton speaks.

use serde_json::json;

use super::Asked;
use crate::answer::Answer;

pub(super) fn answer(asked: &Asked) -> Answer {
    if asked.method == "GET" {
        return Answer::status(200);
    }
    Answer::json(&json!({
        "model_name": asked.model,
        "model_version": "1",
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [1], "data": [0.5]}],
    }))
}
