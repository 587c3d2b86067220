//! The model of `filter_config`: kgateway's schema and what this module adds to it.
//!
//! The listener's and a route's configuration have the same shape. A route's replaces the
//! listener's as a whole; `{}` on a route turns the filter off there. Where a request pass has the route
//! chosen again and the new one has another configuration, by its text, the request pass of that
//! runs too, without its `extract`, and its response pass edits the response.

mod advice;
mod extract;
pub(crate) mod limits;
mod metadata;
mod metrics;
mod patch;
mod reject;
#[cfg(test)]
mod tests;

use diagnostics::{Draft, read};
use serde::{Deserialize, Deserializer};

pub(crate) use advice::METRICS_ADVICE;
pub use extract::{
    Alias, Duplicates, Extract, Lookup, MetadataTarget, OnFailure, Source, Take, Tokens, ValueType,
};
pub(crate) use limits::HEADER_LINES;
pub use limits::Limits;
pub use metadata::{DynamicMetadata, DynamicMetadataValue};
pub use metrics::Metrics;
pub use patch::Edit;
pub use reject::{ErrorFormat, Reject, RejectBody};

/// The whole configuration of one filter instance or one route.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `request` and `response`")]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// What to do to requests. Absent or `null`: nothing.
    /// Example: `request: {extract: [{header: x-model}]}`
    pub request: Option<Transformation>,
    /// What to do to responses. Absent or `null`: nothing.
    /// Example: `response: {set: [{name: x-served-by, value: gateway}]}`
    pub response: Option<Transformation>,
    /// The shape of the errors that this filter answers with: those of `onMissing`, `onInvalid`, `reject`,
    /// `onFailure` and the limits. `auto` (the default), `openai`, `anthropic`, `gemini` or `text`. Where it is
    /// absent, the 400 of `parseAs: AsJson` has no body, as kgateway's.
    /// Example: `{errorFormat: anthropic, request: {extract: [{header: x-model, onMissing: reject}]}}`
    pub error_format: Option<ErrorFormat>,
    /// Bounds on what one message may cost.
    /// Example: `{request: {extract: [{header: x-model}]}, limits: {maxHeldBytes: 4194304}}`
    pub limits: Limits,
    /// What to count and measure. In the listener's configuration only.
    /// Example: `metrics: {labels: {tenant: "request.headers['x-tenant']"}, maxValues: 50}`
    pub metrics: Option<Metrics>,
}

/// The JSON Schema of [`Config`], as its types describe it.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

/// Reads a configuration.
pub(crate) fn load(text: &[u8]) -> Draft<Config> {
    read(text, advice::ADVICE)
}

/// What to do to one message, in this order: `when`, `extract`, `reject`, `body` or `dropEvents` and `patch`, `set`, `add`, `remove`,
/// `dynamicMetadata`, route cache.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object")]
#[serde(rename_all = "camelCase", default)]
pub struct Transformation {
    /// A CEL expression: the pass does nothing to a message for which it is not true. One that does
    /// not read the body is asked before that arrives, and what it rules out is not held. What a client
    /// sends in a header of `extract` is removed all the same.
    /// Example: `request: {when: "request.method == 'POST'", remove: [x-debug]}`
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub when: Option<String>,
    /// What becomes of a message that something of this pass fails for: an expression, a template, a patch, a
    /// field that is invalid, a body that cannot be read, a limit. `reject`: it is answered, a request with 400, a
    /// response with 502; a stream whose beginning has gone on is cut off. `continue`: it goes on, and what
    /// failed is left out; the body stays as it was. Absent: as `continue`, but a failing template of `body`
    /// leaves no body, and `parseAs: AsJson` answers 400, as in kgateway. A request whose edits of `patch` reach
    /// one of the `limits` is answered 413 in any case. What is read of a response as it passes is not answered for.
    /// Example: `request: {onFailure: reject, patch: [{replace: /max_tokens, cel: "min(value, 4096)"}]}`
    pub on_failure: Option<OnFailure>,
    /// Fields to take out of the message. A request is routed on them. An answer is read as it passes
    /// and is not held; its fields are known when it has ended or broken off.
    /// Example: `request: {extract: [{from: [{json: /model}], header: x-model}]}`
    #[cfg_attr(feature = "schema", schemars(length(max = limits::FIELDS)))]
    pub extract: Vec<Extract>,
    /// Rules, of which the first that holds answers in place of the message. Those that read the body, or
    /// fields in it, wait for it; with `bodyMode: streamed` only for the fields. Leading rules that read
    /// headers alone wait for nothing. In `response` a rule that reads a field of the body needs
    /// `bodyMode: buffered`. Default: none.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'"}]}`
    pub reject: Vec<Reject>,
    /// When a message whose body is read is let go. Default: `buffered`; an answer's `extract` alone
    /// holds it only where that is written.
    /// Example: `request: {bodyMode: streamed, extract: [{header: x-model}]}`
    pub body_mode: Option<BodyMode>,
    /// Whether Envoy chooses the route again after this pass. Requests only. Default: `true` when an
    /// `extract` sets a header, or `set` or `add` one that `RUSTFORMATIONS_ROUTING_HEADERS` lists; `false`
    /// otherwise. Without effect in a cluster's chain, and in the pass of a route that was chosen again.
    /// Example: `request: {clearRouteCache: true, set: [{name: x-tier, value: gold}]}`
    pub clear_route_cache: Option<bool>,
    /// How to read the body, and what to put in its place.
    /// Example: `request: {body: {parseAs: AsJson, value: '{"model": "{{ raw_string(model) }}"}'}}`
    pub body: Option<Body>,
    /// Edits of a JSON body that leave every other byte as it was. Not together with `body`. Events
    /// of a `text/event-stream` response, and JSON Lines, are edited one by one as they pass. Any other
    /// response goes on at its first byte if that cannot begin what is edited: it is not `{`, nor `[`
    /// where a place may be in an array.
    /// Example: `request: {patch: [{remove: /user}]}`
    pub patch: Vec<Edit>,
    /// CEL conditions, of which the first that holds leaves an event of a `text/event-stream` response
    /// out, with its blank line, or a line of JSON Lines. They see the event's data or the line as
    /// `document`, as it arrived. What is not JSON is never left out; a condition that fails leaves
    /// nothing out, and is counted. Responses only, and only those that are streams: any other goes on
    /// as if there were none, and is not held for it. Not together with `body`.
    /// Example: `response: {dropEvents: ["size(document.choices) == 0"]}`
    pub drop_events: Vec<String>,
    /// Headers to set: all lines the message has are replaced. What fails or gives nothing removes
    /// the header.
    /// Example: `request: {set: [{name: x-user, value: "{{ header('x-name') }}"}]}`
    pub set: Vec<HeaderTemplate>,
    /// Headers to add a line to. What fails or gives nothing adds nothing.
    /// Example: `response: {add: [{name: x-served-by, value: gateway}]}`
    pub add: Vec<HeaderTemplate>,
    /// Names of headers to remove. In a name, `*` stands for any run of characters: `x-internal-*`.
    /// Such a pattern removes what the message arrived with, before `set` and `add`, and leaves
    /// alone: pseudo headers, `host`, `content-length`, `transfer-encoding`, `connection` and their
    /// kind, and the headers of `extract`. A header of `extract` that is named here is gone before the route is
    /// chosen again: to route by it and keep it from the upstream, write `request_headers_to_remove` in the route.
    /// Example: `request: {remove: [x-secret, "x-internal-*"]}`
    pub remove: Vec<String>,
    /// Dynamic metadata to set, for later filters and the access log. An entry that names a field of the
    /// answer is set when that has ended or broken off.
    /// Example: `request: {dynamicMetadata: [{namespace: demo, key: path, value: {cel: request.path}}]}`
    pub dynamic_metadata: Vec<DynamicMetadata>,
}

