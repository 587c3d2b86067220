//! Programs of configurations that are right.

use std::sync::Arc;

use transformations::Program;

/// The program of a configuration.
///
/// # Panics
///
/// The configuration is wrong.
pub fn program(config: &str) -> Arc<Program> {
    match Program::load(config.as_bytes()) {
        Ok(loaded) => Arc::new(loaded.program),
        Err(errors) => panic!("{errors}\n{config}"),
    }
}
