//! Configuration to [`Patch`], with everything that is wrong with it.

use bodies::json::{Path, PathError, Paths, Verb};
use diagnostics::{Code, Diagnostic};

use super::{DropCondition, Edit, Patch, Source, json_text};
use crate::config;
use crate::config::Limits;
use crate::languages::ExpressionId;
use crate::languages::jinja::{Template, unescaped};
use crate::pointer;

/// What compiles templates and expressions; warnings, and what is wrong, are added to the list.
pub(crate) trait Language {
    /// The template at a path of the configuration.
    fn template(
        &mut self,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Template>;

    /// The expression at a path of the configuration.
    fn expression(
        &mut self,
        path: &str,
        text: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<ExpressionId>;

    /// The type of an expression's value, where it is known from the beginning.
    fn type_name(&self, expression: ExpressionId) -> Option<&'static str>;
}

/// Compiles `patch` and `dropEvents` of the pass at `path`; what is wrong is added to `diagnostics`.
/// `None`: there is nothing to edit.
pub(crate) fn compile(
    edits: &[config::Edit],
    drops: &[String],
    path: &str,
    limits: &Limits,
    language: &mut dyn Language,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Patch> {
    let mut compiler = Compiler {
        limits,
        language,
        diagnostics,
        known: Vec::new(),
    };
    let mut kept = Vec::new();
    let mut places = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        if let Some((edit, place)) = compiler.edit(format!("{path}.patch[{index}]"), edit) {
            places.push((place, edit.verb));
            kept.push(edit);
        }
    }
    let drops = compiler.drops(&format!("{path}.dropEvents"), drops);
    let path = match kept.as_slice() {
        [] => format!("{path}.dropEvents"),
        _ => format!("{path}.patch"),
    };
    let in_arrays = places.iter().any(|(place, _)| place.may_be_in_array());
    match Paths::new(places) {
        Ok(_) if kept.is_empty() && drops.is_empty() => None,
        Ok(paths) => Some(Patch {
            path,
            paths,
            in_arrays,
            edits: kept,
            drops,
        }),
        Err(error) => {
            let help = "divide them among routes, or write fewer `..` and `*`";
            compiler.error(Code::Range, &path, error.to_string(), help);
            None
        }
    }
}

struct Compiler<'c> {
    limits: &'c Limits,
    language: &'c mut dyn Language,
    diagnostics: &'c mut Vec<Diagnostic>,
    /// The edits so far.
    known: Vec<Known>,
}

/// An edit, as far as it matters to others.
struct Known {
    place: Path,
    verb: Verb,
    /// Where it stands in the configuration.
    path: String,
    /// Whether it has a condition.
    may_not_be_made: bool,
}

impl Known {
    /// Whether it is certain that one of the two edits is lost.
    fn meets(&self, other: &Self) -> bool {
        // What is put between elements takes no place, but may be in one.
        let makes_place = |one: &Self| one.verb == Verb::Insert || one.place.is_after_last();
        let (own, others) = (self.place.depth(), other.place.depth());
        let is_beside =
            (makes_place(self) && own <= others) || (makes_place(other) && others <= own);
        !self.may_not_be_made
            && !other.may_not_be_made
            && self.place.leads_through(&other.place)
            && !is_beside
    }
}

impl Compiler<'_> {
    fn error(&mut self, code: Code, path: &str, message: impl Into<String>, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, path, message).help(help));
    }

    fn template(&mut self, path: &str, text: &str) -> Option<Template> {
        self.language.template(path, text, self.diagnostics)
    }

    fn edit(&mut self, path: String, edit: &config::Edit) -> Option<(Edit, Path)> {
        let verbs = [
            (Verb::Set, &edit.set),
            (Verb::Replace, &edit.replace),
            (Verb::Default, &edit.default),
            (Verb::Insert, &edit.insert),
            (Verb::Remove, &edit.remove),
        ];
        let mut said = verbs
            .into_iter()
            .filter_map(|(verb, place)| Some((verb, place.as_deref()?)));
        let (Some((verb, place)), None) = (said.next(), said.next()) else {
            self.error(
                Code::Conflict,
                &path,
                "an edit has exactly one of `set`, `replace`, `default`, `insert` and `remove`",
                "write one of them, with a place such as `/model`",
            );
            return None;
        };
        let path = format!("{path} `{place}`");
        let may_not_be_made = edit.when.is_some();
        let place = self.place(&path, place, verb, may_not_be_made);
        let source = match verb {
            Verb::Remove => {
                self.puts_nothing(&path, edit);
                None
            }
            _ => Some(self.source(&path, edit)?),
        };
        let when = match &edit.when {
            Some(text) => Some(self.condition(&format!("{path}.when"), text)?),
            None => None,
        };
        let place = place?;
        let edit = Edit {
            name: place.member().map(str::to_owned),
            verb,
            when,
            source,
            path,
        };
        Some((edit, place))
    }

    /// Reads a place. Two edits may not certainly concern the same one.
    fn place(&mut self, path: &str, text: &str, verb: Verb, may_not_be_made: bool) -> Option<Path> {
        let place = match Path::parse(text) {
            Ok(place) => place,
            Err(error) => {
                let help = match error {
                    PathError::Start => format!("write `{}`", pointer::as_pointer(text)),
                    _ => error.help().to_owned(),
                };
                self.error(Code::Pointer, path, error.to_string(), &help);
                return None;
            }
        };
        if place.is_root() {
            let message = "an edit cannot replace the whole body";
            let help = "write the place of a member, or use `body`";
            self.error(Code::Pointer, path, message, help);
            return None;
        }
        if verb == Verb::Insert && !place.is_element() {
            let help = "end it with an index or `-`, such as `/messages/0`";
            self.error(
                Code::Pointer,
                path,
                "`insert` needs the place of an element",
                help,
            );
            return None;
        }
        if let Some(oddity) = place.oddity(verb.puts()) {
            let help = format!("write `{}` if every element is meant", oddity.json_path());
            self.diagnostics
                .push(Diagnostic::warning(Code::Pointer, path, oddity.to_string()).help(help));
        }
        if matches!(verb, Verb::Set | Verb::Default) && place.ends_selectively() {
            let (message, help) = match verb {
                Verb::Set => (
                    "`set` makes nothing at this place: it edits what `*` or `..` finds",
                    "write `replace`",
                ),
                _ => (
                    "`default` makes nothing at this place: it edits each `null` that `*` or `..` finds",
                    "write `replace` with `when: value == null`",
                ),
            };
            self.diagnostics
                .push(Diagnostic::warning(Code::Pointer, path, message).help(help));
        }
        if let Some((message, help)) = pointer::misspelt(text).filter(|_| text.starts_with('/')) {
            self.diagnostics
                .push(Diagnostic::warning(Code::Pointer, path, message).help(help));
        }
        let known = Known {
            place: place.clone(),
            verb,
            path: path.to_owned(),
            may_not_be_made,
        };
        if let Some(other) = self.known.iter().find(|other| other.meets(&known)) {
            let other = &other.path;
            let message = format!("{other} edits the same place, or one around or inside it");
            self.error(Code::Conflict, path, message, "edit each place once");
            return None;
        }
        self.known.push(known);
        Some(place)
    }

    fn condition(&mut self, path: &str, text: &str) -> Option<ExpressionId> {
        let condition = self.language.expression(path, text, self.diagnostics)?;
        if let Some(name) = self.language.type_name(condition)
            && name != "bool"
        {
            let message = format!("a condition is a bool, and this is of type {name}");
            let help = "compare it with a value, as in `document.stream == true`";
            self.error(Code::Expression, path, message, help);
            return None;
        }
        Some(condition)
    }

    fn drops(&mut self, path: &str, conditions: &[String]) -> Vec<DropCondition> {
        let compile = |(index, text): (usize, &String)| {
            let path = format!("{path}[{index}]");
            Some(DropCondition {
                when: self.condition(&path, text)?,
                path,
            })
        };
        conditions.iter().enumerate().filter_map(compile).collect()
    }

    fn puts_nothing(&mut self, path: &str, edit: &config::Edit) {
        if edit.value.is_some() || edit.json.is_some() || edit.cel.is_some() {
            let message = "`remove` takes no new value";
            let help = "remove `value`, `json` and `cel`, or write `set`";
            self.error(Code::Conflict, path, message, help);
        }
    }

    fn source(&mut self, path: &str, edit: &config::Edit) -> Option<Source> {
        match (&edit.value, &edit.json, &edit.cel) {
            (Some(text), None, None) => self
                .template(&format!("{path}.value"), text)
                .map(Source::Value),
            (None, Some(json), None) => self.json(&format!("{path}.json"), json),
            (None, None, Some(text)) => {
                let path = format!("{path}.cel");
                let expression = self.language.expression(&path, text, self.diagnostics)?;
                if self.language.type_name(expression) == Some("type") {
                    let help = "compare it with a type, as in `type(value) == string`";
                    self.error(Code::Expression, &path, "a type is not a JSON value", help);
                    return None;
                }
                Some(Source::Cel(expression))
            }
            _ => {
                let message = "an edit has exactly one of `value`, `json` and `cel`";
                let help =
                    "write `value` for a string, `json` for JSON text, or `cel` for an expression";
                self.error(Code::Conflict, path, message, help);
                None
            }
        }
    }

    fn json(&mut self, path: &str, json: &serde_json::Value) -> Option<Source> {
        let template = match json {
            serde_json::Value::String(text) => {
                let template = self.template(path, text)?;
                self.diagnostics.extend(unescaped::warning(path, text));
                template
            }
            constant => Template::Text(constant.to_string()),
        };
        if let Template::Text(text) = &template {
            let problem = match json_text(text, self.limits) {
                _ if text.trim_ascii().is_empty() => Some("the JSON text is empty".to_owned()),
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            };
            if let Some(problem) = problem {
                let help = "write JSON text, where a string has quotes of its own, or use `value`";
                self.error(Code::Template, path, problem, help);
                return None;
            }
        }
        Some(Source::Json(template))
    }
}
