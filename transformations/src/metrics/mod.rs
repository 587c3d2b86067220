//! What the module counts and measures: every metric, the labels that a configuration gives them, and
//! which of their values have time series of their own.

mod definition;
pub(crate) mod meters;
mod page;
mod series;

pub use definition::{Definition, Kind, Metric, RequestOutcome, TokenType};
pub(crate) use meters::compile;
pub use meters::{Meters, in_route};
pub use page::page;
pub(crate) use series::AllSeries;
