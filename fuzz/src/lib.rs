//! What the fuzz targets share: bodies in pieces, programs, documents as trees, and text out of an input.

#![forbid(unsafe_code)]

pub mod blocks;
pub mod edits;
pub mod expression;
pub mod instance;
pub mod pieces;
pub mod program;
pub mod text;
pub mod tree;
