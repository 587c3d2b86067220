//! The model of `extract`: fields taken out of a message to route on.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One field: where it comes from and where it goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// How templates and messages call the field: `extracted.<name>`. A template of `patch` that
    /// prints a field without a value among other text fails. Default: what the first source
    /// that is not a header calls it: the last part of a `json` pointer, `model` of
    /// `/model/{model}/invoke`.
    #[serde(default)]
    pub name: Option<String>,
    /// Where to look, in order; the first source that yields a value wins.
    #[serde(default = "model")]
    pub from: Vec<Source>,
    /// Request header to set to the value. A value that the client sent in it is always removed
    /// first, found or not, and where `when` does not hold; then Envoy chooses the route again at once.
    #[serde(default)]
    pub header: Option<String>,
    /// Dynamic metadata to set to the value. One that holds a line break or another control
    /// character is left out, and counted: in a text access log it would write lines of its own.
    #[serde(default)]
    pub metadata: Option<MetadataTarget>,
    /// The value when no source yields one. Aliases do not apply to it.
    #[serde(default)]
    pub default: Option<String>,
    /// Replacements of the value: exact matches before globs, longer globs before shorter.
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// A second header, found by the value: the base model of an adapter.
    #[serde(default)]
    pub lookup: Option<Lookup>,
    /// What an object that holds the key twice with different values yields.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// What to do when no source yields a value and there is no `default`.
    #[serde(default)]
    pub on_missing: OnFailure,
    /// What to do when a source cannot be read: the body is not JSON, is nested too deep, holds
    /// the key twice, or the value is too long. Where the field has a `header` or `lookup`, also
    /// when that cannot carry the value: control characters, spaces around it.
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
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A JSON Pointer (RFC 6901) into the body, whatever its `content-type` says: but one that
    /// `multipart` or `form` reads is not read as JSON. Strings, numbers and booleans are values; numbers
    /// keep their spelling. An empty string, `null`, an array or an object yields nothing.
    Json(String),
    /// The first value of a request header. An empty one yields nothing.
    Header(String),
    /// A CEL expression. Strings, bytes, numbers and booleans are values; null, a list, a map or
    /// what is not there yields nothing.
    Cel(String),
    /// The name of a part of a `multipart/form-data` body (RFC 7578). A file is no value. The rest of
    /// the body passes by: a file may stand before the part, however long.
    Multipart(String),
    /// The name of a field of an `application/x-www-form-urlencoded` body (WHATWG URL). What it
    /// stands for has to be percent-encoded UTF-8.
    Form(String),
    /// A template over the path, such as `/model/{model}/invoke`: the segment, or the part of one,
    /// that `{model}` stands for, percent-decoded. `*` stands for one segment, or for the rest of
    /// one; `**` for any number of them, and `{model=**}` takes several. The query does not count. A path that is different
    /// yields nothing.
    Path(String),
}

/// A dynamic metadata key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `namespace` and `key`")]
pub struct MetadataTarget {
    /// Metadata namespace.
    pub namespace: String,
    /// Key inside the namespace.
    pub key: String,
}

/// A header that is set to what a table says of the value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `header` and `values`")]
pub struct Lookup {
    /// Request header to set. A value that the client sent in it is always removed first, as with
    /// `header`.
    pub header: String,
    /// What each value becomes. What another becomes stands for itself: of `{lora: llama}`, `llama`
    /// becomes `llama`.
    pub values: BTreeMap<String, String>,
    /// What a value becomes that the table does not know. Without it the header is not set.
    #[serde(default)]
    pub default: Option<String>,
}

/// A replacement of a value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `match` and `value`")]
pub struct Alias {
    /// The value to replace; each `*` stands for any run of characters.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What to replace it with. `$1` to `$9` are what each `*` of `match` stands for, `$$` is a `$`.
    pub value: String,
}

/// What an object that holds the key twice with different values yields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

/// What to do with a request that a field cannot be taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// Go on without the header, so that a fallback route matches.
    #[default]
    Continue,
    /// Answer 400. In a cluster's chain no other attempt follows.
    Reject,
}
