//! Definitions of metrics, and the gauges that a configuration sets.

use super::{ConfigCallbacks, Generation};
use crate::abi::RawModuleBuffer;

/// The kinds of metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl ConfigCallbacks {
    /// Defines a metric; Envoy's result code and the id.
    pub(crate) fn define_metric(
        self,
        kind: MetricKind,
        name: &str,
        labels: &[&str],
    ) -> (u32, usize) {
        let name = RawModuleBuffer::new(name.as_bytes());
        let labels: Vec<_> = labels
            .iter()
            .map(|label| RawModuleBuffer::new(label.as_bytes()))
            .collect();
        let mut id = 0;
        let result = match &self.callbacks.generation {
            Generation::V1_36(table) if labels.is_empty() => {
                let define = match kind {
                    MetricKind::Counter => table.http_filter_config_define_counter,
                    MetricKind::Gauge => table.http_filter_config_define_gauge,
                    MetricKind::Histogram => table.http_filter_config_define_histogram,
                };
                // SAFETY: the configuration is live; the name and the id outlive the call.
                unsafe { define(self.config, name.ptr, name.length, &mut id) }
            }
            Generation::V1_36(table) => {
                let define = match kind {
                    MetricKind::Counter => table.http_filter_config_define_counter_vec,
                    MetricKind::Gauge => table.http_filter_config_define_gauge_vec,
                    MetricKind::Histogram => table.http_filter_config_define_histogram_vec,
                };
                // SAFETY: the configuration is live; name, labels and id outlive the call.
                unsafe {
                    define(
                        self.config,
                        name.ptr,
                        name.length,
                        labels.as_ptr(),
                        labels.len(),
                        &mut id,
                    )
                }
            }
            Generation::V1_37(table) => {
                let define = match kind {
                    MetricKind::Counter => table.http_filter_config_define_counter,
                    MetricKind::Gauge => table.http_filter_config_define_gauge,
                    MetricKind::Histogram => table.http_filter_config_define_histogram,
                };
                let first = if labels.is_empty() {
                    std::ptr::null()
                } else {
                    labels.as_ptr()
                };
                // SAFETY: the configuration is live; name, labels and id outlive the call.
                unsafe { define(self.config, name, first, labels.len(), &mut id) }
            }
        };
        (result, id)
    }

    /// Sets the gauge `id`; Envoy's result code. `None` before 1.39, which does so from a stream only.
    pub(crate) fn set_gauge(self, id: usize, labels: &[&str], value: u64) -> Option<u32> {
        let Generation::V1_37(table) = &self.callbacks.generation else {
            return None;
        };
        let set = table.http_filter_config_set_gauge?;
        let labels: Vec<_> = labels
            .iter()
            .map(|label| RawModuleBuffer::new(label.as_bytes()))
            .collect();
        let first = if labels.is_empty() {
            std::ptr::null()
        } else {
            labels.as_ptr()
        };
        // SAFETY: the configuration is live; Envoy copies the labels.
        Some(unsafe { set(self.config, id, first, labels.len(), value) })
    }
}
