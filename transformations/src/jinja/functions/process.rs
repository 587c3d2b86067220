//! Functions that read the process.

use minijinja::Environment;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("env", |name: &str| std::env::var(name).unwrap_or_default());
}
