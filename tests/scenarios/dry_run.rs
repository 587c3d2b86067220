//! What `rustformations eval` shows is what the module does: the same exchanges, on a real Envoy and dry.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use cases::{Body, Message};
use harness::{Answer, Envoy, Request, Response, Upstream};
use rustformations_cli::dry_run::{Choice, DryRun, NoChoice, Outcome, Passage, Transcript};
use rustformations_cli::input::curl;
use transformations::Engine;

use crate::configs;
use crate::stage::{Scenario, Stage, same, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![All eval_shows_what_the_module_does,];

/// Stories whose listener's filter stands alone between the client and the upstream, and their endpoints. In the others a
/// cluster's filter, a token check or a rate limit comes after it or before it.
const STORIES: &[(&str, &[u16])] = &[
    ("minimal.yaml", &[9001, 9002]),
    ("body-routing.yaml", &[9001, 9002]),
    ("transform.yaml", &[9001]),
    ("mirror.yaml", &[9001, 9002]),
    ("model-names.yaml", &[9001]),
    ("inference-extension.yaml", &[9001, 9002]),
    ("unified-endpoint.yaml", &[9001, 9002]),
    ("token-limits.yaml", &[9001]),
    ("model-policy.yaml", &[9001]),
    ("token-usage.yaml", &[9001]),
    ("answer-tokens.yaml", &[9001]),
    ("token-cost.yaml", &[9001]),
    ("expressions.yaml", &[9001, 9002]),
];

/// Calls of every kind, as people type them.
const CALLS: &[&[&str]] = &[
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"gpt-4o","messages":[]}"#,
    ],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"messages":[],"model":"llama-3.3","stream":true,"max_tokens":99999}"#,
    ],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"fast","user":"u","max_completion_tokens":1}"#,
    ],
    &["h/v1/chat/completions", "--json", r#"{"messages":[]}"#],
    &[
        "h/v1/chat/completions",
        "--json",
        r#"{"model":"a","model":"b"}"#,
    ],
    &["h/v1/chat/completions", "--json", "no JSON"],
    &[
        "h/v1/messages",
        "-H",
        "x-gateway-model-name: forged",
        "--json",
        r#"{"model":"claude-sonnet-4","max_tokens":5}"#,
    ],
    &[
        "h/v1/audio/transcriptions",
        "-F",
        "model=whisper-1",
        "-F",
        "language=en",
    ],
    &[
        "h/model/anthropic.claude-3/converse",
        "--json",
        r#"{"messages":[]}"#,
    ],
    &["h/v1/models"],
];

/// What every upstream answers.
const ANSWER: &str = r#"{"id":"1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

async fn eval_shows_what_the_module_does(stage: &Stage) -> Result<()> {
    let mut passed = 0;
    for (file, ports) in STORIES {
        let upstream =
            Upstream::start(|_| Answer::body(ANSWER).header("content-type", "application/json"))
                .await?;
        let upstreams: Vec<_> = ports.iter().map(|port| (*port, &upstream)).collect();
        let envoy = configs::start(stage, file, &upstreams).await?;
        for call in CALLS {
            let what = || format!("{file}: {}", call.join(" "));
            passed += usize::from(
                compared(file, call, &envoy, &upstream)
                    .await
                    .with_context(what)?,
            );
        }
    }
    ensure!(
        passed > STORIES.len() * CALLS.len() / 2,
        "only {passed} requests reached an upstream"
    );
    Ok(())
}

/// Plays a call both ways; whether it reached an upstream.
async fn compared(
    file: &str,
    call: &[&str],
    envoy: &Arc<Envoy>,
    upstream: &Upstream,
) -> Result<bool> {
    let arguments: Vec<String> = call.iter().map(|argument| (*argument).to_owned()).collect();
    let request = curl::request(&arguments)?;
    let dry = dry_run(file, &request)?;
    let before = upstream.requests().len();
    let response = sent(&request).send(envoy.address().await?).await?;
    if let Some(reply) = &dry.reply {
        same("status", response.status, reply.status)?;
        same("body of the answer", response.text(), reply.body.as_str())?;
        ensure!(
            upstream.requests().len() == before,
            "it reached an upstream"
        );
        return Ok(false);
    }
    ensure!(
        dry.request.outcome != Outcome::Stopped,
        "it goes no further"
    );
    let reached = upstream.requests();
    let Some(reached) = reached.get(before) else {
        // No route leads to an upstream, and Envoy answers.
        ensure!(
            response.status >= 400,
            "no upstream was reached, and the status is {}",
            response.status
        );
        return Ok(false);
    };
    for change in &dry.request.headers {
        let name = change.name.as_str();
        let lines = match name {
            ":path" => vec![reached.path.clone()],
            ":authority" => vec![reached.authority.clone()],
            ":method" => vec![reached.method.clone()],
            name => reached.headers.values(name),
        };
        // On its way a value loses the space at its end.
        let after = change.after.join(", ");
        same(&format!("header `{name}`"), lines.join(", "), after.trim())?;
    }
    same("body", reached.text(), dry.request.sent_body.as_str())?;
    answered(
        &response,
        dry.response.as_ref().context("no answer in the dry run")?,
    )?;
    Ok(true)
}

/// Compares an upstream's answer, as the client has it, with the dry one.
fn answered(response: &Response, dry: &Passage) -> Result<()> {
    for change in &dry.headers {
        if change.name == ":status" {
            same(
                "status",
                response.status.to_string(),
                change.after.join(", "),
            )?;
        } else {
            let lines = response.headers.values(&change.name).join(", ");
            same(
                &format!("header `{}` of the answer", change.name),
                lines,
                change.after.join(", "),
            )?;
        }
    }
    same(
        "body of the answer",
        response.text(),
        dry.sent_body.as_str(),
    )
}

fn dry_run(file: &str, request: &Message) -> Result<Transcript> {
    let path = artifacts::workspace().join("envoy-configs").join(file);
    let text = std::fs::read_to_string(path)?;
    let choice = Choice::of(&Engine::default(), &text, file, None).map_err(|none| match none {
        NoChoice::Refused(findings) => anyhow::anyhow!("refused: {findings:?}"),
        NoChoice::Unclear(why) => anyhow::anyhow!(why),
    })?;
    let fields = [
        (":status", "200".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("content-length", ANSWER.len().to_string()),
    ];
    let answer = Message {
        fields: fields
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .into(),
        body: Body::Whole(ANSWER.as_bytes().to_vec()),
        ..Message::default()
    };
    let run = DryRun {
        program: choice.program,
        chain: choice.chain,
        request: request.clone(),
        response: Some(answer),
    };
    Ok(run.play())
}

/// The request as the client sends it.
fn sent(message: &Message) -> Request {
    let part = |name| message.field(name).unwrap_or_default();
    let mut request = Request::new(&part(":method"), &part(":path"));
    for (name, value) in &message.fields {
        if !name.starts_with(':') && name != "content-length" {
            request = request.header(name.clone(), String::from_utf8_lossy(value).into_owned());
        }
    }
    match &message.body {
        Body::None => request,
        body => request.body(body.bytes()),
    }
}
