//! What a template prints into JSON as it is: a quote in it ends the text around it.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Span, WhitespaceConfig, parse};
use minijinja::syntax::SyntaxConfig;

use diagnostics::{Code, Diagnostic};

use super::beginning;

/// Functions whose text needs no escape in JSON, whatever it is made of.
const HARMLESS_FUNCTIONS: [&str; 5] = [
    "base64_encode",
    "base64url_encode",
    "env",
    "range",
    "raw_string",
];

/// Filters of the same kind.
const HARMLESS_FILTERS: [&str; 8] = [
    "abs", "bool", "count", "float", "int", "length", "round", "sum",
];

/// Functions that return what a client or a server has written into a header.
const HEADERS: [&str; 4] = ["get_cookie", "get_cookie_i", "header", "request_header"];

/// A warning of the first value that a template of JSON prints as it is, unless there is none. What is not certain is left
/// out: a template that does not begin as JSON, or whose quotes depend on a condition.
pub(crate) fn warning(path: &str, template: &str) -> Option<Diagnostic> {
    let whitespace = WhitespaceConfig::default();
    let parsed = parse(template, path, SyntaxConfig, whitespace).ok()?;
    let mut search = Search::default();
    let found = match search.statement(&parsed) {
        Err(Stop::Found(found)) if search.begins_as_json => found,
        Ok(()) | Err(Stop::Found(_) | Stop::Unclear) => return None,
    };
    let (message, help) = match found.place {
        Place::Text => (
            "a value stands between the quotes of JSON without an escape",
            "write `{{ raw_string(...) }}` around it, or a quote in it ends the text",
        ),
        Place::Value => (
            "a header stands in JSON without an escape",
            "write `\"{{ raw_string(...) }}\"`, or `| int` behind it where it is a number",
        ),
    };
    let position = beginning(found.span);
    let warning = Diagnostic::warning(Code::Unescaped, path, message);
    Some(warning.at(Some(position)).help(help))
}

/// Why a search ends early.
enum Stop {
    Found(Found),
    /// Where the texts of JSON begin and end is not known.
    Unclear,
}

struct Found {
    place: Place,
    span: Span,
}

/// Where in JSON something is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between two quotes.
    Text,
    /// Where a value begins.
    Value,
}

/// Who has written what an expression prints.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// The template, or it needs no escape.
    #[default]
    Harmless,
    /// Somebody else, and it may be a text.
    Message,
    /// Somebody else, and it is a text.
    Header,
}

/// What is known of the JSON up to here.
#[derive(Default)]
struct Search<'t> {
    begins_as_json: bool,
    begun: bool,
    in_text: bool,
    /// Whether the last byte of the text is a backslash that escapes the next.
    escapes: bool,
    /// The names that the template itself gives to values.
    own: Vec<(&'t str, Origin)>,
}

