//! The search through a body, in the format it has.

use super::Unusable;
use super::content::Syntax;
use super::wanted::Wanted;
use crate::failure::Reason;
use crate::form::FormFinder;
use crate::json::{self, Field, Finder};
use crate::limits::Limits;
use crate::multipart::{self, PartFinder};

/// The search through a body. What is looked for is given with every chunk, and must be the same
/// each time. The finders are large, and what holds one is moved.
#[derive(Debug)]
pub(super) enum Search {
    Json(Box<Finder>),
    Multipart(Box<PartFinder>),
    Form(Box<FormFinder>),
}

impl Search {
    /// Searches a body of this syntax.
    ///
    /// # Errors
    ///
    /// Why the body cannot be read at all.
    pub(super) fn new(syntax: &Syntax, wanted: &Wanted, limits: &Limits) -> Result<Self, Unusable> {
        let bytes = limits.value_bytes;
        Ok(match syntax {
            Syntax::Json => {
                let Wanted {
                    pointers,
                    first_suffices,
                    ..
                } = wanted;
                Search::Json(Box::new(Finder::searching(
                    pointers,
                    limits,
                    *first_suffices,
                )))
            }
            Syntax::Multipart(delimiter) => {
                let finder = PartFinder::new(delimiter.clone(), &wanted.parts, bytes);
                Search::Multipart(Box::new(finder))
            }
            Syntax::Form => Search::Form(Box::new(FormFinder::new(&wanted.fields, bytes))),
            Syntax::Unusable(_, unusable) => return Err(*unusable),
        })
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    ///
    /// The body cannot be read, and the search is over.
    #[inline]
    pub(super) fn feed(&mut self, wanted: &Wanted, bytes: &[u8]) -> Result<(), Unusable> {
        match self {
            Search::Json(finder) => finder.feed(&wanted.pointers, bytes).map_err(not_json),
            Search::Multipart(finder) => finder.feed(&wanted.parts, bytes).map_err(no_multipart),
            Search::Form(finder) => finder.feed(&wanted.fields, bytes).map_err(|_| NO_FORM),
        }
    }

    /// Whether no field can follow.
    pub(super) fn ended(&self) -> bool {
        match self {
            Search::Json(finder) => finder.ended(),
            Search::Multipart(finder) => finder.ended(),
            Search::Form(_) => false,
        }
    }

    /// The fields as far as they are known.
    pub(super) fn fields(&self) -> &[Field] {
        match self {
            Search::Json(finder) => finder.fields(),
            Search::Multipart(finder) => finder.fields(),
            Search::Form(finder) => finder.fields(),
        }
    }

    /// The fields, when the body has ended.
    ///
    /// # Errors
    ///
    /// The body cannot be read.
    pub(super) fn finish(self, wanted: &Wanted) -> Result<Vec<Field>, Unusable> {
        match self {
            Search::Json(mut finder) => finder.end(&wanted.pointers).map_err(not_json),
            Search::Multipart(finder) => finder.finish().map_err(no_multipart),
            Search::Form(finder) => finder.finish(&wanted.fields).map_err(|_| NO_FORM),
        }
    }
}

fn not_json(error: json::Error) -> Unusable {
    match error {
        json::Error::Invalid => Unusable(Reason::JsonInvalid, "the body is not a JSON document"),
        json::Error::TooDeep => Unusable(Reason::Limit, "the body is nested too deep"),
    }
}

fn no_multipart(error: multipart::Error) -> Unusable {
    Unusable(Reason::from(error), error.detail())
}

const NO_FORM: Unusable = Unusable(
    Reason::FormInvalid,
    "the body holds a value that is not percent-encoded UTF-8, or stands beside a semicolon",
);
