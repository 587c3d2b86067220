//! What the engine's micro-benchmarks work on: chat completions, requests and answers.
//!
//! | command | what |
//! |---|---|
//! | `cargo bench -p rustformations-benches --bench finder` | one field out of a body, beside other parsers |
//! | `cargo bench -p rustformations-benches --bench documents` | token counts out of answers, whole and streamed |
//! | `cargo bench -p rustformations-benches --bench pass` | whole passes of the engine |
//! | `cargo bench -p rustformations-benches --bench instructions` | instructions per call, counted by valgrind |
//!
//! The module is built for every x86-64 and chooses its instructions at run time. Other parsers are
//! built for what the compiler is told: `RUSTFLAGS="-C target-cpu=native"` makes them comparable.

#![forbid(unsafe_code)]

pub mod answers;
mod chat;

pub use chat::{Body, Place, chat};
