//! The search through a body, in the format it has.

use bodies::form::FormFinder;
use bodies::json::Finder;
use bodies::multipart::PartFinder;
use bodies::{Finding, Limits};

use super::content::Syntax;
use super::wanted::Wanted;
use crate::failure::Unusable;

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
            Search::Json(finder) => finder.feed(&wanted.pointers, bytes)?,
            Search::Multipart(finder) => finder.feed(&wanted.parts, bytes)?,
            Search::Form(finder) => finder.feed(&wanted.fields, bytes)?,
        }
        Ok(())
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
    pub(super) fn fields(&self) -> &[Finding] {
        match self {
            Search::Json(finder) => finder.fields(),
            Search::Multipart(finder) => finder.fields(),
            Search::Form(finder) => finder.fields(),
        }
    }

    /// The body has ended: all fields are known.
    ///
    /// # Errors
    ///
    /// The body cannot be read.
    pub(super) fn end(&mut self, wanted: &Wanted) -> Result<(), Unusable> {
        match self {
            Search::Json(finder) => finder.end(&wanted.pointers)?,
            Search::Multipart(finder) => finder.end()?,
            Search::Form(finder) => finder.end(&wanted.fields)?,
        }
        Ok(())
    }
}
