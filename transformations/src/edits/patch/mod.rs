//! `patch` and `dropEvents`, compiled: edits of a JSON body, or of the JSON documents in a stream.

mod compile;
mod declared;
mod document;
mod ready;
mod stream;

pub(crate) use compile::{Language, compile};
pub(crate) use declared::{BodyKind, Declared};
pub(crate) use document::{Editor, Walks};
pub(crate) use ready::{Condition, Ready, ReadyEdit, Text};
pub(crate) use stream::Stream;

use bodies::json::{self, DocumentError, Paths, Verb};

use crate::config::Limits;
use crate::languages::ExpressionId;
use crate::languages::jinja::Template;

/// Whether the edits can apply to an answer, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// It is something else, or JSON in which no place is.
    Other,
    /// It is called JSON and cannot be.
    Broken,
}

/// What is wrong with an answer that is called JSON.
pub(crate) const NOT_JSON: &str = "the body is not a JSON document";

/// The edits of one configuration.
#[derive(Debug)]
pub(crate) struct Patch {
    /// The place in the configuration, for failures of the whole.
    pub(crate) path: String,
    paths: Paths,
    /// Whether a place may be in a document that is an array.
    in_arrays: bool,
    /// By the numbers of the paths.
    pub(crate) edits: Vec<Edit>,
    /// What leaves a document of a stream out.
    pub(crate) drops: Vec<DropCondition>,
}

/// One edit.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The place in the configuration, for failures.
    pub(crate) path: String,
    /// The only member of its path, which in a multipart body is the name of a part.
    name: Option<String>,
    pub(crate) verb: Verb,
    pub(crate) when: Option<ExpressionId>,
    /// `None` for what puts nothing.
    pub(crate) source: Option<Source>,
}

/// A condition of `dropEvents`.
#[derive(Debug)]
pub(crate) struct DropCondition {
    /// The place in the configuration, for failures.
    pub(crate) path: String,
    pub(crate) when: ExpressionId,
}

/// What makes the value that an edit puts.
#[derive(Debug)]
pub(crate) enum Source {
    /// A template of a string.
    Value(Template),
    /// A template of JSON text.
    Json(Template),
    /// An expression.
    Cel(ExpressionId),
}

impl Source {
    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Source::Value(template) | Source::Json(template) => Some(template),
            Source::Cel(_) => None,
        }
    }
}

impl Edit {
    /// The template of what it puts.
    pub(crate) fn template(&self) -> Option<&Template> {
        self.source.as_ref()?.template()
    }

    /// The template of what it puts.
    pub(crate) fn template_mut(&mut self) -> Option<&mut Template> {
        match self.source.as_mut()? {
            Source::Value(template) | Source::Json(template) => Some(template),
            Source::Cel(_) => None,
        }
    }
}

/// Checks JSON text. Line breaks in it, which can only be white space, become spaces: a line of an
/// event cannot hold them.
pub(super) fn json_text(text: &str, limits: &Limits) -> Result<String, DocumentError> {
    json::check(text.as_bytes(), &limits.of_bodies())?;
    Ok(text.trim_ascii().replace(['\r', '\n'], " "))
}

impl Patch {
    /// Whether the edits can apply to an answer that is called so and begins with this byte.
    pub(crate) fn fit(&self, kind: &BodyKind, first: u8) -> Fit {
        match first {
            b'{' => Fit::Fits,
            b'[' if self.in_arrays => Fit::Fits,
            b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Fit::Other,
            _ if *kind == BodyKind::Json => Fit::Broken,
            _ => Fit::Other,
        }
    }
}
