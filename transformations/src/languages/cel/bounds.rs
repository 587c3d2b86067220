//! Bounds on an expression's text, checked before it is parsed: the parser recurses, and so does
//! all that handles what it has built.
//!
//! Texts end here where they end for the parser's lexer. A quote that only one of the two took for
//! the end would hide from this check what follows, and the lexer goes on after what it does not
//! know: what it would not know is refused.

use diagnostics::{Code, Diagnostic, Position};

/// The longest expression, in bytes: what agentgateway's schema allows.
pub(crate) const BYTES: usize = 16 << 10;

/// The most names, values and operators.
pub(crate) const TERMS: usize = 500;

/// The most brackets open at once.
pub(crate) const BRACKETS: usize = 32;

/// Finds what would cost too much to parse, and texts that never end. Anything else that is no
/// expression is left to the parser to refuse.
pub(super) fn check(path: &str, text: &str) -> Result<(), Diagnostic> {
    let too_much = |message| {
        Diagnostic::error(Code::Range, path, message)
            .help("shorten it, or split it into several edits or fields")
    };
    if text.len() > BYTES {
        let bytes = text.len();
        return Err(too_much(format!(
            "the expression has {bytes} bytes, more than {BYTES}"
        )));
    }
    let mut scan = Scan { rest: text };
    let mut terms: usize = 0;
    let mut brackets: usize = 0;
    while let Some(rest) = scan.rest() {
        let here = || {
            let read = text.len().saturating_sub(rest.len());
            let before = text.get(..read).unwrap_or_default();
            Some(position(text, before.chars().count()))
        };
        let term = scan.term().map_err(|wrong| {
            Diagnostic::error(Code::Expression, path, wrong.message)
                .help(wrong.help)
                .at(here())
        })?;
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
        return Err(too_much(message).at(here()));
    }
    Ok(())
}

enum Term {
    Open,
    Close,
    Other,
}

/// Why something is no term.
struct Wrong {
    message: String,
    help: &'static str,
}

impl Wrong {
    fn new<T>(message: impl Into<String>, help: &'static str) -> Result<T, Self> {
        let message = message.into();
        Err(Self { message, help })
    }
}

struct Scan<'t> {
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// The next term and what follows; `None` at the end.
    fn rest(&mut self) -> Option<&'t str> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with("//") {
                break;
            }
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        Some(self.rest).filter(|rest| !rest.is_empty())
    }

    /// Reads over the next term.
    fn term(&mut self) -> Result<Term, Wrong> {
        let length = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        if length > 0 {
            let (word, rest) = self.rest.split_at_checked(length).unwrap_or_default();
            self.rest = rest;
            return self.after(word).map(|()| Term::Other);
        }
        let Some(first) = self.rest.chars().next() else {
            return Ok(Term::Other);
        };
        match first {
            '"' | '\'' => self.text(false)?,
            '`' => self.name()?,
            _ => self.skip(first.len_utf8()),
        }
        Ok(match first {
            '(' | '[' | '{' => Term::Open,
            ')' | ']' | '}' => Term::Close,
            _ => Term::Other,
        })
    }

    /// Reads over the text that a word may be the prefix of.
    fn after(&mut self, word: &str) -> Result<(), Wrong> {
        if !self.rest.starts_with(['"', '\'']) {
            return Ok(());
        }
        match word {
            "b" | "B" => self.text(false),
            "r" | "R" | "br" | "bR" | "Br" | "BR" => self.text(true),
            // A name is over, and the text stands for itself.
            _ if word.is_ascii() && !word.starts_with(|c: char| c.is_ascii_digit()) => Ok(()),
            _ => Wrong::new(
                format!("a string directly follows `{word}`"),
                "put an operator between them",
            ),
        }
    }

    /// Reads over a text, whose opening quotes come first.
    fn text(&mut self, raw: bool) -> Result<(), Wrong> {
        let all = ["\"\"\"", "'''", "\"", "'"];
        let quotes = all.into_iter().find(|quotes| self.rest.starts_with(quotes));
        let quotes = quotes.unwrap_or_default();
        let one_line = quotes.len() == 1;
        self.skip(quotes.len());
        while !self.rest.starts_with(quotes) {
            match self.rest.chars().next() {
                Some('\\') if !raw => self.escape()?,
                Some(c) if !(one_line && ['\n', '\r'].contains(&c)) => self.skip(c.len_utf8()),
                _ => {
                    return Wrong::new(
                        format!("the string that begins with {quotes} has no end"),
                        "end it with the same quotes; line breaks need three of them, or `\\n`",
                    );
                }
            }
        }
        self.skip(quotes.len());
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Wrong> {
        let mut rest = self.rest.chars().skip(1);
        let kind = rest.next();
        let (digits, radix) = match kind {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => {
                (0, 16)
            }
            Some('x' | 'X') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some('0'..='3') => (2, 8),
            _ => (usize::MAX, 16),
        };
        if rest.take(digits).filter(|c| c.is_digit(radix)).count() == digits {
            // All of it is ASCII.
            self.skip(digits.saturating_add(2));
            return Ok(());
        }
        let escape: String = self.rest.chars().take(2).collect();
        Wrong::new(
            format!("`{escape}` is not an escape"),
            "write `\\\\` for a backslash, or r'...' around a pattern",
        )
    }

    /// Reads over a name in backticks.
    fn name(&mut self) -> Result<(), Wrong> {
        self.skip(1);
        let may_stand = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        let length = self.rest.find(|c| !may_stand(c)).unwrap_or_default();
        self.skip(length);
        if length > 0 && self.rest.starts_with('`') {
            self.skip(1);
            return Ok(());
        }
        Wrong::new(
            "the name in backticks is not valid",
            "use letters, digits and `_.-/ ` in it, or write `[\"...\"]`",
        )
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
            format!("r'\\'+br\"{inside}\"+b'{inside}'+x in'{inside}'"),
            format!("// {inside}\n1"),
        ] {
            assert!(!refused(&text), "{text}");
            assert!(refused(&format!("{text}+{inside}")), "{text}");
        }
    }

    #[test]
    fn a_text_that_the_parser_would_end_elsewhere_is_refused() {
        for text in [
            "'\n1+1'",
            "\"\r1+1\"",
            "'1+1",
            "'''1+1''",
            "r'''1+1\\''",
            "1r'\\' '1+1",
            "0xr'\\' '1+1",
            "ér'\\' '1+1",
            "'\\q1+1'",
            "'\\x4 1+1'",
            "'\\u00e '",
            "'\\400'",
            "'\\",
            "a.`b\n1+1`",
            "a.``",
            "a.`b",
        ] {
            assert!(refused(text), "{text}");
        }
        for text in [
            "'\\x41\\u00e9\\U0001F600\\101\\a\\`'",
            "'''\n\"'\n'''",
            "Br'\\'",
            "x in'a'",
            "a.`b.c-d/e f`",
        ] {
            assert!(!refused(text), "{text}");
        }
    }
}
