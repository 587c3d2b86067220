//! Headers to remove: by name, and by patterns over the names a message has.

use diagnostics::header;

use crate::glob;
use crate::ops::{Direction, TransformationOps};

/// The headers that a pass removes, all in lower case.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// Removed after all that is put.
    pub(crate) names: Vec<String>,
    /// Patterns. What a message has arrived with is removed before anything is put, so that an own
    /// header can take the place of a client's.
    pub(crate) globs: Vec<String>,
    /// What the patterns leave alone: the headers of the fields, which are the pass's own by then.
    pub(crate) kept: Vec<String>,
}

impl Removals {
    /// Whether nothing is removed.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }

    /// The headers of a message that a pattern removes, each once.
    pub(crate) fn matched(&self, ops: &dyn TransformationOps, direction: Direction) -> Vec<String> {
        if self.globs.is_empty() {
            return Vec::new();
        }
        let headers = ops.headers(direction);
        let names = headers.iter().filter_map(|(name, _)| {
            let name = std::str::from_utf8(name).ok()?;
            self.matches(name).then(|| name.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether no pattern removes a header: what a message is no message without, what frames it, and
    /// what belongs to the connection.
    pub(crate) fn spares(name: &str) -> bool {
        name.starts_with(':') || name == "host" || header::CONNECTION.contains(&name)
    }

    /// Whether a pattern removes a header.
    fn matches(&self, name: &str) -> bool {
        !Self::spares(name)
            && !self.kept.iter().any(|kept| kept == name)
            && self.globs.iter().any(|glob| glob::matches(glob, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_leaves_framing_and_own_headers_alone() {
        let removals = Removals {
            globs: vec!["*e*".to_owned(), "x-internal-*".to_owned()],
            kept: vec!["x-internal-model".to_owned()],
            ..Removals::default()
        };
        for name in ["x-internal-a", "x-internal-", "accept", "content-type"] {
            assert!(removals.matches(name), "{name}");
        }
        for name in header::CONNECTION {
            assert!(!removals.matches(name), "{name}");
        }
        for name in [":method", ":scheme", "host", "x-internal-model", "x-a"] {
            assert!(!removals.matches(name), "{name}");
        }
    }
}
