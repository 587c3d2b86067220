//! Header edits, and those that do no good.

use diagnostics::Code;
use diagnostics::header;

use super::{Compiler, Pass};
use crate::config::{HeaderTemplate, Transformation};
use crate::edits::{Formula, HeaderEdit, Removals};
use crate::headers::{self, HeaderNames};
use crate::languages::Phase;
use crate::languages::jinja::Template;
use crate::ops::Direction;

/// What is done to a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderVerb {
    Set,
    Add,
    Remove,
}

/// A header whose lines no comma joins (RFC 6265 section 3).
const SET_COOKIE: &str = "set-cookie";

/// The header that a pattern is written for, if it is one that no pattern removes.
fn spared(pattern: &str) -> Option<String> {
    let name = pattern.replace('*', "");
    (pattern.contains('*') && !name.starts_with(':') && Removals::spares(&name)).then_some(name)
}

/// Whether a name is rather a regular expression: HTTP allows such a name, and nobody has one.
fn like_an_expression(name: &str) -> bool {
    name.starts_with('^')
        || name.ends_with('$')
        || [".*", ".+", "|"].iter().any(|part| name.contains(part))
}

impl Compiler<'_> {
    pub(super) fn headers(
        &mut self,
        direction: Direction,
        verb: HeaderVerb,
        list: &str,
        headers: &[HeaderTemplate],
    ) -> Vec<HeaderEdit> {
        let compile = |(index, header): (usize, &HeaderTemplate)| {
            let path = format!("{list}[{index}] `{}`", header.name);
            let name = self.edited_name(direction, &path, &header.name);
            let formula = match (header.value.as_str(), header.cel.as_deref()) {
                ("", None) => None,
                (text, cel) => Some(self.formula(&path, text, cel)?),
            };
            let name = name?;
            if name.contains('*') {
                let message = format!("`{name}` is here the name of one header, and no pattern");
                let help = "write the whole name; only `remove` takes patterns";
                self.warning(Code::Conflict, &path, message, help);
            }
            if let Some(formula) = &formula {
                self.lines(direction, &path, &name, formula);
                if direction == Direction::Response && name == SET_COOKIE {
                    self.cookies(&path, formula);
                }
            }
            // An empty value in `set` removes.
            let verb = match verb {
                HeaderVerb::Set if formula.is_none() => HeaderVerb::Remove,
                verb => verb,
            };
            self.may_edit(direction, &path, &name, verb)
                .then_some(HeaderEdit {
                    path,
                    name,
                    formula,
                    awaits_answer: false,
                })
        };
        headers.iter().enumerate().filter_map(compile).collect()
    }

    /// Finds values that a header cannot have.
    fn lines(&mut self, direction: Direction, path: &str, name: &str, formula: &Formula) {
        match formula {
            Formula::Expression(id) if self.compilation.expressions.makes_list(*id) => {
                if name.starts_with(':') {
                    let message = "a pseudo header has one value, and a list can have several";
                    let help = "use one item, such as `list[0]`";
                    self.warning(Code::Conflict, path, message, help);
                }
            }
            Formula::Expression(_) => self.worthless(path, formula),
            Formula::Template(Template::Text(text))
                if name.starts_with(':')
                    && headers::known_pseudo_header(direction, name)
                    && !headers::valid_value_of(name, text) =>
            {
                let message =
                    format!("this edit is ignored, because `{text}` is not valid for `{name}`");
                let help = match name {
                    ":path" => "begin the path with `/`",
                    ":status" => "write a number from 200 to 599, but not 204, 205 or 304",
                    _ => "write a value that HTTP allows there",
                };
                self.warning(Code::HeaderValue, path, message, help);
            }
            Formula::Template(_) => {}
        }
    }

    /// Finds a value for `set-cookie` that is made of all cookies as one text, which is one broken cookie.
    fn cookies(&mut self, path: &str, formula: &Formula) {
        let expressions = &self.compilation.expressions;
        let joins = |id| expressions.joins(id, Direction::Response, SET_COOKIE);
        let (what, joined) = match formula {
            Formula::Expression(id) => ("expression", !expressions.makes_list(*id) && joins(*id)),
            Formula::Template(template) => {
                let reads = template.needs().is_some_and(|needs| match &needs.message {
                    HeaderNames::Named(names) => names.contains(SET_COOKIE),
                    HeaderNames::All => false,
                });
                let mut called = template.expressions().iter();
                let calls = called.any(|(text, _)| {
                    let id = expressions.find(Phase::Edits, text);
                    id.is_some_and(joins)
                });
                ("template", reads || calls)
            }
        };
        if joined {
            self.warning(
                Code::Conflict,
                path,
                format!("the {what} joins all cookies of the response into one"),
                "use `cel: \"response.headers.values('set-cookie').map(c, c + '; Secure')\"`, which edits each cookie",
            );
        }
    }

    /// Headers to remove. `kept`: those of the fields, which no pattern removes.
    pub(super) fn removals(
        &mut self,
        direction: Direction,
        list: &str,
        names: &[String],
        kept: Vec<String>,
    ) -> Removals {
        let mut removals = Removals {
            kept,
            ..Removals::default()
        };
        for (index, name) in names.iter().enumerate() {
            let path = format!("{list}[{index}]");
            let Some(name) = self.edited_name(direction, &path, name) else {
                continue;
            };
            let is_any = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b':';
            if name.contains('*') && name.bytes().all(is_any) {
                let message = format!("`{name}` would remove nearly every header");
                let help = "write a pattern with some text in it, such as `x-internal-*`";
                self.error(Code::Conflict, &path, message, help);
            } else if let Some(spared) = spared(&name) {
                let message = format!("this pattern is for `{spared}`, which no pattern removes");
                let help = "remove it: Envoy sets this header";
                self.warning(Code::Conflict, &path, message, help);
            } else if self.may_edit(direction, &path, &name, HeaderVerb::Remove) {
                if like_an_expression(&name) {
                    let message =
                        format!("`{name}` looks like a regular expression, and is none here");
                    let help = "write a pattern, in which `*` is any text, such as `x-internal-*`";
                    self.warning(Code::Conflict, &path, message, help);
                }
                let pattern = name.contains('*');
                let into = if pattern {
                    &mut removals.globs
                } else {
                    &mut removals.names
                };
                into.push(name);
            }
        }
        removals
    }

    /// Warns of the header of a field that is gone again before Envoy chooses the route by it.
    pub(super) fn unseen(&mut self, transformation: &Transformation, pass: &Pass) {
        if pass.direction != Direction::Request || !pass.clear_route_cache {
            return;
        }
        let emptied = |header: &&HeaderTemplate| header.value.is_empty() && header.cel.is_none();
        let set = transformation.set.iter().enumerate();
        let set = set.filter_map(|(index, header)| {
            let header = Some(header).filter(emptied)?;
            let path = format!("request.set[{index}] `{}`", header.name);
            Some((path, header.name.as_str()))
        });
        let removed = transformation.remove.iter().enumerate();
        let removed =
            removed.map(|(index, name)| (format!("request.remove[{index}]"), name.as_str()));
        for (path, name) in set.chain(removed) {
            let mut headers = pass.extraction.headers();
            if headers.any(|header| header.eq_ignore_ascii_case(name)) {
                let message = format!(
                    "`{name}` is removed before the route is chosen, so no route matches what `extract` sets"
                );
                let help = "remove it after that: by `request_headers_to_remove` of the route, or in the cluster's filter";
                self.warning(Code::Conflict, &path, message, help);
            }
        }
    }

    /// Whether an edit of a header does any good. One that does harm is ignored, as kgateway's
    /// control plane may send it.
    fn may_edit(&mut self, direction: Direction, path: &str, name: &str, verb: HeaderVerb) -> bool {
        let puts = verb != HeaderVerb::Remove;
        let (message, help) = if puts && header::CONNECTION.contains(&name) {
            (
                "this edit is ignored, because a wrong value breaks the connection or allows request smuggling",
                "remove it: Envoy sets this header",
            )
        } else if name.starts_with(':') && !headers::known_pseudo_header(direction, name) {
            (
                "this edit is ignored, because this message has no such pseudo header",
                "remove it",
            )
        } else if name.starts_with(':') && verb != HeaderVerb::Set {
            (
                "this edit is ignored, because a message has each pseudo header exactly once",
                "use `set` with a value",
            )
        } else {
            return true;
        };
        self.warning(Code::Conflict, path, message, help);
        false
    }

    /// The name of a header to edit. Envoy keeps a request's `host` as `:authority`, so that what holds
    /// for the one holds for the other.
    fn edited_name(&mut self, direction: Direction, path: &str, name: &str) -> Option<String> {
        let name = self.header_name(path, name)?;
        if direction == Direction::Request && name == "host" {
            return Some(":authority".to_owned());
        }
        Some(name)
    }

    fn header_name(&mut self, path: &str, name: &str) -> Option<String> {
        if header::valid_name(name) {
            return Some(name.to_ascii_lowercase());
        }
        let help = "use letters, digits and `-`";
        self.error(
            Code::HeaderName,
            path,
            format!("`{name}` is not a header name"),
            help,
        );
        None
    }
}
