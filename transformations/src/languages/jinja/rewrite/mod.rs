//! A template's text, written again with operators that are bounded.
//!
//! The engine has no way to put other operators in the place of its own, and it calculates operators
//! of constants before any template runs. So what it gets to compile says `a|_sum(b)` for `a + b`:
//! the same template, line by line, wherever it is rendered or included.

mod expression;
mod statement;

use minijinja::machinery::{Span, WhitespaceConfig, parse};
use minijinja::syntax::SyntaxConfig;

use super::constants::{Constants, TooMuch};

/// Why a template is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The compiler would calculate too much.
    #[error("the constants take too much to calculate")]
    TooMuch(Span),
    /// An import under what is not a name: the compiler would panic.
    #[error("the import has no name")]
    Import(Span),
}

impl From<TooMuch> for Refused {
    fn from(TooMuch(span): TooMuch) -> Self {
        Refused::TooMuch(span)
    }
}

/// Why there is no other text for a template.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is not a template.
    #[error(transparent)]
    Syntax(#[from] minijinja::Error),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// The text of a template written again, unless nothing in it has to change.
///
/// What an `included` template prints may become a value, wherever it is.
///
/// # Errors
///
/// It is no template, or the engine's compiler could not handle it.
pub(super) fn text(name: &str, text: &str, included: bool) -> Result<Option<String>, Error> {
    let whitespace = WhitespaceConfig::default();
    let template = parse(text, name, SyntaxConfig, whitespace)?;
    let rewritten = |counts_text| {
        let mut writer = Writer::new(counts_text);
        writer.statement(&template).map(|()| writer)
    };
    let mut writer = rewritten(included)?;
    if writer.captures && !included {
        writer = rewritten(true)?;
    }
    if writer.out.ends_with('\n') {
        // The engine drops one.
        writer.out.push('\n');
    }
    Ok(writer.changed.then_some(writer.out))
}

struct Writer {
    out: String,
    /// The line that has been reached.
    line: u16,
    /// Whether to count the template's own text.
    counts_text: bool,
    /// Whether what is printed may become a value.
    captures: bool,
    /// Whether anything differs from the template.
    changed: bool,
    constants: Constants,
}

impl Writer {
    fn new(counts_text: bool) -> Self {
        Self {
            out: String::new(),
            line: 1,
            counts_text,
            captures: false,
            changed: false,
            constants: Constants::new(),
        }
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Goes to the line on which something begins, for messages to name it.
    fn go_to(&mut self, span: Span) {
        while self.line < span.start_line {
            self.out.push('\n');
            self.line = self.line.saturating_add(1);
        }
    }

    /// A filter of our own on what has been written.
    fn apply(&mut self, filter: &str) {
        self.changed = true;
        self.out.push('|');
        self.out.push_str(filter);
    }

    /// A text in quotes.
    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

#[cfg(test)]
mod tests;
