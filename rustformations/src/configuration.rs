//! Configurations of listeners and routes: compiled, or refused with every reason in the log.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Once};

use envoy_proxy_dynamic_modules_rust_sdk::{
    EnvoyHttpFilter, EnvoyMetrics, Host, HttpFilter, HttpFilterConfig, LogLevel, RouteConfigError,
    envoy_log, envoy_log_error, envoy_log_warn,
};
use transformations::metrics;
use transformations::{
    Code, ConfigErrors, Diagnostic, Engine, Program, Settings, Severity, SharedProgram,
};

use crate::Constructors;
use crate::filter::Filter;
use crate::protobuf_struct;
use crate::stats::Stats;
use crate::stream::Stream;

/// Of the filter `rustformation`.
pub(crate) const CONSTRUCTORS: Constructors = Constructors {
    listener: |envoy, name, config| {
        let shared = load(name, "", config)?;
        let program = shared
            .program()
            .map(|program| (Arc::clone(program), Vec::new()));
        let program = compiled(name, "", program.map_err(Clone::clone))?;
        let stats = Arc::new(Stats::define(envoy, name, program.meters().map(|m| &**m)));
        static LISTENERS: AtomicU64 = AtomicU64::new(0);
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(Listener {
            _shared: shared,
            program,
            number,
            stats,
        }))
    },
    route: |name, config| {
        let program = load(name, " (per route)", config)?;
        if program.has_metrics() {
            let error = ConfigErrors(vec![metrics::in_route()]);
            return compiled(name, " (per route)", Err(error));
        }
        Some(Box::new(Route { program }))
    },
};

/// The variable that holds `metrics` for listeners whose configuration has none.
const METRICS: &str = "RUSTFORMATIONS_METRICS";

/// What all configurations of the process share. A control plane whose schema has no room for the
/// settings passes them as environment variables of the Envoy container.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    // Not UTF-8 is not absent: without its list, `env()` would read everything.
    let list = |name| std::env::var_os(name).map(|list| list.to_string_lossy().into_owned());
    let mut settings = Settings::from_lists(
        list("RUSTFORMATIONS_ROUTING_HEADERS").as_deref(),
        list("RUSTFORMATIONS_ENV_ALLOW").as_deref(),
    );
    settings.lacks_booleans = Host::current().is_some_and(|host| host < Host::V1_37_1);
    settings.lacks_cluster_name = Host::current().is_some_and(|host| host < Host::V1_38);
    for name in settings.misnamed_headers() {
        envoy_log_warn!(
            "RUSTFORMATIONS_ROUTING_HEADERS: {}: `{name}` is not a header name and does nothing; \
             put commas between names",
            Code::HeaderName
        );
    }
    let mut engine = Engine::new(settings);
    if let Some(metrics) = std::env::var_os(METRICS).filter(|metrics| !metrics.is_empty()) {
        let measured = engine.measure(metrics.as_encoded_bytes());
        // Without it the configurations work as before: they are not refused for it.
        let diagnostics = measured.unwrap_or_else(|errors| errors.0);
        log(METRICS, "", &diagnostics, LogLevel::Error);
    }
    Arc::new(engine)
});

/// The configuration of a listener's filter.
struct Listener {
    /// Held, so that a route with the same text has the same program: its pass is not run again.
    _shared: Arc<SharedProgram>,
    program: Arc<Program>,
    /// Its own among all of the process.
    number: u64,
    stats: Arc<Stats>,
}

/// The configuration of a route, which replaces the listener's as a whole.
pub(crate) struct Route {
    /// Envoy may make the configuration of one route more than once, and many routes may have the
    /// same.
    pub(crate) program: Arc<SharedProgram>,
}

impl HttpFilterConfig for Listener {
    fn new_http_filter(&self, envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        self.stats.introduce(envoy);
        Box::new(Filter::new(Stream::new(
            Arc::clone(&self.program),
            self.number,
            Arc::clone(&self.stats),
            envoy.buffer_limit(),
        )))
    }

    fn on_panic(&self, envoy: &mut EnvoyMetrics, _hook: &'static str) {
        self.stats.panicked(envoy);
    }
}

fn load(name: &str, place: &str, config: &[u8]) -> Option<Arc<SharedProgram>> {
    compiled(name, place, ENGINE.share(&protobuf_struct::json(config)))
}

/// What a filter's configuration was compiled to; what is wrong with it goes to the log.
pub(crate) fn compiled<T>(
    name: &str,
    place: &str,
    loaded: Result<(T, Vec<Diagnostic>), ConfigErrors>,
) -> Option<T> {
    let (compiled, diagnostics) = match loaded {
        Ok((compiled, warnings)) => (Some(compiled), warnings),
        Err(errors) => (None, errors.0),
    };
    // kgateway validates with `-l critical`, and shows what is logged there as the status of the policy.
    log(name, place, &diagnostics, LogLevel::Critical);
    compiled
}

/// Logs each at the level of its severity, and errors at this one.
fn log(name: &str, place: &str, diagnostics: &[Diagnostic], errors: LogLevel) {
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => errors,
            Severity::Warning => LogLevel::Warn,
            Severity::Note => LogLevel::Info,
        };
        envoy_log!(level, "{name}{place}: {}: {diagnostic}", diagnostic.code);
    }
}

/// The configuration of the stream's route, if it has one.
///
/// # Errors
/// When another module or another filter made it: the route's rules are not known, so the request
/// must not go on.
pub(crate) fn route_config<T: Any + Send + Sync>(
    envoy: &EnvoyHttpFilter,
) -> Result<Option<Arc<T>>, RouteConfigError> {
    envoy.most_specific_route_config().inspect_err(|error| {
        // Once: every request of the route comes by here.
        static LOGGED: Once = Once::new();
        LOGGED.call_once(|| {
            envoy_log_error!(
                "requests are answered 500: {error}; set the route's dynamic_module_config to the \
                 listener's, and filter_name (before 1.38 per_route_config_name) to this filter's"
            );
        });
    })
}
