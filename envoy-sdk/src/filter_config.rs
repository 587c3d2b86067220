//! The handle lent to a module while Envoy creates a filter configuration.

use crate::callbacks::ConfigCallbacks;
use crate::callbacks::config::MetricKind;
use crate::host::Host;
use crate::metrics::{CounterId, GaugeId, HistogramId, MetricId, MetricsError};

/// Envoy's side of a filter configuration, while it is created.
#[derive(Debug)]
pub struct EnvoyHttpFilterConfig {
    callbacks: ConfigCallbacks,
    host: Host,
}

impl EnvoyHttpFilterConfig {
    pub(crate) fn new(callbacks: ConfigCallbacks, host: Host) -> Self {
        Self { callbacks, host }
    }

    /// The Envoy that loaded the module.
    pub fn host(&self) -> Host {
        self.host
    }

    /// Defines a counter; with label names, every change names a value for each.
    ///
    /// # Errors
    /// When Envoy refuses.
    pub fn define_counter(
        &mut self,
        name: &str,
        label_names: &[&str],
    ) -> Result<CounterId, MetricsError> {
        self.define(MetricKind::Counter, name, label_names)
            .map(CounterId)
    }

    /// Defines a gauge; with label names, every change names a value for each.
    ///
    /// # Errors
    /// When Envoy refuses.
    pub fn define_gauge(
        &mut self,
        name: &str,
        label_names: &[&str],
    ) -> Result<GaugeId, MetricsError> {
        self.define(MetricKind::Gauge, name, label_names)
            .map(GaugeId)
    }

    /// Defines a histogram; with label names, every value names a value for each.
    ///
    /// # Errors
    /// When Envoy refuses.
    pub fn define_histogram(
        &mut self,
        name: &str,
        label_names: &[&str],
    ) -> Result<HistogramId, MetricsError> {
        self.define(MetricKind::Histogram, name, label_names)
            .map(HistogramId)
    }

    /// Sets a gauge; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or it is one before 1.39: there only a stream can.
    pub fn set_gauge(
        &mut self,
        id: GaugeId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        if labels.len() != id.0.labels {
            return Err(MetricsError::InvalidLabels);
        }
        let result = self.callbacks.set_gauge(id.0.id, labels, value);
        MetricsError::check(result.ok_or(MetricsError::Unavailable)?)
    }

    fn define(
        &mut self,
        kind: MetricKind,
        name: &str,
        label_names: &[&str],
    ) -> Result<MetricId, MetricsError> {
        let (result, id) = self.callbacks.define_metric(kind, name, label_names);
        MetricsError::check(result)?;
        Ok(MetricId {
            id,
            labels: label_names.len(),
        })
    }
}
