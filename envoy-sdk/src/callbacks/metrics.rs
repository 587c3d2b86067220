//! Changes of metrics.

use super::{FilterCallbacks, Generation, v1_37};
use crate::abi::RawModuleBuffer;

/// What happens to a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MetricChange {
    IncrementCounter,
    IncrementGauge,
    DecrementGauge,
    SetGauge,
    RecordHistogramValue,
}

impl FilterCallbacks {
    /// Applies `change` to the metric `id`; Envoy's result code.
    pub(crate) fn change_metric(
        self,
        change: MetricChange,
        id: usize,
        labels: &[&str],
        value: u64,
    ) -> u32 {
        if labels.is_empty() {
            return self.change_unlabelled(change, id, value);
        }
        let labels: Vec<_> = labels
            .iter()
            .map(|label| RawModuleBuffer::new(label.as_bytes()))
            .collect();
        let callback = match &self.callbacks.generation {
            Generation::V1_36(table) => match change {
                MetricChange::IncrementCounter => table.http_filter_increment_counter_vec,
                MetricChange::IncrementGauge => table.http_filter_increase_gauge_vec,
                MetricChange::DecrementGauge => table.http_filter_decrease_gauge_vec,
                MetricChange::SetGauge => table.http_filter_set_gauge_vec,
                MetricChange::RecordHistogramValue => table.http_filter_record_histogram_value_vec,
            },
            Generation::V1_37(table) => table.change(change),
        };
        // SAFETY: the filter is live; Envoy copies the labels.
        unsafe { callback(self.filter, id, labels.as_ptr(), labels.len(), value) }
    }

    fn change_unlabelled(self, change: MetricChange, id: usize, value: u64) -> u32 {
        match &self.callbacks.generation {
            Generation::V1_36(table) => {
                let callback = match change {
                    MetricChange::IncrementCounter => table.http_filter_increment_counter,
                    MetricChange::IncrementGauge => table.http_filter_increase_gauge,
                    MetricChange::DecrementGauge => table.http_filter_decrease_gauge,
                    MetricChange::SetGauge => table.http_filter_set_gauge,
                    MetricChange::RecordHistogramValue => table.http_filter_record_histogram_value,
                };
                // SAFETY: the filter is live.
                unsafe { callback(self.filter, id, value) }
            }
            Generation::V1_37(table) => {
                let callback = table.change(change);
                // SAFETY: the filter is live; there are no labels to read.
                unsafe { callback(self.filter, id, std::ptr::null(), 0, value) }
            }
        }
    }
}

impl v1_37::Table {
    fn change(&self, change: MetricChange) -> v1_37::ChangeMetric {
        match change {
            MetricChange::IncrementCounter => self.http_filter_increment_counter,
            MetricChange::IncrementGauge => self.http_filter_increment_gauge,
            MetricChange::DecrementGauge => self.http_filter_decrement_gauge,
            MetricChange::SetGauge => self.http_filter_set_gauge,
            MetricChange::RecordHistogramValue => self.http_filter_record_histogram_value,
        }
    }
}
