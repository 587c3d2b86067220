//! The functions templates can call, one file per family.

mod encoding;
mod message;
mod process;
mod text;

use minijinja::Environment;

/// Adds every function to `environment`.
pub(super) fn register(environment: &mut Environment<'static>) {
    message::register(environment);
    text::register(environment);
    encoding::register(environment);
    process::register(environment);
}
