//! The model of `extract`: fields taken out of a request to route on, or out of an answer to account for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// One field: where it comes from and where it goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object")]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// How templates and messages call the field: `extracted.<name>`. No field of the request may share
    /// it with one of the answer. A template of `patch` that prints a field without a value among
    /// other text fails. Default: what the first source that is not a header calls it: the last
    /// part of a `json` pointer, `model` of `/model/{model}/invoke`, `input_tokens` of `usage: input`.
    /// Example: `request: {extract: [{name: model, header: x-model}], set: [{name: x-tag, value: "{{
    /// extracted.model }}"}]}`
    #[serde(default)]
    pub name: Option<String>,
    /// Where to look, in order; the first source that yields a value wins. A path comes before the body: servers
    /// that have a model in the path serve that one.
    /// Example: `request: {extract: [{from: [{path: "/model/{model}/*"}, {json: /model}], header: x-model}]}`
    #[serde(default = "model")]
    pub from: Vec<Source>,
    /// Request header to set to the value. A value that the client sent in it is always removed
    /// first, found or not, and where `when` does not hold; then Envoy chooses the route again at once.
    /// Of an answer: its own header, which the upstream's value is removed from. It needs
    /// `bodyMode: buffered` where a field is read from the body: headers go on before their body.
    /// Example: `request: {extract: [{header: x-model}]}`
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = diagnostics::header::NAME_PATTERN)))]
    pub header: Option<String>,
    /// Dynamic metadata to set to the value, as its `type`. Of an answer it is set when that has ended
    /// or broken off, before Envoy writes its access log. A text with a line break or another control
    /// character is left out, and counted: in a text access log it would write lines of its own.
    /// Example: `request: {extract: [{metadata: {namespace: llm, key: model}}]}`
    #[serde(default)]
    pub metadata: Option<MetadataTarget>,
    /// What the value is to metadata and expressions. A value that is none of these is invalid: a JSON
    /// string is no number. Default: `number` of `usage` and of `take: max` and `sum`, else `text`.
    /// Example: `request: {extract: [{from: [{json: /max_tokens}], type: number, metadata: {namespace: llm, key:
    /// max}}]}`
    #[serde(default, rename = "type")]
    pub value_type: Option<ValueType>,
    /// Which of the values of a stream of documents: the events of `text/event-stream`, the lines of JSON
    /// Lines, the messages of `application/vnd.amazon.eventstream`. Answers only. Default: `last`.
    /// Example: `response: {extract: [{from: [{json: /id}], take: first, metadata: {namespace: llm, key: id}}]}`
    #[serde(default)]
    pub take: Option<Take>,
    /// The value when no source yields one. Aliases do not apply to it.
    /// Example: `request: {extract: [{header: x-model, default: small}]}`
    #[serde(default)]
    pub default: Option<String>,
    /// Replacements of the value: exact matches before globs, longer globs before shorter.
    /// Example: `request: {extract: [{header: x-model, aliases: [{match: "gpt-4*", value: gpt-4o}]}]}`
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// A second header, found by the value: the base model of an adapter.
    /// Example: `request: {extract: [{header: x-model, lookup: {header: x-base-model, values: {my-lora: llama-3}}}]}`
    #[serde(default)]
    pub lookup: Option<Lookup>,
    /// What an object that holds the key twice with different values yields.
    /// Example: `request: {extract: [{header: x-model, duplicates: last}]}`
    #[serde(default)]
    pub duplicates: Duplicates,
    /// What to do when no source yields a value and there is no `default`.
    /// Example: `request: {extract: [{header: x-model, onMissing: reject}]}`
    #[serde(default)]
    pub on_missing: OnFailure,
    /// What to do when a source cannot be read: the body is not JSON, is nested too deep, holds
    /// the key twice, or the value is too long, or not of its `type`. Where the field has a `header` or
    /// `lookup`, also when that cannot carry the value: control characters, spaces around it. `onFailure: reject`
    /// of the pass rejects it in any case.
    /// Example: `request: {extract: [{header: x-model, onInvalid: reject}]}`
    #[serde(default)]
    pub on_invalid: OnFailure,
}

impl Default for Extract {
    fn default() -> Self {
        Self {
            name: None,
            from: model(),
            header: None,
            metadata: None,
            value_type: None,
            take: None,
            default: None,
            aliases: Vec::new(),
            lookup: None,
            duplicates: Duplicates::default(),
            on_missing: OnFailure::default(),
            on_invalid: OnFailure::default(),
        }
    }
}

