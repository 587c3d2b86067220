//! JSON: fields found in the bytes as they arrive, edits of them, and whole documents as values.

mod alike;
mod document;
mod finder;
mod initials;
mod needles;
mod number;
mod patch;
mod path;
mod pointer;
mod refusal;
mod shape;
mod string;
mod taken;
mod utf8;
mod walker;

pub use document::{Document, DocumentError, Members, Selection, check, read};
pub use finder::{Finder, Searches};
pub(crate) use needles::Ahead;
pub use number::Number;
pub use patch::{
    DocumentPlan, EditId, EditIds, PatchError, Paths, PathsError, Plans, Texts, Verb, plan,
    push_quoted, quoted,
};
pub use path::{Oddity, Path, PathError};
pub use pointer::{PointerError, Pointers, in_other_case};
pub use string::{InvalidString, decode};
pub use walker::Error;
