//! The `charset` that a `content-type` names.
//!
//! Bodies are read as UTF-8, whatever it is; some readers convert them first. In UTF-7, Shift_JIS
//! and their kind, bytes that are ASCII here stand for something else there.

/// The names of UTF-8, and of sets in which ASCII is ASCII and every other byte a character.
const LIKE_UTF_8: [&str; 8] = [
    "",
    "ascii",
    "iso-8859-1",
    "latin1",
    "us-ascii",
    "utf-8",
    "utf8",
    "windows-1252",
];

/// Whether a body with this `content-type` is read in the same way by those who take notice of its
/// charset.
pub(crate) fn is_read_alike(content_type: &str) -> bool {
    // As of nearly all requests.
    if !content_type.contains('=') {
        return true;
    }
    let lower = content_type.to_ascii_lowercase();
    lower.split("charset").skip(1).all(|rest| {
        // RFC 2231 has `charset*`. Of several that are named, readers choose one.
        let value = rest.trim_start().strip_prefix('=');
        value.is_some_and(|value| {
            let value = value.trim_start_matches([' ', '\t', '"', '\'']);
            let end = value.find([' ', '\t', '"', '\'', ';', ',']);
            let name = value.get(..end.unwrap_or(value.len()));
            name.is_some_and(|name| LIKE_UTF_8.contains(&name))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        for like in [
            "",
            "application/json",
            "application/json; charset=utf-8",
            "application/json;Charset=\"UTF-8\"; x=y",
            "application/json; charset = utf8",
            "application/json; charset=",
            "a/b; charset=utf-8, a/b; charset=us-ascii",
            "a/b; charset=ISO-8859-1",
        ] {
            assert!(is_read_alike(like), "{like}");
        }
        for other in [
            "application/json; charset=utf-7",
            "application/json; charset=\"utf-16\"",
            "application/json; charset*=utf-8''utf-7",
            "a/b; charset=utf-8; charset=shift_jis",
            "a/b; charset=utf-8, a/b; charset=gbk",
            "a/b; charset='utf-7'",
            "a/b; charset=utf-8x",
        ] {
            assert!(!is_read_alike(other), "{other}");
        }
    }
}
