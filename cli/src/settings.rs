//! The engine with the settings of a process, as the module takes them.

use transformations::{Engine, Settings};

/// The engine of a module in this environment: `docs/configuration.md` lists the variables.
pub(crate) fn of_environment() -> Engine {
    // Not UTF-8 is not absent, as in the module.
    let list = |name| std::env::var_os(name).map(|list| list.to_string_lossy().into_owned());
    let settings = Settings::from_lists(
        list("RUSTFORMATIONS_ROUTING_HEADERS").as_deref(),
        list("RUSTFORMATIONS_ENV_ALLOW").as_deref(),
    );
    let mut engine = Engine::new(settings);
    if let Some(metrics) = list("RUSTFORMATIONS_METRICS").filter(|metrics| !metrics.is_empty()) {
        // What is wrong with it is the module's to report: it is no part of a file.
        let _reported = engine.measure(metrics.as_bytes());
    }
    engine
}

/// The engine of a module that may read no variable: what a page plays may come from a stranger.
pub(crate) fn without_environment() -> Engine {
    Engine::new(Settings::from_lists(None, Some("")))
}
