//! What was found in a message and done to it, for who watches.

use std::fmt;

use crate::ops::Direction;

/// One step of a pass. It quotes the message: for debug logs and dry runs only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Whether the pass of a message does anything, by its `when`.
    Condition {
        /// Of which message.
        direction: Direction,
        /// Whether `when` holds.
        holds: bool,
    },
    /// A field was looked for.
    Field {
        /// How templates and expressions call it.
        name: String,
        /// What came of it.
        found: Found,
    },
    /// A rule of `reject` holds. The path is its place in the configuration.
    Rule(String),
    /// An edit was made. The path is its place in the configuration: ``request.set[2] `x-model` ``.
    Edit(String),
    /// The host has to choose the route again.
    RouteChosenAgain,
}

/// Where a field was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// In one of its sources.
    Source {
        /// The source, as the configuration has it: `json: /model`.
        source: String,
        /// The value, aliases applied.
        value: String,
    },
    /// Nowhere, so that it has its `default`.
    Default(String),
    /// Nowhere.
    Nothing,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Condition { direction, holds } => {
                let verb = if *holds { "holds" } else { "does not hold" };
                write!(f, "{}.when {verb}", direction.as_str())
            }
            Note::Field { name, found } => match found {
                Found::Source { source, value } => {
                    write!(f, "`{name}` is {value:?} from `{source}`")
                }
                Found::Default(value) => write!(f, "`{name}` is its default {value:?}"),
                Found::Nothing => write!(f, "`{name}` is not found"),
            },
            Note::Rule(path) => write!(f, "{path} holds"),
            Note::Edit(path) => write!(f, "{path} is done"),
            Note::RouteChosenAgain => f.write_str("the route is chosen again"),
        }
    }
}
