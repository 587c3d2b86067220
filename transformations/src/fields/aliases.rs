//! Replacements of an extracted value: exact before globs, longer globs before shorter.

use std::collections::HashMap;

use crate::config::Alias;
use crate::glob;

#[derive(Debug, Default)]
pub(crate) struct Aliases {
    exact: HashMap<String, String>,
    /// Longest pattern first; of equal length, the first written.
    globs: Vec<Alias>,
}

impl Aliases {
    pub(crate) fn new(aliases: &[Alias]) -> Self {
        let mut exact = HashMap::new();
        let mut globs = Vec::new();
        for alias in aliases {
            if alias.pattern.contains('*') {
                globs.push(alias.clone());
            } else {
                exact
                    .entry(alias.pattern.clone())
                    .or_insert_with(|| alias.value.clone());
            }
        }
        globs.sort_by_key(|alias: &Alias| std::cmp::Reverse(alias.pattern.len()));
        Self { exact, globs }
    }

    /// What stands for `value`, if anything does.
    pub(crate) fn replacement(&self, value: &str) -> Option<&str> {
        if let Some(replacement) = self.exact.get(value) {
            return Some(replacement);
        }
        self.globs
            .iter()
            .find(|alias| glob::matches(&alias.pattern, value))
            .map(|alias| alias.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(pairs: &[(&str, &str)]) -> Aliases {
        let aliases: Vec<Alias> = pairs
            .iter()
            .map(|(pattern, value)| Alias {
                pattern: (*pattern).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        Aliases::new(&aliases)
    }

    #[test]
    fn exact_then_longest_glob() {
        let aliases = aliases(&[
            ("claude-haiku-*", "haiku"),
            ("*-sonnet-*", "sonnet"),
            ("claude-haiku-3.5-*", "haiku-3.5"),
            ("gpt-4", "exact"),
            ("gpt-4*", "glob"),
        ]);
        assert_eq!(aliases.replacement("gpt-4"), Some("exact"));
        assert_eq!(aliases.replacement("gpt-4o"), Some("glob"));
        assert_eq!(
            aliases.replacement("claude-haiku-3.5-v1"),
            Some("haiku-3.5")
        );
        assert_eq!(aliases.replacement("claude-haiku-v1"), Some("haiku"));
        assert_eq!(aliases.replacement("other-sonnet-model"), Some("sonnet"));
        assert_eq!(aliases.replacement("gpt-3"), None);
    }
}
