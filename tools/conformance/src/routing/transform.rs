//! `transform`: headers and bodies by expressions; `ordered_header_ops`: headers one step after the other.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Unmapped;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transforms {
    #[serde(default)]
    pub(super) request: Option<Transform>,
    #[serde(default)]
    pub(super) response: Option<Transform>,
}

/// The transformation of one message, in expressions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transform {
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    add: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    /// A map that becomes the whole of the headers.
    #[serde(default)]
    replace: Option<String>,
    /// Values for other expressions to read.
    #[serde(default)]
    metadata: Option<Value>,
}

impl Transform {
    /// Adds what it says to a pass. What is set there replaces what is added, and here what is added comes after.
    pub(super) fn write(&self, pass: &mut Map<String, Value>) -> Result<()> {
        if self.replace.is_some() {
            return Err(Unmapped("replace").into());
        }
        if self.metadata.is_some() {
            return Err(Unmapped("metadata").into());
        }
        let header = |(name, cel): (&String, &String)| json!({"name": name, "cel": cel});
        let added = self.add.iter().filter(|(name, _)| {
            let mut set = self.set.keys();
            !set.any(|other| other.eq_ignore_ascii_case(name))
        });
        push(pass, "set", self.set.iter().map(header).collect());
        push(pass, "add", added.map(header).collect());
        let removed = self.remove.iter().map(|name| json!(name));
        push(pass, "remove", removed.collect());
        if let Some(cel) = &self.body {
            pass.insert("body".into(), json!({"cel": cel}));
        }
        Ok(())
    }
}

/// A step: `remove` and a name; `set` or `add`, a name and a value.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Operation {
    Valued(String, String, String),
    Named(String, String),
}

/// What is left of a header after some steps.
#[derive(Default)]
struct Left {
    /// Whether the lines the client sent are gone.
    cleared: bool,
    lines: Vec<String>,
}

/// Adds to a pass what the steps come to.
///
/// # Errors
/// A step is unknown.
pub(super) fn ordered(operations: &[Operation], pass: &mut Map<String, Value>) -> Result<()> {
    let mut left: BTreeMap<String, Left> = BTreeMap::new();
    for operation in operations {
        let (verb, name, value) = match operation {
            Operation::Valued(verb, name, value) => (verb, name, Some(value)),
            Operation::Named(verb, name) => (verb, name, None),
        };
        let header = left.entry(name.to_ascii_lowercase()).or_default();
        match (verb.as_str(), value) {
            ("set", Some(value)) => {
                header.cleared = true;
                header.lines = vec![value.clone()];
            }
            ("add", Some(value)) => header.lines.push(value.clone()),
            ("remove", None) => {
                header.cleared = true;
                header.lines.clear();
            }
            _ => bail!("`ordered_header_ops`: {operation:?}"),
        }
    }
    for (name, Left { cleared, lines }) in left {
        let value = |line: &String| json!({"name": name, "value": literal(line)});
        let mut lines = lines.iter().map(value);
        if cleared {
            match lines.next() {
                Some(first) => push(pass, "set", vec![first]),
                None => push(pass, "remove", vec![json!(name)]),
            }
        }
        push(pass, "add", lines.collect());
    }
    Ok(())
}

/// A template that renders this text.
pub(super) fn literal(text: &str) -> String {
    match text.contains('{') {
        true => format!("{{{{ {} }}}}", Value::from(text)),
        false => text.to_owned(),
    }
}

fn push(pass: &mut Map<String, Value>, key: &str, items: Vec<Value>) {
    if items.is_empty() {
        return;
    }
    let list = pass.entry(key).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.extend(items);
    }
}
