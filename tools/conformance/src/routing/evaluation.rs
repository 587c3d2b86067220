//! Expressions: what one yields, or that it fails.

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::observation::Observation;
use super::super::take::Take;
use super::FAILURES;

/// The body that an expression that fails leaves as it is.
pub(super) const ORIGINAL: &[u8] = b"the body as it came";

/// The header that gets the value as JSON.
const HEADER: &str = "x-value";

/// What an expression is to yield.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evaluation {
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
    /// A literal of the same type and value.
    #[serde(default)]
    cel: Option<String>,
    #[serde(default)]
    error: bool,
    /// Any of these.
    #[serde(default)]
    one_of: Vec<Evaluation>,
    /// That Envoy lives is checked after every case.
    #[serde(default, rename = "no_panic")]
    _no_panic: bool,
    #[serde(default, rename = "no_abort")]
    _no_abort: bool,
}

/// `null` is a value, too.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What came of an expression.
enum Outcome {
    Refused,
    /// It failed, and this is what the module says of it.
    Failed(Value),
    Yielded(Value),
}

impl Evaluation {
    /// The expression as it stands for the body, and as JSON for a header; where a literal is expected,
    /// only whether it has that type and value.
    pub(super) fn config(&self, expression: &str) -> Value {
        let set = |cel: String| json!([{"name": HEADER, "cel": cel}]);
        match &self.cel {
            None => {
                let text = format!("toJson({expression}\n)");
                json!({"request": {"body": {"cel": expression}, "set": set(text)}})
            }
            Some(literal) => {
                let value = format!("({expression}\n)");
                let same = format!("type({value}) == type({literal}) && {value} == ({literal})");
                json!({"request": {"set": set(format!("toJson({same})"))}})
            }
        }
    }

    /// # Errors
    /// Nothing is expected, or two things at once.
    pub(super) fn check(&self) -> Result<()> {
        let kinds = [
            self.value.is_some(),
            self.cel.is_some(),
            self.error,
            !self.one_of.is_empty(),
        ];
        let given = kinds.into_iter().filter(|given| *given).count();
        ensure!(
            given == 1,
            "`expect`: exactly one of `value`, `cel`, `error` and `one_of`"
        );
        self.one_of.iter().try_for_each(Self::check)
    }

    pub(crate) fn refused(&self) -> Vec<String> {
        self.unmet(&Outcome::Refused)
    }

    pub(crate) fn differences(&self, case: &Take, seen: &Observation) -> Vec<String> {
        match outcome(case, seen) {
            Ok(outcome) => self.unmet(&outcome),
            Err(reason) => vec![reason],
        }
    }

    fn unmet(&self, outcome: &Outcome) -> Vec<String> {
        if self.is_met_by(outcome) {
            return Vec::new();
        }
        let came = match outcome {
            Outcome::Refused => "a configuration that is refused".to_owned(),
            Outcome::Failed(reason) => format!("the failure {reason}"),
            Outcome::Yielded(value) => value.to_string(),
        };
        vec![format!(
            "expression: expected {}, came {came}",
            self.wanted()
        )]
    }

    fn is_met_by(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Refused | Outcome::Failed(_) if self.error => true,
            Outcome::Yielded(value) if self.value.as_ref().is_some_and(|v| same(v, value)) => true,
            Outcome::Yielded(Value::Bool(true)) if self.cel.is_some() => true,
            _ => self.one_of.iter().any(|one| one.is_met_by(outcome)),
        }
    }

    fn wanted(&self) -> String {
        match &self.value {
            Some(value) => value.to_string(),
            None if self.error => "an error".to_owned(),
            None if self.cel.is_some() => self.cel.clone().unwrap_or_default(),
            None => {
                let wanted: Vec<String> = self.one_of.iter().map(Self::wanted).collect();
                wanted.join(" or ")
            }
        }
    }
}

/// A failure leaves the body as it was, sets no header and is named in metadata; a value does none of this.
fn outcome(case: &Take, seen: &Observation) -> Result<Outcome, String> {
    seen.response.as_ref().map_err(Clone::clone)?;
    let request = seen.request.as_ref().ok_or("the upstream got no request")?;
    let log = seen.log.as_ref().ok_or("envoy did not log the request")?;
    let failure = log
        .metadata
        .get(&(FAILURES.to_owned(), "failure".to_owned()));
    let values = request.values(HEADER);
    match (failure, values.as_slice()) {
        (Some(reason), []) => match request.body == case.request_body().bytes() {
            true => Ok(Outcome::Failed(reason.clone())),
            false => Err(format!("it failed with {reason}, yet the body changed")),
        },
        (None, [value]) => serde_json::from_str(value)
            .map(Outcome::Yielded)
            .map_err(|error| format!("the value {value:?} is no JSON: {error}")),
        (failure, values) => Err(format!(
            "neither a value nor a failure: metadata {failure:?}, header {values:?}"
        )),
    }
}

/// Whether both are the same; JSON knows one kind of number.
fn same(wanted: &Value, came: &Value) -> bool {
    match (wanted, came) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let member = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(member)
        }
        (a, b) => a == b,
    }
}
