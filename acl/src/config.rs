//! The model of kgateway's `http-acl` configuration.

use serde::Deserialize;

/// The whole configuration of a listener or a route.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `defaultAction` and `rules`")]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    /// What happens to addresses that no rule names. Required; optional here, so that its absence
    /// does not hide what else is wrong.
    #[serde(default)]
    pub(super) default_action: Option<Action>,
    /// In any order: the longest prefix decides.
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    /// How a denied request is answered. Absent or `null`: 403.
    #[serde(default)]
    pub(super) deny_response: Option<DenyResponse>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// It goes on.
    Allow,
    /// It is answered.
    Deny,
}

/// What happens to some addresses.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `cidrs` and `action`")]
pub(super) struct Rule {
    /// What metadata and the blocked-by header call it.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Prefixes and addresses.
    pub(super) cidrs: Vec<String>,
    /// What happens to them.
    pub(super) action: Action,
}

/// How a denied request is answered.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `statusCode`, `headers` and `blockedByHeaderName`")]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DenyResponse {
    /// HTTP status code. From 200 to 599.
    pub(super) status_code: u16,
    /// Added in this order.
    pub(super) headers: Vec<Header>,
    /// A header that names the rule that denied. Absent or `null`: none does.
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
#[serde(expecting = "an object with `name` and `value`")]
pub(super) struct Header {
    /// Header name.
    pub(super) name: String,
    /// Header value, as it is.
    pub(super) value: String,
}
