//! The SDK against the fake host, in every release. Under Miri too: `cargo +nightly miri test`.

// Clippy's leave for tests covers test functions only, not what they call.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod body;
mod deferral;
mod handles;
mod headers;
mod last_frame;
mod lifetime;
mod metrics;
mod migration;
mod panics;
mod program;
mod script;
mod stream;
