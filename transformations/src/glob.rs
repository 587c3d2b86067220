//! Patterns in which `*` stands for any run of characters.

/// Whether `value` is `pattern`, each `*` of which stands for any run of characters.
pub(crate) fn matches(pattern: &str, value: &str) -> bool {
    each_run(pattern, value, |_| {}).is_some()
}

/// What each `*` of `pattern` stands for in `value`; `None` where that is another text. Each but the
/// last stands for as little as may be.
pub(crate) fn runs<'v>(pattern: &str, value: &'v str) -> Option<Vec<&'v str>> {
    let mut runs = Vec::new();
    each_run(pattern, value, |run| runs.push(run))?;
    Some(runs)
}

/// Shows what each `*` stands for, until it turns out that one stands for nothing.
fn each_run<'v>(pattern: &str, value: &'v str, mut run: impl FnMut(&'v str)) -> Option<()> {
    let Some((head, tail)) = pattern.split_once('*') else {
        return (pattern == value).then_some(());
    };
    let mut rest = value.strip_prefix(head)?;
    if let Some((middle, last)) = tail.rsplit_once('*') {
        // The earliest place for each piece leaves the most for those after it.
        for piece in middle.split('*') {
            let (before, after) = match piece {
                "" => ("", rest),
                piece => rest.split_once(piece)?,
            };
            run(before);
            rest = after;
        }
        run(rest.strip_suffix(last)?);
    } else {
        run(rest.strip_suffix(tail)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, value, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("*a", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*b*", "b", false),
            ("*ab", "aab", true),
            ("a**b", "ab", true),
            ("*é", "caffé", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn what_each_star_stands_for() {
        for (pattern, value, expected) in [
            ("openai/*", "openai/gpt-4o", Some(vec!["gpt-4o"])),
            ("*", "", Some(vec![""])),
            ("a", "a", Some(vec![])),
            ("*-*", "a-b-c", Some(vec!["a", "b-c"])),
            ("*/*@*", "a/b/c@d", Some(vec!["a", "b/c", "d"])),
            ("**b", "aab", Some(vec!["", "aa"])),
            ("a*b*", "ab", Some(vec!["", ""])),
            ("a*b*c", "abc-", None),
        ] {
            assert_eq!(runs(pattern, value), expected, "{pattern} {value}");
        }
    }
}
