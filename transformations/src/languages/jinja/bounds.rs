//! Bounds on a template's text, checked before it is parsed: the parser recurses, and so does
//! dropping what it has built.

use minijinja::machinery::{Span, Token, WhitespaceConfig, tokenize};
use minijinja::syntax::SyntaxConfig;

use diagnostics::{Code, Diagnostic};

use super::beginning;

/// The most tokens of one expression or statement.
pub(crate) const EXPRESSION_TOKENS: usize = 1000;

/// The most statements (`{% … %}`) of one template.
pub(crate) const STATEMENTS: usize = 1000;

/// The longest name, in bytes: it is read again each time it is looked up.
pub(crate) const NAME_BYTES: usize = 256;

/// The most often a text or list may be repeated by `*`.
pub(crate) const REPETITIONS: u64 = 10_000;

/// Finds what would cost too much. Text that is not a template is left to the parser to refuse.
pub(super) fn check(path: &str, text: &str) -> Result<(), Diagnostic> {
    let refused = |span: Span, message: String, help: &str| {
        let position = beginning(span);
        let error = Diagnostic::error(Code::Range, path, message);
        Err(error.at(Some(position)).help(help))
    };
    let mut tokens: usize = 0;
    let mut statements: usize = 0;
    let mut before = [None, None];
    let mut brackets = Vec::new();
    let steps = tokenize(text, false, SyntaxConfig, WhitespaceConfig::default());
    for (token, span) in steps.map_while(Result::ok) {
        match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => tokens = 0,
            _ => tokens = tokens.saturating_add(1),
        }
        if tokens > EXPRESSION_TOKENS {
            let message = format!(
                "more than {EXPRESSION_TOKENS} names, values and operators in one expression"
            );
            return refused(span, message, "split it with `{% set %}`");
        }
        if matches!(token, Token::Ident(name) if name.len() > NAME_BYTES) {
            let message = format!("a name has more than {NAME_BYTES} bytes");
            return refused(span, message, "write a shorter name");
        }
        if matches!(token, Token::BlockStart) {
            statements = statements.saturating_add(1);
        }
        if statements > STATEMENTS {
            let message = format!("the template has more than {STATEMENTS} statements");
            return refused(span, message, "look values up in a map instead");
        }
        let kind = match token {
            // After a value, a bracket looks up; anywhere else, it begins a list.
            Token::BracketOpen => {
                let [_, last] = before;
                let list = !matches!(last, Some(Kind::Sequence | Kind::Value));
                brackets.push(list);
                if list { Kind::Sequence } else { Kind::Other }
            }
            Token::BracketClose if brackets.pop() == Some(true) => Kind::Sequence,
            token => Kind::of(&token),
        };
        if let [Some(left), Some(Kind::Times)] = before
            && repeats_without_end(left, kind)
        {
            let message =
                "a text or list is repeated too often, or as often as the message decides"
                    .to_owned();
            return refused(span, message, "repeat it by a number up to 10000");
        }
        let [_, last] = before;
        before = [last, Some(kind)];
    }
    Ok(())
}

/// What a token is to a repetition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A text, or an end of a list.
    Sequence,
    /// The end of any other value.
    Value,
    Number(u64),
    Times,
    Other,
}

impl Kind {
    fn of(token: &Token<'_>) -> Self {
        match token {
            Token::Str(_) | Token::String(_) => Kind::Sequence,
            Token::Ident(_) | Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                Kind::Value
            }
            Token::Int(number) => Kind::Number(*number),
            Token::Mul => Kind::Times,
            _ => Kind::Other,
        }
    }
}

fn repeats_without_end(left: Kind, right: Kind) -> bool {
    let few = |kind: Kind| matches!(kind, Kind::Number(number) if number <= REPETITIONS);
    // Before a list of arguments, `*` unpacks and nothing stands to its left.
    let times = left != Kind::Other;
    (left == Kind::Sequence && !few(right)) || (times && right == Kind::Sequence && !few(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        check("", text).is_err()
    }

    #[test]
    fn long_expressions_and_many_statements_are_refused() {
        for link in [".b", "[0]", "|upper", "()", "+n", " and a", " == n"] {
            assert!(
                !refused(&format!("{{{{ a{} }}}}", link.repeat(200))),
                "{link}"
            );
            assert!(
                refused(&format!("{{{{ a{} }}}}", link.repeat(1001))),
                "{link}"
            );
        }
        assert!(!refused(&"{{ a }}text".repeat(10_000)));
        assert!(refused(&format!(
            "{{% if a %}}{}{{% endif %}}",
            "{% elif a %}".repeat(1001)
        )));
    }

    #[test]
    fn long_names_are_refused() {
        assert!(!refused(&format!("{{{{ a.{} }}}}", "b".repeat(256))));
        assert!(refused(&format!("{{{{ a.{} }}}}", "b".repeat(257))));
    }

    #[test]
    fn repetitions_without_a_bound_are_refused() {
        for text in [
            "{{ '-' * 20 }}",
            "{{ 20 * '-' }}",
            "{{ a * b }}",
            "{{ 2 * 3 }}",
            "a * b",
        ] {
            assert!(!refused(text), "{text}");
        }
        for text in [
            "{{ '-' * n }}",
            "{{ n * '-' }}",
            "{{ '-' * 10001 }}",
            "{{ '-' * (2) }}",
        ] {
            assert!(refused(text), "{text}");
        }
    }
}
