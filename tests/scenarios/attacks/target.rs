//! What is attacked: a gateway that refuses a request without a model.

use anyhow::{Context, Result, ensure};
use harness::{Bootstrap, End, RecordedRequest};
use serde_json::{Value, json};

use crate::gateway::{Gateway, MODEL};
use crate::stage::{Stage, same};

/// Routes on `/model`; what has none that can be read is answered 400.
pub(super) fn strict() -> Value {
    json!({"request": {"extract": [
        {"name": "model", "header": MODEL, "onMissing": "reject", "onInvalid": "reject"},
    ]}})
}

/// The gateway, with more of a bootstrap.
pub(super) async fn target(stage: &Stage, bootstrap: Bootstrap) -> Result<Gateway> {
    Gateway::start_with(stage, impatient(bootstrap).filter(strict())).await
}

/// Envoy waits a second for a client to read why its connection ends; these do not.
pub(super) fn impatient(bootstrap: Bootstrap) -> Bootstrap {
    bootstrap.connection_manager("delayed_close_timeout", json!("0.02s"))
}

/// The body that names this model.
pub(super) fn body(model: &str) -> String {
    json!({"model": model}).to_string()
}

/// How many requests the upstreams got, each of which has to be routed on its own body.
pub(super) fn routed_on_their_bodies(gateway: &Gateway) -> Result<usize> {
    let upstreams = [(&gateway.routed, true), (&gateway.fallback, false)];
    let mut count = 0;
    for (upstream, is_routed) in upstreams {
        same("broken requests", upstream.malformed(), 0)?;
        let requests = upstream.requests();
        count += requests.len();
        for request in &requests {
            check(request, is_routed).with_context(|| format!("{request:?}"))?;
        }
    }
    Ok(count)
}

fn check(request: &RecordedRequest, is_routed: bool) -> Result<()> {
    ensure!(request.end == End::Complete, "it never ended");
    let json = request.json()?;
    let model = json.pointer("/model").and_then(Value::as_str);
    same("the header", request.headers.value(MODEL).as_deref(), model)?;
    same("where it went", is_routed, model == Some("gpt-4o"))
}
