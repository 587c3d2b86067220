//! A path as servers read it that tidy it up first.

use std::borrow::Cow;

/// A path, of which escapes that decide where a segment ends are decoded.
pub(super) struct Lenient<'p>(Cow<'p, str>);

impl<'p> Lenient<'p> {
    /// `slashes`: escaped ones are slashes too.
    pub(super) fn new(path: &'p str, slashes: bool) -> Self {
        if !path.contains(['%', '\\']) {
            return Self(Cow::Borrowed(path));
        }
        let mut text = String::with_capacity(path.len());
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            let (escape, after) = after.split_at_checked(2).unwrap_or(("", after));
            match escape.to_ascii_lowercase().as_str() {
                "2f" | "5c" if slashes => text.push('/'),
                "2e" => text.push('.'),
                "3b" => text.push(';'),
                _ => {
                    text.push('%');
                    text.push_str(escape);
                }
            }
            rest = after;
        }
        text.push_str(rest);
        Self(Cow::Owned(text.replace('\\', "/")))
    }

    /// The segments without parameters, of which `.` is none, nor an empty one, and `..` takes one
    /// back (RFC 3986 section 5.2.4).
    pub(super) fn segments(&self) -> Vec<&str> {
        let mut segments = Vec::new();
        for segment in self.0.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => drop(segments.pop()),
                segment => segments.push(segment),
            }
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied() {
        for (path, expected, with_slashes) in [
            ("", "", ""),
            ("/a/b", "a b", "a b"),
            ("//a/./b//%2E/", "a b", "a b"),
            ("/a/../b/%2e%2E/c/..d/.../e", "c ..d ... e", "c ..d ... e"),
            ("/../../a", "a", "a"),
            ("/a;x=1/b%3by/;z/c", "a b c", "a b c"),
            ("\\a\\b", "a b", "a b"),
            ("/a%2Fb/%5c..", "a%2Fb %5c..", "a"),
            ("/a%20b/%zz/%", "a%20b %zz %", "a%20b %zz %"),
            ("/%é/%2", "%é %2", "%é %2"),
        ] {
            let tidied = |slashes| Lenient::new(path, slashes).segments().join(" ");
            assert_eq!(tidied(false), expected, "{path}");
            assert_eq!(tidied(true), with_slashes, "{path}");
        }
    }
}
