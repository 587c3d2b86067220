//! One template, compiled once and rendered for many messages.

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use diagnostics::{Code, Diagnostic, Position};
use minijinja::{Environment, ErrorKind, Value};

use super::beginning;
use super::bounds;
use super::instead;
use super::memory;
use super::rewrite::{self, Refused};
use super::scope::{Absent, Scope, Variables};
use super::usage::Usage;
use crate::config::Limits;
use crate::failure::Unusable;
use crate::languages::jinja::HeaderNeeds;
use crate::settings::Settings;

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    /// A bound was reached.
    #[error("{0}")]
    Limit(String),
    /// The template failed.
    #[error("{0}")]
    Failed(String),
    /// It reads a body that cannot be decoded.
    #[error("{}", .0.1)]
    Encoded(Unusable),
}

/// A compiled template.
#[derive(Debug)]
pub(crate) enum Template {
    /// Text without an expression.
    Text(String),
    /// Anything else.
    Jinja(Box<Jinja>),
}

#[derive(Debug)]
pub(crate) struct Jinja {
    cell: Cell,
    needs: HeaderNeeds,
    /// Functions it calls.
    calls: Arc<[&'static str]>,
    /// Names that a JSON body has to give.
    undeclared: Vec<String>,
    /// Of these, functions that do not exist.
    uncallable: BTreeSet<String>,
    /// Of these `extracted` and what is below it, if fields are extracted.
    extracted: Vec<String>,
    /// Names that a JSON body may give.
    names: BTreeSet<String>,
    /// Fields that it names.
    fields: Vec<(String, Option<Position>)>,
    /// Expressions that it evaluates.
    expressions: Vec<(String, Option<Position>)>,
    /// Whether it fails where it prints a field without a value among other text.
    refuses_gaps: bool,
    rendered_bytes: usize,
    fuel: u64,
}

/// A template's text and the environment it is compiled for.
struct Source {
    environment: Arc<Environment<'static>>,
    name: String,
    text: String,
    /// The same with bounded operators, if it has any.
    rewritten: Option<String>,
}

type Compiled<'source> = minijinja::Template<'source, 'source>;

self_cell::self_cell!(
    struct Cell {
        owner: Source,
        #[covariant]
        dependent: Compiled,
    }
);

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.borrow_owner().fmt(f)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Template {
    /// Compiles `text`, which stands at `path` in the configuration. Names that do not exist are
    /// added to `warnings`.
    ///
    /// # Errors
    ///
    /// The text is not a template.
    pub(crate) fn compile(
        path: &str,
        text: &str,
        environment: &Arc<Environment<'static>>,
        settings: &Settings,
        limits: &Limits,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Self, Diagnostic> {
        if !["{{", "{%", "{#"]
            .iter()
            .any(|opening| text.contains(opening))
        {
            if let Some((message, help)) = instead::of_text(text) {
                warnings.push(Diagnostic::warning(Code::Template, path, message).help(help));
            }
            return Ok(Template::Text(without_final_newline(text).to_owned()));
        }
        bounds::check(path, text)?;
        let rewritten = rewrite::text(path, text, false).map_err(|error| match error {
            rewrite::Error::Syntax(error) => syntax_error(path, text, &error),
            rewrite::Error::Refused(refused) => refusal(path, &refused),
        })?;
        let source = Source {
            environment: Arc::clone(environment),
            name: path.to_owned(),
            text: text.to_owned(),
            rewritten,
        };
        let mut usage = Usage::default();
        let cell = Cell::try_new(source, |source| {
            let compile = |text| {
                source
                    .environment
                    .template_from_named_str(&source.name, text)
            };
            let template =
                compile(&source.text).map_err(|error| syntax_error(path, text, &error))?;
            usage = Usage::of(&template);
            match &source.rewritten {
                Some(rewritten) => compile(rewritten).map_err(|_| too_deep(path)),
                None => Ok(template),
            }
        })?;
        if let Some(position) = usage.computed.first() {
            let message = "`cel` needs a constant expression";
            let error = Diagnostic::error(Code::Expression, path, message).at(*position);
            return Err(error.help("write it in quotes: `{{ cel(\"request.path\") }}`"));
        }
        warnings.extend(usage.unknown.into_iter().map(|mut warning| {
            warning.path = path.to_owned();
            warning
        }));
        for name in usage
            .variables
            .iter()
            .filter(|name| !settings.readable(name))
        {
            let message =
                format!("the environment variable `{name}` may not be read, so it has no value");
            let warning = Diagnostic::warning(Code::Conflict, path, message);
            warnings.push(warning.help("add it to RUSTFORMATIONS_ENV_ALLOW"));
        }
        Ok(Template::Jinja(Box::new(Jinja {
            cell,
            needs: usage.needs,
            calls: usage.calls.into_iter().collect(),
            undeclared: usage.undeclared.into_iter().collect(),
            uncallable: usage.uncallable,
            extracted: Vec::new(),
            names: usage.names,
            fields: usage.fields,
            expressions: usage.expressions,
            refuses_gaps: false,
            rendered_bytes: limits.rendered_bytes,
            fuel: limits.template_fuel,
        })))
    }

    /// The headers it may look at.
    pub(crate) fn needs(&self) -> Option<&HeaderNeeds> {
        match self {
            Template::Text(_) => None,
            Template::Jinja(jinja) => Some(&jinja.needs),
        }
    }

    /// The expressions it evaluates, and where they stand in it.
    pub(crate) fn expressions(&self) -> &[(String, Option<Position>)] {
        match self {
            Template::Text(_) => &[],
            Template::Jinja(jinja) => &jinja.expressions,
        }
    }

    /// The members of `extracted` that it names, and where they stand in it.
    pub(crate) fn fields(&self) -> &[(String, Option<Position>)] {
        match self {
            Template::Text(_) => &[],
            Template::Jinja(jinja) => &jinja.fields,
        }
    }

    /// Names that a JSON body has to give; attribute paths whole.
    pub(crate) fn undeclared(&self) -> &[String] {
        match self {
            Template::Text(_) => &[],
            Template::Jinja(jinja) => &jinja.undeclared,
        }
    }

    /// The first of these that is no function, and where it stands in the template.
    pub(crate) fn first_undeclared(&self) -> Option<(&str, Option<Position>)> {
        let Template::Jinja(jinja) = self else {
            return None;
        };
        let mut names = jinja.undeclared.iter();
        let name = names.find(|name| !jinja.uncallable.contains(*name))?;
        let text = &jinja.cell.borrow_owner().text;
        let first = name.split('.').next().unwrap_or_default();
        let start = within_code(text, first).or_else(|| text.find(first));
        let position = start.map(|start| position(text, start));
        Some((name, position))
    }

    /// Functions of the environment that it calls.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &'static str> {
        let calls = match self {
            Template::Text(_) => &[][..],
            Template::Jinja(jinja) => &jinja.calls,
        };
        calls.iter().copied()
    }

    /// Names that a JSON body may give.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let names = match self {
            Template::Text(_) => None,
            Template::Jinja(jinja) => Some(&jinja.names),
        };
        names.into_iter().flatten()
    }

    /// Takes `extracted` and what is below it for declared.
    pub(crate) fn declare_extracted(&mut self) {
        if let Template::Jinja(jinja) = self {
            let undeclared = std::mem::take(&mut jinja.undeclared);
            let (extracted, undeclared) = undeclared
                .into_iter()
                .partition(|name| Self::is_extracted(name));
            jinja.extracted = extracted;
            jinja.undeclared = undeclared;
        }
    }

    /// Has the template fail where it prints a field without a value among other text: what stands in
    /// the place of a prompt must not be what was to be added to it.
    pub(crate) fn refuse_gaps(&mut self) {
        if let Template::Jinja(jinja) = self {
            jinja.refuses_gaps = true;
        }
    }

    /// The declared fields that the template names; `None`: it may look at any.
    pub(crate) fn extracted(&self) -> impl Iterator<Item = Option<&str>> {
        let names = match self {
            Template::Text(_) => &[][..],
            Template::Jinja(jinja) => &jinja.extracted,
        };
        names.iter().map(|name| name.strip_prefix("extracted."))
    }

    /// Whether the template names `extracted`.
    pub(crate) fn names_extracted(&self) -> bool {
        self.undeclared()
            .iter()
            .any(|name| Self::is_extracted(name))
    }

    /// Whether an undeclared name is `extracted` or below it.
    fn is_extracted(name: &str) -> bool {
        name == "extracted" || name.starts_with("extracted.")
    }

    /// Renders text for one message. What is printed of a body that is none becomes replacement
    /// characters.
    ///
    /// # Errors
    ///
    /// As [`render_bytes`](Self::render_bytes).
    pub(crate) fn render(
        &self,
        scope: &Rc<Scope>,
        variables: &Variables,
    ) -> Result<String, RenderError> {
        let bytes = self.render_bytes(scope, variables)?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Renders for one message: text, unless it prints a body that is none.
    ///
    /// # Errors
    ///
    /// The template failed, ran out of fuel, or rendered more than the limit.
    pub(crate) fn render_bytes(
        &self,
        scope: &Rc<Scope>,
        variables: &Variables,
    ) -> Result<Vec<u8>, RenderError> {
        let jinja = match self {
            Template::Text(text) => return Ok(text.clone().into_bytes()),
            Template::Jinja(jinja) => jinja,
        };
        let has_fields = variables.extracted.is_some();
        let variables = Value::from_object(Variables {
            calls: Arc::clone(&jinja.calls),
            ..variables.clone()
        });
        let mut out = Bounded {
            bytes: Vec::new(),
            room: jinja.rendered_bytes,
        };
        memory::begin(jinja.rendered_bytes, jinja.fuel);
        let template = jinja.cell.borrow_dependent();
        scope.absent.take();
        let rendered = scope.during(|| template.render_to_write(variables, &mut out).map(drop));
        let exhausted = memory::end();
        let absent = scope.absent.take();
        rendered.map_err(|error| match error.kind() {
            _ if exhausted => RenderError::Limit(
                "the template makes or looks through more than it may".to_owned(),
            ),
            ErrorKind::OutOfFuel => RenderError::Limit("the template is out of fuel".to_owned()),
            ErrorKind::WriteFailure => RenderError::Limit(format!(
                "the template renders more than {} bytes",
                jinja.rendered_bytes
            )),
            _ => RenderError::Failed(error.to_string()),
        })?;
        // Nothing but a field that has no value is nothing; in a text it would go unnoticed.
        let gap = match absent {
            Absent::None => false,
            Absent::Field => jinja.refuses_gaps && !out.bytes.trim_ascii().is_empty(),
            Absent::Computed => true,
        };
        if has_fields && gap {
            let message =
                "a field of `extracted` that is printed has no value; write `| default('')`";
            return Err(RenderError::Failed(message.to_owned()));
        }
        Ok(out.bytes)
    }
}

