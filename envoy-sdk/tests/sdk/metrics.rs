//! Metrics, with and without labels, in both ways of calling.

use std::any::Any;
use std::cell::{Cell, RefCell};

use envoy_fake_host::{FakeHost, Generation, Module};
use envoy_proxy_dynamic_modules_rust_sdk::{
    CounterId, EnvoyHttpFilterConfig, EnvoyMetrics, EnvoyRequest, GaugeId, HistogramId, HttpFilter,
    HttpFilterConfig, MetricsError, RequestFlow, RequestHeadersStatus,
};

#[derive(Clone, Copy)]
struct Config {
    plain: CounterId,
    counter: CounterId,
    gauge: GaugeId,
    labelled_gauge: GaugeId,
    histogram: HistogramId,
    labelled_histogram: HistogramId,
    at_once: Result<(), MetricsError>,
}

thread_local! {
    static AT_ONCE: Cell<Option<Result<(), MetricsError>>> = const { Cell::new(None) };
    static ERRORS: RefCell<Vec<Result<(), MetricsError>>> = const { RefCell::new(Vec::new()) };
}

fn new_http_filter_config(
    envoy: &mut EnvoyHttpFilterConfig,
    _name: &str,
    _config: &[u8],
) -> Option<Box<dyn HttpFilterConfig>> {
    // Labelled and plain metrics get equal numbers from Envoy: they must not be mixed up.
    let early = envoy.define_gauge("early", &["version"]).ok()?;
    let at_once = envoy.set_gauge(early, &["1"], 3);
    assert_eq!(
        envoy.set_gauge(early, &[], 3),
        Err(MetricsError::InvalidLabels)
    );
    Some(Box::new(Config {
        at_once,
        counter: envoy.define_counter("counter", &["model", "kind"]).ok()?,
        plain: envoy.define_counter("plain", &[]).ok()?,
        gauge: envoy.define_gauge("gauge", &[]).ok()?,
        labelled_gauge: envoy.define_gauge("labelled_gauge", &["one"]).ok()?,
        histogram: envoy.define_histogram("histogram", &[]).ok()?,
        labelled_histogram: envoy
            .define_histogram("labelled_histogram", &["one"])
            .ok()?,
    }))
}

fn new_http_filter_per_route_config(_: &str, _: &[u8]) -> Option<Box<dyn Any + Send + Sync>> {
    None
}

impl HttpFilterConfig for Config {
    fn new_http_filter(&self, _envoy: &EnvoyMetrics) -> Box<dyn HttpFilter> {
        AT_ONCE.set(Some(self.at_once));
        Box::new(*self)
    }
}

impl HttpFilter for Config {
    fn on_request_headers(
        &self,
        envoy: &mut EnvoyRequest,
        _: bool,
    ) -> RequestFlow<RequestHeadersStatus> {
        let results = vec![
            envoy.increment_counter(self.plain, &[], 2),
            envoy.increment_counter(self.counter, &["gpt", "x"], 3),
            envoy.increment_counter(self.counter, &["gpt", "x"], 4),
            envoy.increment_counter(self.counter, &["gpt", ""], 5),
            envoy.set_gauge(self.gauge, &[], 10),
            envoy.increment_gauge(self.gauge, &[], 5),
            envoy.decrement_gauge(self.gauge, &[], 1),
            envoy.set_gauge(self.labelled_gauge, &["a"], 20),
            envoy.increment_gauge(self.labelled_gauge, &["a"], 5),
            envoy.decrement_gauge(self.labelled_gauge, &["a"], 1),
            envoy.record_histogram_value(self.histogram, &[], 7),
            envoy.record_histogram_value(self.labelled_histogram, &["a"], 8),
            envoy.record_histogram_value(self.labelled_histogram, &["a"], 9),
            // Wrong numbers of labels.
            envoy.increment_counter(self.plain, &["x"], 1),
            envoy.increment_counter(self.counter, &[], 1),
            envoy.increment_counter(self.counter, &["x"], 1),
            envoy.set_gauge(self.gauge, &["x"], 1),
            envoy.record_histogram_value(self.histogram, &["x"], 1),
        ];
        ERRORS.set(results);
        RequestHeadersStatus::Continue.into()
    }
}

const MODULE: Module = Module {
    init: || true,
    new_http_filter_config,
    new_http_filter_per_route_config,
};

#[test]
fn metrics_are_defined_and_changed() {
    for generation in Generation::ALL {
        let host = FakeHost::new(generation, MODULE);
        let config = host.filter_config("metrics", b"").expect("accepted");
        config.stream().request_headers(&[], true);
        assert_eq!(config.metric("plain", &[]), 2, "{generation:?}");
        assert_eq!(config.metric("counter", &["gpt", "x"]), 7);
        assert_eq!(config.metric("counter", &["gpt", ""]), 5);
        assert_eq!(config.metric("gauge", &[]), 14);
        assert_eq!(config.metric("labelled_gauge", &["a"]), 24);
        assert_eq!(config.histogram("histogram", &[]), [7]);
        assert_eq!(config.histogram("labelled_histogram", &["a"]), [8, 9]);
        let results = ERRORS.take();
        let (good, bad) = results.split_at(13);
        assert!(good.iter().all(Result::is_ok), "{generation:?}: {good:?}");
        let invalid = Err(MetricsError::InvalidLabels);
        assert_eq!(bad, [invalid; 5], "{generation:?}");
    }
}

#[test]
fn a_configuration_sets_a_gauge_from_1_39_on() {
    for generation in Generation::ALL {
        let host = FakeHost::new(generation, MODULE);
        let config = host.filter_config("metrics", b"").expect("accepted");
        let set = config.metric("early", &["1"]);
        config.stream().request_headers(&[], true);
        let result = AT_ONCE.take().unwrap();
        if generation >= Generation::V1_39 {
            assert_eq!((result, set), (Ok(()), 3), "{generation:?}");
        } else {
            assert_eq!(
                (result, set),
                (Err(MetricsError::Unavailable), 0),
                "{generation:?}"
            );
        }
    }
}

#[test]
fn errors_say_what_to_do() {
    for (error, fix) in [
        (MetricsError::NotFound, "only with the filter configuration"),
        (MetricsError::InvalidLabels, "one value per label name"),
        (
            MetricsError::Frozen,
            "while the filter configuration is created",
        ),
        (MetricsError::Unavailable, "the stream is gone"),
        (MetricsError::Unknown(9), "9"),
    ] {
        assert!(error.to_string().contains(fix), "{error}");
    }
}
