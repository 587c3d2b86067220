//! Why an expression has no value.

use bodies::json;

use crate::failure::Unusable;

/// Why an expression has no value. Texts may quote the message: for debug logs only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// What a name, a key or an index leads to is not there. `default()` catches this.
    #[error("{0}")]
    Missing(String),
    /// Anything else the language calls an error.
    #[error("{0}")]
    Failed(String),
    /// A function does not take these values. Becomes [`Failed`](Self::Failed) where the name is
    /// known.
    #[error("wrong type of value")]
    Mismatch,
    /// A bound was reached. Nothing in an expression catches it.
    #[error("{0}")]
    Limit(&'static str),
    /// The body cannot be decoded. Nothing in an expression catches it: an encoding must not get a
    /// message past a rule.
    #[error("{}", .0.1)]
    Encoded(Unusable),
}

/// What of a text of any length stands in an error.
pub(crate) fn shown(text: &str) -> &str {
    const CHARACTERS: usize = 64;
    let end = text.char_indices().nth(CHARACTERS);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

impl Error {
    /// That of a body in which no field can be found.
    pub(crate) fn of_json(error: json::Error) -> Self {
        match error {
            json::Error::Invalid => Self::Failed("the body is not a JSON document".to_owned()),
            json::Error::TooDeep => Self::Limit("the body is nested too deep"),
        }
    }

    pub(crate) fn failed<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Failed(message.into()))
    }

    pub(crate) fn missing<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Missing(message.into()))
    }

    /// Whether `||`, `coalesce()` and their kind may go on without this value.
    pub(crate) fn is_caught(&self) -> bool {
        !matches!(self, Error::Limit(_) | Error::Encoded(_))
    }
}