/// When a message whose body is read is let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum BodyMode {
    /// When its body has arrived whole. Envoy's buffer limit applies, or `limits.maxHeldBytes`: 413 for a
    /// larger request.
    #[default]
    Buffered,
    /// As soon as every `extract` has its value; the rest follows as it arrives, whatever its size,
    /// and is read on its way: the request is cut off when a field stands again with another value,
    /// or when what follows cannot be read. A field that was not seen within `limits.maxHeldBytes` counts
    /// as missing. Requests only, and nothing else may read the body.
    Streamed,
}

/// How to read the body, and what to put in its place. A response whose body is read is held to its
/// end, streams of events too (warning RF014), unless `when` rules it out by its headers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `parseAs`, and `value` or `cel`")]
#[serde(rename_all = "camelCase", default)]
pub struct Body {
    /// How templates see the body.
    /// Example: `request: {body: {parseAs: AsJson}, set: [{name: x-model, value: "{{ model }}"}]}`
    pub parse_as: ParseAs,
    /// A template for the new body. Empty: the body stays as it is. A template that renders nothing leaves an
    /// empty body without `content-type`. So does one that fails, unless `onFailure` is there.
    /// Example: `request: {body: {value: "[{{ body() }}]"}}`
    pub value: String,
    /// A CEL expression for the new body, in place of `value`: strings and bytes as they are,
    /// anything else as JSON. One that fails leaves the body as it is.
    /// Example: `request: {body: {cel: json(request.body).payload}}`
    #[serde(deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cel: Option<String>,
}

/// How templates see the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
pub enum ParseAs {
    /// As text, through `body()`.
    #[default]
    AsString,
    /// As JSON: the members of the top-level object are variables. A body that is not JSON is
    /// answered 400.
    AsJson,
    /// Not at all: nothing is buffered, and `value` is ignored.
    None,
}

/// A header and the template of its value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `name`, and `value` or `cel`")]
pub struct HeaderTemplate {
    /// Header name. Pseudo headers (`:path`, `:method`, `:authority`, `:scheme`, `:status`) are
    /// legal. A `:method` neither becomes HEAD or CONNECT nor stops being it.
    /// Example: `request: {set: [{name: ":path", value: /v1/chat/completions}]}`
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = diagnostics::header::NAME_PATTERN)))]
    pub name: String,
    /// Jinja template. Empty: `set` removes the header, `add` does nothing.
    /// Example: `request: {set: [{name: x-user, value: "{{ header('x-name') | upper }}"}]}`
    #[serde(default)]
    pub value: String,
    /// A CEL expression, in place of `value`. Strings, bytes, numbers and booleans are values; a list
    /// that the expression makes is a header line for each item, at most 64, null and empty items left
    /// out. Null, a map, an empty list and a list of the body are as a template that renders nothing:
    /// `.map(v, v)` makes one of it.
    /// Example: `response: {set: [{name: x-path, cel: request.path}]}`
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cel: Option<String>,
}

/// An expression that is there. `null` is none: a condition that was forgotten would let all pass.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}
