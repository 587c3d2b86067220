//! Header edits, and those that do no good.

use diagnostics::Code;
use diagnostics::header;

use super::Compiler;
use crate::config::HeaderTemplate;
use crate::edits::HeaderEdit;
use crate::headers;
use crate::ops::Direction;

/// What is done to a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderVerb {
    Set,
    Add,
    Remove,
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
            let name = self.header_name(&path, &header.name)?;
            let formula = match (header.value.as_str(), header.cel.as_deref()) {
                ("", None) => None,
                (text, cel) => Some(self.formula(&path, text, cel)?),
            };
            if let Some(formula) = &formula {
                self.worthless(&path, formula);
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

    pub(super) fn removals(
        &mut self,
        direction: Direction,
        list: &str,
        names: &[String],
    ) -> Vec<String> {
        let check = |(index, name): (usize, &String)| {
            let path = format!("{list}[{index}]");
            let name = self.header_name(&path, name)?;
            self.may_edit(direction, &path, &name, HeaderVerb::Remove)
                .then_some(name)
        };
        names.iter().enumerate().filter_map(check).collect()
    }

    /// Whether an edit of a header does any good. One that does harm is ignored, as kgateway's
    /// control plane may send it.
    fn may_edit(&mut self, direction: Direction, path: &str, name: &str, verb: HeaderVerb) -> bool {
        let puts = verb != HeaderVerb::Remove;
        let (message, help) = if puts && header::CONNECTION.contains(&name) {
            (
                "ignored, because a wrong value breaks the connection or lets requests be smuggled",
                "leave it out: Envoy sees to it",
            )
        } else if name.starts_with(':') && !headers::known_pseudo_header(direction, name) {
            (
                "ignored, because this message has no such pseudo header",
                "leave it out",
            )
        } else if name.starts_with(':') && verb != HeaderVerb::Set {
            (
                "ignored, because a message has each pseudo header once",
                "use `set` with a value",
            )
        } else {
            return true;
        };
        self.warning(Code::Conflict, path, message, help);
        false
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
