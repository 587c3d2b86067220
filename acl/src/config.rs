//! The model of kgateway's `http-acl` configuration.

use serde::Deserialize;

/// The whole configuration of a listener or a route.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `defaultAction` and `rules`")]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["defaultAction"])))]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    /// What happens to addresses that no rule names. Required.
    /// Example: `defaultAction: deny`
    // Optional here, so that its absence does not hide what else is wrong.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(required))]
    pub(super) default_action: Option<Action>,
    /// The rules, in any order: the longest prefix decides.
    /// Example: `{defaultAction: deny, rules: [{cidrs: [10.0.0.0/8], action: allow}]}`
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    /// How a denied request is answered. Absent or `null`: 403.
    /// Example: `{defaultAction: deny, denyResponse: {statusCode: 404}}`
    #[serde(default)]
    pub(super) deny_response: Option<DenyResponse>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// It goes on.
    Allow,
    /// It is answered.
    Deny,
}

/// What happens to some addresses.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `cidrs` and `action`")]
pub(super) struct Rule {
    /// What metadata and the blocked-by header call it. Default: `rule`.
    /// Example: `{defaultAction: allow, rules: [{name: scanner, cidrs: [192.0.2.0/24], action: deny}]}`
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Prefixes and addresses, of IPv4 and IPv6. A prefix has no bits set beyond its length.
    /// Example: `{defaultAction: deny, rules: [{cidrs: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7], action: allow}]}`
    pub(super) cidrs: Vec<String>,
    /// What happens to them.
    /// Example: `{defaultAction: deny, rules: [{cidrs: [10.0.0.0/8], action: allow}]}`
    pub(super) action: Action,
}

/// How a denied request is answered.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `statusCode`, `headers` and `blockedByHeaderName`")]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DenyResponse {
    /// HTTP status code. From 200 to 599.
    /// Example: `{defaultAction: deny, denyResponse: {statusCode: 404}}`
    #[cfg_attr(feature = "schema", schemars(range(min = 200, max = 599)))]
    pub(super) status_code: u16,
    /// Headers of the answer, added in this order.
    /// Example: `{defaultAction: deny, denyResponse: {headers: [{name: x-denied, value: "yes"}]}}`
    pub(super) headers: Vec<Header>,
    /// A header that names the rule that denied. Absent or `null`: none does.
    /// Example: `{defaultAction: deny, denyResponse: {blockedByHeaderName: x-blocked-by}}`
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = diagnostics::header::NAME_PATTERN)))]
    pub(super) blocked_by_header_name: Option<String>,
}

impl Default for DenyResponse {
    fn default() -> Self {
        Self {
            status_code: 403,
            headers: Vec::new(),
            blocked_by_header_name: None,
        }
    }
}

/// A header of the answer.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object with `name` and `value`")]
pub(super) struct Header {
    /// Header name.
    /// Example: `{defaultAction: deny, denyResponse: {headers: [{name: x-denied, value: "yes"}]}}`
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = diagnostics::header::NAME_PATTERN)))]
    pub(super) name: String,
    /// Header value, as it is.
    /// Example: `{defaultAction: deny, denyResponse: {headers: [{name: x-denied, value: "yes"}]}}`
    pub(super) value: String,
}