fn model() -> Vec<Source> {
    vec![Source::Json("/model".to_owned())]
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A JSON Pointer (RFC 6901) into the body, whatever its `content-type` says: but one that
    /// `multipart` or `form` reads is not read as JSON. Strings, numbers and booleans are values; numbers
    /// keep their spelling. An empty string, `null`, an array or an object yields nothing.
    /// Example: `request: {extract: [{from: [{json: /metadata/tenant}], header: x-tenant}]}`
    Json(String),
    /// The first value of a header of the message. An empty one yields nothing.
    /// Example: `request: {extract: [{name: tenant, from: [{header: x-tenant}], header: x-route-tenant}]}`
    Header(String),
    /// How many tokens an answer reports, in the members of every known API; `docs/answers.md` lists
    /// them. Answers only.
    /// Example: `response: {extract: [{from: [{usage: input}], metadata: {namespace: llm, key: input_tokens}}]}`
    Usage(Tokens),
    /// A CEL expression. Strings, bytes, numbers and booleans are values; null, a list, a map or
    /// what is not there yields nothing.
    /// Example: `request: {extract: [{name: tenant, from: [{cel: "request.headers['x-tenant']"}], header:
    /// x-route-tenant}]}`
    Cel(String),
    /// The name of a part of a `multipart/form-data` body (RFC 7578). A file is no value. The rest of
    /// the body passes by: a file may stand before the part, however long.
    /// Example: `request: {extract: [{from: [{multipart: model}], header: x-model}]}`
    Multipart(String),
    /// The name of a field of an `application/x-www-form-urlencoded` body (WHATWG URL). What it
    /// stands for has to be percent-encoded UTF-8.
    /// Example: `request: {extract: [{from: [{form: model}], header: x-model}]}`
    Form(String),
    /// A template over the path, such as `/model/{model}/invoke`: the segment, or the part of one,
    /// that `{model}` stands for, percent-decoded. `*` stands for one segment, or for the rest of
    /// one; `**` for any number of them, and `{model=**}` takes several. The query does not count. A path that is different
    /// yields nothing.
    /// Example: `request: {extract: [{from: [{path: "/model/{model}/invoke"}], header: x-model}]}`
    Path(String),
}

/// Which tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum Tokens {
    /// Those of the prompt, cached ones among them.
    Input,
    /// Those of the answer, reasoning among them.
    Output,
    /// What the provider calls the total, else input and output added.
    Total,
    /// Those of the input that were read from a cache.
    Cached,
    /// Those of the output that the model spent on reasoning.
    Reasoning,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(pointer) => write!(f, "json: {pointer}"),
            Self::Header(name) => write!(f, "header: {name}"),
            Self::Usage(tokens) => write!(f, "usage: {}", tokens.as_str()),
            Self::Cel(text) => write!(f, "cel: {text}"),
            Self::Multipart(name) => write!(f, "multipart: {name}"),
            Self::Form(name) => write!(f, "form: {name}"),
            Self::Path(template) => write!(f, "path: {template}"),
        }
    }
}

impl Tokens {
    /// As the configuration spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Total => "total",
            Self::Cached => "cached",
            Self::Reasoning => "reasoning",
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum ValueType {
    /// Text.
    #[default]
    Text,
    /// A number, spelled as JSON spells one.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl ValueType {
    /// The type as a configuration spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ValueType::Text => "text",
            ValueType::Number => "number",
            ValueType::Boolean => "boolean",
        }
    }
}

/// Which of the values of a stream of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum Take {
    /// The first.
    First,
    /// The last.
    #[default]
    Last,
    /// The greatest, of numbers.
    Max,
    /// All of them added, of numbers.
    Sum,
}

/// A dynamic metadata key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `namespace` and `key`")]
pub struct MetadataTarget {
    /// Metadata namespace.
    /// Example: `request: {extract: [{metadata: {namespace: llm, key: model}}]}`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub namespace: String,
    /// Key inside the namespace.
    /// Example: `request: {extract: [{metadata: {namespace: llm, key: model}}]}`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: String,
}

/// A header that is set to what a table says of the value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `header` and `values`")]
pub struct Lookup {
    /// Request header to set. A value that the client sent in it is always removed first, as with
    /// `header`.
    /// Example: `request: {extract: [{header: x-model, lookup: {header: x-base-model, values: {my-lora: llama-3}}}]}`
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = diagnostics::header::NAME_PATTERN)))]
    pub header: String,
    /// What each value becomes. What another becomes stands for itself: of `{lora: llama}`, `llama`
    /// becomes `llama`.
    /// Example: `request: {extract: [{header: x-model, lookup: {header: x-base-model, values: {my-lora: llama-3}}}]}`
    pub values: BTreeMap<String, String>,
    /// What a value becomes that the table does not know. Without it the header is not set.
    /// Example: `request: {extract: [{header: x-model, lookup: {header: x-base-model, values: {my-lora: llama-3},
    /// default: base}}]}`
    #[serde(default)]
    pub default: Option<String>,
}

/// A replacement of a value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `match` and `value`")]
pub struct Alias {
    /// The value to replace; each `*` stands for any run of characters.
    /// Example: `request: {extract: [{header: x-model, aliases: [{match: "gpt-4*", value: gpt-4o}]}]}`
    #[serde(rename = "match")]
    pub pattern: String,
    /// What to replace it with. `$1` to `$9` are what each `*` of `match` stands for, `$$` is a `$`.
    /// Example: `request: {extract: [{header: x-model, aliases: [{match: "openai/*", value: $1}]}]}`
    pub value: String,
}

/// What an object that holds the key twice with different values yields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum Duplicates {
    /// Nothing: the body counts as invalid, because gateway and backend may each believe another
    /// of the two.
    #[default]
    Reject,
    /// The first value.
    First,
    /// The last value, as most JSON parsers do.
    Last,
}

/// What to do with a message that a field cannot be taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// Go on without the header, so that a fallback route matches.
    #[default]
    Continue,
    /// Answer 400. In a cluster's chain no other attempt follows. Of an answer: 502 in its place, which
    /// needs `bodyMode: buffered` where a field is read from the body.
    Reject,
}
