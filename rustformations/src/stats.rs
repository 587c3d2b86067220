//! What operators see: metrics, dynamic metadata of failures, a debug log.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilter, EnvoyHttpFilterConfig, EnvoyMetrics, GaugeId, HistogramId,
    MetricsError, envoy_log_debug, envoy_log_warn,
};
use transformations::metrics::{Definition, Kind, Meters, Metric};
use transformations::{Failure, Reason};

/// Namespace of the module's own dynamic metadata.
const NAMESPACE: &str = "rustformations";

/// The metrics of one filter configuration.
pub(crate) struct Stats {
    defined: Vec<(Metric, Id)>,
    /// Whether the gauge that names the version was set.
    introduced: AtomicBool,
}

/// Envoy's id of a metric.
#[derive(Clone, Copy)]
enum Id {
    Counter(CounterId),
    Gauge(GaugeId),
    Histogram(HistogramId),
}

impl Stats {
    /// Defines the metrics: those that are always there, and with `meters` those of requests. A host that
    /// refuses one loses it, and the log says so.
    pub(crate) fn define(
        envoy: &mut EnvoyHttpFilterConfig,
        filter: &str,
        meters: Option<&Meters>,
    ) -> Self {
        let mut defined = Vec::new();
        for metric in Metric::ALL {
            let definition = metric.definition();
            let given = match (definition.configured, meters) {
                (true, None) => continue,
                (true, Some(meters)) => meters.label_names(),
                (false, _) => &[],
            };
            let given = given.iter().map(String::as_str);
            let labels: Vec<&str> = given.chain(definition.labels.iter().copied()).collect();
            match define(envoy, &definition, &labels) {
                Ok(id) => defined.push((metric, id)),
                Err(error) => {
                    let name = definition.name;
                    envoy_log_warn!("{filter}: {name} is not recorded: {error}");
                }
            }
        }
        let stats = Self {
            defined,
            introduced: AtomicBool::new(false),
        };
        if let Some(Id::Gauge(info)) = stats.id(Metric::Info) {
            let set = envoy.set_gauge(info, &[env!("CARGO_PKG_VERSION")], 1);
            stats.introduced.store(set.is_ok(), Ordering::Relaxed);
        }
        stats
    }

    /// Sets the gauge that names the version, where a configuration could not.
    pub(crate) fn introduce(&self, envoy: &EnvoyMetrics) {
        if !self.introduced.load(Ordering::Relaxed)
            && !self.introduced.swap(true, Ordering::Relaxed)
        {
            self.record(envoy, Metric::Info, &[env!("CARGO_PKG_VERSION")], 1);
        }
    }

    /// Records a value of a metric; one label value per label name.
    pub(crate) fn record(&self, envoy: &EnvoyMetrics, metric: Metric, labels: &[&str], value: u64) {
        let recorded = match self.id(metric) {
            None => Ok(()), // the log says why
            Some(Id::Counter(id)) => envoy.increment_counter(id, labels, value),
            Some(Id::Gauge(id)) => envoy.set_gauge(id, labels, value),
            Some(Id::Histogram(id)) => envoy.record_histogram_value(id, labels, value),
        };
        if let Err(error) = recorded {
            envoy_log_debug!("{} is not recorded: {error}", metric.definition().name);
        }
    }

    /// Makes the failures of one pass known; the first is the one the access log gets.
    pub(crate) fn report(&self, envoy: &mut EnvoyHttpFilter, failures: &[Failure]) {
        for failure in failures {
            self.record(envoy, Metric::Failures, &[failure.reason.as_str()], 1);
            envoy_log_debug!("{failure}");
        }
        if let Some(first) = failures.first() {
            mark(envoy, first.reason);
        }
    }

    /// Makes a panic known, which has no place in a configuration.
    pub(crate) fn panicked(&self, envoy: &mut EnvoyMetrics) {
        self.record(envoy, Metric::Failures, &[Reason::Panic.as_str()], 1);
        if let Some(envoy) = envoy.as_attached() {
            mark(envoy, Reason::Panic);
        }
    }

    fn id(&self, metric: Metric) -> Option<Id> {
        let found = self.defined.iter().find(|(other, _)| *other == metric);
        found.map(|(_, id)| *id)
    }
}

fn define(
    envoy: &mut EnvoyHttpFilterConfig,
    definition: &Definition,
    labels: &[&str],
) -> Result<Id, MetricsError> {
    let name = definition.name;
    match definition.kind {
        Kind::Counter => envoy.define_counter(name, labels).map(Id::Counter),
        Kind::Gauge => envoy.define_gauge(name, labels).map(Id::Gauge),
        Kind::Histogram => envoy.define_histogram(name, labels).map(Id::Histogram),
    }
}

fn mark(envoy: &mut EnvoyHttpFilter, reason: Reason) {
    envoy.set_dynamic_metadata_string(NAMESPACE, "failure", reason.as_str());
}

/// The time since the process first asked.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
