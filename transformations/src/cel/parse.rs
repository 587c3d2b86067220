//! The parser of crate `cel`: the only file that runs it.

use cel::Env;
use cel::common::ast::{IdedExpr, SourceInfo};

use super::bounds;
use crate::diagnostic::{Code, Diagnostic};

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
        let Some(error) = errors.errors.first() else {
            return Diagnostic::error(Code::Expression, path, "not an expression");
        };
        let position = |(line, column): (isize, isize)| {
            Some(crate::diagnostic::Position {
                line: usize::try_from(line).ok().filter(|line| *line > 0)?,
                column: usize::try_from(column).ok()?.max(1),
            })
        };
        let message = error.msg.trim_start_matches("Syntax error: ");
        Diagnostic::error(Code::Expression, path, message).at(position(error.pos))
    })
}
