//! Configuration to [`Acl`], with everything that is wrong with it.

use std::sync::Arc;

use diagnostics::{Code, Diagnostic, header};
use ipnet::{IpNet, Ipv4Net};

use super::address;
use super::config::{Action, Config, DenyResponse, Header, Rule};
use super::table::Table;
use super::{Acl, Answer, Verdict};

/// What denied a request when it was a rule without a name.
const UNNAMED: &str = "rule";
/// What denied a request when no rule names its address.
const DEFAULT: &str = "default";

/// What can be answered in place of the upstream.
const STATUS_CODES: std::ops::RangeInclusive<u16> = 200..=599;

/// Compiles a configuration. Of what is wrong, nothing gets into the result.
pub(super) fn compile(config: &Config) -> (Acl, Vec<Diagnostic>) {
    let mut compiler = Compiler::default();
    let default = compiler.default_action(config.default_action);
    let rules = compiler.rules(&config.rules);
    let absent = DenyResponse::default();
    let answer = compiler.answer(config.deny_response.as_ref().unwrap_or(&absent));
    if answer.blocked_by_header.is_some() {
        compiler.names_fit_a_header(&config.rules);
    }
    let acl = Acl {
        rules,
        default,
        answer,
    };
    (acl, compiler.0)
}

/// What is wrong so far.
#[derive(Default)]
struct Compiler(Vec<Diagnostic>);

impl Compiler {
    fn error(
        &mut self,
        code: Code,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0
            .push(Diagnostic::error(code, path, message).help(help));
    }

    fn default_action(&mut self, action: Option<Action>) -> Verdict {
        if action.is_none() {
            self.error(
                Code::Schema,
                "",
                "missing key `defaultAction`",
                "add `\"defaultAction\": \"deny\"`, or `\"allow\"`",
            );
        }
        verdict(action.unwrap_or(Action::Deny), || DEFAULT.into())
    }

    fn rules(&mut self, rules: &[Rule]) -> Table<Verdict> {
        let unnamed: Arc<str> = UNNAMED.into();
        let mut table = Table::new();
        for (index, rule) in rules.iter().enumerate() {
            let name = rule.name.as_deref().filter(|name| !name.is_empty());
            let verdict = verdict(rule.action, || {
                name.map_or_else(|| Arc::clone(&unnamed), Arc::from)
            });
            if rule.cidrs.is_empty() {
                let path = format!("rules[{index}].cidrs");
                let empty =
                    Diagnostic::warning(Code::Conflict, path, "no address matches an empty list");
                self.0.push(empty.help("add prefixes, or remove the rule"));
            }
            for (nth, cidr) in rule.cidrs.iter().enumerate() {
                let path = || format!("rules[{index}].cidrs[{nth}]");
                match address::prefix(cidr) {
                    Ok(prefix) => {
                        self.warn_of_mapped(path, prefix);
                        table.insert(prefix, verdict.clone());
                    }
                    Err(malformed) => {
                        self.error(Code::Prefix, path(), malformed.message, malformed.help);
                    }
                }
            }
        }
        table
    }

    /// IPv4-mapped addresses are looked up as IPv4; their IPv6 prefixes are not.
    fn warn_of_mapped(&mut self, path: impl Fn() -> String, prefix: IpNet) {
        let IpNet::V6(v6) = prefix else { return };
        let (Some(address), Some(length)) = (
            v6.network().to_ipv4_mapped(),
            v6.prefix_len().checked_sub(96),
        ) else {
            return;
        };
        let message = format!("`{prefix}` matches nothing: such addresses count as IPv4");
        let warning = Diagnostic::warning(Code::Conflict, path(), message);
        let warning = match Ipv4Net::new(address, length) {
            Ok(v4) => warning.help(format!("write `{v4}`")),
            Err(_) => warning,
        };
        self.0.push(warning);
    }

    fn answer(&mut self, configured: &DenyResponse) -> Answer {
        let status = configured.status_code;
        if !STATUS_CODES.contains(&status) {
            let help = format!(
                "write a number from {} to {}",
                STATUS_CODES.start(),
                STATUS_CODES.end()
            );
            self.error(
                Code::Range,
                "denyResponse.statusCode",
                format!("{status} is out of range"),
                help,
            );
        }
        let mut fields = Vec::new();
        for (index, Header { name, value }) in configured.headers.iter().enumerate() {
            let path = format!("denyResponse.headers[{index}]");
            if !header::valid_value(value.as_bytes()) {
                self.header_value(format!("{path}.value"), "the value");
            }
            fields.push((
                self.header_name(format!("{path}.name"), name),
                value.clone(),
            ));
        }
        let blocked_by = configured.blocked_by_header_name.as_ref();
        Answer {
            status,
            headers: fields,
            blocked_by_header: blocked_by
                .map(|name| self.header_name("denyResponse.blockedByHeaderName".to_owned(), name)),
        }
    }

    fn header_name(&mut self, path: String, name: &str) -> String {
        if name.starts_with(':') {
            self.error(
                Code::HeaderName,
                path,
                format!("`{name}` is a pseudo header, which only Envoy sets"),
                "use `statusCode` for the status, or a name without the colon",
            );
        } else if header::CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            self.error(
                Code::HeaderName,
                path,
                format!("`{name}` is a header of the connection, which only Envoy sets"),
                "remove it",
            );
        } else if !header::valid_name(name) {
            self.error(
                Code::HeaderName,
                path,
                format!("`{name}` is not a header name"),
                "use letters, digits and `-`",
            );
        }
        name.to_ascii_lowercase()
    }

    fn names_fit_a_header(&mut self, rules: &[Rule]) {
        for (index, rule) in rules.iter().enumerate() {
            let name = rule.name.as_deref().unwrap_or_default();
            if rule.action == Action::Deny && !header::valid_value(name.as_bytes()) {
                let what = "the name, which `blockedByHeaderName` puts into a header,";
                self.header_value(format!("rules[{index}].name"), what);
            }
        }
    }

    /// The value itself is not shown: it would break the line in the log, too.
    fn header_value(&mut self, path: String, what: &str) {
        let message = format!("{what} has characters that no header can carry");
        let help = "remove line breaks and other control characters";
        self.error(Code::HeaderValue, path, message, help);
    }
}

fn verdict(action: Action, blocked_by: impl FnOnce() -> Arc<str>) -> Verdict {
    match action {
        Action::Allow => Verdict::Allow,
        Action::Deny => Verdict::Deny(blocked_by()),
    }
}
