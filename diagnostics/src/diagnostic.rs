//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

use crate::Code;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration does what it says; what that is where something fails may surprise its author.
    Note,
    /// The configuration works, but something in it does not do what its author expects.
    Warning,
    /// The configuration is refused.
    Error,
}

/// A place in a text. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The place in the configuration: ``request.set[2] `x-model` ``. Empty for the whole text.
    pub path: String,
    /// The place inside the value at `path`, for templates, or in the text, for JSON.
    pub position: Option<Position>,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// A name longer than this is like none that exists, and dear to compare.
const LONGEST_NAME: usize = 64;

impl Diagnostic {
    /// An error at `path`.
    pub fn error(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            path: path.into(),
            position: None,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at `path`.
    pub fn warning(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, path, message)
        }
    }

    /// A note at `path`.
    pub fn note(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, path, message)
        }
    }

    /// Adds the place inside the value.
    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" when one of `known` is close to `written`.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(written, known) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Whether the configuration is refused for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The name among `known` that is close to what is written, if one is.
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST_NAME {
        return None;
    }
    // Other languages write the same words in other cases: `parse_as`, `Request`.
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let words = plain(written);
    let distance = |name: &str| {
        let theirs = strsim::damerau_levenshtein(written, name);
        theirs.min(strsim::damerau_levenshtein(&words, &plain(name)))
    };
    let close = known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min();
    close.map(|(_, name)| name)
}

/// ``request.set[2] `x-model`: unknown filter `uper` at 1:12; did you mean `upper`?``
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, " at {line}:{column}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// Why a configuration is refused: everything that is wrong with it, warnings included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Diagnostic>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {diagnostic}", diagnostic.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
