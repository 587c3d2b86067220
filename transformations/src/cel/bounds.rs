//! Bounds on an expression's text, checked before it is parsed: the parser recurses, and so does
//! all that handles what it has built.

use crate::diagnostic::{Code, Diagnostic, Position};

/// The longest expression, in bytes: what agentgateway's schema allows.
const BYTES: usize = 16 << 10;

/// The most names, values and operators.
const TERMS: usize = 500;

/// The most brackets open at once.
const BRACKETS: usize = 32;

/// Finds what would cost too much to parse. Text that is no expression is left to the parser to
/// refuse.
pub(super) fn check(path: &str, text: &str) -> Result<(), Diagnostic> {
    if text.len() > BYTES {
        let message = format!(
            "an expression of {} bytes is longer than {BYTES}",
            text.len()
        );
        return Err(refused(path, message));
    }
    let mut scan = Scan { text, rest: text };
    let mut terms: usize = 0;
    let mut brackets: usize = 0;
    while let Some(term) = scan.next() {
        terms = terms.saturating_add(1);
        match term {
            Term::Open => brackets = brackets.saturating_add(1),
            Term::Close => brackets = brackets.saturating_sub(1),
            Term::Other => {}
        }
        let message = if terms > TERMS {
            format!("more than {TERMS} names, values and operators in one expression")
        } else if brackets > BRACKETS {
            format!("more than {BRACKETS} brackets open at once")
        } else {
            continue;
        };
        return Err(refused(path, message).at(Some(scan.position())));
    }
    Ok(())
}

fn refused(path: &str, message: String) -> Diagnostic {
    Diagnostic::error(Code::Range, path, message).help("divide it")
}

enum Term {
    Open,
    Close,
    Other,
}

struct Scan<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Scan<'_> {
    fn position(&self) -> Position {
        let read = self.text.len().saturating_sub(self.rest.len());
        position(
            self.text,
            self.text.get(..read).unwrap_or_default().chars().count(),
        )
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn next(&mut self) -> Option<Term> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with("//") {
                break;
            }
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        let first = self.rest.chars().next()?;
        let word = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        if word > 0 {
            let (prefix, from) = self.rest.split_at_checked(word).unwrap_or_default();
            let raw = prefix.contains(['r', 'R']);
            let is_prefix = word <= 2 && prefix.chars().all(|c| "rRbB".contains(c));
            self.rest = from;
            if is_prefix && from.starts_with(['"', '\'']) {
                self.string(raw);
            }
            return Some(Term::Other);
        }
        match first {
            '"' | '\'' => self.string(false),
            '`' => self.until("`", true),
            _ => self.skip(first.len_utf8()),
        }
        Some(match first {
            '(' | '[' | '{' => Term::Open,
            ')' | ']' | '}' => Term::Close,
            _ => Term::Other,
        })
    }

    /// Reads over a string, whose opening quotes come first.
    fn string(&mut self, raw: bool) {
        for quotes in ["\"\"\"", "'''", "\"", "'"] {
            if self.rest.starts_with(quotes) {
                return self.until(quotes, raw);
            }
        }
    }

    fn until(&mut self, quotes: &str, raw: bool) {
        self.skip(quotes.len());
        while !self.rest.is_empty() && !self.rest.starts_with(quotes) {
            let mut chars = self.rest.chars();
            if chars.next() == Some('\\') && !raw {
                chars.next();
            }
            self.rest = chars.as_str();
        }
        self.skip(quotes.len());
    }
}

/// The line and column of a character, counted from 0.
pub(super) fn position(text: &str, character: usize) -> Position {
    let before = || text.chars().take(character);
    let column = before().collect::<Vec<_>>();
    Position {
        line: before().filter(|c| *c == '\n').count().saturating_add(1),
        column: column
            .iter()
            .rev()
            .take_while(|c| **c != '\n')
            .count()
            .saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        check("", text).is_err()
    }

    #[test]
    fn long_and_deep_expressions_are_refused() {
        for link in [".b", "[0]", "()", "+n", "&&a", "==n", "?a:b"] {
            assert!(!refused(&format!("a{}", link.repeat(100))), "{link}");
            assert!(refused(&format!("a{}", link.repeat(501))), "{link}");
        }
        for bracket in ["(", "[", "{", "f("] {
            assert!(!refused(&bracket.repeat(32)), "{bracket}");
            assert!(refused(&bracket.repeat(33)), "{bracket}");
        }
        assert!(refused(&format!("'{}'", "a".repeat(BYTES))));
    }

    #[test]
    fn what_stands_in_a_string_or_comment_counts_once() {
        let inside = "((((".repeat(100);
        for text in [
            format!("'{inside}'"),
            format!("\"\\\"{inside}\""),
            format!("'''{inside}'{inside}'''"),
            format!("r'\\'+rb\"{inside}\"+b'{inside}'"),
            format!("// {inside}\n1"),
            format!("a.`{inside}`"),
        ] {
            assert!(!refused(&text), "{text}");
            assert!(refused(&format!("{text}+{inside}")), "{text}");
        }
    }
}
