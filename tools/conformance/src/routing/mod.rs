//! Cases about body-based routing and expressions: what other gateways do, in words of no gateway's configuration.
//!
//! A case says `config`, `request` and `expect`; or it is an expression (`cel_eval`), or a store of adapters
//! (`adapter_store`). `config` writes each as a configuration of this module, `transform` and `store` parts of it;
//! `routes` are what the gateway has besides the filter; `expected` and `evaluation` judge what came. What this module
//! has no words for is [`Unmapped`], and fails unless the documentation names it.

mod config;
mod evaluation;
mod expected;
mod routes;
mod store;
#[cfg(test)]
mod tests;
mod transform;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::case::Case;
use super::observation::Observation;
use config::Config;
use evaluation::Evaluation;
use expected::Expected;
pub(crate) use routes::Routes;
use store::{Lookups, Step};

/// Where the module says why something failed.
pub(crate) const FAILURES: &str = "rustformations";

/// A case, written for this module.
#[derive(Debug)]
pub(crate) struct RoutingCase {
    pub(crate) case: Case,
    pub(crate) judge: Judge,
}

/// What decides whether a case passes.
#[derive(Debug)]
pub(crate) enum Judge {
    Messages(Box<Expected>),
    Evaluation(Evaluation),
}

impl Judge {
    /// Whether the configuration may be refused: an expression that cannot be compiled is.
    pub(crate) fn allows_refusal(&self) -> bool {
        matches!(self, Self::Evaluation(_))
    }

    /// Every difference from a configuration that the module refused.
    pub(crate) fn refused(&self) -> Vec<String> {
        match self {
            Self::Messages(_) => vec!["config: expected accepted, came rejected".to_owned()],
            Self::Evaluation(evaluation) => evaluation.refused(),
        }
    }

    /// Every difference; empty if the case passes.
    pub(crate) fn differences(
        &self,
        case: &Case,
        release: harness::EnvoyRelease,
        seen: &Observation,
    ) -> Vec<String> {
        match self {
            Self::Messages(expected) => expected.differences(case, release, seen),
            Self::Evaluation(evaluation) => evaluation.differences(case, seen),
        }
    }
}

/// What this module has no words for.
#[derive(Debug)]
pub(crate) struct Unmapped(pub(crate) &'static str);

impl fmt::Display for Unmapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "this module has no `{}`", self.0)
    }
}

impl std::error::Error for Unmapped {}

/// What a gateway does with one request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    config: Config,
    request: Sent,
    expect: Box<Expected>,
}

/// An expression, written down or generated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    #[serde(default)]
    expression: Option<String>,
    #[serde(default)]
    expression_gen: Option<Generated>,
    expect: Evaluation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    steps: Vec<Step>,
    expect: Lookups,
}

/// A text too long to be written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generated {
    prefix: String,
    unit: String,
    count: usize,
    suffix: String,
}

impl Generated {
    fn text(&self) -> String {
        format!(
            "{}{}{}",
            self.prefix,
            self.unit.repeat(self.count),
            self.suffix
        )
    }
}

/// A request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, Lines>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_b64: Option<String>,
    #[serde(default)]
    body_gen: Option<Generated>,
    #[serde(default)]
    chunks: Option<Vec<String>>,
}

/// The lines of a header.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Sent {
    fn body(&self) -> Result<Body> {
        let text = |text: String| Body::Whole(Bytes::from(text));
        let decoded = self.body_b64.as_ref().map(|text| STANDARD.decode(text));
        let decoded = decoded.transpose().context("`body_b64`")?;
        let chunks = self.chunks.as_ref().map(|chunks| {
            let chunks = chunks.iter().cloned().map(Bytes::from);
            Body::Chunks(chunks.collect())
        });
        let kinds = [
            self.body.clone().map(text),
            decoded.map(|bytes| Body::Whole(bytes.into())),
            self.body_gen
                .as_ref()
                .map(|generated| text(generated.text())),
            chunks,
        ];
        let mut given = kinds.into_iter().flatten();
        let body = given.next().unwrap_or(Body::None);
        ensure!(given.next().is_none(), "more than one kind of body");
        Ok(body)
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let fields = self.headers.iter();
        let fields = fields.flat_map(|(name, lines)| match lines {
            Lines::One(value) => vec![(name.as_str(), value.as_str())],
            Lines::Several(values) => values
                .iter()
                .map(|value| (name.as_str(), value.as_str()))
                .collect(),
        });
        fields.collect()
    }
}

