//! JSON bodies: fields found in the bytes as they arrive, and whole documents for templates.

mod document;
mod finder;
mod number;
pub(crate) mod patch;
mod pointer;
mod refusal;
mod string;
mod taken;
mod utf8;
mod walker;

pub use document::DocumentError;
pub(crate) use document::{Wanted, document};
pub use finder::{Field, Finder, Found};
pub(crate) use number::Number;
pub use pointer::{PointerError, Pointers};
pub(crate) use string::decode;
pub use walker::Error;
