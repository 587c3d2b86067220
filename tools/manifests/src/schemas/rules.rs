//! The CEL rules of CustomResourceDefinitions (`x-kubernetes-validations`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cel::{Context, ExecutionError, Program, Value as CelValue};
use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

/// What became of the rules of one source.
#[derive(Clone, Default)]
pub(crate) struct Rules(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    evaluated: BTreeSet<String>,
    /// With the reason.
    skipped: BTreeMap<String, String>,
}

/// One `x-kubernetes-validations`.
struct Validations {
    rules: Vec<Rule>,
    seen: Rules,
}

struct Rule {
    source: String,
    message: String,
    program: Result<Program, String>,
}

/// What a rule says of a value.
enum Verdict {
    Holds,
    Broken,
    /// It needs what the `cel` crate lacks or what only a cluster knows.
    Unknown(String),
}

impl Rules {
    /// The keyword that evaluates this list.
    pub(crate) fn keyword(&self, list: &Value) -> Box<dyn for<'i> Keyword<'i>> {
        let rules = list.as_array().into_iter().flatten();
        let rules = rules.filter_map(|rule| {
            let source = rule.get("rule")?.as_str()?;
            // A rule about a change says nothing about a new object.
            if source.contains("oldSelf") {
                return None;
            }
            let message = rule.get("message").and_then(Value::as_str);
            Some(Rule {
                source: source.to_owned(),
                message: message.unwrap_or(source).to_owned(),
                program: Program::compile(source).map_err(|error| first_line(&error.to_string())),
            })
        });
        Box::new(Validations {
            rules: rules.collect(),
            seen: self.clone(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many were evaluated, and which were not.
impl fmt::Display for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen();
        if seen.evaluated.is_empty() && seen.skipped.is_empty() {
            return Ok(());
        }
        write!(formatter, ", {} CEL rules evaluated", seen.evaluated.len())?;
        for (rule, reason) in &seen.skipped {
            write!(formatter, "\n  not evaluated: {rule} ({reason})")?;
        }
        Ok(())
    }
}

impl Rule {
    fn verdict(&self, value: &Value) -> Verdict {
        let program = match &self.program {
            Ok(program) => program,
            Err(error) => return Verdict::Unknown(error.clone()),
        };
        let mut context = Context::default();
        context.add_variable_from_value("self", cel_value(value));
        match program.execute(&context) {
            Ok(CelValue::Bool(true)) => Verdict::Holds,
            Ok(_) | Err(ExecutionError::NoSuchKey(_)) => Verdict::Broken,
            Err(error) => Verdict::Unknown(first_line(&error.to_string())),
        }
    }
}

impl Validations {
    /// The messages of the rules that are broken.
    fn broken(&self, value: &Value) -> Vec<&str> {
        let mut broken = Vec::new();
        for rule in &self.rules {
            let verdict = rule.verdict(value);
            let mut seen = self.seen.seen();
            match verdict {
                Verdict::Unknown(reason) => {
                    seen.skipped.insert(rule.source.clone(), reason);
                    continue;
                }
                Verdict::Broken => broken.push(rule.message.as_str()),
                Verdict::Holds => {}
            }
            seen.evaluated.insert(rule.source.clone());
        }
        broken
    }
}

impl<'i> Keyword<'i> for Validations {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        let broken = self.broken(value);
        if broken.is_empty() {
            return Ok(());
        }
        Err(ValidationError::custom(broken.join("; ")))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.broken(value).is_empty()
    }
}

/// The value with every whole number an `int`, as a schema's integers are.
fn cel_value(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(cel_value).collect::<Vec<_>>().into(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), cel_value(value)))
            .collect::<HashMap<String, CelValue>>()
            .into(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
