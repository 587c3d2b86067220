//! The SDK against the fake host, in every release. Under Miri too: `cargo +nightly miri test`.

mod body;
mod deferral;
mod headers;
mod lifetime;
mod metrics;
mod panics;
mod program;
mod script;
mod stream;
