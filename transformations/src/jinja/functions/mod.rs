//! The functions templates can call, one file per family.

mod encoding;
mod message;
mod process;
mod text;

use std::sync::Arc;

use minijinja::Environment;

use crate::engine::Settings;

/// Adds every function to `environment`.
pub(super) fn register(environment: &mut Environment<'static>, settings: &Arc<Settings>) {
    message::register(environment);
    text::register(environment);
    encoding::register(environment);
    process::register(environment, settings);
}
