//! Metrics. These work from `new_http_filter` on.

use super::EnvoyMetrics;
use crate::callbacks::metrics::MetricChange;
use crate::metrics::{CounterId, GaugeId, HistogramId, MetricId, MetricsError};

impl EnvoyMetrics {
    /// Adds `value` to a counter; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or the stream is gone.
    pub fn increment_counter(
        &self,
        id: CounterId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        self.change(MetricChange::IncrementCounter, id.0, labels, value)
    }

    /// Adds `value` to a gauge; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or the stream is gone.
    pub fn increment_gauge(
        &self,
        id: GaugeId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        self.change(MetricChange::IncrementGauge, id.0, labels, value)
    }

    /// Subtracts `value` from a gauge; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or the stream is gone.
    pub fn decrement_gauge(
        &self,
        id: GaugeId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        self.change(MetricChange::DecrementGauge, id.0, labels, value)
    }

    /// Sets a gauge; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or the stream is gone.
    pub fn set_gauge(&self, id: GaugeId, labels: &[&str], value: u64) -> Result<(), MetricsError> {
        self.change(MetricChange::SetGauge, id.0, labels, value)
    }

    /// Records a value in a histogram; one label value per label name.
    ///
    /// # Errors
    /// When the labels do not fit, Envoy refuses, or the stream is gone.
    pub fn record_histogram_value(
        &self,
        id: HistogramId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        self.change(MetricChange::RecordHistogramValue, id.0, labels, value)
    }

    fn change(
        &self,
        change: MetricChange,
        metric: MetricId,
        labels: &[&str],
        value: u64,
    ) -> Result<(), MetricsError> {
        if labels.len() != metric.labels {
            return Err(MetricsError::InvalidLabels);
        }
        let result = self
            .instance
            .live()
            .map(|callbacks| callbacks.change_metric(change, metric.id, labels, value));
        MetricsError::check(result.ok_or(MetricsError::Unavailable)?)
    }
}
