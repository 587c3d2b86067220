//! Text, counted in characters (code points).

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::node::Operator;
use crate::languages::cel::operators;
use crate::languages::cel::pattern;
use crate::languages::cel::value::{Text, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "contains",
        signature: "text.contains(text), list.contains(value)",
        about: "Whether the text contains the other, or the list the value, as `in` says.",
        examples: &[
            ("'abc'.contains('b')", "true"),
            ("[1, 2].contains(3)", "false"),
        ],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string", "list", "map"],
        returns: Some("bool"),
        call: contains,
    },
    Builtin {
        name: "startsWith",
        signature: "text.startsWith(text)",
        about: "Whether the text begins with the other.",
        examples: &[("'abc'.startsWith('ab')", "true")],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("bool"),
        call: starts_with,
    },
    Builtin {
        name: "endsWith",
        signature: "text.endsWith(text)",
        about: "Whether the text ends with the other.",
        examples: &[("'abc'.endsWith('bc')", "true")],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("bool"),
        call: ends_with,
    },
    Builtin {
        name: "matches",
        signature: "text.matches(pattern), matches(text, pattern)",
        about: "Whether the regular expression matches a part of the text. Its syntax is RE2's, as \
                the Rust crate regex has it.",
        examples: &[
            ("'gpt-4o'.matches('^gpt-[0-9]')", "true"),
            ("'a'.matches('[')", "error"),
        ],
        style: Style::Both,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("bool"),
        call: matches,
    },
    Builtin {
        name: "regexReplace",
        signature: "text.regexReplace(pattern, text)",
        about: "The text with every match replaced. `$1` or `${1}` is what the first group matched.",
        examples: &[
            ("'id=1 id=2'.regexReplace('id=(.)', '[$1]')", "'[1] [2]'"),
            ("'3 cm'.regexReplace('(.) cm', '$1mm')", "'3mm'"),
            ("'abc'.regexReplace('x', '')", "'abc'"),
        ],
        style: Style::Method,
        arguments: [3, 3],
        of: &["string"],
        returns: Some("string"),
        call: regex_replace,
    },
    Builtin {
        name: "charAt",
        signature: "text.charAt(index)",
        about: "The character at the index; empty at the end.",
        examples: &[("'a😀'.charAt(1)", "'😀'"), ("'a'.charAt(2)", "error")],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("string"),
        call: char_at,
    },
    Builtin {
        name: "indexOf",
        signature: "text.indexOf(text[, from])",
        about: "Where the text is first found; -1 when it is not.",
        examples: &[
            ("'hello'.indexOf('l')", "2"),
            ("'hello'.indexOf('x')", "-1"),
        ],
        style: Style::Method,
        arguments: [2, 3],
        of: &["string"],
        returns: Some("int"),
        call: index_of,
    },
    Builtin {
        name: "lastIndexOf",
        signature: "text.lastIndexOf(text[, until])",
        about: "Where the text is last found; -1 when it is not.",
        examples: &[
            ("'hello'.lastIndexOf('l')", "3"),
            ("'hello'.lastIndexOf('l', 2)", "2"),
        ],
        style: Style::Method,
        arguments: [2, 3],
        of: &["string"],
        returns: Some("int"),
        call: last_index_of,
    },
    Builtin {
        name: "substring",
        signature: "text.substring(start[, end])",
        about: "The characters from start to before end.",
        examples: &[
            ("'hello'.substring(1, 3)", "'el'"),
            ("'a'.substring(2)", "error"),
        ],
        style: Style::Method,
        arguments: [2, 3],
        of: &["string"],
        returns: Some("string"),
        call: substring,
    },
    Builtin {
        name: "replace",
        signature: "text.replace(text, text[, count])",
        about: "The text with every, or the first so many, of the one replaced by the other.",
        examples: &[
            ("'aaa'.replace('a', 'b')", "'bbb'"),
            ("'aaa'.replace('a', 'b', 1)", "'baa'"),
        ],
        style: Style::Method,
        arguments: [3, 4],
        of: &["string"],
        returns: Some("string"),
        call: replace,
    },
    Builtin {
        name: "split",
        signature: "text.split(separator[, count])",
        about: "The parts of the text, at most so many.",
        examples: &[
            ("'a,b,c'.split(',')", "['a', 'b', 'c']"),
            ("'a,b,c'.split(',', 2)", "['a', 'b,c']"),
        ],
        style: Style::Method,
        arguments: [2, 3],
        of: &["string"],
        returns: Some("list"),
        call: split,
    },
    Builtin {
        name: "lowerAscii",
        signature: "text.lowerAscii()",
        about: "The text with the letters A to Z in lower case.",
        examples: &[("'AÉ'.lowerAscii()", "'aÉ'")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["string"],
        returns: Some("string"),
        call: lower_ascii,
    },
    Builtin {
        name: "upperAscii",
        signature: "text.upperAscii()",
        about: "The text with the letters a to z in upper case.",
        examples: &[("'aé'.upperAscii()", "'Aé'")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["string"],
        returns: Some("string"),
        call: upper_ascii,
    },
    Builtin {
        name: "trim",
        signature: "text.trim()",
        about: "The text without white space around it.",
        examples: &[("' a '.trim()", "'a'")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["string"],
        returns: Some("string"),
        call: trim,
    },
    Builtin {
        name: "stripPrefix",
        signature: "text.stripPrefix(text)",
        about: "The text without the other at its beginning, if it is there.",
        examples: &[("'Bearer x'.stripPrefix('Bearer ')", "'x'")],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("string"),
        call: strip_prefix,
    },
    Builtin {
        name: "stripSuffix",
        signature: "text.stripSuffix(text)",
        about: "The text without the other at its end, if it is there.",
        examples: &[("'a.json'.stripSuffix('.json')", "'a'")],
        style: Style::Method,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("string"),
        call: strip_suffix,
    },
];

/// Two texts, their bytes paid for.
fn two<'a, 'v>(
    budget: &Budget,
    arguments: &'a [Value<'v>],
) -> Result<(&'a Text<'v>, &'a Text<'v>), Error> {
    match arguments {
        [Value::String(text), Value::String(other), ..] => {
            budget.read(text.len().saturating_add(other.len()))?;
            Ok((text, other))
        }
        _ => Err(Error::Mismatch),
    }
}

/// A part of a text: borrowed from the message where the text is.
fn part<'v>(
    text: &Text<'v>,
    cut: impl for<'t> Fn(&'t str) -> &'t str,
    budget: &Budget,
) -> Result<Value<'v>, Error> {
    match text {
        Text::Borrowed(text) => Ok(Value::borrowed(cut(text))),
        Text::Shared(text) => Value::text(cut(text).to_owned(), budget),
    }
}

