//! The model of `patch`: edits of a JSON body.

use serde::Deserialize;
use serde_json::Value;

use super::given;

/// One edit: exactly one of `set`, `replace`, `default`, `insert` and `remove`, each a place; for all but
/// `remove` exactly one of `value`, `json` and `cel`; and perhaps `when`.
///
/// A place is a JSON Pointer (RFC 6901), which begins with `/`, or a JSONPath (RFC 9535), which begins
/// with `$`: names, indexes, `[-1]` for the last element, `[*]` and `..`, such as `$.tools[*].max` or
/// `$..cache_control`. Filters, slices and several selectors between brackets are not supported.
///
/// A pointer leads to one place. Parents that are missing or `null` are made, as objects; an array index
/// or `-` is never made in them. In an array `-` stands for the place after its last element (RFC 6902
/// section 4.1), as often as it is wanted. An edit whose place the body cannot have (beyond an array's
/// end, inside a string) is left out and counted as `place_missing`; the others are made. So it is
/// with a JSONPath without `*` and `..`. One with them selects what is there: where nothing is, nothing
/// happens and nothing is counted. Members behind the last of them are made in objects: `set:
/// $.tools[*].max` gives each tool a `max`, `set: $..max` edits those that are there.
///
/// All edits mean the body as it arrived, and do not see one another. Keys that stand twice are edited
/// each time they stand, so that no parser sees the old value. An edit inside what another removes or
/// replaces is lost. Of several that change one place the first in the list does; the others are
/// counted as `place_taken`. Where that is certain, without `when`, it is an error of the configuration.
///
/// Of a `text/event-stream` answer the JSON of each event is edited, and of JSON Lines
/// (`application/jsonl`, `application/x-ndjson`, `application/x-jsonlines`) each line, as they pass. Lines of
/// an event between the `data:` lines of a value that is edited go before them. An
/// event or line that is not JSON goes on as it was, and is not counted in an answer. In a request it is
/// counted once; if the first line is no document, the request is held, and edited as one document if
/// it is one. A request whose edits reach one of the `limits` is answered 413, whatever `onFailure` is. Encoded streams of an answer
/// are not edited, and counted. In a `multipart/form-data` request an edit of one member, such as `/model`,
/// means the part of that name; all others mean each line of its files of JSON Lines, known by their type or
/// by `.jsonl`, such as `/body/model` of a batch. A request that is called a form and begins with `{` or
/// `[` is edited as JSON.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `set`, `replace`, `default`, `insert` or `remove`")]
#[serde(rename_all = "camelCase", default)]
pub struct Edit {
    /// What to put there, whatever stands there now.
    /// Example: `request: {patch: [{set: /stream, json: true}]}`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[/$]")))]
    pub set: Option<String>,
    /// What to put there only when something stands there. Nothing is made where it is missing.
    /// Example: `request: {patch: [{replace: /model, value: fast}]}`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[/$]")))]
    pub replace: Option<String>,
    /// What to put there only when it is missing or `null`.
    /// Example: `request: {patch: [{default: /max_tokens, json: 1024}]}`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[/$]")))]
    pub default: Option<String>,
    /// What to put before the element that stands there. `-`, and the index that is the number of
    /// elements, stand for the end of the array. Several keep their order.
    /// Example: `request: {patch: [{insert: /messages/0, json: {role: system, content: Be kind.}}]}`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[/$]")))]
    pub insert: Option<String>,
    /// What to take away. Where it is missing, nothing happens.
    /// Example: `request: {patch: [{remove: "$..cache_control"}]}`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[/$]")))]
    pub remove: Option<String>,
    /// Jinja template of a string. It sees headers and `extracted`. One that renders nothing edits
    /// nothing; to put an empty string, write `""`.
    /// Example: `request: {patch: [{set: /user, value: "{{ header('x-user') }}"}]}`
    pub value: Option<String>,
    /// Jinja template of JSON text, such as `{{ header('x-max') }}`. A number, a boolean, an array
    /// or an object stands for itself. One that renders nothing edits nothing. Envoy makes texts of some numbers in YAML,
    /// such as `0.5` and `3000000000`: to have them in an array or an object, write JSON text, such as
    /// `json: '{"temperature": 0.5}'`. `rustformations check` warns of them. In JSON text put
    /// `raw_string` around each value, as in `"{{ raw_string(header('x-id')) }}"`: a client adds members otherwise.
    /// Example: `request: {patch: [{set: /max_tokens, json: "{{ header('x-max') }}"}]}`
    pub json: Option<Value>,
    /// A CEL expression of the new value: a string is put as one, `null` as `null`, bytes in base64. In
    /// it `document` is the JSON that is edited (the body, the data of one event, one line) as it
    /// arrived, and `value` what stands at the place, or before which an element is inserted. An
    /// `optional.none()` edits nothing. One that fails, or that names what is not there, leaves
    /// this edit out, and is counted; `default(value, 0)` and `has(document.a)` look first.
    /// Example: `request: {patch: [{replace: /max_tokens, cel: "min(value, 4096)"}]}`
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cel: Option<String>,
    /// A CEL condition, which sees what `cel` sees: the edit is made only where it holds. One that
    /// fails leaves the edit out, and is counted.
    /// Example: `request: {patch: [{set: /stream_options/include_usage, json: true, when: document.stream == true}]}`
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub when: Option<String>,
}
