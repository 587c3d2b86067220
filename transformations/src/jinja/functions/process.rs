//! Functions that read the process.

use std::sync::Arc;

use minijinja::Environment;

use crate::engine::Settings;
use crate::jinja::memory;

pub(super) fn register(environment: &mut Environment<'static>, settings: &Arc<Settings>) {
    let settings = Arc::clone(settings);
    environment.add_function("env", move |name: &str| {
        // A variable that may not be read is as one that is not set.
        let value = settings.readable(name).then(|| std::env::var(name).ok());
        memory::made(value.flatten().unwrap_or_default())
    });
}
