//! Envoy's `RouteMatch`.

use cases::Fields;
use regex::Regex;

use super::headers;
use super::path_template::PathTemplate;
use super::text_match::{TextMatch, whole};
use super::unplayed::Unplayed;
use crate::placed::Placed;

/// What a request has to be.
#[derive(Debug)]
pub(super) struct Criteria {
    path: PathMatch,
    ignores_case: bool,
    headers: Vec<HeaderMatch>,
    parameters: Vec<ParameterMatch>,
    grpc: bool,
}

#[derive(Debug)]
enum PathMatch {
    Prefix(String),
    Exact(String),
    SeparatedPrefix(String),
    Regex(Regex),
    Template(PathTemplate),
    Connect,
    /// No request is known to have it.
    Unplayed,
}

#[derive(Debug)]
struct HeaderMatch {
    name: String,
    rule: Rule,
    inverts: bool,
    missing_is_empty: bool,
}

#[derive(Debug)]
struct ParameterMatch {
    name: String,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Text(TextMatch),
    Present(bool),
    /// From the first on, and below the second.
    Range(i64, i64),
    /// What is not played counts as met.
    Unplayed,
}

/// How a header of several values is matched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// By any of them: Envoy from 1.39 on.
    Each,
    /// By all, joined by commas: Envoy before.
    Joined,
}

const MET: &str = "is not played, and counts as met";
const KEYS: [&str; 10] = [
    "prefix",
    "path",
    "safe_regex",
    "path_separated_prefix",
    "path_match_policy",
    "connect_matcher",
    "case_sensitive",
    "headers",
    "query_parameters",
    "grpc",
];

impl Criteria {
    /// Reads what a route matches; `always` gets what has to be known of a route that is passed over.
    pub(super) fn read(part: &Placed<'_>, unplayed: &mut Unplayed, always: &mut Unplayed) -> Self {
        let text = |key: &str| part.text(key).map(str::to_owned);
        let path = if let Some(path) = text("prefix") {
            Some(PathMatch::Prefix(path))
        } else if let Some(path) = text("path") {
            Some(PathMatch::Exact(path))
        } else if let Some(path) = text("path_separated_prefix") {
            Some(PathMatch::SeparatedPrefix(path))
        } else if let Some(regex) = part.get("safe_regex") {
            whole(regex.text("regex").unwrap_or_default()).map(PathMatch::Regex)
        } else if part.get("path_match_policy").is_some() {
            PathTemplate::read(part).map(PathMatch::Template)
        } else {
            part.get("connect_matcher").map(|_| PathMatch::Connect)
        };
        if path.is_none() {
            let place = part.get("path_match_policy").or(part.get("safe_regex"));
            let place = place.map_or(part.place.clone(), |part| part.place);
            always.note(&place, "is not played: the route is passed over");
        }
        unplayed.keys(part, &KEYS, MET);
        let mut of_header = |part: &Placed<'_>| HeaderMatch {
            name: part.text("name").unwrap_or_default().to_ascii_lowercase(),
            rule: rule_of_header(part, unplayed),
            inverts: part.flag("invert_match"),
            missing_is_empty: part.flag("treat_missing_header_as_empty"),
        };
        let headers = part.list("headers").iter().map(&mut of_header).collect();
        let mut of_parameter = |part: &Placed<'_>| ParameterMatch {
            name: part.text("name").unwrap_or_default().to_owned(),
            rule: rule(part, unplayed),
        };
        let parameters = part.list("query_parameters");
        Self {
            path: path.unwrap_or(PathMatch::Unplayed),
            ignores_case: part
                .get("case_sensitive")
                .is_some_and(|flag| flag.node.value() == false),
            headers,
            parameters: parameters.iter().map(&mut of_parameter).collect(),
            grpc: part.get("grpc").is_some(),
        }
    }

    /// Whether a request is so.
    pub(super) fn hold(&self, request: &Fields, values: Values) -> bool {
        let path = headers::joined(request, ":path").unwrap_or_default();
        let query = query(&path);
        self.matched(request).is_some()
            && self
                .headers
                .iter()
                .all(|header| header.holds(request, values))
            && (!self.grpc || is_grpc(request))
            && self.parameters.iter().all(|parameter| {
                let values = query.iter().filter(|(name, _)| *name == parameter.name);
                parameter.rule.holds(values.map(|(_, value)| *value).next())
            })
    }

    /// How many bytes of the path a rewrite puts another text in place of; `None`: the path does not match.
    pub(super) fn matched(&self, request: &Fields) -> Option<usize> {
        let whole = headers::joined(request, ":path").unwrap_or_default();
        let path = match self.ignores_case {
            true => path(&whole).to_ascii_lowercase(),
            false => path(&whole).to_owned(),
        };
        let cased = |expected: &str| match self.ignores_case {
            true => expected.to_ascii_lowercase(),
            false => expected.to_owned(),
        };
        let method = || headers::joined(request, ":method").unwrap_or_default();
        let (holds, length) = match &self.path {
            PathMatch::Prefix(prefix) => (path.starts_with(&cased(prefix)), prefix.len()),
            PathMatch::Exact(expected) => (path == cased(expected), path.len()),
            PathMatch::SeparatedPrefix(prefix) => {
                let rest = path.strip_prefix(&cased(prefix));
                let ends = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                (ends, prefix.len())
            }
            PathMatch::Regex(regex) => (regex.is_match(self::path(&whole)), path.len()),
            PathMatch::Template(template) => (template.is_match(self::path(&whole)), path.len()),
            PathMatch::Connect => (method() == "CONNECT", 0),
            PathMatch::Unplayed => (false, 0),
        };
        holds.then_some(length)
    }
}

