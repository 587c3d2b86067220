//! What a route writes in place of the path and the authority of a request.

use cases::Fields;
use regex::{Captures, Regex};

use super::headers;
use super::path_template::PathTemplate;
use super::unplayed::Unplayed;
use crate::placed::Placed;

const REWRITE: &str = "path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

/// What becomes of the path and the authority.
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    path: Option<PathRewrite>,
    host: Option<String>,
    keeps_host: bool,
}

/// What becomes of the path. A query stays.
#[derive(Debug)]
enum PathRewrite {
    /// This stands in place of what the route matched.
    Prefix(String),
    /// This stands in place of each match.
    Regex(Regex, String),
    /// This has the names of the template that the route matched.
    Template(PathTemplate, String),
}

impl Rewrite {
    /// Reads what a route does; `of` is its action, or the weighted cluster that is played.
    pub(super) fn read(
        route: &Placed<'_>,
        action: &Placed<'_>,
        of: &Placed<'_>,
        unplayed: &mut Unplayed,
    ) -> Self {
        let host = of.text("host_rewrite_literal");
        let host = host.or(action.text("host_rewrite_literal"));
        Self {
            path: PathRewrite::read(route, action, unplayed),
            host: host.map(str::to_owned),
            keeps_host: action.flag("append_x_forwarded_host"),
        }
    }

    /// Rewrites path and authority; `matched` is how much of the path the route matched.
    pub(super) fn apply(&self, request: &mut Fields, matched: Option<usize>) {
        if let Some(host) = &self.host {
            let before = headers::joined(request, ":authority").unwrap_or_default();
            headers::set(request, "x-envoy-original-host", &before);
            if self.keeps_host {
                request.push(("x-forwarded-host".to_owned(), before.into_bytes()));
            }
            headers::set(request, ":authority", host);
        }
        let whole = headers::joined(request, ":path").unwrap_or_default();
        let end = whole.find(['?', '#']).unwrap_or(whole.len());
        let (path, query) = whole.split_at_checked(end).unwrap_or((&whole, ""));
        let rewritten = self.path.as_ref();
        let rewritten = rewritten.and_then(|rewrite| rewrite.rewritten(path, matched));
        // From Envoy 1.37 on, a path is not rewritten to nothing.
        if let Some(rewritten) = rewritten.filter(|path| !path.is_empty()) {
            headers::set(request, ":path", &format!("{rewritten}{query}"));
            headers::set(request, "x-envoy-original-path", &whole);
        }
    }
}

impl PathRewrite {
    fn read(route: &Placed<'_>, action: &Placed<'_>, unplayed: &mut Unplayed) -> Option<Self> {
        if let Some(prefix) = action.text("prefix_rewrite") {
            return Some(Self::Prefix(prefix.to_owned()));
        }
        if let Some(rewrite) = action.get("regex_rewrite") {
            let pattern = rewrite.get("pattern");
            let pattern = pattern.and_then(|pattern| pattern.text("regex"));
            let Some(Ok(regex)) = pattern.map(Regex::new) else {
                unplayed.note(&rewrite.place, "cannot be read, and is not played");
                return None;
            };
            let substitution = rewrite.text("substitution").unwrap_or_default();
            return Some(Self::Regex(regex, substitution.to_owned()));
        }
        let policy = action.get("path_rewrite_policy")?;
        let config = policy.get("typed_config");
        let config = config.filter(|config| config.is(REWRITE));
        let rewrite = config.and_then(|config| config.text("path_template_rewrite"));
        let template = route.get("match").as_ref().and_then(PathTemplate::read);
        match (template, rewrite) {
            (Some(template), Some(rewrite)) => Some(Self::Template(template, rewrite.to_owned())),
            _ => {
                unplayed.note(&policy.place, "is not played");
                None
            }
        }
    }

    /// The path that stands in place of another.
    fn rewritten(&self, path: &str, matched: Option<usize>) -> Option<String> {
        match self {
            Self::Prefix(prefix) => {
                let rest = path.get(matched?..)?;
                Some(format!("{prefix}{rest}"))
            }
            Self::Regex(regex, substitution) => {
                let put = |found: &Captures<'_>| substituted(substitution, found);
                Some(regex.replace_all(path, put).into_owned())
            }
            Self::Template(template, rewrite) => template.rewritten(path, rewrite),
        }
    }
}

/// What RE2 puts in place of a match: `\0` is all of it, `\1` its first group, `\\` a backslash.
fn substituted(substitution: &str, found: &Captures<'_>) -> String {
    let mut made = String::new();
    let mut letters = substitution.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    let group = digit
                        .to_digit(10)
                        .and_then(|group| usize::try_from(group).ok());
                    let group = group.and_then(|group| found.get(group));
                    made += group.map_or("", |group| group.as_str());
                }
                other => made.extend(other),
            },
            letter => made.push(letter),
        }
    }
    made
}
