//! What the page sends, and what it gets.

use cases::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transformations::Engine;

use super::copies::Copies;
use crate::check;
use crate::dry_run::{Course, Exchange, NoChoice};
use crate::file::File;
use crate::input::{self, Side, curl};
use crate::settings;

/// What the page has on its left side.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Playground {
    pub(super) config: String,
    /// Which part of the configuration.
    pub(super) at: Option<String>,
    pub(super) request: String,
    pub(super) response: String,
}

/// What it shows on its right side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Played {
    /// What is wrong with the configuration, as `check --format json` prints it.
    findings: Vec<Value>,
    /// Why nothing was played: where, and what is wrong.
    error: Option<Wrong>,
    pub(super) exchange: Option<Exchange>,
    /// The same for other places, of a filter by itself.
    pub(super) copies: Option<Copies>,
}

/// Why nothing was played.
#[derive(Debug, Serialize)]
struct Wrong {
    /// `config`, `request` or `response`.
    part: &'static str,
    message: String,
}

/// What is played, the request and the answer.
type Parts = (Course, Message, Option<Message>);

impl Playground {
    /// Plays it.
    pub(super) fn play(&self) -> Played {
        let engine = settings::without_environment();
        let findings = check::judge(&engine, "rustformation", File::unnamed(&self.config));
        let mut played = Played {
            findings: findings
                .iter()
                .map(|finding| finding.json("config"))
                .collect(),
            error: None,
            exchange: None,
            copies: None,
        };
        match self.parts(&engine) {
            Ok(None) => {}
            Ok(Some((course, request, response))) => {
                let exchange = course.play(request.clone(), response.clone());
                if let (None, [only]) = (&exchange.first_route, exchange.filters.as_slice()) {
                    let messages = (&request, response.as_ref());
                    played.copies = Some(Copies::of(&self.config, messages, &only.transcript));
                }
                played.exchange = Some(exchange);
            }
            Err(wrong) => played.error = Some(wrong),
        }
        played
    }

    /// What is played, and with which messages; `None`: the findings tell why nothing is.
    fn parts(&self, engine: &Engine) -> Result<Option<Parts>, Wrong> {
        let course = match Course::of(engine, File::unnamed(&self.config), self.at.as_deref()) {
            Ok(course) => course,
            Err(NoChoice::Refused(_)) => return Ok(None),
            Err(NoChoice::Unclear(message)) => {
                return Err(Wrong {
                    part: "config",
                    message,
                });
            }
        };
        let wrong = |part| {
            move |error: anyhow::Error| Wrong {
                part,
                message: format!("{error:#}"),
            }
        };
        let request = message(&self.request, Side::Request).map_err(wrong("request"))?;
        let response = match self.response.trim() {
            "" => None,
            _ => message(&self.response, Side::Response).map_err(wrong("response"))?,
        };
        let response =
            response.map(|answer| input::event_by_event(answer, std::time::Duration::ZERO));
        Ok(Some((course, request.unwrap_or_default(), response)))
    }
}

/// A message as people write it: a call of curl, HTTP, or YAML as in a case.
fn message(text: &str, side: Side) -> anyhow::Result<Option<Message>> {
    if side == Side::Request && text.trim_start().starts_with("curl ") {
        let text = text.replace("\\\n", " ").replace("\\\r\n", " ");
        let words =
            shlex::split(text.trim()).ok_or_else(|| anyhow::anyhow!("curl: a quote has no end"))?;
        return curl::request_without_files(&words).map(Some);
    }
    let read = input::exchange(text.as_bytes(), side, 1)?;
    match side {
        Side::Request if read.request.is_none() => anyhow::bail!(
            "this is an answer; a request begins with `POST /path HTTP/1.1`, `curl`, or keys such as `json:`"
        ),
        Side::Request => Ok(read.request),
        Side::Response if read.response.is_none() => anyhow::bail!(
            "this is a request; an answer begins with `HTTP/1.1 200`, or keys such as `json:`"
        ),
        Side::Response => Ok(read.response),
    }
}