fn contains<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    if let [all @ (Value::List(_) | Value::Map(_)), item] = arguments {
        return operators::apply(Operator::In, item, all, budget);
    }
    let (text, other) = two(budget, arguments)?;
    Ok(Value::Bool(text.contains(&**other)))
}

fn starts_with<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, other) = two(budget, arguments)?;
    Ok(Value::Bool(text.starts_with(&**other)))
}

fn ends_with<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, other) = two(budget, arguments)?;
    Ok(Value::Bool(text.ends_with(&**other)))
}

fn matches<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, pattern) = two(budget, arguments)?;
    let pattern = pattern::compile_now(pattern, budget)?;
    pattern::matches(text, &pattern, budget).map(Value::Bool)
}

fn regex_replace<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, pattern) = two(budget, arguments)?;
    let Some(Value::String(with)) = arguments.get(2) else {
        return Err(Error::Mismatch);
    };
    let pattern = pattern::compile_now(pattern, budget)?;
    Value::text(pattern::replace(text, &pattern, with, budget)?, budget)
}

/// The byte at which a character begins; that of the end is the length.
fn offset(text: &str, index: i64) -> Result<usize, Error> {
    let offset = usize::try_from(index).ok().and_then(|index| {
        let starts = text.char_indices().map(|(offset, _)| offset);
        starts.chain([text.len()]).nth(index)
    });
    offset.ok_or_else(|| Error::Failed(format!("no character {index}")))
}

fn char_at<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::String(text), Value::Int(index)] = arguments else {
        return Err(Error::Mismatch);
    };
    budget.read(text.len())?;
    let start = offset(text, *index)?;
    let first = |text: &str| text.chars().next().map_or(0, char::len_utf8);
    part(
        text,
        |text| {
            let rest = text.get(start..).unwrap_or_default();
            rest.get(..first(rest)).unwrap_or_default()
        },
        budget,
    )
}

/// A place in bytes as a number of characters.
fn place<'v>(text: &str, found: Option<usize>) -> Value<'v> {
    let before = found.and_then(|found| text.get(..found));
    let count = before.map(|before| before.chars().count());
    Value::Int(count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)))
}

