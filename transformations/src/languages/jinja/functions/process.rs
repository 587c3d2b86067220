//! Functions that read the process.

use std::sync::Arc;

use minijinja::Environment;

use crate::languages::function::Function;
use crate::languages::jinja::{memory, reading};
use crate::settings::Settings;

/// What they are called, and what they do.
pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "env",
    signature: "env(\"NAME\")",
    about: "An environment variable; empty when it is not set, or may not be read.",
    examples: &[("[{{ env(\"RUSTFORMATIONS_NONE\") }}]", "[]")],
}];

pub(super) fn register(environment: &mut Environment<'static>, settings: &Arc<Settings>) {
    let settings = Arc::clone(settings);
    environment.add_function("env", move |name: &str| {
        reading::text(name)?;
        // A variable that may not be read is as one that is not set.
        let value = settings.readable(name).then(|| std::env::var(name).ok());
        memory::made(value.flatten().unwrap_or_default())
    });
}
