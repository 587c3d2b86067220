//! The model of `reject` and `errorFormat`: answers in place of a message.

use serde::Deserialize;

use super::HeaderTemplate;

/// A rule: which messages go no further, and the answer in their place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `when`")]
#[serde(rename_all = "camelCase")]
pub struct Reject {
    /// A CEL condition, required: the message is answered where it holds. It sees the message as it arrived,
    /// and `extracted`. One that fails, or gives no boolean, is a failure, so `onFailure` decides.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'"}]}`
    pub when: String,
    /// The status of the answer, from 200 to 599. One from 300 to 399, but for 304, needs a `location`
    /// among `headers`. Default: 403, in `response` 502.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", status: 404}]}`
    #[serde(default, deserialize_with = "diagnostics::whole_if_any")]
    #[cfg_attr(feature = "schema", schemars(range(min = 200, max = 599)))]
    pub status: Option<u16>,
    /// What programs know the error by, in an API's error that has a place for it. Default: `rejected`.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", code: model_not_found}]}`
    #[serde(default = "rejected")]
    pub code: String,
    /// Jinja template of what people read. It quotes of the message what it names, and of that at most
    /// 4096 bytes are sent. It cannot read the body but by `cel("request.body")`. Where it fails the answer has
    /// the default. Default: `the request is rejected`.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", message: not served here}]}`
    #[serde(default)]
    pub message: String,
    /// Headers of the answer, as those of `set`. One that fails is left out. Default: none.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", headers: [{name: retry-after, value: "60"}]}]}`
    #[serde(default)]
    pub headers: Vec<HeaderTemplate>,
    /// The body in place of an error with `code` and `message`. Default: absent.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", body: {value: 'no'}}]}`
    #[serde(default)]
    pub body: Option<RejectBody>,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `value`")]
#[serde(rename_all = "camelCase")]
pub struct RejectBody {
    /// Jinja template of the body, which escapes nothing: in JSON put `raw_string` around each value. One that begins with `{` or `[` is sent as `application/json`, any other as
    /// `text/plain`, unless `headers` has a `content-type`. Where it fails, or makes more than 1 MiB, the
    /// answer is an error with `code` and `message`.
    /// Example: `request: {onFailure: reject, reject: [{when: "request.method == 'DELETE'", body: {value: 'no'}}]}`
    pub value: String,
}

fn rejected() -> String {
    "rejected".to_owned()
}

/// The shape of the errors that this filter answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum ErrorFormat {
    /// That of the API which the path of the request belongs to: `anthropic` below `/v1/messages`, `gemini` where
    /// the path ends in `:generateContent` or `:streamGenerateContent`, else `openai`.
    #[default]
    Auto,
    /// OpenAI's: `{"error": {"message", "type", "param", "code"}}`.
    Openai,
    /// Anthropic's: `{"type": "error", "error": {"type", "message"}}`.
    Anthropic,
    /// Gemini's and Vertex AI's: `{"error": {"code", "message", "status"}}`.
    Gemini,
    /// The message as `text/plain`.
    Text,
}