/// Whether a line is of this kind, not kgateway's.
pub(crate) fn is_one(line: &Value) -> bool {
    let kind = line.get("kind").and_then(Value::as_str);
    let of_kgateway = ["filter_config", "filter_config_text"];
    of_kgateway.iter().all(|key| line.get(key).is_none())
        && (line.get("config").is_some() || matches!(kind, Some("cel_eval" | "adapter_store")))
}

/// Writes a case for this module.
///
/// # Errors
/// It cannot be read, or this module has no words for it: [`Unmapped`].
pub(crate) fn read(line: Value) -> Result<RoutingCase> {
    let Value::Object(mut line) = line else {
        bail!("no object");
    };
    // What a case says of itself, and of what others do.
    for key in ["id", "source", "note", "other_engines"] {
        line.remove(key);
    }
    let kind = line.remove("kind").unwrap_or_else(|| "request".into());
    let line = Value::Object(line);
    match kind.as_str() {
        Some("request") => serde_json::from_value::<Exchange>(line)?.written(),
        Some("cel_eval") => serde_json::from_value::<Expression>(line)?.written(),
        Some("adapter_store") => serde_json::from_value::<Store>(line)?.written(),
        _ => bail!("kind {kind}"),
    }
}

impl Exchange {
    fn written(self) -> Result<RoutingCase> {
        let Self {
            config,
            request,
            expect,
        } = self;
        expect.check()?;
        let body = request.body()?;
        let mut headers = request.headers();
        let length = body.bytes().len().to_string();
        if expect.content_length_matches_body {
            // So that one that is left as it was is seen.
            headers.push(("content-length", &length));
        }
        let sent = json!({"method": request.method, "path": request.path, "headers": headers});
        let mut case = case(&config.filter_config()?, &sent, body)?;
        case.routes = Some(config.routes()?);
        let judge = Judge::Messages(expect);
        Ok(RoutingCase { case, judge })
    }
}

impl Expression {
    fn written(self) -> Result<RoutingCase> {
        let generated = self.expression_gen.map(|generated| generated.text());
        let expression = match (self.expression, generated) {
            (Some(text), None) | (None, Some(text)) => text,
            _ => bail!("exactly one of `expression` and `expression_gen`"),
        };
        self.expect.check()?;
        let body = Body::Whole(Bytes::from_static(evaluation::ORIGINAL));
        let case = case(&evaluation::config(&expression), &post(), body)?;
        let judge = Judge::Evaluation(self.expect);
        Ok(RoutingCase { case, judge })
    }
}

impl Store {
    fn written(self) -> Result<RoutingCase> {
        let table = store::table(&self.steps)?;
        let body = Body::Whole(self.expect.body().into());
        let case = case(&self.expect.config(&table), &post(), body)?;
        let judge = Judge::Messages(Box::new(self.expect.expected()));
        Ok(RoutingCase { case, judge })
    }
}

fn post() -> Value {
    json!({"method": "POST", "path": "/", "headers": []})
}

fn case(config: &Value, request: &Value, body: Body) -> Result<Case> {
    let mut case: Case = serde_json::from_value(json!({
        "id": "",
        "filter_name": "rustformation",
        "filter_config": config,
        "request": request,
        "expect": {"config": "accepted"},
    }))?;
    case.request.given = Some(body);
    Ok(case)
}
