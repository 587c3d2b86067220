//! The model of `patch`: edits of a JSON body.

use serde::Deserialize;
use serde_json::Value;

/// One edit: exactly one of `set`, `replace`, `default` and `remove`, each a JSON Pointer (RFC 6901),
/// and for the first three exactly one of `value` and `json`.
///
/// Every pointer means the body as it arrived. Keys that stand twice are edited each time they
/// stand, so that no parser sees the old value. Parents that are missing or `null` are made, as
/// objects; an array index or `-` is never made in them. In an array `-` stands for the place after
/// its last element (RFC 6902 section 4.1). An edit whose place the body cannot have (beyond an
/// array's end, inside a string) is left out and counted; the others are made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(expecting = "an object with `set`, `replace`, `default` or `remove`")]
#[serde(rename_all = "camelCase", default)]
pub struct Edit {
    /// What to put there, whatever stands there now.
    pub set: Option<String>,
    /// What to put there only when something stands there. Nothing is made where it is missing.
    pub replace: Option<String>,
    /// What to put there only when it is missing or `null`.
    pub default: Option<String>,
    /// What to take away. Where it is missing, nothing happens.
    pub remove: Option<String>,
    /// Jinja template of a string. It sees headers and `extracted`. One that renders nothing edits
    /// nothing; to put an empty string, write `""`.
    pub value: Option<String>,
    /// Jinja template of JSON text, such as `{{ header('x-max') }}`. A number, a boolean, an array
    /// or an object stands for itself. One that renders nothing edits nothing.
    pub json: Option<Value>,
}
