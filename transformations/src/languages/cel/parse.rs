//! The parser of crate `cel`: the only file that runs it.

use cel::Env;
use cel::common::ast::{IdedExpr, SourceInfo};
use diagnostics::{Code, Diagnostic};

use super::bounds;
use super::error::shown;
use super::instead::{instead_of_name, instead_of_template};

/// Parses an expression, macros left as they are written.
///
/// # Errors
///
/// The text is too long or too deep, or is no expression.
pub(super) fn parse(path: &str, text: &str) -> Result<(IdedExpr, SourceInfo), Diagnostic> {
    bounds::check(path, text)?;
    let parser = Env::default()
        .with_optional_support(true)
        .parser()
        .enable_ident_escape_syntax(true);
    parser.parse_with_source_info(text).map_err(|errors| {
        let mut all = errors.errors.iter();
        // Of what it could not read the parser complains once more, in its own words.
        let told = all.find(|error| error.msg.starts_with(SYNTAX));
        let Some(error) = told.or(errors.errors.first()) else {
            return Diagnostic::error(Code::Expression, path, "not an expression");
        };
        let position = |(line, column): (isize, isize)| {
            Some(diagnostics::Position {
                line: usize::try_from(line).ok().filter(|line| *line > 0)?,
                column: usize::try_from(column).ok()?.max(1),
            })
        };
        let (message, help) = plain(error.msg.trim_start_matches(SYNTAX));
        let mut diagnostic = Diagnostic::error(Code::Expression, path, message);
        diagnostic.help = instead_of_template(path, text).or(help);
        diagnostic.at(position(error.pos))
    })
}

/// How the parser begins what it says about syntax.
const SYNTAX: &str = "Syntax error: ";

/// What the parser says, in plain words, and what to write instead.
fn plain(message: &str) -> (String, Option<String>) {
    let token = |text: &str| {
        let (text, _) = text.split_once(" expecting ").unwrap_or((text, ""));
        let inside = text
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        shown(inside.unwrap_or(text).trim()).to_owned()
    };
    if let Some((wanted, _)) = message
        .strip_prefix("missing ")
        .and_then(|rest| rest.split_once(" at "))
    {
        return (format!("a `{}` is missing", token(wanted)), None);
    }
    for start in [
        "mismatched input ",
        "extraneous input ",
        "no viable alternative at input ",
        "token recognition error at: ",
    ] {
        let Some(rest) = message.strip_prefix(start) else {
            continue;
        };
        return match token(rest).as_str() {
            "<EOF>" => ("the expression ends too early".to_owned(), None),
            token => (
                format!("`{token}` is not expected here"),
                instead_of_name(token),
            ),
        };
    }
    if message.contains("Recursion limit") {
        return ("the expression is nested too deeply".to_owned(), None);
    }
    // What follows is for those who know the parser.
    let (first, _) = message.split_once(':').unwrap_or((message, ""));
    let message = match first.strip_prefix("invalid ") {
        Some(literal) => format!("not a valid {literal}"),
        None => "not an expression".to_owned(),
    };
    (message, None)
}
