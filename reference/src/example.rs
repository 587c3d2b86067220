//! The example at the end of a doc comment.

use serde_json::Value;

/// A whole configuration that uses a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// As it is written, in YAML.
    pub text: String,
    /// What it reads; `None`: it is not YAML.
    pub value: Option<Value>,
}

/// What begins the example.
const BEGIN: &str = "Example: `";

impl Example {
    /// Parts a doc comment into what it describes and its example.
    pub(crate) fn part(comment: &str) -> (String, Option<Self>) {
        let Some((description, example)) = comment.rsplit_once(BEGIN) else {
            return (paragraphs(comment), None);
        };
        let text = one_line(example);
        let text = text.trim_end_matches('.');
        let text = text.strip_suffix('`').unwrap_or(text).to_owned();
        let value = serde_saphyr::from_str(&text).ok();
        (paragraphs(description), Some(Self { text, value }))
    }
}

/// Joins the lines of each paragraph.
fn paragraphs(text: &str) -> String {
    let all = text.split("\n\n").map(one_line);
    all.collect::<Vec<_>>().join("\n\n").trim().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Example;

    #[test]
    fn a_comment_falls_into_two() {
        let comment = "What it\ndoes.\n\nMore.\nExample: `a: {b:\n1}`";
        let (description, example) = Example::part(comment);
        let expected = Example {
            text: "a: {b: 1}".to_owned(),
            value: Some(json!({"a": {"b": 1}})),
        };
        assert_eq!(description, "What it does.\n\nMore.");
        assert_eq!(example, Some(expected));
        assert_eq!(
            Example::part("No\nexample."),
            ("No example.".to_owned(), None)
        );
    }
}
