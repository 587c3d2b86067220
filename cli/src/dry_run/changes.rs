//! What differs between a message that arrived and the one that goes on.

use cases::Fields;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::pretty;

/// Lines around a change that are shown with it.
const AROUND: usize = 3;

/// Bodies up to this length are compared line by line, in bytes.
const COMPARED: usize = 1 << 20;

/// A header that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderChange {
    /// Its name.
    pub name: String,
    /// The lines that it had.
    pub before: Vec<String>,
    /// The lines that it has.
    pub after: Vec<String>,
}

/// A line of a body beside a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "text", rename_all = "camelCase")]
pub enum Line {
    /// It is in both.
    Same(String),
    /// It was in what arrived.
    Removed(String),
    /// It is in what goes on.
    Added(String),
    /// Lines that are the same were left out.
    Gap,
}

/// The headers that differ, in the order of their names.
pub(super) fn of_headers(before: &Fields, after: &Fields) -> Vec<HeaderChange> {
    let mut names: Vec<&String> = before.iter().chain(after).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let lines = |fields: &Fields, name: &str| -> Vec<String> {
        let named = fields.iter().filter(|(other, _)| other == name);
        named
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    };
    let changes = names.into_iter().map(|name| HeaderChange {
        name: name.clone(),
        before: lines(before, name),
        after: lines(after, name),
    });
    changes
        .filter(|change| change.before != change.after)
        .collect()
}

/// How a body differs, line by line; JSON on lines of its own. `None`: it does not, or not as text.
pub(super) fn of_body(before: &[u8], after: &[u8]) -> Option<Vec<Line>> {
    if before == after || before.len().max(after.len()) > COMPARED {
        return None;
    }
    let (before, after) = (text(before)?, text(after)?);
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            lines.push(Line::Gap);
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let text = change.value().trim_end_matches(['\r', '\n']).to_owned();
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Same(text),
                ChangeTag::Delete => Line::Removed(text),
                ChangeTag::Insert => Line::Added(text),
            });
        }
    }
    Some(lines)
}

fn text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    Some(pretty::json(text).unwrap_or_else(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Line, of_body, of_headers};

    #[test]
    fn headers_that_differ_are_named_once() {
        let fields = |lines: &[(&str, &str)]| -> Vec<(String, Vec<u8>)> {
            lines
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect()
        };
        let before = fields(&[("a", "1"), ("b", "1"), ("c", "1"), ("c", "2")]);
        let after = fields(&[("c", "2"), ("c", "1"), ("b", "1"), ("d", "1")]);
        let changes = of_headers(&before, &after);
        let names: Vec<_> = changes.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["a", "c", "d"]);
        assert_eq!(changes.first().map(|change| change.after.len()), Some(0));
    }

    #[test]
    fn json_is_compared_member_by_member() {
        let lines = of_body(br#"{"model":"a","n":1}"#, br#"{"model":"b","n":1}"#).unwrap();
        assert!(
            lines.contains(&Line::Removed("  \"model\": \"a\",".to_owned())),
            "{lines:?}"
        );
        assert!(
            lines.contains(&Line::Added("  \"model\": \"b\",".to_owned())),
            "{lines:?}"
        );
        assert!(
            lines.contains(&Line::Same("  \"n\": 1".to_owned())),
            "{lines:?}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_not_compared() {
        assert_eq!(of_body(b"\xff", b"\xfe"), None);
        assert_eq!(of_body(b"a", b"a"), None);
    }
}
