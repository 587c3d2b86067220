//! Passes over JSON text 64 bytes at a time: strings, checked or not, and whole arrays and objects.
//!
//! A block of 64 bytes becomes bit masks, bit `i` for byte `i`: the quotes, the backslashes, the
//! brackets. Which of them count follows by arithmetic on the masks, so that escapes and short
//! strings cost no branches. The masks are made by AVX-512, AVX2 or NEON, whichever the processor
//! has, or by plain arithmetic; which, is found out once.
//!
//! Text may be cut anywhere: what has to be known of the text so far is in an [`Escape`] or a
//! [`Nesting`].
//!
//! ```
//! use json_blocks::{Escape, text_end};
//!
//! let mut escape = Escape::default();
//! assert_eq!(text_end(br#"so he said \"#, &mut escape), None);
//! assert_eq!(text_end(br#""no\"", "more""#, &mut escape), Some(5));
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod block;
mod escape;
mod instructions;
mod nesting;
mod text;
mod texts;
mod word;

pub use escape::{Escape, InvalidText};
pub use nesting::{Fault, Nesting};
pub use text::{checked_text_end, text_end};
pub use texts::Texts;
pub use word::{plain, short_text};