fn index_of<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, other) = two(budget, arguments)?;
    let from = match arguments.get(2) {
        None => 0,
        Some(Value::Int(from)) => offset(text, *from)?,
        Some(_) => return Err(Error::Mismatch),
    };
    let rest = text.get(from..).unwrap_or_default();
    let found = rest.find(&**other).map(|found| found.saturating_add(from));
    Ok(place(text, found))
}

fn last_index_of<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, other) = two(budget, arguments)?;
    let until = match arguments.get(2) {
        None => text.len(),
        Some(Value::Int(until)) => offset(text, *until)?.saturating_add(other.len()),
        Some(_) => return Err(Error::Mismatch),
    };
    // Past the end, or inside a character: what begins before it ends before it.
    let mut until = until.min(text.len());
    while !text.is_char_boundary(until) {
        until = until.saturating_sub(1);
    }
    let before = text.get(..until).unwrap_or_default();
    Ok(place(text, before.rfind(&**other)))
}

fn substring<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, start, end) = match arguments {
        [Value::String(text), Value::Int(start)] => (text, start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, start, Some(end)),
        _ => return Err(Error::Mismatch),
    };
    budget.read(text.len().saturating_mul(2))?;
    let start = offset(text, *start)?;
    let end = match end {
        Some(end) => offset(text, *end)?,
        None => text.len(),
    };
    if start > end {
        return Error::failed("the end is before the start");
    }
    part(
        text,
        |text| text.get(start..end).unwrap_or_default(),
        budget,
    )
}

/// How many of something; negative means all.
fn count(argument: Option<&Value<'_>>) -> Result<usize, Error> {
    match argument {
        None => Ok(usize::MAX),
        Some(Value::Int(count)) => Ok(usize::try_from(*count).unwrap_or(usize::MAX)),
        Some(_) => Err(Error::Mismatch),
    }
}

fn replace<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, old) = two(budget, arguments)?;
    let Some(Value::String(new)) = arguments.get(2) else {
        return Err(Error::Mismatch);
    };
    let count = count(arguments.get(3))?;
    let found = text.matches(&**old).take(count).count();
    budget.steps(found)?;
    budget.make(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    Value::text(text.replacen(&**old, new, count), budget)
}

fn split<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, separator) = two(budget, arguments)?;
    let count = count(arguments.get(2))?;
    let parts = match text {
        Text::Borrowed(text) => {
            let mut parts = Vec::new();
            for piece in pieces(text, separator, count) {
                budget.collect(1, size_of::<Value<'_>>())?;
                parts.push(Value::borrowed(piece));
            }
            parts
        }
        Text::Shared(text) => {
            let mut parts = Vec::new();
            for piece in pieces(text, separator, count) {
                budget.collect(1, size_of::<Value<'_>>())?;
                parts.push(Value::text(piece.to_owned(), budget)?);
            }
            parts
        }
    };
    Value::list(parts, budget)
}

/// The parts of a text. An empty separator stands between all characters, so that an empty text has none.
fn pieces<'t>(text: &'t str, separator: &str, count: usize) -> impl Iterator<Item = &'t str> {
    let is_none = text.is_empty() && separator.is_empty();
    let mut rest = (count > 0 && !is_none).then_some(text);
    let mut left = count;
    std::iter::from_fn(move || {
        let text = rest.take()?;
        left = left.saturating_sub(1);
        let at = if separator.is_empty() {
            let first = text.chars().next().map_or(0, char::len_utf8);
            (first < text.len()).then_some(first)
        } else {
            text.find(separator)
        };
        match at.filter(|_| left > 0) {
            Some(at) => {
                rest = text.get(at.saturating_add(separator.len())..);
                text.get(..at)
            }
            None => Some(text),
        }
    })
}

fn lower_ascii<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::String(text)] => Value::text(text.to_ascii_lowercase(), budget),
        _ => Err(Error::Mismatch),
    }
}

fn upper_ascii<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::String(text)] => Value::text(text.to_ascii_uppercase(), budget),
        _ => Err(Error::Mismatch),
    }
}

fn trim<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::String(text)] => {
            budget.read(text.len())?;
            part(text, |text| text.trim(), budget)
        }
        _ => Err(Error::Mismatch),
    }
}

fn strip_prefix<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, prefix) = two(budget, arguments)?;
    part(
        text,
        |text| text.strip_prefix(&**prefix).unwrap_or(text),
        budget,
    )
}

fn strip_suffix<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (text, suffix) = two(budget, arguments)?;
    part(
        text,
        |text| text.strip_suffix(&**suffix).unwrap_or(text),
        budget,
    )
}
