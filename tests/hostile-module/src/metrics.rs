//! What works without a stream: metrics, and panics.

use std::panic::panic_any;

use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilterConfig, EnvoyMetrics, GaugeId, HistogramId, MetricsError,
};

/// Metrics as one configuration defines them, some of them odd.
pub(crate) struct Metrics {
    /// Which words ran in which hooks: what the scenarios read to know that all did.
    words: CounterId,
    counters: Vec<CounterId>,
    gauges: Vec<GaugeId>,
    histograms: Vec<HistogramId>,
}

impl Metrics {
    pub(crate) fn define(envoy: &mut EnvoyHttpFilterConfig) -> Result<Self, MetricsError> {
        let words = envoy.define_counter("hostile_words", &["hook", "word"])?;
        let names: [&str; 6] = [
            "hostile_odd",
            "",
            "a b\nc",
            "hostile_odd",
            "\u{e9}",
            "x.y..z.",
        ];
        let labels: [&[&str]; 4] = [&[], &["one"], &["one", "one"], &["", "\n", "\u{e9}"]];
        let mut metrics = Self {
            words,
            counters: Vec::new(),
            gauges: Vec::new(),
            histograms: Vec::new(),
        };
        for name in names {
            for labels in labels {
                metrics.counters.extend(envoy.define_counter(name, labels));
                metrics.gauges.extend(envoy.define_gauge(name, labels));
                metrics
                    .histograms
                    .extend(envoy.define_histogram(name, labels));
            }
        }
        Ok(metrics)
    }

    pub(crate) fn count(&self, envoy: &EnvoyMetrics, hook: &str, word: &str) {
        // A stream that is gone counts nothing.
        let _counted = envoy.increment_counter(self.words, &[hook, word], 1);
    }

    /// Every change of every metric, with as many label values as it wants, and more and fewer.
    fn change(&self, envoy: &EnvoyMetrics) {
        let labels: [&[&str]; 5] = [
            &[],
            &["\n"],
            &["", "\u{e9}"],
            &["a", "b", "c"],
            &["a", "b", "c", "d"],
        ];
        for labels in labels {
            for &counter in &self.counters {
                for value in [0, 1, u64::MAX] {
                    let _odd = envoy.increment_counter(counter, labels, value);
                }
            }
            for &gauge in &self.gauges {
                for value in [0, 1, u64::MAX] {
                    let _odd = envoy.set_gauge(gauge, labels, value);
                    let _odd = envoy.increment_gauge(gauge, labels, value);
                    let _odd = envoy.decrement_gauge(gauge, labels, value);
                }
            }
            for &histogram in &self.histograms {
                for value in [0, 1, u64::MAX] {
                    let _odd = envoy.record_histogram_value(histogram, labels, value);
                }
            }
        }
    }
}

/// A call that works without a stream; false when `word` is none.
pub(crate) fn perform(metrics: &Metrics, envoy: &EnvoyMetrics, word: &str) -> bool {
    match word {
        "metrics" => metrics.change(envoy),
        "foreign_metrics" => foreign(metrics, envoy),
        "panic" => panic(),
        "panic_twice" => panic_twice(),
        _ => return false,
    }
    true
}

/// Ids of another configuration.
fn foreign(own: &Metrics, envoy: &EnvoyMetrics) {
    thread_local! {
        static LAST: std::cell::RefCell<Vec<CounterId>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let foreign = LAST.replace(own.counters.clone());
    for counter in foreign {
        for labels in [&[][..], &["one"], &["one", "two"]] {
            let _odd = envoy.increment_counter(counter, labels, 1);
        }
    }
}

#[allow(clippy::panic)] // what this module is for
pub(crate) fn panic() {
    panic!("on purpose");
}

#[allow(clippy::panic)] // what this module is for
fn panic_twice() {
    panic_any(PanicsWhenDropped);
}

/// What a panic carries whose end panics too.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic();
    }
}