impl HeaderMatch {
    fn holds(&self, request: &Fields, values: Values) -> bool {
        let mut values = match values {
            Values::Each => headers::all(request, &self.name),
            Values::Joined => headers::joined(request, &self.name).into_iter().collect(),
        };
        match &self.rule {
            Rule::Unplayed => return true,
            Rule::Present(expected) => return (values.is_empty() != *expected) != self.inverts,
            _ if values.is_empty() && self.missing_is_empty => values.push(String::new()),
            // Nothing is not something else.
            _ if values.is_empty() => return false,
            _ => {}
        }
        let mut values = values.iter();
        values.any(|value| self.rule.holds(Some(value))) != self.inverts
    }
}

impl Rule {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Unplayed, _) => true,
            (Self::Present(expected), value) => value.is_some() == *expected,
            (Self::Text(text), Some(value)) => text.holds(value),
            (Self::Range(from, below), Some(value)) => {
                let number = value.parse::<i64>();
                number.is_ok_and(|number| (*from..*below).contains(&number))
            }
            (_, None) => false,
        }
    }
}

/// What a header or a parameter has to be.
fn rule(part: &Placed<'_>, unplayed: &mut Unplayed) -> Rule {
    if let Some(flag) = part.get("present_match") {
        return Rule::Present(flag.node.value() == true);
    }
    if let Some(matcher) = part.get("string_match") {
        return match TextMatch::read(&matcher, "", unplayed) {
            Some(text) => Rule::Text(text),
            None => {
                unplayed.note(&matcher.place, MET);
                Rule::Unplayed
            }
        };
    }
    Rule::Present(true)
}

fn rule_of_header(part: &Placed<'_>, unplayed: &mut Unplayed) -> Rule {
    if let Some(range) = part.get("range_match") {
        let bound = |key: &str| range.number(key).unwrap_or_default();
        return Rule::Range(bound("start"), bound("end"));
    }
    match TextMatch::read(part, "_match", unplayed) {
        Some(text) => Rule::Text(text),
        None => rule(part, unplayed),
    }
}

/// Whether a request is one of gRPC, as Envoy sees it.
pub(crate) fn is_grpc(request: &Fields) -> bool {
    let kind = headers::joined(request, "content-type").unwrap_or_default();
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// A path without its query and its fragment.
fn path(whole: &str) -> &str {
    whole.split(['?', '#']).next().unwrap_or_default()
}

/// The parameters of a path, as they are spelt.
fn query(whole: &str) -> Vec<(&str, &str)> {
    let whole = whole.split('#').next().unwrap_or_default();
    let Some((_, query)) = whole.split_once('?') else {
        return Vec::new();
    };
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let pair = |parameter| str::split_once(parameter, '=').unwrap_or((parameter, ""));
    parameters.map(pair).collect()
}
