//! What a dry run does not play, in words.

use crate::placed::Placed;

/// What is not played, each with its place and what that means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unplayed(pub(crate) Vec<String>);

impl Unplayed {
    /// Notes something at a place.
    pub(crate) fn note(&mut self, place: &str, what: &str) {
        self.0.push(format!("`{place}` {what}"));
    }

    /// Notes every key that is neither played nor without effect on the messages of an exchange.
    pub(crate) fn keys(&mut self, part: &Placed<'_>, known: &[&str], what: &str) {
        for (key, value) in part.entries() {
            let is_known = known
                .iter()
                .any(|known| part.node.entry(known).is_some_and(|entry| entry.key == key));
            if !is_known {
                self.note(&value.place, what);
            }
        }
    }

    /// Adds what another part has.
    pub(crate) fn extend(&mut self, other: &Self) {
        for line in &other.0 {
            if !self.0.contains(line) {
                self.0.push(line.clone());
            }
        }
    }
}
