//! What the gateway of a case has besides the filter: routes by the routing header, and its own replies.

use anyhow::{Context, Result, ensure};
use fancy_regex::escape;
use harness::Route;
use serde::Deserialize;
use serde_json::{Value, json};

/// The routing header.
pub(super) const MODEL: &str = "x-gateway-model-name";

/// The request header by which an upstream knows the route.
pub(crate) const ROUTE: &str = "x-conformance-route";

/// The route that everything takes that no other does.
const FALLBACK: &str = "fallback";

/// The bound on bodies of the gateway that the router's cases were taken from.
pub(super) const BODY_BYTES: u32 = 2 << 20;

/// The routes of the gateway that the cases about routes were observed on.
const OBSERVED: [(&str, &str); 2] = [("model-a", "gpt-4o"), ("model-b", "claude-.*")];

/// A model that a router serves.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Model {
    /// A glob.
    Named(String),
    Rewritten(Rewritten),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewritten {
    #[serde(rename = "match")]
    pattern: String,
    /// What becomes of the model in the body: `stripPrefix(text)` or `stripSuffix(text)`.
    #[serde(default)]
    rewrite: Option<String>,
}

impl Model {
    fn pattern(&self) -> String {
        let glob = match self {
            Self::Named(glob) | Self::Rewritten(Rewritten { pattern: glob, .. }) => glob,
        };
        let parts: Vec<_> = glob.split('*').map(escape).collect();
        parts.join(".*")
    }

    /// The expression of the model's name behind the router, if it differs.
    ///
    /// # Errors
    /// A rewrite is unknown.
    pub(super) fn rewritten(models: &[Self]) -> Result<Option<String>> {
        let mut expression = "extracted.model".to_owned();
        let mut changes = false;
        for model in models.iter().rev() {
            let rewrite = match model {
                Self::Rewritten(model) => model.rewrite.as_deref(),
                Self::Named(_) => None,
            };
            let written = match rewrite {
                None => "extracted.model".to_owned(),
                Some(rewrite) => {
                    let call = rewrite.strip_suffix(')');
                    let call = call.and_then(|call| call.split_once('('));
                    let known = ["stripPrefix", "stripSuffix"];
                    let call = call.filter(|(function, _)| known.contains(function));
                    let (function, text) = call.with_context(|| format!("rewrite {rewrite:?}"))?;
                    changes = true;
                    format!("extracted.model.{function}({})", Value::from(text))
                }
            };
            let pattern = Value::from(format!("^{}$", model.pattern()));
            expression = format!("extracted.model.matches({pattern}) ? {written} : ({expression})");
        }
        Ok(changes.then_some(expression))
    }
}

/// Routes, the first that matches wins; then the fallback.
#[derive(Debug)]
pub(crate) struct Routes {
    header: String,
    /// Names and regular expressions of the whole value.
    rules: Vec<(String, String)>,
    /// Whether the fallback serves no request.
    closed: bool,
}

impl Routes {
    pub(super) fn observed(header: &str) -> Self {
        let rules = OBSERVED.map(|(name, pattern)| (name.to_owned(), pattern.to_owned()));
        Self {
            header: header.to_owned(),
            rules: rules.into(),
            closed: false,
        }
    }

    /// Only these models are served.
    pub(super) fn router(models: &[Model]) -> Self {
        let rule = |(index, model): (usize, &Model)| (format!("models-{index}"), model.pattern());
        Self {
            header: MODEL.to_owned(),
            rules: models.iter().enumerate().map(rule).collect(),
            closed: true,
        }
    }

    /// The routes, all to one cluster.
    pub(crate) fn build(&self, cluster: &str) -> Vec<Route> {
        let to = |name: &str| {
            let header = json!({"header": {"key": ROUTE, "value": name}});
            Route::to(cluster).field("request_headers_to_add", json!([header]))
        };
        let rules = self.rules.iter().map(|(name, pattern)| {
            let matcher = json!({"safe_regex": {"regex": pattern}});
            let headers = json!([{"name": self.header, "string_match": matcher}]);
            to(name).field("match", json!({"prefix": "/", "headers": headers}))
        });
        let fallback = match self.closed {
            true => Route::direct_response(404, &error("model_not_found")),
            false => to(FALLBACK),
        };
        rules.chain([fallback]).collect()
    }

    /// Fields of the connection manager. Before Envoy 1.38 the window bounds what is held of an HTTP/2 request; and
    /// Envoy's own replies know no codes.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Value)> {
        if !self.closed {
            return Vec::new();
        }
        let status = json!({"default_value": 413, "runtime_key": "conformance.status"});
        let filter = json!({"status_code_filter": {"comparison": {"op": "EQ", "value": status}}});
        let text = json!({"inline_string": error("request_body_too_large")});
        let format = json!({"text_format_source": text});
        let replies = json!({"mappers": [{"filter": filter, "body_format_override": format}]});
        let window = json!({"initial_stream_window_size": BODY_BYTES});
        vec![
            ("local_reply_config", replies),
            ("http2_protocol_options", window),
        ]
    }

    /// The name of a route as cases write it: with what matches in brackets.
    ///
    /// # Errors
    /// There is no such route.
    pub(super) fn named(written: &str) -> Result<&str> {
        let name = written.split(" (").next().unwrap_or(written);
        let mut known = OBSERVED.iter().map(|(name, _)| *name).chain([FALLBACK]);
        ensure!(known.any(|known| known == name), "route {written:?}");
        Ok(name)
    }
}

/// An error in OpenAI's shape.
fn error(code: &str) -> String {
    json!({"error": {"code": code, "message": code}}).to_string()
}
