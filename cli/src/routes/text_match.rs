//! Envoy's `StringMatcher`.

use regex::Regex;

use super::unplayed::Unplayed;
use crate::placed::Placed;

/// What a text has to be.
#[derive(Debug)]
pub(super) struct TextMatch {
    rule: Rule,
    ignores_case: bool,
}

#[derive(Debug)]
enum Rule {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Regex(Regex),
    /// What is not played counts as met.
    Unplayed,
}

impl TextMatch {
    /// Reads a matcher; `prefix` and its kin may stand below keys of an older spelling, such as `prefix_match`.
    pub(super) fn read(part: &Placed<'_>, suffix: &str, unplayed: &mut Unplayed) -> Option<Self> {
        let key = |name: &str| format!("{name}{suffix}");
        let text = |name: &str| part.text(&key(name)).map(str::to_owned);
        let rule = if let Some(text) = text("exact") {
            Rule::Exact(text)
        } else if let Some(text) = text("prefix") {
            Rule::Prefix(text)
        } else if let Some(text) = text("suffix") {
            Rule::Suffix(text)
        } else if let Some(text) = text("contains") {
            Rule::Contains(text)
        } else if let Some(regex) = part.get(&key("safe_regex")) {
            match whole(regex.text("regex").unwrap_or_default()) {
                Some(regex) => Rule::Regex(regex),
                None => {
                    unplayed.note(&regex.place, "cannot be read, and counts as met");
                    Rule::Unplayed
                }
            }
        } else {
            return None;
        };
        Some(Self {
            rule,
            ignores_case: part.flag("ignore_case"),
        })
    }

    /// Whether a text is so.
    pub(super) fn holds(&self, text: &str) -> bool {
        let cased = |text: &str| match self.ignores_case {
            true => text.to_ascii_lowercase(),
            false => text.to_owned(),
        };
        let is =
            |rule: fn(&str, &str) -> bool, expected: &str| rule(&cased(text), &cased(expected));
        match &self.rule {
            Rule::Exact(expected) => is(|text, expected| text == expected, expected),
            Rule::Prefix(expected) => is(|text, expected| text.starts_with(expected), expected),
            Rule::Suffix(expected) => is(|text, expected| text.ends_with(expected), expected),
            Rule::Contains(expected) => is(|text, expected| text.contains(expected), expected),
            Rule::Regex(regex) => regex.is_match(text),
            Rule::Unplayed => true,
        }
    }
}

/// A regular expression that a whole text has to match, as Envoy's does.
pub(super) fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}
