//! Whether a value is the one expected.

use std::fmt;

use fancy_regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// The values of a header field.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Field {
    /// Exactly one, and it is this.
    Value(String),
    /// Exactly these, in order.
    Values(Vec<String>),
    /// Exactly one, and it matches.
    Matching(Box<Matcher>),
}

/// A body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    /// This, or with `$same` what went into the filter.
    Exactly(String),
    /// Something that matches.
    Matching(Box<Matcher>),
}

/// Conditions that must hold together; there is at least one.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Conditions")]
pub(crate) struct Matcher(Conditions, Option<Regex>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    #[serde(default)]
    exact: Option<String>,
    /// Equal but for white space at both ends.
    #[serde(default)]
    trimmed: Option<String>,
    #[serde(default)]
    contains: Option<String>,
    /// Somewhere in the text.
    #[serde(default)]
    regex: Option<String>,
    /// The same JSON.
    #[serde(default)]
    json_equals: Option<Value>,
    /// JSON whose objects may hold more.
    #[serde(default)]
    json_contains: Option<Value>,
}

impl TryFrom<Conditions> for Matcher {
    type Error = String;

    fn try_from(conditions: Conditions) -> Result<Self, String> {
        let Conditions {
            exact,
            trimmed,
            contains,
            regex,
            json_equals,
            json_contains,
        } = &conditions;
        let texts = [exact, trimmed, contains, regex];
        let given = texts.into_iter().flatten().count()
            + [json_equals, json_contains].into_iter().flatten().count();
        if given == 0 {
            return Err("a matcher without a condition".to_owned());
        }
        let regex = regex.as_deref().map(Regex::new).transpose();
        let regex = regex.map_err(|error| format!("regex: {error}"))?;
        Ok(Self(conditions, regex))
    }
}

impl Matcher {
    fn matches(&self, text: &str) -> bool {
        let Self(conditions, regex) = self;
        let Conditions {
            exact,
            trimmed,
            contains,
            regex: _,
            json_equals,
            json_contains,
        } = conditions;
        let json = || serde_json::from_str::<Value>(text).ok();
        let holds = |condition: &Option<String>, test: &dyn Fn(&str) -> bool| {
            condition.as_deref().is_none_or(test)
        };
        holds(exact, &|exact| text == exact)
            && holds(trimmed, &|trimmed| text.trim() == trimmed.trim())
            && holds(contains, &|part| text.contains(part))
            && regex
                .as_ref()
                .is_none_or(|regex| regex.is_match(text).unwrap_or(false))
            && json_equals
                .as_ref()
                .is_none_or(|wanted| json().as_ref() == Some(wanted))
            && json_contains
                .as_ref()
                .is_none_or(|part| json().is_some_and(|whole| includes(&whole, part)))
    }
}

/// Whether `whole` is `part`, except that its objects may have more members.
fn includes(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(name, part)| {
            let member = whole.get(name);
            member.is_some_and(|member| includes(member, part))
        }),
        (Value::Array(whole), Value::Array(part)) => {
            let pairs = whole.iter().zip(part);
            whole.len() == part.len() && pairs.into_iter().all(|(a, b)| includes(a, b))
        }
        _ => whole == part,
    }
}

impl Field {
    pub(crate) fn is_met_by(&self, values: &[String]) -> bool {
        match (self, values) {
            (Self::Value(wanted), [value]) => wanted == value,
            (Self::Values(wanted), values) => wanted == values,
            (Self::Matching(matcher), [value]) => matcher.matches(value),
            _ => false,
        }
    }
}

