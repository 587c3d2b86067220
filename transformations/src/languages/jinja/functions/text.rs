//! Functions on text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use minijinja::{Environment, Error, ErrorKind};

use crate::languages::function::Function;
use crate::languages::jinja::{filters, memory, reading};

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "substring",
        signature: "substring(text, start[, length])",
        about: "A part of the text, in bytes. A character that is cut is left out.",
        examples: &[
            ("{{ substring(\"abc\", 1) }}", "bc"),
            ("{{ substring(\"abc\", 0, 2) }}", "ab"),
        ],
    },
    Function {
        name: "replace_with_string",
        signature: "replace_with_string(text, old, new)",
        about: "The text with every `old` replaced.",
        examples: &[("{{ replace_with_string(\"aba\", \"a\", \"c\") }}", "cbc")],
    },
    Function {
        name: "replace_with_random",
        signature: "replace_with_random(text, old)",
        about: "The text with every `old` replaced by the same random text. Can be guessed: not for secrets.",
        examples: &[("{{ replace_with_random(\"a\", \"a\") | length }}", "22")],
    },
    Function {
        name: "raw_string",
        signature: "raw_string(text)",
        about: "The text escaped for the inside of a JSON string.",
        examples: &[("{{ raw_string(\"a\\\"b\") }}", "a\\\"b")],
    },
];

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function(
        "substring",
        |text: &str, start: usize, length: Option<usize>| {
            reading::text(text)?;
            memory::made(substring(text, start, length))
        },
    );
    environment.add_function(
        "replace_with_string",
        |text: &str, pattern: &str, with: &str| replace(text, pattern, with),
    );
    environment.add_function("replace_with_random", |text: &str, pattern: &str| {
        // Not for secrets: the generator is fast, not unpredictable.
        let random = STANDARD_NO_PAD.encode(fastrand::u128(..).to_ne_bytes());
        replace(text, pattern, &random)
    });
    environment.add_function("raw_string", |text: &str| {
        reading::text(text)?;
        raw_string(text).and_then(memory::made)
    });
}

/// `text` with every `pattern` replaced.
fn replace(text: &str, pattern: &str, with: &str) -> Result<String, Error> {
    [text, pattern, with]
        .into_iter()
        .try_for_each(reading::text)?;
    filters::replace(text, pattern, with)
}

/// The part of `text` from byte `start`, `length` bytes long. A character that is cut by either
/// end is left out.
fn substring(text: &str, start: usize, length: Option<usize>) -> String {
    let end = match length {
        Some(length) => start.saturating_add(length).min(text.len()),
        None => text.len(),
    };
    let mut from = start;
    while from < end && !text.is_char_boundary(from) {
        from = from.saturating_add(1);
    }
    let mut to = end;
    while to > from && !text.is_char_boundary(to) {
        to = to.saturating_sub(1);
    }
    text.get(from..to).unwrap_or_default().to_owned()
}

/// `text` escaped for the inside of a JSON string.
fn raw_string(text: &str) -> Result<String, Error> {
    let quoted = serde_json::to_string(text)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Ok(inside.unwrap_or(&quoted).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substring_never_cuts_a_character() {
        assert_eq!(substring("aaaéb", 0, Some(4)), "aaa");
        assert_eq!(substring("aaaéb", 4, None), "b");
        assert_eq!(substring("é", 1, Some(1)), "");
        assert_eq!(substring("abc", 1, Some(1)), "b");
        assert_eq!(substring("abc", 1, Some(100)), "bc");
        assert_eq!(substring("abc", 3, None), "");
        assert_eq!(substring("abc", 9, Some(usize::MAX)), "");
        assert_eq!(substring("abc", 0, Some(0)), "");
    }

    #[test]
    fn raw_string_escapes() {
        assert_eq!(raw_string("a\"b\n\u{1}/é").unwrap(), "a\\\"b\\n\\u0001/é");
    }
}
