//! Allows or denies requests by the address they come from: kgateway's `http-acl`.
//!
//! ```
//! use acl::{Acl, Decision};
//!
//! let config = br#"{"defaultAction": "allow", "rules": [
//!     {"name": "internal", "cidrs": ["10.0.0.0/8"], "action": "deny"},
//!     {"cidrs": ["10.1.2.3"], "action": "allow"}
//! ]}"#;
//! let acl = Acl::load(config)?.acl;
//!
//! assert_eq!(acl.decide(Some(b"10.1.2.3:49152")), Decision::Allow);
//! let Decision::Deny(denial) = acl.decide(Some(b"10.1.2.4:49152")) else { panic!() };
//! assert_eq!((denial.status, denial.blocked_by), (403, "internal"));
//! # Ok::<(), diagnostics::ConfigErrors>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod address;
mod compile;
mod config;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use diagnostics::{Advice, ConfigErrors, Diagnostic, read};

use table::Table;

/// The JSON Schema of a configuration, as its types describe it.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(config::Config).to_value()
}

/// What helps with mistakes in an access list.
const ADVICE: Advice = Advice {
    when_empty: "write `{\"defaultAction\": \"deny\"}` to deny everything",
    value: |_| None,
    key: |_, _| None,
};

/// What denied a request whose address is not known.
const UNKNOWN_IP: &str = "unknown-ip";

/// A compiled access control list, shared by all streams.
#[derive(Debug)]
pub struct Acl {
    rules: Table<Verdict>,
    default: Verdict,
    answer: Answer,
}

/// A list, and what its author should know.
#[derive(Debug)]
pub struct Loaded {
    /// The list.
    pub acl: Acl,
    /// Warnings: nothing here refuses the configuration.
    pub warnings: Vec<Diagnostic>,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It goes on.
    Allow,
    /// It is answered.
    Deny(Denial<'a>),
}

/// How a denied request is answered: without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial<'a> {
    /// The name of the rule; `rule` when it has none, `default` when no rule names the address,
    /// `unknown-ip` when there is no address.
    pub blocked_by: &'a str,
    /// HTTP status code, from 200 to 599.
    pub status: u16,
    /// Headers in order, names in lower case. All are valid in HTTP.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// What is known about an address.
#[derive(Clone, Debug)]
enum Verdict {
    Allow,
    /// Denied by the rule of this name.
    Deny(Arc<str>),
}

/// The configured part of a [`Denial`].
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    blocked_by_header: Option<String>,
}

impl Acl {
    /// Reads and compiles a configuration: JSON text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(text: &[u8]) -> Result<Loaded, ConfigErrors> {
        let (acl, warnings) = read(text, ADVICE).compile(compile::compile)?;
        Ok(Loaded { acl, warnings })
    }

    /// What happens to a request from `source`: an address, with or without a port, as the host
    /// writes it. One that is absent or not an address is denied, whatever the rules say.
    ///
    /// The longest prefix that holds the address decides. It takes a fraction of a microsecond,
    /// however many rules there are.
    pub fn decide(&self, source: Option<&[u8]>) -> Decision<'_> {
        let Some(address) = source.and_then(address::source) else {
            return Decision::Deny(self.answer.denial(UNKNOWN_IP));
        };
        match self.rules.longest_match(address).unwrap_or(&self.default) {
            Verdict::Allow => Decision::Allow,
            Verdict::Deny(name) => Decision::Deny(self.answer.denial(name)),
        }
    }
}

impl Answer {
    fn denial<'a>(&'a self, blocked_by: &'a str) -> Denial<'a> {
        let configured = self.headers.iter();
        let headers = configured.map(|(name, value)| (name.as_str(), value.as_str()));
        let own = self.blocked_by_header.as_deref();
        Denial {
            blocked_by,
            status: self.status,
            headers: headers.chain(own.map(|name| (name, blocked_by))).collect(),
        }
    }
}
