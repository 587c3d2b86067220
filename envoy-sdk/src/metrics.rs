//! Ids of metrics and what can go wrong with them.

use std::fmt;

/// Why a metric could not be defined or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsError {
    /// Envoy knows no such metric: the id belongs to another filter configuration.
    NotFound,
    /// The number of label values is not the number of label names.
    InvalidLabels,
    /// Metrics can be defined only while a filter configuration is created.
    Frozen,
    /// The stream is gone, or this release of Envoy changes metrics from a stream only.
    Unavailable,
    /// A result code that this crate does not know.
    Unknown(u32),
}

impl MetricsError {
    /// Envoy's result codes.
    pub(crate) fn check(raw: u32) -> Result<(), Self> {
        match raw {
            0 => Ok(()),
            1 => Err(Self::NotFound),
            2 => Err(Self::InvalidLabels),
            3 => Err(Self::Frozen),
            other => Err(Self::Unknown(other)),
        }
    }
}

impl fmt::Display for MetricsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => formatter.write_str(
                "metric not found: use an id only with the filter configuration that defined it",
            ),
            Self::InvalidLabels => {
                formatter.write_str("wrong number of metric labels: give one value per label name")
            }
            Self::Frozen => formatter.write_str(
                "metrics are frozen: define them while the filter configuration is created",
            ),
            Self::Unavailable => formatter.write_str(
                "metric unavailable: the stream is gone, or there is none and Envoy is before 1.39",
            ),
            Self::Unknown(code) => write!(formatter, "metric refused with unknown code {code}"),
        }
    }
}

impl std::error::Error for MetricsError {}

/// Declares the id of one kind of metric.
macro_rules! metric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub(crate) MetricId);
    };
}

/// Which metric, and how many labels it has: Envoy numbers metrics with and without labels apart,
/// so a wrong number of labels would change another metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MetricId {
    pub(crate) id: usize,
    pub(crate) labels: usize,
}

metric_id! {
    /// A counter of one filter configuration.
    CounterId
}
metric_id! {
    /// A gauge of one filter configuration.
    GaugeId
}
metric_id! {
    /// A histogram of one filter configuration.
    HistogramId
}
