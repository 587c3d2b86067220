//! Configuration to [`Patch`], with everything that is wrong with it.

use bodies::json::Pointers;
use diagnostics::{Code, Diagnostic};

use super::{Edit, NewValue, Operation, Patch, json_text};
use crate::config;
use crate::config::Limits;
use crate::languages::jinja::Template;

/// Compiles the template at a path; warnings are added to the list.
type Compile<'c> = dyn FnMut(&str, &str, &mut Vec<Diagnostic>) -> Result<Template, Diagnostic> + 'c;

/// Compiles `patch`; what is wrong is added to `diagnostics`. `path` is that of the list. `None`:
/// there is nothing to edit.
pub(crate) fn compile(
    edits: &[config::Edit],
    path: &str,
    limits: &Limits,
    template: &mut Compile<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Patch> {
    let mut compiler = Compiler {
        limits,
        template,
        diagnostics,
        pointers: Pointers::default(),
        known: Vec::new(),
    };
    let edits: Vec<Edit> = edits
        .iter()
        .enumerate()
        .filter_map(|(index, edit)| compiler.edit(format!("{path}[{index}]"), edit))
        .collect();
    let in_array = |(pointer, _): &(String, String)| {
        let token = pointer.split('/').nth(1).unwrap_or_default();
        token == "-" || token.bytes().all(|byte| byte.is_ascii_digit())
    };
    (!edits.is_empty()).then_some(Patch {
        path: path.to_owned(),
        in_arrays: compiler.known.iter().any(in_array),
        pointers: compiler.pointers,
        edits,
    })
}

struct Compiler<'c, 't> {
    limits: &'c Limits,
    template: &'c mut Compile<'t>,
    diagnostics: &'c mut Vec<Diagnostic>,
    pointers: Pointers,
    /// The pointers so far, and where they stand.
    known: Vec<(String, String)>,
}

/// What an edit does, before it is known what it puts.
#[derive(Clone, Copy)]
enum Verb {
    Set,
    Replace,
    Default,
    Remove,
}

impl Compiler<'_, '_> {
    fn error(&mut self, code: Code, path: &str, message: impl Into<String>, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, path, message).help(help));
    }

    fn template(&mut self, path: &str, text: &str) -> Option<Template> {
        let compiled = (self.template)(path, text, self.diagnostics);
        compiled
            .map_err(|diagnostic| self.diagnostics.push(diagnostic))
            .ok()
    }

    fn edit(&mut self, path: String, edit: &config::Edit) -> Option<Edit> {
        let verbs = [
            (Verb::Set, &edit.set),
            (Verb::Replace, &edit.replace),
            (Verb::Default, &edit.default),
            (Verb::Remove, &edit.remove),
        ];
        let mut said = verbs
            .into_iter()
            .filter_map(|(verb, pointer)| Some((verb, pointer.as_deref()?)));
        let (Some((verb, pointer)), None) = (said.next(), said.next()) else {
            self.error(
                Code::Conflict,
                &path,
                "an edit has exactly one of `set`, `replace`, `default` and `remove`",
                "write one of them, with a JSON Pointer such as `/model`",
            );
            return None;
        };
        let path = format!("{path} `{pointer}`");
        let fits = self.pointer(&path, pointer);
        let source = match verb {
            Verb::Remove => {
                self.puts_nothing(&path, edit);
                None
            }
            Verb::Set | Verb::Replace | Verb::Default => Some(self.source(&path, edit)?),
        };
        let token = pointer
            .strip_prefix('/')
            .filter(|token| !token.contains('/'));
        fits.then_some(Edit {
            name: token.map(|token| token.replace("~1", "/").replace("~0", "~")),
            operation: match (verb, source) {
                (Verb::Set, Some(source)) => Operation::Set(source),
                (Verb::Replace, Some(source)) => Operation::Replace(source),
                (Verb::Default, Some(source)) => Operation::Default(source),
                _ => Operation::Remove,
            },
            path,
        })
    }

    /// Takes a pointer among those of the patch. Two edits may not concern the same place.
    fn pointer(&mut self, path: &str, pointer: &str) -> bool {
        if pointer.is_empty() {
            let message = "an edit cannot replace the whole body";
            let help = "write the JSON Pointer of a member, or use `body`";
            self.error(Code::Pointer, path, message, help);
            return false;
        }
        let through = |one: &str, other: &str| {
            let rest = other.strip_prefix(one);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let conflict = self
            .known
            .iter()
            .find(|(known, _)| through(known, pointer) || through(pointer, known));
        if let Some((_, other)) = conflict {
            let message = format!("{other} edits the same place, or one around or inside it");
            let help = "edit each place once";
            self.error(Code::Conflict, path, message, help);
            return false;
        }
        if let Err(error) = self.pointers.insert(pointer) {
            self.error(Code::Pointer, path, error.to_string(), error.help());
            return false;
        }
        self.known.push((pointer.to_owned(), path.to_owned()));
        true
    }

    fn puts_nothing(&mut self, path: &str, edit: &config::Edit) {
        if edit.value.is_some() || edit.json.is_some() {
            let message = "`remove` takes no new value";
            let help = "remove `value` and `json`, or write `set`";
            self.error(Code::Conflict, path, message, help);
        }
    }

    fn source(&mut self, path: &str, edit: &config::Edit) -> Option<NewValue> {
        match (&edit.value, &edit.json) {
            (Some(text), None) => Some(NewValue {
                template: self.template(&format!("{path}.value"), text)?,
                json: false,
            }),
            (None, Some(json)) => self.json(&format!("{path}.json"), json),
            _ => {
                let message = "an edit has exactly one of `value` and `json`";
                let help = "write `value` for a string, or `json` for JSON text";
                self.error(Code::Conflict, path, message, help);
                None
            }
        }
    }

    fn json(&mut self, path: &str, json: &serde_json::Value) -> Option<NewValue> {
        let template = match json {
            serde_json::Value::String(text) => self.template(path, text)?,
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
        Some(NewValue {
            template,
            json: true,
        })
    }
}