impl<'t> Search<'t> {
    fn statements(&mut self, statements: &'t [Stmt<'t>]) -> Result<(), Stop> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) -> Result<(), Stop> {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(text) => {
                self.text(text.raw);
                Ok(())
            }
            Stmt::EmitExpr(printed) => self.print(&printed.expr, printed.span()),
            Stmt::ForLoop(each) => {
                let origin = self.origin(&each.iter);
                self.name(&each.target, origin);
                self.way(|search| search.statements(&each.body))?;
                self.way(|search| search.statements(&each.else_body))
            }
            Stmt::IfCond(condition) => {
                let before = self.place();
                self.statements(&condition.true_body)?;
                let after = std::mem::replace(&mut self.in_text, before == Place::Text);
                self.statements(&condition.false_body)?;
                if self.in_text == after {
                    Ok(())
                } else {
                    Err(Stop::Unclear)
                }
            }
            Stmt::WithBlock(with) => {
                for (target, value) in &with.assignments {
                    let origin = self.origin(value);
                    self.name(target, origin);
                }
                self.statements(&with.body)
            }
            Stmt::Set(set) => {
                let origin = self.origin(&set.expr);
                self.name(&set.target, origin);
                Ok(())
            }
            Stmt::AutoEscape(escape) => self.statements(&escape.body),
            Stmt::Block(block) => self.statements(&block.body),
            Stmt::Do(_) => Ok(()),
            // What these print, or name, stands elsewhere.
            Stmt::SetBlock(_)
            | Stmt::FilterBlock(_)
            | Stmt::Import(_)
            | Stmt::FromImport(_)
            | Stmt::Extends(_)
            | Stmt::Include(_)
            | Stmt::Macro(_)
            | Stmt::CallBlock(_) => Err(Stop::Unclear),
        }
    }

    /// What may be printed once, never or often has to leave all as it was.
    fn way(&mut self, print: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let before = self.place();
        print(self)?;
        if self.place() == before {
            Ok(())
        } else {
            Err(Stop::Unclear)
        }
    }

    fn place(&self) -> Place {
        if self.in_text {
            Place::Text
        } else {
            Place::Value
        }
    }

    fn text(&mut self, text: &str) {
        if !self.begun {
            let first = text.trim_start().chars().next();
            self.begins_as_json = matches!(first, Some('{' | '[' | '"'));
            self.begun = first.is_some();
        }
        for byte in text.bytes() {
            match byte {
                _ if self.escapes => self.escapes = false,
                b'\\' if self.in_text => self.escapes = true,
                b'"' => self.in_text = !self.in_text,
                _ => {}
            }
        }
    }

    fn print(&mut self, printed: &'t Expr<'t>, span: Span) -> Result<(), Stop> {
        self.begun = true;
        self.escapes = false;
        let place = self.place();
        match (place, self.origin(printed)) {
            (Place::Text, Origin::Message | Origin::Header) | (Place::Value, Origin::Header) => {
                Err(Stop::Found(Found { place, span }))
            }
            (_, Origin::Harmless) | (Place::Value, Origin::Message) => Ok(()),
        }
    }

    fn name(&mut self, target: &'t Expr<'t>, origin: Origin) {
        match target {
            Expr::Var(name) => self.own.push((name.id, origin)),
            Expr::List(names) => {
                for name in &names.items {
                    self.name(name, origin);
                }
            }
            _ => {}
        }
    }

    fn origin(&self, expression: &'t Expr<'t>) -> Origin {
        match expression {
            Expr::Const(_) | Expr::Test(_) | Expr::List(_) | Expr::Map(_) | Expr::UnaryOp(_) => {
                Origin::Harmless
            }
            Expr::Var(name) if name.id == "loop" => Origin::Harmless,
            Expr::Var(name) => {
                let mut own = self.own.iter().rev();
                let own = own.find(|(own, _)| *own == name.id);
                own.map_or(Origin::Message, |(_, origin)| *origin)
            }
            Expr::GetAttr(member) => self.origin(&member.expr),
            Expr::GetItem(member) => self.origin(&member.expr),
            Expr::Slice(slice) => self.origin(&slice.expr),
            Expr::BinOp(operation) => match operation.op {
                BinOpKind::ScAnd | BinOpKind::ScOr | BinOpKind::Add | BinOpKind::Concat => self
                    .origin(&operation.left)
                    .max(self.origin(&operation.right)),
                _ => Origin::Harmless,
            },
            Expr::IfExpr(choice) => {
                let other = choice.false_expr.as_ref();
                let other = other.map_or(Origin::Harmless, |other| self.origin(other));
                self.origin(&choice.true_expr).max(other)
            }
            Expr::Filter(filter) if HARMLESS_FILTERS.contains(&filter.name) => Origin::Harmless,
            Expr::Filter(filter) => {
                let value = filter.expr.as_ref();
                let value = value.map_or(Origin::Harmless, |value| self.origin(value));
                value.max(self.arguments(&filter.args))
            }
            Expr::Call(call) => match &call.expr {
                Expr::Var(name) if HARMLESS_FUNCTIONS.contains(&name.id) => Origin::Harmless,
                Expr::Var(name) if HEADERS.contains(&name.id) => Origin::Header,
                Expr::Var(name) if ["body", "context", "cel"].contains(&name.id) => Origin::Message,
                Expr::Var(_) => self.arguments(&call.args),
                method => self.origin(method).max(self.arguments(&call.args)),
            },
        }
    }

    fn arguments(&self, arguments: &'t [CallArg<'t>]) -> Origin {
        let values = arguments.iter().map(|argument| match argument {
            CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value) => self.origin(value),
        });
        values.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(template: &str) -> Option<(usize, usize)> {
        let position = warning("body", template)?.position?;
        Some((position.line, position.column))
    }

    #[test]
    fn what_others_write_between_quotes_needs_an_escape() {
        for (template, column) in [
            (r#"{"a": "{{ header('x') }}"}"#, 8),
            (r#"{"a": "{{ model }}"}"#, 8),
            (r#"{"a": "is {{ extracted.model | upper }}"}"#, 11),
            (r#"{"a": "{{ cel("request.path") }}"}"#, 8),
            (r#"{"a": "{{ substring(header('x'), 2) }}"}"#, 8),
            (r#"{"a": "{{ 'x' if size else model }}"}"#, 8),
            (r#"{"a": "{{ 'x' ~ model }}"}"#, 8),
            (r#"{"a": "{{ model | default('none') }}"}"#, 8),
            (r#"{"a": "{{ model.split('/')[0] }}"}"#, 8),
            (r#"{"a": "\"{{ model }}\""}"#, 10),
            (r#"{"a": "{{ raw_string(model) }}{{ model }}"}"#, 31),
            (r#"["{{ model }}"]"#, 3),
            (r#""{{ model }}""#, 2),
            (
                r#"{"a": {% if b %}"b"{% else %}"{{ model }}"{% endif %}}"#,
                31,
            ),
            (r#"{% set m = model %}{"a": "{{ m }}"}"#, 27),
            (
                r#"{"a": [{% for m in models %}"{{ m }}",{% endfor %}1]}"#,
                30,
            ),
            (r#"{"a": {{ header('x') }}}"#, 7),
            (r#"{"a": {{ request_header('x') | lower }}}"#, 7),
        ] {
            assert_eq!(place(template), Some((1, column)), "{template}");
        }
        assert_eq!(place("{\n  \"a\": \"{{ model }}\"\n}"), Some((2, 9)));
    }

    #[test]
    fn what_needs_no_escape_or_is_no_json_is_not_warned_of() {
        for template in [
            "plain",
            r#"{"a": "{{ raw_string(header('x')) }}"}"#,
            r#"{"a": "{{ raw_string(model ~ header('x')) }}"}"#,
            r#"{"a": "{{ base64_encode(header('x')) }}"}"#,
            r#"{"a": "{{ messages | length }}"}"#,
            r#"{"a": {{ header('x') | int }}}"#,
            r#"{"a": {{ body() }}}"#,
            r#"{"a": {{ extracted.total }}}"#,
            r#"{"a": "{{ 'constant' }} {{ env('REGION') }}"}"#,
            r#"{"a": "{{ 'yes' if model == 'x' else 'no' }}"}"#,
            r#"{"a": [{% for m in range(3) %}"{{ m }}-{{ loop.index }}",{% endfor %}1]}"#,
            r#"{% set m = raw_string(model) %}{"a": "{{ m }}"}"#,
            // No JSON, or not known to be.
            "{{ header('x') }}",
            "{{ model }}",
            r#"Model "{{ model }}""#,
            r#"{% if a %}{"a": "{% endif %}{{ model }}"#,
            r#"{% macro m(x) %}"{{ x }}"{% endmacro %}{"a": {{ m(model) }}}"#,
            // No template.
            r#"{"a": "{{ "}"#,
        ] {
            assert!(warning("body", template).is_none(), "{template}");
        }
    }
}
