//! Reads and edits the bodies of HTTP messages as their bytes arrive, cut anywhere.
//!
//! It knows neither HTTP's hosts nor anyone's configuration: it is given bytes, the values of
//! headers and [`Limits`]. Whatever a body holds, what is kept of it is bounded.
//!
//! ```
//! use std::borrow::Cow;
//!
//! use bodies::json::{self, EditId, Path, Paths, Texts, Verb};
//! use bodies::{Limits, spliced};
//!
//! struct Name(&'static str);
//!
//! impl<'t> Texts<'t> for Name {
//!     fn text(&mut self, _edit: EditId, _value: Option<&[u8]>) -> Option<Cow<'t, str>> {
//!         Some(Cow::Owned(json::quoted(self.0)))
//!     }
//! }
//!
//! let paths = Paths::new(vec![(Path::parse("$.model")?, Verb::Set)])?;
//! let document = br#"{ "model": "fast",  "n": 1.0 }"#;
//! let plan = json::plan(document, &paths, &mut Name("gpt-4o"), &Limits::default())?;
//! assert_eq!(spliced(document, &plan.splices), br#"{ "model": "gpt-4o",  "n": 1.0 }"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod beginning;
pub mod coding;
pub mod content;
pub mod documents;
pub mod events;
pub mod eventstream;
mod field;
pub mod form;
mod held;
pub mod json;
mod limits;
pub mod lines;
pub mod multipart;
#[cfg(test)]
mod pieces;
mod splice;

pub use beginning::{Beginning, begins_as_json};
pub use field::{FieldId, Finding, Found};
pub use held::Passing;
pub use limits::{
    DEFLATE_RATIO, JSON_DEPTH, JSON_POINTERS, Limits, PART_HEADER_BYTES, PLACES, ZSTD_WINDOW_BYTES,
};
pub use splice::{Change, Plan, Splice, Splices, spliced};

/// Whether a byte is white space in JSON.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The byte order mark that may begin a text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
