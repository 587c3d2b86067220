//! One parameter of a path's query, as URL's `application/x-www-form-urlencoded` has it. Every other
//! byte of the path stays, so that what signs it still holds.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// What is escaped in a part of a URL: all but what RFC 3986 section 2.3 leaves as it is.
pub(super) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A parameter whose value is not percent-encoded UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotText;

/// A path in its parts.
struct Parts<'p> {
    path: &'p str,
    /// What stands behind the `?`, if one stands there.
    query: Option<&'p str>,
    /// From the `#` on.
    fragment: &'p str,
}

impl<'p> Parts<'p> {
    fn of(path: &'p str) -> Self {
        let (target, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self {
            path,
            query,
            fragment,
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &'p str> {
        self.query.into_iter().flat_map(|query| query.split('&'))
    }

    /// The path with another query.
    fn with(&self, query: &str) -> String {
        [self.path, "?", query, self.fragment].concat()
    }
}

/// The value of the first parameter that is called so; `None` when there is none.
///
/// # Errors
///
/// It is no text.
pub(super) fn get(path: &str, name: &str) -> Result<Option<String>, NotText> {
    let parts = Parts::of(path);
    let Some(parameter) = parts
        .parameters()
        .find(|parameter| is_called(parameter, name))
    else {
        return Ok(None);
    };
    let (_, value) = parameter.split_once('=').unwrap_or_default();
    let value = String::from_utf8(decoded(value).into_owned());
    value.map(Some).map_err(|_| NotText)
}

/// The path with a parameter at the end of its query.
pub(super) fn add(path: &str, name: &str, value: &str) -> String {
    let parts = Parts::of(path);
    let query = parts.query.unwrap_or_default();
    let separator = if query.is_empty() || query.ends_with('&') {
        ""
    } else {
        "&"
    };
    let name = escaped(name);
    parts.with(&[query, separator, &name, "=", &escaped(value)].concat())
}

/// The path in which the first parameter that is called so has this value, where it stands, and no
/// other is called so; it is added where there is none.
pub(super) fn set(path: &str, name: &str, value: &str) -> String {
    let parts = Parts::of(path);
    let mut first = true;
    let mut kept = Vec::new();
    for parameter in parts.parameters() {
        if !is_called(parameter, name) {
            kept.push(Cow::Borrowed(parameter));
        } else if std::mem::take(&mut first) {
            let (spelled, _) = parameter.split_once('=').unwrap_or((parameter, ""));
            kept.push([spelled, "=", &escaped(value)].concat().into());
        }
    }
    if first {
        return add(path, name, value);
    }
    parts.with(&kept.join("&"))
}

/// The path without the parameters that are called so; without the `?` when none is left.
pub(super) fn remove(path: &str, name: &str) -> String {
    let parts = Parts::of(path);
    let kept = || {
        parts
            .parameters()
            .filter(|parameter| !is_called(parameter, name))
    };
    if kept().count() == parts.parameters().count() {
        return path.to_owned();
    }
    if kept().next().is_none() {
        return [parts.path, parts.fragment].concat();
    }
    parts.with(&kept().collect::<Vec<_>>().join("&"))
}

fn is_called(parameter: &str, name: &str) -> bool {
    let (spelled, _) = parameter.split_once('=').unwrap_or((parameter, ""));
    !parameter.is_empty() && *decoded(spelled) == *name.as_bytes()
}

/// What a part of a form stands for.
fn decoded(part: &str) -> Cow<'_, [u8]> {
    if !part.contains(['%', '+']) {
        return Cow::Borrowed(part.as_bytes());
    }
    let spaced = part.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).collect())
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIGNED: &str = "/p?flag&x=%41%2f&y=a+b&z=~*'()&u=%C3%A9&bad=%FF";

    #[test]
    fn values() {
        for (path, name, expected) in [
            (SIGNED, "x", Ok(Some("A/"))),
            (SIGNED, "y", Ok(Some("a b"))),
            (SIGNED, "u", Ok(Some("é"))),
            (SIGNED, "flag", Ok(Some(""))),
            (SIGNED, "bad", Err(NotText)),
            (SIGNED, "none", Ok(None)),
            ("/p?a=1&a=2", "a", Ok(Some("1"))),
            ("/p?%61=1", "a", Ok(Some("1"))),
            ("/p?a=b=c", "a", Ok(Some("b=c"))),
            ("/p", "a", Ok(None)),
            ("/p?", "", Ok(None)),
            ("/p?=1", "", Ok(Some("1"))),
            ("/p#?a=1", "a", Ok(None)),
        ] {
            let expected = expected.map(|value| value.map(str::to_owned));
            assert_eq!(get(path, name), expected, "{path} {name}");
        }
    }

    #[test]
    fn edits() {
        for (path, expected) in [
            ("/p", "/p?k=v%20%26"),
            ("/p?", "/p?k=v%20%26"),
            ("/p?a", "/p?a&k=v%20%26"),
            ("/p?a&", "/p?a&k=v%20%26"),
            ("/p?k=1#f", "/p?k=1&k=v%20%26#f"),
        ] {
            assert_eq!(add(path, "k", "v &"), expected);
        }
        for (path, expected) in [
            ("/p?a&k=1&b=%41&k=2", "/p?a&k=v&b=%41"),
            ("/p?%6B=1", "/p?%6B=v"),
            ("/p?k", "/p?k=v"),
            ("/p?a", "/p?a&k=v"),
        ] {
            assert_eq!(set(path, "k", "v"), expected);
        }
        for (path, expected) in [
            ("/p?k=1", "/p"),
            ("/p?k=1#f", "/p#f"),
            ("/p?k=1&a=+%2f&k", "/p?a=+%2f"),
            ("/p?a&&k&b", "/p?a&&b"),
            ("/p?", "/p?"),
            ("/p", "/p"),
            ("/p?kk=1&a=k", "/p?kk=1&a=k"),
        ] {
            assert_eq!(remove(path, "k"), expected);
        }
        assert_eq!(add(SIGNED, "k", "v"), format!("{SIGNED}&k=v"));
        assert_eq!(remove(&add(SIGNED, "k", "v"), "k"), SIGNED);
    }

    proptest! {
        /// What is added is found and taken away again, and nothing else is.
        #[test]
        fn what_is_added_comes_off(
            path in "/[a-z]{0,3}(\\?[a-c=&%+4]{1,8}[a-c])?",
            name in "k[ -~é]{0,4}",
            value in "[ -~é]{0,6}",
        ) {
            let added = add(&path, &name, &value);
            prop_assert_eq!(get(&added, &name), Ok(Some(value.clone())));
            prop_assert_eq!(remove(&added, &name), path.clone());
            prop_assert_eq!(set(&path, &name, &value), added);
        }
    }
}
