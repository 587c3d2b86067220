//! What the engine and `http-acl` share: a configuration is read, everything that is wrong with it is
//! reported at once, and names and values of headers are those that HTTP carries.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod code;
mod diagnostic;
pub mod header;
mod known;
mod plain;
mod positional;
mod read;
#[cfg(test)]
mod tests;
mod whole;

pub use code::{Code, Explanation};
pub use diagnostic::{ConfigErrors, Diagnostic, Position, Severity, closest};
pub use read::{Advice, Draft, MOST as DIAGNOSTICS, read};
pub use whole::{whole, whole_if_any};
