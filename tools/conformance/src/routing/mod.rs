//! Cases about body-based routing and expressions: what other gateways do, in words of no gateway's configuration.
//!
//! A case says `config`, `request` and `expect`; or it is an expression (`cel_eval`), or a store of adapters
//! (`adapter_store`). `config` writes each as a configuration of this module, `transform` and `store` parts of it;
//! `routes` are what the gateway has besides the filter; `expected` writes what is to come of it, and `evaluation` judges
//! what an expression yields. What this module has no words for is [`Unmapped`], and fails unless the documentation
//! names it.

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
use cases::{Body, Case, Expect, Piece};
use serde::Deserialize;
use serde_json::Value;

use super::case::{fields, request};
use super::take::Take;
use config::Config;
pub(crate) use evaluation::Evaluation;
use expected::Expected;
pub(crate) use routes::{ROUTE, Routes};
use store::{Lookups, Step};

/// Where the module says why something failed.
pub(crate) const FAILURES: &str = "rustformations";

/// The key there of the last reason.
pub(crate) const FAILURE: &str = "failure";

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
        let text = |text: String| Body::Whole(text.into_bytes());
        let decoded = self.body_b64.as_ref().map(|text| STANDARD.decode(text));
        let decoded = decoded.transpose().context("`body_b64`")?;
        let chunks = self.chunks.as_ref().map(|chunks| {
            let chunks = chunks.iter().cloned().map(Piece::from);
            Body::Pieces(chunks.collect())
        });
        let kinds = [
            self.body.clone().map(text),
            decoded.map(Body::Whole),
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
pub(crate) fn read(line: Value) -> Result<Take> {
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
    fn written(self) -> Result<Take> {
        let Self {
            config,
            request,
            expect,
        } = self;
        let body = request.body()?;
        let headers = request.headers().into_iter();
        let mut headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if expect.content_length_matches_body {
            // So that one that is left as it was is seen.
            let length = body.bytes().len().to_string();
            headers.push(("content-length".to_owned(), length));
        }
        let mut sent = super::case::request(&request.method, &request.path, body);
        sent.0.fields.extend(fields(headers));
        let mut take = take(&config.filter_config()?, sent);
        take.case.expect = expect.expect()?;
        take.routes = Some(config.routes()?);
        Ok(take)
    }
}

impl Expression {
    fn written(self) -> Result<Take> {
        let generated = self.expression_gen.map(|generated| generated.text());
        let expression = match (self.expression, generated) {
            (Some(text), None) | (None, Some(text)) => text,
            _ => bail!("exactly one of `expression` and `expression_gen`"),
        };
        self.expect.check()?;
        let config = self.expect.config(&expression);
        let mut take = take(&config, post(evaluation::ORIGINAL.to_vec()));
        take.evaluation = Some(self.expect);
        Ok(take)
    }
}

impl Store {
    fn written(self) -> Result<Take> {
        let table = store::table(&self.steps)?;
        let body = self.expect.body().into_bytes();
        let mut take = take(&self.expect.config(&table), post(body));
        take.case.expect = self.expect.expected().expect()?;
        Ok(take)
    }
}

fn post(body: Vec<u8>) -> cases::Request {
    request("POST", "/", Body::Whole(body))
}

fn take(config: &Value, request: cases::Request) -> Take {
    Take::of(Case {
        name: String::new(),
        filter: cases::Filter::Rustformation,
        config: Some(cases::Config::Text(config.to_string())),
        settings: cases::Settings::default(),
        env: BTreeMap::new(),
        host_refuses: Vec::new(),
        routes: Vec::new(),
        chain: cases::Chain::default(),
        request,
        response: None,
        reader: None,
        expect: Expect {
            partial: true,
            ..Expect::default()
        },
    })
}
