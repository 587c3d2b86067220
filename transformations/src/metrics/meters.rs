//! The key `metrics`, compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use diagnostics::{Code, Diagnostic};

use super::definition::Metric;
use super::series::{AllSeries, Series};
use crate::config::{Limits, Metrics};
use crate::headers::{HeaderNames, Snapshot};
use crate::languages::cel::Expression;
use crate::languages::{BodyCache, ExpressionId, Expressions, Extracted, FieldTypes, Phase, Seen};
use crate::ops::{Direction, TransformationOps};
use crate::settings::Settings;

/// The most labels that a configuration gives.
pub(crate) const LABELS: usize = 8;
/// The most combinations of their values that it may have told apart.
pub(crate) const MOST_VALUES: usize = 10_000;
/// The longest value of a label, in bytes.
pub(crate) const VALUE_BYTES: usize = 128;
/// The value of a label that nothing gives one.
const NONE: &str = "none";
/// The value of every label of a combination that has no series of its own.
const OTHER: &str = "other";

/// What is counted and measured of requests, with which labels.
#[derive(Debug)]
pub struct Meters {
    names: Vec<String>,
    values: Vec<ExpressionId>,
    expressions: Expressions,
    request: HeaderNames,
    /// How many combinations of values are told apart.
    most: usize,
    series: Arc<Series>,
}

impl Meters {
    /// The names of the labels, in the order that values are recorded in.
    pub fn label_names(&self) -> &[String] {
        &self.names
    }

    /// The headers of the request that labels look at.
    pub(crate) fn request_headers(&self) -> &HeaderNames {
        &self.request
    }

    /// The fields that labels name.
    pub(crate) fn fields(&self) -> BTreeSet<&str> {
        let needs = self.expressions.iter().map(Expression::needs);
        let names = needs.flat_map(|needs| &needs.extracted);
        names.map(String::as_str).collect()
    }

    /// The values of the labels for a request with these headers: those of its own series, or `other`.
    /// `succeeded`: it may get series of its own. What fails may be anybody's, with any values.
    pub(crate) fn labels(
        &self,
        ops: &dyn TransformationOps,
        request: &Snapshot,
        extracted: Option<&Extracted>,
        succeeded: bool,
    ) -> Vec<String> {
        let seen = Seen {
            ops,
            direction: Direction::Request,
            whole: false,
            request,
            response: &Snapshot::default(),
            extracted,
            expressions: &self.expressions,
            cache: &BodyCache::default(),
        };
        let evaluated = seen.evaluate(Phase::Edits);
        let value = |id: &ExpressionId| match evaluated.text(*id) {
            Ok(Some(text)) => cleaned(&text),
            Ok(None) | Err(_) => NONE.to_owned(),
        };
        let values: Vec<String> = self.values.iter().map(value).collect();
        // A combination of nothing is one for all.
        let has_series = if succeeded || values.iter().all(|value| value == NONE) {
            self.series.admits(&values, self.most)
        } else {
            self.series.has(&values)
        };
        if has_series {
            return values;
        }
        values.iter().map(|_| OTHER.to_owned()).collect()
    }
}

/// Text as the value of a label.
fn cleaned(text: &str) -> String {
    let mut value = String::new();
    for c in text.chars() {
        let c = if c.is_control() { '_' } else { c };
        if value.len().saturating_add(c.len_utf8()) > VALUE_BYTES {
            break;
        }
        value.push(c);
    }
    if value.is_empty() {
        value.push_str(NONE);
    }
    value
}

/// Compiles `metrics`, which stands at `path`. `None`: something is wrong with it.
pub(crate) fn compile(
    metrics: &Metrics,
    path: &str,
    settings: &Arc<Settings>,
    series: &AllSeries,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Meters> {
    let mut found = Vec::new();
    let mut error = |code, path: &str, message: String, help: &str| {
        found.push(Diagnostic::error(code, path, message).help(help));
    };
    if !(1..=MOST_VALUES).contains(&metrics.max_values) {
        let message = format!("{} is out of range", metrics.max_values);
        let help = format!("write a number from 1 to {MOST_VALUES}");
        error(Code::Range, &joined(path, "maxValues"), message, &help);
    }
    let labels = joined(path, "labels");
    if metrics.labels.len() > LABELS {
        let message = format!("{} labels are too many", metrics.labels.len());
        error(
            Code::Range,
            &labels,
            message,
            &format!("give at most {LABELS}"),
        );
    }
    let own = Metric::ALL
        .iter()
        .flat_map(|metric| metric.definition().labels);
    let reserved: BTreeSet<&str> = own.copied().chain(["le"]).collect();
    for name in metrics.labels.keys() {
        let path = format!("{labels}.{name}");
        if reserved.contains(name.as_str()) {
            let message = format!("`{name}` is a label of the module's own");
            error(Code::Conflict, &path, message, "give it another name");
        } else if !is_label(name) {
            let message = format!("`{name}` is not a label name");
            let help = "use letters, digits and `_`, a letter first";
            error(Code::Schema, &path, message, help);
        }
    }
    // The routes, which may be other configurations, say what they are.
    let types = FieldTypes::default();
    // Bounds on what an expression may cost are those of every message.
    let limits = Limits::default();
    let mut expressions = Expressions::new(&limits, settings);
    let mut request = HeaderNames::default();
    let mut values = Vec::new();
    for (name, text) in &metrics.labels {
        let path = format!("{labels}.{name}");
        let expression = match Expression::compile(&path, text, &limits, &types, false) {
            Ok(expression) => expression,
            Err(mut errors) => {
                found.append(&mut errors);
                continue;
            }
        };
        let needs = expression.needs();
        let mut error = |message: &str, help: &str| {
            found.push(Diagnostic::error(Code::Conflict, &path, message).help(help));
        };
        if needs.request.reads_body() {
            let help = "add a field to `extract`, and read `extracted.` and its name";
            error("a label cannot read the body", help);
        }
        if !needs.response.is_empty() {
            let help = "remove it: Envoy's own metrics of clusters have the status codes";
            error("a label cannot read the response", help);
        }
        if let Some(kind @ ("list" | "map" | "null_type" | "type")) = expression.type_name() {
            let message = format!("a value of type {kind} is not text, and a label is");
            error(&message, "write an expression of a string");
        }
        request.merge(&needs.request.headers);
        values.push(expressions.add(Direction::Request, Phase::Edits, text, expression));
    }
    let broken = found.iter().any(Diagnostic::is_error);
    diagnostics.append(&mut found);
    if broken {
        return None;
    }
    let names: Vec<String> = metrics.labels.keys().cloned().collect();
    Some(Meters {
        series: series.labelled(&names),
        names,
        values,
        expressions,
        request,
        most: metrics.max_values,
    })
}

/// What is wrong with the configuration of a route that has the key `metrics`.
pub fn in_route() -> Diagnostic {
    let message = "a route can define no metric";
    Diagnostic::error(Code::Conflict, "metrics", message)
        .help("move `metrics` to the listener's configuration")
}

fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// Whether Prometheus takes this as the name of a label, and leaves it alone.
fn is_label(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_on_one_line() {
        assert_eq!(cleaned("gpt-4o"), "gpt-4o");
        assert_eq!(cleaned("a\nb\u{7f}\u{85}"), "a_b__");
        assert_eq!(cleaned(""), NONE);
        assert_eq!(cleaned(&"a".repeat(200)).len(), VALUE_BYTES);
        // Never in the middle of a character.
        assert_eq!(cleaned(&"\u{20ac}".repeat(50)), "\u{20ac}".repeat(42));
    }
}