/// What the template engine would print of a text without expressions. It drops a final carriage return by itself, too.
fn without_final_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Why the engine's compiler may not have a template.
fn refusal(path: &str, refused: &Refused) -> Diagnostic {
    let (span, help) = match refused {
        Refused::TooMuch(span) => (
            span,
            "make the text or list shorter, or repeat it less often",
        ),
        Refused::Import(span) => (
            span,
            "write a name after `as`: `{% import \"name\" as lib %}`",
        ),
    };
    let position = beginning(*span);
    let error = Diagnostic::error(Code::Range, path, refused.to_string());
    error.at(Some(position)).help(help)
}

/// Written with bounded operators, some templates have more parentheses.
fn too_deep(path: &str) -> Diagnostic {
    let message = "operators and parentheses are nested too deeply";
    Diagnostic::error(Code::Range, path, message).help("split it with `{% set %}`")
}

/// Words of the engine, and those of the people who write templates.
const PLAIN: [(&str, &str); 5] = [
    (
        "template exceeds maximum recursion limits",
        "the template is nested too deeply",
    ),
    ("start of variable block", "`{{`"),
    ("end of variable block", "`}}`"),
    ("start of block", "`{%`"),
    ("end of block", "`%}`"),
];

fn syntax_error(path: &str, text: &str, error: &minijinja::Error) -> Diagnostic {
    let mut message = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    for (theirs, ours) in PLAIN {
        message = message.replace(theirs, ours);
    }
    let position = error.range().map(|range| position(text, range.start));
    let help = instead::of_syntax(text, &message);
    let error = Diagnostic::error(Code::Template, path, message).at(position);
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

/// The line and column of a byte of a template.
fn position(text: &str, start: usize) -> Position {
    let before = text.get(..start).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    Position {
        line: before.matches('\n').count().saturating_add(1),
        column: line.chars().count().saturating_add(1),
    }
}

/// Keeps what is written, up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    room: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        let instead = Scope::printing();
        let out = instead.as_deref().unwrap_or(written);
        self.room = self
            .room
            .checked_sub(out.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        self.bytes.extend_from_slice(out);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a name stands between braces, for the first time: the text around them may have the same word.
fn within_code(text: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut offset: usize = 0;
    for piece in text.split('}') {
        let opened = [piece.find("{{"), piece.find("{%")];
        if let Some(open) = opened.into_iter().flatten().min()
            && let Some(code) = piece.get(open..)
        {
            let mut places = code.match_indices(name).map(|(place, _)| place);
            let whole = places.find(|place| {
                let before = code.get(..*place).unwrap_or_default();
                let after = code.get(place.saturating_add(name.len())..);
                !before.ends_with(is_part) && !after.unwrap_or_default().starts_with(is_part)
            });
            if let Some(place) = whole {
                return Some(offset.saturating_add(open).saturating_add(place));
            }
        }
        offset = offset.saturating_add(piece.len()).saturating_add(1);
    }
    None
}
