//! `rustformations convert`: configurations of other filters and gateways as ours.

mod agentgateway;
mod inference_extension;
mod metadata_filters;
mod transform_filter;
mod yaml;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use transformations::{ConfigErrors, Diagnostic, Engine};

use crate::file::File;
use crate::finding::Finding;
use crate::input;
use crate::text::Text;
use crate::tree::{self, Unreadable};

/// Prints what other filters and gateways do as a filter_config, and reports what does not map.
///
/// Reads transformations of agentgateway (its file or an AgentgatewayPolicy), Envoy's filters transform, json_to_metadata and
/// sse_to_metadata, and the flags of the Inference Extension's body-based router. Exits 1 if nothing of the file maps.
#[derive(clap::Args)]
pub struct Convert {
    /// The file, in YAML or JSON, or with flags; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What became of a configuration.
#[derive(Debug, Default, PartialEq)]
struct Converted {
    request: Map<String, Value>,
    response: Map<String, Value>,
    /// What does not map, or does so with a difference: where it is, and what it is.
    notes: Vec<(String, String)>,
}

impl Converted {
    fn is_empty(&self) -> bool {
        self.request.is_empty() && self.response.is_empty()
    }

    fn pass(&mut self, direction: &str) -> &mut Map<String, Value> {
        match direction {
            "response" => &mut self.response,
            _ => &mut self.request,
        }
    }

    /// Adds an item to a list of a pass.
    fn push(&mut self, direction: &str, key: &str, item: Value) {
        let list = self.pass(direction).entry(key).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(item);
        }
    }

    /// Adds a field to what a pass extracts. Of two fields with one name, the second gets another.
    fn extract(&mut self, direction: &str, mut field: Value) {
        let fields = self.pass(direction).get("extract");
        let fields = fields.and_then(Value::as_array).into_iter().flatten();
        let taken: Vec<String> = fields.filter_map(field_name).collect();
        if let Some(name) = field_name(&field).filter(|name| taken.contains(name)) {
            let mut others = (2..).map(|number| format!("{name}_{number}"));
            let other = others.find(|other| !taken.contains(other));
            if let (Some(other), Some(keys)) = (other, field.as_object_mut()) {
                keys.insert("name".to_owned(), other.into());
            }
        }
        self.push(direction, "extract", field);
    }

    fn note(&mut self, place: &str, what: impl Into<String>) {
        self.notes.push((place.to_owned(), what.into()));
    }

    /// The configuration.
    fn config(&self) -> Value {
        let passes = [("request", &self.request), ("response", &self.response)];
        let passes = passes.into_iter().filter(|(_, pass)| !pass.is_empty());
        passes
            .map(|(name, pass)| (name.to_owned(), Value::from(pass.clone())))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl Convert {
    /// Converts the file.
    ///
    /// # Errors
    /// It cannot be read, or has nothing that maps.
    pub fn execute(&self) -> Result<ExitCode> {
        let name = self.file.display().to_string();
        let text = input::text(&self.file)?;
        let mut converted = convert(&text);
        if converted.is_empty() && converted.notes.is_empty() {
            if let Some(unread) = unread(File::named(&name, &text)) {
                bail!("{}", unread.shown(&name, &text));
            }
            bail!(
                "{name}: nothing to convert; it takes transformations of agentgateway, Envoy's transform, json_to_metadata and \
                 sse_to_metadata, and flags of the body-based router"
            );
        }
        let config = converted.config();
        for diagnostic in said(&config) {
            converted.note("the result", diagnostic.to_string());
        }
        let mut out = std::io::stdout().lock();
        for (place, what) in &converted.notes {
            writeln!(out, "# {place}: {}", what.replace('\n', " "))?;
        }
        out.write_all(yaml::block(&config).as_bytes())?;
        Ok(if converted.is_empty() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// What other filters or gateways in a text do, as a filter_config, and what does not map, each with its place.
pub fn filter_config(text: &str) -> (Value, Vec<String>) {
    let converted = convert(text);
    let notes = converted.notes.iter();
    let notes = notes.map(|(place, what)| format!("{place}: {what}"));
    (converted.config(), notes.collect())
}

/// Why a text is neither YAML nor JSON.
fn unread(file: File<'_>) -> Option<Finding> {
    let whole = Text::of_file(file);
    let Unreadable { at, diagnostic } = tree::read(&whole).err()?;
    Some(Finding {
        place: String::new(),
        at: whole.place(at.start)..whole.place(at.end),
        diagnostic,
    })
}

/// What the module reports of a configuration.
fn said(config: &Value) -> Vec<Diagnostic> {
    match Engine::default().load(config.to_string().as_bytes()) {
        Ok(loaded) => loaded.warnings,
        Err(ConfigErrors(diagnostics)) => diagnostics,
    }
}

/// Converts a text: of several documents, each.
fn convert(text: &str) -> Converted {
    let mut converted = Converted::default();
    let options = serde_saphyr::options! { strict_booleans: true };
    let documents =
        serde_saphyr::from_multiple_with_options::<Value>(text, options).unwrap_or_default();
    for document in &documents {
        walk(document, "", &mut converted);
    }
    let flags = documents.is_empty() || documents.iter().all(Value::is_string);
    if converted.is_empty() && flags {
        let words: Vec<&str> = text.split_whitespace().collect();
        inference_extension::flags(&words, &mut converted);
    }
    converted
}

/// Filters that read bodies too, and why nothing is made of them.
const UNCONVERTED: [(&str, &str); 3] = [
    (
        "Lua",
        "a script is not converted: write what it finds as `extract`, and what it changes as `set` or `patch`",
    ),
    (
        "AiProtocolManager",
        "the AI Protocol Manager is not converted: `extract` finds the model, and `usage` counts the tokens",
    ),
    (
        "ExternalProcessor",
        "what an external processor does is not in this file: write what it finds as `extract`",
    ),
];

/// Converts whatever a value has in it.
fn walk(value: &Value, place: &str, converted: &mut Converted) {
    let kind = value
        .get("@type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match kind.rsplit('.').next().unwrap_or_default() {
        "TransformConfig" => return transform_filter::convert(value, place, converted),
        "JsonToMetadata" => return metadata_filters::json(value, place, converted),
        "SseToMetadata" => return metadata_filters::events(value, place, converted),
        kind => {
            if let Some((_, why)) = UNCONVERTED.iter().find(|(other, _)| *other == kind) {
                return converted.note(place, *why);
            }
        }
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let place = match place {
                    "" => key.clone(),
                    place => format!("{place}.{key}"),
                };
                match key.as_str() {
                    "transformations" | "transformation" if agentgateway::is_one(value) => {
                        agentgateway::convert(value, &place, fields, converted);
                    }
                    "args" | "command" if value.is_array() => {
                        let words = value.as_array().into_iter().flatten();
                        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
                        inference_extension::flags(&words, converted);
                    }
                    _ => walk(value, &place, converted),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}[{index}]"), converted);
            }
        }
        _ => {}
    }
}

/// The name of a field: its own, or else the last key of its place in the body.
fn field_name(field: &Value) -> Option<String> {
    let name = field.get("name").and_then(Value::as_str);
    let pointer = field.pointer("/from/0/json").and_then(Value::as_str);
    let last = || pointer?.rsplit('/').next();
    name.or_else(last).map(str::to_owned)
}

/// A JSON Pointer of these members.
fn pointer<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    let keys = keys
        .into_iter()
        .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    keys.collect()
}

/// A text within quotes, for expressions.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
