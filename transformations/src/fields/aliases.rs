//! Replacements of an extracted value: exact before globs, longer globs before shorter.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::config::Alias;
use crate::glob;

#[derive(Debug, Default)]
pub(crate) struct Aliases {
    exact: HashMap<String, Replacement>,
    /// Longest pattern first; of equal length, the first written.
    globs: Vec<(String, Replacement)>,
}

/// What stands for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement(Vec<Piece>);

/// A part of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What the star of this number, from 0 on, stands for.
    Star(usize),
}

impl Replacement {
    /// Reads what an alias with so many stars says.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and the way out.
    pub(super) fn parse(text: &str, stars: usize) -> Result<Self, (String, &'static str)> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            let mut characters = after.chars();
            match characters.next().map(|next| (next, next.to_digit(10))) {
                Some(('$', _)) => plain.push('$'),
                Some((_, Some(number @ 1..))) => {
                    let star = usize::try_from(number).unwrap_or(usize::MAX);
                    if star > stars {
                        let message =
                            format!("`${star}` has no value, because `match` has {stars} `*`");
                        return Err((message, "write `$$` for a `$`"));
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Star(star.saturating_sub(1)));
                }
                _ => {
                    let message = "a number from 1 to 9 has to follow a `$`".to_owned();
                    return Err((message, "write `$$` for a `$`"));
                }
            }
            rest = characters.as_str();
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// The replacement of a value whose stars stand for these runs.
    fn of(&self, runs: &[&str]) -> Cow<'_, str> {
        if let [Piece::Text(text)] = self.0.as_slice() {
            return Cow::Borrowed(text);
        }
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Star(star) => runs.get(*star).copied().unwrap_or_default(),
        });
        Cow::Owned(pieces.collect())
    }
}

/// How many stars a pattern has.
pub(super) fn stars(pattern: &str) -> usize {
    pattern.matches('*').count()
}

impl Aliases {
    /// Compiles aliases; one whose value is wrong is left out.
    pub(crate) fn new(aliases: &[Alias]) -> Self {
        let mut exact = HashMap::new();
        let mut globs = Vec::new();
        for alias in aliases {
            let stars = stars(&alias.pattern);
            let Ok(replacement) = Replacement::parse(&alias.value, stars) else {
                continue;
            };
            if stars > 0 {
                globs.push((alias.pattern.clone(), replacement));
            } else {
                exact.entry(alias.pattern.clone()).or_insert(replacement);
            }
        }
        globs.sort_by_key(|(pattern, _): &(String, _)| std::cmp::Reverse(pattern.len()));
        Self { exact, globs }
    }

    /// What stands for `value`, if anything does. It is made where a part of it is the value's.
    pub(crate) fn replacement(&self, value: &str) -> Option<Cow<'_, str>> {
        if let Some(replacement) = self.exact.get(value) {
            return Some(replacement.of(&[]));
        }
        self.globs.iter().find_map(|(pattern, replacement)| {
            let runs = glob::runs(pattern, value)?;
            Some(replacement.of(&runs))
        })
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
        for (value, expected) in [
            ("gpt-4", Some("exact")),
            ("gpt-4o", Some("glob")),
            ("claude-haiku-3.5-v1", Some("haiku-3.5")),
            ("claude-haiku-v1", Some("haiku")),
            ("other-sonnet-model", Some("sonnet")),
            ("gpt-3", None),
        ] {
            assert_eq!(aliases.replacement(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn stars_stand_in_the_value() {
        let aliases = aliases(&[
            ("openai/*", "$1"),
            ("*/*@*", "$2-$3.$1$1"),
            ("a*", "$$1 $1$$"),
            ("b*", "b"),
        ]);
        for (value, expected) in [
            ("openai/gpt-4o", "gpt-4o"),
            ("openai/", ""),
            ("x/y/z@w", "y/z-w.xx"),
            ("ab", "$1 b$"),
            ("bc", "b"),
        ] {
            assert_eq!(
                aliases.replacement(value).as_deref(),
                Some(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn values_that_mean_nothing() {
        for (text, stars, part) in [
            ("$1", 0, "`$1` has no value, because `match` has 0 `*`"),
            ("a$3", 2, "`$3` has no value, because `match` has 2 `*`"),
            ("$0", 1, "from 1 to 9"),
            ("a$", 1, "from 1 to 9"),
            ("$x", 1, "from 1 to 9"),
            ("$\u{661}", 1, "from 1 to 9"),
        ] {
            let (message, _) = Replacement::parse(text, stars).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