impl Text {
    /// `original` is what went into the filter.
    pub(crate) fn is_met_by(&self, body: &[u8], original: &[u8]) -> bool {
        match self {
            Self::Exactly(same) if same == "$same" => body == original,
            Self::Exactly(wanted) => body == wanted.as_bytes(),
            Self::Matching(matcher) => {
                std::str::from_utf8(body).is_ok_and(|text| matcher.matches(text))
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(formatter, "{value:?}"),
            Self::Values(values) => write!(formatter, "{values:?}"),
            Self::Matching(matcher) => matcher.fmt(formatter),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => write!(formatter, "{text:?}"),
            Self::Matching(matcher) => matcher.fmt(formatter),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(conditions, _) = self;
        let texts = [
            ("exact", &conditions.exact),
            ("trimmed", &conditions.trimmed),
            ("contains", &conditions.contains),
            ("regex", &conditions.regex),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some(format!("{name} {:?}", text.as_ref()?)));
        let values = [
            ("json_equals", &conditions.json_equals),
            ("json_contains", &conditions.json_contains),
        ];
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        formatter.write_str(&texts.chain(values).collect::<Vec<_>>().join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Field, Text};

    fn field(value: Value, values: &[&str]) -> bool {
        let field: Field = serde_json::from_value(value).unwrap();
        field.is_met_by(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn text(value: Value, body: &str) -> bool {
        let text: Text = serde_json::from_value(value).unwrap();
        text.is_met_by(body.as_bytes(), b"original")
    }

    #[test]
    fn a_string_is_the_only_value() {
        assert!(field(json!("a"), &["a"]));
        for wrong in [&["b"][..], &[" a"], &["A"], &["a", "a"], &["a,a"], &[]] {
            assert!(!field(json!("a"), wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_list_is_every_value_in_order() {
        assert!(field(json!(["a", "b"]), &["a", "b"]));
        assert!(field(json!([]), &[]));
        for wrong in [&["b", "a"][..], &["a"], &["a, b"], &["a", "b", "c"], &[]] {
            assert!(!field(json!(["a", "b"]), wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_matcher_takes_exactly_one_value() {
        assert!(field(json!({"contains": "a"}), &["bab"]));
        assert!(!field(json!({"contains": "a"}), &["a", "a"]));
        assert!(!field(json!({"contains": "a"}), &[]));
    }

    #[test]
    fn conditions_hold_together() {
        assert!(text(json!({"exact": " a "}), " a "));
        assert!(!text(json!({"exact": " a "}), "a"));
        assert!(text(json!({"trimmed": "a"}), " a\n"));
        assert!(!text(json!({"trimmed": "a"}), "a b"));
        assert!(text(json!({"contains": "b", "regex": "^a"}), "ab"));
        assert!(!text(json!({"contains": "c", "regex": "^a"}), "ab"));
        assert!(!text(json!({"contains": "b", "regex": "^b"}), "ab"));
    }

    #[test]
    fn regexes_look_around_and_back() {
        let twice = json!({"regex": r"^([a-z]+)-\1$"});
        assert!(text(twice.clone(), "ab-ab"));
        assert!(!text(twice, "ab-ac"));
        let differs = json!({"regex": r"^(?!([^ ]+) \1$)[a-z]+ [a-z]+$"});
        assert!(text(differs.clone(), "ab ac"));
        assert!(!text(differs, "ab ab"));
    }

    #[test]
    fn json_is_compared_as_json() {
        let body = r#"{"b": [{"x": 1, "y": 2}], "a": "1"}"#;
        assert!(text(
            json!({"json_equals": {"a": "1", "b": [{"y": 2, "x": 1}]}}),
            body
        ));
        assert!(!text(json!({"json_equals": {"a": "1"}}), body));
        assert!(text(json!({"json_contains": {"b": [{"x": 1}]}}), body));
        for wrong in [
            json!({"a": 1}),
            json!({"c": null}),
            json!({"b": []}),
            json!({"b": [{"x": 2}]}),
        ] {
            assert!(!text(json!({"json_contains": wrong}), body));
        }
        assert!(!text(json!({"json_contains": {}}), "not json"));
    }

    #[test]
    fn same_is_what_went_in() {
        assert!(text(json!("$same"), "original"));
        assert!(!text(json!("$same"), "$same"));
    }

    #[test]
    fn empty_and_unknown_conditions_are_refused() {
        for wrong in [
            json!({}),
            json!({"surprise": 1}),
            json!({"regex": "("}),
            json!(1),
            json!(null),
        ] {
            assert!(
                serde_json::from_value::<Field>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }
}
